"""`.off`, as Geomview defined it and others write it: vertices and faces; colours are left out."""

import re

import numpy as np

from course_utils.files.lexing import decoded, plain
from course_utils.files.polygons import triangles
from course_utils.files.rows import INDICES, Element, Property, text_rows

SKIP = rb"(?:\s+|#[^\n]*)*+"  # blanks and comments
START = re.compile(SKIP + rb"(?:(ST|st)?([Cc])?(N)?(4)?(n)?(?:OFF|off|Off)(?: *(BINARY))?)?")
OTHERS = 2, 4, 3  # numbers of a vertex behind its coordinates: of texture, colour and normal
DIMENSIONS = re.compile(SKIP + rb"(\d+)\b")
GAP = rb"\s" + SKIP
COUNTS = re.compile(  # of vertices, faces and edges, the last of which some leave out
    SKIP + rb"(?:(\d+) +(\d+)(?: +-?\d+)? *(?:#[^\n]*)?\n|(\d+)%b(\d+)%b-?\d+(?=\s))" % (GAP, GAP)
)


def off_triangles(data: bytes) -> np.ndarray:
    """Return the triangles of an .off, float64 (F, 3, 3), else ValueError."""
    text = plain(decoded(data))
    start = START.match(text)
    *letters, four, dimensions, binary = start.groups()
    at = start.end()
    if binary:
        raise ValueError("it is a binary OFF; save it as ASCII")
    if dimensions:
        dimensions = DIMENSIONS.match(text, at)
        if dimensions is None or int(dimensions[1][:9]) != 3:
            raise ValueError(
                "its vertices do not have three dimensions (nOFF); save them with three"
            )
        at = dimensions.end()
    counts = COUNTS.match(text, at)
    if counts is None:
        line = 1 + text.count(b"\n", 0, at)
        raise ValueError(f"line {line}: expected OFF and the numbers of vertices, faces and edges")
    vertices, faces = (int(count[:20]) for count in counts.groups() if count)
    if not (vertices and faces):
        raise ValueError("it has no faces")
    axes = "xyzw" if four else "xyz"
    others = sum(count for count, letter in zip(OTHERS, letters, strict=True) if letter)
    vertex = Element("vertices", vertices, [Property(axis) for axis in axes], others)
    face = Element("faces", faces, [Property(INDICES[0], "i", "i")], 0)
    line = 1 + text.count(b"\n", 0, counts.end())
    rows = text_rows(text[counts.end() :], line, [vertex, face], vertex, face, axes)
    points, corners, sizes = rows
    with np.errstate(all="ignore"):  # a weight of 0 is a point at infinity, refused later
        points = points[:, :3] / points[:, 3:] if four else points
    return triangles(points, corners, sizes)
