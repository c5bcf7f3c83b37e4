"""The loop: a picture becomes a parameter, and every step moves it down the weighted losses.

transfer = StyleTransfer("cat.jpg", "wave.jpg", seed=0)
for step in transfer:          # each a Step(index, total, content, style, tv, ...)
    transfer.beta = 100        # any weight may change between two steps
transfer.image                 # the picture, at any moment, also after an interrupt
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from .arguments import Weight
from .descent import Descent
from .errors import DivergedError, ImageError, SettingsError, StyleError
from .fitting import as_tensor, check_shape, cover, is_grey
from .gradients import gradient_of, term_gradients
from .history import Pulls, Step
from .images import Source, clamp_to_box, normalised, postprocess, unit
from .jobs import Job, Moves
from .palette import grey, keep_chroma, match_colors
from .recipes import DEFAULT_RECIPE, Recipe, Weights, find_recipe, layers_and_weights
from .runs import check_network, check_pictures, read_run, write_run
from .styles import Style, pack_styles, painted_part, read_masks, regions_of
from .targets import Targets
from .vgg import VGG, smallest_side

SEARCH_EVERY = 5  # steps after which nearest neighbours are searched again
FALL = 3  # a weight that has fallen by more than this factor makes Adam begin anew


class StyleTransfer:
    """Paints one picture; iterate over it to paint.

    content, style: pictures (name of a sample, path, PIL image or bytes), or normalised tensors (1, 3, H, W), which are taken
    as they are. style may be a `Style`, or a list of pictures and Styles: several, mixed or each at its place.
    vgg: a network from `load_vgg`; by default the one the recipe names, as `Recipe.load_network` loads it.
    recipe: a key of `RECIPES`, or a `Recipe` of your own. alpha, beta, tv, style_layers, optimizer ("adam" or "lbfgs"),
    learning_rate and init replace what it says.
    size: pixels of the longer side. steps: where iteration ends.
    init: "content", "noise", "blank" (a grey canvas), "style", or a picture to start from.
    averaging: d in average <- d average + (1 - d) picture; 0 shows the latest picture, 0.95 a mean of about the last 20.
    seed: of the noise; the same seed gives the same picture on the same machine.
    colors: whose the colours are, one of `palette.COLOR_MODES`.

    Where both pictures are grey, the painting stays grey.

    `image` is the picture now, `history` every Step so far, `pulls` what the last measured step felt (None before there was
    one), `job` all that is needed to paint it again. alpha, beta, tv and
    style_layers (layer -> weight) may be set between two steps and count from the next one; layers may come and go.
    Raises SettingsError for settings that make no sense, a negative weight say, also when one is set later.
    """

    alpha, beta, tv, style_layers = Weight(), Weight(), Weight(), Weight(layers_and_weights)

    def __init__(
        self,
        content: Source | Tensor,
        style: Source | Tensor | Style | Sequence[Source | Tensor | Style],
        vgg: VGG | None = None,
        recipe: str | Recipe = DEFAULT_RECIPE,
        *,
        size: int = 256,
        steps: int = 200,
        alpha: float | None = None,
        beta: float | None = None,
        tv: float | None = None,
        style_layers: Mapping[str, float] | None = None,
        optimizer: str | None = None,
        learning_rate: float | None = None,
        init: str | Source | Tensor | None = None,
        averaging: float = 0.0,
        seed: int = 0,
        colors: str = "style",
    ) -> None:
        self.recipe: Recipe = find_recipe(recipe)
        self._job = Job(
            content, style, size, steps, self.recipe, init=init, optimizer=optimizer, learning_rate=learning_rate,
            averaging=averaging, seed=seed, colors=colors, coarse_to_fine=False,
        )  # fmt: skip
        self.vgg = self._job.load_network() if vgg is None else vgg
        self._job = replace(self._job, network=self.vgg.options)  # with the precision that was chosen
        self.alpha = self.recipe.alpha if alpha is None else alpha
        self.beta = self.recipe.beta if beta is None else beta
        self.tv = self.recipe.tv if tv is None else tv
        self.style_layers = self.recipe.style_layers if style_layers is None else style_layers
        layers = [*self.recipe.layers, *self.style_layers]
        self._take_pictures(content, layers)
        self.targets: Targets = self.recipe.targets(self.vgg, self.content, self._regions, self.style_layers)
        self.history: list[Step] = []
        self.pulls: Pulls | None = None
        self.moves: Moves = ()  # (number of the first step that used them, weights)
        self._unit = 1.0  # all weights are multiplied by it; see `scale_out`
        self._highest: dict[str, float] = {}  # each weight since Adam's memory began
        first = self._first_picture(self._job.init)
        self._descent = Descent(
            first, self._job.optimizer, self._job.learning_rate, self.recipe.betas, self.recipe.levels, self._project
        )
        self._average = first.detach().clone()
        self._nearest: dict[str, Tensor] = {}  # each position's nearest neighbour in the style picture, by layer

    @classmethod
    def of(cls, job: Job, vgg: VGG | None = None) -> StyleTransfer:
        """Set up what a job describes, ready for its first step, all at one size. vgg: by default the one it names."""
        weights = job.first_weights
        return cls(
            job.content, job.style, job.load_network() if vgg is None else vgg, job.recipe, size=job.size, steps=job.steps,
            alpha=weights.alpha, beta=weights.beta, tv=weights.tv, style_layers=weights.style_layers,
            optimizer=job.optimizer, learning_rate=job.learning_rate, init=job.init, averaging=job.averaging, seed=job.seed,
            colors=job.colors,
        )  # fmt: skip

    @property
    def weights(self) -> Weights:
        """The weights of the next step, all together."""
        return Weights(self.alpha, self.beta, self.tv, self.style_layers)

    @weights.setter
    def weights(self, weights: Weights) -> None:
        self.alpha, self.beta, self.tv, self.style_layers = weights.alpha, weights.beta, weights.tv, weights.style_layers

    @property
    def job(self) -> Job:
        """Everything needed to paint the picture again."""
        return replace(self._job, weights=self.weights, moves=self.moves, done=len(self.history))

    # --- painting ------------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Step]:
        """Paint until `steps` steps are done in all; a second loop goes on where the first one stopped."""
        while len(self.history) < self._job.steps:
            yield self.step()

    def step(self, measure: bool = False) -> Step:
        """Move the picture once. Raises DivergedError when the loss is not finite; the last good picture stays.

        measure: also tell in `pulls` how hard each term pulled. The step is the same to the last bit; it costs one more way
        back through the network, for the content term: the step itself finds the sum of all three.
        """
        self._heed_moves()
        if len(self.history) % SEARCH_EVERY == 0:
            self._nearest.clear()
        picture = self._descent.picture
        if measure:
            picture = picture.view_as(picture)  # a tensor of this step's own, whose hook goes with it
        terms = self.recipe.terms(self.vgg, picture, self.targets, self.style_layers, self._nearest)
        alpha, beta, tv = (weight * self._unit for weight in (self.alpha, self.beta, self.tv))
        total = alpha * terms.content + beta * terms.style + tv * terms.tv
        losses = [float(total.detach()) / self._unit, *(float(term.detach()) for term in terms)]
        step = Step(len(self.history) + 1, *losses, self.alpha, self.beta, self.tv)
        if not all(map(math.isfinite, losses)):
            self._give_up(step)
        whole: list[Tensor] = []  # the gradient of the total, once the step has found it
        if measure:
            content, tv = gradient_of(terms.content, picture, self.alpha), gradient_of(terms.tv, picture, self.tv)
            picture.register_hook(lambda gradient: whole.append(gradient.clone()))
        self._descent.learning_rate = self._learning_rate()
        if not self._rests(picture) and not self._descent.move(total):
            self._give_up(step)
        if measure:
            style = whole[0] / self._unit - content - tv if self.beta and terms.style.requires_grad else torch.zeros_like(tv)
            self.pulls = Pulls(len(self.history), self.weights, (content, style, tv))
        d = min(self._job.averaging, len(self.history) / (len(self.history) + 1))  # a plain mean at first
        with torch.no_grad():
            self._average.lerp_(self._descent.picture, 1 - d)  # one operation: an interrupt cannot fall into its middle
        self.history.append(step)
        return step

    def measure(self, weights: Weights | None = None) -> Pulls:
        """Tell how hard each term would pull in the next step, with these weights or its own; nothing moves."""
        weights = self.weights if weights is None else weights
        layers, targets = weights.style_layers, self.targets
        if not set(layers) <= set(targets.style):  # the next step will learn of new ones
            targets = self.recipe.targets(self.vgg, self.content, self._regions, layers)
        nearest = dict(self._nearest) if len(self.history) % SEARCH_EVERY else {}
        gradients = term_gradients(self.recipe, self.vgg, self._descent.picture, targets, layers, nearest)
        content, style, tv = (
            weight * gradient for weight, gradient in zip((weights.alpha, weights.beta, weights.tv), gradients, strict=True)
        )
        return Pulls(len(self.history), weights, (content, style, tv))

    def scale_out(self) -> None:
        """Let only the ratios of weights count for Adam too, be all of them thousands of times smaller or larger than usual.

        Without it tiny weights hardly paint, because of Adam's epsilon (lesson 07). Ordinary weights are left alone.
        """
        own = self.recipe
        pairs = ((self.alpha, own.alpha), (self.beta, own.beta), (self.tv, own.tv))
        ratio = max((used / usual for used, usual in pairs if usual), default=0.0)
        self._unit = 1.0 if ratio == 0 or 1 / 16 <= ratio <= 1e5 else 1 / ratio

    def inherit(self, coarser: StyleTransfer) -> None:
        """Take over what Adam has learned at a smaller picture, and under which weights; see `Descent.inherit`."""
        if self._descent.inherit(coarser._descent, self._unit / coarser._unit):
            self._highest = dict(coarser._highest)

    @property
    def image(self) -> Image.Image:
        """The picture as it is now (with averaging, the mean of the recent ones), in the colours that were asked for."""
        if self._job.colors == "luminance":
            return postprocess(keep_chroma(self.tensor, self.photograph))
        if self._job.colors == "after":
            return postprocess(self._in_its_part(match_colors(self.tensor, self.photograph)))
        picture = postprocess(self.tensor)
        return picture.getchannel("G").convert("RGB") if self._grey else picture  # channels may be rounded apart

    @property
    def tensor(self) -> Tensor:
        """What is painted, as it is now: a normalised tensor (1, 3, H, W) inside the box of existing colours.

        Where no style is painted it is the content picture. Colours that come from the photograph are only in `image`.
        """
        return self._in_its_part(self._project(self._average))

    def _in_its_part(self, picture: Tensor) -> Tensor:
        """A picture where a style is painted, the content picture elsewhere."""
        return picture if self._part is None else torch.lerp(self.content, picture, self._part)

    # --- what a step needs -----------------------------------------------------------------------------------------------

    def _heed_moves(self) -> None:
        """Note weights that were changed, and have the optimiser forget what they made wrong.

        L-BFGS compares gradients with earlier ones, which were another loss's: it begins anew. Adam divides by the size of the
        gradients it has seen. Small ones are soon outweighed by larger ones; but after large ones it would creep for hundreds
        of steps, so it begins anew when a weight has fallen below a third of the highest it was.
        """
        weights = self.weights
        self.style_layers.update(weights.style_layers)  # as plain floats
        numbers = {"alpha": self.alpha, "beta": self.beta, "tv": self.tv, **self.style_layers}
        if not set(self.style_layers) <= set(self.targets.style):
            self.targets = self.recipe.targets(self.vgg, self.content, self._regions, self.style_layers)
        if self.moves and self.moves[-1][1] == weights:
            return
        fallen = any(FALL * numbers.get(name, 0) < highest for name, highest in self._highest.items())
        if fallen or (self.moves and self._job.optimizer == "lbfgs"):
            self._descent.restart()
            self._highest = {}
        self._highest = {name: max(number, self._highest.get(name, 0)) for name, number in numbers.items()}
        self.moves = (*self.moves, (len(self.history) + 1, weights))

    def _rests(self, picture: Tensor) -> bool:
        """Whether only content pulls and the picture is the photograph: Adam would blow up their difference, a last digit."""
        return self.beta == self.tv == 0 and float((picture.detach() - self.content).abs().max()) < 1e-5

    def _learning_rate(self) -> float:
        every = self.recipe.decay_every if self._job.optimizer == "adam" else 0
        return self._job.learning_rate * self.recipe.decay_factor ** (len(self.history) // every if every else 0)

    def _give_up(self, step: Step) -> None:
        terms = [name for name in ("content", "style", "tv") if not math.isfinite(getattr(step, name))]
        if terms:
            self._descent.undo()
            with torch.no_grad():
                self._average.copy_(self._descent.picture)
            blame, advice = f"the {' and '.join(terms)} loss overflowed", "start again with a smaller learning rate"
            if self._job.optimizer == "lbfgs":
                advice = "L-BFGS took a step that was too long: use a smaller learning rate, smaller weights or Adam"
        elif not math.isfinite(step.total):  # the picture is good
            blame, advice = "the weighted loss overflowed", "use smaller weights: only their ratios count"
        else:
            self._descent.undo()
            blame, advice = "its gradient or the new picture overflowed", "use smaller weights or a smaller learning rate"
        raise DivergedError(f"step {step.index} diverged: {blame}; the last good picture is kept. Advice: {advice}.")

    def _project(self, picture: Tensor) -> Tensor:
        """Bring a picture back into the box of existing colours and, where both pictures are grey, onto its grey diagonal."""
        if self._grey:
            picture = normalised(unit(picture).mean(1, keepdim=True))
        return clamp_to_box(picture)

    # --- the start --------------------------------------------------------------------------------------------------------

    def _take_pictures(self, content: Source | Tensor, layers: Sequence[str]) -> None:
        """Bring all pictures to their sizes and colours. Raises ImageError for those that cannot be painted from."""
        job, narrowest = self._job, smallest_side(layers)
        self.photograph = as_tensor(content, job.size).to(self.vgg.device)
        check_shape(content, self.photograph, layers)
        self._styles = read_masks(job.styles)
        self._given = [as_tensor(one.picture, round(job.size * one.scale), narrowest).to(self.vgg.device) for one in job.styles]
        self.content, styles = self.photograph, self._given
        if job.colors == "luminance":
            self.content, styles = grey(self.photograph), [grey(style, like=self.photograph) for style in styles]
        elif job.colors == "match":
            styles = [clamp_to_box(match_colors(style, self.photograph)) for style in styles]
        self.style = styles[0]
        self._grey = all(map(is_grey, [self.content, *styles]))
        self._regions = regions_of(self._styles, styles, *self.content.shape[-2:])
        self._part = painted_part(self._regions)

    def _first_picture(self, init: Source | Tensor) -> Tensor:
        start = self._job.start
        if start == "content":
            return self.content.clone()
        if start == "noise":
            noise = torch.randn(self.content.shape, generator=torch.Generator().manual_seed(self._job.seed))
            return clamp_to_box(0.5 * noise).to(self.content)
        if start == "blank":
            return torch.zeros_like(self.content)
        size = self.content.shape[-2:]
        return self._project(cover(self.style, *size) if start == "style" else self._own_start(init))

    def _own_start(self, init: Source | Tensor) -> Tensor:
        return cover(as_tensor(init, self._job.size).to(self.vgg.device), *self.content.shape[-2:])

    # --- on disk -----------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on: tensors, numbers, text, lists and dicts of them."""
        return {
            "settings": self.job.settings(),
            "init": self._own_start(self._job.init) if self._job.start == "picture" else self._job.start,
            "content": self.photograph,
            "style": self._given[0],
            "styles": pack_styles(self._styles, self._given),
            "history": [list(astuple(step)) for step in self.history],
            **self._memory(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave, of a transfer with the same settings and pictures.

        Raises SettingsError, and changes nothing, when it is of other pictures or another network.
        """
        check_network(state["settings"]["network"], self.vgg)
        check_pictures(state, self.photograph, pack_styles(self._styles, self._given), self._job.colors)
        self._take_over(state)

    def _take_over(self, state: dict[str, Any]) -> None:
        self._remember(state)
        self.history = [Step(*values) for values in state["history"]]

    def checkpoint(self) -> dict[str, Any]:
        """A copy of all that painting changes, in milliseconds; `go_back` returns there, in this transfer or one like it."""
        return {"history": tuple(self.history), "moves": self.moves, **deepcopy(self._memory())}

    def go_back(self, checkpoint: dict[str, Any]) -> None:
        """Return to a `checkpoint`: the next steps are the same to the last bit as they were after it."""
        self._remember(checkpoint)
        self.history, self.moves, self.pulls = list(checkpoint["history"]), checkpoint["moves"], None

    def _memory(self) -> dict[str, Any]:
        return {
            "average": self._average,
            "nearest": dict(self._nearest),
            "highest": dict(self._highest),
            "descent": self._descent.state_dict(),
        }

    def _remember(self, memory: Mapping[str, Any]) -> None:
        bands, own = memory["descent"]["bands"], self._descent.state_dict()["bands"]
        if [band.shape for band in bands] != [band.shape for band in own] or memory["average"].shape != self._average.shape:
            raise SettingsError("it has another size, or its picture is split into other bands.")
        with torch.no_grad():
            self._average.copy_(memory["average"])
        self._nearest = {name: positions.to(self.vgg.device) for name, positions in memory["nearest"].items()}
        self._highest = dict(memory["highest"])
        self._descent.load_state_dict(memory["descent"])

    def save(self, path: str | Path) -> None:
        """Write everything needed to go on into one file. Raises ImageError when that fails."""
        write_run(self.state_dict(), path)

    @classmethod
    def load(cls, path: str | Path, vgg: VGG | None = None, steps: int | None = None) -> StyleTransfer:
        """Read a run written by `save`; on the same machine it goes on bit for bit as if it had never stopped.

        vgg: the network it used; loaded again by default. steps: a new end.
        Raises SettingsError when there is no such file, it is no such run or of another network, and what `load_vgg` raises.
        """
        state = read_run(path)
        try:
            styles = [Style(**one) for one in state["styles"]] if "styles" in state else state["style"]
            job = Job.of(state["settings"], state["content"], styles, state["init"])
            if vgg is not None:
                check_network(job.network, vgg)
            transfer = cls.of(replace(job, moves=(), steps=job.steps if steps is None else steps), vgg)
            transfer.moves = job.moves
            transfer._take_over(state)
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
            if isinstance(error, StyleError) and not isinstance(error, ImageError):  # its pictures are inside
                raise
            raise SettingsError(f"{path} is not a run saved by StyleTransfer.save, or it is damaged ({error}).") from error
        return transfer
