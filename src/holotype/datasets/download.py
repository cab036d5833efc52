"""Fetch the official archives of Omniglot and pack them the way `load_dataset` reads them.

The real download has not been run by the project's tests or its authors, who worked without
access to these hosts: what is tested is this code, against a local HTTP server. The contents are
therefore checked whatever arrives: 1,623 characters x 20 drawings, 20 runs, the sizes of the
Vinyals split.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holotype.datasets.archives import DAMAGE, read_drawing
from holotype.datasets.catalogue import OMNIGLOT_FILE, data_folder
from holotype.datasets.fetch import Progress, fetch
from holotype.datasets.lake import LAKE_RUNS_FILE, lake_runs
from holotype.datasets.splits import VINYALS_FOLDER, VINYALS_SIZES
from holotype.errors import DataError
from holotype.files import write_whole

_MEMBER = re.compile(r"(images_(?:background|evaluation)/[^/]+/character\d\d)/\d+_(\d\d)\.png")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the parts of Omniglot lie, and how many characters each must have."""

    base_url: str
    vinyals_url: str
    characters: dict[str, int]  # archive, without .zip -> characters in it
    md5: dict[str, str]
    drawers: int = 20


OFFICIAL = Source(
    base_url="https://raw.githubusercontent.com/brendenlake/omniglot/master/python",
    # The lists that Prototypical Networks were measured with (MIT, Jake Snell).
    vinyals_url="https://raw.githubusercontent.com/jakesnell/prototypical-networks/master"
    "/data/omniglot/splits/vinyals",
    characters={"images_background": 964, "images_evaluation": 659},
    # As published in torchvision (torchvision/datasets/omniglot.py, zips_md5). There is no
    # published digest of the runs and the Vinyals lists; their contents are checked instead.
    md5={
        "images_background": "68d2efa1b9178cc56df9314c21c6e718",
        "images_evaluation": "6b91aef0f799c5bb55b94e3f2daec811",
    },
)


def download_omniglot(
    folder: Path | None = None,
    progress: Progress | None = None,
    source: Source = OFFICIAL,
) -> Path:
    """Fetch Omniglot, Lake's 20 runs and the Vinyals split into a folder.

    What is there already stays. An interrupted call goes on where it stopped; each finished file
    appears whole or not at all.

    Args:
        folder: by default the data folder (`$HOLOTYPE_DATA`, or `~/.cache/holotype`).
        progress: called with the file's name, its bytes so far and all its bytes (None where the
            server does not say).
        source: where from.

    Returns:
        The folder, ready for `load_dataset`.

    Raises:
        DataError: the folder cannot be written, a server cannot be reached or lacks the file, a
            digest is wrong, or the contents are not Omniglot.
    """
    folder = folder or data_folder()
    try:
        (folder / VINYALS_FOLDER).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"{folder} cannot be created ({error.strerror})",
            "Choose a folder that you may write, with HOLOTYPE_DATA",
        ) from error
    if not (folder / OMNIGLOT_FILE).is_file():
        _fetch_drawings(folder, progress, source)
    if not (folder / LAKE_RUNS_FILE).is_file():
        url = f"{source.base_url}/one-shot-classification/all_runs.zip"
        fetch(url, folder / LAKE_RUNS_FILE, progress, check=_check_runs)
    for part, size in VINYALS_SIZES.items():
        path = folder / VINYALS_FOLDER / f"{part}.txt"
        if not path.is_file():
            fetch(f"{source.vinyals_url}/{part}.txt", path, progress, check=_lists(size))
    return folder


def _fetch_drawings(folder: Path, progress: Progress | None, source: Source) -> None:
    archives = {name: folder / f"{name}.zip" for name in source.characters}
    drawings: list[tuple[str, int, NDArray[np.uint8]]] = []
    for name, path in archives.items():
        if not path.is_file():
            fetch(f"{source.base_url}/{name}.zip", path, progress, md5=source.md5.get(name))
        try:
            drawings += _read_archive(path, source.characters[name], source.drawers)
        except DAMAGE as error:
            path.unlink()
            raise DataError(
                f"{path.name} is not Omniglot's ({error}), and was removed",
                "Run the command again; if it repeats, the source has changed",
            ) from error
    _write_bits(folder / OMNIGLOT_FILE, drawings)
    for path in archives.values():
        path.unlink()


def _read_archive(
    path: Path, characters: int, drawers: int
) -> list[tuple[str, int, NDArray[np.uint8]]]:
    """Class name, drawer and packed ink of each drawing, sorted by them."""
    with zipfile.ZipFile(path) as archive:
        members = sorted(
            (match[1], int(match[2]), match[0])
            for match in map(_MEMBER.fullmatch, archive.namelist())
            if match
        )
        found = {name: 0 for name, _, _ in members}
        for name, drawer, _ in members:
            found[name] += 1
            if drawer != found[name]:
                raise ValueError(f"{name} lacks drawing {found[name]}, or has it twice")
        if len(found) != characters or set(found.values()) != {drawers}:
            raise ValueError(
                f"{len(members)} drawings of {len(found)} characters instead of "
                f"{characters} x {drawers}"
            )
        return [
            (name, drawer, np.packbits(read_drawing(archive, member) == 0))
            for name, drawer, member in members
        ]


def _write_bits(path: Path, drawings: list[tuple[str, int, NDArray[np.uint8]]]) -> None:
    names = sorted({name for name, _, _ in drawings})
    index_of = {name: index for index, name in enumerate(names)}
    buffer = BytesIO()
    np.savez_compressed(
        buffer,
        bits=np.stack([bits for _, _, bits in drawings]),
        label=np.array([index_of[name] for name, _, _ in drawings], np.uint16),
        is_evaluation=np.array(
            [name.startswith("images_evaluation/") for name, _, _ in drawings], np.uint8
        ),
        drawer=np.array([drawer for _, drawer, _ in drawings], np.uint8),
        class_names=np.array(names),
    )
    try:
        write_whole(path, buffer.getvalue())
    except OSError as error:
        raise DataError(
            f"{path} cannot be written ({error.strerror})", "Free some space and run it again"
        ) from error


def _check_runs(path: Path) -> None:
    lake_runs(path)


def _lists(size: int) -> Callable[[Path], None]:
    def check(path: Path) -> None:
        lines = set(path.read_text(encoding="utf-8").split())
        if len(lines) != size or any(not re.search(r"/rot\d{3}$", line) for line in lines):
            raise ValueError(f"{len(lines)} classes instead of {size}")

    return check
