"""styletools: neural style transfer in small, readable pieces.

import styletools as st
vgg = st.load_vgg("vgg19-slim")  # or "vgg19", the full network
st.stylize(st.sample("eilean_donan"), st.sample("great_wave"), size=256)
"""

from .checks import check
from .images import ImageError, clamp_to_box, load_image, postprocess, preprocess, sample, sample_names, save_image
from .losses import (
    STYLE_CONVENTIONS, content_loss, gram_matrix, neighbour_distance, neighbour_statistic, style_loss, style_target, tv_loss,
)  # fmt: skip
from .plots import (
    COLORS, plot_losses, show_features, show_gram, show_images, use_house_style, zoom,
)  # fmt: skip
from .recipes import RECIPES, Recipe, convert_weights, find_recipe, gradient_norms
from .reconstruct import maximize_activation, reconstruct_content, reconstruct_style
from .snapshots import Settings, Snapshot, contact_sheet, read_settings
from .studio import Studio
from .transfer import DivergedError, Step, StyleTransfer, schedule, stylize
from .vgg import LAYERS, VGG, WeightsError, choose_device, load_vgg

__version__ = "0.1.0"
