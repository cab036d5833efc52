"""How to install what is optional, by a command that works from where it is read."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from holotype.errors import MissingExtraError

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Extra:
    """Packages that only a part of holotype needs."""

    name: str  # in `[project.optional-dependencies]` of pyproject.toml
    packages: tuple[str, ...]  # as they are imported
    needed: str  # by whom, as a clause in which `{}` stands for the package

    def installed(self) -> bool:
        """Whether the packages are there; none of them is loaded."""
        return all(find_spec(package) for package in self.packages)

    @contextmanager
    def required(self) -> Iterator[None]:
        """Say how to install it where an import fails for want of it.

        Raises:
            MissingExtraError: a package of it is not installed.
        """
        try:
            yield
        except ImportError as error:  # psycopg without its library raises one without a name
            package = (error.name or self.packages[0]).partition(".")[0]
            if package not in self.packages:
                raise
            raise MissingExtraError(
                f"{self.needed.format(package)}, which is not installed", install(self.name)
            ) from error


def install_command(extra: str) -> str:
    """The command that installs an extra into the environment that runs.

    Where holotype runs from its source folder, extras come from there, in the tested versions;
    otherwise by name.

    Args:
        extra: a name of `[project.optional-dependencies]` in pyproject.toml.
    """
    if not _from_source():
        return f'{_pip_install()} "holotype[{extra}]"'
    source = _shortest(_ROOT).replace("\\", r"\\").replace('"', r"\"").replace("$", r"\$")
    return f'{_pip_install()} -e "{source}[{extra}]"'


def bare_command(package: str) -> str:
    """The command that installs a package without the others that it requires."""
    return f"{_pip_install()} --no-deps {package}"


def install(extra: str) -> str:
    """The remedy of an error about a package that only an extra brings."""
    return f"Install it with {install_command(extra)}"


def _pip_install() -> str:
    tested = ["-c", _shortest(_ROOT / "constraints.txt")] if _from_source() else []
    return shlex.join([_shortest(Path(sys.executable)), "-m", "pip", "install", *tested])


def _from_source() -> bool:
    return (_ROOT / "pyproject.toml").is_file()


def _shortest(path: Path) -> str:
    """As seen from the working directory where it lies below it."""
    try:
        return os.fspath(path.relative_to(Path.cwd()))
    except (ValueError, OSError):  # elsewhere, or the working directory is gone
        return os.fspath(path)
