"""JupyterLab and Voila as a user has them, on a free port, with folders of their own and no settings of this computer."""

import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
from helpers import ROOT

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHROMIUM_OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
NOWHERE = "http://127.0.0.1:9"  # a proxy that is not there: a download fails at once, with a network or without
FOLDERS = {
    "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "settings", "IPYTHONDIR": "home",
    "STYLETOOLS_WEIGHTS": "weights", "TORCH_HOME": "weights", "TMPDIR": "temporary",
}  # fmt: skip


@dataclass(frozen=True)
class Server:
    """A server that runs: where it answers, and what runs under it."""

    address: str
    token: str
    folder: Path
    process: psutil.Popen

    def kernels(self):
        """The processes of its kernels."""
        children = [child for child in self.process.children() if child.status() != psutil.STATUS_ZOMBIE]
        return [child for child in children if any("ipykernel" in word for word in child.cmdline())]

    def kill(self):
        """End it without a word to its pages, and its kernels too."""
        for process in [*self.process.children(recursive=True), self.process]:
            process.kill()


def write_notebook(path, *cells):
    """A notebook with the given code cells."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(notebook, path)
    return path


def as_make_gives_it():
    """The environment that `make lab` and `make studio` set."""
    return dict(re.findall(r"^lab studio: export (\w+) = (\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE))


@contextmanager
def serve(module, folder, *options, **more):
    """Run `python -m module` in `folder` until the block ends, as `make` does it; `more` goes into its environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(8)
    own = {name: str(folder / ".server" / place) for name, place in FOLDERS.items()}
    for path in own.values():
        Path(path).mkdir(parents=True, exist_ok=True)
    quiet = Path(own["JUPYTER_CONFIG_DIR"]) / "labconfig" / "page_config.json"  # no question about news
    quiet.parent.mkdir(exist_ok=True)
    quiet.write_text('{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}')
    proxy = {"https_proxy": NOWHERE, "http_proxy": NOWHERE, "no_proxy": "127.0.0.1,localhost", "PYTHONPATH": str(ROOT)}
    usual = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}  # a user has not set it
    environment = {**usual, **as_make_gives_it(), **own, **proxy, **more}
    log = (folder / ".server" / f"{module}.log").open("w")
    command = [sys.executable, "-m", module, f"--port={port}", *(option.format(token=token) for option in options)]
    process = psutil.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_for(port, process, log)
        yield Server(f"http://127.0.0.1:{port}", token, folder, process)
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def wait_for(port, process, log, seconds=120):
    """Until the server answers at all: a page of Voila's would start a kernel, so only the connection counts."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the server did not start:\n{Path(log.name).read_text()[-2000:]}")


def voila(folder, *options, **more):
    """Serve the studio as `make studio` does, from a copy of its folder."""
    for file in (ROOT / "notebooks" / "studio").glob("*.*"):
        shutil.copy(file, folder)
    return serve("voila", folder, "panel.ipynb", "--no-browser", "--token={token}", *options, **more)


def lab(folder, **more):
    """Serve `folder` with JupyterLab, which then can be asked from a page as `window.jupyterapp`."""
    return serve(
        "jupyterlab", folder, "--no-browser", "--allow-root", "--IdentityProvider.token={token}",
        "--LabApp.expose_app_in_browser=True", "--LabServerApp.notebook_starts_kernel=True", **more,
    )  # fmt: skip
