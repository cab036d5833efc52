"""The commands of README and docs: what a reader types, in the order of the page."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hanging import HANGS_S

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# The one line of a page that makes the environment; what comes after finds it on the path.
ACTIVATE = ". .venv/bin/activate"
_FENCE = re.compile(
    r"^(?:<!-- (?P<mark>not run|executed by) *:? (?P<why>[^>]*?) -->\n)?"
    r"```(?P<language>\w*)\n(?P<code>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_SPAN = re.compile(r"`([^`]+)`")
_COMMAND = re.compile(r"(holotype|make|python (?:benchmarks|experiments|build_packs)/\S+)(\s|$)")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of commands."""

    language: str  # "sh" or "python"
    code: str
    not_run: str  # the reason that the page gives; empty where it is run
    comes_out: str  # what the page shows of the output; "..." stands for anything

    def commands(self) -> Iterator[list[str]]:
        """Each command line of a shell block as its words."""
        for line in self.code.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words:
                yield words


def blocks(page: Path) -> list[Block]:
    """The blocks of a page; what is shown as their output is in a block marked `text`."""
    found: list[Block] = []
    for fence in _FENCE.finditer(page.read_text()):
        language, code = fence["language"], fence["code"]
        if language in ("sh", "python"):
            found.append(Block(language, code, fence["why"] or "", ""))
        elif language == "text":
            last = found.pop()
            found.append(Block(last.language, last.code, last.not_run, last.comes_out + code))
        else:
            assert language == "", f"{page.name}: a block of {language} is neither sh nor python"
    return found


def spans(page: Path) -> list[list[str]]:
    """The commands that are named within the text."""
    text = _FENCE.sub("", page.read_text())
    return [shlex.split(span) for span in _SPAN.findall(text) if _COMMAND.match(span)]


def walk(page: Path, folder: Path, bin_folder: Path, *, clone: bool = False) -> list[str]:
    """Run the blocks of a page one after the other in a folder, as they are written.

    Args:
        page: README or a page of docs.
        folder: where the reader is.
        bin_folder: holds `holotype` and `python`.
        clone: whether the folder is a clone of the project. Elsewhere, lines that make the
            environment are left out, since `bin_folder` is that environment.

    Returns:
        The output of each block that is run.
    """
    environment = {**os.environ, "PATH": os.pathsep.join([str(bin_folder), os.environ["PATH"]])}
    outputs = []
    for block in blocks(page):
        if block.not_run:
            continue
        code = block.code if clone else without_setup(block.code)
        interpreter = ["sh", "-e"] if block.language == "sh" else [str(bin_folder / "python")]
        done = subprocess.run(
            [*interpreter, "-c", code],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=HANGS_S,
        )
        assert done.returncode == 0, f"{page.name}:\n{code}\n{done.stdout}\n{done.stderr}"
        missing = not_said(block.comes_out, done.stdout)
        assert not missing, f"{page.name} shows {missing!r}, but it says\n{done.stdout}"
        outputs.append(done.stdout)
    return outputs


def without_setup(code: str) -> str:
    """A shell block without the lines that make the environment."""
    lines = code.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(("make ", ACTIVATE)))


def not_said(shown: str, output: str) -> str:
    """The first line that a page shows and the output lacks, in order; empty where there is none.

    Spaces count as one, and "..." stands for anything within a line.
    """
    rest = iter([" ".join(line.split()) for line in output.splitlines()])
    for line in filter(None, (" ".join(line.split()) for line in shown.splitlines())):
        pattern = ".*".join(re.escape(part.strip()) for part in line.split("..."))
        if not any(re.fullmatch(pattern, said) for said in rest):
            return line
    return ""


def extras(page: Path) -> set[str]:
    """The extras that the commands of a page install."""
    return {
        word.removeprefix("extra-")
        for block in blocks(page)
        if block.language == "sh" and not block.not_run
        for words in block.commands()
        if words[0] == "make"
        for word in words[1:]
        if word.startswith("extra-")
    }


def targets(makefile: str, phony: Mapping[str, object]) -> set[str]:
    """What `make` can be asked for: the targets by name, and `extra-` with each extra."""
    named = set(re.findall(r"^([\w./-]+):(?!=)", makefile, re.MULTILINE))
    return named | {f"extra-{extra}" for extra in phony}
