"""What the studio shows: its frames, pictures, cards and settings become the values of the page.

The worker's thread runs `publish` and `look` and writes what belongs to frames; everything else runs on the notebook's thread.
"""

from __future__ import annotations

import atexit
import time
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from PIL import Image

from .. import maps
from ..arguments import shortened
from ..colors import COLORS
from ..errors import SettingsError, StyleError
from ..images import as_image, fit_size
from ..jobs import Job
from ..recipes import RECIPES, Recipe, Weights
from . import address, views
from .attendance import Attendance
from .experiments import EXPERIMENTS
from .frame import Engine, Frame
from .mixing import controls, shown_mask
from .safekeeping import Safe
from .settings import beginning, check_steps, label_of, setup
from .strip import card_data
from .styling import ROLES

if TYPE_CHECKING:
    from .studio import Studio

THUMB = 512  # pixels of the longer side of the pictures that are painted from; the wipe shows one over the painting
TELL_EVERY = 1.0  # seconds between two timelines sent to the page while painting
KEEP_EVERY = 10.0  # seconds after which what is painted is written down for a reload
TERMS = ("content", "style", "tv")


class Screen:
    """Writes what one studio's page shows. experiment: the key of the open one. projector: whether few controls are shown."""

    def __init__(self, studio: Studio, projector: bool) -> None:
        self.studio: Studio = weakref.proxy(studio)
        self.recipes: dict[str, Recipe] = dict(RECIPES)  # in the menu: those that have a name, and one of the user's own
        self.projector, self.experiment = projector, ""
        self.heat, self.gram = "", ""  # the term whose pull is laid over the painting; the layer whose Gram matrix is shown
        self._attendance = Attendance(self._come, self._leave)
        self._safe: Safe | None = None
        self._opened: tuple[Job, Weights, bool] | None = None  # how the page found the studio: nothing to be kept yet
        self._welcome = ""  # what is said when a run has come back
        self._told_at = self._kept_at = 0.0
        self._coming_back = 0  # the step to which a run is painted again after a reload; until then it stays on disk as it was
        self._script_from = 0  # what the experiment's script says of earlier steps is not for the present run
        self._followed = -1  # the step up to which it was followed

    # --- on the worker's thread ------------------------------------------------------------------------------------------

    def publish(self, frame: Frame) -> None:
        """Show a frame."""
        panel, timeline = self.studio.panel, self.studio.timeline
        if frame.image is not None:
            moment = timeline.at(frame.done)  # which the loop has just made, but for steps that are painted again
            panel.painting = moment.jpeg if moment and moment.step == frame.done else views.jpeg(frame.image)
        panel.frame = views.frame_data(frame)
        self._follow_script(frame)
        seen = frame.extra or {"heat": b"", "gram": b"", "gram_target": b"", "gram_text": ""}
        for name, value in seen.items():
            setattr(panel, name, value)
        if frame.done >= self._coming_back:
            self._coming_back = 0
        now = time.monotonic()
        if frame.state != "running" or now - self._told_at > TELL_EVERY:
            self._told_at = now
            panel.timeline = views.timeline_data(timeline, frame.moves)

    def _follow_script(self, frame: Frame) -> None:
        """Turn the knobs that the open experiment turns by itself, at the first frame after their step."""
        if not self.experiment or frame.job is not self.studio.loop.job:
            return
        if frame.done < self._followed:  # it went back, or began anew
            self._followed = frame.done - 1
        since, self._followed = max(self._followed, self._script_from - 1), frame.done
        due = [turned for step, turned in EXPERIMENTS[self.experiment].script if since < step <= frame.done]
        if due:
            self.studio.loop.set(**{name: value for turned in due for name, value in turned.items()})

    def look(self, engine: Engine, weights: Weights) -> dict[str, Any]:
        """Make the pictures of who pulls and of the Gram matrices, where they are asked for."""
        seen: dict[str, Any] = {"heat": b"", "gram": b"", "gram_target": b"", "gram_text": ""}
        if self.heat:
            pulls = engine.pulls or engine.measure(weights)
            pull = maps.pull_map(pulls.gradients[TERMS.index(self.heat)])
            picture = maps.heat(pull, engine.image(), COLORS[self.heat])  # on its own scale: the bar says how much each pulls
            seen["heat"] = views.jpeg(picture)
        if self.gram:
            gram, target = engine.gram(self.gram)
            now, wanted = maps.gram_pair(gram, target)
            text = views.gram_text(self.gram, maps.gram_distance(gram, target))
            seen |= {"gram": views.png(now), "gram_target": views.png(wanted), "gram_text": text}
        return seen

    # --- on the notebook's thread ------------------------------------------------------------------------------------------

    def watch(self, name: str, value: str | bool) -> None:
        """Choose what is laid over the painting, whose Gram matrix is shown, or whether few controls are.

        Raises SettingsError for what cannot be shown.
        """
        known = {"heat": TERMS, "gram": tuple(self.studio.loop.job.recipe.style_layers), "projector": (True, False)}[name]
        if value not in ("", *known):
            raise SettingsError(f"{name} is {shortened(value)}; expected one of {', '.join(map(str, known))}.")
        setattr(self, name, bool(value) if name == "projector" else value)
        if name != "projector":
            self.studio.loop.show()

    def begin_at(self, step: int) -> None:
        """A run begins, or is taken up again, at a step. What it was before is no more to be kept."""
        self._script_from, self._coming_back = step, 0

    def open_experiment(self, key: str) -> None:
        """Show the question of an experiment, and follow its script; nothing for an empty key."""
        self.experiment = key
        self.show_settings()

    def show_all(self) -> None:
        """Show pictures, cards and settings."""
        studio, job = self.studio, self.studio.loop.job
        pictures = dict(zip(ROLES, (job.content, *(one.picture for one in job.styles)), strict=False))
        for role in ROLES:
            setattr(studio.panel, f"{role}_picture", thumbnail(pictures[role]) if role in pictures else b"")
        mask = shown_mask(job)
        studio.panel.mask = b"" if mask is None else views.png(mask)
        if studio.loop.frame.image is None:
            studio.panel.painting = views.jpeg(photograph(job))
        self.show_cards()
        self.show_settings()

    def show_cards(self) -> None:
        """Show the strip, and the cards that stand side by side."""
        strip = self.studio.strip
        self.studio.panel.cards = [card_data(card) for card in strip.cards]
        self.studio.panel.compared = [card_data(strip.card(number), size=None) for number in strip.compared]

    def show_settings(self) -> None:
        """Set every control to what the loop has."""
        studio, loop = self.studio, self.studio.loop
        if loop.job.recipe not in self.recipes.values():
            self.recipes["as saved"] = loop.job.recipe
        if self.gram not in loop.job.recipe.style_layers:
            self.gram = ""
        pictures = (loop.job.content, *(one.picture for one in loop.job.styles))
        labels = {role: label_of(picture) for role, picture in zip(ROLES, pictures, strict=False)}
        studio.panel.setup = {
            **setup(loop.job, loop.weights, loop.steps, labels, self.recipes),
            **controls(loop.job.styles, labels.get("second", "")),
            "heat": self.heat,
            "gram": self.gram,
            "projector": self.projector,
            "address": studio.address,
            "left_out": address.left_out(loop.job),
            "experiments": [{"key": one.key, "title": one.title} for one in EXPERIMENTS.values()],
        }
        one = EXPERIMENTS.get(self.experiment)
        shown = one and {name: getattr(one, name) for name in ("key", "title", "question", "look_at", "answer")}
        studio.panel.experiment = shown

    # --- whether anybody looks --------------------------------------------------------------------------------------------

    def attend(self, tab: str, keeps: bool) -> None:
        """A page says that it is there. keeps: a page that is loaded again gets a new kernel, and wants back what it showed."""
        studio = self.studio
        if keeps and self._safe is None:
            with suppress(OSError, ValueError):
                self._safe, self._opened = Safe(tab, studio.address), (studio.loop.job, studio.loop.weights, self.projector)
                atexit.register(self._keep)
                self._bring_back()
        self._attendance.beat()
        studio.panel.tell("beat")
        if self._welcome and not self._coming_back:
            studio.hands.note(self._welcome)
            self._welcome = ""
        if studio.panel.setup["weights"] != views.weights_data(studio.loop.weights):  # a script has moved them
            self.show_settings()
        if time.monotonic() - self._kept_at > KEEP_EVERY:
            self._keep()

    def close(self) -> None:
        """Write nothing down any more."""
        self._safe = None
        atexit.unregister(self._keep)

    def _come(self) -> None:
        with suppress(ReferenceError):  # the studio may be gone
            self.studio.loop.wake()

    def _leave(self) -> None:
        with suppress(ReferenceError, StyleError):
            loop = self.studio.loop
            loop.sleep()
            self._keep(loop.capture()[1] if loop.frame.done else None)

    def _keep(self, state: dict[str, Any] | None = None) -> None:
        """Write down what is painted, for a reload. state: the engine's; by default the last checkpoint's."""
        self._kept_at = time.monotonic()
        with suppress(ReferenceError, OSError, StyleError):
            studio, frame = self.studio, self.studio.loop.frame
            changed = self._opened != (studio.loop.job, studio.loop.weights, self.projector)
            begun = frame.done or studio.snapshots or changed or (self._safe and self._safe.folder.exists())
            if self._safe is None or not begun or frame.done < self._coming_back or frame.job is not studio.loop.job:
                return
            checkpoint = studio.timeline.nearest(frame.done)
            page = {"experiment": self.experiment, "projector": self.projector, "steps": studio.loop.steps}
            cards = [card.snapshot for card in studio.strip.cards]
            page["last"] = len(cards) > len(studio.snapshots)  # whether the first one is the run before
            self._safe.keep(studio.settings, state or (checkpoint and checkpoint[1]), cards, page)

    def _bring_back(self) -> None:
        """Show again what an earlier kernel of this page had painted, unless this one has begun to paint."""
        studio, kept = self.studio, self._safe.find()
        if kept is None or studio.state != "idle" or studio.loop.frame.done or studio.strip.cards:
            return
        taken = list(kept.snapshots)
        if taken and kept.page.get("last"):
            studio.strip.keep_last(taken.pop(0))
        for snapshot in taken:
            studio.strip.add(snapshot)
        studio.loop.steps = check_steps(kept.page.get("steps"))
        self.projector = bool(kept.page.get("projector"))
        self.experiment = one if (one := kept.page.get("experiment")) in EXPERIMENTS else ""
        done = kept.job.done or 0
        self.begin_at(done)
        self._kept_at, self._coming_back = time.monotonic(), done
        if done:
            studio.loop.restore(kept.job, kept.state)
        else:
            studio.loop.reset(beginning(kept.job), kept.job.weights)
        self.show_all()
        snapshots = f", {len(taken)} snapshot{'s' if len(taken) > 1 else ''}" if taken else ""
        self._welcome = f"Your studio is back: step {done}{snapshots}."
        studio.hands.note(f"Your studio is coming back: step {done}…")


def thumbnail(picture: Any) -> bytes:
    """A picture as the page shows it small: the bytes of a JPEG file."""
    small = as_image(picture).copy()
    small.thumbnail((THUMB, THUMB))
    return views.jpeg(small)


def photograph(job: Job) -> Image.Image:
    """The content picture at the size it is painted."""
    picture = as_image(job.content)
    height, width = fit_size(picture.height, picture.width, job.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)
