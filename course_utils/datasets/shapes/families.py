"""The families: their names, in the order of their labels, and the file of each."""

from types import ModuleType

from course_utils.datasets.shapes import (
    airplane,
    animal,
    bed,
    bench,
    boat,
    bottle,
    bridge,
    car,
    chair,
    house,
    lamp,
    mug,
    robot,
    rocket,
    shelf,
    sofa,
    stool,
    table,
    tree,
    vase,
)

# The order is the order of the labels: add new families at the end.
FAMILIES: dict[str, ModuleType] = {
    "chair": chair,
    "table": table,
    "lamp": lamp,
    "sofa": sofa,
    "bed": bed,
    "shelf": shelf,
    "airplane": airplane,
    "car": car,
    "house": house,
    "tree": tree,
    "mug": mug,
    "boat": boat,
    "rocket": rocket,
    "stool": stool,
    "bench": bench,
    "vase": vase,
    "bottle": bottle,
    "animal": animal,
    "robot": robot,
    "bridge": bridge,
}
CLASSES: tuple[str, ...] = tuple(FAMILIES)


def family_of(name: str) -> ModuleType:
    """Return the file of a family: its `draw`, `look`, `SLOTS`, …; ValueError for another name."""
    if name not in FAMILIES:
        raise ValueError(f"family={name!r}: expected one of {', '.join(CLASSES)}")
    return FAMILIES[name]
