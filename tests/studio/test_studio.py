"""What a program may do with a studio, and how its two threads share the page."""

import gc
import random
import threading
import time
import weakref
from dataclasses import replace
from urllib.error import URLError

import ipywidgets
import pytest
import torch
from helpers import ROOT, run_python
from PIL import Image, ImageChops, ImageStat

import styletools as st
from styletools.studio import studio as studio_module
from styletools.studio.engine import TransferEngine, network
from styletools.studio.experiments import EXPERIMENTS, Experiment
from styletools.studio.screen import photograph

DATA = ROOT / "tests" / "data"
WORKERS = {"frame", "painting", "heat", "gram", "gram_target", "gram_text", "timeline"}  # what the worker writes of the page


def say(studio, do, **message):
    """What arrives when a hand does something on the page."""
    studio.hands.hear({"do": do, **message})


# --- opening ---------------------------------------------------------------------------------------------------------


def test_a_new_studio_has_painted_nothing(open_studio):
    studio = open_studio()
    assert studio.state == "idle"
    assert studio.image.size == (32, 21)
    assert (studio.history, studio.shares, studio.snapshots) == ((), None, [])
    assert studio.loop._engine is None
    assert "_painting" not in vars(studio)


def test_a_plain_studio_paints_until_paused():
    studio = st.Studio()
    assert studio.loop.steps is None
    assert studio.panel.setup["steps"] is None
    assert (studio.settings.content, studio.settings.style, studio.settings.size) == ("eilean_donan", "great_wave", 256)
    studio.close()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"content": "nosuch.jpg"}, st.ImageError, "there is no file nosuch.jpg"),
        ({"style": b"text"}, st.ImageError, "not a picture that can be read"),
        (
            {"network": "vgg16"},
            ValueError,
            r"unknown network 'vgg16' \(did you mean 'vgg19'\?\); choose from vgg19, vgg19-slim, vgg19-torchvision",
        ),
        ({"recipe": "soup"}, ValueError, "unknown recipe 'soup'; choose from"),
        ({"size": 8}, ValueError, "size is 8; expected 32 to 4096"),
        ({"size": 64.5}, ValueError, "size is 64.5; expected a whole number"),
        ({"size": "64"}, ValueError, "size is 64; expected a whole number"),
        ({"init": "nosie"}, ValueError, "init is 'nosie'; expected one of"),
        ({"optimizer": "sgd"}, ValueError, "optimizer is 'sgd'; expected 'adam' or 'lbfgs'"),
        ({"averaging": 1.0}, ValueError, "averaging is 1.0; expected at least 0 and less than 1"),
        ({"steps": 0}, ValueError, "steps is 0; expected at least 1, or None to paint until paused"),
        ({"steps": 2.5}, ValueError, "steps is 2.5; expected at least 1"),
        ({"alpha": -1}, ValueError, "alpha is -1; expected a number of at least 0"),
        ({"beta": float("nan")}, ValueError, "beta is nan; expected a number of at least 0"),
        ({"tv": float("inf")}, ValueError, "tv is inf; expected a number of at least 0"),
        ({"experiment": "alchemy"}, ValueError, "there is no experiment 'alchemy'; choose from beta_ladder"),
    ],
)
def test_settings_that_make_no_sense(open_studio, options, error, message):
    with pytest.raises(error, match=f"{message}.*[.]$"):
        open_studio(**options)


def test_every_option_reaches_the_loop(open_studio):
    studio = open_studio(
        "chelsea", "the_harvest", size=48, recipe="gatys", init="noise", optimizer="lbfgs", steps=7, alpha=2, beta=3, tv=0.5,
        averaging=0.25, seed=9, projector=True,
    )  # fmt: skip
    job = studio.loop.job
    assert (job.content, job.style, job.size, job.steps, job.recipe) == (
        "chelsea", "the_harvest", 48, 7, st.RECIPES["gatys"],
    )  # fmt: skip
    assert job.network == {"name": "vgg19-slim", "padding": "replicate", "dtype": None}
    assert (job.init, job.optimizer, job.learning_rate, job.averaging, job.seed) == ("noise", "lbfgs", 1.0, 0.25, 9)
    assert (job.weights.alpha, job.weights.beta, job.weights.tv) == (2.0, 3.0, 0.5)
    assert not job.coarse_to_fine
    assert (studio.alpha, studio.beta, studio.tv, studio.loop.steps) == (2.0, 3.0, 0.5, 7)
    assert studio.screen.projector


# --- dropping ----------------------------------------------------------------------------------------------------------


def used_studio(rest):
    """A studio that has done all that makes others hold on to it."""
    studio = st.Studio(size=32, steps=2)
    studio.start()
    rest(studio)
    studio.snapshot()
    say(studio, "beat", id="0123456789", keeps=False)
    say(studio, "weight", name="beta", value=3)
    say(studio, "choose", name="heat", value="style")
    rest(studio)
    assert studio.loop.front_end_error is None
    return studio


def test_a_dropped_studio_is_freed_at_once_with_engine_and_panel(rest):
    studio = used_studio(rest)
    parts = [
        weakref.ref(part) for part in (studio, studio.loop, studio.loop._engine, studio.hands, studio.screen, studio.panel)
    ]
    model = studio.panel.model_id
    gc.collect()
    gc.disable()  # what is large may not wait for the garbage collector
    try:
        del studio
        assert [part() for part in parts[:4]] == [None] * 4
    finally:
        gc.enable()
    gc.collect()
    assert [part() for part in parts] == [None] * 6
    assert model not in ipywidgets.widgets.widget._instances


def test_thirty_studios_leave_no_engine_behind(rest, monkeypatch):
    engines = weakref.WeakSet()

    class Engine(TransferEngine):
        def __init__(self, job):
            super().__init__(job)
            engines.add(self)

    monkeypatch.setattr(studio_module, "TransferEngine", Engine)
    for number in range(30):
        studio = st.Studio(size=32)
        if number % 2:
            studio.run(1)
        else:
            studio.step()
            rest(studio)
        if number % 3 == 0:
            studio._repr_mimebundle_()
            studio.close()
    assert len(engines) <= 2, "the last one, and the one whose worker has just ended"
    del studio
    gc.collect()
    assert len(engines) == 0


def test_a_studio_dropped_while_it_paints_ends(open_studio):
    studio = st.Studio(size=32)
    studio.start()
    loop = studio.loop
    del studio
    assert loop.wait(60)
    assert loop.state == "idle"


def test_a_studio_that_is_shown_lives_until_it_is_closed(rest):
    studio = used_studio(rest)
    data, _ = studio._repr_mimebundle_()
    assert any("widget-view" in kind for kind in data)
    assert data["text/plain"] == "the studio's panel: run this notebook to see it"
    there, panel = weakref.ref(studio), studio.panel
    del studio
    gc.collect()
    assert there() is not None, "its page may be in use"
    panel._handle_custom_msg({"do": "weight", "name": "beta", "value": 7}, [])
    assert there().beta == 7.0
    there().close()
    gc.collect()
    assert there() is None


def test_a_closed_studio_still_has_its_picture(rest, tmp_path):
    studio = used_studio(rest)
    studio.start()
    studio.close()
    studio.close()
    assert studio.wait(60)
    assert studio._repr_mimebundle_() == {"text/plain": "this studio is closed"}
    assert st.load_image(studio.save(tmp_path / "a.png")).tobytes() == studio.image.tobytes()
    studio.run(1)
    studio.reset()
    rest(studio)


# --- weights -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["alpha", "beta", "tv"])
def test_a_weight_counts_from_the_next_step(open_studio, name):
    studio = open_studio()
    studio.run(2)
    before = vars(studio.loop.weights)
    setattr(studio, name, 345)
    assert (getattr(studio, name), type(getattr(studio, name))) == (345.0, float)
    assert vars(studio.loop.weights) == {**before, name: 345.0}
    assert studio.panel.setup["weights"][name] == 345.0
    studio.run(1)
    used = studio.history[-1]
    assert {"alpha": used.alpha, "beta": used.beta, "tv": used.tv_weight}[name] == 345.0
    assert [first for first, _ in studio.settings.moves] == [1, 3]


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), None, True, "20", [1], 10**400], ids=lambda v: str(v)[:5])
def test_a_weight_that_makes_no_sense_changes_nothing(open_studio, value):
    studio = open_studio()
    for name in ("alpha", "beta", "tv"):
        before = getattr(studio, name)
        with pytest.raises(ValueError, match=f"{name} is .*; expected a number of at least 0[.]"):
            setattr(studio, name, value)
        assert getattr(studio, name) == before


def test_a_weight_may_be_a_number_of_any_kind(open_studio):
    studio = open_studio()
    studio.beta = torch.tensor(2.5)
    assert (studio.beta, type(studio.beta)) == (2.5, float)


def test_layers_by_a_program(open_studio):
    studio = open_studio(recipe="balanced")
    studio.style_layers = {"relu1_1": 2, "relu3_3": 0.5}
    assert studio.style_layers == {"relu1_1": 2.0, "relu3_3": 0.5}
    studio.style_layers["relu1_1"] = 9.0  # of a copy
    assert studio.style_layers == {"relu1_1": 2.0, "relu3_3": 0.5}
    with pytest.raises(st.SettingsError, match="relu1_1 is -1; expected a number"):
        studio.style_layers = {"relu1_1": -1}
    studio.run(1)
    assert studio.settings.moves[-1][1].style_layers == {"relu1_1": 2.0, "relu3_3": 0.5}


def wait_until_used(studio):
    """Until a step was made with the weights as they are now, and shown."""
    end = time.monotonic() + 60
    while not (moves := studio.loop.frame.moves) or moves[-1][1] != studio.loop.weights:
        assert studio.state == "running", studio.loop.frame.message
        assert time.monotonic() < end, "the studio does not paint"
        time.sleep(0.002)


@pytest.mark.parametrize("recipe", ["neighbours", "gatys"])
def test_layers_of_the_style_come_and_go_while_it_paints(open_studio, rest, recipe):
    """With its sliders, and by a program; what was painted then is painted again by its settings."""
    studio = open_studio(recipe=recipe, steps=None)
    own = dict(st.RECIPES[recipe].style_layers)
    fewer = {name: weight for name, weight in own.items() if name != "relu3_1"}
    studio.start()
    expected = [own]
    for change, layers in (
        (lambda: say(studio, "layer", name="relu1_1", factor=0), {**own, "relu1_1": 0.0}),
        (lambda: say(studio, "layer", name="relu1_1", factor=3), {**own, "relu1_1": 3.0 * own["relu1_1"]}),
        (lambda: setattr(studio, "style_layers", fewer), fewer),
        (lambda: setattr(studio, "style_layers", {}), {}),
        (lambda: setattr(studio, "style_layers", {**fewer, "relu3_3": 0.5}), {**fewer, "relu3_3": 0.5}),
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
    again = open_studio.also(st.Studio.from_settings(studio.settings.to_json()))
    assert again.history == studio.history
    assert again.image.tobytes() == studio.image.tobytes()


# --- two threads --------------------------------------------------------------------------------------------------------


def test_each_thread_writes_its_own_part_of_the_page(open_studio, rest):
    """A slider written by the worker would jump back under the hand that drags it."""
    studio = open_studio(steps=6)
    studio.start()
    rest(studio)
    written = {"worker": set(), "here": set()}

    def note(change):
        written["here" if threading.current_thread() is threading.main_thread() else "worker"].add(change["name"])

    studio.panel.observe(note)
    studio.start()
    rest(studio)
    say(studio, "choose", name="heat", value="content")
    say(studio, "choose", name="gram", value="relu2_1")
    rest(studio)
    say(studio, "weight", name="beta", value=200)
    say(studio, "snapshot")
    say(studio, "compare", id=1, on=True)
    say(studio, "choose", name="size", value=48)
    say(studio, "nonsense")
    say(studio, "experiment", key="beta_ladder")
    rest(studio)
    say(studio, "restore", id=1)
    rest(studio)
    assert written["worker"] == WORKERS
    assert written["here"] == {"setup", "cards", "compared", "notice", "experiment", "content_picture"}


def test_both_threads_at_once(open_studio, rest):
    """Buttons and sliders in any order while it paints: nothing raises, nothing hangs."""
    studio, dice = open_studio(steps=None), random.Random(0)
    ways = [
        {"do": "start"}, {"do": "pause"}, {"do": "step"}, {"do": "reset"}, {"do": "snapshot"}, {"do": "go_back", "step": 0},
        {"do": "weight", "name": "beta", "value": 30}, {"do": "layer", "name": "relu1_1", "factor": 0.5},
        {"do": "choose", "name": "heat", "value": "tv"}, {"do": "choose", "name": "gram", "value": "relu1_1"},
        {"do": "choose", "name": "size", "value": 40}, {"do": "restore", "id": 1}, {"do": "scrub", "step": 0},
        {"do": "delete", "id": 1}, {"do": "beat", "id": "x"}, {"do": "experiment", "key": "mute_alpha"},
    ]  # fmt: skip
    studio.start()
    for _ in range(80):
        studio.hands.hear(dice.choice(ways))
        assert studio.panel.notice.get("tone") != "problem" or "no picture yet" in studio.panel.notice["text"], (
            studio.panel.notice
        )
        time.sleep(0.01)
    studio.pause()
    assert rest(studio).message == ""


# --- buttons -----------------------------------------------------------------------------------------------------------


def test_buttons(open_studio, rest):
    studio = open_studio(steps=5)
    studio.step()
    assert (rest(studio).state, len(studio.history)) == ("paused", 1)
    studio.start()
    assert (rest(studio).state, len(studio.history)) == ("finished", 5)
    studio.start()
    studio.pause()
    frame = rest(studio)
    assert frame.state in ("paused", "finished")
    studio.stop()
    assert rest(studio).state == "idle"
    studio.reset()
    frame = rest(studio)
    assert (frame.state, frame.done) == ("idle", 0)


def test_run_is_the_same_every_time_as_start(open_studio, rest):
    one, two = open_studio(), open_studio()
    one.run()
    two.start()
    rest(two)
    assert one.history == two.history
    assert len(one.history) == 4, "as many as a press of start paints"
    assert one.image.tobytes() == two.image.tobytes()
    one.run(0)
    assert len(one.history) == 4


def test_run_of_an_endless_studio_paints_a_hundred(open_studio, monkeypatch):
    monkeypatch.setattr(studio_module, "STEPS", 3)
    studio = open_studio(steps=None)
    studio.run()
    assert len(studio.history) == 3


def test_only_one_studio_paints_at_a_time(open_studio, rest):
    first, second = open_studio(steps=None), open_studio(steps=None)
    first.start()
    assert first.state == "running"
    second.start()
    assert (first.state, second.state) == ("paused", "running")
    assert first.panel.notice["text"] == "Paused, because another studio of this notebook paints."
    rest(first)
    say(first, "start")
    assert (first.state, second.state) == ("running", "paused")
    second.step()
    assert (rest(first).state, rest(second).done > 0) == ("paused", True)
    first.start()
    second.run(1)
    assert first.state == "paused"


def test_a_studio_that_is_gone_is_in_nobodys_way(open_studio, rest, monkeypatch):
    monkeypatch.setattr(st.Studio, "_painting", lambda: None)  # a dead reference
    other = open_studio()
    other.start()
    assert rest(other).state == "finished"


def test_go_back_keeps_the_last_run_and_paints_another_branch(open_studio, rest):
    studio = open_studio()
    studio.run(2)
    studio.beta = 200.0
    studio.run(3)
    before, first = studio.history, studio.settings
    studio.go_back(2)
    frame = rest(studio)
    assert (frame.state, frame.history, frame.weights) == ("paused", before[:2], first.moves[0][1])
    assert studio.panel.setup["weights"]["beta"] == frame.weights.beta
    (last,) = studio.strip.cards
    assert (last.snapshot.label, last.snapshot.settings.done) == ("last run", 5)
    assert studio.snapshots == [], "it is no snapshot"
    studio.beta = 200.0
    studio.run(3)
    assert studio.history == before, "and the same branch again, to the last bit"


@pytest.mark.parametrize("step", [-1, 3, None, "1", 1.0, True, float("nan"), 10**400], ids=lambda v: str(v)[:5])
def test_go_back_to_a_step_that_was_not_made(open_studio, step):
    studio = open_studio()
    studio.run(2)
    with pytest.raises(st.SettingsError, match=r"^step is .*; expected one that was made, 0 to 2\.$"):
        studio.go_back(step)
    assert (studio.state, len(studio.history), studio.strip.cards) == (
        "paused" if studio.state == "paused" else "finished",
        2,
        [],
    )


# --- other settings, experiments ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [("content", "chelsea"), ("style", "the_harvest"), ("size", 128), ("init", "noise"), ("optimizer", "lbfgs")],
)
def test_other_settings_begin_again_and_keep_the_weights(open_studio, rest, name, value):
    studio = open_studio(beta=77.0)
    studio.run(2)
    studio.begin(**{name: value})
    frame = rest(studio)
    assert getattr(frame.job, name) == value
    assert (frame.state, frame.done, frame.weights.beta) == ("idle", 0, 77.0)
    assert studio.strip.cards[0].snapshot.settings.done == 2, "the run before is kept"
    studio.run(1)
    assert len(studio.history) == 1


def test_the_settings_of_a_new_beginning_are_whole_at_once(open_studio, rest, monkeypatch):
    """Also before the worker has made a picture of it; weights of one recipe with another's layers would paint nothing."""
    studio = open_studio()
    studio.run(2)
    studio.loop._changed.acquire()  # no picture can be made
    try:
        studio.begin(content="chelsea", recipe="modules")
        settings = studio.settings
    finally:
        studio.loop._changed.release()
    assert (settings.content, settings.recipe, settings.done, settings.moves) == ("chelsea", st.RECIPES["modules"], 0, ())
    assert settings.weights == st.RECIPES["modules"].weights()
    rest(studio)
    assert studio.settings == settings


def test_settings_changed_while_painting_go_on_painting(open_studio, rest):
    studio = open_studio(steps=None)
    studio.start()
    studio.begin(content="chelsea")
    studio.begin(size=48)
    assert studio.state == "running"
    studio.loop.steps = 1  # an end that has gone by
    frame = rest(studio)
    assert (frame.state, frame.job.content, max(frame.image.size)) == ("finished", "chelsea", 48)


def test_a_setting_that_makes_no_sense_leaves_the_run_alone(open_studio):
    studio = open_studio()
    studio.run(1)
    job = studio.loop.job
    for picked in ({"size": 7}, {"content": "nosuch.jpg"}, {"recipe": "soup"}, {"optimizer": "sgd"}, {"network": "vgg16"}):
        with pytest.raises((st.SettingsError, st.ImageError)):
            studio.begin(**picked)
    assert studio.loop.job is job
    assert (len(studio.history), studio.strip.cards) == (1, [])


LADDER = Experiment(
    key="ladder", title="t", question="q", look_at="l", answer="a",
    setup={"content": "chelsea", "style": "the_harvest", "recipe": "balanced", "beta": 0.5, "init": "noise"},
    script=((2, {"beta": 5}), (4, {"beta": 50, "tv": 1})),
)  # fmt: skip


@pytest.fixture
def ladder(monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, "ladder", LADDER)


def betas(studio):
    return [step.beta for step in studio.history]


def one_by_one(studio, steps):
    """Paint step by step, each shown."""
    for _ in range(steps):
        studio.run(1)


@pytest.mark.usefixtures("ladder")
def test_an_experiment_brings_pictures_weights_and_moves(open_studio, rest):
    studio = open_studio(beta=77.0, optimizer="lbfgs", experiment="ladder")
    job = studio.loop.job
    assert (job.content, job.style, job.recipe, job.init) == ("chelsea", "the_harvest", st.RECIPES["balanced"], "noise")
    assert (job.optimizer, job.size, studio.beta, studio.tv) == ("adam", 32, 0.5, st.RECIPES["balanced"].tv)
    assert studio.panel.experiment["question"] == "q"
    rest(studio)
    one_by_one(studio, 6)
    assert betas(studio) == [0.5, 0.5, 5, 5, 50, 50]
    assert studio.tv == 1.0
    studio.reset()
    rest(studio)
    assert (studio.beta, studio.tv) == (0.5, st.RECIPES["balanced"].tv)
    one_by_one(studio, 5)
    assert betas(studio) == [0.5, 0.5, 5, 5, 50], "it begins anew"
    studio.close_experiment()
    assert studio.panel.experiment is None
    studio.beta = 1.0
    studio.reset()
    rest(studio)
    one_by_one(studio, 3)
    assert betas(studio) == [1.0, 1.0, 1.0], "nobody moves them any more"


@pytest.mark.usefixtures("ladder")
def test_an_experiment_follows_its_script_from_where_the_run_is_taken_up(open_studio, rest):
    studio = open_studio(experiment="ladder")
    rest(studio)
    one_by_one(studio, 3)
    studio.beta = 9.0  # a hand joins in
    one_by_one(studio, 3)
    studio.beta = 33.0  # of the next step
    rest(studio)
    taken = studio.snapshot()
    assert betas(studio) == [0.5, 0.5, 5, 9, 50, 50]
    studio.go_back(3)
    rest(studio)
    assert studio.beta == 5.0
    one_by_one(studio, 2)
    assert betas(studio) == [0.5, 0.5, 5, 5, 50]
    studio.beta = 7.0
    rest(studio)
    assert studio.beta == 7.0, "a step's weights are set once"
    studio.restore(taken)
    rest(studio)
    assert betas(studio) == [0.5, 0.5, 5, 9, 50, 50]
    assert studio.beta == 33.0, "what the script said of earlier steps is not said again"
    studio.go_back(1)
    rest(studio)
    one_by_one(studio, 1)
    assert studio.beta == 5.0, "the script holds for a branch too"


@pytest.mark.usefixtures("ladder")
def test_an_experiments_script_is_followed_while_it_paints_in_the_background(open_studio, rest):
    studio = open_studio(experiment="ladder", steps=12)
    studio.start()
    rest(studio)
    assert betas(studio)[:3] == [0.5, 0.5, betas(studio)[2]]
    assert betas(studio)[-1] == 50
    assert betas(studio) == sorted(betas(studio))


@pytest.mark.parametrize("key", list(EXPERIMENTS))
def test_every_experiment_opens(open_studio, key):
    studio = open_studio()
    studio.open_experiment(key)
    setup = EXPERIMENTS[key].setup
    assert all(getattr(studio, name) == setup[name] for name in ("alpha", "beta", "tv") if name in setup)
    assert studio.panel.experiment["key"] == key
    assert studio.panel.setup["recipe"] == setup.get("recipe", "neighbours")


# --- snapshots ---------------------------------------------------------------------------------------------------------


def test_snapshots(open_studio, rest):
    studio = open_studio(alpha=1, beta=20, tv=2)
    with pytest.raises(st.ImageError, match=r"there is no picture yet: press Start or Step first\."):
        studio.snapshot()
    studio.run(2)
    studio.snapshot()
    studio.run(1)
    taken = studio.snapshot("more")
    assert [one.label for one in studio.snapshots] == ["1", "more"]
    assert [one.settings.done for one in studio.snapshots] == [2, 3]
    assert taken.image is studio.image
    assert studio.panel.cards[1]["caption"] == ["more · step 3", "α 1  β 20  TV 2"]


def test_the_run_before_stays_on_the_strip(open_studio, rest):
    studio = open_studio()
    studio.run(3)
    studio.snapshot()
    studio.reset()
    rest(studio)
    assert [card["label"] for card in studio.panel.cards] == ["last run", "1"]
    assert len(studio.snapshots) == 1, "but it is no snapshot"
    studio.run(1)
    studio.stop()
    studio.start()
    rest(studio)
    assert [card.snapshot.settings.done for card in studio.strip.cards] == [1, 3]


def test_two_snapshots_are_compared(open_studio):
    studio = open_studio()
    kept = []
    for _ in range(3):
        studio.run(1)
        kept.append(studio.snapshot())
    studio.compare(*kept)
    assert [card["label"] for card in studio.panel.compared] == ["2", "3"]
    studio.compare()
    assert studio.panel.compared == []


def test_restore_of_a_snapshot_of_other_pictures(open_studio, rest):
    studio = open_studio("chelsea", "the_harvest", recipe="balanced")
    studio.run(2)
    studio.beta = 300.0
    studio.run(1)
    taken = studio.snapshot()
    studio.begin(content="eilean_donan", style="great_wave", size=48, recipe="modules")
    studio.run(1)
    studio.restore(taken)
    frame = rest(studio)
    assert (frame.state, frame.done, studio.settings) == ("paused", 3, replace(taken.settings, steps=studio.settings.steps))
    assert frame.image.tobytes() == taken.image.tobytes()
    assert studio.panel.setup["content"] == {"label": "chelsea"}
    assert studio.panel.setup["recipe"] == "balanced"
    assert studio.strip.cards[0].snapshot.settings.size == 48, "the run before is kept"
    before = open_studio.also(st.Studio.from_settings(taken.settings))
    for one in (studio, before):
        one.run(2)
    assert studio.history == before.history, "and both go on alike"


# --- settings ----------------------------------------------------------------------------------------------------------


def detours(studio, rest):
    """A run with everything that may happen on the way."""
    studio.run(2)
    studio.beta = 200.0
    studio.step()
    rest(studio)
    studio.alpha = 0.0
    studio.tv = 0.3
    first, *_ = own = studio.style_layers
    studio.style_layers = {**own, first: 2.5 * own[first]}
    studio.run(2)
    studio.alpha = 1.5
    studio.start()
    rest(studio)
    studio.beta = 11.0  # of the next step, which is never made
    rest(studio)


def alike(one, two):
    """The same settings, but for how many steps a press of Start paints."""
    return replace(one.settings, steps=0) == replace(two.settings, steps=0)


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
def test_from_settings_paints_the_same_picture(open_studio, rest, tmp_path, options, form):
    studio = open_studio(**options)
    detours(studio, rest)
    settings = studio.settings
    assert [first for first, _ in settings.moves] == [1, 3, 4, 6]
    source = settings
    if form == "text":
        source = settings.to_json()
    if form == "file":
        source = studio.save(tmp_path / "picture.png")
    again = open_studio.also(st.Studio.from_settings(source))
    assert again.history == studio.history
    assert again.image.tobytes() == studio.image.tobytes()
    assert alike(again, studio)
    assert again.panel.setup["weights"]["beta"] == 11.0
    rest(again)
    studio.run(2)
    again.run(2)
    assert again.history == studio.history, "and both go on alike"


def test_from_settings_before_the_first_step(open_studio):
    studio = open_studio(beta=5.0, size=40)
    again = open_studio.also(st.Studio.from_settings(studio.settings, projector=True))
    assert alike(again, studio)
    assert (again.settings.done, again.beta, again.state) == (0, 5.0, "idle")
    assert again.panel.setup["projector"] is True


def test_from_settings_builds_one_engine(open_studio, rest, monkeypatch):
    built = []

    class Engine(TransferEngine):
        def __init__(self, job):
            built.append(job)
            super().__init__(job)

    studio = open_studio(size=40)
    studio.run(2)
    monkeypatch.setattr(studio_module, "TransferEngine", Engine)
    again = open_studio.also(st.Studio.from_settings(studio.settings))
    rest(again)
    assert built == [studio.loop.job]


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
    studio = open_studio.also(st.Studio.from_settings(job))
    assert (studio.state, len(studio.history)) == ("finished", 4)
    assert [step.beta for step in studio.history] == ([20.0, 20.0, 90.0, 90.0] if moves else [20.0] * 4)
    assert studio.image.tobytes() == st.paint(job).tobytes()


@pytest.mark.parametrize("name", ["studio_1.png", "sheet_1.png"])
def test_pictures_of_the_first_version_are_painted_again(open_studio, name):
    """An upload, four steps, beta moved from 10 to 30 after the second."""
    studio = open_studio.also(st.Studio.from_settings(DATA / name))
    assert (studio.state, len(studio.history), studio.beta) == ("finished", 4, 30.0)
    assert [step.beta for step in studio.history] == [10.0, 10.0, 30.0, 30.0]
    assert [first for first, _ in studio.settings.moves] == [1, 3]
    assert (studio.panel.setup["recipe"], studio.panel.setup["content"]["label"]) == ("neighbours", "your picture")
    with Image.open(DATA / "studio_1.png") as old:
        difference = ImageStat.Stat(ImageChops.difference(old.convert("RGB"), studio.image))
        start = ImageStat.Stat(ImageChops.difference(old.convert("RGB"), photograph(studio.loop.job)))
    assert max(difference.mean) < 2 < max(start.mean), "much nearer to the old painting than to the photograph"
    again = open_studio.also(st.Studio.from_settings(studio.settings.to_json()))
    assert again.image.tobytes() == studio.image.tobytes()


OWN = replace(st.RECIPES["balanced"], source="me", beta=7.0)


def test_a_recipe_of_ones_own_travels_inside_the_picture(open_studio, rest, tmp_path):
    studio = open_studio(recipe=replace(OWN, style_layers={"relu2_1": 0.75, "conv4_2": 0.25}, betas=(0.5, 0.75)))
    detours(studio, rest)
    again = open_studio.also(st.Studio.from_settings(studio.save(tmp_path / "own.png")))
    assert alike(again, studio)
    assert again.image.tobytes() == studio.image.tobytes()
    assert again.panel.setup["recipe"] == "as saved"
    assert [layer["name"] for layer in again.panel.setup["layers"]] == ["relu2_1", "conv4_2"]


def test_a_known_recipe_is_known_again_from_a_file(open_studio, tmp_path):
    studio = open_studio(recipe="walkthrough")
    studio.run(1)
    again = open_studio.also(st.Studio.from_settings(studio.save(tmp_path / "known.png")))
    assert again.panel.setup["recipe"] == "walkthrough"
    assert {one["name"] for one in again.panel.setup["recipes"]} == set(st.RECIPES)


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


# --- addresses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"content": "chelsea", "style": "the_harvest", "size": 48, "recipe": "balanced", "init": "noise", "seed": 5},
        {"beta": 0.25, "tv": 0, "projector": True, "optimizer": "lbfgs"},
        {"experiment": "mute_alpha"},
    ],
    ids=["plain", "other", "weights", "experiment"],
)
def test_an_address_opens_the_same_studio(open_studio, options):
    studio = open_studio(**{"steps": None, **options})
    again = open_studio.also(st.Studio.from_address(studio.address))
    assert again.settings == studio.settings
    assert again.address == studio.address
    assert again.panel.setup == studio.panel.setup
    assert again.panel.experiment == studio.panel.experiment
    assert again.panel.notice == {}


@pytest.mark.parametrize(
    ("changes", "beta"),
    [({"content": "chelsea"}, 400.0), ({"content": "eilean_donan"}, 0.1), ({}, 10.0), ({"recipe": "balanced"}, 20.0)],
    ids=["other", "a plain studio's picture", "the recipe's own weight", "another recipe"],
)
def test_an_address_with_an_experiment_says_what_was_changed_since(open_studio, changes, beta):
    studio = open_studio(steps=None, experiment="beta_ladder")
    studio.begin(**changes)
    studio.beta = beta
    again = open_studio.also(st.Studio.from_address(studio.address))
    assert again.settings == studio.settings
    assert again.screen.experiment == "beta_ladder"


@pytest.mark.parametrize("more", ["", "&size=48&seed=3&projector=1&network=vgg19-slim"])
def test_an_address_that_only_names_an_experiment(open_studio, more):
    studio = open_studio.also(st.Studio.from_address(f"experiment=beta_ladder{more}"))
    assert (studio.settings.content, studio.beta, studio.panel.experiment["key"]) == ("summer_palace", 0.1, "beta_ladder")
    assert studio.settings.size == (48 if more else 256)


@pytest.mark.parametrize(
    "query", ["content=/etc/passwd", "beta=-1", "experiment=alchemy", "size=1000000", "recipe=%00", "&" * 99]
)
def test_an_address_that_makes_no_sense_opens_a_plain_studio_and_says_so(open_studio, query):
    studio = open_studio.also(st.Studio.from_address(query))
    plain = open_studio.also(st.Studio())
    assert studio.settings == plain.settings
    notice = studio.panel.notice
    assert (notice.get("tone") == "problem" and notice["text"].startswith("The address makes no sense:")) or not query.strip(
        "&"
    )


# --- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["jpg", "JPEG", "webp"])
def test_jpeg_and_webp_keep_their_settings_too(open_studio, rest, tmp_path, ending):
    studio = open_studio("chelsea", "the_harvest", recipe=OWN)
    detours(studio, rest)
    path = studio.save(tmp_path / f"picture.{ending}")
    with Image.open(path) as image:
        assert (image.format, image.size) == ("WEBP" if ending == "webp" else "JPEG", studio.image.size)
    assert st.read_jobs(path) == [studio.settings]
    again = open_studio.also(st.Studio.from_settings(path))
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
    again = open_studio.also(st.Studio.from_settings(studio.save(tmp_path / "a.png")))
    assert again.image.tobytes() == studio.image.tobytes()


def test_a_picture_of_a_file_finds_the_file_again_or_says_that_it_is_gone(open_studio, tmp_path):
    photo = tmp_path / "cat.png"
    Image.new("RGB", (40, 30), "red").save(photo)
    studio = open_studio(str(photo))
    studio.run(1)
    saved = studio.save(tmp_path / "studio_1.png")
    (tmp_path / "elsewhere").mkdir()
    photo, saved = (path.rename(tmp_path / "elsewhere" / path.name) for path in (photo, saved))
    again = open_studio.also(st.Studio.from_settings(saved))
    assert again.image.tobytes() == studio.image.tobytes(), "both were moved"
    photo.unlink()
    with pytest.raises(st.ImageError, match=r"cat\.png, of which this was painted, is not there any more"):
        st.Studio.from_settings(saved)


def test_pictures_of_one_name_in_two_folders(open_studio, tmp_path):
    for folder, color in (("a", "red"), ("b", "blue")):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (40, 40), color).save(tmp_path / folder / "cat.png")
    studio = open_studio(str(tmp_path / "a" / "cat.png"), str(tmp_path / "b" / "cat.png"))
    studio.begin(size=48)
    assert studio.loop.job.content == str(tmp_path / "a" / "cat.png")
    assert studio.loop.job.style == str(tmp_path / "b" / "cat.png")


def test_a_folder_that_does_not_exist(open_studio, tmp_path):
    studio = open_studio()
    studio.run(1)
    with pytest.raises(st.ImageError, match=r"cannot write a picture to .*nowhere"):
        studio.save(tmp_path / "nowhere" / "a.png")


def test_a_film_of_the_run(open_studio, tmp_path):
    studio = open_studio()
    with pytest.raises(st.SettingsError, match="there is nothing to film yet"):
        studio.save_film(tmp_path / "a.gif")
    one_by_one(studio, 3)
    with Image.open(studio.save_film(tmp_path / "a.gif", seconds=0.5)) as film:
        assert film.n_frames > 1
        assert film.size == (32, 20), "even sides"


# --- when it goes wrong ------------------------------------------------------------------------------------------------


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
def test_missing_weights_are_told_and_the_panel_stays_usable(open_studio, rest):
    studio = open_studio()
    studio.run(1)
    say(studio, "choose", name="network", value="vgg19-torchvision")
    frame = rest(studio)
    assert frame.state == studio.panel.frame["state"] == "error"
    assert "the weights of vgg19-torchvision are not on this computer" in studio.panel.frame["message"]
    with pytest.raises(st.WeightsError):
        studio.run(1)
    say(studio, "start")
    assert rest(studio).state == "error", "trying again is allowed"
    say(studio, "choose", name="network", value="vgg19-slim")
    frame = rest(studio)
    assert (frame.state, frame.message, studio.panel.frame["message"]) == ("idle", "", "")
    say(studio, "start")
    assert (rest(studio).state, len(studio.history)) == ("finished", 4)


def test_a_run_that_diverges_is_told_and_may_begin_again(open_studio, rest):
    studio = open_studio(recipe="modules", steps=40)
    studio.loop.reset(replace(studio.loop.job, learning_rate=1e30))
    studio.start()
    frame = rest(studio)
    assert frame.state == "error"
    assert "diverged" in studio.panel.frame["message"]
    studio.begin(recipe="balanced")
    studio.run(2)
    assert (studio.state, len(studio.history)) == ("finished", 2)
