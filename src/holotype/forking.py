"""What a child made by fork must not share with its parent: locks, threads, open files.

The child has a copy of everything, but of all threads only the one that forked. A lock that
another held stays locked there for good, and threads that are waited for never come.
"""

from __future__ import annotations

import ctypes
import functools
import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

# NumPy imports these when they are first used. A thread that is just doing so while another forks
# leaves the lock of the module behind, for which the child would wait for ever.
import numpy.linalg
import numpy.random  # noqa: F401

_T = TypeVar("_T")


class Forked:
    """Something that is told when the process is forked."""

    def __init__(self) -> None:
        with _forking:  # a set that grows while it is read would let a fork go unprepared
            _told.add(self)

    def before_fork(self) -> None:
        """Come to rest, and stay so until the fork is over."""

    def after_fork_in_parent(self) -> None:
        """Go on."""

    def after_fork_in_child(self) -> None:
        """Begin anew."""


class Lock(Forked):
    """A lock that is free in a child made by fork, whoever held it in the parent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        super().__init__()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """Nobody holds it here."""
        self._lock = threading.Lock()


class cached_property(functools.cached_property[_T], Forked):  # noqa: N801 - as the one it is
    """`functools.cached_property`, which before Python 3.12 has a lock for all instances."""

    def __init__(self, function: Callable[[Any], _T]) -> None:
        functools.cached_property.__init__(self, function)
        Forked.__init__(self)

    def after_fork_in_child(self) -> None:
        """Nobody holds it here."""
        self.lock = threading.RLock()


_told: weakref.WeakSet[Forked] = weakref.WeakSet()
_resting: list[Forked] = []
# Held from before a fork until after it: two threads may fork at once.
_forking = threading.RLock()


def abandon(thing: Any) -> None:
    """Keep an object of the parent's for good: to let go of it here would wait, or do harm."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _before() -> None:
    _forking.acquire()
    _resting[:] = _told
    for thing in _resting:
        thing.before_fork()


def _in_parent() -> None:
    for thing in _resting:
        thing.after_fork_in_parent()
    _resting.clear()
    _forking.release()


def _in_child() -> None:
    global _forking
    _forking = threading.RLock()
    for thing in _resting:
        thing.after_fork_in_child()
    _resting.clear()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork either
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
