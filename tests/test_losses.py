"""The losses: values worked out by hand, properties, gradients."""

import math
from dataclasses import replace

import pytest
import torch
from torch.autograd import gradcheck
from torch.overrides import TorchFunctionMode

import styletools as st
from styletools import losses, statistics
from styletools.losses import nearest_neighbours, neighbour_distance, neighbour_statistic

REDUCTIONS = ("mean", "half_sum", "relative")
DIVISORS = {"none": 1, "hw": 30, "chw": 120}  # of features with C = 4, H = 5, W = 6
TV_CONVENTIONS = ("d2l", "squared")


def random(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


# Two channels, one row of two positions: F = [[1, 2], [3, 4]]; F F^T = [[5, 11], [11, 25]].
SMALL = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).view(1, 2, 1, 2)


# --- content ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("reduction", "expected"), [("mean", 10 / 4), ("half_sum", 10 / 2), ("relative", 10 / 18)])
def test_content_known_values(reduction, expected):
    target = torch.tensor([2.0, 2.0, 3.0, 1.0]).view(1, 2, 1, 2)  # differences 1, 0, 0, 3; sum P^2 = 4 + 4 + 9 + 1
    assert st.content_loss(SMALL, target, reduction).item() == pytest.approx(expected)


def test_content_default_is_the_mean():
    f, p = random(1, 4, 5, 6), random(1, 4, 5, 6, seed=1)
    assert torch.equal(st.content_loss(f, p), st.content_loss(f, p, "mean"))
    torch.testing.assert_close(st.content_loss(f, p), torch.nn.functional.mse_loss(f, p))


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_content_is_zero_for_equal_features_and_positive_otherwise(reduction):
    f = random(2, 4, 5, 6)
    assert st.content_loss(f, f.clone(), reduction) == 0
    loss = st.content_loss(f, f + 0.1, reduction)
    assert loss > 0
    assert loss.shape == ()


def test_relative_content_is_one_for_nothing_and_has_no_units():
    p = random(1, 4, 5, 6)
    assert st.content_loss(torch.zeros_like(p), p, "relative").item() == pytest.approx(1)
    f = random(1, 4, 5, 6, seed=1)
    assert st.content_loss(100 * f, 100 * p, "relative").item() == pytest.approx(st.content_loss(f, p, "relative").item())
    assert st.content_loss(100 * f, 100 * p).item() == pytest.approx(1e4 * st.content_loss(f, p).item())


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_content_gradient(reduction):
    f, p = random(1, 2, 3, 4, dtype=torch.float64), random(1, 2, 3, 4, seed=1, dtype=torch.float64)
    assert gradcheck(lambda x: st.content_loss(x, p, reduction), f.requires_grad_())


def test_content_bad_input():
    with pytest.raises(ValueError, match=r"\(1, 2, 1, 2\) and target \(1, 2, 2, 2\) must have the same shape"):
        st.content_loss(SMALL, torch.zeros(1, 2, 2, 2))
    with pytest.raises(ValueError, match=r"same shape"):  # not broadcast
        st.content_loss(SMALL, torch.zeros(1, 1, 1, 2))
    with pytest.raises(ValueError, match=r"reduction is 'sum'; expected 'mean', 'half_sum' or 'relative'"):
        st.content_loss(SMALL, SMALL, "sum")


# --- the Gram matrix -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("divide_by", "divisor"), [("none", 1), ("hw", 2), ("chw", 4)])
def test_gram_known_values(divide_by, divisor):
    expected = torch.tensor([[[5.0, 11.0], [11.0, 25.0]]]) / divisor
    torch.testing.assert_close(st.gram_matrix(SMALL, divide_by), expected)


def test_gram_default_divides_by_chw():
    assert torch.equal(st.gram_matrix(SMALL), st.gram_matrix(SMALL, "chw"))


@pytest.mark.parametrize("divide_by", DIVISORS)
def test_gram_is_all_pairs_of_inner_products(divide_by):
    f = random(2, 4, 5, 6)
    gram = st.gram_matrix(f, divide_by)
    assert gram.shape == (2, 4, 4)
    for n in range(2):
        for i in range(4):
            for j in range(4):
                expected = (f[n, i] * f[n, j]).sum() / DIVISORS[divide_by]
                torch.testing.assert_close(gram[n, i, j], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_gram_is_symmetric_and_positive_semi_definite(seed):
    gram = st.gram_matrix(random(2, 6, 2, 2, seed=seed, dtype=torch.float64), "none")  # rank 4 of 6
    torch.testing.assert_close(gram, gram.transpose(1, 2))
    eigenvalues = torch.linalg.eigvalsh(gram)
    assert eigenvalues.min() > -1e-12
    assert (eigenvalues > 1e-9).sum(1).tolist() == [4, 4]


@pytest.mark.parametrize("divide_by", DIVISORS)
def test_shuffling_all_positions_leaves_the_gram_matrix(divide_by):
    f = random(1, 4, 5, 6)
    order = torch.randperm(30, generator=torch.Generator().manual_seed(1))
    shuffled = f.flatten(2)[:, :, order].view(1, 4, 5, 6)
    assert not torch.equal(f, shuffled)
    torch.testing.assert_close(st.gram_matrix(shuffled, divide_by), st.gram_matrix(f, divide_by))


def test_permuting_channels_permutes_rows_and_columns():
    f = random(1, 4, 5, 6)
    order = [2, 0, 3, 1]
    torch.testing.assert_close(st.gram_matrix(f[:, order]), st.gram_matrix(f)[:, order][:, :, order])


def test_gram_over_hw_does_not_depend_on_the_size_of_the_picture():
    f = random(1, 4, 5, 6)
    tiled = f.repeat(1, 1, 3, 2)
    torch.testing.assert_close(st.gram_matrix(tiled, "hw"), st.gram_matrix(f, "hw"))
    torch.testing.assert_close(st.gram_matrix(tiled, "chw"), st.gram_matrix(f, "chw"))
    torch.testing.assert_close(st.gram_matrix(tiled, "none"), 6 * st.gram_matrix(f, "none"))


def test_gram_of_a_batch_is_that_of_each_picture():
    f = random(3, 4, 5, 6)
    gram = st.gram_matrix(f)
    for n in range(3):
        torch.testing.assert_close(gram[n : n + 1], st.gram_matrix(f[n : n + 1]))


def test_gram_takes_any_memory_layout():
    f = random(1, 4, 5, 6)
    torch.testing.assert_close(st.gram_matrix(f.to(memory_format=torch.channels_last)), st.gram_matrix(f))


def test_gram_gradient():
    f = random(1, 3, 2, 4, dtype=torch.float64).requires_grad_()
    assert gradcheck(st.gram_matrix, f)


def test_gram_bad_input():
    with pytest.raises(ValueError, match=r"shape \(N, C, H, W\), got \(2, 3\)"):
        st.gram_matrix(torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"divide_by is 'wh'; expected 'chw', 'hw' or 'none'"):
        st.gram_matrix(SMALL, "wh")


# --- style: a statistic, and a distance between two ---------------------------------------------------------------------------

# G = [[5, 11], [11, 25]], A = [[4, 11], [11, 23]]: squared differences 1 + 0 + 0 + 4 = 5; C = 2, H W = 2.
STYLE_VALUES = {
    "d2l": 5 / 16 / 4,  # both divided by C H W = 4, mean of four entries
    "raw": 5 / 4,
    "raw_chw": 5 / 4 / 4,
    "paper": 5 / (4 * 4 * 4),
    "modules": 5 / (4 * 4 * 2),
    "relative": 5 / (16 + 121 + 121 + 529),
}
# What the Gram matrix of a picture with so many channels and positions is divided by.
STYLE_DIVISORS = {
    "d2l": lambda c, hw: c * hw,
    "raw": lambda c, hw: 1,
    "raw_chw": lambda c, hw: (c * hw) ** 0.5,
    "paper": lambda c, hw: 2 * c * hw,
    "modules": lambda c, hw: 2 * c * hw**0.5,
    "relative": lambda c, hw: hw,
}


def sum_over_pairs(f, s, term):
    """Sum of term(G_ij, A_ij) over all pairs of channels, number by number, from the definition of a Gram matrix."""
    f, s = f.flatten(2)[0].tolist(), s.flatten(2)[0].tolist()
    total = 0.0
    for i in range(len(f)):
        for j in range(len(f)):
            g = sum(a * b for a, b in zip(f[i], f[j], strict=True))
            a = sum(a * b for a, b in zip(s[i], s[j], strict=True))
            total += term(g, a)
    return total


def relative(mine, theirs):
    squared = sum(((a - b) ** 2).sum() for a, b in zip(mine, theirs, strict=True)) / sum((b**2).sum() for b in theirs)
    return squared.item()


def moments(x):
    rows = x[0].flatten(1)
    return rows.mean(1), (rows.var(1, correction=0) + 1e-8).sqrt(), torch.cov(rows, correction=0)


def bures(mine, theirs):
    """The closed form; the eigenvalues of a product of two covariances are those of S^1/2 C S^1/2."""
    (mean, _, covariance), (aim, _, target) = mine, theirs
    roots = torch.linalg.eigvals(covariance.double() @ target.double()).real.clamp(min=0).sqrt().sum()
    squared = ((mean - aim) ** 2).sum() + covariance.trace() + target.trace() - 2 * roots
    return (squared / ((aim**2).sum() + target.trace())).item()


def directions(channels):
    drawn = torch.randn(channels, statistics.PROJECTIONS, generator=torch.Generator().manual_seed(0))
    return drawn.double() / drawn.double().norm(dim=0)


# The formula in the comment of each entry, for features (1, C, H, W) of one size.
FORMULAS = {
    "d2l": lambda f, s, c, hw: sum_over_pairs(f, s, lambda g, a: ((g - a) / (c * hw)) ** 2) / c**2,
    "raw": lambda f, s, c, hw: sum_over_pairs(f, s, lambda g, a: (g - a) ** 2) / c**2,
    "raw_chw": lambda f, s, c, hw: sum_over_pairs(f, s, lambda g, a: (g - a) ** 2) / c**2 / (c * hw),
    "paper": lambda f, s, c, hw: sum_over_pairs(f, s, lambda g, a: (g - a) ** 2) / (4 * c**2 * hw**2),
    "modules": lambda f, s, c, hw: sum_over_pairs(f, s, lambda g, a: (g - a) ** 2) / (4 * c**2 * hw),
    "relative": lambda f, s, c, hw: sum_over_pairs(f, s, lambda g, a: (g - a) ** 2) / sum_over_pairs(f, s, lambda g, a: a**2),
    "mean_std": lambda f, s, c, hw: relative(moments(f)[:2], moments(s)[:2]),
    "wasserstein": lambda f, s, c, hw: bures(moments(f), moments(s)),
    "sliced": lambda f, s, c, hw: relative(*(torch.sort(directions(c).to(x).T @ x[0].flatten(1))[0] for x in (f, s))),
    "neighbours": lambda f, s, c, hw: plain_neighbour_distance(f, s),
}


def test_every_convention_and_every_loss_has_its_value_here():
    assert set(STYLE_VALUES) == set(STYLE_DIVISORS) == set(st.STYLE_CONVENTIONS)
    assert set(FORMULAS) == set(st.STYLE_LOSSES) == {*st.STYLE_CONVENTIONS, "mean_std", "wasserstein", "sliced", "neighbours"}
    assert all(st.STYLE_LOSSES[name] is entry for name, entry in st.STYLE_CONVENTIONS.items())


@pytest.mark.parametrize("convention", STYLE_VALUES)
def test_style_known_values(convention):
    target = torch.tensor([[[4.0, 11.0], [11.0, 23.0]]]) / STYLE_DIVISORS[convention](2, 2)
    assert st.style_loss(SMALL, target, convention).item() == pytest.approx(STYLE_VALUES[convention])


def test_style_default_is_that_of_d2l():
    f, a = random(1, 4, 5, 6), st.style_target(random(1, 4, 3, 2, seed=1))
    assert torch.equal(st.style_loss(f, a), st.style_loss(f, a, "d2l"))


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("seed", range(2))
def test_each_style_loss_is_the_formula_in_its_comment(name, seed):
    f, s = (random(1, 4, 3, 5, seed=10 * seed + i, dtype=torch.float64) for i in range(2))
    expected = FORMULAS[name](f, s, 4, 15)
    assert st.style_loss(f, st.style_target(s, name), name).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", FORMULAS)
def test_a_style_loss_is_the_distance_between_two_statistics(name):
    f, s = random(1, 4, 5, 6), random(1, 4, 3, 7, seed=1)
    entry = st.STYLE_LOSSES[name]
    assert torch.equal(st.style_target(s, name), entry.statistic(s))
    loss = st.style_loss(f, st.style_target(s, name), name)
    assert torch.equal(loss, entry.distance(entry.statistic(f), entry.statistic(s)))
    assert loss.shape == ()
    assert loss > 0


@pytest.mark.parametrize("convention", STYLE_VALUES)
def test_style_target_is_the_gram_matrix_over_the_right_divisor(convention):
    f = random(2, 4, 5, 6)
    expected = st.gram_matrix(f, "none") / STYLE_DIVISORS[convention](4, 30)
    torch.testing.assert_close(st.style_target(f, convention), expected)


@pytest.mark.parametrize("name", FORMULAS)
def test_a_statistic_forgets_where_things_are(name):
    """Shuffled positions leave the numbers as they were, or their order at most; so the loss sees the same texture."""
    f, order = random(1, 4, 5, 6), torch.randperm(30, generator=torch.Generator().manual_seed(1))
    before, after = st.style_target(f, name), st.style_target(f.flatten(2)[:, :, order].view_as(f), name)
    torch.testing.assert_close(after, before[order] if name == "neighbours" else before)
    target, other = st.style_target(random(1, 4, 5, 6, seed=2), name), st.style_loss(random(1, 4, 5, 6, seed=2), before, name)
    torch.testing.assert_close(st.STYLE_LOSSES[name].distance(after, target), st.STYLE_LOSSES[name].distance(before, target))
    assert st.STYLE_LOSSES[name].distance(after, before).item() < 1e-5 * other


@pytest.mark.parametrize("name", FORMULAS)
def test_what_growth_says_a_larger_print_has_more_of(name):
    """A picture repeated has as many times more positions; scaled by that to the power of growth the target is the same."""
    f, other = random(1, 4, 5, 6), random(1, 4, 5, 6, seed=1)
    once, tiled = st.style_target(f, name), st.style_target(f.repeat(1, 1, 2, 2), name)
    entry = st.STYLE_LOSSES[name]
    scaled = tiled * (1 / 4) ** entry.growth
    assert st.style_loss(f, scaled, name).item() < 1e-5 * st.style_loss(other, scaled, name).item()
    if name not in ("neighbours", "sliced"):  # which keep a row for each position
        torch.testing.assert_close(scaled, once)


def test_only_these_statistics_grow():
    assert {name: entry.growth for name, entry in st.STYLE_LOSSES.items() if entry.growth} == {
        "raw": 1, "raw_chw": 0.5, "modules": 0.5,
    }  # fmt: skip


def test_relative_style_has_no_units():
    f, other = random(1, 4, 5, 6), random(1, 4, 5, 6, seed=1)
    one = st.style_loss(f, st.style_target(other, "relative"), "relative").item()
    scaled = st.style_loss(100 * f, st.style_target(100 * other, "relative"), "relative").item()
    tiled = st.style_loss(f.repeat(1, 1, 2, 3), st.style_target(other, "relative"), "relative").item()
    assert scaled == pytest.approx(one, rel=1e-5)
    assert tiled == pytest.approx(one, rel=1e-5)
    assert st.style_loss(torch.zeros_like(f), st.style_target(other, "relative"), "relative").item() == pytest.approx(1)


@pytest.mark.parametrize("name", FORMULAS)
def test_style_pictures_may_have_another_size(name):
    assert st.style_loss(random(1, 4, 5, 6), st.style_target(random(1, 4, 9, 2, seed=1), name), name) > 0


@pytest.mark.parametrize("name", FORMULAS)
def test_style_gradient(name):
    f = random(1, 3, 2, 4, dtype=torch.float64).requires_grad_()
    target = st.style_target(random(1, 3, 2, 4, seed=1, dtype=torch.float64), name)
    assert gradcheck(lambda x: st.style_loss(x, target, name), f)


def test_style_bad_input():
    with pytest.raises(ValueError, match=r"is \(1, 2, 2\), its target \(1, 3, 3\): another layer\?"):
        st.style_loss(SMALL, torch.zeros(1, 3, 3))
    with pytest.raises(ValueError, match=r"is \(2, 2\), its target \(5, 3\): another layer\?"):
        st.style_loss(SMALL, torch.zeros(5, 3), "neighbours")
    for function in (lambda: st.style_loss(SMALL, torch.zeros(1, 2, 2), "gatys"), lambda: st.style_target(SMALL, "gatys")):
        with pytest.raises(
            st.SettingsError,
            match=r"'gatys'; expected one of d2l, raw, .*relative, mean_std, .*neighbours\.",
        ):
            function()


# --- a style loss of one's own ------------------------------------------------------------------------------------------------


def mean_and_deviation(features):
    f = features.flatten(2)
    return torch.stack([f.mean(2), f.std(2, unbiased=False)], 2)  # (N, C, 2)


@pytest.fixture
def own_loss(monkeypatch):
    """Mean and standard deviation of each channel, as in adaptive instance normalisation, added as one line."""
    monkeypatch.setitem(st.STYLE_LOSSES, "moments", st.StyleLoss(mean_and_deviation, losses.mean_of_squares))
    return "moments"


def test_a_new_statistic_is_one_entry(own_loss):
    f = torch.tensor([[1.0, 3.0], [5.0, 5.0]]).view(1, 2, 1, 2)  # means 2 and 5, deviations 1 and 0
    target = torch.tensor([[[2.0, 1.0], [3.0, 2.0]]])
    assert st.style_target(f, own_loss).tolist() == [[[2.0, 1.0], [5.0, 0.0]]]
    assert st.style_loss(f, target, own_loss).item() == pytest.approx((0 + 0 + 4 + 4) / 4)


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_new_statistic_paints(own_loss, optimizer, tiny_vgg, make_picture):
    recipe = replace(st.RECIPES["balanced"], style_convention=own_loss, tv=0.0)
    transfer = st.StyleTransfer(make_picture(0), make_picture(1, 64, 56), tiny_vgg, recipe, optimizer=optimizer, steps=15)
    assert {name: tuple(s.shape) for name, s in transfer.targets.style.items()}["relu1_1"] == (1, 4, 2)
    ours, theirs = (tiny_vgg(picture, list(recipe.style_layers)) for picture in (transfer.content, transfer.style))
    expected = sum(0.2 * (mean_and_deviation(ours[n]) - mean_and_deviation(theirs[n])).square().mean() for n in ours)
    history = list(transfer)
    assert history[0].style == pytest.approx(float(expected), rel=1e-5)
    assert history[-1].style < 0.8 * history[0].style


def test_a_new_statistic_paints_coarse_to_fine_and_beside_neighbours(own_loss, tiny_vgg):
    recipe = replace(st.RECIPES["balanced"], style_convention=own_loss, neighbour_layers={"relu3_1": 0.2})
    seen = []
    st.stylize("chelsea", "great_wave", 130, tiny_vgg, recipe, steps=6, on_step=lambda _, step: seen.append(step))
    assert len(seen) == 6 + 4
    assert seen[5].total < 0.95 * seen[0].total
    assert seen[-1].total < 0.95 * seen[6].total


# --- nearest neighbours ----------------------------------------------------------------------------------------------------

# Two channels, four positions with mean (3, 1): (2, 0), (-2, 0), (0, 2), (0, -2) are left, which point along the axes.
CROSS = torch.tensor([[5.0, 1.0, 3.0, 3.0], [1.0, 1.0, 3.0, -1.0]]).view(1, 2, 2, 2)
# Two positions with mean (1, 1): (3, 4) and (-3, -4) are left, which point along (0.6, 0.8) and back.
SLANT = torch.tensor([[4.0, -2.0], [5.0, -3.0]]).view(1, 2, 1, 2)


def plain_neighbour_distance(picture, painting):
    """Every position with every other, number by number."""

    def directions(features):
        channels = features[0].flatten(1).tolist()
        means = [sum(channel) / len(channel) for channel in channels]
        rows = []
        for k in range(len(channels[0])):
            row = [channel[k] - mean for channel, mean in zip(channels, means, strict=True)]
            length = math.sqrt(sum(number**2 for number in row))
            rows.append([number / length for number in row])
        return rows

    theirs = directions(painting)
    total = 0.0
    mine = directions(picture)
    for u in mine:
        best = -2.0
        for v in theirs:
            best = max(best, sum(a * b for a, b in zip(u, v, strict=True)))
        total += 1 - best
    return total / len(mine)


def distance(picture, painting):
    return neighbour_distance(neighbour_statistic(picture), neighbour_statistic(painting))


def shuffled(features, seed=1):
    order = torch.randperm(features[0, 0].numel(), generator=torch.Generator().manual_seed(seed))
    return features.flatten(2)[:, :, order].view_as(features)


def test_directions_known_values():
    axes = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    torch.testing.assert_close(neighbour_statistic(CROSS), axes)
    torch.testing.assert_close(neighbour_statistic(SLANT), torch.tensor([[0.6, 0.8], [-0.6, -0.8]]))


def test_directions_are_one_row_a_position_and_of_length_one():
    rows = neighbour_statistic(random(1, 4, 5, 6))
    assert rows.shape == (30, 4)
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(30))


def test_directions_do_not_see_the_mean_or_the_size_of_features():
    f = random(1, 4, 5, 6)
    torch.testing.assert_close(neighbour_statistic(7 * f + torch.arange(4.0).view(1, 4, 1, 1)), neighbour_statistic(f))


def test_features_that_are_everywhere_alike_have_no_direction_and_a_finite_gradient():
    flat = torch.full((1, 4, 5, 6), 0.25).requires_grad_()
    rows = neighbour_statistic(flat)
    assert rows.abs().max() == 0
    (gradient,) = torch.autograd.grad(neighbour_distance(rows, neighbour_statistic(random(1, 4, 2, 3))), flat)
    assert gradient.isfinite().all()


def test_neighbour_distance_known_values():
    assert nearest_neighbours(neighbour_statistic(CROSS), neighbour_statistic(SLANT)).tolist() == [0, 1, 0, 1]
    assert distance(CROSS, SLANT).item() == pytest.approx(1 - (0.6 + 0.6 + 0.8 + 0.8) / 4)
    assert distance(SLANT, CROSS).item() == pytest.approx(1 - 0.8), "(0.6, 0.8) is nearest to (0, 1)"


def test_neighbour_distance_of_opposites_is_two():
    assert neighbour_distance(torch.tensor([[0.6, 0.8]]), torch.tensor([[-0.6, -0.8]])).item() == pytest.approx(2)


@pytest.mark.parametrize("seed", range(3))
def test_neighbour_distance_is_that_of_two_plain_loops(seed):
    picture, painting = random(1, 4, 5, 6, seed=seed), random(1, 4, 3, 4, seed=seed + 10)
    assert distance(picture, painting).item() == pytest.approx(plain_neighbour_distance(picture, painting), rel=1e-5)


def test_neighbour_distance_is_a_scalar_and_zero_only_for_a_picture_against_itself():
    f = random(1, 4, 5, 6)
    assert distance(f, f).shape == ()
    assert distance(f, f).item() == pytest.approx(0, abs=1e-6)
    assert distance(f, random(1, 4, 5, 6, seed=1)) > 0.01


def test_every_piece_may_come_from_anywhere():
    """Half of a painting's pieces in another order are all in the painting, though it has others besides."""
    target = neighbour_statistic(random(1, 4, 5, 6))
    assert neighbour_distance(target[[17, 3, 3, 28, 0]], target).item() == pytest.approx(0, abs=1e-6)


def test_shuffling_positions_of_either_picture_leaves_the_neighbour_distance():
    picture, painting = random(1, 4, 5, 6), random(1, 4, 3, 4, seed=1)
    expected = distance(picture, painting)
    torch.testing.assert_close(distance(shuffled(picture), painting), expected)
    torch.testing.assert_close(distance(picture, shuffled(painting)), expected)


def test_direction_gradient():
    assert gradcheck(neighbour_statistic, random(1, 3, 2, 4, dtype=torch.float64).requires_grad_())


def test_neighbour_gradient():
    f = random(1, 3, 2, 4, dtype=torch.float64).requires_grad_()
    target = neighbour_statistic(random(1, 3, 3, 3, seed=1, dtype=torch.float64))
    assert gradcheck(lambda x: neighbour_distance(neighbour_statistic(x), target), f)


def test_each_direction_is_drawn_to_its_nearest_neighbour_and_no_other():
    u, v = neighbour_statistic(random(1, 4, 5, 6)).requires_grad_(), neighbour_statistic(random(1, 4, 3, 4, seed=1))
    (gradient,) = torch.autograd.grad(neighbour_distance(u, v), u)
    torch.testing.assert_close(gradient, -v[nearest_neighbours(u, v)] / 30)


def test_the_search_keeps_nothing_for_a_gradient():
    u, v = neighbour_statistic(random(1, 4, 5, 6)).requires_grad_(), neighbour_statistic(random(1, 4, 3, 4, seed=1))
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda _: None):
        nearest_neighbours(u, v)
    assert kept == []


def test_neighbours_of_an_earlier_search_are_taken_as_they_are(monkeypatch):
    u, v = neighbour_statistic(random(1, 4, 5, 6)), neighbour_statistic(random(1, 4, 3, 4, seed=1))
    found = nearest_neighbours(u, v)
    expected = neighbour_distance(u, v)
    monkeypatch.setattr(losses, "nearest_neighbours", None)  # a search would be an error
    assert torch.equal(neighbour_distance(u, v, found), expected)
    always_the_second = torch.ones(30, dtype=torch.long)
    assert neighbour_distance(u, v, always_the_second).item() == pytest.approx(1 - (u @ v[1]).mean().item(), rel=1e-5)


class Largest(TorchFunctionMode):
    """Notes the size in bytes of the largest new tensor that any operation makes."""

    size = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and not result._is_view():
            self.size = max(self.size, result.numel() * result.element_size())
        return result


@pytest.mark.parametrize("rows", [0.5, 1, 7, 299, 300, 1000])
def test_a_search_in_pieces_finds_the_same_in_bounded_memory(monkeypatch, rows):
    """Pieces of so many of the 300 positions; one of them at least, whatever the bound says."""
    u, v = neighbour_statistic(random(1, 4, 20, 15)), neighbour_statistic(random(1, 4, 10, 10, seed=1))
    expected = (u @ v.T).argmax(1)
    monkeypatch.setattr(losses, "SEARCH_MEMORY", int(rows * 4 * len(v)))
    with Largest() as largest:
        found = nearest_neighbours(u, v)
    assert torch.equal(found, expected)
    assert largest.size == max(4 * len(v) * min(max(1, rows), 300), 8 * 300), "the table of a piece, or the result"


def test_neighbours_bad_input():
    with pytest.raises(ValueError, match=r"shape \(1, C, H, W\), got \(2, 4, 5, 6\)"):
        neighbour_statistic(random(2, 4, 5, 6))
    with pytest.raises(ValueError, match=r"shape \(1, C, H, W\), got \(4, 5, 6\)"):
        neighbour_statistic(random(4, 5, 6))
    with pytest.raises(ValueError, match=r"4 channels are compared with 3: another layer\?"):
        neighbour_distance(neighbour_statistic(random(1, 4, 5, 6)), neighbour_statistic(random(1, 3, 5, 6)))


# --- total variation -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("convention", "expected"), [("d2l", (2 + 11 / 4) / 2), ("squared", 18 / 3 + 37 / 4)])
def test_tv_known_values(convention, expected):
    image = torch.tensor([[0.0, 2.0, 3.0], [3.0, -1.0, 3.0]]).view(1, 1, 2, 3)  # dy = 3, -3, 0; dx = 2, 1, -4, 4
    assert st.tv_loss(image, convention).item() == pytest.approx(expected)


def test_tv_takes_the_mean_over_each_direction_by_itself():
    image = torch.arange(4.0).view(1, 1, 1, 4).expand(1, 3, 3, 4)  # dx = 1 everywhere, dy = 0
    assert st.tv_loss(image).item() == pytest.approx(0.5)
    assert st.tv_loss(image, "squared").item() == pytest.approx(1)


@pytest.mark.parametrize("convention", TV_CONVENTIONS)
def test_tv_of_a_constant_picture_is_zero(convention):
    image = torch.tensor([0.3, -1.0, 2.0]).view(1, 3, 1, 1).expand(1, 3, 6, 5)
    assert st.tv_loss(image, convention) == 0


@pytest.mark.parametrize("convention", TV_CONVENTIONS)
def test_tv_does_not_see_a_shift_in_brightness_or_a_mirror(convention):
    image = random(1, 3, 6, 5, dtype=torch.float64)
    value = st.tv_loss(image, convention)
    for same in (image + 2, image.flip(-1), image.flip(-2), -image, image.transpose(2, 3)):
        torch.testing.assert_close(st.tv_loss(same, convention), value)


def test_tv_default_is_that_of_d2l():
    image = random(1, 3, 6, 5)
    assert torch.equal(st.tv_loss(image), st.tv_loss(image, "d2l"))


def test_squares_spare_soft_gradients():
    """A ramp and one step of the same height: the sum of |d| is the same, the squares tell them apart."""
    ramp = torch.linspace(0, 1, 11).view(1, 1, 1, 11).expand(1, 3, 4, 11)
    edge = (torch.arange(11) > 5).float().view(1, 1, 1, 11).expand(1, 3, 4, 11)
    torch.testing.assert_close(st.tv_loss(ramp), st.tv_loss(edge))
    assert st.tv_loss(edge, "squared").item() == pytest.approx(10 * st.tv_loss(ramp, "squared").item())


@pytest.mark.parametrize("convention", TV_CONVENTIONS)
def test_tv_gradient(convention):
    assert gradcheck(lambda x: st.tv_loss(x, convention), random(1, 3, 4, 5, dtype=torch.float64).requires_grad_())


def test_tv_bad_input():
    with pytest.raises(ValueError, match=r"convention is 'l1'; expected 'd2l' or 'squared'"):
        st.tv_loss(torch.zeros(1, 3, 4, 4), "l1")
