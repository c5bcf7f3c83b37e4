"""The strip of snapshots: numbers that stay, names, two side by side."""

import io

import pytest
from PIL import Image

import styletools as st
from styletools.studio.strip import Strip, card_data

JOB = st.Job("a", "b", 64, 5, done=3, coarse_to_fine=False)


def taken(label="", size=(8, 6)):
    return st.Snapshot(Image.new("RGB", size, "red"), JOB, label)


@pytest.fixture
def strip():
    strip = Strip()
    for label in "abc":
        strip.add(taken(label))
    return strip


def labels(strip):
    return [card.snapshot.label for card in strip.cards]


def test_cards_stand_in_order_the_last_run_first(strip):
    assert labels(strip) == ["a", "b", "c"]
    strip.keep_last(taken("last run"))
    assert labels(strip) == ["last run", "a", "b", "c"]
    assert [one.label for one in strip.snapshots] == ["a", "b", "c"], "the last run is no snapshot"
    strip.keep_last(taken("later run"))
    assert labels(strip) == ["later run", "a", "b", "c"]


def test_numbers_are_never_used_again(strip):
    strip.delete(3)
    strip.keep_last(taken("last run"))
    strip.add(taken("d"))
    numbers = [card.number for card in strip.cards]
    assert numbers == [4, 1, 2, 5]
    assert [strip.card(number).number for number in numbers] == numbers
    assert strip.card(3) is None
    assert strip.card("1") is None


def test_a_name_is_changed_on_one_card(strip):
    first = strip.cards[0].snapshot
    strip.rename(1, "  the best  ")
    assert labels(strip) == ["the best", "b", "c"]
    assert (first.label, strip.cards[0].snapshot.image) == ("a", first.image), "the snapshot itself is as it was"
    for number, label in ((2, "   "), (2, ""), (99, "nobody")):
        strip.rename(number, label)
    assert labels(strip) == ["the best", "b", "c"]
    strip.rename(3, "x" * 500)
    assert len(strip.snapshots[2].label) == 80


def test_deleting_takes_away_one_card_also_the_last_run(strip):
    strip.keep_last(taken("last run"))
    strip.delete(2)
    strip.delete(99)
    assert labels(strip) == ["last run", "a", "c"]
    strip.delete(4)
    assert labels(strip) == ["a", "c"]


def test_two_stand_side_by_side(strip):
    strip.tick(1, True)
    strip.tick(3, True)
    assert strip.compared == [1, 3]
    strip.tick(2, True)
    assert strip.compared == [3, 2], "a third takes the place of the oldest"
    strip.tick(3, True)
    assert strip.compared == [2, 3], "ticked again, it is the newest"
    strip.tick(2, False)
    assert strip.compared == [3]
    strip.compare(1, 1, 2, 3)
    assert strip.compared == [2, 3]
    strip.delete(2)
    assert strip.compared == [3], "who is gone stands nowhere"
    strip.tick(1, True)
    assert strip.compared == [3, 1]
    strip.compare()
    assert strip.compared == []


def test_a_card_as_the_page_shows_it():
    strip = Strip()
    card = strip.add(taken("one", (600, 300)))
    small, whole = card_data(card), card_data(card, size=None)
    assert small["caption"] == ["one · step 3", whole["caption"][1]]
    assert (small["id"], small["label"]) == (1, "one")
    assert [Image.open(io.BytesIO(data["jpeg"])).size for data in (small, whole)] == [(220, 110), (600, 300)]
    assert card.snapshot.image.size == (600, 300), "the snapshot's own picture stays whole"
