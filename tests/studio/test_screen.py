"""What the page shows of a studio, and what comes back when it is loaded again."""

import gc
import io
import json
import time
import weakref
from dataclasses import replace

import pytest
from PIL import Image

import styletools as st
from styletools.studio import safekeeping as safekeeping_module
from styletools.studio import screen as screen_module
from styletools.studio import views
from styletools.studio.experiments import EXPERIMENTS
from styletools.studio.screen import photograph

TAB = "0123456789"


def say(studio, do, *buffers, **message):
    """What arrives when a hand does something on the page."""
    studio.hands.hear({"do": do, **message}, [memoryview(data) for data in buffers])


def picture(data):
    return Image.open(io.BytesIO(data))


# --- pictures --------------------------------------------------------------------------------------------------------------


def test_a_new_studio_shows_the_photograph_and_its_two_pictures(open_studio):
    panel = open_studio().panel
    assert picture(panel.painting).size == (32, 21)
    assert max(picture(panel.content_picture).size) == max(picture(panel.style_picture).size) == screen_module.THUMB
    assert (panel.heat, panel.gram, panel.gram_target, panel.gram_text) == (b"", b"", b"", "")
    assert (panel.cards, panel.compared, panel.experiment, panel.notice) == ([], [], None, {})


def test_everything_the_page_shows_can_be_written_as_json(open_studio):
    studio = open_studio(experiment="beta_ladder")
    studio.alpha = 0
    studio.run(1)
    for value in (studio.panel.setup, studio.panel.frame, studio.panel.timeline, studio.panel.experiment, studio.panel.notice):
        json.dumps(value, allow_nan=False)
    assert studio.panel.frame["ratio"] == "∞"


def test_the_panel_shows_the_picture_the_losses_and_who_pulls(open_studio):
    studio = open_studio()
    studio.run(3)
    assert studio.panel.painting == views.jpeg(studio.image)
    assert studio.panel.frame["svg"].startswith("<svg")
    assert studio.panel.frame["shares"] == [round(share, 4) for share in studio.shares]
    assert sum(studio.shares) == pytest.approx(1)
    assert (studio.panel.frame["state"], studio.panel.frame["step"]) == ("finished", 3)
    assert studio.panel.timeline["last"] == 3


def test_steps_painted_again_are_shown_too(open_studio, rest):
    studio = open_studio()
    studio.run(3)
    taken = studio.snapshot()
    studio.begin(size=40)
    studio.restore(taken)
    rest(studio)
    assert studio.panel.painting == views.jpeg(taken.image)
    assert studio.panel.frame["step"] == 3


@pytest.mark.parametrize("term", ["content", "style", "tv"])
def test_a_heat_map_of_each_term(open_studio, rest, term):
    studio = open_studio()
    studio.run(1)
    say(studio, "choose", name="heat", value=term)
    rest(studio)
    assert picture(studio.panel.heat).size == (32, 21)
    assert studio.panel.setup["heat"] == term
    before = studio.panel.heat
    studio.run(1)
    rest(studio)
    assert studio.panel.heat != before, "it is that of the new picture"
    say(studio, "choose", name="heat", value="")
    rest(studio)
    assert (studio.panel.heat, studio.panel.setup["heat"]) == (b"", "")


def test_a_heat_map_of_a_term_that_is_muted(open_studio, rest):
    studio = open_studio(alpha=0, tv=0)
    say(studio, "choose", name="heat", value="content")
    rest(studio)
    studio.run(2)
    assert picture(studio.panel.heat).size == (32, 21)


def test_gram_matrices_of_a_layer(open_studio, rest):
    studio = open_studio()
    studio.run(1)
    say(studio, "choose", name="gram", value="relu2_1")
    rest(studio)
    assert picture(studio.panel.gram).size == picture(studio.panel.gram_target).size
    assert studio.panel.gram_text.startswith("relu2_1")
    say(studio, "choose", name="recipe", value="modules")
    rest(studio)
    assert "relu2_1" not in [one["name"] for one in studio.panel.setup["layers"]]
    assert studio.panel.setup["gram"] == "", "a layer that is in no menu is not shown"
    studio.run(1)
    assert studio.panel.gram == b""


def test_what_is_looked_at_survives_a_new_beginning(open_studio, rest):
    studio = open_studio()
    say(studio, "choose", name="heat", value="style")
    say(studio, "pick", role="content", name="chelsea")
    studio.run(1)
    rest(studio)
    assert (studio.panel.setup["heat"], len(studio.panel.heat) > 0) == ("style", True)


def test_the_projector(open_studio):
    studio = open_studio(projector=True)
    assert (studio.panel.setup["projector"], studio.address) == (True, "size=32&projector=1")
    say(studio, "choose", name="projector", value=False)
    assert (studio.panel.setup["projector"], studio.address) == (False, "size=32")
    assert studio.loop._engine is None, "nothing has to be painted for that"


def test_the_photograph_at_the_size_it_is_painted(open_studio):
    studio = open_studio(Image.new("RGB", (60, 30), "red"), size=40)
    assert photograph(studio.loop.job).size == (40, 20)


def test_a_script_of_an_experiment_moves_the_sliders_at_the_next_beat(open_studio):
    studio = open_studio(experiment="beta_ladder")
    studio.loop.set(beta=1.0)  # as the worker does
    assert studio.panel.setup["weights"]["beta"] == 0.1
    say(studio, "beat", id=TAB)
    assert studio.panel.setup["weights"]["beta"] == 1.0


# --- a page that is loaded again -------------------------------------------------------------------------------------------


@pytest.fixture
def safe(monkeypatch, tmp_path):
    """The folder in which studios are kept, and no waiting for the next time."""
    monkeypatch.setattr(safekeeping_module.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(screen_module, "KEEP_EVERY", -1.0)
    return tmp_path / f"styletools-studio-{safekeeping_module.user()}"


def beat(studio, tab=TAB, keeps=True):
    say(studio, "beat", id=tab, keeps=keeps)


def painted(studio, rest):
    """A run with a move and two snapshots, one with a name, kept."""
    beat(studio)
    studio.run(2)
    studio.snapshot("two")
    studio.beta = 200.0
    studio.run(2)
    studio.snapshot()
    studio.tv = 9.0  # of the next step
    rest(studio)
    beat(studio)
    return studio


def same(one, two):
    """Whether two studios show the same painting, come about in the same way, and the same snapshots."""
    assert two.history == one.history
    assert two.image.tobytes() == one.image.tobytes()
    assert two.settings.moves == one.settings.moves
    assert two.loop.weights == one.loop.weights
    assert [(s.label, s.settings.moves, s.image.tobytes()) for s in two.snapshots] == [
        (s.label, s.settings.moves, s.image.tobytes()) for s in one.snapshots
    ]
    return True


@pytest.mark.parametrize(
    "options", [{}, {"recipe": "modules"}, {"init": "noise", "steps": None, "averaging": 0.5}], ids=["adam", "lbfgs", "noise"]
)
def test_a_reload_brings_everything_back(open_studio, rest, safe, options):
    studio = painted(open_studio(**options), rest)
    again = open_studio(**options)
    beat(again)
    assert again.panel.notice["text"] == "Your studio is coming back: step 4…"
    assert (rest(again).state, same(studio, again)) == ("paused", True)
    beat(again)
    assert again.panel.notice == {"text": "Your studio is back: step 4, 2 snapshots.", "tone": "info", "count": 2}
    assert again.panel.setup["weights"] == {"alpha": studio.alpha, "beta": 200.0, "tv": 9.0}
    assert [card["label"] for card in again.panel.cards] == ["two", "2"]
    assert (again.panel.frame["step"], again.loop.steps) == (4, studio.loop.steps)
    for one in (studio, again):
        one.run(3)
    assert again.history == studio.history, "and both go on alike, to the last bit"


def test_a_reload_brings_back_the_run_before_too(open_studio, rest, safe):
    studio = painted(open_studio(), rest)
    studio.go_back(2)
    rest(studio)
    studio.run(1)
    beat(studio)
    again = open_studio()
    beat(again)
    rest(again)
    assert [card["label"] for card in again.panel.cards] == [card["label"] for card in studio.panel.cards]
    assert again.panel.cards[0]["label"] == "last run" and len(again.snapshots) == 2
    assert [card["caption"] for card in again.panel.cards] == [card["caption"] for card in studio.panel.cards]


def test_a_reload_brings_back_what_the_page_showed(open_studio, rest, safe, monkeypatch):
    studio = open_studio()
    beat(studio)
    say(studio, "experiment", key="mute_alpha")
    say(studio, "choose", name="projector", value=True)
    say(studio, "choose", name="steps", value=None)
    monkeypatch.setitem(EXPERIMENTS, "mute_alpha", replace(EXPERIMENTS["mute_alpha"], script=((1, {"alpha": 0}),)))
    studio.run(2)
    studio.alpha = 5.0  # a hand moves what the script has moved
    rest(studio)
    beat(studio)
    again = open_studio()
    beat(again)
    rest(again)
    assert (again.panel.experiment["key"], again.panel.setup["projector"], again.panel.setup["steps"]) == (
        "mute_alpha",
        True,
        None,
    )
    assert same(studio, again)
    assert again.panel.setup["content"] == studio.panel.setup["content"] == {"label": "neuschwanstein"}


def test_a_reload_brings_back_an_upload_and_its_name(open_studio, rest, safe):
    studio, file = open_studio(), io.BytesIO()
    st.sample("chelsea").save(file, "JPEG")
    beat(studio)
    for role in ("content", "style"):
        say(studio, "upload", file.getvalue(), role=role, name=f"my {role}.jpg")
    studio.run(2)
    studio.snapshot()
    beat(studio)
    again = open_studio()
    beat(again)
    rest(again)
    assert same(studio, again)
    assert (again.panel.setup["content"], again.panel.setup["style"]) == (
        {"label": "my content.jpg"},
        {"label": "my style.jpg"},
    )
    for one in (studio, again):
        one.run(2)
    assert again.history == studio.history


def test_a_reload_before_the_first_step_brings_back_what_was_set(open_studio, rest, safe):
    studio, file = open_studio(), io.BytesIO()
    st.sample("chelsea").save(file, "JPEG")
    beat(studio)
    assert not any(safe.rglob("studio.json")), "nothing was set yet"
    say(studio, "upload", file.getvalue(), role="content", name="my cat.jpg")
    say(studio, "weight", name="beta", value=55)
    say(studio, "choose", name="projector", value=True)
    rest(studio)
    beat(studio)
    again = open_studio()
    beat(again)
    rest(again)
    assert (again.panel.setup["content"], again.beta, again.screen.projector) == ({"label": "my cat.jpg"}, 55.0, True)


def test_a_second_reload_while_the_run_comes_back_loses_nothing(open_studio, rest, safe, monkeypatch):
    studio = painted(open_studio(), rest)
    again = open_studio()
    monkeypatch.setattr(again.loop, "restore", lambda *run: None)  # a long way back, not even begun
    beat(again)
    beat(again)
    last = open_studio()
    beat(last)
    rest(last)
    assert same(studio, last)


def test_a_studio_begun_again_comes_back_so(open_studio, rest, safe):
    """And not as what was thrown away; also with the pictures that were picked last."""
    studio = painted(open_studio(), rest)
    say(studio, "pick", role="content", name="chelsea")
    rest(studio)
    beat(studio)
    again = open_studio()
    beat(again)
    frame = rest(again)
    assert (frame.done, frame.job.content, frame.weights) == (0, "chelsea", studio.loop.weights)
    assert len(again.snapshots) == 2
    studio.run(2), again.run(2)
    assert again.history == studio.history


def test_a_studio_that_has_begun_is_left_alone(open_studio, rest, safe):
    painted(open_studio(), rest)
    for begin in (lambda studio: studio.run(1), lambda studio: studio.start()):
        studio = open_studio(steps=None)
        begin(studio)
        beat(studio)
        assert studio.snapshots == []
        studio.pause()
        rest(studio)
        assert studio.panel.notice == {}


def test_only_the_same_tab_with_the_same_address_gets_it_back(open_studio, rest, safe):
    painted(open_studio(), rest)
    for options, tab, keeps in (({}, "abcdefghij", True), ({"content": "chelsea"}, TAB, True), ({}, TAB, False)):
        studio = open_studio(**options)
        beat(studio, tab, keeps)
        assert (studio.state, studio.snapshots, studio.panel.notice) == ("idle", [], {})
        assert studio.loop.job.content == options.get("content", "eilean_donan")


@pytest.mark.parametrize("tab", ["", "../../etc", "ABCDEFGHIJ", "a" * 65, "a/b/c/d/e/f", None, 1.5])
def test_a_tab_whose_number_is_none(open_studio, rest, safe, tab):
    studio = painted(open_studio(), rest)
    before = sorted(safe.rglob("*"))
    studio = open_studio()
    beat(studio, tab)
    studio.run(1)
    beat(studio, tab)
    assert (len(studio.history), studio.panel.notice) == (1, {})
    assert sorted(safe.rglob("*")) == before


def test_a_studio_without_a_place_to_write_works_all_the_same(open_studio, rest, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(safekeeping_module.tempfile, "gettempdir", lambda: str(tmp_path / "file"))
    studio = painted(open_studio(), rest)
    assert (len(studio.history), studio.panel.notice) == (4, {})


def test_a_folder_that_goes_away(open_studio, rest, safe, monkeypatch):
    studio = painted(open_studio(), rest)
    monkeypatch.setattr(screen_module.Safe, "keep", lambda *what: (_ for _ in ()).throw(OSError("no space left on device")))
    studio.run(1)
    beat(studio)
    assert (len(studio.history), studio.panel.notice) == (5, {})


def test_nothing_is_written_for_a_page_on_which_nothing_happened(open_studio, safe):
    studio = open_studio()
    beat(studio)
    beat(studio)
    assert list(safe.iterdir()) == []


def test_it_is_written_when_python_ends_and_when_the_page_goes(open_studio, rest, safe, monkeypatch):
    registered = []
    monkeypatch.setattr(screen_module.atexit, "register", registered.append)
    studio = open_studio()
    beat(studio)
    monkeypatch.setattr(screen_module, "KEEP_EVERY", 1e9)
    studio.run(2)
    rest(studio)
    monkeypatch.undo()
    (at_exit,) = [act for act in registered if act.__name__ == "_keep"]
    at_exit()
    about = json.loads(next(safe.glob("*/studio.json")).read_text())
    assert st.Job.from_json(about["job"]).done == 2
    studio.run(1)
    rest(studio)
    studio.screen._leave()
    about = json.loads(next(safe.glob("*/studio.json")).read_text())
    assert st.Job.from_json(about["job"]).done == 3


@pytest.mark.usefixtures("safe")
def test_a_studio_that_is_gone_waits_for_no_end():
    """What is to be done when Python ends keeps nothing alive."""
    studio = st.Studio(size=32)
    beat(studio)
    studio.run(1)
    parts = [weakref.ref(studio), weakref.ref(studio.screen), weakref.ref(studio.loop)]
    del studio
    gc.collect()
    assert [part() for part in parts] == [None] * 3


def test_it_is_written_while_it_paints(open_studio, rest, safe):
    studio = open_studio(steps=None)
    beat(studio)
    studio.start()
    end = time.monotonic() + 60
    while len(studio.history) < 5:
        assert time.monotonic() < end
        time.sleep(0.01)
    beat(studio)
    studio.pause()
    frame = rest(studio)
    again = open_studio(steps=None)
    beat(again)
    done = rest(again).done
    assert 5 <= done <= frame.done
    assert again.history == frame.history[:done]
    (studio.go_back(done), rest(studio))
    assert again.image.tobytes() == studio.image.tobytes()
