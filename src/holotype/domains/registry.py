"""Which domains there are; whoever needs to know what a source is asks here."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from holotype.domains.domain import Domain
from holotype.image.decode import ImageSource
from holotype.preprocessing import Preprocessing

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


def preprocessing_from_json(constants: object) -> Preprocessing:
    """Read what `Preprocessing.to_json` gave, and check each field.

    Raises:
        ValueError: with the rule that is broken, as one clause.
    """
    if not isinstance(constants, dict):
        raise ValueError("preprocessing is not a JSON object")
    if "kind" not in constants:
        raise ValueError("preprocessing lacks the field 'kind'")
    stated = {name: value for name, value in constants.items() if value is not None}
    name = stated.pop("kind", None)
    domain = domains().get(name) if isinstance(name, str) else None
    if domain is None:
        raise ValueError(f"kind of preprocessing is not valid: {str(name)[:80]!r}")
    known = {field for one in domains().values() for field in (*one.needs, *one.may)}
    for key in sorted(stated):
        if key not in known:
            raise ValueError(f"preprocessing has the unknown field {key!r}")
        if key not in domain.needs and key not in domain.may:
            raise ValueError(f"{key} does not belong to kind {name!r}")
    for key, rule in {**domain.needs, **domain.may}.items():
        if key in stated:
            if not rule(stated[key]):
                raise ValueError(f"{key} of kind {name!r} is not valid: {str(stated[key])[:80]!r}")
        elif key in domain.needs:
            raise ValueError(f"preprocessing lacks the field {key!r}, which kind {name!r} needs")
    domain.agree(stated)
    if domain.own is not None:
        stated["own"] = domain.own(**stated.pop(domain.own.__name__.lower()))
    return Preprocessing(kind=domain.kind, **stated)


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
