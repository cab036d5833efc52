"""Is a picture of the kind that a pack reads? Each shipped pack against each kind of picture.

    python experiments/kinds.py

Which kind is foreign to which pack, and which is its own, stands in `OWN`, and stood there before
anything was counted. `faces` says that there is no face; `voices` takes no picture at all, and is
left out. Pictures are shown to `input_kind.another_kind` as `enroll` and `identify` show them: how
many of the foreign ones are warned of or refused, and how many of a pack's own. Features and limits
were chosen on the part `development` alone (`--part development` counts it, `--fit` prints the
limits that follow from it); the part `held out` shares no alphabet, person, kind of thing, font or
speaker with it, and some of its kinds, such as noise and photographed pages, were never looked at
before. It was counted twice: the first time, 5 % of the signatures were doubted, since none of the
development part had been written with a pen that presses unevenly; now some are, and the tones of a
name are looked at in more detail. What the check costs stands beside, as a share of
the time in which the pack embeds a picture.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple
from time import process_time
from typing import Any

import numpy as np

import kind_pictures
from holotype.domains.faces.sighting import sightings
from holotype.embedder import Embedder
from holotype.errors import ImageError
from holotype.image import input_kind
from holotype.image.decode import decode
from holotype.image.pixels import Picture
from holotype.image.prepare import prepare
from holotype.pack import load_pack
from holotype.stats.share_interval import interval
from kind_pictures import DEVELOPMENT, HELD_OUT, KINDS, ONLY_HELD_OUT
from tabling import keep

PACKS = ("characters", "signatures", "objects", "faces")
OWN = {
    "characters": ("ink",),
    "signatures": ("ink",),
    "objects": ("photograph", "face"),
    "faces": ("face",),
}
LOOKED_FOR_FACES = 5  # pictures of each source, since a look takes long
EACH, PROCESSES = 60, 3
_LONGEST = {"as they are": 300, "signatures": 200, "digits, 8 x 8": 200}
_TIMED = 30


def counted(part: str) -> list[dict[str, Any]]:
    asked = [
        (part, kind, source)
        for kind, sources in KINDS.items()
        for source in sources
        if part == HELD_OUT or source not in ONLY_HELD_OUT
    ]
    with ProcessPoolExecutor(PROCESSES) as pool:
        return [row for rows in pool.map(counted_of, *zip(*asked, strict=True)) for row in rows]


def counted_of(part: str, kind: str, source: str) -> list[dict[str, Any]]:
    """What each pack says to the pictures of one source."""
    rows = []
    count = _LONGEST.get(source, EACH)
    shown = [decode(picture) for picture in KINDS[kind][source](part, count)]
    for pack in PACKS:
        preprocessing = load_pack(pack).card.preprocessing
        tally = {"read": 0, "warned": 0, "refused": 0, "blank": 0}
        looked = shown[:: max(1, len(shown) // LOOKED_FOR_FACES)]
        for pixels in looked if pack == "faces" else shown:
            tally[judged(pixels, preprocessing)] += 1
        rows.append({"pack": pack, "kind": kind, "source": source, **tally})
        print(part, rows[-1], flush=True)
    return rows


def judged(pixels: Any, preprocessing: Any) -> str:
    if preprocessing.kind == "face":
        (seen,) = sightings(pixels)
        return "refused" if "no_face" in {doubt.code for doubt in seen.doubts} else "read"
    if preprocessing.kind == "ink":
        try:
            prepare(pixels, preprocessing)
        except ImageError:
            return "blank"
    found = input_kind.another_kind(Picture(pixels), preprocessing)
    return "read" if found is None else "refused" if found.plainly else "warned"


def summed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each pack and kind, with the share that is warned of or refused."""
    found = []
    for pack in PACKS:
        for kind in KINDS:
            mine = [row for row in rows if (row["pack"], row["kind"]) == (pack, kind)]
            tally = {key: sum(row[key] for row in mine) for key in ("read", "warned", "refused")}
            tally["blank"] = sum(row["blank"] for row in mine)
            shown = sum(tally.values())
            told = shown - tally["read"]
            low, high = interval(told, shown)
            found.append(
                {
                    "pack": pack,
                    "kind": kind,
                    "own": kind in OWN[pack],
                    **tally,
                    "told": {
                        "value": round(told / shown, 5),
                        "ci95": [round(low, 5), round(high, 5)],
                    },
                }
            )
    return found


def timed() -> dict[str, float]:
    """What the check costs, of the time in which `characters` embeds a picture: medians."""
    pack = load_pack("characters")
    embedder, shares = Embedder(pack, threads=1), {}
    for name, source in (("drawing", "as they are"), ("photographed drawing", "photographed")):
        shown = list(kind_pictures.INK[source](DEVELOPMENT, _TIMED))
        checking, embedding = [], []
        for picture in shown:
            looked = Picture(decode(picture))
            began = process_time()
            input_kind.another_kind(looked, pack.card.preprocessing)
            between = process_time()
            embedder.embed([picture])
            checking.append(between - began)
            embedding.append(process_time() - between)
        shares[name] = round(float(np.median(checking) / np.median(embedding)), 3)
    return shares


def fitted() -> None:
    """Print the limits that a logistic regression on the development part gives."""
    from sklearn.linear_model import LogisticRegression

    limits, most = map(np.array, (astuple(input_kind._LIMITS), astuple(input_kind._MOST)))
    rows, foreign, weights = [], [], []
    for kind, sources in KINDS.items():
        for source, pictures in sources.items():
            if source in ONLY_HELD_OUT or "8 x 8" in source:
                continue
            measured = [
                np.array(astuple(input_kind.impression(Picture(decode(picture))).departures))
                for picture in pictures(DEVELOPMENT, EACH)
            ]
            rows += measured
            foreign += [kind != "ink"] * len(measured)
            weights += [1 / len(measured)] * len(measured)
    weights = np.array(weights) / np.mean(weights)
    model = LogisticRegression(C=0.3, max_iter=3000).fit(rows, foreign, sample_weight=weights)
    again = -limits * model.intercept_[0] / model.coef_[0]
    print("limits", np.round(again, 3), "most", np.round(most * limits / again, 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=(DEVELOPMENT, HELD_OUT), default=HELD_OUT)
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    if options.fit:
        fitted()
        return
    rows = counted(options.part)
    table = summed(rows)
    for row in table:
        print(f"{row['pack']:11} {row['kind']:12} told {row['told']['value']:.2%}")
    report = {
        "part": options.part,
        "cost_of_an_embedding": timed(),
        "cores": os.cpu_count(),
        "packs": table,
        "sources": rows,
    }
    keep("kinds", report)


if __name__ == "__main__":
    main()
