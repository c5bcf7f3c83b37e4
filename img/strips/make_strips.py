"""Make the rows of pictures at the top of the README and of each lesson: python img/strips/make_strips.py [readme 01 02 ...]

python img/strips/make_strips.py gallery [--painted FOLDER] makes the sheet of all photographs painted in the manner of all
paintings, which takes long. The painted pictures are kept in FOLDER; those it has already, of tests/benchmarks/paint_pairs.py
too, are not painted again.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image

import styletools as st
from styletools.masks import flood

FOLDER = Path(__file__).parent
HEIGHT, GAP = 200, 6  # pixels
GALLERY_WIDTH = 1600  # pixels
Strip = list[Image.Image]


def names_in_credits(photographs: bool) -> list[str]:
    """The photographs of img/, or the paintings, in the order of the table in CREDITS.md, which says what is a photograph."""
    lines = (FOLDER.parent / "CREDITS.md").read_text(encoding="utf8").splitlines()
    rows = [line for line in lines if line.startswith("|") and ".jpg |" in line]
    return [row.split(".jpg", 1)[0].strip("| ") for row in rows if ("(photograph)" in row) == photographs]


PHOTOGRAPHS, PAINTINGS = names_in_credits(photographs=True), names_in_credits(photographs=False)


def readme() -> Strip:
    """Content, style, result: what the command line makes without options."""
    castle, wave = st.sample("eilean_donan"), st.sample("great_wave")
    return [castle, wave, st.stylize(castle, wave)]


def lesson_01() -> Strip:
    """Content, style, result."""
    palace, wave = st.sample("summer_palace"), st.sample("great_wave")
    return [palace, wave, st.stylize(palace, wave, vgg=st.RECIPES["neighbours"].load_network("vgg19"))]


def lesson_02() -> Strip:
    """A picture, nine feature maps, what one filter wants to see."""
    castle = st.sample("eilean_donan")
    vgg = st.load_vgg("vgg19")
    features = vgg(st.preprocess(castle, 240), ["relu2_1"])["relu2_1"][0].cpu()  # (C, 80, 120)
    sheet = Image.new("RGB", (3 * 120 + 2 * 4, 3 * 80 + 2 * 4), "white")
    busiest = features.var(dim=(1, 2)).argsort(descending=True)[:9]
    for number, channel in enumerate(busiest.tolist()):
        grey = (255 * (features[channel] / features[channel].quantile(0.995)).clamp(0, 1)).byte()
        sheet.paste(Image.fromarray(grey.numpy()), (number % 3 * 124, number // 3 * 84))
    return [castle, sheet, st.postprocess(st.maximize_activation(vgg, "conv4_2", 4, size=160, steps=60))]


def lesson_03() -> Strip:
    """The photograph, the noise, the picture painted from it with the features of relu4_1 alone."""
    vgg = st.load_vgg("vgg19-slim", pooling="average")
    content = st.preprocess(st.sample("chelsea"), 192)
    noise = 0.6 * torch.randn(content.shape, generator=torch.Generator().manual_seed(0))
    painted = st.reconstruct_content(vgg, content, "relu4_1", steps=120)
    return [st.postprocess(picture) for picture in (content, noise, painted)]


def lesson_04() -> Strip:
    """A painting, the noise it starts from, a texture with the painting's Gram matrices."""
    vgg = st.load_vgg("vgg19-slim", pooling="average")
    street = st.sample("village_street_auvers")
    style = st.preprocess(street, 192)
    noise = st.clamp_to_box(0.5 * torch.randn(style.shape, generator=torch.Generator().manual_seed(0)))
    layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
    return [street, st.postprocess(noise), st.postprocess(st.reconstruct_style(vgg, style, layers, steps=400))]


def lesson_05() -> Strip:
    """No total variation, enough, far too much."""
    palace, street = (st.preprocess(st.sample(name), 256) for name in ("summer_palace", "village_street_auvers"))
    vgg = st.load_vgg("vgg19-slim", pooling="average", padding="replicate")
    pictures = []
    for tv in (0, 3, 60):
        transfer = st.StyleTransfer(palace, street, vgg, "balanced", alpha=1, beta=8, tv=tv, steps=60, learning_rate=0.2)
        for _ in transfer:
            pass
        pictures.append(transfer.image)
    return pictures


def lesson_06() -> Strip:
    """The castle, the cafe, and the castle painted after the cafe."""
    content, style = st.sample("neuschwanstein"), st.sample("cafe_terrace_at_night")
    return [content, style, st.stylize(content, style)]


def lesson_07() -> Strip:
    """One run of the studio in which alpha is muted and called back."""
    studio = st.Studio("neuschwanstein", "great_wave", size=256)
    pictures, own = [], studio.alpha
    for alpha in (own, 0, own):
        studio.alpha = alpha
        studio.run(60)
        pictures.append(studio.image)
    return pictures


def lesson_08() -> Strip:
    """Content, style, the loop of lesson 06, all five ingredients of lesson 08."""
    palace, street = st.sample("summer_palace"), st.sample("village_street_auvers")
    loop = st.paint(st.Job(palace, street, 320, 100, "balanced", coarse_to_fine=False))
    return [palace, street, loop, st.stylize(palace, street, 320, st.RECIPES["neighbours"].load_network("vgg19"))]


def lesson_09() -> Strip:
    """The castle, two paintings, the castle under the sky of the one and over the fields of the other."""
    castle, street, harvest = (st.sample(name) for name in ("neuschwanstein", "village_street_auvers", "the_harvest"))
    sky = flood(castle, 0.7, 0.1, 0.3)
    styles = [st.Style(street, where=sky, part=(0.5, 0, 1, 0.25)), st.Style(harvest, part=(0, 0.3, 1, 1))]
    return [castle, street, harvest, st.stylize(castle, styles, 400, steps=50, strength=0.6)]


def gatys() -> Strip:
    """The paper's own recipe on its own network: photograph, painting, painted from the photograph, painted from noise."""
    content, style = st.sample("neuschwanstein"), st.sample("cafe_terrace_at_night")
    strip = [content, style]
    for init in ("content", "noise"):
        transfer = st.StyleTransfer(content, style, recipe="gatys", size=256, init=init, steps=200)
        for _ in transfer:
            pass
        strip.append(transfer.image)
    return strip


def steps() -> Strip:
    """The recipe `article`: photograph, painting, after 200 steps, after 7000 (which take ten minutes); prints the losses."""
    palace, street = st.sample("summer_palace"), st.sample("village_street_auvers")
    transfer = st.StyleTransfer(palace, street, st.load_vgg("vgg19-slim"), "article", size=224, steps=7000)
    strip = [palace, street]
    for step in transfer:
        if step.index in (200, 7000):
            print(f"step {step.index}: content {step.content:.2f}, style {step.style:,.0f}", flush=True)
            strip.append(transfer.image)
    return strip


def ladder() -> Strip:
    """The recipe `walkthrough` with the full network: photograph, painting, then its three betas, which take forty minutes."""
    palace, street = st.sample("summer_palace"), st.sample("village_street_auvers")
    strip = [palace, street]
    for beta, count in ((1e3, 1000), (1e6, 1000), (1e10, 2000)):
        transfer = st.StyleTransfer(palace, street, st.load_vgg("vgg19"), "walkthrough", size=224, steps=count, beta=beta)
        last = list(transfer)[-1]
        print(f"beta {beta:.0e}, step {count}: content {last.content:,.0f}, style {last.style:,.0f}", flush=True)
        strip.append(transfer.image)
    return strip


def strength() -> Strip:
    """One pair at five strengths, from the photograph to the painting."""
    castle, wave = st.sample("eilean_donan"), st.sample("great_wave")
    return [st.stylize(castle, wave, 320, strength=dial) for dial in (0, 0.25, 0.5, 0.75, 1)]


STRIPS: dict[str, Callable[[], Strip]] = {
    "readme": readme, "01": lesson_01, "02": lesson_02, "03": lesson_03, "04": lesson_04, "05": lesson_05,
    "06": lesson_06, "07": lesson_07, "08": lesson_08, "09": lesson_09, "gatys": gatys, "steps": steps,
    "ladder": ladder, "strength": strength,
}  # fmt: skip


def pair_name(photograph: str, painting: str) -> str:
    """What the file with a painted pair is called, without its ending."""
    return f"{photograph}_x_{painting}"


def painted_pair(photograph: str, painting: str, folder: Path) -> Image.Image:
    """Read a painted pair out of a folder, or paint it at 512 pixels and put it there."""
    name = pair_name(photograph, painting)
    kept = next((folder / f"{name}.{ending}" for ending in ("png", "jpg") if (folder / f"{name}.{ending}").is_file()), None)
    if kept is None:
        kept = folder / f"{name}.png"
        folder.mkdir(parents=True, exist_ok=True)
        st.save_image(st.stylize(st.sample(photograph), st.sample(painting), 512), kept)
        print(name, flush=True)
    return st.load_image(kept)


def fit(picture: Image.Image, width: int, height: int) -> Image.Image:
    """Scale a picture, in its own proportions, to the largest size inside width x height."""
    scale = min(width / picture.width, height / picture.height)
    return picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)


def gallery(folder: Path) -> Image.Image:
    """All pairs: paintings along the top, photographs down the left, each pair where their column and row meet."""
    painted = [[painted_pair(photograph, painting, folder) for painting in PAINTINGS] for photograph in PHOTOGRAPHS]
    return table([st.sample(name) for name in PAINTINGS], [st.sample(name) for name in PHOTOGRAPHS], painted)


def table(top: Strip, left: Strip, rows: list[Strip]) -> Image.Image:
    """Put rows of pictures under `top` and beside `left`, in columns of one width, in their own proportions, on white."""
    margin = 3 * GAP  # between the headings and the rows
    width = (GALLERY_WIDTH - margin - (len(top) - 1) * GAP) // (len(top) + 1)
    headings = [fit(picture, width, round(0.85 * width)) for picture in top]
    lines = [
        headings,
        *([fit(picture, width, width) for picture in (head, *row)] for head, row in zip(left, rows, strict=True)),
    ]
    heights = [max(picture.height for picture in line) for line in lines]
    lefts = [0, *(width + margin + column * (width + GAP) for column in range(len(top)))]
    sheet = Image.new("RGB", (lefts[-1] + width, sum(heights) + margin + (len(rows) - 1) * GAP), "white")
    bottom = 0
    for number, (line, height) in enumerate(zip(lines, heights, strict=True)):
        bottom += height + (0, margin, GAP)[min(number, 2)]
        for edge, picture in zip(lefts[-len(line) :], line, strict=True):
            sheet.paste(picture, (edge + (width - picture.width) // 2, bottom - picture.height))
    return sheet


def join(pictures: Strip) -> Image.Image:
    """Put pictures side by side, equally high, in their own proportions."""
    scaled = [p.resize((round(p.width * HEIGHT / p.height), HEIGHT), Image.Resampling.LANCZOS) for p in pictures]
    row = Image.new("RGB", (sum(p.width for p in scaled) + GAP * (len(scaled) - 1), HEIGHT), "white")
    left = 0
    for picture in scaled:
        row.paste(picture, (left, 0))
        left += picture.width + GAP
    return row


def main() -> None:
    """Make the pictures asked for; without names, all but the gallery."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", default=list(STRIPS), help=f"{', '.join(STRIPS)} or gallery; all but the gallery")
    default = FOLDER.parents[1] / "build/gallery"
    parser.add_argument("--painted", metavar="FOLDER", type=Path, default=default, help="painted pictures of the gallery")
    options = parser.parse_args()
    if unknown := set(options.names) - {*STRIPS, "gallery"}:
        parser.error(f"there is no {sorted(unknown)[0]}; choose from {', '.join(STRIPS)} and gallery.")
    for name in options.names:
        picture = gallery(options.painted) if name == "gallery" else join(STRIPS[name]())
        picture.save(FOLDER / f"{name}.jpg", quality=88 if name == "gallery" else 90)
        print(name, flush=True)


if __name__ == "__main__":
    main()
