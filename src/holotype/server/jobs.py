"""Long work that is asked for over HTTP: one job after the other, noted beside the gallery.

What was asked for and what came of it lies in a file for its owner alone. The pictures of a job are
temporary files without a name, which end with the server: a job whose server died did not go on,
and says so. Whatever it had stored until then is stored whole. A result that names somebody goes
when whoever it names leaves the gallery (`holotype.gallery.job_log`).
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from holotype.errors import HolotypeError, ServingError
from holotype.gallery import job_log
from holotype.gallery.beside import Beside
from holotype.records import Job, JobKind
from holotype.server.answers import RETRY_S, RefusedError, as_json, code_of
from holotype.server.delivery import Turn
from holotype.server.guard import LOG
from holotype.server.repeats import Asked

MAX_WAITING = 8
KEEP_H = 24.0  # a result may name people: it is no second gallery
_NOTED_S = 1.0  # between two times that progress is written down
_COLUMNS = (
    "id, kind, state, actor, created, ended, done, total, result, code, problem, remedy, "
    "page IS NOT NULL"
)
_GONE = (
    "interrupted",
    "the server ended before the job did",
    "Ask for it again: what it stored is stored, and is not stored twice",
)


class CanceledError(Exception):
    """The job is to end, and stores nothing more."""


class Progress:
    """What the work of a job says of itself."""

    def __init__(self, note: Callable[[int, int], None], stop: threading.Event) -> None:
        self._note, self._stop = note, stop

    def __call__(self, done: int, total: int) -> None:
        """So much is done.

        Raises:
            CanceledError: nobody wants the rest.
        """
        if self._stop.is_set():
            raise CanceledError
        self._note(done, total)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job."""

    result: Any  # a record
    page: str | None = None  # HTML
    names: frozenset[str] = frozenset()  # whom it names beside those of the call


Work = Callable[[Progress], Outcome]


class Jobs(Beside):
    """The jobs of one gallery, and the thread that does those of this server.

    Args:
        path: the file; it is made where there is none.
        enrolled: the labels of all who are enrolled now.

    Raises:
        ServingError: others may read the file, or it holds no jobs.
    """

    _what, _tables = "jobs", (job_log.TABLE,)

    def __init__(self, path: Path, enrolled: Callable[[], Iterable[str]]) -> None:
        super().__init__(path)
        self._enrolled = enrolled
        self._server = secrets.token_hex(8)
        self._turn = Turn(self._place(self._server))
        self._live: dict[str, Job] = {}  # as they are now, which is written down now and then
        self._stops: dict[str, threading.Event] = {}
        self._closing = False
        self._thread = ThreadPoolExecutor(1, "jobs")
        try:
            self._look()
        except BaseException:
            super().close()
            raise

    def close(self) -> None:
        """End the job that is running; it and those that wait are noted as interrupted."""
        self._closing = True
        for stop in list(self._stops.values()):
            stop.set()
        self._thread.shutdown()
        if self._turn.held:
            self._turn.close()
            self._place(self._server).unlink(missing_ok=True)
        super().close()

    def add(
        self,
        kind: JobKind,
        actor: str,
        asked: Asked | None,
        work: Work,
        names: Iterable[str] = (),
    ) -> tuple[Job, bool]:
        """Begin a job, unless it was asked for before; then that one, and True.

        Args:
            kind: what it does.
            actor: the name of the key.
            asked: the call, where it may be sent again.
            work: does it.
            names: the labels that it was given.

        Raises:
            RefusedError: the same `Idempotency-Key` with something else, or too many wait.
            ServingError: it cannot be written down.
        """
        job = Job(
            id=secrets.token_hex(8),
            kind=kind,
            state="waiting",
            actor=actor,
            created=_now(),
            ended=None,
            done=0,
            total=0,
            result=None,
            code=None,
            problem=None,
            remedy=None,
            page=False,
        )
        with self._changing() as connection:
            if asked is not None:
                row = connection.execute(
                    f"SELECT {_COLUMNS}, content FROM jobs WHERE asked = ?", (asked.key,)
                ).fetchone()
                if row is not None:
                    if row[-1] != asked.content:
                        raise RefusedError(
                            409,
                            "another_content",
                            "this Idempotency-Key was used for something else",
                            "Make a new key for each job",
                        )
                    return self._now(_job(row[:-1])), True
            if len(self._stops) > MAX_WAITING:
                raise RefusedError(
                    503,
                    "busy",
                    f"{len(self._stops)} jobs are waiting, which are as many as are accepted",
                    "Come back when one of them is done",
                    {"retry-after": str(10 * RETRY_S)},
                )
            self._turn.mine()  # under the lock: nobody takes this server for dead meanwhile
            connection.execute(
                "INSERT INTO jobs (id, kind, state, actor, server, asked, content, created, done,"
                " total) VALUES (?, ?, 'waiting', ?, ?, ?, ?, ?, 0, 0)",
                (
                    job.id,
                    kind,
                    actor,
                    self._server,
                    asked and asked.key,
                    asked and asked.content,
                    job.created.isoformat(),
                ),
            )
            self._live[job.id], self._stops[job.id] = job, threading.Event()
        self._thread.submit(self._run, job.id, work, frozenset(names))
        return job, False

    def all(self) -> tuple[Job, ...]:
        """The jobs that are kept, newest first."""
        self._look()
        with self._session() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM jobs ORDER BY created DESC, rowid DESC"
            ).fetchall()
        return tuple(self._now(_job(row)) for row in rows)

    def find(self, name: str) -> Job | None:
        """One job; None where none of that id is kept."""
        return next((job for job in self.all() if job.id == name), None)

    def page(self, name: str) -> str | None:
        """The report of a job; None where it has none."""
        with self._session() as connection:
            row = connection.execute("SELECT page FROM jobs WHERE id = ?", (name,)).fetchone()
        return None if row is None or row[0] is None else bytes(row[0]).decode()

    def remove(self, name: str) -> Job | None:
        """Cancel a job, or erase one that has ended; None where none of that id is kept.

        Raises:
            RefusedError: another server on the gallery runs it.
        """
        job = self.find(name)
        if job is None:
            return None
        if job.ended is not None:
            with self._session() as connection:
                connection.execute("DELETE FROM jobs WHERE id = ?", (name,))
            self._live.pop(name, None)
            return job
        stop = self._stops.get(name)
        if stop is None:
            raise RefusedError(
                409, "elsewhere", "another server runs this job", "Ask that one to cancel it"
            )
        stop.set()
        return self._now(job)

    def _run(self, name: str, work: Work, names: frozenset[str]) -> None:
        stop = self._stops[name]
        written_s = time.monotonic()

        def note(done: int, total: int) -> None:
            nonlocal written_s
            self._live[name] = replace(self._live[name], state="running", done=done, total=total)
            if time.monotonic() - written_s > _NOTED_S:
                written_s = time.monotonic()
                self._write(name)

        outcome = None
        try:
            progress = Progress(note, stop)
            progress(0, 0)
            self._write(name)
            outcome = work(progress)
            ended: dict[str, Any] = {"state": "done", "result": json.loads(as_json(outcome.result))}
        except CanceledError:
            ended = {"state": "canceled"}
            if self._closing:
                ended = {"state": "interrupted", **_why(*_GONE)}
        except HolotypeError as error:
            ended = {"state": "failed", **_why(code_of(type(error)), error.problem, error.remedy)}
        except RefusedError as error:
            ended = {"state": "failed", **_why(error.code, error.problem, error.remedy)}
        except OSError as error:
            text = f"the disk does not take or give what the job needs ({error.strerror or error})"
            ended = {"state": "failed", **_why("disk", text, "Make room, and ask for it again")}
        except Exception:
            ended = {"state": "failed", **_why("internal", "the server made a mistake",
                                               "Look into its log")}  # fmt: skip
            LOG.exception("job")
        if outcome is None:
            outcome = Outcome(None)
        job = replace(self._live[name], ended=_now(), page=outcome.page is not None, **ended)
        try:
            self._end(job, outcome.page, names | outcome.names)
            del self._live[name]
        except ServingError:  # told while this runs, but for what nobody could take back
            if names | outcome.names:
                job = replace(job, result=None, page=False)
            self._live[name] = job
        del self._stops[name]

    def _end(self, job: Job, page: str | None, names: frozenset[str]) -> None:
        """Note what came of a job, unless somebody whom that names left while it ran."""
        left = False
        with self._session() as connection:
            before = _since(connection, job)
        if before and names:
            left = not names <= frozenset(self._enrolled())
        with self._changing() as connection:
            if left or (names and _since(connection, job) != before):  # even after that look
                job = replace(job, result=None, page=False, **_why(*job_log.FORGOTTEN))
                page, names = None, frozenset()
            connection.execute(
                "UPDATE jobs SET names = ?, page = ? WHERE id = ?",
                (json.dumps(sorted(names)), page and page.encode(), job.id),
            )
            _note(connection, job)

    def _write(self, name: str) -> None:
        with suppress(ServingError), self._session() as connection:
            _note(connection, self._live[name])

    def _now(self, job: Job) -> Job:
        return self._live.get(job.id, job)

    def _look(self) -> None:
        """Note what was interrupted, and forget what is too old."""
        before = (_now() - timedelta(hours=KEEP_H)).isoformat()
        with self._changing() as connection:
            connection.execute("DELETE FROM jobs WHERE ended < ?", (before,))
            running = connection.execute(
                "SELECT DISTINCT server FROM jobs WHERE state IN ('waiting', 'running')"
                " AND server != ?",
                (self._server,),
            ).fetchall()
            for (server,) in running:
                place = self._place(server)
                turn = Turn(place)
                if place.exists() and not turn.mine():
                    continue  # it lives
                turn.close()
                place.unlink(missing_ok=True)
                connection.execute(
                    "UPDATE jobs SET state = 'interrupted', ended = ?, code = ?, problem = ?,"
                    " remedy = ? WHERE server = ? AND state IN ('waiting', 'running')",
                    (_now().isoformat(), *_GONE, server),
                )

    def _place(self, server: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{server}")


def _job(row: tuple[Any, ...]) -> Job:
    name, kind, state, actor, created, ended, done, total, result, code, problem, remedy, page = row
    return Job(
        name,
        kind,
        state,
        actor,
        datetime.fromisoformat(created),
        ended and datetime.fromisoformat(ended),
        done,
        total,
        None if result is None else json.loads(result),
        code,
        problem,
        remedy,
        bool(page),
    )


def _note(connection: sqlite3.Connection, job: Job) -> None:
    connection.execute(
        "UPDATE jobs SET state = ?, ended = ?, done = ?, total = ?, result = ?, code = ?,"
        " problem = ?, remedy = ? WHERE id = ?",
        (
            job.state,
            job.ended and job.ended.isoformat(),
            job.done,
            job.total,
            None if job.result is None else json.dumps(job.result),
            job.code,
            job.problem,
            job.remedy,
            job.id,
        ),
    )


def _since(connection: sqlite3.Connection, job: Job) -> int:
    """How often somebody left the gallery since the job began."""
    row = connection.execute("SELECT since FROM jobs WHERE id = ?", (job.id,)).fetchone()
    return int(row[0])


def _why(code: str, problem: str, remedy: str) -> dict[str, Any]:
    return {"code": code, "problem": problem, "remedy": remedy}


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
