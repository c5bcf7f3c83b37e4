"""styletools: neural style transfer in small, readable pieces.

import styletools as st
vgg = st.load_vgg("vgg19-slim")  # or "vgg19", the full network
st.stylize("eilean_donan", "great_wave", size=256)

What draws figures or needs a notebook is imported when it is first asked for, so the rest works without matplotlib and widgets.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

from .errors import DivergedError, ImageError, SettingsError, StyleError, WeightsError
from .gradients import convert_weights, gradient_norms
from .history import Step
from .images import clamp_to_box, load_image, postprocess, preprocess, sample, sample_names, save_image
from .jobs import Job, read_jobs, save_picture
from .losses import (
    STYLE_CONVENTIONS, STYLE_LOSSES, StyleLoss, content_loss, gram_matrix, neighbour_distance, neighbour_statistic, style_loss,
    style_target, tv_loss,
)  # fmt: skip
from .painting import paint, schedule, stylize
from .palette import COLOR_MODES, keep_chroma, match_colors
from .recipes import RECIPES, Recipe, Weights, find_recipe
from .reconstruct import maximize_activation, reconstruct_content, reconstruct_style
from .styles import Style
from .transfer import StyleTransfer
from .vgg import LAYERS, VGG, choose_device, load_vgg

LATER = {  # name -> module it comes from
    **dict.fromkeys(("plot_losses", "show_features", "show_images", "use_house_style", "zoom"), "plots"),
    **dict.fromkeys(("Snapshot", "contact_sheet"), "sheets"),
    **dict.fromkeys(("gram_distance", "gram_pair", "heat", "pull_map"), "maps"),
    "COLORS": "colors",
    "Studio": "studio.studio",
    "Controls": "lessons.controls",
    "check": "lessons.checks",
}


def __getattr__(name: str) -> Any:
    """Import what was left for later (PEP 562)."""
    if name not in LATER:
        raise AttributeError(f"module 'styletools' has no attribute {name!r}")
    try:
        return getattr(import_module(f".{LATER[name]}", __name__), name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"st.{name} needs the package {error.name}: pip install 'styletools[notebooks]'", name=error.name
        ) from error


def __dir__() -> list[str]:
    """Every public name, those for later included."""
    return sorted({*globals(), *LATER})
