"""The networks: layer names, feature maps, where weights come from."""

import hashlib
import json
import shutil
from urllib.error import URLError

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from torchvision.models import vgg19

import styletools as st
from styletools import vgg as vgg_module
from styletools.vgg import CHANNELS, NAMES, SLIM_FILE, SLIM_SHA256, build_features, fast_bfloat16, read_weights

ALL_30 = list(st.LAYERS)[:30]
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


def test_both_networks_have_the_same_modules():
    assert [len(widths) for widths in CHANNELS.values()] == [13, 13]
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
    vgg = st.load_vgg("vgg19", device="cpu", dtype=torch.float32)
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
    with pytest.raises(KeyError, match=rf"random has no layer '{layer}'; it has conv1_1, relu1_1, \.\.\. relu5_1"):
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
    with pytest.raises(ValueError, match=r"unknown network 'vgg16'; choose from vgg19, vgg19-slim"):
        st.load_vgg("vgg16")


@pytest.mark.parametrize(
    ("option", "expected"), [({"pooling": "mean"}, "'max' or 'average'"), ({"padding": "reflect"}, "'zeros' or 'replicate'")]
)
def test_unknown_options(option, expected):
    with pytest.raises(ValueError, match=f"is '{next(iter(option.values()))}'; expected {expected}"):
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


@pytest.mark.parametrize("capabilities", [{}, {"avx512_bf16": True}, {"amx_bf16": True}, {"avx512_bf16": False, "avx2": True}])
def test_precision_is_chosen_by_what_the_processor_can(monkeypatch, capabilities):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    fast_bfloat16.cache_clear()
    try:
        fast = capabilities.get("avx512_bf16", False) or capabilities.get("amx_bf16", False)
        assert fast_bfloat16() == fast
        assert st.load_vgg("vgg19-slim", device="cpu", dtype=None).dtype == (torch.bfloat16 if fast else torch.float32)
        assert st.load_vgg("vgg19-slim", device="cpu", dtype=torch.float32).dtype == torch.float32
    finally:
        fast_bfloat16.cache_clear()


def test_options_say_how_to_load_the_network_again(slim):
    options = st.load_vgg("vgg19-slim", "cpu", "average", "replicate", torch.float32).options
    assert options == {"name": "vgg19-slim", "pooling": "average", "padding": "replicate", "dtype": "float32"}
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
    with pytest.raises(st.WeightsError, match=r"copy\.safetensors is damaged: its checksum differs\. Install styletools again"):
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


# --- weights of vgg19 ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def narrow_vgg19(monkeypatch, tmp_path, make_features):
    """Pretend VGG-19 is narrow, the cache is empty and no folder is named; returns its features with random weights."""
    features = make_features(5)
    widths = tuple(module.out_channels for module in features if isinstance(module, nn.Conv2d))
    monkeypatch.setitem(CHANNELS, "vgg19", widths)
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch home"))
    monkeypatch.delenv("STYLETOOLS_WEIGHTS", raising=False)
    return features


@pytest.fixture
def original_file(narrow_vgg19, tmp_path):
    """A file as torchvision publishes it: every convolution, named features.N, and the classifier."""
    state = {f"features.{key}": value for key, value in narrow_vgg19.state_dict().items()}
    for index in (30, 32, 34):
        state |= {f"features.{index}.weight": torch.zeros(10, 10, 3, 3), f"features.{index}.bias": torch.zeros(10)}
    for index in (0, 3, 6):
        state |= {f"classifier.{index}.weight": torch.zeros(7, 5), f"classifier.{index}.bias": torch.zeros(7)}
    path = tmp_path / ORIGINAL
    torch.save(state, path)
    return path


def in_cache(tmp_path):
    return tmp_path / "torch home" / "hub" / "styletools" / TRIMMED


def assert_loads(expected):
    vgg = st.load_vgg("vgg19", device="cpu", dtype=torch.float32)
    assert vgg.name == "vgg19"
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
        st.load_vgg("vgg19", device="cpu")
    for part in (ORIGINAL, TRIMMED, "https://", "STYLETOOLS_WEIGHTS", '"vgg19-slim"', "needs no download"):
        assert part in str(caught.value)
    st.load_vgg("vgg19-slim", device="cpu")


def test_a_cache_that_cannot_be_written_costs_only_time(narrow_vgg19, original_file, monkeypatch, tmp_path):
    (tmp_path / "torch home").write_text("a file where the folder should be")
    monkeypatch.setenv("STYLETOOLS_WEIGHTS", str(original_file.parent))
    assert_loads(narrow_vgg19)


@pytest.mark.usefixtures("narrow_vgg19")
@pytest.mark.parametrize("name", [TRIMMED, ORIGINAL])
@pytest.mark.parametrize("content", [b"", b"half a file" * 100])
def test_a_damaged_file_is_named(monkeypatch, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    monkeypatch.setenv("STYLETOOLS_WEIGHTS", str(tmp_path))
    with pytest.raises(st.WeightsError, match=rf"{name} cannot be read; it may be incomplete"):
        st.load_vgg("vgg19", device="cpu")


def test_read_weights_of_both_kinds_of_files(narrow_vgg19, original_file, tmp_path):
    save_file({f"features.{k}": v for k, v in narrow_vgg19.state_dict().items()}, tmp_path / "named.safetensors")
    for path in (original_file, str(original_file), tmp_path / "named.safetensors"):
        weights, expected = read_weights(path), narrow_vgg19.state_dict()
        assert set(weights) == set(expected)
        assert all(torch.equal(weights[key], expected[key]) for key in expected)
