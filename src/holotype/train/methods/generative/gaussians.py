"""Normal distributions with a diagonal covariance, and what variational methods need of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# Log variances are bent into plus and minus this, so that no precision overflows early on.
_LIMIT = 6.0


@dataclass(frozen=True, slots=True)
class Gaussian:
    """Normal distributions over D dimensions, all independent."""

    mean: Tensor  # float32 [..., D]
    log_variance: Tensor  # float32 [..., D]

    @classmethod
    def of(cls, parameters: Tensor) -> Gaussian:
        """Read off the last layer of a network: [..., 2 * D], means first."""
        mean, raw = parameters.float().chunk(2, dim=-1)
        return cls(mean, _LIMIT * torch.tanh(raw / _LIMIT))

    @classmethod
    def standard(cls, like: Gaussian) -> Gaussian:
        """N(0, I), shaped as another."""
        zero = torch.zeros_like(like.mean)
        return cls(zero, zero)

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """One draw of each, differentiable in mean and variance (Kingma & Welling 2014, 2.4)."""
        noise = torch.randn(self.mean.shape, generator=generator)
        return self.mean + torch.exp(self.log_variance / 2) * noise

    def repeated(self, count: int) -> Gaussian:
        """Each distribution `count` times: [..., D] -> [..., count, D]."""
        shape = (*self.mean.shape[:-1], count, self.mean.shape[-1])
        return Gaussian(
            self.mean.unsqueeze(-2).expand(shape), self.log_variance.unsqueeze(-2).expand(shape)
        )

    def kl(self, other: Gaussian) -> Tensor:
        """KL(self || other) in nats: [...], the leading axes broadcast.

        0.5 sum_d (log v2/v1 + (v1 + (m1 - m2)^2) / v2 - 1) (Kingma & Welling 2014, appendix B,
        for two normal distributions).
        """
        v1 = self.log_variance.exp()
        apart = torch.square(self.mean - other.mean)
        ratio = other.log_variance - self.log_variance
        terms = ratio + (v1 + apart) * torch.exp(-other.log_variance) - 1
        return terms.sum(-1) / 2


def mixture(parts: Gaussian, axis: int) -> Gaussian:
    """The normal distribution with the mean and variance of an equal mixture along an axis."""
    mean = parts.mean.mean(axis)
    second = (parts.log_variance.exp() + parts.mean.square()).mean(axis)
    return Gaussian(mean, torch.log((second - mean.square()).clamp_min(1e-6)))


def crossed_kl(queries: Gaussian, classes: Gaussian) -> Tensor:
    """KL of each of Q queries from each of N classes: [T, Q, D], [T, N, D] -> [T, Q, N]."""
    return Gaussian(queries.mean[:, :, None], queries.log_variance[:, :, None]).kl(
        Gaussian(classes.mean[:, None], classes.log_variance[:, None])
    )
