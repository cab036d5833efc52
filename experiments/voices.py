"""Who is speaking, from one recording: the pack `voices` on people whom nothing was chosen on.

    python experiments/voices.py         # about 20 minutes on one core, most for the contrast
    python experiments/voices.py --card  # note the scores of the result in the card of the pack

Tested are ten speakers of LibriSpeech's test-other, ten recordings each, and the six of the Free
Spoken Digit Dataset, who speak through a telephone's band. The limits of the quality were set on
the cohort (`development`); it is measured once more with the rank rule of the enrolled, which asks
no cohort: its recordings cut in two halves, which are too short for the limit on several voices.
Every answer is the product's own (`Matcher`); the equal error alone sweeps a threshold.

The contrast on the digits is the network on spectrograms of `experiments/domains.py`, which is
trained there where it is missing: it was taught words, and by two speakers.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domains import words
from holotype.datasets.voices import COHORT, TEST, load_fsdd_recordings, load_librispeech
from holotype.domains.domain import Detected
from holotype.domains.voices.hearing import Heard, hear, several
from holotype.domains.voices.mel import Hearing
from holotype.domains.voices.recording import opened
from holotype.embedder import Embedder
from holotype.evaluation.open_set import open_set
from holotype.openset import Cohort, CohortModel, Matcher
from holotype.pack import Pack, add_scores, load_pack
from holotype.recognizer.detection import detect
from holotype.recognizer.opening import cohort_model
from holotype.records import Recording
from holotype.report import seen
from holotype.stats.bootstrap import RESAMPLES
from holotype.stats.scoring import unit
from tabling import keep, result, today

ENROLLED, RATES = (3, 5, 9), (0.1,)
MANY, MANY_RATES = 200, (0.1, 0.05, 0.02)
GALLERIES = 200
CUTS_S = (None, 1.0, 0.7, 0.4)
DIGITS_EACH, JOINED = 100, 5

Floats = NDArray[np.float32]


def samples(content: bytes) -> tuple[Floats, int]:
    with opened(content) as sound:
        return np.concatenate(list(sound.blocks()))[:, 0], sound.rate_hz


def equal_error(vectors: Floats, who: NDArray[np.int64], people: Sequence[int]) -> float:
    """Where as many pairs of two people pass as pairs of one are turned away, a fraction.

    Args:
        vectors: float32 unit [M, D].
        who: int64 [M].
        people: whose pairs count; who is named twice is two people.
    """
    rows = [np.flatnonzero(who == one) for one in people]
    name = np.repeat(np.arange(len(people)), [len(row) for row in rows])
    chosen = np.concatenate(rows)
    pair = np.triu_indices(len(chosen), 1)
    alike = (vectors[chosen] @ vectors[chosen].T)[pair]
    one = (name[:, None] == name)[pair]
    # One person drawn twice would be a stranger to themselves: such pairs are left out.
    other = (who[chosen][:, None] != who[chosen])[pair]
    genuine, strange = np.sort(alike[one]), np.sort(alike[other])
    missed = np.arange(len(genuine)) / len(genuine)
    passed = 1 - np.searchsorted(strange, genuine) / len(strange)
    at = int(np.abs(missed - passed).argmin())
    return float(missed[at] + passed[at]) / 2


def with_interval(vectors: Floats, who: NDArray[np.int64]) -> dict[str, Any]:
    """The equal error, and its 95 % interval over people (percentiles of resampled people)."""
    people = np.unique(who)
    rng = np.random.default_rng(0)
    drawn = (np.unique(rng.choice(people, len(people))) for _ in range(RESAMPLES // 4))
    each = [equal_error(vectors, who, tuple(some)) for some in drawn if len(some) > 1]
    low, high = np.quantile(each, (0.025, 0.975))
    return {
        "value": round(equal_error(vectors, who, tuple(people)), 6),
        "ci95": [round(float(low), 6), round(float(high), 6)],
        "people": len(people),
        "recordings": len(who),
    }


def heard(
    found: Sequence[Detected], who: NDArray[np.int64]
) -> tuple[Floats, NDArray[np.int64], NDArray[np.bool_]]:
    """Vectors, whose they are and which are doubted; without those that hold no voice."""
    there = np.array([one.vector is not None for one in found])
    vectors = np.stack([one.vector for one in found if one.vector is not None])
    doubtful = np.array([bool(one.reasons) for one in found if one.vector is not None])
    return vectors, who[there], doubtful


def codes(found: Sequence[Detected]) -> dict[str, int]:
    return dict(Counter(reason.code for one in found for reason in one.reasons))


def whole(embedder: Embedder, recordings: Sequence[Any]) -> list[Detected]:
    return [one for (one,) in detect(embedder, recordings)]


def halves(recordings: Sequence[bytes]) -> list[Recording]:
    parts = []
    for content in recordings:
        wave, rate_hz = samples(content)
        middle = len(wave) // 2
        parts += [Recording(wave[:middle], rate_hz), Recording(wave[middle:], rate_hz)]
    return parts


def development(embedder: Embedder, recordings: Sequence[bytes]) -> dict[str, Any]:
    """What the limits of the quality rest on: the cohort alone."""
    hearing = embedder.preprocessing.own
    assert isinstance(hearing, Hearing)
    speech = [hear(content, hearing).speech for content in recordings]
    rows = []
    for cut_s in CUTS_S:
        vectors, who = [], []
        for person, frames in enumerate(speech):
            middle = len(frames) // 2
            for part in (frames[:middle], frames[middle:]):
                kept = part if cut_s is None else part[: round(cut_s * 100)]
                vectors.append(embed(embedder, kept)[0])
                who.append(person)
        row = with_interval(np.stack(vectors), np.array(who))
        rows.append({"seconds": cut_s, **row})
    long = [frames for frames in speech if len(frames) >= 1.5 * hearing.frames]
    following = long[1:] + long[:1]
    joined = {
        "one voice": long,
        "two voices, half of each": [
            np.concatenate([one[: len(one) // 2], other[: len(other) // 2]])
            for one, other in zip(long, following, strict=True)
        ],
        "two voices, all of each": [
            np.concatenate(pair) for pair in zip(long, following, strict=True)
        ],
    }
    flagged = {
        name: {
            "recordings": len(made),
            "several": sum(several(*embed(embedder, frames)[1:]) is not None for frames in made),
        }
        for name, made in joined.items()
    }
    return {"lengths": rows, "several": flagged}


def embed(embedder: Embedder, frames: Floats) -> tuple[Floats, int, float]:
    windows = Heard(frames, embedder.preprocessing.input_shape[0], ()).windows(embedder.chunk)
    return embedder.embed_parts(windows)


def digits(embedder: Embedder, folder: Path) -> list[dict[str, Any]]:
    """Who speaks, of six speakers: one digit, and five joined; beside the spectrograms of three."""
    data = load_fsdd_recordings()
    tested = words(folder)
    spectrograms, _ = seen(tested.tested, tested.pack)
    speakers = np.array([name.split(",")[0] for name in tested.tested.class_names])
    who = np.unique(speakers, return_inverse=True)[1][tested.tested.class_index]
    few = np.concatenate(
        [np.flatnonzero(who == one)[:: 500 // DIGITS_EACH] for one in np.unique(who)]
    )
    rows = [
        {
            "route": "a network on spectrograms, taught words",
            "said": "one digit",
            "equal_error": with_interval(unit(spectrograms[few]), who[few]),
            "no_speech": 0,
            "too_short": 0,
        }
    ]
    # The data set names speakers by their order, the recordings by their names.
    last = [name for name in data.class_names if name in ("nicolas", "theo", "yweweler")]
    for said, joined, names in (
        ("one digit", 1, last),
        ("one digit", 1, data.class_names),
        (f"{JOINED} digits", JOINED, data.class_names),
    ):
        recordings, owner = [], []
        for name in names:
            of_one = np.flatnonzero(data.class_index == data.class_names.index(name))
            waves = [samples(data.recordings[row]) for row in of_one]
            step = len(waves) // DIGITS_EACH
            for start in range(0, len(waves), step):
                parts = waves[start : start + joined]
                joined_wave = np.concatenate([wave for wave, _ in parts])
                recordings.append(Recording(joined_wave, parts[0][1]))
                owner.append(data.class_names.index(name))
        found = whole(embedder, recordings)
        vectors, known, _ = heard(found, np.array(owner))
        rows.append(
            {
                "route": "the pack `voices`",
                "said": said,
                "equal_error": with_interval(vectors, known),
                "no_speech": len(found) - len(vectors),
                "too_short": codes(found).get("voice_too_short", 0),
            }
        )
    return rows


def note(pack: Pack, report: dict[str, Any]) -> None:
    """Note what was measured in the card of the pack."""
    error, told = report["speakers"]["equal_error"], {"data": "librispeech (test-other)"}
    told["date"] = today()
    low, high = error["ci95"]
    score = {
        "protocol": "1:1 at the equal error",
        "n_way": 2,
        "k_shot": 1,
        "episodes": error["people"],
        "accuracy": round(100 * (1 - error["value"]), 4),
        "ci95": round(50 * (high - low), 4),
        "error_percent": round(100 * error["value"], 4),
    }
    add_scores(
        pack.path, [{**score, **told}], [{**row, **told} for row in report["identification"]]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--card", action="store_true", help="note the scores in the pack's card")
    parser.add_argument("--runs", type=Path, default=Path("runs/domains"))
    options = parser.parse_args()
    pack = load_pack("voices")
    if options.card:
        note(pack, result("voices"))
        return
    embedder, model = Embedder(pack), cohort_model(pack)
    cohort, test = load_librispeech(COHORT), load_librispeech(TEST)

    found = whole(embedder, test.recordings)
    vectors, who, doubtful = heard(found, test.class_index)
    error = with_interval(vectors, who)
    print("ten speakers:", error, codes(found), flush=True)
    identified = [
        open_set(
            vectors,
            who,
            partial(Matcher.of_support, model),
            doubtful=doubtful,
            enrolled=enrolled,
            galleries=GALLERIES,
            rates=RATES,
        )
        for enrolled in ENROLLED
    ]
    parts = whole(embedder, halves(cohort.recordings))
    half, owner, short = heard(parts, np.repeat(cohort.class_index, 2))
    nobody = CohortModel.of(Cohort.none(embedder.embedding_dim))
    many = open_set(
        half,
        owner,
        partial(Matcher.of_support, nobody),
        doubtful=short,
        enrolled=MANY,
        galleries=GALLERIES,
        rates=MANY_RATES,
    )
    asked = [
        {**row.to_json(), "enrolled": played.enrolled, "examples": played.k_shot}
        for played in (*identified, many)
        for row in played.identification
    ]
    for row in asked:
        print(row["enrolled"], row["stated_fpir"], row["fpir"], row["fnir"], row["cannot_tell"])
    report = {
        "model_id": pack.card.model_id,
        "galleries": GALLERIES,
        "speakers": {
            "equal_error": error,
            "no_voice": len(found) - len(vectors),
            "doubts": codes(found),
        },
        "identification": asked[: len(ENROLLED) * len(RATES)],
        "rank_rule": {
            "recordings": len(half),
            "no_voice": len(parts) - len(half),
            "doubts": codes(parts),
            "rows": asked[len(ENROLLED) * len(RATES) :],
        },
        "development": development(embedder, cohort.recordings),
        "digits": digits(embedder, options.runs),
    }
    keep("voices", report)
    print(json.dumps({name: report[name] for name in ("development", "digits")}, indent=1))


if __name__ == "__main__":
    main()
