"""The card of a model pack: to JSON and back, and as a page for people."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from holotype.domains.registry import domain_of, preprocessing_from_json
from holotype.markdown import table
from holotype.preprocessing import Preprocessing

FORMAT = 1
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_MODEL_ID = re.compile(r"[0-9a-f]{16}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
# Fields that came later: a card without them is what it was before there were such.
_LATER: dict[str, Any] = {"promise": [], "encoder": {}}


@dataclass(frozen=True, slots=True)
class Card:
    """The facts about a model pack, as stored in its `card.json`."""

    name: str
    model_id: str  # digest of model.onnx and the preprocessing: what a gallery is bound to
    embedding_dim: int  # D
    preprocessing: Preprocessing
    background: dict[str, Any]  # data set, class names that trained the model, counts
    cohort: dict[str, Any]  # data set, class names held back from training, counts
    training: dict[str, Any]  # command, seed, commit, seconds, machine
    scores: list[dict[str, Any]]  # reports with their protocol, interval and date
    license: str
    files: dict[str, str]  # file name -> sha256 in hex
    # open-set tests: stated and measured rates with their interval; empty where none was made
    promise: list[dict[str, Any]] = field(default_factory=list)
    # of a model that others made: where it comes from, what of it is used, what was assumed
    encoder: dict[str, Any] = field(default_factory=dict)


def card_to_json(card: Card) -> bytes:
    """The card as indented UTF-8 JSON, its format number first."""
    document = {"format": FORMAT, **card_document(card)}
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def card_document(card: Card) -> dict[str, Any]:
    """The card's fields, ready for `json.dumps`."""
    document = {**asdict(card), "preprocessing": card.preprocessing.to_json()}
    return {key: value for key, value in document.items() if value or key not in _LATER}


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
    document = {**_LATER, **document}
    _check_fields("the card", document, Card, _CARD_RULES)
    preprocessing = preprocessing_from_json(document["preprocessing"])
    stated = domain_of(preprocessing).files(preprocessing)
    if document["files"].get("tokenizer.json") != stated.get("tokenizer.json"):
        raise ValueError("tokenizer.json of its files is not the one of its preprocessing")
    return Card(**{**document, "preprocessing": preprocessing})


def model_card(card: Card) -> str:
    """The card as Markdown, for people."""
    facts = {
        "model id": card.model_id,
        "input": domain_of(card.preprocessing).in_words(card.preprocessing),
        "embedding": f"{card.embedding_dim} dimensions, unit length",
        **(
            {"descriptions": "a text (`--text`) stands for a picture; the model in `text` reads it"}
            if "text/card.json" in card.files
            else {}
        ),
        **_background(card.background),
        "cohort": _cohort(card.cohort),
        **{f"training: {key}": value for key, value in card.training.items()},
        **{f"encoder: {key}": _told(value) for key, value in card.encoder.items()},
        "license": card.license,
    }
    takes = domain_of(card.preprocessing).metavar
    parts = [
        f"# {card.name}",
        "A model pack of holotype: one example defines a class, and from then on the class is "
        "recognized.",
        f"```\nholotype enroll my.gallery LABEL {takes} --model {card.name}\n```",
        table(("", ""), list(facts.items())).rstrip(),
        "## Scores",
        _scores(card.scores),
        *_promise(card.promise),
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
    return table(head, rows) + "\nMean over episodes with its 95 % interval."


def _promise(tested: list[dict[str, Any]]) -> list[str]:
    if not tested:
        return []
    head = ("enrolled", "examples", "stated FPIR, %", "measured FPIR, %", "FNIR, %")
    rows = [
        (
            row["enrolled"],
            row["examples"],
            f"{100 * row['stated_fpir']:g}",
            rate_with_interval(row.get("fpir")) or "refused: too few classes in the cohort",
            rate_with_interval(row.get("fnir")),
        )
        for row in tested
    ]
    return ["## The promise about strangers", table(head, rows).rstrip()]


def rate_with_interval(share: Mapping[str, Any] | None) -> str:
    """A share in percent with its 95 % interval; empty where there is none."""
    if share is None:
        return ""
    value, low, high = (f"{100 * part:.2f}" for part in (share["value"], *share["ci95"]))
    return f"{value} ({low} to {high})"


def _classes(facts: Mapping[str, Any]) -> str:
    rest = "; ".join(
        f"{key}: {value}"
        for key, value in facts.items()
        if key not in ("class_names", "held_back", "trained")
    )
    count = f"{len(facts['class_names']):,} classes" if facts["class_names"] else "unnamed classes"
    return count + (f" ({rest})" if rest else "")


def _background(facts: Mapping[str, Any]) -> dict[str, str]:
    if facts.get("trained", True):
        return {"learned from": _classes(facts)}
    if not facts["class_names"]:
        return {"usual pictures": "none were shown, so nothing is answered with `unfamiliar`"}
    return {"usual pictures": f"{_classes(facts)}; not known whether the model saw them"}


def _cohort(facts: Mapping[str, Any]) -> str:
    if facts["class_names"]:
        known = facts.get("held_back", True)
        whether = "held back from training" if known else "not known whether the model saw them"
        return f"{_classes(facts)}; {whether}, they play the strangers"
    default = facts.get("default_similarity")
    until = (
        "only what is exactly alike is a match"
        if default is None
        else f"similarity {default} is a match, which nobody measured"
    )
    return (
        "none: the enrolled set the thresholds, as strangers to one another. With N of them, rates "
        f"from 2/(N + 1) on are guaranteed for strangers like them; with one or two, {until}. "
        "Strangers of your own (`holotype calibrate`) support more"
    )


def _told(value: object) -> object:
    return "; ".join(map(str, value)) if isinstance(value, list | tuple) else value


def strangers_in_words(card: Card) -> str:
    """Who sets the thresholds of a pack: "153 classes of omniglot, such as Greek/character01".

    A stated rate is an estimate for strangers like these. Empty where the pack brings none.
    """
    names = card.cohort["class_names"]
    if not names:
        return ""
    data = card.cohort.get("data")
    source = f" of {data}" if isinstance(data, str) and data else ""
    return f"{len(names):,} classes{source}, such as {names[0]}"


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


def _is_cohort(value: object) -> bool:
    """With `default_similarity` only where there are no classes to measure a threshold with."""
    if not _has_class_names(value):
        return False
    assert isinstance(value, dict)
    default = value.get("default_similarity")
    return default is None or (
        not value["class_names"] and _is_number(default) and 0 < default <= 1
    )


def _is_score(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("protocol"), str)
        and all(_is_count(value.get(key)) for key in ("n_way", "k_shot", "episodes"))
        and all(_is_number(value.get(key)) for key in ("accuracy", "ci95"))
    )


def _is_promise(value: object) -> bool:
    return (
        isinstance(value, dict)
        and all(_is_count(value.get(key)) for key in ("enrolled", "examples", "galleries"))
        and _is_number(value.get("stated_fpir"))
        and all(value.get(key) is None or _is_share(value[key]) for key in ("fpir", "fnir"))
    )


def _is_share(value: object) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("ci95"), list):
        return False
    return len(value["ci95"]) == 2 and all(map(_is_number, (value.get("value"), *value["ci95"])))


def _are_digests(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() - {"tokenizer.json", "text/card.json"} == {"model.onnx", "cohort.npz"}
        and all(isinstance(digest, str) and _SHA256.fullmatch(digest) for digest in value.values())
    )


_CARD_RULES: dict[str, Callable[[Any], bool]] = {
    "name": lambda value: isinstance(value, str) and bool(_NAME.fullmatch(value)),
    "model_id": lambda value: isinstance(value, str) and bool(_MODEL_ID.fullmatch(value)),
    "embedding_dim": lambda value: _is_count(value) and value > 0,
    "background": _has_class_names,
    "cohort": _is_cohort,
    "training": lambda value: isinstance(value, dict),
    "scores": lambda value: isinstance(value, list) and all(map(_is_score, value)),
    "promise": lambda value: isinstance(value, list) and all(map(_is_promise, value)),
    "encoder": lambda value: isinstance(value, dict),
    "license": lambda value: isinstance(value, str),
    "files": _are_digests,
}
