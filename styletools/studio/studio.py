"""The studio: a panel on which alpha and beta move while the picture paints.

    studio = st.Studio("eilean_donan", "great_wave")
    studio                 # a cell's last value: shows the panel
    studio.run(60)         # the same engine without a thread, for tests and for Colab

This file, with `keeping`, is what a program may do. `loop` has the worker thread; `screen` shows what there is on the page,
which is `panel`; `hands` obeys the page. Methods here run on the notebook's thread and only call methods of the loop.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from PIL import Image

from ..arguments import number
from ..errors import SettingsError
from ..history import Step
from ..images import Source
from ..jobs import Job
from ..recipes import DEFAULT_RECIPE, Recipe, Weights
from ..sheets import Snapshot
from ..styles import Style
from .engine import TransferEngine
from .experiments import EXPERIMENTS
from .hands import Hands
from .keeping import Keeping
from .loop import LiveLoop
from .mixing import check_masks
from .panel import Panel
from .screen import Screen, photograph
from .settings import check, check_step, check_steps, prepared, with_other
from .strip import Strip
from .timeline import Timeline

STEPS = 100  # that `run` paints when no number is given and the studio has none
AVERAGING = 0.8  # the picture shown is a mean of about the last five


class Studio(Keeping):
    """A control panel around a style transfer that goes on while its weights are changed.

    content, style: names of samples, paths, bytes or PIL images; style may also be a `Style`, or a list of pictures and
    Styles. network: "vgg19-slim" or "vgg19". size: pixels of the longer side. recipe: a key of `RECIPES`; init, optimizer,
    alpha, beta and tv replace what it says. steps: how many a press of Start paints; None paints until paused. averaging, seed,
    colors: see `StyleTransfer`. projector: begin with a big picture and few controls. experiment: a key of `EXPERIMENTS`, which
    brings pictures and weights.

    alpha, beta, tv and style_layers may be set at any time, and count from the next step. A studio that was shown lives until
    `close`, as its page may be there; any other goes when nothing refers to it. Raises ImageError or SettingsError
    for a picture or a setting that makes no sense; what goes wrong later is told in the panel, in one sentence.
    """

    _painting: weakref.ref[Studio] | None = None  # two cores are not enough for two at once

    def __init__(
        self,
        content: Source = "eilean_donan",
        style: Source | Style | Sequence[Source | Style] = "great_wave",
        network: str = "vgg19-slim",
        size: int = 256,
        recipe: str | Recipe = DEFAULT_RECIPE,
        *,
        init: Source | None = None,
        optimizer: str | None = None,
        steps: int | None = None,
        alpha: float | None = None,
        beta: float | None = None,
        tv: float | None = None,
        averaging: float = AVERAGING,
        seed: int = 0,
        projector: bool = False,
        experiment: str | None = None,
        colors: str = "style",
    ) -> None:
        given = {"alpha": alpha, "beta": beta, "tv": tv}
        given = {name: number(value, name) for name, value in given.items() if value is not None}
        job = Job(
            content, style, size, check_steps(steps) or STEPS, recipe, network, init=init, optimizer=optimizer,
            averaging=averaging, seed=seed, coarse_to_fine=False, colors=colors,
        )  # fmt: skip
        self._open(replace(job, weights=replace(job.weights, **given)), steps, projector)
        if experiment is not None:
            self.open_experiment(experiment)

    def _open(self, job: Job, steps: int | None, projector: bool) -> None:
        check(job)
        check_masks(job)
        self.timeline, self.strip, self.panel = Timeline(), Strip(), Panel()
        self.screen = Screen(self, projector)
        self.loop = LiveLoop(TransferEngine, job, self.screen.publish, self.timeline, steps, self.screen.look)
        self.hands = Hands(self)
        weakref.finalize(self, take_down, self.loop, self.screen, self.panel).atexit = False
        self.screen.show_all()

    def _repr_mimebundle_(self, **options: Any) -> Any:
        if self.panel.comm is None:
            return {"text/plain": "this studio is closed"}
        self.panel.holder = self
        return self.panel._repr_mimebundle_(**options)

    def close(self) -> None:
        """End the run and take the panel off its page. What was painted can still be asked for and saved."""
        self.panel.holder = None
        take_down(self.loop, self.screen, self.panel)

    # --- painting ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Paint, in the background."""
        self._take_over()
        if self.loop.state in ("idle", "error"):
            self._keep_last()
            self.screen.begin_at(0)
        self.loop.start()

    def pause(self) -> None:
        """Hold; `start` goes on."""
        self.loop.pause()

    def step(self) -> None:
        """Make one step and hold."""
        self._take_over()
        self.loop.step()

    def stop(self) -> None:
        """End the run and keep its picture; `start` begins again."""
        self.loop.stop()

    def reset(self) -> None:
        """Begin again with the first picture. The painting so far stays on the strip as "last run".

        The weights stay as they are, unless an experiment is open that moves them by itself.
        """
        one = EXPERIMENTS.get(self.screen.experiment)
        picked, weights = prepared(one) if one and one.script else ({}, None)
        own = picked.get("recipe") == self.loop.job.recipe
        self._keep_last()
        self.screen.begin_at(0)
        self.loop.reset(weights=weights if own else None)
        self.screen.show_settings()

    def run(self, steps: int | None = None) -> None:
        """Paint `steps` more steps in this thread, without the worker: the same picture every time.

        Without a number as many as a press of Start paints, or 100. Raises what the transfer raises, a DivergedError say.
        """
        self._take_over()
        self.loop.run((self.loop.steps or STEPS) if steps is None else steps)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the worker has nothing to do; False when that takes longer than `timeout` seconds."""
        return self.loop.wait(timeout)

    def go_back(self, step: int) -> None:
        """Take up the run again as it was after a step, and hold there: what is painted next is another branch.

        The painting so far stays on the strip as "last run". Raises SettingsError for a step that was not made.
        """
        step = check_step(step, self.loop.frame.done)
        self._take_over()
        self._keep_last()
        self.screen.begin_at(step)
        self.loop.go_back(step)
        self.screen.show_settings()

    @property
    def state(self) -> str:
        """One of idle, running, paused, finished and error."""
        return self.loop.state

    @property
    def image(self) -> Image.Image:
        """The picture last shown."""
        frame = self.loop.frame
        return photograph(self.loop.job) if frame.image is None else frame.image

    @property
    def history(self) -> tuple[Step, ...]:
        """Every step up to the picture last shown."""
        return self.loop.frame.history

    @property
    def shares(self) -> tuple[float, float, float] | None:
        """Who pulls how much, content, style, tv: the norms of their weighted gradients as parts of the sum."""
        return self.loop.frame.shares

    # --- weights and method ----------------------------------------------------------------------------------------------

    @property
    def alpha(self) -> float:
        """Weight of the content loss."""
        return self.loop.weights.alpha

    @alpha.setter
    def alpha(self, value: float) -> None:
        self._turn("alpha", value)

    @property
    def beta(self) -> float:
        """Weight of the style loss."""
        return self.loop.weights.beta

    @beta.setter
    def beta(self, value: float) -> None:
        self._turn("beta", value)

    @property
    def tv(self) -> float:
        """Weight of the total variation."""
        return self.loop.weights.tv

    @tv.setter
    def tv(self, value: float) -> None:
        self._turn("tv", value)

    @property
    def style_layers(self) -> Mapping[str, float]:
        """Weights of the layers inside the style term."""
        return dict(self.loop.weights.style_layers)

    @style_layers.setter
    def style_layers(self, layers: Mapping[str, float]) -> None:
        self.loop.set(style_layers={name: number(value, name) for name, value in layers.items()})
        self.screen.show_settings()

    def _turn(self, name: str, value: float) -> None:
        self.loop.set(**{name: number(value, name)})
        self.screen.show_settings()

    def begin(self, weights: Weights | None = None, **picked: Any) -> None:
        """Begin again with other settings: begin(content="chelsea", size=384). A loop that is running goes on running.

        picked: content, style, size, recipe, network, init, optimizer, colors. The painting so far stays on the strip as "last
        run".
        """
        changes, own_weights = with_other(self.loop.job, **picked)
        job = replace(self.loop.job, **changes)
        check(job)
        check_masks(job)
        self._keep_last()
        self.screen.begin_at(0)
        self.loop.reset(job, weights or own_weights, keep_running=True)
        self.screen.show_all()

    def restore(self, snapshot: Snapshot) -> None:
        """Take up the run of a snapshot again, as it was, and hold there; it is painted again, move by move."""
        self._take_over()
        self._keep_last()
        self.screen.begin_at(snapshot.settings.done or 0)
        self.loop.restore(snapshot.settings)
        self.screen.show_all()

    def open_experiment(self, key: str) -> None:
        """Set up an experiment and show its question. Raises SettingsError when there is none of that name."""
        if key not in EXPERIMENTS:
            raise SettingsError(f"there is no experiment {key!r}; choose from {', '.join(EXPERIMENTS)}.")
        picked, weights = prepared(EXPERIMENTS[key])
        self.pause()
        self.screen.open_experiment("")  # until the new painting begins
        self.begin(weights, **picked)
        self.screen.open_experiment(key)

    def close_experiment(self) -> None:
        """Take the question away; pictures and weights stay."""
        self.screen.open_experiment("")

    def _take_over(self) -> None:
        """Pause the studio that paints, if it is another one."""
        other = Studio._painting and Studio._painting()
        if other is not None and other is not self and other.state == "running":
            other.pause()
            other.hands.note("Paused, because another studio of this notebook paints.")
        Studio._painting = weakref.ref(self)


def take_down(loop: LiveLoop, screen: Screen, panel: Panel) -> None:
    """End what goes on by itself: the run, what waits for Python to end, the line to the page."""
    if loop.state == "running":
        loop.stop()
    screen.close()
    panel.close()
