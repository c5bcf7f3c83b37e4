"""The training program of vgg19-slim, on tiny pictures and narrow networks."""

import json
import random
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

import styletools as st
from styletools.training import distill
from styletools.vgg import CHANNELS

STUDENT = (2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6)


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
def narrow_teacher(monkeypatch, make_features):
    """Pretend that the authors' network is narrow and random."""
    features = make_features(1)
    monkeypatch.setitem(CHANNELS, "vgg19", tuple(convolution.out_channels for convolution in convolutions(features)))
    monkeypatch.setattr(distill, "authors_weights", features.state_dict)
    return features


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


# --- the teacher ---------------------------------------------------------------------------------------------------


def test_the_teacher_is_the_authors_network(make_picture):
    network, picture = distill.as_network(st.vgg.authors_weights()), make_picture()
    expected = st.load_vgg("vgg19", device="cpu")(picture, list(distill.TAPS))
    found = relus(network, picture)
    assert list(found) == list(expected)
    for name, features in found.items():
        torch.testing.assert_close(features, expected[name])


def test_a_teacher_is_frozen_and_has_weights_of_its_own(make_features, narrow_teacher):
    weights = make_features(1).state_dict()
    network = distill.as_network(weights)
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert network[2].weight.is_contiguous(memory_format=torch.channels_last)
    network[2].weight.zero_()
    assert weights["2.weight"].abs().sum() > 0


def test_every_relu_is_compared():
    """The first of each block and relu4_2, which style transfer reads, count twice as much as the others."""
    assert list(distill.TAPS) == [name for name in list(st.LAYERS)[:30] if name.startswith("relu")]
    assert len(distill.TAPS) == 13
    read = {name for name in distill.TAPS if name.endswith("_1")} | {"relu4_2"}
    for name, weight in distill.TAPS.items():
        assert weight == (1.0 if name in read else 0.5), name


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
    painted = distill.paint_pictures(slim.features, pictures, [], 5, random.Random(0))
    assert len(painted) >= 5
    assert {picture.shape for picture in painted} == {(192, 192, 3)}
    assert {picture.dtype for picture in painted} == {np.dtype(np.uint8)}


def test_paint_pictures_paints_half_of_them_after_paintings(monkeypatch):
    """Contents are 2 everywhere, other pictures' manners too, those of paintings 1: counted, not painted."""
    contents, manners = [], []

    def paint(student, content, style, steps, beta):
        contents.extend(content[:, 0, 0, 0].tolist())
        manners.extend(style[:, 0, 0, 0].tolist())
        return content

    monkeypatch.setattr(distill, "paint", paint)
    monkeypatch.setattr(distill, "random_crop", lambda picture, size, rng: torch.full((1, 3, 4, 4), float(picture.mean())))
    picture, painting = np.full((4, 4, 3), 2, dtype=np.uint8), np.full((4, 4, 3), 1, dtype=np.uint8)
    distill.paint_pictures(None, [picture], [painting], 200, random.Random(0))
    assert set(contents) == {2.0}
    assert len(manners) == 200
    assert 70 < manners.count(1.0) < 130
    assert manners.count(1.0) + manners.count(2.0) == 200


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

    def paint_pictures(student, pictures, styles, count, rng):
        assert not any(parameter.requires_grad for parameter in student.parameters()), "painting needs no gradient of weights"
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


@pytest.mark.usefixtures("narrow_student")
def test_training_goes_on_after_painting(teacher, pictures, tmp_path, no_painting):
    """The student that paints is frozen, the one that learns is not: its weights differ before and after the last step."""
    weights = []
    checkpoint = tmp_path / "checkpoint.pt"
    for steps in (3, 4):  # painted before the second step; the second training continues from the first one's checkpoint
        student = distill.train(teacher, pictures, SmallSettings(steps=steps, paint_at=(0.5,)), checkpoint)
        weights.append(student[0].weight.clone())
    assert no_painting
    assert not torch.equal(*weights)


@pytest.mark.usefixtures("narrow_student", "no_painting")
def test_training_leaves_its_teacher_as_it_was(precision, teacher, pictures, tmp_path, monkeypatch):
    """On both kinds of CPU: where bfloat16 is fast, a copy of the teacher answers in it. So a second training can start."""
    pools, original = [], distill.Pool
    monkeypatch.setattr(distill, "Pool", lambda *arguments: pools.append(original(*arguments)) or pools[-1])
    before = {name: tensor.clone() for name, tensor in teacher.state_dict().items()}
    settings = SmallSettings(steps=2, paint_at=(0.5,))
    first, second = (distill.train(teacher, pictures, settings, tmp_path / f"{i}.pt", pictures[:1]) for i in range(2))
    assert [pool.teacher[0].weight.dtype for pool in pools] == [precision, precision]
    assert teacher.state_dict().keys() == before.keys()
    for name, tensor in teacher.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, before[name]), name
    assert not any(parameter.requires_grad for parameter in teacher.parameters())
    for name, tensor in first.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, second.state_dict()[name]), name


@pytest.mark.usefixtures("narrow_student", "no_painting")
def test_crops_come_from_paintings_and_painted_pictures_too(teacher, pictures, tmp_path, monkeypatch):
    """Shares 0.3 of painted pictures, once there are some, and 0.1 of paintings; before that the painted share is pictures'."""
    painting, original, sources = np.full((48, 48, 3), 200, dtype=np.uint8), distill.random_crop, []

    def random_crop(picture, size, rng):
        sources.append("painting" if picture is painting else "painted" if not picture.any() else "picture")
        return original(picture, size, rng)

    monkeypatch.setattr(distill, "random_crop", random_crop)
    monkeypatch.setattr(distill, "distillation_loss", lambda student, *_: student[0].weight.square().sum())
    settings = SmallSettings(steps=100, fresh=8, paint_at=(0.5,))
    distill.train(teacher, pictures, settings, tmp_path / "checkpoint.pt", [painting])
    before, after = sources[-800:-400], sources[-400:]
    assert "painting" not in sources[:48], "calibration is on pictures"
    assert "painted" not in before
    assert 0.05 < before.count("painting") / 400 < 0.15
    assert 0.05 < after.count("painting") / 400 < 0.15
    assert 0.22 < after.count("painted") / 400 < 0.38


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
    state = torch.load(checkpoint, weights_only=True)
    assert state["step"] == 8
    assert [(picture.dtype, tuple(picture.shape)) for picture in state["painted"]] == [(torch.uint8, (48, 48, 3))] * 2
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]

    starts = []

    def first_weights(student, *arguments):
        starts.append({name: tensor.clone() for name, tensor in student.state_dict().items()})
        return recording(student, *arguments)

    monkeypatch.setattr(distill, "distillation_loss", first_weights)
    student = distill.train(teacher, pictures, settings, checkpoint)
    assert len(starts) == 5
    assert all(torch.equal(tensor, state["student"][name]) for name, tensor in starts[0].items())
    end = torch.load(checkpoint, weights_only=True)
    assert (end["step"], len(end["painted"])) == (13, 2)

    again = distill.train(teacher, pictures, settings, checkpoint)  # a finished run has nothing left to do
    assert len(starts) == 5
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(again.parameters(), student.parameters(), strict=True))


@pytest.mark.usefixtures("narrow_student", "no_painting")
def test_an_interrupt_while_a_checkpoint_is_written_costs_only_the_steps_since_the_last(
    teacher, pictures, tmp_path, monkeypatch
):
    monkeypatch.setattr(distill, "CHECKPOINT_EVERY", 2)
    checkpoint, saved, original = tmp_path / "checkpoint.pt", [], torch.save

    def save(state, path):
        original(state, path)
        saved.append(state["step"])
        if len(saved) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", save)
    with pytest.raises(KeyboardInterrupt):
        distill.train(teacher, pictures, SmallSettings(steps=5, paint_at=()), checkpoint)
    assert saved == [2, 4]
    assert torch.load(checkpoint, weights_only=True)["step"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


@pytest.mark.usefixtures("narrow_student", "narrow_teacher")
def test_main_writes_weights_and_card(picture_files, tmp_path, capsys, monkeypatch, no_painting):
    monkeypatch.setattr(distill, "Settings", SmallSettings)
    out = tmp_path / "student.safetensors"
    arguments = ["--images", picture_files, "--styles", picture_files, "--out", out, "--steps", 3]
    distill.main([str(argument) for argument in arguments])
    assert no_painting

    state = load_file(out)
    features = st.vgg.build_features(STUDENT)
    features.load_state_dict(state)
    with safe_open(out, "pt") as file:
        assert file.metadata() == {"channels": json.dumps(STUDENT), "teacher": "vgg19", "steps": "3"}
    fit_on = [distill.central_crop(np.asarray(Image.open(path)), 192) for path in sorted(picture_files.glob("*.jpg"))]
    squares = [[f.square().mean() for f in relus(features, x).values()] for x in fit_on]
    assert torch.tensor(squares).mean(0).log2().abs().max() < 1  # equalised, on ten of these twelve

    card = out.with_suffix(".md").read_text(encoding="utf8")
    assert card in capsys.readouterr().out
    for part in (
        "2-3-3-3-4",
        "python -m styletools.training.distill",
        "the authors' VGG-19",
        "on 10 pictures",
        "on 2 held-out pictures",
        '"steps": 3',
    ):
        assert part in card
    rows = [line.split("|")[1:4] for line in card.splitlines() if line.startswith("| relu")]
    assert [name.strip() for name, *_ in rows] == list(distill.TAPS)
    for _, error, explained in rows:
        assert 0 <= float(error) < 3
        assert float(explained) <= 1


@pytest.mark.usefixtures("narrow_student", "narrow_teacher", "no_painting")
@pytest.mark.parametrize("styles", [True, False])
def test_main_hands_its_pictures_to_the_training(picture_files, tmp_path, monkeypatch, capsys, styles):
    """Ten of twelve pictures to learn from; the styles, where a folder is named."""
    seen, paintings = [], tmp_path / "paintings"
    paintings.mkdir()
    Image.new("RGB", (70, 50), "red").save(paintings / "red.jpg")

    def train(teacher, pictures, settings, checkpoint, styles):
        seen.append((len(pictures), len(styles), settings.steps, checkpoint))
        return distill.prune(teacher, STUDENT, [torch.cat([distill.central_crop(picture, 32) for picture in pictures])])

    monkeypatch.setattr(distill, "train", train)
    out = tmp_path / "student.safetensors"
    arguments = ["--images", picture_files, "--out", out, "--steps", 5, *(["--styles", paintings] if styles else [])]
    distill.main([str(argument) for argument in arguments])
    assert seen == [(10, int(styles), 5, tmp_path / "student.checkpoint.pt")]
    assert capsys.readouterr().out


def test_main_needs_its_arguments(capsys):
    with pytest.raises(SystemExit) as stopped:
        distill.main([])
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert "--images" in error
    assert "python -m styletools.training.distill" in error
