"""The optimiser alone: a picture on its way down losses simple enough to know where it must end."""

import copy

import pytest
import torch

import styletools as st
from styletools.descent import HISTORY, Descent
from styletools.pyramid import decompose, resize
from styletools.recipes import USUAL_RATES

BOTH = ("adam", "lbfgs")


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


START, GOAL = random(1, 3, 12, 17), random(1, 3, 12, 17, seed=1)
CURVATURE = torch.logspace(-1, 1, 17)  # a valley: a hundred times steeper across the right border than across the left one


def valley(picture):
    """A quadratic that is zero at GOAL only."""
    return (CURVATURE * (picture - GOAL) ** 2).mean()


def winding(picture):
    """Nothing quadratic: Rosenbrock's banana, from each pixel to its neighbour on the right."""
    return (100 * (picture[..., 1:] - picture[..., :-1] ** 2) ** 2 + (1 - picture[..., :-1]) ** 2).mean()


def begin(optimizer="adam", picture=START, levels=1, rate=None, **options):
    return Descent(picture, optimizer, USUAL_RATES[optimizer] if rate is None else rate, levels=levels, **options)


def go(descent, steps, loss=valley):
    """Make steps; return the picture before the first of them and after each."""
    pictures = [descent.picture.detach().clone()]
    for _ in range(steps):
        descent.move(loss(descent.picture))
        pictures.append(descent.picture.detach().clone())
    return pictures


def memory(descent):
    """What the optimiser remembers of the finest band, or of all with L-BFGS."""
    return descent._optimizer.state[descent._bands[0]]


# --- down --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [1, 3])
@pytest.mark.parametrize("optimizer", BOTH)
def test_it_goes_down_to_the_bottom(optimizer, levels):
    descent = begin(optimizer, levels=levels)
    torch.testing.assert_close(descent.picture, START, rtol=0, atol=1e-6)
    losses = [float(valley(picture)) for picture in go(descent, 80)]
    assert losses[-1] < 1e-3 * losses[0]
    assert losses[40] < 0.1 * losses[0]


def test_adams_first_step_moves_every_number_by_the_learning_rate_downhill():
    before, after = go(begin(rate=0.25), 1)
    torch.testing.assert_close(after, before - 0.25 * (before - GOAL).sign(), rtol=0, atol=1e-3)


def test_the_first_step_of_lbfgs_goes_straight_down():
    before, after = go(begin("lbfgs"), 1)
    gradient = CURVATURE * (before - GOAL)
    cosine = torch.cosine_similarity((before - after).flatten(), gradient.flatten(), dim=0)
    assert float(cosine) == pytest.approx(1, abs=1e-5)


def test_adam_is_torchs_adam():
    bare = START.clone().requires_grad_()
    optimizer = torch.optim.Adam([bare], 0.05, (0.7, 0.95))
    for _ in range(9):
        optimizer.zero_grad()
        winding(bare).backward()
        optimizer.step()
    mine = go(begin(rate=0.05, betas=(0.7, 0.95)), 9, winding)[-1]
    assert torch.equal(mine, bare.detach())
    assert not torch.equal(mine, go(begin(rate=0.05), 9, winding)[-1]), "another memory leads elsewhere"


def torchs_lbfgs(steps, history):
    """L-BFGS written down again: gradients in units of the first one's mean size, one iteration a step, `history` pairs."""
    bare = START.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([bare], 0.3, 1, tolerance_grad=-1, tolerance_change=-1, history_size=history)
    unit = None
    for _ in range(steps):
        loss = winding(bare)
        (gradient,) = torch.autograd.grad(loss, bare)
        unit = unit or float(gradient.abs().mean())
        bare.grad = gradient / unit
        optimizer.step(loss.detach)
    return bare.detach()


def test_lbfgs_is_torchs_with_ten_steps_of_memory():
    mine = go(begin("lbfgs", rate=0.3), 16, winding)[-1]
    torch.testing.assert_close(mine, torchs_lbfgs(16, 10), rtol=0, atol=1e-4)
    for other in (2, 5, 100):
        assert float((mine - torchs_lbfgs(16, other)).abs().max()) > 1e-2
    assert HISTORY == 10


@pytest.mark.parametrize("power", [20, -20, -40, -80])
def test_lbfgs_does_not_stand_still_when_losses_are_small_numbers(power):
    """Multiplying a loss by a number changes no minimum, so it must not change the way there; powers of two round nothing."""
    expected = go(begin("lbfgs"), 8)
    assert all(map(torch.equal, go(begin("lbfgs"), 8, lambda picture: 2.0**power * valley(picture)), expected))
    assert valley(expected[-1]) < 0.1 * valley(START)


def test_lbfgs_stays_where_nothing_pulls():
    pictures = go(begin("lbfgs"), 2, lambda picture: 0 * picture.sum())
    assert all(torch.equal(picture, START) for picture in pictures)


@pytest.mark.parametrize("levels", [1, 3])
@pytest.mark.parametrize("optimizer", BOTH)
def test_gradients_may_come_in_any_memory_layout(optimizer, levels):
    """As they do from a network that works channels last; L-BFGS flattens them."""

    def across(picture):
        return (CURVATURE[:, None] * (picture.transpose(2, 3).contiguous() - GOAL.transpose(2, 3)) ** 2).mean()

    leaf = START.clone().requires_grad_()
    assert not torch.autograd.grad(across(leaf), leaf)[0].is_contiguous()
    mine, expected = (go(begin(optimizer, levels=levels), 4, loss)[-1] for loss in (across, valley))
    torch.testing.assert_close(mine, expected)


def test_the_learning_rate_may_change_between_two_steps():
    descent = begin(rate=0.25)
    one, two = go(descent, 1)
    descent.learning_rate = 0.0
    assert torch.equal(go(descent, 1)[-1], two)
    descent.learning_rate = 0.125
    three = go(descent, 1)[-1]
    assert float((two - one).abs().max()) == pytest.approx(0.25, rel=1e-4)
    assert 0.05 < float((three - two).abs().mean()) < 0.2


@pytest.mark.parametrize("optimizer", ["sgd", "Adam", ""])
def test_an_unknown_optimiser_is_refused(optimizer):
    meant = r"( \(did you mean 'adam'\?\))?"
    with pytest.raises(st.SettingsError, match=rf"^optimizer is '{optimizer}'{meant}; expected 'adam' or 'lbfgs'\.$"):
        Descent(START, optimizer, 0.1)


def test_the_given_picture_stays_as_it_is():
    for optimizer in BOTH:
        for levels in (1, 3):
            given = START.clone()
            go(begin(optimizer, given, levels), 2)
            assert torch.equal(given, START)
            assert not given.requires_grad


# --- bands -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("levels", "sizes"), [(1, [(12, 17)]), (2, [(12, 17), (6, 9)]), (9, [(12, 17), (6, 9), (3, 5), (2, 3), (1, 2)])]
)
@pytest.mark.parametrize("optimizer", BOTH)
def test_every_band_is_moved(optimizer, levels, sizes):
    descent = begin(optimizer, levels=levels)
    before = [band.detach().clone() for band in descent._bands]
    assert [tuple(band.shape[-2:]) for band in before] == sizes
    go(descent, 1)
    assert all(not torch.equal(band, old) for band, old in zip(descent._bands, before, strict=True))


def test_one_step_of_adam_moves_a_broad_area_by_the_rates_of_all_its_bands():
    """Adam's first step moves every number by the learning rate; where all want the same, five bands add up."""
    before, after = go(begin(picture=random(1, 3, 64, 64), levels=5, rate=0.01), 1, lambda picture: picture.mean())
    torch.testing.assert_close(after, before - 0.05, rtol=0, atol=1e-5)


@pytest.mark.parametrize("levels", [1, 3])
def test_adam_stays_where_it_is_allowed_to_be(levels):
    descent = begin(levels=levels, rate=1.0, project=lambda picture: picture.clamp(-0.5, 0.5))
    for picture in go(descent, 6)[1:]:
        assert picture.abs().max() <= 0.5 + 1e-5
    assert picture.abs().max() > 0.49
    assert float((picture - GOAL.clamp(-0.5, 0.5)).abs().mean()) < 0.3, "and goes down all the same"


def test_lbfgs_is_not_kept_anywhere():
    """Its estimate of the curvature comes from the pictures it was at."""
    expected = go(begin("lbfgs"), 4)
    assert all(map(torch.equal, go(begin("lbfgs", project=lambda picture: 0 * picture), 4), expected))


# --- back --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [1, 3])
@pytest.mark.parametrize("optimizer", BOTH)
def test_undo_goes_back_one_step_and_forgets_what_led_there(optimizer, levels):
    descent = begin(optimizer, levels=levels)
    pictures = go(descent, 5)
    bands = [band.clone() for band in descent._before]
    for _ in range(2):  # twice is once
        descent.undo()
        assert torch.equal(descent.picture, pictures[4])
        assert not memory(descent)
    assert all(map(torch.equal, descent._bands, bands))
    fresh = begin(optimizer, pictures[4], levels)
    for mine, its in zip(go(descent, 3), go(fresh, 3), strict=True):
        torch.testing.assert_close(mine, its, rtol=0, atol=1e-5)


@pytest.mark.parametrize("optimizer", BOTH)
def test_undo_before_the_first_step_is_the_start(optimizer):
    descent = begin(optimizer)
    descent.undo()
    assert torch.equal(descent.picture, START)


@pytest.mark.parametrize("optimizer", BOTH)
def test_undo_finds_the_picture_again_after_numbers_were_lost(optimizer):
    descent = begin(optimizer, levels=3)
    pictures = go(descent, 3)
    assert not descent.move(valley(descent.picture) * float("nan")), "a gradient that is no number"
    assert torch.equal(descent.picture, pictures[-1])
    descent.undo()
    assert torch.equal(descent.picture, pictures[-1])
    assert all(picture.isfinite().all() for picture in go(descent, 3))


@pytest.mark.parametrize("levels", [1, 3])
@pytest.mark.parametrize("optimizer", BOTH)
def test_restart_keeps_the_picture_and_forgets_the_gradients(optimizer, levels):
    descent = begin(optimizer, levels=levels)
    here = go(descent, 5)[-1]
    descent.restart()
    assert torch.equal(descent.picture, here)
    fresh = begin(optimizer, here, levels)
    for mine, its in zip(go(descent, 3), go(fresh, 3), strict=True):
        torch.testing.assert_close(mine, its, rtol=0, atol=1e-5)


# --- from a smaller picture to a larger one ----------------------------------------------------------------------------------


LARGE = random(1, 3, 18, 25, seed=2)
SHARE = START.numel() / LARGE.numel()  # a mean over more pixels: each has a smaller gradient


def test_inherit_enlarges_both_of_adams_averages():
    coarse, fine = begin(), begin(picture=LARGE)
    go(coarse, 3)
    assert fine.inherit(coarse)
    ours, theirs = memory(fine), memory(coarse)
    torch.testing.assert_close(ours["exp_avg"], resize(theirs["exp_avg"], (18, 25)) * SHARE)
    expected = resize(theirs["exp_avg_sq"], (18, 25), "bilinear") * SHARE**2
    torch.testing.assert_close(ours["exp_avg_sq"], expected)
    assert float(ours["exp_avg_sq"].min()) >= 0
    go(fine, 1, torch.mean)
    assert int(ours["step"]) == 4
    assert int(theirs["step"]) == 3, "the smaller picture's memory is its own"


def test_a_larger_picture_goes_on_at_the_same_pace():
    """Where the gradient of a mean is the same everywhere, each pixel goes on by exactly the learning rate."""
    coarse, fine = begin(), begin(picture=LARGE)
    go(coarse, 5, torch.mean)
    fine.inherit(coarse)
    before, *_, after = go(fine, 5, torch.mean)
    torch.testing.assert_close(before - after, torch.full_like(LARGE, 5 * 0.09), rtol=1e-3, atol=0)


def test_a_larger_picture_goes_on_in_the_same_direction():
    """What pulled before is still remembered when the pull is gone."""
    coarse, fine = begin(), begin(picture=LARGE)
    go(coarse, 5, torch.mean)
    fine.inherit(coarse)
    before, after = go(fine, 1, lambda picture: 0 * picture.mean())
    assert float((before - after).min()) > 0.5 * 0.09


@pytest.mark.parametrize(
    ("fine", "coarse", "steps"),
    [
        ({}, {}, 0),
        ({"optimizer": "lbfgs"}, {"optimizer": "lbfgs"}, 3),
        ({"optimizer": "lbfgs"}, {}, 3),
        ({}, {"optimizer": "lbfgs"}, 3),
        ({"levels": 3}, {"levels": 3}, 3),
    ],
)
def test_there_may_be_nothing_to_inherit(fine, coarse, steps):
    """Nothing was learned yet, or it is of no use at another size."""
    smaller, larger, alone = begin(**coarse), begin(picture=LARGE, **fine), begin(picture=LARGE, **fine)
    go(smaller, steps)
    assert not larger.inherit(smaller)
    assert not memory(larger)
    assert all(map(torch.equal, go(larger, 2, torch.mean), go(alone, 2, torch.mean)))


# --- written down and taken up again -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [0, 1, 5, 13])
@pytest.mark.parametrize("levels", [1, 3])
@pytest.mark.parametrize("optimizer", BOTH)
def test_a_state_goes_on_bit_for_bit(optimizer, levels, steps):
    descent, again = begin(optimizer, levels=levels), begin(optimizer, picture=GOAL, levels=levels)
    go(descent, steps, winding)
    again.load_state_dict(copy.deepcopy(descent.state_dict()))
    assert torch.equal(again.picture, descent.picture)
    assert all(map(torch.equal, go(again, 6, winding), go(descent, 6, winding)))


@pytest.mark.parametrize("optimizer", BOTH)
def test_one_that_took_over_a_state_leaves_the_other_alone(optimizer):
    """No tensor is shared, so both may go on."""
    descent, undisturbed, again = (begin(optimizer) for _ in range(3))
    for one in (descent, undisturbed):
        go(one, 4, winding)
    again.load_state_dict(descent.state_dict())
    go(again, 5)
    assert all(map(torch.equal, go(descent, 5, winding), go(undisturbed, 5, winding)))


@pytest.mark.parametrize("optimizer", BOTH)
def test_a_state_knows_the_picture_before_the_last_step(optimizer):
    descent, again = begin(optimizer, levels=3), begin(optimizer, picture=GOAL, levels=3)
    pictures = go(descent, 4)
    again.load_state_dict(copy.deepcopy(descent.state_dict()))
    again.undo()
    assert torch.equal(again.picture, pictures[3])


def test_a_state_of_another_picture_is_refused():
    other = begin(picture=LARGE)
    go(other, 1, torch.mean)
    with pytest.raises(RuntimeError, match="size of tensor"):
        begin().load_state_dict(other.state_dict())
    with pytest.raises(ValueError, match=r"argument 2 is (longer|shorter)"):
        begin(levels=3).load_state_dict(begin().state_dict())


def test_a_state_is_made_of_values_that_a_file_can_hold():
    def kinds(value):
        if isinstance(value, dict):
            return set().union(*(kinds(item) for item in value.values()), *(kinds(key) for key in value))
        if isinstance(value, list):
            return set().union(*map(kinds, value))
        return {type(value)}

    for optimizer in BOTH:
        descent = begin(optimizer, levels=2)
        go(descent, 3)
        found = kinds(descent.state_dict())
        assert found <= {torch.Tensor, int, float, str, type(None)}
        assert torch.Tensor in found


def test_the_bands_of_a_state_are_those_of_the_picture():
    for band, expected in zip(begin(levels=3).state_dict()["bands"], decompose(START, 3), strict=True):
        assert torch.equal(band, expected)
        assert not band.requires_grad
