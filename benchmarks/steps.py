"""What a training step costs, beside the same mathematics without the framework, and beside peers.

    python benchmarks/steps.py [--rounds 15]

CPU seconds on one thread, medians of rounds that take turns within one run, from the same weights
and the same batch. The ratio to bare torch should be at most 1.05 for every method; the 60-way
step of Prototypical Networks at most 0.8 of easyfsl's class and of pytorch-metric-learning's loss
(`pip install easyfsl pytorch-metric-learning`; a missing one is replaced or left out, and said).
"""

from __future__ import annotations

import argparse
import copy
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import AdamW

from holotype.train.backbones import Conv4
from holotype.train.batches import EpisodeBatch
from holotype.train.method import Method
from holotype.train.methods.metric.baseline_plus_plus import BaselinePlusPlus
from holotype.train.methods.metric.contrastive import ContrastiveTwins
from holotype.train.methods.metric.matching import FullContextMatchingNetworks, MatchingNetworks
from holotype.train.methods.metric.prototypical import PrototypicalNetworks
from holotype.train.methods.metric.relation import RelationNetworks
from holotype.train.methods.metric.siamese import SiameseNetworks
from holotype.train.methods.metric.simpleshot import SimpleShot
from holotype.train.methods.metric.triplet import TripletTwins
from holotype.train.objectives import CosineSoftmax
from holotype.train.settings import TrainingSettings
from holotype.train.training import Progress, train

BARE_BAR, PEER_BAR = 1.05, 0.8
SIZE_PX, DIM, N_QUERY, CLASSES = 28, 64, 5, 1000
Loss = Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Case:
    build: Callable[[], Method]
    bare: Loss  # (the method's own modules, support [N, ...], query [Q, ...], target [Q]) -> loss
    n_way: int


# The mathematics of each method for one episode with one example per class, in plain torch.


def features(model: Any, support: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
    both = model.backbone(torch.cat([support, query]))
    return both[: len(support)], both[len(support) :]


def prototypical(model: nn.Module, support: Tensor, query: Tensor, target: Tensor) -> Tensor:
    s, q = features(model, support, query)
    return F.cross_entropy(-(q[:, None] - s).square().sum(2), target)


def matching(model: nn.Module, support: Tensor, query: Tensor, target: Tensor) -> Tensor:
    s, q = features(model, support, query)
    return F.cross_entropy(10 * F.normalize(q, dim=1) @ F.normalize(s, dim=1).T, target)


def full_context(model: nn.Module, support: Tensor, query: Tensor, target: Tensor) -> Tensor:
    s, q = features(model, support, query)
    context = model.support_lstm(s[None])[0][0]
    s = s + context[:, :DIM] + context[:, DIM:]
    h = c = torch.zeros_like(q)
    for _ in range(10):
        read = (h @ s.T).softmax(1) @ s
        h, c = model.query_lstm(torch.cat([q, read], 1), (h, c))
        h = h + q
    return F.cross_entropy(10 * F.normalize(h, dim=1) @ F.normalize(s, dim=1).T, target)


def relation(model: nn.Module, support: Tensor, query: Tensor, target: Tensor) -> Tensor:
    s, q = features(model, support, query)
    pairs = model.of_query(q)[:, None] + model.of_class(s)
    scores = model.relate(pairs.flatten(0, 1)).sigmoid().view(len(q), len(s))
    return F.mse_loss(scores, F.one_hot(target, len(s)).float())


def halves(losses: Tensor, equal: Tensor) -> Tensor:
    return (losses[equal].mean() + losses[~equal].mean()) / 2


def siamese(model: nn.Module, support: Tensor, query: Tensor, target: Tensor) -> Tensor:
    s, q = features(model, support, query)
    logits = model.weigh((q[:, None] - s).abs())[..., 0]
    return F.binary_cross_entropy_with_logits(logits, F.one_hot(target, len(s)).float())


def contrastive(model: nn.Module, support: Tensor, query: Tensor, target: Tensor) -> Tensor:
    s, q = (F.normalize(x, dim=1) for x in features(model.backbone, support, query))
    squared, equal = (q[:, None] - s).square().sum(2), F.one_hot(target, len(s)).bool()
    apart = (1 - squared.clamp_min(1e-12).sqrt()).relu().square()
    return halves(torch.where(equal, squared, apart) / 2, equal)


def triplet(model: nn.Module, support: Tensor, query: Tensor, target: Tensor) -> Tensor:
    x = F.normalize(torch.cat(features(model.backbone, support, query)), dim=1)
    label = torch.cat([torch.arange(len(support)), target])
    squared = (x[:, None] - x).square().sum(2)
    equal = label[:, None] == label
    a, p = (equal & ~torch.eye(len(x), dtype=torch.bool)).nonzero().T
    positive, negative = squared[a, p], squared[a].masked_fill(equal[a], torch.inf)
    nearest = negative.masked_fill(negative <= positive[:, None], torch.inf).amin(1)
    farthest = squared[a].masked_fill(equal[a], -torch.inf).amax(1)
    return (positive - nearest.where(nearest.isfinite(), farthest) + 0.2).relu().mean()


def cosine_classifier(model: Any, support: Tensor, query: Tensor, target: Tensor) -> Tensor:
    x = F.normalize(model.backbone(torch.cat([support, query])), dim=1)
    cosine = x @ F.normalize(model.objective.weight, dim=1).T
    label = torch.cat([torch.arange(len(support)), target])
    return F.cross_entropy(16 * cosine, label)


def linear_classifier(model: nn.Module, support: Tensor, query: Tensor, target: Tensor) -> Tensor:
    x = model.centered.backbone(torch.cat([support, query]))
    model.centered.center.lerp_(x.detach().mean(0), 0.1)
    return F.cross_entropy(model.objective(x), torch.cat([torch.arange(len(support)), target]))


def conv() -> Conv4:
    return Conv4(size_px=SIZE_PX)


CASES = {
    "prototypical": Case(lambda: PrototypicalNetworks(conv()), prototypical, 60),
    "matching": Case(lambda: MatchingNetworks(conv(), 10.0), matching, 60),
    "matching-full-context": Case(
        lambda: FullContextMatchingNetworks(conv(), DIM, 10.0), full_context, 20
    ),
    "relation": Case(RelationNetworks, relation, 20),
    "siamese": Case(lambda: SiameseNetworks(conv(), DIM), siamese, 60),
    "contrastive": Case(lambda: ContrastiveTwins(conv()), contrastive, 60),
    "triplet": Case(lambda: TripletTwins(conv()), triplet, 60),
    "baseline++": Case(
        lambda: BaselinePlusPlus(
            conv(), CosineSoftmax(CLASSES, DIM, margin=0.0, label_smoothing=0.0)
        ),
        cosine_classifier,
        60,
    ),
    "simpleshot": Case(lambda: SimpleShot(conv(), DIM, CLASSES), linear_classifier, 60),
}


def episode(n_way: int) -> EpisodeBatch:
    generator = torch.Generator().manual_seed(0)
    support, query = (
        torch.rand(1, n_way, *rest, 1, SIZE_PX, SIZE_PX, generator=generator).flatten(1, axes)
        for rest, axes in (((1,), 1), ((N_QUERY,), 2))
    )
    target = torch.arange(n_way).repeat_interleave(N_QUERY)[None]
    return EpisodeBatch(support, query, target, torch.arange(n_way)[None])


def stepper(model: nn.Module, loss: Callable[[], Tensor]) -> Callable[[], float]:
    """One step of plain gradient descent; returns the loss."""
    optimizer = AdamW(model.parameters(), lr=1e-4, weight_decay=0.0)

    def step() -> float:
        value = loss()
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()
        return float(value.detach())

    return step


def timed(step: Callable[[], float]) -> tuple[float, float]:
    began = time.process_time()
    loss = step()
    return time.process_time() - began, loss


def beside_bare_torch(name: str, case: Case, rounds: int) -> float:
    """Steps of the training loop and bare ones by turns; returns the ratio of their medians."""
    torch.manual_seed(0)
    method = case.build()
    bare = copy.deepcopy(method).to(memory_format=torch.channels_last)
    batch = episode(case.n_way)
    tensors = batch.support[0, :, 0], batch.query[0], batch.targets()[0]
    bare_step = stepper(bare, lambda: case.bare(bare, *tensors))
    ours: list[float] = []
    theirs: list[float] = []
    gaps: list[float] = []
    began = time.process_time()

    def after_step(progress: Progress) -> None:
        nonlocal began
        ours.append(time.process_time() - began)
        seconds, loss = timed(bare_step)
        theirs.append(seconds)
        gaps.append(abs(loss - progress.loss) / abs(loss))
        began = time.process_time()

    settings = TrainingSettings(
        rounds + 3, learning_rate=1e-4, schedule="constant", checkpoint_every=10**6
    )
    with tempfile.TemporaryDirectory() as folder:
        train(method, lambda step: batch, settings, Path(folder) / "run", progress=after_step)
    if gaps[0] > 1e-4:
        raise SystemExit(
            f"{name}: the two losses differ by {gaps[0]:.2g}; not the same mathematics"
        )
    # The first steps warm up; the last one writes the checkpoint.
    with_loop, without = (statistics.median(times[2:-1]) for times in (ours, theirs))
    print(
        f"{name:22} {case.n_way}-way: {1e3 * with_loop:6.1f} ms, bare {1e3 * without:6.1f} ms, "
        f"ratio {with_loop / without:.3f} (bar {BARE_BAR})",
        flush=True,
    )
    return with_loop / without


class PlainPrototypical(nn.Module):
    """What easyfsl 1.5.0's class does, operation by operation; for where it cannot be imported.

    Support and queries pass the backbone apart, prototypes are made label by label, and scores
    are plain distances.
    """

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.center = torch.tensor(0)

    def process_support_set(self, images: Tensor, labels: Tensor) -> None:
        self.support_features = self.backbone(images) - self.center
        self.prototypes = torch.cat(
            [
                self.support_features[torch.nonzero(labels == label)].mean(0)
                for label in range(len(torch.unique(labels)))
            ]
        )

    def forward(self, images: Tensor) -> Tensor:
        return -torch.cdist(self.backbone(images) - self.center, self.prototypes)


def peers() -> dict[str, Callable[[nn.Module, EpisodeBatch], Callable[[], Tensor]]]:
    try:
        from easyfsl.methods import PrototypicalNetworks as Easy

        name = "easyfsl"
    except ImportError as error:
        print(f"easyfsl cannot be imported ({error}); the same operations in plain torch instead")
        Easy, name = PlainPrototypical, "easyfsl's operations"  # noqa: N806

    def easyfsl(backbone: nn.Module, batch: EpisodeBatch) -> Callable[[], Tensor]:
        model, labels = Easy(backbone), torch.arange(batch.support.shape[1])

        def loss() -> Tensor:
            model.process_support_set(batch.support[0, :, 0], labels)
            return F.cross_entropy(model(batch.query[0]), batch.targets()[0])

        return loss

    result: dict[str, Callable[[nn.Module, EpisodeBatch], Callable[[], Tensor]]] = {name: easyfsl}
    try:
        from pytorch_metric_learning.distances import LpDistance
        from pytorch_metric_learning.losses import NTXentLoss
    except ImportError as error:
        print(f"pytorch-metric-learning cannot be imported ({error}) and is left out")
        return result

    def metric_learning(backbone: nn.Module, batch: EpisodeBatch) -> Callable[[], Tensor]:
        # With one example per class and squared distances this is the loss of the paper.
        objective = NTXentLoss(1.0, distance=LpDistance(normalize_embeddings=False, power=2))
        labels = torch.arange(batch.support.shape[1])

        def loss() -> Tensor:
            both = backbone(batch.images())
            support, query = both.split([len(labels), batch.query.shape[1]])
            return objective(query, batch.targets()[0], ref_emb=support, ref_labels=labels)

        return loss

    return {**result, "pytorch-metric-learning": metric_learning}


def beside_peers(rounds: int) -> list[float]:
    """The 60-way step of Prototypical Networks; returns the ratios that the bar is about."""
    batch = episode(60)
    torch.manual_seed(0)
    start = conv()
    formats = {"channels last": torch.channels_last, "as torch has it": torch.contiguous_format}
    steps: dict[str, Callable[[], float]] = {}
    for label, memory_format in formats.items():
        method = PrototypicalNetworks(copy.deepcopy(start)).to(memory_format=memory_format)
        optimizer = AdamW(method.parameters(), lr=1e-4, weight_decay=0.0)
        steps[f"holotype, {label}"] = lambda method=method, optimizer=optimizer: float(
            method.training_step([batch], optimizer, nullcontext())
        )
    others = peers()
    for name, make in others.items():
        backbone = copy.deepcopy(start)
        steps[name] = stepper(backbone, make(backbone, batch))
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds + 2):
        for name, step in steps.items():
            seconds[name].append(timed(step)[0])
    medians = {name: statistics.median(times[2:]) for name, times in seconds.items()}
    for name, median in medians.items():
        print(f"{name:30} {1e3 * median:6.1f} ms")
    for name in others:
        for label in formats:
            bar = f" (bar {PEER_BAR})" if label == "channels last" else ""
            ratio = medians[f"holotype, {label}"] / medians[name]
            print(f"ratio to {name}, holotype {label}: {ratio:.3f}{bar}")
    return [medians["holotype, channels last"] / medians[name] for name in others]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", nargs="*", choices=[*CASES, "peers"], help="a part of it")
    arguments = parser.parse_args()
    chosen = arguments.only or [*CASES, "peers"]
    torch.set_num_threads(1)
    ratios = [
        beside_bare_torch(name, case, arguments.rounds)
        for name, case in CASES.items()
        if name in chosen
    ]
    if ratios:
        print(f"largest ratio to bare torch: {max(ratios):.3f} (bar {BARE_BAR})")
    if "peers" in chosen:
        largest = max(beside_peers(arguments.rounds))
        print(f"largest ratio to a peer: {largest:.3f} (bar {PEER_BAR})")


if __name__ == "__main__":
    main()
