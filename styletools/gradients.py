"""Who pulls at a picture, where and how hard: the gradients of the three terms."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from .recipes import Recipe, find_recipe
from .targets import Targets
from .vgg import VGG


def gradient_of(term: Tensor, image: Tensor, weight: float = 1.0) -> Tensor:
    """The gradient of weight * term at the image, in its shape; zeros where nothing depends on it. The graph is kept."""
    if not weight or not term.requires_grad:  # a style term without layers is a plain zero
        return torch.zeros_like(image)
    (gradient,) = torch.autograd.grad(weight * term, image, retain_graph=True)
    return gradient


def term_gradients(
    recipe: str | Recipe,
    vgg: VGG,
    image: Tensor,
    targets: Targets,
    style_layers: Mapping[str, float] | None = None,
    nearest: dict[str, Tensor] | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Where each unweighted term pulls at a picture: the gradients of content, style and tv, each (1, 3, H, W).

        d content / d image,   d style / d image,   d tv / d image

    image: normalised (1, 3, H, W). style_layers, nearest: as for `Recipe.terms`. A term that no layer feeds has zeros.
    """
    recipe = find_recipe(recipe)
    image = image.detach().clone().requires_grad_()
    content, style, tv = recipe.terms(vgg, image, targets, style_layers, nearest)
    return gradient_of(content, image), gradient_of(style, image), gradient_of(tv, image)


def gradient_norms(
    recipe: str | Recipe, vgg: VGG, image: Tensor, targets: Targets, style_layers: Mapping[str, float] | None = None
) -> tuple[float, float, float]:
    """How hard each unweighted term pulls at a picture: the Euclidean norms of the gradients of content, style and tv.

    style_layers: other layer weights than the recipe's own.
    """
    content, style, tv = term_gradients(recipe, vgg, image, targets, style_layers)
    return float(content.norm()), float(style.norm()), float(tv.norm())


def convert_weights(
    recipe_a: str | Recipe,
    recipe_b: str | Recipe,
    vgg: VGG,
    content: Tensor,
    style: Tensor,
    image: Tensor | None = None,
) -> tuple[float, float]:
    """Return (alpha, beta) for recipe B that pull with the same style-to-content ratio as recipe A's own weights do.

    With g the norms of the gradients of the unweighted terms at `image`, alpha_B is kept and beta_B solves

        beta_B g_style_B / (alpha_B g_content_B) = beta_A g_style_A / (alpha_A g_content_A).

    content, style: normalised (1, 3, H, W). image: where to compare; by default halfway between the content picture and seeded
    noise, because at the content picture itself the content loss does not pull at all. The ratio holds for this pair there;
    elsewhere along a run it drifts.
    """
    a, b = find_recipe(recipe_a), find_recipe(recipe_b)
    if image is None:
        noise = torch.randn(content.shape, generator=torch.Generator().manual_seed(0)).to(content)
        image = 0.5 * content + 0.5 * noise
    content_a, style_a, _ = gradient_norms(a, vgg, image, a.targets(vgg, content, style))
    content_b, style_b, _ = gradient_norms(b, vgg, image, b.targets(vgg, content, style))
    ratio = (a.beta * style_a) / (a.alpha * content_a)
    return b.alpha, ratio * b.alpha * content_b / style_b
