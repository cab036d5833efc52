"""How a model wants its input, read from a card and checked; and the same in words.

What each kind may state, and what it means, its domain says (`domains.domain.Domain`).
"""

from __future__ import annotations

from holotype.domains.registry import domain_of, domains
from holotype.records import Preprocessing


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


def in_words(preprocessing: Preprocessing) -> str:
    """The input of a model, as one line of its page."""
    return domain_of(preprocessing).in_words(preprocessing)
