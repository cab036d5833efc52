"""The promise in other domains: faces, spoken words, digits; with and without own strangers.

    python experiments/domains.py

For faces and for spoken words a small network is trained here, on people who are not among the
tested, and exported as a pack of its own, which is measured and never shipped: the licenses of the
data forbid it, and so few people teach little. Others of the training side are its cohort. Nothing
was chosen on the tested side: which are trained on, which are held back and which are tested is
their order in the data, and each network is the one that was trained first.

In each gallery some of the tested classes are enrolled, some may be own strangers, and the rest
are counted as strangers: the same galleries, probes and strangers in both columns. A few minutes
on one core; an interrupted training is gone on with.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.pack import Pack, load_pack
from holotype.preprocessing import Preprocessing
from holotype.recognizer.opening import cohort_model
from holotype.report import seen
from holotype.train.augmentation.warps import warp
from holotype.train.backbones import Residual
from holotype.train.batches import EpisodeBatch
from holotype.train.export import export_pack
from holotype.train.methods.metric.prototypical import PrototypicalNetworks
from holotype.train.objectives import CosineSoftmax
from holotype.train.picture_recipes import EpisodicBatches, PictureRecipe, pixels, prepared
from holotype.train.runs import RUN
from holotype.train.settings import TrainingSettings
from holotype.train.training import train
from own_strangers import play
from tabling import keep

RATES, SHOTS = (0.3, 0.1, 0.01), (1, 5)
TONES = Preprocessing("photo", 48, 0, channels=1, fit="crop", mean=(0.0,), std=(1.0,))


@dataclass(frozen=True)
class Domain:
    """One domain: who is tested, and by which model."""

    name: str
    tested: Dataset
    pack: Pack
    enrolled: int
    own: tuple[int, int]  # classes, pictures of each; the classes that are left are counted


def faces(folder: Path) -> Domain:
    """ORL: 12 people to learn from, 8 as the cohort, the other 20 tested."""
    data = load_dataset("orl")
    pack = trained("faces", data.subset(range(12)), data.subset(range(12, 20)), folder)
    return Domain("faces", data.subset(range(20, 40)), pack, enrolled=8, own=(6, 5))


def words(folder: Path) -> Domain:
    """Spoken digits. Two speakers to learn from, one as the cohort, the other three tested."""
    both = spoken_words()
    pack = trained("words", both.subset(range(20)), both.subset(range(20, 30)), folder)
    return Domain("spoken words", both.subset(range(30, 60)), pack, enrolled=12, own=(8, 5))


def spoken_words() -> Dataset:
    """A class is one digit by one speaker, ten classes a speaker; spectrograms as pictures."""
    data = load_dataset("fsdd")
    assert data.drawer is not None
    speakers = 6
    return replace(
        data,
        class_index=data.class_index + len(data.class_names) * (data.drawer - 1),
        class_names=tuple(f"speaker {s + 1}, {c}" for s in range(speakers) for c in range(10)),
        group=("",) * 10 * speakers,
        drawer=None,
    )


def digits(_: Path) -> Domain:
    """Digits scanned at 8 x 8 pixels, to the shipped pack, whose cohort are characters."""
    return Domain("digits", load_dataset("digits"), load_pack("characters"), 3, own=(5, 5))


class Warped:
    """Episodes whose pictures are a little turned, scaled and bent, a function of the step."""

    def __init__(self, batches: EpisodicBatches, seed: int) -> None:
        self.batches, self.seed = batches, seed

    def __call__(self, step: int) -> EpisodeBatch:
        batch = self.batches(step)
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + step)

        def changed(pictures: torch.Tensor) -> torch.Tensor:
            flat = pictures.flatten(0, -4)
            return warp(flat, generator, 8.0, 0.1, 0.08, 0.05, 0.03).view_as(pictures)

        return replace(batch, support=changed(batch.support), query=changed(batch.query))


def build(n_classes: int, size_px: int) -> PrototypicalNetworks:
    backbone = Residual(size_px=size_px, stem=16, widths=(32, 64, 96), embedding_dim=64)
    return PrototypicalNetworks(backbone, CosineSoftmax(n_classes, backbone.embedding_dim))


def trained(name: str, background: Dataset, cohort: Dataset, folder: Path) -> Pack:
    """The pack of a domain; trained where it is not there yet."""
    out, run = folder / f"{name}-pack", folder / name
    if out.exists():
        return load_pack(out)
    recipe = PictureRecipe(
        build=build,
        description="",
        preprocessing=TONES,
        settings=TrainingSettings(steps=400, learning_rate=4e-3, weight_decay=0.05),
        training=(),
        selection=None,
        n_way=len(background.class_names),
        n_query=2,
    )
    torch.manual_seed(0)
    method = build(len(background.class_names), TONES.size_px)
    pictures = prepared(background, TONES)
    train(
        method,
        Warped(EpisodicBatches(pictures, recipe, seed=0), seed=0),
        recipe.settings,
        run,
        config={"domain": name},
        resume=(run / RUN).exists(),
        progress=lambda p: print(
            f"{name}: step {p.step} of {p.steps}, loss {p.loss:.3f}", end="\r", flush=True
        ),
    )
    print()
    method.eval()
    return export_pack(
        method,
        out,
        name=name,
        preprocessing=TONES,
        cohort_images=pixels(prepared(cohort, TONES)),
        cohort_class_index=cohort.class_index,
        background_images=pixels(pictures),
        background_class_index=background.class_index,
        cohort={"data": cohort.name, "class_names": list(cohort.class_names)},
        background={"data": background.name, "class_names": list(background.class_names)},
        training={
            "command": "python experiments/domains.py",
            "seed": 0,
            "steps": recipe.settings.steps,
        },
        license=f"for measurements only; trained on {background.name} ({background.license})",
    )


def measured(domain: Domain, galleries: int) -> dict[str, Any]:
    model = cohort_model(domain.pack)
    vectors, doubtful = seen(domain.tested, domain.pack)
    classes = len(domain.tested.class_names)
    index: NDArray[np.int64] = domain.tested.class_index
    rows = []
    for shots in SHOTS:
        for own in ((0, 0), domain.own):
            played = play(
                vectors,
                index,
                model,
                domain.enrolled,
                own,
                galleries,
                shots=shots,
                apart=domain.enrolled + domain.own[0],
                rates=RATES,
                doubtful=doubtful,
            )
            rows += [{"shots": shots, **row} for row in played]
    return {
        "domain": domain.name,
        "model_id": domain.pack.card.model_id,
        "tested_classes": classes,
        "tested_pictures": len(index),
        "cohort_classes": model.cohort.classes,
        "trained_classes": len(domain.pack.card.background["class_names"]),
        "enrolled": domain.enrolled,
        "own_classes": domain.own[0],
        "own_pictures_of_each": domain.own[1],
        "counted_classes": classes - domain.enrolled - domain.own[0],
        "cannot_tell": round(float(doubtful.mean()), 5),
        "rows": rows,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--galleries", type=int, default=200, help="for each row")
    parser.add_argument("--runs", type=Path, default=Path("runs/domains"))
    options = parser.parse_args()
    began, found = time.process_time(), []
    for domain in (faces, words, digits):
        found.append(measured(domain(options.runs), options.galleries))
        for row in found[-1]["rows"]:
            rates = [row[key] and f"{row[key]['value']:.2%}" for key in ("fpir", "fnir")]
            print(
                f"{found[-1]['domain']:12} k={row['shots']} own {row['own_classes']} stated "
                f"{row['stated']:.0%}: accepted {rates[0]}, missed {rates[1]}, "
                f"refused {row['refused']:.0%} (smallest {row['smallest']})",
                flush=True,
            )
    report = {
        "galleries": options.galleries,
        "cpu_seconds": round(time.process_time() - began),
        "domains": found,
    }
    keep("domains", report)


if __name__ == "__main__":
    main()
