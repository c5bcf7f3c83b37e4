"""A run saved to disk goes on as if it had never stopped."""

import hashlib
import json
import math
import os
import random
import struct
import subprocess
import sys
import time
from dataclasses import astuple, replace
from pathlib import Path

import pytest
import torch
from helpers import ROOT, run_python
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

import styletools as st
from styletools import files, jobs, recipes, runs
from styletools.transfer import SEARCH_EVERY

DATA = Path(__file__).parent / "data"

GO_ON = """
import sys, torch
import styletools as st

torch.set_num_threads({threads})
for name in sys.argv[1:]:
    transfer = st.StyleTransfer.load(name, steps=14)
    for step in transfer:
        if step.index == 11:
            transfer.alpha = 2.0
    transfer.save(name)
"""
KINDS = {
    "painter": {"averaging": 0.9, "init": "noise", "seed": 3},
    "adam": {"recipe": "balanced", "averaging": 0.9, "init": "noise", "seed": 3},
    "lbfgs": {"recipe": "modules", "averaging": 0.8},
    "lbfgs_changed": {"recipe": "balanced", "optimizer": "lbfgs", "learning_rate": 0.5},
    "decaying": {"recipe": replace(st.RECIPES["d2l"], decay_every=4)},
}
SAVED_AFTER = 8  # steps: in the middle of a period in which neighbours are not searched again


def make(slim, plain_pair, kind, **options):
    return st.StyleTransfer(*plain_pair, slim, **{**KINDS[kind], **options})


def change(transfer, kind):
    """Change weights; for "lbfgs_changed" between the last step and saving, so that a new history is due."""
    transfer.beta = transfer.beta * 2
    transfer.tv = 0.25
    if kind != "lbfgs":
        transfer.style_layers["relu2_1"] = 0.5


def same(one, two):
    """Whether two transfers are in the same state, to the bit: all that a next step depends on."""
    tensors, others = {}, {}
    text = [json.dumps(runs.pack(dict(t.state_dict()), found)) for t, found in ((one, tensors), (two, others))]
    return text[0] == text[1] and all(torch.equal(tensor, others[name]) for name, tensor in tensors.items())


@pytest.fixture(scope="module")
def continued(slim, plain_pair, tmp_path_factory):
    """Each kind of run after 8 steps here and 6 in one new process: {kind: run}."""
    folder = tmp_path_factory.mktemp("runs")
    for kind in KINDS:
        transfer = make(slim, plain_pair, kind, steps=SAVED_AFTER)
        for step in transfer:
            if step.index == (SAVED_AFTER if kind == "lbfgs_changed" else 7):
                change(transfer, kind)
        transfer.save(folder / f"{kind}.safetensors")
    result = run_python("-c", GO_ON.format(threads=torch.get_num_threads()), *folder.glob("*.safetensors"))
    assert result.returncode == 0, result.stderr
    return {kind: st.StyleTransfer.load(folder / f"{kind}.safetensors", slim) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_8_steps_and_6_in_a_new_process_are_14_steps(continued, slim, plain_pair, kind):
    assert SAVED_AFTER % SEARCH_EVERY != 0
    whole = make(slim, plain_pair, kind, steps=14)
    for step in whole:
        if step.index == (SAVED_AFTER if kind == "lbfgs_changed" else 7):
            change(whole, kind)
        if step.index == 11:
            whole.alpha = 2.0
    run = continued[kind]
    assert [step.index for step in run.history] == list(range(1, 15))
    assert run.history == whole.history
    assert run.moves == whole.moves
    assert same(run, whole)
    assert run.image.tobytes() == whole.image.tobytes()


def test_loading_brings_everything_back(slim, plain_pair, tmp_path):
    run = make(slim, plain_pair, "adam", steps=4, size=77, alpha=0.5)
    list(run)
    change(run, "adam")
    run.save(tmp_path / "run.safetensors")
    again = st.StyleTransfer.load(tmp_path / "run.safetensors", slim)
    assert again.job.settings() == run.job.settings()
    assert again.recipe == run.recipe
    assert again.weights == run.weights
    assert again.moves == run.moves
    assert again.history == run.history
    assert list(again) == []
    for name in ("content", "style", "tensor"):
        assert torch.equal(getattr(again, name), getattr(run, name))
    for name, statistic in run.targets.style.items():
        assert torch.equal(again.targets.style[name], statistic)
    assert same(again, run)


def test_steps_gives_a_new_end(slim, plain_pair, tmp_path):
    run = make(slim, plain_pair, "adam", steps=2)
    list(run)
    run.save(tmp_path / "run.safetensors")
    assert [step.index for step in st.StyleTransfer.load(tmp_path / "run.safetensors", slim, steps=4)] == [3, 4]


@pytest.mark.parametrize("kind", ["painter", "adam", "lbfgs"])
def test_a_run_saved_before_its_first_step(slim, plain_pair, tmp_path, kind):
    run = make(slim, plain_pair, kind, steps=3)
    run.save(tmp_path / "run.safetensors")
    again = st.StyleTransfer.load(tmp_path / "run.safetensors", slim)
    assert list(again) == list(run)
    assert torch.equal(again.tensor, run.tensor)


@pytest.mark.parametrize(
    ("optimizer", "steps"), [*(("adam", steps) for steps in range(1, SEARCH_EVERY + 2)), ("lbfgs", 1), ("lbfgs", SEARCH_EVERY)]
)
def test_the_painter_goes_on_bit_for_bit_from_any_step_of_a_search_period(tiny_vgg, plain_pair, tmp_path, optimizer, steps):
    """Bands, what Adam remembers of each, and the neighbours that were found are all in the file."""
    run = st.StyleTransfer(*plain_pair, tiny_vgg, averaging=0.9, optimizer=optimizer, steps=steps + 3)
    for _ in range(steps):
        run.step()
    run.save(tmp_path / "run.safetensors")
    again = st.StyleTransfer.load(tmp_path / "run.safetensors", tiny_vgg)
    assert len(run.state_dict()["descent"]["bands"]) == 5
    assert set(again._nearest) == set(run.recipe.neighbour_layers)
    for _ in range(2):  # as loaded, and at the end
        assert same(again, run)
        assert list(again) == list(run)


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("layers", [{}, {"relu1_2": 1.0, "relu3_3": 0.25}])
def test_other_style_layers_than_the_recipes_own_come_back(tiny_vgg, plain_pair, tmp_path, optimizer, layers):
    run = st.StyleTransfer(*plain_pair, tiny_vgg, "balanced", optimizer=optimizer, steps=6)
    for step in run:
        if step.index == 2:
            run.style_layers = dict(layers)
        if step.index == 3:
            break
    run.save(tmp_path / "run.safetensors")
    again = st.StyleTransfer.load(tmp_path / "run.safetensors", tiny_vgg)
    assert set(again.targets.style) == set(layers)
    assert list(again) == list(run)
    assert again.weights == run.weights
    again.style_layers, run.style_layers = ({"relu5_1": 1.0} for _ in range(2))
    assert again.step() == run.step()


@pytest.mark.parametrize(
    ("recipe", "change"),
    [
        ("balanced", {"beta": 3.0}), ("balanced", {"beta": 1000.0}), ("balanced", {"style_layers": {"relu1_2": 1.0}}),
        ("neighbours", {"beta": 3.0}),
    ],
)  # fmt: skip
def test_a_weight_that_changes_right_after_loading_counts_as_it_would_have(tiny_vgg, plain_pair, tmp_path, recipe, change):
    """How high it was before is in the file: whether Adam begins anew depends on that."""
    run = st.StyleTransfer(*plain_pair, tiny_vgg, recipe, beta=500.0, steps=9)
    for _ in range(4):
        run.step()
    run.beta = 200.0
    run.step()
    run.save(tmp_path / "run.safetensors")
    again = st.StyleTransfer.load(tmp_path / "run.safetensors", tiny_vgg)
    for one in (run, again):
        for name, value in change.items():
            setattr(one, name, value)
    assert list(again) == list(run)
    assert same(again, run)


def test_a_slow_fall_goes_on_after_loading(tiny_vgg, plain_pair, tmp_path):
    """From 500 to 200 before saving and to 150 after it: less than a third of the highest, though not of the last."""
    run = st.StyleTransfer(*plain_pair, tiny_vgg, "balanced", beta=500.0)
    run.step()
    run.beta = 200.0
    run.step()
    run.save(tmp_path / "run.safetensors")
    again = st.StyleTransfer.load(tmp_path / "run.safetensors", tiny_vgg)
    for beta, remembered in ((167.0, 3), (166.0, 1)):
        again.beta = beta
        again.step()
        assert int(again.state_dict()["descent"]["memory"][0]["step"]) == remembered


# --- files of earlier versions -----------------------------------------------------------------------------------------

# Written by the last version before there were jobs: six steps at 48 x 32 pixels, tv set to 0.5 after the third. What that
# version itself reported for the steps 7 to 12.
EARLIER = {
    "adam": (
        {"recipe": "balanced", "averaging": 0.9},
        [3.843172788619995, 3.555663585662842, 3.2790470123291016, 3.0115528106689453, 2.7693557739257812, 2.587859630584717],
    ),
    "lbfgs": (
        {"recipe": "modules", "averaging": 0.8},
        [62.94272232055664, 62.189918518066406, 61.70457458496094, 60.76523971557617, 60.15460205078125, 59.735599517822266],
    ),
}


@pytest.mark.parametrize("kind", EARLIER)
def test_a_run_of_the_version_before_goes_on_as_it_would_have_there(slim, plain_pair, kind):
    options, expected = EARLIER[kind]
    run = st.StyleTransfer.load(DATA / f"run_1_{kind}.safetensors", slim, steps=12)
    assert [step.index for step in run.history] == [1, 2, 3, 4, 5, 6]
    assert [step.total for step in run] == pytest.approx(expected, rel=1e-4)
    assert (run.job.size, run.job.averaging, run.job.start) == (48, options["averaging"], "content")
    assert run.recipe == st.RECIPES[options["recipe"]]
    assert run.weights == replace(run.recipe.weights(), tv=0.5)
    assert torch.equal(run.content, plain_pair[0])
    assert torch.equal(run.style, plain_pair[1])


def now(slim, plain_pair, kind, steps=12):
    """The same run, made by this version without saving."""
    run = st.StyleTransfer(*plain_pair, slim, size=48, steps=steps, **EARLIER[kind][0])
    for step in run:
        if step.index == 3:
            run.tv = 0.5
    return run


def test_lbfgs_made_now_takes_the_same_way(slim, plain_pair):
    """But for the last bits: part of the loss's divisor moved into the statistic."""
    old = st.StyleTransfer.load(DATA / "run_1_lbfgs.safetensors", slim, steps=12)
    list(old)
    run = now(slim, plain_pair, "lbfgs")
    assert [step.total for step in old.history] == pytest.approx([step.total for step in run.history], rel=1e-4)
    assert float((old.tensor - run.tensor).abs().max()) < 0.01


def test_adam_made_now_begins_anew_where_the_version_before_rescaled_its_memory(slim, plain_pair):
    """tv fell from 2 to 0.5 after step 3: the fourth loss is the last that does not know."""
    old = st.StyleTransfer.load(DATA / "run_1_adam.safetensors", slim)
    run = now(slim, plain_pair, "adam", steps=6)
    totals, expected = ([step.total for step in one.history] for one in (old, run))
    assert totals[:4] == pytest.approx(expected[:4], rel=1e-5)
    assert totals[4] > 1.05 * expected[4]
    assert int(run.state_dict()["descent"]["memory"][0]["step"]) == 3


@pytest.mark.parametrize("kind", EARLIER)
def test_a_run_of_the_version_before_is_written_anew(slim, tmp_path, kind):
    run = st.StyleTransfer.load(DATA / f"run_1_{kind}.safetensors", slim, steps=10)
    run.save(tmp_path / "new.safetensors")
    again = st.StyleTransfer.load(tmp_path / "new.safetensors", slim)
    assert same(again, run)
    list(run)
    list(again)
    assert same(again, run)


@pytest.mark.parametrize("kind", EARLIER)
def test_a_run_of_the_version_before_finds_its_network(kind):
    """As it was saved: zeros beyond the border, float32."""
    run = st.StyleTransfer.load(DATA / f"run_1_{kind}.safetensors", steps=7)
    assert {name: run.vgg.options[name] for name in ("name", "padding", "pooling", "dtype")} == {
        "name": "vgg19-slim", "padding": "zeros", "pooling": "max", "dtype": "float32",
    }  # fmt: skip
    assert run.step().total == pytest.approx(EARLIER[kind][1][0], rel=1e-4)


def test_weights_that_fall_right_after_an_old_file_make_adam_begin_anew(slim):
    for beta, remembered in ((7.0, 7), (6.0, 1)):
        run = st.StyleTransfer.load(DATA / "run_1_adam.safetensors", slim)
        run.beta = beta
        run.step()
        assert int(run.state_dict()["descent"]["memory"][0]["step"]) == remembered


def write_older(transfer, path):
    """What was written before there were pyramids, neighbours and rescaled networks."""
    job, descent = transfer.job, transfer.state_dict()["descent"]
    tensors = {
        "content": transfer.content, "style": transfer.style, "picture": descent["bands"][0], "average": transfer._average,
    }  # fmt: skip
    recipe = {**vars(transfer.recipe), "style_layers": dict(transfer.recipe.style_layers)}
    for later in ("network", "neighbour_layers", "levels"):
        del recipe[later]
    used = transfer.moves[-1][1] if transfer.moves else transfer.weights
    about = {
        "settings": {
            "size": job.size, "steps": job.steps, "seed": job.seed, "init": job.start, "optimizer": job.optimizer,
            "learning_rate": job.learning_rate, "averaging": job.averaging,
        },
        "recipe": recipe,
        "weights": [transfer.alpha, transfer.beta, transfer.tv, transfer.style_layers],
        "memory": [[used.alpha, used.beta, used.tv, *used.style_layers.values()], descent["scale"], [0, [], []]],
        "history": [astuple(step) for step in transfer.history],
        "optimizer": runs.pack(descent["memory"][0], tensors, "optimizer"),
        "vgg": {"name": "random", "pooling": "max", "padding": "zeros", "dtype": "float32"},
    }  # fmt: skip
    whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    save_file(whole, path, metadata={"styletools": json.dumps(about)})


@pytest.mark.parametrize(
    ("kind", "steps"), [("adam", 0), ("lbfgs", 0), ("adam", 4), ("lbfgs", 4), ("lbfgs_changed", 4), ("decaying", 4)]
)
def test_a_file_from_before_the_pyramid_goes_on_bit_for_bit(tiny_vgg, plain_pair, tmp_path, kind, steps):
    run = make(tiny_vgg, plain_pair, kind, steps=steps + 4)
    for _ in range(steps):
        run.step()
    if kind == "lbfgs_changed":
        run.beta = 7.0
    write_older(run, tmp_path / "old.safetensors")
    again = st.StyleTransfer.load(tmp_path / "old.safetensors", tiny_vgg)
    assert (again.recipe.levels, again.recipe.neighbour_layers) == (1, {})
    assert list(again) == list(run)
    assert torch.equal(again.tensor, run.tensor)
    again.save(tmp_path / "new.safetensors")
    assert st.StyleTransfer.load(tmp_path / "new.safetensors", tiny_vgg).history == run.history


@pytest.mark.parametrize(("name", "now"), [("vgg19", "vgg19-torchvision"), ("vgg19-slim", "vgg19-slim")])
def test_what_vgg19_meant_before_there_were_the_authors_weights(slim, plain_pair, tmp_path, monkeypatch, name, now):
    """A file that does not mention rescaling is that old."""
    run = make(slim, plain_pair, "adam", steps=2)
    run.step()
    write_older(run, tmp_path / "new.safetensors")
    with safe_open(tmp_path / "new.safetensors", "pt") as file:
        about = json.loads(file.metadata()["styletools"])
    about["vgg"] = {"name": name, "pooling": "average", "padding": "replicate", "dtype": "bfloat16"}
    tensors = load_file(tmp_path / "new.safetensors")
    save_file(tensors, tmp_path / "old.safetensors", metadata={"styletools": json.dumps(about)})
    asked = []
    monkeypatch.setattr(jobs, "load_vgg", lambda **options: asked.append(options) or slim)
    again = st.StyleTransfer.load(tmp_path / "old.safetensors")
    assert asked == [{"name": now, "pooling": "average", "padding": "replicate", "dtype": "bfloat16"}]
    assert again.step() == run.step()


# --- saving --------------------------------------------------------------------------------------------------------------


def test_saving_changes_nothing_and_may_be_repeated(slim, plain_pair, tmp_path):
    run, undisturbed = (make(slim, plain_pair, "lbfgs", steps=6) for _ in range(2))
    for _ in run:
        run.save(tmp_path / "run.safetensors")
    assert list(undisturbed) == run.history
    assert torch.equal(run.tensor, undisturbed.tensor)


def test_the_network_is_loaded_as_it_was(plain_pair, tmp_path):
    vgg = st.load_vgg(device="cpu", dtype=torch.float32, pooling="average", padding="replicate")
    run = st.StyleTransfer(*plain_pair, vgg, steps=2)
    run.step()
    run.save(tmp_path / "run.safetensors")
    again = st.StyleTransfer.load(tmp_path / "run.safetensors")
    assert again.vgg.options == vgg.options
    if again.vgg.device.type == "cpu":
        assert again.step() == run.step()


def test_a_rescaled_network_is_loaded_rescaled(slim, plain_pair, tmp_path, monkeypatch):
    options = {"name": "vgg19", "pooling": "average", "padding": "zeros", "dtype": "float32", "rescale": True}
    monkeypatch.setattr(slim, "options", options)  # as if it were that one
    st.StyleTransfer(*plain_pair, slim, steps=2).save(tmp_path / "run.safetensors")
    asked = []
    monkeypatch.setattr(jobs, "load_vgg", lambda **options: asked.append(options) or slim)
    st.StyleTransfer.load(tmp_path / "run.safetensors")
    assert asked == [options]


def test_the_precision_that_was_chosen_is_in_the_file(plain_pair, tmp_path, monkeypatch, slim):
    """Not that it was chosen: another time, or elsewhere, another one may be the fastest."""
    monkeypatch.setattr(recipes, "load_vgg", None)
    monkeypatch.setattr(jobs, "load_vgg", lambda **options: slim)
    st.StyleTransfer(*plain_pair, steps=2).save(tmp_path / "run.safetensors")
    asked = []
    monkeypatch.setattr(jobs, "load_vgg", lambda **options: asked.append(options) or slim)
    st.StyleTransfer.load(tmp_path / "run.safetensors")
    assert asked == [slim.options]
    assert asked[0]["dtype"] == "float32"


def test_a_recipe_of_ones_own_survives(slim, plain_pair, tmp_path):
    recipe = replace(
        st.RECIPES["walkthrough"], source="a student's", content_layers=("relu2_2", "conv4_2"), betas=(0.8, 0.9),
        style_layers={"conv5_1": 1.0, "relu1_1": 3.0}, network_input="unit", levels=3,
        network={"name": "vgg19", "rescale": True}, neighbour_layers={"relu4_1": 2.0, "conv1_2": 0.5},
    )  # fmt: skip
    run = st.StyleTransfer(*plain_pair, slim, recipe, steps=2)
    run.step()
    run.save(tmp_path / "run.safetensors")
    again = st.StyleTransfer.load(tmp_path / "run.safetensors", slim)
    assert again.recipe == recipe
    assert list(again.recipe.style_layers) == ["conv5_1", "relu1_1"]
    assert list(again.recipe.neighbour_layers) == ["relu4_1", "conv1_2"]
    assert again.step() == run.step()


def test_after_loading_a_failure_still_keeps_the_picture(slim, plain_pair, tmp_path):
    run = make(slim, plain_pair, "lbfgs", steps=9)
    for _ in range(4):
        run.step()
    run.save(tmp_path / "run.safetensors")
    again = st.StyleTransfer.load(tmp_path / "run.safetensors", slim)
    again.beta = 1e39
    with pytest.raises(st.DivergedError, match="step 5"):
        again.step()
    assert torch.equal(again.tensor, run.tensor)


def test_a_path_may_be_text(slim, plain_pair, tmp_path):
    run = make(slim, plain_pair, "adam", steps=1)
    run.save(str(tmp_path / "run.safetensors"))
    assert same(st.StyleTransfer.load(str(tmp_path / "run.safetensors"), slim), run)


def test_the_file_names_no_place_on_this_machine(slim, plain_pair, tmp_path):
    st.sample("chelsea").save(tmp_path / "start.png")
    run = st.StyleTransfer(str(tmp_path / "start.png"), plain_pair[1], slim, size=48, init=str(tmp_path / "start.png"), steps=1)
    run.save(tmp_path / "run.safetensors")
    with safe_open(tmp_path / "run.safetensors", "pt") as file:
        about = file.metadata()["styletools"]
    assert str(tmp_path) not in about
    (tmp_path / "start.png").unlink()
    again = st.StyleTransfer.load(tmp_path / "run.safetensors", slim)
    assert again.job.start == "picture"
    assert list(again) == list(run)


@pytest.mark.parametrize("kind", ["painter", "adam", "lbfgs"])
def test_the_job_of_a_loaded_run_paints_the_same_picture(tiny_vgg, plain_pair, tmp_path, kind):
    """Though the run was saved and loaded between two moves, and started from a picture."""
    run = make(tiny_vgg, plain_pair, kind, init=plain_pair[1], steps=9)
    for step in run:
        if step.index in (3, 6):
            run.beta = run.beta * 2
        if step.index == 4:
            run.save(tmp_path / "run.safetensors")
            run = st.StyleTransfer.load(tmp_path / "run.safetensors", tiny_vgg)
            break
    for step in run:
        if step.index == 6:
            run.beta = run.beta / 9
    assert [step for step, _ in run.moves] == [1, 4, 7]
    assert st.paint(run.job, tiny_vgg).tobytes() == run.image.tobytes()


def test_a_loaded_run_that_diverges_goes_back_to_the_good_picture(slim, plain_pair, tmp_path):
    """A step that was too long shows only at the next one, when the run may have been saved and loaded in between."""
    run = st.StyleTransfer(*plain_pair, slim, "modules", learning_rate=1e30, averaging=0.5)
    good = [run.tensor]
    with pytest.raises(st.DivergedError, match="the last good picture is kept"):
        while len(good) < 40:
            run.save(tmp_path / "run.safetensors")
            run.step()
            good.append(run._descent.picture.detach().clone())
    again = st.StyleTransfer.load(tmp_path / "run.safetensors", slim)
    assert not again.state_dict()["descent"]["bands"][0].abs().max() < 1e6, "it was saved after the step that was too long"
    with pytest.raises(st.DivergedError, match="the last good picture is kept"):
        again.step()
    assert same(again, run)
    assert again.tensor.isfinite().all()
    torch.testing.assert_close(again.tensor, st.clamp_to_box(good[-2]), rtol=0, atol=1e-6)
    assert len(again.history) == len(good) - 1


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_loaded_run_that_diverges_at_random_keeps_a_finite_picture(tiny_vgg, plain_pair, tmp_path, optimizer):
    run = st.StyleTransfer(*plain_pair, tiny_vgg, "balanced", optimizer=optimizer, averaging=0.5)
    for _ in range(4):
        run.step()
    run.save(tmp_path / "run.safetensors")
    again = st.StyleTransfer.load(tmp_path / "run.safetensors", tiny_vgg)
    forward = type(tiny_vgg).forward
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(st.VGG, "forward", lambda *args: {name: one * math.nan for name, one in forward(*args).items()})
        with pytest.raises(st.DivergedError, match="step 5 diverged"):
            again.step()
    assert again.tensor.isfinite().all()
    assert again.step().index == 5


# --- whose run it is ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"padding": "replicate"}, "its padding is 'zeros', not 'replicate'"),
        ({"pooling": "average"}, "its pooling is 'max', not 'average'"),
        ("vgg19-slim", "its name is 'random', not 'vgg19-slim'"),
    ],
)
def test_a_run_of_another_network_is_refused_by_name(tiny_vgg, slim, make_features, plain_pair, tmp_path, other, sentence):
    run = st.StyleTransfer(*plain_pair, tiny_vgg)
    run.step()
    run.save(tmp_path / "run.safetensors")
    vgg = slim if other == "vgg19-slim" else st.VGG(make_features(0, **other), "random", **other)
    with pytest.raises(st.SettingsError, match=f"^this run was painted with another network: {sentence}\\.$"):
        st.StyleTransfer.load(tmp_path / "run.safetensors", vgg)
    another = st.StyleTransfer(*plain_pair, vgg)
    with pytest.raises(st.SettingsError, match="another network"):
        another.load_state_dict(run.state_dict())
    assert another.history == []


@pytest.mark.parametrize("role", ["content", "style"])
def test_a_run_of_other_pictures_is_refused_and_changes_nothing(tiny_vgg, plain_pair, make_picture, role):
    run = st.StyleTransfer(*plain_pair, tiny_vgg)
    run.step()
    for other in (make_picture(), plain_pair[0] + 0.01):
        pictures = dict(zip(("content", "style"), plain_pair, strict=True)) | {role: other}
        another = st.StyleTransfer(**pictures, vgg=tiny_vgg)
        before = another.tensor
        with pytest.raises(st.SettingsError, match=f"^this run has another {role} picture"):
            another.load_state_dict(run.state_dict())
        assert torch.equal(another.tensor, before)
        assert another.history == []
    again = st.StyleTransfer(*plain_pair, tiny_vgg)
    again.load_state_dict(run.state_dict())
    assert again.step() == run.step()


def test_going_back_to_a_state_of_another_size_changes_nothing(tiny_vgg, plain_pair, make_picture):
    run = st.StyleTransfer(*plain_pair, tiny_vgg)
    run.step()
    other = st.StyleTransfer(make_picture(), make_picture(1), tiny_vgg)
    before = other.tensor
    with pytest.raises(st.SettingsError, match="another size"):
        other.go_back(run.checkpoint())
    assert torch.equal(other.tensor, before)


SAVING = """
import sys, torch
import styletools as st
picture = torch.zeros(1, 3, 256, 256)
run = st.StyleTransfer(picture, picture, st.load_vgg(device="cpu"), "balanced", style_layers={"relu1_1": 1.0})
number = 0
while True:
    number += 1
    run.alpha = float(number)
    run.save("run.safetensors")
    print(number, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_a_process_killed_while_it_saves_leaves_a_whole_run(slim, tmp_path):
    """The one before, or the new one, at random moments."""
    chance = random.Random(9)
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVING], cwd=tmp_path, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        for line in process.stdout:
            if int(line) >= 5:
                break
        time.sleep(chance.random() * 0.1)
        process.kill()
        last = max((int(line) for line in process.stdout.read().split()), default=5)
        process.wait()
        process.stdout.close()
        assert st.StyleTransfer.load(tmp_path / "run.safetensors", slim).alpha in (last, last + 1)


# --- what cannot be written -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["missing/run.safetensors", "folder", "file/run.safetensors"])
def test_a_run_that_cannot_be_written_is_an_image_error(tiny_vgg, plain_pair, tmp_path, place):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    run = make(tiny_vgg, plain_pair, "adam", steps=1)
    with pytest.raises(st.ImageError, match="cannot write the run to"):
        run.save(tmp_path / place)
    run.step()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder"]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt),
        (OSError(28, "No space left on device"), st.ImageError),
        (SafetensorError("I/O error"), st.ImageError),
    ],
)
@pytest.mark.parametrize("when", ["in the middle", "at the end"])
def test_a_save_that_ends_early_leaves_the_old_file_whole(tiny_vgg, plain_pair, tmp_path, monkeypatch, error, expected, when):
    run = make(tiny_vgg, plain_pair, "adam", steps=3)
    path = tmp_path / "run.safetensors"
    run.step()
    run.save(path)
    before = path.read_bytes()
    run.step()

    def write_half(tensors, target, metadata):
        save_file(tensors, target, metadata=metadata)
        target.write_bytes(target.read_bytes()[:5000])
        raise error

    def refuse(*_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(runs, "save_file", write_half) if when == "in the middle" else patch.setattr(files.os, "replace", refuse)
        with pytest.raises(expected):
            run.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path], "nothing unfinished is left lying about"
    assert len(st.StyleTransfer.load(path, tiny_vgg).history) == 1
    run.save(path)
    assert same(st.StyleTransfer.load(path, tiny_vgg), run)


# --- what cannot be read ------------------------------------------------------------------------------------------------


def write_text(path):
    path.write_text("once upon a time")


def write_nothing(path):
    path.write_bytes(b"")


def write_other_tensors(path):
    save_file({"x": torch.zeros(3)}, path)


def write_metadata(text):
    return lambda path: save_file({"x": torch.zeros(3)}, path, metadata={"styletools": text})


def write_half(path):
    save_file({"x": torch.zeros(3000)}, path)
    path.write_bytes(path.read_bytes()[:1000])


NO_RUNS = {
    "text": write_text, "nothing": write_nothing, "other tensors": write_other_tensors, "half": write_half,
    "a folder": Path.mkdir, "no JSON": write_metadata("not JSON"), "deep": write_metadata("[" * 100_000),
    **{text: write_metadata(text) for text in (
        "{}", "[]", "7", "null", '"text"', '{"format": 2}', '{"format": "2"}', '{"format": null}', '{"format": 2, "state": {}}',
        '{"format": 2, "state": {"value": 1}}', '{"format": 2, "state": {"list": []}}', '{"format": 2, "state": {"dict": {}}}',
        '{"format": 2, "state": {"tensor": "y"}}', '{"format": 2, "state": {"tensor": "x"}}',
        '{"format": 2, "state": {"list": [], "dict": {}}}', '{"format": 2, "state": {"dikt": {}}}', '{"format": 1}',
        '{"settings": 5}', '{"settings": {}, "weights": [1, 2, 3]}',
    )},
}  # fmt: skip


def one_sentence(text):
    return text.endswith((".", ").")) and "\n" not in text and ". " not in text.split(" (")[0]


@pytest.mark.parametrize("kind", NO_RUNS)
def test_a_file_that_is_no_run_is_told_in_one_sentence(tiny_vgg, tmp_path, kind):
    path = tmp_path / "no_run.safetensors"
    NO_RUNS[kind](path)
    with pytest.raises(
        st.SettingsError, match=r"no_run.safetensors is not a run saved by StyleTransfer.save, or it is dam"
    ) as caught:
        st.StyleTransfer.load(path, tiny_vgg)
    assert one_sentence(str(caught.value))


def test_a_misspelt_kind_of_value_is_noticed_wherever_it_is(tmp_path):
    path = tmp_path / "no_run.safetensors"
    for kind in ("tensor", "tensoq", "lisd", "valu"):
        state = json.dumps({"dict": {"deep": {"list": [{kind: "x"}]}}})
        about = {"format": 2, "sha256": hashlib.sha256(state.encode()).hexdigest(), "state": state}
        write_metadata(json.dumps(about))(path)
        if kind == "tensor":
            assert torch.equal(runs.read_run(path)["deep"][0], torch.zeros(3))
        else:
            with pytest.raises(st.SettingsError, match=r"no_run.safetensors is not a run"):
                runs.read_run(path)


def test_a_changed_number_is_noticed_by_its_checksum(tmp_path):
    state = json.dumps({"value": 1.5})
    about = {"format": 2, "sha256": hashlib.sha256(state.encode()).hexdigest(), "state": state}
    path = tmp_path / "run.safetensors"
    write_metadata(json.dumps(about))(path)
    assert runs.read_run(path) == 1.5
    write_metadata(json.dumps({**about, "state": state.replace("1.5", "2.5")}))(path)
    with pytest.raises(st.SettingsError, match=r"run\.safetensors is damaged: its checksum differs\.$"):
        runs.read_run(path)


def test_the_weights_of_an_old_runs_steps_are_its_moves():
    history = [
        [1, 9.0, 1.0, 2.0, 3.0, 1.0, 20.0, 2.0],
        [2, 8.0, 1.0, 2.0, 3.0, 1.0, 20.0, 2.0],
        [3, 7.0, 1.0, 2.0, 3.0, 0.0, 20.0, 2.0],
    ]
    first, second = ({"alpha": a, "beta": 20.0, "tv": 2.0, "style_layers": {"relu1_1": 0.2}} for a in (1.0, 0.0))
    assert runs.moves_of(history, {"relu1_1": 0.2}) == [[1, first], [3, second]]
    assert runs.moves_of([], {}) == []


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(st.SettingsError, match=r"^there is no file .*no_run\.safetensors\.$"):
        st.StyleTransfer.load(tmp_path / "no_run.safetensors")


@pytest.mark.parametrize("newer", [4, 77])
def test_a_run_of_a_newer_version_says_so(tmp_path, newer):
    path = tmp_path / "run.safetensors"
    write_metadata(json.dumps({"format": newer, "state": "nobody knows"}))(path)
    with pytest.raises(
        st.SettingsError, match=rf"run\.safetensors was written by a newer styletools \(format {newer}\); update"
    ):
        st.StyleTransfer.load(path)


@pytest.fixture(scope="module")
def small_runs(tiny_vgg, tmp_path_factory):
    """The bytes of two runs that are loaded in a millisecond: tiny pictures, the first layers only."""
    recipe = replace(
        st.RECIPES["neighbours"], content_layers=("relu1_1",), style_layers={"relu1_1": 1.0, "relu1_2": 0.5},
        neighbour_layers={"relu1_2": 0.5}, levels=2,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("small") / "run.safetensors"
    pictures = [torch.randn(1, 3, 12, 16, generator=torch.Generator().manual_seed(seed)) for seed in range(3)]
    files = []
    for optimizer in ("adam", "lbfgs"):
        run = st.StyleTransfer(*pictures[:2], tiny_vgg, recipe, optimizer=optimizer, init=pictures[2], averaging=0.5, steps=9)
        for _ in range(2):
            run.step()
        run.beta = 5.0
        run.step()
        run.save(path)
        files.append(path.read_bytes())
    return files


def load_or_explain(path, vgg):
    """Load a damaged file: either it is told in one sentence, or what is loaded is a transfer."""
    try:
        assert math.isfinite(st.StyleTransfer.load(path, vgg).job.size)
    except st.SettingsError as error:
        assert one_sentence(str(error)), error
        return True
    return False


def test_a_run_that_was_cut_off_is_told_in_one_sentence(small_runs, tiny_vgg, tmp_path):
    chance, path = random.Random(0), tmp_path / "run.safetensors"
    for whole in small_runs:
        for length in (*range(20), *(chance.randrange(len(whole)) for _ in range(50)), len(whole) - 1):
            path.write_bytes(whole[:length])
            assert load_or_explain(path, tiny_vgg), length
        path.write_bytes(whole)
        assert not load_or_explain(path, tiny_vgg)


def test_a_run_with_damaged_text_is_told_in_one_sentence_or_loaded(small_runs, tiny_vgg, tmp_path):
    """Single bytes of its JSON replaced by any others, or by such as JSON is made of. A changed number cannot be noticed."""
    chance, path, noticed = random.Random(0), tmp_path / "run.safetensors", 0
    for whole in small_runs:
        (length,) = struct.unpack("<Q", whole[:8])
        for number in range(100):
            damaged = bytearray(whole)
            byte = chance.randrange(256) if number % 2 else ord(chance.choice("0123456789.-e\"'{}[],: aeru"))
            damaged[8 + chance.randrange(length)] = byte
            path.write_bytes(damaged)
            noticed += load_or_explain(path, tiny_vgg)
    assert noticed > 130


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("settings.recipe.content_layers", ["relu9_1"]), ("settings.recipe.style_convention", "gatis"),
        ("settings.recipe.levels", 0), ("settings.recipe.levels", "5"), ("settings.recipe.colour", "red"),
        ("settings.recipe.betas", [2.0, 3.0]), ("settings.weights", None), ("settings.weights.style_layers", {"relu1_9": 1.0}),
        ("settings.steps", -1), ("settings.steps", None), ("settings.averaging", 2.0), ("settings.learning_rate", -1.0),
        ("settings.learning_rate", "fast"), ("settings.optimizer", "sgd"), ("settings.moves", 5), ("settings.moves", [[1]]),
        ("settings", []), ("history", [[1, 2]]), ("history", 3), ("init", "nosie"), ("init", 7), ("content", 5),
        ("content", None), ("average", torch.zeros(1, 3, 5, 5)), ("nearest", 3), ("nearest", {"relu1_2": 3}), ("highest", 3),
        ("descent", {}), ("descent.bands", []), ("descent.memory", 7), ("descent.before", None),
    ],
)  # fmt: skip
def test_a_run_with_impossible_contents_is_told_in_one_sentence(small_runs, tiny_vgg, tmp_path, where, value):
    path = tmp_path / "run.safetensors"
    path.write_bytes(small_runs[0])
    state = runs.read_run(path)
    *parents, name = where.split(".")
    inner = state
    for parent in parents:
        inner = inner[parent]
    inner[name] = value
    runs.write_run(state, path)
    assert load_or_explain(path, tiny_vgg), "it must be noticed"


def test_a_loaded_run_in_grey_knows_the_start_it_was_given(tiny_vgg, tmp_path):
    """A picture of one's own is saved as it came: its colours are taken away again when it is loaded."""
    start = st.sample("the_harvest").resize((64, 43))
    settings = {"recipe": "balanced", "size": 64, "steps": 3, "colors": "luminance", "init": start}
    run = st.StyleTransfer("chelsea", "great_wave", tiny_vgg, **settings)
    list(run)
    run.save(tmp_path / "run.safetensors")
    again = st.StyleTransfer.load(tmp_path / "run.safetensors", tiny_vgg)
    st.save_picture(again.image, tmp_path / "out.png", again.job)
    (job,) = st.read_jobs(tmp_path / "out.png")
    assert st.paint(job, tiny_vgg).tobytes() == again.image.tobytes() == run.image.tobytes()
