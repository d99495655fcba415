"""How often the judge of shapes is right: `python benchmarks/judge.py [COUNT] [FAMILY ...]`.

Draws fresh shapes (1,000 of each family by default) and prints for each family: the lowest
precision or recall of any value of any attribute, and all that are below 99 %; how many surface
voxels have the slot that the judge gives them; how many shapes are sound, as they are and with a
ragged surface; of shapes with a part removed or cut through, how many are noticed; and how many
have a near copy among 2,000 training shapes.
"""

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np
from scipy.ndimage import binary_dilation, binary_erosion, label

from course_utils.datasets.shapes import (
    CLASSES,
    FAMILIES,
    Shape,
    faults,
    make_shape,
    make_shapes,
    measure,
)
from course_utils.datasets.shapes.parts import fills
from course_utils.evaluation.distances import copied_share, nearest_iou
from course_utils.evaluation.fields import slots_right
from course_utils.geometry.voxels import largest_component

FIRST = 500_000  # trainings and lessons use lower indices
GOOD = 0.99
SEEN = 6  # a part that fills fewer voxels than this alone is not missed when it is gone


def judged(family: str, count: int) -> tuple[dict[tuple, tuple[float, float]], float]:
    """Precision and recall by (attribute, value), and the share of shapes with all right."""
    truth, said, both, whole = Counter(), Counter(), Counter(), 0
    for seed in range(FIRST, FIRST + count):
        shape = make_shape(family, seed)
        seen = measure(shape.voxels, family)
        truth.update(shape.attributes.items())
        said.update(seen.items())
        both.update(shape.attributes.items() & seen.items())
        whole += shape.attributes == seen
    scores = {
        key: (both[key] / max(said[key], 1), both[key] / max(truth[key], 1)) for key in truth | said
    }
    return scores, whole / count


def damaged(shape: Shape) -> Iterator[tuple[str, np.ndarray]]:
    """A shape without each of its parts in turn, and with each thin part cut through.

    The name is the part's, without its number, and what was done. Parts that a family calls
    `OPTIONAL` are not removed, nor parts that hardly show.
    """
    optional = FAMILIES[shape.family].OPTIONAL
    filled = fills(shape.parts, len(shape.voxels))
    count = np.sum(filled, axis=0)
    for each, fill in zip(shape.parts, filled, strict=True):
        name = re.sub(r" \d+$", "", each.name)
        own = fill & (count == 1)
        if own.sum() < SEEN:
            continue
        if name not in optional:
            yield f"{name} removed", shape.voxels & ~own
        layers = np.flatnonzero(own.any(axis=(1, 2)))
        cut = shape.voxels.copy()
        cut[layers[len(layers) // 2]] &= ~own[layers[len(layers) // 2]]
        if len(layers) >= 4 and label(cut)[1] > 1:
            yield f"{name} cut", cut


def ragged(voxels: np.ndarray, seed: int, share: float = 0.005) -> np.ndarray:
    """A shape of which some voxels near the surface changed sides, without its crumbs."""
    near = binary_dilation(voxels) & ~binary_erosion(voxels)
    changed = voxels ^ (near & (np.random.default_rng(seed).random(voxels.shape) < share))
    return largest_component(changed)


def noticed(family: str, count: int) -> dict[str, tuple[int, int]]:
    """Of damaged shapes, how many have faults and how many there are, by damage."""
    found: dict[str, list[bool]] = defaultdict(list)
    for seed in range(FIRST, FIRST + count):
        for name, voxels in damaged(make_shape(family, seed)):
            if voxels.any():
                found[name].append(bool(faults(voxels, family)))
    return {name: (sum(seen), len(seen)) for name, seen in found.items()}


def near_copies(family: str, count: int, training: int = 2000) -> float:
    """The share of fresh shapes with an IoU of 0.95 or more with one of the training shapes."""
    fresh = make_shapes(count, families=(family,), first_index=FIRST).voxels
    return copied_share(nearest_iou(fresh, make_shapes(training, families=(family,)).voxels)[0])


def main(count: int = 1000, families: tuple[str, ...] = CLASSES) -> None:
    for family in families:
        scores, whole = judged(family, count)
        lowest = min(min(pair) for pair in scores.values())
        few = max(count // 5, 1)
        shapes = [make_shape(family, seed) for seed in range(FIRST, FIRST + few)]
        rough = [faults(ragged(shape.voxels, row), family) for row, shape in enumerate(shapes)]
        right = [slots_right(shape.voxels, shape.slots, family) for shape in shapes]
        bad = [found for shape in shapes if (found := faults(shape.voxels, family))]
        print(
            f"{family:9} lowest precision or recall {lowest:.4f}, everything right {whole:.2%} of"
            f" {count:,} shapes; slots right {np.mean(right):.2%}, sound"
            f" {1 - len(bad) / few:.2%}, ragged {1 - np.mean([*map(bool, rough)]):.2%}, near copies"
            f" {near_copies(family, min(count, 500)):.2%}"
        )
        for (name, value), (precision, recall) in sorted(scores.items(), key=str):
            if min(precision, recall) < GOOD:
                print(f"    {name} = {value}: precision {precision:.4f}, recall {recall:.4f}")
        for found, times in Counter(text for each in bad for text in each).most_common(5):
            print(f"    a true shape: {found} ({times})")
        for name, (seen, cases) in noticed(family, few).items():
            print(f"    {name}: {seen} of {cases} noticed")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *([tuple(sys.argv[2:])] if sys.argv[2:] else []))
