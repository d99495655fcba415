"""Make the pictures of the README, the pages and the lessons: `python docs/make_pictures.py`.

Each picture has a function, which writes notebooks/images/NAME.png. The shipped model draws
`denoising` and `shapes`, the code's imports draw `rooms`, and the others are small trainings and
formulas from the lessons.
"""

import argparse
import ast
import sys
from collections import ChainMap
from itertools import combinations, pairwise, permutations, product
from pathlib import Path

import numpy as np
import torch
from api_reference import floor_of_rooms

from course_utils.diffusion.guidance import guided
from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.sampling import SAMPLERS, last, sample, time_grid
from course_utils.geometry.render import render_materials
from course_utils.models.checkpoints import load_checkpoint
from course_utils.models.prompting import sampling_states
from course_utils.places import CHECKPOINTS
from course_utils.plots.stills import contact_sheet, render, save_png

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "notebooks" / "images"


TEXTS = [
    "a tall chair with armrests",
    "a round table on a pedestal",
    "a house with a porch",
    "an airplane with four engines",
    "a mug with two handles",
    "a bed with a canopy",
]


def states(family: str, seeds: list[int]):
    """The sampler's states for shapes of one class, with the model's own settings."""
    return sampling_states(*load_checkpoint(CHECKPOINTS / "shapes32"), [family] * len(seeds), seeds)


def forward() -> None:
    """notebooks/images/forward.png: the letter of lesson 01 at six log-SNRs, in one size."""
    from course_utils.datasets.points import letter
    from course_utils.diffusion.paths import CosinePath
    from course_utils.plots.planar import show_clouds

    path, x0, noise = CosinePath(), letter(2500, seed=0), gaussian(0, (2500, 2))
    levels = (8, 4, 2, 0, -2, -6)
    clouds = [path.noised(x0, noise, path.time_at(float(level))) for level in levels]
    picture = show_clouds(clouds, [f"log-SNR {level}" for level in levels], columns=6)
    (IMAGES / "forward.png").write_bytes(picture.png())


def trajectories() -> None:
    """notebooks/images/trajectories.png: fourteen particles of lesson 03, in three ways."""
    from course_utils.diffusion.mixtures import five_blobs
    from course_utils.diffusion.paths import DDPMPath
    from course_utils.plots.planar import show_paths
    from course_utils.plots.style import DATA, MODEL

    path, mixture = DDPMPath(), five_blobs()
    times, begin = time_grid(path, 250), gaussian(0, (14, 2)).double()
    forwards = [mixture.sample(14, seed=4).double()]
    for k, (s, t) in enumerate(pairwise(times.flip(0))):
        kept = path.alpha(t) / path.alpha(s)
        added = (path.sigma(t) ** 2 - kept**2 * path.sigma(s) ** 2).sqrt()
        forwards.append(kept * forwards[-1] + added * gaussian(5, (14, 2), stream=k))
    tracks = [torch.stack(forwards[100::-1])]
    for name in ("ddpm", "ddim"):
        steps = sample(
            mixture.denoiser(path), path.prior_sample(begin), times, SAMPLERS[name], seed=6
        )
        tracks.append(torch.stack([state.x_t for state in steps][149:]))
    titles = ["forward, read backwards", "reverse SDE", "probability-flow ODE"]
    crowd = mixture.sample(3000, seed=1)
    picture = show_paths(tracks, titles, limit=2.5, behind=crowd, colours=[DATA, MODEL, MODEL])
    (IMAGES / "trajectories.png").write_bytes(picture.png())


def score() -> None:
    """notebooks/images/score.png: lesson 02's mixture and its score at four noise levels."""
    from course_utils.diffusion.mixtures import five_blobs
    from course_utils.diffusion.paths import FlowPath
    from course_utils.plots.planar import show_maps, square_grid

    path, mixture = FlowPath(), five_blobs()
    grid, places, levels = (
        square_grid(121, 2.5).double(),
        square_grid(13, 2.2).double(),
        (0.8, 0.5, 0.3, 0.15),
    )
    maps = [mixture.log_density(grid, path, t).exp() for t in levels]
    arrows = []
    for t in levels:
        arrow = path.sigma(t) * mixture.score(places, path, t)
        # long ones are drawn shorter
        arrows.append((places, arrow / (1 + arrow.norm(dim=1, keepdim=True))))
    titles = [f"t = {t}" for t in levels]
    picture = show_maps(
        [m / m.max() for m in maps], titles, 4, 2.5, "density / largest", arrows=arrows
    )
    (IMAGES / "score.png").write_bytes(picture.png())


def trained(pictures, labels, classes, steps=450, **network):
    """A U-Net trained on pictures as lessons 04 and 06 do."""
    from course_utils.diffusion.denoiser import Denoiser
    from course_utils.diffusion.losses import Denoising
    from course_utils.diffusion.paths import FlowPath
    from course_utils.diffusion.training import Plan, Trainer, batches
    from course_utils.networks.conditioning.labels import on_labels
    from course_utils.networks.unet import UNet

    torch.manual_seed(0)
    plan = Plan(
        steps=steps,
        batch_size=64,
        learning_rate=3e-3,
        ema_decay=0.99,
    )
    loss = Denoising(weight_limit=25, drop_condition=0.15)
    network = UNet(2, 1, blocks=1, conditioner=on_labels(classes), **network)
    trainer = Trainer(Denoiser(network, FlowPath(), "velocity"), plan, loss)
    list(trainer.run(batches(pictures, labels)))
    return trainer.ema


def digits() -> None:
    """notebooks/images/digits.png: three words in lesson 04's letters, at five of 24 steps."""
    from course_utils.datasets.images import glyphs
    from course_utils.plots.pictures import NOISY, sheet
    from course_utils.plots.style import MODEL, NOISE

    word, letters = "NOISETOSHAPE", "NOISETHAP"
    data = glyphs(letters)
    model = trained(data.pixels, data.labels, len(letters), 600, channels=(32, 64), patch=2)
    asked = guided(model, torch.tensor([letters.index(letter) for letter in word]), 2.0)
    noise = gaussian(0, (len(word), 1, 16, 16))
    film = list(sample(asked, noise, time_grid(model.path, 24), SAMPLERS["heun"]))
    shown = [
        (noise, NOISE, NOISY),
        *((film[k].x_t, NOISE, 1.6) for k in (9, 14, 18)),
        (film[-1].x_t, MODEL, 1.0),
    ]
    rows = [np.pad(sheet(*row), ((0, 6), (0, 0), (0, 0)), constant_values=255) for row in shown]
    save_png(IMAGES / "digits.png", np.concatenate(rows))


def guidance() -> None:
    """notebooks/images/guidance.png: lesson 06's sevens at four guidance scales, from one noise."""
    from course_utils.datasets import images
    from course_utils.plots.pictures import show_pictures
    from course_utils.plots.style import MODEL

    data, seven = images.digits(), torch.full((12,), 7)
    model = trained(data.pixels, data.labels, 10, channels=(24, 48))
    scales, noise = (0, 1, 2, 5), gaussian(3, (12, 1, 8, 8))
    rows = [
        last(sample(guided(model, seven, scale), noise, time_grid(model.path, 20))).x_t
        for scale in scales
    ]
    titles = [f"scale {scale}" if not k else "" for scale in scales for k in range(12)]
    (IMAGES / "guidance.png").write_bytes(show_pictures(torch.cat(rows), titles, 12, MODEL).png())


def duel() -> None:
    """notebooks/images/duel.png: lesson 05's two trainings on five blobs, at four moments each."""
    from course_utils.diffusion.denoiser import Denoiser
    from course_utils.diffusion.losses import Denoising
    from course_utils.diffusion.mixtures import five_blobs
    from course_utils.diffusion.paths import FlowPath
    from course_utils.diffusion.training import Plan, Trainer, batches
    from course_utils.models.adversarial import Adversarial, Pair, adversarial_plan, point_networks
    from course_utils.networks.mlp import MLP
    from course_utils.plots.planar import show_clouds
    from course_utils.plots.style import MODEL

    data, path = five_blobs().sample(50_000, seed=0), FlowPath()
    torch.manual_seed(0)
    plan = adversarial_plan(steps=810, batch_size=256, learning_rate=4e-3)
    forging, seen = Trainer(Pair(*point_networks()), plan, Adversarial(latent=8, r1=0.1)), {}
    for done in forging.run(batches(data)):
        if done.step in (81, 162, 405, 810):
            seen[f"GAN, {done.step / 8.1:.0f} %"] = forging.ema(gaussian(1, (1500, 8)))
    plan = Plan(steps=1100, batch_size=256, learning_rate=4e-3, ema_decay=0.99)
    denoising = Trainer(
        Denoiser(MLP(width=64, depth=2), path, "velocity"), plan, Denoising(time_std=1.5)
    )
    for done in denoising.run(batches(data)):
        if done.step in (110, 220, 550, 1100):
            made = last(sample(denoising.ema, gaussian(1, (1500, 2)), time_grid(path, 20))).x_t
            seen[f"diffusion, {done.step / 11:.0f} %"] = made
    picture = show_clouds(list(seen.values()), list(seen), MODEL, columns=4, behind=data[:2000])
    (IMAGES / "duel.png").write_bytes(picture.png())


def families() -> None:
    """notebooks/images/families.png: one shape of each family that the course draws, in colour."""
    from course_utils.datasets.shapes import CLASSES, make_shape

    shapes = [make_shape(family, 1) for family in CLASSES]
    tiles = [
        render_materials(2 * one.coverage - 1, one.slots, size=330, colours=one.finishes)
        for one in shapes
    ]
    save_png(IMAGES / "families.png", contact_sheet(tiles, list(CLASSES), columns=5))


def imports(floors: dict[str, int]) -> dict[str, set[str]]:
    """Return room -> the lower rooms that its modules import anywhere in their code."""
    package = ROOT / "course_utils"
    found: dict[str, set[str]] = {room: set() for room in floors}
    for file in package.rglob("*.py"):
        room = file.relative_to(package).with_suffix("").parts[0]
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            name = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
            other = name.removeprefix("course_utils.").split(".")[0]
            if other in floors and floors[other] < floors.get(room, 0):
                found[room].add(other)
    return found


def arrows(uses: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Return the pairs (room, lower room) that no other pairs imply."""

    def below(room: str) -> set[str]:
        return uses[room].union(*map(below, uses[room]))

    return [
        (room, other)
        for room in uses
        for other in sorted(uses[room].difference(*map(below, uses[room])))
    ]


def rooms() -> None:
    """notebooks/images/rooms.png: the rooms of course_utils on their floors, and their imports."""
    from course_utils.plots.style import DATA, EXACT, INK, Picture, styled

    floors = {room: floor for room, floor in floor_of_rooms().items() if room != "__main__"}
    lines = arrows(imports(floors))
    across = arranged(floors, lines)
    grey = {"color": "#767676", "fontsize": 11, "va": "center"}
    with styled():
        picture = Picture((8.6, 6.0))
        axes = picture.add_axes((0, 0, 1, 1))
        axes.set(xlim=(-1.0, 4.5), ylim=(-0.5, max(floors.values()) + 0.5))
        axes.set_axis_off()
        for floor in sorted(set(floors.values())):
            if floor % 2:
                axes.axhspan(floor - 0.5, floor + 0.5, color="#F3F3F3", zorder=0)
            axes.text(-0.93, floor, f"floor {floor}", **grey)
        for room, other in lines:
            start, end = (across[room], floors[room] - 0.2), (across[other], floors[other] + 0.2)
            look = {
                "arrowstyle": "-|>",
                "color": "#767676",
                "linewidth": 1,
                "shrinkA": 0,
                "shrinkB": 0,
            }
            axes.annotate("", end, start, arrowprops=look, zorder=1)
        for room, floor in floors.items():
            folder = (ROOT / "course_utils" / room).is_dir()
            edge = {
                "boxstyle": "round,pad=0.4",
                "facecolor": "#DCEBF7" if room == "diffusion" else "white",
                "edgecolor": DATA if folder else EXACT,
            }
            name = f"{room}/" if folder else f"{room}.py"
            look = {"ha": "center", "va": "center", "fontsize": 13, "color": INK, "bbox": edge}
            axes.text(across[room], floor, name, **look)
    save_png(IMAGES / "rooms.png", picture)


PLACES = np.linspace(0, 4, 9).tolist()  # across a floor


def arranged(floors: dict[str, int], lines: list[tuple[str, str]]) -> dict[str, float]:
    """Return room -> place on its floor: random moves, kept where they make the arrows clearer."""
    on: dict[int, list[str]] = {}
    for room, floor in floors.items():
        on.setdefault(floor, []).append(room)
    choices = [
        [dict(zip(rooms, places, strict=True)) for places in permutations(PLACES, len(rooms))]
        for rooms in on.values()
    ]

    def at(line: tuple[str, str], floor: float, across: dict[str, float]) -> float:
        top, end = line
        share = (floors[top] - floor) / (floors[top] - floors[end])
        return across[top] + share * (across[end] - across[top])

    def cost(across: dict[str, float]) -> float:
        """Length, more for arrows that cross, much more for boxes that touch or that one hits."""
        total = sum(abs(across[a] - across[b]) for a, b in lines)
        for one, two in combinations(floors, 2):
            total += 20 * (floors[one] == floors[two] and abs(across[one] - across[two]) < 1)
        for line, room in product(lines, floors):
            if floors[line[1]] < floors[room] < floors[line[0]]:
                beside = (at(line, floors[room] + step, across) for step in (-0.25, 0, 0.25))
                total += 20 * any(abs(passes - across[room]) < 0.5 for passes in beside)
        for one, two in combinations(lines, 2):
            high, low = min(floors[one[0]], floors[two[0]]), max(floors[one[1]], floors[two[1]])
            if high > low:
                gaps = [at(one, floor, across) - at(two, floor, across) for floor in (high, low)]
                total += 3 * (gaps[0] * gaps[1] < 0)
        return total

    def tried(seed: int) -> dict[str, float]:
        rng = np.random.default_rng(seed)
        across = dict(ChainMap(*(choice[0] for choice in choices)))
        for _ in range(1500):
            choice = choices[rng.integers(len(choices))]
            moved = across | choice[rng.integers(len(choice))]
            across = min(moved, across, key=cost)
        return across

    return min(map(tried, range(10)), key=cost)


def denoising() -> None:
    """notebooks/images/denoising.png: the guess of x0 at six of the sixteen steps of one chair."""
    film = list(states("chair", [3]))
    frames = [film[k].x0[0, 0].numpy() for k in (0, 3, 6, 9, 12, 15)]
    tiles = [render(frame, size=200) for frame in frames]
    save_png(IMAGES / "denoising.png", contact_sheet(tiles, columns=6))


def prompts() -> None:
    """notebooks/images/prompts.png: six texts as the shipped model draws them, all with seed 3."""
    made = last(
        sampling_states(*load_checkpoint(CHECKPOINTS / "shapes32"), TEXTS, [3] * len(TEXTS))
    ).x_t[:, 0]
    tiles = [render(field.numpy(), size=224) for field in made]
    save_png(IMAGES / "prompts.png", contact_sheet(tiles, TEXTS, columns=6))


def shapes() -> None:
    """notebooks/images/shapes.png: seeds 0 to 7 of every class of the model, nothing picked."""
    _, about = load_checkpoint(CHECKPOINTS / "shapes32")
    shapes = torch.cat([last(states(family, list(range(8)))).x_t[:, 0] for family in about.classes])
    save_png(
        IMAGES / "shapes.png",
        contact_sheet([render(field.numpy(), size=160) for field in shapes], columns=8),
    )


PICTURES = {
    picture.__name__: picture
    for picture in (
        *(rooms, families, digits, duel, guidance),
        *(forward, score, trajectories, denoising, shapes, prompts),
    )
}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pictures", nargs="*", help=f"any of {', '.join(PICTURES)} (default: all)")
    for name in parser.parse_args(arguments).pictures or PICTURES:
        if name not in PICTURES:
            parser.error(f"no picture {name!r}; there are {', '.join(PICTURES)}")
        PICTURES[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
