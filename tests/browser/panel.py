"""The studio's panel as a hand and an eye have it, on any page that shows it."""

import base64
import time

from styletools.recipes import DEFAULT_RECIPE, RECIPES

BETA = RECIPES[DEFAULT_RECIPE].beta  # where a studio's slider stands at first
LOOK = "document.querySelector('[data-state]')?.dataset"


class Panel:
    """One studio on a Playwright page."""

    def __init__(self, page):
        self.page = page
        page.wait_for_selector("img.st-picture")
        page.wait_for_function("document.querySelector('img.st-picture').naturalWidth > 0")

    def press(self, name):
        self.page.locator(f".st-{name}").first.click()

    def look(self):
        """What the panel says of the last step: state, step and the weights it used."""
        data = self.page.evaluate(LOOK) or {}
        return {key: value if key == "state" else float(value) for key, value in data.items()}

    def shares(self):
        data = self.page.locator(".st-bar").evaluate("bar => ({...bar.dataset})")
        return {term: float(share) for term, share in data.items()}

    def wait(self, condition, **values):
        """Until a JavaScript condition on the data `d` (text, so +d.step) holds."""
        return self.page.wait_for_function(f"v => {{ const d = {LOOK}; return d && ({condition}) }}", arg=values)

    def wait_steps(self, more):
        now = self.look().get("step", 0)
        self.wait("+d.step >= v.step", step=now + more)

    def handle(self, name):
        return self.page.locator(f".st-{name} .noUi-handle")

    def keys(self, name, key, times=1):
        handle = self.handle(name)
        handle.focus()
        for _ in range(times):
            handle.press(key)

    def drag(self, name, pixels):
        """Drag a slider's handle with the mouse, in several moves as a hand does."""
        box = self.handle(name).bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        for part in range(1, 9):
            self.page.mouse.move(x + pixels * part / 8, y)
            time.sleep(0.02)
        self.page.mouse.up()

    def picture(self):
        """The bytes of the preview, as a data address."""
        script = """async img => { const blob = await (await fetch(img.src)).blob();
            return await new Promise(done => { const reader = new FileReader();
                reader.onload = () => done(reader.result); reader.readAsDataURL(blob) }) }"""
        return self.page.locator("img.st-picture").evaluate(script)

    def picture_bytes(self):
        return base64.b64decode(self.picture().partition(",")[2])

    def problem(self):
        return [text for text in self.page.locator(".st-problem").all_inner_texts() if text]

    def menu(self, name, label):
        self.page.locator(f".st-{name} select").select_option(label)

    def unfold(self):
        self.page.get_by_text("Pictures and method").click()
        self.page.wait_for_selector(".st-content select")

    def cut_off(self):
        """Elements of the panel that stick out of it or of the window, and scroll bars inside."""
        script = """root => { const faults = [];
            const outer = root.getBoundingClientRect();
            for (const e of root.querySelectorAll('*')) {
                if (e.closest('.noUi-base') || e.closest('svg') || e.closest('.st-drop') || !e.offsetParent) continue;
                const r = e.getBoundingClientRect(), s = getComputedStyle(e);
                if (r.width === 0 || r.height === 0) continue;
                if (r.right > Math.min(outer.right, innerWidth) + 1 || r.left < outer.left - 1)
                    faults.push(`out: ${e.className} from ${r.left} to ${r.right}`);
                for (const [o, inside, room] of [[s.overflowX, e.scrollWidth, e.clientWidth],
                                                 [s.overflowY, e.scrollHeight, e.clientHeight]])
                    if ((o === 'auto' || o === 'scroll') && inside > room + 1)
                        faults.push(`scrolls: ${e.className}, ${inside} in ${room}`);
            }
            return faults }"""
        return self.page.locator(".st-studio").evaluate(script)

    def bottom(self, selector):
        box = self.page.locator(selector).bounding_box()
        return box["y"] + box["height"]
