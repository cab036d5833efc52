"""What goes wrong, in one line on stderr and an exit code (docs/exit-codes.md)."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

import typer

from holotype.cli.display import shown
from holotype.errors import EXIT_CODES, HolotypeError, Terminated
from holotype.extras import Extra

NO_MATCH = 1
FILE_SYSTEM = 11
INTERRUPTED, TERMINATED = 130, 143  # 128 + SIGINT and SIGTERM, as shells have it
BROKEN_PIPE = 141  # 128 + SIGPIPE
# EX_SOFTWARE of BSD's sysexits.h. Python's own 1 would read as "no match" of `verify`.
BUG = 70
TRACEBACK = "HOLOTYPE_TRACEBACK"

# How typer ends a command; the base of its errors about a command line has no public name.
_ENDS: tuple[type[BaseException], ...] = (typer.Exit, typer.Abort, typer.BadParameter.__mro__[2])

_TRAINING_PACKAGES = ("torch", "onnx", "onnxscript", "matplotlib")


@contextmanager
def reported() -> Iterator[None]:
    """Turn what a command raises into one line on stderr and an exit code."""
    try:
        yield
    except HolotypeError as error:
        _end(f"error: {error}", exit_code(error))
    except KeyboardInterrupt as interrupt:
        code = TERMINATED if isinstance(interrupt, Terminated) else INTERRUPTED
        _end(f"interrupted: {interrupt}" if str(interrupt) else "interrupted", code)
    except BrokenPipeError:
        _abandon_stdout()
        raise typer.Exit(BROKEN_PIPE) from None
    except OSError as error:
        _abandon_stdout()
        what = repr(os.fsdecode(error.filename)) if error.filename else "a file or the output"
        _end(
            f"error: {what} cannot be read or written ({error.strerror or error}). "
            "Check the path, its rights and the free space.",
            FILE_SYSTEM,
        )
    except _ENDS:
        raise
    except Exception as error:
        if os.environ.get(TRACEBACK):
            traceback.print_exc()
        what = f"{type(error).__name__} ({error})" if str(error) else type(error).__name__
        _end(
            f"error: {what} is a mistake in holotype, and the command did not finish. "
            f"Set {TRACEBACK}=1 to see where it happened, and report it.",
            BUG,
        )


@contextmanager
def training_extra(command: str) -> Iterator[None]:
    """Say how to install what only training needs.

    Raises:
        MissingExtraError: a package of the extra `train` is not installed.
    """
    with Extra("train", _TRAINING_PACKAGES, f"`holotype {command}` needs {{}}").required():
        yield


def provide_streams() -> None:
    """Let what is read from or said to a closed stream (daemons, `pythonw`) go nowhere."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A label or file name that the terminal's encoding lacks must not end the command.
            stream.reconfigure(errors="backslashreplace")


def exit_code(error: HolotypeError) -> int:
    """The exit code of an error's kind."""
    return next((EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES), BUG)


def _end(line: str, code: int) -> NoReturn:
    with suppress(OSError):
        # Names and labels in the message may hold line breaks; it stays one line.
        print(shown(line), file=sys.stderr, flush=True)
    raise typer.Exit(code) from None


def _abandon_stdout() -> None:
    """What is still buffered has nowhere to go; without this the interpreter complains at exit."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
