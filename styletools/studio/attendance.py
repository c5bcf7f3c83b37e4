"""Whether a page still listens: it sends a beat every two seconds, and a studio that nobody sees shall not paint."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

SILENCE = 7.0  # seconds without a beat after which no page listens
EVERY = 1.0  # second: how often that is looked at


class Attendance:
    """Calls `leave` when beats stop, and `come` at the first one after that. Without any beat it does nothing.

    It looks at the clock in the notebook's own event loop. While that is busy with another cell, beats wait in the queue and
    prove nothing; so a look that comes late begins to count anew.
    """

    def __init__(self, come: Callable[[], None], leave: Callable[[], None]) -> None:
        self._come, self._leave = come, leave
        self._last_beat = self._last_look = 0.0
        self._watching = self._away = False

    def beat(self) -> None:
        """A page has said that it is there."""
        self._last_beat = time.monotonic()
        if self._away:
            self._away = False
            self._come()
        if not self._watching:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:  # no notebook: nobody to watch
                return
            self._watching, self._last_look = True, time.monotonic()
            loop.call_later(EVERY, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = time.monotonic()
        if now - self._last_look > 2 * EVERY:  # the notebook was busy
            self._last_beat = now
        self._last_look = now
        if now - self._last_beat > SILENCE:
            self._watching, self._away = False, True
            self._leave()
            return
        loop.call_later(EVERY, self._look, loop)
