"""A pack for one's own kind of things: any pack, and a folder of classes -> a pack with a head.

The head is solved, not trained, and becomes a part of the pack's graph. Where no head serves
classes better that it was not solved from, the pack keeps its bare encoder and gets the folder's
classes as its cohort all the same.
"""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from holotype import report
from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.embedder import Embedder
from holotype.errors import PackError
from holotype.model import self_test
from holotype.pack import Pack, add_scores, load_pack, require_new, write_pack
from holotype.packing.heads import Head, Tried, chosen_head, compared, one_shot, with_head
from holotype.packing.held_out import divided, references, require_pictures
from holotype.packing.measured import Measured, measure, report_path
from holotype.records import OnProgress
from holotype.stats.scoring import Floats

# Of the classes of the folder: whom the head is solved from must play no strangers (their own
# classes would be too far from everything), and neither may be measured.
SHARES = {"background": 0.5, "cohort": 0.25, "held out": 0.25}
MIN_CLASSES = 24
# The graph computes in single precision what the head was solved in double.
_MAX_DIFFERENCE = 1e-3
_CHECKED = 8


@dataclass(frozen=True, slots=True, eq=False)
class Adapted:
    """A pack, and how it compares with the one that it was made of."""

    pack: Pack
    head: str | None  # None: the bare encoder stayed
    tried: list[Tried]  # on classes held back from the head in turn, best first
    # the best head on classes that had no part in choosing it, even if it harms there and the
    # bare encoder stayed; None: no head was chosen
    held_out: Tried | None
    measured: Measured
    classes: dict[str, int]  # by part
    pictures: int
    seconds: float
    written: tuple[Path, ...]  # the report


def adapt_pack(
    name_or_path: str | os.PathLike[str],
    background: str,
    out: Path,
    *,
    name: str,
    command: str,
    seed: int = 0,
    progress: OnProgress | None = None,
) -> Adapted:
    """Make a pack of another pack and the classes of a folder, and measure it.

    The classes of the folder are divided at random: half of them solve the head, a quarter plays
    the strangers, and a quarter is held out and measured, with the head and without.

    Args:
        name_or_path: as for `load_pack`; of a model that takes pictures.
        background: what `load_dataset` takes; 24 classes or more, of two pictures or more.
        out: the folder to make.
        name: of the new pack.
        command: that asked for it, for the card.
        seed: how the classes are divided, and what is drawn.
        progress: called with what is done, how much, and of how much.

    Raises:
        PackError: the pack is broken or takes no pictures, or the new one cannot be written.
        DataError: the folder cannot be read, or has too few classes or pictures.
        ImageError: a picture cannot be read.
    """
    began = time.perf_counter()
    require_new(out)
    source = load_pack(name_or_path)
    require_pictures(source)
    dataset = load_dataset(background)
    parts = divided(
        dataset,
        SHARES,
        seed,
        MIN_CLASSES,
        classes_for="to solve a head, to play the strangers, and to be measured",
        two_for="what differs inside a class takes 2",
        which="; or use the pack as it is, and give these to `holotype calibrate` as strangers",
    )
    bare = Embedder(source)
    vectors = {
        part: report.embed_all(of_part, bare.embed, _progress(progress, part))
        for part, of_part in parts.items()
    }
    learned = parts["background"]
    head, tried = chosen_head(vectors["background"], learned.class_index, seed)
    held_out = None
    if head is not None:
        index = parts["held out"].class_index
        bare_vectors = vectors["held out"]
        accuracies = [one_shot(found, index, seed) for found in (head(bare_vectors), bare_vectors)]
        held_out = compared(tried[0].name, *accuracies)
        if held_out.harms:  # what chose it was too kind to it
            head = None
    model = source.model() if head is None else with_head(source.model(), head)
    mapped = vectors if head is None else {part: head(found) for part, found in vectors.items()}
    what = None if head is None else tried[0].name
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        facts = _facts(source, dataset, parts, mapped, model, name, command, seed, what, tried)
        embedder = Embedder(write_pack(Path(folder) / "draft", **facts))
        if head is not None:
            _check(embedder, head, vectors["cohort"], parts["cohort"])
        made = Path(folder) / "pack"
        test = embedder.embed_made_up(self_test.COUNT)
        pack = write_pack(made, **facts, self_test=test)
        measured = measure(pack, parts["held out"], seed, progress)
        add_scores(made, measured.scores, measured.promise)
        made.rename(out)
    return Adapted(
        pack=load_pack(out.resolve()),
        head=what,
        tried=tried,
        held_out=held_out,
        measured=measured,
        classes={part: len(of_part.class_names) for part, of_part in parts.items()},
        pictures=len(dataset),
        seconds=time.perf_counter() - began,
        written=report.write_report(measured.proof, report_path(out)),
    )


def _facts(
    source: Pack,
    dataset: Dataset,
    parts: dict[str, Dataset],
    vectors: dict[str, Floats],
    model: bytes,
    name: str,
    command: str,
    seed: int,
    head: str | None,
    tried: list[Tried],
) -> dict[str, Any]:
    return {
        "name": name,
        "model": model,
        "preprocessing": source.card.preprocessing,
        **references(dataset, parts, vectors),
        "training": {
            "command": command,
            "adapted from": f"{source.card.name}, model {source.card.model_id}",
            "head": head or "none: no head was better",
            "tried": "; ".join(
                f"{one.name}: {one.difference:+.2f} +- {one.error:.2f} points" for one in tried[:3]
            ),
            "seed": seed,
            "held out": list(parts["held out"].class_names),
        },
        "license": source.card.license,
        "encoder": source.card.encoder,
    }


def _check(embedder: Embedder, head: Head, vectors: Floats, dataset: Dataset) -> None:
    """Whether the graph gives what the head was solved to give, on some pictures."""
    rows = np.unique(np.linspace(0, len(dataset) - 1, _CHECKED, dtype=int))
    found = embedder.embed([dataset.images[row] for row in rows])
    off = self_test.difference(found, head(vectors[rows]))
    if not off <= _MAX_DIFFERENCE:
        raise PackError(
            f"the head moves by {off:.2g} when it becomes a part of the graph; at most "
            f"{_MAX_DIFFERENCE:g} is allowed",
            "Adapt a pack whose weights are of higher precision",
        )


def _progress(progress: OnProgress | None, part: str) -> OnProgress | None:
    if progress is None:
        return None
    return lambda _, done, total: progress(f"pictures of the {part}", done, total)
