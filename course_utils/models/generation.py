"""A prompt in, a shape out: `generate("a round table", seed=3)`.

The best of a few tries is kept (`ranking`), gaps are closed, loose bits removed; the result has the
shape, its mesh and its picture. The command line calls it, a notebook can. Lessons 08 and 09 build
the pieces.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

from course_utils.diffusion.noise import as_seeds
from course_utils.diffusion.paths import finite
from course_utils.diffusion.sampling import State
from course_utils.models.budget import together
from course_utils.models.checking import LIMITS
from course_utils.models.checkpoints import load_checkpoint
from course_utils.models.devices import checked_device
from course_utils.models.generated import Generated, changed, finish, palette_for
from course_utils.models.progress import progress
from course_utils.models.prompting import batches
from course_utils.models.ranking import Wholeness, best_of, shipped_ranker
from course_utils.models.wishes import materials_of, wish_of
from course_utils.places import CHECKPOINTS

SHIPPED = CHECKPOINTS / "shapes32"


def generate(
    prompt: str,
    seed: int = 0,
    *,
    model: str | Path | None = None,
    steps: int | None = None,
    guidance_scale: float | None = None,
    tries: int | None = None,
    materials: Mapping[str, str] | None = None,
    device: str = "cpu",
    nearest: bool = False,
    show_progress: bool = True,
) -> Generated:
    """Make one shape.

    Args:
        prompt: A class of the model, such as "chair", or any sentence: the shape's
            `wish.reading.answer` says what was understood and what cannot be made.
        seed: Which one; the same seed is the same shape everywhere.
        model: Checkpoint folder; None is the shipped model.
        steps: Sampling steps; None is the model's own number, as for all that follows.
        guidance_scale: How strongly to obey the prompt.
        tries: Seeds to choose from: kept is the first shape that is sound and has all that was
            named in the eyes of the judge (lesson 07), or the one that lacks least.
        materials: The names of materials by slot, such as {"seat": "red", "legs": "walnut"}; those
            of other slots are drawn from the seed. A model without slots has one, "shape".
        device: cpu, cuda or mps.
        nearest: Make the nearest family where the prompt names none that the model makes.
        show_progress: Show a progress bar.

    Returns:
        The shape, its mesh and its picture.

    Raises:
        ValueError: A text that names no family of the model, an unknown model, device, slot or
            material, a setting out of range, or an empty shape.
    """
    (made,) = generate_many(
        prompt,
        [seed],
        model=model,
        steps=steps,
        guidance_scale=guidance_scale,
        tries=tries,
        materials=materials,
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
    tries: int | None = None,
    materials: Mapping[str, str] | None = None,
    device: str = "cpu",
    nearest: bool = False,
    show_progress: bool = True,
) -> list[Generated]:
    """Make a shape of one prompt for each of several seeds; otherwise like `generate`.

    Raises:
        ValueError: As `generate`; also if any of the shapes is empty.
    """
    _check(seeds, steps=steps, guidance_scale=guidance_scale, tries=tries)
    folder = SHIPPED if model is None else model
    denoiser, config = load_checkpoint(folder, checked_device(device))
    if not config.makes_shapes:
        raise ValueError(f"{folder} is no model of shapes; expected one such as {SHIPPED}")
    wish = wish_of(config, prompt, nearest)
    family = wish.family
    palette = palette_for(config, family, 0)
    changed(palette, materials := {} if materials is None else materials)  # refused at once
    asked, wish = materials_of(wish, palette)
    materials = asked | dict(materials)
    settings = config.sampling
    tries = settings.tries if tries is None else tries
    ranker = shipped_ranker(config) if tries > 1 else Wholeness()
    at_once = together(denoiser, config)
    made, parts = [], batches(as_seeds(seeds), at_once)
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
                watch=lambda state: _count(bar, state),
                steps=steps,
                guidance_scale=guidance_scale,
                at_once=at_once,
            )
            for seed, kept, x in zip(part, best.seeds, best.x, strict=True):
                palette = changed(palette_for(config, family, kept), materials)
                made.append(finish(x, prompt, seed, kept, family, palette, wish))
    empty = [str(one.seed) for one in made if not one.shape.any()]
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


def file_name(prompt: str) -> str:
    """Return a prompt as the beginning of a file's name: its letters and digits, in any script."""
    plain = unicodedata.normalize("NFC", prompt).lower()
    kept = "".join(one if unicodedata.category(one)[0] in "LMN" else " " for one in plain)
    return "-".join(kept.split()).encode()[:60].decode(errors="ignore") or "shape"
