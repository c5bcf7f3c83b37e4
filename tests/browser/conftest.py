"""Fixtures of the browser tests. Without Chromium they are skipped, unless BROWSER_TESTS=required says not to."""

import os

import pytest
from servers import CHROMIUM, CHROMIUM_OPTIONS, voila, write_notebook

SIZE = {"width": 1280, "height": 720}  # of a small projector


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
def page(chromium):
    page = chromium.new_page(viewport=SIZE)
    page.set_default_timeout(60_000)
    yield page
    if page.locator(".st-pause").count():  # a kernel must not paint on beside the next test
        page.locator(".st-pause").first.click()
    page.goto("about:blank")  # which makes Voila end the page's kernel
    page.close()


@pytest.fixture(scope="session")
def voila_server(tmp_path_factory):
    """Serves panel.ipynb, a studio that is small and quick and never finishes by itself."""
    folder = tmp_path_factory.mktemp("voila")
    write_notebook(folder / "panel.ipynb", "import styletools as st", "st.Studio(size=96, steps=100_000)")
    with voila(folder) as server:
        yield *server, folder
