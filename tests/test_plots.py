"""Figures: pictures in their own proportions, readable type, one colour a role, and the numbers that were meant."""

import itertools

import matplotlib as mpl
import numpy as np
import pytest
import torch
from helpers import run_python
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from matplotlib.text import Text
from PIL import Image

import styletools as st


@pytest.fixture(autouse=True)
def house_style():
    """The house style on matplotlib's file backend; everything as before afterwards."""
    backend = mpl.get_backend()
    plt.switch_backend("agg")
    with mpl.rc_context():
        st.use_house_style()
        yield
        plt.close("all")
    plt.switch_backend(backend)


@pytest.fixture
def images():
    """Four pictures of different shapes, each of one colour."""
    shapes = {"wide": (90, 30), "high": (30, 90), "square": (50, 50), "huge": (400, 300)}
    return [
        Image.new("RGB", size, color) for size, color in zip(shapes.values(), ("red", "green", "blue", "white"), strict=True)
    ]


def drawn():
    """The figure, drawn."""
    figure = plt.gcf()
    figure.canvas.draw()
    return figure


def box(axes):
    """Left, bottom, width and height of the axes in pixels, as drawn."""
    return axes.get_window_extent().bounds


def texts(figure):
    return [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]


def visible_texts(figure):
    """Texts that are really drawn: not those of axes that are switched off."""
    off = {
        id(text) for axes in figure.axes if not axes.axison for axis in (axes.xaxis, axes.yaxis) for text in axis.findobj(Text)
    }
    return [text for text in texts(figure) if id(text) not in off]


# --- rows of pictures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [None, 1, 2, 3])
def test_pictures_are_never_stretched(images, columns):
    st.show_images(images, columns=columns)
    figure = drawn()
    assert len(figure.axes) == len(images)
    for axes, picture in zip(figure.axes, images, strict=True):
        _, _, width, height = box(axes)
        assert width / height == pytest.approx(picture.width / picture.height, rel=1e-3)
        assert axes.get_images()[0].get_array().shape[:2] == (picture.height, picture.width)
        assert axes.get_xlim() == (-0.5, picture.width - 0.5), "the whole picture is in sight"
        assert axes.get_ylim() == (picture.height - 0.5, -0.5)


def test_pictures_of_a_row_have_one_height_and_do_not_overlap(images):
    st.show_images(images)
    boxes = [box(axes) for axes in drawn().axes]
    assert len({round(height) for *_, height in boxes}) == 1
    assert len({round(bottom) for _, bottom, *_ in boxes}) == 1
    for (left, _, width, _), (next_left, *_) in itertools.pairwise(boxes):
        assert next_left >= left + width


def test_columns_make_rows_in_reading_order(images):
    st.show_images([*images, images[0]], columns=2)
    boxes = [box(axes) for axes in drawn().axes]
    rows = [boxes[0:2], boxes[2:4], boxes[4:5]]
    for row in rows:
        assert len({round(bottom) for _, bottom, *_ in row}) == 1
        assert [left for left, *_ in row] == sorted(left for left, *_ in row)
    for above, below in itertools.pairwise(rows):
        assert above[0][1] >= below[0][1] + below[0][3]


@pytest.mark.parametrize("titles", [None, ["one"] * 4, ["two\nlines"] * 4])
@pytest.mark.parametrize("columns", [None, 2])
def test_all_of_it_is_inside_900_pixels(images, columns, titles):
    st.show_images(images, titles, columns=columns)
    figure = drawn()
    width, height = figure.canvas.get_width_height()
    assert width == 900
    for axes in figure.axes:
        left, bottom, w, h = box(axes)
        assert left >= -1  # a pixel may be lost to rounding
        assert bottom >= -1
        assert left + w <= width + 1
        assert bottom + h <= height + 1
    for text in visible_texts(figure):
        assert text.get_window_extent().y1 <= height + 1
        overlapped = [axes for axes in figure.axes if axes is not text.axes and axes.bbox.overlaps(text.get_window_extent())]
        assert not overlapped, f"{text.get_text()!r} lies over a picture"


def test_a_single_small_picture_is_not_blown_up_beyond_a_third_of_a_page(images):
    st.show_images([images[1]])
    assert box(drawn().axes[0])[3] <= 421


def test_titles_and_their_colours(images):
    st.show_images(images, ["photo", "wave", "painted", "other"], ["content", "style", "result", "#123456"])
    titles = [axes.title for axes in drawn().axes]
    assert [title.get_text() for title in titles] == ["photo", "wave", "painted", "other"]
    assert [to_hex(title.get_color()) for title in titles] == ["#2a9147", "#e07b00", "#1f6fbf", "#123456"]


def test_titles_without_colours_are_black(images):
    st.show_images(images, list("abcd"))
    assert {to_hex(axes.title.get_color()) for axes in drawn().axes} == {"#000000"}


def test_pictures_in_every_form_are_the_same(images, tmp_path):
    picture = st.sample("chelsea").resize((30, 20))
    picture.save(tmp_path / "cat.png")
    st.show_images([picture, st.preprocess(picture), tmp_path / "cat.png", (tmp_path / "cat.png").read_bytes()])
    arrays = [axes.get_images()[0].get_array() for axes in plt.gcf().axes]
    assert all(np.array_equal(array, np.asarray(picture)) for array in arrays)


def test_one_call_draws_one_figure(images):
    st.show_images(images)
    assert len(plt.get_fignums()) == 1
    st.show_images(images[:2])
    assert len(plt.get_fignums()) == 2


# --- type and colours --------------------------------------------------------------------------------------------------


@pytest.fixture
def history():
    """Ten steps; after five the weights change, and the first step has no content loss."""
    rows = []
    for i in range(1, 11):
        content, style, tv = 0.5 * (i - 1), 10 / i, 0.125 * i
        alpha, beta, tv_weight = (1.0, 20.0, 0.5) if i <= 5 else (2.0, 40.0, 0.25)
        total = alpha * content + beta * style + tv_weight * tv
        rows.append(st.Step(i, total, content, style, tv, alpha, beta, tv_weight))
    return rows


def draw_everything(history):
    st.show_images([Image.new("RGB", (40, 30))] * 3, ["one", "two", "three\nlines"])
    st.show_features(torch.rand(1, 20, 12, 16), title="relu1_1")
    st.plot_losses(history, "a run")
    return [plt.figure(number) for number in plt.get_fignums()]


def test_every_text_has_at_least_11_points(history):
    figures = draw_everything(history)
    assert len(figures) == 3
    for figure in figures:
        figure.canvas.draw()
        found = visible_texts(figure)
        assert found
        assert min(text.get_fontsize() for text in found) >= 11, [(t.get_text(), t.get_fontsize()) for t in found]


def test_every_figure_fits_900_pixels(history):
    for figure in draw_everything(history):
        assert figure.get_figwidth() * 100 <= 900


def test_the_three_roles_have_three_colours():
    assert st.COLORS["content"] == "#2a9147"  # green
    assert st.COLORS["style"] == "#e07b00"  # orange
    assert st.COLORS["result"] == "#1f6fbf"  # blue
    assert len(set(st.COLORS.values())) == len(st.COLORS)


def test_the_house_style_twice_is_the_house_style_once():
    once = dict(mpl.rcParams)
    st.use_house_style()
    assert dict(mpl.rcParams) == once


def test_the_house_style_starts_no_shell_in_a_plain_script(tmp_path):
    program = "import styletools as st, IPython; st.use_house_style(); assert IPython.get_ipython() is None"
    result = run_python("-c", program, HOME=str(tmp_path), IPYTHONDIR=str(tmp_path / "ipython"))
    assert result.returncode == 0, result.stderr
    assert not (tmp_path / "ipython").exists()


# --- loss curves -------------------------------------------------------------------------------------------------------


def curves():
    return {line.get_label(): line for line in plt.gca().lines}


def test_the_curves_are_the_weighted_terms(history):
    st.plot_losses(history)
    lines = curves()
    assert set(lines) == {"total", "alpha x content", "beta x style", "tv weight x tv"}
    expected = {
        "total": [step.total for step in history],
        "alpha x content": [np.nan, *(step.alpha * step.content for step in history[1:])],  # a logarithm knows no 0
        "beta x style": [step.beta * step.style for step in history],
        "tv weight x tv": [step.tv_weight * step.tv for step in history],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(lines[name].get_ydata(), values)
        np.testing.assert_array_equal(lines[name].get_xdata(), range(1, 11))
    sums = sum(np.nan_to_num(lines[name].get_ydata()) for name in expected if name != "total")
    np.testing.assert_allclose(sums, lines["total"].get_ydata())


def test_the_curves_have_the_colours_of_their_roles(history):
    st.plot_losses(history)
    lines = curves()
    assert lines["alpha x content"].get_color() == st.COLORS["content"]
    assert lines["beta x style"].get_color() == st.COLORS["style"]
    assert len({line.get_color() for line in lines.values()}) == 4


def test_a_term_that_is_always_zero_is_left_out(history):
    st.plot_losses([st.Step(**{**vars(step), "tv_weight": 0.0}) for step in history])
    assert "tv weight x tv" not in curves()


def test_axes_are_labelled_and_logarithmic(history):
    st.plot_losses(history, title="a run")
    axes = plt.gca()
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("step", "loss", "a run")
    assert axes.get_yscale() == "log"
    assert axes.get_legend() is not None


def test_a_real_run_can_be_plotted(tiny_vgg, plain_pair):
    transfer = st.StyleTransfer(*plain_pair, tiny_vgg, steps=3)
    list(transfer)
    st.plot_losses(transfer.history)
    np.testing.assert_allclose(curves()["total"].get_ydata(), [step.total for step in transfer.history])


# --- feature maps and Gram matrices ------------------------------------------------------------------------------------


def test_feature_maps_are_shown_as_they_are():
    features = torch.rand(1, 20, 6, 10) - 0.2
    st.show_features(features, channels=[3, 17], columns=2)
    shown = [axes for axes in drawn().axes if axes.get_images()]
    assert [axes.get_title() for axes in shown] == ["3", "17"]
    for axes, channel in zip(shown, (3, 17), strict=True):
        np.testing.assert_array_equal(axes.get_images()[0].get_array(), features[0, channel])
        _, _, width, height = box(axes)
        assert width / height == pytest.approx(10 / 6, rel=0.02)


def test_zero_is_black_for_rectified_features():
    features = torch.rand(1, 2, 4, 4) + 1
    st.show_features(features)
    assert [axes.get_images()[0].get_clim()[0] for axes in plt.gcf().axes if axes.get_images()] == [0, 0]


def test_the_first_16_channels_are_shown_by_default():
    st.show_features(torch.rand(1, 40, 4, 4))
    assert [axes.get_title() for axes in plt.gcf().axes if axes.get_images()] == [str(i) for i in range(16)]


def test_a_feature_map_of_the_embedded_network(slim, plain_pair):
    st.show_features(slim(plain_pair[0], ["relu2_1"])["relu2_1"], title="relu2_1")
    assert plt.gcf().get_suptitle() == "relu2_1"


# --- zoom --------------------------------------------------------------------------------------------------------------


def test_zoom_cuts_a_piece_and_repeats_its_pixels():
    pixels = np.arange(10 * 20 * 3, dtype=np.uint8).reshape(10, 20, 3)
    piece = st.zoom(Image.fromarray(pixels), (0.25, 0.5, 0.75, 1.0), factor=3)
    assert piece.size == (30, 15)
    np.testing.assert_array_equal(np.asarray(piece), pixels[5:10, 5:15].repeat(3, axis=0).repeat(3, axis=1))


def test_zoom_takes_tensors_and_leaves_the_whole_whole():
    picture = st.sample("chelsea").resize((12, 8))
    assert st.zoom(st.preprocess(picture), (0, 0, 1, 1), factor=1).tobytes() == picture.tobytes()
