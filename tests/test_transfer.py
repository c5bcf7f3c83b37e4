"""The loop: steps, live weights, starts, averaging, failures, coarse to fine, jobs. The optimisers: test_descent.py."""

import math
import random
from dataclasses import replace

import pytest
import torch
from helpers import pixels
from PIL import Image

import styletools as st
from styletools import gradients as gradients_module
from styletools import recipes
from styletools.descent import Descent
from styletools.images import MEAN, STD
from styletools.recipes import FIRST_OF_EACH_BLOCK
from styletools.transfer import SEARCH_EVERY, cover, is_grey


@pytest.fixture
def start(vgg, plain_pair):
    """start(**options): a transfer of the small pair on that network."""
    return lambda **options: st.StyleTransfer(*plain_pair, vgg, **options)


@pytest.fixture
def wide():
    """A content picture twice as wide as high, left half dark and right half light."""
    picture = Image.new("RGB", (120, 60), (40, 60, 90))
    picture.paste((220, 200, 160), (60, 0, 120, 60))
    return picture


def paint(transfer):
    return list(transfer)


def remembered(transfer):
    """How many steps the optimiser remembers: since it began, or began anew."""
    state = transfer._descent.state_dict()["memory"][0]
    return int(state.get("step", state.get("n_iter", 0)))


def in_box(tensor):
    unit = tensor * STD + MEAN
    return bool((unit >= -1e-6).all() and (unit <= 1 + 1e-6).all())


class Interrupting(torch.nn.Module):
    """A network that raises an error at its n-th call."""

    def __init__(self, vgg, at_call, error=KeyboardInterrupt):
        super().__init__()
        self.vgg, self.at_call, self.error, self.calls = vgg, at_call, error, 0
        self.device, self.options = vgg.device, vgg.options

    def forward(self, image, layers):
        self.calls += 1
        if self.calls == self.at_call:
            raise self.error
        return self.vgg(image, layers)


# --- iterating -----------------------------------------------------------------------------------------------------


def test_iterating_yields_the_steps_1_to_n(start):
    transfer = start(steps=5)
    steps = paint(transfer)
    assert [step.index for step in steps] == [1, 2, 3, 4, 5]
    assert steps == transfer.history
    assert all(isinstance(step, st.Step) for step in steps)


def test_a_second_loop_goes_on_where_the_first_was_left(start):
    whole, broken = start(steps=6), start(steps=6)
    for step in broken:
        if step.index == 2:
            break
    assert [step.index for step in broken] == [3, 4, 5, 6]
    assert [step.index for step in broken] == []
    assert broken.history == paint(whole)
    torch.testing.assert_close(broken.tensor, whole.tensor, rtol=0, atol=0)


def test_no_steps_leave_the_start(start, plain_pair):
    transfer = start(steps=0)
    assert paint(transfer) == []
    torch.testing.assert_close(transfer.tensor, plain_pair[0], rtol=0, atol=1e-6)


def test_step_may_be_called_by_hand_beyond_the_end(start):
    transfer = start(steps=1)
    paint(transfer)
    assert transfer.step().index == 2


@pytest.mark.parametrize("recipe", list(st.RECIPES))
def test_the_loss_falls_with_every_recipe(start, recipe):
    history = paint(start(recipe=recipe, steps=25))
    part = 0.9 if recipe == "nearest" else 0.8  # of two pictures, some pieces are never alike
    assert history[-1].total < part * history[0].total
    assert all(math.isfinite(step.total) for step in history)


def test_a_step_reports_the_losses_of_the_picture_it_started_from(start, vgg):
    transfer = start(alpha=2.0, beta=7.0, tv=0.5, init="noise")
    picture = transfer.tensor
    step = transfer.step()
    terms = transfer.recipe.terms(vgg, picture, transfer.targets)
    assert [step.content, step.style, step.tv] == pytest.approx([float(term) for term in terms], rel=1e-6)
    assert step.total == pytest.approx(2.0 * step.content + 7.0 * step.style + 0.5 * step.tv, rel=1e-6)
    assert (step.alpha, step.beta, step.tv_weight) == (2.0, 7.0, 0.5)


def test_the_two_given_tensors_are_left_alone(vgg, plain_pair):
    content, style = (picture.clone() for picture in plain_pair)
    paint(st.StyleTransfer(content, style, vgg, steps=2))
    assert torch.equal(content, plain_pair[0])
    assert torch.equal(style, plain_pair[1])
    assert content.grad is None


# --- weights may change while it paints ------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_changed_weight_counts_from_the_next_step(start, optimizer):
    transfer = start(steps=6, optimizer=optimizer, beta=10.0)
    seen = []
    for step in transfer:
        seen.append(step.beta)
        if step.index == 3:
            transfer.alpha, transfer.beta, transfer.tv = 0.5, 250.0, 0.25
    assert seen == [10.0] * 3 + [250.0] * 3
    last = transfer.history[-1]
    assert (last.alpha, last.tv_weight) == (0.5, 0.25)
    assert last.total == pytest.approx(0.5 * last.content + 250 * last.style + 0.25 * last.tv, rel=1e-5)


def test_more_style_weight_ends_with_less_style_loss(start):
    weak, strong = (paint(start(steps=15, beta=beta))[-1] for beta in (0.1, 1000.0))
    assert strong.style < weak.style
    assert strong.content > weak.content


def test_a_changed_layer_weight_counts_from_the_next_step(start):
    transfer = start(recipe="balanced")
    first = transfer.step()
    for layer in FIRST_OF_EACH_BLOCK:
        transfer.style_layers[layer] = 0.0
    assert first.style > 0
    assert transfer.step().style == 0
    assert all(st.RECIPES["balanced"].style_layers.values()), "the recipe itself must not change"


def test_a_layer_may_be_left_out(start):
    transfer = start()
    del transfer.style_layers["relu5_1"]
    assert 0 < transfer.step().style < start().step().style


def style_of(transfer):
    """The style loss of the next step, computed anew with a recipe that has the layers of now and no others."""
    recipe = replace(transfer.recipe, style_layers=dict(transfer.style_layers))
    targets = recipe.targets(transfer.vgg, transfer.content, transfer.style)
    nearest = {} if len(transfer.history) % SEARCH_EVERY == 0 else dict(transfer._nearest)
    return float(recipe.terms(transfer.vgg, pixels(transfer), targets, nearest=nearest).style)


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("recipe", ["balanced", "neighbours", "article"])
def test_style_layers_may_come_and_go_at_any_time(start, recipe, optimizer):
    """Deleted, added, though the recipe has no such layer, in another order, none at all, and all back again."""
    transfer = start(recipe=recipe, optimizer=optimizer, learning_rate=0.02)
    own = dict(transfer.style_layers)
    first, second, *_, last = own

    def delete():
        del transfer.style_layers[last]

    def add():
        transfer.style_layers["conv3_2"] = 0.5

    def reverse():
        transfer.style_layers = dict(reversed(transfer.style_layers.items()))

    def swap():
        transfer.style_layers[first], transfer.style_layers[second] = 0.7, 0.1

    def replace_all():
        transfer.style_layers = {"relu2_2": 1.0, "conv1_2": 0.3}

    def back():
        transfer.style_layers = dict(own)

    losses = []
    for change in (lambda: None, delete, add, reverse, swap, lambda: transfer.style_layers.clear(), replace_all, back, delete):
        change()
        expected = style_of(transfer)
        step = transfer.step()
        losses.append(step.style)
        assert step.style == pytest.approx(expected, rel=1e-5, abs=1e-9)
        total = step.alpha * step.content + step.beta * step.style + step.tv_weight * step.tv
        assert step.total == pytest.approx(total, rel=1e-5)
    assert torch.isfinite(transfer.tensor).all()
    if recipe != "neighbours":
        assert losses[5] == 0
    assert st.RECIPES[recipe].style_layers == own, "the recipe itself must not change"


def test_without_any_style_layer_the_content_comes_back(start):
    transfer = start(recipe="balanced", steps=60)
    for step in transfer:
        if step.index == 20:
            transfer.style_layers = {}
    assert transfer.history[-1].content < 0.3 * transfer.history[20].content
    assert transfer.history[-1].style == 0


def test_a_layer_from_the_start_that_the_recipe_does_not_have(start):
    transfer = start(recipe="balanced", style_layers={"conv2_2": 1.0})
    assert list(transfer.targets.style) == ["conv2_2"]
    expected = style_of(transfer)
    assert transfer.step().style == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_the_order_of_layers_changes_nothing(start, optimizer):
    """Not the last bit either, so a run in which it changed is repeated without knowing of it."""
    plain, shuffled = (start(recipe="balanced", optimizer=optimizer, steps=6) for _ in range(2))
    paint(plain)
    for _ in shuffled:
        shuffled.style_layers = dict(reversed(shuffled.style_layers.items()))
    assert shuffled.history == plain.history
    assert torch.equal(shuffled.tensor, plain.tensor)
    assert len(shuffled.moves) == 1


@pytest.mark.parametrize("layer", ["relu9_1", "relu5_3", "alpha"])
def test_a_layer_that_the_network_does_not_have_is_named(start, layer):
    transfer = start()
    transfer.step()
    picture = transfer.tensor
    transfer.style_layers[layer] = 1.0
    with pytest.raises(st.SettingsError, match=rf"unknown layer '{layer}'.*; choose from conv1_1, .*, relu5_1\."):
        transfer.step()
    assert torch.equal(transfer.tensor, picture)
    del transfer.style_layers[layer]
    assert transfer.step().index == 2


def test_all_weights_at_once(start):
    transfer = start(recipe="balanced", alpha=3.0)
    assert transfer.weights == st.Weights(3.0, 20.0, 2.0, dict(st.RECIPES["balanced"].style_layers))
    transfer.weights = weights = st.Weights(0.5, 7.0, 0.25, {"relu1_2": 2.0})
    assert (transfer.alpha, transfer.beta, transfer.tv, transfer.style_layers) == (0.5, 7.0, 0.25, {"relu1_2": 2.0})
    transfer.style_layers["relu1_2"] = 4.0
    assert (weights.style_layers, transfer.weights.style_layers) == ({"relu1_2": 2.0}, {"relu1_2": 4.0}), "a copy each way"
    step = transfer.step()
    assert (step.alpha, step.beta, step.tv_weight) == (0.5, 7.0, 0.25)


# --- who pulls ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [1, 3])
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("recipe", ["balanced", "neighbours", "article"])
def test_a_measured_step_is_the_same_to_the_last_bit(start, recipe, optimizer, levels):
    recipe = replace(st.RECIPES[recipe], levels=levels)
    plain, measured = (
        start(recipe=recipe, optimizer=optimizer, learning_rate=0.02, init="noise", averaging=0.5) for _ in range(2)
    )
    for number in range(8):
        if number == 4:
            plain.beta = measured.beta = 3.0
        assert measured.step(measure=number % 3 != 1) == plain.step()
        assert torch.equal(pixels(measured), pixels(plain))
        assert torch.equal(measured.tensor, plain.tensor)
    assert plain.pulls is None


@pytest.mark.parametrize("levels", [1, 3])
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_pulls_are_the_weighted_gradients_at_the_picture_the_step_began_with(start, optimizer, levels):
    recipe = replace(st.RECIPES["neighbours"], levels=levels)
    transfer = start(recipe=recipe, optimizer=optimizer, learning_rate=0.02, init="noise", alpha=3.0, beta=0.5, tv=0.25)
    for _ in range(5):
        transfer.step()
    picture = pixels(transfer)
    transfer.step(measure=True)
    pulls, weights = transfer.pulls, (3.0, 0.5, 0.25)
    assert (pulls.step, pulls.weights) == (5, transfer.weights)
    gradients = gradients_module.term_gradients(recipe, transfer.vgg, picture, transfer.targets)
    for weight, found, expected in zip(weights, pulls.gradients, gradients, strict=True):
        assert not found.requires_grad
        torch.testing.assert_close(found, weight * expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    norms = st.gradient_norms(recipe, transfer.vgg, picture, transfer.targets)
    assert pulls.norms == pytest.approx([weight * norm for weight, norm in zip(weights, norms, strict=True)], rel=1e-4)


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_muted_term_does_not_pull_at_all(start, optimizer):
    transfer = start(optimizer=optimizer, learning_rate=0.02, init="noise")
    for name, place in (("alpha", 0), ("beta", 1), ("tv", 2)):
        value = getattr(transfer, name)
        setattr(transfer, name, 0.0)
        transfer.step(measure=True)
        setattr(transfer, name, value)
        assert [norm == 0 for norm in transfer.pulls.norms] == [place == 0, place == 1, place == 2]
        assert transfer.pulls.gradients[place].shape == pixels(transfer).shape


def test_without_layers_the_style_does_not_pull(start):
    transfer = start(recipe="balanced", init="noise", style_layers={})
    transfer.step(measure=True)
    content, style, tv = transfer.pulls.norms
    assert (content > 0, style, tv > 0) == (True, 0.0, True)


def test_measuring_without_a_step_moves_nothing(start):
    transfer, plain = start(init="noise"), start(init="noise")
    weights = replace(transfer.weights, beta=3.0, style_layers={"relu3_3": 1.0})
    for number in range(7):
        pulls = transfer.measure(weights)
        assert (pulls.step, pulls.weights) == (number, weights)
        assert transfer.measure().weights == transfer.weights
        assert transfer.step() == plain.step()
    assert torch.equal(transfer.tensor, plain.tensor)
    assert (transfer.pulls, transfer.moves) == (None, plain.moves)


def test_a_step_that_diverges_is_not_measured(start):
    transfer = start()
    transfer.step(measure=True)
    before = transfer.pulls
    transfer.beta = 1e39
    with pytest.raises(st.DivergedError):
        transfer.step(measure=True)
    assert transfer.pulls is before


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("recipe", ["balanced", "neighbours"])
def test_going_back_to_a_checkpoint(start, recipe, optimizer):
    """In the same transfer and in another one, whatever was painted in between."""
    transfer = start(recipe=recipe, optimizer=optimizer, learning_rate=0.02, averaging=0.5)
    for number in range(7):
        transfer.beta = 3.0 + number // 4
        transfer.step()
    checkpoint, there = transfer.checkpoint(), pixels(transfer)

    def go_on(one):
        one.weights = replace(one.weights, beta=0.5, style_layers={"relu2_2": 1.0})
        return [one.step() for _ in range(4)], one.moves, pixels(one), one.tensor

    steps, moves, picture, shown = go_on(transfer)
    for other in (transfer, start(recipe=recipe, optimizer=optimizer, learning_rate=0.02, averaging=0.5)):
        other.go_back(checkpoint)
        assert (len(other.history), [first for first, _ in other.moves], other.pulls) == (7, [1, 5], None)
        assert torch.equal(pixels(other), there)
        other.beta = 4.0
        assert [torch.equal(one, two) for one, two in zip(go_on(other)[2:], (picture, shown), strict=True)] == [True, True]
        assert (other.history[7:], other.moves) == (steps, moves)


# --- what is known of them --------------------------------------------------------------------------------------------


def test_moves_tell_which_weights_counted_from_which_step(start):
    transfer = start(recipe="balanced", steps=6)
    own = transfer.weights
    assert transfer.moves == ()
    for step in transfer:
        if step.index in (2, 4):
            transfer.beta = {2: 7.0, 4: own.beta}[step.index]
        if step.index == 3:  # and back before anybody looked
            transfer.alpha = 9.0
            transfer.alpha = own.alpha
        if step.index == 5:
            del transfer.style_layers["relu1_1"]
    few = {name: weight for name, weight in own.style_layers.items() if name != "relu1_1"}
    assert transfer.moves == ((1, own), (3, replace(own, beta=7.0)), (5, own), (6, replace(own, style_layers=few)))
    transfer.beta = 1.0
    assert len(transfer.moves) == 4, "nothing was painted with it yet"


def test_moves_are_not_changed_afterwards(start):
    transfer = start(recipe="balanced")
    transfer.step()
    transfer.style_layers["relu1_1"] = 5.0
    transfer.step()
    assert [weights.style_layers["relu1_1"] for _, weights in transfer.moves] == [0.2, 5.0]


def test_the_job_tells_all_that_was_asked_for(start, vgg, plain_pair):
    transfer = start(recipe="modules", steps=9, alpha=2.0, optimizer="adam", init="noise", averaging=0.5, seed=4, size=48)
    for _ in range(3):
        transfer.step()
    transfer.tv = 0.5
    job = transfer.job
    assert (job.content is plain_pair[0], job.style is plain_pair[1]) == (True, True)
    assert (job.size, job.steps, job.init, job.averaging, job.seed, job.done) == (48, 9, "noise", 0.5, 4, 3)
    assert (job.recipe, job.optimizer, job.learning_rate) == (st.RECIPES["modules"], "adam", 0.09)
    assert (job.network, job.coarse_to_fine) == (vgg.options, False)
    assert job.moves == ((1, replace(job.weights, tv=0.0)),)
    assert (job.weights.alpha, job.weights.tv) == (2.0, 0.5)


def test_the_job_tells_the_precision_that_was_chosen(asked, tiny_vgg, plain_pair):
    transfer = st.StyleTransfer(*plain_pair)
    assert asked[0]["dtype"] is None
    assert transfer.job.network == tiny_vgg.options
    assert transfer.job.network["dtype"] == "float32"


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_transfer_of_a_job(vgg, plain_pair, optimizer):
    layers = {"relu1_2": 0.5, "relu4_1": 0.25}
    job = st.Job(
        *plain_pair, 48, 6, "balanced", vgg.options, st.Weights(2.0, 30.0, 0.5, layers), "blank", optimizer, 0.05, 0.5, 3, False
    )
    transfer = st.StyleTransfer.of(job, vgg)
    by_hand = st.StyleTransfer(
        *plain_pair, vgg, "balanced", size=48, steps=6, alpha=2.0, beta=30.0, tv=0.5, style_layers=layers, optimizer=optimizer,
        learning_rate=0.05, init="blank", averaging=0.5, seed=3,
    )  # fmt: skip
    assert paint(transfer) == paint(by_hand)
    assert torch.equal(transfer.tensor, by_hand.tensor)
    assert transfer.job.settings() == by_hand.job.settings()


# --- what the optimisers forget when weights change -------------------------------------------------------------------


def put(transfer, name, value):
    """Set a weight by its name: alpha, beta, tv or that of a layer."""
    if name in st.LAYERS:
        transfer.style_layers[name] = value
    else:
        setattr(transfer, name, value)


def remembered_after(transfer, name, values, steps=1):
    """Set the weight to each value in turn, make so many steps after each, and tell how many steps are remembered then."""
    found = []
    for value in values:
        put(transfer, name, value)
        for _ in range(steps):
            transfer.step()
        found.append(remembered(transfer))
    return found


@pytest.fixture
def steady(start):
    """steady(**options): a transfer in which each of the four weights is 3, after four steps."""

    def make(recipe="balanced", **options):
        layers = {**st.RECIPES["balanced"].style_layers, "relu2_1": 3.0}
        transfer = start(recipe=recipe, alpha=3.0, beta=3.0, tv=3.0, style_layers=layers, learning_rate=0.02, **options)
        for _ in range(4):
            transfer.step()
        return transfer

    return make


WEIGHTS = ("alpha", "beta", "tv", "relu2_1")


@pytest.mark.parametrize("name", WEIGHTS)
def test_adam_begins_anew_when_a_weight_falls_by_more_than_a_factor_of_three(steady, name):
    assert remembered_after(steady(), name, [0.99]) == [1]
    assert remembered_after(steady("neighbours"), name, [0.0]) == [1]


@pytest.mark.parametrize("name", WEIGHTS)
def test_adam_goes_on_when_a_weight_rises_or_falls_a_little(steady, name):
    assert remembered_after(steady(), name, [1.01, 3.0, 2.0, 300.0, 101.0]) == [5, 6, 7, 8, 9]


@pytest.mark.parametrize("name", ["beta", "relu2_1"])
def test_adam_begins_anew_in_the_middle_of_a_drag(steady, name):
    """A hand that pulls a slider down in small moves: 3 x 0.9^10 is a third and a little; again as far from there."""
    transfer = steady()
    counts = remembered_after(transfer, name, [3 * 0.9**k for k in range(1, 25)])
    assert counts == [*range(5, 15), *range(1, 12), 1, 2, 3]


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_fall_is_measured_from_the_highest_that_adam_remembers(steady, name):
    """After a new beginning what was before it does not count any more."""
    assert remembered_after(steady(), name, [30.0, 11.0, 9.0, 4.0, 2.0]) == [5, 6, 1, 2, 1]


def test_a_deleted_layer_has_fallen_and_a_new_one_has_risen(steady):
    transfer = steady()
    transfer.style_layers["relu3_2"] = 100.0
    transfer.step()
    assert remembered(transfer) == 5
    del transfer.style_layers["relu3_2"]
    transfer.step()
    assert remembered(transfer) == 1
    transfer.step()
    transfer.style_layers = {}
    transfer.step()
    assert remembered(transfer) == 1
    transfer.style_layers = {"relu1_1": 0.1}
    transfer.step()
    assert remembered(transfer) == 2


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize("value", [2.999, 300.0])
def test_lbfgs_begins_anew_when_any_weight_changes(steady, name, value):
    transfer = steady(optimizer="lbfgs")
    assert remembered_after(transfer, name, [3.0, value, value]) == [5, 1, 2]


def test_lbfgs_begins_anew_when_a_layer_comes_or_goes(steady):
    transfer = steady(optimizer="lbfgs")
    transfer.style_layers["relu3_2"] = 0.1
    transfer.step()
    assert remembered(transfer) == 1
    transfer.step()
    del transfer.style_layers["relu3_2"]
    transfer.step()
    assert remembered(transfer) == 1


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_weights_that_are_set_before_the_first_step_are_no_change(start, optimizer, monkeypatch):
    transfer, twin = start(optimizer=optimizer, steps=3), start(optimizer=optimizer, steps=3, beta=1e-3, tv=50.0)
    monkeypatch.setattr(Descent, "restart", lambda descent: pytest.fail("nothing was learned yet"))
    transfer.beta, transfer.tv = 1e-3, 50.0
    assert paint(transfer) == paint(twin)
    assert len(transfer.moves) == 1


@pytest.mark.parametrize("recipe", ["balanced", "neighbours"])
def test_a_fall_between_two_scales_counts_too(tiny_vgg, photograph, recipe):
    """What Adam inherits from the smaller picture it learned under the weights of that time."""
    seen = []

    def fall(transfer, step):
        seen.append(remembered(transfer))
        if len(seen) == 4:
            transfer.beta = 0.1

    st.stylize(photograph, "great_wave", 130, tiny_vgg, recipe, beta=500.0, steps=4, on_step=fall)
    assert seen == [1, 2, 3, 4, 1, 2, 3]


def test_only_what_was_inherited_counts_at_the_next_scale(tiny_vgg, photograph):
    """Bands begin anew there, and with them the highest weight."""
    seen = []

    def fall(transfer, step):
        seen.append(remembered(transfer))
        transfer.beta = 200.0 if len(seen) == 4 else 120.0 if len(seen) == 5 else transfer.beta

    st.stylize(photograph, "great_wave", 130, tiny_vgg, "neighbours", beta=500.0, steps=4, on_step=fall)
    assert seen == [1, 2, 3, 4, 1, 2, 3]


def test_after_beta_went_down_a_picture_finds_its_new_place_soon(vgg, plain_pair):
    """Told nothing, Adam divides by the size of the old gradients and creeps for hundreds of steps."""
    losses, small = {}, [picture[:, :, :20, 12:40] for picture in plain_pair]
    for told in (True, False):
        transfer = st.StyleTransfer(*small, vgg, "balanced", alpha=1.0, beta=500.0, tv=2.0, steps=20)
        paint(transfer)
        if not told:
            transfer._descent.restart = lambda: None
        transfer.beta = 3.0
        losses[told] = [transfer.step().total for _ in range(40)]
    assert losses[True][0] == losses[False][0]
    assert losses[True][-1] < 0.5 * losses[False][-1]


def test_everything_muted_and_back_paints_on(start):
    transfer = start(recipe="balanced", steps=5)
    paint(transfer)
    transfer.alpha = transfer.beta = transfer.tv = 0.0
    transfer.step()
    still = transfer.tensor
    assert transfer.step().total == 0
    transfer.beta = 20.0
    transfer.step()
    assert torch.isfinite(transfer.tensor).all()
    assert not torch.equal(transfer.tensor, still)


# --- the optimisers --------------------------------------------------------------------------------------------------


def plain_loop(vgg, content, style, steps):
    """Dive into Deep Learning's loop in one piece: Adam, learning rate 0.3 x 0.8 every 5 steps, kept in the box."""
    low, high = (0 - MEAN) / STD, (1 - MEAN) / STD
    style_layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "conv5_1"]

    def gram(maps):
        positions = maps.flatten(2)[0].T  # summed in the same order, or Adam blows up the last bit
        return (positions.T @ positions)[None] / maps.numel()

    with torch.no_grad():
        target = vgg(content, ["relu4_4"])["relu4_4"]
        grams = {name: gram(maps) for name, maps in vgg(style, style_layers).items()}
    x = content.clone().requires_grad_()
    optimizer = torch.optim.Adam([x], lr=0.3)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 5, 0.8)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        maps = vgg(x, [*style_layers, "relu4_4"])
        content_term = (maps["relu4_4"] - target).square().mean()
        style_term = sum((gram(maps[name]) - grams[name]).square().mean() for name in style_layers)
        tv_term = 0.5 * ((x[:, :, 1:] - x[:, :, :-1]).abs().mean() + (x[:, :, :, 1:] - x[:, :, :, :-1]).abs().mean())
        loss = content_term + 1e4 * style_term + 10 * tv_term
        loss.backward()
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            x.copy_(x.maximum(low).minimum(high))
        losses.append(loss.item())
    return x.detach(), losses


def test_adam_does_what_a_plain_loop_does(tiny_vgg, plain_pair):
    expected, losses = plain_loop(tiny_vgg, *plain_pair, steps=12)
    transfer = st.StyleTransfer(*plain_pair, tiny_vgg, replace(st.RECIPES["d2l"], decay_every=5), steps=12)
    history = paint(transfer)
    assert [step.total for step in history] == pytest.approx(losses, rel=1e-6)
    torch.testing.assert_close(transfer.tensor, expected, rtol=0, atol=1e-6)


def test_the_learning_rate_decays_as_the_recipe_says(start):
    transfer = start(recipe=replace(st.RECIPES["d2l"], decay_every=2), steps=5)
    rates = []
    for _ in transfer:
        rates.append(transfer._descent.learning_rate)
    assert rates == pytest.approx([0.3, 0.3, 0.24, 0.24, 0.192])


@pytest.mark.parametrize("recipe", ["balanced", "neighbours"])
def test_adam_stays_in_the_box_of_existing_colours(start, recipe):
    transfer = start(recipe=recipe, steps=4, learning_rate=1.0)
    for _ in transfer:
        assert in_box(pixels(transfer))


def test_what_is_shown_is_in_the_box_also_with_lbfgs(start):
    transfer = start(recipe="modules", steps=6, init="noise")
    for _ in transfer:
        assert in_box(transfer.tensor)


def test_a_learning_rate_of_zero_is_taken_as_it_is(start, plain_pair):
    transfer = start(steps=2, learning_rate=0.0)
    paint(transfer)
    torch.testing.assert_close(transfer.tensor, plain_pair[0], rtol=0, atol=1e-6)


def test_the_optimisers_options_come_from_the_recipe(start):
    transfer = start(recipe=replace(st.RECIPES["d2l"], betas=(0.8, 0.95), levels=2), learning_rate=0.2)
    descent = transfer._descent
    assert (descent.optimizer, descent.betas, len(descent.state_dict()["bands"])) == ("adam", (0.8, 0.95), 2)
    assert transfer.job.learning_rate == 0.2


@pytest.mark.parametrize(("optimizer", "rate"), [("adam", 0.09), ("lbfgs", 1.0)])
@pytest.mark.parametrize("recipe", list(st.RECIPES))
def test_another_optimiser_than_the_recipes_gets_a_rate_of_its_own(start, recipe, optimizer, rate):
    transfer = start(recipe=recipe, optimizer=optimizer)
    own = st.RECIPES[recipe]
    assert transfer.job.learning_rate == (own.learning_rate if own.optimizer == optimizer else rate)


@pytest.mark.parametrize(("recipe", "optimizer"), [("modules", "adam"), ("gatys", "adam"), ("balanced", "lbfgs")])
def test_the_loss_falls_with_the_other_optimiser_too(start, recipe, optimizer):
    """The keyword alone: Adam with the rate of L-BFGS, 1, would throw the picture about."""
    history = paint(start(recipe=recipe, optimizer=optimizer, steps=15))
    assert history[-1].total < 0.8 * history[0].total
    assert max(step.total for step in history) < 1.5 * history[0].total


def test_lbfgs_does_not_decay(start):
    transfer = start(recipe=replace(st.RECIPES["d2l"], decay_every=1), optimizer="lbfgs", steps=3)
    for _ in transfer:
        assert transfer._descent.learning_rate == 1.0


# --- where it starts -------------------------------------------------------------------------------------------------


def test_start_from_the_content(start, plain_pair):
    torch.testing.assert_close(start(init="content").tensor, plain_pair[0], rtol=0, atol=1e-6)


def test_start_from_a_grey_canvas(start):
    assert start(init="blank").tensor.abs().max() == 0


def test_start_from_noise(start):
    noise = start(init="noise").tensor
    assert in_box(noise)
    assert noise.std() == pytest.approx(0.5, abs=0.05)
    assert abs(noise.mean()) < 0.05


def test_start_from_the_style_picture(start, plain_pair):
    torch.testing.assert_close(start(init="style").tensor, plain_pair[1], rtol=0, atol=1e-6)


def test_a_style_picture_of_another_shape_is_cropped_not_stretched(vgg, wide):
    style = Image.new("RGB", (60, 60), "white")
    style.paste("black", (20, 20, 40, 40))  # a square in the middle
    transfer = st.StyleTransfer(wide, style, vgg, size=96, init="style")
    dark = transfer.tensor.mean(dim=1)[0] < 0
    rows, columns = dark.any(dim=1).nonzero(), dark.any(dim=0).nonzero()
    height, width = rows.max() - rows.min() + 1, columns.max() - columns.min() + 1
    assert tuple(transfer.tensor.shape[-2:]) == (48, 96)
    assert abs(int(height) - int(width)) <= 2, "the square must stay a square"
    assert int(width) == pytest.approx(32, abs=2), "a third of the width that the style picture now covers"


@pytest.mark.parametrize("form", ["tensor", "PIL", "path"])
def test_start_from_a_picture_in_any_form(start, tmp_path, form):
    other = st.sample("chelsea").resize((48, 32))
    other.save(tmp_path / "other.png")
    source = {"tensor": st.preprocess(other), "PIL": other, "path": str(tmp_path / "other.png")}[form]
    transfer = start(size=48, init=source)
    assert transfer.job.start == "picture"
    torch.testing.assert_close(transfer.tensor, st.preprocess(other), rtol=0, atol=1e-5)


def test_a_start_is_never_the_tensor_itself(vgg, plain_pair):
    other = plain_pair[1].clone()
    paint(st.StyleTransfer(*plain_pair, vgg, init=other, steps=1))
    assert torch.equal(other, plain_pair[1])


def test_an_unknown_start_is_an_image_error(start):
    with pytest.raises(st.ImageError, match="there is no file nosie"):
        start(init="nosie")


def test_the_recipe_chooses_the_start_unless_told_otherwise(start, plain_pair):
    recipe = replace(st.RECIPES["balanced"], init="blank")
    assert start(recipe=recipe).tensor.abs().max() == 0
    torch.testing.assert_close(start(recipe=recipe, init="content").tensor, plain_pair[0], rtol=0, atol=1e-6)


def test_pictures_of_different_shapes(vgg, wide):
    transfer = st.StyleTransfer(wide, st.sample("composition_viii"), vgg, size=64, steps=3)
    paint(transfer)
    assert transfer.image.size == (64, 32)
    assert tuple(transfer.style.shape[-2:]) != tuple(transfer.content.shape[-2:])
    assert max(transfer.style.shape[-2:]) == 64


def test_pictures_may_be_paths(vgg, wide, tmp_path):
    wide.save(tmp_path / "wide.png")
    transfer = st.StyleTransfer(str(tmp_path / "wide.png"), (tmp_path / "wide.png").read_bytes(), vgg, size=64)
    assert torch.equal(transfer.content, transfer.style)


# --- chance ----------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_picture(start):
    one, two = (start(steps=4, init="noise", seed=5) for _ in range(2))
    assert paint(one) == paint(two)
    assert torch.equal(one.tensor, two.tensor)


def test_another_seed_gives_other_noise(start):
    assert not torch.equal(start(init="noise", seed=1).tensor, start(init="noise", seed=2).tensor)


def test_global_random_numbers_neither_matter_nor_change(start):
    torch.manual_seed(1)
    one = start(steps=2, init="noise")
    state = torch.get_rng_state()
    paint(one)
    start(steps=2, init="noise")
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    two = start(steps=2, init="noise")
    paint(two)
    assert torch.equal(one.tensor, two.tensor)


# --- averaging -------------------------------------------------------------------------------------------------------


def iterates(transfer):
    pictures = []
    for _ in transfer:
        pictures.append(pixels(transfer))
    return pictures


def test_without_averaging_the_latest_picture_is_shown(start):
    transfer = start(steps=3)
    pictures = iterates(transfer)
    torch.testing.assert_close(transfer.tensor, pictures[-1], rtol=0, atol=1e-6)


def test_averaging_is_a_plain_mean_at_first(start):
    transfer = start(steps=5, averaging=0.97)
    pictures = iterates(transfer)
    torch.testing.assert_close(transfer.tensor, torch.stack(pictures).mean(dim=0), rtol=0, atol=1e-5)


def test_averaging_is_exponential_later(start):
    d = 0.6  # n / (n + 1) reaches it after two steps
    transfer = start(steps=8, averaging=d)
    pictures = iterates(transfer)
    expected = (pictures[0] + pictures[1]) / 2
    for picture in pictures[2:]:
        expected = d * expected + (1 - d) * picture
    torch.testing.assert_close(transfer.tensor, expected, rtol=0, atol=1e-5)


def test_averaging_changes_what_is_shown_and_not_the_run(start):
    plain, averaged = start(steps=6), start(steps=6, averaging=0.9)
    assert paint(plain) == paint(averaged)
    assert not torch.equal(plain.tensor, averaged.tensor)


# --- the painter: neighbours, bands, grey pictures --------------------------------------------------------------------


@pytest.fixture
def searches(monkeypatch):
    """A list that grows with every search for nearest neighbours."""
    search, calls = recipes.nearest_neighbours, []
    monkeypatch.setattr(recipes, "nearest_neighbours", lambda *rows: calls.append(rows) or search(*rows))
    return calls


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_neighbours_are_searched_every_few_steps(start, searches, optimizer):
    transfer = start(optimizer=optimizer, steps=2 * SEARCH_EVERY + 2)
    layers, made = len(transfer.recipe.neighbour_layers), []
    for _ in transfer:
        made.append(len(searches))
    assert SEARCH_EVERY == 5
    assert made == [layers] * 5 + [2 * layers] * 5 + [3 * layers] * 2


def test_between_two_searches_the_loss_is_that_of_the_neighbours_found(start, vgg):
    transfer = start()
    transfer.step()
    found = dict(transfer._nearest)
    picture = transfer.tensor
    step = transfer.step()
    older = transfer.recipe.terms(vgg, picture, transfer.targets, nearest=found)
    newer = transfer.recipe.terms(vgg, picture, transfer.targets)
    assert step.style == pytest.approx(float(older.style), rel=1e-5)
    assert float(newer.style) < float(older.style) * (1 - 1e-4)


def test_recipes_without_neighbours_search_none(start, searches):
    paint(start(recipe="balanced", steps=2))
    assert searches == []


def test_the_optimiser_moves_as_many_bands_as_the_recipe_says(start):
    for recipe, sizes in (
        ("balanced", [(32, 48)]),
        ("neighbours", [(32, 48), (16, 24), (8, 12), (4, 6), (2, 3)]),
        (replace(st.RECIPES["d2l"], levels=2), [(32, 48), (16, 24)]),
    ):
        transfer = start(recipe=recipe, steps=1)
        assert [tuple(band.shape[-2:]) for band in transfer._descent.state_dict()["bands"]] == sizes


def grey_of(picture):
    return picture.convert("L").convert("RGB")


def has_no_colour(picture):
    red, green, blue = picture.split()
    return red.tobytes() == green.tobytes() == blue.tobytes()


@pytest.mark.parametrize("options", [{}, {"recipe": "modules"}, {"averaging": 0.5, "init": "noise"}, {"recipe": "d2l"}])
def test_grey_pictures_make_a_grey_painting(vgg, photograph, options):
    pictures = [grey_of(picture) for picture in (photograph, st.sample("composition_viii"))]
    transfer = st.StyleTransfer(*pictures, vgg, size=48, steps=5, **options)
    start = transfer.tensor
    for _ in transfer:
        assert is_grey(transfer.tensor)
        assert has_no_colour(transfer.image)
    assert float((transfer.tensor - start).abs().mean()) > 0.01
    assert in_box(transfer.tensor)


def test_a_grey_painting_has_no_colour_where_a_channel_is_about_to_be_rounded(vgg, photograph):
    """Half a grey level above a byte one channel goes up and another down, by the last bit of a float."""
    edges = ((torch.arange(255) + 0.5) / 255).expand(1, 3, 32, 255)
    assert not has_no_colour(st.postprocess((edges - MEAN) / STD))
    transfer = st.StyleTransfer(grey_of(photograph), grey_of(photograph), vgg, size=48)
    transfer._average = (edges - MEAN) / STD
    assert has_no_colour(transfer.image)


@pytest.mark.parametrize("coloured", [0, 1])
def test_colour_in_either_picture_allows_colour(vgg, photograph, coloured):
    pictures = [grey_of(photograph), grey_of(st.sample("composition_viii"))]
    pictures[coloured] = photograph
    transfer = st.StyleTransfer(*pictures, vgg, size=48, steps=3)
    paint(transfer)
    assert not has_no_colour(transfer.image)


def test_half_a_grey_level_is_the_most_that_counts_as_grey():
    grey = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(0)).expand(1, 3, 4, 4).clone()
    assert is_grey((grey - MEAN) / STD)
    for level, expected in ((0.4, True), (0.6, False)):
        grey[0, 2, 1, 1] = grey[0, 0, 1, 1] + level / 255
        assert is_grey((grey - MEAN) / STD) == expected


# --- when it goes wrong ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_a_weight_too_large_for_any_loss_is_told_and_the_picture_kept(start, optimizer, averaging):
    """Whose learning rate is not to blame."""
    transfer = start(optimizer=optimizer, steps=6, averaging=averaging)
    for step in transfer:
        if step.index == 3:
            break
    picture, beta = transfer.tensor, transfer.beta
    transfer.beta = 1e39
    with pytest.raises(st.DivergedError, match=r"step 4 .* weighted loss overflowed.*use smaller weights: only") as told:
        transfer.step()
    assert "rate" not in str(told.value)
    assert torch.equal(transfer.tensor, picture)
    assert len(transfer.history) == 3
    transfer.beta = beta
    assert [step.index for step in transfer] == [4, 5, 6]
    assert transfer.history[-1].total < transfer.history[0].total


class Gradient(torch.autograd.Function):
    """Lets features through, and a bad number into their gradient."""

    @staticmethod
    def forward(context, x, bad):
        context.bad = bad
        return x.clone()

    @staticmethod
    def backward(context, gradient):
        gradient = gradient.clone()
        gradient[0, 0, 0, 0] = context.bad
        return gradient, None


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("seed", range(12))
def test_a_bad_number_anywhere_stops_the_run_with_a_good_picture(make_vgg, plain_pair, optimizer, seed):
    """Not a number or infinity, in the features of a random layer or only in their gradient, also in the last step."""
    chance = random.Random(seed)
    at, layer, averaging = chance.choice([1, 3, 6]), chance.randrange(30), chance.choice([0.0, 0.9])
    bad, backwards = chance.choice([math.nan, math.inf, -math.inf]), chance.random() < 0.5
    vgg, calls = make_vgg(1), []

    def spoil(module, inputs, output):
        calls.append(None)
        if len(calls) != 2 + at:  # two for the targets
            return None
        if backwards:
            return Gradient.apply(output, bad)
        return torch.cat([output.flatten()[1:], output.new_full((1,), bad)]).view_as(output)

    vgg.features[layer].register_forward_hook(spoil)
    transfer = st.StyleTransfer(*plain_pair, vgg, optimizer=optimizer, steps=6, averaging=averaging)
    calls += [None] * (2 - len(calls))  # the content reads no deeper than relu4_2
    try:
        for _ in transfer:
            good = transfer.tensor
    except st.DivergedError as error:
        assert f"step {at} diverged" in str(error)
        assert "the last good picture is kept" in str(error)
        assert len(transfer.history) == at - 1
        if at == 1:
            good = plain_pair[0]
    else:  # a ReLU or a pooling had it for its own, and the picture is as good as ever
        assert len(transfer.history) == 6
        good = transfer.tensor
    assert transfer.tensor.isfinite().all()
    if backwards or len(transfer.history) == 6:
        torch.testing.assert_close(transfer.tensor, good, rtol=0, atol=1e-6)
    list(transfer)
    assert len(transfer.history) == 6
    assert transfer.tensor.isfinite().all()
    assert all(math.isfinite(step.total) for step in transfer.history)


@pytest.mark.parametrize("layer", ["relu1_1", "relu1_2"])
def test_the_weight_of_a_layer_that_is_no_number_is_named(start, layer):
    """Also of a layer that the recipe does not have."""
    transfer = start(recipe="balanced")
    transfer.step()
    picture = transfer.tensor
    transfer.style_layers[layer] = math.nan
    with pytest.raises(st.SettingsError, match=f"the weight of {layer} is nan; expected a number of at least 0"):
        transfer.step()
    assert torch.equal(transfer.tensor, picture)
    transfer.style_layers[layer] = 0.5
    assert transfer.step().index == 2
    assert [step for step, _ in transfer.moves] == [1, 2]


def test_lbfgs_with_a_huge_learning_rate_keeps_the_last_good_picture(start):
    transfer = start(recipe="modules", steps=40, learning_rate=1e30)
    with pytest.raises(st.DivergedError, match=r"loss overflowed; the last good picture is kept.*L-BFGS.*too long"):
        paint(transfer)
    assert torch.isfinite(pixels(transfer)).all()
    assert torch.isfinite(transfer.tensor).all()
    assert transfer.image.size == (48, 32)
    assert all(math.isfinite(step.total) for step in transfer.history)


@pytest.mark.parametrize("band", [0, -1])
def test_a_picture_that_is_no_number_any_more_is_replaced_by_the_last_good_one(start, band):
    transfer = start(steps=6, averaging=0.5)
    transfer.step()
    good = pixels(transfer)
    transfer.step()
    with torch.no_grad():
        transfer._descent.state_dict()["bands"][band][0, 0, 0, 0] = math.nan
        transfer._average[0, 0, 0, 0] = math.nan
    with pytest.raises(st.DivergedError, match=r"step 3 diverged: the content and style and tv loss.*smaller learning rate"):
        transfer.step()
    torch.testing.assert_close(transfer.tensor, good, rtol=0, atol=1e-6)
    assert [step.index for step in transfer] == [3, 4, 5, 6]
    assert torch.isfinite(transfer.tensor).all()


def test_it_may_diverge_at_the_very_first_step(start, plain_pair):
    with pytest.raises(st.DivergedError, match="step 1 diverged"):
        (transfer := start(alpha=1e39, init="style")).step()
    torch.testing.assert_close(transfer.tensor, plain_pair[1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("at", [4, 1 + SEARCH_EVERY])
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_an_interrupt_keeps_the_picture_and_the_run_goes_on(vgg, plain_pair, optimizer, at):
    interrupting = Interrupting(vgg, at_call=2 + at)  # two calls for the targets, then one a step
    transfer = st.StyleTransfer(*plain_pair, interrupting, optimizer=optimizer, steps=8)
    whole = st.StyleTransfer(*plain_pair, vgg, optimizer=optimizer, steps=8)
    with pytest.raises(KeyboardInterrupt):
        paint(transfer)
    assert [step.index for step in transfer.history] == list(range(1, at))
    assert transfer.image.size == (48, 32)
    assert torch.isfinite(transfer.tensor).all()
    assert [step.index for step in transfer] == list(range(at, 9))
    paint(whole)
    torch.testing.assert_close(transfer.tensor, whole.tensor, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "sgd"}, "optimizer is 'sgd'; expected 'adam' or 'lbfgs'"),
        ({"steps": -1}, "steps is -1"),
        ({"averaging": 1}, "averaging is 1; expected at least 0 and less than 1"),
        ({"averaging": -0.1}, "averaging is -0.1"),
        ({"recipe": "monet"}, "unknown recipe 'monet'; choose from d2l, article, gatys, walkthrough, modules, balanced, neigh"),
        ({"learning_rate": -1.0}, "learning rate"),
        ({"learning_rate": math.nan}, "learning rate"),
    ],
)
def test_settings_that_make_no_sense_are_refused(start, options, message):
    with pytest.raises(st.SettingsError, match=message):
        start(**options)


@pytest.mark.parametrize("size", [0, -5])
def test_an_impossible_size_is_refused(vgg, wide, size):
    with pytest.raises(st.ImageError, match="leaves no picture"):
        st.StyleTransfer(wide, wide, vgg, size=size)


def test_a_picture_too_small_for_the_network_is_refused(vgg, wide):
    with pytest.raises(ValueError, match="too small for relu"):
        st.StyleTransfer(wide, wide, vgg, size=20)


def test_a_recipe_of_ones_own(start, vgg, plain_pair):
    recipe = st.Recipe(
        source="a student",
        content_layers=("conv2_1", "relu3_3"),
        style_layers={"relu1_2": 0.25, "conv3_1": 2.0},
        content_reduction="half_sum",
        style_convention="paper",
        tv_convention="squared",
        alpha=1e-3,
        beta=5.0,
        tv=0.2,
        optimizer="adam",
        learning_rate=0.05,
        init="blank",
        betas=(0.8, 0.95),
    )
    transfer = start(recipe=recipe, steps=4)
    assert transfer.recipe is recipe
    first = transfer.step()
    maps = vgg(torch.zeros_like(plain_pair[0]), recipe.layers)
    targets = vgg(plain_pair[0], recipe.layers)
    expected = sum(float(((maps[name] - targets[name]) ** 2).sum()) / 2 for name in recipe.content_layers)
    assert first.content == pytest.approx(expected, rel=1e-5)
    assert (first.alpha, first.beta, first.tv_weight, first.tv) == (1e-3, 5.0, 0.2, 0.0)
    assert paint(transfer)[-1].total < first.total


@pytest.mark.parametrize(("height", "width"), [(40, 40), (20, 60), (60, 20), (30, 50), (7, 100)])
def test_cover_fills_the_shape_and_keeps_the_middle(height, width):
    image = torch.zeros(1, 3, 30, 50)
    image[:, :, 14:16, 24:26] = 1
    covered = cover(image, height, width)
    assert tuple(covered.shape) == (1, 3, height, width)
    assert covered.is_contiguous()
    y, x = divmod(int(covered[0, 0].argmax()), width)
    assert (y, x) == (pytest.approx(height / 2, abs=2.5), pytest.approx(width / 2, abs=2.5))


# --- several styles --------------------------------------------------------------------------------------------------------


def test_where_no_style_is_painted_the_photograph_stays(start, plain_pair):
    """Outside every mask to the last bit, also where a style of weight 0 keeps a place free; inside it is painted."""
    content, style = plain_pair
    width = content.shape[-1]
    left, right = (0, 0, 0.5, 1), (0.5, 0, 1, 1)
    for styles in (st.Style(style, where=left), [style, st.Style(style, weight=0, where=right)]):
        transfer = st.StyleTransfer(content, styles, start().vgg, "balanced", steps=4)
        paint(transfer)
        changed = (transfer.tensor - content).abs().amax((0, 1, 2))
        assert changed[width // 2 :].max() == 0
        assert changed[: width // 2].min() > 0


@pytest.mark.parametrize("colors", st.COLOR_MODES)
def test_the_photograph_stays_there_whatever_the_colours(colors):
    transfer = st.StyleTransfer("chelsea", st.Style("great_wave", where=(0, 0, 0.5, 1)), size=64, steps=3, colors=colors)
    list(transfer)
    changed = (st.preprocess(transfer.image) - st.preprocess("chelsea", 64)).abs().amax((0, 1, 2))
    one_level = 1.1 / 255 / STD.min()
    assert changed[32:].max() < one_level < changed[:32].max()


def test_a_mask_of_ones_is_no_mask(start, plain_pair):
    content, style = plain_pair
    for recipe in ("neighbours", "d2l", "wasserstein", "sliced", "mean_std", "nearest", "modules"):
        runs = [
            st.StyleTransfer(content, one, start().vgg, recipe, steps=2)
            for one in (style, st.Style(style, where=torch.ones(content.shape[-2:]), part=(0, 0, 1, 1)))
        ]
        assert paint(runs[0]) == paint(runs[1]), recipe
        assert torch.equal(runs[0].tensor, runs[1].tensor), recipe


@pytest.mark.parametrize("recipe", ["neighbours", "balanced", "mean_std", "wasserstein", "sliced", "nearest", "gatys"])
def test_the_same_style_twice_is_that_style(start, plain_pair, recipe):
    """Mixing a statistic with itself changes nothing but the last digits; neighbours are drawn from both copies."""
    content, style = plain_pair
    one, two = (st.StyleTransfer(content, s, start().vgg, recipe, steps=1).step() for s in (style, [style, st.Style(style, 3)]))
    assert two.style == pytest.approx(one.style, rel=1e-4)


@pytest.mark.parametrize("recipe", ["balanced", "mean_std", "wasserstein"])
def test_a_mixture_lies_between_its_styles(start, plain_pair, recipe):
    """Its distance from the content grows from one style's to the other's as the weights move."""
    _, style = plain_pair
    other = st.preprocess(st.sample("composition_viii"), tuple(style.shape[-2:]))
    losses = [
        st.StyleTransfer(other, [st.Style(style, 1 - part), st.Style(other, part)], start().vgg, recipe, steps=1).step().style
        for part in (0, 0.25, 0.5, 0.75, 1)
    ]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] == pytest.approx(0, abs=1e-5)
