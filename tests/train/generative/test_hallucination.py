"""Imagined embeddings: the score by hand, and what it makes the network learn."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from holotype.train.methods.generative.hallucination import Hallucinator, energy_score


def test_the_energy_score_of_two_draws_is_worked_out_by_hand() -> None:
    drawn = torch.tensor([[[0.0], [4.0]]])
    observed = torch.tensor([[[1.0]]])
    # Distances to the observation 1 and 3, mean 2; the draws are 4 apart, half of that is 2.
    assert energy_score(drawn, observed).item() == pytest.approx(0.0, abs=1e-6)
    assert energy_score(drawn, observed + 1).item() == pytest.approx(0.0, abs=1e-6)
    assert energy_score(drawn, observed + 9).item() == pytest.approx(6.0, abs=1e-6)


def test_it_begins_where_the_seed_is() -> None:
    torch.manual_seed(0)
    seeds = F.normalize(torch.randn(3, 8), dim=1)
    found = Hallucinator(8).imagine(seeds, 4, torch.Generator().manual_seed(0))
    assert found.shape == (3, 4, 8)
    torch.testing.assert_close(found, seeds[:, None].expand(-1, 4, -1))


def test_it_learns_in_which_directions_classes_spread() -> None:
    torch.manual_seed(0)
    spread = torch.tensor([0.5, 0.5, 0.01, 0.01, 0.01, 0.01])  # of every class
    method = Hallucinator(6, noise_dim=4, width=32)
    optimizer = torch.optim.AdamW(method.parameters(), lr=3e-3)
    for _ in range(150):
        centers = F.normalize(torch.randn(64, 1, 6), dim=-1)
        batch = F.normalize(centers + spread * torch.randn(64, 5, 6), dim=-1)
        loss = method.loss(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    seed = F.normalize(torch.tensor([[0.0, 0.0, 1.0, 1.0, 1.0, 1.0]]), dim=1)
    drawn = method.imagine(seed, 500, torch.Generator().manual_seed(1))[0].detach()
    deviations = drawn.std(0)
    assert deviations[:2].min() > 3 * deviations[2:].max()
