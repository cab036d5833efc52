"""A gallery in one SQLite file, and that it is still the same one.

A rollback journal, fsync before a commit returns. What the methods promise stands with `Gallery`;
here stands how SQLite keeps it.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from holotype.errors import GalleryError, GalleryReplacedError
from holotype.gallery import backup, copying, opened
from holotype.gallery.connection import Connection as RowConnection
from holotype.gallery.connection import DamagedError, transaction
from holotype.gallery.file import (
    connect,
    connect_existing,
    create_file,
    draft_for,
    failures,
    is_damage,
    may_write,
    publish,
    real_path,
    require_own_log,
    sweep,
)
from holotype.gallery.opened import Connection, Key
from holotype.gallery.rows import BUSY_TIMEOUT_S, Gallery
from holotype.gallery.schema import Binding, read_binding, schema_version, upgrade

_TURN_S = 0.001  # between two changes, for another process that waits for its turn
_TICK_NS = 20_000_000  # file systems note times to some milliseconds


@dataclass(frozen=True, slots=True)
class _State:
    """How the file looks from outside."""

    changes: int  # SQLite's own count
    written: tuple[object, ...]
    recent: bool = field(compare=False)


class SqliteGallery(Gallery):
    """The `Gallery` that needs no server; SQLite keeps a log beside it during a change."""

    _connection: Connection | None

    def __init__(self, path: Path, binding: Binding, busy_timeout_s: float) -> None:
        """Open a gallery that exists and belongs to the model in `binding`."""
        self._given = Path(os.path.abspath(path))
        self._locate()
        self._busy_timeout_s = busy_timeout_s
        self._file: Key | None = None  # what was opened; held until `close` or `reopen`
        self._settling = False
        self._changed_s = -_TURN_S  # when the last change from here ended, by the monotonic clock
        with failures(self.path):
            sweep(self.path.parent)
        super().__init__(str(self.path), binding, self.path.parent)

    def _locate(self) -> None:
        self.path = real_path(self._given)
        self.place = str(self.path)
        self._names = {os.fspath(self.path), os.fspath(self._given)}

    @classmethod
    def at(cls, place: str | os.PathLike[str], binding: Binding, busy_timeout_s: float) -> Self:
        """Open a gallery that exists; see `Gallery`."""
        return cls(Path(place), binding, busy_timeout_s)

    @classmethod
    def called(cls, place: str | os.PathLike[str]) -> str:
        """The place as it was given."""
        return os.fspath(place)

    @classmethod
    def exists(cls, place: str | os.PathLike[str]) -> bool:
        """Whether there is a file at that place."""
        path = real_path(place)
        with failures(path):
            return path.exists()

    @classmethod
    def binding_of(cls, place: str | os.PathLike[str]) -> Binding:
        """The model that the gallery belongs to; see `Gallery`."""
        path = real_path(place)
        with failures(path):
            connection, _ = connect_existing(path, BUSY_TIMEOUT_S)
            with closing(connection):
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
        path = real_path(place)
        with failures(path):
            create_file(path, binding, keep_pictures=keep_pictures, actor=actor, fill=fill)

    def _connect(self) -> RowConnection:
        connection = super()._connect()
        assert isinstance(connection, Connection)
        if self._file is None and connection.file is not None:
            opened.hold_on(connection.file)
            self._file = connection.file
        return connection

    def _dial(self) -> Connection:
        """Open the file that lies at the path; after the first time, no other one."""
        if self._file is not None:
            self._require_same()
        connection, self._frozen = connect_existing(self.path, self._busy_timeout_s)
        try:
            if self._file not in (None, connection.file):  # replaced in between
                raise self._replaced_error(self.path)
            self._seen = self._state_of(connection)
            self._mounted_alone = opened.is_mounted_alone(self.path)
        except BaseException:
            connection.close()
            raise
        return connection

    def _failures(self) -> AbstractContextManager[None]:
        return failures(self.path)

    def _is_lost(self, error: BaseException) -> bool:
        # Or half of a copy, which will be whole: look again.
        return isinstance(error, DamagedError) or (
            isinstance(error, sqlite3.DatabaseError) and is_damage(error)
        )

    def _beside(self, ending: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{ending}")

    @property
    def _only_read(self) -> bool:
        return self._frozen or self._mounted_alone or not may_write(self.path)

    def _finish_erasure(self, connection: RowConnection) -> bool:
        return self._frozen or super()._finish_erasure(connection)

    def _copy(self, target: Path) -> None:
        backup.copy(self.path, target, self._busy_timeout_s)

    @classmethod
    @contextmanager
    def receiving(cls, place: str | os.PathLike[str]) -> Iterator[RowConnection]:
        """See `Gallery`. The file has its name with `.copying` after it until it is whole."""
        path = real_path(place)
        draft = path.with_name(f"{path.name}.copying")
        with failures(path):
            if path.exists():
                raise copying.taken(str(path))
            os.close(os.open(draft, os.O_CREAT | os.O_RDWR, 0o600))  # for its owner alone
            with closing(connect(draft, 0.0)) as connection:
                with transaction(connection, "IMMEDIATE"):
                    upgrade(connection)
                yield connection
            opened.distinguish(draft)
            try:
                publish(draft, path)
            except FileExistsError:
                raise copying.taken(str(path)) from None
            draft.unlink(missing_ok=True)

    @contextmanager
    def at_rest(self) -> Iterator[RowConnection]:
        """See `Gallery`. A reader would keep others from writing: so it reads a copy."""
        if self._only_read:
            with self._reading() as connection:
                yield connection
            return
        with failures(self.path), draft_for(self.path) as draft:
            with self._session() as connection:
                self._require_same()
                connection.execute("VACUUM INTO ?", (str(draft),))
            with closing(connect(draft, 0.0)) as rows, transaction(rows, "DEFERRED"):
                yield rows

    def reopen(self) -> None:
        """Open what lies at the path now; see `Gallery.reopen`."""
        with self._lock:
            self._locate()
            super().reopen()

    def _let_go(self) -> None:
        super()._let_go()
        if self._file is not None:
            opened.release(self._file)
            self._file = None

    def _before_use(self, connection: RowConnection) -> RowConnection:
        state = self._state_of(connection)
        if self._written_past_sqlite(state):
            self._forget_all()
            connection = self._connect()
        self._seen = state
        return connection

    def _after_use(self, connection: RowConnection) -> None:
        after = self._state_of(connection)
        if after.changes != self._seen.changes:  # of a change that was made here
            self._seen = after

    def _before_change(self) -> None:
        self._require_folder()
        # Who changes without a pause would leave no other process a moment to read or write.
        time.sleep(max(self._changed_s + _TURN_S - time.monotonic(), 0))

    def _begun(self, connection: RowConnection) -> None:
        # Under the lock, and before there is a log. The first page comes first into it.
        self._require_same()
        connection.execute(f"PRAGMA user_version = {schema_version(connection)}")

    def _done(self, connection: RowConnection) -> None:
        self._changed_s = time.monotonic()
        self._require_same()  # or it is not where it is said to be

    def _replaced_error(self, path: str | Path) -> GalleryReplacedError:
        return GalleryReplacedError(
            f"another file lies at {str(path)!r} than the gallery that was opened there",
            "Open the gallery again",
        )

    def _require_same(self) -> None:
        """Refuse to go on with a file that has lost its name, or with the log of another."""
        # To take a lock is to apply a log that lies there: it has to be this file's own.
        assert self._file is not None
        for path in self._names:
            try:
                there = opened.key_of(os.stat(path))
            except (FileNotFoundError, NotADirectoryError):
                raise GalleryReplacedError(
                    f"the gallery {path!r} is no longer there: it was deleted, or has got "
                    "another name, since it was opened",
                    "Put it back, or open it where it is now",
                ) from None
            if there != self._file:
                raise self._replaced_error(path)
        require_own_log(self.path, self._file, self._busy_timeout_s)

    def _require_folder(self) -> None:
        if self._mounted_alone:
            raise GalleryError(
                f"the gallery {str(self.path)!r} is mounted without the folder that it lies in; "
                "the log of a change would stay behind",
                "Mount the folder instead; to be read alone, it may stay as it is",
            )

    def _state_of(self, connection: RowConnection) -> _State:
        """What shows that somebody wrote to the file."""
        assert isinstance(connection, Connection)
        assert connection.file is not None
        status = opened.status_of(connection.file)
        return _State(
            opened.changes(opened.header_of(connection.file)),
            (status.st_size, status.st_mtime_ns, self._frozen and self._log_exists()),
            abs(time.time_ns() - status.st_mtime_ns) < _TICK_NS,
        )

    def _log_exists(self) -> bool:
        return Path(f"{self.path}-wal").exists()

    def _written_past_sqlite(self, state: _State) -> bool:
        """Whether the file was written to in a way that SQLite does not see.

        SQLite reads its pages anew when the file's count of changes has moved. A copy that is
        written over the file moves it with its first bytes, and goes on. A file of which SQLite
        was told that nobody writes to it (`_frozen`) is never read anew.
        """
        if self._frozen:
            return state != self._seen
        if state.changes != self._seen.changes:
            self._settling = False
            return False
        past = self._settling or state.written != self._seen.written
        # As long as another write could get the same time.
        self._settling = past and state.recent
        return past
