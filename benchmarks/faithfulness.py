"""Do shapes obey their texts? `python benchmarks/faithfulness.py`: an hour on two cores.

For prompts of four kinds (what training could have said; the same in sentences that training lacks;
pairs of attributes that shapes had in training and no text named together; pairs that no shape of
the training has) the model makes a shape each, and the judge of lesson 07 looks for every attribute
that the prompt names. The same is counted of what `course.py generate` makes: the first of several
tries with which the judge finds nothing wrong, with small gaps closed. There the judge that counts
has chosen, so that this share says how often some try was right in its eyes. Beside both stand the
judge's own error, measured on real shapes, and what shapes get that were made from other prompts of
the first kind and the same family: what is right by chance. Of a model with materials the slots are
judged too, but not the palette that fills them, which is no work of the model. The first kind is
done at several guidance scales, each with the variety among shapes of one prompt and the near
copies of training shapes. Results go to data/studies/faithfulness.json and, as tables, into the
model's card.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from course_utils.cli.arguments import Parser, path, positive, real
from course_utils.datasets.captions import (
    HELD_OUT,
    SAID_APART,
    TEST_FORMS,
    Prompt,
    pairs_of,
    prompts,
)
from course_utils.datasets.shapes import (
    CLASSES,
    attributes_of,
    faults,
    make_matter,
    make_shape,
    make_shapes,
)
from course_utils.evaluation.distances import COPY, copied_share, iou_distances, nearest_iou
from course_utils.evaluation.faithfulness import faithfulness, obeys, total
from course_utils.evaluation.fields import Drawn, as_drawn, slots_right
from course_utils.evaluation.shapes import one_piece
from course_utils.files.results import save_results
from course_utils.geometry.matter import coverage_of
from course_utils.geometry.repair import close_all_gaps
from course_utils.models.card import write_section
from course_utils.models.checkpoints import load_checkpoint
from course_utils.models.config import Config
from course_utils.models.generation import SHIPPED
from course_utils.models.prompting import batches
from course_utils.models.ranking import best_of, shipped_ranker
from course_utils.places import STUDIES

COMMAND = "python benchmarks/faithfulness.py"
HEADING = "## Faithfulness"
COUNT, SCALES = 550, (1.0, 2.0, 3.0, 4.0)
SAME = 6  # shapes of one prompt whose variety is measured
VARIED = 22  # prompts whose variety is measured
PAIRS = {"said apart": SAID_APART, "new pairs": HELD_OUT}
STATES = {"in one piece": "one_piece", "sound": "sound", "slots right": "slots_right"}
GENERATED = {"rank": True, "mend": True}  # what `generate` does beside the plain sample


class Maker:
    """A model with its ranking: shapes of some families for N texts and seeds.

    rank, mend: keep the best of the model's tries, close small gaps.
    """

    def __init__(self, folder: Path):
        self.denoiser, self.config = load_checkpoint(folder)
        if self.config.told != "facts":
            raise ValueError(f"{folder} is no model that is told facts, such as {SHIPPED}")
        self.ranker = shipped_ranker(self.config)

    def __call__(
        self,
        asked: list[Prompt],
        seeds: list[int],
        scale: float | None = None,
        rank: bool = False,
        mend: bool = False,
    ) -> Drawn:
        rows = batches(range(len(asked)))
        shapes = [
            best_of(
                self.config.sampling.tries if rank else 1,
                self.ranker,
                self.denoiser,
                self.config,
                [asked[k].text for k in part],
                [seeds[k] for k in part],
                guidance_scale=scale,
            ).x
            for part in rows
        ]
        drawn = as_drawn(torch.cat(shapes), [prompt.family for prompt in asked])
        if not mend:
            return drawn
        closed = close_all_gaps(torch.from_numpy(drawn.fields)[:, None])
        return Drawn(closed[:, 0].numpy(), drawn.slots)


def kinds(count: int, classes: Sequence[str]) -> dict[str, list[Prompt]]:
    """Prompts of each kind, `count` each."""
    about = {"classes": classes}
    known = {"known": prompts(count, **about)}
    known |= {"new sentences": prompts(count, None, TEST_FORMS, **about)}
    return known | {name: prompts(count, table, **about) for name, table in PAIRS.items()}


def obedience(voxels: np.ndarray, asked: list[Prompt]) -> dict:
    """How many of the attributes are right: in all, and one by one as [right, asked]."""
    scores = faithfulness(voxels, asked)
    whole = total(scores)
    return {
        "right": whole.right / whole.asked,
        "asked": whole.asked,
        "attributes": {name: list(score) for name, score in scores.items()},
    }


def state(drawn: Drawn, asked: list[Prompt]) -> dict:
    """How many shapes are in one piece and how many sound, and of a model with materials the mean
    share of surface voxels with the right slot; None for another model."""
    voxels, families = drawn.fields > 0, [prompt.family for prompt in asked]
    whole = [not faults(*one) for one in zip(voxels, families, strict=True)]
    there = [] if drawn.slots is None else np.flatnonzero(voxels.any((1, 2, 3)))
    right = [slots_right(voxels[k], drawn.slots[k], families[k]) for k in there]
    return {
        "one_piece": float(one_piece(voxels).mean()),
        "sound": float(np.mean(whole)),
        "slots_right": float(np.mean(right)) if right else None,
    }


def by_chance(asked: list[Prompt], others: np.ndarray, wishes: list[Prompt]) -> float:
    """How many attributes are right in shapes `others`, made from other `wishes`: each prompt gets
    one of its family.

    The first prompt of a family gets its last shape, the second its first, so that none gets what
    was made for it.
    """
    places = {
        family: [k for k, wish in enumerate(wishes) if wish.family == family] for family in CLASSES
    }
    seen: Counter = Counter()
    chosen = []
    for prompt in asked:
        own = places[prompt.family]
        chosen.append(own[(seen[prompt.family] - 1) % len(own)])
        seen[prompt.family] += 1
    score = total(faithfulness(others[chosen], asked))
    return score.right / score.asked


def pair_outcomes(voxels: np.ndarray, asked: list[Prompt], table: dict) -> dict[str, int]:
    """Of prompts that name a pair of a table: how many shapes have none, one, both of the two."""
    right = np.zeros(3, dtype=int)
    for shape, prompt in zip(voxels, asked, strict=True):
        known = pairs_of(prompt.family, attributes_of(prompt.family, prompt.seed), table)
        pair = next(pair for pair in known if pair.items() <= prompt.named.items())
        obeyed = obeys(shape, prompt)
        right[sum(obeyed[name] for name in pair)] += 1
    return dict(zip(("none", "one", "both"), right.tolist(), strict=True))


def real_shapes(asked: list[Prompt], config: Config) -> np.ndarray:
    """The real shapes that prompts are true of, as the model knows them: bool (N, D, H, W)."""
    made = [make_shape(prompt.family, prompt.seed, config.resolution) for prompt in asked]
    return np.stack([one.coverage > 0.5 if config.channels > 1 else one.voxels for one in made])


def training_shapes(config: Config) -> np.ndarray:
    """The shapes that the model learned from, as it knows them: bool (N, D, H, W)."""
    about = config.data.arguments
    which = (about["count"], config.resolution, config.classes, about.get("first_index", 0))
    if config.channels == 1:
        return make_shapes(*which).voxels
    return np.concatenate([coverage_of(part) > 0.5 for part in batches(make_matter(*which).matter)])


def variety(make: Maker, asked: list[Prompt], scale: float | None) -> float:
    """Mean IoU between shapes of one prompt, over `asked`: lower is more varied."""
    seeds = list(range(SAME))
    means = []
    for prompt in asked:
        shapes = make([prompt] * SAME, seeds, scale).fields > 0
        apart = iou_distances(shapes, shapes)
        means.append(float(1 - apart[~torch.eye(SAME, dtype=torch.bool)].mean()))
    return float(np.mean(means))


def measured(make: Maker, count: int, scales: tuple[float, ...]) -> dict:
    """All of it, as JSON can hold it."""
    config, everything = make.config, kinds(count, make.config.classes)
    training = training_shapes(config)
    result, known = {"tries": config.sampling.tries, "kinds": {}, "scales": {}}, None
    for name, asked in everything.items():
        seeds = list(range(len(asked)))
        drawn = make(asked, seeds)
        shapes = drawn.fields > 0
        kept = make(asked, seeds, **GENERATED)
        voxels = kept.fields > 0
        known = shapes if known is None else known  # texts without a new pair come first
        judged = obedience(real_shapes(asked, config), asked)
        found = obedience(shapes, asked) | {"judge_error": 1 - judged["right"]}
        found |= state(drawn, asked)
        found["by_chance"] = by_chance(asked, known, everything["known"])
        if name in PAIRS:
            found["pairs"] = pair_outcomes(shapes, asked, PAIRS[name])
        found["generated"] = obedience(voxels, asked) | state(kept, asked)
        found["generated"]["copies"] = copied_share(nearest_iou(voxels, training)[0])
        if name in PAIRS:
            found["generated"]["pairs"] = pair_outcomes(voxels, asked, PAIRS[name])
        result["kinds"][name] = found
        best = found["generated"]["right"]
        print(
            f"{name}: {found['right']:.1%} right, generated {best:.1%}, by chance"
            f" {found['by_chance']:.1%}",
            flush=True,
        )
    asked = everything["known"]
    real = real_shapes(asked, config)
    result["real_copies"] = copied_share(nearest_iou(real, training)[0])
    for scale in scales:
        shapes = make(asked, list(range(len(asked))), scale).fields > 0
        found = {
            "right": obedience(shapes, asked)["right"],
            "copies": copied_share(nearest_iou(shapes, training)[0]),
        }
        found["same_prompt_iou"] = variety(make, asked[:VARIED], scale)
        result["scales"][f"{scale:g}"] = found
        print(f"scale {scale:g}: {found}", flush=True)
    return result


def section(result: dict) -> str:
    """What the card says about obedience."""
    first, tries = result["kinds"]["known"], result["tries"]
    titles = ["as sampled", "as generated"]
    head = [*titles, "by chance", "missed by the judge in real shapes"]
    lines = [f"| prompts | {' | '.join(head)} |", "|---" + 4 * "|---:" + "|"]
    for name, found in result["kinds"].items():
        shares = [
            found["right"],
            found["generated"]["right"],
            found["by_chance"],
            found["judge_error"],
        ]
        lines.append(f"| {name} | " + " | ".join(f"{100 * share:.1f} %" for share in shares) + " |")
    for title, key in STATES.items():
        if first[key] is None:
            continue
        lines += ["", f"| {title} | {' | '.join(titles)} |", "|---|---:|---:|"]
        for name, found in result["kinds"].items():
            shares = [f"{100 * one[key]:.1f} %" for one in (found, found["generated"])]
            lines.append(f"| {name} | {' | '.join(shares)} |")
    lines += [
        "",
        "| guidance scale | attributes right | IoU of shapes of one prompt | near copies |",
    ]
    lines.append("|---|---:|---:|---:|")
    for scale, found in result["scales"].items():
        right, near = (f"{100 * found[key]:.1f} %" for key in ("right", "copies"))
        lines.append(f"| {scale} | {right} | {found['same_prompt_iou']:.2f} | {near} |")
    lines += [
        "",
        f"| of the two in a pair: none, one, both | {' | '.join(titles)} |",
        "|---|---:|---:|",
    ]
    for name in PAIRS:
        found = result["kinds"][name]
        counts = [found["pairs"], found["generated"]["pairs"]]
        lines.append(
            f"| {name} | {' | '.join(', '.join(map(str, count.values())) for count in counts)} |"
        )
    text = "\n".join(lines)
    return f"""{HEADING}

Measured by `benchmarks/faithfulness.py`, with {first["asked"]} attributes named by prompts of the
first kind. New sentences have known attributes; said apart are two attributes that no text of the
training names together; new pairs are two that no shape of the training has. As generated: the
first of {tries} tries with which the judge finds nothing wrong, or the one with least, its gaps of
up to three voxels closed (`voxels.close_gaps`): what `course.py generate` makes. There the judge
that counts has chosen. By chance: shapes made from other prompts of the first kind and the same
family. Sound: the judge of `datasets.shapes` finds no fault. Near copies: IoU of
{COPY} or more with a training shape; of real shapes {100 * result["real_copies"]:.1f} % have one,
of those generated for known pairs {100 * first["generated"]["copies"]:.1f} %.

{text}
"""


def main() -> None:
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--model", type=path, default=SHIPPED, help="a checkpoint folder (the shipped one)"
    )
    parser.add_argument(
        "--count", type=positive, default=COUNT, help=f"prompts of each kind ({COUNT})"
    )
    parser.add_argument(
        "--scales", type=real, nargs="+", default=SCALES, help="guidance scales to compare"
    )
    parser.add_argument(
        "--out", type=path, help="results (default: data/studies/faithfulness.json)"
    )
    options = parser.parse_args()
    with parser.refusing():
        make = Maker(options.model)
    config = make.config
    contents = {"weights_sha256": config.weights_sha256, "sampling": config.to_dict()["sampling"]}
    scales = tuple(options.scales)
    contents |= measured(make, options.count, scales)
    command = COMMAND + (f" --count {options.count}" if options.count != COUNT else "")
    command += f" --scales {' '.join(f'{scale:g}' for scale in scales)}" if scales != SCALES else ""
    save_results(options.out or STUDIES / "faithfulness.json", contents, command)
    write_section(options.model, HEADING, section(contents))
    print(section(contents))


if __name__ == "__main__":
    main()
