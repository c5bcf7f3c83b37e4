"""JupyterLab and Voila as a user has them, on a free port, with folders of their own and no settings of this computer."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import nbformat
from helpers import ROOT

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHROMIUM_OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
NOWHERE = "http://127.0.0.1:9"  # a proxy that is not there: a download fails at once, with a network or without


def write_notebook(path, *cells):
    """A notebook with the given code cells."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(notebook, path)
    return path


@contextmanager
def serve(module, folder, *options):
    """Run `python -m module` in `folder` until the block ends; yields the address up to the path, and the token."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(8)
    own = {name: str(folder / ".server" / name) for name in ("config", "data", "runtime", "settings", "home", "weights")}
    for path in own.values():
        Path(path).mkdir(parents=True, exist_ok=True)
    quiet = Path(own["config"]) / "labconfig" / "page_config.json"  # no question about news
    quiet.parent.mkdir(exist_ok=True)
    quiet.write_text('{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}')
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": own["config"], "JUPYTER_DATA_DIR": own["data"], "JUPYTER_RUNTIME_DIR": own["runtime"],
        "JUPYTERLAB_SETTINGS_DIR": own["settings"], "JUPYTERLAB_WORKSPACES_DIR": own["settings"], "IPYTHONDIR": own["home"],
        "STYLETOOLS_WEIGHTS": own["weights"], "TORCH_HOME": own["weights"], "https_proxy": NOWHERE, "http_proxy": NOWHERE,
        "no_proxy": "127.0.0.1,localhost", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    log = (folder / ".server" / f"{module}.log").open("w")
    command = [sys.executable, "-m", module, f"--port={port}", *(option.format(token=token) for option in options)]
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/?token={token}" if module == "voila" else f"{address}/api", process, log)
        yield address, token
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def wait_for(address, process, log, seconds=60):
    """Until the server answers at all: a page of Voila's would start a kernel, so only the connection counts."""
    host, port = address.split("/")[2].split(":")
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            with socket.create_connection((host, int(port)), 1):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the server did not start:\n{Path(log.name).read_text()[-2000:]}")


def voila(folder):
    """Serve every notebook of `folder` with Voila."""
    return serve("voila", folder, "--no-browser", "--token={token}")


def lab(folder):
    """Serve `folder` with JupyterLab, which then can be asked from a page as `window.jupyterapp`."""
    return serve(
        "jupyterlab", folder, "--no-browser", "--allow-root", "--IdentityProvider.token={token}",
        "--LabApp.expose_app_in_browser=True", "--LabServerApp.notebook_starts_kernel=True",
    )  # fmt: skip
