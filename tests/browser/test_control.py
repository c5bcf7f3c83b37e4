"""More control in a real browser: strength, colours, strokes, a second style, and masks that are painted, filled and loaded."""

import io

import numpy as np
import pytest
from looks import cut_off, out_of_sight, unfit_for_some
from panel import BETA, Panel, difference
from PIL import Image

import styletools as st
from styletools.masks import flood

SIZES = [(1280, 720), (800, 600), (390, 844)]
UPPER = 0.4  # of the picture, which the rectangle covers


def opened(panel):
    """Open the section."""
    panel.page.locator(".st-control summary").click()
    panel.page.locator(".st-strength input").wait_for()
    return panel.page


def job_of(panel):
    """What is painted, as Python has it: the settings inside the picture that is saved."""
    with panel.page.expect_download() as offered:
        panel.press("save")
    (job,) = st.read_jobs(offered.value.path())
    return job


def painted(panel):
    """Make the first step, and tell what is painted."""
    panel.wait("d.step === '0'")
    panel.press("step")
    panel.wait("+d.step >= 1 && d.state === 'paused'")
    return job_of(panel)


def white(mask):
    """A mask as numbers 0..1."""
    return np.asarray(mask.convert("L"), dtype=float) / 255


def paint(page, *places, steps=6):
    """Pull the mouse over the mask from place to place, given in shares of the picture."""
    box = page.locator(".st-ink").bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=steps)
    page.mouse.up()


def open_editor(panel):
    """Open the mask editor, with sharp edges."""
    page = opened(panel)
    page.locator(".st-mask-open").click()
    page.locator(".st-ink").wait_for()
    page.locator(".st-mask-soft input").fill("0")
    return page


def use(page):
    """Take the mask, and wait until Python has it."""
    page.locator(".st-mask-use").click()
    page.locator(".st-also img.st-badge").wait_for()


@pytest.fixture
def two(open_studio, page):
    """A panel with a second style."""
    return open_studio("second=the_harvest", page)


def test_strength_moves_the_weights_while_it_paints(panel):
    page = opened(panel)
    panel.start(3)
    slider = panel.slider("strength")
    assert panel.words(".st-strength output") == "0.5"
    slider.fill("0.75")
    panel.wait("+d.beta === 1.5 * v.beta && +d.alpha === 3 && +d.tv === 3", beta=BETA)
    assert page.locator(".st-beta .st-number").input_value() == f"{1.5 * BETA:g}"
    assert panel.look()["state"] == "running" and panel.step > 3 and panel.cards() == []
    panel.type("beta", 400)
    page.wait_for_function("document.querySelector('.st-strength output').innerText === 'by hand'")
    panel.keys("strength", "ArrowRight", 2)  # from where it stood
    panel.wait("Math.abs(+d.beta - 1.54 * v.beta) < 0.01", beta=BETA)
    slider.dblclick()
    panel.wait("+d.beta === v.beta", beta=BETA)
    assert panel.words(".st-strength output") == "0.5"


def test_colours_and_strokes_begin_a_new_painting(panel):
    page = opened(panel)
    panel.start(20)
    panel.pause()
    before = panel.image()
    page.locator(".st-colors select").select_option("luminance")
    panel.wait("d.step === '0'")
    page.wait_for_function("document.querySelector('.st-card .st-name')?.value === 'last run'")
    panel.start(20)
    panel.pause()
    photograph = st.sample("eilean_donan").resize(before.size)
    chroma = [difference(one.convert("YCbCr"), photograph.convert("YCbCr")) for one in (before, panel.image())]
    assert chroma[1] < chroma[0] and difference(before, panel.image()) > 3
    assert job_of(panel).colors == "luminance"
    page.locator(".st-stroke select").select_option("2")
    panel.wait("d.step === '0'")
    page.locator(".st-stroke select").select_option("0.5")
    page.wait_for_function("document.querySelector('.st-control summary').innerText.includes('strokes × 0.5')")
    assert [one.scale for one in painted(panel).styles] == [0.5]


def test_a_second_style_is_picked_mixed_and_taken_away(panel, tmp_path):
    page = opened(panel)
    assert not page.locator(".st-also").is_visible() and not page.locator(".st-mix").is_visible()
    panel.start(2)
    page.locator(".st-second .st-thumb-button").click()
    assert panel.words(".st-gallery h2") == "Choose a second style picture"
    page.locator(".st-gallery [data-name=the_harvest]").click()
    page.locator(".st-also img.st-thumb").wait_for()
    page.wait_for_function("document.querySelector('img.st-picture').alt.includes('great wave and the harvest')")
    assert panel.look()["state"] == "running"  # it goes on
    panel.pause()
    panel.slider("mix").fill("0.2")
    assert panel.words(".st-mix output") == "20 %"
    first, second = painted(panel).styles
    assert (first.picture, first.weight, second.picture, second.weight) == ("great_wave", 0.8, "the_harvest", 0.2)
    own = tmp_path / "wall.png"
    Image.new("RGB", (90, 60), "red").save(own)
    page.set_input_files(".st-second .st-drop-second input", own)
    page.wait_for_function("document.querySelector('.st-second .st-thumb-name').innerText === 'wall.png'")
    panel.press("address")
    page.get_by_text("An address has no room for your second style").wait_for()
    page.locator(".st-one-style").click()
    page.locator(".st-also").wait_for(state="hidden")
    assert painted(panel).style == "great_wave"


def test_a_rectangle_a_brush_and_a_flood_make_a_mask(two):
    panel, page = two, open_editor(two)
    assert not page.locator(".st-under").is_visible() and page.locator(".st-before").is_visible()
    page.locator(".st-tool-box").click()
    paint(page, (0, 0), (0.7, 0.9), (1, UPPER))
    page.locator(".st-erases input").check()
    paint(page, (0, 0), (0.25, UPPER))
    use(page)
    assert page.locator(".st-under").is_visible() and not page.locator(".st-ink").is_visible()
    mask = white(painted(panel).styles[1].where)
    height, width = mask.shape
    expected = np.zeros((height, width))
    expected[: round(UPPER * height), round(0.25 * width) :] = 1
    assert np.abs(mask - expected).mean() < 0.01

    page.locator(".st-mask-open").click()
    page.locator(".st-mask-clear").click()  # begins with the mask that is there
    page.locator(".st-mask-undo").click()
    page.locator(".st-tool-brush").click()
    page.locator(".st-erases input").uncheck()
    page.locator(".st-mask-size input").fill("0.1")
    paint(page, (0.2, 0.8), (0.8, 0.8))
    page.locator(".st-mask-invert").click()
    page.wait_for_timeout(100)
    before = panel.picture("img.st-badge")
    use(page)
    panel.wait_picture(before, "img.st-badge")
    mask = white(painted(panel).styles[1].where)
    stroke = np.zeros((height, width))
    rows, radius = np.abs(np.arange(height) - 0.8 * height), 0.05 * width
    stroke[rows < radius, round(0.2 * width) : round(0.8 * width)] = 1
    assert np.abs(mask - (1 - np.maximum(expected, stroke))).mean() < 0.03
    assert mask[round(0.8 * height), round(0.5 * width)] == 0 and mask[round(0.95 * height), round(0.5 * width)] == 1

    page.locator(".st-mask-open").click()
    page.locator(".st-mask-clear").click()
    page.locator(".st-tool-flood").click()
    page.locator(".st-mask-near input").fill("0.2")
    paint(page, (0.1, 0.05))
    page.wait_for_function("""() => { const ink = document.querySelector('.st-ink');
        return ink.getContext('2d').getImageData(9, 9, 1, 1).data[3] === 255 }""")
    before = panel.picture("img.st-badge")
    use(page)
    panel.wait_picture(before, "img.st-badge")
    mask = white(painted(panel).styles[1].where)
    thumb = st.sample("eilean_donan")
    thumb.thumbnail((512, 512), Image.Resampling.BOX)
    flooded = white(flood(thumb, 0.1, 0.05, 0.2))
    assert 0.05 < flooded.mean() < 0.9 and np.abs(mask - flooded).mean() < 0.02
    assert panel.problems() == []


def test_a_mask_is_painted_with_the_keyboard(two):
    page = open_editor(two)
    page.locator(".st-tool-box").focus()
    page.keyboard.press("Enter")
    page.locator(".st-ink").focus()
    for key in (*["Shift+ArrowLeft"] * 3, "Shift+ArrowUp", " ", *["Shift+ArrowRight"] * 3, *["ArrowDown"] * 5, " "):
        page.keyboard.press(key)
    assert two.look()["state"] == "idle"  # Space painted, and did not start
    two.press("projector-button")
    page.locator(".st-ink").wait_for(state="hidden")
    two.press("projector-button")
    page.locator(".st-mask-open").click()  # and everything is there again
    use(page)
    mask = white(painted(two).styles[1].where)
    height, width = mask.shape
    rows, columns = np.nonzero(mask > 0.5)
    corners = np.array([columns.min() / width, rows.min() / height, columns.max() / width, rows.max() / height])
    assert np.abs(corners - [0.2, 0.4, 0.5, 0.5]).max() < 0.01


def test_a_mask_comes_from_a_file_and_a_wrong_one_is_told(two, tmp_path):
    page = opened(two)
    good, square = tmp_path / "left.png", tmp_path / "square.png"
    mask = Image.new("L", (300, 200))
    mask.paste(255, (0, 0, 150, 200))
    mask.save(good)
    mask.resize((200, 200)).save(square)
    page.set_input_files(".st-mask input[type=file]", square)
    page.locator(".st-problem:not([hidden])").wait_for()
    assert two.problems()[0].startswith("the mask has 200 x 200 pixels")
    page.set_input_files(".st-mask input[type=file]", good)
    page.locator("img.st-mask-picture").wait_for()
    where = white(painted(two).styles[1].where)
    assert np.abs(where - white(mask)).max() == 0
    assert page.locator(".st-mix input").is_disabled() and two.words(".st-mix output") == "by mask"
    shown = Image.open(io.BytesIO(two.picture("img.st-mask-picture")))
    assert (shown.getpixel((9, 9)), shown.getpixel((shown.width - 9, 9))) == (255, 0)
    two.press("address")
    page.get_by_text("An address has no room for the mask").wait_for()
    page.locator(".st-mask-open").click()
    two.drop(".st-ink", "all.png", 300, 200, "white")  # on the photograph that is painted on: a mask too
    page.get_by_text("the masks cover the whole photograph").wait_for()
    page.locator(".st-mask-cancel").click()
    page.locator(".st-mask-remove").click()
    page.locator("img.st-mask-picture").wait_for(state="hidden")
    assert painted(two).styles[1].where is None


def test_a_reload_brings_the_second_style_and_its_mask_back(two):
    page = open_editor(two)
    page.locator(".st-tool-box").click()
    paint(page, (0, 0), (1, UPPER))
    use(page)
    page.locator(".st-colors select").select_option("after")
    two.wait("d.step === '0'")
    two.start(5)
    held = two.pause()
    before = two.image()
    page.reload()
    again = Panel(page)
    again.wait("+d.step === v.step && d.state === 'paused'", step=held)
    page.get_by_text(f"Your studio is back: step {held}").wait_for()
    page.locator(".st-also img.st-badge").wait_for()
    assert difference(again.image(), before) < 2
    job = job_of(again)
    assert (job.colors, job.styles[1].picture) == ("after", "the_harvest")
    assert abs(white(job.styles[1].where).mean() - UPPER) < 0.01


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_section_is_in_its_place_and_for_everybody(open_studio, page, theme):
    panel = open_studio(f"content=neuschwanstein&second=cafe_terrace_at_night&box=0,0,1,0.4&theme={theme}", page)
    panel.start(5)
    sum_up, tools = (page.locator(part).bounding_box() for part in (".st-equation", ".st-tools"))
    assert tools["y"] < sum_up["y"] + sum_up["height"], "three pictures and the tools stand in one row"
    panel.pause()
    page.locator(".st-also img.st-badge").wait_for()
    assert page.locator(".st-control").get_attribute("open") is None
    assert (out_of_sight(page), cut_off(page)) == ([], [])
    opened(panel)
    for editing in (False, True):
        if editing:
            page.locator(".st-mask-open").click()
            page.locator(".st-ink").wait_for()
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(300)
            assert cut_off(page) == [], (width, height, editing)
        page.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})
        assert unfit_for_some(page) == []
    page.locator(".st-mask-cancel").click()
    panel.press("projector-button")
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.wait_for_timeout(300)
    assert not page.locator(".st-control").is_visible()
    assert (out_of_sight(page), cut_off(page)) == ([], [])
