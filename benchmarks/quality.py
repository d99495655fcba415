"""How good is a voxel model, family by family? `python benchmarks/quality.py`: half an hour.

For every class of a checkpoint (default: the shipped one) it samples as many shapes as there are
held-out real ones, with the model's own settings, and reports `shape_report` for them, for
the same with small gaps closed (`voxels.close_gaps`), for what `course.py generate` writes (where a
shape is in pieces it tries other seeds, then it closes gaps), and for the oracle: training shapes
in the place of the samples, what a perfect model would score. Held out are procedural shapes drawn
after the last one that was trained on, or a data file's test split. Results go to
data/studies/NAME.json and, as a table, into the model's card.
"""

from pathlib import Path

import numpy as np
import torch

from course_utils.cli.arguments import Parser, path, positive
from course_utils.datasets.shapes import make_shapes
from course_utils.diffusion.denoiser import Denoiser
from course_utils.evaluation.distances import COPY, copied_share, nearest_iou
from course_utils.evaluation.shapes import ShapeReport, shape_report
from course_utils.files.npz import read_npz
from course_utils.files.results import save_results, without_infinities
from course_utils.geometry.repair import close_all_gaps
from course_utils.geometry.voxels import to_occupancy
from course_utils.models.card import write_section
from course_utils.models.checkpoints import load_checkpoint
from course_utils.models.config import Config
from course_utils.models.generation import SHIPPED
from course_utils.models.prompting import batches
from course_utils.models.ranking import Wholeness, best_of
from course_utils.models.recipes import procedural_shapes, shapes_of_file
from course_utils.places import STUDIES

COMMAND = "python benchmarks/quality.py"
HEADING = "## Quality"
COUNT = 200


def samples(
    denoiser: Denoiser, config: Config, family: str, count: int, tries: int = 1
) -> np.ndarray:
    """`count` shapes of a class with the model's own settings: float fields (count, D, H, W)."""
    made = [
        best_of(tries, Wholeness(), denoiser, config, [family] * len(seeds), seeds).x
        for seeds in batches(range(count))
    ]
    return torch.cat(made)[:, 0].numpy()


def closed(fields: np.ndarray) -> np.ndarray:
    """Shapes with their small gaps closed: bool (N, D, H, W)."""
    return to_occupancy(close_all_gaps(torch.from_numpy(fields)[:, None]))


def held_out(config: Config, family: str, count: int, file: Path | None) -> np.ndarray:
    """At most `count` real shapes of a class that training has not seen: bool (N, D, H, W)."""
    if file is None:
        first = config.data.arguments["first_index"] + config.data.arguments["count"]
        return make_shapes(count, config.resolution, (family,), first).voxels
    archive = read_npz(file)
    wanted = (archive.labels == archive.classes.index(family)) & archive.is_test
    return archive.voxels(np.flatnonzero(wanted)[:count])


def measure_family(
    denoiser: Denoiser,
    config: Config,
    family: str,
    count: int,
    training: np.ndarray,
    file: Path | None,
) -> dict:
    """Reports of the samples, of the same with gaps closed, of what `generate` would write and of
    the oracle, and the share of held-out shapes that have a near copy in training."""
    reference = held_out(config, family, count, file)
    chosen = np.random.default_rng(0).permutation(len(training))[: len(reference)]
    tries = config.sampling.tries
    once, kept = (samples(denoiser, config, family, len(reference), n) for n in (1, tries))
    made = {"samples": to_occupancy(once), "closed": closed(once), "generated": closed(kept)}
    reports = {name: shape_report(shapes, reference, training) for name, shapes in made.items()}
    reports["oracle"] = shape_report(training[chosen], reference)
    return {name: without_infinities(report._asdict()) for name, report in reports.items()} | {
        "held_out_copies": copied_share(nearest_iou(reference, training)[0])
    }


def table(results: dict[str, dict]) -> str:
    """A Markdown table, one row per family and one for their mean."""
    rows = {name: row_of(found) for name, found in results.items()}
    if len(rows) > 1:
        rows["mean"] = np.mean(list(rows.values()), axis=0)
    head = "| | 1-NNA | closed | generated | oracle | COV | oracle | one piece | closed | generated"
    head += " | filled | real | near copies | real |"
    lines = [head, "|---|" + "---:|" * 13]
    lines += [
        f"| {name} | " + " | ".join(f"{100 * value:.1f} %" for value in row) + " |"
        for name, row in rows.items()
    ]
    return "\n".join(lines)


def row_of(found: dict) -> list[float]:
    made, gapless, kept, oracle = (
        ShapeReport(**found[key]) for key in ("samples", "closed", "generated", "oracle")
    )
    accuracies = [report.chamfer_accuracy for report in (made, gapless, kept, oracle)]
    coverage = [made.chamfer_coverage, oracle.chamfer_coverage]
    whole = [report.one_piece_cleaned for report in (made, gapless, kept)]
    filled = [made.filled, made.reference_filled]
    return [*accuracies, *coverage, *whole, *filled, made.training_copies, found["held_out_copies"]]


def quality_section(results: dict[str, dict], tries: int) -> str:
    """What the card says about quality."""
    count = next(iter(results.values()))["samples"]["count"]
    return f"""{HEADING}

{count} samples per family against as many held-out shapes, measured by `benchmarks/quality.py`.
1-NNA and COV use the Chamfer distance of 512 surface points: 1-NNA is best at the oracle's value
(training shapes in the samples' place), COV too. One piece: after pieces under 1 % of the volume
are dropped. Closed: the same samples with gaps of up to three voxels closed (`voxels.close_gaps`).
Generated: a shape in several pieces is made anew from other seeds, at most {tries} tries in all,
and then gaps are closed, as `course.py generate` does it. Near copies: IoU of {COPY} or more with a
training shape, beside the same for held-out shapes.

{table(results)}
"""


def main() -> None:
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--model", type=path, default=SHIPPED, help="a checkpoint folder (default: the shipped one)"
    )
    parser.add_argument(
        "--data", type=path, help="the data file, for models that were trained on one"
    )
    parser.add_argument(
        "--count", type=positive, default=COUNT, help=f"shapes of each family ({COUNT})"
    )
    parser.add_argument("--out", type=path, help="results (default: data/studies/NAME.json)")
    options = parser.parse_args()
    with parser.refusing():
        denoiser, config = load_checkpoint(options.model)
        kind = config.data.kind if config.data else None
        if kind not in ("npz", "procedural"):
            raise ValueError(f"{options.model} makes no classes of shapes from data that are known")
        make = shapes_of_file if kind == "npz" else procedural_shapes
        given = [options.data] if kind == "npz" else []
        voxels, labels = make(config, *given, **config.data.arguments)
    labels = torch.zeros(len(voxels)) if labels is None else labels
    results = {}
    for number, family in enumerate(config.classes):
        training = voxels[labels == number].numpy()
        results[family] = measure_family(
            denoiser, config, family, options.count, training, options.data
        )
        print(table({family: results[family]}).splitlines()[-1], flush=True)
    contents = {
        "weights_sha256": config.weights_sha256,
        "sampling": config.to_dict()["sampling"],
        "families": results,
    }
    command = COMMAND + (f" --count {options.count}" if options.count != COUNT else "")
    save_results(options.out or STUDIES / f"{config.name}.json", contents, command)
    write_section(options.model, HEADING, quality_section(results, config.sampling.tries))
    print(table(results))


if __name__ == "__main__":
    main()
