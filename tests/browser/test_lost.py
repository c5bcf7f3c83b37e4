"""Nothing is lost and nothing runs on: pages that close, vanish or come back, a server that dies, two pages at once."""

import time

import pytest
from panel import Panel, difference
from servers import voila

SOON = 10  # seconds in which a page or its kernel has to notice


@pytest.fixture
def fragile(tmp_path):
    """A server of its own that culls soon, with as many threads as a user has."""
    with voila(tmp_path, "--MappingKernelManager.cull_idle_timeout=10", "--MappingKernelManager.cull_interval=1") as running:
        yield running


def until(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.2)


def busy(process, seconds=0.5):
    """The part of a core that a process uses."""
    before = sum(process.cpu_times()[:2])
    time.sleep(seconds)
    return (sum(process.cpu_times()[:2]) - before) / seconds


def parts_of_alone(panel, other, seconds=2.5):
    """How fast two pages paint beside each other, as parts of what the first one does alone."""
    other.pause()
    if panel.look()["state"] != "running":
        panel.start(panel.step + 2)
    alone = panel.speed(seconds)
    other.start(other.step + 2)
    before, began = (panel.step, other.step), time.monotonic()
    time.sleep(seconds)
    now, took = (panel.step, other.step), time.monotonic() - began
    speeds = [(step - first) / took for first, step in zip(before, now, strict=True)]
    panel.pause()
    other.pause()
    print(f"steps/s: alone {alone:.1f}, beside each other {speeds[0]:.1f} and {speeds[1]:.1f}")
    return [speed / alone for speed in speeds]


def test_a_page_that_goes_ends_its_kernel_and_one_that_comes_back_has_everything(server, open_studio, page):
    others = {kernel.pid for kernel in server.kernels()}
    own = lambda: [kernel for kernel in server.kernels() if kernel.pid not in others]  # noqa: E731
    panel = open_studio("beta=33", page)
    panel.start(15)
    panel.snapshot()
    panel.card(0).locator(".st-name").fill("first")
    page.keyboard.press("Enter")
    panel.type("tv", 7)
    panel.wait("d.tv === '7'")
    panel.wait_steps(10)
    panel.snapshot()
    held = panel.pause()
    before = panel.image()
    (old,) = own()
    page.reload()
    panel = Panel(page)
    panel.wait("+d.step === v.step && d.state === 'paused'", step=held)
    assert panel.cards() == ["first", "2"]
    page.get_by_text(f"Your studio is back: step {held}, 2 snapshots.").wait_for()
    assert (panel.look()["beta"], panel.look()["tv"]) == (33, 7)
    page.wait_for_function("!document.querySelector('.st-picture').hidden")
    after = panel.image()
    assert after.size == before.size and difference(after, before) < 2
    until(lambda: old.pid not in {kernel.pid for kernel in own()}, SOON, "the reloaded page's first kernel lives on")
    panel.start(held + 5)  # and paints on
    assert len(own()) == 1
    page.goto("about:blank")
    until(lambda: own() == [], SOON, "the closed page's kernel lives on")


def test_a_lost_page_holds_its_kernel_and_a_lost_server_is_said(fragile, open_studio, new_page):
    panel = open_studio(at=fragile, size=256)
    panel.start(10)
    second = open_studio(at=fragile, size=256)
    second.start(10)
    rounds = []
    while not rounds or (max(rounds) < 0.4 and len(rounds) < 3):  # another program may disturb one
        rounds.append(min(parts_of_alone(panel, second)))
    assert max(rounds) >= 0.4, rounds

    second.start(second.step + 2)
    kernels = fragile.kernels()
    second.page.close()  # without a word: a computer that goes to sleep, a tab that crashes
    left = time.monotonic()
    until(lambda: all(busy(kernel) < 0.2 for kernel in kernels), SOON, "a kernel without a page paints on")
    print(f"asleep after {time.monotonic() - left:.1f} s")
    until(lambda: len(fragile.kernels()) == 1, 40, "an idle kernel is not culled")
    panel.start(panel.step + 5)  # the one with a page is not

    painted = panel.picture()
    fragile.kill()
    panel.page.locator(".st-lost").wait_for(timeout=1000 * SOON + 2000)
    assert panel.words(".st-lost").endswith("The connection is lost: reload the page; what you painted comes back.")
    assert panel.words(".st-state") == "no answer"
    for control in (".st-start", ".st-beta input[type=range]", ".st-snapshot", ".st-heat-style", ".st-drop-content button"):
        assert panel.page.locator(control).first.is_disabled(), control
    box = panel.page.locator("img.st-picture").bounding_box()
    assert box["height"] > 200 and len(panel.picture()) > 0.5 * len(painted)
