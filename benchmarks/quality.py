"""How good is a voxel model, family by family? `python benchmarks/quality.py`: an hour or two.

For every class of a checkpoint (default: the shipped one) it samples shapes with the model's own
settings, in several draws, and compares each draw with as many real shapes that training never saw:
as sampled; as generated, which is what `course.py generate` writes (where the ranker finds a shape
bad it tries other seeds, then gaps are closed and loose bits removed); and the oracle, which is
other real shapes in the samples' place. Also how far the surface lies from the true one when the
model finishes real shapes that are half noise. Held out are procedural shapes drawn after the last
one that was trained on, or a data file's test split. Results go to data/studies/NAME.json (those of
a model that is not shipped into its own folder) and, as a table, into the model's card.
"""

import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from course_utils.cli.arguments import Parser, path, positive
from course_utils.datasets.shapes import make_shape
from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.sampling import SAMPLERS, from_time, last, sample, time_grid
from course_utils.evaluation.distances import COPY, chamfer_distances, chamfer_within
from course_utils.evaluation.fields import (
    Compared,
    Drawn,
    as_drawn,
    changed,
    field_report,
    points_of,
    surface_distance,
)
from course_utils.files.npz import read_npz
from course_utils.files.results import load_results, save_results
from course_utils.geometry.repair import finished
from course_utils.geometry.voxels import to_model
from course_utils.models.budget import together
from course_utils.models.card import write_section
from course_utils.models.checkpoints import load_checkpoint
from course_utils.models.config import Config
from course_utils.models.devices import checked_device
from course_utils.models.generated import finished_slots
from course_utils.models.generation import SHIPPED
from course_utils.models.prompting import batches, guided_by, sampling_states
from course_utils.models.ranking import best_of, is_judged, seeds_of, shipped_ranker
from course_utils.places import CHECKPOINTS, STUDIES

COMMAND = "python benchmarks/quality.py"
HEADING = "## Quality"
COUNT, DRAWS = 200, 5
KINDS = ("npz", "procedural", "materials", "named")  # of data whose real shapes are known
FINISHED = 12  # shapes whose surface is finished by the model
FINE = 96  # voxels per side of the true surface

clock: Counter = Counter()  # processor seconds of each part


@contextmanager
def timed(part: str) -> Iterator[None]:
    """Add the processor seconds of what is done inside to those of a part."""
    start = time.process_time()
    yield
    clock[part] += time.process_time() - start


class Model(NamedTuple):
    """A checkpoint, and the file of its data if it was trained on one."""

    denoiser: nn.Module
    config: Config
    file: Path | None = None

    @property
    def device(self) -> torch.device:
        return next(self.denoiser.parameters()).device


# ---- real shapes ---------------------------------------------------------------------------------


def real(config: Config, family: str, seeds: range) -> Drawn:
    """Procedural shapes as the model would draw them: with coverage and slots, or yes and no."""
    shapes = [make_shape(family, seed, config.resolution) for seed in seeds]
    if config.channels > 1:
        coverage = np.stack([shape.coverage for shape in shapes])
        return Drawn(2 * coverage - 1, np.stack([shape.slots for shape in shapes]))
    return of_voxels(np.stack([shape.voxels for shape in shapes]))


def of_voxels(voxels: np.ndarray) -> Drawn:
    """Yes or no as fields."""
    return Drawn(to_model(voxels)[:, 0].numpy())


def learned(model: Model, family: str) -> np.ndarray:
    """The shapes of a family that the model learned from, bool (N, D, H, W)."""
    config = model.config
    if model.file is not None:
        archive = read_npz(model.file)
        own = archive.labels == archive.classes.index(family)
        return archive.voxels(np.flatnonzero(own & ~archive.is_test))
    data, turn = config.data.arguments, len(config.classes)
    first = data.get("first_index", 0)
    own = (config.classes.index(family) - first) % turn  # families take turns
    seeds = range(first + own, first + data["count"], turn)
    return np.concatenate([real(config, family, part).fields > 0 for part in batches(seeds, 500)])


def held_out(model: Model, family: str, count: int, sets: int) -> list[Drawn]:
    """Up to so many sets of real shapes that training has not seen; all but one have `count`.

    Of a file there are as many sets as its test split holds, and at least one.
    """
    if model.file is None:
        data = model.config.data.arguments
        first = data.get("first_index", 0) + data["count"]
        starts = range(first, first + sets * count, count)
        return [real(model.config, family, range(start, start + count)) for start in starts]
    archive = read_npz(model.file)
    rows = np.flatnonzero((archive.labels == archive.classes.index(family)) & archive.is_test)
    parts = [part for part in batches(rows, count)[:sets] if len(part) == count] or [rows]
    return [of_voxels(archive.voxels(part)) for part in parts]


# ---- what the model makes ------------------------------------------------------------------------


def joined(parts: list[Drawn]) -> Drawn:
    """Several batches as one."""
    slots = None if parts[0].slots is None else np.concatenate([part.slots for part in parts])
    return Drawn(np.concatenate([part.fields for part in parts]), slots)


def samples(model: Model, family: str, seeds: range, seconds: list[float]) -> Drawn:
    """Shapes of a class with the model's own settings; each full batch adds its seconds a shape."""
    parts, size = [], together(model.denoiser, model.config)
    for some in batches(seeds, size):
        start = time.perf_counter()
        x = last(sampling_states(model.denoiser, model.config, [family] * len(some), some)).x_t
        parts.append(as_drawn(x, [family] * len(some)))
        seconds += [(time.perf_counter() - start) / size] * (len(some) == size)
    return joined(parts)


def generated(model: Model, family: str, seeds: range, first: Drawn) -> Drawn:
    """What `course.py generate` writes, given the first try for each seed."""
    denoiser, config, _ = model
    ranker, tries = shipped_ranker(config), config.sampling.tries
    fields, slots = first.fields.copy(), None if first.slots is None else first.slots.copy()
    scores = ranker(torch.from_numpy(fields)[:, None], [family] * len(fields))
    again = np.flatnonzero(scores < ranker.enough) if tries > 1 else []
    for rows in batches(again, together(denoiser, config)):
        # the tries of a seed but the first are those of its second
        others = [seeds_of(seeds[row], 2)[1] for row in rows]
        best = best_of(tries - 1, ranker, denoiser, config, [family] * len(rows), others)
        made = as_drawn(best.x, [family] * len(rows))
        for k in np.flatnonzero(best.scores > scores[rows]):
            fields[rows[k]] = made.fields[k]
            if slots is not None:
                slots[rows[k]] = made.slots[k]
    done = np.stack([*map(finished, fields)])
    if slots is not None:
        slots = np.stack([*map(finished_slots, slots, fields, done)])
    return Drawn(done, slots)


def finished_by_the_model(model: Model, family: str, half: Drawn, seeds: range) -> Drawn:
    """Real shapes with as much noise as shape, from which the model has walked on."""
    denoise = guided_by(model.denoiser, model.config, [family] * len(seeds))
    how, start = model.config.sampling, float(denoise.path.time_at(0.0))
    times = from_time(time_grid(denoise.path, how.steps, how.shift), start)
    x0 = torch.from_numpy(half.fields)[:, None]
    if half.slots is not None:
        kinds = torch.arange(1, model.config.channels)[None, :, None, None, None]
        x0 = torch.cat([x0, (x0 + 1) / 2 * (torch.from_numpy(half.slots)[:, None] == kinds)], 1)
    x_t = denoise.path.noised(x0, gaussian(seeds, x0.shape[1:]), torch.tensor(start))
    states = sample(denoise, x_t.to(model.device), times, SAMPLERS[how.sampler], seed=seeds)
    return as_drawn(last(states).x_t, [family] * len(seeds))


# ---- measures ------------------------------------------------------------------------------------


def surface(model: Model, family: str, count: int) -> dict[str, float] | None:
    """Mean distance from the true surface, in voxels: of shapes that the model finishes, of the
    same as they are kept in its data, and of the true surface itself; None for data of a file."""
    if model.file is not None:
        return None
    data = model.config.data.arguments
    first = data.get("first_index", 0) + data["count"]
    apart = []
    for seeds in batches(range(first, first + count)):
        kept = real(model.config, family, seeds)
        made = finished_by_the_model(model, family, kept, seeds).fields
        for seed, *fields in zip(seeds, made, kept.fields, strict=True):
            true = 2 * make_shape(family, seed, FINE).coverage - 1
            if (fields[0] > 0).any():
                of_true = surface_distance(true, true) * model.config.resolution / FINE
                apart.append([*(surface_distance(field, true) for field in fields), of_true])
    means = np.mean(apart, axis=0).tolist() if apart else [None] * 3
    return dict(zip(("finished", "kept", "true"), means, strict=True))


def measure_family(model: Model, family: str, count: int, draws: int, seconds: list[float]) -> dict:
    """Reports of the samples, of what `generate` would write and of the oracle, draw by draw."""
    with timed("real shapes"):
        training, sets = learned(model, family), held_out(model, family, count, draws + 1)
        while len(sets) < 2:  # a small file: other training shapes are the oracle
            chosen = np.random.default_rng(0).permutation(len(training))[: len(sets[0].fields)]
            sets.append(of_voxels(training[chosen]))
    judged, device = is_judged(model.config), model.device
    with timed("distances"):
        points = [points_of(one.fields, 1 + k).to(device) for k, one in enumerate(sets)]
        within = [chamfer_within(each) for each in points]
    found = []
    for draw, (reference, other) in enumerate(pairwise(sets)):
        size = len(reference.fields)
        seeds = range(draw * count, draw * count + size)
        with timed("samples"):
            made = samples(model, family, seeds, seconds)
        with timed("more tries"):
            kept = generated(model, family, seeds, made)
        with timed("distances"):
            own = points_of(made.fields, 0).to(device)
            between = chamfer_distances(own, points[draw])
            compared = Compared(own, chamfer_within(own), between, within[draw])
            of_kept = changed(compared, points_of(kept.fields, 0).to(device), points[draw])
            between = chamfer_distances(points[draw + 1], points[draw])
            of_other = Compared(points[draw + 1], within[draw + 1], between, within[draw])
        with timed("judge, copies, meshes"):
            each = {"samples": (made, compared), "generated": (kept, of_kept)}
            each["oracle"] = (other, of_other)
            found.append(
                {
                    name: field_report(*one, training, family, judged)._asdict()
                    for name, one in each.items()
                }
            )
    with timed("surface"):
        near = surface(model, family, min(count, FINISHED))
    return {"draws": found, "surface": near}


# ---- what is said of it --------------------------------------------------------------------------


COLUMNS = {  # title: what is reported, of which shapes, and how it is written
    "1-NNA": ("accuracy", "samples", "%"),
    "generated": ("accuracy", "generated", "%"),
    "oracle": ("accuracy", "oracle", "%"),
    "COV": ("coverage", "samples", "%"),
    "oracle ": ("coverage", "oracle", "%"),
    "sound": ("sound", "samples", "%"),
    "generated ": ("sound", "generated", "%"),
    "real": ("sound", "oracle", "%"),
    "one piece": ("one_piece", "samples", "%"),
    "generated  ": ("one_piece", "generated", "%"),
    "slots right": ("slots_right", "generated", "%"),
    "real ": ("slots_right", "oracle", "%"),
    "roughness": ("roughness", "generated", "°"),
    "real  ": ("roughness", "oracle", "°"),
    "filled": ("filled", "samples", "%"),
    "real   ": ("filled", "oracle", "%"),
    "near copies": ("copies", "samples", "%"),
    "real    ": ("copies", "oracle", "%"),
}
SURFACE = {"surface": "finished", "in the data": "kept", "true": "true"}
WITH_SPREAD = ("1-NNA", "oracle")


def row_of(found: list[dict]) -> list[str]:
    """The cells of one row: the mean over families and draws, and for some how draws differ."""
    cells = []
    for title, (key, kind, unit) in COLUMNS.items():
        values = [[draw[kind][key] for draw in family["draws"]] for family in found]
        if any(value is None for row in values for value in row):
            cells.append("–")
            continue
        scale = 100 if unit == "%" else 1
        by_draw = scale * np.mean(values, axis=0)
        spread = (
            f" ± {by_draw.std(ddof=1):.1f}" if title in WITH_SPREAD and len(by_draw) > 1 else ""
        )
        cells.append(f"{by_draw.mean():.1f}{spread}{' ' * (unit == '%')}{unit}")
    for key in SURFACE.values():
        values = [family["surface"] and family["surface"][key] for family in found]
        cells.append("–" if None in values else f"{np.mean(values):.2f}")
    return cells


def table(families: dict[str, dict]) -> str:
    """A Markdown table, one row per family and one for their mean."""
    titles = [title.strip() for title in (*COLUMNS, *SURFACE)]
    lines = [f"| | {' | '.join(titles)} |", "|---|" + "---:|" * len(titles)]
    rows = {name: [found] for name, found in families.items()}
    if len(rows) > 1:
        rows["mean"] = [*families.values()]
    return "\n".join(
        lines + [f"| {name} | {' | '.join(row_of(found))} |" for name, found in rows.items()]
    )


def mean_of(found: dict, kind: str, key: str) -> float:
    """A family's mean over its draws; NaN where it is not measured."""
    values = [draw[kind][key] for draw in found["draws"]]
    return float("nan") if None in values else float(np.mean(values))


def targets(contents: dict) -> list[str]:
    """What the course asks of its models: each figure, and whether it is reached."""
    families, seconds = contents["families"], contents["seconds_per_shape"]

    def means(kind: str, key: str) -> np.ndarray:
        return np.array([mean_of(found, kind, key) for found in families.values()])

    names = list(families)
    above = 100 * (means("samples", "accuracy") - means("oracle", "accuracy"))
    rougher = 100 * (means("generated", "roughness") / means("oracle", "roughness") - 1)
    copies, real_copies = means("samples", "copies").mean(), means("oracle", "copies").mean()
    worst, roughest = int(above.argmax()), int(np.abs(rougher).argmax())
    asked = [
        (f"1-NNA {above.mean():.1f} points above its oracle (6)", above.mean() <= 6),
        (f"at worst {above[worst]:.1f} points, {names[worst]} (10)", above[worst] <= 10),
        *(
            (f"sound {name} {share:.1%} ({least:.0%})", share >= least)
            for name, kind, least in (
                ("as sampled", "samples", 0.95),
                ("as generated", "generated", 0.99),
            )
            if (share := means(kind, "sound").mean()) == share
        ),
        (f"near copies {copies:.2%} (real shapes {real_copies:.2%})", copies <= real_copies),
        (
            f"roughness at worst {rougher[roughest]:+.1f} %, {names[roughest]} (15 %)",
            abs(rougher[roughest]) <= 15,
        ),
    ]
    if seconds:
        asked.append(
            (f"{seconds:.3f} s per shape, batches of {contents['batch']} (0.2 s)", seconds < 0.2)
        )
    if (slots := means("generated", "slots_right").mean()) == slots:
        asked.append((f"slots right {slots:.1%} (97 %)", slots >= 0.97))
    return [f"{text}: {'yes' if reached else 'no'}" for text, reached in asked]


def time_of(contents: dict) -> str:
    """How long a shape takes, as a sentence."""
    seconds = contents["seconds_per_shape"]
    return f"A shape in a batch of {contents['batch']} took {seconds:.3f} s." if seconds else ""


def quality_section(contents: dict, tries: int) -> str:
    """What the card says about quality."""
    first = next(iter(contents["families"].values()))["draws"]
    count, draws = first[0]["samples"]["count"], len(first)
    times = f"{draws} times " * (draws > 1)
    return f"""{HEADING}

{times.capitalize()}{count} samples per family against as many held-out shapes, measured by
`benchmarks/quality.py`. 1-NNA and COV use the Chamfer distance of 512 points of the smooth surface:
1-NNA is best at the oracle's value (other real shapes in the samples' place), COV too; ± is the
standard deviation over the draws. Sound: the judge of `datasets.shapes` finds no fault. Generated:
what `course.py generate` writes. A shape that the judge finds unsound is made anew from other
seeds, at most {tries} tries in all, then gaps of up to three voxels are closed and loose bits
removed. The judge that chooses is the one that counts *sound, generated*: 1-NNA and *one piece*
(pieces under 1 % of the volume dropped) are measured without it. Slots right: the share of surface
voxels whose material slot is that of the part that the judge sees there. Roughness: the mean angle
between neighbouring triangles. Near copies: IoU of {COPY} or more with a training shape. Surface:
how far from the true surface, in voxels, it lies when the model finishes a real shape that is half
noise; beside it, the same of that shape in the training's form and of the true surface itself.
{time_of(contents)}

{table(contents["families"])}
"""


def refuse(model: Model, folder: Path, families: list[str]) -> None:
    """ValueError for a model that cannot be measured, or families that it does not make."""
    config = model.config
    kind = config.data.kind if config.data else None
    if kind not in KINDS:
        raise ValueError(f"{folder} makes no classes of shapes from data that are known")
    if (kind == "npz") != (model.file is not None):
        remedy = "give it with --data" if kind == "npz" else "omit --data"
        raise ValueError(f"{folder} was trained on data of kind {kind}: {remedy}")
    if unknown := set(families) - set(config.classes):
        raise ValueError(f"{', '.join(sorted(unknown))}: expected of {', '.join(config.classes)}")


def begun(out: Path, about: dict, classes: tuple[str, ...]) -> dict:
    """What a run that was interrupted found of the same model in the same way, if anything.

    Where it has all of these classes already they are measured anew.
    """
    anew = about | {"seconds_per_shape": None, "families": {}}
    if not out.exists():
        return anew
    contents = load_results(out)[0]
    if not about.items() <= contents.items():
        return anew
    families = contents["families"]
    again = classes if set(classes) <= set(families) else ()
    return contents | {"families": {name: families[name] for name in families if name not in again}}


def main() -> None:
    parser = Parser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--model", type=path, default=SHIPPED, help="a checkpoint folder (the shipped one)")
    add("--data", type=path, help="the data file, for models that were trained on one")
    add("--count", type=positive, default=COUNT, help=f"shapes of each family ({COUNT})")
    add("--draws", type=positive, default=DRAWS, help=f"how many times as many ({DRAWS})")
    add("--families", nargs="+", default=[], help="only these; the card stays as it is")
    add("--device", default="cpu", help="cpu (default), cuda or mps")
    add("--out", type=path, help="results; an interrupted run continues")
    options = parser.parse_args()
    with parser.refusing():
        device = checked_device(options.device)
        model = Model(*load_checkpoint(options.model, device), options.data)
        refuse(model, options.model, options.families)
        config, seconds = model.config, []
        classes = tuple(options.families) or config.classes
        ships = options.model.resolve().parent == CHECKPOINTS.resolve()
        home = STUDIES / f"{config.name}.json" if ships else options.model / "quality.json"
        out = options.out or home
        about = {"weights_sha256": config.weights_sha256, "sampling": config.to_dict()["sampling"]}
        about |= {"count": options.count, "draws": options.draws}
        about |= {"batch": together(model.denoiser, config)}
        contents = begun(out, about, classes)
    command = COMMAND + f" --count {options.count}" * (options.count != COUNT)
    command += f" --draws {options.draws}" * (options.draws != DRAWS)
    for family in classes:
        found = contents["families"]
        if family not in found:
            found[family] = measure_family(model, family, options.count, options.draws, seconds)
            known = [name for name in config.classes if name in found]  # in the model's order
            contents["families"] = {name: found[name] for name in known}
            contents["seconds_per_shape"] = statistics.median(seconds) if seconds else None
            if options.out or not options.families:
                save_results(out, contents, command)
        print(table({family: found[family]}).splitlines()[-1], flush=True)
    if not options.families:
        section = quality_section(contents, config.sampling.tries)
        write_section(options.model, HEADING, section)
    shown = {family: contents["families"][family] for family in classes}
    print(table(shown), *targets(contents | {"families": shown}), sep="\n")
    print("processor seconds:", ", ".join(f"{part} {took:.0f}" for part, took in clock.items()))


if __name__ == "__main__":
    main()
