"""Many pictures of many labels, as they are sent: parts of a form, or a ZIP of folders."""

from __future__ import annotations

import os
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from starlette.datastructures import UploadFile

from holotype.errors import DataError, ImageError
from holotype.server.answers import RefusedError
from holotype.server.forms import MAX_BODY_BYTES

MAX_FILES = 20_000  # in a ZIP
MAX_UNPACKED_BYTES = 2_000_000_000
_MAC = "__MACOSX"  # what macOS puts beside each file


class Upload:
    """The labeled pictures of a call; they are read as they are needed, and are nowhere else.

    Args:
        pictures: the parts of a form.
        labels: of each.
        archive: a ZIP in their place: the folder of a picture is its label; of one that lies in
            none, its name.

    Raises:
        ImageError: there are none, both, or not as many labels as pictures.
        RefusedError: the ZIP cannot be read, or would be too large.
    """

    def __init__(
        self, pictures: Sequence[UploadFile], labels: Sequence[str], archive: UploadFile | None
    ) -> None:
        if (archive is None) == (not pictures):
            raise ImageError(
                "there are neither pictures nor a ZIP of them, or both",
                "Send `images` with as many `labels`, or one `archive`",
            )
        if len(labels) != len(pictures):
            raise ImageError(
                f"{len(pictures)} images have {len(labels)} labels", "Send one label for each image"
            )
        self._pictures, self._labels = pictures, labels
        self._members: list[zipfile.ZipInfo] = []
        if archive is not None:
            try:
                self._archive = zipfile.ZipFile(archive.file)
                self._members = [one for one in self._archive.infolist() if _is_picture(one)]
            except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
                raise _no_zip(str(error)) from error
            self._require_small()

    def __len__(self) -> int:
        """How many pictures."""
        return len(self._pictures) + len(self._members)

    @property
    def labels(self) -> frozenset[str]:
        """Of all pictures, as a gallery has them."""
        labels = {*self._labels, *(_label(member) for member in self._members)}
        return frozenset(unicodedata.normalize("NFC", label) for label in labels)

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """Label and content of each.

        Raises:
            RefusedError: the ZIP is damaged, or encrypted.
        """
        for label, one in zip(self._labels, self._pictures, strict=True):
            yield label, _whole(one.file)
        for member in self._members:
            yield _label(member), self._read(member)

    def groups(self, given: Sequence[str]) -> dict[str, str]:
        """The group of each label, by the name of its folder; none where none are given.

        Args:
            given: that of each picture.

        Raises:
            ImageError: there are not as many as pictures.
            DataError: a label is in two groups.
        """
        if not given:
            return {}
        if len(given) != len(self._pictures):
            raise ImageError(
                f"{len(self._pictures)} images have {len(given)} groups",
                "Send one group for each image, as many as labels",
            )
        found: dict[str, str] = {}
        for label, group in zip(self._labels, given, strict=True):
            if found.setdefault(_folder(label), group) != group:
                raise DataError(
                    f"{label!r} is in the groups {found[_folder(label)]!r} and {group!r}",
                    "Give each label one group, or name one of the two otherwise",
                )
        return found

    def unpack(self, folder: Path) -> None:
        """Write each into a folder of its label.

        Raises:
            DataError: two labels would be one folder.
            OSError: the disk is full.
        """
        given: dict[str, str] = {}
        for number, (label, content) in enumerate(self):
            name = _folder(label)
            if given.setdefault(name, label) != label:
                raise DataError(
                    f"the labels {label!r} and {given[name]!r} are one as names of a folder",
                    "Rename one of them",
                )
            place = folder / name
            place.mkdir(exist_ok=True)
            (place / f"{number:06d}.png").write_bytes(content)  # told apart by content

    def _read(self, member: zipfile.ZipInfo) -> bytes:
        try:
            return self._archive.read(member)
        except (zipfile.BadZipFile, RuntimeError, ValueError, EOFError, OSError) as error:
            raise _no_zip(str(error)) from error

    def _require_small(self) -> None:
        total = sum(one.file_size for one in self._members)
        if (
            len(self._members) > MAX_FILES
            or total > MAX_UNPACKED_BYTES
            or any(one.file_size > MAX_BODY_BYTES for one in self._members)
        ):
            raise RefusedError(
                413,
                "too_large",
                f"the ZIP holds {len(self._members):,} files of {total:,} bytes; taken are "
                f"{MAX_FILES:,}, each of at most {MAX_BODY_BYTES:,} and together of "
                f"{MAX_UNPACKED_BYTES:,}",
                "Send it in parts",
            )
        if not self._members:
            raise ImageError("the ZIP holds no files", "Put pictures into it, a folder for each")


def _is_picture(member: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(member.filename).parts
    hidden = any(part.startswith(".") or part == _MAC for part in parts)
    return not member.is_dir() and bool(parts) and not hidden


def _label(member: zipfile.ZipInfo) -> str:
    path = PurePosixPath(member.filename)
    return path.parent.name or path.stem


def _folder(label: str) -> str:
    return label.replace("/", "-").strip(".") or "-"


def _whole(file: BinaryIO) -> bytes:
    file.seek(0, os.SEEK_SET)
    return file.read()


def _no_zip(why: str) -> RefusedError:
    return RefusedError(
        422, "archive", f"the ZIP cannot be read ({why[:200]})", "Pack it anew, without a password"
    )
