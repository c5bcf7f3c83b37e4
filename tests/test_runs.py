"""A run saved to disk goes on as if it had never stopped."""

import json
from dataclasses import asdict, astuple, replace

import pytest
import torch
from helpers import run_python
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import styletools as st
from styletools import runs
from styletools.transfer import SEARCH_EVERY

GO_ON = """
import sys, torch
import styletools as st

torch.set_num_threads({threads})
for name in sys.argv[1:]:
    transfer = st.StyleTransfer.load(name, steps=20)
    for step in transfer:
        if step.index == 15:
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


@pytest.fixture(scope="module")
def continued(slim, plain_pair, tmp_path_factory):
    """Each kind of run after 8 steps here and 12 in one new process: {kind: run}."""
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
def test_8_steps_and_12_in_a_new_process_are_20_steps(continued, slim, plain_pair, kind):
    assert SAVED_AFTER % SEARCH_EVERY != 0
    whole = make(slim, plain_pair, kind, steps=20)
    for step in whole:
        if step.index == (SAVED_AFTER if kind == "lbfgs_changed" else 7):
            change(whole, kind)
        if step.index == 15:
            whole.alpha = 2.0
    run = continued[kind]
    assert [step.index for step in run.history] == list(range(1, 21))
    assert run.history == whole.history
    assert all(torch.equal(band, other) for band, other in zip(run._bands, whole._bands, strict=True))
    assert torch.equal(run.tensor, whole.tensor)
    assert run.image.tobytes() == whole.image.tobytes()


def test_loading_brings_everything_back(slim, plain_pair, tmp_path):
    run = make(slim, plain_pair, "adam", steps=4, size=77, alpha=0.5)
    list(run)
    change(run, "adam")
    run.save(tmp_path / "run.safetensors")
    again = st.StyleTransfer.load(tmp_path / "run.safetensors", slim)
    assert again.settings == run.settings
    assert again.recipe == run.recipe
    assert (again.alpha, again.beta, again.tv, again.style_layers) == (run.alpha, run.beta, run.tv, run.style_layers)
    assert again.history == run.history
    assert list(again) == []
    for name in ("content", "style", "tensor"):
        assert torch.equal(getattr(again, name), getattr(run, name))
    for name, gram in run.targets.grams.items():
        assert torch.equal(again.targets.grams[name], gram)


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


def state_of(transfer):
    """Everything a step depends on, as one flat list."""
    states = [transfer._optimizer.state.get(band, {}) for band in transfer._bands]
    names = list(transfer.recipe.neighbour_layers)
    return [
        *transfer._bands, transfer._average, *(transfer._nearest.get(name) for name in names),
        *(value for state in states for name, value in sorted(state.items()) if torch.is_tensor(value)),
    ]  # fmt: skip


@pytest.mark.parametrize("steps", range(1, SEARCH_EVERY + 2))
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_the_painter_goes_on_bit_for_bit_from_any_step_of_a_search_period(tiny_vgg, plain_pair, tmp_path, optimizer, steps):
    """Bands, what Adam remembers of each, and the neighbours that were found are all in the file."""
    run = st.StyleTransfer(*plain_pair, tiny_vgg, averaging=0.9, optimizer=optimizer, steps=steps + 3)
    for _ in range(steps):
        run.step()
    run.save(tmp_path / "run.safetensors")
    again = st.StyleTransfer.load(tmp_path / "run.safetensors", tiny_vgg)
    assert len(run._bands) == 5
    assert set(again._nearest) == set(run.recipe.neighbour_layers)
    for _ in range(2):  # as loaded, and at the end
        assert len(state_of(again)) == len(state_of(run))
        assert all(torch.equal(mine, its) for mine, its in zip(state_of(again), state_of(run), strict=True))
        assert list(again) == list(run)


def write_older(transfer, path):
    """What `save_run` wrote before there were pyramids, neighbours and rescaled networks."""
    tensors = {
        "content": transfer.content, "style": transfer.style, "picture": transfer._bands[0], "average": transfer._average,
    }  # fmt: skip
    recipe = {**vars(transfer.recipe), "style_layers": dict(transfer.recipe.style_layers)}
    for later in ("network", "neighbour_layers", "levels"):
        del recipe[later]
    about = {
        "settings": asdict(transfer.settings),
        "recipe": recipe,
        "weights": [transfer.alpha, transfer.beta, transfer.tv, transfer.style_layers],
        "memory": [transfer._optimizer_weights, transfer._scale, transfer._norms],
        "history": [astuple(step) for step in transfer.history],
        "optimizer": runs.pack(transfer._optimizer.state[transfer._bands[0]], tensors, "optimizer"),
        "vgg": {"name": "random", "pooling": "max", "padding": "zeros", "dtype": "float32"},
    }
    whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    save_file(whole, path, metadata={"styletools": json.dumps(about)})


@pytest.mark.parametrize("steps", [0, 4])
@pytest.mark.parametrize("kind", ["adam", "lbfgs", "decaying"])
def test_a_file_from_before_the_pyramid_goes_on_bit_for_bit(tiny_vgg, plain_pair, tmp_path, kind, steps):
    run = make(tiny_vgg, plain_pair, kind, steps=steps + 4)
    for _ in range(steps):
        run.step()
    write_older(run, tmp_path / "old.safetensors")
    again = st.StyleTransfer.load(tmp_path / "old.safetensors", tiny_vgg)
    assert (again.recipe.levels, again.recipe.neighbour_layers) == (1, {})
    assert all(torch.equal(mine, its) for mine, its in zip(state_of(again), state_of(run), strict=True))
    assert list(again) == list(run)
    assert torch.equal(again.tensor, run.tensor)
    again.save(tmp_path / "new.safetensors")
    assert st.StyleTransfer.load(tmp_path / "new.safetensors", tiny_vgg).history == run.history


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


def test_a_rescaled_network_is_loaded_rescaled(plain_pair, tmp_path):
    vgg = st.load_vgg("vgg19", device="cpu", rescale=True)
    run = st.StyleTransfer(*plain_pair, vgg, steps=2)
    run.step()
    run.save(tmp_path / "run.safetensors")
    again = st.StyleTransfer.load(tmp_path / "run.safetensors")
    assert again.vgg.options == vgg.options
    assert again.vgg.options["rescale"] is True
    if again.vgg.device.type == "cpu":
        assert again.step() == run.step()


@pytest.mark.parametrize(("name", "now"), [("vgg19", "vgg19-torchvision"), ("vgg19-slim", "vgg19-slim")])
def test_what_vgg19_meant_before_there_were_the_authors_weights(slim, plain_pair, tmp_path, monkeypatch, name, now):
    """A file that does not mention rescaling is that old."""
    run = st.StyleTransfer(*plain_pair, slim, steps=2)
    run.step()
    run.save(tmp_path / "new.safetensors")
    with safe_open(tmp_path / "new.safetensors", "pt") as file:
        about = json.loads(file.metadata()["styletools"])
    about["vgg"] = {"name": name, "pooling": "average", "padding": "replicate", "dtype": "bfloat16"}
    tensors = load_file(tmp_path / "new.safetensors")
    save_file(tensors, tmp_path / "old.safetensors", metadata={"styletools": json.dumps(about)})
    asked = []
    monkeypatch.setattr(runs, "load_vgg", lambda **options: asked.append(options) or slim)
    again = st.StyleTransfer.load(tmp_path / "old.safetensors")
    assert asked == [{"name": now, "pooling": "average", "padding": "replicate", "dtype": torch.bfloat16}]
    assert again.step() == run.step()


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
    again.beta = float("nan")
    with pytest.raises(st.DivergedError, match="step 5"):
        again.step()
    assert torch.equal(again.tensor, run.tensor)


def test_a_path_may_be_text(slim, plain_pair, tmp_path):
    run = make(slim, plain_pair, "adam", steps=1)
    run.save(str(tmp_path / "run.safetensors"))
    assert st.StyleTransfer.load(str(tmp_path / "run.safetensors"), slim).settings == run.settings


def test_the_file_names_no_place_on_this_machine(slim, plain_pair, tmp_path):
    st.sample("chelsea").save(tmp_path / "start.png")
    run = st.StyleTransfer(*plain_pair, slim, init=str(tmp_path / "start.png"), steps=1)
    run.save(tmp_path / "run.safetensors")
    with safe_open(tmp_path / "run.safetensors", "pt") as file:
        about = file.metadata()["styletools"]
    assert str(tmp_path) not in about
    assert json.loads(about)["settings"]["init"] == "picture"


# --- what cannot be read or written ------------------------------------------------------------------------------------


def write_text(path):
    path.write_text("once upon a time")


def write_other_tensors(path):
    save_file({"x": torch.zeros(3)}, path)


def write_other_metadata(path):
    save_file({"x": torch.zeros(3)}, path, metadata={"styletools": "not JSON"})


def write_empty_run(path):
    save_file({"x": torch.zeros(3)}, path, metadata={"styletools": "{}"})


def write_half(path):
    save_file({"x": torch.zeros(3000)}, path)
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize(
    "write",
    [write_text, write_other_tensors, write_other_metadata, write_empty_run, write_half, lambda path: path.mkdir(), None],
)
def test_a_file_that_is_no_run_is_an_image_error(slim, tmp_path, write):
    path = tmp_path / "no_run.safetensors"
    if write:
        write(path)
    with pytest.raises(st.ImageError, match=r"no_run.safetensors is not a run saved by StyleTransfer.save"):
        st.StyleTransfer.load(path, slim)


@pytest.mark.parametrize("place", ["missing/run.safetensors", "folder", "file/run.safetensors"])
def test_a_run_that_cannot_be_written_is_an_image_error(slim, plain_pair, tmp_path, place):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    run = make(slim, plain_pair, "adam", steps=1)
    with pytest.raises(st.ImageError, match="cannot write the run to"):
        run.save(tmp_path / place)
    run.step()
