"""What the panel shows of a job, and what is refused."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some
from PIL import Image

import styletools as st
from styletools.studio import settings as settings_module
from styletools.studio.experiments import EXPERIMENTS
from styletools.studio.settings import (
    SIZES,
    beginning,
    check,
    check_step,
    check_steps,
    free_name,
    is_whole,
    label_of,
    named,
    prepared,
    setup,
    slider_range,
    strength_of,
    with_other,
)
from styletools.vgg import CHANNELS

JOB = st.Job("eilean_donan", "great_wave", 256, 5, coarse_to_fine=False)
NONSENSE = [None, True, "1", b"1", [], {}, -1, 1.5, math.nan, math.inf, 10**400, -(10**400), object(), 1j, 10**5000]


def shown(job=JOB, weights=None, steps=None, recipes=st.RECIPES):
    return setup(job, weights or job.weights, steps, {"content": "c", "style": "s"}, recipes)


def test_the_controls_of_a_plain_studio():
    data = shown()
    assert json.loads(json.dumps(data, allow_nan=False)).keys() == data.keys()
    assert (data["size"], data["sizes"]) == (256, list(SIZES))
    assert (data["recipe"], data["network"], data["init"], data["optimizer"]) == ("neighbours", "vgg19-slim", "content", "adam")
    assert data["steps"] is None
    assert data["weights"] == data["home"] == {"alpha": 6.0, "beta": 10.0, "tv": 2.0}
    assert {layer["factor"] for layer in data["layers"]} == {1.0}
    assert (data["content"], data["style"]) == ({"label": "c"}, {"label": "s"})


def test_every_choice_has_a_line_on_it():
    data = shown()
    assert [one["name"] for one in data["recipes"]] == list(st.RECIPES)
    assert set(settings_module.RECIPE_LINES) == set(st.RECIPES)
    assert [one["name"] for one in data["networks"]] == list(CHANNELS)
    assert [one["name"] for one in data["inits"]] == ["content", "noise", "blank", "style"]
    assert [one["name"] for one in data["color_modes"]] == list(st.COLOR_MODES)
    for menu in ("recipes", "networks", "inits", "color_modes"):
        assert all(len(one["line"]) > 3 for one in data[menu])
    assert "6 times slower" in next(one["line"] for one in data["networks"] if one["name"] == "vgg19")


@pytest.mark.parametrize("recipe", list(st.RECIPES))
def test_the_recipes_own_weights_lie_within_their_sliders(recipe):
    data = shown(replace(JOB, recipe=recipe, weights=None))
    assert data["recipe"] == recipe
    for name, (low, high) in data["ranges"].items():
        assert high - low == pytest.approx(6)
        assert data["home"][name] == 0 or low <= math.log10(data["home"][name]) <= high


def test_a_size_a_recipe_and_a_start_of_ones_own_are_in_the_menus():
    own = replace(st.RECIPES["balanced"], source="me", beta=7.0)
    data = shown(replace(JOB, size=33, recipe=own, init=Image.new("RGB", (9, 9))), recipes={**st.RECIPES, "as saved": own})
    assert data["sizes"] == [33, *SIZES]
    assert (data["recipe"], data["recipes"][-1]) == ("as saved", {"name": "as saved", "line": "a recipe of your own"})
    assert (data["init"], data["inits"][-1]) == ("picture", {"name": "picture", "line": "a picture of your own"})


def test_layers_are_told_as_multiples_of_their_own_weight():
    recipe = replace(st.RECIPES["balanced"], style_layers={"relu1_1": 0.0, "relu2_1": 0.5, "relu3_1": 0.5})
    weights = replace(recipe.weights(), style_layers={"relu1_1": 3.0, "relu2_1": 1.0, "conv4_2": 9.0})
    data = shown(replace(JOB, recipe=recipe), weights, recipes={"as saved": recipe})
    assert data["layers"] == [
        {"name": "relu1_1", "factor": 0.0}, {"name": "relu2_1", "factor": 2.0}, {"name": "relu3_1", "factor": 0.0},
    ]  # fmt: skip


@pytest.mark.parametrize("recipe", list(st.RECIPES))
@pytest.mark.parametrize("strength", [0, 0.25, 0.5, 0.99, 1])
def test_the_strength_of_weights(recipe, strength):
    recipe = st.RECIPES[recipe]
    assert strength_of(recipe, recipe.weights(strength)) == strength


def test_weights_that_have_no_strength():
    recipe, weights = JOB.recipe, JOB.recipe.weights(0.75)
    assert strength_of(recipe, replace(weights, beta=15.02)) is None
    assert strength_of(recipe, replace(weights, beta=15.0004)) == 0.75, "as the page rounds it"
    assert strength_of(recipe, replace(weights, tv=9.0)) is None
    assert strength_of(st.RECIPES["d2l"], replace(st.RECIPES["d2l"].weights(), alpha=3.0)) is None
    assert strength_of(st.RECIPES["modules"], replace(st.RECIPES["modules"].weights(), tv=1.0)) is None, "it has no tv"
    assert strength_of(recipe, replace(weights, alpha=18.0, beta=-0.0, tv=0.0)) is None


def test_slider_ranges():
    assert slider_range(1.0, 1.0) == (-3.0, 3.0)
    assert slider_range(100.0, 0.0) == (-1.0, 5.0)
    assert slider_range(0.0, 0.0) == (-3.0, 3.0)
    assert slider_range(1.0, 2e6) == (-7.0, 7.0)


@given(some.floats(0, allow_infinity=False), some.floats(0, allow_infinity=False))
def test_a_slider_reaches_its_value(middle, value):
    low, high = slider_range(middle, value)
    assert math.isfinite(low) and low < high
    assert value == 0 or low <= math.log10(value) <= high


def test_what_pictures_are_called():
    assert label_of("great_wave") == "great wave"
    assert label_of("/a/b/my_cat.png") == "my cat.png"
    picture = Image.new("RGB", (9, 9))
    assert label_of(picture) == label_of(b"bytes") == "your picture"
    assert named(picture, None) is picture
    assert label_of(picture) == "your picture"
    assert label_of(named(picture, "my_cat.jpg")) == "my_cat.jpg"
    assert named(b"bytes", "x") == b"bytes"


def test_a_new_recipe_brings_weights_start_optimiser_and_rate():
    changes, weights = with_other(JOB, recipe="modules")
    recipe = st.RECIPES["modules"]
    assert changes == {"recipe": recipe, "init": recipe.init, "optimizer": "lbfgs", "learning_rate": 1.0}
    assert weights == recipe.weights()
    assert with_other(JOB, recipe="neighbours") == ({"recipe": JOB.recipe}, None), "the same one changes nothing"
    assert with_other(JOB, recipe="modules", init="noise")[0]["init"] == "noise"
    with pytest.raises(st.SettingsError, match="unknown recipe 'soup'"):
        with_other(JOB, recipe="soup")


@pytest.mark.parametrize(
    ("recipe", "optimizer", "rate"),
    [("balanced", "lbfgs", 1.0), ("modules", "adam", None), ("d2l", "lbfgs", 1.0), ("d2l", "adam", 0.3)],
)
def test_learning_rates(recipe, optimizer, rate):
    changes, weights = with_other(replace(JOB, recipe=recipe, optimizer=None, learning_rate=None), optimizer=optimizer)
    fresh = st.Job("a", "b", recipe=recipe, optimizer=optimizer).learning_rate
    assert (changes.get("learning_rate", fresh), weights) == (fresh, None)
    assert rate is None or fresh == rate


def test_a_network_comes_with_the_recipes_padding():
    (changes, _) = with_other(JOB, network="vgg19")
    assert changes == {"network": JOB.recipe.network_options("vgg19")}


@pytest.mark.parametrize("key", list(EXPERIMENTS))
def test_an_experiment_is_prepared_as_a_studio_with_its_setup(key):
    one = EXPERIMENTS[key]
    picked, weights = prepared(one)
    wanted = dict(one.setup)
    numbers = {name: wanted.pop(name) for name in ("alpha", "beta", "tv") if name in wanted}
    job = st.Job(**{"content": "eilean_donan", "style": "great_wave", **wanted})
    assert weights == replace(job.recipe.weights(), **numbers)
    names = ("content", "style", "recipe", "init", "optimizer", "colors")
    assert {name: getattr(job, name) for name in names} == picked


def test_a_job_as_it_began():
    first, later = JOB.weights, replace(JOB.weights, beta=400.0)
    job = replace(JOB, weights=later, moves=((1, first), (9, later)), done=12)
    assert beginning(job) == JOB


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"network": {"name": "vgg16"}}, "unknown network 'vgg16'; choose from vgg19, vgg19-slim, vgg19-torchvision."),
        ({"init": "nosie"}, "init is 'nosie'; expected one of content, noise, blank, style, or a picture."),
        ({"size": 31}, "size is 31; expected 32 to 4096 pixels."),
        ({"size": 4097}, "size is 4097; expected 32 to 4096 pixels."),
        ({"size": 64.5}, "size is 64.5; expected a whole number."),
        ({"size": "64"}, "size is 64; expected a whole number."),
        ({"size": None}, "size is None; expected a whole number."),
    ],
)
def test_a_job_that_makes_no_sense(change, sentence):
    check(JOB)
    with pytest.raises(st.SettingsError) as caught:
        check(replace(JOB, **change))
    assert str(caught.value).startswith(sentence[:30])


def test_a_second_style_that_is_too_narrow():
    with pytest.raises(st.SettingsError, match=r"^the style picture is too long and narrow for "):
        check(replace(JOB, style=["great_wave", Image.new("RGB", (4000, 3))]))


@pytest.mark.parametrize("role", ["content", "style"])
def test_a_picture_that_is_too_narrow_is_told_before_anything_is_built(role):
    strip = Image.new("RGB", (4000, 3))
    with pytest.raises(st.SettingsError, match=f"^the {role} picture is too long and narrow for "):
        check(replace(JOB, **{role: strip}))


def test_a_picture_that_is_none_is_told_before_anything_is_built():
    with pytest.raises(st.ImageError, match=r"there is no file nosuch\.jpg"):
        check(replace(JOB, style="nosuch.jpg"))


@pytest.mark.parametrize("value", NONSENSE[1:], ids=lambda value: str(type(value).__name__))
def test_numbers_of_steps_that_make_no_sense(value):
    if is_whole(value) and value > 0:
        assert check_steps(value) == value
    else:
        with pytest.raises(st.SettingsError, match=r"^steps is .{1,40}; expected at least 1, or None to paint until paused\.$"):
            check_steps(value)
    with pytest.raises(st.SettingsError, match=r"^step is .{1,40}; expected one that was made, 0 to 7\.$"):
        check_step(value, 7)


def test_numbers_that_make_sense():
    assert (check_steps(None), check_steps(1), check_steps(10**6)) == (None, 1, 10**6)
    assert (check_step(0, 7), check_step(7, 7)) == (0, 7)


def test_names_that_are_free(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert free_name("film", ".gif").name == "film_1.gif"
    (tmp_path / "film_1.gif").touch()
    (tmp_path / "film_3.gif").touch()
    assert free_name("film", ".gif").name == "film_2.gif"
