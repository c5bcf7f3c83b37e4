"""How the studio looks: four sizes and the projector, both themes, for whoever listens instead; and what it asks a network."""

import os
from pathlib import Path

import pytest
from looks import cut_off, note_requests, out_of_sight, room_of_stage, unfit_for_some
from panel import Panel

SHOTS = os.environ.get("SHOTS")  # a folder in which to keep what was looked at
SIZES = [(1280, 720), (800, 600), (390, 844)]
REACHED = [
    "drop-content", "drop-style", "start", "step", "reset", "snapshot", "alpha", "beta", "tv", "number", "alpha-on", "save",
    "sheet", "film", "wipe", "heat-style", "scrub", "play", "gram", "experiment", "address", "help", "projector-button", "name",
    "compare",
]  # fmt: skip
SCREENS = [(1920, 1080), (3840, 2160), (1280, 720), (390, 844)]


def shot(page, name):
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png")


def resize(page, width, height):
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(300)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everything_is_in_its_place_in_every_size_and_for_everybody(server, page, theme):
    asked = note_requests(page, server.address)
    page.goto(f"{server.address}/?token={server.token}&size=96&theme={theme}")
    panel = Panel(page)
    assert page.evaluate("document.body.dataset.jpThemeLight") == str(theme == "light").lower()
    shot(page, f"{theme}_fresh")
    assert unfit_for_some(page) == []
    panel.start(10)
    panel.type("beta", 100)
    panel.wait_steps(10)
    panel.snapshot()
    panel.wait_steps(30)
    panel.snapshot()
    panel.press("heat-style")
    page.locator("img.st-heat").wait_for()
    step = panel.pause()
    for width, height in SIZES:
        resize(page, width, height)
        shot(page, f"{theme}_{width}")
        assert cut_off(page) == [], (width, height)
    resize(page, *SIZES[0])
    assert out_of_sight(page) == []
    assert "step" in page.locator("img.st-picture").get_attribute("alt")
    assert f"step {step}" in panel.words(".st-step-count")

    panel.press("projector-button")
    for width, height in SCREENS:
        resize(page, width, height)
        shot(page, f"{theme}_projector_{width}")
        assert cut_off(page) == [], (width, height)
        if width > height:
            assert out_of_sight(page) == [], (width, height)
            assert page.locator(".st-studio").bounding_box() == {"x": 0, "y": 0, "width": width, "height": height}
        if width >= 1920:
            assert room_of_stage(page) >= 0.5
    resize(page, *SIZES[0])
    panel.press("projector-button")

    for place in range(2):
        panel.card(place).locator(".st-compare input").check()
    page.locator("img.st-big").nth(1).wait_for()
    panel.menu("experiment", "beta_ladder")
    page.locator(".st-reveal").click()
    panel.menu("gram", "relu2_1")
    panel.press("step")
    page.locator("img.st-gram-now").wait_for()
    page.locator(".st-settings").evaluate("fold => fold.open = true")
    for width, height in SIZES:
        resize(page, width, height)
        shot(page, f"{theme}_full_{width}")
        assert cut_off(page) == [], (width, height)
    resize(page, *SIZES[0])
    assert unfit_for_some(page) == []
    page.locator(".st-drop-content button").click()
    page.locator(".st-gallery .st-sample img").first.wait_for()
    shot(page, f"{theme}_gallery")
    assert unfit_for_some(page) == []
    page.keyboard.press("Escape")
    assert asked() == []


def test_every_control_is_reached_by_the_tab_key_and_has_a_name(panel):
    page = panel.page
    panel.start(10)
    panel.snapshot()
    panel.pause()
    reached, names = set(), []
    page.evaluate("document.body.focus()")
    for _ in range(60):
        page.keyboard.press("Tab")
        found = page.evaluate("""() => { const e = document.activeElement;
            return [e.closest('[class*=st-]')?.className + ' ' + e.parentElement?.className,
                e.ariaLabel || e.labels?.[0]?.innerText || e.innerText || e.title || '',
                e.tagName, e.getAttribute('aria-valuetext')] }""")
        reached |= set(found[0].split())
        if found[2] != "BODY":
            names.append(found[1].strip())
        if found[3] is not None:
            assert found[3] and "e-" not in found[3] and len(found[3]) < 12
    assert all(names)
    for name in REACHED:
        assert f"st-{name}" in reached, name
    tips = page.locator("[title]").evaluate_all("all => all.map(one => one.title)")
    assert "null" not in tips and "undefined" not in tips
