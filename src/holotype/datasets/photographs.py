"""Photographs: products on the shelf (Grocery Store) and defects of steel (NEU)."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from holotype.datasets.archives import read_members
from holotype.datasets.dataset import Dataset, data_folder
from holotype.datasets.lazy import PackedPhotographs
from holotype.errors import DataError

GROCERY_FILE = "grocery_112.zip"
NEU_FILE = "neu_det_112.zip"
GROCERY_PARTS = ("catalogue", "train", "val", "test")
_SIDE_PX = 112
_CATALOGUE = "iconic"  # as the archive calls it


def load_grocery(part: str | None = None) -> Dataset:
    """81 products, photographed with a telephone in shops (Klasson et al. 2019).

    Args:
        part: "catalogue" (one picture of each product, as shops show it), or "train", "val" or
            "test" as the authors divided the photographs; "val" lacks 21 products. None: all
            photographs, without the catalogue.

    Returns:
        Images uint8 [M, 112, 112, 3], decoded on demand. Wherever a product occurs it has the
        same name; only in "val" the index differs.

    Raises:
        DataError: there is no such part, or the file is missing or damaged.
    """
    if part is not None and part not in GROCERY_PARTS:
        raise DataError(
            f"Grocery has no part '{part}'", f"Choose one of {', '.join(GROCERY_PARTS)}"
        )
    # "train/07/Kiwi_001.jpg" and "iconic/07.jpg": only photographs tell the name of a product.
    files = read_members(data_folder() / GROCERY_FILE, lambda name: name.endswith(".jpg"))
    named = {
        name.split("/")[1]: name.split("/")[2].rsplit("_", 1)[0]
        for name in files
        if not name.startswith(_CATALOGUE)
    }
    folders = {_CATALOGUE} if part == "catalogue" else {part} if part else set(GROCERY_PARTS[1:])
    chosen = [name for name in files if name.split("/")[0] in folders]
    chosen.sort(key=lambda name: name.split("/")[1])  # by product, then as they were
    return _photographs(
        "grocery" if part is None else f"grocery-{part}",
        [files[name] for name in chosen],
        [named[name.split("/")[1].removesuffix(".jpg")] for name in chosen],
        channels=3,
        license="MIT",
        source="https://github.com/marcusklasson/GroceryStoreDataset",
    )


def load_neu() -> Dataset:
    """Six kinds of defects on hot-rolled steel, 300 photographs each (Song and Yan 2013).

    Returns:
        Images uint8 [1800, 112, 112], grey, decoded on demand. For research only.

    Raises:
        DataError: the file is missing or damaged.
    """
    files = read_members(data_folder() / NEU_FILE, lambda name: name.endswith(".jpg"))
    return _photographs(
        "neu",
        list(files.values()),
        [name.split("/")[0] for name in files],
        channels=1,
        license="research use",
        source="http://faculty.neu.edu.cn/songkechen/zh_CN/zhym/263269/list/index.htm",
    )


def _photographs(
    name: str,
    files: list[bytes],
    classes: Collection[str],
    *,
    channels: int,
    license: str,
    source: str,
) -> Dataset:
    class_names = tuple(dict.fromkeys(classes))
    index = {label: number for number, label in enumerate(class_names)}
    return Dataset(
        name=name,
        images=PackedPhotographs(tuple(files), _SIDE_PX, channels),
        class_index=np.array([index[label] for label in classes], dtype=np.int64),
        class_names=class_names,
        group=("",) * len(class_names),
        drawer=None,
        license=license,
        source=source,
    )
