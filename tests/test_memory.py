"""How large a picture may be for the memory there is."""

import math

import pytest
from PIL import Image

import styletools as st
from styletools import memory, painting
from styletools.vgg import CHANNELS


def test_every_network_has_a_number():
    assert set(memory.BYTES_PER_PIXEL) == set(CHANNELS)


def test_free_memory_is_something_here():
    assert 2**27 < memory.free_memory() < math.inf


@pytest.mark.parametrize(("width", "height"), [(300, 200), (200, 300), (100, 100), (900, 100)])
def test_the_largest_picture_just_fits(width, height):
    side = memory.largest_side(width, height, "vgg19", free=1e9)
    pixels = side * side * min(width, height) / max(width, height)
    assert pixels * memory.BYTES_PER_PIXEL["vgg19"] == pytest.approx(0.8e9, rel=0.01)
    assert memory.largest_side(width, height, "vgg19-slim", free=1e9) > side


def test_a_system_that_does_not_say_sets_no_limit():
    assert memory.largest_side(300, 200, "vgg19", free=math.inf) == 300


def test_original_is_made_smaller_when_memory_is_short(monkeypatch):
    photograph = Image.new("RGB", (900, 600))
    assert painting.painting_size(photograph, "original") == 900
    monkeypatch.setattr(memory, "free_memory", lambda: 3e8)
    short = painting.painting_size(photograph, "original")
    assert 300 < short < 500
    assert painting.painting_size(photograph, "original", "vgg19") < short
    monkeypatch.setattr(memory, "free_memory", lambda: 0.0)
    assert painting.painting_size(photograph, "original") == 32


def test_another_word_for_the_size():
    with pytest.raises(st.SettingsError, match=r"^size is 'huge'; expected a number of pixels or 'original'\.$"):
        st.stylize("chelsea", "great_wave", "huge")
