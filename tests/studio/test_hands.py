"""Messages of the page: each does what it says, or tells in one sentence why not."""

import io
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from PIL import Image

import styletools as st
from styletools.studio.hands import BUTTONS, CARDS, MENUS

OWN = replace(st.RECIPES["balanced"], source="me", beta=7.0)


def say(studio, do, *buffers, **message):
    """What arrives when a hand does something on the page."""
    studio.hands.hear({"do": do, **message}, [memoryview(data) for data in buffers])


def notice(studio):
    return studio.panel.notice.get("text", "")


def as_bytes(picture, form="PNG"):
    buffer = io.BytesIO()
    picture.save(buffer, form)
    return buffer.getvalue()


@pytest.fixture
def told(monkeypatch):
    """What is told to the pages: (kind, content, buffers)."""
    sent = []
    monkeypatch.setattr(
        "styletools.studio.panel.Panel.tell", lambda panel, kind, buffers=None, **content: sent.append((kind, content, buffers))
    )
    return sent


# --- buttons and knobs ---------------------------------------------------------------------------------------------------


def test_buttons(open_studio, rest):
    studio = open_studio(steps=5)
    say(studio, "step")
    assert (rest(studio).state, len(studio.history)) == ("paused", 1)
    say(studio, "start")
    assert (rest(studio).state, len(studio.history)) == ("finished", 5)
    say(studio, "choose", name="steps", value=None)
    say(studio, "start")
    assert studio.state == "running"
    say(studio, "pause")
    frame = rest(studio)
    assert (frame.state, frame.goal, studio.panel.setup["steps"]) == ("paused", None, None)
    say(studio, "reset")
    frame = rest(studio)
    assert (frame.state, frame.done) == ("idle", 0)


def test_the_steps_field_moves_the_end(open_studio, rest):
    studio = open_studio(steps=3)
    say(studio, "choose", name="steps", value=6)
    assert studio.panel.setup["steps"] == 6
    say(studio, "start")
    assert rest(studio).done == 6


@pytest.mark.parametrize("name", ["alpha", "beta", "tv"])
def test_a_moved_slider_changes_the_weight_of_the_next_step(open_studio, name):
    studio = open_studio()
    studio.run(1)
    studio.pause()
    say(studio, "choose", name="steps", value=None)
    before = vars(studio.loop.weights)
    studio.stop()  # at rest, and not at its end
    say(studio, "weight", name=name, value=345.6)
    assert vars(studio.loop.weights) == {**before, name: 345.6}
    assert studio.panel.setup["weights"][name] == 345.6, "which the page sets its sliders by"
    say(studio, "weight", name=name, value=0)
    assert getattr(studio, name) == 0.0, "muted"


def test_the_address_on_the_page_follows_the_sliders(open_studio):
    studio = open_studio()
    say(studio, "weight", name="beta", value=400)
    assert studio.panel.setup["address"] == studio.address == "size=32&beta=400"


def test_a_slider_moved_after_the_end_paints_on(open_studio, rest):
    studio = open_studio(steps=3)
    say(studio, "start")
    assert (rest(studio).state, len(studio.history)) == ("finished", 3)
    say(studio, "weight", name="beta", value=200)
    assert (rest(studio).state, len(studio.history), studio.history[-1].beta) == ("finished", 6, 200.0)
    say(studio, "layer", name="relu1_1", factor=2)
    assert len(rest(studio).history) == 9
    studio.beta = 3.0  # a program's own business
    assert len(rest(studio).history) == 9


def test_a_weight_beyond_the_end_of_its_slider_widens_it(open_studio):
    studio = open_studio()
    for value in (5e7, 1e-9):
        say(studio, "weight", name="beta", value=value)
        low, high = studio.panel.setup["ranges"]["beta"]
        assert low <= math.log10(value) <= high


def test_layer_sliders_multiply_the_recipes_own_weights(open_studio):
    studio = open_studio(recipe="walkthrough")
    own = dict(st.RECIPES["walkthrough"].style_layers)
    say(studio, "layer", name="relu2_1", factor=2)
    assert studio.style_layers == {**own, "relu2_1": 2 * own["relu2_1"]}
    say(studio, "layer", name="relu1_1", factor=0)
    assert studio.style_layers == {**own, "relu2_1": 2 * own["relu2_1"], "relu1_1": 0.0}
    assert {one["name"]: one["factor"] for one in studio.panel.setup["layers"]}["relu2_1"] == pytest.approx(2)
    studio.run(1)
    assert studio.settings.weights.style_layers["relu1_1"] == 0
    assert dict(st.RECIPES["walkthrough"].style_layers) == own, "the recipe itself stays as it is"


def test_a_layer_slider_leaves_the_other_layers_alone(open_studio):
    """Also one that was deleted, and one that has no slider."""
    own = dict(st.RECIPES["balanced"].style_layers)
    del own["relu5_1"]
    layers = {**own, "relu1_1": 9.0, "relu3_3": 0.125}
    studio = open_studio(recipe="balanced")
    studio.style_layers = layers
    factors = {one["name"]: one["factor"] for one in studio.panel.setup["layers"]}
    assert factors == pytest.approx({"relu1_1": 45.0, "relu2_1": 1.0, "relu3_1": 1.0, "relu4_1": 1.0, "relu5_1": 0.0})
    say(studio, "layer", name="relu2_1", factor=2)
    say(studio, "layer", name="relu5_1", factor=1)
    expected = {**layers, "relu2_1": 0.4, "relu5_1": 0.2}
    assert studio.style_layers == expected
    say(studio, "weight", name="beta", value=3)
    assert studio.style_layers == expected


# --- menus ---------------------------------------------------------------------------------------------------------------


def test_a_recipe_brings_weights_start_optimiser_and_layers(open_studio, rest):
    studio = open_studio(beta=77.0)
    say(studio, "choose", name="recipe", value="modules")
    recipe, job = st.RECIPES["modules"], studio.loop.job
    assert (job.recipe, job.init, job.optimizer, job.learning_rate) == (recipe, recipe.init, "lbfgs", 1.0)
    assert (studio.alpha, studio.beta, studio.tv) == (recipe.alpha, recipe.beta, recipe.tv)
    assert studio.style_layers == recipe.style_layers
    setup = studio.panel.setup
    assert (setup["optimizer"], setup["weights"]["beta"], setup["weights"]["tv"]) == ("lbfgs", 1.0, 0.0)
    assert [one["name"] for one in setup["layers"]] == list(recipe.style_layers)
    assert (rest(studio).message, len(studio.shares)) == ("", 3), "who pulls is measured at the new layers"
    say(studio, "layer", name="conv1_1", factor=3)
    assert studio.style_layers["conv1_1"] == pytest.approx(0.6)
    studio.run(2)
    assert len(studio.history) == 2


@pytest.mark.parametrize(
    ("message", "name", "value"),
    [
        ({"do": "pick", "role": "content", "name": "chelsea"}, "content", "chelsea"),
        ({"do": "pick", "role": "style", "name": "the_harvest"}, "style", "the_harvest"),
        ({"do": "choose", "name": "size", "value": 128}, "size", 128),
        ({"do": "choose", "name": "init", "value": "noise"}, "init", "noise"),
        ({"do": "choose", "name": "optimizer", "value": "lbfgs"}, "optimizer", "lbfgs"),
    ],
    ids=["content", "style", "size", "init", "optimizer"],
)
def test_a_menu_begins_again_and_keeps_the_weights(open_studio, rest, message, name, value):
    studio = open_studio(beta=77.0)
    studio.run(2)
    studio.hands.hear(message)
    frame = rest(studio)
    assert notice(studio) == ""
    assert getattr(frame.job, name) == value
    assert (frame.state, frame.done, frame.weights.beta) == ("idle", 0, 77.0)
    assert [card["label"] for card in studio.panel.cards] == ["last run"]
    assert studio.panel.frame["step"] == 0


def test_a_menu_used_while_painting_goes_on_painting(open_studio, rest):
    studio = open_studio(steps=None)
    say(studio, "start")
    say(studio, "pick", role="content", name="chelsea")
    say(studio, "choose", name="size", value=48)
    assert studio.state == "running"
    say(studio, "choose", name="steps", value=1)  # an end that has gone by
    frame = rest(studio)
    assert (frame.state, frame.job.content, max(frame.image.size)) == ("finished", "chelsea", 48)


def test_a_recipe_of_ones_own_stays_in_the_menu(open_studio):
    studio = open_studio(recipe=OWN)

    def menu():
        return studio.panel.setup["recipe"], [one["name"] for one in studio.panel.setup["recipes"]]

    assert menu() == ("as saved", [*st.RECIPES, "as saved"])
    say(studio, "choose", name="recipe", value="balanced")
    assert menu() == ("balanced", [*st.RECIPES, "as saved"])
    assert (studio.loop.job.recipe, studio.beta) == (st.RECIPES["balanced"], 20.0)
    say(studio, "choose", name="recipe", value="as saved")
    assert (studio.loop.job.recipe, studio.beta) == (OWN, 7.0)
    assert "as saved" not in st.RECIPES
    assert [one["name"] for one in open_studio().panel.setup["recipes"]] == list(st.RECIPES), "of this studio only"


def test_experiments(open_studio):
    studio = open_studio(beta=77.0)
    say(studio, "experiment", key="beta_ladder")
    assert (studio.panel.experiment["key"], studio.beta) == ("beta_ladder", 0.1)
    say(studio, "experiment", key="")
    assert (studio.panel.experiment, studio.beta) == (None, 0.1)
    say(studio, "experiment", key="alchemy")
    assert notice(studio).startswith("there is no experiment 'alchemy'; choose from beta_ladder")


# --- pictures --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["content", "style"])
def test_a_dropped_picture_is_painted(open_studio, rest, role):
    studio = open_studio()
    studio.run(1)
    say(studio, "upload", as_bytes(Image.new("RGB", (60, 60), "red"), "JPEG"), role=role, name="my cat.jpg")
    assert notice(studio) == ""
    assert studio.panel.setup[role] == {"label": "my cat.jpg"}
    assert getattr(studio.loop.job, role).size == (60, 60)
    shown = Image.open(io.BytesIO(getattr(studio.panel, f"{role}_picture")))
    assert (shown.size, shown.getpixel((9, 9))) == ((60, 60), pytest.approx((254, 0, 0), abs=3))
    frame = rest(studio)
    assert (frame.state, frame.done) == ("idle", 0)
    studio.run(1)
    assert studio.image.size == ((32, 32) if role == "content" else (32, 21))


def test_an_upload_is_painted_again_from_its_settings(open_studio):
    studio = open_studio()
    say(studio, "upload", as_bytes(st.sample("chelsea"), "JPEG"), role="style", name="my cat.jpg")
    studio.run(3)
    again = open_studio.also(st.Studio.from_settings(studio.snapshot().settings.to_json()))
    assert again.image.tobytes() == studio.image.tobytes()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (
            [b"Dear diary"],
            "is not a picture that can be read (JPEG, PNG, WebP, ...): it holds text; choose the picture itself.",
        ),
        ([b""], "is not a picture that can be read (JPEG, PNG, WebP, ...): the file is empty; copy or download it again."),
        ([as_bytes(Image.new("RGB", (99, 99)))[:60]], "is cut off or damaged; copy or download it again."),
        ([], "is not a picture that can be read (JPEG, PNG, WebP, ...)."),
    ],
    ids=["text", "empty", "half", "nothing"],
)
def test_a_dropped_file_that_is_no_picture(open_studio, rest, data, sentence):
    studio = open_studio()
    studio.run(1)
    job = studio.loop.job
    say(studio, "upload", *data, role="content", name="folder/diary.txt")
    assert notice(studio) == f"diary.txt {sentence}"
    assert studio.panel.notice["tone"] == "problem"
    assert studio.loop.job is job
    assert len(studio.history) == 1, "the run goes on"
    say(studio, "upload", as_bytes(Image.new("RGB", (40, 40), "red")), role="content", name="cat.png")
    assert notice(studio) == "", "a good one takes the sentence away"
    say(studio, "start")
    assert rest(studio).state == "finished"


def test_the_page_names_no_files(open_studio, tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "secret.png")
    studio = open_studio()
    for name in (str(tmp_path / "secret.png"), "../secret", "", None, ["chelsea"]):
        say(studio, "pick", role="content", name=name)
        assert notice(studio).startswith("there is no sample ")
    assert studio.loop.job.content == "eilean_donan"


def test_the_gallery_shows_every_sample(open_studio, told):
    say(open_studio(), "gallery")
    ((kind, content, buffers),) = told
    assert kind == "gallery"
    assert [one["name"] for one in content["pictures"]] == st.sample_names()
    assert {one["kind"] for one in content["pictures"]} == {"photograph", "painting"}
    assert all(one["title"] for one in content["pictures"])
    assert all(max(Image.open(io.BytesIO(data)).size) == 160 for data in buffers)


# --- cards and files -------------------------------------------------------------------------------------------------------


def test_cards_are_renamed_compared_and_deleted(open_studio):
    studio = open_studio()
    for _ in range(3):
        studio.run(1)
        say(studio, "snapshot")
    say(studio, "rename", id=2, label="waves <b>")
    assert [card["label"] for card in studio.panel.cards] == ["1", "waves <b>", "3"]
    assert studio.panel.cards[1]["caption"][0] == "waves <b> · step 2"
    for number in (1, 2, 3):
        say(studio, "compare", id=number, on=True)
    assert [card["id"] for card in studio.panel.compared] == [2, 3], "a third takes the place of the oldest"
    say(studio, "compare", id=2, on=False)
    assert [card["id"] for card in studio.panel.compared] == [3]
    say(studio, "delete", id=3)
    assert (studio.panel.compared, [card["id"] for card in studio.panel.cards]) == ([], [1, 2])


@pytest.mark.parametrize("do", CARDS)
def test_a_card_that_is_gone_is_no_error(open_studio, do, told):
    studio = open_studio()
    studio.run(1)
    say(studio, "snapshot")
    say(studio, "delete", id=1)
    say(studio, do, id=1, label="x", on=True)
    assert (notice(studio), studio.panel.cards, told, len(studio.history)) == ("", [], [], 1)


def test_a_card_is_restored(open_studio, rest):
    studio = open_studio()
    studio.run(2)
    say(studio, "snapshot")
    before = studio.history
    studio.beta = 3.0
    studio.run(2)
    say(studio, "restore", id=1)
    frame = rest(studio)
    assert (frame.state, frame.history, studio.panel.frame["step"]) == ("paused", before, 2)
    assert studio.panel.setup["weights"]["beta"] == studio.beta == frame.moves[-1][1].beta


def test_files_are_offered_and_never_overwritten(open_studio, tmp_path, monkeypatch, told):
    monkeypatch.chdir(tmp_path)
    studio = open_studio()
    for do, sentence in (("save", "there is no picture yet"), ("sheet", "there are no snapshots"), ("film", "nothing to film")):
        say(studio, do)
        assert sentence in notice(studio)
    assert list(tmp_path.iterdir()) == []
    studio.run(1)
    (tmp_path / "studio_2.png").write_text("mine")
    for name in ("studio_1.png", "studio_3.png"):
        say(studio, "save")
        kind, content, (data,) = told.pop()
        assert notice(studio) == content["text"] == f"saved as {tmp_path / name}"
        assert (kind, content["name"], content["mime"]) == ("file", name, "image/png")
        assert data == (tmp_path / name).read_bytes()
        assert st.read_jobs(name) == [studio.settings]
    assert (tmp_path / "studio_2.png").read_text() == "mine"
    assert Image.open("studio_1.png").tobytes() == studio.image.tobytes()
    say(studio, "pause")
    assert notice(studio) == "", "a successful action takes the sentence away"
    say(studio, "snapshot")
    assert notice(studio) == "Snapshot 1 is on the strip.", "which may lie below the window"
    say(studio, "film")
    assert told.pop()[1]["mime"] == "image/gif"
    say(studio, "download", id=1)
    assert told.pop()[1]["name"] == "snapshot_1.png"
    assert st.read_jobs("snapshot_1.png") == [studio.snapshots[0].settings]


def test_a_contact_sheet_has_the_settings_of_each(open_studio, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    studio = open_studio()
    for beta in (5.0, 50.0):
        studio.beta = beta
        studio.run(1)
        say(studio, "snapshot")
    say(studio, "sheet")
    assert notice(studio) == f"saved as {tmp_path / 'snapshots_1.png'}"
    assert st.read_jobs("snapshots_1.png") == [one.settings for one in studio.snapshots]
    again = open_studio.also(st.Studio.from_settings("snapshots_1.png"))
    assert again.image.tobytes() == studio.snapshots[0].image.tobytes()


def test_a_folder_that_cannot_be_written(open_studio, monkeypatch):
    monkeypatch.setattr("styletools.studio.keeping.free_name", lambda *names: Path("/proc/nowhere/a.png"))
    studio = open_studio()
    studio.run(1)
    say(studio, "save")
    assert notice(studio).startswith("cannot write a picture to ")


# --- the timeline ----------------------------------------------------------------------------------------------------------


def test_scrubbing_and_going_back(open_studio, rest, told):
    studio = open_studio()
    for _ in range(3):
        studio.run(1)
    say(studio, "scrub", step=2)
    kind, content, (data,) = told.pop()
    assert (kind, content["step"], set(content["losses"])) == ("moment", 2, {"total", "content", "style", "tv"})
    assert Image.open(io.BytesIO(data)).size == (32, 21)
    assert len(studio.history) == 3, "looking changes nothing"
    say(studio, "go_back", step=2)
    assert told.pop()[0] == "going_back", "so that the page knows which frames are of the new branch"
    assert (rest(studio).done, studio.state) == (2, "paused")
    assert studio.panel.timeline["last"] == 2
    say(studio, "go_back", step=3)
    assert notice(studio) == "step is 3; expected one that was made, 0 to 2."


# --- messages that make no sense -------------------------------------------------------------------------------------------

ODD = [None, True, "", "nonsense", b"x", -1, 3.5, math.nan, math.inf, 10**400, [], {}, [1], {"a": 1}]
KEYS = ("name", "value", "soft", "x", "y", "tolerance", "factor", "role", "step", "key", "id", "label", "on", "keeps")
DOINGS = (
    *BUTTONS, *CARDS, "snapshot", "weight", "layer", "choose", "pick", "upload", "scrub", "go_back", "experiment", "beat",
    "gallery", "strength", "stroke", "mix", "one_style", "mask", "no_mask", "flood",
)  # fmt: skip


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (None, "the page says None, which means nothing: reload the page."),
        (["do"], "the page says ['do'], which means nothing: reload the page."),
        ({}, "the page asks for 'None', which this studio does not know: reload the page."),
        ({"do": "dance"}, "the page asks for 'dance', which this studio does not know: reload the page."),
        ({"do": ["start"]}, "the page asks for \"['start']\", which this studio does not know: reload the page."),
        ({"do": "weight"}, "there is no weight 'None'; choose from alpha, beta, tv."),
        ({"do": "weight", "name": "gamma", "value": 1}, "there is no weight 'gamma'; choose from alpha, beta, tv."),
        ({"do": "weight", "name": "beta"}, "beta is None; expected a number of at least 0."),
        ({"do": "weight", "name": "beta", "value": -1}, "beta is -1; expected a number of at least 0."),
        ({"do": "weight", "name": "beta", "value": math.nan}, "beta is nan; expected a number of at least 0."),
        ({"do": "weight", "name": "beta", "value": True}, "beta is True; expected a number of at least 0."),
        ({"do": "weight", "name": "beta", "value": "20"}, "beta is 20; expected a number of at least 0."),
        ({"do": "layer", "name": "relu9_9", "factor": 1}, "there is no style layer 'relu9_9'; choose from relu1_1, relu2_1"),
        ({"do": "layer", "name": "relu1_1", "factor": None}, "relu1_1 is None; expected a number of at least 0."),
        ({"do": "choose"}, "there is no setting 'None'; choose from size, recipe, network, init, optimizer, colors."),
        ({"do": "choose", "name": "size", "value": 8}, "size is 8; expected 32 to 4096 pixels."),
        ({"do": "choose", "name": "size", "value": "big"}, "size is big; expected a whole number."),
        ({"do": "choose", "name": "size", "value": [64]}, "size is [64]; expected a whole number."),
        ({"do": "choose", "name": "recipe", "value": "soup"}, "unknown recipe 'soup'; choose from"),
        ({"do": "choose", "name": "recipe", "value": ["soup"]}, "recipe is ['soup']; expected a name from its menu."),
        ({"do": "choose", "name": "network", "value": "vgg16"}, "unknown network 'vgg16'; choose from"),
        ({"do": "choose", "name": "init", "value": "/etc/passwd"}, "init is '/etc/passwd'; expected one of"),
        ({"do": "choose", "name": "optimizer", "value": "sgd"}, "optimizer is 'sgd'; expected 'adam' or 'lbfgs'"),
        ({"do": "choose", "name": "steps", "value": 0}, "steps is 0; expected at least 1, or None to paint until paused."),
        ({"do": "choose", "name": "steps", "value": 1.5}, "steps is 1.5; expected at least 1, or None to paint until paused."),
        ({"do": "choose", "name": "heat", "value": "warm"}, "heat is warm; expected one of content, style, tv."),
        ({"do": "choose", "name": "gram", "value": "relu9_9"}, "gram is relu9_9; expected one of relu1_1, relu2_1"),
        ({"do": "choose", "name": "projector", "value": "on"}, "projector is on; expected one of True, False."),
        ({"do": "pick", "role": "frame", "name": "chelsea"}, "a picture is for content, style or second, not for 'frame'."),
        ({"do": "upload", "role": None}, "a picture is for content, style or second, not for 'None'."),
        ({"do": "scrub"}, "step is None; expected one that was made, 0 to 1."),
        ({"do": "go_back", "step": math.inf}, "step is inf; expected one that was made, 0 to 1."),
        ({"do": "rename", "id": "one", "label": "x"}, "there is no snapshot one."),
        ({"do": "rename", "id": 1}, "the name is None; expected text."),
        ({"do": "experiment", "key": {"a": 1}}, "there is no experiment \"{'a': 1}\"; choose from"),
    ],
    ids=str,
)
def test_one_sentence(open_studio, message, sentence):
    studio = open_studio()
    studio.run(1)
    studio.snapshot()
    before, job = studio.panel.setup, studio.loop.job
    studio.hands.hear(message)
    assert studio.panel.notice["tone"] == "problem"
    assert notice(studio).startswith(sentence)
    assert (studio.panel.setup, studio.loop.job, len(studio.history)) == (before, job, 1), "and nothing has changed"
    say(studio, "pause")
    assert notice(studio) == ""


def test_the_same_sentence_twice_is_two_notices(open_studio):
    studio = open_studio()
    say(studio, "dance")
    first = studio.panel.notice
    say(studio, "dance")
    assert (first["text"], studio.panel.notice["text"]) == (notice(studio), first["text"])
    assert studio.panel.notice["count"] > first["count"]


odd = some.sampled_from(ODD) | some.sampled_from(["content", "style", "beta", "size", "relu1_1", "chelsea", 1, 0, 2])
messages = some.builds(
    lambda do, rest: {"do": do, **rest}, some.sampled_from(DOINGS), some.dictionaries(some.sampled_from(KEYS), odd, max_size=4)
)


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    """A studio that hears a lot, in a folder where it may write."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(tmp_path_factory.mktemp("files"))
        studio = st.Studio(size=32, steps=1)
        yield studio
        studio.pause()
        assert studio.wait(60)
        studio.close()


@given(message=messages | some.sampled_from(ODD), buffers=some.sampled_from([[], [b"x"], [memoryview(b"")], None]))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_message_raises_or_breaks_the_studio(patient, message, buffers):
    patient.hands.hear(message, buffers)
    text = notice(patient)
    assert "\n" not in text
    assert len(text) < 400
    assert not text or text.endswith((".", "?")) or text.startswith("saved as"), text
    assert patient.state != "error", patient.loop.frame.message


def test_menus_are_all_known_to_the_page(open_studio):
    assert set(MENUS) <= set(open_studio().panel.setup)
