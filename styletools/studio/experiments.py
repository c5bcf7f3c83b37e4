"""Experiments for a class: a set-up, a question to bet on, where to look, and what we saw when we tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..styles import Style


@dataclass(frozen=True)
class Experiment:
    """One experiment.

    setup: keyword arguments of `Studio`; what is left out is a plain studio's. script: (n, weights): after step n these weights
    are set; without a script the student moves. answer: what the set-up and the script show, in at most 60 words.
    """

    key: str
    title: str
    setup: Mapping[str, Any]
    script: tuple[tuple[int, Mapping[str, float]], ...]
    question: str
    look_at: str
    answer: str


BETA_LADDER = Experiment(
    key="beta_ladder",
    title="β from left to right",
    setup={"content": "summer_palace", "style": "great_wave", "beta": 0.1},
    script=((100, {"beta": 1}), (200, {"beta": 10}), (300, {"beta": 100}), (400, {"beta": 1000})),
    question="β grows tenfold, four times. What arrives first, the print's colours or its lines? And does the tower survive?",
    look_at="Press Start: β moves by itself at steps 100, 200, 300 and 400. Watch the sky, then the roofs, then the trees.",
    answer=(
        "Colours: up to β = 1 the sky yellows like old paper, and the drawing is still the photograph's. At 10 the tower "
        "is drawn in dark blue and white, at 100 its roofs are waves. The last factor of ten changes little: style pulls "
        "almost alone already. The tower stands."
    ),
)
MUTE_ALPHA = Experiment(
    key="mute_alpha",
    title="Mute α in the middle",
    setup={"content": "neuschwanstein", "style": "great_wave"},
    script=((100, {"alpha": 0}), (300, {"alpha": 6})),
    question="From step 100 on nothing holds the castle. How soon is it gone? And what comes back with α at step 300?",
    look_at="Press Start: α is muted at step 100 and comes back at 300. Hands up when you have lost the castle.",
    answer=(
        "It melts, but peaks of water stay where its towers were, and soon nothing changes any more: without α nobody "
        "holds the castle, but nobody pushes it away either. With α back, towers and walls return within fifty steps; "
        "roofs and windows keep something of the waves."
    ),
)
TV_UP = Experiment(
    key="tv_up",
    title="TV up, and down again",
    setup={"content": "eilean_donan", "style": "the_harvest"},
    script=((100, {"tv": 20}), (200, {"tv": 200}), (300, {"tv": 2000}), (400, {"tv": 2})),
    question="TV grows tenfold, three times. What goes first: the grain, the strokes or the castle? Can they come back?",
    look_at="Press Start: TV moves by itself at steps 100, 200 and 300, and back at 400. Take a snapshot before each move.",
    answer=(
        "The grain: at 20 most of it is gone, and you lose little else. At 200 the strokes melt, at 2000 the castle is a "
        "shadow in fog. With TV at 2 again strokes and castle are back within thirty steps, for the other two terms still "
        "know what they want; but they are not quite the same strokes."
    ),
)
FROM_NOISE = Experiment(
    key="from_noise",
    title="Out of the waves",
    setup={"content": "chelsea", "style": "great_wave", "init": "noise", "alpha": 0},
    script=((100, {"alpha": 6}), (300, {"alpha": 60})),
    question="The canvas is noise, and α is muted. What will be painted? And when α comes, what of the cat is there first?",
    look_at="Press Start: α is 6 from step 100 on and 60 from step 300 on. Watch the middle of the picture.",
    answer=(
        "A sea that Hokusai never drew, and no cat: style does not say where things go. With α = 6 two eyes open in the "
        "waves, with a hint of a nose, and that is all. Only with α = 60 the whole cat appears, and it has its price: the "
        "style error doubles."
    ),
)
FROM_PAINTING = Experiment(
    key="from_painting",
    title="Begin with the painting",
    setup={"content": "eilean_donan", "style": "great_wave", "init": "style"},
    script=((100, {"alpha": 60}), (200, {"alpha": 6})),
    question="The canvas is the print itself. Will the castle come? And when α has been 60 and is 6 again, which is left?",
    look_at="Press Start: α is 60 from step 100 on and 6 again from step 200 on. Compare step 100 with step 300.",
    answer=(
        "The print stays: its style is perfect, and a small step towards the castle costs more than it gains. With α = 60 "
        "the castle is there within twenty steps. With α = 6 again it stays, in the print's colours. Steps 100 and 300 "
        "have the same weights and different pictures: where a descent begins decides where it ends."
    ),
)
WHO_PULLS = Experiment(
    key="who_pulls",
    title="Who pulls?",
    setup={"content": "summer_palace", "style": "great_wave"},
    script=((100, {"beta": 100}), (250, {"beta": 1})),
    question="At step 100 β grows tenfold, and style's share of the pull leaps up. Does style keep what it has won?",
    look_at=(
        "Press Start and watch the bar: before step 100, right after it, at step 240; then when β falls to 1 at step 250. "
        "Compare the heat maps of content and style at step 90."
    ),
    answer=(
        "No. Style leaps from a half to nine tenths and falls back, because the picture moves to where content pulls "
        "back. After β has fallen, content leaps, and soon the two are even again. At rest they pull about equally hard, "
        "at the same places, against each other: the bar tells of change, not of what the picture is like."
    ),
)
FALLEN_BETA = Experiment(
    key="fallen_beta",
    title="β falls from 500 to 3",
    setup={"content": "summer_palace", "style": "village_street_auvers", "recipe": "balanced", "beta": 500, "tv": 1},
    script=((100, {"beta": 3}),),
    question="β falls from 500 to 3 at step 100. How many steps until the tower has its storeys back? And the sky its calm?",
    look_at="Press Start. Watch the tower after step 100, then the sky up to step 400; click back to step 99 and compare.",
    answer=(
        "Five steps halve the content error, twenty bring the storeys back. In the end both errors are those of a run "
        "with β = 3 from the start; its sky has curls too, for in an empty sky content has little to hold. When a weight "
        "falls, the studio gives Adam a new memory: lesson 07 shows the run without."
    ),
)
PALETTE = Experiment(
    key="palette",
    title="Take the palette away",
    setup={"content": "neuschwanstein", "style": "great_wave"},
    script=(),
    question="relu1_1 sees the smallest pieces of a picture. What does the painting lose without its Gram matrix?",
    look_at=(
        "Start, and take a snapshot after about a hundred steps. In Settings set relu1_1 to 0, then Reset, Start and take "
        "another. Compare the two."
    ),
    answer=(
        "The palette. The lines are much the same, but the sky turns a cool grey and the trees stay greenish: the other "
        "layers and the nearest neighbours ask less for colours. Here relu1_1 has three quarters of the Gram matrices' "
        "weight, so you took away strength as well as a layer."
    ),
)
TWO_STYLES = Experiment(
    key="two_styles",
    title="Two styles, one castle",
    setup={
        "content": "neuschwanstein",
        "style": (Style("great_wave"), Style("cafe_terrace_at_night", where=(0.0, 0.0, 1.0, 0.4))),
    },
    script=(),
    question=(
        "The café at night paints the upper two fifths, the wave the rest. Will a line show across the castle? And if both "
        "paint everywhere, who gets the walls?"
    ),
    look_at=(
        "Press Start, and take a snapshot after about 150 steps. In More control, below the snapshots, remove the mask, and "
        "take another at the same step. Compare the two."
    ),
    answer=(
        "Hardly a line: above, roofs glow red and brown in a sky of violet and yellow; below, walls are white and the woods "
        "grey; the change falls on the horizon. Without the mask each place takes from either painting what is most like it: "
        "the large wall the café's yellow, the woods its night blue."
    ),
)
EXPERIMENTS: dict[str, Experiment] = {
    one.key: one
    for one in (BETA_LADDER, MUTE_ALPHA, TV_UP, FROM_NOISE, FROM_PAINTING, WHO_PULLS, FALLEN_BETA, PALETTE, TWO_STYLES)
}
