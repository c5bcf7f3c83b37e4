"""What a hand does on the page: each message becomes a call of the studio; what goes wrong becomes one sentence."""

from __future__ import annotations

import mimetypes
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..arguments import number, shortened
from ..errors import SettingsError
from ..images import sample, sample_names, samples_folder
from ..jobs import save_picture
from . import views
from .frame import sentence
from .settings import check_step, check_steps, free_name, is_whole, uploaded
from .styling import ROLES, paint_from
from .styling import meanings as styling_meanings

if TYPE_CHECKING:
    from .studio import Studio

GALLERY = 160  # pixels of the longer side of a picture in the gallery
BUTTONS = ("start", "pause", "step", "reset")
CARDS = ("rename", "delete", "restore", "download", "compare")
MENUS = ("size", "recipe", "network", "init", "optimizer", "colors")


class Hands:
    """Obeys the messages of one studio's page."""

    def __init__(self, studio: Studio) -> None:
        self.studio: Studio = weakref.proxy(studio)
        self.count = 0  # of notices, so that the same sentence twice is two notices
        studio.panel.obey(self.hear)

    def hear(self, message: Any, buffers: Sequence[Any] = ()) -> None:
        """Do what a message asks for. Whatever goes wrong, and what there is to say, is shown as a notice."""
        try:
            if not isinstance(message, Mapping):
                raise SettingsError(f"the page says {shortened(message)}, which means nothing: reload the page.")
            if message.get("do") == "beat":
                self.studio.screen.attend(str(message.get("id", "")), bool(message.get("keeps")))
                return
            said = self.action(message, buffers)()
        except Exception as error:  # a page must not stop the notebook
            self.note(sentence(error), "problem")
        else:
            self.note(said if isinstance(said, str) else "")

    def note(self, text: str, tone: str = "info") -> None:
        """Show one sentence on the page; an empty one takes the last away."""
        if not text and not self.studio.panel.notice.get("text"):
            return
        self.count += 1
        self.studio.panel.notice = {"text": text, "tone": tone, "count": self.count}

    def action(self, message: Mapping[str, Any], buffers: Sequence[Any]) -> Callable[[], Any]:
        """What a message means. Raises SettingsError when it means nothing."""
        studio, get = self.studio, message.get
        do = str(get("do"))
        if do == "snapshot":  # the strip may lie below the window
            return lambda: f"Snapshot {studio.snapshot().label} is on the strip."
        if do in BUTTONS:
            return getattr(studio, do)
        if do in CARDS:
            return lambda: self.card(do, get("id"), get("label"), bool(get("on")))
        meanings: dict[str, Callable[[], Any]] = {
            "weight": lambda: self.turn(shortened(get("name")), get("value")),
            "layer": lambda: self.turn_layer(shortened(get("name")), get("factor")),
            "choose": lambda: self.choose(shortened(get("name")), get("value")),
            "pick": lambda: self.pick(role_of(message), get("name")),
            "upload": lambda: self.upload(role_of(message), shortened(get("name") or "picture"), buffers),
            "gallery": self.gallery,
            "scrub": lambda: self.moment(check_step(get("step"), studio.loop.frame.done)),
            "go_back": lambda: self.go_back(get("step")),
            "experiment": lambda: studio.open_experiment(shortened(get("key"))) if get("key") else studio.close_experiment(),
            "save": lambda: self.offer(studio.save()),
            "sheet": lambda: self.offer(studio.save_contact_sheet()),
            "film": lambda: self.offer(studio.save_film()),
            **styling_meanings(studio, message, buffers),
        }
        if do not in meanings:
            raise SettingsError(f"the page asks for {shortened(do)!r}, which this studio does not know: reload the page.")
        return meanings[do]

    def go_back(self, step: Any) -> None:
        """Take the run up again at a step, and tell the page, to which every frame from now on is of the new branch."""
        self.studio.go_back(step)
        self.studio.panel.tell("going_back")

    def turn(self, name: str, value: Any) -> None:
        """Set a weight as a hand does: a run that has come to its end paints on."""
        if name not in ("alpha", "beta", "tv"):
            raise SettingsError(f"there is no weight {name!r}; choose from alpha, beta, tv.")
        self.studio.loop.nudge(**{name: number(value, name)})
        self.studio.screen.show_settings()

    def turn_layer(self, name: str, factor: Any) -> None:
        """Set a layer's weight inside the style term to so many times the recipe's own."""
        loop = self.studio.loop
        own = loop.job.recipe.style_layers
        if name not in own:
            raise SettingsError(f"there is no style layer {name!r}; choose from {', '.join(own)}.")
        weight = number(own[name] * number(factor, name), name)
        loop.nudge(style_layers={**loop.weights.style_layers, name: weight})
        self.studio.screen.show_settings()

    def choose(self, name: str, value: Any) -> None:
        """Pick from a menu. Size, recipe, network, start, optimiser and colours begin the painting again."""
        studio = self.studio
        if name == "steps":
            studio.loop.steps = check_steps(value)
        elif name in ("heat", "gram", "projector"):
            studio.screen.watch(name, value)
        elif name not in MENUS:
            raise SettingsError(f"there is no setting {name!r}; choose from {', '.join(MENUS)}.")
        elif name != "size" and not isinstance(value, str):
            raise SettingsError(f"{name} is {shortened(value)}; expected a name from its menu.")
        else:
            studio.begin(**{name: studio.screen.recipes.get(value, value) if name == "recipe" else value})
        studio.screen.show_settings()

    def pick(self, role: str, name: Any) -> str | None:
        """Paint from a sample. The page may name no file: it may be open to others than who owns the files."""
        if name not in sample_names():
            raise SettingsError(f"there is no sample {shortened(name)!r}; choose from {', '.join(sample_names())}.")
        return paint_from(self.studio, role, name)

    def card(self, do: str, which: Any, label: Any, on: bool) -> str | None:
        """What a hand does with a card of the strip. A card that is gone is no error: two pages may show one studio."""
        if not is_whole(which):
            raise SettingsError(f"there is no snapshot {shortened(which)}.")
        studio, card = self.studio, self.studio.strip.card(which)
        if card is None:
            return None
        if do == "download":
            path = free_name("snapshot")
            save_picture(card.snapshot.image, path, card.snapshot.settings)
            return self.offer(path)
        if do == "restore":
            studio.restore(card.snapshot)
        elif do == "rename":
            if not isinstance(label, str):
                raise SettingsError(f"the name is {shortened(label)}; expected text.")
            studio.strip.rename(card.number, label)
        elif do == "delete":
            studio.strip.delete(card.number)
        elif do == "compare":
            studio.strip.tick(card.number, on)
        studio.screen.show_cards()
        return None

    def upload(self, role: str, name: str, buffers: Sequence[Any]) -> str | None:
        """Paint from a file that was dropped or chosen. Raises ImageError when it is no picture."""
        return paint_from(self.studio, role, uploaded(name, buffers))

    def offer(self, path: Path) -> str:
        """Offer a file that was written as a download too, and say where it is."""
        mime = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        said = f"saved as {path.resolve()}"
        self.studio.panel.tell("file", [path.read_bytes()], name=path.name, mime=mime, text=said)
        return said

    def gallery(self) -> None:
        """Send every sample picture, small."""
        pictures, buffers = [], []
        photographs = (samples_folder() / "CREDITS.md").read_text(encoding="utf8")
        for name in sample_names():
            picture = sample(name)
            picture.thumbnail((GALLERY, GALLERY))
            line = next((line for line in photographs.splitlines() if line.startswith(f"| {name}.jpg")), "")
            kind = "photograph" if "(photograph)" in line else "painting"
            title = line.split("|")[3].strip() if line else name.replace("_", " ")
            pictures.append({"name": name, "title": title, "kind": kind})
            buffers.append(views.jpeg(picture))
        self.studio.panel.tell("gallery", buffers, pictures=pictures)

    def moment(self, step: int) -> None:
        """Send how the painting looked at a step."""
        one = self.studio.timeline.at(step)
        if one is not None:
            self.studio.panel.tell("moment", [one.jpeg], **views.moment_data(one))


def role_of(message: Mapping[str, Any]) -> str:
    """What a picture is for. Raises SettingsError unless it is content, style or second."""
    role = str(message.get("role"))
    if role not in ROLES:
        raise SettingsError(f"a picture is for {', '.join(ROLES[:-1])} or {ROLES[-1]}, not for {role!r}.")
    return role
