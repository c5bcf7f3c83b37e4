"""What a studio keeps: snapshots, files, settings and an address, and how it is opened from them again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ImageError, SettingsError
from ..film import film
from ..jobs import Job, read_jobs, save_picture
from ..sheets import Snapshot, contact_sheet
from . import address
from .experiments import EXPERIMENTS
from .frame import Frame
from .loop import LiveLoop
from .settings import beginning, free_name
from .strip import Strip
from .timeline import Timeline

if TYPE_CHECKING:
    from .screen import Screen
    from .studio import Studio

SET_UP = {"content", "style", "colors", "recipe", "init", "optimizer", "alpha", "beta", "tv"}  # what an experiment brings


class Keeping:
    """The half of a `Studio` that outlives a run."""

    loop: LiveLoop
    screen: Screen
    strip: Strip
    timeline: Timeline

    @property
    def settings(self) -> Job:
        """Everything needed to paint the present picture again."""
        frame, job = self.loop.frame, self.loop.job
        if frame.job is not job:  # a new beginning, of which there is no picture yet
            frame = replace(frame, job=job, history=(), moves=())
        return self._job_of(replace(frame, weights=self.loop.weights))

    @property
    def address(self) -> str:
        """The settings as a page's address carries them, after the question mark; see `from_address`."""
        job = self.loop.job
        return address.query(job, self.loop.weights, self.screen.projector, self.screen.experiment or None)

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
        studio._open(beginning(settings), None, projector)
        moves = settings.moves or ((1, settings.weights),)
        done = settings.steps if settings.done is None else settings.done
        ends = [min(first - 1, done) for first, _ in moves[1:]] + [done]
        for (first, weights), end in zip(moves, ends, strict=True):
            studio.loop.set(**vars(weights))
            studio.run(max(0, end - first + 1))
        studio.loop.set(**vars(settings.weights))
        studio.screen.show_settings()
        return studio

    @classmethod
    def from_address(cls, query: str) -> Studio:
        """Open the studio that an address tells of; what makes no sense in it is said in the panel.

        An experiment brings its pictures and weights when the address names none: one that names some was copied from a studio,
        and says all that a hand has changed since the experiment was opened.
        """
        try:
            asked = address.read(query)
            key = asked.pop("experiment", "")
            bare = key and not SET_UP.intersection(asked)
            studio = cls(**{**(EXPERIMENTS[key].setup if bare else {}), **asked})
        except (SettingsError, ImageError) as error:
            studio = cls()
            studio.hands.note(f"The address makes no sense: {error}", "problem")
        else:
            studio.screen.open_experiment(key)
        return studio

    @property
    def snapshots(self) -> list[Snapshot]:
        """The snapshots on the strip."""
        return self.strip.snapshots

    def snapshot(self, label: str = "") -> Snapshot:
        """Keep the picture last shown, with its settings, on the strip. Raises ImageError when nothing is painted yet."""
        taken = self._take(label or f"{len(self.snapshots) + 1}")
        self.strip.add(taken)
        self.screen.show_cards()
        return taken

    def compare(self, *snapshots: Snapshot) -> None:
        """Show snapshots side by side under the strip; the last two given."""
        self.strip.compare(*(card.number for one in snapshots for card in self.strip.cards if card.snapshot is one))
        self.screen.show_cards()

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

    def save_film(self, path: str | Path | None = None, seconds: float = 8.0) -> Path:
        """Write the run so far as a film: a GIF, or an MP4 where the file is called so. Raises what `film` raises."""
        return film(self.timeline.moments, free_name("film", ".gif") if path is None else Path(path), seconds)

    def _take(self, label: str = "") -> Snapshot:
        frame = self.loop.frame
        if frame.image is None:
            raise ImageError("there is no picture yet: press Start or Step first.")
        return Snapshot(frame.image, self._job_of(frame), label)

    def _job_of(self, frame: Frame) -> Job:
        steps = frame.done if self.loop.steps is None else self.loop.steps
        return replace(frame.job, weights=frame.weights, moves=frame.moves, done=frame.done, steps=steps)

    def _keep_last(self) -> None:
        if self.loop.frame.done:
            self.strip.keep_last(self._take("last run"))
            self.screen.show_cards()
