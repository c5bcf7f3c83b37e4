"""The loop: a picture becomes a parameter, and every step moves it down the weighted losses.

transfer = StyleTransfer("cat.jpg", "wave.jpg", seed=0)
for step in transfer:          # each a Step(index, total, content, style, tv, ...)
    transfer.beta = 100        # any weight may change between two steps
transfer.image                 # the picture, at any moment, also after an interrupt
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from .images import MEAN, STD, Source, clamp_to_box, load_image, postprocess, preprocess
from .pyramid import compose, decompose, resize
from .recipes import DEFAULT_RECIPE, Recipe, Targets, find_recipe, gradient_norms
from .runs import load_run, save_run
from .vgg import VGG, load_vgg

SEARCH_EVERY = 5  # steps after which nearest neighbours are searched again


class DivergedError(RuntimeError):
    """The loss is no longer a finite number; the transfer holds the last good picture."""


@dataclass(frozen=True)
class Step:
    """What one step saw: the losses of the picture it started from, unweighted but for `total`, and the weights used."""

    index: int  # 1, 2, 3, ...
    total: float
    content: float
    style: float
    tv: float
    alpha: float
    beta: float
    tv_weight: float


@dataclass(frozen=True)
class Settings:
    """What stays the same during one transfer: everything but pictures, recipe and weights."""

    size: int
    steps: int
    seed: int
    init: str
    optimizer: str
    learning_rate: float
    averaging: float


class StyleTransfer:
    """Paints one picture; iterate over it to paint.

    content, style: pictures (path, PIL image or bytes), or normalised tensors (1, 3, H, W), which are taken as they are.
    vgg: a network from `load_vgg`; by default the one the recipe names, mostly the embedded one.
    recipe: a key of `RECIPES`, or a `Recipe` of your own. alpha, beta, tv, optimizer ("adam" or "lbfgs"), learning_rate
    and init replace what it says.
    size: pixels of the longer side. steps: where iteration ends.
    init: "content", "noise", "blank" (a grey canvas), "style", or a picture to start from.
    averaging: d in average <- d average + (1 - d) picture; 0 shows the latest picture, 0.95 a mean of about the last 20.
    seed: of the noise; the same seed gives the same picture on the same machine.

    Where both pictures are grey, the painting stays grey.

    `image` is the picture now, `history` every Step so far. alpha, beta, tv and style_layers (layer -> weight) may be set
    between two steps and count from the next one. Raises ValueError for settings that make no sense.
    """

    def __init__(
        self,
        content: Source | Tensor,
        style: Source | Tensor,
        vgg: VGG | None = None,
        recipe: str | Recipe = DEFAULT_RECIPE,
        *,
        size: int = 256,
        steps: int = 200,
        alpha: float | None = None,
        beta: float | None = None,
        tv: float | None = None,
        optimizer: str | None = None,
        learning_rate: float | None = None,
        init: str | Source | Tensor | None = None,
        averaging: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.recipe: Recipe = find_recipe(recipe)
        self.vgg = load_vgg(**self.recipe.network) if vgg is None else vgg
        chosen_init = self.recipe.init if init is None else init
        self.settings = Settings(
            size=size,
            steps=steps,
            seed=seed,
            init=chosen_init if chosen_init in ("content", "noise", "blank", "style") else "picture",
            optimizer=optimizer or self.recipe.optimizer,
            learning_rate=self.recipe.learning_rate if learning_rate is None else learning_rate,
            averaging=averaging,
        )
        self.alpha = self.recipe.alpha if alpha is None else alpha
        self.beta = self.recipe.beta if beta is None else beta
        self.tv = self.recipe.tv if tv is None else tv
        self.style_layers = dict(self.recipe.style_layers)
        self._check()
        self.content, self.style = (self._as_tensor(picture) for picture in (content, style))
        self.targets: Targets = self.recipe.targets(self.vgg, self.content, self.style)
        self.history: list[Step] = []
        self._grey = is_grey(self.content) and is_grey(self.style)
        first = self._first_picture(chosen_init)
        self._bands = [band.requires_grad_() for band in decompose(first, self.recipe.levels)]  # what the optimiser moves
        self._last_good = [band.detach().clone() for band in self._bands]
        self._average = first.detach().clone()
        self._nearest: dict[str, Tensor] = {}  # each position's nearest neighbour in the style picture, by layer
        self._start_optimizer()

    # --- painting ------------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Step]:
        """Paint until `steps` steps are done in all; a second loop goes on where the first one stopped."""
        while len(self.history) < self.settings.steps:
            yield self.step()

    def step(self) -> Step:
        """Move the picture once. Raises DivergedError when the loss is not finite; the last good picture stays."""
        if self._weights() != self._optimizer_weights and all(map(math.isfinite, self._weights())):
            self._follow_weights()
        if len(self.history) % SEARCH_EVERY == 0:
            self._nearest.clear()
        seen: list[Step] = []

        def closure() -> Tensor:
            terms = self.recipe.terms(self.vgg, compose(self._bands), self.targets, self.style_layers, self._nearest)
            total = self.alpha * terms.content + self.beta * terms.style + self.tv * terms.tv
            numbers = [float(value.detach()) for value in (total, *terms)]
            seen.append(Step(len(self.history) + 1, *numbers, self.alpha, self.beta, self.tv))
            if not all(map(math.isfinite, numbers)):
                self._give_up(seen[0])
            gradients = torch.autograd.grad(total, self._bands)
            if self.settings.optimizer == "lbfgs":  # it compares gradients with absolute numbers and stands still below them
                typical = float(torch.cat([gradient.flatten() for gradient in gradients]).abs().mean())
                self._scale = self._scale or 1 / max(typical, 1e-30)
                gradients = [gradient * self._scale for gradient in gradients]
            for band, gradient in zip(self._bands, gradients, strict=True):
                band.grad = gradient.contiguous()  # L-BFGS flattens it
            return total.detach()

        before = [band.detach().clone() for band in self._bands]
        self._set_learning_rate()
        self._optimizer.step(closure)
        with torch.no_grad():
            if self.settings.optimizer == "adam":  # between steps, never inside a closure
                picture = compose(self._bands)
                self._bands[0].copy_(self._project(picture) - (picture - self._bands[0]))
            d = min(self.settings.averaging, len(self.history) / (len(self.history) + 1))  # a plain mean at first
            self._average.lerp_(compose(self._bands), 1 - d)  # one operation: an interrupt cannot fall into its middle
        self._last_good = before
        self.history.append(seen[0])
        return seen[0]

    def inherit(self, coarser: StyleTransfer) -> None:
        """Take over Adam's running averages from a smaller picture, enlarged; L-BFGS and the bands of a pyramid begin anew.

        The losses are means over positions, so a pixel of a picture with twice as many has half the gradient.
        """
        (picture, *others), (smaller, *_) = self._bands, coarser._bands
        state = coarser._optimizer.state.get(smaller, {})
        if self.settings.optimizer != "adam" or "exp_avg" not in state or others:
            return
        size = tuple(picture.shape[-2:])
        share = smaller.numel() / picture.numel()
        self._optimizer.state[picture] = {
            "step": state["step"].clone(),
            "exp_avg": resize(state["exp_avg"], size) * share,
            "exp_avg_sq": resize(state["exp_avg_sq"], size, "bilinear").clamp_min(0) * share**2,
        }

    @property
    def image(self) -> Image.Image:
        """The picture as it is now (with averaging, the mean of the recent ones)."""
        picture = postprocess(self.tensor)
        return picture.getchannel("G").convert("RGB") if self._grey else picture  # channels may be rounded apart

    @property
    def tensor(self) -> Tensor:
        """The picture as it is now, as a normalised tensor (1, 3, H, W) inside the box of existing colours."""
        return self._project(self._average)

    def _project(self, picture: Tensor) -> Tensor:
        """Bring a picture back into the box of existing colours and, where both pictures are grey, onto its grey diagonal."""
        if self._grey:
            mean, std = MEAN.to(picture), STD.to(picture)
            picture = ((picture * std + mean).mean(1, keepdim=True) - mean) / std
        return clamp_to_box(picture)

    def _weights(self) -> tuple[float, ...]:
        return (self.alpha, self.beta, self.tv, *self.style_layers.values())

    def _start_optimizer(self) -> None:
        settings = self.settings
        self._optimizer_weights = self._weights()
        self._scale = 0.0  # of L-BFGS's gradients, chosen at its first step
        self._norms: tuple[int, tuple[float, ...], tuple[float, float, float]] = (0, (), (0.0, 0.0, 0.0))  # see _pull
        self._optimizer: torch.optim.Optimizer
        if settings.optimizer == "adam":
            self._optimizer = torch.optim.Adam(self._bands, lr=settings.learning_rate, betas=self.recipe.betas)
        else:  # negative tolerances: torch's defaults end a run silently when losses are small numbers
            self._optimizer = torch.optim.LBFGS(
                self._bands, settings.learning_rate, 1, tolerance_grad=-1, tolerance_change=-1, history_size=10
            )

    def _follow_weights(self) -> None:
        """Other weights make another loss, of whose gradients the optimiser has no memory.

        L-BFGS begins a new history. Adam divides by the size of the gradients it has seen: after large ones it would creep
        for hundreds of steps, after small ones leap. So its averages are multiplied by r (the second by r^2), the pull of the
        new weights over that of the old; and where the pull got weaker, its memory gets as much shorter. Weights w pull with
        sum w_i |g_i|, where g_i is the gradient of the unweighted term i.
        """
        states = [state for state in self._optimizer.state.values() if state]
        if self.settings.optimizer == "lbfgs" or not states or self._pull(self._optimizer_weights) == 0:
            self._start_optimizer()
            return
        before, now = self._pull(self._optimizer_weights), self._pull(self._weights())
        r, t = now / before, float(states[0]["step"])
        few = min(t, max(2.0, r / (1 - self.recipe.betas[1]))) if r < 1 else t  # steps it counts from now on
        for state in states:
            for name, power, b in (("exp_avg", 1, self.recipe.betas[0]), ("exp_avg_sq", 2, self.recipe.betas[1])):
                state[name] *= r**power * (1 - b**few) / (1 - b**t)  # Adam divides by 1 - b^t
            state["step"].fill_(few)
        self._optimizer_weights = self._weights()

    def _pull(self, weights: tuple[float, ...]) -> float:
        """How hard the three terms pull in all; their gradients are measured again when they are ten steps old."""
        measured_at, measured_with, norms = self._norms
        if len(self.history) >= measured_at + 10 or weights[3:] != measured_with:
            layers = dict(zip(self.style_layers, weights[3:], strict=True))
            norms = gradient_norms(self.recipe, self.vgg, compose(self._bands), self.targets, layers)
            self._norms = (len(self.history), weights[3:], norms)
        return sum(weight * norm for weight, norm in zip(weights[:3], norms, strict=True))

    def _set_learning_rate(self) -> None:
        if self.recipe.decay_every and self.settings.optimizer == "adam":
            times = len(self.history) // self.recipe.decay_every
            self._optimizer.param_groups[0]["lr"] = self.settings.learning_rate * self.recipe.decay_factor**times

    def _give_up(self, step: Step) -> None:
        if not all(map(math.isfinite, self._weights())):  # the picture itself is good
            blame, advice = "a weight is not a finite number", "set alpha, beta, tv and style_layers to ordinary numbers"
        else:
            with torch.no_grad():
                for band, good in zip(self._bands, self._last_good, strict=True):
                    band.copy_(good)
                self._average.copy_(compose(self._bands))
            self._start_optimizer()
            terms = [name for name in ("content", "style", "tv") if not math.isfinite(getattr(step, name))]
            blame = f"the {' and '.join(terms) or 'weighted'} loss overflowed"
            advice = "start again with a smaller learning rate"
            if self.settings.optimizer == "lbfgs":
                advice = "L-BFGS took a step that was too long: use a smaller learning rate, smaller weights or Adam"
        raise DivergedError(f"step {step.index} diverged: {blame}; the last good picture is kept. Advice: {advice}.")

    # --- the start --------------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        settings = self.settings
        if settings.optimizer not in ("adam", "lbfgs"):
            raise ValueError(f"optimizer is {settings.optimizer!r}; expected 'adam' or 'lbfgs'.")
        if settings.steps < 0:
            raise ValueError(f"steps is {settings.steps}; expected a number of at least 0.")
        if not 0 <= settings.averaging < 1:
            raise ValueError(f"averaging is {settings.averaging}; expected at least 0 and less than 1.")

    def _as_tensor(self, picture: Source | Tensor) -> Tensor:
        tensor = picture if isinstance(picture, Tensor) else preprocess(picture, self.settings.size)
        return tensor.detach().float().to(self.vgg.device)

    def _first_picture(self, init: str | Source | Tensor) -> Tensor:
        shape = self.content.shape
        if init == "content":
            return self.content.clone()
        if init == "noise":
            noise = torch.randn(shape, generator=torch.Generator().manual_seed(self.settings.seed))
            return clamp_to_box(0.5 * noise).to(self.content)
        if init == "blank":
            return torch.zeros_like(self.content)
        start = self.style if init == "style" else self._as_tensor(init)
        return clamp_to_box(cover(start, shape[-2], shape[-1]))

    def save(self, path: str | Path) -> None:
        """Write everything that is needed to go on; see `styletools.runs`. Raises ImageError when that fails."""
        save_run(self, path)

    @classmethod
    def load(cls, path: str | Path, vgg: VGG | None = None, steps: int | None = None) -> StyleTransfer:
        """Read a run written by `save`; on the same machine it goes on bit for bit as if it had never stopped.

        vgg: the network it used; loaded again by default. steps: a new end. Raises ImageError when the file is no such run.
        """
        return load_run(cls, path, vgg, steps)


def cover(image: Tensor, height: int, width: int) -> Tensor:
    """Scale a picture (1, 3, h, w) until it covers (height, width), without stretching, and cut off what sticks out."""
    h, w = image.shape[-2:]
    scale = max(height / h, width / w)
    size = (max(height, round(h * scale)), max(width, round(w * scale)))
    scaled = resize(image, size)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    return scaled[:, :, top : top + height, left : left + width].contiguous()


def is_grey(image: Tensor) -> bool:
    """Whether a normalised picture (1, 3, H, W) has no colour: its channels differ by less than half a grey level."""
    unit = image * STD.to(image) + MEAN.to(image)
    return bool((unit.amax(1) - unit.amin(1)).max() < 0.5 / 255)


COARSEST = 64  # pixels of the longer side at which large strokes are painted
NARROWEST = 32  # pixels the shorter side must have for that


def schedule(size: int, steps: int = 80, shape: float = 1.0) -> list[tuple[int, int]]:
    """(size, steps) of each scale, coarse to fine, for a picture whose shorter side is `shape` times its longer one.

    Sizes double from about `COARSEST`, later where the shorter side would be narrower than `NARROWEST`; steps shrink by sqrt 2
    each time, to no less than 0.35 of the first: the large strokes are settled by then.
    schedule(512) is [(64, 80), (128, 57), (256, 40), (512, 28)].
    """
    doublings = max(0, math.floor(math.log2(size / COARSEST) + 1e-9)) if size > COARSEST else 0
    sizes = [round(size / 2 ** (doublings - k)) for k in range(doublings + 1)]
    wide = [side for side in sizes if side * shape >= NARROWEST] or sizes[-1:]
    return [(side, max(1, round(steps * max(0.35, 2 ** (-k / 2))))) for k, side in enumerate(wide)]


def fit_style(style: Image.Image, content: Tensor) -> Tensor:
    """Make the style picture a normalised tensor with as many pixels as the content picture (1, 3, H, W).

    Its own shape is kept and neither side becomes shorter than `NARROWEST`, so that a scroll can be the style of a panorama.
    """
    factor = math.sqrt(content.shape[-2] * content.shape[-1] / (style.height * style.width))
    factor = max(factor, NARROWEST / min(style.height, style.width))
    return preprocess(style, (round(style.height * factor), round(style.width * factor)))


def stylize(
    content: Source,
    style: Source,
    size: int = 512,
    vgg: VGG | None = None,
    recipe: str | Recipe = DEFAULT_RECIPE,
    *,
    steps: int = 80,
    strength: float = 0.5,
    alpha: float | None = None,
    beta: float | None = None,
    tv: float | None = None,
    averaging: float = 0.9,
    seed: int = 0,
    on_step: Callable[[StyleTransfer, Step], None] | None = None,
) -> Image.Image:
    """Paint `content` in the manner of `style`, coarse to fine, and return the picture.

    Large strokes are painted at 64 pixels, where they are cheap, and every scale, twice the last, adds finer ones (`schedule`).
    Each starts from the picture of the one before, enlarged, with the detail of the photograph that the smaller picture could
    not hold put back in: what the losses do not ask to change stays as it was.

    strength: 0 gives the photograph back, 0.5 is the recipe, 1 nearly the painting's texture (`Recipe.weights`); alpha, beta
    and tv replace single weights. steps: at the first scale. averaging: see `StyleTransfer`. on_step is called after each step.
    vgg: by default the network the recipe names, as `Recipe.load_network` loads it.

    Raises ImageError for pictures that cannot be read and ValueError for settings that make no sense.
    """
    recipe = find_recipe(recipe)
    weights = [own if given is None else given for given, own in zip((alpha, beta, tv), recipe.weights(strength), strict=True)]
    content, style = load_image(content), load_image(style)
    if strength == 0 and weights[1:] == [0, 0]:
        return postprocess(preprocess(content, size))
    vgg = recipe.load_network() if vgg is None else vgg
    transfer: StyleTransfer | None = None
    for side, count in schedule(size, steps, min(content.size) / max(content.size)):
        target = preprocess(content, side)
        start = None if transfer is None else sharpen(transfer.tensor, transfer.content, target)
        finer = StyleTransfer(
            target, fit_style(style, target), vgg, recipe, size=side, steps=count, alpha=weights[0], beta=weights[1],
            tv=weights[2], averaging=averaging, seed=seed, init=start,
        )  # fmt: skip
        if transfer is not None:
            finer.inherit(transfer)
        transfer = finer
        for step in transfer:
            if on_step is not None:
                on_step(transfer, step)
    return transfer.image


def sharpen(painting: Tensor, coarse: Tensor, fine: Tensor) -> Tensor:
    """Enlarge a painting of the photograph `coarse` to the size of `fine` and add what the larger photograph has more to show.

    All are tensors (1, 3, H, W): enlarge(painting) + (fine - enlarge(coarse)).
    """
    size = tuple(fine.shape[-2:])
    return resize(painting, size) + (fine - resize(coarse.to(fine), size)).to(painting)
