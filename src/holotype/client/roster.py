"""Who is enrolled, and what is put right there."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

from numpy.typing import NDArray

from holotype import errors
from holotype.client.calling import Calling, Picture
from holotype.client.said import record
from holotype.files import write_whole
from holotype.gallery import Correction, Erasure, ExampleRecord, IdentityRecord, Undo
from holotype.records import Enrollment
from holotype.served import Sample


class Roster(Calling):
    """The enrolled."""

    def enroll(
        self,
        label: str,
        *images: Picture,
        vectors: NDArray[Any] | None = None,
        descriptions: Sequence[str] = (),
        consent: str | None = None,
        retain_until: date | None = None,
        tags: Sequence[str] = (),
        strict: bool = False,
        anyway: bool = False,
    ) -> Enrollment:
        """As `Recognizer.enroll`."""
        asked = {
            "text": [*descriptions],
            "consent": consent,
            "retain_until": None if retain_until is None else retain_until.isoformat(),
            "tags": [*tags],
            "strict": strict,
            "anyway": anyway,
        }
        return record(
            Enrollment, self._post(f"{_of(label)}/examples", images, vectors, asked, changes=True)
        )

    def forget(self, label: str) -> Erasure:
        """As `Recognizer.forget`; a receipt that is `pending` says that bytes are left."""
        return record(Erasure, self._call("DELETE", _of(label), changes=True))

    def examples(self, label: str) -> tuple[ExampleRecord, ...]:
        """As `Gallery.examples`."""
        said = self._call("GET", f"{_of(label)}/examples")
        return tuple(record(ExampleRecord, one) for one in said["stored"])

    def picture(self, example: int) -> bytes:
        """As `Gallery.picture`."""
        return bytes(self._call("GET", f"/v1/examples/{example}/picture"))

    def forget_example(self, example: int) -> Erasure:
        """As `Gallery.remove_example`."""
        return record(Erasure, self._call("DELETE", f"/v1/examples/{example}", changes=True))

    def rename(self, label: str, new: str, *, dry_run: bool = False) -> Correction:
        """As `Gallery.rename`."""
        return self._correct(f"{_of(label)}/rename", new, dry_run)

    def merge(self, label: str, into: str, *, dry_run: bool = False) -> Correction:
        """As `Gallery.merge`."""
        return self._correct(f"{_of(label)}/merge", into, dry_run)

    def move(self, example: int, label: str, *, dry_run: bool = False) -> Correction:
        """As `Gallery.move`."""
        return self._correct(f"/v1/examples/{example}/move", label, dry_run)

    def describe(
        self,
        label: str,
        *,
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        quiet: bool | None = None,
    ) -> IdentityRecord:
        """As `Gallery.describe`; what is noted then."""
        asked = {"add": [*add], "remove": [*remove], "metadata": metadata, "quiet": quiet}
        return record(IdentityRecord, self._json("PATCH", _of(label), asked))

    def last_change(self) -> Undo | None:
        """As `Gallery.last_change`; None where there is nothing to undo."""
        said = self._call("GET", "/v1/undo")["change"]
        return None if said is None else record(Undo, said)

    def undo(self) -> Undo:
        """As `Gallery.undo`."""
        return record(Undo, self._call("POST", "/v1/undo", changes=True))

    def list(self) -> dict[str, int]:
        """As `Recognizer.list`."""
        return {one.label: one.examples for one in self.records()}

    def records(self) -> tuple[IdentityRecord, ...]:
        """As `Gallery.records`."""
        said = self._pages("/v1/identities", "identities")
        return tuple(record(IdentityRecord, one) for one in said)

    def sample(self) -> Sample:
        """Sample drawings to try a new gallery with; none where its model reads something else."""
        return record(Sample, self._call("GET", "/v1/sample"))

    def export(self, out: str | os.PathLike[str], label: str | None = None) -> None:
        """As `SqliteGallery.export`, as one ZIP file in place of a folder.

        Raises:
            GalleryError: there is something at `out`, or it cannot be written.
        """
        content = self._call("GET", "/v1/export" if label is None else f"{_of(label)}/export")
        try:
            if os.path.lexists(out):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            write_whole(Path(out), content, private=True)
        except OSError as error:
            raise errors.GalleryError(
                f"{os.fspath(out)!r} cannot be written ({error.strerror or error})",
                "Name a file that does not exist yet",
            ) from error

    def _correct(self, place: str, to: str, dry_run: bool) -> Correction:
        return record(Correction, self._json("POST", place, {"to": to, "dry_run": dry_run}))


def _of(label: str) -> str:
    return f"/v1/identities/{quote(label, safe='')}"
