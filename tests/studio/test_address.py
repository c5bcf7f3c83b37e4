"""A studio's address: there and back, and one sentence for whatever else stands in it."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image

import styletools as st
from styletools.studio import address
from styletools.studio.experiments import EXPERIMENTS
from styletools.studio.mixing import masked, mixed, scaled

PLAIN = {"content": "eilean_donan", "style": "great_wave", "size": 256, "recipe": "neighbours", "network": "vgg19-slim"}


def job_of(**settings):
    """The job of Studio(**settings)."""
    weights = {name: settings.pop(name) for name in ("alpha", "beta", "tv") if name in settings}
    job = st.Job(**{**PLAIN, **settings}, coarse_to_fine=False)
    return replace(job, weights=replace(job.weights, **weights))


def test_a_plain_studio_has_an_empty_address():
    assert address.query(job_of(), job_of().weights) == ""
    assert address.read("") == address.read("?") == {}


def test_what_differs_goes_in():
    job = job_of(content="chelsea", size=384, recipe="balanced", network="vgg19", init="noise", seed=7)
    text = address.query(job, replace(job.weights, beta=0.1, tv=0), projector=True)
    assert text == "content=chelsea&size=384&recipe=balanced&network=vgg19&init=noise&seed=7&beta=0.1&tv=0&projector=1"
    assert address.read(text) == {
        "content": "chelsea", "size": 384, "recipe": "balanced", "network": "vgg19", "init": "noise", "seed": 7,
        "beta": 0.1, "tv": 0.0, "projector": True,
    }  # fmt: skip


def test_the_weights_are_those_of_the_next_step():
    job = job_of(beta=500.0)
    assert address.query(job, replace(job.weights, beta=3.0)) == "beta=3"
    assert address.query(job, job.recipe.weights()) == ""


def test_pictures_of_ones_own_stay_out():
    """Neither a path nor a name of a file says anything elsewhere, and a path is nobody else's business."""
    for picture in ("/home/me/cat.jpg", Image.new("RGB", (4, 4)), b"..."):
        assert address.query(job_of(content=picture, init=picture), job_of().weights) == ""


def test_colours_strokes_and_a_second_style_go_in():
    styles = scaled(mixed((st.Style("the_harvest"), st.Style("great_wave")), 0.3), 0.5)
    job = job_of(style=list(styles), colors="after")
    text = address.query(job, job.weights)
    assert text == "style=the_harvest&stroke=0.5&second=great_wave&mix=0.3&colors=after"
    assert job_of(**address.read(text)) == job
    assert address.left_out(job) == ""


def test_a_box_goes_in_and_any_other_mask_does_not():
    styles = (st.Style("great_wave", weight=0.5), st.Style("the_harvest", weight=0.5))
    box = job_of(style=masked(styles, (0, 0.25, 1, 0.5)))
    text = address.query(box, box.weights)
    assert text == "second=the_harvest&box=0%2C0.25%2C1%2C0.5"
    assert job_of(**address.read(text)) == box
    assert address.left_out(box) == ""
    painted = job_of(style=masked(styles, Image.new("L", (60, 40), 255)))
    assert address.query(painted, painted.weights) == "second=the_harvest"
    assert address.left_out(painted) == "An address has no room for the mask: save the picture, which keeps everything."


def test_what_an_address_has_no_room_for():
    own = Image.new("RGB", (4, 4))
    job = job_of(content=own, style=[own, own])
    assert address.query(job, job.weights) == ""
    pictures = "your photograph, your style picture and your second style"
    assert address.left_out(job) == f"An address has no room for {pictures}: save the picture, which keeps everything."


def test_a_share_without_a_second_style_says_nothing():
    assert address.read("mix=0.3&stroke=2") == {"style": [st.Style("great_wave", scale=2.0)]}


def test_a_recipe_of_ones_own_stays_out():
    own = replace(st.RECIPES["balanced"], beta=7.0)
    assert address.query(job_of(recipe=own), own.weights()) == ""


weight = some.floats(0, 1e300, allow_nan=False)


@given(
    some.fixed_dictionaries(
        {},
        optional={
            "content": some.sampled_from(st.sample_names()),
            "style": some.sampled_from(st.sample_names()),
            "colors": some.sampled_from(st.COLOR_MODES),
            "size": some.integers(32, 4096),
            "recipe": some.sampled_from(list(st.RECIPES)),
            "network": some.sampled_from(["vgg19-slim", "vgg19"]),
            "init": some.sampled_from(["content", "noise", "blank", "style"]),
            "optimizer": some.sampled_from(["adam", "lbfgs"]),
            "seed": some.integers(0, 2**63 - 1),
            "alpha": weight,
            "beta": weight,
            "tv": weight,
        },
    ),
    some.booleans(),
    some.one_of(some.none(), some.sampled_from(list(EXPERIMENTS))),
)
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
def test_there_and_back(chosen, projector, experiment):
    job = job_of(**chosen)
    arguments = address.read(address.query(job, job.weights, projector, experiment))
    assert arguments.pop("projector", False) is projector
    assert arguments.pop("experiment", None) == experiment
    again = job_of(**arguments)
    assert again == job


@pytest.mark.parametrize("text", ["token=secret", "a=1&b=2", "&&&", "=", "Content=chelsea", "steps=5", "learning_rate=9"])
def test_what_is_not_ours_is_passed_over(text):
    assert address.read(text) == {}
    assert address.read(f"{text}&beta=3") == {"beta": 3.0}


def test_the_last_of_several_counts():
    assert address.read("beta=3&beta=4") == {"beta": 4.0}


def test_spaces_and_umlauts_are_read_as_browsers_write_them():
    with pytest.raises(st.SettingsError, match="'große welle'"):
        address.read("style=gro%C3%9Fe+welle")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("content=/etc/passwd", "the address says content='/etc/passwd'; expected a sample picture: cafe_terrace_at_night"),
        ("content=../img/chelsea", "expected a sample picture"),
        ("style=https://example.org/a.jpg", "expected a sample picture"),
        ("style=", "the address says style=''"),
        ("size=31", "size='31'; expected a whole number from 32 to 4096"),
        ("size=1e3", "whole number"),
        ("size=-256", "whole number"),
        ("size=²", "whole number"),
        ("seed=99999999999999999999999999", "whole number"),
        ("recipe=gaty", "expected a recipe: d2l"),
        ("network=resnet", "expected a network: vgg19"),
        ("init=noisy", "expected a start: content, noise, blank, style"),
        ("optimizer=sgd", "expected an optimiser: adam, lbfgs"),
        ("alpha=-1", "alpha='-1'; expected a number of at least 0"),
        ("beta=nan", "number of at least 0"),
        ("beta=inf", "number of at least 0"),
        ("tv=much", "number of at least 0"),
        ("colors=blue", "expected one of the colour modes: style, luminance, match, after"),
        ("second=/etc/passwd", "expected a sample picture"),
        ("stroke=9", "stroke='9'; expected a number from 0.1 to 4"),
        ("stroke=big", "expected a number from 0.1 to 4"),
        ("mix=0", "mix='0'; expected a number from 0.05 to 0.95"),
        ("box=0,0,1", "box='0,0,1'; expected left,top,right,bottom as shares from 0 to 1"),
        ("box=1,0,0,1", "left,top,right,bottom"),
        ("projector=yes", "projector='yes'; expected 1"),
        ("experiment=none", "expected an experiment: "),
        ("content=" + "x" * 500, "content='xxx"),
        ("&".join(f"a{i}=1" for i in range(51)), "more than 50 things"),
    ],
)
def test_a_wrong_value_is_said_in_one_sentence(text, sentence):
    with pytest.raises(st.SettingsError) as caught:
        address.read(text)
    assert sentence in str(caught.value)
    assert len(str(caught.value)) < 300
    assert str(caught.value).endswith(".")
