"""The studio: a panel on which alpha and beta move while the picture paints.

    studio = st.Studio("eilean_donan", "great_wave")
    studio                 # a cell's last value: shows the panel
    studio.run(60)         # the same engine without a thread, for tests and for Colab

Three layers: `loop` has the worker thread, `views` turns frames into HTML, and this file has widgets. Callbacks
run on the notebook's thread and only call methods of the loop; the worker alone writes what `_publish` writes, and never a
slider.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import chain, count
from pathlib import Path
from typing import Any

import ipywidgets as widgets
from PIL import Image

from ..errors import ImageError, SettingsError, StyleError
from ..images import Source, as_image, fit_size, load_image, sample_names
from ..jobs import LARGEST, SMALLEST, Job, read_jobs, save_picture
from ..recipes import DEFAULT_RECIPE, INITS, RECIPES, USUAL_RATES, Recipe, Weights
from ..sheets import Snapshot, contact_sheet
from ..transfer import Step
from ..vgg import CHANNELS
from . import views
from .drop import PictureDrop
from .engine import TransferEngine
from .loop import Frame, LiveLoop
from .strip import Strip, marked

STYLE_SHEET = Path(__file__).with_name("panel.css")
SIZES = (128, 160, 192, 256, 320, 384, 512)
STEPS = 300  # that a press of Start paints
AVERAGING = 0.8  # the picture shown is a mean of about the last five
DECADES = 3  # a slider reaches so many powers of ten to either side of the recipe's own weight
NOTCH = 0.02  # powers of ten between two positions of a slider: 5 %
KNOBS = {"alpha": "α content", "beta": "β style", "tv": "TV"}


class Studio:
    """A control panel around a style transfer that goes on while its weights are changed.

    content, style: names of samples, paths, bytes or PIL images. network: "vgg19-slim" or "vgg19". size: pixels of the longer
    side. recipe: a key of `RECIPES`; init, optimizer, alpha, beta and tv replace what it says. steps: how many a press of
    Start paints. averaging, seed: see `StyleTransfer`. projector: begin with a big picture and few controls.

    alpha, beta and tv may be set at any time, and count from the next step. Raises ImageError or SettingsError for a picture or
    a setting that makes no sense; what goes wrong later is told in the panel, in one sentence.
    """

    _painting: weakref.ref[Studio] | None = None  # two cores are not enough for two at once

    def __init__(
        self,
        content: Source = "eilean_donan",
        style: Source = "great_wave",
        network: str = "vgg19-slim",
        size: int = 256,
        recipe: str | Recipe = DEFAULT_RECIPE,
        *,
        init: str | None = None,
        optimizer: str | None = None,
        steps: int = STEPS,
        alpha: float | None = None,
        beta: float | None = None,
        tv: float | None = None,
        averaging: float = AVERAGING,
        seed: int = 0,
        projector: bool = False,
    ) -> None:
        given = {"alpha": alpha, "beta": beta, "tv": tv}
        given = {name: check_weight(name, value) for name, value in given.items() if value is not None}
        job = Job(
            content, style, size, steps, recipe, network, init=init, optimizer=optimizer, averaging=averaging, seed=seed,
            coarse_to_fine=False,
        )  # fmt: skip
        self._open(replace(job, weights=replace(job.weights, **given)), projector)

    def _open(self, job: Job, projector: bool) -> None:
        check(job)
        self._strip = Strip()
        self._photograph: tuple[Source, int, Image.Image] | None = None
        self._quiet = False  # whether sliders are being set by the program, not by a hand
        self._pictures: dict[str, Source] = {name.replace("_", " "): name for name in sample_names()}
        self._recipes: dict[str, Recipe] = dict(RECIPES)
        self._loop = LiveLoop(TransferEngine, job, self._publish)
        self._build_panel(projector)
        self._show_settings()
        self._photo.value = views.jpeg(self._before(job))

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = self.panel._repr_mimebundle_(**options)
        return {**bundle, "text/plain": "the studio's panel: run this notebook to see it"}

    # --- what a program may do -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Paint, in the background."""
        self._take_over()
        if self._loop.state in ("idle", "error"):
            self._keep_last()
        self._loop.start()

    def pause(self) -> None:
        """Hold; `start` goes on."""
        self._loop.pause()

    def step(self) -> None:
        """Make one step and hold."""
        self._take_over()
        self._loop.step()

    def stop(self) -> None:
        """End the run and keep its picture; `start` begins again."""
        self._loop.stop()

    def reset(self) -> None:
        """Begin again with the first picture. The painting so far stays on the strip as "last run"."""
        self._keep_last()
        self._loop.reset()

    def run(self, steps: int | None = None) -> None:
        """Paint `steps` more steps in this thread, without the worker: the same picture every time.

        Raises what the transfer raises, a DivergedError say.
        """
        self._take_over()
        self._loop.run(self._loop.steps if steps is None else steps)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the worker has nothing to do; False when that takes longer than `timeout` seconds."""
        return self._loop.wait(timeout)

    @property
    def state(self) -> str:
        """One of idle, running, paused, finished and error."""
        return self._loop.state

    @property
    def image(self) -> Image.Image:
        """The picture last shown."""
        frame = self._loop.frame
        return self._before(self._loop.job) if frame.image is None else frame.image

    @property
    def history(self) -> tuple[Step, ...]:
        """Every step up to the picture last shown."""
        return self._loop.frame.history

    @property
    def shares(self) -> tuple[float, float, float] | None:
        """Who pulls how much, content, style, tv: the norms of their weighted gradients as parts of the sum."""
        return self._loop.frame.shares

    @property
    def alpha(self) -> float:
        """Weight of the content loss."""
        return self._loop.weights.alpha

    @alpha.setter
    def alpha(self, value: float) -> None:
        self._turn_knob("alpha", value)

    @property
    def beta(self) -> float:
        """Weight of the style loss."""
        return self._loop.weights.beta

    @beta.setter
    def beta(self, value: float) -> None:
        self._turn_knob("beta", value)

    @property
    def tv(self) -> float:
        """Weight of the total variation."""
        return self._loop.weights.tv

    @tv.setter
    def tv(self, value: float) -> None:
        self._turn_knob("tv", value)

    @property
    def settings(self) -> Job:
        """Everything needed to paint the present picture again."""
        return self._job_of(replace(self._loop.frame, weights=self._loop.weights))

    @classmethod
    def from_settings(cls, settings: Job | str | Path, projector: bool = False) -> Studio:
        """Open a studio and paint what the settings tell, every move of a slider included: the same picture.

        settings: `studio.settings`, `snapshot.settings`, their text, or a picture saved from a studio (of a contact sheet the
        first one; `read_jobs` gives all). Raises SettingsError when there are none in it, ImageError when a picture is lost.
        """
        if not isinstance(settings, Job):
            text = str(settings)
            settings = Job.from_json(text) if text.lstrip().startswith("{") else read_jobs(settings)[0]
        if settings.coarse_to_fine:
            raise SettingsError("this was painted coarse to fine, which a studio does not do: st.paint paints it again.")
        studio = cls.__new__(cls)
        studio._open(replace(settings, weights=settings.first_weights, moves=(), done=None), projector)
        moves = settings.moves or ((1, settings.weights),)
        done = settings.steps if settings.done is None else settings.done
        ends = [min(first - 1, done) for first, _ in moves[1:]] + [done]
        for (first, weights), end in zip(moves, ends, strict=True):
            studio._loop.set(**vars(weights))
            studio.run(max(0, end - first + 1))
        studio._loop.set(**vars(settings.weights))
        studio._show_settings()
        return studio

    @property
    def snapshots(self) -> list[Snapshot]:
        """The snapshots on the strip."""
        return self._strip.snapshots

    def snapshot(self, label: str = "") -> Snapshot:
        """Keep the picture last shown, with its settings, on the strip. Raises ImageError when nothing is painted yet."""
        taken = self._take(label or f"{len(self.snapshots) + 1}")
        self._strip.add(taken)
        return taken

    def save(self, path: str | Path | None = None) -> Path:
        """Write the picture last shown, its settings inside; by default as studio_1.png, studio_2.png, ...

        Raises ImageError when nothing is painted yet or the file cannot be written.
        """
        path = free_name("studio") if path is None else Path(path)
        taken = self._take()
        save_picture(taken.image, path, taken.settings)
        return path

    def save_contact_sheet(self, path: str | Path | None = None) -> Path:
        """Write all snapshots on one sheet, with the settings of each inside. Raises ImageError when that fails."""
        path = free_name("snapshots") if path is None else Path(path)
        save_picture(contact_sheet(self.snapshots), path, *(one.settings for one in self.snapshots))
        return path

    def compare(self, *snapshots: Snapshot) -> None:
        """Show snapshots side by side under the strip; the last two given."""
        self._strip.compare(*snapshots)

    def _take(self, label: str = "") -> Snapshot:
        frame = self._loop.frame
        if frame.image is None:
            raise ImageError("there is no picture yet: press Start or Step first.")
        return Snapshot(frame.image, self._job_of(frame), label)

    def _job_of(self, frame: Frame) -> Job:
        return replace(frame.job, weights=frame.weights, moves=frame.moves, done=frame.done, steps=self._loop.steps)

    # --- the panel -----------------------------------------------------------------------------------------------------

    def _build_panel(self, projector: bool) -> None:
        self._photo = marked(widgets.Image(format="jpeg"), "st-picture")
        self._progress, self._pulls, self._plot, self._status, self._notice = (widgets.HTML() for _ in range(5))
        self._wipe = widgets.FloatSlider(0, min=0, max=1, step=0.01, description="before / after", readout=False)
        self._wipe.observe(lambda change: self._loop.set(), "value")  # which asks for a new frame
        self._projector = widgets.ToggleButton(projector, description="Projector", tooltip="Big picture, few controls")
        self._projector.observe(lambda change: self._show_projector(), "value")
        left = widgets.VBox([self._photo, self._progress, marked(self._wipe, "st-wipe"), marked(self._keeping(), "st-detail")])
        right = widgets.VBox([self._transport(), self._knobs(), self._pulls, self._plot])
        folds = widgets.Accordion(
            [self._method(), self._layers()], titles=("Pictures and method", "Weights of the style layers")
        )
        self.panel = widgets.VBox(
            [
                widgets.HTML(f"<style>{STYLE_SHEET.read_text()}</style>"),
                marked(widgets.HBox([marked(left, "st-left"), marked(right, "st-right")]), "st-main"),
                widgets.HBox([marked(self._status, "st-status"), marked(self._notice, "st-notice")]),
                *(marked(part, "st-detail") for part in (self._strip.row, self._strip.side, folds)),
            ]
        )
        self.panel.add_class("st-studio")
        self._show_projector()

    def _transport(self) -> widgets.HBox:
        buttons = [
            self._button("Start", "play", "Paint, or go on", self.start, "success"),
            self._button("Pause", "pause", "Hold; Start goes on", self.pause),
            marked(self._button("Step", "step-forward", "Make one step", self.step), "st-detail"),
            marked(self._button("Stop", "stop", "End the run; Start begins again", self.stop), "st-detail"),
            self._button("Reset", "fast-backward", "Begin again now", self.reset),
            marked(self._projector, "st-projector-button"),
        ]
        return marked(widgets.HBox(buttons), "st-buttons")

    def _keeping(self) -> widgets.HBox:
        def save() -> str:
            return f"saved as {self.save()}"

        def sheet() -> str:
            return f"saved as {self.save_contact_sheet()}"

        buttons = [
            self._button("Snapshot", "camera", "Keep picture and settings on the strip", self.snapshot),
            self._button("Save", "download", "Write the picture as PNG, settings inside", save),
            self._button("Sheet", "th", "Write all snapshots on one sheet", sheet),
        ]
        return marked(widgets.HBox(buttons), "st-buttons")

    def _knobs(self) -> widgets.VBox:
        self._sliders: dict[str, widgets.FloatLogSlider] = {}
        self._on: dict[str, widgets.Checkbox] = {}
        self._rows: dict[str, widgets.HBox] = {}
        for name, label in KNOBS.items():
            on = widgets.Checkbox(True, indent=False, tooltip=f"count {label}", layout=widgets.Layout(width="24px"))
            on.observe(lambda change, name=name: self._knob_turned(name), "value")
            self._on[name] = marked(on, f"st-{name}-on")
            self._rows[name] = marked(widgets.HBox([on]), "st-knob")
        return widgets.VBox(list(self._rows.values()))

    def _new_slider(self, name: str, low: float, high: float, value: float) -> None:
        """Put a slider with another range into its row. A browser would squeeze a new value into an old slider's range."""
        slider = widgets.FloatLogSlider(
            value, base=10, min=low, max=high, step=NOTCH, description=KNOBS[name], readout_format=".3g"
        )
        slider.observe(lambda change: self._knob_turned(name), "value")
        if name in self._sliders:
            self._sliders[name].close()
        self._sliders[name] = marked(slider, f"st-{name}")
        self._rows[name].children = [self._on[name], slider]

    def _method(self) -> widgets.VBox:
        def menu(label: str, options: Any, name: str) -> widgets.Dropdown:
            choice = widgets.Dropdown(options=options, description=label)
            choice.observe(lambda change: self._guard(self._method_chosen), "value")
            self._menus[name] = marked(choice, f"st-{name}")
            return choice

        self._menus: dict[str, widgets.Dropdown] = {}
        rows = []
        for name in ("content", "style"):
            drop = PictureDrop(description=f"Drop a {name} picture here, or click")
            drop.on_msg(lambda _, message, data, name=name: self._guard(lambda: self._uploaded(name, message, data)))
            rows.append(widgets.HBox([menu(name, list(self._pictures), name), marked(drop, f"st-drop-{name}")]))
        rows.append(widgets.HBox([menu("recipe", list(self._recipes), "recipe"), menu("network", list(CHANNELS), "network")]))
        rows.append(widgets.HBox([menu("size", SIZES, "size"), menu("start from", INITS, "init")]))
        self._steps = marked(widgets.BoundedIntText(STEPS, min=1, max=100_000, description="steps"), "st-steps")
        self._steps.observe(lambda change: self._steps_chosen(), "value")
        rows.append(widgets.HBox([menu("optimiser", list(USUAL_RATES), "optimizer"), self._steps]))
        for row in rows:
            row.layout.flex_flow = "row wrap"
        return marked(widgets.VBox(rows), "st-fold")

    def _layers(self) -> widgets.VBox:
        self._layer_sliders: dict[str, widgets.FloatSlider] = {}
        self._layer_box = marked(widgets.VBox(), "st-fold")
        return self._layer_box

    def _button(self, name: str, icon: str, tooltip: str, action: Callable[[], Any], style: str = "") -> widgets.Button:
        button = widgets.Button(description=name, icon=icon, tooltip=tooltip, button_style=style)
        button.on_click(lambda _: self._guard(action))
        return marked(button, f"st-{name.lower()}")

    # --- from the hand to the loop -------------------------------------------------------------------------------------

    def _guard(self, action: Callable[[], Any]) -> None:
        """Do what a hand asked for; what goes wrong is one sentence in the panel, what is answered too."""
        try:
            answer = action()
        except (StyleError, ValueError, RuntimeError, OSError) as error:
            self._notice.value = views.problem(" ".join(str(error).split()))
        else:
            self._notice.value = answer if isinstance(answer, str) else ""

    def _turn_knob(self, name: str, value: float) -> None:
        self._loop.set(**{name: check_weight(name, value)})
        self._show_settings()

    def _knob_turned(self, name: str) -> None:
        if self._quiet:
            return
        old, slider = getattr(self._loop.weights, name), self._sliders[name]
        new = slider.value if self._on[name].value else 0.0
        moved_by_browser = old > 0 and new > 0 and math.isclose(new, on_notch(old, slider.min), rel_tol=1e-9)
        if not moved_by_browser:
            self._loop.set(**{name: new})

    def _layer_turned(self, name: str) -> None:
        if not self._quiet:
            weight = self._loop.job.recipe.style_layers[name] * self._layer_sliders[name].value
            self._loop.set(style_layers={**self._loop.weights.style_layers, name: weight})

    def _steps_chosen(self) -> None:
        if not self._quiet:
            self._loop.steps = self._steps.value

    def _method_chosen(self) -> None:
        """Begin again with what the menus say; a new recipe brings its own weights, start and optimiser."""
        if self._quiet:
            return
        old = self._loop.job
        picked: dict[str, Any] = {name: menu.value for name, menu in self._menus.items()}
        recipe = picked["recipe"] = self._recipes[picked["recipe"]]
        for name in ("content", "style"):
            picked[name] = self._pictures[picked[name]]
        weights = None
        if recipe != old.recipe:
            weights, picked["init"], picked["optimizer"] = recipe.weights(), recipe.init, recipe.optimizer
        elif picked["network"] == old.network["name"]:
            picked["network"] = old.network  # with its options
        if (recipe, picked["optimizer"]) != (old.recipe, old.optimizer):
            picked["learning_rate"] = recipe.rate_for(picked["optimizer"])
        job = replace(old, **picked)
        self._keep_last()
        self._loop.reset(job, weights, keep_running=True)
        self._show_settings()

    def _uploaded(self, name: str, message: Mapping[str, Any], data: list[bytes]) -> None:
        file = Path(str(message.get("name", "picture"))).name
        try:
            picture = load_image(bytes(data[0]))
        except ImageError:
            raise ImageError(f"{file} is not a picture that can be read (JPEG, PNG, WebP, ...).") from None
        label = self._label(file)
        self._pictures[label] = picture
        self._show_settings()  # which lists it in the menus
        self._menus[name].value = label

    def _label(self, name: str) -> str:
        """A line for the menus of pictures that is not taken."""
        return next(label for label in chain([name], (f"{name} ({i})" for i in count(2))) if label not in self._pictures)

    def _take_over(self) -> None:
        """Pause the studio that paints, if it is another one."""
        other = Studio._painting and Studio._painting()
        if other is not None and other is not self:
            other.pause()
        Studio._painting = weakref.ref(self)

    def _keep_last(self) -> None:
        if self._loop.frame.done:
            self._strip.keep_last(self._take("last run"))

    # --- from the loop to the eye --------------------------------------------------------------------------------------

    def _publish(self, frame: Frame) -> None:
        """Show a frame. The worker calls this; nothing else writes these five widgets."""
        if frame.image is not None:
            part = self._wipe.value
            picture = views.wipe(frame.image, self._before(frame.job), part) if part > 0 else frame.image
            self._photo.value = views.jpeg(picture)
        self._progress.value = views.progress(frame)
        self._pulls.value = views.pull_bar(frame)
        self._plot.value = views.loss_plot(frame.history, frame.moves, frame.goal)
        self._status.value = views.status(frame)

    def _before(self, job: Job) -> Image.Image:
        """The photograph at the size it is painted."""
        known = self._photograph  # two threads ask
        if known is None or known[0] is not job.content or known[1] != job.size:
            picture = as_image(job.content)
            height, width = fit_size(picture.height, picture.width, job.size)
            scaled = picture.resize((width, height), Image.Resampling.LANCZOS)
            self._photograph = known = job.content, job.size, scaled
        return known[2]

    def _show_settings(self) -> None:
        """Set every control to what the loop has."""
        job, weights = self._loop.job, self._loop.weights
        recipe = job.recipe
        name_of_recipe = next((name for name, one in self._recipes.items() if one == recipe), "as saved")
        self._recipes[name_of_recipe] = recipe
        shown = {**vars(job), "recipe": name_of_recipe, "network": job.network["name"], "init": job.start}
        self._quiet = True
        try:
            for name in KNOBS:
                value = getattr(weights, name)
                low, high = slider_range(getattr(recipe, name), value)
                slider = self._sliders.get(name)
                if slider is None or (slider.min, slider.max) != (low, high):
                    self._new_slider(name, low, high, value or getattr(recipe, name) or 1.0)
                elif value:
                    slider.value = value
                self._on[name].value = value > 0
            for name, menu in self._menus.items():
                self._show_choice(name, menu, shown[name])
            self._steps.value = self._loop.steps
            self._show_layers(recipe, weights)
        finally:
            self._quiet = False

    def _show_choice(self, name: str, menu: widgets.Dropdown, value: Any) -> None:
        if name == "recipe":
            menu.options = list(self._recipes)
        elif name in ("content", "style"):
            if not any(value is source or value == source for source in self._pictures.values()):
                self._pictures[self._label(Path(value).name if isinstance(value, str | Path) else f"your {name}")] = value
            value = next(label for label, source in self._pictures.items() if value is source or value == source)
            menu.options = list(self._pictures)
        elif value not in menu.options:
            menu.options = sorted([*menu.options, value])
        menu.value = value

    def _show_layers(self, recipe: Recipe, weights: Weights) -> None:
        if set(self._layer_sliders) != set(recipe.style_layers):
            self._layer_sliders = {
                name: marked(widgets.FloatSlider(1, min=0, max=5, step=0.1, description=name), f"st-{name}")
                for name in recipe.style_layers
            }
            for name, slider in self._layer_sliders.items():
                slider.observe(lambda change, name=name: self._layer_turned(name), "value")
            hint = widgets.HTML("Times the recipe's own weight of each layer's Gram matrix in the style term.")
            self._layer_box.children = [hint, *self._layer_sliders.values()]
        for name, slider in self._layer_sliders.items():
            own = recipe.style_layers[name]
            slider.value = weights.style_layers.get(name, 0.0) / own if own else 0.0

    def _show_projector(self) -> None:
        (self.panel.add_class if self._projector.value else self.panel.remove_class)("st-projector")


def check(job: Job) -> None:
    """Look at a job before anything is built. Raises SettingsError or ImageError with one sentence."""
    if job.network["name"] not in CHANNELS:
        raise SettingsError(f"unknown network {job.network['name']!r}; choose from {', '.join(CHANNELS)}.")
    if job.start == "picture":
        named = repr(job.init) if isinstance(job.init, str) else "a picture"
        raise SettingsError(f"init is {named}; expected one of {', '.join(INITS)}.")
    if not SMALLEST <= job.size <= LARGEST:
        raise SettingsError(f"size is {job.size}; expected {SMALLEST} to {LARGEST} pixels.")
    if job.steps < 1:
        raise SettingsError(f"steps is {job.steps}; expected at least 1.")
    for picture in (job.content, job.style):
        as_image(picture)


def check_weight(name: str, value: float) -> float:
    """A weight as a float. Raises SettingsError for a negative or infinite one."""
    if not 0 <= value < float("inf"):
        raise SettingsError(f"{name} is {value}; expected a number of at least 0.")
    return float(value)


def slider_range(middle: float, value: float) -> tuple[float, float]:
    """Powers of ten from which to which a slider reaches: around the recipe's own weight, and as far as its value.

    So the recipe's own weight is one of the slider's notches.
    """
    center = math.log10(middle or 1.0)
    reach = DECADES if value == 0 else max(DECADES, math.ceil(abs(math.log10(value) - center)))
    return center - reach, center + reach


def on_notch(value: float, low: float) -> float:
    """Where a browser moves a slider's handle when it is given a value between two notches."""
    return 10 ** (low + round((math.log10(value) - low) / NOTCH) * NOTCH)


def free_name(stem: str) -> Path:
    """The first of stem_1.png, stem_2.png, ... that is not taken."""
    return next(path for path in (Path(f"{stem}_{i}.png") for i in count(1)) if not path.exists())
