"""The variational autoencoder (Kingma and Welling 2014), with convolutions and without classes."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from torch import Tensor, nn

from holotype.train.backbones import Conv4
from holotype.train.batches import EpisodeBatch
from holotype.train.methods.generative import homoencoder
from holotype.train.methods.generative.decoder import Decoder, log_likelihood
from holotype.train.methods.generative.gaussians import Gaussian, crossed_kl, mixture
from holotype.train.methods.generative.imagining import CodedMethod


class VariationalAutoencoder(CodedMethod):
    """Codes of pictures, learned without their classes; a query goes to the closest code.

    The objective is log p(x) >= E_q(z|x) log p(x | z) - KL(q(z | x) || N(0, I)) (equation 3),
    over support and queries alike. It knows no classes, so one is made of the support: the
    normal distribution with the mean and variance of its codes takes the place of N(0, I), and
    the query's bound under it differs between classes by the KL term alone.

    Args:
        backbone: pictures float32 [B, C, H, W] -> features [B, F], with `embedding_dim` F.
        size_px: side of the pictures.
        latent_dim: dimensions of z.
    """

    def __init__(self, backbone: nn.Module, size_px: int = 28, latent_dim: int = 64) -> None:
        super().__init__()
        self.backbone = backbone
        self.to_code = nn.Linear(cast(int, backbone.embedding_dim), 2 * latent_dim)
        self.decoder = Decoder(latent_dim, size_px)

    def loss(self, batch: EpisodeBatch) -> Tensor:
        """The negative bound in nats per picture."""
        pictures = batch.images()
        codes = Gaussian.of(self.to_code(self.backbone(pictures)))
        likelihood = log_likelihood(self.decoder(codes.sample()), pictures)
        return (codes.kl(Gaussian.standard(codes)) - likelihood).mean()

    def encode(self, images: Tensor) -> Tensor:
        """The backbone's features [B, F]."""
        return cast(Tensor, self.backbone(images))

    def compare(self, support: Tensor, query: Tensor) -> Tensor:
        """-KL(q(z | query) || the support's codes): float32 [T, Q, N], nats."""
        classes = mixture(Gaussian.of(self.to_code(support)), -2)
        return -crossed_kl(Gaussian.of(self.to_code(query)), classes)

    def predicted(self, support: Tensor) -> Gaussian:
        """The codes of each class's support as one: float32 [N, K, C, H, W] -> [N, latent_dim]."""
        features = self.backbone(support.flatten(0, 1)).unflatten(0, support.shape[:2])
        return mixture(Gaussian.of(self.to_code(features)), -2)


RECIPES = {
    "vae": {
        "conv4": replace(
            homoencoder.RECIPES["homoencoder"]["conv4"],
            build=lambda n_classes, size_px: VariationalAutoencoder(
                Conv4(size_px=size_px), size_px
            ),
            description="Conv4-64 at 28 px, without classes, Vinyals split",
        )
    }
}
