"""What the students' functions are tried on: tensors that are the same on every machine, and what is made of them.

The pictures of a batch are unequal, channels have different means, and nothing adds up to zero: a formula that ignores one of
these gets another number.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from ..images import clamp_to_box

Make = Callable[[], tuple]  # makes the arguments of one case, new ones at every call
Size = tuple[int, int, int, int]


def numbers(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Numbers between -3 and 3 that are the same on every machine, in any dtype: whole multiples of 1/1024."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-3072, 3073, shape, generator=generator, device="cpu").to(dtype) / 1024


def uneven(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Such numbers (N, C, ...), each picture stronger than the one before, with a mean in each channel and a slope."""
    x = numbers(*shape, seed=seed, dtype=dtype)
    strength = 1 + 1.5 * torch.arange(shape[0], dtype=dtype)
    channel, column = 0.5 + 0.25 * torch.arange(shape[1], dtype=dtype), torch.arange(shape[-1], dtype=dtype) / 4
    offset = channel.view(-1, *[1] * (len(shape) - 2)) + column  # (C, ..., W)
    return strength.view(-1, *[1] * (len(shape) - 1)) * (x + (-0.5 if seed % 2 else 1) * offset)


def on_sizes(*shapes: Callable[[int, int, int, int], tuple[int, ...]], fill: Callable[..., Tensor] = uneven) -> dict[str, Make]:
    """Cases of three sizes and dtypes. shapes: one function (N, C, H, W) -> shape for each argument, all of them tensors."""

    def make(size: Size, dtype: torch.dtype) -> tuple[Tensor, ...]:
        return tuple(fill(*shape(*size), seed=seed, dtype=dtype) for seed, shape in enumerate(shapes))

    return {
        "one picture": partial(make, (1, 3, 4, 6), torch.float32),
        "two at once, odd sizes": partial(make, (2, 5, 3, 7), torch.float32),
        "float64": partial(make, (1, 4, 5, 3), torch.float64),
    }


def whole(n: int, c: int, h: int, w: int) -> tuple[int, ...]:
    """The shape of a feature map."""
    return n, c, h, w


def rgb(n: int, c: int, h: int, w: int) -> tuple[int, ...]:
    """The shape of a picture."""
    return n, 3, h, w


def square(n: int, c: int, h: int, w: int) -> tuple[int, ...]:
    """The shape of one Gram matrix."""
    return 1, c, c


def tapped(size: Size, indices: list[int], dtype: torch.dtype = torch.float32) -> tuple:
    """A small network with in-place ReLUs like torchvision's, a picture, and the indices to tap."""
    sizes = [(3, 4), (4, 5), (5, 4)]
    convolutions = [nn.utils.skip_init(nn.Conv2d, i, o, 3, padding=1, dtype=dtype) for i, o in sizes]  # draws no random numbers
    for seed, convolution in enumerate(convolutions):
        convolution.requires_grad_(False)
        convolution.weight.copy_(numbers(*convolution.weight.shape, seed=seed, dtype=dtype) / 4)
        convolution.bias.copy_(numbers(*convolution.bias.shape, seed=seed, dtype=dtype) / 4)
    first, second, third = convolutions
    network = nn.Sequential(first, nn.ReLU(True), second, nn.ReLU(True), nn.MaxPool2d(2), third, nn.ReLU(True))
    return network, numbers(*size, seed=5, dtype=dtype), list(indices)


def masked(size: Size, share: float, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    """Features, target, and a mask (1, 1, H, W) that is 1 in a share of the positions, scattered, and 0 in the others."""
    features, target = (uneven(*size, seed=seed, dtype=dtype) for seed in (0, 1))
    order = numbers(size[2] * size[3], seed=3).argsort()
    mask = torch.zeros(size[2] * size[3], dtype=dtype)
    mask[order[: round(share * len(order))]] = 1
    return features, target, mask.view(1, 1, *size[2:])


def canvas(size: Size, steps: int, rate: float, dtype: torch.dtype = torch.float32) -> tuple:
    """A start inside the box and a loss whose minimum is partly outside: (start, loss_of, steps, learning_rate)."""
    goal, weight = 1.2 * numbers(*size, seed=6, dtype=dtype), 1 + numbers(*size, seed=7, dtype=dtype).abs()
    start = clamp_to_box(numbers(*size, seed=8, dtype=dtype) / 2)
    return start, lambda picture: (weight * (picture - goal) ** 2).mean(), steps, rate


def two_painters(part: float, channels: dict[str, int], dtype: torch.dtype = torch.float32) -> tuple:
    """Gram matrices of two painters by layer, and the part of the second."""
    first, second = (
        {layer: uneven(1, c, c, seed=2 * n + seed, dtype=dtype) for n, (layer, c) in enumerate(channels.items())}
        for seed in (11, 30)
    )
    return first, second, part


def pulls(size: tuple[int, int], wish: list[float], dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Gradients of three terms (3, 3, H, W), unlike in length, mean and channels, and the shares wished for (3,)."""
    scale = torch.tensor([[2.0, 6.0, 1.0], [0.25, 0.25, 0.25], [16.0, 1.0, 8.0]], dtype=dtype).view(3, 3, 1, 1)
    offset = torch.tensor([0.5, 3.0, 0.0], dtype=dtype).view(3, 1, 1, 1)
    return scale * (numbers(3, 3, *size, seed=10, dtype=dtype) + offset), torch.tensor(wish, dtype=dtype)
