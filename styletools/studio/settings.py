"""What the panel shows of a run: its menus with a line on each choice, where the sliders reach, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from numbers import Integral
from pathlib import Path
from typing import Any

from PIL import Image

from ..arguments import shortened
from ..errors import ImageError, SettingsError
from ..images import Source, as_image, fit_size, load_image
from ..jobs import LARGEST, SMALLEST, Job
from ..palette import COLOR_MODES
from ..recipes import INITS, USUAL_RATES, Recipe, Weights, find_recipe
from ..vgg import CHANNELS, LAYERS
from .address import PLAIN
from .experiments import Experiment
from .views import weights_data

SIZES = (128, 160, 192, 256, 320, 384, 512)
DECADES = 3  # a slider reaches so many powers of ten to either side of the recipe's own weight
SAME = 1e-3  # by how much two strengths may differ and still be one: the page rounds weights to three digits
RECIPE_LINES = {
    "neighbours": "the painter of these lessons: each patch looks for its like in the painting",
    "balanced": "Gram matrices, every term divided by its own size",
    "gatys": "the paper's own, from 2016",
    "walkthrough": "a well-known walk through the paper",
    "d2l": "from the book Dive into Deep Learning",
    "article": "from an article on alpha, beta and Adam",
    "modules": "losses as layers of the network",
    "mean_std": "the mean and the deviation of every channel alone, as in AdaIN",
    "wasserstein": "means and covariances, compared by their Wasserstein distance",
    "sliced": "whole distributions, compared along many directions (sliced Wasserstein)",
    "nearest": "nearest neighbours alone, without any statistic",
}
NETWORK_LINES = {
    "vgg19-slim": "small and fast, taught by the full one",
    "vgg19": "the paper's network: about 6 times slower, more detail",
    "vgg19-torchvision": "trained anew: a download of 548 MB",
}
COLOR_LINES = {
    "style": "the painting's",
    "luminance": "the photograph's: only brightness is painted",
    "match": "the photograph's: the painting is recoloured first",
    "after": "the photograph's: the result is recoloured",
}
INIT_LINES = {"content": "the photograph", "noise": "noise", "blank": "a grey canvas", "style": "the painting"}


def lines(names: Mapping[str, str]) -> list[dict[str, str]]:
    """A menu for the page: names, each with a line on it."""
    return [{"name": name, "line": line} for name, line in names.items()]


def setup(
    job: Job, weights: Weights, steps: int | None, labels: Mapping[str, str], recipes: Mapping[str, Recipe]
) -> dict[str, Any]:
    """Everything the page's controls show, as values that JSON can hold.

    labels: of content and style picture. recipes: those of the menu, the job's among them.
    """
    recipe = job.recipe
    recipe_lines = {name: RECIPE_LINES.get(name, "a recipe of your own") for name in recipes}
    inits = INIT_LINES if job.start in INITS else {**INIT_LINES, job.start: "a picture of your own"}
    numbers = weights_data(weights)
    home = {"alpha": recipe.alpha, "beta": recipe.beta, "tv": recipe.tv}
    layers = [(name, own, weights.style_layers.get(name, 0.0)) for name, own in recipe.style_layers.items()]
    return {
        "content": {"label": labels["content"]},
        "style": {"label": labels["style"]},
        "sizes": sorted({*SIZES, job.size}),
        "size": job.size,
        "recipes": lines(recipe_lines),
        "recipe": next(name for name, one in recipes.items() if one == recipe),
        "networks": lines({name: NETWORK_LINES[name] for name in CHANNELS}),
        "network": job.network["name"],
        "inits": lines(inits),
        "init": job.start,
        "optimizers": list(USUAL_RATES),
        "optimizer": job.optimizer,
        "colors": job.colors,
        "color_modes": lines({name: COLOR_LINES[name] for name in COLOR_MODES}),
        "strength": strength_of(recipe, weights),
        "steps": steps,
        "weights": numbers,
        "home": home,
        "ranges": {name: slider_range(home[name], value) for name, value in numbers.items()},
        "layers": [{"name": name, "factor": now / own if own else 0.0} for name, own, now in layers],
    }


def strength_of(recipe: Recipe, weights: Weights) -> float | None:
    """The strength at which a recipe has these weights, see `Recipe.weights`; None when they were set one by one.

    The weights of single layers are left out of it.
    """
    found = [1 - weights.alpha / (2 * recipe.alpha)] if recipe.alpha else []
    for own, used in ((recipe.beta, weights.beta), (recipe.tv, weights.tv)):
        if own:
            found.append(used / (2 * own))
        elif used:
            return None
    if not found or max(found) - min(found) > SAME or not -SAME <= min(found) <= max(found) <= 1 + SAME:
        return None
    return round(min(1.0, max(0.0, found[-1])), 4)


def slider_range(middle: float, value: float) -> tuple[float, float]:
    """Powers of ten from which to which a slider reaches: around the recipe's own weight, and as far as its value."""
    center = math.log10(middle or 1.0)
    reach = DECADES if value == 0 else max(DECADES, math.ceil(abs(math.log10(value) - center)))
    return center - reach, center + reach


def label_of(picture: Any) -> str:
    """What a picture is called on the page: its sample's or file's name, where it has one."""
    if isinstance(picture, str | Path):
        return Path(picture).name.replace("_", " ")
    return str(picture.info.get("name", "your picture")) if isinstance(picture, Image.Image) else "your picture"


def with_other(old: Job, **picked: Any) -> tuple[dict[str, Any], Weights | None]:
    """What changes in a job, and which weights begin, when something else is picked from the menus.

    A new recipe brings its own weights, start and optimiser; a new optimiser its own learning rate.
    """
    changes, weights = dict(picked), None
    if "recipe" in changes:
        changes["recipe"] = find_recipe(changes["recipe"])
    recipe: Recipe = changes.get("recipe", old.recipe)
    if recipe != old.recipe:
        weights = recipe.weights()
        changes = {"init": recipe.init, "optimizer": recipe.optimizer, **changes}
    optimizer = changes.get("optimizer", old.optimizer)
    if (recipe, optimizer) != (old.recipe, old.optimizer):
        changes["learning_rate"] = recipe.rate_for(optimizer)
    if "network" in changes:
        changes["network"] = recipe.network_options(changes["network"])
    return changes, weights


def prepared(experiment: Experiment) -> tuple[dict[str, Any], Weights]:
    """What an experiment picks from the menus, for `with_other`, and the weights it begins with.

    Pictures, colours, recipe, start and optimiser are its own or a plain studio's; size, network and seed stay unless it says
    otherwise.
    """
    picked = {**{name: PLAIN[name] for name in ("content", "style", "recipe", "colors")}, **experiment.setup}
    numbers = {name: float(picked.pop(name)) for name in ("alpha", "beta", "tv") if name in picked}
    recipe = find_recipe(picked["recipe"])
    own = {"init": recipe.init, "optimizer": recipe.optimizer}
    return {**own, **picked, "recipe": recipe}, replace(recipe.weights(), **numbers)


def beginning(job: Job) -> Job:
    """A job as it was before its first step."""
    return replace(job, weights=job.first_weights, moves=(), done=None)


def check(job: Job) -> None:
    """Look at a job before anything is built. Raises SettingsError or ImageError with one sentence."""
    if job.network["name"] not in CHANNELS:
        raise SettingsError(f"unknown network {job.network['name']!r}; choose from {', '.join(CHANNELS)}.")
    if job.start == "picture" and isinstance(job.init, str):
        raise SettingsError(f"init is {job.init!r}; expected one of {', '.join(INITS)}, or a picture.")
    if not SMALLEST <= job.size <= LARGEST:
        raise SettingsError(f"size is {job.size}; expected {SMALLEST} to {LARGEST} pixels.")
    deepest = max(LAYERS[name] for name in job.recipe.layers)
    least = 2 ** sum(name.startswith("pool") and index <= deepest for name, index in LAYERS.items())
    for role, source in (("content", job.content), *(("style", one.picture) for one in job.styles)):
        picture = as_image(source)
        if min(fit_size(picture.height, picture.width, job.size)) < least:
            raise SettingsError(f"the {role} picture is too long and narrow for {job.size} pixels: choose another one.")


def check_steps(steps: Any) -> int | None:
    """A step count, or None for painting on until paused. Raises SettingsError for anything else."""
    if steps is None:
        return None
    if is_whole(steps) and steps >= 1:
        return int(steps)
    raise SettingsError(f"steps is {shortened(steps)}; expected at least 1, or None to paint until paused.")


def check_step(step: Any, last: int) -> int:
    """The number of a step. Raises SettingsError unless it is a whole number from 0 to `last`."""
    if is_whole(step) and 0 <= step <= last:
        return int(step)
    raise SettingsError(f"step is {shortened(step)}; expected one that was made, 0 to {last}.")


def is_whole(value: Any) -> bool:
    """Whether something is a whole number: 20, but not True, 20.0 or "20"."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def uploaded(name: str, buffers: Sequence[Any]) -> Image.Image:
    """The picture that the page has sent, with the name of its file. Raises ImageError, which names it, when it is none."""
    file = Path(name).name or "picture"
    try:
        return named(load_image(bytes(buffers[0])), file)
    except ImageError as error:
        raise ImageError(str(error).replace("the uploaded file", file, 1)) from None
    except (IndexError, TypeError):
        raise ImageError(f"{file} is not a picture that can be read (JPEG, PNG, WebP, ...).") from None


def named(picture: Source, name: str | None) -> Source:
    """A picture that remembers what its file was called."""
    if isinstance(picture, Image.Image) and name:
        picture.info["name"] = name
    return picture


def free_name(stem: str, ending: str = ".png") -> Path:
    """The first of stem_1.png, stem_2.png, ... that is not taken."""
    return next(path for path in (Path(f"{stem}_{i}{ending}") for i in count(1)) if not path.exists())
