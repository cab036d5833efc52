"""Second-order MAML beside higher and torchopt: the same gradient, tasks per CPU-second.

pip install higher==0.2.1 torchopt==0.7.3 optree
python benchmarks/meta_speed.py [--rounds 5]

One thread, float32, the same nets and the same norm (the statistics of the pictures at hand).
Each gradient is compared with the one in float64. Rates are medians over rounds that take turns.
Writes results/meta_speed.json.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holotype.train import runs
from holotype.train.batches import EpisodeBatch
from holotype.train.methods.meta.maml import MAML
from holotype.train.methods.meta.networks import Perceptron, TaskConv4
from holotype.train.methods.meta.regression import RegressionMAML
from holotype.train.methods.meta.sinusoid import sinusoids

TASKS, N_WAY, N_QUERY, RATE = 32, 5, 25, 0.1
Points = tuple[Tensor, Tensor, Tensor, Tensor]  # given x, y; asked x, y; a task in each row


def plain_net(ours: MAML) -> nn.Module:
    """The same net of torch's own layers, with the same weights."""
    layers: list[nn.Module] = []
    for block in ours.body.blocks:
        outputs, inputs = block.weight.shape[:2]
        conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        norm = nn.BatchNorm2d(outputs, track_running_stats=False)
        conv.weight.data.copy_(block.weight.data)
        layers += [conv, norm, nn.ReLU(), nn.MaxPool2d(2)]
    head = nn.Linear(ours.head_weight.shape[1], N_WAY)
    head.weight.data.copy_(ours.head_weight.data)
    head.bias.data.copy_(ours.head_bias.data)
    return nn.Sequential(*layers, nn.Flatten(), head)


def with_higher(given: Points, loss: Callable[..., Tensor], steps: int, net: nn.Module) -> None:
    import higher

    x, y, query_x, query_y = given
    optimizer = torch.optim.SGD(net.parameters(), lr=rate_of(net))
    for task in range(len(x)):
        with higher.innerloop_ctx(net, optimizer, copy_initial_weights=False) as (inner, sgd):
            for _ in range(steps):
                sgd.step(loss(inner(x[task]), y[task]))
            (loss(inner(query_x[task]), query_y[task]) / len(x)).backward()


def with_torchopt(given: Points, loss: Callable[..., Tensor], steps: int, net: nn.Module) -> None:
    import torchopt

    x, y, query_x, query_y = given
    inner = torchopt.MetaSGD(net, lr=rate_of(net))
    begun = torchopt.extract_state_dict(net, by="reference")
    state = torchopt.extract_state_dict(inner, by="reference")
    for task in range(len(x)):
        for _ in range(steps):
            inner.step(loss(net(x[task]), y[task]))
        (loss(net(query_x[task]), query_y[task]) / len(x)).backward()
        torchopt.recover_state_dict(net, begun)
        torchopt.recover_state_dict(inner, state)


def rate_of(net: nn.Module) -> float:
    return RATE if any(isinstance(layer, nn.Conv2d) for layer in net.children()) else 0.01


def _tasks(
    given: Points,
    loss: Callable[..., Tensor],
    steps: int,
    net: nn.Module,
    library: Callable[..., None],
) -> None:
    net.zero_grad(set_to_none=True)
    library(given, loss, steps, net)


def flat(net: nn.Module) -> Tensor:
    # The order of the plain net: ours names the head before the body.
    named = sorted(net.named_parameters(), key=lambda item: item[0].startswith("head"))
    return torch.cat([p.grad.flatten() for _, p in named if p.grad is not None])


class _NoStep(torch.optim.SGD):
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Leave the gradients to be looked at."""


def conv4(steps: int) -> tuple[nn.Module, nn.Module, Any, Callable[..., None]]:
    torch.manual_seed(0)
    ours = MAML(TaskConv4(), n_way=N_WAY, steps=steps, rate=RATE, transductive=True)
    nn.init.normal_(ours.head_weight, std=0.1)
    batch = EpisodeBatch(
        torch.rand(TASKS, N_WAY, 1, 1, 28, 28),
        torch.rand(TASKS, N_QUERY, 1, 28, 28),
        torch.randint(0, N_WAY, (TASKS, N_QUERY)),
    )
    plain = plain_net(ours).to(memory_format=torch.channels_last)  # the better for them, too
    labels = torch.arange(N_WAY).expand(TASKS, -1)
    given = (batch.support.flatten(1, 2), labels, batch.query, batch.targets())
    return ours, plain, batch, partial(_tasks, given, F.cross_entropy, steps, plain)


def perceptron(steps: int) -> tuple[nn.Module, nn.Module, Any, Callable[..., None]]:
    torch.manual_seed(0)
    ours = RegressionMAML(Perceptron(), steps=steps, rate=0.01)
    layers: list[nn.Module] = []
    for layer in ours.network.layers:
        plain = nn.Linear(*layer.weight.shape[::-1])
        plain.load_state_dict(layer.state_dict())
        layers += [plain, nn.ReLU()]
    net = nn.Sequential(*layers[:-1])
    batch = sinusoids(0, TASKS, 10, 10)
    given = (batch.x, batch.y, batch.query_x, batch.targets())
    return ours, net, batch, partial(_tasks, given, F.mse_loss, steps, net)


def compare(net: str, steps: int, rounds: int) -> dict[str, Any]:
    ours, plain, batch, peer = {"Conv4-64": conv4, "1-40-40-1": perceptron}[net](steps)
    idle = _NoStep(ours.parameters(), lr=0.1)
    entrants: dict[str, tuple[nn.Module, Callable[[], object]]] = {
        "holotype": (ours, lambda: ours.training_step([batch], idle, nullcontext())),
        "higher": (plain, lambda: peer(with_higher)),
        "torchopt": (plain, lambda: peer(with_torchopt)),
    }
    exact = in_float64(ours, batch)
    agree = peer_in_float64(peer, exact)
    spent: dict[str, list[float]] = {name: [] for name in entrants}
    apart = {}
    for turn in range(rounds + 1):  # the first warms up, and its gradient is looked at
        for name, (of, run) in entrants.items():
            began = time.process_time()
            run()
            if turn:
                spent[name].append(time.process_time() - began)
            else:
                apart[name] = float((flat(of).double() - exact).norm() / exact.norm())
    rate = {name: TASKS / statistics.median(times) for name, times in spent.items()}
    ratio = rate["holotype"] / max(rate["higher"], rate["torchopt"])
    print(f"{net}, {steps} inner steps: {ratio:.2f} times the faster peer")
    print(f"  in float64 the gradient of higher is ours to {agree:.0e}")
    for name in entrants:
        print(f"  {name:9}{rate[name]:8.1f} tasks/s; off the float64 gradient {apart[name]:.1e}")
    return {
        "net": net,
        "steps": steps,
        "ratio": ratio,
        "rate": rate,
        "off": apart,
        "float64": agree,
    }


def in_float64(ours: nn.Module, batch: Any) -> Tensor:
    twin = copy.deepcopy(ours).double()
    values = {
        field.name: value.double()
        if (value := getattr(batch, field.name)).is_floating_point()
        else value
        for field in fields(batch)
        if getattr(batch, field.name) is not None
    }
    twin.training_step([type(batch)(**values)], _NoStep(twin.parameters(), lr=0.1), nullcontext())
    return flat(twin)


def peer_in_float64(peer: Any, exact: Tensor) -> float:
    given, loss, steps, net = peer.args
    exactly = tuple(value.double() if value.is_floating_point() else value for value in given)
    twin = copy.deepcopy(net).double()
    _tasks(exactly, loss, steps, twin, with_higher)
    return float((flat(twin) - exact).norm() / exact.norm())


def memory() -> float:
    """Growth of the process at its largest in a step of 32 tasks, 5 inner steps, in MB."""
    code = (
        "import sys, torch; sys.path.insert(0, sys.argv[1]); torch.set_num_threads(1)\n"
        "import meta_speed as m\n"
        "before = m.largest_kb()\n"
        "ours, _, batch, _ = m.conv4(5)\n"
        "ours.training_step([batch], m._NoStep(ours.parameters(), lr=0.1), m.nullcontext())\n"
        "print((m.largest_kb() - before) / 1000)\n"
    )
    here = str(Path(__file__).parent)
    done = subprocess.run([sys.executable, "-c", code, here], capture_output=True, check=True)
    return float(done.stdout)


def largest_kb() -> int:
    """The largest resident size of this process so far (Linux; getrusage also counts parents)."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    rows = [compare(net, steps, rounds) for net in ("Conv4-64", "1-40-40-1") for steps in (1, 5)]
    largest = memory()
    print(f"memory of {TASKS} tasks, 5 inner steps, Conv4-64: {largest:.0f} MB above import")
    facts = {"tasks": TASKS, "commit": runs.commit(), "versions": runs.versions()}
    result = {**facts, "memory_mb": largest, "rows": rows}
    path = Path(__file__).parent.parent / "results" / "meta_speed.json"
    path.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
