"""Normal distributions: closed forms against numbers and integrals."""

from __future__ import annotations

import math

import pytest
import torch

from holotype.train.methods.generative.gaussians import Gaussian, crossed_kl, mixture


def test_the_divergence_from_the_standard_normal_is_that_of_the_paper() -> None:
    # Kingma & Welling 2014, appendix B: -0.5 sum(1 + log v - m^2 - v), here m = (1, 0), v = (1, 4).
    found = Gaussian(torch.tensor([1.0, 0.0]), torch.tensor([0.0, math.log(4.0)]))
    expected = -0.5 * ((1 + 0 - 1 - 1) + (1 + math.log(4) - 0 - 4))
    assert float(found.kl(Gaussian.standard(found))) == pytest.approx(expected, abs=1e-6)
    assert expected == pytest.approx(1.306853, abs=1e-6)


def test_the_divergence_is_the_integral_that_it_stands_for() -> None:
    p = Gaussian(torch.tensor([0.3]), torch.tensor([-0.5]))
    q = Gaussian(torch.tensor([-0.4]), torch.tensor([0.7]))
    x = torch.linspace(-12, 12, 200_001, dtype=torch.float64)

    def log_density(of: Gaussian) -> torch.Tensor:
        variance = of.log_variance.double().exp()
        return -0.5 * (torch.log(2 * math.pi * variance) + (x - of.mean) ** 2 / variance)

    integrand = log_density(p).exp() * (log_density(p) - log_density(q))
    assert float(p.kl(q)) == pytest.approx(float(torch.trapezoid(integrand, x)), abs=1e-6)


def test_nothing_diverges_from_itself() -> None:
    p = Gaussian.of(torch.randn(3, 8, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(p.kl(p), torch.zeros(3), atol=1e-6, rtol=0)


def test_draws_have_the_mean_and_the_variance() -> None:
    p = Gaussian(torch.tensor([1.0, -2.0]), torch.tensor([0.0, math.log(0.25)])).repeated(100_000)
    drawn = p.sample(torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.mean(0), torch.tensor([1.0, -2.0]), atol=0.02, rtol=0)
    torch.testing.assert_close(drawn.var(0), torch.tensor([1.0, 0.25]), atol=0.02, rtol=0)


def test_a_mixture_of_two_has_their_mean_and_variance() -> None:
    parts = Gaussian(torch.tensor([[0.0], [2.0]]), torch.tensor([[0.0], [math.log(3.0)]]))
    whole = mixture(parts, 0)
    assert float(whole.mean) == 1.0
    # The mean variance, (1 + 3) / 2, and the variance of the means, 1.
    assert float(whole.log_variance.exp()) == pytest.approx(3.0, abs=1e-6)


def test_crossed_pairs_every_query_with_every_class() -> None:
    generator = torch.Generator().manual_seed(0)
    queries = Gaussian.of(torch.randn(2, 3, 8, generator=generator))
    classes = Gaussian.of(torch.randn(2, 4, 8, generator=generator))
    found = crossed_kl(queries, classes)
    assert found.shape == (2, 3, 4)
    one = Gaussian(queries.mean[1, 2], queries.log_variance[1, 2])
    other = Gaussian(classes.mean[1, 3], classes.log_variance[1, 3])
    torch.testing.assert_close(found[1, 2, 3], one.kl(other))
