"""Shared by all tests: small random networks, seeded random pictures, and no downloads."""

from collections.abc import Callable, Iterator

import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.models.vgg import cfgs, make_layers

import styletools as st
from styletools import jobs, recipes
from styletools import vgg as vgg_module
from styletools.vgg import CHANNELS, build_features

NARROW = (4, 5, 6, 6, 7, 7, 7, 8, 9, 9, 8, 9, 10)  # channels of the 13 convolutions: few, and not all alike
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)  # ImageNet's, written out again on purpose
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


@pytest.fixture(autouse=True)
def no_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str, *_: object, **__: object) -> None:
        raise AssertionError(f"a test tried to download {url}")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)


@pytest.fixture(params=[torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def precision(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[torch.dtype]:
    """Run a test twice, as on a CPU that is fast in float32 and on one that is fast in bfloat16, whatever this machine is.

    Only what `fast_bfloat16` asks and measures is replaced, so all that call it, under whatever name, see the same CPU.
    """
    seconds = {torch.float32: 1.0, torch.bfloat16: 0.5 if request.param is torch.bfloat16 else 2.0}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)
    monkeypatch.setattr(vgg_module, "_convolution_seconds", seconds.get)
    monkeypatch.setattr(vgg_module, "choose_device", lambda: torch.device("cpu"))
    vgg_module.fast_bfloat16.cache_clear()
    yield request.param
    vgg_module.fast_bfloat16.cache_clear()


@pytest.fixture(scope="session")
def make_features() -> Callable[..., nn.Sequential]:
    """make_features(seed=0, channels=NARROW, **options): a random network whose activations keep their size with depth."""

    def make(seed: int = 0, channels: tuple[int, ...] = NARROW, **options: str) -> nn.Sequential:
        features = build_features(channels, **options)
        generator = torch.Generator().manual_seed(seed)
        for module in features:
            if isinstance(module, nn.Conv2d):
                shape, fan_in = module.weight.shape, 9 * module.in_channels
                module.weight.data = torch.randn(shape, generator=generator) * (2 / fan_in) ** 0.5
                module.bias.data = torch.randn(shape[0], generator=generator) * 0.2
        return features

    return make


@pytest.fixture(scope="session")
def make_vgg(make_features: Callable[..., nn.Sequential]) -> Callable[..., st.VGG]:
    """make_vgg(seed=0, **options): a small random network, wrapped as `load_vgg` does it."""

    def make(seed: int = 0, dtype: torch.dtype = torch.float32, **options: object) -> st.VGG:
        return st.VGG(make_features(seed, **options), "random", dtype)

    return make


@pytest.fixture(scope="session")
def tiny_vgg(make_vgg: Callable[..., st.VGG]) -> st.VGG:
    return make_vgg()


@pytest.fixture(scope="session")
def slim() -> st.VGG:
    """The embedded network, in float32 on the CPU whatever the machine."""
    return st.load_vgg("vgg19-slim", device="cpu", dtype=torch.float32)


@pytest.fixture(scope="session")
def make_picture() -> Callable[..., Tensor]:
    """make_picture(seed=0, height=48, width=40): a random normalised (1, 3, H, W), soft and noisy, with a colour cast."""

    def make(seed: int = 0, height: int = 48, width: int = 40) -> Tensor:
        generator = torch.Generator().manual_seed(1000 + seed)
        soft = torch.rand(1, 3, max(2, height // 8), max(2, width // 8), generator=generator)
        soft = nn.functional.interpolate(soft, size=(height, width), mode="bilinear")
        noise = torch.rand(1, 3, height, width, generator=generator)
        low, high = torch.rand(2, 1, 3, 1, 1, generator=generator).sort(dim=0).values
        return (low + (high - low) * (0.7 * soft + 0.3 * noise) - MEAN) / STD

    return make


@pytest.fixture(scope="session")
def as_torchvision() -> Callable[[st.VGG], nn.Sequential]:
    """as_torchvision(vgg): the 37 modules torchvision itself builds, in-place ReLUs and all, with the weights of `vgg`."""

    def build(vgg: st.VGG) -> nn.Sequential:
        widths = [module.out_channels for module in vgg.features if isinstance(module, nn.Conv2d)]
        widths += [widths[-1]] * 3  # conv5_2, conv5_3, conv5_4
        remaining = iter(widths)
        network = make_layers([item if item == "M" else next(remaining) for item in cfgs["E"]], batch_norm=False)
        left_out = network.load_state_dict(vgg.features.state_dict(), strict=False)
        assert left_out.unexpected_keys == []
        assert {key.split(".")[0] for key in left_out.missing_keys} == {"30", "32", "34"}
        return network.requires_grad_(False)

    return build


@pytest.fixture(scope="session")
def plain_pair() -> tuple[Tensor, Tensor]:
    """Two real pictures, small and of one shape: content and style, normalised (1, 3, 32, 48)."""
    return st.preprocess(st.sample("eilean_donan"), (32, 48)), st.preprocess(st.sample("great_wave"), (32, 48))


@pytest.fixture(scope="session")
def vgg(make_vgg: Callable[..., st.VGG]) -> st.VGG:
    """A small random network in which every recipe goes down quickly."""
    return make_vgg(1)


@pytest.fixture
def photograph() -> Image.Image:
    """A small photograph, 96 x 64."""
    return st.sample("eilean_donan").resize((96, 64))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tiny_vgg: st.VGG) -> list[dict[str, object]]:
    """What `load_vgg` is asked for when no network is given; a small random one comes."""
    calls = []
    for module in (recipes, jobs):
        monkeypatch.setattr(module, "load_vgg", lambda **options: calls.append(options) or tiny_vgg)
    return calls


@pytest.fixture
def narrow_vgg19(monkeypatch, tmp_path, make_features):
    """Pretend torchvision's VGG-19 is narrow, the cache is empty and no folder is named; returns random features."""
    features = make_features(5)
    widths = tuple(module.out_channels for module in features if isinstance(module, nn.Conv2d))
    monkeypatch.setitem(CHANNELS, "vgg19-torchvision", widths)
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch home"))
    monkeypatch.delenv("STYLETOOLS_WEIGHTS", raising=False)
    return features
