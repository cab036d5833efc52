"""In a process of its own: what is loaded, and what reaches stdout."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hanging import HANGS_S

Process = Callable[..., subprocess.CompletedProcess[str]]

NOT_NEEDED = "{'torch', 'onnx', 'onnxscript', 'matplotlib', 'jinja2'}"
LOADED = f"print('loaded', sorted({NOT_NEEDED} & sys.modules.keys()), file=sys.stderr)"


@pytest.mark.parametrize(
    "arguments",
    [
        ("enroll", "{desk}", "c9", "{drawings}/5-0.png", "--json"),
        ("identify", "{desk}", "{drawings}/2-1.png", "--fpir", "0.1", "--json"),
        ("verify", "{desk}", "c0", "{drawings}/0-0.png", "--fmr", "0.1", "--json"),
        ("forget", "{desk}", "c0", "--json"),
        ("list", "{desk}", "--json"),
        ("pack", "list", "--json"),
        ("pack", "show", "{pack}", "--json"),
        ("evaluate", "{pack}", "--data", "digits", "--episodes", "2", "--n-query", "1", "--json"),
        ("evaluate", "{desk}", "--data", "digits", "--episodes", "2", "--n-query", "1", "--json"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_what_only_recognizes_loads_no_torch_and_prints_one_document(
    arguments: tuple[str, ...], desk: Path, drawings: Path, pack: Path, holotype_process: Process
) -> None:
    filled = [part.format(desk=desk, drawings=drawings, pack=pack) for part in arguments]
    done = holotype_process(*filled, after=LOADED)
    assert (done.returncode, done.stderr) == (0, "loaded []\n")
    json.loads(done.stdout)


# Ctrl-C is heeded, also where the tests themselves were started by a shell that has it ignored.
LOADING = """
import importlib.abc, signal, sys, time

class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "holotype.cli":
            print("loading", flush=True)
            time.sleep(600)

sys.meta_path.insert(0, Slow())
signal.signal(signal.SIGINT, signal.default_int_handler)
from holotype.__main__ import main
main()
"""


def test_an_interrupt_while_it_is_loaded_ends_it_without_a_word() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LOADING, "--version"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as loading:
        assert loading.stdout is not None
        assert loading.stdout.readline() == "loading\n"
        loading.send_signal(signal.SIGINT)
        out, err = loading.communicate(timeout=HANGS_S)
    assert (loading.returncode, out, err) == (130, "", "")


def test_an_error_leaves_stdout_empty(desk: Path, holotype_process: Process) -> None:
    done = holotype_process("identify", desk, "missing.png", "--fpir", "0.1", "--json")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("error: 'missing.png': no such file. ")
    assert done.stderr.count("\n") == 1


def test_a_terminal_that_lacks_a_character_still_gets_an_answer(
    tmp_path: Path, pack: Path, drawings: Path, holotype_process: Process
) -> None:
    done = holotype_process(
        "enroll",
        tmp_path / "g",
        "Zoë",
        drawings / "0-0.png",
        "--model",
        pack,
        before="sys.stdout.reconfigure(encoding='ascii')",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1] == "Zo\\xeb: 1 example added, 1 example now"
