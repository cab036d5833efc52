"""Small episodes and methods that the tests of train/ share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from holotype.records import Episode
from holotype.train.backbones import Conv4
from holotype.train.batches import EpisodeBatch, collate
from holotype.train.method import Method
from holotype.train.methods.generative.dagan import DAGAN
from holotype.train.methods.generative.homoencoder import Homoencoder
from holotype.train.methods.generative.vae import VariationalAutoencoder
from holotype.train.methods.memory.key_value import KeyValueMemoryNetwork
from holotype.train.methods.memory.lifelong import LifelongMemoryNetwork
from holotype.train.methods.memory.mann import MANN
from holotype.train.methods.memory.memory_network import MemoryNetwork
from holotype.train.methods.meta.anil import ANIL
from holotype.train.methods.meta.maml import MAML, FirstOrderMAML
from holotype.train.methods.meta.meta_sgd import MetaSGD
from holotype.train.methods.meta.networks import TaskConv4
from holotype.train.methods.meta.protomaml import ProtoMAML
from holotype.train.methods.meta.reptile import Reptile
from holotype.train.methods.metric.baseline_plus_plus import BaselinePlusPlus
from holotype.train.methods.metric.contrastive import ContrastiveTwins
from holotype.train.methods.metric.hausdorff import ModifiedHausdorff
from holotype.train.methods.metric.hog import HogBaseline
from holotype.train.methods.metric.matching import FullContextMatchingNetworks, MatchingNetworks
from holotype.train.methods.metric.pixels import Pixels
from holotype.train.methods.metric.prototypical import PrototypicalNetworks
from holotype.train.methods.metric.relation import RelationNetworks
from holotype.train.methods.metric.scratch import FromScratch
from holotype.train.methods.metric.siamese import SiameseNetworks
from holotype.train.methods.metric.simpleshot import SimpleShot
from holotype.train.methods.metric.triplet import TripletTwins
from holotype.train.objectives import CosineSoftmax

SIZE_PX = 16
N_CLASSES = 12


def conv() -> Conv4:
    return Conv4(width=8, size_px=SIZE_PX)


def dead_conv() -> nn.Module:
    """Conv4 whose features are dropped out at random while it trains: needs the seed per step."""
    backbone = conv()
    backbone.blocks.append(nn.Dropout(0.2))
    return backbone


def task_conv(depth: int = 2) -> TaskConv4:
    return TaskConv4(width=8, size_px=SIZE_PX, depth=depth)


# One line for each way to build each method of METHODS: (its name there, how to build it).
BUILDS: dict[str, tuple[str, Callable[[], Method]]] = {
    "prototypical": ("prototypical", lambda: PrototypicalNetworks(conv())),
    "prototypical-cosine": (
        "prototypical",
        lambda: PrototypicalNetworks(conv(), CosineSoftmax(N_CLASSES, 8)),
    ),
    "matching": ("matching", lambda: MatchingNetworks(conv(), scale=10.0)),
    "matching-full-context": (
        "matching-full-context",
        lambda: FullContextMatchingNetworks(conv(), 8, scale=10.0, reads=3),
    ),
    "relation": ("relation", lambda: RelationNetworks(width=8, size_px=SIZE_PX)),
    "siamese": ("siamese", lambda: SiameseNetworks(conv(), 8)),
    "contrastive": ("contrastive", lambda: ContrastiveTwins(conv())),
    "triplet": ("triplet", lambda: TripletTwins(conv())),
    "baseline++": (
        "baseline++",
        lambda: BaselinePlusPlus(conv(), CosineSoftmax(N_CLASSES, 8, margin=0.0)),
    ),
    "simpleshot": ("simpleshot", lambda: SimpleShot(conv(), 8, N_CLASSES)),
    "pixels": ("pixels", Pixels),
    "hog": ("hog", HogBaseline),
    "hausdorff": ("hausdorff", ModifiedHausdorff),
    "from-scratch": ("from-scratch", lambda: FromScratch(lambda size_px: conv(), steps=40)),
    "mann": ("mann", lambda: MANN(conv(), 8, hidden=64, slots=48, width=16)),
    "lifelong-memory": ("lifelong-memory", lambda: LifelongMemoryNetwork(conv())),
    "memory-network": ("memory-network", lambda: MemoryNetwork(conv(), 8)),
    "key-value-memory": ("key-value-memory", lambda: KeyValueMemoryNetwork(conv(), 8)),
    "homoencoder": ("homoencoder", lambda: Homoencoder(conv(), SIZE_PX, 16, discriminative=10.0)),
    "vae": ("vae", lambda: VariationalAutoencoder(conv(), SIZE_PX, 8)),
    "dagan": ("dagan", lambda: DAGAN(width=8, size_px=SIZE_PX, noise_dim=8, critic_steps=2)),
    "maml": ("maml", lambda: MAML(task_conv(), steps=2, rates="per step")),
    "maml-as-published": (
        "maml",
        lambda: MAML(task_conv(), n_way=5, steps=5, rate=0.2, transductive=True),
    ),
    "fomaml": ("fomaml", lambda: FirstOrderMAML(task_conv(), steps=2)),
    "meta-sgd": ("meta-sgd", lambda: MetaSGD(task_conv(), steps=2)),
    "anil": ("anil", lambda: ANIL(task_conv(), steps=2)),
    "protomaml": ("protomaml", lambda: ProtoMAML(task_conv(depth=4), rate=0.01)),
    "reptile": ("reptile", lambda: Reptile(task_conv(), steps=4, test_steps=8)),
}

# What it takes to learn the toy, (steps, learning rate), where that is more than for the others.
SLOW: dict[type[Method], tuple[int, float]] = {MANN: (500, 5e-3), DAGAN: (40, 2e-3)}


def build(name: str, seed: int = 0) -> Method:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BUILDS[name][1]()


def toy_episode(seed: int, n_way: int = 5, k_shot: int = 1, n_query: int = 2) -> Episode:
    """Classes are fixed random patterns of 4 x 4 blocks; an example is its pattern and noise."""
    patterns = np.random.default_rng(99).random((N_CLASSES, 4, 4)) > 0.5
    big = patterns.repeat(SIZE_PX // 4, axis=1).repeat(SIZE_PX // 4, axis=2).astype(np.float32)
    rng = np.random.default_rng(seed)
    classes = rng.choice(N_CLASSES, n_way, replace=False)
    query_class = np.repeat(np.arange(n_way), n_query)

    def examples(of: np.ndarray) -> np.ndarray:
        noisy = big[of] * 0.9 + rng.random((*of.shape, SIZE_PX, SIZE_PX)) * 0.1
        return noisy.astype(np.float32)[..., None, :, :]

    support = examples(np.repeat(classes[:, None], k_shot, axis=1))
    return Episode(support, examples(classes[query_class]), query_class, classes)


def toy_batch(step: int, tasks: int = 2, **shape: int) -> EpisodeBatch:
    return collate([toy_episode(1000 * step + task, **shape) for task in range(tasks)])
