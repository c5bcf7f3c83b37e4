"""The studio in JupyterLab, in a real browser: one long scenario."""

import time

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


def test_the_studio_in_jupyterlab(page, tmp_path):
    write_notebook(
        tmp_path / "studio.ipynb",
        "import styletools as st",
        "studio = st.Studio(size=96, steps=100_000)\nstudio",
        "print('the answer is', 6 * 7, studio.state)",
    )
    with lab(tmp_path) as (address, token):
        page.goto(f"{address}/lab/tree/studio.ipynb?token={token}")
        page.evaluate(READY)
        page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
        page.get_by_text("the answer is 42 idle").wait_for()
        panel = Panel(page)
        page.locator(".st-studio").scroll_into_view_if_needed()
        panel.press("start")
        panel.wait("+d.step >= 10")
        panel.keys("beta", "ArrowRight", 10)
        panel.wait("Math.abs(+d.beta / (v.beta * 10 ** 0.2) - 1) < 0.001", beta=BETA)
        panel.drag("beta", 60)
        panel.wait("+d.beta > 3 * v.beta", beta=BETA)
        assert panel.cut_off() == []

        before = panel.look()["step"]  # another cell is usable while it paints
        page.locator(".jp-NotebookPanel .jp-Cell").nth(2).locator(".jp-InputPrompt").click()
        page.evaluate("window.jupyterapp.commands.execute('notebook:run-cell')")
        page.get_by_text("the answer is 42 running").wait_for()
        panel.wait("+d.step > v.step + 5", step=before)

        page.evaluate("""async () => {
            await window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart() }""")
        time.sleep(1)
        page.evaluate(READY)
        page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
        page.get_by_text("the answer is 42 idle").wait_for()
        panel = Panel(page)
        panel.press("start")
        panel.wait("d.state === 'running' && +d.step >= 5")
