"""Take the picture of the studio that README and lesson 07 show: python tests/browser/screenshot.py"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from panel import Panel
from playwright.sync_api import sync_playwright
from servers import CHROMIUM, CHROMIUM_OPTIONS, ROOT, voila, write_notebook

CELL = """
import styletools as st
st.Studio("neuschwanstein", "cafe_terrace_at_night", steps=400, averaging=0.9)
"""

with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
    write_notebook(Path(folder) / "panel.ipynb", CELL)
    with voila(Path(folder)) as (address, token):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(f"{address}/voila/render/panel.ipynb?token={token}")
        panel = Panel(page)
        panel.press("start")
        for at, weight, pixels in ((60, "beta", -45), (120, "beta", 90), (200, "alpha", -12)):
            panel.wait("+d.step >= v.at", at=at)
            panel.press("snapshot")
            panel.drag(weight, pixels)
        panel.wait("+d.step >= 330")
        panel.press("snapshot")
        page.mouse.move(1200, 700)
        panel.wait("+d.step >= 345")
        height = panel.bottom(".st-strip") + 8
        page.set_viewport_size({"width": 1280, "height": int(height)})
        page.screenshot(path=ROOT / "img" / "studio.png")
        browser.close()
