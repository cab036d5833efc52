"""Relation Networks (Sung et al. 2018)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from holotype.train.batches import EpisodeBatch
from holotype.train.feature_comparison import ComparingMethod
from holotype.train.picture_recipes import conv4_recipe


def _block(inputs: int, width: int, pool: bool) -> list[nn.Module]:
    # pooled before the ReLU as in `backbones.Conv4`: the same, and cheaper
    pooling: list[nn.Module] = [nn.MaxPool2d(2)] if pool else []
    layers = [nn.Conv2d(inputs, width, 3, padding=1), nn.BatchNorm2d(width)]
    return [*layers, *pooling, nn.ReLU()]


class RelationNetworks(ComparingMethod):
    """A second network judges how a query relates to each class.

    Feature maps of the query and of the class lie on top of each other (section 3.2) and pass two
    convolution blocks and two linear layers; the sigmoid of the result is the relation score
    (section 3.4, figure 2). A class of several examples has the mean of their maps, which for one
    K is the paper's sum up to a factor, and lets a network be asked with another K than it
    learned with. There is no pack: what compares is a network, not a cosine.

    Args:
        channels: of the pictures.
        width: filters of each convolution.
        size_px: side of the pictures.
        hidden: units between the two linear layers.
    """

    def __init__(
        self, channels: int = 1, width: int = 64, size_px: int = 28, hidden: int = 8
    ) -> None:
        super().__init__()
        self.backbone = nn.Sequential(
            *_block(channels, width, pool=True),
            *_block(width, width, pool=True),
            *_block(width, width, pool=False),
            *_block(width, width, pool=False),
        )
        # The first convolution over two maps on top of each other is linear in each: applied to
        # each picture once and added for each pair, it is the same and costs N + Q, not N * Q.
        self.of_class = nn.Conv2d(width, width, 3, padding=1)
        self.of_query = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.relate = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.MaxPool2d(2),
            nn.ReLU(),
            *_block(width, width, pool=True),
            nn.Flatten(),
            nn.Linear(width * (size_px // 16) ** 2, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 1),
        )

    def loss(self, batch: EpisodeBatch) -> Tensor:
        """The mean squared error of the relation scores to 1 and 0 (equation 2)."""
        scores = self.scores(batch)
        return F.mse_loss(scores, F.one_hot(batch.targets(), scores.shape[2]).float())

    def encode(self, images: Tensor) -> Tensor:
        """Feature maps [B, F, H, W]."""
        maps: Tensor = self.backbone(images)
        return maps

    def compare(self, support: Tensor, query: Tensor) -> Tensor:
        """Relation scores in 0..1: float32 [T, Q, N]."""
        of_class = self._each(self.of_class, support.mean(2))
        of_query = self._each(self.of_query, query)
        pairs = of_query[:, :, None] + of_class[:, None]
        related: Tensor = self.relate(pairs.flatten(0, 2)).float()
        return related.sigmoid().view(pairs.shape[:3])

    @staticmethod
    def _each(convolution: nn.Module, maps: Tensor) -> Tensor:
        """A convolution over maps [T, n, F, H, W]."""
        result: Tensor = convolution(maps.flatten(0, 1))
        return result.view(*maps.shape[:2], *result.shape[1:])


RECIPES = {
    "relation": {
        "conv4": conv4_recipe(
            lambda backbone, n_classes: RelationNetworks(),
            "feature maps compared by a second network, squared error",
            steps=10000,
            n_way=20,
            n_query=5,
        )
    }
}
