"""The outer gradient of every algorithm, against finite differences in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional as F

from holotype.errors import TrainingError
from holotype.train.batches import EpisodeBatch
from holotype.train.methods.meta.adaptation import InnerLoop
from holotype.train.methods.meta.anil import ANIL
from holotype.train.methods.meta.layers import check_layers
from holotype.train.methods.meta.maml import MAML, FirstOrderMAML
from holotype.train.methods.meta.meta_sgd import MetaSGD
from holotype.train.methods.meta.networks import TaskConv4
from holotype.train.methods.meta.protomaml import ProtoMAML
from holotype.train.methods.meta.reptile import Reptile

RELATIVE = 1e-6


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def episodes(seed: int, tasks: int = 2, n_way: int = 3, k_shot: int = 2) -> EpisodeBatch:
    torch.manual_seed(seed)
    return EpisodeBatch(
        torch.rand(tasks, n_way, k_shot, 1, 8, 8),
        torch.rand(tasks, 4, 1, 8, 8),
        torch.randint(0, n_way, (tasks, 4)),
    )


def learner(kind: type[MAML], seed: int, **options: object) -> MAML:
    """Two blocks; all parameters away from where they start, negative scales among them."""
    torch.manual_seed(seed)
    options = {"rate": 0.3} | options
    method = kind(TaskConv4(width=3, size_px=8, depth=2), **options)  # type: ignore[arg-type]
    for name, parameter in method.named_parameters():
        if not name.startswith("inner.rates"):
            parameter.data += 0.5 * torch.randn_like(parameter)
    method.body.blocks[0].scale.data[0] = -0.7
    return method


def gradient(method: nn.Module, loss: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(loss, list(method.parameters())))


def slope(method: nn.Module, loss: Callable[[], Tensor], along: list[Tensor]) -> float:
    """The derivative along a direction, from central differences (Richardson)."""

    def difference(width: float) -> float:
        values = []
        for sign in (1, -1):
            for parameter, way in zip(method.parameters(), along, strict=True):
                parameter.data += sign * width * way
            values.append(float(loss().detach()))
            for parameter, way in zip(method.parameters(), along, strict=True):
                parameter.data -= sign * width * way
        return (values[0] - values[1]) / (2 * width)

    return (4 * difference(5e-6) - difference(1e-5)) / 3


def agrees(method: nn.Module, loss: Callable[[], Tensor]) -> float:
    """Relative difference between the slope and the finite difference, half uphill, half aside."""
    exact = gradient(method, loss())
    size = torch.cat([g.flatten() for g in exact]).norm()
    aside = [torch.randn_like(g) / g.numel() ** 0.5 for g in exact]
    along = [g / size + a / len(exact) for g, a in zip(exact, aside, strict=True)]
    expected = float(sum((g * a).sum() for g, a in zip(exact, along, strict=True)))
    return abs(slope(method, loss, along) / expected - 1)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("steps", [1, 5])
@pytest.mark.parametrize("kind", [MAML, MetaSGD, ANIL, ProtoMAML])
def test_second_order(kind: type[MAML], steps: int, seed: int) -> None:
    method, batch = learner(kind, seed, steps=steps), episodes(seed)
    assert agrees(method, lambda: method.loss(batch)) < RELATIVE


@pytest.mark.parametrize(
    "options",
    [
        {"n_way": 3},
        {"transductive": True},
        {"rates": "per step"},
        {"step_norms": True},
        {"steps": 3},
    ],
)
def test_second_order_with_every_option(options: dict[str, object]) -> None:
    method, batch = learner(MAML, 4, **{"steps": 2, **options}), episodes(4)
    assert agrees(method, lambda: method.loss(batch)) < RELATIVE


@pytest.mark.parametrize("steps", [1, 5])
def test_first_order_is_the_gradient_at_the_end_of_the_inner_loop(steps: int) -> None:
    method, batch = learner(FirstOrderMAML, 3, steps=steps), episodes(3, tasks=1)
    names = [name for name, _ in method.named_parameters()]
    found = dict(zip(names, gradient(method, method.loss(batch)), strict=True))
    # By definition: descend, then differentiate the loss of the queries there and stop.
    params = dict(method._start(batch))
    support, known = batch.support.flatten(1, 2), 6
    for _ in range(steps):
        params = {name: value.detach().requires_grad_() for name, value in params.items()}
        logits = method._features(params, support) @ params["head.weight"].mT
        logits = logits + params["head.bias"][:, None]
        loss = F.cross_entropy(logits[0], torch.arange(3).repeat_interleave(2))
        steepest = torch.autograd.grad(loss, list(params.values()))
        params = {n: p - 0.3 * g for (n, p), g in zip(params.items(), steepest, strict=True)}
    params = {name: value.detach().requires_grad_() for name, value in params.items()}
    features = method._features(params, torch.cat([support, batch.query], 1), known)[:, known:]
    logits = features @ params["head.weight"].mT + params["head.bias"][:, None]
    loss = F.cross_entropy(logits[0], batch.targets()[0])
    expected = dict(zip(params, torch.autograd.grad(loss, list(params.values())), strict=True))
    torch.testing.assert_close(found["head_weight"], expected["head.weight"].sum((0, 1))[None])
    for name, value in expected.items():
        if not name.startswith("head."):
            torch.testing.assert_close(found[f"body.{name}"], value[0])


def test_reptile_moves_toward_the_mean_of_where_the_tasks_end() -> None:
    method, batch = learner(Reptile, 5, n_way=3, steps=3, rate=0.05), episodes(5, k_shot=1)
    batch = EpisodeBatch(batch.support, batch.query[:, :3], torch.tensor([[0, 1, 2]] * 2))
    found = gradient(method, method.loss(batch))
    named = dict(method.named_parameters())
    ends = []
    for task in range(2):  # plain SGD, with torch's own layers and optimizer
        plain = PlainNet(method)
        sgd = torch.optim.SGD(plain.parameters(), lr=0.05)
        for part in (batch.support[task, :, 0], batch.query[task], batch.support[task, :, 0]):
            sgd.zero_grad()
            F.cross_entropy(plain(part), torch.arange(3)).backward()
            sgd.step()
        ends.append(plain.as_ours())
    for (name, value), moved in zip(named.items(), found, strict=True):
        expected = value - (ends[0][name] + ends[1][name]) / 2
        torch.testing.assert_close(moved, expected.detach())


class PlainNet(nn.Module):
    """Torch's own layers with the weights of a learner."""

    def __init__(self, method: MAML) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for block in method.body.blocks:
            outputs, inputs = block.weight.shape[:2]
            conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
            norm = nn.BatchNorm2d(outputs, track_running_stats=False)
            conv.weight.data.copy_(block.weight)
            norm.weight.data.copy_(block.scale)
            norm.bias.data.copy_(block.shift)
            self.layers.append(nn.Sequential(conv, norm, nn.ReLU(), nn.MaxPool2d(2)))
        self.head = nn.Linear(method.head_weight.shape[1], len(method.head_weight))
        self.head.weight.data.copy_(method.head_weight)
        self.head.bias.data.copy_(method.head_bias)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return self.head(x.flatten(1))

    def as_ours(self) -> dict[str, Tensor]:
        named = {"head_weight": self.head.weight, "head_bias": self.head.bias}
        for index, (conv, norm, *_) in enumerate(self.layers):
            prefix = f"body.blocks.{index}"
            named |= {
                f"{prefix}.weight": conv.weight,
                f"{prefix}.scale": norm.weight,
                f"{prefix}.shift": norm.bias,
            }
        return named


def test_torchs_own_layers_give_the_same_loss_and_gradient() -> None:
    method, batch = learner(MAML, 6, n_way=3, steps=2, transductive=True), episodes(6)
    exact = gradient(method, method.loss(batch))
    plain, total = PlainNet(method), torch.zeros(())
    for task in range(2):
        params = dict(plain.named_parameters())
        for _ in range(2):
            logits = functional_call(plain, params, (batch.support[task].flatten(0, 1),))
            loss = F.cross_entropy(logits, torch.arange(3).repeat_interleave(2))
            steepest = torch.autograd.grad(loss, list(params.values()), create_graph=True)
            params = {n: p - 0.3 * g for (n, p), g in zip(params.items(), steepest, strict=True)}
        logits = functional_call(plain, params, (batch.query[task],))
        total = total + F.cross_entropy(logits, batch.targets()[task]) / 2
    torch.testing.assert_close(method.loss(batch), total)
    total.backward()
    named = plain.as_ours()
    for (name, _), value in zip(method.named_parameters(), exact, strict=True):
        torch.testing.assert_close(value, named[name].grad, rtol=1e-8, atol=1e-10)


def test_no_inner_rate_is_no_adaptation() -> None:
    batch = episodes(7)
    still, none = learner(MAML, 7, rate=0.0, steps=5), learner(MAML, 7, steps=0)
    torch.testing.assert_close(still.loss(batch), none.loss(batch), rtol=0, atol=1e-14)


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_a_quadratic_has_a_closed_form(steps: int) -> None:
    # On (x - a)^2 c / 2 each step contracts x - a by 1 - rate c; the outer loss is (x - b)^2 / 2.
    a, b, c, rate = 1.5, -0.5, 0.7, 0.4
    x = torch.tensor([[2.0]], requires_grad=True)
    loop = InnerLoop({"x": torch.Size((1,))}, steps, rate)
    end = loop({"x": x}, lambda now: (c / 2 * (now["x"] - a) ** 2).sum(1))["x"]
    contracted = (1 - rate * c) ** steps
    assert float(end.detach()) == pytest.approx(a + contracted * 0.5, rel=1e-14)
    (second,) = torch.autograd.grad(((end - b) ** 2 / 2).sum(), x)
    assert float(second) == pytest.approx((a + contracted * 0.5 - b) * contracted, rel=1e-13)
    first = InnerLoop({"x": torch.Size((1,))}, steps, rate, first_order=True)
    end = first({"x": x}, lambda now: (c / 2 * (now["x"] - a) ** 2).sum(1))["x"]
    (straight,) = torch.autograd.grad(((end - b) ** 2 / 2).sum(), x)
    assert float(straight) == pytest.approx(a + contracted * 0.5 - b, rel=1e-13)


# The negative control: what this file would say of torch's own batch norm under vmap.


def vmapped_loss(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    def of_task(x: Tensor, y: Tensor) -> Tensor:
        params = dict(net.named_parameters())

        def support_loss(now: dict[str, Tensor]) -> Tensor:
            return functional_call(net, now, (x,)).square().mean()

        steepest = torch.func.grad(support_loss)(params)
        params = {name: value - 0.3 * steepest[name] for name, value in params.items()}
        return (functional_call(net, params, (y,)) - 1).square().mean()

    return vmap(of_task)(x, y).mean()


@pytest.mark.parametrize(("norm", "right"), [("batch", False), ("group", True)])
def test_the_control_batch_norm_under_vmap_fails_this_test(norm: str, right: bool) -> None:
    torch.manual_seed(0)
    layer = nn.BatchNorm2d(3, track_running_stats=False) if norm == "batch" else nn.GroupNorm(1, 3)
    net = nn.Sequential(nn.Conv2d(1, 3, 3), layer, nn.Softplus(), nn.Conv2d(3, 1, 3))
    x, y = torch.randn(2, 2, 4, 1, 6, 6)
    assert (agrees(net, lambda: vmapped_loss(net, x, y)) < RELATIVE) == right


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (nn.BatchNorm2d(3), "second derivative is silently wrong"),
        (nn.InstanceNorm2d(3), "second derivative is silently wrong"),
        (nn.Conv2d(1, 3, 3), "does not follow the task axis"),
    ],
)
def test_a_layer_that_mixes_tasks_is_refused(layer: nn.Module, why: str) -> None:
    with pytest.raises(TrainingError, match=why):
        check_layers(nn.Sequential(nn.ReLU(), layer))
    body = nn.Sequential(layer)
    body.embedding_dim = 3  # type: ignore[assignment]
    with pytest.raises(TrainingError, match="Build the network of"):
        MAML(body)
