"""The command line as a whole: names, help, completion."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

import holotype
from hanging import HANGS_S

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
Run = Callable[..., Result]

COMMANDS = (
    "demo", "data", "train", "export", "evaluate", "enroll", "identify", "verify", "forget",
    "list", "methods", "pack", "compare", "watch",
)  # fmt: skip
LEAVES = [(c,) for c in COMMANDS if c not in ("data", "pack")] + [
    ("data", "omniglot"),
    ("data", "sample"),
    ("pack", "list"),
    ("pack", "show"),
]


def plain(text: str) -> str:
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", text).split())


def test_the_help_lists_every_command(run: Run) -> None:
    said = plain(run("--help", columns=200).stdout)
    assert [c for c in COMMANDS if f" {c} " not in said] == []


@pytest.mark.parametrize("group", [(), ("pack",), ("data",), ("show",)], ids=" ".join)
def test_a_group_alone_shows_its_help_and_that_is_no_error(run: Run, group: tuple[str]) -> None:
    done = run(*group)
    assert (done.exit_code, done.stdout) == (0, run(*group, "--help").stdout)
    assert "Usage: " in done.stdout


def test_the_version_is_that_of_the_project(run: Run) -> None:
    stated = tomllib.loads(PROJECT.read_text())["project"]["version"]
    assert run("--version").stdout == f"holotype {stated}\n"
    assert holotype.__version__ == stated


def test_dir_lists_the_public_names_and_no_others() -> None:
    public = {name for name in dir(holotype) if not name.startswith("__")}
    assert public == {*holotype.__all__, "OneShotClassifier"}
    assert "__version__" in dir(holotype)


@pytest.mark.parametrize("command", LEAVES, ids=" ".join)
def test_every_command_has_help_with_an_example_and_json(
    run: Run, command: tuple[str, ...]
) -> None:
    done = run(*command, "--help", columns=200)
    assert done.exit_code == 0
    said = plain(done.stdout)
    assert f"Example: holotype {' '.join(command)}" in said
    assert "--json" in said


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("evaluate", "--data --protocol --n-way --k-shot --n-query --episodes --seed"),
        ("identify", "--fpir --all-faces"),
        ("watch", "--gallery --fpir --keep-unknown --json"),
        ("verify", "--fmr"),
        ("enroll", "--model"),
        ("train", "--data --out --resume --recipe --seed --from --export"),
        ("export", "--out"),
        ("compare", "--data --protocol --budget --out --n-way --k-shot --strict"),
        ("demo", "--out"),
    ],
)
def test_options_that_others_rely_on(run: Run, command: str, options: str) -> None:
    said = plain(run(command, "--help", columns=200).stdout)
    assert [option for option in options.split() if f" {option} " not in said] == []


def test_the_shell_completes_commands() -> None:
    environment = {
        **os.environ,
        "_HOLOTYPE_COMPLETE": "complete_bash",
        "COMP_WORDS": "holotype iden",
        "COMP_CWORD": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", "from holotype.cli import main; main()"],
        capture_output=True,
        text=True,
        env=environment,
        timeout=HANGS_S,
    )
    assert done.stdout.split() == ["identify"]
