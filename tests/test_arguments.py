"""What people pass in: numbers of any library, names with typing errors, weights that make no sense, odd pictures."""

import json
import math
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image

import styletools as st
from styletools import __main__ as cli
from styletools.arguments import nearest, number, shortened, unknown, whole
from styletools.command.parser import read_command
from styletools.jobs import understand

NUMBERS = [
    80, 80.0, np.float32(80), np.float64(80), np.int64(80), np.uint8(80), np.array(80.0), np.array([80.0]), torch.tensor(80),
    torch.tensor(80.0), torch.tensor([80.0], requires_grad=True), torch.tensor(80.0, dtype=torch.float16),
    Fraction(80), Decimal(80),
]  # fmt: skip
NO_NUMBERS = [
    "80",
    b"80",
    None,
    True,
    False,
    np.True_,
    torch.tensor(True),
    [80],
    (80,),
    {},
    80j,
    np.arange(2),
    torch.arange(2),
    {},
]
NO_WEIGHTS = [*NO_NUMBERS, -1, -1e-9, math.nan, math.inf, -math.inf, np.float32("nan"), torch.tensor(-1.0), 10**400]
PLAIN = st.Weights(6.0, 80.0, 2.0, {"relu1_1": 1.0})


def sentence(caught):
    text = str(caught.value)
    assert text.endswith(".")
    assert ". " not in text
    assert "\n" not in text
    return text


# --- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", NUMBERS, ids=repr)
def test_a_number_of_any_library_becomes_pythons_own(value):
    assert type(number(value, "beta")) is float
    assert number(value, "beta") == 80
    assert type(whole(value, "size")) is int
    assert whole(value, "size") == 80


@pytest.mark.parametrize("value", NO_WEIGHTS, ids=repr)
def test_what_is_no_weight_is_refused(value):
    with pytest.raises(st.SettingsError, match=r"^beta is .*; expected a number of at least 0\.$") as caught:
        number(value, "beta")
    assert len(sentence(caught)) < 100


@pytest.mark.parametrize("value", [*NO_WEIGHTS, 1.5, np.float32(0.5), torch.tensor(1e-3), Fraction(1, 3)], ids=repr)
def test_what_is_no_count_is_refused(value):
    if isinstance(value, int) and value == 10**400:
        return
    with pytest.raises(st.SettingsError, match=r"^size is .*; expected a whole number of at least 0\.$") as caught:
        whole(value, "size")
    sentence(caught)


@given(
    some.floats()
    | some.integers()
    | some.text()
    | some.none()
    | some.booleans()
    | some.lists(some.floats())
    | some.complex_numbers()
)
@settings(max_examples=300, deadline=None)
def test_anything_at_all_is_a_number_or_one_sentence(value):
    for kind in (number, whole):
        try:
            found = kind(value, "it")
        except st.SettingsError as error:
            assert "\n" not in str(error)
        else:
            assert found == value
            assert found >= 0


@pytest.mark.parametrize("value", NUMBERS, ids=repr)
def test_numbers_everywhere(value, tiny_vgg, plain_pair, tmp_path):
    """Constructors, setters and jobs; what is saved is JSON and is read again."""
    assert st.Weights(6, value, 2, {"relu1_1": value}) == replace(PLAIN, style_layers={"relu1_1": 80.0})
    job = st.Job(
        "chelsea", "great_wave", value, value, weights=replace(PLAIN, beta=value), seed=value, done=value, learning_rate=value
    )
    assert [type(one) for one in (job.size, job.steps, job.seed, job.done, job.learning_rate)] == [int] * 4 + [float]
    assert st.Job.from_json(job.to_json()) == job
    transfer = st.StyleTransfer(
        *plain_pair,
        tiny_vgg,
        beta=value,
        alpha=value,
        tv=value,
        seed=value,
        steps=value,
        size=value,
        style_layers={"relu1_1": value},
    )
    transfer.tv = value
    transfer.style_layers = {"relu2_1": value}
    assert transfer.weights == st.Weights(80.0, 80.0, 80.0, {"relu2_1": 80.0})
    transfer.step()
    transfer.style_layers["relu3_1"] = value
    transfer.step()
    transfer.save(tmp_path / "run.safetensors")
    assert st.StyleTransfer.load(tmp_path / "run.safetensors", tiny_vgg).step() == transfer.step()
    json.dumps(transfer.job.settings())
    recipe = replace(st.RECIPES["balanced"], beta=value, levels=value, decay_every=value)
    json.dumps(st.Job("chelsea", "great_wave", recipe=recipe).settings())


def test_numbers_through_stylize(tiny_vgg, photograph):
    plain = st.stylize(photograph, photograph, 48, tiny_vgg, steps=2, beta=80.0, averaging=0.5)
    for kind in (np.float32, np.float64, torch.tensor):
        size = torch.tensor(48) if kind is torch.tensor else np.int64(48)
        again = st.stylize(
            photograph, photograph, size, tiny_vgg, steps=kind(2.0), beta=kind(80.0), averaging=kind(0.5), seed=kind(0.0)
        )
        assert again.tobytes() == plain.tobytes()


@pytest.mark.parametrize("option", ["--size=48.0", "--steps=2.0", "--seed=0.0", "--size=4.8e1"])
def test_whole_floats_on_the_command_line(option, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    arguments = ["chelsea", "great_wave", "--size=48", "--steps=2", option]
    assert cli.job_of(read_command(arguments)) == st.Job("chelsea", "great_wave", 48, 2)
    for bad in ("--size=48.5", "--steps=inf", "--seed=nan", "--size=many"):
        with pytest.raises(SystemExit):
            read_command([*arguments, bad])


# --- weights that make no sense ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", NO_WEIGHTS, ids=repr)
def test_bad_weights_are_refused_everywhere(value, tiny_vgg, plain_pair):
    transfer = st.StyleTransfer(*plain_pair, tiny_vgg)
    transfer.step()
    before, picture = transfer.weights, transfer.tensor
    tries = {
        "Weights": lambda name: st.Weights(**{"alpha": 1, "beta": 1, "tv": 1, "style_layers": {}, name: value}),
        "set": lambda name: setattr(transfer, name, value),
        "Recipe": lambda name: replace(st.RECIPES["balanced"], **{name: value}),
    }
    if value is not None:  # which is the recipe's
        tries["StyleTransfer"] = lambda name: st.StyleTransfer(*plain_pair, tiny_vgg, **{name: value})
        tries["stylize"] = lambda name: st.stylize("no such file", "nor this", **{name: value})
    for make in tries.values():
        for name in ("alpha", "beta", "tv"):
            with pytest.raises(st.SettingsError, match=f"^{name} is .*; expected a number of at least 0") as caught:
                make(name)
            sentence(caught)
    with pytest.raises(st.SettingsError, match=r"^the weight of relu1_1 is "):
        st.Weights(1, 1, 1, {"relu1_1": value})
    with pytest.raises(st.SettingsError, match=r"^the weight of relu1_1 is "):
        transfer.style_layers = {"relu1_1": value}
    assert transfer.weights == before
    transfer.style_layers["relu1_1"] = value
    with pytest.raises(st.SettingsError, match=r"^the weight of relu1_1 is "):
        transfer.step()
    assert torch.equal(transfer.tensor, picture)


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "-inf", "-1e-9"])
@pytest.mark.parametrize("name", ["alpha", "beta", "tv"])
def test_bad_weights_on_the_command_line(capsys, name, value):
    assert cli.main(["chelsea", "great_wave", f"--{name}={value}"]) == 2
    told = capsys.readouterr().err
    assert told == f"styletools: {name} is {float(value)}; expected a number of at least 0.\n"


@pytest.mark.parametrize("value", ["1e39", "1e300"])
def test_a_gigantic_beta_paints_or_says_smaller_weights(tmp_path, monkeypatch, capsys, value):
    """Only ratios count; a smaller learning rate would not help."""
    monkeypatch.chdir(tmp_path)
    status = cli.main(["chelsea", "great_wave", "--size=48", "--steps=2", f"--beta={value}"])
    told = capsys.readouterr().err
    assert "learning rate" not in told
    assert status == 0 or "use smaller weights" in told


FIELDS = {
    "size": 1.5, "steps": -1, "seed": 0.5, "averaging": "much", "learning_rate": math.nan, "done": -2, "coarse_to_fine": "yes",
    "moves": [(1, None)], "weights": {"alpha": 1}, "network": 5, "recipe": 7, "optimizer": None,
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in FIELDS if name != "optimizer"])
def test_bad_settings_of_a_job(name):
    with pytest.raises(st.SettingsError) as caught:
        st.Job("chelsea", "great_wave", **{name: FIELDS[name]})
    sentence(caught)


@pytest.mark.parametrize("seed", [-(2**63), -1, 0, 2**64 - 1])
def test_seeds_that_torch_knows(seed):
    assert st.Job("chelsea", "great_wave", seed=seed).seed == seed
    torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", [-(2**63) - 1, 2**64])
def test_seeds_that_torch_does_not_know(seed):
    with pytest.raises(st.SettingsError, match=r"seed is .*; expected a whole number from"):
        st.Job("chelsea", "great_wave", seed=seed)


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "meant"),
    [("balancd", "balanced"), ("Balanced", "balanced"), ("neighbors", "neighbours"), ("GATYS", "gatys"), ("monet", None)],
)
def test_an_unknown_recipe(given, meant, capsys):
    words = f" (did you mean {meant!r}?)" if meant else ""
    expected = f"unknown recipe {given!r}{words}; choose from {', '.join(st.RECIPES)}."
    for fail in (lambda: st.find_recipe(given), lambda: st.Job("chelsea", "great_wave", recipe=given)):
        with pytest.raises(st.SettingsError) as caught:
            fail()
        assert sentence(caught) == expected
    assert cli.main(["chelsea", "great_wave", f"--recipe={given}"]) == 2
    assert capsys.readouterr().err == f"styletools: {expected}\n"


@pytest.mark.parametrize(("given", "meant"), [("VGG19", "vgg19"), ("vgg19_slim", "vgg19-slim"), ("resnet", None)])
def test_an_unknown_network(given, meant, capsys):
    words = f" (did you mean {meant!r}?)" if meant else ""
    expected = f"unknown network {given!r}{words}; choose from vgg19, vgg19-slim, vgg19-torchvision."
    for fail in (lambda: st.load_vgg(given), lambda: st.Job("chelsea", "great_wave", network=given)):
        with pytest.raises(st.SettingsError) as caught:
            fail()
        assert sentence(caught) == expected
    assert cli.main(["chelsea", "great_wave", f"--network={given}"]) == 2
    assert capsys.readouterr().err == f"styletools: {expected}\n"


@pytest.mark.parametrize(
    ("given", "meant"), [("relu4-2", "relu4_2"), ("Relu4_2", "relu4_2"), ("conv5_4", "conv5_1"), ("x", None)]
)
def test_an_unknown_layer(given, meant, tiny_vgg, plain_pair):
    for fail in (
        lambda: st.StyleTransfer(*plain_pair, tiny_vgg, style_layers={given: 1.0}),
        lambda: st.Weights(1, 1, 1, {given: 1.0}),
        lambda: replace(st.RECIPES["balanced"], content_layers=(given,)),
        lambda: replace(st.RECIPES["balanced"], neighbour_layers={given: 1.0}),
    ):
        with pytest.raises(
            st.SettingsError, match=rf"^unknown layer '{given}'.*; choose from conv1_1, relu1_1, .*relu5_1\.$"
        ) as caught:
            fail()
        assert (f"did you mean '{meant}'?" in sentence(caught)) == bool(meant and given != "conv5_4") or given == "conv5_4"
    with pytest.raises(KeyError, match=f"random has no layer '{given}'.*; it has conv1_1, relu1_1, .*relu5_1"):
        tiny_vgg(plain_pair[0], [given])


@pytest.mark.parametrize("device", ["gpu", "cdua", "cuda:99", 5.5, "mps:x", ""])
def test_an_unknown_device(device):
    with pytest.raises(st.SettingsError, match=r"^(unknown device|device)") as caught:
        st.load_vgg("vgg19-slim", device=device)
    sentence(caught)


def test_the_nearest_name():
    assert nearest("relu42", ["relu4_2", "pool4"]) == " (did you mean 'relu4_2'?)"
    assert nearest(5, ["a"]) == nearest("zzz", ["a"]) == ""
    assert unknown("thing", ["no", "text"], ["a", "b"]) == "unknown thing ['no', 'text']; choose from a, b."


# --- settings inside a picture, changed by hand ------------------------------------------------------------------------

GOOD = json.loads(st.Job("chelsea", "great_wave", 32, 1).to_json())
PATHS = [
    *([name] for name in GOOD["jobs"][0]["settings"]),
    *(["recipe", name] for name in GOOD["jobs"][0]["settings"]["recipe"]),
    *(["weights", name] for name in GOOD["jobs"][0]["settings"]["weights"]),
]
JUNK = [None, "text", -1, True, [], {}, [[]], {"relu9_9": 1}, {"relu1_1": None}, [1, 2], 1e999]


@pytest.mark.parametrize("path", PATHS, ids="/".join)
def test_wrong_types_in_a_picture_are_told_when_it_is_read(path, tiny_vgg):
    """Or it can be painted: nothing else."""
    refused = 0
    for junk in JUNK:
        about = json.loads(json.dumps(GOOD))
        place = about["jobs"][0]["settings"]
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = junk
        try:
            (job,) = understand(json.dumps(about))
        except st.SettingsError as error:
            assert "\n" not in str(error)
            refused += 1
            continue
        job.to_json()
        try:
            if job.size <= 64:
                st.paint(replace(job, steps=min(job.steps, 2)), tiny_vgg)
        except st.StyleError:
            pass
    assert refused >= 4


# --- odd pictures and weights -------------------------------------------------------------------------------------------


def arrays(*pictures):
    return [np.asarray(picture).astype(int) for picture in pictures]


@pytest.mark.parametrize("recipe", ["neighbours", "balanced", "gatys"])
def test_grey_stays_grey(slim, recipe):
    """Also where a picture is all of one grey."""
    content, style = (st.sample(name).convert("L") for name in ("chelsea", "great_wave"))
    for one, other in (
        (content, style),
        (Image.new("L", (90, 60), 128), style),
        (content, Image.new("RGB", (60, 60), (9, 9, 9))),
    ):
        (found,) = arrays(st.stylize(one, other, 66, slim, recipe, steps=4))
        assert (found.max(2) - found.min(2)).max() == 0


@pytest.mark.parametrize("size", [48, 66, 130, 260])
@pytest.mark.parametrize("recipe", ["neighbours", "balanced", "modules", "walkthrough"])
def test_beta_0_gives_the_photograph_back(slim, recipe, size):
    photograph = st.postprocess(st.preprocess("chelsea", size))
    assert st.stylize("chelsea", "great_wave", size, slim, recipe, beta=0, steps=2).tobytes() == photograph.tobytes()
    assert st.stylize("chelsea", "great_wave", size, slim, recipe, strength=0, steps=2).tobytes() == photograph.tobytes()


def test_beta_0_on_the_command_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["chelsea", "great_wave", "--size=130", "--beta=0"]) == 0
    assert st.load_image("out.png").tobytes() == st.postprocess(st.preprocess("chelsea", 130)).tobytes()
    assert cli.main(["--from", "out.png", "-o", "again.png"]) == 0
    assert st.load_image("again.png").tobytes() == st.load_image("out.png").tobytes()


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("recipe", ["neighbours", "balanced"])
def test_a_transfer_that_nothing_pulls_stays_the_photograph(slim, recipe, optimizer):
    transfer = st.StyleTransfer("chelsea", "great_wave", slim, recipe, size=66, steps=20, beta=0, tv=0, optimizer=optimizer)
    before = transfer.image.tobytes()
    list(transfer)
    assert transfer.image.tobytes() == before
    assert transfer.step(measure=True).index == 21
    transfer.beta = 10.0
    for _ in range(5):
        transfer.step()
    assert transfer.image.tobytes() != before


def test_beta_0_with_a_tv_of_ones_own_smooths(slim):
    photograph, smooth = arrays(
        st.postprocess(st.preprocess("chelsea", 66)), st.stylize("chelsea", "great_wave", 66, slim, beta=0, tv=50.0)
    )
    assert np.abs(np.diff(smooth, axis=1)).mean() < 0.8 * np.abs(np.diff(photograph, axis=1)).mean()


def test_a_breath_of_style_leaves_the_photograph(slim):
    """What is asked for hardly at all is hardly painted, at any size; Adam would blow it up."""
    photograph = st.postprocess(st.preprocess("chelsea", 130))
    far = []
    for beta in (1e-9, 1e-3, 0.1, 10.0):
        before, after = arrays(photograph, st.stylize("chelsea", "great_wave", 130, slim, beta=beta, tv=0, steps=10))
        far.append(np.abs(after - before).mean())
    assert far[0] == 0
    assert far[1] < 1
    assert far == sorted(far)


@pytest.mark.parametrize("factor", [1e-12, 1e-6, 1e-2, 1e6, 1e12])
@pytest.mark.parametrize("recipe", ["neighbours", "balanced", "walkthrough"])
def test_only_the_ratios_of_weights_count(slim, recipe, factor):
    own, losses, pictures = st.RECIPES[recipe], {}, []
    for c in (1.0, factor):
        terms = {name: c * getattr(own, name) for name in ("alpha", "beta", "tv")}
        losses[c] = []
        picture = st.stylize(
            "chelsea", "great_wave", 130, slim, recipe, steps=5, **terms,
            on_step=lambda transfer, step, c=c: losses[c].append(step.total / c),
        )  # fmt: skip
        pictures.append(picture)
    first, second = arrays(*pictures)
    assert np.abs(first - second).mean() < 1
    assert losses[factor] == pytest.approx(losses[1.0], rel=1e-3)


def test_a_single_transfer_keeps_adams_epsilon(slim):
    """Of which lesson 07 tells: a millionth of all weights paints less."""
    far = []
    for c in (1.0, 1e-6):
        transfer = st.StyleTransfer("chelsea", "great_wave", slim, "balanced", size=66, alpha=c, beta=10 * c, tv=c, steps=8)
        before = transfer.tensor
        list(transfer)
        far.append(float((transfer.tensor - before).abs().mean()))
    assert far[1] < 0.6 * far[0]


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_zero_weights_and_no_style_at_all(tiny_vgg, plain_pair, optimizer):
    for options in ({"alpha": 0, "beta": 0, "tv": 0}, {"style_layers": {}, "tv": 0, "recipe": "balanced"}):
        transfer = st.StyleTransfer(*plain_pair, tiny_vgg, optimizer=optimizer, steps=5, **options)
        list(transfer)
        assert st.postprocess(transfer.tensor).tobytes() == st.postprocess(plain_pair[0]).tobytes()


@pytest.mark.parametrize("content", [(288, 32), (32, 288), (640, 71)])
@pytest.mark.parametrize("style", [(360, 40), (40, 360)])
def test_panoramas_and_scrolls(tmp_path, monkeypatch, tiny_vgg, content, style):
    """Nine to one, through the command line, and a scroll as the style of a single transfer."""
    monkeypatch.chdir(tmp_path)
    st.sample("chelsea").resize(content).save("photo.png")
    st.sample("great_wave").resize(style).save("scroll.png")
    assert cli.main(["photo.png", "scroll.png", "--size=288", "--steps=1"]) == 0
    assert max(st.load_image("out.png").size) == 288
    transfer = st.StyleTransfer("chelsea", "scroll.png", tiny_vgg, size=100)
    assert min(transfer.style.shape[-2:]) >= 16
    transfer.step()


@pytest.mark.parametrize(
    ("shape", "size", "advice"),
    [
        ((900, 100), 64, "choose a size of at least 144"),
        ((1, 5000), 512, "cut a wider piece out of it"),
        ((160, 16), 96, "at least 160"),
    ],
)
def test_a_picture_that_is_too_thin_says_which_size_would_do(tiny_vgg, shape, size, advice):
    picture = st.sample("chelsea").resize(shape)
    with pytest.raises(
        st.ImageError, match=rf"is too small for relu5_1, which needs 16 pixels each way; .*{advice}\.$"
    ) as caught:
        st.stylize(picture, "great_wave", size, tiny_vgg)
    sentence(caught)
    if "at least" in advice:
        st.stylize(picture, "great_wave", int(advice.split()[-1]), tiny_vgg, steps=1)


def test_whatever_came_goes_into_a_sentence():
    assert shortened("a\n b") == "a b"
    assert len(shortened("x" * 1000)) == 40
    assert shortened(10**5000) == "a very long number"
