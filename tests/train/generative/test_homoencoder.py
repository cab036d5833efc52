"""The Variational Homoencoder and its baseline: the bound by hand, and what they draw."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from toys import SIZE_PX, conv, toy_batch

from holotype.train.batches import EpisodeBatch
from holotype.train.methods.generative.decoder import log_likelihood
from holotype.train.methods.generative.homoencoder import Homoencoder
from holotype.train.methods.generative.vae import VariationalAutoencoder


class Brightness(nn.Module):
    """The mean of a picture as its one feature."""

    embedding_dim = 1

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1).mean(1, keepdim=True)


def by_hand(discriminative: float = 0.0) -> Homoencoder:
    """One latent dimension: the code is N(brightness, 1), and v is 1."""
    method = Homoencoder(Brightness(), SIZE_PX, 1, class_size=20, discriminative=discriminative)
    method.to_code.weight.data = torch.tensor([[1.0], [0.0]])
    method.to_code.bias.data = torch.zeros(2)
    method.log_within.data = torch.zeros(1)
    method.decoder = nn.Sequential(_Paper())  # every pixel has the logit 0
    return method


class _Paper(nn.Module):
    def forward(self, codes: Tensor) -> Tensor:
        return codes.new_zeros(len(codes), 1, SIZE_PX, SIZE_PX)


def grey_batch() -> EpisodeBatch:
    """Two classes of one even grey each, 0.25 and 0.75, and a query of each."""
    grey = torch.tensor([0.25, 0.75])[:, None, None, None].expand(2, 1, SIZE_PX, SIZE_PX)
    return EpisodeBatch(grey[None, :, None], grey[None], torch.tensor([[0, 1]]))


# The class of an example of brightness b: precision 1 of p(c) and 1 / (1 + 1) of the example, so
# variance 2/3 and mean b/3. Its further codes have variance 1 + 2/3 = 5/3.
_BRIGHTNESS, _MEANS = (0.25, 0.75), (0.25 / 3, 0.75 / 3)


def kl(m1: float, v1: float, m2: float, v2: float) -> float:
    return 0.5 * (math.log(v2 / v1) + (v1 + (m1 - m2) ** 2) / v2 - 1)


def test_scores_are_the_divergences_of_the_code_from_what_the_class_predicts() -> None:
    expected = [[[-kl(b, 1, m, 5 / 3) for m in _MEANS] for b in _BRIGHTNESS]]
    torch.testing.assert_close(by_hand().scores(grey_batch()), torch.tensor(expected))


def test_five_examples_make_a_class_more_certain() -> None:
    grey = torch.full((1, 5, 1, SIZE_PX, SIZE_PX), 0.5)
    found = by_hand().classes(grey)
    assert found.log_variance.exp().item() == pytest.approx(1 / (1 + 5 / 2))
    assert found.mean.item() == pytest.approx(5 / 2 * 0.5 / (1 + 5 / 2))


def test_the_bound_is_its_three_terms() -> None:
    likelihood = -(SIZE_PX**2) * math.log(2)  # of any grey under an even chance
    # E KL(N(b, 1) || N(c, 1)) with c of mean b/3 and variance 2/3.
    of_code = [0.5 * ((b - m) ** 2 + 2 / 3) for b, m in zip(_BRIGHTNESS, _MEANS, strict=True)]
    of_class = [kl(m, 2 / 3, 0, 1) / 20 for m in _MEANS]
    expected = -likelihood + sum(of_code) / 2 + sum(of_class) / 2
    assert by_hand().loss(grey_batch()).item() == pytest.approx(expected, abs=1e-4)


def test_the_discriminative_term_is_the_error_of_bayes_rule() -> None:
    error = 0.0
    for b, own in zip(_BRIGHTNESS, _MEANS, strict=True):
        odds = [math.exp(-kl(b, 1, m, 5 / 3)) for m in _MEANS]
        error -= math.log(math.exp(-kl(b, 1, own, 5 / 3)) / sum(odds)) / 2
    both = by_hand(discriminative=2.0).loss(grey_batch()) - by_hand().loss(grey_batch())
    assert both.item() == pytest.approx(2 * error, abs=1e-4)


def test_the_likelihood_of_pixels_is_their_product() -> None:
    logits = torch.logit(torch.tensor([[[[0.8, 0.4]]]]))
    pictures = torch.tensor([[[[1.0, 0.0]]]])
    assert float(log_likelihood(logits, pictures)) == pytest.approx(math.log(0.8 * 0.6), abs=1e-6)


@pytest.mark.parametrize("kind", [Homoencoder, VariationalAutoencoder])
def test_imagined_pictures_are_seeded_and_differ(kind: type[Homoencoder]) -> None:
    torch.manual_seed(0)
    method = kind(conv(), SIZE_PX, 8).eval()
    support = toy_batch(0).support[0]
    one, again = (
        method.imagine(support, 3, torch.Generator().manual_seed(1)).detach() for _ in range(2)
    )
    assert one.shape == (5, 3, 1, SIZE_PX, SIZE_PX)
    assert torch.equal(one, again)
    assert not torch.equal(one[:, 0], one[:, 1])
    assert ((one >= 0) & (one <= 1)).all()
