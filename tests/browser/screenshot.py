"""Take the picture of the studio that README and lesson 07 show: python tests/browser/screenshot.py"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from panel import Panel
from playwright.sync_api import sync_playwright
from servers import CHROMIUM, CHROMIUM_OPTIONS, ROOT, voila

with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright, voila(Path(folder)) as server:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.set_default_timeout(300_000)
    page.goto(f"{server.address}/?token={server.token}&content=neuschwanstein&style=cafe_terrace_at_night&size=384")
    panel = Panel(page)
    panel.start()
    for at, weight, part in ((40, "beta", -0.1), (80, "beta", 0.15)):
        panel.wait("+d.step >= v.at", at=at)
        panel.drag(weight, part)
    panel.menu("gram", "relu3_1")
    panel.wait("+d.step >= 160")
    page.mouse.move(10, 10)
    page.wait_for_timeout(2000)
    page.screenshot(path=ROOT / "img" / "studio.png")
    browser.close()
