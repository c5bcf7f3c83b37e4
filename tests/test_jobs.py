"""Jobs: everything that makes a picture, as text and inside picture files."""

import inspect
import io
import json
import os
import random
import shutil
from dataclasses import MISSING, fields, replace
from pathlib import Path

import pytest
import torch
from helpers import ROOT
from PIL import Image, PngImagePlugin
from PIL.PngImagePlugin import PngInfo

import styletools as st
from styletools import Job, Weights, jobs, read_jobs, recipes, save_picture
from styletools.jobs import DESCRIPTION, FORMAT, KEY, describe, fingerprint, understand

LAYERS = {"relu1_1": 0.1 + 0.2, "relu4_1": 1 / 3}
WEIGHTS = Weights(1.0, 20.0, 2.0, LAYERS)
OWN_RECIPE = replace(
    st.RECIPES["balanced"], source="of one's own", alpha=0.1 + 0.7, levels=3, betas=(0.5, 0.75), content_layers=("relu3_1",),
    neighbour_layers={"relu3_1": 1 / 3}, network={"name": "vgg19", "rescale": True},
)  # fmt: skip
JOB = Job(  # nothing as it is by default
    "eilean_donan", "great_wave", size=40, steps=7, recipe=OWN_RECIPE, network={"name": "vgg19-slim", "pooling": "average"},
    weights=WEIGHTS, init="noise", optimizer="lbfgs", learning_rate=0.1 + 0.2, averaging=2 / 3, seed=11,
    coarse_to_fine=False, colors="match",
    moves=((1, WEIGHTS), (4, Weights(0.5, 1e-17, 1 / 7, {"relu1_1": 0.0, "relu2_1": 1e17}))), done=5,
)  # fmt: skip
DOT = Image.new("RGB", (3, 2), "red")
PHOTO, WAVE = st.sample("chelsea").resize((60, 40)), st.sample("great_wave").resize((50, 50))
SMALL = Job("photo.png", "wave.png", size=32, steps=2)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with photo.png (60 x 40) and wave.png (50 x 50)."""
    monkeypatch.chdir(tmp_path)
    PHOTO.save("photo.png")
    WAVE.save("wave.png")
    return tmp_path


def as_bytes(picture, form):
    buffer = io.BytesIO()
    picture.save(buffer, form)
    return buffer.getvalue()


def same(one, other):
    """Two pictures of any kind, bit for bit, or the same name."""
    if isinstance(one, torch.Tensor) or isinstance(other, torch.Tensor):
        return type(one) is type(other) and torch.equal(one, other)
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return st.load_image(one).tobytes() == st.load_image(other).tobytes()


# --- what a job is ---------------------------------------------------------------------------------------------------------


def test_what_is_left_out_comes_from_the_recipe():
    recipe = st.RECIPES["gatys"]
    job = Job("chelsea", "great_wave", recipe="gatys")
    assert job.recipe is recipe
    assert job.weights == Weights(recipe.alpha, recipe.beta, recipe.tv, recipe.style_layers)
    assert (job.init, job.optimizer, job.learning_rate) == (recipe.init, recipe.optimizer, recipe.learning_rate)
    assert job.network == {"name": "vgg19", "pooling": "average", "rescale": True, "padding": "replicate", "dtype": None}
    assert Job("chelsea", "great_wave", recipe="gatys", optimizer="adam").learning_rate == 0.09
    assert Job("chelsea", "great_wave", network="vgg19").network == {"name": "vgg19", "padding": "replicate", "dtype": None}
    assert Job("chelsea", "great_wave", network={"name": "vgg19"}).network == {"name": "vgg19"}, "options are taken as given"


def test_defaults_are_those_of_stylize():
    defaults = {name: parameter.default for name, parameter in inspect.signature(st.stylize).parameters.items()}
    job = {field.name: field.default for field in fields(Job)}
    assert defaults["size"] is None, "that of a job, or less for a small photograph"
    for name in ("steps", "recipe", "averaging", "seed", "colors"):
        assert job[name] == defaults[name], name


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"network": "vgg16"}, r"^unknown network 'vgg16' \(did you mean 'vgg19'\?\); choose from vgg19, vgg19-slim, "),
        ({"recipe": "monet"}, r"^unknown recipe 'monet'; choose from .*neighbours, mean_std, wasserstein, sliced, nearest\.$"),
        ({"optimizer": "sgd"}, r"^optimizer is 'sgd'; expected 'adam' or 'lbfgs'\.$"),
        ({"optimizer": "sgd", "learning_rate": 0.1}, r"^optimizer is 'sgd'; expected 'adam' or 'lbfgs'\.$"),
        ({"steps": -1}, r"^steps is -1; expected a whole number of at least 0\.$"),
        ({"averaging": 1.0}, r"^averaging is 1\.0; expected at least 0 and less than 1\.$"),
        ({"averaging": -0.1}, r"^averaging is -0\.1; expected"),
        ({"averaging": float("nan")}, r"^averaging is nan; expected"),
    ],
)
def test_settings_that_make_no_sense(settings, sentence):
    with pytest.raises(st.SettingsError, match=sentence):
        Job("chelsea", "great_wave", **settings)


def test_jobs_are_values():
    assert Job("chelsea", "great_wave") == Job("chelsea", "great_wave", recipe=st.RECIPES["neighbours"])
    assert Job("chelsea", "great_wave") != Job("chelsea", "great_wave", seed=1)
    with pytest.raises(AttributeError):
        JOB.size = 100


@pytest.mark.parametrize("start", st.recipes.INITS)
def test_the_start_is_named(start):
    assert replace(JOB, init=start).start == start


@pytest.mark.parametrize("start", ["chelsea", "photo.png", b"bytes", PHOTO, torch.zeros(1, 3, 4, 4)])
def test_any_other_start_is_a_picture(start):
    assert replace(JOB, init=start).start == "picture"


def test_the_weights_of_the_first_step():
    other = replace(WEIGHTS, beta=5.0)
    assert replace(JOB, moves=()).first_weights == WEIGHTS
    assert replace(JOB, moves=((1, other), (2, WEIGHTS))).first_weights == other
    assert replace(JOB, moves=((2, other),)).first_weights == WEIGHTS, "the move comes later"


def test_weights_move_at_the_step_that_is_said(tiny_vgg):
    moves = ((3, Weights(0.0, 5.0, 0.0, {"relu2_1": 1.0})), (7, replace(WEIGHTS, tv=4.0)))
    seen = []
    job = Job(PHOTO, WAVE, 130, 4, "balanced", weights=WEIGHTS, moves=moves)
    st.paint(job, tiny_vgg, lambda transfer, step: seen.append((step.alpha, step.beta, step.tv_weight, transfer.style_layers)))
    expected = [WEIGHTS, WEIGHTS, *[moves[0][1]] * 4, moves[1][1]]  # 4 steps at 65 pixels, 3 at 130
    assert seen == [(weights.alpha, weights.beta, weights.tv, weights.style_layers) for weights in expected]


def test_a_picture_that_nothing_pulls_at_is_the_photograph(tiny_vgg):
    calm = replace(WEIGHTS, beta=0.0, tv=0.0)
    steps = []
    job = Job(PHOTO, WAVE, 32, 2, "balanced", weights=calm, coarse_to_fine=False)
    assert st.paint(job, tiny_vgg, lambda *_: steps.append(1)).tobytes() == st.postprocess(st.preprocess(PHOTO, 32)).tobytes()
    assert not steps
    for change in ({"moves": ((2, WEIGHTS),)}, {"moves": ((1, calm), (2, WEIGHTS))}, {"init": "noise"}):
        steps.clear()
        st.paint(replace(job, **change), tiny_vgg, lambda *_: steps.append(1))
        assert len(steps) == 2


@pytest.mark.parametrize("coarse_to_fine", [True, False])
def test_done_ends_a_run_early(tiny_vgg, coarse_to_fine):
    """Of 4 steps at 65 pixels and 3 at 130, or of 4 at 130."""
    job = Job(PHOTO, WAVE, 130, 4, "balanced", coarse_to_fine=coarse_to_fine)
    pictures, widths = [st.paint(replace(job, done=0), tiny_vgg)], []
    st.paint(job, tiny_vgg, lambda transfer, step: pictures.append(transfer.image))
    for done, picture in enumerate(pictures):
        again = st.paint(replace(job, done=done), tiny_vgg)
        assert again.tobytes() == picture.tobytes()
        widths.append(again.width)
    assert widths == ([65] * 5 + [130] * 3 if coarse_to_fine else [130] * 5)
    assert st.paint(job, tiny_vgg).tobytes() == pictures[-1].tobytes()


# --- as text ---------------------------------------------------------------------------------------------------------------


def through_text(job, path):
    return Job.from_json(job.to_json())


def through_file(job, path):
    save_picture(WAVE, path, job)
    (found,) = read_jobs(path)
    return found


ROUND_TRIPS = [(through_text, ""), *((through_file, ending) for ending in (".png", ".PNG", ".jpg", ".JPEG", ".webp", ""))]


@pytest.mark.parametrize(("through", "ending"), ROUND_TRIPS, ids=["text", "png", "PNG", "jpg", "JPEG", "webp", "no ending"])
def test_every_field_survives(through, ending, tmp_path):
    plain = Job("chelsea", "chelsea")
    assert [field.name for field in fields(Job) if getattr(JOB, field.name) == getattr(plain, field.name)] == [], "a real test"
    again = through(JOB, tmp_path / f"a{ending}")
    assert again == JOB
    assert [type(value) for value in vars(again).values()] == [type(value) for value in vars(JOB).values()]
    assert list(again.weights.style_layers) == list(LAYERS), "sums keep their order"
    assert again.recipe not in st.RECIPES.values(), "a recipe of one's own travels by value"


@pytest.mark.parametrize("key", st.RECIPES)
def test_every_recipe_survives(key):
    job = Job("chelsea", "great_wave", recipe=key)
    assert Job.from_json(job.to_json()) == job
    assert Job.from_json(job.to_json()).recipe == st.RECIPES[key]


def test_a_recipe_that_is_changed_later_leaves_old_pictures_alone(monkeypatch):
    text = Job("chelsea", "great_wave", recipe="balanced").to_json()
    before = st.RECIPES["balanced"]
    monkeypatch.setattr(recipes, "RECIPES", dict(st.RECIPES))  # a copy: its order is shown in messages
    monkeypatch.setitem(recipes.RECIPES, "balanced", OWN_RECIPE)
    assert Job.from_json(text).recipe == before
    monkeypatch.delitem(recipes.RECIPES, "balanced")
    assert Job.from_json(text).recipe == before


def test_every_float_survives():
    chance = random.Random(0)
    for _ in range(100):
        alpha, beta, tv = (10 ** chance.uniform(-300, 300) for _ in range(3))
        weights = Weights(alpha, beta, tv, {"relu1_1": chance.random()})
        job = replace(JOB, content=DOT, style=DOT, weights=weights, learning_rate=chance.random())
        assert Job.from_json(job.to_json()) == job


def test_numbers_of_other_libraries_are_written_as_numbers():
    weights = Weights(torch.tensor(0.5), torch.tensor(2), torch.tensor(0.25), {"relu1_1": torch.tensor(1.0)})
    assert Job.from_json(replace(JOB, weights=weights).to_json()).weights == Weights(0.5, 2.0, 0.25, {"relu1_1": 1.0})


def test_text_is_plain_and_says_what_wrote_it():
    text = replace(JOB, content="Weiß/北斎.png").to_json()
    assert text.isascii(), "EXIF takes nothing else"
    about = json.loads(text)
    assert about["format"] == FORMAT
    assert about["versions"] == {"styletools": st.__version__, "torch": torch.__version__}


# --- pictures within -------------------------------------------------------------------------------------------------------

KINDS = {
    "sample": lambda: "chelsea",
    "name": lambda: "photo.png",
    "path": lambda: Path("photo.png"),
    "absolute path": lambda: Path("photo.png").absolute(),
    "png bytes": lambda: as_bytes(PHOTO, "PNG"),
    "jpeg bytes": lambda: as_bytes(PHOTO, "JPEG"),
    "PIL": lambda: PHOTO,
    "grey": lambda: PHOTO.convert("L"),
    "with alpha": lambda: Image.merge("RGBA", [*PHOTO.split(), Image.linear_gradient("L").resize(PHOTO.size)]),
    "tensor": lambda: st.preprocess(PHOTO, 24),
}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("coarse_to_fine", [True, False])
@pytest.mark.parametrize("field", ["content", "style", "init"])
@pytest.mark.parametrize("kind", KINDS)
def test_pictures_survive_as_they_are_used(kind, field, coarse_to_fine):
    picture = KINDS[kind]()
    job = replace(JOB, **{field: picture}, size=40, coarse_to_fine=coarse_to_fine)
    again = getattr(Job.from_json(job.to_json()), field)
    if isinstance(picture, str | Path):
        assert again == str(picture)
    elif isinstance(picture, torch.Tensor):
        assert same(again, picture)
    else:
        assert max(again.size) == (60 if coarse_to_fine else 40)
        assert st.preprocess(again, 40).equal(st.preprocess(picture, 40)), "bit for bit what is painted"


UPLOADS = {
    "names": ("chelsea", "great_wave", "content"),
    "uploads": (as_bytes(PHOTO, "JPEG"), WAVE, "content"),
    "a start": ("chelsea", "great_wave", as_bytes(WAVE, "PNG")),
    "tensors": (st.preprocess(PHOTO, 40), st.preprocess(WAVE, 30), st.preprocess(WAVE, 20)),
}


@pytest.mark.parametrize("coarse_to_fine", [True, False])
@pytest.mark.parametrize("pictures", UPLOADS)
def test_the_same_picture_is_painted_after_the_round_trip(tmp_path, tiny_vgg, pictures, coarse_to_fine):
    content, style, init = UPLOADS[pictures]
    job = Job(content, style, 34, 3, OWN_RECIPE, init=init, moves=((1, WEIGHTS), (3, replace(WEIGHTS, beta=3.0))), seed=5,
              coarse_to_fine=coarse_to_fine)  # fmt: skip
    picture = st.paint(job, tiny_vgg)
    save_picture(picture, tmp_path / "a.png", job)
    assert st.load_image(tmp_path / "a.png").tobytes() == picture.tobytes()
    assert st.paint(read_jobs(tmp_path / "a.png")[0], tiny_vgg).tobytes() == picture.tobytes()


def test_a_transfer_of_tensors_says_how_it_was_made(slim, plain_pair):
    """Tensors are taken as they are, whatever the size says."""
    transfer = st.StyleTransfer(*plain_pair, slim, size=99, steps=2)
    list(transfer)
    again = Job.from_json(transfer.job.to_json())
    assert st.paint(again).tobytes() == transfer.image.tobytes()
    assert transfer.image.size == (48, 32)


def noise(size=512, seed=0):
    """A picture that does not compress."""
    return Image.frombytes("RGB", (size, size), random.Random(seed).randbytes(size * size * 3))


def test_a_picture_is_stored_once(tmp_path):
    """A hundred jobs with one upload: the sheet is hardly larger than the upload."""
    upload = noise()
    job = Job(upload, DOT, size=512, coarse_to_fine=False)
    sheet = [replace(job, seed=seed, style=upload if seed == 99 else DOT) for seed in range(100)]
    save_picture(Image.new("RGB", (9, 9)), tmp_path / "sheet.png", *sheet)
    stored = 4 / 3 * len(as_bytes(upload, "PNG"))
    assert stored < (tmp_path / "sheet.png").stat().st_size < stored + 100 * 2500
    found = read_jobs(tmp_path / "sheet.png")
    assert [one.seed for one in found] == list(range(100))
    assert all(one.settings() == job.settings() for one, job in zip(found, sheet, strict=True))
    assert all(same(picture, upload) for picture in (found[0].content, found[50].content, found[99].style))


def test_the_same_pixels_are_the_same_picture():
    """Also as objects of different kinds, and once more at another size."""
    many = [PHOTO, PHOTO.copy(), as_bytes(PHOTO, "PNG"), as_bytes(PHOTO, "BMP"), st.preprocess(PHOTO)]
    text = describe([Job(picture, "great_wave") for picture in many])
    assert len(json.loads(text)["pictures"]) == 1
    text = describe([Job(PHOTO, "great_wave", size=size, coarse_to_fine=False) for size in (20, 30, 60, 100)])
    assert len(json.loads(text)["pictures"]) == 3, "at 20, 30 and 60 pixels, which is all there is of it"


def test_a_fingerprint_is_of_size_and_pixels():
    assert fingerprint(PHOTO) == fingerprint(st.load_image(as_bytes(PHOTO, "PNG")))
    flat = Image.new("RGB", (6, 4))
    assert fingerprint(flat) != fingerprint(flat.resize((4, 6))) != fingerprint(Image.new("RGB", (8, 3)))
    flat.putpixel((5, 3), (0, 0, 1))
    assert fingerprint(flat) != fingerprint(Image.new("RGB", (6, 4)))


# --- pictures that are named -------------------------------------------------------------------------------------------------


def test_a_file_may_become_another_kind_of_file(folder):
    """The pixels count, not the bytes."""
    text = SMALL.to_json()
    (folder / "photo.png").write_bytes(as_bytes(PHOTO, "BMP"))
    assert Job.from_json(text) == SMALL


def test_a_file_that_is_gone_is_told_and_can_be_replaced(folder):
    save_picture(WAVE, "out.png", SMALL)
    (folder / "photo.png").rename("cat.png")
    sentence = r"^photo\.png, of which this was painted, is not there any more; name the pictures to paint from\.$"
    for read in (lambda: read_jobs("out.png"), lambda: Job.from_json(SMALL.to_json()), lambda: read_jobs("out.png", None, "w")):
        with pytest.raises(st.ImageError, match=sentence):
            read()
    assert read_jobs("out.png", "cat.png") == [replace(SMALL, content="cat.png")]
    assert read_jobs("out.png", content="great_wave", style=WAVE) == [replace(SMALL, content="great_wave", style=WAVE)]
    with pytest.raises(st.ImageError, match=r"^wave\.png, of which"):
        (folder / "wave.png").unlink()
        read_jobs("out.png", "cat.png")


def test_a_file_that_changed_is_told_and_can_be_replaced(folder):
    save_picture(WAVE, "out.png", SMALL)
    changed = PHOTO.copy()
    changed.putpixel((59, 39), (1, 2, 3))
    changed.save("photo.png")
    with pytest.raises(
        st.ImageError, match=r"^photo\.png is not the picture it was when this was painted; name the pictures to paint from\.$"
    ):
        read_jobs("out.png")
    assert read_jobs("out.png", "photo.png") == [SMALL]


def test_a_sample_that_changed_is_told(monkeypatch, folder):
    job = Job("chelsea", "great_wave")
    text = job.to_json()
    assert Job.from_json(text) == job
    monkeypatch.setattr(st.images, "SAMPLES", folder)
    WAVE.save("chelsea.jpg")
    WAVE.save("great_wave.jpg")
    with pytest.raises(st.ImageError, match=r"^chelsea is not the picture it was"):
        Job.from_json(text)
    (folder / "chelsea.jpg").unlink()
    with pytest.raises(st.ImageError, match=r"chelsea.* no sample of that name"):
        Job.from_json(text)


def test_a_file_is_found_beside_the_picture_when_both_have_moved(folder, monkeypatch):
    job = replace(SMALL, content=str(folder / "photo.png"), init="wave.png")
    save_picture(WAVE, "out.png", job)
    (folder / "elsewhere").mkdir()
    for name in ("out.png", "photo.png", "wave.png"):
        shutil.move(name, "elsewhere")
    beside = replace(job, content="elsewhere/photo.png", style="elsewhere/wave.png", init="elsewhere/wave.png")
    assert read_jobs("elsewhere/out.png") == [beside]
    monkeypatch.chdir("elsewhere")
    assert read_jobs("out.png") == [replace(SMALL, init="wave.png")]


def test_a_stranger_at_the_old_place_does_not_hide_the_file_beside_the_picture(folder):
    save_picture(WAVE, "out.png", SMALL)
    (folder / "elsewhere").mkdir()
    for name in ("out.png", "photo.png"):
        shutil.move(name, "elsewhere")
    WAVE.save("photo.png")
    assert read_jobs("elsewhere/out.png") == [replace(SMALL, content="elsewhere/photo.png")]


def test_a_painting_outlives_its_pictures(folder):
    """What was painted from files that are gone at the end is saved, and takes any file of that name later."""
    (folder / "photo.png").unlink()
    save_picture(WAVE, "out.png", SMALL)
    with pytest.raises(st.ImageError, match=r"^photo\.png, of which this was painted, is not there any more"):
        read_jobs("out.png")
    WAVE.save("photo.png")
    assert read_jobs("out.png") == [SMALL]


@pytest.mark.parametrize("name", ["x" * 5000, "nul\0byte.png", "", ".", "no/such/folder.png"])
def test_names_that_no_file_can_have(name):
    about = json.loads(JOB.to_json())
    about["jobs"][0]["content"] = {"file": name, "sha256": None}
    with pytest.raises(st.ImageError, match="is not there any more"):
        understand(json.dumps(about))


# --- other text ------------------------------------------------------------------------------------------------------------

GOOD = json.loads(replace(JOB, content=DOT, style=torch.zeros(1, 3, 4, 6)).to_json())
NOTHING_OF_OURS = r"^these are not settings that styletools wrote, or they are damaged\.$"


def changed(value, *path):
    """The good text with another value at a path; MISSING takes it out."""
    about = json.loads(json.dumps(GOOD))
    *way, last = path
    place = about
    for step in way:
        place = place[step]
    if value is MISSING:
        del place[last]
    else:
        place[last] = value
    return json.dumps(about)


@pytest.mark.parametrize("newer", [FORMAT + 1, FORMAT + 0.5, 99])
def test_a_newer_format_is_refused(newer):
    with pytest.raises(
        st.SettingsError, match=rf"^this was written by a newer styletools \(format {newer}\); update the package\.$"
    ):
        understand(changed(newer, "format"))


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "7", "null", '"text"', '"format"', "{}", "NaN", "[" * 100_000, '{"format": ' * 100_000, '{"format": 2}',
        json.dumps([GOOD, 5]), "[[]]", "[{}]", '{"plan": {}}', "9" * 5000,
        changed("2", "format"), changed(None, "format"), changed([], "jobs"), changed({}, "jobs"), changed(5, "jobs"),
        changed(MISSING, "jobs"), changed(MISSING, "pictures"), changed([], "pictures"), changed({}, "pictures"),
        changed(MISSING, "jobs", 0, "content"), changed(MISSING, "jobs", 0, "init"), changed(5, "jobs", 0, "content"),
        changed({}, "jobs", 0, "content"), changed(None, "jobs", 0, "init"), changed({"sha256": []}, "jobs", 0, "content"),
        changed({"file": 5, "sha256": ""}, "jobs", 0, "init"),
    ],
)  # fmt: skip
def test_other_text_is_told_in_one_sentence(text):
    with pytest.raises(st.SettingsError, match=NOTHING_OF_OURS):
        understand(text)
    with pytest.raises(st.SettingsError, match=NOTHING_OF_OURS):
        Job.from_json(text)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (MISSING, ["recipe"]), (MISSING, ["weights"]), (MISSING, ["moves"]), ("red", ["colour"]), ("monet", ["recipe"]),
        ({}, ["recipe"]), ("red", ["recipe", "colour"]), (MISSING, ["recipe", "alpha"]), ("text", []),
        ({"alpha": 1}, ["weights"]), ([[1]], ["moves"]), (3, ["moves"]), ([[1, {}]], ["moves"]), ("many", ["steps"]),
        (-1, ["steps"]), (1.5, ["averaging"]), ("sgd", ["optimizer"]), ("vgg16", ["network"]), (5, ["content"]),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_in_text(value, path):
    with pytest.raises(st.SettingsError, match=r"^these are not the settings of a picture \(.+\)\.$"):
        understand(changed(value, "jobs", 0, "settings", *path))


def test_a_stored_picture_that_is_damaged():
    name = next(iter(GOOD["pictures"]))
    for damaged in ("", "AAAA", GOOD["pictures"][name][:40], "Ü", "="):
        with pytest.raises(st.StyleError, match=r"not a picture that can be read|damaged"):
            understand(changed(damaged, "pictures", name))


def paths_of(value, path=()):
    """Every place in a piece of JSON."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, key)
            yield from paths_of(inner, (*path, key))


SWAPS = [
    None, True, -1, 0, 1, 2.5, 1e999, 10**30, "", "x", "content", "chelsea", "photo.png", [], [1], [[1, 2]], {}, {"a": 1},
    {"sha256": "x"}, {"sample": "chelsea", "sha256": None}, {"file": "x", "sha256": 5}, MISSING,
]  # fmt: skip


def test_damaged_text_only_ever_raises_one_kind_of_error():
    """Every value of the text swapped for every other kind of value, and some thousand cuts and typing errors."""
    understood = 0
    texts = [changed(value, *path) for path in paths_of(GOOD) for value in SWAPS]
    chance, good = random.Random(0), json.dumps({**GOOD, "pictures": {}})
    texts += [good[: chance.randrange(len(good))] for _ in range(500)]
    for _ in range(2000):
        at = chance.randrange(len(good))
        texts.append(good[:at] + chance.choice('{}[]",:0-e.x\\ ') + good[at + chance.randrange(3) :])
    for text in texts:
        try:
            found = understand(text)
        except st.StyleError as error:
            assert str(error).endswith("."), error
        else:
            assert all(isinstance(job, Job) for job in found)
            understood += 1
    assert 0 < understood < len(texts) / 2, "a swapped number may make sense"


# --- written before there were jobs ------------------------------------------------------------------------------------------

OLD_WEIGHTS = Weights(6.0, 10.0, 2.0, dict(st.RECIPES["neighbours"].style_layers))
OLD = {  # of a studio, as its text was
    "plan": {
        "content": "chelsea", "style": "great_wave", "network": "vgg19-slim", "size": 48, "recipe": "adam", "init": "noise",
        "optimizer": "adam", "learning_rate": 0.25, "averaging": 0.8, "seed": 7,
    },
    "weights": {"alpha": 1.0, "beta": 5.0, "tv": 0.5, "style_layers": LAYERS},
    "moves": [[1, {"alpha": 1.0, "beta": 20.0, "tv": 2.0, "style_layers": LAYERS}]],
    "done": 9,
    "steps": 300,
}  # fmt: skip


def test_old_text_of_a_studio_is_read():
    expected = Job(
        "chelsea", "great_wave", 48, 300, "article", "vgg19-slim", Weights(1.0, 5.0, 0.5, LAYERS), "noise", "adam", 0.25, 0.8,
        seed=7, coarse_to_fine=False, moves=((1, WEIGHTS),), done=9,
    )  # fmt: skip
    assert Job.from_json(json.dumps(OLD)) == expected
    assert understand(json.dumps([OLD, OLD])) == [expected, expected]
    assert understand(json.dumps(OLD), content=WAVE, style="chelsea") == [replace(expected, content=WAVE, style="chelsea")]


@pytest.mark.parametrize(("name", "count"), [("studio_1.png", 1), ("sheet_1.png", 2)])
def test_pictures_saved_by_an_old_studio_are_read(name, count, tiny_vgg):
    """Written by the version before: an upload of chelsea at 60 x 40, two steps, beta up, two more steps."""
    found = read_jobs(ROOT / "tests" / "data" / name)
    assert len(found) == count
    for job in found:
        assert job.settings() == Job(
            "chelsea", "great_wave", 48, 4, weights=replace(OLD_WEIGHTS, beta=30.0), averaging=0.8, coarse_to_fine=False,
            moves=((1, OLD_WEIGHTS), (3, replace(OLD_WEIGHTS, beta=30.0))), done=4,
        ).settings()  # fmt: skip
        assert job.style == "great_wave"
        assert job.content.size == (48, 32)
        assert st.paint(job, tiny_vgg).size == (48, 32)
        assert Job.from_json(job.to_json()) == job, "and is written in today's format"


def test_an_old_picture_paints_nearly_what_it_shows():
    """Not quite: Adam no longer hears of a weight that rises."""
    path = ROOT / "tests" / "data" / "studio_1.png"
    shown, painted = st.preprocess(path), st.preprocess(st.paint(read_jobs(path)[0]))
    start = st.preprocess(read_jobs(path)[0].content)
    assert (painted - shown).norm() < 0.1 * (shown - start).norm()


# --- inside pictures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_jobs_travel_inside_the_picture(tmp_path, ending):
    one, two = JOB, replace(JOB, seed=8, content="chelsea")
    path = tmp_path / f"sheet.{ending}"
    save_picture(PHOTO, path, one, two)
    assert read_jobs(path) == read_jobs(str(path)) == [one, two]
    with Image.open(path) as image:
        assert (image.format, image.size) == ({"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}[ending], PHOTO.size)
        assert ending != "png" or image.tobytes() == PHOTO.tobytes()


def test_what_has_no_room_is_left_out_and_the_picture_is_whole(tmp_path, monkeypatch):
    """An EXIF block ends at 64 KB, and Pillow opens no PNG with too much text."""
    assert jobs.LONGEST_TEXT < PngImagePlugin.MAX_TEXT_MEMORY
    uploaded = replace(JOB, content=noise(160), size=512)
    for name in ("a.jpg", "a.webp"):
        save_picture(PHOTO, tmp_path / name, uploaded)
    save_picture(PHOTO, tmp_path / "a.PNG", uploaded)
    assert same(read_jobs(tmp_path / "a.PNG")[0].content, uploaded.content)
    monkeypatch.setattr(jobs, "LONGEST_TEXT", 80_000)
    save_picture(PHOTO, tmp_path / "a.PNG", uploaded)
    for name in ("a.jpg", "a.webp", "a.PNG"):
        assert st.load_image(tmp_path / name).size == PHOTO.size
        with pytest.raises(st.SettingsError, match="does not say how it was made"):
            read_jobs(tmp_path / name)


@pytest.mark.parametrize("ending", ["jpg", "webp"])
def test_the_longest_description_still_finds_room(tmp_path, ending, monkeypatch):
    def long(length):
        named = replace(JOB, content="")
        return replace(JOB, content="x" * (length - len(named.to_json())))

    path = tmp_path / f"a.{ending}"
    save_picture(PHOTO, path, long(jobs.LONGEST_DESCRIPTION))
    with pytest.raises(st.ImageError, match="is not there any more"):  # it was read to the end
        read_jobs(path)
    save_picture(PHOTO, path, long(jobs.LONGEST_DESCRIPTION + 1))
    with pytest.raises(st.SettingsError, match="does not say how"):
        read_jobs(path)


def test_what_cannot_be_written_is_told(tmp_path):
    for path in (tmp_path / "no such folder" / "a.png", tmp_path, tmp_path / "a.unknown"):
        with pytest.raises(st.ImageError, match=r"^cannot write a picture to .*\.$"):
            save_picture(PHOTO, path, JOB)
    assert os.listdir(tmp_path) == []
    save_picture(PHOTO, tmp_path / "a.png", replace(JOB, seed=12))
    assert read_jobs(tmp_path / "a.png") == [replace(JOB, seed=12)], "and not the job that could not be written"


def described(path, text):
    """A picture with a description of another program's, where `save_picture` puts ours."""
    exif, info = Image.Exif(), PngInfo()
    exif[DESCRIPTION] = text
    info.add_itxt(KEY, text)
    PHOTO.save(path, **({"pnginfo": info} if path.suffix == ".png" else {"exif": exif}))
    return path


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
@pytest.mark.parametrize("text", ["A cat", "", "1 2 3", "[]"])
def test_a_picture_described_by_another_program(tmp_path, ending, text):
    path = described(tmp_path / f"a.{ending}", text)
    with pytest.raises(
        st.SettingsError, match=r"a\.\w+ does not say how it was made: styletools did not write it, or it was changed since\.$"
    ):
        read_jobs(path)


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
@pytest.mark.parametrize("text", ["a {cat}", '{"a": 1}', '[{"a": 1}]', JOB.to_json()[:-5]])
def test_a_description_that_looks_like_ours(tmp_path, ending, text):
    with pytest.raises(st.SettingsError, match=NOTHING_OF_OURS):
        read_jobs(described(tmp_path / f"a.{ending}", text))


@pytest.mark.parametrize("name", ["plain.png", "plain.jpg", "plain.webp", "plain.gif", "plain.bmp"])
def test_a_picture_without_a_description(tmp_path, name):
    PHOTO.save(tmp_path / name)
    with pytest.raises(st.SettingsError, match=rf"{name} does not say how it was made"):
        read_jobs(tmp_path / name)


def test_no_picture_at_all(tmp_path):
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(st.ImageError, match=r"text\.png is not a picture that can be read"):
        read_jobs(tmp_path / "text.png")
    with pytest.raises(st.ImageError, match=r"there is no file .*missing"):
        read_jobs(tmp_path / "missing.png")
    with pytest.raises(st.ImageError, match=r"there is no file chelsea"):
        read_jobs("chelsea")  # a sample has no job, and its name is no path


@pytest.mark.parametrize("ending", ["jpg", "webp"])
@pytest.mark.filterwarnings("ignore::UserWarning")  # of PIL's, about damaged EXIF
def test_damaged_files_only_ever_raise_one_kind_of_error(tmp_path, ending):
    """PNG has checksums. Half of the damage hits what lies before the text, the rest the text."""
    path = tmp_path / f"a.{ending}"
    save_picture(PHOTO, path, replace(JOB, content="chelsea"))
    good = path.read_bytes()
    text = good.index(b'{"format"')
    chance, read = random.Random(0), 0
    for number in range(300):
        data = bytearray(good)
        for _ in range(chance.randint(1, 3)):
            data[chance.randrange(max(0, text - 60), text + (0 if number % 2 else 400))] = chance.randrange(256)
        path.write_bytes(data)
        try:
            read_jobs(path)
            read += 1
        except st.StyleError:
            pass
    assert read < 150
