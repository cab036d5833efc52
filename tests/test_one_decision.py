"""A similarity becomes an answer in one place, `Matcher.decide`; whatever measures calls it.

This looks for lines that compare a similarity with a threshold, ask for a threshold, or take the
nearest, outside the package of the decision. Those that are no answer of ours are counted here,
each with its reason. A new one belongs into the Matcher, or needs a reason as good.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "src/holotype/demo/histogram.py": (1, "counts the bars of a chart beyond the line"),
    "src/holotype/domains/photos/kind.py": (1, "the likeliest of five kinds of picture"),
    "src/holotype/estimator.py": (1, "a classifier of a closed set"),
    "src/holotype/train/methods/memory/lifelong.py": (
        2,
        "a memory reads and writes its nearest slot",
    ),
    "src/holotype/train/objects.py": (1, "retrieval in a closed set, to choose a network"),
    "src/holotype/packing/heads.py": (1, "nearest in a closed set, to choose a head"),
    "src/holotype/exact_search.py": (2, "who may be the most alike, by bounds; no answer"),
    "src/holotype/recognizer/calibration.py": (3, "names look-alikes and shows a level; no answer"),
    "src/holotype/recognizer/examples.py": (1, "a gallery's examples beside one another"),
    "src/holotype/recognizer/index_search.py": (1, "asks for whom it accepts just yet; no answer"),
    "src/holotype/recognizer/leave_one_out.py": (
        1,
        "names whom a reviewed stranger was mistaken for",
    ),
    "src/holotype/recognizer/reviews.py": (2, "explains which example a confirmed picture needs"),
    "src/holotype/recognizer/state.py": (3, "names the nearest example, or the same picture"),
    "src/holotype/recognizer/achievable_rates.py": (1, "says what rates cost here; no answer"),
    "src/holotype/recognizer/visitors.py": (
        3,
        "the very same picture, and the nearest of those that the Matcher accepts",
    ),
    "src/holotype/packing/text_map.py": (1, "nearest in a closed set"),
    "src/holotype/stats/scoring.py": (1, "the highest k of many"),
    "src/holotype/evaluation/open_set.py": (1, "the rank of one's own identity, for the CMC curve"),
    "src/holotype/watching/tracks.py": (2, "follows a face from frame to frame"),
    "benchmarks/evidence.py": (3, "times the threshold itself; no answer"),
    "benchmarks/exact_search.py": (1, "the bare product that a search is measured beside"),
    "benchmarks/match.py": (2, "the bare work that a match is measured beside"),
    "experiments/adapting.py": (1, "nearest in a closed set"),
    "experiments/dagan.py": (1, "nearest in a closed set"),
    "experiments/described.py": (3, "nearest in a closed set"),
    "experiments/defects.py": (1, "nearest in a closed set"),
    "experiments/things.py": (1, "nearest in a closed set"),
    "experiments/scale.py": (2, "foretells what a threshold lets in and misses"),
    "experiments/words.py": (1, "nearest in a closed set"),
    "experiments/enrolled_tail.py": (1, "chooses the tail that the decision follows"),
    "experiments/everywhere.py": (1, "missed by the best threshold, known afterwards"),
    "experiments/faces.py": (1, "nearest in a closed set"),
    "experiments/grocery.py": (1, "nearest in a closed set"),
    "experiments/hallucination.py": (
        2,
        "nearest in a closed set, and missed at a rate, afterwards",
    ),
    "experiments/imagine.py": (1, "nearest in a closed set"),
    "experiments/imagine_scratch.py": (1, "nearest in a closed set"),
    "experiments/why_one_shot.py": (3, "nearest in a closed set; how many pictures reach a goal"),
    "experiments/zero_shot.py": (1, "nearest in a closed set"),
    "experiments/stream.py": (2, "the rule of another method, beside ours, and afterwards"),
    "experiments/tallying.py": (1, "one constant threshold, the contrast to ours"),
}
# What holds a similarity, and what one is compared with.
_ALIKE = r"(?:best|similarit\w*|alike|reached|scores?|cosine|nearest|first)"
_LEVEL = r"(?:[\w.]*\b(?:level|levels|thresholds?|needed))"
_INDEXED = r"(?:\[[^\]]*\]|\.\w+\([^()]*\))*"
_ORDER = r"\s*(?:>=|<=|>|<)\s*"
SUSPECT = re.compile(
    rf"{_ORDER}{_LEVEL}\b"
    rf"|\b{_ALIKE}\b{_INDEXED}{_ORDER}(?!0\b)[\w.(-]"
    rf"|\.max\((?:axis=)?-?1\)\)*{_ORDER}"
    r"|\.threshold\("
    rf"|(?:@.*|\b(?:{_ALIKE}|own|support)\b.*)\.argmax\(|argmax\({_ALIKE}\b"
)
ANSWER = re.compile(r"\bMatches\(|\baccepted=accepted\b")


def lines(source: str) -> list[str]:
    """The lines of code, without comments and docstrings."""
    code = re.sub(r'""".*?"""', "", source, flags=re.DOTALL)
    return [line.split("#")[0].rstrip() for line in code.splitlines()]


def found(pattern: re.Pattern[str], files: Mapping[str, str]) -> Counter[str]:
    """How many lines of each file show the pattern."""
    hits = {name: sum(map(bool, map(pattern.search, lines(text)))) for name, text in files.items()}
    return Counter({name: count for name, count in hits.items() if count})


def sources() -> dict[str, str]:
    files = [
        *(ROOT / "src" / "holotype").rglob("*.py"),
        *(
            p
            for room in ("benchmarks", "experiments", "build_packs")
            for p in (ROOT / room).glob("*.py")
        ),
    ]
    return {path.relative_to(ROOT).as_posix(): path.read_text() for path in sorted(files)}


def test_nobody_else_compares_similarities_with_thresholds() -> None:
    files = {n: text for n, text in sources().items() if "/openset/" not in n}
    assert found(SUSPECT, files) == {name: count for name, (count, _) in ALLOWED.items()}


def test_one_place_turns_similarities_into_answers() -> None:
    places = found(ANSWER, sources())
    assert places.pop("experiments/tallying.py") == 1, "the contrast, `by_constant`"
    assert set(places) == {"src/holotype/openset/matcher.py"}
    matcher = lines((ROOT / "src/holotype/openset/matcher.py").read_text())
    assert sum(" Matches(" in line for line in matcher) == 1


def test_a_loop_that_decides_again_is_found() -> None:
    for loop in (
        "accepted = best >= level",
        "match = similarity.max(1) >= 0.9",
        "hit = (probes @ gallery.T).max(axis=1) > cut",
        "named = (probes @ gallery.T).argmax(axis=1)",
        "who = similarity.argmax(1)",
        "level = matcher.threshold(0.01).values",
        "missed = ~right | (best < threshold)",
        "passed += (probes @ prototype >= level).mean()",
        "if similarity[0] < self.level:",
    ):
        assert found(SUSPECT, {"experiments/new.py": loop}) == {"experiments/new.py": 1}, loop
    for fine in (
        "found = matcher.match(vectors, 0.01)",
        "longest = int(unused.argmax())",
        "# best >= level",
    ):
        assert not found(SUSPECT, {"experiments/new.py": fine}), fine
