"""The checks of values: what they accept, what they say to the rest, and that the lessons' own cells give what they accept."""

import json
import re
from pathlib import Path

import better_answers
import control_answers
import numpy as np
import pytest
import torch
from right_answers import MEAN, RIGHT, STD, batch, snapshot

import styletools as st
from styletools.lessons import values
from styletools.lessons.exercises import EXERCISES, NAMES, TASKS, VALUES

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
WORDS = ["", "yes", "no", 1, 0.5, True, ["x"], {"x": 1}, "the x", "both", torch.tensor(1), st]
WRONG = {  # exercise -> answer, words of what is said to it
    "batch": [
        (torch.zeros(3, 3, 128, 128), "all numbers are the same"), (batch()[:2], "expected shape"),
        (batch().permute(0, 2, 3, 1), "permute(0, 3, 1, 2)"), (list(batch()), "torch.cat"),
        (batch().byte(), "got whole numbers"),
        (batch() * STD + MEAN, "from 0..1"), ((batch() * STD + MEAN) * 255, "from 0..255"),
        ((batch() - MEAN) / STD, "beyond black and white"), (torch.full((3, 3, 128, 128), torch.nan), "not finite"),
        (torch.cat([batch()[:1]] * 3), "eilean_donan once more"), (batch()[[2, 0, 2]], "chelsea once more"),
        (torch.randn(3, 3, 128, 128, generator=torch.Generator().manual_seed(0)).clamp(-2, 2), "looks like none"),
        (batch().flip(2), "looks like none"), (batch().numpy(), "expected a tensor"), ("batch", "expected a tensor"),
    ],
    "blue_first": [("larger", "compare the two rows"), ("Bigger", "compare the two rows"), *((w, "expected") for w in WORDS)],
    "next_side": [
        (225, "drop an odd row"), (239, "not larger"), (224, "not larger"), (256, "a smaller side than 256"),
        (232, "not larger"),
        (240.5, "whole number"), ("240", "expected a number"), (True, "expected a number"), ([240], "expected a number"),
        ((240, 256), "expected a number"), (float("nan"), "whole number"), (0, "not larger"), (-240, "not larger"),
        (320, "a smaller"),
    ],
    "sky_channel": [
        (0, "does not prefer|silent"), (66, "does not prefer|silent"), (112, "does not prefer"), (13, "nearly silent"),
        (160, "there is no channel 160"), (-1, "there is no channel"), (512, "from 0 to 159"), (23.5, "whole number"),
        ("23", "expected a number"), (torch.tensor([23, 24]), "of shape (2,)"), (True, "expected a number"),
        (5, "does not prefer"),
    ],
    "costly_step": [("relu", "compare the pixel"), ("pooling", "compare the pixel"), *((w, "expected") for w in WORDS)],
    "tile_losses": [("shallow", "begin with the largest"), ("relu1_1", "begin"), *((w, "expected") for w in WORDS)],
    "weight_for_roughness": [
        (0.3, "take more"), (0.6, "take more"), (1, "take less"), (4, "take less"), (0, "take more"), (-1, "is no weight"),
        (float("inf"), "is no weight"), (float("nan"), "is no weight"), ("0.76", "expected a number"),
        ([0.76, 1], "expected a number"),
        (torch.zeros(2), "expected a number"), (1e30, "is no weight"),
    ],
    "start_from_style": [
        ("content", "which term"), ("style", "which term"), ("tv", "which term"), *((w, "expected") for w in WORDS),
    ],
    "valley_or_time": [
        ("valleys", "do their colours meet"), ("a valley", "do their colours meet"), *((w, "expected") for w in WORDS),
    ],
    "score": [
        ([], "0 snapshots"), ([snapshot()] * 3, "3 snapshots"), ([snapshot()] * 4, "only 1 moves"),
        ([snapshot(1), snapshot(1), snapshot(2), snapshot(3)], "only 3 moves"), (["a", "b", "c", "d"], "got a str among them"),
        ([st.sample("chelsea")] * 4, "among them"), (snapshot(), "studio.snapshots"), ({"a": snapshot()}, "studio.snapshots"),
        ([snapshot(1), None, snapshot(2), snapshot(3)], "got nothing among them"), (4, "expected a list"),
        ("four", "expected a list"),
        (values.np.zeros(4), "expected a list"), (type("Studio", (), {"snapshots": []})(), "give its list"),
    ],
    **better_answers.WRONG_VALUES,
    **control_answers.WRONG_VALUES,
}  # fmt: skip


def said(capsys, name, answer):
    assert st.check(name, answer) is None
    return capsys.readouterr().out


@pytest.mark.parametrize(("name", "number"), [(name, i) for name in VALUES for i in range(len(RIGHT[name]))])
def test_right_values_are_right(capsys, name, number):
    text = said(capsys, name, RIGHT[name][number])
    assert text.startswith(f"{name}: right: ")
    assert text.count("\n") == 1


@pytest.mark.parametrize(("name", "number"), [(name, i) for name in VALUES for i in range(len(WRONG[name]))])
def test_wrong_values_are_told_why(capsys, name, number):
    answer, words = WRONG[name][number]
    text = said(capsys, name, answer)
    assert text.startswith(f"{name}: WRONG: ")
    assert any(word in text for word in words.split("|"))
    assert text.count("\n") == 1


def test_every_value_has_ten_wrong_answers_here():
    assert {name: len(WRONG[name]) for name in VALUES if len(WRONG[name]) < 10} == {}


def test_nothing_that_is_judged_is_changed():
    tensor = batch().clone()
    st.check("batch", tensor)
    assert torch.equal(tensor, batch())


# --- what is right, computed anew --------------------------------------------------------------------------------------------


def distances(network, wrong, x, layers):
    right, other = network(x, layers), network(wrong, layers)
    return [float((other[layer] - right[layer]).norm() / right[layer].norm()) for layer in layers]


def test_blue_first_is_the_smaller_mistake(slim):
    x, layers = st.preprocess(st.sample("eilean_donan"), 192), ["relu1_1", "relu2_1", "relu3_1", "relu4_1"]
    blue, forgotten = (distances(slim, wrong, x, layers) for wrong in (x.flip(1), x * STD + MEAN))
    assert all(b < f for b, f in zip(blue, forgotten, strict=True))


def test_the_next_side_is_240(slim):
    sizes = {side: slim(torch.zeros(1, 3, side, side), ["pool4"])["pool4"].shape[-1] for side in (224, 225, 239, 240)}
    assert sizes == {224: 14, 225: 14, 239: 14, 240: 15}


def test_the_channels_of_the_sky_are_few_and_clear():
    favourites, silent, count = values.sky_channels()
    assert 4 <= len(favourites) <= 6
    assert count == 160
    assert not favourites & silent


def test_three_convolutions_cost_most(slim):
    network = st.load_vgg("vgg19-slim", pooling="average", device="cpu", dtype=torch.float32)
    content = st.preprocess(st.sample("chelsea"), 64)
    layers = ["conv3_1", "relu3_1", "relu3_4", "pool3"]
    lost = [float((st.reconstruct_content(network, content, layer, steps=60) - content).square().mean()) for layer in layers]
    relu, convolutions, pooling = np.diff(lost)
    assert convolutions > 2 * max(relu, pooling)


def test_deep_layers_notice_large_tiles_first(slim):
    from styletools.lessons.open_tasks import shuffled, village

    layers = ["relu1_1", "relu5_1"]
    targets, features = slim(village(), layers), slim(shuffled(village(), 48), layers)
    shallow, deep = (
        float(st.style_loss(features[layer], st.style_target(targets[layer], "relative"), "relative")) for layer in layers
    )
    assert deep > 3 * shallow


def test_the_weight_for_the_clean_cats_roughness():
    ratios = {w: float(st.tv_loss(values.denoise(w)) / st.tv_loss(values.cat()[0])) for w in (0.3, 0.6, 0.72, 0.8)}
    assert abs(ratios[0.72] - 1) < 0.02
    assert ratios[0.3] > ratios[0.6] > 1.1
    assert ratios[0.8] < 0.9


# --- the notebooks -----------------------------------------------------------------------------------------------------------


def cells(path):
    return ["".join(cell["source"]) for cell in json.loads(path.read_text("utf8"))["cells"] if cell["cell_type"] == "code"]


def test_the_cat_of_the_check_is_the_cat_of_the_lesson():
    """The lesson's own cell, executed: the same noisy cat, and the same picture under the same weight."""
    (cell,) = [cell for cell in cells(NOTEBOOKS / "05_total_variation.ipynb") if "def denoise(" in cell]
    names = {"torch": torch, "st": st}
    exec(cell, names)
    assert torch.equal(names["y"], values.cat()[1])
    torch.testing.assert_close(names["denoise"](0.7), values.denoise(0.7), atol=1e-3, rtol=0)


def functions_of(path):
    """(name of the exercise, name of the function, its cell) of every check in a notebook."""
    for cell in cells(path):
        for name, given in re.findall(r"st\.check\(\"(\w+)\", (\w+)\)", cell):
            yield name, given, cell


SOLVED = [found for path in sorted((NOTEBOOKS / "solutions").glob("*.ipynb")) for found in functions_of(path)]
IN_LESSONS = [found for path in sorted(NOTEBOOKS.glob("*.ipynb")) for found in functions_of(path)]


@pytest.mark.parametrize(
    ("name", "given", "cell"), [one for one in SOLVED if f"def {one[1]}(" in one[2]], ids=lambda x: x if len(x) < 40 else ""
)
def test_the_functions_of_the_solutions_pass(capsys, name, given, cell, slim):
    names = {"torch": torch, "st": st, "mean": MEAN, "std": STD, "vgg": slim, "nnf": torch.nn.functional, "nn": torch.nn}
    head = re.split(r"\nst\.check\(|\n\n\n(?!def )", cell)[0]
    exec(head, names)
    text = said(capsys, name, names[given])
    assert ": all " in text.splitlines()[-1], text


def test_the_solutions_have_functions_to_look_at():
    assert {name for name, given, cell in SOLVED if f"def {given}(" in cell} >= {
        "unnormalize", "extract_features", "content_loss", "gram_matrix", "tv_squared", "paint", "weights_for_shares",
    }  # fmt: skip


def test_the_words_of_the_solutions_are_right(capsys):
    """And every other answer that stands in them as it is: a word or a number."""
    for path in (NOTEBOOKS / "solutions").glob("*.ipynb"):
        for cell in cells(path):
            for name, given in re.findall(r"st\.check\(\"(\w+)\", (\"\w+\"|[\d.]+)\)", cell):
                assert ": right: " in said(capsys, name, json.loads(given)), (path.name, name, given)


@pytest.mark.parametrize(("name", "given", "cell"), SOLVED + IN_LESSONS, ids=lambda x: x if len(x) < 40 else "")
def test_every_exercise_of_the_notebooks_has_a_check(name, given, cell):
    assert name in NAMES


def test_every_exercise_belongs_to_one_table():
    assert not set(EXERCISES) & set(TASKS) | set(EXERCISES) & set(VALUES) | set(TASKS) & set(VALUES)
