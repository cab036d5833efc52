"""Signatures that nobody wrote: is it the hand of the one who it claims to be? 1:1.

    HOLOTYPE_DATA=... python experiments/imagined_signatures.py [PACK ...]

Names in the alphabets of the cohort, from which nothing was learned, each written 24 times by its
owner, by one who practiced with the owner's own drawings, and by another drawer. Measured as
`experiments/signatures.py` measures real ones; a random forgery is somebody else's name. Writes
results/imagined_signatures.json; about two minutes on one core.
"""

from __future__ import annotations

import argparse

import numpy as np

from holotype.datasets.catalogue import load_dataset
from holotype.datasets.splits import split
from holotype.pack import load_pack
from holotype.train.augmentation.signatures import HANDS, Signing
from signatures import RESAMPLES, Scores, hog, pack, pixels
from tabling import keep

NAMES, DAYS, SEED = 40, 24, 1  # no recipe's seed
REFERENCES = (1, 5)
OWNER, FORGERS = 0, {"practiced": 1, "another": 2}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packs", nargs="*", default=["characters", "signatures"])
    names = parser.parse_args().packs
    signed = Signing(HANDS, DAYS)(split(load_dataset("omniglot"), "cohort"), SEED)
    hands = np.array([OWNER, *FORGERS.values()])
    rows = np.arange(NAMES * HANDS * DAYS).reshape(NAMES, HANDS, DAYS)[:, hands].ravel()
    pictures = signed.images[rows]
    contenders = {"pixels": pixels, "HOG": hog, **{name: pack(name) for name in names}}
    resamples = np.random.default_rng(0).integers(NAMES, size=(RESAMPLES, NAMES))
    found = []
    for name, embed in contenders.items():
        vectors = embed(pictures).reshape(NAMES, len(hands), DAYS, -1)
        for references in REFERENCES:
            for number, kind in enumerate((*FORGERS, "random")):
                forger = 1 + number if kind in FORGERS else 1
                scores = Scores(vectors[:, 0], vectors[:, forger], references)
                measured = "skilled" if kind in FORGERS else "random"
                each = [scores.equal_error(measured, chosen) for chosen in resamples]
                found.append(
                    {
                        "contender": name,
                        "references": references,
                        "forgeries": kind,
                        "equal_error": round(scores.equal_error(measured), 3),
                        "ci95": [round(float(x), 3) for x in np.quantile(each, (0.025, 0.975))],
                    }
                )
                print(found[-1], flush=True)
    result = {
        "command": "python experiments/imagined_signatures.py",
        "packs": {name: load_pack(name).card.model_id for name in names},
        "names": NAMES,
        "alphabets": sorted(set(signed.group)),
        "rows": found,
    }
    keep("imagined_signatures", result)


if __name__ == "__main__":
    main()
