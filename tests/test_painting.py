"""Coarse to fine: scales, what one hands to the next, strength, pictures of unusual shape, jobs painted again."""

import inspect
import itertools
import math
from dataclasses import replace

import pytest
import torch
from helpers import pixels
from PIL import Image

import styletools as st
from styletools import memory
from styletools import painting as painting_module
from styletools.painting import fit_style, sharpen
from styletools.pyramid import resize


def paint(transfer):
    return list(transfer)


def remembered(transfer):
    """How many steps the optimiser remembers: since it began, or began anew."""
    state = transfer._descent.state_dict()["memory"][0]
    return int(state.get("step", state.get("n_iter", 0)))


def grey_of(picture):
    return picture.convert("L").convert("RGB")


def has_no_colour(picture):
    red, green, blue = picture.split()
    return red.tobytes() == green.tobytes() == blue.tobytes()


# --- pieces ----------------------------------------------------------------------------------------------------------


def test_the_schedule_of_the_default_size():
    assert st.schedule(512) == [(64, 80), (128, 57), (256, 40), (512, 28)]


@pytest.mark.parametrize("size", [32, 64, 100, 127])
def test_a_small_picture_has_one_scale(size):
    assert st.schedule(size, 30) == [(size, 30)]


@pytest.mark.parametrize("size", [128, 129, 300, 511, 1000, 4096])
def test_scales_double_and_end_at_the_size(size):
    sizes, steps = zip(*st.schedule(size, 40), strict=True)
    assert sizes[-1] == size
    assert 64 <= sizes[0] <= 128
    assert all(b == pytest.approx(2 * a, abs=1) for a, b in itertools.pairwise(sizes))
    assert steps[0] == 40
    assert list(steps) == sorted(steps, reverse=True)
    assert steps[-1] == max(14, round(40 * 2 ** (-(len(sizes) - 1) / 2))), "no scale gets less than 0.35 of the steps"


def test_every_scale_gets_a_step():
    assert [steps for _, steps in st.schedule(512, 1)] == [1] * 4


@pytest.mark.parametrize(
    ("shape", "sizes"),
    [(1, [64, 128, 256, 512]), (1 / 2, [64, 128, 256, 512]), (0.49, [128, 256, 512]), (1 / 9, [512]), (1 / 100, [512])],
)
def test_a_long_picture_begins_where_its_shorter_side_is_wide_enough(shape, sizes):
    """32 pixels; the first scale that is left gets all the steps, and the last one is there in any case."""
    found, steps = zip(*st.schedule(512, 80, shape), strict=True)
    assert list(found) == sizes
    assert list(steps) == [80, 57, 40, 28][: len(sizes)]


@pytest.mark.parametrize("content", [(96, 96), (60, 200), (200, 60)])
@pytest.mark.parametrize("style", [(500, 400), (90, 160), (30, 20)])
def test_the_style_picture_gets_as_many_pixels_in_its_own_shape(style, content):
    height, width = fit_style(Image.new("RGB", style), torch.zeros(1, 3, *content)).shape[-2:]
    assert height * width == pytest.approx(content[0] * content[1], rel=0.03)
    assert width / height == pytest.approx(style[0] / style[1], rel=0.03)


@pytest.mark.parametrize(("style", "expected"), [((900, 100), (32, 288)), ((100, 900), (288, 32)), ((7, 7), (32, 32))])
def test_no_side_of_the_style_picture_gets_too_short_for_the_network(style, expected):
    assert fit_style(Image.new("RGB", style), torch.zeros(1, 3, 20, 20)).shape == (1, 3, *expected)


def test_a_fitted_style_picture_is_the_picture():
    style = Image.new("RGB", (90, 60), (40, 60, 90))
    expected = st.preprocess(style, (60, 90))
    assert torch.equal(fit_style(style, torch.zeros(1, 3, 60, 90)), expected)


def test_sharpening_an_unchanged_painting_gives_the_fine_photograph(photograph):
    coarse, fine = st.preprocess(photograph, 48), st.preprocess(photograph, 96)
    sharpened = sharpen(coarse, coarse, fine)
    torch.testing.assert_close(sharpened, fine, rtol=0, atol=1e-5)
    assert st.postprocess(sharpened).tobytes() == photograph.tobytes()


def test_sharpening_keeps_what_was_painted(photograph):
    coarse, fine = st.preprocess(photograph, 48), st.preprocess(photograph, 96)
    painted = torch.linspace(-1, 1, 48).expand_as(coarse)
    expected = fine + resize(painted, fine.shape[-2:])
    torch.testing.assert_close(sharpen(coarse + painted, coarse, fine), expected, rtol=0, atol=1e-5)


def test_a_photograph_without_detail_only_enlarges_the_painting(photograph):
    painting, flat = st.preprocess(photograph, 48), torch.full((1, 3, 32, 48), 0.5)
    sharpened = sharpen(painting, flat, torch.full((1, 3, 64, 96), 0.5))
    torch.testing.assert_close(sharpened, resize(painting, (64, 96)), rtol=0, atol=1e-5)


# --- coarse to fine --------------------------------------------------------------------------------------------------


@pytest.fixture
def made(monkeypatch):
    """(transfer, its init) of every scale that `stylize` paints."""
    scales = []

    class Recording(st.StyleTransfer):
        def __init__(self, *pictures, init, **options):
            super().__init__(*pictures, init=init, **options)
            scales.append((self, init))
            self.first = self.tensor

    monkeypatch.setattr(painting_module, "StyleTransfer", Recording)
    return scales


def test_stylize_paints_at_every_scale_and_returns_the_full_size(tiny_vgg, photograph):
    seen = []
    picture = st.stylize(
        photograph, st.sample("great_wave"), 182, tiny_vgg, steps=4,
        on_step=lambda transfer, step: seen.append((transfer.image.size, step.index)),
    )  # fmt: skip
    assert seen == [*(((91, 61), index) for index in (1, 2, 3, 4)), *(((182, 121), index) for index in (1, 2, 3))]
    assert picture.size == (182, 121)
    assert picture.mode == "RGB"


def test_stylize_on_a_portrait_makes_the_height_the_size(tiny_vgg, photograph):
    assert st.stylize(photograph.rotate(90, expand=True), photograph, 60, tiny_vgg, steps=1).size == (40, 60)


def test_stylize_by_default_paints_half_strength_averaged_and_with_neighbours(asked, tiny_vgg, photograph):
    seen = []
    st.stylize(photograph, photograph, 130, steps=1, on_step=lambda transfer, step: seen.append((transfer, step)))
    recipe = st.RECIPES["neighbours"]
    assert asked == [{"name": "vgg19-slim", "padding": "replicate", "dtype": None}], "once for all scales"
    assert [transfer.job.size for transfer, _ in seen] == [65, 130]
    for transfer, step in seen:
        assert transfer.vgg is tiny_vgg
        assert transfer.recipe is recipe
        assert transfer.job.averaging == 0.9
        assert (transfer.job.optimizer, transfer.job.learning_rate) == ("adam", recipe.learning_rate)
        assert (step.alpha, step.beta, step.tv_weight) == (recipe.alpha, recipe.beta, recipe.tv)


def test_stylize_by_default_makes_80_steps_at_the_first_scale(monkeypatch, tiny_vgg, photograph):
    asked = []
    monkeypatch.setattr(painting_module, "schedule", lambda *arguments: asked.append(arguments) or [(32, 1)])
    st.stylize(photograph, photograph, vgg=tiny_vgg)
    assert asked == [(96, 80, pytest.approx(2 / 3))], "a photograph of 96 pixels is not enlarged"
    large = photograph.resize((768, 512))
    st.stylize(large, photograph, vgg=tiny_vgg)
    assert asked[1:] == [(512, 80, pytest.approx(2 / 3))]


@pytest.mark.parametrize(
    ("side", "size", "pixels"),
    [
        (96, None, 96),
        (2000, None, 512),
        (96, "original", 96),
        (2000, "original", 2000),
        (5000, "original", 4096),
        (96, 256, 256),
    ],
)
def test_the_size_of_the_painting(monkeypatch, side, size, pixels):
    monkeypatch.setattr(memory, "free_memory", lambda: math.inf)
    assert painting_module.painting_size(Image.new("RGB", (side, side // 2)), size) == pixels


def test_stylize_takes_the_network_that_the_recipe_names(asked, photograph):
    st.stylize(photograph, photograph, 40, recipe="gatys", steps=1)
    expected = {"name": "vgg19", "pooling": "average", "rescale": True, "padding": "replicate", "dtype": None}
    assert asked == [expected]


def test_a_recipe_may_name_its_own_padding_and_precision(asked, photograph):
    named = {"name": "vgg19-slim", "padding": "zeros", "dtype": "float32"}
    st.stylize(photograph, photograph, 40, recipe=replace(st.RECIPES["d2l"], network=named), steps=1)
    assert asked == [named]


def test_a_transfer_takes_the_network_that_the_recipe_names(asked, plain_pair):
    for recipe in ("d2l", "gatys"):
        st.StyleTransfer(*plain_pair, recipe=recipe)
    assert asked == [st.RECIPES[recipe].network_options() for recipe in ("d2l", "gatys")]
    assert asked[0] == {"name": "vgg19-slim", "padding": "replicate", "dtype": None}


def test_a_finer_scale_starts_from_the_coarser_painting_sharpened(made, tiny_vgg, photograph):
    st.stylize(photograph, st.sample("great_wave"), 130, tiny_vgg, steps=3)
    (coarse, nothing), (fine, init) = made
    assert nothing == "content"
    expected = sharpen(coarse.tensor, coarse.content, fine.content)
    assert torch.equal(init, expected)
    torch.testing.assert_close(fine.first, st.clamp_to_box(expected), rtol=0, atol=1e-6)
    assert float((fine.first - fine.content).abs().mean()) > 0.01, "something was painted"


def test_the_mean_of_the_last_pictures_is_handed_on_not_the_last_one(made, tiny_vgg, photograph):
    st.stylize(photograph, st.sample("great_wave"), 130, tiny_vgg, steps=3, averaging=0.9)
    (coarse, _), (fine, init) = made
    assert not torch.equal(init, sharpen(pixels(coarse), coarse.content, fine.content))


def test_the_style_picture_grows_with_the_scales(made, tiny_vgg, photograph):
    style = st.sample("great_wave")
    st.stylize(photograph, style, 260, tiny_vgg, steps=1)
    for transfer, _ in made:
        assert torch.equal(transfer.style, fit_style(style, transfer.content))
        assert transfer.style[0, 0].numel() == pytest.approx(transfer.content[0, 0].numel(), rel=0.03)
    assert [max(transfer.content.shape) for transfer, _ in made] == [65, 130, 260]


@pytest.mark.parametrize(("recipe", "counts"), [("neighbours", [1, 2, 3, 4, 1, 2, 3]), ("balanced", [1, 2, 3, 4, 5, 6, 7])])
def test_a_finer_scale_inherits_what_adam_learned_of_pixels_but_not_of_bands(tiny_vgg, photograph, recipe, counts):
    """The step count goes on, so bias correction does not begin again."""
    seen = []
    st.stylize(
        photograph, photograph, 130, tiny_vgg, recipe, steps=4, on_step=lambda transfer, _: seen.append(remembered(transfer))
    )
    assert seen == counts


def test_stylize_is_deterministic_and_leaves_global_chance_alone(tiny_vgg, photograph):
    torch.manual_seed(1)
    one = st.stylize(photograph, st.sample("great_wave"), 140, tiny_vgg, steps=2)
    state = torch.get_rng_state()
    torch.manual_seed(2)
    two = st.stylize(photograph, st.sample("great_wave"), 140, tiny_vgg, steps=2)
    assert one.tobytes() == two.tobytes()
    torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_seed_of_stylize_is_that_of_the_noise(tiny_vgg, photograph):
    recipe = replace(st.RECIPES["neighbours"], init="noise")
    one, same, other = (st.stylize(photograph, photograph, 64, tiny_vgg, recipe, steps=2, seed=seed) for seed in (3, 3, 4))
    assert one.tobytes() == same.tobytes()
    assert one.tobytes() != other.tobytes()


def test_stylize_passes_its_weights_and_recipe_on(tiny_vgg, photograph):
    seen = []
    st.stylize(
        photograph, photograph, 64, tiny_vgg, "walkthrough", steps=1, alpha=2.0, beta=3.0, tv=4.0, seed=9, averaging=0.5,
        on_step=lambda transfer, step: seen.append((transfer.recipe, step.alpha, step.beta, step.tv_weight, transfer.job)),
    )  # fmt: skip
    ((recipe, *weights, job),) = seen
    assert recipe is st.RECIPES["walkthrough"]
    assert weights == [2.0, 3.0, 4.0]
    assert (job.seed, job.averaging, job.size) == (9, 0.5, 64)


def test_stylize_takes_paths(tiny_vgg, photograph, tmp_path):
    photograph.save(tmp_path / "photo.png")
    assert st.stylize(str(tmp_path / "photo.png"), tmp_path / "photo.png", 48, tiny_vgg, steps=1).size == (48, 32)


@pytest.mark.parametrize("size", [0, -64])
def test_stylize_refuses_an_impossible_size(tiny_vgg, photograph, size):
    with pytest.raises(st.ImageError, match="leaves no picture"):
        st.stylize(photograph, photograph, size, tiny_vgg)


@pytest.mark.parametrize("recipe", ["neighbours", "balanced"])
def test_coarse_to_fine_beats_the_full_size_alone(slim, recipe):
    """At 128 px with the embedded network, judged by the recipe's own loss after as many steps at that size."""
    (_, coarse), (_, fine) = st.schedule(128, 5)
    seen, transfers = [], []
    st.stylize(
        st.sample("eilean_donan"), st.sample("great_wave"), 128, slim, recipe, steps=5, averaging=0.0,
        on_step=lambda transfer, step: (transfers.append(transfer), seen.append(step)),
    )  # fmt: skip
    alone = paint(st.StyleTransfer(transfers[-1].content, transfers[-1].style, slim, recipe, steps=fine))
    assert len(seen) == coarse + fine
    assert seen[-1].total < 0.98 * alone[-1].total
    assert seen[coarse].total < 0.98 * alone[0].total, "the larger scale starts from what the smaller one has found"


# --- strength --------------------------------------------------------------------------------------------------------


def weights_seen(vgg, photograph, **options):
    seen = []
    st.stylize(photograph, photograph, 40, vgg, steps=1, on_step=lambda _, step: seen.append(step), **options)
    (step,) = seen
    return step.alpha, step.beta, step.tv_weight


@pytest.mark.parametrize("strength", [0.01, 0.3, 0.5, 1.0])
def test_strength_turns_all_three_weights(tiny_vgg, photograph, strength):
    weights = st.RECIPES["neighbours"].weights(strength)
    assert weights_seen(tiny_vgg, photograph, strength=strength) == (weights.alpha, weights.beta, weights.tv)


@pytest.mark.parametrize(("name", "place"), [("alpha", 0), ("beta", 1), ("tv", 2)])
def test_a_single_weight_replaces_what_strength_says(tiny_vgg, photograph, name, place):
    weights = st.RECIPES["neighbours"].weights(0.8)
    expected = [weights.alpha, weights.beta, weights.tv]
    expected[place] = 0.125
    assert weights_seen(tiny_vgg, photograph, strength=0.8, **{name: 0.125}) == tuple(expected)


@pytest.mark.parametrize(
    "recipe", ["neighbours", "gatys", replace(st.RECIPES["balanced"], tv=0.0), replace(st.RECIPES["balanced"], init="noise")]
)
def test_no_strength_gives_the_photograph_back_byte_for_byte(asked, photograph, recipe):
    steps = []
    picture = st.stylize(
        photograph, st.sample("great_wave"), 60, recipe=recipe, strength=0, on_step=lambda *seen: steps.append(seen)
    )
    assert picture.size == (60, 40)
    assert picture.tobytes() == photograph.resize((60, 40), Image.Resampling.LANCZOS).tobytes()
    assert (steps, asked) == ([], []), "nothing is painted, no network is needed"


def test_no_strength_but_a_weight_of_ones_own_paints(tiny_vgg, photograph):
    recipe = st.RECIPES["neighbours"]
    assert weights_seen(tiny_vgg, photograph, strength=0, beta=7.0) == (2 * recipe.alpha, 7.0, 0.0)


def test_more_strength_is_farther_from_the_photograph_and_nearer_to_the_painting(slim, photograph):
    ends = {}
    for strength in (0.05, 0.5, 1.0):
        st.stylize(
            photograph, st.sample("great_wave"), 60, slim, steps=12, strength=strength,
            on_step=lambda _, step, strength=strength: ends.__setitem__(strength, step),
        )  # fmt: skip
    assert ends[0.05].content < ends[0.5].content < ends[1.0].content
    assert ends[0.05].style > max(ends[0.5].style, ends[1.0].style)


@pytest.mark.parametrize("strength", [-0.1, 1.01, 50, math.nan])
def test_a_strength_out_of_range_is_refused_before_anything_is_done(asked, strength):
    with pytest.raises(st.SettingsError, match=f"strength is {strength}; expected a number from 0"):
        st.stylize("no such file.jpg", "nor this.jpg", strength=strength)
    assert asked == []


# --- pictures of unusual shape and colour ----------------------------------------------------------------------------


@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_stylize_keeps_grey_pictures_grey(vgg, photograph, strength):
    grey, style = grey_of(photograph), grey_of(st.sample("composition_viii"))
    picture = st.stylize(grey, style, 130, vgg, steps=4, strength=strength)
    assert has_no_colour(picture)
    assert (picture.tobytes() == grey.resize(picture.size, Image.Resampling.LANCZOS).tobytes()) == (strength == 0)


@pytest.mark.parametrize("content", [(288, 32), (32, 288), (96, 64)])
@pytest.mark.parametrize("style", [(900, 100), (40, 360)])
def test_panoramas_and_scrolls_go_together(tiny_vgg, content, style):
    """Nine to one, either way round, in either role."""
    photograph, painting = st.sample("eilean_donan").resize(content), st.sample("great_wave").resize(style)
    sizes = set()
    picture = st.stylize(
        photograph, painting, max(content), tiny_vgg, steps=1, on_step=lambda transfer, _: sizes.add(transfer.style.shape)
    )
    assert picture.size == content
    assert all(min(shape[-2:]) >= 32 for shape in sizes)
    assert picture.tobytes() != photograph.tobytes()


def test_a_panorama_too_thin_for_the_network_is_refused(tiny_vgg, photograph):
    with pytest.raises(ValueError, match="64 x 7 pixels is too small for relu"):
        st.stylize(photograph.resize((900, 100)), photograph, 64, tiny_vgg)


# --- painting a job --------------------------------------------------------------------------------------------------


def watched(job, vgg):
    """Paint a job; return the picture and, for each step, the transfer's picture then, its size and its weights."""
    seen = []

    def on_step(transfer, step):
        seen.append((transfer.image, transfer.job.size, transfer.weights, step))

    return st.paint(job, vgg, on_step), seen


def test_stylize_is_the_job_that_says_so(tiny_vgg, photograph):
    by_hand = st.stylize(
        photograph, "great_wave", 130, tiny_vgg, "balanced", steps=3, strength=0.7, tv=1.5, averaging=0.5, seed=2
    )
    weights = replace(st.RECIPES["balanced"].weights(0.7), tv=1.5)
    job = st.Job(photograph, "great_wave", 130, 3, "balanced", tiny_vgg.options, weights, averaging=0.5, seed=2)
    assert st.paint(job, tiny_vgg).tobytes() == by_hand.tobytes()


def test_a_job_by_default_is_what_stylize_paints_by_default(asked, photograph):
    job, defaults = st.Job(photograph, photograph), inspect.signature(st.stylize).parameters
    for name in ("steps", "averaging", "seed", "colors"):
        assert getattr(job, name) == defaults[name].default
    assert job.recipe is st.find_recipe(defaults["recipe"].default)
    assert st.paint(replace(job, size=64, steps=2)).tobytes() == st.stylize(photograph, photograph, 64, steps=2).tobytes()
    assert asked == [job.network, job.network]
    assert job.network == {"name": "vgg19-slim", "padding": "replicate", "dtype": None}


def test_painting_stops_where_the_job_was_stopped(tiny_vgg, photograph):
    """Three steps at 65 pixels, two at 130; the picture is that of the whole run at this moment, as large as it was."""
    job = st.Job(photograph, "great_wave", 130, 3)
    whole, all_of_them = watched(job, tiny_vgg)
    assert [size for _, size, _, _ in all_of_them] == [65, 65, 65, 130, 130]
    for done in (1, 3, 4, 5, 99):
        picture, seen = watched(replace(job, done=done), tiny_vgg)
        assert len(seen) == min(done, 5)
        assert picture.tobytes() == seen[-1][0].tobytes() == all_of_them[len(seen) - 1][0].tobytes()
        assert (picture.tobytes() == whole.tobytes()) == (done >= 5)


def test_nothing_was_done_at_all(tiny_vgg, photograph):
    picture, seen = watched(st.Job(photograph, "great_wave", 96, 4, done=0), tiny_vgg)
    assert (picture.tobytes(), seen) == (photograph.tobytes(), [])


@pytest.mark.parametrize("done", [2, 5])
def test_a_job_at_one_size_makes_the_steps_that_were_done_be_they_more_or_fewer(tiny_vgg, photograph, done):
    job = st.Job(photograph, "great_wave", 130, 3, "balanced", coarse_to_fine=False)
    picture, seen = watched(replace(job, done=done), tiny_vgg)
    assert [size for _, size, _, _ in seen] == [130] * done
    by_hand = st.StyleTransfer(photograph, "great_wave", tiny_vgg, "balanced", size=130, averaging=0.9, steps=done)
    paint(by_hand)
    assert picture.tobytes() == by_hand.image.tobytes()


def restless(transfer, steps):
    """Move everything that may be moved while it paints."""
    for step in range(1, steps + 1):
        transfer.step()
        if step == 2:
            transfer.beta = transfer.beta / 10
        if step == 4:
            transfer.style_layers["relu1_2"] = 0.3
        if step == 5:
            del transfer.style_layers[next(iter(transfer.style_layers))]
            transfer.tv = 1.5
        if step == 6:
            transfer.alpha = 2 * transfer.alpha
            transfer.style_layers = dict(reversed(transfer.style_layers.items()))
    return transfer


JOBS = {
    "painter": {"init": "chelsea", "averaging": 0.5},
    "lbfgs": {"recipe": "modules", "alpha": 2.0, "beta": 5.0, "tv": 0.25, "style_layers": {"conv1_1": 1.0, "relu3_2": 0.5}},
    "other optimiser": {"recipe": "balanced", "optimizer": "lbfgs", "learning_rate": 0.5},
    "noise": {"recipe": "walkthrough", "init": "noise", "seed": 5, "averaging": 0.8},
    "decaying": {"recipe": replace(st.RECIPES["d2l"], decay_every=3)},
}


@pytest.mark.parametrize("kind", JOBS)
def test_a_transfers_job_paints_the_same_picture_again(vgg, photograph, kind):
    """To the byte, with every move of its weights, and however often."""
    transfer = restless(st.StyleTransfer(photograph, "composition_viii", vgg, size=36, steps=3, **JOBS[kind]), 8)
    job = transfer.job
    assert len(job.moves) == 5
    picture, seen = watched(job, vgg)
    assert picture.tobytes() == transfer.image.tobytes()
    assert [step for _, _, _, step in seen] == transfer.history
    transfer.beta = 999.0  # a move of which nothing was painted
    assert st.paint(transfer.job, vgg).tobytes() == picture.tobytes()


def test_a_transfer_of_tensors_has_a_job_too(vgg, plain_pair):
    transfer = restless(st.StyleTransfer(*plain_pair, vgg, init=plain_pair[1], averaging=0.5), 7)
    assert st.paint(transfer.job, vgg).tobytes() == transfer.image.tobytes()


def test_a_jobs_moves_count_over_all_scales(tiny_vgg, photograph):
    own = st.RECIPES["balanced"].weights()
    moved, last = replace(own, beta=3.0), replace(own, style_layers={"relu3_2": 1.0})
    job = st.Job(photograph, "great_wave", 130, 4, "balanced", moves=((1, own), (3, moved), (6, last)))
    picture, seen = watched(job, tiny_vgg)
    assert [weights for _, _, weights, _ in seen] == [own, own, moved, moved, moved, last, last]

    def by_hand(transfer, step):
        nonlocal count
        count += 1
        transfer.weights = {2: moved, 5: last}.get(count, transfer.weights)

    count = 0
    again = st.paint(replace(job, moves=()), tiny_vgg, by_hand)
    assert again.tobytes() == picture.tobytes()


def test_the_first_move_says_how_it_began(tiny_vgg, photograph):
    """`weights` are those of the next step, of a job that was stopped."""
    own = st.RECIPES["balanced"].weights()
    job = st.Job(photograph, "great_wave", 64, 3, "balanced", weights=replace(own, beta=0.0, tv=0.0), moves=((1, own),))
    assert st.paint(job, tiny_vgg).tobytes() == st.paint(replace(job, weights=own, moves=()), tiny_vgg).tobytes()
    assert st.StyleTransfer.of(job, tiny_vgg).weights == own


def test_a_first_move_that_comes_later_leaves_the_first_weights_alone(tiny_vgg, photograph):
    own = st.RECIPES["balanced"].weights()
    job = st.Job(photograph, "great_wave", 64, 3, "balanced", weights=own, moves=((3, replace(own, beta=0.5)),))
    assert [weights.beta for _, _, weights, _ in watched(job, tiny_vgg)[1]] == [own.beta, own.beta, 0.5]


@pytest.mark.parametrize("coarse_to_fine", [True, False])
@pytest.mark.parametrize("recipe", ["neighbours", "modules"])
def test_where_nothing_pulls_away_the_photograph_comes_back(asked, photograph, recipe, coarse_to_fine):
    weights = replace(st.RECIPES[recipe].weights(), beta=0.0, tv=0.0)
    job = st.Job(photograph, "great_wave", 60, 5, recipe, weights=weights, init="content", coarse_to_fine=coarse_to_fine)
    for moves in ((), ((1, weights),), ((1, weights), (3, replace(weights, alpha=0.5)))):
        picture = st.paint(replace(job, moves=moves))
        assert picture.tobytes() == photograph.resize((60, 40), Image.Resampling.LANCZOS).tobytes()
    assert asked == []


def test_a_photograph_given_as_a_tensor_comes_back_as_large_as_it_is(asked, plain_pair):
    job = st.StyleTransfer(*plain_pair, beta=0.0, tv=0.0, steps=2).job
    assert st.paint(job).tobytes() == st.postprocess(plain_pair[0]).tobytes()
    assert len(asked) == 1, "for the transfer itself"


@pytest.mark.parametrize("change", [{"init": "noise"}, {"init": "style"}, "moves", "a move", {"tv": 1.0}, {"beta": 1e-9}])
def test_where_something_pulls_it_is_painted(tiny_vgg, photograph, change):
    weights = replace(st.RECIPES["balanced"].weights(), beta=0.0, tv=0.0)
    job = st.Job(photograph, "great_wave", 60, 2, "balanced", weights=weights)
    if change == "moves":
        job = replace(job, moves=((1, weights), (2, replace(weights, beta=1.0))))
    elif change == "a move":
        job = replace(job, moves=((2, replace(weights, tv=1.0)),))
    elif "init" in change:
        job = replace(job, **change)
    else:
        job = replace(job, weights=replace(weights, **change))
    assert len(watched(job, tiny_vgg)[1]) == 2


@pytest.mark.parametrize("kind", ["name", "path", "bytes", "tensor"])
def test_a_job_may_hold_pictures_of_any_kind(tiny_vgg, photograph, tmp_path, kind):
    photograph.save(tmp_path / "a.png")
    path = tmp_path / "a.png"
    content = {"name": "chelsea", "path": path, "bytes": path.read_bytes(), "tensor": st.preprocess(photograph, 66)}[kind]
    expected = st.sample("chelsea") if kind == "name" else photograph
    for coarse_to_fine in (True, False):
        job = st.Job(content, expected, 66, 1, "balanced", coarse_to_fine=coarse_to_fine)
        same = replace(job, content=expected)
        assert st.paint(job, tiny_vgg).tobytes() == st.paint(same, tiny_vgg).tobytes()
