"""A prompt in, a shape out: `generate("a round table", seed=3)`.

A shipped model is chosen by the prompt, the best of a few tries is kept (`ranking`), gaps are
closed, loose bits removed; the result has the shape, its mesh and its picture. The command line
calls it, a notebook can. Lessons 08 and 09 build the pieces.
"""

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from course_utils.diffusion.noise import as_seeds
from course_utils.diffusion.paths import finite
from course_utils.diffusion.sampling import State
from course_utils.files.meshes import save_mesh
from course_utils.files.png import png_bytes, save_image
from course_utils.geometry.render import render
from course_utils.geometry.repair import finished
from course_utils.geometry.surface import smooth_mesh
from course_utils.models.budget import together
from course_utils.models.checking import LIMITS
from course_utils.models.checkpoints import load_checkpoint
from course_utils.models.devices import checked_device
from course_utils.models.progress import progress
from course_utils.models.prompting import batches
from course_utils.models.ranking import Wholeness, best_of, shipped_ranker, shipped_steering
from course_utils.models.wishes import Wish, class_of, wish_of
from course_utils.places import CHECKPOINTS, present

if TYPE_CHECKING:
    import trimesh

SHIPPED = CHECKPOINTS / "shapes32"  # makes a class
SHIPPED_TEXT = CHECKPOINTS / "text-to-shape32"  # reads
CLAY = "#E07B0A"  # what a model made is orange in all pictures (plots.style.MODEL)
PICTURE = 640  # pixels per side


@dataclass(frozen=True, eq=False)
class Generated:
    """A shape that a model made. In a notebook it shows its picture.

    Attributes:
        prompt: What was asked for.
        seed: The seed that was asked for.
        kept_seed: The seed of the try that was kept; with tries=1 it makes this shape again.
        field: Float32 (D, H, W), inside above 0, with gaps closed and loose bits removed.
        mesh: Its surface, in the unit cube, z up.
        colour: Of its pictures.
        wish: What the model was asked for, and how the prompt was read.
    """

    prompt: str
    seed: int
    kept_seed: int
    field: np.ndarray
    mesh: "trimesh.Trimesh"
    colour: str = CLAY
    wish: Wish | None = None

    @property
    def shape(self) -> np.ndarray:
        """The voxels, bool (D, H, W)."""
        return self.field > 0

    @cached_property
    def picture(self) -> np.ndarray:
        """The picture of the smooth surface, uint8 (640, 640, 3)."""
        return self.render(PICTURE)

    def render(self, size: int) -> np.ndarray:
        """Return a picture of `size` pixels per side, uint8 (size, size, 3)."""
        return render(self.field, size, colour=self.colour)

    def save(self, path: str | Path, size: str | None = None) -> str:
        """Write the mesh as .glb, .obj or .stl, and the picture beside it as .png.

        Args:
            path: File to write; the suffix chooses the format.
            size: Of `files.meshes.save_mesh`: the longest side with its unit, such as "80mm".

        Returns:
            Width, depth and height in the file, such as "80 x 75.3 x 80 mm".
        """
        extents = save_mesh(self.mesh, path, size=size)
        save_image(Path(path).with_suffix(".png"), self.picture)
        return extents

    def __repr__(self) -> str:
        faces = len(self.mesh.faces)
        return f"Generated({self.prompt!r}, seed {self.seed}, {faces} triangles)"

    def _repr_png_(self):
        return png_bytes(self.picture), {"alt": f"Picture: {self.prompt}, seed {self.seed}"}


def generate(
    prompt: str,
    seed: int = 0,
    *,
    model: str | Path | None = None,
    steps: int | None = None,
    guidance_scale: float | None = None,
    steering: float | None = None,
    tries: int | None = None,
    device: str = "cpu",
    nearest: bool = False,
    show_progress: bool = True,
) -> Generated:
    """Make one shape.

    Args:
        prompt: A class of the model, such as "chair", or any sentence: the shape's
            `wish.reading.answer` says what was understood and what cannot be made.
        seed: Which one; the same seed is the same shape everywhere.
        model: Checkpoint folder; None is the shipped model for the prompt.
        steps: Sampling steps; None is the model's own number, as for all that follows.
        guidance_scale: How strongly to obey the prompt.
        steering: How strongly to pull towards what the text names, 0 for not at all.
        tries: Seeds to choose from: the best one for a text, the first in one piece for a class.
        device: cpu, cuda or mps.
        nearest: Make the nearest family where the prompt names none that the model makes.
        show_progress: Show a progress bar.

    Returns:
        The shape, its mesh and its picture.

    Raises:
        ValueError: A text that names no family of the model, an unknown model or device, a setting
            out of range, or an empty shape.
    """
    (made,) = generate_many(
        prompt,
        [seed],
        model=model,
        steps=steps,
        guidance_scale=guidance_scale,
        steering=steering,
        tries=tries,
        device=device,
        nearest=nearest,
        show_progress=show_progress,
    )
    return made


def generate_many(
    prompt: str,
    seeds: Sequence[int],
    *,
    model: str | Path | None = None,
    steps: int | None = None,
    guidance_scale: float | None = None,
    steering: float | None = None,
    tries: int | None = None,
    device: str = "cpu",
    nearest: bool = False,
    show_progress: bool = True,
) -> list[Generated]:
    """Make a shape of one prompt for each of several seeds; otherwise like `generate`.

    Raises:
        ValueError: As `generate`; also if any of the shapes is empty.
    """
    _check(seeds, steps=steps, guidance_scale=guidance_scale, steering=steering, tries=tries)
    folder = model_for(prompt) if model is None else model
    denoiser, config = load_checkpoint(folder, checked_device(device))
    if not config.makes_shapes:
        raise ValueError(f"{folder} is no model of shapes; expected one such as {SHIPPED}")
    wish = wish_of(config, prompt, nearest)  # its reading names materials too
    settings = config.sampling
    tries = settings.tries if tries is None else tries
    ranker = shipped_ranker(denoiser, config) if tries > 1 else Wholeness()
    edits = shipped_steering(denoiser, config, steering)
    made, parts = [], batches(as_seeds(seeds), together(denoiser, config))
    total = len(parts) * (settings.steps if steps is None else steps)
    with progress(total=total, desc="sampling", disable=not show_progress) as bar:
        for part in parts:
            best = best_of(
                tries,
                ranker,
                denoiser,
                config,
                [wish.text] * len(part),
                part,
                edits=edits,
                watch=lambda state: _count(bar, state),
                steps=steps,
                guidance_scale=guidance_scale,
            )
            for seed, kept, x in zip(part, best.seeds, best.x, strict=True):
                field = finished(x[0].cpu().numpy())
                made.append(Generated(prompt, seed, kept, field, smooth_mesh(field), wish=wish))
    empty = [str(one.seed) for one in made if not len(one.mesh.faces)]
    if empty:
        raise ValueError(
            f"the shape of seed {', '.join(empty)} is empty; try another seed, or a model trained"
            " for longer"
        )
    return made


def _check(seeds: Sequence[int], **settings: float | None) -> None:
    """Raise ValueError for seeds and settings out of range, before a model is loaded."""
    as_seeds(seeds)
    for name, value in settings.items():
        if value is None:
            continue
        low, high = LIMITS["sampling.steps" if name == "steps" else name]
        whole = name in ("steps", "tries")
        if not low <= finite(name, value) <= high or (whole and value != int(value)):
            kind = "whole number" if whole else "number"
            raise ValueError(f"{name} is {value!r}; expected a {kind} from {low:,} to {high:,}")


def _count(bar, state: State) -> None:
    """Move a progress bar by a step; where another try begins, there are more steps to do."""
    if bar.n >= bar.total:
        bar.total += state.steps
    bar.update()


def model_for(prompt: str) -> Path:
    """Return the shipped model for a prompt: that of lesson 08 for a class, of 09 for a text."""
    shipped = present(SHIPPED / "config.json")
    classes = json.loads(shipped.read_text(encoding="utf-8"))["classes"]
    return SHIPPED_TEXT if class_of(classes, prompt) is None else SHIPPED


def file_name(prompt: str) -> str:
    """Return a prompt as the beginning of a file's name: its letters and digits, in any script."""
    plain = unicodedata.normalize("NFC", prompt).lower()
    kept = "".join(one if unicodedata.category(one)[0] in "LMN" else " " for one in plain)
    return "-".join(kept.split()).encode()[:60].decode(errors="ignore") or "shape"
