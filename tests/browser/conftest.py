"""Fixtures of the browser tests. Without Chromium they are skipped, unless BROWSER_TESTS=required says not to."""

import os

import pytest
from panel import Panel
from servers import CHROMIUM, CHROMIUM_OPTIONS, voila

SIZE = (1280, 720)  # of a small projector
PATIENCE = 45_000  # milliseconds


def pytest_collection_modifyitems(items):
    if CHROMIUM is None and os.environ.get("BROWSER_TESTS") == "required":
        raise pytest.UsageError("the browser tests are required and there is no Chromium")
    for item in items:
        if CHROMIUM is None and "browser" in item.path.parts:
            item.add_marker(pytest.mark.skip("no Chromium on this computer"))


@pytest.fixture(scope="session")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium):
    """new_page(width, height): an empty page in a browser's profile of its own."""
    contexts = []

    def make(width=SIZE[0], height=SIZE[1]):
        context = chromium.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        return page

    yield make
    for context in contexts:
        for page in context.pages:
            if not page.is_closed():
                page.goto("about:blank")  # which makes Voila end the page's kernel
        context.close()


@pytest.fixture
def page(new_page):
    page = new_page()
    yield page
    assert page.errors == []


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """What `make studio` serves."""
    with voila(tmp_path_factory.mktemp("voila"), OMP_NUM_THREADS="1") as running:
        yield running


@pytest.fixture
def open_studio(server, new_page):
    """open_studio("beta=100"): a small studio opened by its address, on a new page, or on one that is given."""

    def make(query="", page=None, at=server, size=96):
        page = page or new_page()
        page.goto(f"{at.address}/?token={at.token}&size={size}&{query}")
        return Panel(page)

    return make


@pytest.fixture
def panel(open_studio, page):
    return open_studio(page=page)
