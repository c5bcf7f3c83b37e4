"""Errors: each kind is caught by its own name, by the builtin it is, and by the one name for all."""

import inspect

import pytest

import styletools as st
from styletools import errors

KINDS = {"ImageError": ValueError, "SettingsError": ValueError, "WeightsError": RuntimeError, "DivergedError": RuntimeError}


@pytest.mark.parametrize(("name", "builtin"), KINDS.items())
def test_every_kind_is_a_style_error_and_the_builtin_it_was(name, builtin):
    kind = getattr(st, name)
    assert kind is getattr(errors, name)
    assert issubclass(kind, st.StyleError)
    assert issubclass(kind, builtin)
    for caught in (kind, builtin, st.StyleError):
        with pytest.raises(caught, match=r"^one sentence\.$"):
            raise kind("one sentence.")


def test_no_kind_is_another():
    """An except clause for one does not swallow the others."""
    for name in KINDS:
        assert [other for other in KINDS if issubclass(getattr(st, name), getattr(st, other))] == [name]


def test_there_are_no_others():
    own = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    assert own == {"StyleError", *KINDS}
    assert st.StyleError is errors.StyleError
    assert st.StyleError.__mro__[1:] == (Exception, BaseException, object)


def fail(function, *arguments, **options):
    return lambda: function(*arguments, **options)


MISTAKES = [
    fail(st.load_image, "nowhere.jpg"),
    fail(st.sample, "mona_lisa"),
    fail(st.preprocess, "chelsea", 0),
    fail(st.read_jobs, "nowhere.png"),
    fail(st.Job, "chelsea", "great_wave", steps=-1),
    fail(st.Job.from_json, "{}"),
    fail(st.find_recipe, "monet"),
    fail(st.RECIPES["gatys"].weights, 2),
    fail(st.load_vgg, "vgg16"),
    fail(st.load_vgg, pooling="mean"),
    fail(st.stylize, "chelsea", "nowhere.jpg", size=32, steps=1),
    fail(st.stylize, "chelsea", "great_wave", size=32, strength=2),
    fail(st.StyleTransfer, "chelsea", "great_wave", size=32, averaging=1),
    fail(st.StyleTransfer.load, "nowhere.safetensors"),
    fail(st.contact_sheet, []),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_is_told_in_one_sentence(mistake):
    with pytest.raises(st.StyleError) as caught:
        mistake()
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert ". " not in sentence
    assert "\n" not in sentence
    assert sentence[0].islower() or sentence.split()[0] == "nowhere.jpg"
