"""Ask the network what it has kept: pictures painted from noise so that one layer sees what it saw in another picture.

`reconstruct_content` keeps every position (the content), `reconstruct_style` only which channels go together (the style), and
`maximize_activation` draws what one channel looks for. All three move the pixels of faint noise x down a loss with Adam.

Plain gradients would leave grain everywhere: a network hardly minds it, and nothing takes it away. So each gradient is first
given the spectrum of photographs (`natural`), after Olah et al. 2017, "Feature Visualization", section on preconditioning.
That changes the path and not the goal: where the plain gradient is zero, so is the natural one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as nnf
from torch import Tensor

from .images import clamp_to_box
from .losses import content_loss, style_loss, style_target, tv_loss
from .vgg import LAYERS, VGG

LEARNING_RATE = 0.05
SMOOTHNESS = 1e-2  # weight of the squared total variation beside losses that start near 1
JITTER = 8  # pixels
GREYING = 0.5  # how fast colours fade, beside a gradient of mean square 1


def reconstruct_content(vgg: VGG, content: Tensor, layer: str, steps: int = 150, seed: int = 0) -> Tensor:
    """Paint from noise a picture whose features F in `layer` are those of `content`, P (Mahendran and Vedaldi 2015).

        x* = argmin  sum (F(x) - P)^2 / sum P^2  +  SMOOTHNESS tv(x)

    content: (1, 3, H, W), normalised. Returns the picture, (1, 3, H, W). The same seed gives the same picture.
    Raises KeyError for a layer the network does not have, ValueError for a picture too small for it.
    """
    with torch.no_grad():
        target = vgg(content, [layer])[layer]  # P, (1, C, H_l, W_l)

    def gradient(picture: Tensor) -> Tensor:
        loss = content_loss(vgg(picture, [layer])[layer], target, "relative") + SMOOTHNESS * tv_loss(picture, "squared")
        return natural(torch.autograd.grad(loss, picture)[0])

    return _descend(gradient, _noise(content.shape, seed, vgg), steps)


def reconstruct_style(
    vgg: VGG, style: Tensor, layers: Iterable[str], shape: tuple[int, int] | None = None, steps: int = 150, seed: int = 0
) -> Tensor:
    """Paint from noise a picture with the Gram matrices of `style` in `layers`: texture synthesis (Gatys et al. 2015).

        x* = argmin  mean over layers  sum (G_l(x) - A_l)^2 / sum A_l^2

    style: (1, 3, H, W), normalised. layers: names. shape: (height, width) of the new picture, by default that of `style`;
    Gram matrices are means over positions here, so any shape will do. Returns the picture, (1, 3, height, width).
    Raises KeyError for a layer the network does not have, ValueError for no layer or a picture too small for the deepest one.
    """
    layers = list(layers)
    if not layers:
        raise ValueError("a style needs at least one layer.")
    with torch.no_grad():
        targets = {layer: style_target(F, "relative") for layer, F in vgg(style, layers).items()}  # A_l, (1, C, C)

    def gradient(picture: Tensor) -> Tensor:
        losses = [style_loss(F, targets[layer], "relative") for layer, F in vgg(picture, layers).items()]
        return natural(torch.autograd.grad(torch.stack(losses).mean(), picture)[0], coarseness=0.5)

    height, width = shape or style.shape[-2:]
    return _descend(gradient, _noise((1, 3, height, width), seed, vgg), steps)


def maximize_activation(vgg: VGG, layer: str, channel: int, size: int = 96, steps: int = 120, seed: int = 0) -> Tensor:
    """Paint the picture that excites one channel most: feature visualisation (Olah et al. 2017).

        x* = argmax  mean over positions of F_channel(x)

    The gradient is `natural`, as everywhere here; besides, every step looks at the picture rolled by a few random pixels
    (jitter), which no fine grain survives, and colours drift back to grey. A sleeping ReLU has no gradient: therefore
    "relu" layers are read before their ReLU, and in every layer what is negative counts a tenth.

    Returns the picture, (1, 3, size, size). The same seed gives the same picture.
    Raises KeyError for a layer the network does not have, IndexError for a channel it does not have.
    """
    if layer not in LAYERS:
        raise KeyError(f"there is no layer {layer!r}.")
    source = layer.replace("relu", "conv")
    generator = torch.Generator().manual_seed(seed + 1)

    def gradient(picture: Tensor) -> Tensor:
        shift = torch.randint(-JITTER, JITTER + 1, (2,), generator=generator).tolist()
        response = vgg(picture.roll(shift, (2, 3)), [source])[source]  # (1, C, H_l, W_l)
        if not 0 <= channel < response.shape[1]:
            raise IndexError(f"{layer} has no channel {channel}; it has channels 0 to {response.shape[1] - 1}.")
        excitement = nnf.leaky_relu(response[:, channel], 0.1).mean()
        (uphill,) = torch.autograd.grad(excitement, picture)
        return GREYING * picture.detach() - natural(uphill)

    return _descend(gradient, _noise((1, 3, size, size), seed, vgg), steps)


def natural(gradient: Tensor, coarseness: float = 1.0) -> Tensor:
    """Give a gradient (1, 3, H, W) the statistics of photographs: more of the coarse, more of the grey; mean square 1.

    coarseness: p in |frequency|^-p, by which the spectrum is multiplied; about 1 in photographs, 0 for no change.
    """
    height, width = gradient.shape[-2:]
    frequency = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)).clamp_min(1 / max(height, width))
    scale = frequency.to(gradient.device) ** -coarseness  # (H, W/2 + 1)
    smooth = torch.fft.irfft2(torch.fft.rfft2(gradient) * scale, s=(height, width))
    mixed = smooth + 2 * smooth.mean(1, keepdim=True)  # red, green and blue mostly rise and fall together
    return mixed / mixed.square().mean().sqrt().clamp_min(1e-20)


def _noise(shape: Iterable[int], seed: int, vgg: VGG) -> Tensor:
    """Faint noise on grey, the same for the same seed whatever other random numbers were drawn."""
    noise = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return clamp_to_box(0.1 * noise).to(vgg.device)


def _descend(gradient: Callable[[Tensor], Tensor], start: Tensor, steps: int) -> Tensor:
    """Take `steps` Adam steps from `start` against `gradient`, back into the box of existing colours after each one.

    The second half goes slower and slower: gradients of mean square 1 would never let the picture come to rest.
    """
    picture = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([picture], lr=LEARNING_RATE)
    for index in range(steps):
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * min(1.0, 2 * (1 - index / steps))
        with torch.enable_grad():
            picture.grad = gradient(picture)
        optimizer.step()
        with torch.no_grad():
            picture.copy_(clamp_to_box(picture))
    return picture.detach()
