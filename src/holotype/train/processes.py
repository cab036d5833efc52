"""Several processes at one training run, as `torchrun` starts them.

The batches of a step are divided among them in their order, and each adds its share to the mean
gradient. So a run is the same however many work at it, up to the order in which numbers are added.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

from holotype.errors import HolotypeError, TrainingError
from holotype.train.device import find_device
from holotype.train.settings import TrainingSettings

T = TypeVar("T")
# Of all running statistics, as batch norm has it: each batch moves them by so much.
MOMENTUM = 0.1


@dataclass(frozen=True, slots=True)
class Processes:
    """This one among those that work at a run."""

    rank: int = 0  # the first alone writes, validates and tells
    count: int = 1

    def part(self, numbers: Sequence[int]) -> Sequence[int]:
        """Those of the batches of a step that are this process's: as many as everybody's."""
        each = len(numbers) // self.count
        return numbers[self.rank * each : (self.rank + 1) * each]

    def of_first(self, make: Callable[[], T]) -> T:
        """What the first process makes, in all of them; or the error that it meets.

        Raises:
            HolotypeError: as it does.
        """
        if self.count == 1:
            return make()
        made: list[T | HolotypeError | None] = [None]
        if self.rank == 0:
            try:
                made = [make()]
            except HolotypeError as error:
                made = [error]
        distributed.broadcast_object_list(made)
        (found,) = made
        if isinstance(found, HolotypeError):
            raise found
        return found  # type: ignore[return-value]

    def greatest(self, number: int) -> int:
        """The greatest of what all say."""
        if self.count == 1:
            return number
        said = torch.tensor(number, device="cpu")
        distributed.all_reduce(said, distributed.ReduceOp.MAX)
        return int(said)

    def sum_gradients(self, module: nn.Module, loss: Tensor) -> Tensor:
        """Give each the sum of all gradients; returns that of the losses."""
        if self.count == 1:
            return loss
        parameters = [one for one in module.parameters() if one.requires_grad]
        there = torch.tensor([float(one.grad is not None) for one in parameters])
        parts = [torch.zeros_like(one) if one.grad is None else one.grad for one in parameters]
        parts += [loss, there.to(loss.device)]
        total = torch.cat([part.flatten() for part in parts])
        distributed.all_reduce(total)
        sizes = [part.numel() for part in parts]
        *sums, loss, there = total.split(sizes)  # type: ignore[no-untyped-call]
        for parameter, found, somewhere in zip(parameters, sums, there.tolist(), strict=True):
            if somewhere:  # else the optimizer leaves it alone
                parameter.grad = torch.empty_like(parameter).copy_(found.view_as(parameter))
        return loss.squeeze()

    @contextmanager
    def following(self, module: nn.Module, batches: int) -> Iterator[None]:
        """Within, each process takes a step; then running statistics have followed all batches.

        Args:
            module: whose.
            batches: of this process.
        """
        if self.count == 1:
            yield
            return
        before = [buffer.clone() for buffer in module.buffers()]
        yield
        after = self.count - 1 - self.rank  # processes whose batches come later
        kept = (1 - MOMENTUM) ** (batches * after)
        with torch.no_grad():
            for buffer, was in zip(module.buffers(), before, strict=True):
                moved = buffer - was
                if buffer.is_floating_point():
                    moved *= kept
                distributed.all_reduce(moved)
                buffer.copy_(was + moved)


ALONE = Processes()


@contextmanager
def joined() -> Iterator[Processes]:
    """The processes that `torchrun` started, as long as this lasts; else this one alone.

    They speak gloo about what lies in memory, and NCCL about what lies on GPUs.
    """
    if not distributed.is_torchelastic_launched() or os.environ["WORLD_SIZE"] == "1":
        yield ALONE
        return
    distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


def device_of_process(device: torch.device, processes: Processes) -> torch.device:
    """Of several processes on a machine each has a GPU of its own.

    Raises:
        TrainingError: there are fewer GPUs.
    """
    if device.type == "cpu" or processes.count == 1:
        return device
    device = find_device(f"cuda:{os.environ['LOCAL_RANK']}")
    torch.cuda.set_device(device)
    return device


def divided(settings: TrainingSettings, said: Mapping[str, Any], processes: Processes) -> int:
    """How many batches make a step: as many for each process.

    Args:
        settings: of the run; where nobody said how many, those of one process.
        said: settings that somebody said.
        processes: that share a step.

    Raises:
        TrainingError: so many cannot be divided.
    """
    count = processes.count
    if "accumulate" not in said:
        return settings.accumulate * count
    if settings.accumulate % count:
        raise TrainingError(
            f"accumulate={settings.accumulate} batches cannot be divided among {count} processes",
            f"Set accumulate to {count} or a multiple of it, in the file that --config names; or "
            "start as many processes as divide it",
        )
    return settings.accumulate


def undivided(why: str, processes: Processes) -> None:
    """Refuse several processes for what one has to do.

    Args:
        why: its step cannot be divided; empty: it can.
        processes: that are to share it.

    Raises:
        TrainingError: there are several.
    """
    if why and processes.count > 1:
        raise TrainingError(
            f"{processes.count} processes cannot share a step: {why}", "Start one process"
        )
