"""Any ONNX embedder and a folder of class folders -> a model pack that says what it is worth."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from holotype import images, report
from holotype.embedder import Embedder
from holotype.errors import DataError, PackError
from holotype.model.graph import Graph, read_graph
from holotype.pack import LIMIT_BYTES, Pack, add_scores, load_pack, write_pack
from holotype.packing.measured import Measured, Progress, measure, report_path
from holotype.packing.trial import try_out
from holotype.records import Preprocessing
from holotype.scoring import Floats, group_prototypes
from holotype.tasks.datasets import Dataset, load_dataset
from holotype.tasks.splits import random_split

# Of the classes of the folder. The cohort decides how small a rate can be promised.
SHARES = {"background": 0.25, "cohort": 0.5, "held out": 0.25}
MIN_CLASSES = 12  # so that three are held out, two to enroll and a stranger
# How far a picture's coordinates may move with the number of pictures beside it.
MAX_BATCH_DIFFERENCE = 1e-4
_BATCH_SIZES = (1, 8, 5)


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """A pack, and what was measured of it on classes of the folder that it does not hold."""

    pack: Pack
    measured: Measured
    batch_difference: float  # largest, of a coordinate
    classes: dict[str, int]  # by part
    pictures: int
    seconds: float  # in all
    written: tuple[Path, ...]  # the report


def read_model(path: Path) -> tuple[bytes, Graph]:
    """Read a model's file, and check that all of it is allowed.

    Raises:
        PackError: it is missing, too large, truncated, or holds what is not allowed.
    """
    try:
        size_bytes = path.stat().st_size
        if size_bytes > LIMIT_BYTES["model.onnx"]:
            raise PackError(
                f"the model {str(path)!r} has {size_bytes:,} bytes; at most "
                f"{LIMIT_BYTES['model.onnx']:,} are read",
                "Use a smaller model, or store its weights in half precision",
            )
        model = path.read_bytes()
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


def build_pack(
    model: Path,
    background: str,
    out: Path,
    *,
    name: str,
    preprocess: Callable[[Graph], Preprocessing],
    license: str,
    command: str,
    seed: int = 0,
    progress: Progress | None = None,
) -> Built:
    """Make a pack of a stranger's model, and measure it.

    The classes of the folder are divided at random: a quarter shows what pictures look like here
    (familiarity), a half plays the strangers (the cohort), and a quarter is held out and measured.
    Whether the model itself learned from any of them is not known, and the card says so. The
    report is written beside the pack, as `NAME-report.html` and `.json`.

    Args:
        model: an ONNX file, float32 [batch, C, S, S] -> [batch, D] or [batch, D, 1, 1] of any
            length; a batch that is fixed at 1 is run picture by picture.
        background: what `load_dataset` takes; 12 classes or more, of two pictures or more.
        out: the folder to make.
        name: of the pack.
        preprocess: from what the model declares to how pictures are prepared for it.
        license: of the model.
        command: that asked for it, for the card.
        seed: how the classes are divided, and what is drawn to measure.
        progress: called with what is done, how much, and of how much.

    Raises:
        PackError: the model is not allowed, fails, answers differently in batches, or the pack
            cannot be written.
        DataError: the folder cannot be read, or has too few classes or pictures.
        ImageError: a picture cannot be read.
    """
    began = time.perf_counter()
    if os.path.lexists(out):
        raise PackError(f"{str(out)!r} exists already", "Name a new folder, or remove that one")
    content, graph = read_model(model)
    preprocessing = preprocess(graph)
    dataset = load_dataset(background)
    parts = _parts(dataset, seed)
    side = preprocessing.size_px
    shape = try_out(model, (preprocessing.channels, side, side))
    if not shape or any(size != 1 for size in shape[1:]) or len(shape) not in (1, 3):
        raise PackError(
            f"the model gives {['batch', *shape]}, not [batch, D] or [batch, D, 1, 1]",
            "Export it with the embedding as its output",
        )
    facts: dict[str, Any] = {
        "name": name,
        "model": content,
        "preprocessing": preprocessing,
        "cohort": _classes(dataset, parts["cohort"], held_back=False),
        "background": _classes(dataset, parts["background"], trained=False),
        "license": license,
    }
    training = {
        "command": command,
        "learned from": "not known to holotype: the model was trained elsewhere",
        "model file": f"{model.name}, sha256 {hashlib.sha256(content).hexdigest()}",
        "seed": seed,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        embedder = Embedder(_draft(Path(folder) / "draft", facts, shape[0], training))
        difference = batch_difference(embedder, dataset)
        vectors = {
            part: report.embed_all(
                parts[part], embedder.embed, _part_progress(progress, f"pictures of the {part}")
            )
            for part in ("background", "cohort")
        }
        prototypes = group_prototypes(
            vectors["background"],
            parts["background"].class_index,
            len(parts["background"].class_names),
        )
        made = Path(folder) / "pack"
        pack = write_pack(
            made,
            **facts,
            embeddings=vectors["cohort"].astype(np.float16),
            class_index=parts["cohort"].class_index,
            prototypes=prototypes.astype(np.float16),
            training={
                **training,
                "batch difference": float(f"{difference:.1e}"),
                "held out": list(parts["held out"].class_names),
            },
        )
        measured = measure(pack, parts["held out"], seed, progress)
        add_scores(made, measured.scores, measured.promise)
        made.rename(out)
    return Built(
        pack=load_pack(out.resolve()),
        measured=measured,
        batch_difference=difference,
        classes={part: len(of_part.class_names) for part, of_part in parts.items()},
        pictures=len(dataset),
        seconds=time.perf_counter() - began,
        written=report.write_report(measured.proof, report_path(out)),
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
    batch = images.prepare_batch([dataset.images[row] for row in rows], embedder.preprocessing)
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


def _parts(dataset: Dataset, seed: int) -> dict[str, Dataset]:
    classes = len(dataset.class_names)
    if classes < MIN_CLASSES:
        raise DataError(
            f"'{dataset.name}' has {classes} classes; {MIN_CLASSES} are needed, to show what is "
            "usual, to play the strangers, and to be measured",
            "Add classes, each in its own folder; other things than you will enroll do well",
        )
    counts = np.bincount(dataset.class_index)
    if counts.min() < 2:
        lonely = dataset.class_names[int(counts.argmin())]
        raise DataError(
            f"the class '{lonely}' of '{dataset.name}' has one picture; to see whether another is "
            "recognized takes 2",
            "Add a picture of it, or remove the class",
        )
    return random_split(dataset, SHARES, seed)


def _classes(whole: Dataset, part: Dataset, **more: Any) -> dict[str, Any]:
    return {"data": whole.name, "class_names": list(part.class_names), **more}


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


def _part_progress(progress: Progress | None, what: str) -> Progress | None:
    return None if progress is None else lambda _, done, total: progress(what, done, total)
