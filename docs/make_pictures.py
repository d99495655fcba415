"""Makes the pictures of README and lessons from the shipped model: `python docs/make_pictures.py`.

Writes notebooks/images/denoising.png (the x0-predictions of one chair) and notebooks/images/shapes.png (a contact
sheet, every class of the model, seeds 0 to 7, nothing picked). Lesson heads that need no model have a function each.
"""

from pathlib import Path

import torch

from course_utils.checkpoints import load_checkpoint
from course_utils.noise import gaussian
from course_utils.plots.stills import contact_sheet, render, save_png
from course_utils.sampling import SAMPLERS, guided, last, sample, time_grid

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "notebooks" / "images"


def states(family: str, seeds: list[int]):
    """The sampler's states for shapes of one class, with the model's own settings."""
    denoiser, about = load_checkpoint(ROOT / "data" / "checkpoints" / "shapes32")
    settings, side = about["sampling"], about["resolution"]
    label = torch.full((len(seeds),), about["classes"].index(family))
    times = time_grid(denoiser.path, settings["steps"], settings["shift"])
    noise = denoiser.path.prior_sample(gaussian(seeds, (1, side, side, side)))
    step = SAMPLERS[settings["sampler"]]
    return sample(guided(denoiser, label, settings["guidance_scale"]), noise, times, step, seed=seeds)


def forward() -> None:
    """notebooks/images/forward.png: the letter of lesson 01 at six log-SNRs, all scaled to one size."""
    from course_utils.datasets.points import letter
    from course_utils.paths import CosinePath
    from course_utils.plots.planar import show_clouds

    path, x0, noise = CosinePath(), letter(2500, seed=0), gaussian(0, (2500, 2))
    levels = (8, 4, 2, 0, -2, -6)
    clouds = [path.noised(x0, noise, path.time_at(float(level))) for level in levels]
    picture = show_clouds(clouds, [f"log-SNR {level}" for level in levels], columns=6)
    (IMAGES / "forward.png").write_bytes(picture.png())


def trajectories() -> None:
    """notebooks/images/trajectories.png: fourteen particles of lesson 03, from t = 0.4 to the data, in three ways."""
    from itertools import pairwise

    from course_utils.mixtures import five_blobs
    from course_utils.paths import DDPMPath
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
        steps = sample(mixture.denoiser(path), path.prior_sample(begin), times, SAMPLERS[name], seed=6)
        tracks.append(torch.stack([state.x_t for state in steps][149:]))
    titles = ["forward, read backwards", "reverse SDE", "probability-flow ODE"]
    crowd = mixture.sample(3000, seed=1)
    picture = show_paths(tracks, titles, limit=2.5, behind=crowd, colours=[DATA, MODEL, MODEL])
    (IMAGES / "trajectories.png").write_bytes(picture.png())


def score() -> None:
    """notebooks/images/score.png: lesson 02's mixture and its score at four noise levels."""
    from course_utils.mixtures import five_blobs
    from course_utils.paths import FlowPath
    from course_utils.plots.planar import show_maps, square_grid

    path, mixture = FlowPath(), five_blobs()
    grid, places, levels = square_grid(121, 2.5).double(), square_grid(13, 2.2).double(), (0.8, 0.5, 0.3, 0.15)
    maps = [mixture.log_density(grid, path, t).exp() for t in levels]
    arrows = []
    for t in levels:
        arrow = path.sigma(t) * mixture.score(places, path, t)
        arrows.append((places, arrow / (1 + arrow.norm(dim=1, keepdim=True))))  # long ones are drawn shorter
    titles = [f"t = {t}" for t in levels]
    picture = show_maps([m / m.max() for m in maps], titles, 4, 2.5, "density / largest", arrows=arrows)
    (IMAGES / "score.png").write_bytes(picture.png())


def main() -> None:
    forward()
    score()
    trajectories()
    film = list(states("chair", [3]))
    frames = [film[k].x0[0, 0].numpy() for k in (0, 3, 5, 7, 10, 15)]
    save_png(IMAGES / "denoising.png", contact_sheet([render(frame, size=200) for frame in frames], columns=6))
    _, about = load_checkpoint(ROOT / "data" / "checkpoints" / "shapes32")
    shapes = torch.cat([last(states(family, list(range(8)))).x_t[:, 0] for family in about["classes"]])
    save_png(IMAGES / "shapes.png", contact_sheet([render(field.numpy(), size=160) for field in shapes], columns=8))


if __name__ == "__main__":
    main()
