"""Makes the pictures of README and lessons from the shipped model: `python docs/make_pictures.py`.

Writes notebooks/images/denoising.png (the x0-predictions of one chair) and
notebooks/images/shapes.png (a contact sheet, every class of the model, seeds 0 to 7, nothing
picked). Lesson heads that need no model have a function each.
"""

import ast
from pathlib import Path

import numpy as np
import torch

from course_utils.diffusion.guidance import guided
from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.sampling import SAMPLERS, last, sample, time_grid
from course_utils.models.checkpoints import load_checkpoint
from course_utils.models.prompting import sampling_states
from course_utils.places import CHECKPOINTS
from course_utils.plots.stills import contact_sheet, render, save_png

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "notebooks" / "images"


def states(family: str, seeds: list[int]):
    """The sampler's states for shapes of one class, with the model's own settings."""
    return sampling_states(*load_checkpoint(CHECKPOINTS / "shapes32"), [family] * len(seeds), seeds)


def forward() -> None:
    """notebooks/images/forward.png: the letter of lesson 01 at six log-SNRs, all scaled to one
    size.
    """
    from course_utils.datasets.points import letter
    from course_utils.diffusion.paths import CosinePath
    from course_utils.plots.planar import show_clouds

    path, x0, noise = CosinePath(), letter(2500, seed=0), gaussian(0, (2500, 2))
    levels = (8, 4, 2, 0, -2, -6)
    clouds = [path.noised(x0, noise, path.time_at(float(level))) for level in levels]
    picture = show_clouds(clouds, [f"log-SNR {level}" for level in levels], columns=6)
    (IMAGES / "forward.png").write_bytes(picture.png())


def trajectories() -> None:
    """notebooks/images/trajectories.png: fourteen particles of lesson 03, from t = 0.4 to the data,
    in three ways.
    """
    from itertools import pairwise

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
        arrows.append(
            (places, arrow / (1 + arrow.norm(dim=1, keepdim=True)))
        )  # long ones are drawn shorter
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
    """notebooks/images/digits.png: three words come out of noise, at five of 24 steps; lesson 04's
    letters.
    """
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
    """notebooks/images/guidance.png: lesson 06's sevens at four guidance scales, from the same
    noise.
    """
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
    """notebooks/images/families.png: one shape of each family that the course draws."""
    from course_utils.datasets.shapes import CLASSES, make_shape
    from course_utils.plots.style import DATA

    tiles = [render(make_shape(family, 21).voxels, size=330, colour=DATA) for family in CLASSES]
    save_png(IMAGES / "families.png", contact_sheet(tiles, list(CLASSES), columns=6))


def imports() -> dict[str, set[str]]:
    """Module or sub-package of course_utils -> those that its modules import when they are imported
    themselves.
    """
    package, found = ROOT / "course_utils", {}
    for file in sorted(package.rglob("*.py")):
        unit = file.relative_to(package).with_suffix("").parts[0]
        uses = found.setdefault(unit, set())
        for line in ast.parse(file.read_text(encoding="utf-8")).body:
            name = (line.module or "") if isinstance(line, ast.ImportFrom) else ""
            if name.startswith("course_utils."):
                uses.add(name.split(".")[1])
        uses.discard(unit)
    del found["__init__"]
    return found


def modules() -> None:
    """notebooks/images/modules.png: course_utils in layers, each unit above all that it imports,
    without atomic.py.
    """
    from course_utils.plots.style import DATA, EXACT, INK, Picture, styled

    uses, package = imports(), ROOT / "course_utils"

    def level(unit: str) -> int:
        return 1 + max(map(level, uses[unit]), default=-1)

    def below(unit: str) -> set[str]:
        return uses[unit].union(*(below(other) for other in uses[unit]))

    def direct(unit: str) -> set[str]:
        """What it imports and does not reach by another way."""
        return uses[unit] - set().union(*(below(other) for other in uses[unit]))

    used = set().union(*uses.values())
    del uses["atomic"]  # which writes files and is used wherever one is written
    uses = {unit: others - {"atomic"} for unit, others in uses.items()}
    height = {unit: level(unit) for unit in uses}
    height |= dict.fromkeys(
        set(uses) - used - {u for u in uses if uses[u]}, max(height.values())
    )  # commands
    lines = [(unit, other) for unit in uses for other in sorted(direct(unit))]
    across = arranged(height, lines)
    with styled():
        picture = Picture((10.4, 5.6))
        axes = picture.add_axes((0, 0, 1, 1))
        axes.set(xlim=(-0.7, COLUMNS - 0.3), ylim=(-0.45, max(height.values()) + 0.45))
        axes.set_axis_off()
        for unit, other in lines:
            ends = [across[unit], across[other]], [height[unit], height[other]]
            axes.plot(*ends, color="#8A8A8A", linewidth=1, zorder=1)
        for unit in uses:
            folder = (package / unit).is_dir()
            edge = {
                "boxstyle": "round,pad=0.35",
                "facecolor": "white",
                "edgecolor": DATA if folder else EXACT,
            }
            name = f"{unit}/" if folder else f"{unit}.py"
            look = {"ha": "center", "va": "center", "fontsize": 11, "color": INK, "bbox": edge}
            axes.text(across[unit], height[unit], name, **look)
    save_png(IMAGES / "modules.png", picture)


COLUMNS = 7


def arranged(height: dict[str, int], lines: list[tuple[str, str]]) -> dict[str, float]:
    """Unit -> place in its row: swapped at random while lines get shorter and keep clear of boxes;
    the best of 20.
    """

    def cost(across: dict[str, float]) -> float:
        total = 0.0
        for a, b in lines:
            slope = (across[b] - across[a]) / (height[b] - height[a])
            total += abs(across[b] - across[a])
            between = (unit for unit in height if height[b] < height[unit] < height[a])
            total += sum(
                40
                for u in between
                if abs(across[a] + slope * (height[u] - height[a]) - across[u]) < 0.7
            )
        return total

    def tried(seed: int) -> tuple[float, dict[str, float]]:
        rng, rows = np.random.default_rng(seed), {}
        for unit, row in height.items():
            rows.setdefault(row, []).append(unit)
        rows = {row: units + [""] * (COLUMNS - len(units)) for row, units in rows.items()}
        best, across = np.inf, {}
        for _ in range(3000):
            units = rows[int(rng.integers(len(rows)))]
            i, j = rng.integers(COLUMNS, size=2)
            units[i], units[j] = units[j], units[i]
            found = {
                unit: k + 0.25 * (r % 2)
                for r, us in rows.items()
                for k, unit in enumerate(us)
                if unit
            }
            if cost(found) <= best:
                best, across = cost(found), found
            else:
                units[i], units[j] = units[j], units[i]
        return best, across

    return min((tried(seed) for seed in range(20)), key=lambda result: result[0])[1]


def main() -> None:
    modules()
    families()
    digits()
    duel()
    guidance()
    forward()
    score()
    trajectories()
    film = list(states("chair", [3]))
    frames = [film[k].x0[0, 0].numpy() for k in (0, 3, 6, 9, 12, 15)]
    save_png(
        IMAGES / "denoising.png",
        contact_sheet([render(frame, size=200) for frame in frames], columns=6),
    )
    _, about = load_checkpoint(CHECKPOINTS / "shapes32")
    shapes = torch.cat([last(states(family, list(range(8)))).x_t[:, 0] for family in about.classes])
    save_png(
        IMAGES / "shapes.png",
        contact_sheet([render(field.numpy(), size=160) for field in shapes], columns=8),
    )


if __name__ == "__main__":
    main()
