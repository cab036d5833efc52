"""The methods, by the name that the command line knows them by."""

from __future__ import annotations

from holotype.learn.method import Method
from holotype.learn.metric.prototypical import PrototypicalNetworks

METHODS: dict[str, type[Method]] = {
    "prototypical": PrototypicalNetworks,
}
