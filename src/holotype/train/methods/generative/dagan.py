"""DAGAN, the adversarial network that augments data (Antoniou, Storkey and Edwards 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from holotype.errors import TrainingError
from holotype.preprocessing import Preprocessing
from holotype.train.batches import EpisodeBatch
from holotype.train.methods.generative.dagan_networks import Critic, Generator
from holotype.train.methods.generative.imagining import ImaginingMethod
from holotype.train.picture_recipes import PictureRecipe
from holotype.train.settings import TrainingSettings

_BETAS = (0.0, 0.9)  # of Adam, for both players (Gulrajani et al. 2017, algorithm 1)


class DAGAN(ImaginingMethod):
    """From one real picture to others of its class: a generator, and a critic of pairs.

    The critic is shown a reference beside another picture. It learns to put real pictures of the
    reference's class above generated ones (sections 3.1 and 3.2), as a Wasserstein critic whose
    gradient is held near length 1 between the two (Gulrajani et al. 2017, equation 3). Here it has
    to put them above real pictures of another class as well (as the critic of Reed et al. 2016,
    section 4.2, looks at mismatched pairs), so that a generator that leaves the class is seen.

    A generator that always draws the same pleases the critic too. So it draws twice from each
    reference, and what the two differ by less than real drawings of a class do, pixel by pixel and
    as a share of that, counts against it (after the mode-seeking loss of Mao et al. 2019).

    Such a critic is also a judge of pairs: a query is scored by what the critic says of it beside
    each example.

    Args:
        width: channels of the first layers.
        size_px: side of the pictures, a multiple of 4.
        noise_dim: of the noise that makes one picture differ from the next.
        critic_steps: updates of the critic for one of the generator.
        penalty: weight of the gradient penalty.
        variety: weight of the difference that two drawings lack.
        noise_scale: standard deviation of the noise when pictures are asked for; it learns with 1,
            which in the end draws less variety than people do.
    """

    detail = 4

    def __init__(
        self,
        width: int = 16,
        size_px: int = 28,
        noise_dim: int = 32,
        critic_steps: int = 5,
        penalty: float = 10.0,
        variety: float = 1.0,
        noise_scale: float = 4.0,
    ) -> None:
        super().__init__()
        self.generator = Generator(width, size_px, noise_dim)
        self.critic = Critic(width, size_px)
        self.critic_steps = critic_steps
        self.penalty = penalty
        self.variety = variety
        self.noise_scale = noise_scale

    def loss(self, batch: EpisodeBatch) -> Tensor:
        """The critic's: how far the real pairs are not yet above the others, and the penalty."""
        return self._of_critic(*_pairs(batch))

    indivisible = "its two players take turns on parts of one batch"

    def training_step(
        self,
        batches: Sequence[EpisodeBatch],
        optimizer: Optimizer,
        forward: AbstractContextManager[Any],
    ) -> Tensor:
        """Updates of the critic on parts of the batch, then one of the generator.

        Both players share the optimizer, which leaves alone whatever has no gradient.

        Returns:
            The critic's loss in its last update.

        Raises:
            TrainingError: several batches.
        """
        if len(batches) > 1:
            raise TrainingError(
                f"accumulate={len(batches)} has no meaning for DAGAN, whose two players take turns "
                "on parts of one batch",
                "Leave accumulate at 1",
            )
        for group in optimizer.param_groups:
            if "betas" in group:
                group["betas"] = _BETAS
        reference, same, other = _pairs(batches[0])
        for part in torch.randperm(len(reference)).chunk(self.critic_steps):
            with forward:
                of_critic = self._of_critic(reference[part], same[part], other[part])
            _update(self.critic, of_critic, optimizer)
        some = torch.randperm(len(reference))[: -(-len(part) // 2)]
        with forward:
            of_generator = self._of_generator(reference[some], same[some])
        _update(self.generator, of_generator, optimizer)
        return of_critic.detach()

    def scores(self, batch: EpisodeBatch) -> Tensor:
        """What the critic says of each query beside the examples of each class: [T, Q, N]."""
        support, query = batch.support, batch.query
        shape = (support.shape[0], query.shape[1], *support.shape[1:])  # T, Q, N, K, C, H, W
        references = support[:, None].expand(shape)
        others = query[:, :, None, None].expand(shape)
        said = self.critic(references.flatten(0, 3), others.flatten(0, 3)).float()
        mean: Tensor = said.reshape(shape[:4]).mean(3)
        return mean

    def imagine(self, support: Tensor, count: int, generator: torch.Generator) -> Tensor:
        """Other pictures of each class, from its examples in turn: [N, count, C, H, W]."""
        turns = torch.arange(count) % support.shape[1]
        noise = torch.randn((len(support) * count, self.generator.noise_dim), generator=generator)
        drawn: Tensor = self.generator(support[:, turns].flatten(0, 1), self.noise_scale * noise)
        return drawn.reshape(len(support), count, *drawn.shape[1:])

    def between(self, first: Tensor, second: Tensor, count: int) -> Tensor:
        """Pictures from what the generator sees in one to what it sees in the other, noise 0."""
        one, two = (self.generator.encode(examples[:1]) for examples in (first, second))
        share = torch.linspace(0, 1, count)[:, None, None, None]
        seen = [torch.lerp(a, b, share) for a, b in zip(one, two, strict=True)]
        return self.generator.decode(seen, torch.zeros(count, self.generator.noise_dim))

    def _drawn(self, reference: Tensor) -> Tensor:
        noise = torch.randn(len(reference), self.generator.noise_dim)
        drawn: Tensor = self.generator(reference, noise)
        return drawn

    def _of_critic(self, reference: Tensor, same: Tensor, other: Tensor) -> Tensor:
        with torch.no_grad():
            drawn = self._drawn(reference)
        said = [self.critic(reference, picture).mean() for picture in (same, drawn, other)]
        # One penalty for both kinds of wrong pairs: half of each.
        wrong = torch.where(torch.rand(len(same), 1, 1, 1) < 0.5, drawn, other)
        between = torch.lerp(wrong, same, torch.rand(len(same), 1, 1, 1)).requires_grad_()
        (slope,) = torch.autograd.grad(
            self.critic(reference, between).sum(), between, create_graph=True
        )
        steep: Tensor = (slope.float().flatten(1).norm(dim=1) - 1).square().mean()
        real, generated, mismatched = said
        missing: Tensor = (generated + mismatched) / 2 - real
        return missing + self.penalty * steep

    def _of_generator(self, reference: Tensor, same: Tensor) -> Tensor:
        twice = torch.cat([reference, reference])
        drawn = self._drawn(twice)
        one, other = drawn.chunk(2)
        real = (same - reference).abs().mean()
        lacking = torch.relu(1 - (one - other).abs().mean() / real)
        loss: Tensor = self.variety * lacking - self.critic(twice, drawn).mean()
        return loss


def _pairs(batch: EpisodeBatch) -> tuple[Tensor, Tensor, Tensor]:
    """For each query an example of its class, itself, and an example of another: [T * Q, ...]."""
    examples, targets = batch.support[:, :, 0], batch.targets()
    n_way = examples.shape[1]
    tasks = torch.arange(len(examples))[:, None]
    away = (targets + torch.randint(1, n_way, targets.shape)) % n_way
    return (
        examples[tasks, targets].flatten(0, 1),
        batch.query.flatten(0, 1),
        examples[tasks, away].flatten(0, 1),
    )


def _update(player: nn.Module, loss: Tensor, optimizer: Optimizer) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward(inputs=list(player.parameters()))  # type: ignore[no-untyped-call]
    optimizer.step()


RECIPES = {
    "dagan": {
        "background": PictureRecipe(
            build=lambda n_classes, size_px: DAGAN(size_px=size_px),
            description="at 28 px, pairs of 32 classes, five updates of the critic for one of the "
            "generator; all background alphabets but the cohort's",
            preprocessing=Preprocessing("frame", size_px=28, margin_px=0),
            settings=TrainingSettings(steps=4000, learning_rate=4e-4, schedule="one_cycle"),
            training=("training", "selection"),
            selection=None,
            n_way=32,
            n_query=5,
        )
    }
}
