"""Model-agnostic meta-learning of classifiers (Finn, Abbeel and Levine 2017)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import cycle
from typing import Any, ClassVar, Literal, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.optim import Optimizer

from holotype.errors import DataError, TrainingError
from holotype.train.batches import EpisodeBatch
from holotype.train.embedding import UnitEmbedder
from holotype.train.method import Method
from holotype.train.methods.meta.adaptation import InnerLoop, Params, Rate, start_of
from holotype.train.methods.meta.body import BackgroundNorms
from holotype.train.methods.meta.layers import affine, check_layers
from holotype.train.methods.meta.networks import TaskConv4
from holotype.train.methods.meta.task_recipe import task_recipe
from holotype.train.picture_recipes import PictureRecipe


class MAML(Method):
    """Learns a start through the inner steps themselves (Finn et al. 2017, algorithm 2).

    Each task takes the body and a linear head from the start, descends a few steps on the cross
    entropy of its support, and answers its queries. Inductive unless told otherwise: the norms
    take their statistics from the support.

    Args:
        body: pictures [T, B, C, H, W] -> features [T, B, D], of the layers in
            `holotype.train.methods.meta.layers`; has `embedding_dim`.
        n_way: number of classes of every episode, each with a start of its own in the head, as in
            the paper; None: any number of classes, which share one start (Ye and Chao 2022).
        steps: inner steps in training.
        rate: inner rate, or where learned rates start.
        test_steps: inner steps in answering; None: as in training.
        rates: another kind of inner rates than the algorithm's own; see `InnerLoop`.
        step_norms: the norms have scales and shifts of their own in each inner step, as what it
            adds to those that adapt (MAML++; Antoniou et al. 2019, section 4).
        transductive: the norms take the statistics of the queries together when they are
            answered, as in the papers; an answer then depends on the other queries.
        tasks_at_once: tasks of a batch that are held in memory together.
        precision: of the answers, where the caller has not set one. It has to be that of the
            training: what a few steps at learned rates lead to is not the same in another.

    Raises:
        TrainingError: `body` has a layer that does not follow the tasks, or the inner loop cannot
            be run as told.
    """

    undecayed = ("inner.", "head_")

    # What differs between the algorithms. MAML's own:
    adapts: ClassVar[Literal["everything", "head"]] = "everything"
    inner_rates: ClassVar[Rate] = "fixed"
    outer: ClassVar[Literal["second order", "first order", "difference"]] = "second order"
    head: ClassVar[Literal["learned", "prototypes"]] = "learned"

    def __init__(
        self,
        body: nn.Module,
        *,
        n_way: int | None = None,
        steps: int = 1,
        rate: float = 0.4,
        test_steps: int | None = None,
        rates: Rate | None = None,
        step_norms: bool = False,
        transductive: bool = False,
        tasks_at_once: int = 4,
        precision: Literal["float32", "bfloat16"] = "float32",
    ) -> None:
        super().__init__()
        check_layers(body)
        self.body = body
        self.transductive = transductive
        self.n_way = n_way
        self.order_dependent = n_way is not None
        self.test_steps = test_steps
        self.tasks_at_once = tasks_at_once
        self.precision = precision
        shapes = {} if self.adapts == "head" else {n: p.shape for n, p in body.named_parameters()}
        width = int(body.embedding_dim)  # type: ignore[arg-type]
        if self.head == "learned":
            self.head_weight = nn.Parameter(torch.zeros(n_way or 1, width))
            self.head_bias = nn.Parameter(torch.zeros(n_way or 1))
        norms = [name for name in shapes if name.endswith((".scale", ".shift"))]
        if step_norms and (not norms or self.outer == "difference"):
            raise TrainingError(
                f"step_norms=True has no meaning for {type(self).__name__}, which "
                + ("adapts no norm" if not norms else "learns from the end of its steps alone"),
                "Leave step_norms out",
            )
        shapes["head.weight"] = torch.Size((n_way or 1, width))
        shapes["head.bias"] = torch.Size((n_way or 1,))
        self.inner = InnerLoop(
            shapes,
            steps,
            rate,
            rates or self.inner_rates,
            first_order=self.outer != "second order",
            own=norms if step_norms else (),
        )

    def loss(self, batch: EpisodeBatch) -> Tensor:
        """Cross entropy of the queries after adaptation; its gradient is the algorithm's own."""
        if self.outer == "difference":
            return self._difference(batch)
        logits = self._answers(batch, None)
        return F.cross_entropy(logits.flatten(0, 1), batch.targets().flatten())

    def scores(self, batch: EpisodeBatch) -> Tensor:
        """The logits of the queries after adaptation: float32 [T, Q, N]."""
        # The inner loop needs gradients, also where the caller has switched them off.
        with torch.inference_mode(False), torch.no_grad(), self._arithmetic(batch):
            batch = replace(batch, support=batch.support.clone(), query=batch.query.clone())
            return self._answers(batch, self.test_steps).float()

    def accumulate(
        self, batch: EpisodeBatch, share: float, forward: AbstractContextManager[Any]
    ) -> Tensor:
        """A few tasks at a time, so that memory does not grow with the batch."""
        tasks = len(batch.support)
        total = torch.zeros(())
        for first in range(0, tasks, self.tasks_at_once):
            some = slice(first, first + self.tasks_at_once)
            part = EpisodeBatch(batch.support[some], batch.query[some], batch.targets()[some])
            total += super().accumulate(part, len(part.support) / tasks * share, forward)
        return total

    def _arithmetic(self, batch: EpisodeBatch) -> AbstractContextManager[Any]:
        device = batch.support.device.type
        if torch.is_autocast_enabled(device):
            return nullcontext()
        return torch.autocast(device, torch.bfloat16, enabled=self.precision == "bfloat16")

    def _answers(self, batch: EpisodeBatch, steps: int | None) -> Tensor:
        start = self._start(batch)
        support = batch.support.flatten(1, 2)
        if self.adapts == "head":
            features = self._features(start, support)  # the same in every step
            params = self.inner(start, lambda now: _cross_entropy(now, features, batch), steps)
        else:
            params = self.inner(
                start, lambda now: _cross_entropy(now, self._features(now, support), batch), steps
            )
        if self.transductive:
            return _logits(params, self._features(params, batch.query))
        known = support.shape[1]
        features = self._features(params, torch.cat([support, batch.query], 1), known)
        return _logits(params, features[:, known:])

    def _start(self, batch: EpisodeBatch) -> Params:
        tasks, n_way = batch.support.shape[:2]
        start = start_of(self.body, tasks)
        if self.head == "prototypes":
            # Distances to prototypes are linear in the features (Triantafillou et al. 2020, 3).
            features = self._features(start, batch.support.flatten(1, 2))
            centers = features.reshape(tasks, n_way, -1, features.shape[2]).mean(2)
            weight, bias = 2 * centers, -torch.square(centers).sum(-1)
        else:
            if self.n_way not in (None, n_way):
                raise DataError(
                    f"n_way={n_way} does not fit a head of {self.n_way} classes",
                    f"Draw episodes with n_way={self.n_way}, or learn one start for all classes",
                )
            weight = self.head_weight.expand(tasks, n_way, -1)
            bias = self.head_bias.expand(tasks, n_way)
        return start | {"head.weight": weight, "head.bias": bias}

    def _features(self, params: Params, pictures: Tensor, reference: int | None = None) -> Tensor:
        weights = {name: value for name, value in params.items() if not name.startswith("head.")}
        features: Tensor = functional_call(self.body, weights, (pictures, reference))
        return features

    def _difference(self, batch: EpisodeBatch) -> Tensor:
        """The mean inner loss, with the way from the start to the end for its gradient."""
        start = self._start(batch)
        losses: list[Tensor] = []
        parts = cycle(_minibatches(batch))

        def loss(now: Params) -> Tensor:
            pictures, labels = next(parts)
            logits = _logits(now, self._features(now, pictures))
            losses.append(_per_task(logits, labels))
            return losses[-1]

        end = self.inner(start, loss)
        moves = [(start[n] * (start[n] - end[n]).detach()).sum() for n in self.inner.names]
        way = torch.stack(moves).sum() / len(batch.support)
        return torch.stack(losses).detach().mean() + (way - way.detach())


class FirstOrderMAML(MAML):
    """MAML with the inner gradient taken for a constant (Finn et al. 2017, section 5.2)."""

    outer = "first order"


class EmbeddingMAML(MAML):
    """A kind whose body says something without adapting, and so can be exported."""

    def __init__(self, body: TaskConv4, **options: Any) -> None:
        super().__init__(body, **options)
        self.background = BackgroundNorms(body)

    def embedder(self) -> nn.Module:
        """The body before any adaptation, its norms fixed at the background's statistics."""
        return UnitEmbedder(self.background.fixed(cast(TaskConv4, self.body)))

    def training_step(
        self,
        batches: Sequence[EpisodeBatch],
        optimizer: Optimizer,
        forward: AbstractContextManager[Any],
    ) -> Tensor:
        """One update of MAML's, and the background's statistics after it."""
        loss = super().training_step(batches, optimizer, forward)
        for batch in batches:
            self.background.follow(cast(TaskConv4, self.body), batch.support.flatten(0, 2))
        return loss


def _logits(params: Params, features: Tensor) -> Tensor:
    with torch.autocast(features.device.type, enabled=False):
        return affine(features, params["head.weight"], params["head.bias"])


def _cross_entropy(params: Params, features: Tensor, batch: EpisodeBatch) -> Tensor:
    """Of the support: [T]."""
    tasks, n_way, k_shot = batch.support.shape[:3]
    labels = torch.arange(n_way, device=features.device).repeat_interleave(k_shot)
    return _per_task(_logits(params, features), labels.expand(tasks, -1))


def _per_task(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy of each task: [T, B, N] and [T, B] -> [T]."""
    losses = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    return losses.reshape(labels.shape).mean(1)


def _minibatches(batch: EpisodeBatch) -> Iterator[tuple[Tensor, Tensor]]:
    """The support, then the queries in parts of the same size, as plain labeled pictures."""
    tasks, n_way, k_shot = batch.support.shape[:3]
    labels = torch.arange(n_way).repeat_interleave(k_shot)
    yield batch.support.flatten(1, 2), labels.expand(tasks, -1)
    parts = max(1, batch.query.shape[1] // (n_way * k_shot))
    for part in range(parts):  # every so many queries: they tend to come class by class
        yield batch.query[:, part::parts], batch.targets()[:, part::parts]


def _then_in_five(recipe: PictureRecipe) -> PictureRecipe:
    return replace(
        recipe,
        description="5-way episodes with 5 queries, to go on with a run of `conv4` (--from), "
        "Vinyals split",
        settings=replace(recipe.settings, steps=1200, learning_rate=2e-3),
        n_way=5,
        tasks=8,
        validation_n_way=5,
    )


def _longer(recipe: PictureRecipe) -> PictureRecipe:
    """More steps, and a higher rate, which norms of their own in each inner step bear."""
    return replace(recipe, settings=replace(recipe.settings, steps=5000, learning_rate=4e-3))


_CONV4 = _longer(
    task_recipe(
        MAML,
        "2 inner steps with rates learned for each layer and step and norms with scales and shifts "
        "of their own in each (Antoniou et al. 2019)",
        steps=2,
        rate=0.4,
        rates="per step",
        step_norms=True,
    )
)

RECIPES = {
    "maml": {"conv4": _CONV4, "conv4-5way": _then_in_five(_CONV4)},
    "fomaml": {
        "conv4": task_recipe(FirstOrderMAML, "2 inner steps at rate 0.4", steps=2, rate=0.4)
    },
}
