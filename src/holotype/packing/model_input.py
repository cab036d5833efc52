"""The preprocessing of a model that others made."""

from __future__ import annotations

from typing import Any

from holotype.domains.declared import Notes, Stated
from holotype.domains.registry import domains, preprocessing_from_json
from holotype.errors import PackError
from holotype.model.graph import Graph
from holotype.preprocessing import Preprocessing


def preprocessing_for(
    graph: Graph, *, kind: str | None = None, notes: Notes | None = None, **stated: Any
) -> Preprocessing:
    """The preprocessing as stated; what is not stated is read from the model, or the usual.

    Args:
        graph: of the model.
        kind: of `domains.registry`; None: the first that fits, which is `photo` where the model
            takes pictures, `text` where it has a tokenizer, else `tensors`.
        notes: where it is written down what was read and what assumed.
        **stated: the fields of `declared.Stated`.

    Raises:
        PackError: the model takes something else than its kind does, declares another size than is
            stated, declares none where none is stated, or a value is out of range.
    """
    notes, told = Notes() if notes is None else notes, Stated(**stated)
    known = domains()
    if kind is None:
        domain = next(one for one in known.values() if one.fits(graph, told))
    elif kind in known:
        domain = known[kind]
    else:
        raise PackError(
            f"no such preprocessing: kind of preprocessing is not valid: {kind[:80]!r}",
            "Mend that option",
        )
    constants = domain.constants(graph, told, notes)
    try:
        return preprocessing_from_json({"kind": domain.kind, **constants})
    except ValueError as error:
        problem, remedy = domain.no_pack
        raise PackError(f"{problem}: {error}", remedy) from error
