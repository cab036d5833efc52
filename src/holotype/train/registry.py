"""The methods, by the name that the command line knows them by; torch is loaded by `load` alone."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from importlib import import_module, resources
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from holotype.train.method import Method


@dataclass(frozen=True, slots=True)
class MethodCard:
    """Where a method is written down, and what can be said of it before torch is there."""

    family: str
    module: str
    kind: str  # the name of its class
    makes_pack: bool  # it has an embedder

    def load(self) -> type[Method]:
        """The class itself.

        Raises:
            ModuleNotFoundError: torch is not installed.
        """
        return cast("type[Method]", getattr(import_module(self.path), self.kind))

    @property
    def path(self) -> str:
        """How its module is imported."""
        return f"holotype.train.methods.{self.family}.{self.module}"

    def texts(self) -> tuple[str, str]:
        """What it does, and its paper: the first lines of the class and of its file."""
        file = resources.files("holotype.train.methods").joinpath(self.family, f"{self.module}.py")
        tree = ast.parse(file.read_text(encoding="utf-8"))
        (kind,) = (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == self.kind)
        return _first_line(kind), _first_line(tree)


def _first_line(node: ast.ClassDef | ast.Module) -> str:
    return (ast.get_docstring(node) or "").partition("\n")[0].rstrip(".")


METHODS: dict[str, MethodCard] = {
    "prototypical": MethodCard("metric", "prototypical", "PrototypicalNetworks", True),
    "matching": MethodCard("metric", "matching", "MatchingNetworks", True),
    "matching-full-context": MethodCard("metric", "matching", "FullContextMatchingNetworks", False),
    "relation": MethodCard("metric", "relation", "RelationNetworks", False),
    "siamese": MethodCard("metric", "siamese", "SiameseNetworks", False),
    "contrastive": MethodCard("metric", "contrastive", "ContrastiveTwins", True),
    "triplet": MethodCard("metric", "triplet", "TripletTwins", True),
    "baseline++": MethodCard("metric", "baseline_plus_plus", "BaselinePlusPlus", True),
    "simpleshot": MethodCard("metric", "simpleshot", "SimpleShot", True),
    "pixels": MethodCard("metric", "pixels", "Pixels", True),
    "hog": MethodCard("metric", "hog", "HogBaseline", True),
    "hausdorff": MethodCard("metric", "hausdorff", "ModifiedHausdorff", False),
    "from-scratch": MethodCard("metric", "scratch", "FromScratch", False),
    "mann": MethodCard("memory", "mann", "MANN", False),
    "lifelong-memory": MethodCard("memory", "lifelong", "LifelongMemoryNetwork", True),
    "memory-network": MethodCard("memory", "memory_network", "MemoryNetwork", True),
    "key-value-memory": MethodCard("memory", "key_value", "KeyValueMemoryNetwork", True),
    "homoencoder": MethodCard("generative", "homoencoder", "Homoencoder", False),
    "vae": MethodCard("generative", "vae", "VariationalAutoencoder", False),
    "dagan": MethodCard("generative", "dagan", "DAGAN", False),
    "maml": MethodCard("meta", "maml", "MAML", False),
    "fomaml": MethodCard("meta", "maml", "FirstOrderMAML", False),
    "meta-sgd": MethodCard("meta", "meta_sgd", "MetaSGD", False),
    "anil": MethodCard("meta", "anil", "ANIL", True),
    "protomaml": MethodCard("meta", "protomaml", "ProtoMAML", True),
    "reptile": MethodCard("meta", "reptile", "Reptile", False),
}
