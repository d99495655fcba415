"""How often the judge of shapes is right: `python benchmarks/judge.py [COUNT] [FAMILY ...]`.

Draws fresh shapes (1,000 of each family by default), asks `measure` for their
attributes, and prints for each family the lowest precision or recall of any value of any attribute,
and all that are below 99 %.
"""

import sys
from collections import Counter

from course_utils.datasets.shapes import CLASSES, make_shape, measure

FIRST = 500_000  # trainings and lessons use lower indices
GOOD = 0.99


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


def main(count: int = 1000, families: tuple[str, ...] = CLASSES) -> None:
    for family in families:
        scores, whole = judged(family, count)
        lowest = min(min(pair) for pair in scores.values())
        print(
            f"{family:9} lowest precision or recall {lowest:.4f}, everything right {whole:.2%} of"
            f" {count:,} shapes"
        )
        for (name, value), (precision, recall) in sorted(scores.items(), key=str):
            if min(precision, recall) < GOOD:
                print(f"    {name} = {value}: precision {precision:.4f}, recall {recall:.4f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *([tuple(sys.argv[2:])] if sys.argv[2:] else []))
