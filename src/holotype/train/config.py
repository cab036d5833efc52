"""A training run as a file: what its `run.json` says, or somebody writes in the same words."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holotype.errors import TrainingError
from holotype.train import runs

_CONFIG = ("method", "recipe", "data", "from")


@dataclass(frozen=True, slots=True)
class RunConfig:
    """What defines a run; None, or empty: it is not said."""

    method: str | None = None
    recipe: str | None = None
    data: str | None = None
    begun: Mapping[str, Any] | None = None  # facts of the run whose weights it began with
    settings: Mapping[str, Any] = field(default_factory=dict)  # by their names in TrainingSettings
    threads: int | None = None

    @classmethod
    def of(cls, said: Mapping[str, Any], where: Path) -> RunConfig:
        """What the content of a file defines.

        Raises:
            TrainingError: a word that defines nothing.
        """
        config, settings = said.get("config", {}), said.get("settings", {})
        parts = (
            (said, ("config", "settings", "threads", *runs.NOTED), "a top-level word"),
            (config, _CONFIG, "config"),
        )
        for given, known, what in parts:
            unknown = sorted(set(given) - set(known))
            if unknown:
                raise TrainingError(
                    f"{where} says {unknown[0]!r}, which is no part of {what}",
                    f"Choose from {', '.join(known[:4])}",
                )
        return cls(
            config.get("method"),
            config.get("recipe"),
            config.get("data"),
            config.get("from"),
            settings,
            said.get("threads"),
        )


def read_config(path: Path) -> RunConfig:
    """The run that a file defines: the `run.json` of a run, or TOML (`.toml`) in the same words.

    Raises:
        TrainingError: the file cannot be read, or says what defines nothing.
    """
    try:
        text = path.read_text()
        said = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise TrainingError(
            f"{path} cannot be read ({error.strerror})", "Name a file that defines a run"
        ) from error
    except ValueError as error:
        kind = "TOML" if path.suffix == ".toml" else "JSON"
        raise TrainingError(
            f"{path} is not {kind} ({error})", "Name the run.json of a run, or a .toml file"
        ) from error
    if not isinstance(said, dict):
        raise TrainingError(f"{path} defines no run", "Name the run.json of a run")
    return RunConfig.of(said, path)
