"""Makes the pictures of README and lessons from the shipped model: `python docs/make_pictures.py`.

Writes notebooks/images/denoising.png (the x0-predictions of one chair) and notebooks/images/shapes.png (a contact
sheet, every class of the model, seeds 0 to 7, nothing picked).
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


def main() -> None:
    film = list(states("chair", [3]))
    frames = [film[k].x0[0, 0].numpy() for k in (0, 3, 5, 7, 10, 15)]
    save_png(IMAGES / "denoising.png", contact_sheet([render(frame, size=200) for frame in frames], columns=6))
    _, about = load_checkpoint(ROOT / "data" / "checkpoints" / "shapes32")
    shapes = torch.cat([last(states(family, list(range(8)))).x_t[:, 0] for family in about["classes"]])
    save_png(IMAGES / "shapes.png", contact_sheet([render(field.numpy(), size=160) for field in shapes], columns=8))


if __name__ == "__main__":
    main()
