"""Pictures to hang up: a transfer at several sizes, coarse to fine; `stylize` and `paint` are what most users need."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from PIL import Image
from torch import Tensor

from .arguments import shortened
from .errors import SettingsError
from .fitting import check_shape
from .history import Step
from .images import Source, as_image, height_and_width, postprocess, preprocess
from .jobs import AVERAGING, LARGEST, SIZE, SMALLEST, STEPS, Job, with_terms
from .memory import largest_side
from .palette import grey
from .pyramid import resize
from .recipes import DEFAULT_RECIPE, Recipe, find_recipe
from .styles import Style, read_masks
from .transfer import StyleTransfer
from .vgg import VGG

COARSEST = 64  # pixels of the longer side at which large strokes are painted
ORIGINAL = "original"  # the size of the photograph itself
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


def fit_style(style: Image.Image, content: Tensor, scale: float = 1.0) -> Tensor:
    """Make the style picture a normalised tensor with as many pixels as the content picture (1, 3, H, W), times scale^2.

    Its own shape is kept and neither side becomes shorter than `NARROWEST`, so that a scroll can be the style of a panorama.
    """
    factor = scale * math.sqrt(content.shape[-2] * content.shape[-1] / (style.height * style.width))
    factor = max(factor, NARROWEST / min(style.height, style.width))
    return preprocess(style, (round(style.height * factor), round(style.width * factor)))


def painting_size(content: Source | Tensor, size: int | str | None = None, network: str = "vgg19-slim") -> int:
    """Pixels of the longer side of the picture that is painted.

    size: a number, which may enlarge a small photograph; "original" for the photograph's own size, or less: what memory allows
    (`memory`), at most `LARGEST`; None for `SIZE`, or the photograph's own where that is smaller, at least `COARSEST`. network:
    its name.
    Raises ImageError when the photograph cannot be read, SettingsError for another word.
    """
    if size is None:
        return min(SIZE, max(COARSEST, *as_image(content).size))
    if size != ORIGINAL:
        if isinstance(size, str):
            raise SettingsError(f"size is {shortened(size)!r}; expected a number of pixels or {ORIGINAL!r}.")
        return size
    width, height = as_image(content).size
    return max(SMALLEST, min(max(width, height), LARGEST, largest_side(width, height, network)))


def stylize(
    content: Source,
    style: Source | Style | Sequence[Source | Style],
    size: int | str | None = None,
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
    colors: str = "style",
    on_step: Callable[[StyleTransfer, Step], None] | None = None,
) -> Image.Image:
    """Paint `content` in the manner of `style`, coarse to fine, and return the picture: `paint` of the `Job` that says so.

    style: a picture, a `Style`, or a list of both: several, mixed or each at its place. size: pixels of the longer side,
    "original" for the photograph's own; by default 512, or less for a smaller photograph (`painting_size`).
    strength: 0 gives the photograph back, 0.5 is the recipe, 1 nearly the painting's texture (`Recipe.weights`); alpha, beta
    and tv replace single weights; beta 0 gives the photograph back too, unless a tv is given, which smooths it. Only the ratios
    of the weights count. steps: at the first scale. averaging, colors: see `StyleTransfer`. on_step is called after each step.
    vgg: by default the network the recipe names, as `Recipe.load_network` loads it.

    Raises ImageError for pictures that cannot be read and SettingsError for settings that make no sense.
    """
    recipe = find_recipe(recipe)
    weights = with_terms(recipe.weights(strength), alpha, beta, tv)
    size = painting_size(content, size, (recipe.network if vgg is None else vgg.options)["name"])
    job = Job(
        content, style, size, steps, recipe, None if vgg is None else vgg.options, weights=weights,
        init="content" if strength == 0 or (beta is not None and weights.beta == 0) else None, averaging=averaging, seed=seed,
        colors=colors,
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
    height_and_width(job.size, content)  # refuses what would be refused after all smaller scales
    job = replace(job, style=[replace(one, picture=read(one.picture)) for one in read_masks(job.styles)])
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


def read(picture: Source | Tensor) -> Source | Tensor:
    """A picture that is read once, although it is used at several sizes; a tensor as it is."""
    return picture if isinstance(picture, Tensor) else as_image(picture)


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
    styles = [replace(one, picture=fit_style(as_image(one.picture), target, one.scale)) for one in job.styles]
    job = replace(job, content=target, style=styles)
    if coarser is None:
        transfer = StyleTransfer.of(job, vgg)
        transfer.scale_out()
        return transfer
    photograph = grey(target) if job.colors == "luminance" else target
    job = replace(job, init=sharpen(coarser.tensor, coarser.content, photograph), weights=coarser.weights, moves=())
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
