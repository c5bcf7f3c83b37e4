"""What can go wrong, each kind with a message of one sentence for the person who reads it: what was wrong, what to do."""

from __future__ import annotations

from . import interrupts  # noqa: F401 - first of all: torch takes seconds, and so may a signal


class StyleError(Exception):
    """Anything this package refuses or has to give up. Catch this one to catch them all."""


class ImageError(StyleError, ValueError):
    """A picture that cannot be found, read, resized or written."""


class SettingsError(StyleError, ValueError):
    """A setting that makes no sense, or a saved run or job that cannot be read."""


class WeightsError(StyleError, RuntimeError):
    """The weights of a network cannot be found, fetched or trusted."""


class DivergedError(StyleError, RuntimeError):
    """The loss is no longer a finite number; the transfer holds the last good picture."""
