"""What a hand does to the styles on the page: stroke size, a second style, its share and its mask. See `hands`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PIL import Image

from ..arguments import number, shortened
from ..images import Source, as_image
from ..masks import flood
from . import views
from .mixing import MASK_SIDE, Styles, fitting, masked, mixed, scaled, softened, with_picture, without_second
from .settings import uploaded

if TYPE_CHECKING:
    from .studio import Studio

ROLES = ("content", "style", "second")  # of the pictures that are painted from
MASK_GONE = "The mask had the shape of the photograph before, so both styles are mixed now; the last run still has it."


def meanings(studio: Studio, message: Mapping[str, Any], buffers: Sequence[Any]) -> dict[str, Callable[[], Any]]:
    """What the messages about styles mean, by what they ask for."""
    get = message.get
    return {
        "strength": lambda: turn_strength(studio, get("value")),
        "stroke": lambda: restyle(studio, lambda styles: scaled(styles, get("value"))),
        "mix": lambda: restyle(studio, lambda styles: mixed(styles, get("value"))),
        "one_style": lambda: restyle(studio, without_second),
        "mask": lambda: lay_mask(studio, shortened(get("name") or "the mask"), get("soft", 0), buffers),
        "no_mask": lambda: restyle(studio, lambda styles: masked(styles, None)),
        "flood": lambda: send_flood(studio, get("x"), get("y"), get("tolerance")),
    }


def turn_strength(studio: Studio, value: Any) -> None:
    """Set alpha, beta and tv together, as `Recipe.weights` has them; the layers' weights stay."""
    weights = studio.loop.job.recipe.weights(value)
    studio.loop.nudge(alpha=weights.alpha, beta=weights.beta, tv=weights.tv)
    studio.screen.show_settings()


def restyle(studio: Studio, change: Callable[[Styles], Styles]) -> None:
    """Begin again with other styles."""
    studio.begin(style=change(studio.loop.job.styles))


def paint_from(studio: Studio, role: str, picture: Source) -> str | None:
    """Begin again with another picture. A mask that does not fit a new photograph goes, which is said."""
    styles = studio.loop.job.styles
    if role != "content":
        studio.begin(style=with_picture(styles, ROLES.index(role) - 1, picture))
        return None
    kept = fitting(styles, picture)
    studio.begin(content=picture, style=kept)
    return None if kept is styles else MASK_GONE


def lay_mask(studio: Studio, name: str, soft: Any, buffers: Sequence[Any]) -> None:
    """Let the second style paint where a picture is white. Raises ImageError or SettingsError for one that cannot be used."""
    mask = softened(uploaded(name, buffers), soft)
    restyle(studio, lambda styles: masked(styles, mask))


def send_flood(studio: Studio, x: Any, y: Any, tolerance: Any) -> None:
    """Send the page a mask of the patch of similar colour around a point of the photograph."""
    tolerance = number(tolerance, "tolerance", "a number from 0 to 1", most=1)
    picture = as_image(studio.loop.job.content).copy()
    picture.thumbnail((MASK_SIDE, MASK_SIDE), Image.Resampling.BOX)
    studio.panel.tell("flood", [views.png(flood(picture, x, y, tolerance))])
