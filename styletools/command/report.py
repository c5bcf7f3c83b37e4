"""What is said at the end of a command that painted many pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Report:
    """What became of many pictures. wanted: how many were to be painted into the folder."""

    folder: Path
    wanted: int
    painted: int = 0
    there: int = 0  # painted before, by the same job
    troubles: list[str] = field(default_factory=list)  # what went wrong with the others, a sentence for each
    notes: list[str] = field(default_factory=list)  # what else there is to say
    stop: str = ""  # what is to be said of an interrupt

    def fail(self, name: str, words: str) -> None:
        """Note what went wrong with a picture: a sentence without its full stop."""
        self.troubles.append(words if name in words.split() else f"{name}: {words}")

    def lines(self) -> list[str]:
        """A sentence for each picture of which there is something to say, and one for all, without their full stops."""
        said = [self.stop] if self.stop else []
        said.append(f"{counted(self.painted)} painted into {self.folder}")
        if self.there:
            said.append(f"{counted(self.there)} there already, painted in the same way")
        if self.troubles:
            said.append(f"{len(self.troubles)} failed")
        if left := self.wanted - self.painted - self.there - len(self.troubles):
            said.append(f"{left} left, which the same command paints")
        return [*self.notes, *self.troubles, "; ".join(said)]


def counted(pictures: int) -> str:
    """So many pictures, and a verb."""
    return f"{pictures} picture was" if pictures == 1 else f"{pictures} pictures were"
