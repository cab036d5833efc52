from __future__ import annotations

import pytest
import torch
from torch import Tensor
from toys import build, task_conv, toy_batch, toy_episode

from holotype.errors import DataError, TrainingError
from holotype.train.batches import EpisodeBatch
from holotype.train.methods.meta.adaptation import InnerLoop
from holotype.train.methods.meta.anil import ANIL
from holotype.train.methods.meta.layers import ConvBlock, tasks_in_channels
from holotype.train.methods.meta.maml import MAML
from holotype.train.methods.meta.summary import summarize

X = {"x": torch.Size((1,))}


def parabola(now: dict[str, Tensor]) -> Tensor:
    return now["x"].square().sum(1)


def test_a_rate_that_diverges_is_named_with_its_step() -> None:
    loop = InnerLoop(X, steps=20, rate=1e6)
    start = {"x": torch.full((2, 1), 3.0, requires_grad=True)}
    # |x| is 3 (2e6)^(step - 1): its square leaves float32 (3.4e38) in step 4.
    with pytest.raises(TrainingError, match=r"step 4 of 20, at inner rate 1e\+06"):
        loop(start, parabola)


@pytest.mark.parametrize(("steps", "rate"), [(-1, 0.1), (1, -0.1), (1, float("nan"))])
def test_a_loop_that_cannot_be_run_is_refused(steps: int, rate: float) -> None:
    with pytest.raises(TrainingError, match=f"{steps} steps at rate {rate}"):
        InnerLoop(X, steps, rate)


def test_steps_beyond_the_learned_rates_take_the_last() -> None:
    loop = InnerLoop(X, steps=2, rate=0.25, rates="per step")
    loop.rates["x"].data.copy_(torch.tensor([0.25, 0.375]))
    start = {"x": torch.ones(1, 1, requires_grad=True)}
    # Each step multiplies x by 1 - 2 rate: 0.5, then 0.25 twice.
    assert float(loop(start, parabola, steps=3)["x"].detach()) == 0.5 * 0.25 * 0.25


def test_without_gradients_the_way_is_the_same_and_nothing_is_kept() -> None:
    loop = InnerLoop(X, steps=3, rate=0.1)
    start = {"x": torch.ones(1, 1, requires_grad=True)}
    with torch.no_grad():
        end = loop(start, parabola)["x"]
    assert not end.requires_grad
    assert torch.equal(end, loop(start, parabola)["x"].detach())


def test_answers_come_in_the_precision_of_the_training() -> None:
    torch.manual_seed(0)
    method, batch = MAML(task_conv(), steps=2).eval(), toy_batch(0)
    exact = method.scores(batch)
    with torch.autocast("cpu", torch.bfloat16):
        low = method.scores(batch)
    assert not torch.equal(exact, low)
    method.precision = "bfloat16"
    assert torch.equal(method.scores(batch), low)


def test_a_block_is_torchs_four_layers() -> None:
    torch.manual_seed(0)
    block = ConvBlock(2, 4)
    block.scale.data = torch.tensor([1.0, -0.5, 0.0, -2.0])
    block.shift.data = torch.randn(4)
    x = torch.randn(3, 2, 6, 6)
    conv = torch.conv2d(x, block.weight, padding=1)
    norm = torch.nn.functional.batch_norm(
        conv, None, None, block.scale, block.shift, training=True, eps=1e-5
    )
    expected = torch.nn.functional.max_pool2d(norm.relu(), 2)
    params = {name: value[None] for name, value in block.named_parameters()}
    found = torch.func.functional_call(block, params, (x,))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_the_reference_alone_gives_the_statistics() -> None:
    y = torch.randn(5, 3, 4, 4).to(memory_format=torch.channels_last)
    largest, mean, variance = summarize(y, 2)
    torch.testing.assert_close(mean, y[:2].mean((0, 2, 3)))
    torch.testing.assert_close(variance, y[:2].var((0, 2, 3), correction=0))
    assert largest.shape == (5, 3, 2, 2)


def test_summarizing_is_twice_differentiable() -> None:
    torch.manual_seed(0)
    y = torch.randn(3, 2, 5, 4, dtype=torch.float64, requires_grad=True)
    for reference in (None, 2):
        assert torch.autograd.gradcheck(lambda y, r=reference: summarize(y, r), y)
    assert torch.autograd.gradgradcheck(lambda y: summarize(y), y)


def test_tasks_do_not_see_each_other() -> None:
    method, batch = build("maml").eval(), toy_batch(0, tasks=3)
    together = method.scores(batch)
    for task in range(3):
        one = slice(task, task + 1)
        alone = method.scores(EpisodeBatch(batch.support[one], batch.query[one]))
        torch.testing.assert_close(alone[0], together[task], rtol=1e-4, atol=1e-5)


def test_chunks_give_the_gradient_of_the_whole() -> None:
    batch, gradients = toy_batch(0, tasks=5), []
    for at_once in (2, 5):
        method = build("maml")
        method.tasks_at_once = at_once
        idle = torch.optim.SGD(method.parameters(), lr=0.0)
        loss = method.training_step([batch], idle, torch.enable_grad())
        gradients.append(torch.cat([p.grad.flatten() for p in method.parameters()]))
    torch.testing.assert_close(loss, method.loss(batch).detach())
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-5)


def test_the_transductive_norm_is_another_answer_from_the_same_weights() -> None:
    method, batch = build("maml").eval(), toy_batch(0)
    inductive = method.scores(batch)
    method.transductive = True
    assert not torch.allclose(method.scores(batch), inductive, atol=1e-2)


def test_one_step_from_one_start_moves_the_head_alone() -> None:
    # All classes start alike, so the loss has no slope in the features yet.
    torch.manual_seed(0)
    maml, anil = MAML(task_conv(), steps=1), ANIL(task_conv(), steps=1)
    torch.nn.init.normal_(maml.head_weight)
    anil.load_state_dict(maml.state_dict(), strict=False)  # all but the statistics of the norms
    batch = toy_batch(0)
    batch = EpisodeBatch(batch.support.double(), batch.query.double())
    maml, anil = maml.double(), anil.double()
    torch.testing.assert_close(maml.scores(batch), anil.scores(batch))
    maml.test_steps = anil.test_steps = 2
    assert not torch.allclose(maml.scores(batch), anil.scores(batch), atol=1e-3)


def test_a_head_of_its_own_for_each_class_wants_that_many() -> None:
    method = MAML(task_conv(), n_way=5)
    with pytest.raises(DataError, match="n_way=3 does not fit a head of 5 classes"):
        method.episode_scores(toy_episode(0, n_way=3))


def test_tasks_lie_side_by_side_in_the_channels() -> None:
    pictures = torch.arange(2 * 3 * 2.0).reshape(2, 3, 2, 1, 1)
    assert tasks_in_channels(pictures)[1].flatten().tolist() == [2.0, 3.0, 8.0, 9.0]
