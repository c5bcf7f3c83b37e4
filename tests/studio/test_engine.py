"""The loop around a real style transfer: it paints what `StyleTransfer` alone paints, in whatever thread."""

from dataclasses import replace

import pytest
import torch
from helpers import run_python

import styletools as st
from styletools.studio.engine import TransferEngine, network
from styletools.studio.loop import LiveLoop

LAYERS = dict(st.RECIPES["balanced"].style_layers)
WEIGHTS = st.Weights(1.0, 20.0, 2.0, LAYERS)
FEWER = {name: weight for name, weight in LAYERS.items() if name != "relu4_1"}
MORE = {**LAYERS, "relu3_3": 0.5}
CHANGES = {2: {"beta": 300.0}, 4: {"alpha": 0.0, "tv": 0.1}, 5: {"style_layers": {**LAYERS, "relu3_1": 1.0}}}
COME_AND_GO = {2: {"style_layers": FEWER}, 4: {"style_layers": MORE}, 5: {"style_layers": {}}}


def make_job(optimizer="adam", **options):
    options = {"recipe": "balanced", "averaging": 0.5, "seed": 3, **options}
    return st.Job("eilean_donan", "great_wave", 40, 7, optimizer=optimizer, coarse_to_fine=False, **options)


def paint_plainly(job, changes=None, steps=7):
    """What `StyleTransfer` alone paints. changes: {step: weights to set after it}."""
    transfer = st.StyleTransfer.of(replace(job, steps=steps))
    for step in transfer:
        transfer.weights = replace(transfer.weights, **(changes or {}).get(step.index, {}))
    return transfer


def loop_with(job, changes=None):
    """A loop in which a hand sets the weights of `changes` while the step of that number is made."""

    class Engine(TransferEngine):
        def step(self, weights):
            step = super().step(weights)
            loop.set(**(changes or {}).get(step.index, {}))
            return step

    loop = LiveLoop(Engine, job)
    return loop


@pytest.mark.parametrize("changes", [{}, CHANGES, COME_AND_GO], ids=["still", "moved", "layers come and go"])
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("way", ["run", "start"])
def test_the_loop_paints_what_a_plain_loop_paints(way, optimizer, changes):
    job = make_job(optimizer)
    loop = loop_with(job, changes)
    loop.run(7) if way == "run" else loop.start()
    assert loop.wait(60)
    plain = paint_plainly(job, changes)
    assert (loop.state, loop.frame.message) == ("finished", "")
    assert loop.frame.history == tuple(plain.history)
    assert loop.frame.image.tobytes() == plain.image.tobytes()
    assert torch.equal(loop._engine.transfer.tensor, plain.tensor)
    assert [first for first, _ in loop.frame.moves] == [1, *(step + 1 for step in changes)]
    assert loop.frame.moves == plain.moves


def test_pauses_and_single_steps_change_nothing():
    """Each press has a worker thread of its own."""
    loop = LiveLoop(TransferEngine, make_job(init="noise"))
    for press in (loop.step, loop.step, lambda: setattr(loop, "steps", 5), loop.start, lambda: loop.run(2)):
        press()
        assert loop.wait(60)
    assert loop.frame.image.tobytes() == paint_plainly(make_job(init="noise")).image.tobytes()


def test_the_weights_of_the_first_step_are_the_jobs():
    loop = LiveLoop(TransferEngine, make_job(weights=replace(WEIGHTS, beta=7.0, style_layers={"relu2_1": 1.0})))
    loop.run(2)
    assert [step.beta for step in loop.frame.history] == [7.0, 7.0]
    assert loop.frame.moves == ((1, replace(WEIGHTS, beta=7.0, style_layers={"relu2_1": 1.0})),)
    assert set(loop._engine.transfer.targets.style) == {"relu2_1"}


def test_a_job_that_was_begun_is_begun_again():
    """An engine starts with the weights of the first step, whatever came later."""
    job = replace(make_job(), moves=((1, replace(WEIGHTS, tv=0.5)), (3, WEIGHTS)), done=5)
    engine = TransferEngine(job)
    assert (engine.history, engine.moves, engine.transfer.weights) == ([], (), replace(WEIGHTS, tv=0.5))


def test_pulls_are_gradient_norms_at_the_picture_shown():
    layers = {**LAYERS, "relu1_1": 0.0}
    job = make_job(weights=replace(WEIGHTS, style_layers=layers))
    loop = LiveLoop(TransferEngine, job)
    loop.run(3)
    plain = paint_plainly(job, steps=3)
    expected = st.gradient_norms("balanced", plain.vgg, plain.tensor, plain.targets, layers)
    assert loop.frame.pulls == expected
    alpha, beta, tv = (weight * pull for weight, pull in zip((1.0, 20.0, 2.0), expected, strict=True))
    assert loop.frame.shares == pytest.approx(
        (alpha / (alpha + beta + tv), beta / (alpha + beta + tv), tv / (alpha + beta + tv))
    )


@pytest.mark.parametrize("layers", [FEWER, MORE, {"conv3_2": 1.0}], ids=["one fewer", "one more", "another"])
@pytest.mark.parametrize("steps", [0, 2])
def test_pulls_of_layers_that_come_and_go_are_measured_before_the_next_step(layers, steps):
    """The bar of a picture at rest shows what the weights would do."""
    loop = LiveLoop(TransferEngine, make_job())
    loop.run(steps)
    before = loop.frame.pulls
    loop.set(style_layers=layers)
    assert loop.wait(60)
    assert (loop.state == "error", loop.frame.message) == (False, "")
    plain = paint_plainly(make_job(), steps=steps)
    targets = plain.recipe.targets(plain.vgg, plain.content, plain.style, layers)
    assert loop.frame.pulls == st.gradient_norms("balanced", plain.vgg, plain.tensor, targets, layers)
    assert loop.frame.pulls != before


def test_a_network_is_loaded_once():
    options = make_job().network
    assert network(**options) is network(**options)
    assert TransferEngine(make_job()).transfer.vgg is network(**options)
    assert network(**{**options, "padding": "zeros"}) is not network(**options)


def test_the_global_random_numbers_neither_matter_nor_change():
    state = torch.get_rng_state()
    LiveLoop(TransferEngine, make_job(init="noise")).run(1)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_run_that_diverges_keeps_its_last_good_picture():
    loop = LiveLoop(TransferEngine, make_job("lbfgs", recipe="modules", learning_rate=1e30))
    with pytest.raises(st.DivergedError):
        loop.run(40)
    assert loop.state == "error"
    assert "diverged" in loop.frame.message
    assert loop.frame.image.size == (40, 27)
    assert loop.frame.done >= 1


def test_python_ends_cleanly_while_it_paints():
    """No crash, no traceback, no waiting: also when a step is under way."""
    result = run_python(
        "-c",
        "import styletools as st, time\n"
        "from styletools.studio.engine import TransferEngine\n"
        "from styletools.studio.loop import LiveLoop\n"
        "loop = LiveLoop(TransferEngine, st.Job('eilean_donan', 'great_wave', 64, 10**6, coarse_to_fine=False))\n"
        "loop.start()\n"
        "while len(loop.frame.history) < 2: time.sleep(0.01)\n",
    )
    assert (result.returncode, result.stderr) == (0, "")
