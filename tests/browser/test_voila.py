"""The studio through Voila, in a real browser, with mouse, keyboard and files."""

import io
import shutil
import time

import pytest
from helpers import ROOT
from panel import BETA, Panel
from PIL import Image


@pytest.fixture
def panel(page, voila_server):
    address, token, _ = voila_server
    page.goto(f"{address}/voila/render/panel.ipynb?token={token}")
    return Panel(page)


def test_without_the_token_there_is_no_page(page, voila_server):
    address, _, _ = voila_server
    page.goto(f"{address}/voila/render/panel.ipynb")
    assert page.locator("img.st-picture").count() == 0


def test_the_preview_moves_and_does_not_flicker(panel):
    panel.page.evaluate("""() => { window.blank = 0; window.seen = 0; const look = () => {
        const img = document.querySelector('img.st-picture'); window.seen++;
        if (!img || img.getBoundingClientRect().height < 50 || !img.src) window.blank++;
        requestAnimationFrame(look) }; requestAnimationFrame(look) }""")
    first = panel.picture()
    panel.press("start")
    panel.wait_steps(15)
    second = panel.picture()
    panel.wait_steps(15)
    assert len({first, second, panel.picture()}) == 3
    seen, blank = panel.page.evaluate("[window.seen, window.blank]")
    assert seen > 20 and blank == 0


def test_the_loop_sees_arrow_keys_and_the_mouse_on_beta(panel):
    panel.press("start")
    panel.wait("+d.step >= 5")
    assert panel.look()["beta"] == BETA  # and not the nearest notch a browser would like
    panel.keys("beta", "ArrowRight", 10)
    panel.wait("Math.abs(+d.beta / (v.beta * 10 ** 0.2) - 1) < 0.001", beta=BETA)
    panel.drag("beta", 60)
    panel.wait("+d.beta > 3 * v.beta", beta=BETA)
    panel.drag("beta", -120)
    panel.wait("+d.beta < v.beta", beta=BETA)
    assert panel.page.locator(".st-move").count() >= 1


def test_the_gradient_bar_goes_where_the_weights_push_it(panel):
    panel.press("start")
    panel.wait("+d.step >= 160")  # near rest: a bar that was measured some seconds ago still holds
    before = panel.shares()
    assert 0.99 < sum(before.values()) < 1.01
    panel.drag("beta", 150)
    panel.wait("+d.beta > 5 * v.beta", beta=BETA)
    assert panel.shares()["style"] > before["style"]
    panel.page.locator(".st-alpha-on input").uncheck()
    panel.wait("d.alpha === '0'")
    assert panel.shares()["content"] == 0
    assert "∞" in panel.page.locator(".st-ratio").inner_text()


def test_pause_freezes_the_count_and_the_other_buttons_do_what_they_say(panel):
    panel.press("start")
    panel.wait("+d.step >= 5")
    panel.press("pause")
    panel.wait("d.state === 'paused'")
    time.sleep(0.5)
    held = panel.look()["step"]
    time.sleep(1)
    assert panel.look()["step"] == held
    panel.press("step")
    panel.wait("+d.step === v.step", step=held + 1)
    panel.page.locator(".st-start").focus()
    panel.page.keyboard.press("Enter")
    panel.wait("d.state === 'running' && +d.step > v.step + 3", step=held)
    panel.press("stop")
    panel.wait("d.state === 'idle' && +d.step > 0")
    panel.press("reset")
    panel.wait("d.state === 'idle' && d.step === '0'")
    assert "last run" in panel.page.locator(".st-strip").inner_text()


def test_snapshots_are_kept_compared_and_saved(panel, voila_server):
    _, _, folder = voila_server
    panel.press("start")
    panel.wait("+d.step >= 10")
    panel.press("snapshot")
    panel.wait("+d.step >= 20")
    panel.press("snapshot")
    boxes = panel.page.locator(".st-card input")
    boxes.nth(1).wait_for()
    for number in range(2):
        boxes.nth(number).check()
    panel.page.wait_for_function("[...document.querySelectorAll('img.st-big')].filter(img => img.naturalWidth).length === 2")
    a, b = (panel.page.locator("img.st-big").nth(i).bounding_box() for i in range(2))
    assert a["y"] == b["y"] and a["height"] == b["height"] and a["x"] + a["width"] <= b["x"]
    panel.press("save")
    panel.press("sheet")
    panel.page.get_by_text("saved as snapshots_").wait_for()
    for name in ("studio_1.png", "snapshots_1.png"):
        with Image.open(folder / name) as saved:
            assert f'"beta": {BETA}' in saved.info["styletools"]


def test_a_file_is_uploaded_and_a_text_is_refused_in_one_sentence(panel, tmp_path):
    panel.unfold()
    red = tmp_path / "red.png"
    Image.new("RGB", (80, 60), (200, 30, 30)).save(red)
    note = tmp_path / "note.txt"
    note.write_text("not a picture")
    panel.page.set_input_files(".st-drop-content input", note)
    panel.page.locator(".st-problem").first.wait_for()
    assert panel.problem() == ["note.txt is not a picture that can be read (JPEG, PNG, WebP, ...)."]
    panel.page.set_input_files(".st-drop-content input", red)
    panel.page.wait_for_function("document.querySelector('.st-content select').selectedOptions[0].text === 'red.png'")
    assert panel.problem() == []
    panel.press("start")
    panel.wait("+d.step >= 3")
    image = Image.open(io.BytesIO(panel.picture_bytes()))
    assert image.size == (96, 72)


def test_a_file_is_dropped(panel):
    panel.unfold()
    panel.page.evaluate("""async () => {
        const canvas = new OffscreenCanvas(3000, 1500), paint = canvas.getContext('2d');
        paint.fillStyle = 'green'; paint.fillRect(0, 0, 3000, 1500);
        const data = new DataTransfer();
        data.items.add(new File([await canvas.convertToBlob()], 'wide.png', {type: 'image/png'}));
        const drop = new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true});
        document.querySelector('.st-drop-style .st-drop').dispatchEvent(drop);
    }""")
    panel.page.wait_for_function("document.querySelector('.st-style select').selectedOptions[0].text === 'wide.png'")
    panel.press("start")
    panel.wait("+d.step >= 3")


def test_missing_weights_are_one_sentence_and_the_panel_goes_on(panel):
    panel.unfold()
    panel.press("start")
    panel.wait("+d.step >= 3")
    panel.menu("network", "vgg19-torchvision")
    panel.wait("d.state === 'error'")
    (sentence,) = panel.problem()
    assert "STYLETOOLS_WEIGHTS" in sentence and "vgg19-slim" in sentence
    panel.menu("network", "vgg19-slim")
    panel.press("start")
    panel.wait("d.state === 'running' && +d.step >= 3")
    assert panel.problem() == []


def test_new_pictures_size_and_recipe_begin_again_while_running(panel):
    panel.unfold()
    panel.press("start")
    panel.wait("+d.step >= 10")
    panel.menu("content", "chelsea")
    panel.wait("d.state === 'running' && +d.step < 8")
    panel.menu("recipe", "walkthrough")
    panel.wait("d.state === 'running' && d.beta === '1e+06'")
    panel.menu("size", "128")
    panel.wait("d.state === 'running' && +d.step >= 1")
    panel.page.wait_for_function("document.querySelector('img.st-picture').naturalWidth === 128")


@pytest.mark.parametrize("projector", [False, True])
def test_nothing_is_cut_off_and_nothing_scrolls_inside(panel, projector):
    if projector:
        panel.press("projector-button")
    panel.press("start")
    panel.wait("+d.step >= 30")
    assert panel.cut_off() == []
    for part in ("img.st-picture", ".st-bar", ".st-losses", ".st-state"):
        assert panel.bottom(part) <= 720, part
    if projector:
        assert panel.page.locator("img.st-picture").bounding_box()["width"] > 640  # more than half of the screen
        assert not panel.page.locator(".st-snapshot").is_visible()
    else:
        panel.press("snapshot")
        panel.unfold()
        panel.page.get_by_text("Weights of the style layers").click()
        panel.page.locator(".st-relu1_1").wait_for()
        assert panel.cut_off() == []


def test_every_control_is_reached_by_the_tab_key_and_has_a_name(panel):
    reached = []
    for _ in range(24):
        panel.page.keyboard.press("Tab")
        reached.append(
            panel.page.evaluate("document.activeElement.closest('.widget-slider, button, .widget-checkbox')?.className || ''")
        )
    for name in ("start", "pause", "step", "stop", "reset", "alpha", "beta", "tv", "alpha-on", "snapshot", "save", "wipe"):
        assert any(f"st-{name}" in classes.split() for classes in reached), name


def test_the_wipe_shows_the_photograph(panel):
    panel.press("start")
    panel.wait("+d.step >= 30")
    panel.press("pause")
    panel.wait("d.state === 'paused'")
    time.sleep(0.5)
    painting = Image.open(io.BytesIO(panel.picture_bytes())).convert("RGB")
    panel.handle("wipe").focus()
    panel.page.keyboard.press("End")
    time.sleep(1)
    photograph = Image.open(io.BytesIO(panel.picture_bytes())).convert("RGB")
    assert painting.size == photograph.size and painting.tobytes() != photograph.tobytes()


def test_the_page_that_make_studio_serves(page, voila_server):
    address, token, folder = voila_server
    shutil.copy(ROOT / "notebooks" / "studio" / "panel.ipynb", folder / "served.ipynb")
    page.goto(f"{address}/voila/render/served.ipynb?token={token}&projector=1")
    panel = Panel(page)
    assert page.locator(".st-projector").count() == 1
    panel.press("start")
    panel.wait("+d.step >= 2")
