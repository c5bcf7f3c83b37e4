"""Small things that several test files need."""

import atexit
import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "styletools"
PATIENCE = 120  # seconds

NURSERY = """
import gc, json, os, sys

import torch  # the two seconds that every program would wait; nothing of ours

gc.freeze()  # what is here now need not be looked through when a child ends
for line in sys.stdin:
    order = json.loads(line)
    child = os.fork()
    if not child:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    sys.exit()

for stream, (name, flags) in enumerate(((os.devnull, os.O_RDONLY), (order["out"], os.O_WRONLY), (order["err"], os.O_WRONLY))):
    os.dup2(os.open(name, flags), stream)
os.chdir(order["cwd"])
os.environ.clear()
os.environ.update(order["environment"])
sys.path.insert(1, order["path"])
how, what, *sys.argv[1:] = order["arguments"]
if how == "-m":
    what = f"import runpy; runpy.run_module({what!r}, run_name='__main__', alter_sys=True)"
what = compile(what, "<string>", "exec")
del child, flags, gc, how, json, line, name, order, os, stream, sys, torch
exec(what)
"""


def run_python(*arguments, cwd=None, path=ROOT, **environment):
    """Run `-c PROGRAM` or `-m MODULE` in a Python of its own: one thread, warnings are errors, `path` is searched first.

    On Linux it is forked from one that has imported torch and nothing else, which takes milliseconds instead of seconds.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "PYTHONPATH": str(path), **environment}
    arguments = [str(argument) for argument in arguments]
    if sys.platform != "linux":  # Apple's libraries do not survive a fork, and Windows has none
        command = [sys.executable, "-W", "error", *arguments]
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        out.touch(), err.touch()
        order = {"arguments": arguments, "cwd": str(cwd or Path.cwd()), "path": str(path), "environment": environment}
        status = nursery().run({**order, "out": str(out), "err": str(err)})
        return subprocess.CompletedProcess(arguments, status, out.read_text(), err.read_text())


class Nursery:
    """A Python with torch that forks a child for every program it is given."""

    def __init__(self):
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        environment.pop("PYTHONPATH", None)
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", NURSERY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/",
            env=environment, start_new_session=True,
        )  # fmt: skip
        atexit.register(self.process.communicate)  # no more orders: it ends

    def run(self, order):
        """Run one program and return its exit status."""
        timer = threading.Timer(PATIENCE, os.killpg, (self.process.pid, signal.SIGKILL))
        timer.start()
        try:
            print(json.dumps(order), file=self.process.stdin, flush=True)
            if status := self.process.stdout.readline():
                return int(status)
            nursery.cache_clear()
            raise TimeoutError(f"it took longer than {PATIENCE} s")
        finally:
            timer.cancel()


@functools.cache
def nursery():
    """The one of this test run."""
    return Nursery()


def pixels(transfer):
    """The picture that the optimiser has, whatever is shown."""
    return transfer._descent.picture.detach().clone()
