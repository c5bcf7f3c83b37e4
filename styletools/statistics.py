"""What may be kept of a layer's features as its style, besides the Gram matrix, and how far two such statistics are apart.

Each forgets where things are. All take a share: how much each position counts, 1 on average, for the part of a picture that a
mask lays open (`masks.share_of`); None counts all positions alike, and ones give the same numbers to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

PROJECTIONS = 32  # directions of `sorted_projections`; more cost time in proportion


def weighted_mean(values: Tensor, share: Tensor | None = None) -> Tensor:
    """The mean over positions: (N, C, H, W) to (N, C, 1, 1), each position counting as much as its share (1, 1, H, W)."""
    return (values if share is None else values * share).mean((2, 3), keepdim=True)


def inside(share: Tensor) -> Tensor:
    """Which positions count at least half as much as the one that counts most: (1, 1, H, W) to (H W,), true or false."""
    return (share >= share.max() / 2).flatten()


# --- mean and standard deviation -----------------------------------------------------------------------------------------


def mean_and_std(features: Tensor, share: Tensor | None = None) -> Tensor:
    """The mean and the standard deviation of every channel over all positions: (N, C, H, W) to (N, 2, C).

        mu_i = mean F_i,   sigma_i = sqrt(mean (F_i - mu_i)^2)

    All that adaptive instance normalisation transfers (Huang and Belongie 2017). Which channels go together is lost.
    """
    mean = weighted_mean(features, share)  # (N, C, 1, 1)
    variance = weighted_mean((features - mean) ** 2, share)  # (N, C, 1, 1)
    return torch.stack([mean, (variance + 1e-8).sqrt()], 1).flatten(2)  # 1e-8: the root of 0 has no gradient


# --- mean and covariance -------------------------------------------------------------------------------------------------


def mean_and_covariance(features: Tensor, share: Tensor | None = None) -> Tensor:
    """The mean of the features and their covariance over all positions: (N, C, H, W) to (N, 1 + C, C), the mean first.

        mu = mean F,   Sigma_ij = mean (F_i - mu_i) (F_j - mu_j)

    The Gram matrix divided by H W is Sigma + mu mu^T: it mixes the two.
    """
    mean = weighted_mean(features, share)  # (N, C, 1, 1)
    centred = features - mean
    weighted = centred if share is None else centred * share
    n, c, h, w = features.shape
    covariance = weighted.reshape(n, c, h * w) @ centred.reshape(n, c, h * w).transpose(1, 2) / (h * w)  # (N, C, C)
    return torch.cat([mean.flatten(2).transpose(1, 2), covariance], 1)


def wasserstein_distance(statistic: Tensor, target: Tensor) -> Tensor:
    """How far one normal distribution must be moved to become another, relative to the target: a scalar, 0 for equal ones.

        W2^2 = |mu - m|^2 + tr(Sigma + S - 2 (S^1/2 Sigma S^1/2)^1/2),   W2^2 / (|m|^2 + tr S)

    statistic, target: (1, 1 + C, C) from `mean_and_covariance`. The squared 2-Wasserstein distance of the two normal
    distributions with these moments (Olkin and Pukelsheim 1982), the style loss of crowsonkb's style-transfer-pytorch. Computed
    in float64, because the roots lose half of the digits.
    """
    ours, theirs = statistic[0].double(), target[0].double()
    values, vectors = torch.linalg.eigh(theirs[1:])
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T  # S^1/2
    product = root @ ours[1:] @ root
    size = theirs[0].square().sum() + theirs[1:].trace()
    floor = (1e-7 * size) ** 2  # of the eigenvalues: the root of 0 has no gradient
    moved = torch.linalg.eigvalsh((product + product.T) / 2).clamp(min=floor).sqrt().sum()
    squared = (ours[0] - theirs[0]).square().sum() + ours[1:].trace() + theirs[1:].trace() - 2 * moved
    return (squared.clamp(min=0) / size).to(statistic.dtype)  # rounding may leave less than 0


# --- sliced Wasserstein --------------------------------------------------------------------------------------------------


def sorted_projections(features: Tensor, share: Tensor | None = None) -> Tensor:
    """The features projected on random directions and sorted along each: (1, C, H, W) to (positions, `PROJECTIONS`).

    Along one direction, sorting gives the whole distribution, whatever its shape; along many, nearly that of the features
    (Heitz et al. 2021). The directions are always the same ones. With a share only the positions `inside` are taken.
    """
    channels = features.shape[1]
    directions = torch.randn(channels, PROJECTIONS, generator=torch.Generator().manual_seed(0)).to(features)
    rows = features[0].flatten(1).T  # (H W, C)
    rows = rows if share is None else rows[inside(share)]
    return (rows @ (directions / directions.norm(dim=0))).sort(dim=0).values  # (positions, PROJECTIONS)


def resample(quantiles: Tensor, count: int) -> Tensor:
    """Sorted values at another number of evenly spread ranks: (M, K) to (count, K), linear in between."""
    if len(quantiles) == count:
        return quantiles
    columns = quantiles.T[None]  # (1, K, M)
    return torch.nn.functional.interpolate(columns, size=count, mode="linear", align_corners=False)[0].T


def sliced_distance(statistic: Tensor, target: Tensor) -> Tensor:
    """How far two sorted sets of projections are apart, rank by rank, relative to the target: a scalar.

        sum (s - t)^2 / sum t^2

    statistic: (N, K), target: (M, K), resampled where there are other numbers of positions: the squared sliced 2-Wasserstein
    distance of the features.
    """
    target = resample(target, len(statistic))
    return ((statistic - target) ** 2).sum() / (target**2).sum()


# --- mixtures ------------------------------------------------------------------------------------------------------------


def mix(statistics: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """The weighted mean of several pictures' statistics, the weights divided by their sum. One statistic stays as it is."""
    if len(statistics) == 1:
        return statistics[0]
    parts = [weight / max(weights) for weight in weights]  # of the largest, whose sum cannot overflow
    return sum(part / sum(parts) * statistic for statistic, part in zip(statistics, parts, strict=True))


def mix_sorted(statistics: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """The weighted mean of sorted projections, rank by rank: halfway between two distributions, each moved into the other."""
    longest = max(map(len, statistics))
    return mix([resample(statistic, longest) for statistic in statistics], weights)


def mix_rows(rows: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """All rows together, (M_1, C), (M_2, C), ... to (M, C); of each picture a number in proportion to its weight."""
    if len(rows) == 1:
        return rows[0]
    parts = [weight / max(weights) for weight in weights]
    most = min(len(some) / part for some, part in zip(rows, parts, strict=True) if part)
    counts = [max(1, round(most * part)) if part else 0 for part in parts]
    return torch.cat([sample_rows(some, count) for some, count in zip(rows, counts, strict=True)])


def sample_rows(rows: Tensor, most: int) -> Tensor:
    """Keep at most so many rows of (M, C), chosen at random but always the same ones."""
    if len(rows) <= most:
        return rows
    chosen = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))[:most]
    return rows[chosen.to(rows.device)]
