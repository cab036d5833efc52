"""The methods, by the name that the command line knows them by."""

from __future__ import annotations

from holotype.learn.generative.dagan import DAGAN
from holotype.learn.generative.homoencoder import Homoencoder
from holotype.learn.generative.vae import VariationalAutoencoder
from holotype.learn.memory.key_value import KeyValueMemoryNetwork
from holotype.learn.memory.lifelong import LifelongMemoryNetwork
from holotype.learn.memory.mann import MANN
from holotype.learn.memory.memory_network import MemoryNetwork
from holotype.learn.meta.classification import (
    ANIL,
    MAML,
    FirstOrderMAML,
    MetaSGD,
    ProtoMAML,
    Reptile,
)
from holotype.learn.method import Method
from holotype.learn.metric.baseline_plus_plus import BaselinePlusPlus
from holotype.learn.metric.contrastive import ContrastiveTwins
from holotype.learn.metric.hausdorff import ModifiedHausdorff
from holotype.learn.metric.hog import HogBaseline
from holotype.learn.metric.matching import FullContextMatchingNetworks, MatchingNetworks
from holotype.learn.metric.pixels import Pixels
from holotype.learn.metric.prototypical import PrototypicalNetworks
from holotype.learn.metric.relation import RelationNetworks
from holotype.learn.metric.scratch import FromScratch
from holotype.learn.metric.siamese import SiameseNetworks
from holotype.learn.metric.simpleshot import SimpleShot
from holotype.learn.metric.triplet import TripletTwins

METHODS: dict[str, type[Method]] = {
    "prototypical": PrototypicalNetworks,
    "matching": MatchingNetworks,
    "matching-full-context": FullContextMatchingNetworks,
    "relation": RelationNetworks,
    "siamese": SiameseNetworks,
    "contrastive": ContrastiveTwins,
    "triplet": TripletTwins,
    "baseline++": BaselinePlusPlus,
    "simpleshot": SimpleShot,
    "pixels": Pixels,
    "hog": HogBaseline,
    "hausdorff": ModifiedHausdorff,
    "from-scratch": FromScratch,
    "mann": MANN,
    "lifelong-memory": LifelongMemoryNetwork,
    "memory-network": MemoryNetwork,
    "key-value-memory": KeyValueMemoryNetwork,
    "homoencoder": Homoencoder,
    "vae": VariationalAutoencoder,
    "dagan": DAGAN,
    "maml": MAML,
    "fomaml": FirstOrderMAML,
    "meta-sgd": MetaSGD,
    "anil": ANIL,
    "protomaml": ProtoMAML,
    "reptile": Reptile,
}
