"""Data sets by name, and where they come from."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import resources
from pathlib import Path

import numpy as np

from holotype.datasets.archives import OMNIGLOT_SIDE_PX, read_arrays
from holotype.datasets.dataset import Dataset, data_folder
from holotype.datasets.folders import PassedOver, read_folder
from holotype.datasets.intents import load_intents
from holotype.datasets.lazy import PackedDrawings
from holotype.datasets.parts import read_part
from holotype.datasets.people import load_cedar, load_orl
from holotype.datasets.photographs import GROCERY_PARTS, load_grocery, load_neu
from holotype.datasets.speech import load_fsdd
from holotype.errors import DataError

__all__ = ["OMNIGLOT_FILE", "Dataset", "data_folder", "dataset_names", "load_dataset"]

OMNIGLOT_FILE = "omniglot_105_bits.npz"
_DIVIDED = ("omniglot",)
_SHIPPED = {"sample": "omniglot_sample.npz", "digits": "digits.npz"}


def load_dataset(name_or_path: str | Path) -> Dataset:
    """Load a data set by name, or from a folder of class folders.

    Shipped: "sample" (two alphabets of Omniglot's evaluation with 20 characters each), "digits"
    (1,797 digits, uint8 [1797, 8, 8], ink 255 on paper 0, 17 grey levels). In the data folder:

    - "omniglot": 1,623 characters x 20, uint8 [., 105, 105], ink 0 on paper 255; unpacked late.
    - "orl", "cedar": faces and signatures (see `people`).
    - "grocery", and "grocery-catalogue", "-train", "-val", "-test" for its parts; "neu": products
      and steel (see `photographs`).
    - "fsdd": spoken digits as spectrograms (see `speech`).
    - "intents", which is "clinc150", and "banking77": text (see `intents`).

    A folder that `holotype data omniglot` filled is Omniglot; any other is read as class folders.
    A .json file is a part of one of these (see `parts`).

    Raises:
        DataError: there is no such data set, or it cannot be read.
    """
    named = _NAMED.get(str(name_or_path))
    if named is not None:
        return named()
    path = Path(name_or_path)
    if (path / OMNIGLOT_FILE).is_file():
        return _omniglot(path / OMNIGLOT_FILE, "omniglot")
    if path.suffix == ".json" and path.is_file():
        return _part(path)
    if not path.exists():
        raise DataError(
            f"'{path}' is neither a data set nor a folder",
            f"Use {', '.join(dataset_names())} or the path of a folder of class folders",
        )
    folder = read_folder(path)
    return Dataset(
        name=folder.name,
        images=folder.paths,
        class_index=folder.class_index,
        class_names=folder.class_names,
        group=("",) * len(folder.class_names),
        drawer=None,
        license="",
        source=str(path),
    )


def passed_over(name_or_path: str | Path) -> PassedOver:
    """The files that `load_dataset` does not look at; none where it is no folder of somebody's.

    Raises:
        DataError: as `load_dataset`, of a folder that cannot be read as class folders.
    """
    path = Path(name_or_path)
    if str(name_or_path) in _NAMED or (path / OMNIGLOT_FILE).is_file():
        return PassedOver()
    if path.suffix == ".json" and path.is_file():
        return passed_over(read_part(path).data)
    return read_folder(path).passed_over if path.is_dir() else PassedOver()


def comes_divided(name_or_path: str | Path) -> bool:
    """Whether a data set has a division of its own; nothing of it is read."""
    return str(name_or_path) in _DIVIDED or (Path(name_or_path) / OMNIGLOT_FILE).is_file()


def dataset_names() -> list[str]:
    """The names that `load_dataset` knows."""
    return list(_NAMED)


def _part(path: Path) -> Dataset:
    part = read_part(path)
    whole = load_dataset(part.data)
    position = {name: index for index, name in enumerate(whole.class_names)}
    missing = [name for name in part.classes if name not in position]
    if missing:
        raise DataError(
            f"'{path}' names the class '{missing[0]}', which '{part.data}' does not have",
            "Restore the class, or divide the data set anew",
        )
    dataset = whole.subset([position[name] for name in part.classes])
    return dataset.without(part.left_out) if part.left_out else dataset


def _omniglot(path: Path, name: str) -> Dataset:
    stored = read_arrays(
        path, ("bits", "label", "drawer", "class_names"), "run `holotype data omniglot`"
    )
    # "images_background/Greek/character01": the part is told by the alphabet, see splits.
    class_names = tuple(str(full).split("/", 1)[1] for full in stored["class_names"])
    return Dataset(
        name=name,
        images=PackedDrawings(stored["bits"], OMNIGLOT_SIDE_PX),
        class_index=stored["label"].astype(np.int64),
        class_names=class_names,
        group=tuple(full.rsplit("/", 1)[0] for full in class_names),
        drawer=stored["drawer"].astype(np.int64),
        license="MIT",
        source="https://github.com/brendenlake/omniglot",
        divided=name in _DIVIDED,
    )


def _digits() -> Dataset:
    stored = read_arrays(_shipped("digits"), ("levels", "label"))
    levels = stored["levels"].astype(np.uint16)  # 0..16
    return Dataset(
        name="digits",
        images=((levels * 255 + 8) // 16).astype(np.uint8),
        class_index=stored["label"].astype(np.int64),
        class_names=tuple("0123456789"),
        group=("",) * 10,
        drawer=None,
        license="CC BY 4.0",
        source="https://doi.org/10.24432/C50P49",
    )


def _shipped(name: str) -> Path:
    return Path(str(resources.files("holotype.datasets") / "data" / _SHIPPED[name]))


_NAMED: dict[str, Callable[[], Dataset]] = {
    "omniglot": lambda: _omniglot(data_folder() / OMNIGLOT_FILE, "omniglot"),
    "sample": lambda: _omniglot(_shipped("sample"), "sample"),
    "digits": _digits,
    "orl": load_orl,
    "cedar": load_cedar,
    "grocery": load_grocery,
    **{f"grocery-{part}": partial(load_grocery, part) for part in GROCERY_PARTS},
    "neu": load_neu,
    "fsdd": load_fsdd,
    "intents": lambda: load_intents("clinc150"),
    "clinc150": lambda: load_intents("clinc150"),
    "banking77": lambda: load_intents("banking77"),
}
