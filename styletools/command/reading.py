"""From what was typed to jobs: which pictures, which painting, how; and a saved run that goes on."""

from __future__ import annotations

import argparse
import glob
import os
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from ..errors import SettingsError
from ..images import as_image, fit_size
from ..jobs import STEPS, Job, read_jobs, with_terms
from ..painting import ORIGINAL, painting_size, scales_of
from ..recipes import Weights, find_recipe
from ..runs import read_run
from ..transfer import StyleTransfer
from ..vgg import VGG, load_vgg
from .painting import Task
from .progress import Progress
from .styling import check_masks, colors_of, with_options

NO_PICTURES = "name the picture to paint and the painting: python -m styletools CONTENT STYLE"
OF_A_RUN = (
    "pictures", "style", "style_weight", "style_scale", "style_part", "mask", "colors", "size", "recipe", "network", "seed",
)  # fmt: skip


def contents_and_style(options: argparse.Namespace) -> tuple[list[str], str | list[str] | None]:
    """The pictures to paint, each once, and the paintings; of a picture that is painted again both may be left out.

    Raises SettingsError when too few are named.
    """
    pictures = expanded(options.pictures)
    if options.style:
        contents, style = pictures, options.style
    elif options.source and len(pictures) < 2:
        contents, style = pictures, None
    else:
        contents, style = pictures[:-1], pictures[-1:]
    if not contents and options.style and not options.source:
        raise SettingsError("name the pictures to paint before --style: python -m styletools CONTENT --style STYLE STYLE")
    if not contents and not options.source:
        raise SettingsError(NO_PICTURES)
    return list(dict.fromkeys(contents)), style[0] if style and len(style) == 1 else style


def expanded(names: list[str]) -> list[str]:
    """The names, with photos/*.jpg replaced by the files that match it, which the shell of Windows does not do."""
    found: list[str] = []
    for name in names:
        matching = sorted(glob.glob(name)) if glob.has_magic(name) and not os.path.exists(name) else []
        found += matching or [name]
    return found


def job_of(options: argparse.Namespace) -> Job:
    """Turn the command line into a job. Raises SettingsError or ImageError with one sentence."""
    return sized(draft_of(options), options)


def draft_of(options: argparse.Namespace) -> Job:
    """The job of the first picture, which is not looked at yet: its size may still be another."""
    contents, style = contents_and_style(options)
    content = contents[0] if contents else None
    job = read_jobs(options.source, content, style)[0] if options.source else Job(content, style)
    return changed(job, options)


def sized(job: Job, options: argparse.Namespace) -> Job:
    """The job at the size that its picture gets. Raises ImageError for a picture that cannot be read."""
    if options.source and options.size is None:
        return job
    return replace(job, size=painting_size(job.content, options.size, job.network["name"]))


def reduced(job: Job, options: argparse.Namespace) -> str:
    """What there is to say of a photograph that should be painted at its own size and is too large for that, or nothing."""
    own = max(as_image(job.content).size) if options.size == ORIGINAL else 0
    if own <= job.size:
        return ""
    name = file_of(job.content, options.source)
    return f"{name} is {own} pixels long and is painted at {job.size}, because the free memory, or this program, allows no more"


def changed(job: Job, options: argparse.Namespace) -> Job:
    """The job with the settings that the command line gives."""
    given = {name: getattr(options, name) for name in ("size", "steps", "seed") if getattr(options, name) is not None}
    if given.get("size") == ORIGINAL:
        given["size"] = job.size  # for now
    if options.colors is not None:
        given["colors"] = colors_of(options.colors)
    if (style := with_options(job.style, options)) is not job.style:
        given["style"] = style
    recipe = job.recipe if options.recipe is None else find_recipe(options.recipe)
    if options.recipe is not None:  # which brings its own start, optimiser and network
        given |= {"recipe": recipe, "init": None, "optimizer": None, "learning_rate": None, "network": None}
    if options.network is not None:
        given["network"] = options.network
    weights = job.weights
    if options.recipe is not None or options.strength is not None:
        weights = recipe.weights(0.5 if options.strength is None else options.strength)
    weights = with_terms(weights, options.alpha, options.beta, options.tv)
    if options.beta == 0 and job.start != "picture":
        given["init"] = "content"
    if given or weights != job.weights:  # another run: neither its moves nor its end are the old one's
        given |= {"moves": (), "done": None}
    return replace(job, weights=weights, **given)


def network_of(job: Job, device: str | None) -> VGG:
    """Load a job's network, on the device that was asked for. The job does not name it: other computers have others."""
    return (replace(job, network={**job.network, "device": device}) if device else job).load_network()


def is_run(options: argparse.Namespace) -> bool:
    """Whether --from names a saved run, not a picture."""
    return options.source is not None and options.source.suffix.lower() == ".safetensors"


def run_of(options: argparse.Namespace) -> StyleTransfer:
    """Load a saved run that is to go on for --steps more steps, with the weights that the command line gives.

    Raises SettingsError when it is no run, or an option contradicts what it has, and what `load_vgg` raises.
    """
    for name in OF_A_RUN:
        if getattr(options, name) not in (None, []):
            what = "name no pictures" if name == "pictures" else f"leave --{name.replace('_', '-')} out"
            raise SettingsError(f"a saved run goes on with its own pictures, size, recipe, network and colours; {what}.")
    more = STEPS if options.steps is None else options.steps
    if more < 1:
        raise SettingsError(f"{more} steps paint nothing; choose at least 1.")
    state = read_run(options.source)
    vgg = load_vgg(**{**state["settings"]["network"], "device": options.device}) if options.device else None
    run = StyleTransfer.load(options.source, vgg, steps=len(state["history"]) + more)
    weights: Weights = run.weights if options.strength is None else run.recipe.weights(options.strength)
    run.weights = with_terms(weights, options.alpha, options.beta, options.tv)
    return run


def task_of(job: Job, out: Path, options: argparse.Namespace) -> Task:
    """A job as something to paint, with all that is kept of its way.

    Raises ImageError or SettingsError for a picture that cannot be read, and a mask that does not fit it.
    """
    content = as_image(job.content)
    check_masks(job, *content.size)
    whole = isinstance(job.content, Tensor) and not job.coarse_to_fine  # painted at the size it has
    size = content.size if whole else fit_size(content.height, content.width, job.size)[::-1]
    scales = scales_of(job if whole else replace(job, content=content))
    return Task(job, out, Progress(scales, size, options.preserve_progress, options.film), options.save_run)


def task_of_run(run: StyleTransfer, out: Path, options: argparse.Namespace) -> Task:
    """A saved run as something to go on with."""
    scales = [(run.job.size, run.job.steps - len(run.history))]
    progress = Progress(scales, run.image.size, options.preserve_progress, options.film)
    progress.latest = run
    return Task(run.job, out, progress, options.save_run, run)


def file_of(content: object, source: Path | None) -> str:
    """The file of a picture, or that of the painting it was found in."""
    return str(content) if isinstance(content, str | Path) else str(source)
