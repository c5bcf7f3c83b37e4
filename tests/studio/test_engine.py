"""The loop around a real style transfer: it paints what `StyleTransfer` alone paints, in whatever thread."""

from dataclasses import replace

import pytest
import torch
from helpers import pixels, run_python

import styletools as st
from styletools.runs import read_run, write_run
from styletools.studio.engine import TransferEngine, network, packed
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
        def step(self, weights, measure=False):
            step = super().step(weights, measure)
            loop.set(**(changes or {}).get(step.index, {}))
            return step

    loop = LiveLoop(Engine, job, steps=7)
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


def weighed(transfer, weights):
    """The norms of the weighted gradients where the optimiser stands."""
    targets = transfer.recipe.targets(transfer.vgg, transfer.content, transfer.style, weights.style_layers)
    norms = st.gradient_norms(transfer.recipe, transfer.vgg, pixels(transfer), targets, weights.style_layers)
    return tuple(weight * norm for weight, norm in zip((weights.alpha, weights.beta, weights.tv), norms, strict=True))


def test_pulls_at_rest_are_those_of_the_next_step():
    weights = replace(WEIGHTS, style_layers={**LAYERS, "relu1_1": 0.0})
    loop = LiveLoop(TransferEngine, make_job(weights=weights))
    loop.run(3)
    expected = weighed(paint_plainly(make_job(weights=weights), steps=3), weights)
    assert (loop.frame.pulls.step, loop.frame.pulls.weights) == (3, weights)
    assert loop.frame.pulls.norms == pytest.approx(expected, rel=1e-5)
    assert loop.frame.shares == pytest.approx([norm / sum(expected) for norm in expected], rel=1e-5)


@pytest.mark.parametrize("recipe", ["balanced", "neighbours"])
@pytest.mark.parametrize("steps", [0, 5, 7])
def test_a_measured_step_feels_what_was_measured_before_it(recipe, steps):
    engine = TransferEngine(make_job(recipe=recipe))
    weights = engine.transfer.weights
    for _ in range(steps):
        engine.step(weights)
    before = engine.measure(weights)
    assert engine.pulls is None
    engine.step(weights, measure=True)
    assert (engine.pulls.step, engine.pulls.weights) == (before.step, before.weights) == (steps, weights)
    for felt, measured in zip(engine.pulls.gradients, before.gradients, strict=True):
        torch.testing.assert_close(felt, measured, rtol=1e-3, atol=2e-3 * float(measured.abs().max()) + 1e-9)


@pytest.mark.parametrize("layers", [FEWER, MORE, {"conv3_2": 1.0}], ids=["one fewer", "one more", "another"])
@pytest.mark.parametrize("steps", [0, 2])
def test_pulls_of_layers_that_come_and_go_are_measured_before_the_next_step(layers, steps):
    """The bar of a picture at rest shows what the weights would do."""
    loop = LiveLoop(TransferEngine, make_job())
    loop.run(steps)
    before = loop.frame.pulls.norms
    loop.set(style_layers=layers)
    assert loop.wait(60)
    assert (loop.state == "error", loop.frame.message) == (False, "")
    weights = replace(WEIGHTS, style_layers=layers)
    assert loop.frame.pulls.norms == pytest.approx(weighed(paint_plainly(make_job(), steps=steps), weights), rel=1e-5)
    assert loop.frame.pulls.norms != before


def test_gram_matrices_of_a_layer_whatever_the_recipe_compares():
    engine = TransferEngine(make_job(recipe="neighbours"))
    engine.step(WEIGHTS)
    t = engine.transfer
    for layer in ("relu3_1", "conv4_2"):
        gram, target = engine.gram(layer)
        for found, picture in ((gram, t.tensor), (target, t.style)):
            (features,) = t.vgg(picture, [layer])[layer].detach().float()
            flat = features.flatten(1).double()
            torch.testing.assert_close(found.double(), flat @ flat.T / flat.shape[1], rtol=1e-4, atol=1e-6)
        assert not gram.requires_grad
        assert engine.gram(layer)[1] is target, "the style picture does not change"
    engine.step(WEIGHTS)
    assert not torch.equal(engine.gram("conv4_2")[0], gram)


def test_the_gram_matrix_of_a_layer_that_is_not_there():
    with pytest.raises(KeyError, match="relu9_1"):
        TransferEngine(make_job()).gram("relu9_1")


# --- back to what was ------------------------------------------------------------------------------------------------------

KINDS = [
    {"optimizer": "adam"},
    {"optimizer": "lbfgs", "learning_rate": 0.05},
    {"optimizer": "adam", "recipe": "neighbours", "init": "noise", "averaging": 0.8},
]
NAMES = ["adam", "lbfgs", "neighbours"]
LONG = {2: {"beta": 300.0}, 9: {"alpha": 0.0, "tv": 0.1}, 14: {"style_layers": MORE}, 15: {"style_layers": {}}}


def paint_with(engine, changes, steps):
    """Steps of an engine whose weights change after those of `changes`."""
    weights = engine.moves[-1][1] if engine.moves else engine.transfer.weights
    for _ in range(steps):
        step = engine.step(weights)
        weights = replace(weights, **changes.get(step.index, {}))
    return engine


def same(one, other):
    """Whether two engines have the same run, picture and optimiser, to the last bit."""
    pictures = torch.equal(one.transfer.tensor, other.transfer.tensor) and torch.equal(
        pixels(one.transfer), pixels(other.transfer)
    )
    runs = (list(one.history), one.moves) == (list(other.history), other.moves)
    return pictures and runs and one.image().tobytes() == other.image().tobytes()


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("options", KINDS, ids=NAMES)
def test_a_state_goes_into_a_new_engine_bit_for_bit(options, on_disk, tmp_path):
    job = make_job(**options)
    engine = paint_with(TransferEngine(job), LONG, 13)
    state = engine.state()
    if on_disk:
        write_run(packed(state), tmp_path / "state.safetensors")
        state = read_run(tmp_path / "state.safetensors")
    paint_with(engine, {13: {"beta": 1.0}}, 4)
    other = TransferEngine(job)
    other.restore(state)
    assert (len(other.history), [first for first, _ in other.moves]) == (13, [1, 3, 10])
    paint_with(other, {13: {"beta": 1.0}}, 4)
    assert same(engine, other)


@pytest.mark.parametrize("options", KINDS, ids=NAMES)
def test_a_state_stays_as_it_was(options):
    """Steps that come after it, in whatever engine, do not write into it; it may be used many times."""
    engine = paint_with(TransferEngine(make_job(**options)), {}, 6)
    state = engine.state()
    once = paint_with(engine, {}, 5).image().tobytes()
    for _ in range(2):
        engine.restore(state)
        assert len(engine.history) == 6
        assert paint_with(engine, {}, 5).image().tobytes() == once


def test_a_state_holds_neither_picture_and_is_restored_where_layers_are_new():
    engine = paint_with(TransferEngine(make_job()), {1: {"style_layers": MORE}}, 3)
    state = engine.state()
    assert {"content", "style", "settings", "init"}.isdisjoint(state)
    other = TransferEngine(make_job())
    other.restore(state)
    assert same(paint_with(engine, {}, 2), paint_with(other, {}, 2))


def test_a_state_of_another_painting():
    state = paint_with(TransferEngine(make_job()), {}, 2).state()
    with pytest.raises(st.SettingsError, match="belongs to another painting: start again"):
        TransferEngine(make_job(recipe="neighbours")).restore(state)
    with pytest.raises(st.SettingsError, match="belongs to another painting"):
        TransferEngine(replace(make_job(), size=32)).restore(state)
    with pytest.raises(st.SettingsError, match="belongs to another painting"):
        TransferEngine(make_job()).restore({"history": ()})


@pytest.mark.parametrize("options", KINDS, ids=NAMES)
@pytest.mark.parametrize("step", [0, 1, 6, 9, 15, 19])
def test_going_back_leads_to_the_same_bytes_as_a_run_that_was_never_further(options, step):
    """And the branch from there paints what a straight run with these weights does."""
    job, changes = make_job(**options), dict(LONG)
    loop = loop_with(job, changes)
    loop.run(20)
    changes.clear()
    loop.go_back(step)
    assert loop.wait(60)
    never = loop_with(job, {at: change for at, change in LONG.items() if at < step})
    never.run(step)
    assert (loop.state, loop.frame.done, loop.frame.message) == ("paused", step, "")
    assert same(loop._engine, never._engine)
    assert loop.frame.image.tobytes() == (never.frame.image or never._engine.image()).tobytes()
    for one in (loop, never):
        one.set(**vars(loop.weights))
        one.set(beta=77.0, style_layers=LAYERS)
        one.run(3)
    assert same(loop._engine, never._engine)


@pytest.mark.parametrize("options", KINDS, ids=NAMES)
def test_a_loop_with_another_kernel_goes_on_bit_for_bit(options, tmp_path):
    """As after a reload: the job as text, the last checkpoint as a file."""
    job = make_job(**options)
    changes = dict(LONG)
    loop = loop_with(job, changes)
    loop.run(17)
    changes.clear()
    frame, (at, state) = loop.frame, loop.timeline.nearest(17)
    write_run(packed(state), tmp_path / "state.safetensors")
    text = replace(frame.job, moves=frame.moves, done=frame.done, weights=loop.weights).to_json()
    other = LiveLoop(TransferEngine, make_job())
    other.restore(st.Job.from_json(text), read_run(tmp_path / "state.safetensors"))
    assert other.wait(60)
    assert (other.state, other.frame.message, other.weights) == ("paused", "", loop.weights)
    assert 0 < at < 17
    for one in (loop, other):
        one.run(3)
    assert same(loop._engine, other._engine)


def test_a_run_that_diverged_goes_back():
    loop = LiveLoop(TransferEngine, make_job("lbfgs", recipe="modules", learning_rate=1e30))
    with pytest.raises(st.DivergedError):
        loop.run(40)
    loop.go_back(1)
    assert loop.wait(60)
    assert (loop.state, loop.frame.done, loop.frame.message) == ("paused", 1, "")
    assert (
        loop.frame.image.tobytes()
        == paint_plainly(make_job("lbfgs", recipe="modules", learning_rate=1e30), steps=1).image.tobytes()
    )


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
