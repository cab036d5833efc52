"""Any ONNX embedder and a folder of class folders -> a model pack that says what it is worth."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from holotype import report
from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.domains.declared import Notes
from holotype.domains.registry import domain_of
from holotype.domains.texts.reading import Read, embed_read
from holotype.embedder import Embedder
from holotype.errors import PackError
from holotype.image import prepare
from holotype.model import self_test
from holotype.model.graph import Graph, read_graph
from holotype.model.wiring import outside_files, with_weights_inside
from holotype.pack import (
    LIMIT_BYTES,
    TEXT,
    TOKENIZER,
    Pack,
    add_scores,
    load_pack,
    require_new,
    write_pack,
)
from holotype.packing.encoder import ANY, Chosen, Encoder, one_graph
from holotype.packing.held_out import divided, references
from holotype.packing.measured import Measured, measure, report_path
from holotype.packing.model_input import preprocessing_for
from holotype.packing.trial import asked, try_out
from holotype.packing.verify import MAX_BATCH_DIFFERENCE, check_batches
from holotype.preprocessing import Preprocessing
from holotype.records import OnProgress
from holotype.stats.scoring import Floats

# Of the classes of the folder. The cohort decides how small a rate can be promised.
SHARES = {"background": 0.25, "cohort": 0.5, "held out": 0.25}
MIN_CLASSES = 12  # so that three are held out, two to enroll and a stranger
_BATCH_SIZES = (1, 8, 5)


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """A pack, and what was measured of it on classes of the folder that it does not hold."""

    pack: Pack
    notes: Notes  # what was read of the network, and what was assumed
    measured: Measured | None  # None: no folder was given
    batch_difference: float  # largest, of a coordinate
    classes: dict[str, int]  # by part
    pictures: int
    seconds: float  # in all
    written: tuple[Path, ...]  # the report


def read_model(path: Path) -> tuple[bytes, Graph]:
    """Read a model's file, with its weights where they lie beside it, and check all of it.

    Raises:
        PackError: a file is missing, too large, truncated, or holds what is not allowed.
    """
    try:
        _check_size(path, path.stat().st_size)
        model = path.read_bytes()
        if outside_files(model):
            model = with_weights_inside(model, _Beside(path))
        return model, read_graph(model)
    except OSError as error:
        raise PackError(
            f"the model {str(path)!r} cannot be read ({error.strerror})", "Check the path"
        ) from error
    except ValueError as error:
        raise PackError(
            f"the model {str(path)!r}: {error}",
            "Export it as a plain network: one file, standard operators, no loops",
        ) from error


class _Beside:
    """Weights that lie in other files of a model's folder."""

    def __init__(self, model: Path) -> None:
        self._model, self._taken_bytes = model, 0

    def __call__(self, name: str, offset: int, length: int | None) -> bytes:
        path = self._model.parent / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise PackError(
                f"the model {str(self._model)!r} names {name!r} as its weights, which lies "
                "elsewhere; only files of its own folder are read",
                "Export it anew, with its weights inside or beside it",
            )
        try:
            with open(path, "rb") as file:
                size = path.stat().st_size - offset if length is None else length
                self._taken_bytes += max(size, 0)
                _check_size(self._model, self._taken_bytes)
                file.seek(offset)
                content = file.read(size)
        except FileNotFoundError:
            raise PackError(
                f"the weights of the model {str(self._model)!r} lie in {name!r}, which is not "
                "beside it",
                "Copy that file into its folder",
            ) from None
        if len(content) != size:
            raise PackError(
                f"{name!r} beside the model {str(self._model)!r} ends too soon", "Copy it anew"
            )
        return content


def _check_size(path: Path, size_bytes: int) -> None:
    if size_bytes > LIMIT_BYTES["model.onnx"]:
        raise PackError(
            f"the model {str(path)!r} has {size_bytes:,} bytes; at most "
            f"{LIMIT_BYTES['model.onnx']:,} are read",
            "Use a smaller model, or store its weights in half precision",
        )


def build_pack(
    model: Path,
    background: str | None,
    out: Path,
    *,
    name: str,
    preprocess: Callable[[Graph], Preprocessing],
    license: str,
    command: str,
    chosen: Chosen = ANY,
    tokenizer: bytes | None = None,
    text: Encoder | None = None,
    notes: Notes | None = None,
    source: str = "",
    seed: int = 0,
    progress: OnProgress | None = None,
) -> Built:
    """Make a pack of a stranger's model, and measure it where there are pictures to do so.

    The classes of the folder are divided at random: a quarter shows what pictures look like here
    (familiarity), a half plays the strangers (the cohort), and a quarter is held out and measured.
    Whether the model itself learned from any of them is not known, and the card says so. The
    report is written beside the pack, as `NAME-report.html` and `.json`. Without a folder there is
    no cohort: whoever is enrolled sets the thresholds.

    Args:
        model: an ONNX file that takes pictures or tensors, and gives vectors, tokens or maps; what
            it needs around it to give vectors is added to its graph (`encoder.one_graph`).
        background: what `load_dataset` takes; 12 classes or more, of two pictures or more; None:
            there is none.
        out: the folder to make.
        name: of the pack.
        preprocess: from what the model declares to how pictures are prepared for it.
        license: of the model.
        command: that asked for it, for the card.
        chosen: which of its outputs is the embedding, and how it is pooled.
        tokenizer: of a model that reads texts, its `tokenizer.json`.
        text: of a model of pictures, what puts texts among them; it becomes a part of the pack.
        notes: what is known of the model already; what is found is added.
        source: where it comes from, for the card; its file name where nothing is said.
        seed: how the classes are divided, and what is drawn to measure.
        progress: called with what is done, how much, and of how much.

    Raises:
        PackError: the model is not allowed, fails, answers differently in batches, or the pack
            cannot be written.
        DataError: the folder cannot be read, or has too few classes or pictures.
        ImageError: a picture cannot be read.
    """
    began = time.perf_counter()
    notes = Notes() if notes is None else notes
    require_new(out)
    content, graph = read_model(model)
    preprocessing = preprocess(graph)
    dataset = None if background is None else load_dataset(background)
    if dataset is not None and preprocessing.inputs is not None:
        raise PackError(
            f"the model takes {domain_of(preprocessing).in_words(preprocessing)}, and a folder of "
            "pictures shows none",
            "Leave --background out",
        )
    parts: dict[str, Dataset] = {}
    if dataset is not None:
        parts = divided(
            dataset,
            SHARES,
            seed,
            MIN_CLASSES,
            classes_for="to show what is usual, to play the strangers, and to be measured",
            two_for="to see whether another is recognized takes 2",
            which="; other things than you will enroll do well",
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        wired, preprocessing = one_graph(content, preprocessing, chosen, notes, model.name)
        alone = Path(folder) / "model.onnx"
        alone.write_bytes(wired)
        shape = try_out(alone, asked(preprocessing), called=model.name)
        named = domain_of(preprocessing).files(preprocessing)
        facts: dict[str, Any] = {
            "name": name,
            "model": wired,
            "preprocessing": preprocessing,
            "license": license,
            "tokenizer": tokenizer if TOKENIZER in named else None,
            "text": None if text is None else _text_side(Path(folder), text, name, command),
            "encoder": {
                "source": source or model.name,
                "understood": list(notes.understood),
                "assumed": list(notes.assumed) or ["nothing"],
                "licence of its weights": f"{license}, as it was stated; whoever uses them answers "
                "for it",
            },
        }
        training: dict[str, Any] = {
            "command": command,
            "learned from": "not known to holotype: the model was trained elsewhere",
            "model file": f"{model.name}, sha256 {hashlib.sha256(content).hexdigest()}",
            "seed": seed,
        }
        made = Path(folder) / "pack"
        measured, difference = None, 0.0
        if dataset is None:
            nobody = _without_cohort(Path(folder) / "draft", facts, training, shape[0], None)
            embedder = Embedder(nobody)
            difference = check_batches(embedder, out)
            _check_tokenizer(embedder)
            test = embedder.embed_made_up(self_test.COUNT)
            pack = _without_cohort(made, facts, training, shape[0], test)
        else:
            embedder = Embedder(_draft(Path(folder) / "draft", facts, shape[0], training))
            difference = batch_difference(embedder, dataset)
            training |= {
                "batch difference": float(f"{difference:.1e}"),
                "held out": list(parts["held out"].class_names),
            }
            pack = _with_cohort(made, facts, training, embedder, dataset, parts, progress)
            measured = measure(pack, parts["held out"], seed, progress)
            add_scores(made, measured.scores, measured.promise)
        made.rename(out)
    return Built(
        pack=load_pack(out.resolve()),
        notes=notes,
        measured=measured,
        batch_difference=difference,
        classes={part: len(of_part.class_names) for part, of_part in parts.items()},
        pictures=0 if dataset is None else len(dataset),
        seconds=time.perf_counter() - began,
        written=() if measured is None else report.write_report(measured.proof, report_path(out)),
    )


def _text_side(folder: Path, text: Encoder, name: str, command: str) -> Pack:
    """The pack of what puts texts among pictures."""
    return build_pack(
        text.model,
        None,
        folder / TEXT,
        name=name,
        preprocess=partial(preprocessing_for, notes=text.notes, **text.stated),
        license=text.license,
        command=command,
        tokenizer=text.tokenizer,
        notes=text.notes,
        source=text.source,
    ).pack


def _check_tokenizer(embedder: Embedder) -> None:
    """Whether the model knows all pieces that its tokenizer makes; of others nothing is asked."""
    if embedder.reader is None:
        return
    last = embedder.reader.size - 1
    try:
        embed_read(embedder, [Read(np.array([last]), ())])
    except PackError as error:
        raise PackError(
            f"{TOKENIZER} numbers {last + 1:,} pieces of words, and the model knows fewer "
            f"({error.problem})",
            "Use the tokenizer that belongs to the model",
        ) from error


def _without_cohort(
    path: Path,
    facts: Mapping[str, Any],
    training: Mapping[str, Any],
    dim: int,
    test: Floats | None,
) -> Pack:
    nobody = np.empty((0, dim), np.float32)
    return write_pack(
        path,
        **facts,
        embeddings=nobody,
        class_index=np.empty(0, np.int64),
        prototypes=nobody,
        cohort={"data": "none", "class_names": []},
        background={"data": "none", "class_names": [], "trained": False},
        training=training,
        self_test=test,
    )


def _with_cohort(
    path: Path,
    facts: Mapping[str, Any],
    training: Mapping[str, Any],
    embedder: Embedder,
    dataset: Dataset,
    parts: Mapping[str, Dataset],
    progress: OnProgress | None,
) -> Pack:
    vectors = {
        part: report.embed_all(
            parts[part], embedder.embed, _part_progress(progress, f"pictures of the {part}")
        )
        for part in ("background", "cohort")
    }
    return write_pack(
        path,
        **facts,
        **references(dataset, parts, vectors),
        training=training,
        self_test=embedder.embed_made_up(self_test.COUNT),
    )


def batch_difference(embedder: Embedder, dataset: Dataset) -> float:
    """How far an embedding moves with the pictures beside it, on some pictures of a data set.

    Returns:
        The largest difference of a coordinate.

    Raises:
        PackError: more than 1e-4: a picture would not be what it was when it was enrolled.
        ImageError: a picture cannot be read.
    """
    rows = np.unique(np.linspace(0, len(dataset) - 1, sum(_BATCH_SIZES), dtype=int))
    batch = prepare.prepare_batch([dataset.images[row] for row in rows], embedder.preprocessing)
    alone = np.concatenate([embedder.embed_prepared(batch[i : i + 1]) for i in range(len(batch))])
    worst = 0.0
    for size in (*_BATCH_SIZES, len(batch)):
        together = embedder.embed_prepared(batch[:size])
        worst = max(worst, float(np.abs(together - alone[:size]).max()))
    if not worst <= MAX_BATCH_DIFFERENCE:
        raise PackError(
            f"the model's answer for a picture moves by {worst:.2g} with the pictures beside it; "
            f"at most {MAX_BATCH_DIFFERENCE:g} is allowed",
            "Export it in evaluation mode, with a free batch axis or a batch of one",
        )
    return worst


def _draft(path: Path, facts: Mapping[str, Any], dim: int, training: Mapping[str, Any]) -> Pack:
    """A pack that can be asked: its references are any, the true ones are computed by it."""
    anything: Floats = np.eye(1, dim, dtype=np.float32)
    one = {"data": "", "class_names": ["none"]}
    return write_pack(
        path,
        **{**facts, "cohort": one, "background": one},
        embeddings=anything,
        class_index=np.zeros(1, np.int64),
        prototypes=anything,
        training=training,
    )


def _part_progress(progress: OnProgress | None, what: str) -> OnProgress | None:
    return None if progress is None else lambda _, done, total: progress(what, done, total)
