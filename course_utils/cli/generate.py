"""`generate`: make shapes and write their meshes, with a picture beside them."""

import argparse
import os
import tempfile
import time
from pathlib import Path

from course_utils.cli.arguments import pair, path, positive, real, some, whole
from course_utils.networks.words import visible


def add_parser(commands) -> None:
    """Add the command to argparse's subparsers."""
    about = "make shapes and write their meshes, with a picture beside them"
    command = commands.add_parser("generate", help=about)
    command.set_defaults(run=run)
    add = command.add_argument
    add("prompt", help="what to make: chair, another of the families, or any sentence about one")
    seed = "which one; the same seed is the same shape everywhere"
    add("--seed", type=whole, default=0, help=seed)
    add("--count", type=some, default=1, help="how many: this seed and those after it")
    out = "file to write: .glb, .obj, .stl or .vox (default: PROMPT-SEED.glb)"
    add("--out", type=path, help=out)
    size = (
        "length of the longest side, with its unit: mm, cm, m or in (default: 1m, and 80mm in an"
        " .stl, which slicers read in millimetres)"
    )
    add("--size", help=size)
    add("--steps", type=positive, help="sampling steps (default: the model's)")
    scale = "how strongly to obey (default: the model's)"
    add("--guidance-scale", type=real, help=scale)
    tries = (
        "seeds to choose from: the first whose shape is sound and has what is named, or lacks least"
        " (default: the model's)"
    )
    add("--tries", type=some, help=tries)
    material = (
        "what a part is made of, such as seat=red or legs=walnut; may be given several times"
        " (default: drawn from the seed)"
    )
    add("--material", type=pair, action="append", default=[], metavar="PART=NAME", help=material)
    model = "checkpoint folder (default: the shipped one)"
    add("--model", type=path, help=model)
    add("--device", default="cpu", help="cpu (default), cuda or mps")
    nearest = "make the nearest family where the text names none that the model makes"
    add("--nearest", action="store_true", help=nearest)


def run(options: argparse.Namespace) -> None:
    """Sample shapes and write meshes and a PNG; ValueError for what cannot be made or written."""
    from course_utils.files.sizes import in_metres
    from course_utils.models.generation import file_name, generate_many
    from course_utils.models.wishes import NotMade

    if options.size is not None:
        in_metres(options.size)
    materials = dict(options.material)
    if len(materials) < len(options.material):
        raise ValueError("--material names a part twice; give each part one material")
    out = options.out or Path(f"{file_name(options.prompt)}-{options.seed}.glb")
    if options.size is not None and out.suffix.lower() == ".vox":
        raise ValueError(f"--size {options.size}: a .vox has no size, it counts voxels")
    seeds = range(options.seed, options.seed + options.count)
    files = [out if len(seeds) == 1 else out.with_stem(f"{out.stem}-{seed}") for seed in seeds]
    picture = out.with_suffix(".png")
    libraries = [file.with_suffix(".mtl") for file in files if file.suffix.lower() == ".obj"]
    check_writable(out, [*files, *libraries, picture])
    start = time.perf_counter()
    try:
        made = generate_many(
            options.prompt,
            seeds,
            model=options.model,
            steps=options.steps,
            guidance_scale=options.guidance_scale,
            tries=options.tries,
            materials=materials,
            device=options.device,
            nearest=options.nearest,
        )
    except NotMade as error:
        raise ValueError(f"{error}{' (--nearest makes it)' if error.nearest else ''}") from None
    seconds = time.perf_counter() - start
    if made[0].wish.reading is not None:
        print(visible(made[0].wish.answer))
    for file, shape in zip(files, made, strict=True):
        extents = shape.export(file, options.size)
        print(f"{visible(str(file))}: {described(shape, extents)}")
    save_picture(picture, made)
    told = "its picture" if len(made) == 1 else "all of them"
    print(f"{visible(str(picture))}: {told}; {seconds:.1f} s")


def check_writable(out: Path, files: list[Path]) -> None:
    """Raise ValueError, before anything is made, for files that cannot be written.

    Args:
        out: The file as it was asked for.
        files: All that will be written, in one folder.
    """
    from course_utils.files.atomic import checked_goal
    from course_utils.models.generated import WRITES

    if out.suffix.lower() not in WRITES:
        raise ValueError(
            f"--out {out} has no suffix that can be written; use one of {', '.join(WRITES)}"
        )
    try:
        for file in files:
            checked_goal(file)
        folder = next(one for one in out.absolute().parents if one.exists())
        longest = max((file.name for file in files), key=lambda name: len(os.fsencode(name)))
        with tempfile.NamedTemporaryFile(prefix=f".{longest}-", dir=folder):
            pass  # as long as the name that is written first
    except OSError as error:  # a name that is too long, a folder that may not be written
        raise ValueError(f"--out {out} cannot be written: {error.strerror}") from error


def described(shape, extents: str) -> str:
    """Return the words that describe a shape beside its file's name.

    Args:
        shape: A `Generated`.
        extents: Of `Generated.export`.
    """
    from course_utils.geometry.surface import is_watertight

    said = [f"{len(shape.mesh.faces)} triangles"]
    said += ["watertight" if is_watertight(shape.mesh) else "not watertight", extents]
    if len(shape.palette) > 1:
        said += [f"{name} {slot}" for slot, name in shape.materials.items()]
    kept = f"; of several tries the best, seed {shape.kept_seed}"
    return ", ".join(said) + ("" if shape.kept_seed == shape.seed else kept)


def save_picture(file: Path, made: list) -> None:
    """Write the picture of a shape (`Generated`), or a contact sheet of several."""
    from course_utils.plots.stills import contact_sheet, save_png

    if len(made) == 1:
        save_png(file, made[0].picture)
    else:
        titles = [f"seed {shape.seed}" for shape in made]
        save_png(file, contact_sheet([shape.render(256) for shape in made], titles))
