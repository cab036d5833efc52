"""The inner loop: a few steps of gradient descent, for many tasks at once.

Tasks do not share parameters, so the gradient of the sum of their losses is the gradient of each.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Literal, cast

import torch
from torch import Tensor, nn

from holotype.errors import TrainingError

Params = dict[str, Tensor]  # name -> [T, ...]
Rate = Literal["fixed", "per weight", "per step"]


class InnerLoop(nn.Module):
    """Gradient descent from a starting point, itself differentiable.

    Args:
        shapes: of the parameters that adapt, by name, without the task axis.
        steps: how many.
        rate: the inner rate, or where learned rates start.
        rates: "fixed": one number; "per weight": one for each weight, learned (Meta-SGD; Li et
            al. 2017, eq. 3); "per step": one for each tensor and step, learned (MAML++; Antoniou
            et al. 2019, section 4).
        first_order: take the inner gradient for a constant, so that the derivative of the result
            by the start is the identity (Finn et al. 2017, section 5.2).
        own: names of parameters to which each step adds something of its own, learned and 0 at
            first; so does what comes out of the last (MAML++ for the norms; Antoniou et al. 2019,
            section 4).

    Raises:
        TrainingError: fewer than 0 steps, or a rate that is not finite or negative.
    """

    def __init__(
        self,
        shapes: Mapping[str, torch.Size],
        steps: int,
        rate: float,
        rates: Rate = "fixed",
        first_order: bool = False,
        own: Collection[str] = (),
    ) -> None:
        super().__init__()
        if steps < 0 or not 0 <= rate < float("inf"):
            raise TrainingError(
                f"an inner loop of {steps} steps at rate {rate} cannot be run",
                "Set steps to 0 or more and the rate to a finite number of 0 or more",
            )
        self.steps = steps
        self.rate = rate
        self.first_order = first_order
        self.names = tuple(shapes)
        self.rates = nn.ParameterDict()
        if rates != "fixed":
            for name, shape in shapes.items():
                size = shape if rates == "per weight" else (steps,)
                self.rates[_key(name)] = nn.Parameter(torch.full(size, rate))
        self.per_step = rates == "per step"
        self.own = nn.ParameterDict(
            {_key(name): torch.zeros(steps + 1, *shapes[name]) for name in own}
        )

    def forward(
        self, start: Params, loss: Callable[[Params], Tensor], steps: int | None = None
    ) -> Params:
        """The parameters after the inner steps; differentiable unless gradients are switched off.

        Args:
            start: name -> [T, ...]; all that `loss` needs, those that adapt among them.
            loss: parameters -> loss of each task [T].
            steps: another number than in training; what is learned for each step is in steps
                beyond the last that of the last.

        Raises:
            TrainingError: the loss is no longer finite.
        """
        differentiable = torch.is_grad_enabled()
        params, losses = start, []
        steps = self.steps if steps is None else steps
        for step in range(steps):
            if not differentiable:
                params = params | {n: params[n].detach().requires_grad_() for n in self.names}
            adapting = [params[name] for name in self.names]
            with torch.enable_grad():
                value = loss(self._with_own(params, step))
                gradients = torch.autograd.grad(
                    value.sum(), adapting, create_graph=differentiable and not self.first_order
                )
            losses.append(value.detach())
            params = params | {
                name: parameter - self._rate(name, step) * gradient
                for name, parameter, gradient in zip(self.names, adapting, gradients, strict=True)
            }
        self._check(losses)
        return self._with_own(params, steps)

    def _with_own(self, params: Params, step: int) -> Params:
        own = {name: self.own[_key(name)] for name in self.names if _key(name) in self.own}
        return params | {n: params[n] + value[min(step, self.steps)] for n, value in own.items()}

    def _rate(self, name: str, step: int) -> Tensor | float:
        if not self.rates:
            return self.rate
        rate = self.rates[_key(name)]
        return cast(Tensor, rate[min(step, self.steps - 1)] if self.per_step else rate)

    def _check(self, losses: list[Tensor]) -> None:
        if not losses:
            return
        finite = torch.stack(losses).isfinite().all(1)  # looked at once: a device is not held up
        if not bool(finite.all()):
            step = int(finite.long().argmin()) + 1
            raise TrainingError(
                f"the inner loop diverged: its loss is not finite in step {step} of "
                f"{len(losses)}, at inner rate {self.rate:g}"
                + (" where the learned rates started" if self.rates else ""),
                "Lower the inner rate",
            )


def start_of(module: nn.Module, tasks: int) -> Params:
    """The parameters of a network as the common starting point of T tasks: name -> [T, ...]."""
    return {name: p.expand(tasks, *p.shape) for name, p in module.named_parameters()}


def _key(name: str) -> str:
    return name.replace(".", "_")  # a dot is not allowed in the name of a parameter
