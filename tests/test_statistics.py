"""Statistics of features and the distances between them: values worked out by hand, properties, gradients."""

import math

import pytest
import torch
from torch.autograd import gradcheck

import styletools as st
from styletools import statistics
from styletools.statistics import (
    inside,
    mean_and_covariance,
    mean_and_std,
    mix,
    mix_rows,
    mix_sorted,
    resample,
    sample_rows,
    sliced_distance,
    sorted_projections,
    wasserstein_distance,
    weighted_mean,
)

STATISTICS = {"mean_std": mean_and_std, "wasserstein": mean_and_covariance, "sliced": sorted_projections}
KEEP_A_SHARE = {"neighbours", "sliced"}  # of positions: these leave out the others, so that only which ones count


def random(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def shuffled(f, seed=1):
    order = torch.randperm(f[0, 0].numel(), generator=torch.Generator().manual_seed(seed))
    return f.flatten(2)[:, :, order].view_as(f)


def uneven(f):
    """A share that differs from position to position, 1 on average."""
    share = random(1, 1, *f.shape[2:], seed=7, dtype=f.dtype).abs() + 0.1
    return share / share.mean()


def own_loss(f, s, name):
    return st.style_loss(f, st.style_target(s, name), name)


# Two channels, one row of two positions: [[1, 3], [5, 5]]. Means 2 and 5, deviations 1 and 0, covariance [[1, 0], [0, 0]].
SMALL = torch.tensor([[1.0, 3.0], [5.0, 5.0]]).view(1, 2, 1, 2)
# The second position counts three times as much: means 1/4 + 9/4 = 2.5 and 5; variance (1.5^2 + 3 x 0.5^2) / 4 = 0.75.
SHARE = torch.tensor([0.5, 1.5]).view(1, 1, 1, 2)


# --- positions and shares ------------------------------------------------------------------------------------------------


def test_the_mean_counts_each_position_as_much_as_its_share():
    assert weighted_mean(SMALL).tolist() == [[[[2.0]], [[5.0]]]]
    assert weighted_mean(SMALL, SHARE).tolist() == [[[[2.5]], [[5.0]]]]


def test_inside_are_positions_with_at_least_half_of_the_largest_share():
    share = torch.tensor([[0.0, 0.99, 1.0], [2.0, 1.5, 0.1]]).view(1, 1, 2, 3)
    assert inside(share).tolist() == [False, False, True, True, True, False]


@pytest.mark.parametrize("name", st.STYLE_LOSSES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_share_of_ones_changes_no_bit(name, dtype):
    f = random(1, 4, 5, 6, dtype=dtype)
    ones = torch.ones(1, 1, 5, 6, dtype=dtype)
    assert torch.equal(st.style_target(f, name, ones), st.style_target(f, name))
    target = st.style_target(random(1, 4, 3, 7, seed=1, dtype=dtype), name)
    assert torch.equal(st.style_loss(f, target, name, ones), st.style_loss(f, target, name))


@pytest.mark.parametrize("name", st.STYLE_LOSSES)
def test_positions_without_a_share_do_not_count(name):
    """Half a picture under a mask has the statistic of that half alone, whatever the other half shows."""
    f, other = random(1, 4, 5, 6, dtype=torch.float64), random(1, 4, 5, 6, seed=1, dtype=torch.float64)
    share = torch.zeros(1, 1, 5, 12, dtype=torch.float64)
    share[..., :6] = 2
    masked = st.style_target(torch.cat([f, 100 * other], 3), name, share)
    growth = st.STYLE_LOSSES[name].growth  # a plain sum makes up for the size of the part
    torch.testing.assert_close(masked, st.style_target(f, name) * 2**growth, atol=1e-7, rtol=1e-7)


@pytest.mark.parametrize("name", st.STYLE_LOSSES)
def test_shuffling_positions_with_their_shares_changes_nothing(name):
    f, target = random(1, 4, 5, 6, dtype=torch.float64), st.style_target(random(1, 4, 3, 7, seed=3, dtype=torch.float64), name)
    share = uneven(f)
    expected = st.style_loss(f, target, name, share)
    torch.testing.assert_close(st.style_loss(shuffled(f), target, name, shuffled(share)), expected)
    assert not torch.isclose(st.style_loss(f, target, name, shuffled(share)), expected, rtol=1e-4)


@pytest.mark.parametrize("name", STATISTICS)
def test_shuffling_positions_leaves_the_statistic(name):
    f = random(1, 4, 5, 6, dtype=torch.float64)
    torch.testing.assert_close(STATISTICS[name](shuffled(f)), STATISTICS[name](f))


@pytest.mark.parametrize("name", st.STYLE_LOSSES)
def test_equal_statistics_are_no_distance_apart(name):
    f = random(1, 4, 5, 6, dtype=torch.float64)
    away = own_loss(f, random(1, 4, 5, 6, seed=1, dtype=torch.float64), name)
    assert away > 0
    for same in (f.clone(), shuffled(f)):
        assert abs(own_loss(same, f, name)) < 1e-6 * away


@pytest.mark.parametrize("name", ["mean_std", "wasserstein", "sliced", "relative"])
def test_distances_relative_to_the_target_have_no_units(name):
    f, s = random(1, 4, 5, 6, dtype=torch.float64), random(1, 4, 3, 7, seed=1, dtype=torch.float64)
    torch.testing.assert_close(own_loss(100 * f, 100 * s, name), own_loss(f, s, name), rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", st.STYLE_LOSSES)
@pytest.mark.parametrize("with_share", [False, True])
def test_gradients_against_finite_differences(name, with_share):
    f = random(1, 3, 4, 5, dtype=torch.float64)
    share = uneven(f) if with_share else None
    target = st.style_target(random(1, 3, 3, 4, seed=1, dtype=torch.float64), name)
    assert gradcheck(lambda x: st.style_loss(x, target, name, share), f.requires_grad_())


@pytest.mark.parametrize("name", STATISTICS)
def test_gradients_are_finite_where_a_channel_is_constant_or_the_picture_has_few_positions(name):
    few = random(1, 6, 1, 2)
    few[:, 3] = 0
    few.requires_grad_()
    loss = own_loss(few, random(1, 6, 4, 4, seed=1), name)
    (gradient,) = torch.autograd.grad(loss, few)
    assert loss.isfinite()
    assert gradient.isfinite().all()
    assert gradient.abs().max() < 1e3


# --- mean and standard deviation -----------------------------------------------------------------------------------------


def test_mean_and_std_known_values():
    torch.testing.assert_close(mean_and_std(SMALL), torch.tensor([[[2.0, 5.0], [1.0, 1e-4]]]))
    torch.testing.assert_close(mean_and_std(SMALL, SHARE), torch.tensor([[[2.5, 5.0], [0.75**0.5, 1e-4]]]))


def test_mean_and_std_are_those_of_torch_channel_by_channel():
    f = random(2, 4, 5, 6)
    expected = torch.stack([f.mean((2, 3)), f.std((2, 3), correction=0)], 1)
    torch.testing.assert_close(mean_and_std(f), expected)


def test_mean_and_std_loss_known_value():
    # statistics [2, 5, 1, 0] and [1, 5, 0, 2]: squared differences 1 + 0 + 1 + 4, target's squares 1 + 25 + 4
    target = torch.tensor([[[1.0, 5.0], [0.0, 2.0]]])
    assert st.style_loss(SMALL, target, "mean_std").item() == pytest.approx(6 / 30, rel=1e-3)


def test_mean_and_std_do_not_know_which_channels_go_together():
    f = random(1, 4, 5, 6)
    apart = torch.cat([shuffled(f[:, i : i + 1], seed=i) for i in range(4)], 1)
    torch.testing.assert_close(mean_and_std(apart), mean_and_std(f))
    assert own_loss(apart, f, "relative") > 0.01


# --- mean and covariance -------------------------------------------------------------------------------------------------


def test_mean_and_covariance_known_values():
    assert mean_and_covariance(SMALL).tolist() == [[[2.0, 5.0], [1.0, 0.0], [0.0, 0.0]]]
    torch.testing.assert_close(mean_and_covariance(SMALL, SHARE), torch.tensor([[[2.5, 5.0], [0.75, 0.0], [0.0, 0.0]]]))


@pytest.mark.parametrize("share", [None, "uneven"])
def test_covariance_is_the_gram_matrix_less_that_of_the_means(share):
    f = random(1, 4, 5, 6, dtype=torch.float64)
    share = uneven(f) if share else None
    mean, covariance = mean_and_covariance(f, share)[0].split([1, 4])
    torch.testing.assert_close(covariance, st.gram_matrix(f, "hw", share)[0] - mean.T @ mean)


def test_covariance_of_a_batch_is_that_of_each_picture():
    f = random(3, 4, 5, 6)
    both = mean_and_covariance(f)
    assert both.shape == (3, 5, 4)
    for n in range(3):
        torch.testing.assert_close(both[n, 1:], torch.cov(f[n].flatten(1), correction=0))


def normal(mean, covariance):
    return torch.cat([torch.tensor([mean]), torch.tensor(covariance)])[None].double()


def test_wasserstein_known_values():
    """Normal distributions along one axis: (mu - m)^2 + (sigma - s)^2, relative to m^2 + s^2."""
    one = normal([3.0], [[4.0]])
    other = normal([1.0], [[25.0]])
    assert wasserstein_distance(one, other).item() == pytest.approx((2**2 + (2 - 5) ** 2) / (1 + 25))


def test_wasserstein_of_moved_distributions_is_how_far_they_were_moved():
    spread = [[2.0, 0.5], [0.5, 1.0]]
    distance = wasserstein_distance(normal([4.0, 6.0], spread), normal([1.0, 2.0], spread))
    assert distance.item() == pytest.approx(25 / (1 + 4 + 3), rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_wasserstein_of_commuting_covariances_is_that_of_their_axes(seed):
    """With the same axes Q the distance is sum (sqrt a_i - sqrt b_i)^2, axis by axis."""
    axes = torch.linalg.qr(random(4, 4, seed=seed, dtype=torch.float64)).Q
    a, b = random(2, 4, seed=seed + 10, dtype=torch.float64).abs() + 0.1
    mu, m = random(2, 4, seed=seed + 20, dtype=torch.float64)
    one, other = (torch.cat([x[None], axes * y @ axes.T])[None] for x, y in ((mu, a), (m, b)))
    expected = ((mu - m) ** 2).sum() + ((a.sqrt() - b.sqrt()) ** 2).sum()
    torch.testing.assert_close(wasserstein_distance(one, other), expected / ((m**2).sum() + b.sum()), rtol=1e-5, atol=0)


@pytest.mark.parametrize("seed", range(3))
def test_wasserstein_of_any_two_covariances_is_that_of_their_product(seed):
    """The trace of (S^1/2 Sigma S^1/2)^1/2 is the sum of the roots of the eigenvalues of Sigma S, found without roots of S."""
    f, s = (random(1, 4, 5, 6, seed=seed + i, dtype=torch.float64) for i in (0, 50))
    (mu, m), (sigma, spread) = zip(*(mean_and_covariance(x)[0].split([1, 4]) for x in (f, s)), strict=True)
    mu, m, sigma, spread = (x.squeeze() for x in (mu, m, sigma, spread))
    moved = torch.linalg.eigvals(sigma @ spread).real.sqrt().sum()
    expected = ((mu - m) ** 2).sum() + sigma.trace() + spread.trace() - 2 * moved
    torch.testing.assert_close(own_loss(f, s, "wasserstein"), expected / ((m**2).sum() + spread.trace()), rtol=1e-5, atol=0)


def test_wasserstein_is_symmetric_but_for_what_it_is_relative_to():
    f, s = (mean_and_covariance(random(1, 4, 5, 6, seed=seed, dtype=torch.float64)) for seed in (0, 1))
    size = {name: x[0, 0].square().sum() + x[0, 1:].trace() for name, x in (("f", f), ("s", s))}
    there, back = wasserstein_distance(f, s) * size["s"], wasserstein_distance(s, f) * size["f"]
    torch.testing.assert_close(there, back, rtol=1e-5, atol=0)


def test_wasserstein_bears_covariances_without_full_rank():
    f, s = random(1, 8, 1, 3), random(1, 8, 2, 2, seed=1)  # rank 2 and 3 of 8
    f.requires_grad_()
    loss = own_loss(f, s, "wasserstein")
    loss.backward()
    assert loss.isfinite()
    assert loss.dtype == torch.float32
    assert f.grad.isfinite().all()
    assert f.grad.abs().max() < 10
    assert abs(own_loss(s, s, "wasserstein").item()) < 1e-5


def test_wasserstein_has_a_slope_at_an_even_grey():
    """A blank canvas has no covariance: all eigenvalues are exactly 0, and the root of 0 has no slope."""
    f = torch.full((1, 3, 4, 4), 0.5, requires_grad=True)
    (gradient,) = torch.autograd.grad(own_loss(f, random(1, 3, 4, 4, seed=1), "wasserstein"), f)
    assert gradient.isfinite().all()
    assert gradient.abs().max() > 0


# --- sliced Wasserstein --------------------------------------------------------------------------------------------------


def test_projections_are_sorted_along_directions_of_length_one(monkeypatch):
    monkeypatch.setattr(statistics, "PROJECTIONS", 5)
    f = random(1, 1, 2, 3)  # one channel: every direction is + or - 1
    columns = sorted_projections(f)
    assert columns.shape == (6, 5)
    values = f.flatten().sort().values
    for column in columns.T:
        same, mirrored = torch.allclose(column, values), torch.allclose(column, -values.flip(0))
        assert same or mirrored


def test_projections_are_the_same_ones_each_time_and_leave_the_random_numbers_alone():
    f = random(1, 4, 5, 6)
    torch.manual_seed(0)
    first, number = sorted_projections(f), torch.rand(1)
    torch.manual_seed(0)
    assert torch.equal(torch.rand(1), number)
    assert torch.equal(sorted_projections(f), first)


def test_resampled_ranks_lie_in_between():
    two = torch.tensor([[0.0], [4.0]])
    assert resample(two, 4).flatten().tolist() == [0.0, 1.0, 3.0, 4.0]  # ranks 1/8, 3/8, 5/8, 7/8 between 1/4 and 3/4
    assert resample(torch.tensor([[0.0], [1.0], [3.0], [4.0]]), 2).flatten().tolist() == [0.5, 3.5]
    assert resample(two, 2) is two


def test_sliced_distance_known_values():
    target = torch.tensor([[0.0, 1.0], [4.0, 2.0]])
    assert sliced_distance(target + 1, target).item() == pytest.approx(4 / 21)
    four = torch.tensor([[0.0], [1.0], [3.0], [4.0]])
    assert sliced_distance(four, torch.tensor([[0.0], [4.0]])) == 0


def test_sliced_distance_of_a_moved_cloud_is_about_how_far_it_was_moved():
    """Seen from a random direction a move by d in C dimensions is d cos; its mean square is |d|^2 / C."""
    f, move = random(1, 4, 20, 20), torch.tensor([3.0, 0.0, 4.0, 0.0]).view(1, 4, 1, 1)
    here, moved = sorted_projections(f), sorted_projections(f + move)
    assert ((moved - here) ** 2).mean().item() == pytest.approx(25 / 4, rel=0.3)
    assert (moved - here).std(0).max() < 1e-5


# --- what each of them can see ---------------------------------------------------------------------------------------------


def clouds():
    """Four colours +-u, +-v, and the same turned by 45 degrees: equal means and covariances, but no colour in common."""
    u, v = torch.tensor([1.0, -1, 0]) / math.sqrt(2), torch.tensor([1.0, 1, -2]) / math.sqrt(6)
    turned = (u + v) / math.sqrt(2), (u - v) / math.sqrt(2)
    return [torch.stack([a, -a, b, -b]).repeat(9, 1).T.reshape(1, 3, 6, 6).double() for a, b in ((u, v), turned)]


@pytest.mark.parametrize("name", [*st.STYLE_CONVENTIONS, "mean_std", "wasserstein"])
def test_moments_cannot_tell_two_distributions_with_the_same_moments(name):
    one, other = clouds()
    assert abs(own_loss(one, other, name).item()) < 1e-6


@pytest.mark.parametrize(("name", "least"), [("sliced", 0.1), ("neighbours", 0.29)])
def test_whole_distributions_and_neighbours_can(name, least):
    one, other = clouds()
    assert own_loss(one, other, name) > least


# --- mixtures ------------------------------------------------------------------------------------------------------------


def test_a_mixture_of_moments_is_their_weighted_mean():
    one, other = torch.tensor([[1.0, 2.0]]), torch.tensor([[5.0, 4.0]])
    assert mix([one, other], [3.0, 1.0]).tolist() == [[2.0, 2.5]]
    assert mix([one, other], [0.0, 2.0]).tolist() == [[5.0, 4.0]]
    assert mix([one], [0.3]) is one


@pytest.mark.parametrize("name", ["relative", "d2l", "paper"])
def test_a_mixture_of_gram_matrices_is_that_of_pictures_side_by_side(name):
    f, s = random(1, 4, 5, 6), random(1, 4, 5, 6, seed=1)
    both = st.STYLE_LOSSES[name].mix([st.style_target(x, name) for x in (f, s)], [1.0, 1.0])
    torch.testing.assert_close(both, st.style_target(torch.cat([f, s], 3), name))


def test_sorted_projections_are_mixed_rank_by_rank():
    short, long = torch.tensor([[0.0], [4.0]]), torch.tensor([[2.0], [3.0], [5.0], [6.0]])
    assert mix_sorted([short, long], [1.0, 1.0]).flatten().tolist() == [1.0, 2.0, 4.0, 5.0]
    assert mix_sorted([short, long], [1.0, 3.0]).flatten().tolist() == [1.5, 2.5, 4.5, 5.5]


def test_rows_are_mixed_by_taking_of_each_in_proportion():
    ones, twos = torch.ones(60, 3), torch.full((20, 3), 2.0)
    for weights, counts in (([1.0, 1.0], (20, 20)), ([3.0, 1.0], (60, 20)), ([1.0, 4.0], (5, 20)), ([0.0, 1.0], (0, 20))):
        rows = mix_rows([ones, twos], weights)
        assert ((rows == 1).all(1).sum(), (rows == 2).all(1).sum()) == counts
    assert mix_rows([ones], [0.5]) is ones


def test_sampled_rows_are_the_same_ones_each_time_and_each_once():
    rows = torch.arange(50.0)[:, None].repeat(1, 2)
    some = sample_rows(rows, 20)
    assert torch.equal(some, sample_rows(rows, 20))
    assert some.shape == (20, 2)
    assert len(some[:, 0].unique()) == 20
    assert some[:, 0].max() > 40
    assert sample_rows(rows, 50) is rows


@pytest.mark.parametrize("name", st.STYLE_LOSSES)
def test_a_mixture_of_a_picture_with_itself_is_that_picture(name):
    target = st.style_target(random(1, 4, 5, 6, dtype=torch.float64), name)
    both = st.STYLE_LOSSES[name].mix([target, target], [2.0, 1.0])
    f = random(1, 4, 3, 7, seed=1, dtype=torch.float64)
    distance = st.STYLE_LOSSES[name].distance
    torch.testing.assert_close(distance(st.style_target(f, name), both), distance(st.style_target(f, name), target))
