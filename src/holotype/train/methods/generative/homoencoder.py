"""The Variational Homoencoder (Hewitt, Nye, Gane, Jaakkola and Tenenbaum 2018)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holotype.preprocessing import Preprocessing
from holotype.train.backbones import Conv4
from holotype.train.batches import EpisodeBatch
from holotype.train.embedding import embed
from holotype.train.method import Method
from holotype.train.methods.generative.decoder import Decoder, log_likelihood
from holotype.train.methods.generative.gaussians import Gaussian, crossed_kl
from holotype.train.methods.generative.imagining import CodedMethod
from holotype.train.picture_recipes import PictureRecipe
from holotype.train.settings import TrainingSettings


class Homoencoder(CodedMethod):
    """A class is a distribution of pictures, inferred from its support; the likeliest one answers.

    The model: c ~ N(0, I) is a class, z ~ N(c, v) the code of one of its pictures, x ~ p(x | z)
    the picture, so that a decoder sees the class through the code alone (as in the Neural
    Statistician of Edwards & Storkey 2017, section 3, with a linear step from c to z: that of
    probabilistic linear discriminant analysis). A network infers the code of a picture, q(z | x);
    the class of some examples D follows from their codes in closed form, q(c | D). The objective
    is the Homoencoder's (equation 5): not D but other pictures of its class have to be likely,

        log p(x|D) >= E_q(z|x) log p(x|z) - E_q(c|D) KL(q(z|x) || N(c,v)) - KL(q(c|D) || p(c)) / |X|

    `scores` tries a query under each class, whose codes are distributed as the examples predict,
    N(E c, v + var c); only the divergence of the query's code from that depends on the class.

    Args:
        backbone: pictures float32 [B, C, H, W] -> features [B, F], with `embedding_dim` F.
        size_px: side of the pictures.
        latent_dim: dimensions of c and of z.
        class_size: |X|, pictures of a background class.
        discriminative: weight of -log p(class | x) beside the bound, where p(class | x) follows
            from `scores` by Bayes' rule; 0 learns to generate alone.
    """

    def __init__(
        self,
        backbone: nn.Module,
        size_px: int = 28,
        latent_dim: int = 64,
        class_size: int = 20,
        discriminative: float = 0.0,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.to_code = nn.Linear(cast(int, backbone.embedding_dim), 2 * latent_dim)
        self.log_within = nn.Parameter(torch.full((latent_dim,), -2.0))  # log v
        self.decoder = Decoder(latent_dim, size_px)
        self.class_size = class_size
        self.discriminative = discriminative

    def loss(self, batch: EpisodeBatch) -> Tensor:
        """The negative bound in nats per query, and the discriminative term."""
        classes, codes = self._inferred(*embed(self.encode, batch))
        targets = batch.targets()
        # The expected divergence from N(c, v): that from its mean, and the variance of c in v.
        apart = crossed_kl(codes, Gaussian(classes.mean, self.log_within.expand_as(classes.mean)))
        unsure = torch.exp(classes.log_variance - self.log_within).sum(-1) / 2
        of_code = (apart + unsure[:, None]).gather(2, targets[..., None])
        of_class = classes.kl(Gaussian.standard(classes)).gather(1, targets) / self.class_size
        logits = self.decoder(codes.sample().flatten(0, 1))
        likelihood = log_likelihood(logits, batch.query.flatten(0, 1))
        negative_bound = of_code.mean() + of_class.mean() - likelihood.mean()
        if not self.discriminative:
            return negative_bound
        log_odds = -crossed_kl(codes, self._predicted(classes))
        error = F.cross_entropy(log_odds.flatten(0, 1), targets.flatten())
        return negative_bound + self.discriminative * error

    def encode(self, images: Tensor) -> Tensor:
        """The backbone's features [B, F]."""
        return cast(Tensor, self.backbone(images))

    def compare(self, support: Tensor, query: Tensor) -> Tensor:
        """Each query's bound under each class, less what they share: float32 [T, Q, N], nats."""
        classes, codes = self._inferred(support, query)
        return -crossed_kl(codes, self._predicted(classes))

    def predicted(self, support: Tensor) -> Gaussian:
        """N(E c, v + var c) of each class: float32 [N, K, C, H, W] -> [N, latent_dim]."""
        return self._predicted(self.classes(support))

    def classes(self, support: Tensor) -> Gaussian:
        """q(c | D) of each class: float32 [N, K, C, H, W] -> [N, latent_dim]."""
        features = self.backbone(support.flatten(0, 1)).unflatten(0, support.shape[:2])
        return self._class_of(Gaussian.of(self.to_code(features)))

    def _inferred(self, support: Tensor, query: Tensor) -> tuple[Gaussian, Gaussian]:
        """q(c | support) of [T, N] and q(z | query) of [T, Q], from features."""
        return self._class_of(Gaussian.of(self.to_code(support))), Gaussian.of(self.to_code(query))

    def _class_of(self, codes: Gaussian) -> Gaussian:
        """q(c | D) from the codes of D, [..., K, D]: each code is c with variance v and its own."""
        weight = 1 / (self.log_within.exp() + codes.log_variance.exp())
        precision = 1 + weight.sum(-2)  # of p(c), and of the examples
        return Gaussian((weight * codes.mean).sum(-2) / precision, -precision.log())

    def _predicted(self, classes: Gaussian) -> Gaussian:
        """The codes of further pictures of a class: N(E c, v + var c)."""
        return Gaussian(classes.mean, torch.logaddexp(classes.log_variance, self.log_within))


def _on_conv4(discriminative: float) -> Callable[[int, int], Method]:
    return lambda n_classes, size_px: Homoencoder(
        Conv4(size_px=size_px), size_px, discriminative=discriminative
    )


_CONV4 = PictureRecipe(
    build=_on_conv4(10.0),
    description="Conv4-64 at 28 px, 60-way 1-shot episodes with 3 queries, Vinyals split; learns "
    "to generate and to tell the classes apart by the likelihood",
    preprocessing=Preprocessing("frame", size_px=28, margin_px=0),
    settings=TrainingSettings(
        steps=5000, learning_rate=3e-3, weight_decay=1e-3, precision="bfloat16"
    ),
    training=("vinyals-train",),
    selection="vinyals-val",
    n_way=60,
    n_query=3,
)

RECIPES = {
    "homoencoder": {
        "conv4": _CONV4,
        "background": replace(
            _CONV4,
            description="the same on the background alphabets but the cohort's, for Lake's runs",
            training=("training", "selection"),
            selection=None,
        ),
        "generation": replace(
            _CONV4,
            build=_on_conv4(0.0),
            description="the bound alone, as in the paper: learns to generate, Vinyals split",
        ),
    }
}
