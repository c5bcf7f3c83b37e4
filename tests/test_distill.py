"""The training program of vgg19-slim, on tiny pictures and narrow networks."""

import json
import random
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

import styletools as st
from styletools import distill
from styletools.vgg import CHANNELS

STUDENT = (2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6)
VGG16_WIDTHS = (4, 4, 5, 5, 6, 6, 6, 7, 7, 7, 8)  # of the convolutions VGG-16 has up to conv5_1


def convolutions(network):
    return [module for module in network if isinstance(module, nn.Conv2d)]


def relus(network, x):
    names = [name for name in list(st.LAYERS)[:30] if name.startswith("relu")]
    with torch.no_grad():
        return distill.run(network, x, names)


@pytest.fixture
def batches(make_picture):
    return [torch.cat([make_picture(4 * i + j, 32, 32) for j in range(4)]) for i in range(6)]


@pytest.fixture
def teacher(make_features, batches):
    network = make_features(3).requires_grad_(False)
    distill.equalise(network, batches)
    return network


@pytest.fixture
def narrow_student(monkeypatch):
    monkeypatch.setitem(CHANNELS, "vgg19-slim", STUDENT)


@pytest.fixture
def picture_files(tmp_path, make_picture):
    """Twelve small JPEGs, of which numbers 0 and 10 are held out."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(12):
        width, height = [(160, 120), (90, 130), (64, 64)][number % 3]
        st.postprocess(make_picture(number, height, width)).save(folder / f"{number:02}.jpg")
    (folder / "notes.txt").write_text("not a picture")
    return folder


# --- reading a teacher ---------------------------------------------------------------------------------------------


def vgg16_state(seed=0):
    """Random weights with the keys of torchvision's VGG-16, its last two convolutions and a classifier included."""
    generator = torch.Generator().manual_seed(seed)
    state, inputs = {}, 3
    for index, outputs in zip((*distill.VGG16_INDICES, 26, 28), (*VGG16_WIDTHS, 8, 8), strict=True):
        scale = (2 / (9 * inputs)) ** 0.5
        state[f"features.{index}.weight"] = torch.randn(outputs, inputs, 3, 3, generator=generator) * scale
        state[f"features.{index}.bias"] = torch.randn(outputs, generator=generator) * 0.1
        inputs = outputs
    return state | {"classifier.0.weight": torch.zeros(3, 3), "classifier.0.bias": torch.zeros(3)}


def run_vgg16(state, x):
    """Torchvision's VGG-16 run by hand up to relu5_1: {name in VGG-16: output of the ReLU}."""
    outputs = {}
    for name, index in zip(distill.VGG16_CONVOLUTIONS, distill.VGG16_INDICES, strict=True):
        if name.endswith("_1") and name != "1_1":
            x = nn.functional.max_pool2d(x, 2)
        x = nn.functional.conv2d(x, state[f"features.{index}.weight"], state[f"features.{index}.bias"], padding=1).relu()
        outputs[name] = x
    return outputs


def test_vgg16_indices_are_torchvisions():
    from torchvision.models.vgg import cfgs, make_layers

    with torch.device("meta"):
        network = make_layers(cfgs["D"], batch_norm=False)
    found = [index for index, module in enumerate(network) if isinstance(module, nn.Conv2d)]
    assert tuple(found[:11]) == distill.VGG16_INDICES


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_vgg16_in_the_layout_of_vgg19_is_exactly_vgg16(tmp_path, make_picture, ending):
    """Identity kernels stand for the convolutions it lacks: what goes into them is never negative."""
    state, path = vgg16_state(), tmp_path / f"vgg16{ending}"
    torch.save(state, path) if ending == ".pth" else save_file(state, path)
    network = distill.as_network(distill.read_teacher(path))
    picture = make_picture()
    expected, found = run_vgg16(state, picture), relus(network, picture)
    for name, features in expected.items():
        name_in_vgg19 = {"3_3": "3_4", "4_3": "4_4"}.get(name, name)
        torch.testing.assert_close(found[f"relu{name_in_vgg19}"], features, atol=1e-5, rtol=1e-5)
    assert torch.equal(found["relu3_3"], found["relu3_2"])
    assert torch.equal(found["relu4_3"], found["relu4_2"])
    widths = [convolution.out_channels for convolution in convolutions(network)]
    assert widths == [4, 4, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7, 8]


def test_vgg16_written_as_a_file_for_vgg19(tmp_path, make_picture, monkeypatch):
    """So a full-size file for STYLETOOLS_WEIGHTS can be made of VGG-16."""
    torch.save(vgg16_state(), tmp_path / "vgg16.pth")
    network = distill.as_network(distill.read_teacher(tmp_path / "vgg16.pth"))
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(state, tmp_path / "vgg19_features.safetensors")
    monkeypatch.setitem(CHANNELS, "vgg19", tuple(convolution.out_channels for convolution in convolutions(network)))
    monkeypatch.setenv("STYLETOOLS_WEIGHTS", str(tmp_path))
    vgg = st.load_vgg("vgg19", device="cpu", dtype=torch.float32)
    picture = make_picture()
    found = vgg(picture, ["relu5_1"])["relu5_1"]
    torch.testing.assert_close(found, run_vgg16(vgg16_state(), picture)["5_1"], atol=1e-5, rtol=1e-5)


def test_vgg19_as_teacher_is_itself(tmp_path, make_features, make_picture):
    features = make_features(1)
    state = {f"features.{key}": value for key, value in features.state_dict().items()}
    state["features.30.weight"] = torch.zeros(10, 10, 3, 3)
    torch.save(state, tmp_path / "vgg19.pth")
    network = distill.as_network(distill.read_teacher(tmp_path / "vgg19.pth"))
    assert not any(parameter.requires_grad for parameter in network.parameters())
    picture = make_picture()
    for name, found in relus(network, picture).items():
        torch.testing.assert_close(found, relus(features, picture)[name], atol=1e-5, rtol=1e-5)


def test_keras_file_of_vgg16(tmp_path, make_picture):
    """Kernels height x width x in x out, for BGR in 0..255 minus the mean; the same network for a normalised RGB picture."""
    h5py = pytest.importorskip("h5py")
    rng = np.random.default_rng(0)
    kernels, inputs = {}, 3
    with h5py.File(tmp_path / "keras.h5", "w") as file:
        for name, outputs in zip(distill.VGG16_CONVOLUTIONS, VGG16_WIDTHS, strict=True):
            block, number = name.split("_")
            layer = "conv2d" if number == "1" else f"conv2d_{int(number) - 1}"
            kernel = rng.normal(size=(3, 3, inputs, outputs)).astype(np.float32) * (2 / 9 / inputs) ** 0.5
            bias = rng.normal(size=outputs).astype(np.float32)
            file[f"block{block}/layers/{layer}/vars/0"] = kernel
            file[f"block{block}/layers/{layer}/vars/1"] = bias
            kernels[name], inputs = (kernel, bias), outputs
    network = distill.as_network(distill.read_teacher(tmp_path / "keras.h5"))
    picture = make_picture()
    # By hand: undo the normalisation, 0..255, swap to BGR, subtract the mean in BGR as Keras does.
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    x = (255 * (picture * std + mean)).flip(1) - 255 * mean.flip(1)
    found = relus(network, picture)
    for name, (kernel, bias) in kernels.items():
        if name.endswith("_1") and name != "1_1":
            x = nn.functional.max_pool2d(x, 2)
        weight = torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy())
        x = nn.functional.conv2d(x, weight, torch.from_numpy(bias), padding=1).relu()
        name_in_vgg19 = {"3_3": "3_4", "4_3": "4_4"}.get(name, name)
        torch.testing.assert_close(found[f"relu{name_in_vgg19}"], x, atol=1e-3, rtol=1e-4)


# --- parts ---------------------------------------------------------------------------------------------------------


def test_equalise_makes_mean_squares_one_and_changes_only_units(make_features, batches):
    network, before = (make_features(2).requires_grad_(False) for _ in range(2))
    distill.equalise(network, batches)
    squares = [[f.square().mean() for f in relus(network, x).values()] for x in batches]
    torch.testing.assert_close(torch.tensor(squares).mean(0), torch.ones(13), atol=1e-4, rtol=0)
    for name, found in relus(network, batches[0]).items():
        expected = relus(before, batches[0])[name]
        scale = (found * expected).sum() / expected.square().sum()
        assert scale > 0
        torch.testing.assert_close(found, scale * expected, atol=1e-4, rtol=1e-3)


def test_equalise_twice_is_once(teacher, batches):
    once = [parameter.clone() for parameter in teacher.parameters()]
    distill.equalise(teacher, batches)
    for mine, theirs in zip(teacher.parameters(), once, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-4)


def test_least_squares_recovers_a_known_map():
    generator = torch.Generator().manual_seed(0)
    matrix, constant = torch.randn(5, 3, generator=generator), torch.randn(5, generator=generator)
    inputs = [torch.randn(2, 3, 6, 7, generator=generator) for _ in range(3)]
    pairs = [(x, torch.einsum("oi,nihw->nohw", matrix, x) + constant[:, None, None]) for x in inputs]
    found = distill.least_squares(pairs)
    torch.testing.assert_close(found[0], matrix, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found[1], constant, atol=1e-4, rtol=1e-4)


def test_least_squares_is_the_best_map():
    generator = torch.Generator().manual_seed(1)
    x, y = torch.randn(1, 3, 8, 8, generator=generator), torch.randn(1, 2, 8, 8, generator=generator)
    matrix, constant = distill.least_squares([(x, y)])
    design = torch.cat([x.flatten(2)[0], torch.ones(1, 64)]).T  # (positions, 4)
    expected = torch.linalg.lstsq(design, y.flatten(2)[0].T).solution.T
    torch.testing.assert_close(torch.cat([matrix, constant[:, None]], dim=1), expected, atol=1e-3, rtol=1e-3)


def test_explaining_channels_leaves_out_copies_and_silence():
    generator = torch.Generator().manual_seed(0)
    independent = torch.randn(1, 3, 20, 20, generator=generator) * torch.tensor([3.0, 2.0, 1.0]).view(1, 3, 1, 1)
    maps = torch.cat([independent, independent[:, :1] * 0.9, torch.zeros(1, 1, 20, 20)], dim=1)  # 3 is a copy of 0, 4 silent
    assert distill.explaining_channels([maps], 3).tolist() in ([0, 1, 2], [1, 2, 3])
    assert distill.explaining_channels([maps], 1).tolist() in ([0], [3])
    assert distill.explaining_channels([maps], 5).tolist() == [0, 1, 2, 3, 4]


def test_pruning_to_full_width_is_the_teacher(teacher, batches):
    widths = [convolution.out_channels for convolution in convolutions(teacher)]
    student = distill.prune(teacher, widths, batches)
    for name, found in relus(student, batches[0]).items():
        expected = relus(teacher, batches[0])[name]
        assert distill.relative_error(found, expected).max() < 1e-4, name


def test_a_pruned_student_beats_a_random_one(teacher, make_features, batches):
    student = distill.prune(teacher, STUDENT, batches)
    untrained = make_features(9, STUDENT)
    rows, worse = (distill.evaluate(network, teacher, batches[:4], batches[4:]) for network in (student, untrained))
    assert set(rows) == set(distill.TAPS)
    assert sum(error for error, _ in rows.values()) < 0.8 * sum(error for error, _ in worse.values())
    assert rows["relu1_1"][1] > 0.5


def test_evaluate_of_the_teacher_itself_is_perfect(teacher, batches):
    for error, explained in distill.evaluate(teacher, teacher, batches[:4], batches[4:]).values():
        assert error == pytest.approx(0, abs=1e-3)
        assert explained == pytest.approx(1, abs=1e-2)


def test_evaluate_known_values(monkeypatch, batches):
    """Adapters that answer nothing: relative error 1, explained variance 1 - sum F^2 / variance, at most 0."""

    def nothing(student, teacher, _):
        silent = {name: nn.Conv2d(1, 1, kernel_size=1) for name in distill.TAPS}
        for adapter in silent.values():
            nn.init.zeros_(adapter.weight)
            nn.init.zeros_(adapter.bias)
        return nn.ModuleDict(silent)

    maps = torch.tensor([[1.0, 3.0], [1.0, 3.0]]).view(1, 1, 2, 2)  # mean square 5, variance 1
    monkeypatch.setattr(distill, "run", lambda network, x: dict.fromkeys(distill.TAPS, maps))
    monkeypatch.setattr(distill, "thin", lambda features: features)
    monkeypatch.setattr(distill, "first_adapters", nothing)
    for error, explained in distill.evaluate(None, None, [], batches[:2]).values():
        assert error == pytest.approx(1)
        assert explained == pytest.approx(1 - 5)


def test_thin_keeps_every_second_position_of_block_1():
    features = {"relu1_1": torch.arange(16.0).view(1, 1, 4, 4), "relu2_1": torch.ones(1, 1, 4, 4)}
    thinned = distill.thin(features)
    assert thinned["relu1_1"].flatten().tolist() == [0, 2, 8, 10]
    assert thinned["relu2_1"].shape == (1, 1, 4, 4)


@pytest.mark.parametrize("shape", [(160, 120), (33, 300), (32, 32), (20, 20)])
def test_random_crops_are_normalised_squares(shape):
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    rng = random.Random(0)
    for _ in range(20):
        crop = distill.random_crop(picture, 32, rng)
        assert crop.shape == (1, 3, 32, 32)
        assert crop.dtype == torch.float32
        assert torch.allclose(st.clamp_to_box(crop), crop, atol=1e-5)


def test_central_crop_is_the_middle():
    picture = np.zeros((40, 100, 3), dtype=np.uint8)
    picture[:, 30:70] = 255
    crop = distill.central_crop(picture, 20)
    white = st.preprocess(Image.new("RGB", (20, 20), "white"))
    torch.testing.assert_close(crop[..., 1:-1], white[..., 1:-1])  # beyond its border the interpolation sees a little black


def test_pool_remembers_the_newest_crops_and_their_answers(teacher, batches):
    pool = distill.Pool(teacher, size=6)
    for batch in batches[:3]:
        pool.add(batch)
    assert len(pool.entries) == 6
    crops, answers = pool.draw(4, random.Random(0))
    newest = torch.cat([batches[1][2:], batches[2]])
    assert all(any(torch.equal(crop, other) for other in newest) for crop in crops)
    with torch.no_grad():
        expected = distill.thin(distill.run(teacher, crops))
    assert set(answers) == set(distill.TAPS)
    for name, answer in answers.items():
        assert answer.dtype == torch.float32
        torch.testing.assert_close(answer, expected[name], atol=1e-2, rtol=1e-2)  # remembered in half precision
    assert len(pool.draw(100, random.Random(0))[0]) == 6


def test_distillation_loss_of_perfect_and_of_silent_adapters(teacher, batches):
    with torch.no_grad():
        answers = distill.thin(distill.run(teacher, batches[0]))
        adapters = distill.first_adapters(teacher, teacher, batches)
        assert distill.distillation_loss(teacher, adapters, batches[0], answers) < 1e-2
        for adapter in adapters.values():
            adapter.weight.zero_()
            adapter.bias.zero_()
        loss = distill.distillation_loss(teacher, adapters, batches[0], answers)
    assert loss.item() == pytest.approx(sum(distill.TAPS.values()), rel=1e-4)


def test_paint_comes_nearer_to_both_targets(slim, plain_pair):
    content, style = plain_pair
    student = slim.features
    painted = distill.paint(student, content, style, steps=8, beta=50.0)
    assert painted.shape == content.shape
    assert torch.allclose(st.clamp_to_box(painted), painted, atol=1e-5)

    def style_error(image):
        grams = [st.style_target(distill.run(student, x, ["relu2_1"])["relu2_1"], "relative") for x in (image, style)]
        return distill.relative_error(*grams)

    with torch.no_grad():
        assert style_error(painted) < 0.7 * style_error(content)


def test_paint_pictures_makes_bytes(monkeypatch, slim):
    monkeypatch.setattr(distill, "paint", lambda student, content, style, steps, beta: content)
    pictures = [np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)]
    painted = distill.paint_pictures(slim.features, pictures, 5, random.Random(0))
    assert len(painted) >= 5
    assert {picture.shape for picture in painted} == {(192, 192, 3)}
    assert {picture.dtype for picture in painted} == {np.dtype(np.uint8)}


def test_learning_curve():
    settings = distill.Settings(steps=1000, warm_up=100)
    factor = distill.learning_curve(settings)
    curve = [factor(step) for step in range(1001)]
    assert curve[0] == pytest.approx(0.01)
    assert max(curve) == pytest.approx(1, abs=0.03)
    assert curve[100:] == sorted(curve[100:], reverse=True)
    assert curve[500] == pytest.approx(0.505)
    assert curve[1000] == pytest.approx(0.01)


# --- training ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SmallSettings(distill.Settings):
    """The same, small enough for a test."""

    batch: int = 2
    crop: int = 32
    fresh: int = 1
    pool: int = 20
    warm_up: int = 1
    painted: int = 2


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    return [np.asarray(Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize((64, 48))) for _ in range(5)]


@pytest.fixture
def no_painting(monkeypatch):
    """Painting takes long; hand out black squares instead and count."""
    calls = []

    def paint_pictures(student, pictures, count, rng):
        calls.append(count)
        return [np.zeros((48, 48, 3), dtype=np.uint8)] * count

    monkeypatch.setattr(distill, "paint_pictures", paint_pictures)
    return calls


@pytest.fixture
def losses(monkeypatch):
    """Every training loss as it is computed."""
    seen, original = [], distill.distillation_loss

    def recording(*arguments):
        loss = original(*arguments)
        seen.append(loss.item())
        return loss

    monkeypatch.setattr(distill, "distillation_loss", recording)
    return seen


@pytest.mark.usefixtures("narrow_student")
def test_training_brings_the_student_nearer_to_its_teacher(teacher, pictures, tmp_path, no_painting, losses):
    rng = random.Random(1)
    crops = [torch.cat([distill.random_crop(rng.choice(pictures), 32, rng) for _ in range(8)]) for _ in range(6)]
    untrained = distill.prune(teacher, STUDENT, crops)
    settings = SmallSettings(steps=60, learning_rate=3e-3, paint_at=(0.5,))
    student = distill.train(teacher, pictures, settings, tmp_path / "checkpoint.pt")
    assert len(losses) == 60
    before, after = (distill.evaluate(network, teacher, crops[:3], crops[3:]) for network in (untrained, student))
    assert sum(error for error, _ in after.values()) < sum(error for error, _ in before.values()), (before, after)
    assert no_painting == [2]
    assert [convolution.out_channels for convolution in convolutions(student)] == list(STUDENT)
    assert not any(parameter.requires_grad for parameter in student.parameters())


@pytest.mark.usefixtures("narrow_student", "no_painting")
def test_an_interrupted_run_goes_on(teacher, pictures, tmp_path, losses, monkeypatch):
    """Stopped after its first checkpoint (step 8): the second start begins there, with the weights as they were."""
    monkeypatch.setattr(distill, "CHECKPOINT_EVERY", 8)
    checkpoint = tmp_path / "checkpoint.pt"
    settings = SmallSettings(steps=13, paint_at=(0.1,))
    recording = distill.distillation_loss

    def interrupted(*arguments):
        if len(losses) == 10:
            raise KeyboardInterrupt
        return recording(*arguments)

    monkeypatch.setattr(distill, "distillation_loss", interrupted)
    with pytest.raises(KeyboardInterrupt):
        distill.train(teacher, pictures, settings, checkpoint)
    state = torch.load(checkpoint, weights_only=False)
    assert state["step"] == 8
    assert len(state["painted"]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]

    starts = []

    def first_weights(student, *arguments):
        starts.append({name: tensor.clone() for name, tensor in student.state_dict().items()})
        return recording(student, *arguments)

    monkeypatch.setattr(distill, "distillation_loss", first_weights)
    student = distill.train(teacher, pictures, settings, checkpoint)
    assert len(starts) == 5
    assert all(torch.equal(tensor, state["student"][name]) for name, tensor in starts[0].items())
    assert torch.load(checkpoint, weights_only=False)["step"] == 13

    again = distill.train(teacher, pictures, settings, checkpoint)  # a finished run has nothing left to do
    assert len(starts) == 5
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(again.parameters(), student.parameters(), strict=True))


@pytest.mark.usefixtures("narrow_student", "no_painting")
def test_main_writes_weights_and_card(picture_files, make_features, tmp_path, capsys, monkeypatch):
    torch.save(make_features(1).state_dict(), tmp_path / "random_teacher.pth")
    monkeypatch.setattr(distill, "Settings", SmallSettings)
    out = tmp_path / "student.safetensors"
    arguments = ["--images", picture_files, "--teacher", tmp_path / "random_teacher.pth", "--out", out, "--steps", 3]
    distill.main([str(argument) for argument in arguments])

    state = load_file(out)
    features = st.vgg.build_features(STUDENT)
    features.load_state_dict(state)
    with safe_open(out, "pt") as file:
        assert file.metadata() == {"channels": json.dumps(STUDENT), "teacher": "random_teacher.pth", "steps": "3"}
    fit_on = [distill.central_crop(np.asarray(Image.open(path)), 192) for path in sorted(picture_files.glob("*.jpg"))]
    squares = [[f.square().mean() for f in relus(features, x).values()] for x in fit_on]
    assert torch.tensor(squares).mean(0).log2().abs().max() < 1  # equalised, on ten of these twelve

    card = out.with_suffix(".md").read_text(encoding="utf8")
    assert card in capsys.readouterr().out
    for part in ("2-3-3-3-4", "random_teacher.pth", "on 10 pictures", "on 2 held-out pictures", '"steps": 3'):
        assert part in card
    rows = [line.split("|")[1:4] for line in card.splitlines() if line.startswith("| relu")]
    assert [name.strip() for name, *_ in rows] == list(distill.TAPS)
    for _, error, explained in rows:
        assert 0 <= float(error) < 3
        assert float(explained) <= 1


def test_main_needs_its_arguments(capsys):
    with pytest.raises(SystemExit) as stopped:
        distill.main([])
    assert stopped.value.code == 2
    assert "--images" in capsys.readouterr().err
