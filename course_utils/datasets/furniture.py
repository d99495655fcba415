"""Real furniture: 3D models that people made, as 32 x 32 x 32 voxels with names and licences.

Models that were trained on the procedural `shapes` have never seen it. The pieces come from Sweet
Home 3D's free catalogues, in Debian's package sweethome3d-furniture. They are stored in
`data/furniture32`: README.md is the data card, ATTRIBUTION.md names the makers, make.py makes the
file again. If you show or share a piece, name its maker.
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
    """N pieces of real furniture; every list has N items, in the order of the file.

    `voxels` is bool (N, 32, 32, 32) = z, y, x; index 0 of z is the ground, index 0 of y the front.
    `catalogue_categories` are those of the catalogue (rooms rather than things), and `models` are
    names within a library.
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
    """Load real furniture.

    Each piece stands on the ground, is centred in x and y, and is 27 voxels long along its longest
    side, 0.84 of the cube. Not every piece is connected (a pair of shoes is not).

    Args:
        category: One of CATEGORIES; None: all.
        file: The packed file.

    Raises:
        ValueError: If the category is unknown, or the file is missing or damaged.
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
