"""Wrong functions of lessons 05 to 07: the exercise, the function, words of the hint or verdict that it must earn."""

import torch
from right_answers import paint, slopes, tv_loss, tv_round, tv_squared, weights_for_shares

import styletools as st


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


def renamed(bound):
    """p = clamp(p), in one of its forms."""

    def function(start, loss_of, steps, learning_rate):
        p = start.clone().requires_grad_()
        adam = torch.optim.Adam([p], lr=learning_rate)
        for _ in range(steps):
            adam.zero_grad()
            loss_of(p).backward()
            adam.step()
            p = bound(p)
        return p.detach()

    return function


def no_grad_clamp(p):
    with torch.no_grad():
        return st.clamp_to_box(p)


def clamped_first(start, loss_of, steps, learning_rate):
    p = start.clone().requires_grad_()
    adam = torch.optim.Adam([p], lr=learning_rate)
    for _ in range(steps):
        with torch.no_grad():
            p.copy_(st.clamp_to_box(p))
        adam.zero_grad()
        loss_of(p).backward()
        adam.step()
    return p.detach()


def with_closure(start, loss_of, steps, learning_rate):
    p = start.clone().requires_grad_()
    lbfgs = torch.optim.LBFGS([p], lr=learning_rate)

    def closure():
        lbfgs.zero_grad()
        loss = loss_of(p)
        loss.backward()
        return loss

    for _ in range(steps):
        lbfgs.step(closure)
        p.data = st.clamp_to_box(p.data)
    return p.detach()


def optimizer_in_loop(start, loss_of, steps, learning_rate):
    picture = start.clone()
    for _ in range(steps):
        picture.requires_grad_()
        optimizer = torch.optim.Adam([picture], lr=learning_rate)
        loss_of(picture).backward()
        optimizer.step()
        picture = st.clamp_to_box(picture.detach())
    return picture


def returns_in_the_loop(start, loss_of, steps, learning_rate):
    for _ in range(steps):
        return paint(start, loss_of, 1, learning_rate)


def of_channels(gradients, wish):
    lengths = gradients.norm(dim=(2, 3)).mean(1)
    return wish / lengths / (wish / lengths)[0]


WRONG = [
    ("tv_loss", lambda x: 2 * tv_loss(x), "forgot the half"),
    ("tv_loss", lambda x: x.diff(dim=2).abs().mean() / 2, "across (dx) are missing"),
    ("tv_loss", lambda x: x.diff(dim=3).abs().mean() / 2, "down (dy) are missing"),
    ("tv_loss", lambda x: (x.diff(dim=2).abs().sum() + x.diff(dim=3).abs().sum()) / 2, "means, not the sums"),
    ("tv_loss", lambda x: tv_squared(x) / 2, "not their squares"),
    ("tv_loss", lambda x: (x.diff(dim=2).mean() + x.diff(dim=3).mean()) / 2, "cancel"),
    ("tv_loss", lambda x: ((x - x.roll(1, 2)).abs().mean() + (x - x.roll(1, 3)).abs().mean()) / 2, "roll()"),
    ("tv_loss", lambda x: (x.diff(dim=1).abs().mean() + x.diff(dim=2).abs().mean()) / 2, "wrong axes"),
    ("tv_loss", lambda x: tv_loss(x[:1]), "only the first picture"),
    ("tv_loss", lambda x: torch.cat([x.diff(dim=2).flatten(), x.diff().flatten()]).abs().mean(), "a mean of its own"),
    ("tv_squared", lambda x: tv_squared(x) / 2, "no half"),
    ("tv_squared", lambda x: x.diff(dim=2).pow(2).sum() + x.diff(dim=3).pow(2).sum(), "means, not the sums"),
    ("tv_squared", tv_loss, "abs"),
    ("tv_squared", lambda x: x.diff(dim=2).pow(2).mean(), "across (dx) are missing"),
    ("tv_squared", lambda x: x.diff(dim=3).pow(2).mean(), "down (dy) are missing"),
    ("tv_squared", lambda x: x.diff(dim=2).mean() ** 2 + x.diff(dim=3).mean() ** 2, "first square"),
    ("tv_squared", lambda x: (x - x.roll(1, 2)).pow(2).mean() + (x - x.roll(1, 3)).pow(2).mean(), "roll()"),
    ("tv_squared", lambda x: torch.cat([x.diff(dim=2).flatten(), x.diff().flatten()]).square().mean(), "a mean of its own"),
    ("tv_squared", lambda x: tv_squared(x[0][None]), "only the first picture"),
    ("tv_squared", lambda x: x.diff(dim=2).abs().mean() ** 2 + x.diff().abs().mean() ** 2, "not the mean of abs()"),
    ("tv_squared", lambda x: x[:, :, 1:] - x[:, :, :-1] + x[..., 1:] - x[..., :-1], "print the shapes"),
    ("tv_round", tv_loss, "length of the gradient"),
    ("tv_round", lambda x: x.std(), "with its neighbours|where the picture is flat"),
    ("tv_round", lambda x: 0 * x.sum(), "should be much"),
    ("tv_round", lambda x: tv_round(x, eps=0), "epsilon"),
    ("tv_round", tv_squared, "root is missing"),
    ("tv_round", lambda x: sum((d**2).mean() for d in slopes(x)).sqrt(), "root in every pixel"),
    ("tv_round", lambda x: (slopes(x)[0] ** 2 + 1e-6).sqrt().mean(), "dx is missing|dy is missing"),
    ("tv_round", lambda x: tv_round(x, eps=1), "small"),
    ("tv_round", lambda x: tv_round(x).item(), "keep the tensor"),
    ("tv_round", lambda x: tv_round(x, of=lambda d: d), "expected a number"),
    ("tv_round", lambda x: tv_round(x[:1]), "one picture of a batch"),
    ("tv_round", lambda x: ((x - x.roll(1, 2)) ** 2 + (x - x.roll(1, 3)) ** 2 + 1e-6).sqrt().mean(), "roll()"),
    ("tv_round", lambda x: torch.hypot(*slopes(x)).mean(), "epsilon"),
    ("tv_round", lambda x: (x.diff(dim=2) ** 2 + x.diff(dim=3) ** 2 + 1e-6).sqrt().mean(), "print the shapes"),
    ("tv_round", lambda x: tv_round(x.mul_(2)), "work on a copy"),
    ("tv_round", lambda x: x.abs().mean(), "only differences count"),
    ("paint", lambda *a: loop(*a, clamp=lambda x: x), "after every step"),
    ("paint", lambda *a: st.clamp_to_box(loop(*a, clamp=lambda x: x)), "not once at the end"),
    ("paint", lambda *a: loop(*a, clamp=lambda x: x.clamp(0, 1)), "st.clamp_to_box"),
    ("paint", lambda *a: loop(*a, clamp=lambda x: x.clamp(-2.1, 2.2)), "other numbers in each channel"),
    ("paint", lambda *a: loop(*a, zero=False), "zero_grad()"),
    ("paint", lambda *a: loop(*a, optimizer=torch.optim.SGD), "Adam, not SGD"),
    ("paint", lambda *a: loop(*a, optimizer=torch.optim.AdamW), "not AdamW"),
    ("paint", lambda *a: loop(*a, optimizer=torch.optim.LBFGS), "L-BFGS wants a closure"),
    ("paint", with_closure, "not L-BFGS"),
    ("paint", lambda *a: loop(*a, climb=True), "climbs"),
    ("paint", lambda *a: loop(*a, detach=False), "return it detached"),
    ("paint", lambda s, f, n, lr: loop(s, f, n + 1, lr), "one step too many"),
    ("paint", lambda s, f, n, lr: loop(s, f, n - 1, lr), "one step too few"),
    ("paint", lambda s, f, n, lr: loop(s, f, 100, lr), "steps is not used"),
    ("paint", lambda s, f, n, lr: loop(s, f, n, 0.001), "learning rate that is given"),
    ("paint", lambda s, f, n, lr: s, "the start comes back"),
    ("paint", in_place_loop, "work on a copy"),
    ("paint", renamed(lambda p: st.clamp_to_box(p).detach().requires_grad_()), "keeps the parameter"),
    ("paint", renamed(st.clamp_to_box), "p = clamp(p)"),
    ("paint", renamed(no_grad_clamp), "p = clamp(p)"),
    ("paint", lambda s, f, n, lr: loop(s, lambda x: f(st.clamp_to_box(x)), n, lr, clamp=lambda x: x), "not inside the loss"),
    ("paint", clamped_first, "not before it"),
    ("paint", optimizer_in_loop, "before the loop"),
    ("paint", returns_in_the_loop, "without return|return at the end"),
    ("weights_for_shares", lambda g, s: s / g.flatten(1).norm(dim=1), "alpha is to be 1"),
    ("weights_for_shares", lambda g, s: s * g.flatten(1).norm(dim=1) / (s[0] * g[0].norm()), "a term that pulls hard"),
    ("weights_for_shares", lambda g, s: weights_for_shares(g, s) / weights_for_shares(g, s).sum(), "add up to 1"),
    ("weights_for_shares", lambda g, s: s / s[0] * (g[0] ** 2).sum() / (g**2).flatten(1).sum(1), "take the root"),
    ("weights_for_shares", lambda g, s: s / s[0] * g[0].abs().mean() / g.abs().flatten(1).mean(1), "mean or sum of abs"),
    ("weights_for_shares", lambda g, s: s / s[0], "one norm for all three"),
    ("weights_for_shares", lambda g, s: (s / g.norm()) / (s / g.norm())[0], "one norm for all three"),
    ("weights_for_shares", lambda g, s: g[0].norm() / g.flatten(1).norm(dim=1), "the wish is not used"),
    ("weights_for_shares", lambda g, s: [s[k] / s[0] * g[0].std() / g[k].std() for k in range(3)], "std() takes the mean away"),
    ("weights_for_shares", of_channels, "mean of three norms"),
    ("weights_for_shares", lambda g, s: dict(zip("abc", weights_for_shares(g, s), strict=True)), "without names"),
    ("weights_for_shares", lambda g, s: weights_for_shares(g, s)[1:], "shape"),
    ("weights_for_shares", lambda g, s: ["1", "2", "3"], "expected a number"),
]  # fmt: skip
