"""A gallery in a PostgreSQL database, which several machines may share.

What the methods promise stands with `Gallery`; here stands how PostgreSQL keeps it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Self

from holotype.errors import GalleryError
from holotype.gallery import copying
from holotype.gallery.connection import Connection as RowConnection
from holotype.gallery.connection import DamagedError
from holotype.gallery.creation import create
from holotype.gallery.place import file_beside
from holotype.gallery.postgres_connection import Connection, Database, failures
from holotype.gallery.rows import BUSY_TIMEOUT_S, Gallery
from holotype.gallery.schema import Binding, read_binding, upgrade
from holotype.gallery.snapshot import Snapshot


class PostgresGallery(Gallery):
    """The `Gallery` that several machines share."""

    def __init__(self, database: Database, binding: Binding, busy_timeout_s: float) -> None:
        """Open a gallery that exists and belongs to the model in `binding`."""
        self._database = database
        self._busy_timeout_s = busy_timeout_s
        super().__init__(database.name, binding)

    @classmethod
    def at(cls, place: str | os.PathLike[str], binding: Binding, busy_timeout_s: float) -> Self:
        """Open a gallery that exists; see `Gallery`."""
        return cls(Database.of(place), binding, busy_timeout_s)

    @classmethod
    def called(cls, place: str | os.PathLike[str]) -> str:
        """The place without a password; see `Gallery`."""
        return Database.of(place).name

    @classmethod
    def exists(cls, place: str | os.PathLike[str]) -> bool:
        """Whether there is a gallery, or half a copy of one; see `Gallery`."""
        database = Database.of(place)
        with failures(database.name), closing(Connection(database, BUSY_TIMEOUT_S)) as connection:
            return connection.stage() != "none"

    @classmethod
    def binding_of(cls, place: str | os.PathLike[str]) -> Binding:
        """The model that the gallery belongs to; see `Gallery`."""
        database = Database.of(place)
        with failures(database.name), closing(_opened(database, BUSY_TIMEOUT_S)) as connection:
            return read_binding(connection)

    @classmethod
    def make(
        cls,
        place: str | os.PathLike[str],
        binding: Binding,
        *,
        keep_pictures: bool,
        actor: str | None,
        fill: Callable[[RowConnection], None] | None = None,
    ) -> None:
        """Make a gallery; see `Gallery`."""
        database = Database.of(place)
        with (
            failures(database.name),
            closing(Connection(database, BUSY_TIMEOUT_S)) as connection,
            connection.making(),
        ):
            if connection.schema_version() == 0:
                create(connection, binding, keep_pictures, actor, fill)
            elif fill is not None:
                raise GalleryError(f"{database.name!r} was just made", "Import again")

    def _dial(self) -> Connection:
        return _opened(self._database, self._busy_timeout_s)

    def _failures(self) -> AbstractContextManager[None]:
        return failures(self._database.name)

    def _is_lost(self, error: BaseException) -> bool:
        return isinstance(error, DamagedError)

    def _beside(self, ending: str) -> Path:
        return file_beside(self._database.name, ending)

    def snapshot(self) -> Snapshot:
        """The present content; see `Gallery`. A transaction would ask twice more."""
        with self._session() as connection:
            found = self._mirror.latest(connection)
        return super().snapshot() if found is None else found

    def _copy(self, target: Path) -> None:
        with self._reading() as rows:
            copying.to_file(rows, target)

    @classmethod
    @contextmanager
    def receiving(cls, place: str | os.PathLike[str]) -> Iterator[RowConnection]:
        """See `Gallery`."""
        database = Database.of(place)
        with failures(database.name), closing(Connection(database, BUSY_TIMEOUT_S)) as connection:
            with connection.making():
                upgrade(connection)
            if connection.stage() == "whole":
                raise copying.taken(database.name)
            yield connection

    @contextmanager
    def at_rest(self) -> Iterator[RowConnection]:
        """See `Gallery`."""
        with self._reading() as rows:
            yield rows


def _opened(database: Database, busy_timeout_s: float) -> Connection:
    """A connection to a gallery that is there.

    Raises:
        GalleryError: there is none, or half a copy.
    """
    connection = Connection(database, busy_timeout_s)
    try:
        stage = connection.stage()
        if stage == "none":
            raise GalleryError(f"there is no gallery at {database.name!r}", "enroll creates one")
        if stage == "begun":
            raise GalleryError(
                f"a copy to {database.name!r} was begun, and has not come to its end",
                "Run the same `holotype copy` again: it goes on",
            )
    except BaseException:
        connection.close()
        raise
    return connection
