"""Docs that cannot drift: commands exist, links lead somewhere, tables equal their results."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import typer

from holotype.cli import app
from pages import ACTIVATE, PAGES, ROOT, blocks, not_said, spans, targets
from stand_ins import STAND_INS

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
_LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_not_run_says_why_and_could_be(page: Path) -> None:
    for block in blocks(page):
        assert block.not_run or "not run" not in block.code
        if block.language == "python":
            compile(block.code, str(page), "exec")
            continue
        for words in block.commands():
            understood(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_within_the_text_exist_with_their_options(page: Path) -> None:
    for words in spans(page):
        if words[0] != "holotype":
            understood(words)
            continue
        command, rest = command_of(words[1:])
        known = {option for parameter in command.params for option in parameter.opts}
        named = {word.partition("=")[0] for word in rest if re.match("--[a-z]", word)}
        assert named <= {*known, "--help"}, words


def understood(words: Sequence[str]) -> None:
    """Fail unless a command line that is not run would at least be understood."""
    line = " ".join(words)
    if "|" in words:  # what records is another program
        words = words[words.index("|") + 1 :]
    if words[0] == "torchrun":
        words = words[words.index("-m") + 1 :]
    if words[0] == "holotype":
        command, rest = command_of(words[1:])
        command.make_context("holotype", list(rest))
        if words[1] == "train" and not words[2].startswith("-"):
            recipes = pytest.importorskip("holotype.train.recipes").RECIPES
            assert words[2] in recipes, line
            if "--recipe" in words:
                assert words[words.index("--recipe") + 1] in recipes[words[2]], line
    elif words[0] == "make":
        known = targets((ROOT / "Makefile").read_text(), EXTRAS)
        assert set(words[1:]) <= known, line
    elif words[0] == "python":
        assert words[1] == "-c" or (ROOT / words[1]).is_file(), line
    else:
        shell = {".", "cd", "cp", "rm", "head", "for", "do", "done", "mkdir", "ray"}
        assert words[0] in shell or "=" in words[0], line
        assert words[0] != "." or line == ACTIVATE


def command_of(words: Sequence[str]) -> tuple[Any, list[str]]:
    """The command that words name, and what is left of them for it."""
    command, rest = typer.main.get_command(app), list(words)
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        otherwise = getattr(command, "otherwise", None)  # what is left out may be understood
        name = rest.pop(0) if otherwise is None or rest[0] in command.commands else otherwise
        assert name in command.commands, " ".join(words)
        command = command.commands[name]
    return command, rest


def test_a_command_that_does_not_exist_is_found() -> None:
    for wrong in ("holotype enlist a b", "make tea", "python experiments/nothing.py", "curl x"):
        with pytest.raises(AssertionError):
            understood(wrong.split())
    with pytest.raises(Exception, match=r"[Nn]o such option"):
        understood(["holotype", "identify", "a", "b", "--fprr", "0.1"])


def test_what_a_page_shows_is_looked_for_in_order() -> None:
    said = " name   answer \n a.png  match   0.7\n b.png  unknown\n"
    assert not_said("a.png match ...\nb.png ...\n", said) == ""
    assert not_said("b.png ...\na.png ...\n", said) == "a.png ..."
    assert not_said("a.png unknown\n", said) == "a.png unknown"


def test_no_stand_in_is_left_over() -> None:
    assert STAND_INS.keys() <= {page.name for page in PAGES}


def test_the_examples_of_the_readme_are_as_short_as_promised() -> None:
    shell, python = (b for b in blocks(ROOT / "README.md")[1:3])
    assert len(shell.code.strip().splitlines()) == 6
    assert len([line for line in python.code.splitlines() if line.strip()]) == 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    missing = [
        target for target in _LINK.findall(page.read_text()) if not (page.parent / target).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_recipes_stand_before_the_laboratory_notes(page: Path) -> None:
    text = page.read_text()
    recipe, notes, _ = text.partition("\n# Laboratory notes\n")
    if notes:
        heads = re.findall("^## (.*)$", recipe, re.MULTILINE)
        recipe_of = ["What to type", "What comes out", "How to tell that it works"]
        assert [head for head in heads if head in recipe_of] == recipe_of
        assert "<!-- table " not in recipe
    else:
        assert page.name in {"README.md", "packs.md", "api.md"} or "<!-- table " not in text


def test_the_tables_equal_their_result_files() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "experiments" / "tables.py"), "--check"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
