"""Which domains there are; whoever needs to know what a source is asks here."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from holotype.domains.domain import Domain
from holotype.image.decode import ImageSource
from holotype.records import Preprocessing

# The folders, each with a `domain.py`. Where a model's file does not say what it reads, the first
# that fits is taken.
_FOLDERS = ("photos", "faces", "drawings", "texts", "tensors", "voices")
_DEFAULT = "ink"


@cache
def domains() -> dict[str, Domain]:
    """All domains, by the kind of preprocessing."""
    modules = [import_module(f"holotype.domains.{folder}.domain") for folder in _FOLDERS]
    return {one.kind: one for module in modules for one in module.DOMAINS}


def domain_of(preprocessing: Preprocessing) -> Domain:
    """The domain that a model is of."""
    return domains()[preprocessing.kind]


def default_domain() -> Domain:
    """The one of a gallery for which nothing is named."""
    return domains()[_DEFAULT]


def of_pack(name: str) -> Domain:
    """The domain of a pack that is used by name."""
    return next(one for one in domains().values() if name in one.packs)


def owner(source: ImageSource) -> Domain | None:
    """The domain that a source is plainly of; None where it may be a picture."""
    return next((one for one in domains().values() if one.owns(source)), None)


def typed() -> Domain:
    """The one whose things are typed."""
    return next(one for one in domains().values() if one.typed)
