"""The studio as `make studio` serves it, in a real browser, with mouse, keyboard and files: what a class does."""

import io
import re
import time
from itertools import pairwise
from statistics import median

from helpers import ROOT
from panel import BETA, Panel, difference
from PIL import Image

WATCH = """() => { window.blank = 0; window.seen = 0; const look = () => {
    const img = document.querySelector('img.st-picture'); window.seen++;
    if (!img || !img.src || img.hidden || !img.complete || !img.naturalWidth || img.getBoundingClientRect().height < 50)
        window.blank++;
    requestAnimationFrame(look) }; requestAnimationFrame(look) }"""
BIG = """[...document.querySelectorAll('img.st-big')].filter(img => img.naturalWidth)
    .map(img => img.alt.includes('strong')).join()"""
LISTEN = """() => { window.told = []; new MutationObserver(() => window.told.push(performance.now()))
    .observe(document.querySelector('.st-bar'), {attributes: true, attributeFilter: ['data-style']}) }"""


def test_it_paints_until_paused_and_every_knob_counts_at_once(panel):
    page = panel.page
    assert panel.look() == {"state": "idle", "step": 0}
    assert (page.title(), panel.words(".st-start"), panel.words(".st-state")) == ("Style transfer studio", "Start", "ready")
    page.evaluate(WATCH)
    first = panel.picture()
    panel.key(" ")
    panel.wait("d.state === 'running' && +d.step >= 10")
    second = panel.picture()
    panel.wait_steps(15)
    assert len({first, second, panel.picture()}) == 3
    seen, blank = page.evaluate("[window.seen, window.blank]")
    assert seen > 20 and blank == 0
    assert panel.words(".st-start") == "Pause" and " of " not in panel.words(".st-step-count")

    assert panel.look()["beta"] == BETA  # and not the nearest notch a browser would like
    panel.keys("beta", "ArrowRight", 10)
    panel.wait("Math.abs(+d.beta / (v.beta * 10 ** 0.2) - 1) < 0.01", beta=BETA)
    panel.drag("beta", 0.2)
    panel.wait("+d.beta > 3 * v.beta", beta=BETA)
    panel.drag("beta", -0.4)
    panel.wait("+d.beta < v.beta", beta=BETA)
    panel.type("beta", 12.5)
    panel.wait("d.beta === '12.5'")
    assert panel.slider("beta").get_attribute("aria-valuetext") == "12.5"
    panel.slider("beta").dblclick()
    panel.wait("+d.beta === v.beta", beta=BETA)
    page.locator(".st-losses .st-mark").first.wait_for()
    assert "β" in page.locator(".st-losses").first.inner_html()

    panel.wait("+d.step >= 120")
    before = panel.shares()
    assert 0.99 < sum(before.values()) < 1.01
    page.evaluate(LISTEN)
    panel.type("beta", 10 * BETA)
    panel.wait("+d.beta === 10 * v.beta", beta=BETA)
    assert panel.shares()["style"] > before["style"]
    time.sleep(3)
    told = page.evaluate("window.told")
    assert median(after - one for one, after in pairwise(told)) < 600  # milliseconds
    page.locator(".st-alpha-on input").uncheck()
    panel.wait("d.alpha === '0'")
    page.wait_for_function("document.querySelector('.st-bar').dataset.content === '0.0000'")
    assert "∞" in panel.words(".st-ratio")
    panel.wait_steps(20)
    page.locator(".st-alpha-on input").check()
    panel.wait("+d.alpha > 0")
    panel.wait_steps(20)
    curve = page.locator(".st-losses .st-line-content").evaluate_all("paths => paths.map(path => path.getAttribute('d'))")
    assert " ".join(curve).count("M") >= 2  # a gap where it was muted


def test_the_buttons_and_keys_do_what_they_say(panel):
    page = panel.page
    panel.start(5)
    held = panel.pause()
    assert panel.words(".st-start") == "Start"
    time.sleep(1)
    assert panel.step == held
    panel.press("step")
    panel.wait("+d.step === v.step", step=held + 1)
    panel.key("s")
    panel.card(0).wait_for()
    panel.card(0).locator(".st-name").click()
    page.keyboard.type(" r p")  # which is text here
    assert (panel.look()["state"], panel.step, page.locator(".st-projector").count()) == ("paused", held + 1, 0)
    panel.key("p")
    page.locator(".st-projector").wait_for()
    panel.key("Escape")
    page.wait_for_selector(".st-projector", state="detached")
    panel.key("?")
    assert "Space" in panel.words("dialog[open]")
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0

    page.locator(".st-start").focus()
    page.keyboard.press("Enter")
    panel.wait("d.state === 'running' && +d.step > v.step + 3", step=held)
    panel.key(" ")
    panel.wait("d.state === 'paused'")
    panel.key("r")
    panel.wait("d.state === 'idle' && d.step === '0'")
    page.wait_for_function("document.querySelectorAll('.st-card').length === 2")
    assert panel.cards()[0] == "last run"

    page.locator(".st-settings summary").click()
    page.locator(".st-steps input").fill("6")
    page.keyboard.press("Enter")
    panel.press("start")
    panel.wait("d.state === 'finished' && d.step === '6'")
    panel.keys("beta", "ArrowRight", 5)  # paints on, to show what it does
    panel.wait("+d.step === 12 && +d.beta > v.beta", beta=BETA)

    panel.menu("network", "vgg19-torchvision")
    panel.press("start")
    panel.wait("d.state === 'error'")
    (sentence,) = panel.problems()
    assert "STYLETOOLS_WEIGHTS" in sentence and "vgg19-slim" in sentence
    panel.menu("network", "vgg19-slim")
    panel.menu("recipe", "walkthrough")
    panel.press("start")
    panel.wait("+d.step >= 2 && d.beta === '1000000'")
    assert panel.problems() == []


def test_what_was_painted_is_kept_and_taken_up_again(panel, server):
    page = panel.page
    panel.press("snapshot")
    page.locator(".st-problem:not([hidden])").wait_for()
    assert panel.problems() == ["there is no picture yet: press Start or Step first."] and panel.cards() == []
    panel.start(10)
    panel.snapshot()
    panel.type("beta", 400)
    panel.wait("d.beta === '400'")
    panel.wait_steps(25)
    panel.snapshot()
    panel.type("tv", 90)
    panel.wait("d.tv === '90'")
    panel.wait_steps(25)
    end = panel.pause()
    panel.snapshot()

    panel.card(1).locator(".st-name").fill("strong style")
    page.keyboard.press("Enter")
    for place in range(3):
        panel.card(place).locator(".st-compare input").check()
    page.wait_for_function(f"{BIG} === 'true,false'")  # the third took the place of the first
    assert [panel.card(place).locator(".st-compare input").is_checked() for place in range(3)] == [False, True, True]
    a, b = page.locator("img.st-big").evaluate_all("both => both.map(one => one.getBoundingClientRect().toJSON())")
    assert a["y"] == b["y"] and a["height"] == b["height"] and a["right"] <= b["left"]
    files = {}
    for press in ("save", "sheet", "film"):
        with page.expect_download() as offered:
            panel.press(press)
        name = offered.value.suggested_filename
        files[press] = Image.open(io.BytesIO(offered.value.path().read_bytes()))
        page.wait_for_function("text => document.body.innerText.includes(text)", arg=str(server.folder / name))
        assert (server.folder / name).is_file()
    with page.expect_download() as offered:
        panel.card(1).locator(".st-download").click()
    with Image.open(offered.value.path()) as saved:
        assert '"beta": 400' in saved.info["styletools"]
    assert '"tv": 90' in files["save"].info["styletools"] and files["sheet"].width > 3 * 96
    assert files["film"].format == "GIF" and files["film"].n_frames > 10 and files["film"].size == files["save"].size

    now = panel.picture()
    panel.scrub(20)
    past = panel.wait_picture(now)
    assert difference(*(Image.open(io.BytesIO(data)).convert("RGB") for data in (now, past))) > 3
    words = page.locator("img.st-picture").get_attribute("alt")
    assert 0 < int(re.match(r"The painting at step (\d+) ", words)[1]) <= 20
    page.locator(".st-now").click()
    page.locator(".st-back").wait_for(state="hidden")
    panel.press("play")
    page.locator(".st-back").wait_for()
    panel.press("play")
    mark = page.locator(".st-losses .st-mark").first
    assert "→" in mark.text_content()
    mark.locator(".st-mark-hit").dispatch_event("click", {"bubbles": True})
    moved = int(mark.get_attribute("data-step"))
    words = "+document.querySelector('.st-past-words').innerText.match(/^step (\\d+)/)?.[1]"
    page.wait_for_function(f"step => {words} <= step && {words} > step - 15", arg=moved)  # the last picture before the move
    moved = page.evaluate(words)
    panel.press("back")
    panel.wait("d.state === 'paused' && +d.step === v.step", step=moved)
    page.locator(".st-back").wait_for(state="hidden")
    page.wait_for_function("document.querySelector('.st-card .st-name').value === 'last run'")
    panel.start(moved + 5)  # the branch
    branch = panel.pause()
    assert branch < end or panel.look()["tv"] != 90

    panel.card(2).locator(".st-restore").click()  # after "last run": the one with the strong style
    panel.wait("d.state === 'paused' && d.beta === '400' && d.tv !== '90'")
    page.wait_for_function("!document.querySelector('.st-beta .st-number').value.localeCompare('400')")
    panel.card(2).locator(".st-delete").click()
    page.wait_for_function("[...document.querySelectorAll('.st-name')].every(field => field.value !== 'strong style')")
    page.wait_for_function("document.querySelectorAll('img.st-big').length === 1")


def test_pictures_are_picked_loaded_and_dropped_and_show_who_pulls_where(panel, tmp_path):
    page = panel.page
    page.locator(".st-drop-style button").click()
    page.locator(".st-gallery .st-sample img").first.wait_for()
    assert page.locator(".st-gallery .st-sample").count() == len(list((ROOT / "img").glob("*.jpg")))
    page.locator(".st-gallery [data-name=the_harvest]").click()
    page.get_by_text("the harvest").first.wait_for()

    red, note = tmp_path / "red.png", tmp_path / "note.txt"
    Image.new("RGB", (80, 60), (200, 30, 30)).save(red)
    note.write_text("not a picture")
    page.set_input_files(".st-drop-content input", note)
    page.locator(".st-problem:not([hidden])").wait_for()
    assert panel.problems() == [
        "note.txt is not a picture that can be read (JPEG, PNG, WebP, ...): it holds text; choose the picture itself."
    ]
    page.set_input_files(".st-drop-content input", red)
    page.get_by_text("red.png").first.wait_for()
    page.wait_for_function("!document.querySelector('.st-problem:not([hidden])')")
    panel.start(3)
    assert panel.image().size == (96, 72)
    words = page.locator("img.st-picture").get_attribute("alt")
    assert words.startswith("Painting of a photograph of yours in the manner of the harvest, step ")
    panel.drop(".st-drop-style", "wide.png", 3000, 1500)
    page.get_by_text("wide.png").first.wait_for()
    panel.drop(".st-stage", "tall.png", 600, 900, "navy")  # on the painting: the content
    page.get_by_text("tall.png").first.wait_for()
    panel.wait("d.state === 'running' && +d.step >= 3")  # it goes on painting
    page.wait_for_function("document.querySelector('img.st-picture').naturalHeight === 96")
    assert panel.image().size == (64, 96)
    for role in ("content", "style"):
        page.locator(f".st-drop-{role} button").click()
        page.locator(f".st-gallery [data-name={'chelsea' if role == 'content' else 'great_wave'}]").click()
    page.get_by_text("great wave").first.wait_for()
    panel.wait("d.state === 'running' && +d.step >= 5")

    assert not page.locator("img.st-heat").is_visible()
    seen = {}
    for term in ("content", "style", "tv"):
        panel.press(f"heat-{term}")
        page.wait_for_function(f"document.querySelector('.st-heat-{term}').getAttribute('aria-pressed') === 'true'")
        page.locator("img.st-heat").wait_for()
        seen[term] = panel.wait_picture(list(seen.values())[-1] if seen else None, "img.st-heat")
    assert len(set(seen.values())) == 3
    panel.wait_picture(seen["tv"], "img.st-heat")  # it changes while it paints
    over, under = (page.locator(f"img.st-{name}").bounding_box() for name in ("heat", "picture"))
    assert over == under
    panel.press("heat-off")
    page.locator("img.st-heat").wait_for(state="hidden")

    panel.menu("gram", "relu2_1")
    page.locator("img.st-gram-now").wait_for()
    target = panel.picture("img.st-gram-target")
    words = panel.words(".st-gram-text")
    panel.type("beta", 1000)
    panel.wait_steps(80)
    assert panel.picture("img.st-gram-target") == target
    assert distance(panel.words(".st-gram-text")) < distance(words)
    panel.menu("gram", "")
    page.locator("img.st-gram-now").wait_for(state="hidden")


def distance(words):
    """The last number of a sentence."""
    numbers = [word.strip(".,%") for word in words.split()]
    return float(next(word for word in reversed(numbers) if word.replace(".", "", 1).isdigit()))


def test_an_experiment_asks_first_and_an_address_opens_the_same_studio(panel, open_studio, server, new_page):
    page = panel.page
    panel.menu("experiment", "who_pulls")
    page.locator(".st-question").wait_for()
    assert panel.words(".st-question").endswith("?") and not page.locator(".st-answer").is_visible()
    page.wait_for_function("document.querySelector('.st-thumb-name').innerText === 'summer palace'")
    page.locator(".st-reveal").click()
    assert page.locator(".st-answer").is_visible()
    page.locator(".st-experiment-card .st-close").click()
    page.locator(".st-question").wait_for(state="hidden")
    panel.menu("experiment", "beta_ladder")
    page.locator(".st-question").wait_for()
    assert not page.locator(".st-answer").is_visible()
    panel.wait("d.step === '0'")
    panel.start(102)
    panel.wait("+d.step > 100 && d.beta === '1'")  # it moved by itself
    assert page.locator(".st-beta .st-number").input_value() in ("0.1", "1")
    panel.pause()
    page.locator(".st-experiment-card .st-close").click()
    page.locator(".st-question").wait_for(state="hidden")

    panel.menu("recipe", "balanced")
    panel.menu("init", "noise")
    panel.menu("size", "128")
    panel.type("beta", 77)
    panel.wait("d.step === '0'")
    page.wait_for_function("document.querySelector('.st-beta .st-number').value === '77'")
    panel.press("projector-button")
    page.locator(".st-projector").wait_for()
    panel.key("p")
    time.sleep(1)
    panel.press("address")
    page.get_by_text("Address copied").wait_for()
    address = page.evaluate("navigator.clipboard.readText()")
    assert address.startswith(server.address) and server.token not in address
    other = new_page()
    other.goto(f"{address}&token={server.token}")
    same = Panel(other)
    assert same.words(".st-drop-content") == panel.words(".st-drop-content") == "Content summer palace"
    assert same.words(".st-settings-words") == "balanced · vgg19-slim · 128 pixels · from noise"
    assert other.locator(".st-beta .st-number").input_value() == "77"
    page.close()

    wrong = open_studio("content=../../secret.png&projector=1", other)
    (sentence,) = wrong.problems()
    assert sentence.startswith("The address makes no sense: the address says content=")
    assert wrong.words(".st-drop-content") == "Content eilean donan"
    wide = open_studio("projector=1&experiment=tv_up&tv=5", other)
    other.locator(".st-projector").wait_for()
    other.locator(".st-question").wait_for()
    assert (other.locator(".st-tv .st-number").input_value(), wide.problems()) == ("5", [])


def test_without_the_token_there_is_no_page(page, server):
    before = {kernel.pid for kernel in server.kernels()}
    page.goto(server.address)
    assert page.locator("img.st-picture").count() == 0 and {kernel.pid for kernel in server.kernels()} <= before
