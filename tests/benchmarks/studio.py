"""Measure the studio through a real browser: python tests/benchmarks/studio.py [--minutes 10]

Prints steps a second with the preview on, the time from a key on the beta slider to the loop, the part of the time that goes
into publishing, and how the kernel's memory grows. Run it on a computer that does nothing else.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "browser")]

from panel import Panel  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402
from servers import CHROMIUM, CHROMIUM_OPTIONS, voila, write_notebook  # noqa: E402

CELL = """
import json, time, ipywidgets, styletools as st
studio = st.Studio(size={size}, steps=10**6)
loop, heard = studio.loop, []
plain = loop.set
def set(**changes):
    heard.append(time.time())
    plain(**changes)
loop.set = set
answer, ask = ipywidgets.HTML(), ipywidgets.Button(description="measure")
answer.add_class("answer")
ask.add_class("st-ask")
def measure(_):
    memory = int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20
    answer.value = json.dumps(dict(time=time.time(), steps=len(studio.history), publishing=loop.publishing_seconds,
                                   memory=memory, heard=heard))
ask.on_click(measure)
ipywidgets.VBox([studio.panel, ask, answer])
"""


def measure(panel):
    panel.page.evaluate("document.querySelector('.answer .widget-html-content').innerText = ''")
    panel.press("ask")
    panel.page.wait_for_function("document.querySelector('.answer .widget-html-content').innerText !== ''")
    return json.loads(panel.page.locator(".answer").inner_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=0.5)
    parser.add_argument("--size", type=int, default=256)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        write_notebook(Path(folder) / "panel.ipynb", CELL.format(size=options.size))
        with voila(Path(folder)) as (address, token):
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.goto(f"{address}/voila/render/panel.ipynb?token={token}")
            panel = Panel(page)
            panel.press("start")
            panel.wait("+d.step >= 30")
            first = before = measure(panel)
            end = time.time() + 60 * options.minutes
            while time.time() < end:
                time.sleep(min(10, max(1, end - time.time())))
                now = measure(panel)
                span = now["time"] - before["time"]
                speed = (now["steps"] - before["steps"]) / span
                share = (now["publishing"] - before["publishing"]) / span
                print(f"{speed:5.1f} steps/s, publishing {share:.1%}, memory {now['memory']:.0f} MiB", flush=True)
                before = now
            span = now["time"] - first["time"]
            print(f"in all {(now['steps'] - first['steps']) / span:.1f} steps/s over {span:.0f} s")
            delays = []
            for _ in range(20):
                start = time.time()
                panel.keys("beta", "ArrowRight")
                time.sleep(0.3)
                delays.append(min(t for t in measure(panel)["heard"] if t > start) - start)
            print(f"key to loop: median {1000 * sorted(delays)[10]:.0f} ms, longest {1000 * max(delays):.0f} ms")
            browser.close()


if __name__ == "__main__":
    main()
