"""Train ``vgg19-slim``: teach a narrow VGG-19 to see what a full VGG sees.

    python -m styletools.training.distill --images FOLDER --out vgg19_slim.safetensors

Knowledge distillation of feature maps (Romero et al., FitNets, 2015). The student has VGG-19's layers with a fraction of the
channels. At all thirteen ReLUs l ("taps") a learned 1 x 1 convolution A_l must turn the student's features f_l into the
teacher's F_l; the loss is the sum over the taps of

    mean |A_l f_l - F_l|^2 / mean |F_l|^2.

Three things make it quick. The student *starts as a pruned teacher* (`prune`): of each layer it keeps the channels that explain
the others best, and least squares replaces the missing inputs. The teacher's answers are *used several times* (`Pool`).
And some of the training pictures are *painted by the student itself* (`paint`): style transfer leaves the world of
photographs, and there the student must agree with the teacher too.

Afterwards the adapters A_l are thrown away and `equalise` rescales every convolution to mean square activation 1, which changes
nothing but units in a ReLU network, and makes losses of different layers comparable.

The teacher is the authors' VGG-19. Training stops and goes on at will: start the same command again and it continues from its
checkpoint.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from tqdm import tqdm

from ..files import replacing
from ..images import MEAN, STD
from ..losses import neighbour_distance, neighbour_statistic
from ..vgg import CHANNELS, LAYERS, NAMES, authors_weights, build_features, fast_bfloat16

# Layers compared and their weights in the loss: style transfer reads the first layer of each block and relu4_2.
TAPS = {
    "relu1_1": 1.0, "relu1_2": 0.5, "relu2_1": 1.0, "relu2_2": 0.5, "relu3_1": 1.0, "relu3_2": 0.5, "relu3_3": 0.5,
    "relu3_4": 0.5, "relu4_1": 1.0, "relu4_2": 1.0, "relu4_3": 0.5, "relu4_4": 0.5, "relu5_1": 1.0,
}  # fmt: skip
CHECKPOINT_EVERY = 200  # steps
Features = dict[str, Tensor]
Rows = dict[str, tuple[float, float]]  # layer -> (relative error, explained variance)


@dataclass(frozen=True)
class Settings:
    """Everything that decides the result; written to the model card."""

    steps: int = 3200
    batch: int = 8
    crop: int = 128  # pixels
    fresh: int = 2  # new crops seen by the teacher at each step
    pool: int = 640  # crops remembered with the teacher's answers
    learning_rate: float = 1e-3
    warm_up: int = 100
    paint_at: tuple[float, ...] = (0.35, 0.6, 0.8)  # when to paint training pictures, as fractions of the run
    painted: int = 32  # pictures painted each time
    painted_share: float = 0.3  # of the new crops, once there are painted pictures
    style_share: float = 0.1  # of the new crops, cut from the pictures of --styles
    seed: int = 0


# --- the teacher -----------------------------------------------------------------------------------------------------


def as_network(weights: dict[str, Tensor]) -> nn.Sequential:
    """Put the weights of a full VGG-19, as `authors_weights` or `read_weights` return them, into a frozen network."""
    network = build_features(CHANNELS["vgg19"])
    network.load_state_dict(weights)
    return network.requires_grad_(False).to(memory_format=torch.channels_last)


def run(network: nn.Sequential, x: Tensor, layers: Sequence[str] = tuple(TAPS)) -> Features:
    """Return the feature maps of `layers` as float32 (N, C_l, H_l, W_l)."""
    x = x.to(dtype=network[0].weight.dtype, memory_format=torch.channels_last)
    found = {}
    for index in range(max(LAYERS[name] for name in layers) + 1):
        x = network[index](x)
        if NAMES[index] in layers:
            found[NAMES[index]] = x.float()
    return found


def thin(features: Features) -> Features:
    """Keep every second position in each direction of block 1, whose maps are large and smooth: a quarter of the work."""
    return {name: f[:, :, ::2, ::2] if name.startswith("relu1") else f for name, f in features.items()}


# --- the start: a pruned teacher ---------------------------------------------------------------------------------------


def moments(pairs: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Accumulate X X^T and Y X^T over positions, X with a row of ones; pairs of (N, C, H, W) tensors at equal positions."""
    xx = yx = 0
    for x, y in pairs:
        x = x.transpose(0, 1).flatten(1).double()  # (C_x, N H W)
        y = y.transpose(0, 1).flatten(1).double()
        x = torch.cat([x, torch.ones_like(x[:1])])
        xx, yx = xx + x @ x.T, yx + y @ x.T
    return xx, yx


def least_squares(pairs: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Return (A, c) with A x + c closest to y over all positions: the best 1 x 1 adapter."""
    xx, yx = moments(pairs)
    ridge = 1e-6 * xx.diagonal().mean() * torch.eye(len(xx), dtype=xx.dtype)
    solution = torch.linalg.solve(xx + ridge, yx.T).T  # (C_y, C_x + 1)
    return solution[:, :-1].float(), solution[:, -1].float()


def explaining_channels(maps: Sequence[Tensor], count: int) -> Tensor:
    """Pick the `count` channels that explain the others best: pivoted Cholesky on the covariance, greedy by variance."""
    stacked = torch.cat([m.transpose(0, 1).flatten(1) for m in maps], dim=1).double()  # (C, positions)
    covariance = torch.cov(stacked)
    chosen: list[int] = []
    for _ in range(count):
        gain = covariance.square().sum(0) / covariance.diagonal().clamp_min(1e-9 * covariance.diagonal().max())
        gain[chosen] = -1
        best = int(gain.argmax())
        column = covariance[:, best] / covariance[best, best].clamp_min(1e-12).sqrt()
        covariance = covariance - torch.outer(column, column)
        chosen.append(best)
    return torch.tensor(sorted(chosen))


def prune(teacher: nn.Sequential, channels: Sequence[int], batches: Sequence[Tensor]) -> nn.Sequential:
    """Return a student of the given widths that imitates the chosen channels of the teacher, layer by layer.

    The teacher's kernel W reads features F that the student does not have. With F = A f + c (least squares on the student's own
    features f) the student's kernel for the chosen channels S is W[S] A and its bias b[S] + sum W[S] c.
    """
    student = build_features(channels).requires_grad_(False)
    ours, theirs = list(batches), list(batches)
    for index, (mine, full) in enumerate(zip(student, teacher, strict=True)):
        if isinstance(full, nn.Conv2d):
            inputs = list(zip(ours, theirs, strict=True))
            adapter, constant = least_squares(inputs) if index else (torch.eye(3), torch.zeros(3))
            theirs = [full(x).relu_() for x in theirs]
            chosen = explaining_channels(theirs, mine.out_channels)
            weight = full.weight[chosen]  # (out, C_teacher, 3, 3)
            mine.weight.data = torch.einsum("oikl,ij->ojkl", weight, adapter)
            mine.bias.data = full.bias[chosen] + torch.einsum("oikl,i->o", weight, constant)
            ours = [mine(x).relu_() for x in ours]
        elif isinstance(full, nn.MaxPool2d):
            ours, theirs = [mine(x) for x in ours], [full(x) for x in theirs]
    return student


# --- the pictures ------------------------------------------------------------------------------------------------------


def read_pictures(paths: Sequence[Path]) -> list[np.ndarray]:
    """Read pictures as arrays (H, W, 3) of bytes."""
    return [np.asarray(Image.open(path).convert("RGB")) for path in paths]


def random_crop(picture: np.ndarray, size: int, rng: random.Random) -> Tensor:
    """Cut a square at a random scale and place, then jitter it: a normalised tensor (1, 3, size, size)."""
    height, width = picture.shape[:2]
    scale = max(rng.uniform(0.5, 1.15), (size + 1) / min(height, width))
    side = size / scale  # of the square in the picture, in its pixels
    left, top = rng.uniform(0, width - side), rng.uniform(0, height - side)
    square = Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC, (left, top, left + side, top + side))
    x = torch.from_numpy(np.array(square)).permute(2, 0, 1)[None] / 255  # (1, 3, size, size)
    if rng.random() < 0.5:
        x = x.flip(-1)
    if rng.random() < 0.1:
        x = x.flip(-2)
    if rng.random() < 0.15:
        x = x[:, rng.sample(range(3), 3)]
    if rng.random() < 0.4:
        x = (x - 0.5) * rng.uniform(0.5, 1.5) + 0.5 + rng.uniform(-0.15, 0.15)
    if rng.random() < 0.25:
        x = x + torch.randn(x.shape) * rng.uniform(0.02, 0.25)
    return (x.clamp(0, 1) - MEAN) / STD


def relative_error(features: Tensor, target: Tensor) -> Tensor:
    """|f - t|^2 / |t|^2 for each picture of a batch: (N,)."""
    return (features - target).square().flatten(1).sum(1) / target.square().flatten(1).sum(1)


def paint(student: nn.Sequential, content: Tensor, style: Tensor, steps: int, beta: float) -> Tensor:
    """Transfer style with the student for a few steps, all pictures of a batch at once: (N, 3, H, W) to the same.

    Gram matrices of five layers and nearest neighbours in two draw towards the style, relu4_2 towards the content.
    """
    layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1"]

    def grams(features: Features) -> Features:
        flat = {name: f.flatten(2) for name, f in features.items() if name != "relu4_2"}  # (N, C, H W)
        return {name: f @ f.transpose(1, 2) / f.shape[2] for name, f in flat.items()}

    def pieces(features: Features) -> list[Tensor]:
        return [neighbour_statistic(f[None]) for name in ("relu3_1", "relu4_1") for f in features[name]]

    with torch.no_grad():
        shape = run(student, content, ["relu4_2"])["relu4_2"]
        style_features = run(student, style, layers)
        textures, samples = grams(style_features), pieces(style_features)
    image = content.clone().requires_grad_()
    optimizer = torch.optim.Adam([image], lr=0.1, betas=(0.9, 0.99))
    for _ in range(steps):
        features = run(student, image, layers)
        style_error = sum(relative_error(g, textures[name]) for name, g in grams(features).items()) / 5
        near = sum(neighbour_distance(f, target) for f, target in zip(pieces(features), samples, strict=True))
        loss = (relative_error(features["relu4_2"], shape) + beta * style_error).sum() + beta * near / 2
        (image.grad,) = torch.autograd.grad(loss, image)
        optimizer.step()
        with torch.no_grad():
            image.copy_(((image * STD + MEAN).clamp(0, 1) - MEAN) / STD)
    return image.detach()


def paint_pictures(
    student: nn.Sequential, pictures: Sequence[np.ndarray], styles: Sequence[np.ndarray], count: int, rng: random.Random
) -> list[np.ndarray]:
    """Paint `count` pictures of 192 pixels from random pairs, stopping at random stages; half the styles are any picture."""
    painted: list[np.ndarray] = []
    while len(painted) < count:
        manners = [rng.choice(styles if styles and rng.random() < 0.5 else pictures) for _ in range(4)]
        content = torch.cat([random_crop(rng.choice(pictures), 192, rng) for _ in range(4)])
        style = torch.cat([random_crop(picture, 192, rng) for picture in manners])
        image = paint(student, content, style, steps=rng.choice([15, 40, 80]), beta=rng.choice([10.0, 50.0, 200.0]))
        bytes_ = ((image * STD + MEAN) * 255).round().byte().permute(0, 2, 3, 1)
        painted += [picture.numpy() for picture in bytes_]
    return painted


class Pool:
    """Crops together with the teacher's answers, each used several times before newer ones take its place."""

    def __init__(self, teacher: nn.Sequential, size: int) -> None:
        self.teacher, self.size = teacher, size
        self.entries: list[tuple[Tensor, Features]] = []

    def add(self, crops: Tensor) -> None:
        """Ask the teacher about crops (N, 3, H, W) and remember its answers in half precision."""
        with torch.no_grad():
            answers = thin(run(self.teacher, crops))
        for i in range(len(crops)):
            self.entries.append((crops[i : i + 1], {name: f[i : i + 1].half() for name, f in answers.items()}))
        del self.entries[: -self.size]

    def draw(self, count: int, rng: random.Random) -> tuple[Tensor, Features]:
        """Return a random batch: crops (N, 3, H, W) and the teacher's features of them."""
        chosen = rng.sample(self.entries, min(count, len(self.entries)))
        return torch.cat([c for c, _ in chosen]), {
            name: torch.cat([answers[name] for _, answers in chosen]).float() for name in TAPS
        }


# --- training ------------------------------------------------------------------------------------------------------------


def distillation_loss(student: nn.Sequential, adapters: nn.ModuleDict, x: Tensor, answers: Features) -> Tensor:
    """Sum over the taps of weight x mean |A f - F|^2 / mean |F|^2."""
    features = thin(run(student, x))
    return sum(
        weight * nn.functional.mse_loss(adapters[name](features[name]), answers[name]) / answers[name].square().mean()
        for name, weight in TAPS.items()
    )


def train(
    teacher: nn.Sequential,
    pictures: Sequence[np.ndarray],
    settings: Settings,
    checkpoint: Path,
    styles: Sequence[np.ndarray] = (),
) -> nn.Sequential:
    """Train a student, going on from `checkpoint` if it exists; returns it with `equalise` still to be applied.

    teacher: as `as_network` makes it; it is left as it was. styles: pictures to paint after, and to cut some crops from.
    """
    rng = random.Random(settings.seed)
    torch.manual_seed(settings.seed)
    calibration = [torch.cat([random_crop(rng.choice(pictures), settings.crop, rng) for _ in range(8)]) for _ in range(6)]
    student = prune(teacher, CHANNELS["vgg19-slim"], calibration)
    adapters = first_adapters(student, teacher, calibration)
    student.requires_grad_(True).to(memory_format=torch.channels_last)
    parameters = [*student.parameters(), *adapters.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, learning_curve(settings))
    painted: list[np.ndarray] = []
    first = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        for part, name in ((student, "student"), (adapters, "adapters"), (optimizer, "optimizer"), (schedule, "schedule")):
            part.load_state_dict(state[name])
        first, painted = state["step"], [picture.numpy() for picture in state["painted"]]
        rng.setstate(state["rng"])
    pool = Pool(copy.deepcopy(teacher).bfloat16() if fast_bfloat16() else teacher, settings.pool)

    def new_crops(count: int) -> Tensor:
        crops = []
        for _ in range(count):
            dice = rng.random()
            source = painted if dice < settings.painted_share else styles if dice > 1 - settings.style_share else pictures
            crops.append(random_crop(rng.choice(source or pictures), settings.crop, rng))
        return torch.cat(crops)

    while len(pool.entries) < 8 * settings.batch:
        pool.add(new_crops(settings.batch))
    paint_steps = {int(part * settings.steps) for part in settings.paint_at}
    average = None
    bar = tqdm(range(first, settings.steps), initial=first, total=settings.steps, mininterval=10)
    for step in bar:
        if step in paint_steps:
            painted += paint_pictures(copy.deepcopy(student).requires_grad_(False), pictures, styles, settings.painted, rng)
        pool.add(new_crops(settings.fresh))
        x, answers = pool.draw(settings.batch, rng)
        loss = distillation_loss(student, adapters, x, answers)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        average = loss.item() if average is None else 0.98 * average + 0.02 * loss.item()
        bar.set_postfix(loss=f"{average:.3f}", refresh=False)
        if (step + 1) % CHECKPOINT_EVERY == 0 or step + 1 == settings.steps:
            state = {"student": student, "adapters": adapters, "optimizer": optimizer, "schedule": schedule}
            state = {name: part.state_dict() for name, part in state.items()}
            pictures_painted = [torch.from_numpy(picture) for picture in painted]
            extra = {"step": step + 1, "painted": pictures_painted, "rng": rng.getstate(), "loss": average}
            with replacing(checkpoint) as unfinished:
                torch.save({**state, **extra}, unfinished)
    return student.requires_grad_(False)


def learning_curve(settings: Settings) -> Callable[[int], float]:
    """Linear warm-up, then a cosine down to a hundredth."""

    def factor(step: int) -> float:
        progress = min(1.0, step / settings.steps)
        return min(1.0, (step + 1) / settings.warm_up) * (0.505 + 0.495 * float(np.cos(np.pi * progress)))

    return factor


def first_adapters(student: nn.Sequential, teacher: nn.Sequential, batches: Sequence[Tensor]) -> nn.ModuleDict:
    """Return the best adapters for the untrained student: 1 x 1 convolutions from its channels to the teacher's."""
    pairs = [(thin(run(student, x)), thin(run(teacher, x))) for x in batches]
    adapters = {}
    for name in TAPS:
        matrix, constant = least_squares([(ours[name], theirs[name]) for ours, theirs in pairs])
        adapters[name] = nn.Conv2d(matrix.shape[1], matrix.shape[0], kernel_size=1)
        adapters[name].weight.data, adapters[name].bias.data = matrix[:, :, None, None], constant
    return nn.ModuleDict(adapters)


# --- afterwards ------------------------------------------------------------------------------------------------------------


def equalise(network: nn.Sequential, batches: Sequence[Tensor]) -> None:
    """Rescale every convolution in place so that each ReLU's mean square over `batches` is 1.

    relu(s x) = s relu(x) for s > 0, so dividing one convolution by s and multiplying the next one by s leaves the network's
    function as it was, in other units.
    """
    convolutions = {index: module for index, module in enumerate(network) if isinstance(module, nn.Conv2d)}
    layers = [NAMES[index + 1] for index in convolutions]
    squares = [
        [f.square().mean() for f in run(network, x, layers).values()] for x in batches
    ]  # one row a batch, one column a layer
    sizes = torch.tensor(squares).mean(0).sqrt()
    before = torch.tensor(1.0)
    for convolution, size in zip(convolutions.values(), sizes, strict=True):
        convolution.weight.data *= before / size
        convolution.bias.data /= size
        before = size


def evaluate(student: nn.Sequential, teacher: nn.Sequential, fit_on: Sequence[Tensor], test_on: Sequence[Tensor]) -> Rows:
    """Relative error and explained variance at each tap on `test_on`, with the best adapters for `fit_on`.

    Returns {layer: (mean |A f - F|^2 / mean |F|^2, 1 - mean |A f - F|^2 / variance of F)}, the variance channel by channel.
    """
    adapters = first_adapters(student, teacher, fit_on)
    error, square, total, count = ({name: 0.0 for name in TAPS} for _ in range(4))
    with torch.no_grad():
        for x in test_on:
            ours, theirs = thin(run(student, x)), thin(run(teacher, x))
            for name in TAPS:
                target = theirs[name].double()  # (N, C, H, W)
                error[name] += (adapters[name](ours[name]) - target).square().sum()
                square[name] += target.square().sum()
                total[name] = total[name] + target.sum((0, 2, 3))  # (C,)
                count[name] += target[:, 0].numel()
    result = {}
    for name in TAPS:
        variance = square[name] - (total[name] ** 2).sum() / count[name]
        result[name] = (float(error[name] / square[name]), float(1 - error[name] / variance))
    return result


def model_card(photographed: Rows, painted: Rows, settings: Settings, train_on: int, held_out: int) -> str:
    """Write down what the network is, how it came about and how close it is to its teacher: two results of `evaluate`."""
    widths = "-".join(map(str, CHANNELS["vgg19-slim"]))
    rows = ((name, *photographed[name], *painted[name]) for name in photographed)
    table = "\n".join(f"| {name} | {' | '.join(f'{number:.3f}' for number in numbers)} |" for name, *numbers in rows)
    return f"""# vgg19-slim

VGG-19 up to relu5_1 with channels {widths}, distilled from the authors' VGG-19 by
`python -m styletools.training.distill` on {train_on} pictures.
Every layer is rescaled to a mean square activation of 1 over natural pictures.

Settings: {json.dumps(asdict(settings))}

Measured on {held_out} held-out pictures, and on 32 pictures painted of them by the network itself, after the best 1 x 1 adapter
(least squares on training pictures) from this network's channels to the teacher's:

| layer | relative error | explained variance | painted: relative error | explained variance |
|---|---|---|---|---|
{table}
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, measure on every tenth picture (by name), rescale, and save the network with its model card."""
    parser = argparse.ArgumentParser(prog="python -m styletools.training.distill", description=__doc__.split("\n\n")[0])
    parser.add_argument("--images", type=Path, required=True, help="folder of JPEG or PNG pictures; every tenth is held out")
    parser.add_argument("--styles", type=Path, help="folder of paintings to cut crops from and to paint after")
    parser.add_argument("--out", type=Path, required=True, help="where to write the weights; the card goes beside them")
    parser.add_argument("--steps", type=int, default=Settings.steps)
    options = parser.parse_args(arguments)
    settings = Settings(steps=options.steps)
    paths = sorted(p for p in options.images.iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    held_out = read_pictures(paths[::10])
    pictures = read_pictures([p for i, p in enumerate(paths) if i % 10])
    rng = random.Random(1)
    fit_on, test_on = (
        [torch.cat([central_crop(p, 192) for p in some[i : i + 4]]) for i in range(0, len(some), 4)]
        for some in (rng.sample(pictures, min(96, len(pictures))), held_out)
    )
    teacher = as_network(authors_weights())
    equalise(teacher, fit_on)
    styles = read_pictures(sorted(options.styles.glob("*.jpg"))) if options.styles else []
    student = train(teacher, pictures, settings, options.out.with_suffix(".checkpoint.pt"), styles)
    equalise(student, fit_on)
    photographed = evaluate(student, teacher, fit_on, test_on)
    frames = paint_pictures(student, held_out, styles, 32, rng)
    frames_on = [torch.cat([central_crop(p, 192) for p in frames[i : i + 4]]) for i in range(0, len(frames), 4)]
    painted = evaluate(student, teacher, fit_on, frames_on)
    card = model_card(photographed, painted, settings, len(pictures), len(held_out))
    metadata = {"channels": json.dumps(CHANNELS["vgg19-slim"]), "teacher": "vgg19", "steps": str(settings.steps)}
    state = {name: tensor.contiguous() for name, tensor in student.state_dict().items()}
    save_file(state, options.out, metadata=metadata)
    options.out.with_suffix(".md").write_text(card, encoding="utf8")
    print(card)


def central_crop(picture: np.ndarray, size: int) -> Tensor:
    """Cut the largest central square and scale it to `size`: a normalised tensor (1, 3, size, size)."""
    height, width = picture.shape[:2]
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 2
    box = (left, top, left + side, top + side)
    square = Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC, box)
    return (torch.from_numpy(np.array(square)).permute(2, 0, 1)[None] / 255 - MEAN) / STD


if __name__ == "__main__":
    main()
