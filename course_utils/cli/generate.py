"""`generate`: make shapes and write their meshes, with a picture beside them."""

import argparse
import time
from pathlib import Path

from course_utils.cli.numbers import positive, some, whole


def add_parser(commands) -> None:
    """Add the command to argparse's subparsers."""
    about = "make shapes and write their meshes, with a picture beside them"
    command = commands.add_parser("generate", help=about)
    command.set_defaults(run=run)
    add = command.add_argument
    add("prompt", help="what to make: chair, or any of the other families, or a text about one")
    seed = "which one; the same seed is the same shape everywhere"
    add("--seed", type=whole, default=0, help=seed)
    add("--count", type=some, default=1, help="how many: this seed and those after it")
    out = "mesh to write: .glb, .obj or .stl (default: PROMPT-SEED.glb)"
    add("--out", type=Path, help=out)
    add("--steps", type=positive, help="sampling steps (default: the model's)")
    scale = "how strongly to obey (default: the model's)"
    add("--guidance-scale", type=float, help=scale)
    tries = (
        "seeds to choose from: the best one for a text, the first in one piece for a class"
        " (default: the model's)"
    )
    add("--tries", type=positive, help=tries)
    steering = (
        "how strongly to pull towards what the text names, 0 for not at all (default: the model's)"
    )
    add("--steering", type=float, help=steering)
    model = "checkpoint folder (default: the shipped one for a class or text)"
    add("--model", type=Path, help=model)
    add("--device", default="cpu", help="cpu (default), cuda or mps")


def run(options: argparse.Namespace) -> None:
    """Sample shapes and write meshes and a PNG; ValueError for what cannot be made or written."""
    from course_utils.files.meshes import SUFFIXES, save_mesh
    from course_utils.models.generation import file_name, generate_many

    out = options.out or Path(f"{file_name(options.prompt)}-{options.seed}.glb")
    if out.suffix.lower() not in SUFFIXES:
        raise ValueError(
            f"--out {out} has no suffix that can be written; use one of {', '.join(SUFFIXES)}"
        )
    start = time.perf_counter()
    made = generate_many(
        options.prompt,
        range(options.seed, options.seed + options.count),
        model=options.model,
        steps=options.steps,
        guidance_scale=options.guidance_scale,
        steering=options.steering,
        tries=options.tries,
        device=options.device,
    )
    seconds = time.perf_counter() - start
    for shape in made:
        file = out if len(made) == 1 else out.with_stem(f"{out.stem}-{shape.seed}")
        save_mesh(shape.mesh, file)
        print(f"{file}: {described(shape)}")
    picture = out.with_suffix(".png")
    save_picture(picture, made)
    print(f"{picture}: {'its picture' if len(made) == 1 else 'all of them'}; {seconds:.1f} s")


def described(shape) -> str:
    """Return the words that describe a shape (`Generated`) beside its file's name."""
    from course_utils.geometry.surface import is_watertight

    kept = f"; of several tries the best, seed {shape.kept_seed}"
    return (
        f"{len(shape.mesh.faces)} triangles, {'' if is_watertight(shape.mesh) else 'not '}"
        f"watertight{'' if shape.kept_seed == shape.seed else kept}"
    )


def save_picture(file: Path, made: list) -> None:
    """Write the picture of a shape (`Generated`), or a contact sheet of several."""
    from course_utils.plots.stills import contact_sheet, save_png

    if len(made) == 1:
        save_png(file, made[0].picture)
    else:
        titles = [f"seed {shape.seed}" for shape in made]
        save_png(file, contact_sheet([shape.render(256) for shape in made], titles))
