"""The studio in JupyterLab, in a real browser: one long scenario."""

from looks import cut_off
from panel import BETA, Panel
from servers import lab, write_notebook

READY = """async () => {
    while (!window.jupyterapp?.shell.currentWidget?.context) await new Promise(go => setTimeout(go, 100));
    const context = window.jupyterapp.shell.currentWidget.context;
    await context.ready; await context.sessionContext.ready;
    while (context.sessionContext.session?.kernel?.connectionStatus !== 'connected')
        await new Promise(go => setTimeout(go, 100));
    await context.sessionContext.session.kernel.info;
}"""
RESTART = "async () => { await window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart() }"
RUN_ALL = "window.jupyterapp.commands.execute('notebook:run-all-cells')"


def test_the_studio_in_jupyterlab(page, tmp_path):
    write_notebook(
        tmp_path / "studio.ipynb",
        "import styletools as st",
        "studio = st.Studio(size=96)\nstudio",
        "print('the answer is', 6 * 7, studio.state)",
        "import time; time.sleep(4)",
    )
    with lab(tmp_path, OMP_NUM_THREADS="1") as server:
        page.goto(f"{server.address}/lab/tree/studio.ipynb?token={server.token}")
        page.evaluate(READY)
        page.evaluate(RUN_ALL)
        page.get_by_text("the answer is 42 idle").wait_for()
        panel = Panel(page)
        page.locator(".st-studio").scroll_into_view_if_needed()
        panel.start(10)
        panel.keys("beta", "ArrowRight", 10)
        panel.wait("Math.abs(+d.beta / (v.beta * 10 ** 0.2) - 1) < 0.01", beta=BETA)
        panel.drag("beta", 0.25)
        panel.wait("+d.beta > 3 * v.beta", beta=BETA)
        panel.slider("beta").focus()
        page.keyboard.press("s")  # a key of the studio, though JupyterLab has its own
        panel.card(0).wait_for()
        assert cut_off(page) == []
        panel.press("projector-button")
        page.locator(".st-projector").wait_for()
        box = page.locator(".st-studio").bounding_box()
        assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 1280, 720)
        assert page.evaluate("document.elementFromPoint(5, 5).closest('.st-studio') !== null")  # above JupyterLab's own
        assert cut_off(page) == []
        panel.press("projector-button")

        before = panel.step  # another cell is usable while it paints
        cells = page.locator(".jp-NotebookPanel .jp-Cell")
        cells.nth(2).locator(".jp-InputPrompt").click()
        page.evaluate("window.jupyterapp.commands.execute('notebook:run-cell')")
        page.get_by_text("the answer is 42 running").wait_for()
        panel.wait("+d.step > v.step + 5", step=before)
        page.locator(".jp-NotebookPanel .jp-Cell").nth(3).locator(".jp-InputPrompt").click()
        page.evaluate("window.jupyterapp.commands.execute('notebook:run-cell')")  # which says nothing for four seconds
        panel.wait("+d.step > v.step + 10", step=panel.step)
        assert not page.locator(".st-lost").is_visible()

        page.evaluate(RESTART)
        page.locator(".st-lost").wait_for(timeout=12_000)
        assert panel.words(".st-lost").endswith("if it was restarted, run the cell again.")
        assert panel.words(".st-state") == "no answer" and page.locator(".st-start").is_disabled()
        assert page.locator("img.st-picture").evaluate("img => img.naturalWidth") == 96
        page.evaluate(READY)
        page.evaluate(RUN_ALL)
        page.get_by_text("the answer is 42 idle").wait_for()
        page.locator(".st-lost").wait_for(state="hidden")
        panel = Panel(page)
        panel.start(5)
