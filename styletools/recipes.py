"""Published settings, faithful to their sources, and two of ours: `balanced` and `neighbours`.

Layer names say what a recipe really reads. torchvision's in-place ReLUs overwrite a stored convolution output, so three
sources that name convolutions read their ReLUs; only a last layer, with nothing after it, keeps its negative values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from . import arguments
from .arguments import number, one_of, whole
from .images import unit
from .losses import (
    CONTENT_REDUCTIONS,
    STYLE_LOSSES,
    TV_CONVENTIONS,
    content_loss,
    nearest_neighbours,
    neighbour_distance,
    neighbour_statistic,
    neighbour_target,
    style_loss,
    style_target,
    tv_loss,
)
from .masks import share_of
from .statistics import mix_rows
from .styles import Painted, Region
from .targets import RegionTargets, Targets, Terms
from .vgg import LAYERS, OWN_LAYERS, VGG, load_vgg

INITS = ("content", "noise", "blank", "style")  # what a painting may start from, besides a picture of one's own
USUAL_RATES = {"adam": 0.09, "lbfgs": 1.0}  # learning rates where a recipe has none for this optimiser
known_optimizer = partial(arguments.optimizer_name, known=USUAL_RATES)
layer_names = partial(arguments.names, kind="layer", known=OWN_LAYERS)
layers_and_weights = partial(arguments.numbers_by_name, known=OWN_LAYERS)
FIRST_OF_EACH_BLOCK = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


@dataclass(frozen=True)
class Weights:
    """What may change between two steps: the weights of the three terms, and of the layers within the style term.

    Numbers of any library become floats. Raises SettingsError for a negative or infinite weight, and for an unknown layer.
    """

    alpha: float
    beta: float
    tv: float
    style_layers: Mapping[str, float]

    def __post_init__(self) -> None:
        arguments.settle(self, alpha=number, beta=number, tv=number, style_layers=layers_and_weights)


@dataclass(frozen=True)
class Recipe:
    """Everything a style transfer needs besides the two pictures. Raises SettingsError for what makes no sense."""

    source: str  # who published it
    content_layers: tuple[str, ...]  # losses of several layers are added
    style_layers: Mapping[str, float]  # layer -> its weight in the style loss
    content_reduction: str  # see losses.content_loss
    style_convention: str  # see losses.STYLE_LOSSES
    tv_convention: str  # see losses.tv_loss
    alpha: float  # weight of the content loss
    beta: float  # weight of the style loss
    tv: float  # weight of the total variation
    optimizer: str  # a key of USUAL_RATES
    learning_rate: float  # in normalised units: 1 is about 0.225 of the way from black to white
    init: str  # one of INITS
    decay_every: int = 0  # Adam's learning rate is multiplied by decay_factor after every so many steps; 0 for never
    decay_factor: float = 1.0
    betas: tuple[float, float] = (0.9, 0.999)  # Adam's running averages
    network_input: str = "normalised"  # or "unit": the source feeds the network pixels in 0..1, without mean and std
    network: Mapping[str, str | bool] = field(default_factory=lambda: {"name": "vgg19-slim"})  # see vgg.load_vgg
    neighbour_layers: Mapping[str, float] = field(default_factory=dict)  # layer -> weight of losses.neighbour_distance
    levels: int = 1  # of the Laplacian pyramid whose bands the optimiser moves; 1 for the pixels themselves

    def __post_init__(self) -> None:
        arguments.settle(
            self, source=arguments.text, alpha=number, beta=number, tv=number, learning_rate=number, decay_factor=number,
            decay_every=whole, levels=partial(whole, least=1), style_layers=layers_and_weights,
            neighbour_layers=layers_and_weights, content_layers=layer_names, betas=arguments.pair_below_1,
            optimizer=known_optimizer, init=partial(one_of, known=INITS), network=arguments.network_options,
            network_input=partial(one_of, known=("normalised", "unit")),
            content_reduction=partial(one_of, known=CONTENT_REDUCTIONS), tv_convention=partial(one_of, known=TV_CONVENTIONS),
            style_convention=partial(one_of, known=STYLE_LOSSES),
        )  # fmt: skip

    @property
    def layers(self) -> list[str]:
        """All layers the recipe reads."""
        return list(dict.fromkeys([*self.content_layers, *self.style_layers, *self.neighbour_layers]))

    def network_options(self, name: str | None = None) -> dict[str, Any]:
        """Arguments of `load_vgg` for the network to paint with: the recipe's own, or another by its name.

        The padding repeats the border, which leaves no frame along it, and the precision is the fastest here, unless the recipe
        says otherwise.
        """
        own = self.network if name in (None, self.network["name"]) else {"name": name}
        return {"padding": "replicate", "dtype": None, **own}

    def load_network(self, name: str | None = None) -> VGG:
        """Load that network; see `load_vgg` for what it raises."""
        return load_vgg(**self.network_options(name))

    def rate_for(self, optimizer: str) -> float:
        """Return the learning rate: the recipe's own for its own optimiser, else a usual one.

        Raises SettingsError for an unknown optimiser.
        """
        known_optimizer(optimizer, "optimizer")
        return self.learning_rate if optimizer == self.optimizer else USUAL_RATES[optimizer]

    def weights(self, strength: float = 0.5) -> Weights:
        """Return the weights for one dial: 0 leaves the content picture, 0.5 is the recipe, 1 forgets the content.

            alpha' = 2 (1 - strength) alpha,   beta' = 2 strength beta,   tv' = 2 strength tv

        Raises SettingsError for a strength outside 0..1.
        """
        strength = number(strength, "strength", "a number from 0 (the photograph) to 1 (the painting)", most=1)
        alpha, beta, tv = 2 * (1 - strength) * self.alpha, 2 * strength * self.beta, 2 * strength * self.tv
        return Weights(alpha, beta, tv, dict(self.style_layers))

    def features(self, vgg: VGG, image: Tensor, layers: list[str] | tuple[str, ...]) -> dict[str, Tensor]:
        """Run the network on a normalised picture (1, 3, H, W), in the units this recipe feeds it."""
        if self.network_input == "unit":
            image = unit(image)
        return vgg(image, layers)

    @torch.no_grad()
    def targets(
        self,
        vgg: VGG,
        content: Tensor,
        style: Tensor | Sequence[Region],
        style_layers: Mapping[str, float] | None = None,
    ) -> Targets:
        """Compute once what every step compares with.

        content: normalised (1, 3, H, W). style: such a picture, not necessarily of that size, or several at their places, from
        `styles.regions_of`. style_layers: other ones than the recipe's own.

        A statistic that is a plain sum grows with the number of positions, so that of a style picture of another size is scaled
        to the content picture's: between equal sizes this changes nothing.
        """
        layers = list(self.style_layers if style_layers is None else style_layers)
        regions = [Region(None, (Painted(style, 1.0, None),))] if isinstance(style, Tensor) else style
        masked = any(region.where is not None for region in regions)  # then the sizes of all layers are needed
        seen = self.features(vgg, content, [*self.content_layers, *([*layers, *self.neighbour_layers] if masked else [])])
        return Targets(
            {name: seen[name] for name in self.content_layers},
            tuple(self._region_targets(vgg, content, seen, region, layers) for region in regions),
        )

    def _region_targets(
        self, vgg: VGG, content: Tensor, seen: Mapping[str, Tensor], region: Region, layers: Sequence[str]
    ) -> RegionTargets:
        """The targets of one place; seen: the content picture's features, for the sizes of the layers."""
        kind = STYLE_LOSSES[self.style_convention]
        statistics: dict[str, list[Tensor]] = {name: [] for name in layers}
        directions: dict[str, list[Tensor]] = {name: [] for name in self.neighbour_layers}
        for picture, _, part in region.styles:
            features = self.features(vgg, picture, [*layers, *self.neighbour_layers])
            scale = (content[0, 0].numel() / picture[0, 0].numel()) ** kind.growth
            for name in layers:
                share = share_of(part, features[name].shape[-2:])
                statistics[name].append(style_target(features[name], self.style_convention, share) * scale)
            for name in self.neighbour_layers:
                directions[name].append(neighbour_target(features[name], share_of(part, features[name].shape[-2:])))
        weights = [painted.weight for painted in region.styles]
        return RegionTargets(
            1.0 if region.where is None else float(region.where.mean()),
            {} if region.where is None else {name: share_of(region.where, f.shape[-2:]) for name, f in seen.items()},
            {name: kind.mix(several, weights) for name, several in statistics.items()},
            {name: mix_rows(several, weights) for name, several in directions.items()},
        )

    def terms(
        self,
        vgg: VGG,
        image: Tensor,
        targets: Targets,
        style_layers: Mapping[str, float] | None = None,
        nearest: dict[str, Tensor] | None = None,
    ) -> Terms:
        """Compute the three unweighted losses of a normalised picture (1, 3, H, W).

        Where several styles have places of their own, the style loss is the sum of theirs, each in proportion to the part of
        the picture that its place takes up, so that a pixel is pulled as hard in a small place as in a large one.

        style_layers: other layer weights than the recipe's own; `targets` must have been made for these layers.
        nearest: each position's nearest neighbour, by layer and place, from an earlier step; what is missing is searched and
            put in. A search is too slow for every step (at 512 px about half as long as all the rest), and neighbours change
            slowly.
        """
        style_layers = self.style_layers if style_layers is None else style_layers
        nearest = {} if nearest is None else nearest
        features = self.features(vgg, image, [*self.content_layers, *style_layers, *self.neighbour_layers])
        content = style = image.new_zeros(())
        for name in self.content_layers:
            content = content + content_loss(features[name], targets.content[name], self.content_reduction)
        for place, region in enumerate(targets.regions):
            style = style + region.part * self._style_term(features, region, style_layers, nearest, place)
        return Terms(content, style, tv_loss(image, self.tv_convention))

    def _style_term(
        self,
        features: Mapping[str, Tensor],
        region: RegionTargets,
        style_layers: Mapping[str, float],
        nearest: dict[str, Tensor],
        place: int,
    ) -> Tensor:
        """The unweighted style loss of one place."""
        style: Tensor | float = 0.0
        for name, weight in sorted(style_layers.items(), key=lambda item: LAYERS[item[0]]):  # in whatever order they are given
            share, target = region.shares.get(name), region.style[name]
            style = style + weight * style_loss(features[name], target, self.style_convention, share)
        for name, weight in self.neighbour_layers.items():
            share, target = region.shares.get(name), region.neighbours[name]
            directions, key = neighbour_statistic(features[name], share), f"{name} {place}" if place else name
            if key not in nearest:
                nearest[key] = nearest_neighbours(directions, target)
            style = style + weight * neighbour_distance(directions, target, nearest[key], share)
        return style


RECIPES: dict[str, Recipe] = {
    # Style convolutions 0, 5, 10, 19, 28 and content 26: all but 28, the last, are overwritten by their in-place ReLU.
    "d2l": Recipe(
        source="Dive into Deep Learning, chapter on neural style transfer",
        content_layers=("relu4_4",),
        style_layers={"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0, "relu4_1": 1.0, "conv5_1": 1.0},
        content_reduction="mean",
        style_convention="d2l",
        tv_convention="d2l",
        alpha=1.0,
        beta=1e4,
        tv=10.0,
        optimizer="adam",
        learning_rate=0.3,
        init="content",
        decay_every=50,
        decay_factor=0.8,
    ),
    # Indices 3, 8, 13, 20 for both losses; the text calls index 20 relu4_2, it is relu4_1. Pixels are not normalised. The
    # source leaves its learning rate open; 0.001 in units of 0..1 fits its 200 steps with little effect and 7000 with much.
    "article": Recipe(
        source="an article on alpha, beta and Adam",
        content_layers=("relu1_2", "relu2_2", "relu3_2", "relu4_1"),
        style_layers={"relu1_2": 1.0, "relu2_2": 1.0, "relu3_2": 1.0, "relu4_1": 1.0},
        content_reduction="mean",
        style_convention="raw",
        tv_convention="d2l",
        alpha=1.0,
        beta=100.0,
        tv=0.0,
        optimizer="adam",
        learning_rate=0.0044,
        init="content",
        network_input="unit",
    ),
    # The paper itself: its equations, its layers' ReLUs, 1/5 for every layer of the style, L-BFGS, and the network of its
    # section 2: average pooling, filters rescaled to mean activation 1. The paper starts from noise and compares that with a
    # start from the photograph (its figure 6), which needs fewer steps and is the default here; init="noise" is the other.
    # One departure: equation 1 is half a sum over all positions and channels. With the printed alpha / beta of 1e-3 the content
    # then outweighs the style some two hundred times and nothing is painted; the mean, as in Gatys' later program, paints.
    "gatys": Recipe(
        source="Gatys, Ecker and Bethge, CVPR 2016",
        content_layers=("relu4_2",),
        style_layers={name: 0.2 for name in FIRST_OF_EACH_BLOCK},
        content_reduction="mean",
        style_convention="paper",
        tv_convention="d2l",
        alpha=1e-3,
        beta=1.0,
        tv=0.0,
        optimizer="lbfgs",
        learning_rate=1.0,
        init="content",
        network={"name": "vgg19", "pooling": "average", "rescale": True},
    ),
    # A walk-through of the paper in PyTorch; torchvision's in-place ReLUs rectify its conv4_2 and conv1_1 ... conv5_1. It
    # prints neither its layer weights nor its learning rate; these are the ones of the course it follows.
    "walkthrough": Recipe(
        source="a walk-through of Gatys, Ecker and Bethge in PyTorch",
        content_layers=("relu4_2",),
        style_layers={"relu1_1": 1.0, "relu2_1": 0.75, "relu3_1": 0.2, "relu4_1": 0.2, "relu5_1": 0.2},
        content_reduction="mean",
        style_convention="raw_chw",
        tv_convention="d2l",
        alpha=1.0,
        beta=1e6,
        tv=0.0,
        optimizer="adam",
        learning_rate=0.003,
        init="content",
    ),
    # Loss modules inside nn.Sequential, right after the convolution; the source gives no weights, every layer counts 1/5.
    "modules": Recipe(
        source="ContentLoss and StyleLoss modules in nn.Sequential",
        content_layers=("conv4_2",),
        style_layers={"conv1_1": 0.2, "conv2_1": 0.2, "conv3_1": 0.2, "conv4_1": 0.2, "conv5_1": 0.2},
        content_reduction="half_sum",
        style_convention="modules",
        tv_convention="d2l",
        alpha=1.0,
        beta=1.0,
        tv=0.0,
        optimizer="lbfgs",
        learning_rate=1.0,
        init="content",
    ),
    # Every term is relative to its target and so without units: one beta means the same for any picture, size and network.
    "balanced": Recipe(
        source="styletools",
        content_layers=("relu4_2",),
        style_layers={name: 0.2 for name in FIRST_OF_EACH_BLOCK},
        content_reduction="relative",
        style_convention="relative",
        tv_convention="squared",
        alpha=1.0,
        beta=20.0,
        tv=2.0,
        optimizer="adam",
        learning_rate=0.09,
        init="content",
        betas=(0.9, 0.99),
    ),
    # The painter. Gram matrices of `balanced`, most of it in shallow layers, against grain; beside them nearest
    # neighbours, which make every small piece of the picture a real piece of the painting.
    "neighbours": Recipe(
        source="styletools, after Li and Wand 2016 and Kolkin et al. 2022",
        content_layers=("relu4_2",),
        style_layers={name: 4.0**k / 341 for name, k in zip(FIRST_OF_EACH_BLOCK, (4, 3, 2, 1, 0), strict=True)},
        content_reduction="relative",
        style_convention="relative",
        tv_convention="squared",
        alpha=6.0,
        beta=10.0,
        tv=2.0,
        optimizer="adam",
        learning_rate=0.03,
        init="content",
        betas=(0.9, 0.99),
        neighbour_layers={name: 0.75 for name in ("relu3_1", "relu3_3", "relu4_1", "relu4_3")},
        levels=5,
    ),
}
# Other statistics in the place of the Gram matrices of `balanced` (`losses.STYLE_LOSSES`), and neighbours alone. With each beta
# a picture gives up about as much of the photograph as with `balanced`, on four pairs (tests/benchmarks/style_statistics.py):
# a content error near 3/4. Neighbours give up less, because beyond that they replace what they paint.
RECIPES |= {
    name: replace(RECIPES["balanced"], source=source, style_convention=name, beta=beta)
    for name, source, beta in (
        ("mean_std", "styletools, with the statistic of Huang and Belongie 2017", 60.0),
        ("wasserstein", "styletools, with the statistic of crowsonkb's style-transfer-pytorch", 25.0),
        ("sliced", "styletools, with the statistic of Heitz et al. 2021", 70.0),
    )
}
RECIPES["nearest"] = replace(
    RECIPES["balanced"],
    source="styletools, after Li and Wand 2016 and Kolkin et al. 2022",
    style_layers={},
    neighbour_layers=RECIPES["neighbours"].neighbour_layers,
    beta=5.0,
)
DEFAULT_RECIPE = "neighbours"


def find_recipe(recipe: str | Recipe) -> Recipe:
    """Return a recipe by its key. Raises SettingsError naming the recipes there are."""
    if isinstance(recipe, Recipe):
        return recipe
    return RECIPES[one_of(recipe, "recipe", RECIPES)]
