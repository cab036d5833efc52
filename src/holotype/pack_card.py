"""The card of a model pack: to JSON and back, and as a page for people."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any

from holotype.records import Card, Preprocessing

FORMAT = 1
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_MODEL_ID = re.compile(r"[0-9a-f]{16}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def card_to_json(card: Card) -> bytes:
    """The card as indented UTF-8 JSON, its format number first."""
    document = {"format": FORMAT, **asdict(card)}
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def card_from_json(content: bytes) -> Card:
    """Read a card and check each field.

    Raises:
        ValueError: with the rule that is broken, as one clause.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not readable as JSON ({error})") from None
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    card_format = document.pop("format", None)
    if not _is_count(card_format) or card_format != FORMAT:
        newer = _is_count(card_format) and card_format > FORMAT
        raise ValueError(
            f"format {card_format!r} is {'newer than' if newer else 'not'} the {FORMAT} that this "
            f"version of holotype reads{'; upgrade holotype' if newer else ''}"
        )
    _check_fields("the card", document, Card, _CARD_RULES)
    constants = document["preprocessing"]
    _check_fields("preprocessing", constants, Preprocessing, _PREPROCESSING_RULES)
    if 2 * constants["margin_px"] >= constants["size_px"]:
        raise ValueError(
            f"margin_px={constants['margin_px']} leaves nothing of size_px={constants['size_px']}"
        )
    return Card(**{**document, "preprocessing": Preprocessing(**constants)})


def model_card(card: Card) -> str:
    """The card as Markdown, for people."""
    facts = {
        "model id": card.model_id,
        "input": f"{card.preprocessing.channels} x {card.preprocessing.size_px} x "
        f"{card.preprocessing.size_px} px, ink 1 on paper 0, kind `{card.preprocessing.kind}`, "
        f"margin {card.preprocessing.margin_px} px",
        "embedding": f"{card.embedding_dim} dimensions, unit length",
        "learned from": _classes(card.background),
        "cohort": f"{_classes(card.cohort)}; held back from training, they play the strangers",
        **{f"training: {key}": value for key, value in card.training.items()},
        "license": card.license,
    }
    parts = [
        f"# {card.name}",
        "A model pack of holotype: one example defines a class, and from then on the class is "
        "recognized.",
        f"```\nholotype enroll my.gallery LABEL IMAGE --model {card.name}\n```",
        _table(("", ""), list(facts.items())),
        "## Scores",
        _scores(card.scores),
        "`card.json` holds all of this for machines, with the names of all classes.",
    ]
    return "\n\n".join(parts) + "\n"


def _scores(scores: list[dict[str, Any]]) -> str:
    if not scores:
        return "None measured yet."
    head = ("data", "protocol", "task", "episodes", "accuracy, %", "error, %", "date")
    rows = [
        (
            score.get("data", ""),
            score["protocol"],
            f"{score['n_way']}-way {score['k_shot']}-shot",
            score["episodes"],
            f"{score['accuracy']:.2f} ± {score['ci95']:.2f}",
            f"{100 - score['accuracy']:.2f}",
            score.get("date", ""),
        )
        for score in scores
    ]
    return _table(head, rows) + "\n\nMean over episodes with its 95 % interval."


def _classes(facts: Mapping[str, Any]) -> str:
    rest = "; ".join(f"{key}: {value}" for key, value in facts.items() if key != "class_names")
    return f"{len(facts['class_names']):,} classes" + (f" ({rest})" if rest else "")


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(value: object) -> str:
    """One table cell: no line breaks, nothing that ends the cell or starts HTML."""
    text = " ".join(str(value).split())
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def _check_fields(
    where: str, document: object, record: type, rules: Mapping[str, Callable[[Any], bool]]
) -> None:
    """Exactly the record's fields, each obeying its rule."""
    if not isinstance(document, dict):
        raise ValueError(f"{where} is not a JSON object")
    names = {field.name for field in fields(record)}
    for name in sorted(names ^ document.keys()):
        raise ValueError(
            f"{where} {'lacks' if name in names else 'has the unknown'} field {name!r}"
        )
    for name, rule in rules.items():
        if not rule(document[name]):
            raise ValueError(f"{name} of {where} is not valid: {str(document[name])[:80]!r}")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _has_class_names(value: object) -> bool:
    names = value.get("class_names") if isinstance(value, dict) else None
    return isinstance(names, list) and all(isinstance(name, str) for name in names)


def _is_score(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("protocol"), str)
        and all(_is_count(value.get(key)) for key in ("n_way", "k_shot", "episodes"))
        and all(_is_number(value.get(key)) for key in ("accuracy", "ci95"))
    )


def _are_digests(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"model.onnx", "cohort.npz"}
        and all(isinstance(digest, str) and _SHA256.fullmatch(digest) for digest in value.values())
    )


_CARD_RULES: dict[str, Callable[[Any], bool]] = {
    "name": lambda value: isinstance(value, str) and bool(_NAME.fullmatch(value)),
    "model_id": lambda value: isinstance(value, str) and bool(_MODEL_ID.fullmatch(value)),
    "embedding_dim": lambda value: _is_count(value) and value > 0,
    "background": _has_class_names,
    "cohort": _has_class_names,
    "training": lambda value: isinstance(value, dict),
    "scores": lambda value: isinstance(value, list) and all(map(_is_score, value)),
    "license": lambda value: isinstance(value, str),
    "files": _are_digests,
}
_PREPROCESSING_RULES: dict[str, Callable[[Any], bool]] = {
    "kind": lambda value: value in ("ink", "frame"),
    "size_px": lambda value: _is_count(value) and 8 <= value <= 1024,
    "margin_px": _is_count,
    "channels": lambda value: _is_count(value) and value == 1,
}
