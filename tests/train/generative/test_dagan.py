"""DAGAN: the critic's loss by hand, two players with one optimizer, and what they draw."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from toys import SIZE_PX, build, toy_batch

from holotype.train.batches import EpisodeBatch
from holotype.train.methods.generative.dagan import DAGAN
from holotype.train.methods.generative.dagan_networks import Generator
from holotype.train.settings import TrainingSettings
from holotype.train.training import Progress, train


class Brightness(nn.Module):
    """Three times the sum of the other picture's pixels: its gradient is 3 * side long."""

    def forward(self, references: Tensor, others: Tensor) -> Tensor:
        return 3 * others.flatten(1).sum(1)


class Grey(nn.Module):
    """Draws an even 0.1, whatever it is shown."""

    noise_dim = 1

    def forward(self, references: Tensor, noise: Tensor) -> Tensor:
        return torch.full_like(references, 0.1)


def tiny() -> DAGAN:
    method = build("dagan")
    assert isinstance(method, DAGAN)
    return method


def test_the_loss_of_the_critic_is_the_penalty_less_the_distance() -> None:
    method = tiny()
    method.critic, method.generator = Brightness(), Grey()  # type: ignore[assignment]
    # Two classes, and one query of each as bright as its class; the other class is the wrong one.
    grey = torch.tensor([0.25, 0.75])[:, None, None, None].expand(2, 1, SIZE_PX, SIZE_PX)
    batch = EpisodeBatch(grey[None, :, None], grey[None], torch.tensor([[0, 1]]))
    pixels = SIZE_PX**2
    real, generated, mismatched = (3 * pixels * mean for mean in (0.5, 0.1, 0.5))
    expected = 10 * (3 * SIZE_PX - 1) ** 2 - (real - (generated + mismatched) / 2)
    assert method.loss(batch).item() == pytest.approx(expected, rel=1e-5)


def test_a_generator_that_always_draws_the_same_pays_for_it() -> None:
    method = tiny()
    method.critic, method.generator = Brightness(), Grey()  # type: ignore[assignment]
    reference, same = torch.zeros(2, 1, SIZE_PX, SIZE_PX), torch.full((2, 1, SIZE_PX, SIZE_PX), 0.5)
    expected = 1.0 - 3 * SIZE_PX**2 * 0.1
    assert method._of_generator(reference, same).item() == pytest.approx(expected, rel=1e-5)


def test_each_player_is_updated_by_its_own_loss_alone() -> None:
    method = tiny()
    optimizer = torch.optim.AdamW(method.parameters(), lr=1e-3, weight_decay=0.1)
    before = {name: value.clone() for name, value in method.named_parameters()}
    updates: list[str] = []

    def step(closure: None = None) -> None:
        moved = [n for n, p in method.named_parameters() if p.grad is not None]
        updates.append(" ".join(sorted({name.partition(".")[0] for name in moved})))
        original()

    original, optimizer.step = optimizer.step, step  # type: ignore[method-assign]
    loss = method.training_step([toy_batch(0)], optimizer, contextlib.nullcontext())
    assert loss.isfinite()
    assert updates == ["critic", "critic", "generator"]
    for name in ("critic.layers.0.0.weight", "generator.field.weight", "generator.draw.weight"):
        assert not torch.equal(before[name], method.get_parameter(name))
    assert optimizer.param_groups[0]["betas"] == (0.0, 0.9)


def test_an_untrained_generator_bends_its_reference() -> None:
    torch.manual_seed(0)
    generator = Generator(width=4, size_px=SIZE_PX, noise_dim=3).eval()
    reference = (torch.rand(2, 1, SIZE_PX, SIZE_PX) > 0.5).float()
    noise = torch.randn(2, 3)
    assert not torch.equal(generator(reference, noise), generator(reference, -noise))
    nn.init.zeros_(generator.field.weight)
    assert generator.field.bias is not None
    nn.init.zeros_(generator.field.bias)
    torch.testing.assert_close(
        generator(reference, noise), torch.sigmoid(8 * (reference - 0.5)), atol=1e-4, rtol=0
    )


def test_a_finer_reference_is_seen_shrunk_and_drawn_as_fine_as_it_is() -> None:
    torch.manual_seed(0)
    generator = Generator(width=4, size_px=SIZE_PX, noise_dim=3).eval()
    coarse = torch.rand(2, 1, SIZE_PX, SIZE_PX)
    fine = coarse.repeat_interleave(4, 2).repeat_interleave(4, 3)
    for one, other in zip(generator.encode(coarse)[1:], generator.encode(fine)[1:], strict=True):
        torch.testing.assert_close(one, other)
    noise = torch.randn(2, 3)
    drawn = generator(fine, noise)
    assert drawn.shape == fine.shape
    nn.init.normal_(generator.draw.weight)
    assert (generator(fine, noise) != drawn).any()
    still = Generator(width=4, size_px=SIZE_PX, noise_dim=3).eval()
    for value in still.field.parameters():
        nn.init.zeros_(value)
    torch.testing.assert_close(
        still(fine, noise), torch.sigmoid(8 * (fine - 0.5)), atol=1e-4, rtol=0
    )


def test_more_noise_draws_more_variety() -> None:
    method = tiny().eval()
    support = toy_batch(0).support[0]
    spread = []
    for scale in (0.0, 1.0, 4.0):
        method.noise_scale = scale
        drawn = method.imagine(support, 6, torch.Generator().manual_seed(1)).detach()
        spread.append(drawn.std(1).mean().item())
    assert spread[0] == pytest.approx(0, abs=1e-6)
    assert spread[0] < spread[1] < spread[2]


def test_pictures_are_seeded_and_differ_and_use_every_example() -> None:
    method = tiny().eval()
    support = toy_batch(0, k_shot=2).support[0]
    one, again = (
        method.imagine(support, 3, torch.Generator().manual_seed(1)).detach() for _ in range(2)
    )
    assert one.shape == (5, 3, 1, SIZE_PX, SIZE_PX)
    assert torch.equal(one, again)
    assert not torch.equal(one[:, 0], one[:, 2])
    assert ((one >= 0) & (one <= 1)).all()
    changed = support.clone()
    changed[:, 1] = 0
    other = method.imagine(changed, 3, torch.Generator().manual_seed(1)).detach()
    assert [torch.equal(one[:, at], other[:, at]) for at in range(3)] == [True, False, True]


def test_the_way_between_two_ends_at_each() -> None:
    method = tiny().eval()
    first, second = toy_batch(0).support[0, :2].detach()
    way = method.between(first, second, 5).detach()
    back = method.between(second, first, 5).detach()
    assert way.shape == (5, 1, SIZE_PX, SIZE_PX)
    torch.testing.assert_close(way.flip(0), back)
    alone = method.generator(first, torch.zeros(1, method.generator.noise_dim))
    torch.testing.assert_close(way[:1], alone)


def test_a_run_that_was_stopped_goes_on_with_both_players_as_they_were(tmp_path: Path) -> None:
    settings = TrainingSettings(6, learning_rate=1e-3, schedule="constant", checkpoint_every=2)
    whole = tiny()
    expected = train(whole, toy_batch, settings, tmp_path / "whole").loss

    def stop(progress: Progress) -> None:
        if progress.step == 3:
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        train(tiny(), toy_batch, settings, tmp_path / "halves", progress=stop)
    resumed = tiny()
    assert train(resumed, toy_batch, settings, tmp_path / "halves", resume=True).loss == expected
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)
