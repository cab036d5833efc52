"""A text side for a pack of pictures: its pack, a pack of texts, and a folder of named classes.

The folder says what things of some names look like; the pack of texts, which other texts are near
to these names. Nothing is trained, and the pictures keep their vectors.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from holotype import report
from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.embedder import Embedder
from holotype.errors import DataError, PackError
from holotype.model import self_test
from holotype.pack import TEXT, TOKENIZER, Pack, add_scores, load_pack, require_new, write_pack
from holotype.packing import text_map
from holotype.packing.heads import with_head
from holotype.packing.held_out import require_classes, require_pictures
from holotype.packing.text_map import TextMap
from holotype.records import OnProgress
from holotype.stats.scoring import Floats, unit

MIN_CLASSES = 24
_SURE = 2.0  # standard errors over classes by which it must be better than chance
_MAX_DIFFERENCE = 1e-3  # single precision against double


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """A pack with a text side, and what that is worth on classes that had no part in it."""

    pack: Pack
    width: float  # of the votes
    ways: float  # classes left out at a time, named among one another: a fifth of them, on average
    accuracy: float  # by their texts alone, percent
    error: float  # standard error of that over classes, points
    chance: float  # percent
    one_example: float  # by one picture in place of a text, percent
    classes: int
    pictures: int
    seconds: float


def describe_pack(
    name_or_path: str | os.PathLike[str],
    background: str,
    out: Path,
    *,
    name: str,
    command: str,
    text_encoder: str | os.PathLike[str] = "texts",
    texts: Path | None = None,
    seed: int = 0,
    progress: OnProgress | None = None,
) -> Described:
    """Make a pack that takes descriptions, of one of pictures, one of texts, and named classes.

    Args:
        name_or_path: as for `load_pack`; of a model that takes pictures.
        background: what `load_dataset` takes, whose classes are named in words; 24 or more, of two
            pictures or more.
        out: the folder to make.
        name: of the new pack.
        command: that asked for it, for the card.
        text_encoder: as for `load_pack`; of a model that reads texts.
        texts: a file of more about the classes (`read_texts`).
        seed: how the classes are divided.
        progress: called with what is done, how much, and of how much.

    Raises:
        PackError: a pack is broken, takes something else or has a text side already; the new one
            cannot be written; or its texts would be no better than chance.
        DataError: the folder cannot be read, or has too few classes or pictures; a name is no
            word; or the file of texts is none.
        ImageError: a picture cannot be read.
        TextError: the model of texts knows no word of a name.
        MissingExtraError: what reads texts is not installed.
    """
    began = time.perf_counter()
    require_new(out)
    source, reader = load_pack(name_or_path), load_pack(text_encoder)
    require_pictures(source)
    if source.text is not None:
        raise PackError(f"the pack {source.card.name!r} has a text side already", "Use it as it is")
    if TOKENIZER not in reader.card.files:
        raise PackError(
            f"the pack {reader.card.name!r} reads no texts",
            "Name one that does, such as `texts`, with --text-encoder",
        )
    dataset = load_dataset(background)
    require_classes(
        dataset,
        MIN_CLASSES,
        classes_for="to learn what things of some names look like, and to be measured",
        two_for="to compare texts with one picture takes 2",
    )
    words = words_of(dataset.class_names, {} if texts is None else read_texts(texts))
    embedder = Embedder(reader)
    told = embed_words(embedder, [words[one] for one in dataset.class_names])
    vectors = report.embed_all(dataset, Embedder(source).embed, progress)
    right, shown = text_map.measured(told, vectors, dataset.class_index, seed)
    error = float(right.std(ddof=1)) / len(right) ** 0.5
    ways = len(right) / text_map.FOLDS
    if right.mean() <= 1 / ways + _SURE * error:
        raise PackError(
            f"texts say too little of these pictures: of {ways:g} classes left out, "
            f"{100 * right.mean():.0f} % of the pictures were named rightly by texts alone, and "
            f"{100 / ways:.0f} % are by chance",
            "Name the folders as people call what they show, describe the classes (--texts), or "
            "add more of them",
        )
    solved, _ = text_map.chosen(told, vectors, dataset.class_index, seed)
    found = {
        "width": solved.width,
        "ways": ways,
        "accuracy": 100 * float(right.mean()),
        "error": 100 * error,
        "chance": 100 / ways,
        "one_example": 100 * float(shown.mean()),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        training = {
            "command": command,
            "texts among pictures": f"votes of the {len(told)} classes of {dataset.name}, width "
            f"{solved.width:g}",
            "seed": seed,
        }
        text = _text_side(Path(folder), reader, solved, name, training)
        _check(embedder, Embedder(text), solved, dataset.class_names)
        made = Path(folder) / "pack"
        _write(made, source, text, name, training)
        add_scores(made, [*source.card.scores, _score(found, dataset)], source.card.promise)
        made.rename(out)
    return Described(
        pack=load_pack(out.resolve()),
        classes=len(told),
        pictures=len(dataset),
        seconds=time.perf_counter() - began,
        **found,
    )


def words_of(
    class_names: Sequence[str], more: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    """What each class is called and what else is said of it, by its name.

    Args:
        class_names: of folders: `_` and `-` part words.
        more: texts about some of them.

    Raises:
        DataError: a name has no letter, and no text is about it; or a text is about no class.
    """
    for other in more:
        if other not in class_names:
            raise DataError(
                f"a text is about {other!r}, and no class is called so",
                f"Name classes as the folder does, such as {class_names[0]!r}",
            )
    found = {}
    for name in class_names:
        said = " ".join(re.split(r"[\s_\-]+", name)).strip()
        spelled = (said,) if any(map(str.isalpha, said)) else ()
        found[name] = (*spelled, *more.get(name, ()))
        if not found[name]:
            raise DataError(
                f"the class {name!r} is called by no word, so nothing is known of what it is",
                "Name its folder as people call what it shows, or give a text of it (--texts)",
            )
    return found


def read_texts(path: Path) -> dict[str, tuple[str, ...]]:
    """What a JSON file says of classes: `{"okapi": "a dark animal with striped legs"}`.

    A class has a text or a list of them.

    Raises:
        DataError: it cannot be read, or is no such file.
    """
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"'{path}' cannot be read as JSON ({error})", "Write it as UTF-8 JSON"
        ) from None
    texts = document.items() if isinstance(document, dict) else ()
    found = {name: (said,) if isinstance(said, str) else said for name, said in texts}
    if not found or not all(
        isinstance(said, tuple | list) and all(isinstance(one, str) for one in said)
        for said in found.values()
    ):
        raise DataError(
            f"'{path}' holds no texts of classes",
            'Write an object such as {"okapi": "a dark animal with striped legs"}',
        )
    return {name: tuple(said) for name, said in found.items()}


def embed_words(embedder: Embedder, words: Sequence[Sequence[str]]) -> Floats:
    """The mean of what is said of each of C classes: float32 unit [C, T].

    Raises:
        TextError: the model knows no word of one.
    """
    rows = np.repeat(np.arange(len(words)), [len(said) for said in words])
    total = np.zeros((len(words), embedder.embedding_dim))
    np.add.at(total, rows, embedder.embed([text for said in words for text in said]))
    return unit(total)


def _text_side(
    folder: Path, reader: Pack, solved: TextMap, name: str, training: Mapping[str, Any]
) -> Pack:
    nobody = np.empty((0, solved.shape[1]), np.float32)
    facts: dict[str, Any] = {
        "name": name,
        "model": with_head(reader.model(), solved),
        "preprocessing": reader.card.preprocessing,
        "embeddings": nobody,
        "class_index": np.empty(0, np.int64),
        "prototypes": nobody,
        "cohort": {"data": "none", "class_names": []},
        "background": {"data": "none", "class_names": [], "trained": False},
        "training": {
            **training,
            "made of": f"{reader.card.name}, model {reader.card.model_id}",
        },
        "license": reader.card.license,
        "encoder": reader.card.encoder,
        "tokenizer": reader.tokenizer(),
    }
    draft = Embedder(write_pack(folder / "draft", **facts))
    test = draft.embed_made_up(self_test.COUNT)
    return write_pack(folder / TEXT, **facts, self_test=test)


def _write(made: Path, source: Pack, text: Pack, name: str, training: Mapping[str, Any]) -> None:
    """The pack of pictures as it was, with the text side."""
    embeddings, index = source.cohort()
    card = source.card
    write_pack(
        made,
        name=name,
        model=source.model(),
        preprocessing=card.preprocessing,
        embeddings=embeddings.astype(np.float16),
        class_index=index,
        prototypes=source.background().astype(np.float16),
        cohort=card.cohort,
        background=card.background,
        training={
            **card.training,
            **{f"text side: {key}": value for key, value in training.items()},
            "text side: pictures of": f"{card.name}, model {card.model_id}",
        },
        license=card.license,
        encoder=card.encoder,
        self_test=source.self_test(),
        text=text,
    )


def _check(alone: Embedder, mapped: Embedder, solved: TextMap, names: Sequence[str]) -> None:
    """Whether the graph places texts where the map was solved to place them."""
    some = list(names[:8])
    off = self_test.difference(mapped.embed(some), solved(alone.embed(some)))
    if not off <= _MAX_DIFFERENCE:
        raise PackError(
            f"texts move by {off:.2g} when the map becomes a part of the graph; at most "
            f"{_MAX_DIFFERENCE:g} is allowed",
            "Take a model of texts whose weights are of higher precision",
        )


def _score(found: Mapping[str, Any], dataset: Dataset) -> dict[str, Any]:
    return {
        "protocol": "texts of classes left out",
        "n_way": round(found["ways"]),
        "k_shot": 0,
        "episodes": 1,
        "accuracy": round(found["accuracy"], 2),
        "ci95": round(1.96 * found["error"], 2),
        "data": dataset.name,
        "date": datetime.now(UTC).date().isoformat(),
    }
