"""The studio without a browser: its widgets are plain Python objects, and a front end is what changes their values."""

import io
import random
import threading
import time
from dataclasses import replace
from urllib.error import URLError

import pytest
import torch
from helpers import ROOT, run_python
from PIL import Image, ImageChops, ImageStat

import styletools as st
from styletools.studio import panel as panel_module
from styletools.studio.engine import TransferEngine, network
from styletools.studio.panel import NOTCH, on_notch, slider_range

DATA = ROOT / "tests" / "data"
OUTPUTS = ("_photo", "_progress", "_pulls", "_plot", "_status")


@pytest.fixture
def open_studio(monkeypatch):
    """open_studio(**options): a small studio, which is stopped after the test."""
    opened = []
    monkeypatch.setattr("styletools.studio.loop.FRAMES_PER_SECOND", 100)

    def make(content="eilean_donan", style="great_wave", **options):
        opened.append(st.Studio(content, style, **{"size": 32, "steps": 4, **options}))
        return opened[-1]

    make.also = opened.append
    yield make
    for studio in opened:
        studio.stop()
        assert studio.wait(60)
        assert studio._loop.front_end_error is None


def rest(studio):
    assert studio.wait(60), "the studio did not come to rest"
    return studio._loop.frame


def widgets_of(widget):
    """The widget and all that lies in it."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from widgets_of(child)


def find(studio, name):
    """The widget with this CSS class."""
    (found,) = (widget for widget in widgets_of(studio.panel) if name in widget._dom_classes)
    return found


def move(widget, value):
    """What arrives when a hand moves a control; a menu sends the number of a line."""
    if hasattr(widget, "options"):
        values = [option[1] if isinstance(option, tuple) else option for option in widget.options]
        widget.set_state({"index": values.index(value)})
    else:
        widget.set_state({"value": value})


def press(studio, name):
    find(studio, f"st-{name}").click()


def drop(studio, name, file, data):
    """What arrives when a file is dropped."""
    find(studio, f"st-drop-{name}")._handle_custom_msg({"name": file}, [memoryview(data)])


def as_bytes(picture, form="PNG"):
    buffer = io.BytesIO()
    picture.save(buffer, form)
    return buffer.getvalue()


def notice(studio):
    return studio._notice.value


# --- opening ---------------------------------------------------------------------------------------------------------


def test_a_new_studio_shows_the_photograph_and_has_painted_nothing(open_studio):
    studio = open_studio()
    assert studio.state == "idle"
    assert studio.image.size == (32, 21)
    assert Image.open(io.BytesIO(studio._photo.value)).size == (32, 21)
    assert (studio.history, studio.shares) == ((), None)
    assert studio._loop._engine is None
    assert any("widget-view" in kind for kind in studio._repr_mimebundle_())


def test_everything_that_has_a_handle_has_a_name(open_studio):
    """In words for a screen reader, or as a tooltip."""
    for widget in widgets_of(open_studio().panel):
        if hasattr(widget, "value") and type(widget).__name__ not in ("HTML", "Image"):
            assert widget.description or widget.tooltip, widget


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"content": "nosuch.jpg"}, st.ImageError, "there is no file nosuch.jpg"),
        ({"style": b"text"}, st.ImageError, "not a picture that can be read"),
        ({"network": "vgg16"}, ValueError, "unknown network 'vgg16'; choose from vgg19, vgg19-slim, vgg19-torchvision"),
        ({"recipe": "soup"}, ValueError, "unknown recipe 'soup'; choose from"),
        ({"size": 8}, ValueError, "size is 8; expected 32 to 4096"),
        ({"init": "nosie"}, ValueError, "init is 'nosie'; expected one of"),
        ({"optimizer": "sgd"}, ValueError, "optimizer is 'sgd'; expected 'adam' or 'lbfgs'"),
        ({"averaging": 1.0}, ValueError, "averaging is 1.0; expected at least 0 and less than 1"),
        ({"steps": 0}, ValueError, "steps is 0; expected at least 1"),
        ({"alpha": -1}, ValueError, "alpha is -1; expected a number of at least 0"),
        ({"beta": float("nan")}, ValueError, "beta is nan; expected a number of at least 0"),
        ({"tv": float("inf")}, ValueError, "tv is inf; expected a number of at least 0"),
    ],
)
def test_settings_that_make_no_sense(open_studio, options, error, message):
    with pytest.raises(error, match=f"{message}.*[.]$"):
        open_studio(**options)


def test_every_option_reaches_the_loop_and_the_panel(open_studio):
    studio = open_studio(
        "chelsea", "the_harvest", size=48, recipe="gatys", init="noise", optimizer="lbfgs", steps=7, alpha=2, beta=3, tv=0.5,
        averaging=0.25, seed=9,
    )  # fmt: skip
    job = studio._loop.job
    assert (job.content, job.style, job.size, job.steps, job.recipe) == (
        "chelsea", "the_harvest", 48, 7, st.RECIPES["gatys"],
    )  # fmt: skip
    assert job.network == {"name": "vgg19-slim", "padding": "replicate", "dtype": None}
    assert (job.init, job.optimizer, job.learning_rate, job.averaging, job.seed) == ("noise", "lbfgs", 1.0, 0.25, 9)
    assert (job.weights.alpha, job.weights.beta, job.weights.tv) == (2.0, 3.0, 0.5)
    assert not job.coarse_to_fine
    assert (studio.alpha, studio.beta, studio.tv, studio._loop.steps) == (2.0, 3.0, 0.5, 7)
    shown = {name: menu.value for name, menu in studio._menus.items()}
    assert shown == {
        "content": "chelsea", "style": "the harvest", "network": "vgg19-slim", "size": 48, "recipe": "gatys", "init": "noise",
        "optimizer": "lbfgs",
    }  # fmt: skip
    assert [find(studio, f"st-{name}").value for name in ("alpha", "beta", "tv")] == pytest.approx([2, 3, 0.5])
    assert find(studio, "st-steps").value == 7


@pytest.mark.parametrize("recipe", list(st.RECIPES))
def test_the_recipes_own_weights_are_notches_of_the_sliders(open_studio, recipe):
    studio = open_studio(recipe=recipe)
    for name in ("alpha", "beta", "tv"):
        value, slider = getattr(studio, name), find(studio, f"st-{name}")
        assert slider.max - slider.min == pytest.approx(6)
        assert slider.step == NOTCH
        assert find(studio, f"st-{name}-on").value == (value > 0)
        if value:
            assert slider.value == pytest.approx(value)
            assert on_notch(value, slider.min) == pytest.approx(value, rel=1e-9)


def test_slider_ranges():
    assert slider_range(1.0, 1.0) == (-3.0, 3.0)
    assert slider_range(100.0, 0.0) == (-1.0, 5.0)
    assert slider_range(0.0, 0.0) == (-3.0, 3.0)
    assert slider_range(1.0, 2e6) == (-7.0, 7.0)


# --- sliders -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["alpha", "beta", "tv"])
def test_a_moved_slider_changes_the_weight_of_the_next_step(open_studio, name):
    studio = open_studio()
    studio.run(2)
    before = vars(studio._loop.weights)
    slider = find(studio, f"st-{name}")
    value = on_notch(slider.value * 7, slider.min)
    move(slider, value)
    assert vars(studio._loop.weights) == {**before, name: value}
    studio.run(1)
    used = studio.history[-1]
    assert {"alpha": used.alpha, "beta": used.beta, "tv": used.tv_weight}[name] == value
    assert [first for first, _ in studio.settings.moves] == [1, 3]


def test_a_browser_that_snaps_a_value_to_a_notch_has_moved_nothing(open_studio):
    """noUiSlider does so when it is shown, and tells us."""
    studio = open_studio(beta=33.3)
    slider = find(studio, "st-beta")
    notch = on_notch(33.3, slider.min)
    assert notch != 33.3
    assert abs(notch / 33.3 - 1) < 0.03
    assert slider.value == pytest.approx(33.3)
    move(slider, notch)
    assert studio.beta == 33.3
    move(slider, notch * 10**NOTCH)
    assert studio.beta == pytest.approx(notch * 10**NOTCH), "one notch further is a move"
    move(slider, notch)
    assert studio.beta == pytest.approx(notch), "and so is one back to it"


def test_a_check_box_mutes_and_brings_back(open_studio):
    studio = open_studio(beta=50.0)
    on, slider = find(studio, "st-beta-on"), find(studio, "st-beta")
    move(on, False)
    assert studio.beta == 0.0
    assert slider.value == pytest.approx(50), "the slider stays where it was"
    move(slider, 60.0)
    assert studio.beta == 0.0, "it is muted"
    move(on, True)
    assert studio.beta == pytest.approx(60.0)


def test_weights_set_by_a_program_move_the_sliders(open_studio):
    studio = open_studio()
    studio.beta = 345.6
    assert (studio.beta, find(studio, "st-beta").value) == (345.6, pytest.approx(345.6))
    studio.beta = 5e7  # beyond the end of the slider, which grows
    assert (studio.beta, find(studio, "st-beta").value) == (5e7, pytest.approx(5e7))
    studio.tv = 1e-9
    assert find(studio, "st-tv").value == pytest.approx(1e-9)
    studio.alpha = 3
    assert (studio.alpha, type(studio.alpha)) == (3.0, float)


def test_a_weight_of_zero_mutes(open_studio):
    studio = open_studio(alpha=1.5)
    studio.alpha = 0
    assert studio.alpha == 0.0
    assert find(studio, "st-alpha-on").value is False
    assert find(studio, "st-alpha").value == pytest.approx(1.5)
    studio.run(1)
    assert studio.history[-1].alpha == 0
    assert "∞" in studio._pulls.value
    studio.alpha = 2.0
    assert find(studio, "st-alpha-on").value is True


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
def test_a_weight_that_makes_no_sense_changes_nothing(open_studio, value):
    studio = open_studio()
    for name in ("alpha", "beta", "tv"):
        before = getattr(studio, name)
        with pytest.raises(ValueError, match=f"{name} is .*; expected a number of at least 0[.]"):
            setattr(studio, name, value)
        assert getattr(studio, name) == before


def test_layer_sliders_multiply_the_recipes_own_weights(open_studio):
    studio = open_studio(recipe="walkthrough")
    move(find(studio, "st-relu2_1"), 2.0)
    own = dict(st.RECIPES["walkthrough"].style_layers)
    assert studio._loop.weights.style_layers == {**own, "relu2_1": 1.5}
    move(find(studio, "st-relu1_1"), 0.0)
    assert studio._loop.weights.style_layers == {**own, "relu2_1": 1.5, "relu1_1": 0.0}
    studio.run(1)
    assert studio.settings.weights.style_layers["relu1_1"] == 0
    assert dict(st.RECIPES["walkthrough"].style_layers) == own, "the recipe itself stays as it is"


def test_a_layer_slider_leaves_the_other_layers_alone(open_studio):
    """Also one that is beyond the end of its slider, one that was deleted, and one that has no slider."""
    own = dict(st.RECIPES["balanced"].style_layers)
    del own["relu5_1"]
    layers = {**own, "relu1_1": 9.0, "relu3_3": 0.125}
    job = replace(open_studio(recipe="balanced").settings, weights=st.Weights(1.0, 20.0, 2.0, layers), done=0)
    open_studio.also(studio := st.Studio.from_settings(job))
    assert studio._loop.weights.style_layers == layers
    assert {name: slider.value for name, slider in studio._layer_sliders.items()} == {
        "relu1_1": 5.0, "relu2_1": 1.0, "relu3_1": 1.0, "relu4_1": 1.0, "relu5_1": 0.0,
    }  # fmt: skip
    move(find(studio, "st-relu2_1"), 2.0)
    assert studio._loop.weights.style_layers == {**layers, "relu2_1": 0.4}
    move(find(studio, "st-relu5_1"), 1.0)
    assert studio._loop.weights.style_layers == {**layers, "relu2_1": 0.4, "relu5_1": 0.2}
    studio.beta = 3.0  # which sets every control anew
    assert studio._loop.weights.style_layers == {**layers, "relu2_1": 0.4, "relu5_1": 0.2}
    studio.run(1)
    assert studio.settings.moves[-1][1].style_layers == studio._loop.weights.style_layers


def test_a_layer_without_weight_has_a_slider_at_zero(open_studio):
    studio = open_studio(recipe=replace(st.RECIPES["balanced"], style_layers={"relu1_1": 0.0, "relu2_1": 1.0}))
    assert find(studio, "st-relu1_1").value == 0
    move(find(studio, "st-relu1_1"), 2.0)
    assert studio._loop.weights.style_layers == {"relu1_1": 0.0, "relu2_1": 1.0}


@pytest.mark.parametrize("recipe", ["neighbours", "gatys"])
def test_layers_of_the_style_come_and_go_while_it_paints(open_studio, recipe):
    """With its sliders, and by a program; what was painted then is painted again by its settings."""
    studio = open_studio(recipe=recipe, steps=10**6)
    own = dict(st.RECIPES[recipe].style_layers)
    fewer = {name: weight for name, weight in own.items() if name != "relu3_1"}
    studio.start()
    expected = [own]
    for change, layers in (
        (lambda: move(find(studio, "st-relu1_1"), 0.0), {**own, "relu1_1": 0.0}),
        (lambda: move(find(studio, "st-relu1_1"), 3.0), {**own, "relu1_1": 3.0 * own["relu1_1"]}),
        (lambda: studio._loop.set(style_layers=fewer), fewer),
        (lambda: studio._loop.set(style_layers={}), {}),
        (lambda: studio._loop.set(style_layers={**fewer, "relu3_3": 0.5}), {**fewer, "relu3_3": 0.5}),
        (lambda: setattr(studio, "beta", 2.0), {**fewer, "relu3_3": 0.5}),
    ):
        wait_until_used(studio)
        change()
        expected.append(layers)
    wait_until_used(studio)
    studio.pause()
    frame = rest(studio)
    assert (frame.state, frame.message) == ("paused", "")
    assert [weights.style_layers for _, weights in frame.moves] == expected
    open_studio.also(again := st.Studio.from_settings(studio.settings.to_json()))
    assert again.history == studio.history
    assert again.image.tobytes() == studio.image.tobytes()


def wait_until_used(studio):
    """Until a step was made with the weights as they are now, and shown."""
    end = time.monotonic() + 60
    while not (moves := studio._loop.frame.moves) or moves[-1][1] != studio._loop.weights:
        assert studio.state == "running", studio._loop.frame.message
        assert time.monotonic() < end, "the studio does not paint"
        time.sleep(0.002)


def test_the_worker_writes_its_five_widgets_and_nothing_else(open_studio):
    """A slider written by the loop would jump back under the hand that drags it."""
    studio = open_studio(steps=6)
    outputs = {getattr(studio, name) for name in OUTPUTS}
    written = {"worker": set(), "here": set()}

    def note(change):
        written["here" if threading.current_thread() is threading.main_thread() else "worker"].add(change["owner"])

    for widget in widgets_of(studio.panel):
        widget.observe(note)
    studio.start()
    rest(studio)
    assert written["worker"] == outputs
    move(find(studio, "st-beta"), 200.0)
    move(find(studio, "st-size"), 128)
    rest(studio)
    assert written["worker"] == outputs
    assert not written["here"] & outputs


# --- buttons ----------------------------------------------------------------------------------------------------------------


def test_buttons(open_studio):
    studio = open_studio(steps=5)
    press(studio, "step")
    assert (rest(studio).state, len(studio.history)) == ("paused", 1)
    press(studio, "start")
    assert (rest(studio).state, len(studio.history)) == ("finished", 5)
    assert 'data-state="finished" data-step="5"' in studio._status.value
    move(find(studio, "st-steps"), 100_000)
    press(studio, "start")
    press(studio, "pause")
    frame = rest(studio)
    assert frame.state == "paused"
    assert 5 <= frame.done < 100_005
    press(studio, "stop")
    assert rest(studio).state == "idle"
    press(studio, "reset")
    frame = rest(studio)
    assert (frame.state, frame.done) == ("idle", 0)
    assert 'data-step="0"' in studio._status.value


def test_the_steps_box_moves_the_end(open_studio):
    studio = open_studio(steps=3)
    move(find(studio, "st-steps"), 6)
    press(studio, "start")
    assert rest(studio).done == 6
    assert "step 6 of 6" in studio._progress.value


def test_the_panel_shows_the_picture_the_losses_and_who_pulls(open_studio):
    studio = open_studio()
    studio.run(3)
    assert studio._photo.value == panel_module.views.jpeg(studio.image)
    assert studio._plot.value.startswith("<svg")
    assert f'data-style="{studio.shares[1]:.4f}"' in studio._pulls.value
    assert sum(studio.shares) == pytest.approx(1)


def test_the_wipe_uncovers_the_photograph_also_at_rest(open_studio):
    studio = open_studio()
    studio.run(4)
    painting = studio._photo.value
    move(find(studio, "st-wipe"), 1.0)
    rest(studio)
    assert studio._photo.value == panel_module.views.jpeg(studio._before(studio._loop.job))
    move(find(studio, "st-wipe"), 0.0)
    rest(studio)
    assert studio._photo.value == painting


def test_only_one_studio_paints_at_a_time(open_studio):
    first, second = open_studio(steps=10**6), open_studio(steps=10**6)
    first.start()
    assert first.state == "running"
    second.start()
    assert (first.state, second.state) == ("paused", "running")
    rest(first)
    first.start()
    assert (first.state, second.state) == ("running", "paused")
    first.pause()
    rest(first)
    rest(second)


def test_a_studio_that_is_gone_is_in_nobodys_way(open_studio):
    other = open_studio()
    panel_module.Studio._painting = lambda: None  # a dead reference
    other.start()
    assert rest(other).state == "finished"


def test_the_projector_is_a_class_of_the_panel(open_studio):
    studio = open_studio(projector=True)
    assert "st-projector" in studio.panel._dom_classes
    studio._projector.set_state({"value": False})
    assert "st-projector" not in studio.panel._dom_classes
    studio._projector.set_state({"value": True})
    assert "st-projector" in studio.panel._dom_classes
    assert "st-projector" not in open_studio().panel._dom_classes


# --- menus -------------------------------------------------------------------------------------------------------------------


def test_a_recipe_brings_weights_start_optimiser_and_layers(open_studio):
    studio = open_studio(beta=77.0)
    move(find(studio, "st-recipe"), "modules")
    recipe, job = st.RECIPES["modules"], studio._loop.job
    assert (job.recipe, job.init, job.optimizer, job.learning_rate) == (recipe, recipe.init, "lbfgs", 1.0)
    assert (studio.alpha, studio.beta, studio.tv) == (recipe.alpha, recipe.beta, recipe.tv)
    assert studio._loop.weights.style_layers == recipe.style_layers
    assert find(studio, "st-optimizer").value == "lbfgs"
    assert find(studio, "st-beta").value == pytest.approx(1.0)
    assert find(studio, "st-tv-on").value is False
    assert list(studio._layer_sliders) == list(recipe.style_layers)
    assert (rest(studio).message, len(studio.shares)) == ("", 3), "who pulls is measured at the new layers"
    move(find(studio, "st-conv1_1"), 3.0)
    assert studio._loop.weights.style_layers["conv1_1"] == pytest.approx(0.6)
    studio.run(2)
    assert len(studio.history) == 2


@pytest.mark.parametrize(
    ("recipe", "optimizer", "rate"),
    [("balanced", "adam", 0.09), ("balanced", "lbfgs", 1.0), ("modules", "lbfgs", 1.0), ("d2l", "adam", 0.3)],
)
def test_learning_rates(open_studio, recipe, optimizer, rate):
    studio = open_studio(recipe=recipe)
    move(find(studio, "st-optimizer"), optimizer)
    assert studio._loop.job.learning_rate == rate
    assert open_studio(recipe=recipe, optimizer=optimizer)._loop.job.learning_rate == rate


@pytest.mark.parametrize(
    ("name", "value", "setting"),
    [
        ("content", "chelsea", "chelsea"), ("style", "the harvest", "the_harvest"), ("size", 128, 128),
        ("init", "noise", "noise"), ("optimizer", "lbfgs", "lbfgs"),
    ],
)  # fmt: skip
def test_a_menu_begins_again_and_keeps_the_weights(open_studio, name, value, setting):
    studio = open_studio(beta=77.0)
    studio.run(2)
    move(find(studio, f"st-{name}"), value)
    frame = rest(studio)
    assert getattr(frame.job, name) == setting
    assert (frame.state, frame.done, frame.weights.beta) == ("idle", 0, 77.0)
    assert studio._strip.last.settings.done == 2, "the run before is kept"
    studio.run(1)
    assert len(studio.history) == 1
    if name == "size":
        assert max(studio.image.size) == 128


def test_a_menu_used_while_painting_goes_on_painting(open_studio):
    studio = open_studio(steps=10**6)
    studio.start()
    move(find(studio, "st-content"), "chelsea")
    move(find(studio, "st-size"), 128)
    assert studio.state == "running"
    move(find(studio, "st-steps"), 1)  # an end that has gone by
    frame = rest(studio)
    assert (frame.state, frame.job.content, max(frame.image.size)) == ("finished", "chelsea", 128)


def test_a_size_of_ones_own_is_in_the_menu(open_studio):
    studio = open_studio(size=33)
    assert find(studio, "st-size").options == (33, *panel_module.SIZES)


def test_pictures_of_one_name_in_two_folders(open_studio, tmp_path):
    for folder, color in (("a", "red"), ("b", "blue")):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (40, 40), color).save(tmp_path / folder / "cat.png")
    studio = open_studio(str(tmp_path / "a" / "cat.png"), str(tmp_path / "b" / "cat.png"))
    move(find(studio, "st-size"), 128)
    assert studio._loop.job.content == str(tmp_path / "a" / "cat.png")
    assert studio._loop.job.style == str(tmp_path / "b" / "cat.png")


def test_pictures_as_they_are(open_studio):
    red, blue = Image.new("RGB", (40, 30), "red"), as_bytes(Image.new("RGB", (40, 30), "blue"))
    studio = open_studio(red, blue)
    move(find(studio, "st-size"), 128)
    assert studio._loop.job.content is red
    assert studio._loop.job.style is blue
    assert (find(studio, "st-content").value, find(studio, "st-style").value) == ("your content", "your style")


# --- uploads -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["content", "style"])
def test_a_dropped_picture_is_painted(open_studio, name):
    studio = open_studio()
    studio.run(1)
    drop(studio, name, "my cat.jpg", as_bytes(Image.new("RGB", (60, 60), "red"), "JPEG"))
    assert notice(studio) == ""
    assert find(studio, f"st-{name}").value == "my cat.jpg"
    assert getattr(studio._loop.job, name).size == (60, 60)
    other = "style" if name == "content" else "content"
    assert "my cat.jpg" in find(studio, f"st-{other}").options
    frame = rest(studio)
    assert (frame.state, frame.done) == ("idle", 0)
    studio.run(1)
    assert studio.image.size == ((32, 32) if name == "content" else (32, 21))


def test_two_dropped_pictures_of_one_name(open_studio):
    studio = open_studio()
    for color in ("red", "lime", "blue"):
        drop(studio, "content", "cat.png", as_bytes(Image.new("RGB", (40, 40), color)))
    content = find(studio, "st-content")
    assert content.value == "cat.png (3)"
    assert content.options[-3:] == ("cat.png", "cat.png (2)", "cat.png (3)")
    move(content, "cat.png (2)")
    assert studio._loop.job.content.getpixel((0, 0)) == (0, 255, 0)


@pytest.mark.parametrize(
    "data", [b"Dear diary", b"", as_bytes(Image.new("RGB", (99, 99)))[:60]], ids=["text", "empty", "half a picture"]
)
def test_a_dropped_file_that_is_no_picture(open_studio, data):
    studio = open_studio()
    studio.run(1)
    job, options = studio._loop.job, find(studio, "st-content").options
    drop(studio, "content", "folder/<b>diary</b>.txt", data)
    assert "is not a picture that can be read (JPEG, PNG, WebP, ...)." in notice(studio)
    assert "<b>" not in notice(studio)
    assert studio._loop.job is job
    assert find(studio, "st-content").options == options
    assert len(studio.history) == 1, "the run goes on"
    drop(studio, "content", "cat.png", as_bytes(Image.new("RGB", (40, 40), "red")))
    assert notice(studio) == "", "a good one takes the sentence away"
    press(studio, "start")
    assert rest(studio).state == "finished"


# --- snapshots ---------------------------------------------------------------------------------------------------------------


def detours(studio):
    """A run with everything that may happen on the way."""
    studio.run(2)
    studio.beta = 200.0
    studio.step()
    rest(studio)
    studio.alpha = 0.0
    studio.tv = 0.3
    move(next(iter(studio._layer_sliders.values())), 2.5)
    studio.run(2)
    studio.alpha = 1.5
    studio.start()
    rest(studio)
    studio.beta = 11.0  # of the next step, which is never made
    rest(studio)


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("settings", {"init": "noise", "seed": 3}),
        ("text", {"optimizer": "lbfgs", "averaging": 0.5}),
        ("file", {"recipe": "gatys", "size": 40}),
        ("file", {"recipe": "modules"}),
    ],
    ids=["adam", "lbfgs", "gatys", "modules"],
)
def test_from_settings_paints_the_same_picture(open_studio, tmp_path, options, form):
    studio = open_studio(**options)
    detours(studio)
    settings = studio.settings
    assert [first for first, _ in settings.moves] == [1, 3, 4, 6]
    source = settings
    if form == "text":
        source = settings.to_json()
    if form == "file":
        source = studio.save(tmp_path / "picture.png")
    again = st.Studio.from_settings(source)
    open_studio.also(again)
    assert again.history == studio.history
    assert again.image.tobytes() == studio.image.tobytes()
    assert again.settings == settings
    assert find(again, "st-beta").value == pytest.approx(11.0)
    rest(again)
    studio.run(2)
    again.run(2)
    assert again.history == studio.history, "and both go on alike"


def test_from_settings_of_an_upload(open_studio):
    studio = open_studio()
    drop(studio, "style", "my cat.jpg", as_bytes(st.sample("chelsea"), "JPEG"))
    studio.run(3)
    again = st.Studio.from_settings(studio.snapshot().settings.to_json())
    open_studio.also(again)
    assert again.image.tobytes() == studio.image.tobytes()


def test_from_settings_before_the_first_step(open_studio):
    studio = open_studio(beta=5.0, size=40)
    again = st.Studio.from_settings(studio.settings, projector=True)
    open_studio.also(again)
    assert again.settings == studio.settings
    assert (again.settings.done, again.beta, again.state) == (0, 5.0, "idle")
    assert "st-projector" in again.panel._dom_classes


def test_from_settings_builds_one_engine(open_studio, monkeypatch):
    built = []

    class Engine(TransferEngine):
        def __init__(self, job):
            built.append(job)
            super().__init__(job)

    studio = open_studio(size=40)
    studio.run(2)
    monkeypatch.setattr(panel_module, "TransferEngine", Engine)
    open_studio.also(again := st.Studio.from_settings(studio.settings))
    rest(again)
    assert built == [studio._loop.job]


def test_from_settings_of_something_else(tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "plain.png")
    for source, error, message in (
        (tmp_path / "plain.png", st.SettingsError, r"plain\.png does not say how it was made"),
        (tmp_path / "missing.png", st.ImageError, "there is no file"),
        ("missing.png", st.ImageError, "there is no file missing.png"),
        ("{}", st.SettingsError, "these are not settings that styletools wrote"),
        (' {"format": 99}', st.SettingsError, "written by a newer styletools"),
    ):
        with pytest.raises(error, match=message):
            st.Studio.from_settings(source)


def test_from_settings_of_a_picture_painted_coarse_to_fine(tmp_path):
    """A studio paints at one size; the sentence names what does paint it."""
    job = st.Job("eilean_donan", "great_wave", 48, 2)
    st.save_picture(Image.new("RGB", (48, 32)), tmp_path / "stylized.png", job)
    for source in (job, job.to_json(), tmp_path / "stylized.png"):
        with pytest.raises(st.SettingsError, match=r"^this was painted coarse to fine, .*: st\.paint paints it again\.$"):
            st.Studio.from_settings(source)


@pytest.mark.parametrize("moves", [(), "moved"])
def test_from_settings_that_tell_no_end_paint_all_steps(open_studio, moves):
    """As `st.paint` does, and as the command line writes them with --from and a new option."""
    own = st.RECIPES["balanced"].weights()
    moves = moves and ((1, own), (3, replace(own, beta=90.0)), (9, own))  # the last one is beyond the end
    job = st.Job("eilean_donan", "great_wave", 32, 4, "balanced", moves=moves, coarse_to_fine=False)
    open_studio.also(studio := st.Studio.from_settings(job))
    assert (studio.state, len(studio.history)) == ("finished", 4)
    assert [step.beta for step in studio.history] == ([20.0, 20.0, 90.0, 90.0] if moves else [20.0] * 4)
    assert studio.image.tobytes() == st.paint(job).tobytes()


@pytest.mark.parametrize("name", ["studio_1.png", "sheet_1.png"])
def test_pictures_of_the_first_version_are_painted_again(open_studio, name):
    """An upload, four steps, beta moved from 10 to 30 after the second."""
    open_studio.also(studio := st.Studio.from_settings(DATA / name))
    assert (studio.state, len(studio.history), studio.beta) == ("finished", 4, 30.0)
    assert [step.beta for step in studio.history] == [10.0, 10.0, 30.0, 30.0]
    assert [first for first, _ in studio.settings.moves] == [1, 3]
    assert (find(studio, "st-recipe").value, find(studio, "st-content").value) == ("neighbours", "your content")
    with Image.open(DATA / "studio_1.png") as old:
        difference = ImageStat.Stat(ImageChops.difference(old.convert("RGB"), studio.image))
        start = ImageStat.Stat(ImageChops.difference(old.convert("RGB"), studio._before(studio._loop.job)))
    assert max(difference.mean) < 2 < max(start.mean), "much nearer to the old painting than to the photograph"
    assert st.Studio.from_settings(studio.settings.to_json()).image.tobytes() == studio.image.tobytes()


# --- recipes of one's own ----------------------------------------------------------------------------------------------------


OWN = replace(st.RECIPES["balanced"], source="me", beta=7.0)


def test_a_recipe_of_ones_own_is_painted_and_is_in_the_menu(open_studio):
    studio = open_studio(recipe=OWN)
    menu = find(studio, "st-recipe")
    assert (menu.value, studio.beta) == ("as saved", 7.0)
    assert set(menu.options) == {"as saved", *st.RECIPES}
    studio.run(2)
    assert studio.history[-1].beta == 7.0
    assert studio.settings.recipe == OWN
    move(menu, "balanced")
    assert (studio._loop.job.recipe, studio.beta) == (st.RECIPES["balanced"], 20.0)
    move(menu, "as saved")
    assert (studio._loop.job.recipe, studio.beta) == (OWN, 7.0), "it stays in the menu"
    assert "as saved" not in st.RECIPES
    assert set(find(open_studio(), "st-recipe").options) == set(st.RECIPES), "of this studio only"


def test_a_recipe_of_ones_own_travels_inside_the_picture(open_studio, tmp_path):
    studio = open_studio(recipe=replace(OWN, style_layers={"relu2_1": 0.75, "conv4_2": 0.25}, betas=(0.5, 0.75)))
    detours(studio)
    again = st.Studio.from_settings(studio.save(tmp_path / "own.png"))
    open_studio.also(again)
    assert again.settings == studio.settings
    assert again.image.tobytes() == studio.image.tobytes()
    assert find(again, "st-recipe").value == "as saved"
    assert list(again._layer_sliders) == ["relu2_1", "conv4_2"]


def test_a_known_recipe_is_known_again_from_a_file(open_studio, tmp_path):
    studio = open_studio(recipe="walkthrough")
    studio.run(1)
    open_studio.also(again := st.Studio.from_settings(studio.save(tmp_path / "known.png")))
    assert find(again, "st-recipe").value == "walkthrough"
    assert set(find(again, "st-recipe").options) == set(st.RECIPES)


# --- the same settings, the same picture -------------------------------------------------------------------------------------


EVERY_WAY = """
import sys, torch, styletools as st
torch.set_num_threads(int(sys.argv[1]))
for options in ({}, {"recipe": "balanced", "optimizer": "lbfgs"}):
    made = [st.Studio(size=64, steps=5, **options) for _ in range(3)]
    made[0].run()
    made[1].start()
    made[1].wait(60)
    for _ in range(5):  # a worker thread for each
        made[2].step()
        made[2].wait(60)
    made.append(st.Studio.from_settings(made[0].settings.to_json()))
    pictures = [one.image.tobytes() for one in made] + [st.paint(made[0].settings).tobytes()]
    assert [one.history for one in made] == [made[0].history] * 4, options
    assert pictures == pictures[:1] * 5, options
    assert len(made[0].history) == 5
assert torch.get_num_threads() == int(sys.argv[1])
print("the same")
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_every_way_of_painting_gives_the_same_bytes(threads):
    """Whatever the number of torch's threads, also where OpenMP was told another, with which new threads begin.

    In a process of its own: the number of threads is the whole process's, and should not change in the middle of these tests.
    """
    result = run_python("-c", EVERY_WAY, threads, OMP_NUM_THREADS=str(3 - threads))
    assert (result.stderr, result.stdout) == ("", "the same\n")


def test_snapshots_are_cards_on_the_strip(open_studio):
    studio = open_studio(alpha=1, beta=20, tv=2)
    press(studio, "snapshot")
    assert "there is no picture yet: press Start or Step first." in notice(studio)
    assert studio.snapshots == []
    studio.run(2)
    press(studio, "snapshot")
    assert notice(studio) == ""
    studio.run(1)
    taken = studio.snapshot("more")
    assert [one.label for one in studio.snapshots] == ["1", "more"]
    assert [one.settings.done for one in studio.snapshots] == [2, 3]
    assert taken.image is studio.image
    picture, words, _ = find(studio, "st-strip").children[1].children
    assert Image.open(io.BytesIO(picture.value)).size == studio.image.size
    assert words.value == "more · step 3<br>α 1  β 20  TV 2"


def test_the_run_before_stays_on_the_strip(open_studio):
    studio = open_studio()
    studio.run(3)
    studio.snapshot()
    press(studio, "reset")
    rest(studio)
    strip = find(studio, "st-strip").children
    assert ["last run · step 3" in card.children[1].value for card in strip] == [True, False]
    assert len(studio.snapshots) == 1, "but it is no snapshot"
    studio.run(1)
    studio.stop()
    press(studio, "start")
    rest(studio)
    assert "last run · step 1" in find(studio, "st-strip").children[0].children[1].value


def test_two_snapshots_are_compared(open_studio):
    studio = open_studio()
    kept = []
    for _ in range(3):
        studio.run(1)
        kept.append(studio.snapshot())
    side = find(studio, "st-compare")

    def ticked():
        return [card.children[-1].value for card in find(studio, "st-strip").children]

    def tick(number, value):
        move(find(studio, "st-strip").children[number].children[-1], value)

    assert (side.children, ticked()) == ((), [False] * 3)
    tick(0, True)
    tick(2, True)
    assert [box.children[1].value[:1] for box in side.children] == ["1", "3"]
    tick(1, True)  # a third takes the place of the first
    assert [box.children[1].value[:1] for box in side.children] == ["3", "2"]
    assert ticked() == [False, True, True]
    tick(2, False)
    assert [box.children[1].value[:1] for box in side.children] == ["2"]
    studio.compare(*kept)
    assert [box.children[1].value[:1] for box in side.children] == ["2", "3"]
    studio.compare()
    assert (side.children, ticked()) == ((), [False] * 3)


# --- files -------------------------------------------------------------------------------------------------------------------


def test_saving_never_overwrites(open_studio, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    studio = open_studio()
    press(studio, "save")
    assert "there is no picture yet" in notice(studio)
    press(studio, "sheet")
    assert "there are no snapshots yet" in notice(studio)
    assert list(tmp_path.iterdir()) == []
    studio.run(1)
    (tmp_path / "studio_2.png").write_text("mine")
    for name in ("studio_1.png", "studio_3.png"):
        press(studio, "save")
        assert notice(studio) == f"saved as {name}"
        assert st.read_jobs(name) == [studio.settings]
    assert (tmp_path / "studio_2.png").read_text() == "mine"
    assert Image.open("studio_1.png").tobytes() == studio.image.tobytes()
    assert studio.save("studio_1.png").name == "studio_1.png", "unless told to"


def test_a_contact_sheet_has_the_settings_of_each(open_studio, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    studio = open_studio()
    for beta in (5.0, 50.0):
        studio.beta = beta
        studio.run(1)
        studio.snapshot()
    press(studio, "sheet")
    assert notice(studio) == "saved as snapshots_1.png"
    assert st.read_jobs("snapshots_1.png") == [one.settings for one in studio.snapshots]
    again = st.Studio.from_settings("snapshots_1.png")
    open_studio.also(again)
    assert again.image.tobytes() == studio.snapshots[0].image.tobytes()


@pytest.mark.parametrize("ending", ["jpg", "JPEG", "webp"])
def test_jpeg_and_webp_keep_their_settings_too(open_studio, tmp_path, ending):
    studio = open_studio("chelsea", "the_harvest", recipe=OWN)
    detours(studio)
    path = studio.save(tmp_path / f"picture.{ending}")
    with Image.open(path) as image:
        assert (image.format, image.size) == ("WEBP" if ending == "webp" else "JPEG", studio.image.size)
    assert st.read_jobs(path) == [studio.settings]
    open_studio.also(again := st.Studio.from_settings(path))
    assert again.history == studio.history
    assert again.image.tobytes() == studio.image.tobytes(), "painted again, it is what was written, without JPEG's losses"


def test_a_large_upload_finds_no_room_in_a_jpeg(open_studio, tmp_path):
    """The picture is saved all the same, and says so when it is asked; PNG has room."""
    noise = Image.frombytes("RGB", (160, 160), random.Random(0).randbytes(160 * 160 * 3))
    studio = open_studio(noise, size=160)
    studio.run(1)
    assert st.load_image(studio.save(tmp_path / "a.jpg")).size == (160, 160)
    with pytest.raises(st.SettingsError, match=r"a\.jpg does not say how it was made"):
        st.Studio.from_settings(tmp_path / "a.jpg")
    open_studio.also(again := st.Studio.from_settings(studio.save(tmp_path / "a.png")))
    assert again.image.tobytes() == studio.image.tobytes()


def test_a_picture_of_a_file_finds_the_file_again_or_says_that_it_is_gone(open_studio, tmp_path):
    photo = tmp_path / "cat.png"
    Image.new("RGB", (40, 30), "red").save(photo)
    studio = open_studio(str(photo))
    studio.run(1)
    saved = studio.save(tmp_path / "studio_1.png")
    (tmp_path / "elsewhere").mkdir()
    photo, saved = (path.rename(tmp_path / "elsewhere" / path.name) for path in (photo, saved))
    open_studio.also(again := st.Studio.from_settings(saved))
    assert again.image.tobytes() == studio.image.tobytes(), "both were moved"
    photo.unlink()
    with pytest.raises(st.ImageError, match=r"cat\.png, of which this was painted, is not there any more"):
        st.Studio.from_settings(saved)


def test_a_folder_that_does_not_exist(open_studio, tmp_path):
    studio = open_studio()
    studio.run(1)
    with pytest.raises(st.ImageError, match=r"cannot write a picture to .*nowhere"):
        studio.save(tmp_path / "nowhere" / "a.png")


# --- when it goes wrong ------------------------------------------------------------------------------------------------------


@pytest.fixture
def no_torchvision_weights(monkeypatch, tmp_path):
    """None of torchvision's weights in the cache, none handed round, and no network."""
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch home"))
    monkeypatch.delenv("STYLETOOLS_WEIGHTS", raising=False)

    def offline(*_, **__):
        raise URLError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    network.cache_clear()
    yield
    network.cache_clear()


@pytest.mark.usefixtures("no_torchvision_weights")
def test_missing_weights_are_told_and_the_panel_stays_usable(open_studio):
    studio = open_studio()
    studio.run(1)
    move(find(studio, "st-network"), "vgg19-torchvision")
    frame = rest(studio)
    assert frame.state == "error"
    assert "the weights of vgg19-torchvision are not on this computer" in studio._status.value
    assert 'role="alert"' in studio._status.value
    assert 'data-state="error"' in studio._status.value
    with pytest.raises(st.WeightsError):
        studio.run(1)
    press(studio, "start")
    assert rest(studio).state == "error", "trying again is allowed"
    move(find(studio, "st-network"), "vgg19-slim")
    frame = rest(studio)
    assert (frame.state, frame.message) == ("idle", "")
    assert "alert" not in studio._status.value
    press(studio, "start")
    assert (rest(studio).state, len(studio.history)) == ("finished", 4)


def test_a_run_that_diverges_is_told_and_may_begin_again(open_studio):
    studio = open_studio(recipe="modules", steps=40)
    studio._loop.reset(replace(studio._loop.job, learning_rate=1e30))
    press(studio, "start")
    frame = rest(studio)
    assert frame.state == "error"
    assert "diverged" in studio._status.value
    move(find(studio, "st-recipe"), "balanced")
    studio.run(2)
    assert (studio.state, len(studio.history)) == ("finished", 2)


def test_run_is_the_same_every_time(open_studio):
    one, two = open_studio(), open_studio()
    one.run()
    two.start()
    rest(two)
    assert one.history == two.history
    assert len(one.history) == 4, "as many as a press of start paints"
    assert one.image.tobytes() == two.image.tobytes()
