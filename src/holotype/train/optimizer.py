"""The optimizer of a run, and its rate in each step."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from holotype.train.learner import Learner
from holotype.train.settings import TrainingSettings, rates


def optimizer_for(learner: Learner[Any], settings: TrainingSettings) -> Optimizer:
    """A fresh optimizer of all that a learner learns, without decay where it does harm."""
    decayed: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for name, parameter in learner.named_parameters():
        # Vectors are biases and the scales of norms: to shrink them is not regularization.
        exempt = parameter.ndim < 2 or name.startswith(learner.undecayed)
        (free if exempt else decayed).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    if settings.optimizer == "sgd":
        return SGD(groups, lr=settings.learning_rate, momentum=0.9, nesterov=True)
    return AdamW(groups, lr=settings.learning_rate)


def set_rates(optimizer: Optimizer, settings: TrainingSettings, step: int) -> None:
    """Put the learning rate and the momentum of a step into the optimizer."""
    learning_rate, momentum = rates(settings, step)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
        if "betas" in group:
            group["betas"] = (momentum, group["betas"][1])
        else:
            group["momentum"] = momentum
