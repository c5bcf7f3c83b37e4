"""Code whose path depends on the CPU, on both paths: convolutions in float32 and, where that is faster, in bfloat16.

The fixture `precision` pretends to be either CPU. Training has its own tests, in training/test_distill.py. A CPU without
bfloat16 only emulates it and takes its time, so all pictures are tiny.
"""

import pytest
import torch

import styletools as st
from styletools import __main__ as cli
from styletools import vgg as vgg_module

CONTENT, STYLE = "eilean_donan", "great_wave"


@pytest.mark.parametrize("name", ["vgg19-slim", "vgg19"])
def test_the_fastest_precision_is_loaded_when_none_is_asked_for(precision, name):
    vgg = st.load_vgg(name, dtype=None)
    assert vgg.dtype == precision
    assert {parameter.dtype for parameter in vgg.parameters()} == {precision}
    assert vgg.options["dtype"] == str(precision).removeprefix("torch.")


def test_what_is_asked_for_is_loaded_whatever_is_fastest(precision):
    assert st.load_vgg(device="cpu").dtype == torch.float32
    for dtype in (torch.float32, torch.bfloat16):
        assert st.load_vgg(device="cpu", dtype=dtype).dtype == dtype


def test_other_devices_stay_in_float32(precision):
    assert st.load_vgg(device="meta", dtype=None).dtype == torch.float32


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_transfer_goes_down_and_agrees_with_float32(precision, slim, plain_pair, optimizer):
    """Picture, losses and optimiser are float32 either way; bfloat16 keeps 8 bits, so losses agree to about a hundredth.

    Six steps later they still agree to a tenth with Adam; L-BFGS builds on differences of gradients and soon goes its own way.
    """
    vgg = st.load_vgg(dtype=None)
    run, exact = (st.StyleTransfer(*plain_pair, network, "balanced", optimizer=optimizer, steps=6) for network in (vgg, slim))
    history, expected = list(run), list(exact)
    assert run.vgg.dtype == precision
    assert run.tensor.dtype == torch.float32
    assert history[-1].total < history[0].total
    assert history[0].style == pytest.approx(expected[0].style, rel=0.01)
    if optimizer == "adam":
        assert history[-1].total == pytest.approx(expected[-1].total, rel=0.1)
    if precision is torch.float32:
        assert history == expected


def test_a_transfer_by_default_has_the_fastest_precision_and_says_so(precision, plain_pair):
    """Its job names what was chosen, not that it was: elsewhere another precision may be the fastest."""
    transfer = st.StyleTransfer(*plain_pair)
    assert transfer.vgg.dtype == precision
    assert transfer.job.network == transfer.vgg.options
    assert transfer.job.network["dtype"] == str(precision).removeprefix("torch.")
    assert transfer.job.load_network().dtype == precision


def test_a_saved_transfer_goes_on_in_its_precision(precision, plain_pair, tmp_path, monkeypatch):
    run = st.StyleTransfer(*plain_pair, steps=4)
    for _ in range(2):
        run.step()
    run.save(tmp_path / "run.safetensors")
    seconds = {torch.float32: 1.0, torch.bfloat16: 2.0 if precision is torch.bfloat16 else 0.5}
    monkeypatch.setattr(vgg_module, "_convolution_seconds", seconds.get)
    vgg_module.fast_bfloat16.cache_clear()
    assert st.load_vgg(dtype=None).dtype != precision, "another computer, on which the other one is faster"
    again = st.StyleTransfer.load(tmp_path / "run.safetensors")
    assert again.vgg.dtype == precision
    assert list(again) == list(run)
    assert torch.equal(again.tensor, run.tensor)


def test_stylize_paints_in_the_fastest_precision(precision):
    """By default; scales, the memory handed from one to the next, and averaging included."""
    networks, sizes, losses = set(), set(), []

    def on_step(transfer, step):
        networks.add(transfer.vgg.dtype)
        sizes.add(transfer.tensor.shape[-1])
        losses.append(step.total)

    picture = st.stylize(st.sample(CONTENT), st.sample(STYLE), size=64, steps=4, on_step=on_step)
    assert networks == {precision}
    assert picture.width == 64 == max(sizes)
    assert torch.tensor(losses).isfinite().all()
    start = st.preprocess(st.sample(CONTENT), 64)
    assert (st.preprocess(picture) - start).abs().mean() > 0.05


@pytest.mark.parametrize("network", [[], ["--network=vgg19-slim"]])
def test_the_command_line_paints_in_the_fastest_precision(precision, tmp_path, monkeypatch, network):
    for name in (CONTENT, STYLE):
        st.sample(name).resize((64, 48)).save(tmp_path / f"{name}.png")
    seen, original = set(), st.VGG.forward
    monkeypatch.setattr(st.VGG, "forward", lambda vgg, *arguments: seen.add(vgg.dtype) or original(vgg, *arguments))
    files = [str(tmp_path / f"{name}.png") for name in (CONTENT, STYLE)]
    assert cli.main([*files, "-o", str(tmp_path / "out.png"), "--size=32", "--steps=2", *network]) == 0
    assert seen == {precision}
    assert st.load_image(tmp_path / "out.png").width == 32


@pytest.mark.parametrize("recipe", ["neighbours", "balanced", "mean_std", "wasserstein", "sliced", "nearest"])
def test_styles_at_their_places_are_painted_on_either_cpu(precision, recipe):
    """Every statistic, with a mask, a mixture and another scale."""
    styles = [st.Style(STYLE, where=(0, 0, 1, 0.5)), st.Style("the_harvest", weight=2, scale=0.5), "composition_viii"]
    transfer = st.StyleTransfer(CONTENT, styles, recipe=recipe, size=64, steps=3, colors="match")
    history = list(transfer)
    assert transfer.vgg.dtype == precision
    assert history[-1].total < history[0].total
    assert transfer.tensor.dtype == torch.float32
    assert transfer.image.size == (64, 43)
