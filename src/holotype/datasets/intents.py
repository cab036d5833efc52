"""What people say to an assistant, and what they want by it: BANKING77 and CLINC150."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.datasets.archives import DAMAGE
from holotype.datasets.dataset import Dataset, data_folder
from holotype.errors import DataError

INTENTS_FILE = "intents_text.zip"
INTENT_SOURCES = ("clinc150", "banking77")
# CLINC150's 150 intents: what trains, what selects, what plays the strangers, what is tested.
INTENT_SHARES = {"training": 70 / 150, "selection": 10 / 150, "cohort": 30 / 150, "test": 40 / 150}
_OUTSIDE = ("oos_train", "oos_val", "oos_test")
_LICENSES = {"clinc150": "CC BY 3.0", "banking77": "CC BY 4.0"}
_ORIGINS = {
    "clinc150": "https://github.com/clinc/oos-eval",
    "banking77": "https://github.com/PolyAI-LDN/task-specific-datasets",
}


def load_intents(name: str) -> Dataset:
    """The utterances of one source, all its parts together.

    "clinc150" (Larson et al. 2019): 150 intents x 150 utterances. "banking77" (Casanueva et al.
    2020): 77 intents, 13,083 utterances.

    Returns:
        A data set whose `images` are the utterances: str, object [M]. What takes a data set by
        its classes alone (episodes, subsets, random splits) takes it too.

    Raises:
        DataError: no such source, or `intents_text.zip` is missing or damaged.
    """
    if name not in INTENT_SOURCES:
        raise DataError(
            f"there are no intents {name!r}", f"Choose one of {', '.join(INTENT_SOURCES)}"
        )
    pairs = _clinc150(_member("clinc150/data_full.json")) if name == "clinc150" else _banking77()
    names = tuple(sorted({intent for _, intent in pairs}))
    index = {intent: number for number, intent in enumerate(names)}
    return Dataset(
        name=name,
        images=_texts([text for text, _ in pairs]),
        class_index=np.array([index[intent] for _, intent in pairs], dtype=np.int64),
        class_names=names,
        group=("",) * len(names),
        drawer=None,
        license=_LICENSES[name],
        source=_ORIGINS[name],
    )


def load_out_of_scope() -> NDArray[Any]:
    """CLINC150's 1,200 utterances that belong to none of its intents: str, object [1200].

    Raises:
        DataError: `intents_text.zip` is missing or damaged.
    """
    parts = _json(_member("clinc150/data_full.json"))
    return _texts([text for part in _OUTSIDE for text, _ in parts[part]])


def _clinc150(content: bytes) -> list[tuple[str, str]]:
    parts = _json(content)
    return [
        (text, intent)
        for part, rows in parts.items()
        if part not in _OUTSIDE
        for text, intent in rows
    ]


def _banking77() -> list[tuple[str, str]]:
    return [
        (row["text"], row["category"])
        for part in ("train", "test")
        for row in csv.DictReader(io.StringIO(_member(f"banking77/{part}.csv").decode("utf-8")))
    ]


def _json(content: bytes) -> dict[str, list[tuple[str, str]]]:
    parts: dict[str, list[tuple[str, str]]] = json.loads(content)
    return parts


def _member(name: str) -> bytes:
    path: Path = data_folder() / INTENTS_FILE
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(name)
    except DAMAGE as error:
        raise DataError(
            f"{name} of {path} cannot be read ({error})",
            f"Set HOLOTYPE_DATA to the folder that holds {INTENTS_FILE}",
        ) from error


def _texts(texts: list[str]) -> NDArray[Any]:
    result = np.empty(len(texts), dtype=object)
    result[:] = texts
    return result
