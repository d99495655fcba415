"""`.off`, as Geomview defined it and others write it: vertices and faces; colours are left out."""

import re

import numpy as np

from course_utils.files.door import check_faces
from course_utils.files.polygons import triangles
from course_utils.files.lexing import check_numbers, deal, decoded, plain, runs

SKIP = rb"(?:\s+|#[^\n]*)*+"  # blanks and comments
START = re.compile(SKIP + rb"(?:(?:ST|st)?[Cc]?N?(4?)(n?)(?:OFF|off|Off)(?: *(BINARY))?)?")
COUNTS = re.compile(SKIP + rb"(\d+) +(\d+)(?: +\d+)? *(?:#[^\n]*)?\n")


def off_triangles(data: bytes) -> np.ndarray:
    """Return the triangles of an .off, float64 (F, 3, 3), else ValueError."""
    text = plain(decoded(data))
    start = START.match(text)
    four, dimensions, binary = start.groups()
    if binary:
        raise ValueError("it is a binary OFF; save it as ASCII")
    if dimensions:
        raise ValueError("its vertices have any number of dimensions (nOFF); save them with three")
    counts = COUNTS.match(text, start.end())
    if counts is None:
        line = 1 + text.count(b"\n", 0, start.end())
        raise ValueError(f"line {line}: expected OFF and the numbers of vertices, faces and edges")
    announced = {"vertices": _number(counts[1]), "faces": _number(counts[2])}
    width = 4 if four else 3
    line = 1 + text.count(b"\n", 0, counts.end())
    vertices, corners, sizes, total, numbers = [], [], [], 0, 0
    for name, words, rows in deal(text, counts.end(), line, announced):
        heads, length = words.heads[rows], words.sizes[rows]
        if name == "vertices":
            numbers += width * len(rows)
            check_numbers(numbers)
            words.refuse_where(length < width, heads, f"a vertex has fewer than {width} numbers")
            vertices.append(words.numbers(heads[:, None] + np.arange(width)).reshape(-1, width))
            continue
        numbers += len(rows)
        check_numbers(numbers)
        size = words.whole(heads)
        words.refuse_where(
            (size < 0) | (size >= length), heads, "a face of {} corners has not as many indices"
        )
        total += int(np.maximum(size - 2, 0).sum())
        check_faces(total)
        numbers += int(size.sum())
        check_numbers(numbers)
        chosen = runs(heads + 1, size)
        index = words.whole(chosen)
        beyond = (index < 0) | (index >= announced["vertices"])
        words.refuse_where(
            beyond, chosen, f"a face names vertex {{}}, but there are {announced['vertices']}"
        )
        corners.append(index)
        sizes.append(size)
    if not sizes or not vertices:
        raise ValueError("it has no faces")
    vertices = np.concatenate(vertices)
    with np.errstate(all="ignore"):  # a weight of 0 is a point at infinity, refused later
        vertices = vertices[:, :3] / vertices[:, 3:] if four else vertices
    return triangles(vertices, np.concatenate(corners), np.concatenate(sizes))


def _number(digits: bytes) -> int:
    return int(digits[:20])
