"""What the rows of a gallery are read and written through, whichever engine keeps them.

The statements are those of SQLite that PostgreSQL has as well, with `?` for each value. What the
two do differently is a method here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, ClassVar, Literal, Protocol


class DamagedError(Exception):
    """What was read is not what a gallery holds."""


class Cursor(Protocol):
    """What a statement found."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""

    def fetchone(self) -> Any:
        """The next row; None: there is none."""

    def fetchall(self) -> list[Any]:
        """All rows that are left."""

    def __iter__(self) -> Iterator[Any]:
        """Row by row."""


class Connection(Protocol):
    """One connection. Whoever has it keeps other threads from using it at the same time."""

    errors: ClassVar[type[Exception]]  # what the methods raise
    other_forms: dict[str, list[int]] | None  # see `enrolled`; None: not looked for yet

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Cursor:
        """Run one statement."""

    def executemany(self, statement: str, values: Iterable[Sequence[Any]], /) -> Cursor:
        """Run a statement for each row of values."""

    def begin(
        self, kind: Literal["DEFERRED", "IMMEDIATE"], ready: Callable[[], None] | None = None, /
    ) -> None:
        """Begin to read one state, or, IMMEDIATE, to write, alone; see `transaction`."""

    def commit(self) -> None:
        """Make what was written durable."""

    def rollback(self) -> None:
        """Let nothing have happened."""

    def schema_version(self) -> int:
        """The version of the tables; 0 where there are none."""

    def set_schema_version(self, version: int) -> None:
        """Note it."""

    def state(self) -> object:
        """What differs whenever another connection has changed something."""

    def columns(self, table: str) -> list[str]:
        """The names of its columns, in their order."""

    def counter(self, table: str) -> int:
        """The last number that a row of the table was given, whether it is there or not."""

    def set_counter(self, table: str, last: int) -> None:
        """Let the next row have a greater number."""

    def watch_examples(self) -> None:
        """Let each change of an example leave a row in `indexed`, in the same transaction."""

    def damage(self, most: int) -> Iterator[str]:
        """What the engine itself finds wrong with what it keeps, so many findings at most."""

    def erase(self, wait: bool) -> None:
        """Let nothing be left in the tables' files of what was deleted.

        Args:
            wait: for others who are just using them.

        Raises:
            errors: somebody reads an older state, or there is no room.
        """

    def close(self) -> None:
        """Let go of it."""

    def leave(self) -> None:
        """Do nothing with it any more: it is the parent's, and this process a child of that."""


@contextmanager
def transaction(
    connection: Connection,
    kind: Literal["DEFERRED", "IMMEDIATE"],
    ready: Callable[[], None] | None = None,
) -> Iterator[None]:
    """Everything inside happens, or nothing. IMMEDIATE takes the write lock, DEFERRED reads alone.

    `ready` is asked before each try to take a lock, and may refuse.
    """
    connection.begin(kind, ready)
    try:
        yield
        if kind == "IMMEDIATE":
            connection.commit()
        else:  # nothing is to be kept of what was read, and of a damaged file a commit would fail
            connection.rollback()
    except BaseException:
        # After a full disk SQLite has rolled back by itself; the first error is the one to tell.
        with suppress(connection.errors):
            connection.rollback()
        raise
