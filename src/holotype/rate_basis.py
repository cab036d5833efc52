"""What a stated rate rests on, in the same words on every page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from holotype.records import Basis, Known, Source

_MEANINGS: dict[Known, str] = {
    "guaranteed": "Guaranteed: on average, whatever the model, for strangers like those.",
    "estimated": "Estimated: as far as those tell.",
}
_LIMIT = "Nothing holds for others, such as forgers or another source of pictures."


def rests_on(known: Known, source: Source, *, enrolled: int, own: str, cohort: str) -> str:
    """ "guaranteed by the 20 enrolled", "estimated from 153 classes of omniglot".

    Args:
        known: how well.
        source: by whom.
        enrolled: how many.
        own: the owner's own strangers in words, such as "12 strangers of yours"; empty: none.
        cohort: likewise the model's, such as "153 classes of omniglot".
    """
    if known == "default":
        return "a default, which stands for no rate"
    who = {
        "enrolled": f"the {enrolled:,} enrolled",
        "site": own,
        "unlabeled": "your unlabeled pictures",
        "cohort": " and ".join(filter(None, (own, cohort))),
    }.get(source)
    return f"{'guaranteed by' if known == 'guaranteed' else 'estimated from'} {who or 'strangers'}"


def grounds(basis: Basis) -> str:
    """What the threshold of a decision rests on, as `rests_on` says it."""
    own = f"{basis.own_classes:,} strangers of yours" if basis.own_classes else ""
    data = f" of {basis.data}" if basis.data else ""
    cohort = f"{basis.cohort_classes:,} classes{data}" if basis.cohort_classes else ""
    return rests_on(basis.known, basis.source, enrolled=basis.enrolled, own=own, cohort=cohort)


def in_galleries(texts: Iterable[str]) -> str:
    """What was said of each of several galleries; how often, where it differs."""
    counts = Counter(texts).most_common()
    if len(counts) == 1:
        return counts[0][0]
    return ", ".join(
        f"{text} (in {count:,} {'gallery' if count == 1 else 'galleries'})"
        for text, count in counts
    )


def meaning(known: Collection[Known]) -> str:
    """What was said means, and for whom it does not hold; empty where nothing is known."""
    said = [text for one, text in _MEANINGS.items() if one in known]
    return " ".join((*said, _LIMIT)) if said else ""
