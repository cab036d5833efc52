"""One example defines a class, and from then on the class is recognized."""

import os
from typing import TYPE_CHECKING, Any

# The wheels of ONNX Runtime report to their maker, and leave a lasting id in the home folder,
# unless they find this when they are first loaded. What somebody has set on purpose stands.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from holotype.errors import HolotypeError
    from holotype.estimator import OneShotClassifier as OneShotClassifier
    from holotype.pack import Card
    from holotype.recognizer import Recognizer, open
    from holotype.records import Candidate, Decision, Enrollment, Episode, Recording, Report

    __version__: str

__all__ = [
    "Candidate",
    "Card",
    "Decision",
    "Enrollment",
    "Episode",
    "HolotypeError",
    "Recognizer",
    "Recording",
    "Report",
    "open",
]

_HOMES = {
    "Card": "pack",
    "HolotypeError": "errors",
    "OneShotClassifier": "estimator",  # not in __all__: it needs scikit-learn, an extra
    "Recognizer": "recognizer",
    "open": "recognizer",
}


def __getattr__(name: str) -> Any:
    # On demand: `holotype --help` and shell completion need not wait for onnxruntime.
    if name == "__version__":
        from importlib.metadata import version

        return version("holotype")
    if name not in __all__ and name not in _HOMES:
        raise AttributeError(f"module 'holotype' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"holotype.{_HOMES.get(name, 'records')}"), name)


def __dir__() -> list[str]:
    special = {name for name in globals() if name.startswith("__")}
    return sorted({*__all__, *_HOMES, *special, "__version__"})
