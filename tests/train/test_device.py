"""Training on another device than the processor, as far as it can be seen without one.

PyTorch's device `meta` holds shapes and no numbers, and refuses to compute with a tensor of the
processor. So a learner that makes something where its weights are not is found without a GPU.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from holotype.errors import TrainingError
from holotype.train.batches import EpisodeBatch
from holotype.train.device import computing_on, find_device, moved, uniform
from holotype.train.methods.meta.adaptation import InnerLoop
from holotype.train.optimizer import optimizer_for
from holotype.train.plan import Wishes, recorded
from holotype.train.runs import start
from holotype.train.settings import TrainingSettings
from train.toys import BUILDS, N_CLASSES, SIZE_PX

META, CPU = torch.device("meta"), torch.device("cpu")
SETTINGS = TrainingSettings(steps=3, learning_rate=0.1)
# What they do next depends on numbers, and those are not there.
NUMBERS_NEEDED = {"triplet", "mann", "lifelong-memory"}
FOLLOWING = sorted(
    name for name, (_, build) in BUILDS.items() if name not in NUMBERS_NEEDED and build().trainable
)


def batch_of_five() -> EpisodeBatch:
    return EpisodeBatch(
        support=torch.rand(2, 5, 1, 1, SIZE_PX, SIZE_PX),
        query=torch.rand(2, 10, 1, SIZE_PX, SIZE_PX),
        query_class=torch.arange(10).repeat(2, 1) % 5,
        class_id=torch.arange(10).view(2, 5) % N_CLASSES,
    )


@pytest.mark.parametrize("name", FOLLOWING)
def test_a_step_stays_where_the_weights_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # There is no lower precision of no numbers.
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda *_: False)
    # The only look at numbers in an inner loop: whether its losses are finite.
    monkeypatch.setattr(InnerLoop, "_check", lambda *_: None)
    learner = BUILDS[name][1]().to(META)
    optimizer = optimizer_for(learner, SETTINGS)
    with computing_on(META):
        loss = learner.training_step([moved(batch_of_five(), META)], optimizer, nullcontext())
    assert loss.device == META == learner.device


def test_what_is_made_elsewhere_is_found() -> None:
    class Stray(torch.nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * torch.ones(3)

    pictures = torch.rand(2, 3, device=META)
    with pytest.raises(RuntimeError, match="device"):
        Stray()(pictures)
    with computing_on(META):
        assert Stray()(pictures).device == META


@dataclass(frozen=True)
class _Tasks:
    episode: EpisodeBatch
    scored: Tensor | None
    name: str = "tasks"


def test_chance_of_the_processor_serves_elsewhere() -> None:
    def drawn() -> Tensor:
        return uniform((2, 3), torch.Generator().manual_seed(0))

    here = drawn()
    assert torch.equal(here, torch.rand(2, 3, generator=torch.Generator().manual_seed(0)))
    with computing_on(META):
        assert drawn().device == uniform((2, 3)).device == META


def test_everything_in_a_batch_is_moved() -> None:
    tasks = _Tasks(batch_of_five(), None)
    found = moved(tasks, META)
    assert (found.name, found.scored) == ("tasks", None)
    assert all(
        getattr(found.episode, part).device == META
        for part in ("support", "query", "query_class", "class_id")
    )
    assert moved(tasks, CPU) is tasks


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gpu", "device='gpu' is nothing that trains. Choose from cpu, cuda"),
        ("meta", "device='meta' is nothing that trains. Choose from cpu, cuda"),
    ],
)
def test_what_is_no_device(name: str, said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        find_device(name)


def test_a_gpu_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert find_device(None) == find_device("cpu") == CPU
    with pytest.raises(TrainingError, match=r"finds no GPU here.*or train on the cpu"):
        find_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert find_device(None).type == "cuda"
    assert find_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(TrainingError, match="there are 2 GPUs here, from cuda:0"):
        find_device("cuda:2")


def test_a_run_goes_on_where_it_began(tmp_path: Path) -> None:
    start(tmp_path / "run", SETTINGS, {}, {"device": "cuda"})
    assert recorded(tmp_path / "run", SETTINGS, Wishes()).device == "cuda"
    with pytest.raises(TrainingError, match="started with device='cuda'; it cannot go on with"):
        recorded(tmp_path / "run", SETTINGS, Wishes(device="cpu"))
