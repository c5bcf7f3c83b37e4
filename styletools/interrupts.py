"""Ctrl-C and SIGTERM on the command line: told once, between two layers, and never while the picture is written."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """While this context lasts signals are only noted, and `check` raises KeyboardInterrupt when there was one.

    An exception raised at any moment, as Python itself does it, may end the whole program where torch has called back: it
    aborts. Outside the main thread, where Python takes no signals, nothing changes.
    """

    def __init__(self) -> None:
        self.signal = 0  # the first that came
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_IGN if handler is leave else handler)  # all is said: the process ends

    def check(self, *_: object) -> None:
        """Raise KeyboardInterrupt when there was a signal."""
        if self.signal:
            raise KeyboardInterrupt

    def watch(self, network: nn.Module) -> None:
        """Check before every layer too: a step may take long."""
        for layer in network.children():
            layer.register_forward_pre_hook(self.check)

    @property
    def status(self) -> int:
        """The exit status of a program that was interrupted so: 130 after Ctrl-C, 143 after SIGTERM."""
        return 128 + (self.signal or signal.SIGINT)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = self.signal or number


def leave(number: int, frame: FrameType | None) -> None:
    """End the program before it has begun: a sentence instead of the traceback of an import."""
    os.write(2, b"styletools: interrupted; nothing was painted yet.\n")
    os._exit(128 + number)


# `python -m styletools` imports torch first, for seconds; any other program is left alone.
if sys.argv[:1] == ["-m"] and sys.orig_argv[sys.orig_argv.index("-m") :][1:2] == ["styletools"]:
    for number in SIGNALS:
        signal.signal(number, leave)
