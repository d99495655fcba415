"""Real furniture: 3D models that people made, as solids of 32 x 32 x 32 voxels with names,
categories and licences.

Beside the procedural `shapes` it is what a model that was trained on them has never seen. The
models are those of Sweet Home 3D's free catalogues in Debian's package sweethome3d-furniture:
`data/furniture32` (README.md is the card, ATTRIBUTION.md names the makers, make.py makes the file
again). Who shows or shares a shape names its maker.
"""

import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from course_utils.places import FURNITURE, REMEDY

CATEGORIES = (
    "chair",
    "bench",
    "table",
    "sofa",
    "bed",
    "shelf",
    "cabinet",
    "lamp",
    "bathroom",
    "appliance",
    "kitchenware",
    "plant",
    "person",
    "animal",
    "vehicle",
    "clothing",
    "door or window",
    "socket or switch",
    "toy, sport or music",
    "outdoor",
    "other",
)


class Furniture(NamedTuple):
    """N real things, each list N long and in the order of the file.

    voxels bool (N, 32, 32, 32) = z, y, x; index 0 of z is the ground, index 0 of y the front.
    `catalogue_categories` are the catalogue's own (rooms rather than things), `models` the name
    within a library.
    """

    voxels: np.ndarray
    names: list[str]
    categories: list[str]
    catalogue_categories: list[str]
    libraries: list[str]
    models: list[str]
    makers: list[str]
    licences: list[str]


def furniture(category: str | None = None, file: str | Path = FURNITURE) -> Furniture:
    """All real furniture, or that of one of CATEGORIES.

    Each shape stands on the ground, is centred in x and y and is 27 voxels long along its longest
    side, 0.84 of the cube. Not every shape is one piece (a pair of shoes is two). ValueError for an
    unknown category, and for a file that is missing or damaged.
    """
    if category is not None and category not in CATEGORIES:
        raise ValueError(
            f"category is {category!r}; expected None for all or one of {', '.join(CATEGORIES)}"
        )
    try:
        with np.load(file, allow_pickle=False) as stored:
            packed, columns = stored["voxels"], [stored[name] for name in Furniture._fields[1:]]
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{file} is not the file of furniture ({error}); {REMEDY}") from error
    chosen = np.arange(len(packed)) if category is None else np.flatnonzero(columns[1] == category)
    voxels = np.unpackbits(packed[chosen], axis=1).reshape(-1, 32, 32, 32).view(bool)
    return Furniture(voxels, *(column[chosen].tolist() for column in columns))
