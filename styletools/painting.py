"""Pictures to hang up: a transfer at several sizes, coarse to fine; `stylize` and `paint` are what most users need."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from PIL import Image
from torch import Tensor

from .fitting import check_shape
from .images import Source, as_image, postprocess, preprocess
from .jobs import AVERAGING, SIZE, STEPS, Job, with_terms
from .pyramid import resize
from .recipes import DEFAULT_RECIPE, Recipe, find_recipe
from .transfer import Step, StyleTransfer
from .vgg import VGG

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


def scales_of(job: Job) -> list[tuple[int, int]]:
    """(size, steps) of each scale at which a job is painted; just one unless it goes coarse to fine."""
    if not job.coarse_to_fine:
        return [(job.size, job.steps if job.done is None else job.done)]
    content = as_image(job.content)
    return schedule(job.size, job.steps, min(content.size) / max(content.size))


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
    size: int = SIZE,
    vgg: VGG | None = None,
    recipe: str | Recipe = DEFAULT_RECIPE,
    *,
    steps: int = STEPS,
    strength: float = 0.5,
    alpha: float | None = None,
    beta: float | None = None,
    tv: float | None = None,
    averaging: float = AVERAGING,
    seed: int = 0,
    on_step: Callable[[StyleTransfer, Step], None] | None = None,
) -> Image.Image:
    """Paint `content` in the manner of `style`, coarse to fine, and return the picture: `paint` of the `Job` that says so.

    strength: 0 gives the photograph back, 0.5 is the recipe, 1 nearly the painting's texture (`Recipe.weights`); alpha, beta
    and tv replace single weights; beta 0 gives the photograph back too, unless a tv is given, which smooths it. Only the ratios
    of the weights count. steps: at the first scale. averaging: see `StyleTransfer`. on_step is called after each step.
    vgg: by default the network the recipe names, as `Recipe.load_network` loads it.

    Raises ImageError for pictures that cannot be read and SettingsError for settings that make no sense.
    """
    recipe = find_recipe(recipe)
    weights = with_terms(recipe.weights(strength), alpha, beta, tv)
    job = Job(
        content, style, size, steps, recipe, None if vgg is None else vgg.options, weights=weights,
        init="content" if strength == 0 or (beta is not None and weights.beta == 0) else None, averaging=averaging, seed=seed,
    )  # fmt: skip
    return paint(job, vgg, on_step)


def paint(job: Job, vgg: VGG | None = None, on_step: Callable[[StyleTransfer, Step], None] | None = None) -> Image.Image:
    """Paint what a job describes and return the picture; the same job gives the same picture on the same computer.

    Coarse to fine, large strokes are painted at 64 pixels, where they are cheap, and every scale, twice the last, adds finer
    ones (`schedule`). Each starts from the picture of the one before, enlarged, with the detail of the photograph that the
    smaller picture could not hold put back in: what the losses do not ask to change stays as it was.

    vgg: by default the network the job names. on_step is called after each step and may change weights.
    Raises ImageError for pictures that cannot be read and SettingsError for settings that make no sense. A KeyboardInterrupt
    has the picture so far as `picture`; a notebook or a Python prompt keeps it as `sys.last_value.picture`.
    """
    content = as_image(job.content)
    if job.start == "content" and all(w.beta == w.tv == 0 for w in (job.first_weights, *(w for _, w in job.moves))):
        whole = isinstance(job.content, Tensor) and not job.coarse_to_fine  # painted at the size it has
        return content if whole else postprocess(preprocess(content, job.size))  # nothing pulls away from the photograph
    vgg = job.load_network() if vgg is None else vgg
    moves, painted, transfer = dict(job.moves), 0, None
    try:
        for size, steps in scales_of(replace(job, content=content)):
            if painted == job.done and transfer is not None:
                break
            at_scale = replace(job, size=size, steps=steps, learning_rate=gentle_rate(job))
            transfer = StyleTransfer.of(at_scale, vgg) if not job.coarse_to_fine else finer(at_scale, vgg, content, transfer)
            while len(transfer.history) < steps and painted != job.done:
                painted += 1
                transfer.weights = moves.get(painted, transfer.weights)
                step = transfer.step()
                if on_step is not None:
                    on_step(transfer, step)
    except KeyboardInterrupt as interrupt:
        if transfer is not None:
            interrupt.picture = transfer.image
            interrupt.args = ("the picture so far is sys.last_value.picture",)
        raise
    return transfer.image


def gentle_rate(job: Job) -> float:
    """The learning rate, smaller where a photograph is painted with hardly any style.

    Adam's steps are all of one length: they would make coloured speckle of a breath of style.
    """
    own, weights = job.recipe, job.first_weights
    if (
        not job.coarse_to_fine
        or job.start != "content"
        or job.moves
        or job.optimizer != "adam"
        or not own.alpha * weights.alpha
    ):
        return job.learning_rate
    pairs = ((weights.beta, own.beta), (weights.tv, own.tv))
    pull = max((used / usual for used, usual in pairs if usual), default=1.0) / (weights.alpha / own.alpha)
    return job.learning_rate * min(1.0, 10 * pull)


def finer(job: Job, vgg: VGG, content: Image.Image, coarser: StyleTransfer | None) -> StyleTransfer:
    """Set up the next scale of a picture that is painted coarse to fine. coarser: the scale before it, None for the first."""
    target = preprocess(content, job.size)
    check_shape(content, target, [*job.recipe.layers, *job.weights.style_layers])
    job = replace(job, content=target, style=fit_style(as_image(job.style), target))
    if coarser is None:
        transfer = StyleTransfer.of(job, vgg)
        transfer.scale_out()
        return transfer
    job = replace(job, init=sharpen(coarser.tensor, coarser.content, target), weights=coarser.weights, moves=())
    transfer = StyleTransfer.of(job, vgg)
    transfer.scale_out()
    transfer.inherit(coarser)
    return transfer


def sharpen(painting: Tensor, coarse: Tensor, fine: Tensor) -> Tensor:
    """Enlarge a painting of the photograph `coarse` to the size of `fine` and add what the larger photograph has more to show.

    All are tensors (1, 3, H, W): enlarge(painting) + (fine - enlarge(coarse)).
    """
    size = tuple(fine.shape[-2:])
    return resize(painting, size) + (fine - resize(coarse.to(fine), size)).to(painting)
