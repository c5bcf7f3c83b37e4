"""VGG as a feature extractor: which layers it has, where its weights come from, what it says about a picture.

Both networks have the layer names, the order and the torchvision indices of ``torchvision.models.vgg19().features``:

* ``vgg19``: the network of the paper, trained on ImageNet (Simonyan and Zisserman, 2015), 12.9 M parameters up to relu5_1;
* ``vgg19-slim``: the same 30 modules with a fraction of the channels, distilled from a full VGG; it ships with this package.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

CONVOLUTIONS = (2, 2, 4, 4, 4)  # convolutions in each block of VGG-19; every block ends in a pooling layer
DEEPEST = "relu5_1"  # the last layer style transfer reads; everything above it is left out
MODULES = 30  # modules up to and including DEEPEST

CHANNELS = {  # output channels of the 13 convolutions up to conv5_1
    "vgg19": (64, 64, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512, 512),
    "vgg19-slim": (16, 32, 32, 32, 64, 64, 64, 64, 128, 128, 128, 128, 128),
}
SLIM_FILE = Path(__file__).with_name("vgg19_slim.safetensors")
SLIM_SHA256 = "f007e35192bee8e402be5862a9cb99245e680a2efeb5a99f271060dded23052c"


def _layer_table() -> dict[str, int]:
    """Name every module of VGG-19's convolutional part, in order: conv1_1, relu1_1, conv1_2, relu1_2, pool1, ..."""
    names: list[str] = []
    for block, count in enumerate(CONVOLUTIONS, start=1):
        for number in range(1, count + 1):
            names += [f"conv{block}_{number}", f"relu{block}_{number}"]
        names.append(f"pool{block}")
    return {name: index for index, name in enumerate(names)}


LAYERS: dict[str, int] = _layer_table()  # layer name -> torchvision index, all 37 modules
NAMES: dict[int, str] = {index: name for name, index in LAYERS.items()}


class WeightsError(RuntimeError):
    """The weights of a network cannot be found, fetched or trusted; the message says what to do."""


def build_features(channels: Iterable[int], pooling: str = "max", padding: str = "zeros") -> nn.Sequential:
    """Build the modules of VGG-19 up to relu5_1 with randomly initialised convolutions.

    channels: output channels of the 13 convolutions.
    pooling: ``"max"`` as trained, or ``"average"``, which Gatys et al. prefer for smoother pictures.
    padding: what the convolutions see outside the picture: ``"zeros"`` as trained, or ``"replicate"``, which repeats the
        border and so avoids a painted frame: a plain picture then looks plain to every layer, up to its corners.

    The ReLUs are *not* in-place, unlike torchvision's: a feature map, once computed, is never overwritten.
    """
    if pooling not in ("max", "average"):
        raise ValueError(f"pooling is {pooling!r}; expected 'max' or 'average'.")
    if padding not in ("zeros", "replicate"):
        raise ValueError(f"padding is {padding!r}; expected 'zeros' or 'replicate'.")
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
            modules.append(nn.MaxPool2d(2) if pooling == "max" else ScaledAveragePool(AVERAGE_POOL_SCALES[name]))
    return nn.Sequential(*modules)


# Root mean square of the maximum over that of the average, at the four poolings, measured on the pictures of img/.
AVERAGE_POOL_SCALES = {"pool1": 1.5, "pool2": 1.6, "pool3": 1.65, "pool4": 1.75}


class ScaledAveragePool(nn.Module):
    """Average pooling over 2 x 2 positions, times a constant that keeps the size of the activations.

    An average is smaller than a maximum; without the factor every later layer would see a fainter picture than
    the one its weights were trained for.
    """

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H // 2, W // 2)."""
        return nn.functional.avg_pool2d(features, 2) * self.scale


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
    ) -> None:
        super().__init__()
        self.name = name
        self.dtype = dtype
        self.options = {"name": name, "pooling": pooling, "padding": padding, "dtype": str(dtype).removeprefix("torch.")}
        self.features = features.to(dtype=dtype, memory_format=torch.channels_last).requires_grad_(False).eval()

    @property
    def device(self) -> torch.device:
        """Where the weights are, and where a picture must be."""
        return next(self.features.parameters()).device

    def forward(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Return the feature maps of `layers`, as a dict of float32 tensors (N, C_l, H_l, W_l) in network order.

        Raises KeyError for a layer the network does not have, ValueError for a picture too small for the deepest one.
        """
        if isinstance(layers, str):
            raise TypeError(f"layers is a list of names: [{layers!r}], not {layers!r}.")
        wanted = set(layers)
        unknown = wanted - set(list(LAYERS)[: len(self.features)])
        if unknown:
            raise KeyError(f"{self.name} has no layer {sorted(unknown)[0]!r}; it has conv1_1, relu1_1, ... {DEEPEST}.")
        if not wanted:
            return {}
        deepest = max(LAYERS[name] for name in wanted)
        self._check_size(image, deepest)
        x = image.to(dtype=self.dtype, memory_format=torch.channels_last)
        found: dict[str, Tensor] = {}
        for index in range(deepest + 1):
            x = self.features[index](x)
            if NAMES[index] in wanted:
                found[NAMES[index]] = x.float()
        return found

    def _check_size(self, image: Tensor, deepest: int) -> None:
        if image.ndim != 4 or image.shape[1] != 3:
            raise ValueError(f"the network expects a tensor (N, 3, H, W), got shape {tuple(image.shape)}.")
        pools = sum(1 for name, index in LAYERS.items() if name.startswith("pool") and index <= deepest)
        smallest = 2**pools
        height, width = image.shape[-2:]
        if min(height, width) < smallest:
            raise ValueError(
                f"a picture of {width} x {height} pixels is too small for {NAMES[deepest]}: "
                f"{pools} poolings halve it, so both sides must be at least {smallest} pixels."
            )


def load_vgg(
    name: str = "vgg19-slim",
    device: str | torch.device | None = None,
    pooling: str = "max",
    padding: str = "zeros",
    dtype: torch.dtype | None = torch.float32,
) -> VGG:
    """Load a frozen network: ``"vgg19-slim"`` (embedded, at once) or ``"vgg19"`` (548 MB, downloaded once).

    device: where to run; by default CUDA, then Apple's MPS, then the CPU, whichever is there first.
    pooling, padding: see `build_features`.
    dtype: of the convolutions: float32, whose numbers are the same everywhere, or None for what is fastest: bfloat16 on CPUs
        that compute it in hardware. `stylize` and the command line choose the fastest.

    ``vgg19`` is looked for in the folder named by the environment variable ``STYLETOOLS_WEIGHTS``, then in the cache
    folder, and is downloaded through torchvision if it is in neither. Only the part up to relu5_1 is kept (52 MB).

    Raises ValueError for an unknown name and WeightsError when the weights cannot be had.
    """
    if name not in CHANNELS:
        raise ValueError(f"unknown network {name!r}; choose from {', '.join(CHANNELS)}.")
    device = choose_device() if device is None else torch.device(device)
    if dtype is None:
        dtype = torch.bfloat16 if device.type == "cpu" and fast_bfloat16() else torch.float32
    features = build_features(CHANNELS[name], pooling, padding)
    features.load_state_dict(_slim_weights() if name == "vgg19-slim" else _full_weights())
    return VGG(features, name, dtype, pooling, padding).to(device)


def choose_device() -> torch.device:
    """Return the fastest device there is: CUDA, then MPS, then the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@cache
def fast_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware (AVX512-BF16 or AMX); without it bfloat16 is far slower."""
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.7 and later
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


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


def _slim_weights() -> dict[str, Tensor]:
    if hashlib.sha256(SLIM_FILE.read_bytes()).hexdigest() != SLIM_SHA256:
        raise WeightsError(f"{SLIM_FILE.name} is damaged: its checksum differs. Install styletools again.")
    return load_file(SLIM_FILE)


def _full_weights() -> dict[str, Tensor]:
    trimmed, original = "vgg19_features.safetensors", "vgg19-dcbb9e9d.pth"
    hub = Path(torch.hub.get_dir())
    own_cache = hub / "styletools" / trimmed
    places = [own_cache, hub / "checkpoints" / original]
    if folder := os.environ.get("STYLETOOLS_WEIGHTS"):
        places = [Path(folder) / trimmed, Path(folder) / original, *places]
    found = next((path for path in places if path.is_file()), None)
    weights = _download() if found is None else _read_or_explain(found)
    if found is None or found.suffix != ".safetensors":
        with suppress(OSError, SafetensorError):  # a cache folder that cannot be written costs only time
            own_cache.parent.mkdir(parents=True, exist_ok=True)
            unfinished = own_cache.with_suffix(f".{os.getpid()}")
            save_file(weights, unfinished)
            unfinished.replace(own_cache)
    return weights


def _read_or_explain(path: Path) -> dict[str, Tensor]:
    try:
        return read_weights(path)
    except Exception as error:  # of a damaged file torch and safetensors complain in many ways
        raise WeightsError(f"{path} cannot be read; it may be incomplete: delete it and get it again.") from error


def _download() -> dict[str, Tensor]:
    from torchvision.models import VGG19_Weights

    weights = VGG19_Weights.IMAGENET1K_V1
    try:
        state = weights.get_state_dict(progress=True, check_hash=True)
    except (OSError, RuntimeError) as error:  # no network, or a file whose checksum is wrong
        raise WeightsError(
            f"the weights of vgg19 are not on this computer and cannot be downloaded ({error}). "
            f"Put vgg19-dcbb9e9d.pth (from {weights.url}) or the 52 MB vgg19_features.safetensors of a colleague into a "
            "folder and name that folder in the environment variable STYLETOOLS_WEIGHTS, "
            'or use "vgg19-slim", which needs no download.'
        ) from error
    return _trim(state)
