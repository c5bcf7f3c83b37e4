"""The loop: steps, live weights, optimisers, starts, averaging, failures, coarse to fine."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
from PIL import Image

import styletools as st
from styletools.images import MEAN, STD
from styletools.recipes import FIRST_OF_EACH_BLOCK
from styletools.transfer import cover, resize


@pytest.fixture
def start(slim, plain_pair):
    """start(**options): a transfer of the small pair on the embedded network."""
    return lambda **options: st.StyleTransfer(*plain_pair, slim, **options)


@pytest.fixture
def wide():
    """A content picture twice as wide as high, left half dark and right half light."""
    picture = Image.new("RGB", (120, 60), (40, 60, 90))
    picture.paste((220, 200, 160), (60, 0, 120, 60))
    return picture


def paint(transfer):
    return list(transfer)


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
    assert history[-1].total < (0.99 if recipe == "adam" else 0.8) * history[0].total
    assert all(math.isfinite(step.total) for step in history)


def test_a_step_reports_the_losses_of_the_picture_it_started_from(start, slim):
    transfer = start(alpha=2.0, beta=7.0, tv=0.5, init="noise")
    picture = transfer.tensor
    step = transfer.step()
    terms = transfer.recipe.terms(slim, picture, transfer.targets)
    assert [step.content, step.style, step.tv] == pytest.approx([float(term) for term in terms], rel=1e-6)
    assert step.total == pytest.approx(2.0 * step.content + 7.0 * step.style + 0.5 * step.tv, rel=1e-6)
    assert (step.alpha, step.beta, step.tv_weight) == (2.0, 7.0, 0.5)


def test_the_two_given_tensors_are_left_alone(slim, plain_pair):
    content, style = (picture.clone() for picture in plain_pair)
    paint(st.StyleTransfer(content, style, slim, steps=2))
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
    transfer = start()
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


def test_a_changed_weight_begins_a_new_lbfgs_history(start):
    transfer = start(steps=8, optimizer="lbfgs")
    for step in transfer:
        if step.index == 4:
            before = transfer._optimizer
            transfer.beta = 3.0
    assert transfer._optimizer is not before
    assert transfer._optimizer.state[transfer._picture]["n_iter"] == 4


def test_an_unchanged_weight_keeps_the_lbfgs_history(start):
    transfer = start(steps=5, optimizer="lbfgs")
    for _ in transfer:
        transfer.beta = transfer.beta + 0.0
    assert transfer._optimizer.state[transfer._picture]["n_iter"] == 5


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
        rates.append(transfer._optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.3, 0.3, 0.24, 0.24, 0.192])


def test_adam_stays_in_the_box_of_existing_colours(start):
    transfer = start(steps=4, learning_rate=1.0)
    for _ in transfer:
        assert in_box(transfer._picture.detach())


def test_what_is_shown_is_in_the_box_also_with_lbfgs(start):
    transfer = start(recipe="modules", steps=6, init="noise")
    for _ in transfer:
        assert in_box(transfer.tensor)


def test_a_learning_rate_of_zero_is_taken_as_it_is(start, plain_pair):
    transfer = start(steps=2, learning_rate=0.0)
    paint(transfer)
    torch.testing.assert_close(transfer.tensor, plain_pair[0], rtol=0, atol=1e-6)


def test_lbfgs_gets_contiguous_gradients(start):
    transfer = start(recipe="modules", steps=2)
    for _ in transfer:
        assert transfer._picture.grad.is_contiguous()


@pytest.mark.parametrize("scale", [1e6, 1e-6, 1e-12])
def test_lbfgs_does_not_stand_still_when_losses_are_small_numbers(start, scale):
    """Multiplying all weights by one number changes no minimum, so it must not change the way there."""

    def run(factor):
        recipe = st.RECIPES["modules"]
        transfer = start(recipe=recipe, steps=8, alpha=factor * recipe.alpha, beta=factor * recipe.beta)
        pictures = []
        for _ in transfer:
            pictures.append(transfer._picture.detach().clone())
        return transfer.history, pictures

    history, pictures = run(scale)
    assert all(not torch.equal(a, b) for a, b in itertools.pairwise(pictures))
    reference, _ = run(1.0)
    assert history[-1].total < 0.6 * history[0].total
    assert [step.total / scale for step in history] == pytest.approx([step.total for step in reference], rel=0.02)


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


def test_a_style_picture_of_another_shape_is_cropped_not_stretched(slim, wide):
    style = Image.new("RGB", (60, 60), "white")
    style.paste("black", (20, 20, 40, 40))  # a square in the middle
    transfer = st.StyleTransfer(wide, style, slim, size=96, init="style")
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
    assert transfer.settings.init == "picture"
    torch.testing.assert_close(transfer.tensor, st.preprocess(other), rtol=0, atol=1e-5)


def test_a_start_is_never_the_tensor_itself(slim, plain_pair):
    other = plain_pair[1].clone()
    paint(st.StyleTransfer(*plain_pair, slim, init=other, steps=1))
    assert torch.equal(other, plain_pair[1])


def test_an_unknown_start_is_an_image_error(start):
    with pytest.raises(st.ImageError, match="there is no file nosie"):
        start(init="nosie")


def test_the_recipe_chooses_the_start_unless_told_otherwise(start, plain_pair):
    recipe = replace(st.RECIPES["balanced"], init="blank")
    assert start(recipe=recipe).tensor.abs().max() == 0
    torch.testing.assert_close(start(recipe=recipe, init="content").tensor, plain_pair[0], rtol=0, atol=1e-6)


def test_pictures_of_different_shapes(slim, wide):
    transfer = st.StyleTransfer(wide, st.sample("composition_viii"), slim, size=64, steps=3)
    paint(transfer)
    assert transfer.image.size == (64, 32)
    assert tuple(transfer.style.shape[-2:]) != tuple(transfer.content.shape[-2:])
    assert max(transfer.style.shape[-2:]) == 64


def test_pictures_may_be_paths(slim, wide, tmp_path):
    wide.save(tmp_path / "wide.png")
    transfer = st.StyleTransfer(str(tmp_path / "wide.png"), (tmp_path / "wide.png").read_bytes(), slim, size=64)
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
        pictures.append(transfer._picture.detach().clone())
    return pictures


def test_without_averaging_the_latest_picture_is_shown(start):
    transfer = start(steps=3)
    pictures = iterates(transfer)
    assert torch.equal(transfer.tensor, pictures[-1])


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


# --- when it goes wrong ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("averaging", [0.0, 0.9])
@pytest.mark.parametrize("weight", [math.inf, math.nan])
def test_a_weight_that_is_no_number_is_named_and_the_picture_kept(start, optimizer, averaging, weight):
    transfer = start(optimizer=optimizer, steps=6, averaging=averaging)
    for step in transfer:
        if step.index == 3:
            break
    picture, beta = transfer.tensor, transfer.beta
    transfer.beta = weight
    with pytest.raises(st.DivergedError, match=r"step 4 diverged: a weight is not a finite number.*set alpha, beta"):
        transfer.step()
    assert torch.equal(transfer.tensor, picture)
    assert len(transfer.history) == 3
    transfer.beta = beta
    assert [step.index for step in transfer] == [4, 5, 6]
    assert transfer.history[-1].total < transfer.history[0].total


def test_lbfgs_with_a_huge_learning_rate_keeps_the_last_good_picture(start):
    transfer = start(recipe="modules", steps=40, learning_rate=1e30)
    with pytest.raises(st.DivergedError, match=r"loss overflowed; the last good picture is kept.*L-BFGS.*too long"):
        paint(transfer)
    assert torch.isfinite(transfer._picture).all()
    assert torch.isfinite(transfer.tensor).all()
    assert transfer.image.size == (48, 32)
    assert all(math.isfinite(step.total) for step in transfer.history)


def test_a_picture_that_is_no_number_any_more_is_replaced_by_the_last_good_one(start):
    transfer = start(steps=6, averaging=0.5)
    transfer.step()
    good = transfer._picture.detach().clone()
    transfer.step()
    with torch.no_grad():
        transfer._picture[0, 0, 0, 0] = math.nan
        transfer._average[0, 0, 0, 0] = math.nan
    with pytest.raises(st.DivergedError, match=r"step 3 diverged: the content and style and tv loss.*smaller learning rate"):
        transfer.step()
    assert torch.equal(transfer.tensor, good)
    assert [step.index for step in transfer] == [3, 4, 5, 6]
    assert torch.isfinite(transfer.tensor).all()


def test_it_may_diverge_at_the_very_first_step(start, plain_pair):
    with pytest.raises(st.DivergedError, match="step 1 diverged"):
        (transfer := start(alpha=math.nan)).step()
    torch.testing.assert_close(transfer.tensor, plain_pair[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_an_interrupt_keeps_the_picture_and_the_run_goes_on(slim, plain_pair, optimizer):
    vgg = Interrupting(slim, at_call=2 + 4)  # two calls for the targets, then one a step
    transfer = st.StyleTransfer(*plain_pair, vgg, optimizer=optimizer, steps=6)
    whole = st.StyleTransfer(*plain_pair, slim, optimizer=optimizer, steps=6)
    with pytest.raises(KeyboardInterrupt):
        paint(transfer)
    assert [step.index for step in transfer.history] == [1, 2, 3]
    assert transfer.image.size == (48, 32)
    assert torch.isfinite(transfer.tensor).all()
    assert [step.index for step in transfer] == [4, 5, 6]
    paint(whole)
    torch.testing.assert_close(transfer.tensor, whole.tensor, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "sgd"}, "optimizer is 'sgd'; expected 'adam' or 'lbfgs'"),
        ({"steps": -1}, "steps is -1"),
        ({"averaging": 1}, "averaging is 1; expected at least 0 and less than 1"),
        ({"averaging": -0.1}, "averaging is -0.1"),
        ({"recipe": "monet"}, "unknown recipe 'monet'; choose from d2l, adam, gatys, modules, balanced"),
        ({"learning_rate": -1.0}, "learning rate"),
    ],
)
def test_settings_that_make_no_sense_are_refused(start, options, message):
    with pytest.raises(ValueError, match=message):
        start(**options)


@pytest.mark.parametrize("size", [0, -5])
def test_an_impossible_size_is_refused(slim, wide, size):
    with pytest.raises(st.ImageError, match="leaves no picture"):
        st.StyleTransfer(wide, wide, slim, size=size)


def test_a_picture_too_small_for_the_network_is_refused(slim, wide):
    with pytest.raises(ValueError, match="too small for relu"):
        st.StyleTransfer(wide, wide, slim, size=20)


def test_a_recipe_of_ones_own(start, slim, plain_pair):
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
    assert transfer._optimizer.param_groups[0]["betas"] == (0.8, 0.95)
    first = transfer.step()
    maps = slim(torch.zeros_like(plain_pair[0]), recipe.layers)
    targets = slim(plain_pair[0], recipe.layers)
    expected = sum(float(((maps[name] - targets[name]) ** 2).sum()) / 2 for name in recipe.content_layers)
    assert first.content == pytest.approx(expected, rel=1e-5)
    assert (first.alpha, first.beta, first.tv_weight, first.tv) == (1e-3, 5.0, 0.2, 0.0)
    assert paint(transfer)[-1].total < first.total


# --- pieces ----------------------------------------------------------------------------------------------------------


def test_the_schedule_of_the_default_size():
    assert st.schedule(512) == [(128, 120), (181, 85), (256, 60), (362, 48), (512, 48)]


@pytest.mark.parametrize("size", [64, 128, 160])
def test_a_small_picture_has_one_scale(size):
    assert st.schedule(size, 30) == [(size, 30)]


@pytest.mark.parametrize("size", [32, 129, 300, 1000, 4096])
def test_scales_are_a_square_root_of_two_apart_and_end_at_the_size(size):
    sizes, steps = zip(*st.schedule(size, 40), strict=True)
    assert sizes[-1] == size
    assert size <= 128 or 128 <= sizes[0] < 182
    assert all(b / a == pytest.approx(math.sqrt(2), abs=0.01) for a, b in itertools.pairwise(sizes))
    assert steps[0] == 40
    assert list(steps) == sorted(steps, reverse=True)
    assert steps[-1] >= 10, "no scale gets less than a quarter of the steps"


def test_every_scale_gets_a_step():
    assert [steps for _, steps in st.schedule(512, 1)] == [1] * 5


@pytest.mark.parametrize(("height", "width"), [(40, 40), (20, 60), (60, 20), (30, 50), (7, 100)])
def test_cover_fills_the_shape_and_keeps_the_middle(height, width):
    image = torch.zeros(1, 3, 30, 50)
    image[:, :, 14:16, 24:26] = 1
    covered = cover(image, height, width)
    assert tuple(covered.shape) == (1, 3, height, width)
    assert covered.is_contiguous()
    y, x = divmod(int(covered[0, 0].argmax()), width)
    assert (y, x) == (pytest.approx(height / 2, abs=2.5), pytest.approx(width / 2, abs=2.5))


def test_resize_to_the_same_size_is_a_copy():
    image = torch.rand(1, 3, 8, 9)
    copy = resize(image, (8, 9))
    assert torch.equal(copy, image)
    assert copy.data_ptr() != image.data_ptr()


# --- coarse to fine --------------------------------------------------------------------------------------------------


@pytest.fixture
def photograph():
    return st.sample("eilean_donan").resize((96, 64))


def test_stylize_paints_at_every_scale_and_returns_the_full_size(tiny_vgg, photograph):
    seen = []
    picture = st.stylize(
        photograph, st.sample("great_wave"), 182, tiny_vgg, steps=4,
        on_step=lambda transfer, step: seen.append((transfer.image.size, step.index)),
    )  # fmt: skip
    assert seen == [*(((129, 86), index) for index in (1, 2, 3, 4)), *(((182, 121), index) for index in (1, 2, 3))]
    assert picture.size == (182, 121)
    assert picture.mode == "RGB"


def test_stylize_on_a_portrait_makes_the_height_the_size(tiny_vgg, photograph):
    assert st.stylize(photograph.rotate(90, expand=True), photograph, 60, tiny_vgg, steps=1).size == (40, 60)


def test_a_finer_scale_inherits_adams_averages(tiny_vgg, photograph):
    counts, sizes, starts = [], [], {}

    def look(transfer, _):
        state = transfer._optimizer.state[transfer._picture]
        counts.append(int(state["step"]))
        sizes.append(tuple(state["exp_avg"].shape[-2:]) == tuple(transfer._picture.shape[-2:]))
        starts.setdefault(transfer.settings.size, transfer)

    st.stylize(photograph, photograph, 182, tiny_vgg, steps=4, on_step=look)
    assert counts == [1, 2, 3, 4, 5, 6, 7], "the step count goes on, so bias correction does not begin again"
    assert all(sizes)


def test_inherit_enlarges_the_averages(start, slim, plain_pair):
    coarse = start(steps=3)
    paint(coarse)
    large = [torch.nn.functional.interpolate(picture, scale_factor=1.5) for picture in plain_pair]
    fine = st.StyleTransfer(*large, slim)
    fine.inherit(coarse)
    ours, theirs = (t._optimizer.state[t._picture] for t in (fine, coarse))
    assert tuple(ours["exp_avg"].shape) == tuple(large[0].shape)
    assert float(ours["exp_avg_sq"].min()) >= 0
    share = plain_pair[0].numel() / large[0].numel()  # a mean over more pixels: each has a smaller gradient
    assert float(ours["exp_avg_sq"].mean()) == pytest.approx(float(theirs["exp_avg_sq"].mean()) * share**2, rel=0.1)
    fine.step()
    assert int(ours["step"]) == 4
    assert int(theirs["step"]) == 3, "the coarse run keeps its own state"


def test_inheriting_from_nothing_or_with_lbfgs_changes_nothing(start):
    for fresh, coarse in [(start(), start()), (start(optimizer="lbfgs"), start())]:
        fresh.inherit(coarse)
        assert not fresh._optimizer.state[fresh._picture]
        fresh.step()


def test_stylize_is_deterministic_and_leaves_global_chance_alone(tiny_vgg, photograph):
    state = torch.get_rng_state()
    one, two = (st.stylize(photograph, st.sample("great_wave"), 140, tiny_vgg, steps=2) for _ in range(2))
    assert one.tobytes() == two.tobytes()
    assert torch.equal(torch.get_rng_state(), state)


def test_stylize_passes_its_weights_and_recipe_on(tiny_vgg, photograph):
    seen = []
    st.stylize(
        photograph, photograph, 64, tiny_vgg, "gatys", steps=1, alpha=2.0, beta=3.0, tv=4.0, seed=9, averaging=0.5,
        on_step=lambda transfer, step: seen.append((transfer.recipe, step.alpha, step.beta, step.tv_weight, transfer.settings)),
    )  # fmt: skip
    ((recipe, *weights, settings),) = seen
    assert recipe is st.RECIPES["gatys"]
    assert weights == [2.0, 3.0, 4.0]
    assert (settings.seed, settings.averaging, settings.size) == (9, 0.5, 64)


def test_stylize_takes_paths(tiny_vgg, photograph, tmp_path):
    photograph.save(tmp_path / "photo.png")
    assert st.stylize(str(tmp_path / "photo.png"), tmp_path / "photo.png", 48, tiny_vgg, steps=1).size == (48, 32)


def test_coarse_to_fine_beats_the_full_size_alone(slim):
    """At 182 px with the embedded network, judged by the recipe's own loss after as many steps at that size."""
    content, style = st.sample("eilean_donan"), st.sample("great_wave")
    (_, coarse), (_, fine) = st.schedule(182, 8)
    seen = []
    st.stylize(content, style, 182, slim, steps=8, averaging=0.0, on_step=lambda transfer, step: seen.append(step))
    alone = paint(st.StyleTransfer(content, style, slim, size=182, steps=fine))
    assert len(seen) == coarse + fine
    assert seen[-1].total < 0.9 * alone[-1].total
    assert seen[coarse].total < seen[0].total, "the larger scale starts from what the smaller one has found"


# --- a weight that changes while Adam paints -----------------------------------------------------------------------------


def painted(vgg, steps=20, **weights):
    transfer = st.StyleTransfer(st.sample("chelsea"), st.sample("great_wave"), vgg, size=48, steps=steps, **weights)
    for _ in transfer:
        pass
    return transfer


def adams_estimates(transfer):
    """m and v as Adam's step uses them, without the bias of a young average."""
    state, (b1, b2) = transfer._optimizer.state[transfer._picture], transfer.recipe.betas
    t = float(state["step"])
    return state["exp_avg"] / (1 - b1**t), state["exp_avg_sq"] / (1 - b2**t)


@pytest.mark.parametrize(("beta", "new"), [(500.0, 3.0), (3.0, 500.0), (20.0, 0.0)])
def test_adams_averages_follow_a_changed_weight(beta, new):
    transfer = painted(st.load_vgg(), beta=beta)
    m, v = adams_estimates(transfer)
    norms = st.gradient_norms("balanced", transfer.vgg, transfer._picture, transfer.targets)
    r = (norms[0] + new * norms[1] + 2 * norms[2]) / (norms[0] + beta * norms[1] + 2 * norms[2])
    transfer.beta = new
    transfer._follow_weights()
    new_m, new_v = adams_estimates(transfer)
    torch.testing.assert_close(new_m, r * m, rtol=1e-4, atol=0)
    torch.testing.assert_close(new_v, r**2 * v, rtol=1e-4, atol=0)


def test_a_picture_turns_soon_after_beta_went_down():
    """Told nothing, Adam divides by the size of the old gradients and hardly moves for a hundred steps."""
    moved = {}
    for told in (True, False):
        transfer = painted(st.load_vgg(), steps=40, beta=500.0)
        before = transfer.tensor
        transfer.beta = 3.0
        if not told:
            transfer._follow_weights = lambda: None
        for _ in range(20):
            transfer.step()
        moved[told] = float((transfer.tensor - before).abs().mean())
    assert moved[True] > 1.5 * moved[False]


def test_layer_weights_are_followed_too():
    transfer = painted(st.load_vgg())
    _, v = adams_estimates(transfer)
    transfer.style_layers = {name: 100 * weight for name, weight in transfer.style_layers.items()}
    transfer._follow_weights()
    assert float(adams_estimates(transfer)[1].sum() / v.sum()) > 10


def test_a_change_just_before_saving_goes_on_bit_for_bit(tmp_path):
    transfer = painted(st.load_vgg())
    transfer.beta = 300.0
    transfer.step()
    transfer.save(tmp_path / "run.safetensors")
    again = st.StyleTransfer.load(tmp_path / "run.safetensors", steps=40)
    for one in (transfer, again):
        one.beta = 5.0
        one.step()
        one.step()
    assert torch.equal(transfer.tensor, again.tensor)


def test_everything_muted_and_back_paints_on():
    transfer = painted(st.load_vgg())
    transfer.alpha = transfer.beta = transfer.tv = 0.0
    transfer.step()
    still = transfer.tensor
    transfer.beta = 20.0
    transfer.step()
    transfer.step()
    assert torch.isfinite(transfer.tensor).all() and not torch.equal(transfer.tensor, still)
