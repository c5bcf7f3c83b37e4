"""The studio's panel as a hand and an eye have it, on any page that shows it."""

import base64
import io
import time

from PIL import Image, ImageChops, ImageStat

from styletools.recipes import DEFAULT_RECIPE, RECIPES

BETA = RECIPES[DEFAULT_RECIPE].beta  # where a studio's slider stands at first
LOOK = "document.querySelector('.st-studio [data-state]')?.dataset"
BYTES = """async img => { const blob = await (await fetch(img.src)).blob();
    return await new Promise(done => { const reader = new FileReader();
        reader.onload = () => done(reader.result); reader.readAsDataURL(blob) }) }"""
DROP = """async ([target, name, width, height, color]) => {
    const canvas = new OffscreenCanvas(width, height), paint = canvas.getContext('2d');
    paint.fillStyle = color; paint.fillRect(0, 0, width, height);
    const data = new DataTransfer();
    data.items.add(new File([await canvas.convertToBlob()], name, {type: 'image/png'}));
    const drop = new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true});
    document.querySelector(target).dispatchEvent(drop) }"""


def difference(one, other):
    """The mean difference of two pictures, in grey levels."""
    return sum(ImageStat.Stat(ImageChops.difference(one, other.resize(one.size))).mean) / 3


class Panel:
    """One studio on a Playwright page."""

    def __init__(self, page):
        self.page = page
        page.wait_for_selector("img.st-picture")
        page.wait_for_function("document.querySelector('img.st-picture').naturalWidth > 0")

    def press(self, name):
        self.page.locator(f".st-{name}").first.click()

    def key(self, key):
        """A key while nothing on the page has the focus."""
        self.page.evaluate("document.activeElement?.blur()")
        self.page.keyboard.press(key)

    def look(self):
        """What the panel says of the last step: state, step and the weights it used."""
        data = self.page.evaluate(LOOK) or {}
        return {key: value if key == "state" else float(value) for key, value in data.items()}

    @property
    def step(self):
        return int(self.look().get("step", 0))

    def shares(self):
        data = self.page.locator(".st-bar").evaluate("bar => ({...bar.dataset})")
        return {term: float(share) for term, share in data.items()}

    def wait(self, condition, timeout=None, **values):
        """Until a JavaScript condition on the data `d` (text, so +d.step) holds."""
        script = f"v => {{ const d = {LOOK}; return d && ({condition}) }}"
        return self.page.wait_for_function(script, arg=values, timeout=timeout)

    def wait_steps(self, more):
        self.wait("+d.step >= v.step", step=self.step + more)

    def start(self, steps=2):
        """Press the large button, and wait until so many steps are made."""
        self.wait("d.state !== 'running'")
        self.press("start")
        self.wait("d.state === 'running' && +d.step >= v.steps", steps=steps)

    def pause(self):
        """Press it again, and wait until the panel has come to rest."""
        if self.look()["state"] == "running":
            self.press("start")
        self.wait("d.state === 'paused'")
        before = -1
        while before != (before := self.step):  # a step in flight ends
            time.sleep(0.4)
        return before

    def speed(self, seconds=3.0):
        """Steps a second, counted by the clock."""
        first, began = self.step, time.monotonic()
        time.sleep(seconds)
        return (self.step - first) / (time.monotonic() - began)

    def slider(self, name):
        return self.page.locator(f".st-{name} input[type=range]").first

    def keys(self, name, key, times=1):
        self.slider(name).focus()
        for _ in range(times):
            self.page.keyboard.press(key)

    def drag(self, name, part):
        """Drag a slider's handle with the mouse by a part of its length, in several moves as a hand does."""
        slider = self.slider(name)
        box = slider.bounding_box()
        at = slider.evaluate("e => (e.value - e.min) / (e.max - e.min)")
        handle = slider.evaluate("e => 1.3 * parseFloat(getComputedStyle(e).fontSize)")
        x, y = box["x"] + handle / 2 + at * (box["width"] - handle), box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        for share in range(1, 9):
            self.page.mouse.move(x + part * (box["width"] - handle) * share / 8, y)
            time.sleep(0.02)
        self.page.mouse.up()

    def type(self, name, value):
        """Type a weight into its number field."""
        self.page.locator(f".st-{name} .st-number").fill(str(value))
        self.page.keyboard.press("Enter")

    def picture(self, selector="img.st-picture"):
        """The bytes of a picture on the page, the painting's by default."""
        return base64.b64decode(self.page.locator(selector).evaluate(BYTES).partition(",")[2])

    def image(self, selector="img.st-picture"):
        return Image.open(io.BytesIO(self.picture(selector))).convert("RGB")

    def drop(self, selector, name, width, height, color="green"):
        """Drop a file with a picture of one colour on something."""
        self.page.evaluate(DROP, [selector, name, width, height, color])

    def problems(self):
        """The sentences that say that something went wrong."""
        return [text.strip() for text in self.page.locator(".st-problem").all_inner_texts() if text.strip()]

    def words(self, selector):
        return " ".join(self.page.locator(selector).first.inner_text().split())

    def menu(self, name, value):
        if name not in ("gram", "experiment") and not self.page.locator(".st-settings").evaluate("fold => fold.open"):
            self.page.locator(".st-settings summary").click()
        self.page.locator(f".st-{name} select").select_option(value)

    def card(self, place):
        return self.page.locator(".st-card").nth(place)

    def cards(self):
        """The names on the strip."""
        return self.page.locator(".st-card .st-name").evaluate_all("fields => fields.map(field => field.value)")

    def snapshot(self):
        """Press Snapshot and wait for the card."""
        before = len(self.cards())
        self.press("snapshot")
        self.card(before).wait_for()

    def scrub(self, step):
        """Pull the timeline to a step."""
        self.page.locator(".st-scrub input").fill(str(int(step)))
        self.page.locator(".st-back").wait_for()

    def wait_picture(self, other_than, selector="img.st-picture"):
        """Until a picture is not the one given."""
        for _ in range(300):
            if (now := self.picture(selector)) != other_than:
                return now
            time.sleep(0.1)
        raise AssertionError(f"{selector} did not change")
