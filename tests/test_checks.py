"""The exercise checks: right answers pass, typical wrong ones are caught and get their hint, and nothing ever raises.

The wrong answers are written as students write them, independently of the table of slips.
"""

import numpy as np
import pytest
import torch
from torch.nn import functional as nnf

import styletools as st
from styletools.exercises import EXERCISES, numbers

MEAN = torch.tensor([0.485, 0.456, 0.406])[None, :, None, None]
STD = torch.tensor([0.229, 0.224, 0.225])[None, :, None, None]


# --- right answers, each as in a solution ---------------------------------------------------------------------------


def unnormalize(x):
    return torch.clip(x * STD + MEAN, 0, 1)


def extract_features(network, image, indices):
    kept = {}
    for i, module in enumerate(network):
        image = module(image)
        kept[i] = image.clone()
    return [kept[i] for i in indices]


def gram_matrix(f):
    n, c, h, w = f.shape
    x = f.reshape(n, c, h * w)
    return torch.bmm(x, x.transpose(1, 2)) / (c * h * w)


def covariance(f):
    x = f.flatten(2)
    x = x - x.mean(dim=2, keepdim=True)
    return x @ x.mT / x.shape[2]


def tv_loss(x):
    down = (x[:, :, 1:] - x[:, :, :-1]).abs().mean()
    across = (x[..., 1:] - x[..., :-1]).abs().mean()
    return 0.5 * (down + across)


def tv_squared(x):
    return ((x[:, :, 1:] - x[:, :, :-1]) ** 2).mean() + ((x[..., 1:] - x[..., :-1]) ** 2).mean()


def paint(start, loss_of, steps, learning_rate):
    picture = start.detach().clone().requires_grad_()
    optimizer = torch.optim.Adam([picture], lr=learning_rate)
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(picture).backward()
        optimizer.step()
        with torch.no_grad():
            picture.copy_(st.clamp_to_box(picture))
    return picture.detach()


def weights_for_shares(gradients, wish):
    lengths = torch.stack([torch.sqrt((g**2).sum()) for g in gradients])
    alpha, beta, tau = wish / lengths
    return torch.stack([alpha / alpha, beta / alpha, tau / alpha])


RIGHT = {
    "unnormalize": unnormalize,
    "extract_features": extract_features,
    "content_loss": nnf.mse_loss,
    "half_sum_loss": lambda f, p: 0.5 * torch.sum((f - p) ** 2),
    "gram_matrix": gram_matrix,
    "covariance": covariance,
    "style_loss": lambda f, a: (gram_matrix(f) - a).square().mean(),
    "tv_loss": tv_loss,
    "tv_squared": tv_squared,
    "paint": paint,
    "weights_for_shares": weights_for_shares,
}


# --- wrong answers -----------------------------------------------------------------------------------------------------


def overwritten(network, image, indices):
    kept = []
    for i, module in enumerate(network):
        image = module(image)
        if i in indices:
            kept.append(image)
    return kept


def network_order(network, image, indices):
    kept = []
    for i, module in enumerate(network):
        image = module(image)
        if i in indices:
            kept.append(image.clone())
    return kept


def before_module(network, image, indices):
    return [network[:i](image).clone() if i else image.clone() for i in indices]


def after_next(network, image, indices):
    return [network[: i + 2](image).clone() for i in indices]


def tutorial_gram(f):
    a, b, c, d = f.size()
    features = f.view(a * b, c * d)
    return torch.mm(features, features.t()).div(a * b * c * d)


def wrongly_flattened(f):
    n, c, h, w = f.shape
    x = f.permute(0, 2, 3, 1).reshape(n, c, h * w)
    return x @ x.mT / (c * h * w)


def reshaped_rows(f):
    n, c, h, w = f.shape
    x = f.reshape(n, h * w, c)
    return x.mT @ x / (c * h * w)


def subtracted(f, axes):
    x = f - f.mean(dim=axes, keepdim=True)
    return x.flatten(2) @ x.flatten(2).mT / x[0, 0].numel()


def scaled(function, factor):
    return lambda *arguments: function(*arguments) * factor(*arguments)


def loop(start, loss_of, steps, lr, optimizer=torch.optim.Adam, zero=True, clamp=st.clamp_to_box, climb=False, detach=True):
    picture = start.clone().requires_grad_()
    optimizer = optimizer([picture], lr=lr)
    for _ in range(steps):
        if zero:
            optimizer.zero_grad()
        loss = loss_of(picture)
        (-loss if climb else loss).backward()
        optimizer.step()
        picture.data = clamp(picture.data)
    return picture.detach() if detach else picture


def in_place_loop(start, loss_of, steps, learning_rate):
    start.requires_grad_()
    optimizer = torch.optim.Adam([start], lr=learning_rate)
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(start).backward()
        optimizer.step()
        start.data = st.clamp_to_box(start.data)
    return start.detach()


def replaced_parameter(start, loss_of, steps, learning_rate):
    picture = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([picture], lr=learning_rate)
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(picture).backward()
        optimizer.step()
        picture = st.clamp_to_box(picture).detach().requires_grad_()
    return picture.detach()


def optimizer_in_loop(start, loss_of, steps, learning_rate):
    picture = start.clone()
    for _ in range(steps):
        picture.requires_grad_()
        optimizer = torch.optim.Adam([picture], lr=learning_rate)
        loss_of(picture).backward()
        optimizer.step()
        picture = st.clamp_to_box(picture.detach())
    return picture


WRONG = [  # exercise, wrong answer, words of the hint
    ("unnormalize", lambda x: x * STD + MEAN, "clip at the end"),
    ("unnormalize", lambda x: (x * STD).clamp(0, 1), "the mean is missing"),
    ("unnormalize", lambda x: (x + MEAN).clamp(0, 1), "the std is missing"),
    ("unnormalize", lambda x: (x * MEAN + STD).clamp(0, 1), "changed places"),
    ("unnormalize", lambda x: ((x + MEAN) * STD).clamp(0, 1), "order"),
    ("unnormalize", lambda x: ((x - MEAN) / STD).clamp(0, 1), "normalises once more"),
    ("unnormalize", lambda x: unnormalize(x) * 255, "not 0 .. 255"),
    ("unnormalize", lambda x: (x * STD + MEAN).clamp(-1, 1), "not to -1"),
    ("unnormalize", lambda x: x.mul_(STD).add_(MEAN).clamp_(0, 1), "work on a copy"),
    ("unnormalize", lambda x: (x * STD.flatten() + MEAN.flatten()).clamp(0, 1), "shape"),
    ("unnormalize", lambda x: unnormalize(x).numpy(), "leave out .numpy()"),
    ("extract_features", overwritten, "clone()"),
    ("extract_features", network_order, "order of indices"),
    ("extract_features", before_module, "one module too early"),
    ("extract_features", after_next, "one module too late"),
    ("extract_features", lambda n, x, i: extract_features(n, x, range(len(n))), "only the features at indices"),
    ("extract_features", lambda n, x, i: extract_features(n, x, i)[-1:], "3 tensors|2 tensors"),
    ("extract_features", lambda n, x, i: [f.detach() for f in extract_features(n, x, i)], "no gradient flows"),
    ("extract_features", lambda n, x, i: dict(zip(i, extract_features(n, x, i), strict=True)), "as a list"),
    ("extract_features", lambda n, x, i: [n[k](x) for k in i], "shape|size|channels"),
    ("content_loss", lambda f, p: ((f - p) ** 2).sum(), "mean of the squares, not their sum"),
    ("content_loss", lambda f, p: ((f - p) ** 2).sum() / 2, "half the sum"),
    ("content_loss", lambda f, p: 0.5 * ((f - p) ** 2).mean(), "no half"),
    ("content_loss", nnf.l1_loss, "abs"),
    ("content_loss", lambda f, p: (f - p).mean(), "square the differences before"),
    ("content_loss", lambda f, p: (f - p).pow(2), "one number"),
    ("content_loss", lambda f, p: (f - p).pow(2).flatten(1).mean(1), "over the batch too"),
    ("content_loss", lambda f, p: (f - p).pow(2).mean().sqrt(), "square root"),
    ("content_loss", lambda f, p: (f.detach() - p).pow(2).mean(), "no gradient flows"),
    ("content_loss", lambda f, p: (f - p).pow(2).mean().item(), "leave out .item()"),
    ("content_loss", lambda f, p: f.sub_(p).pow(2).mean(), "work on a copy"),
    ("half_sum_loss", lambda f, p: ((f - p) ** 2).sum(), "forgot the half"),
    ("half_sum_loss", lambda f, p: ((f - p) ** 2).mean() / 2, "sum, not the mean"),
    ("half_sum_loss", nnf.mse_loss, "this is the mean"),
    ("half_sum_loss", lambda f, p: ((f - p) / 2).pow(2).sum(), "outside the square"),
    ("half_sum_loss", lambda f, p: (f - p).abs().sum() / 2, "abs"),
    ("half_sum_loss", lambda f, p: (f - p).sum() ** 2 / 2, "first square"),
    ("half_sum_loss", lambda f, p: (f - p).pow(2) / 2, "one number"),
    ("half_sum_loss", lambda f, p: torch.norm(f - p) / 2, "square root"),
    ("gram_matrix", scaled(gram_matrix, lambda f: f[0].numel()), "forgot to divide"),
    ("gram_matrix", scaled(gram_matrix, lambda f: f.shape[1]), "divided by H W only"),
    ("gram_matrix", scaled(gram_matrix, lambda f: f.shape[2] * f.shape[3]), "divided by C only"),
    ("gram_matrix", lambda f: f.flatten(2).mT @ f.flatten(2) / f[0].numel(), "transpose the second factor"),
    ("gram_matrix", reshaped_rows, "along the wrong axes"),
    ("gram_matrix", tutorial_gram, "mixed into one"),
    ("gram_matrix", lambda f: torch.einsum("nchw,ndhw->cd", f, f) / f.numel(), "added up"),
    ("gram_matrix", lambda f: gram_matrix(f) / f.shape[0], "batch size"),
    ("gram_matrix", lambda f: gram_matrix(f - f.mean((2, 3), keepdim=True)), "covariance"),
    ("gram_matrix", lambda f: gram_matrix(f)[0], "batch axis"),
    ("gram_matrix", lambda f: gram_matrix(f.detach()), "no gradient flows"),
    ("gram_matrix", lambda f: f.flatten(2) @ f.flatten(2).detach().mT / f[0].numel(), "detached"),
    ("gram_matrix", lambda f: gram_matrix(f.relu_()), "work on a copy"),
    ("gram_matrix", wrongly_flattened, "axes are moved before reshape"),
    ("gram_matrix", lambda f: gram_matrix(f).float(), "keep the dtype"),
    ("covariance", scaled(gram_matrix, lambda f: f.shape[1]), "subtract each channel's mean"),
    ("covariance", scaled(covariance, lambda f: f[0, 0].numel()), "forgot to divide by H W"),
    ("covariance", scaled(covariance, lambda f: 1 / f.shape[1]), "not by C H W"),
    ("covariance", scaled(covariance, lambda f: f[0, 0].numel() / (f[0, 0].numel() - 1)), "H W - 1"),
    ("covariance", lambda f: subtracted(f, 1), "wrong axis"),
    ("covariance", lambda f: subtracted(f, (1, 2, 3)), "one mean for all channels"),
    ("covariance", lambda f: subtracted(f, (0, 2, 3)), "over the batch too"),
    ("covariance", lambda f: subtracted(f, 3), "rows only"),
    ("covariance", lambda f: torch.cov(f.transpose(0, 1).flatten(1), correction=0), "added up"),
    ("style_loss", lambda f, a: (gram_matrix(f) - a).pow(2).sum(), "not their sum"),
    ("style_loss", lambda f, a: (gram_matrix(f) * f[0].numel() - a).pow(2).mean(), "not divided by C H W"),
    ("style_loss", lambda f, a: (gram_matrix(f) * f.shape[1] - a).pow(2).mean(), "H W only"),
    ("style_loss", lambda f, a: (gram_matrix(f) - a).abs().mean(), "abs"),
    ("style_loss", lambda f, a: (gram_matrix(f) - a).mean(), "square the differences before"),
    ("style_loss", lambda f, a: (gram_matrix(f) - a).pow(2).mean() / 4, "quarter"),
    ("style_loss", lambda f, a: (gram_matrix(f) - a).pow(2), "one number"),
    ("style_loss", lambda f, a: (gram_matrix(f).detach() - a).pow(2).mean(), "no gradient flows"),
    ("tv_loss", lambda x: 2 * tv_loss(x), "forgot the half"),
    ("tv_loss", lambda x: x.diff(dim=2).abs().mean() / 2, "across (dx) are missing"),
    ("tv_loss", lambda x: x.diff(dim=3).abs().mean() / 2, "down (dy) are missing"),
    ("tv_loss", lambda x: (x.diff(dim=2).abs().sum() + x.diff(dim=3).abs().sum()) / 2, "means, not the sums"),
    ("tv_loss", lambda x: tv_squared(x) / 2, "not their squares"),
    ("tv_loss", lambda x: (x.diff(dim=2).mean() + x.diff(dim=3).mean()) / 2, "cancel"),
    ("tv_loss", lambda x: ((x - x.roll(1, 2)).abs().mean() + (x - x.roll(1, 3)).abs().mean()) / 2, "roll()"),
    ("tv_loss", lambda x: (x.diff(dim=1).abs().mean() + x.diff(dim=2).abs().mean()) / 2, "wrong axes"),
    ("tv_squared", lambda x: tv_squared(x) / 2, "no half"),
    ("tv_squared", lambda x: x.diff(dim=2).pow(2).sum() + x.diff(dim=3).pow(2).sum(), "means, not the sums"),
    ("tv_squared", tv_loss, "abs"),
    ("tv_squared", lambda x: x.diff(dim=2).pow(2).mean(), "across (dx) are missing"),
    ("tv_squared", lambda x: x.diff(dim=3).pow(2).mean(), "down (dy) are missing"),
    ("tv_squared", lambda x: x.diff(dim=2).mean() ** 2 + x.diff(dim=3).mean() ** 2, "square first"),
    ("tv_squared", lambda x: (x - x.roll(1, 2)).pow(2).mean() + (x - x.roll(1, 3)).pow(2).mean(), "roll()"),
    ("weights_for_shares", lambda g, s: s / g.flatten(1).norm(dim=1), "alpha is to be 1"),
    ("weights_for_shares", lambda g, s: s * g.flatten(1).norm(dim=1) / (s[0] * g[0].norm()), "a term that pulls hard"),
    ("weights_for_shares", lambda g, s: weights_for_shares(g, s) / weights_for_shares(g, s).sum(), "add up to 1"),
    ("weights_for_shares", lambda g, s: s / s[0] * (g[0] ** 2).sum() / (g**2).flatten(1).sum(1), "take the root"),
    ("weights_for_shares", lambda g, s: s / s[0] * g[0].abs().mean() / g.abs().flatten(1).mean(1), "mean or sum of abs"),
    ("weights_for_shares", lambda g, s: s / s[0], "the gradients are not used"),
    ("weights_for_shares", lambda g, s: g[0].norm() / g.flatten(1).norm(dim=1), "the wish is not used"),
    ("weights_for_shares", lambda g, s: weights_for_shares(g, s).tolist(), "tensor"),
    ("paint", lambda *a: loop(*a, clamp=lambda x: x), "after every step"),
    ("paint", lambda *a: st.clamp_to_box(loop(*a, clamp=lambda x: x)), "not once at the end"),
    ("paint", lambda *a: loop(*a, clamp=lambda x: x.clamp(0, 1)), "st.clamp_to_box"),
    ("paint", lambda *a: loop(*a, zero=False), "zero_grad()"),
    ("paint", lambda *a: loop(*a, optimizer=torch.optim.SGD), "Adam, not SGD"),
    ("paint", lambda *a: loop(*a, climb=True), "climbs"),
    ("paint", lambda *a: loop(*a, detach=False), "return it detached"),
    ("paint", lambda s, f, n, lr: loop(s, f, n + 1, lr), "one step too many"),
    ("paint", lambda s, f, n, lr: loop(s, f, n - 1, lr), "one step too few"),
    ("paint", lambda s, f, n, lr: loop(s, f, n, 0.001), "learning rate that is given"),
    ("paint", lambda s, f, n, lr: s, "the start comes back"),
    ("paint", in_place_loop, "work on a copy"),
    ("paint", replaced_parameter, "keeps the parameter"),
    ("paint", optimizer_in_loop, "before the loop"),
]


def printed(capsys, name, function):
    assert st.check(name, function) is None
    return capsys.readouterr().out


@pytest.mark.parametrize("name", EXERCISES)
def test_right_answers_are_exact_in_every_case(capsys, name):
    lines = printed(capsys, name, RIGHT[name]).splitlines()
    assert len(lines) >= 4
    assert all(line.startswith("  exact  ") for line in lines[:-1])
    assert lines[-1] == f"{name}: all {len(lines) - 1} cases exact."


@pytest.mark.parametrize(("name", "function", "hint"), WRONG, ids=[f"{name}-{i}" for i, (name, _, _) in enumerate(WRONG)])
def test_wrong_answers_are_caught_and_explained(capsys, name, function, hint):
    text = printed(capsys, name, function)
    assert "all" not in text.splitlines()[-1].split("Hint")[0]
    assert "WRONG" in text
    assert any(words in text for words in hint.split("|"))


def test_every_exercise_has_six_wrong_answers_here():
    names = [name for name, _, _ in WRONG]
    assert all(names.count(name) >= 6 for name in EXERCISES)


@pytest.mark.parametrize(("name", "hint"), [(name, hint) for name, exercise in EXERCISES.items() for hint in exercise.slips])
def test_every_slip_earns_its_own_hint(capsys, name, hint):
    assert printed(capsys, name, EXERCISES[name].slips[hint]).endswith(f"Hint: {hint}\n")


def raising(error):
    def function(*arguments):
        raise error

    return function


@pytest.mark.parametrize("name", EXERCISES)
@pytest.mark.parametrize("stub", [lambda *a: None, lambda *a: ..., raising(NotImplementedError())])
def test_stubs_are_not_yet(capsys, name, stub):
    text = printed(capsys, name, stub)
    assert text.startswith(f"{name}: not yet: ")
    assert text.count("\n") == 1


class Unprintable(Exception):
    def __str__(self):
        raise ValueError("no text")


@pytest.mark.parametrize("name", EXERCISES)
@pytest.mark.parametrize(
    "function",
    [
        raising(ValueError("a message\nof two lines")), raising(SystemExit(3)), raising(KeyError("x")), raising(Unprintable()),
        raising(RecursionError()), lambda: 0, lambda *a: 0.5, lambda *a: 3, lambda *a: "text", lambda *a: [], lambda *a: {},
        lambda *a: np.zeros(3), lambda *a: object(), lambda *a: [None], lambda *a: torch.tensor([]),
        lambda *a: torch.tensor(torch.nan), lambda *a: torch.tensor(True),
        lambda *a: torch.tensor(1j), lambda *a: torch.zeros(2, device="meta"),
        lambda *a: [t for t in a if isinstance(t, torch.Tensor)], lambda *a: a[0], lambda *a: torch.eye(3).to_sparse(),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_nothing_makes_a_check_raise(capsys, name, function):
    text = printed(capsys, name, function)
    assert text
    assert "exact." not in text


@pytest.mark.parametrize("thing", [None, 3, torch.zeros(2), "gram", [gram_matrix]])
def test_what_is_no_function_is_named(capsys, thing):
    text = printed(capsys, "gram_matrix", thing)
    assert text.startswith("gram_matrix: not yet: expected a function, got ")


@pytest.mark.parametrize("name", ["gram", "", None, 3, [1]])
def test_unknown_exercises_are_answered_with_the_known_ones(capsys, name):
    text = printed(capsys, name, gram_matrix)
    assert text.startswith("there is no exercise ")
    assert "gram_matrix, covariance" in text


def test_an_interrupt_passes_through():
    with pytest.raises(KeyboardInterrupt):
        st.check("gram_matrix", raising(KeyboardInterrupt()))


def test_an_exception_is_one_line_with_type_message_and_hint(capsys):
    text = printed(capsys, "gram_matrix", lambda f: f.view(3, -1) @ f)
    assert "every case: it raised RuntimeError: " in text
    assert "Hint: print the shapes" in text
    assert text.count("\n") == 2
    assert "call it as f(features, target)." in printed(capsys, "content_loss", lambda f: f)
    assert "a typo, or a cell above" in printed(capsys, "tv_loss", lambda x: undefined(x))  # noqa: F821


def test_shapes_are_compared(capsys):
    text = printed(capsys, "gram_matrix", lambda f: gram_matrix(f)[..., 0])
    assert "expected shape (2, 5, 5), got (2, 5)" in text


def test_a_constant_factor_is_named(capsys):
    assert "7 times what was expected" in printed(capsys, "covariance", lambda f: 7 * covariance(f))


def test_close_answers_are_called_close_and_not_exact(capsys):
    text = printed(capsys, "gram_matrix", lambda f: gram_matrix(f) + 1e-3)
    assert "  close  one picture: largest difference 0.001" in text
    assert text.splitlines()[-1] == "gram_matrix: 4 of 4 cases right."


def test_a_check_leaves_the_random_numbers_alone(capsys):
    torch.manual_seed(0)
    first = torch.rand(1)
    torch.manual_seed(0)
    for name in EXERCISES:
        st.check(name, RIGHT[name])
    assert torch.rand(1) == first


def test_a_check_works_where_gradients_are_switched_off(capsys):
    with torch.no_grad():
        text = printed(capsys, "gram_matrix", gram_matrix)
    assert "all 4 cases exact" in text


def test_a_check_prints_the_same_text_twice(capsys):
    for name, function, _ in WRONG[::7]:
        assert printed(capsys, name, function) == printed(capsys, name, function)


def test_the_numbers_of_the_cases_are_the_same_in_every_dtype():
    assert torch.equal(numbers(2, 3, seed=1).double(), numbers(2, 3, seed=1, dtype=torch.float64))
    assert len(numbers(100).unique()) > 95
