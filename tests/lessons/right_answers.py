"""Right answers: for each exercise first the one of the solution, then unusual ones that must pass as well.

They are written as students write them, independently of the package's own tables.
"""

import math
from functools import cache

import better_answers
import control_answers
import numpy as np
import torch
from PIL import Image, ImageOps
from torch import nn
from torch.nn import functional as nnf

import styletools as st

MEAN = torch.tensor([0.485, 0.456, 0.406])[None, :, None, None]
STD = torch.tensor([0.229, 0.224, 0.225])[None, :, None, None]


# --- pictures and features -----------------------------------------------------------------------------------------------


def unnormalize(x):
    return torch.clip(x * STD + MEAN, 0, 1)


def unnormalize_by_channel(x):
    out = torch.empty_like(x)
    for c in range(3):
        out[:, c] = x[:, c] * STD[0, c, 0, 0] + MEAN[0, c, 0, 0]
    out[out < 0], out[out > 1] = 0, 1
    return out


def unnormalize_channels_last(x):
    y = x.permute(0, 2, 3, 1) * STD.flatten() + MEAN.flatten()
    return y.permute(0, 3, 1, 2).clamp(min=0).clamp(max=1)


def extract_features(network, image, indices):
    kept = {}
    for i, module in enumerate(network):
        image = module(image)
        kept[i] = image.clone()
    return [kept[i] for i in indices]


def extract_with_hooks(network, image, indices):
    kept, hooks = {}, []
    for i in indices:
        hooks.append(network[i].register_forward_hook(lambda module, given, out, i=i: kept.update({i: out * 1})))
    network(image)
    for hook in hooks:
        hook.remove()
    return tuple(kept[i] for i in indices)


def extract_out_of_place(network, image, indices):
    x, kept = image, []
    for module in list(network)[: max(indices) + 1]:
        x = torch.relu(x) if isinstance(module, nn.ReLU) else module(x)
        kept.append(x)
    return [kept[i] for i in indices]


def content_loop(f, p):
    total = 0
    for mine, other in zip(f.flatten(), p.flatten(), strict=True):
        total = total + (mine - other) ** 2
    return total / f.numel()


def masked_content_loss(features, target, mask):
    squared = (features - target) ** 2 * mask
    return squared.sum() / (mask.sum() * features.shape[1])


def masked_by_index(features, target, mask):
    inside = mask[0, 0] == 1
    return nnf.mse_loss(features[:, :, inside], target[:, :, inside])


# --- style -----------------------------------------------------------------------------------------------------------------


def gram_matrix(f):
    n, c, h, w = f.shape
    x = f.reshape(n, c, h * w)
    return torch.bmm(x, x.transpose(1, 2)) / (c * h * w)


def gram_loop(f):
    n, c, h, w = f.shape
    rows = [torch.stack([(f[k, i] * f[k, j]).sum() for i in range(c) for j in range(c)]).view(c, c) for k in range(n)]
    return torch.stack(rows) / c / h / w


def covariance(f):
    x = f.flatten(2)
    x = x - x.mean(dim=2, keepdim=True)
    return x @ x.mT / x.shape[2]


def covariance_from_gram(f):
    m = f.mean((2, 3))
    return torch.einsum("nchw,ndhw->ncd", f, f) / (f.shape[2] * f.shape[3]) - torch.einsum("nc,nd->ncd", m, m)


def covariance_loop(f):
    return torch.stack([torch.cov(picture.flatten(1), correction=0) for picture in f])


def style_loss(f, a):
    return (gram_matrix(f) - a).square().mean()


def style_loop(f, a):
    losses = []
    for picture in f:
        x = picture.flatten(1)
        losses.append(nnf.mse_loss(x @ x.T / picture.numel(), a[0]))
    return sum(losses) / len(losses)


def mix_targets(first, second, part):
    return {layer: (1 - part) * first[layer] + part * second[layer] for layer in first}


def mix_loop(first, second, part):
    mixed = {}
    for (layer, a), b in zip(first.items(), second.values(), strict=True):
        mixed[layer] = a + part * (b - a)
    return mixed


def mix_copies(first, second, part):
    out = {layer: gram.clone() for layer, gram in first.items()}
    for layer in out:
        out[layer] *= 1 - part
        out[layer] += second[layer] * part
    return out


@cache
def network():
    return st.load_vgg("vgg19-slim", device="cpu", dtype=torch.float32)


def maps(x, layer="relu5_1"):
    return network()(x, [layer])[layer]


def style_distance(x, y, layer="relu5_1"):
    return st.style_loss(maps(x, layer), st.style_target(maps(y, layer), "relative"), "relative").item()


def distance_of_layers(x, y):
    layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
    a, b = network()(x, layers), network()(y, layers)
    return sum(((gram_matrix(a[k]) - gram_matrix(b[k])) ** 2).mean() for k in layers)


def cosines(x):
    f = nnf.normalize(maps(x, "relu4_1").flatten(2), dim=2)
    return f @ f.mT


# --- painting ----------------------------------------------------------------------------------------------------------------


def tv_loss(x):
    down = (x[:, :, 1:] - x[:, :, :-1]).abs().mean()
    across = (x[..., 1:] - x[..., :-1]).abs().mean()
    return 0.5 * (down + across)


def tv_squared(x):
    return ((x[:, :, 1:] - x[:, :, :-1]) ** 2).mean() + ((x[..., 1:] - x[..., :-1]) ** 2).mean()


def tv_convolved(x, power=2):
    grey = x.flatten(0, 1)[:, None]
    down = nnf.conv2d(grey, torch.tensor([[-1.0], [1.0]], dtype=x.dtype)[None, None])
    across = nnf.conv2d(grey, torch.tensor([[-1.0, 1.0]], dtype=x.dtype)[None, None])
    return (down.abs() ** power).mean() + (across.abs() ** power).mean()


def tv_counted(x):
    n, c, h, w = x.shape
    down, across = ((x.roll(-1, k) - x).narrow(k, 0, x.shape[k] - 1).pow(2).sum() for k in (2, 3))
    return down / (n * c * (h - 1) * w) + across / (n * c * h * (w - 1))


def slopes(x):
    return x[:, :, 1:, :-1] - x[:, :, :-1, :-1], x[:, :, :-1, 1:] - x[:, :, :-1, :-1]


def tv_round(image, eps=1e-6, of=torch.mean):
    dy, dx = slopes(image)
    return of((dx**2 + dy**2 + eps).sqrt())


def tv_padded(x):
    dx, dy = nnf.pad(x.diff(dim=3), (0, 1)), nnf.pad(x.diff(dim=2), (0, 0, 0, 1))
    return torch.sqrt(dx**2 + dy**2 + 1e-8).sum() / 1000


def tv_of_colours(x):
    dy, dx = slopes(x)
    return ((dx**2 + dy**2).sum(1) + 1e-5).sqrt().mean()


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


def paint_by_hand(start, loss_of, steps, learning_rate):
    x, m, v = start.clone(), torch.zeros_like(start), torch.zeros_like(start)
    for t in range(1, steps + 1):
        leaf = x.clone().requires_grad_()
        (g,) = torch.autograd.grad(loss_of(leaf), leaf)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        x = st.clamp_to_box(x - learning_rate * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-8))
    return x


def paint_closure(start, loss_of, steps, learning_rate):
    x = nn.Parameter(start.detach().clone())
    adam = torch.optim.Adam([{"params": [x], "lr": learning_rate}])

    def closure():
        adam.zero_grad(set_to_none=False)
        loss = loss_of(x)
        loss.backward()
        return loss

    while steps:
        adam.step(closure)
        x.data.clamp_(-MEAN.to(x) / STD.to(x), (1 - MEAN.to(x)) / STD.to(x))
        steps -= 1
    return x.data


def paint_summed(start, loss_of, steps, learning_rate):
    x = torch.tensor(start.tolist(), dtype=start.dtype, requires_grad=True)
    adam, losses = torch.optim.Adam(params=(x,), lr=learning_rate), []
    for _ in range(steps):
        x.grad = None
        loss = loss_of(x)
        loss.backward()
        losses.append(float(loss))  # a print would do the same
        adam.step()
        x.data = st.clamp_to_box(x.data)
    return x.detach().clone()


def weights_for_shares(gradients, wish):
    lengths = torch.stack([torch.sqrt((g**2).sum()) for g in gradients])
    alpha, beta, tau = wish / lengths
    return torch.stack([alpha / alpha, beta / alpha, tau / alpha])


def weights_loop(gradients, wish):
    weights = []
    for g, s in zip(gradients, wish, strict=True):
        weights.append(float(s) / math.sqrt(float((g * g).sum())))
    return tuple(w / weights[0] for w in weights)


# --- values ------------------------------------------------------------------------------------------------------------------


@cache
def batch(way="stretched"):
    grey = tuple(round(255 * value) for value in MEAN.flatten().tolist())
    ways = {
        "stretched": lambda picture: st.preprocess(picture, (128, 128)),
        "cropped": lambda picture: st.preprocess(ImageOps.fit(picture, (128, 128))),
        "left": lambda picture: st.preprocess(ImageOps.fit(picture, (128, 128), centering=(0, 0))),
        "padded": lambda picture: st.preprocess(ImageOps.pad(picture, (128, 128), color=grey)),
        "black": lambda picture: st.preprocess(ImageOps.pad(picture, (128, 128))),
        "zeros": lambda picture: zero_padded(st.preprocess(picture, 128)),
        "repeated": lambda picture: nnf.pad(st.preprocess(picture, 96), (0, 0, 20, 20), mode="reflect")[..., :128],
    }
    names = ("eilean_donan", "cafe_terrace_at_night", "chelsea")
    return torch.cat([ways[way](st.sample(name)) for name in names])


def zero_padded(x):
    h, w = x.shape[2:]
    return nnf.pad(x, (0, 128 - w, 0, 128 - h))


def snapshot(beta=1.0, done=10, **weights):
    used = st.Weights(alpha=weights.get("alpha", 1.0), beta=beta, tv=weights.get("tv", 1.0), style_layers={})
    job = st.Job("chelsea", "great_wave", moves=((0, used),), done=done)
    return st.Snapshot(Image.new("RGB", (4, 3)), job, "")


RIGHT = {
    "unnormalize": [
        unnormalize, unnormalize_by_channel, unnormalize_channels_last,
        lambda x: torch.stack([torch.clip(p * STD[0] + MEAN[0], 0, 1) for p in x]),
        lambda x: (STD * (x + MEAN / STD)).clamp_(0, 1), lambda x: [unnormalize(x)],
    ],
    "extract_features": [
        extract_features, extract_with_hooks, extract_out_of_place,
        lambda n, x, i: [n[: k + 1](x.clone()) for k in i], lambda n, x, i: (*extract_features(n, x, i),),
    ],
    "content_loss": [
        nnf.mse_loss, content_loop, nn.MSELoss(), lambda f, p: (f - p).pow(2).sum() / f.numel(),
        lambda f, p: torch.linalg.vector_norm(f - p) ** 2 / f.numel(), lambda f, p: (f * f - 2 * f * p + p * p).mean(),
    ],
    "half_sum_loss": [
        lambda f, p: 0.5 * torch.sum((f - p) ** 2), lambda f, p: nnf.mse_loss(f, p, reduction="sum") / 2,
        lambda f, p: (f - p).flatten() @ (f - p).flatten() / 2, lambda f, p: content_loop(f, p) * f.numel() / 2,
        lambda f, p: torch.einsum("nchw,nchw->", f - p, f - p) / 2,
    ],
    "masked_content_loss": [
        masked_content_loss, masked_by_index, lambda f, p, m: ((f - p) ** 2)[m.expand_as(f).bool()].mean(),
        lambda f, p, m: ((f * m - p * m) ** 2).mean() / m.mean(), lambda f, p, m: ((f - p) ** 2 * m).mean(1).sum() / m.sum(),
        lambda f, p, m: torch.masked_select((f - p).square(), m > 0.5).mean(),
    ],
    "gram_matrix": [
        gram_matrix, gram_loop, lambda f: torch.einsum("nchw,ndhw->ncd", f, f) / f[0].numel(),
        lambda f: torch.tensordot(f, f, ([2, 3], [2, 3])).diagonal(dim1=0, dim2=2).permute(2, 0, 1) / f[0].numel(),
        lambda features: st.gram_matrix(features),
    ],
    "covariance": [covariance, covariance_from_gram, covariance_loop,
        lambda f: gram_matrix(f - f.mean(3, keepdim=True).mean(2, keepdim=True)) * f.shape[1],
        lambda f: torch.stack([(x - x.mean(1, keepdim=True)) @ x.T / x.shape[1] for x in f.flatten(2)])],
    "style_loss": [
        style_loss, style_loop, lambda f, a: nnf.mse_loss(gram_matrix(f), a.expand(len(f), -1, -1)),
        lambda f, a: ((gram_matrix(f) - a) ** 2).sum() / (len(f) * f.shape[1] ** 2), lambda f, a: st.style_loss(f, a),
    ],
    "mix_targets": [
        mix_targets, mix_loop, mix_copies, lambda a, b, t: {k: torch.lerp(a[k], b[k], t) for k in b},
        lambda a, b, t: dict(sorted(mix_targets(a, b, t).items())),
        lambda a, b, t: dict(zip(a, (a[k] * (1 - t) + b[k] * t for k in a), strict=True)),
    ],
    "style_distance": [
        style_distance, distance_of_layers, lambda x, y: style_distance(x, y, "relu1_1"),
        lambda x, y: (cosines(x) - cosines(y)).norm(),
        lambda x, y: (covariance(maps(x)) - covariance(maps(y))).abs().sum().reshape(1),
        lambda x, y: np.float32(style_distance(y, x, "relu3_1")),
    ],
    "tv_loss": [
        tv_loss, lambda x: tv_convolved(x, 1) / 2,
        lambda x: nnf.l1_loss(x[:, :, 1:], x[:, :, :-1]) / 2 + x.diff().abs().mean() / 2,
        lambda x: sum(x.diff(dim=k).abs().mean() for k in (2, 3)) / 2, lambda x: tv_loss(x.transpose(2, 3)),
    ],
    "tv_squared": [
        tv_squared, tv_convolved, tv_counted, lambda x: nnf.mse_loss(x[:, :, 1:], x[:, :, :-1]) + x.diff().pow(2).mean(),
        lambda x: tv_squared(x.flip(1).transpose(2, 3)),
    ],
    "tv_round": [
        tv_round, tv_padded, tv_of_colours, lambda x: tv_round(x, of=torch.sum),
        *(lambda x, eps=eps: tv_round(x, eps) for eps in (1e-12, 1e-10, 1e-8, 1e-5, 1e-4, 1e-3)),
        lambda x: torch.linalg.vector_norm(torch.stack(slopes(x)), dim=0).mean(), lambda x: tv_round(x, 1e-3, torch.sum),
        lambda x: tv_round(x.double()).reshape(1),
    ],
    "paint": [paint, paint_by_hand, paint_closure, paint_summed, lambda *a: paint(*a).requires_grad_().detach()],
    "weights_for_shares": [
        weights_for_shares, weights_loop, lambda g, s: list(weights_for_shares(g, s)),
        lambda g, s: [s[k] / s[0] * g[0].norm() / g[k].norm() for k in range(3)],
        lambda g, s: weights_for_shares(g, s).tolist(), lambda g, s: weights_for_shares(g, s).numpy(),
        lambda g, s: weights_for_shares(g, s)[:, None],
    ],
    "batch": [batch(way) for way in ("stretched", "cropped", "padded", "left", "black", "zeros")]
        + [batch().double(), batch().flip(0), batch("cropped").requires_grad_()],
    "blue_first": ["smaller", "Smaller", " SMALLER. ", np.str_("smaller"), "lower"],
    "next_side": [240, 240.0, torch.tensor(240), np.int64(240), (240, 240)],
    "sky_channel": [23, 24, 113, torch.tensor(122), np.int64(24), 24.0],
    "costly_step": ["convolutions", "Convolutions", "three convolutions", "the convolutions", "convolution"],
    "tile_losses": ["deep", "Deep", "the deep layers", "relu5_1", "deep."],
    "weight_for_roughness": [0.72, 0.7, 0.73, torch.tensor(0.71), np.float64(0.72)],
    "start_from_style": ["none", "None", "no term", "neither", "NONE."],
    "valley_or_time": ["time", "Time", "a matter of time", "TIME.", " time "],
    "score": [
        [snapshot(beta) for beta in (1, 2, 3, 4)], tuple(snapshot(beta) for beta in (1, 2, 1, 2)),
        [snapshot(1, tv=tv) for tv in range(9)], [snapshot(beta) for beta in (1, 1, 2, 2, 3, 4)],
        [snapshot(1, alpha=alpha) for alpha in (0, 1, 2, 0)],
    ],
    **better_answers.RIGHT,
    **control_answers.RIGHT,
}  # fmt: skip
