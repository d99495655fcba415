"""Wavefront `.obj`: vertices and faces; all else (groups, materials, curves) is passed over."""

import re

import numpy as np

from course_utils.files.door import check_faces
from course_utils.files.lexing import Words, blocks, check_numbers, decoded, plain, runs
from course_utils.files.polygons import triangles

MAX_JOINS = 1_000_000
# only vertices and faces: names may end in a backslash, as folders do, and letters in Shift-JIS
JOINED = re.compile(
    rb"^ *[vf](?=[ \\])[^\n\\#]*+(?:\\\n[^\n\\#]*+)++", re.IGNORECASE | re.MULTILINE
)


def obj_triangles(data: bytes) -> np.ndarray:
    """Return the triangles of an .obj, float64 (F, 3, 3), else ValueError.

    Indices count from 1, or back from where they stand. Lines joined by a backslash are one.
    """
    text = re.sub(rb"\\ +\n", b"\\\n", plain(decoded(data)))
    if text.count(b"\\\n") > MAX_JOINS:
        raise ValueError(f"more than {MAX_JOINS} of its lines are continued; triangulate it first")
    if b"\\\n" in text:
        text = JOINED.sub(lambda line: line[0].replace(b"\\\n", b" \v"), text)
    vertices, corners, sizes, lines, count, faces = [], [], [], [], 0, 0
    for words in blocks(text):
        points, loops = _heads(words, b"v"), _heads(words, b"f")
        faces += int((words.sizes[loops] - 3).sum())
        check_faces(faces)
        check_numbers(3 * (count + len(points)) + faces)
        heads = words.heads[points]
        words.refuse_where(words.sizes[points] < 4, heads, "a vertex has fewer than 3 numbers")
        vertices.append(words.numbers(heads[:, None] + [1, 2, 3]).reshape(-1, 3))
        heads, size = words.heads[loops], words.sizes[loops] - 1
        words.refuse_where(size < 3, heads, "a face has fewer than 3 corners")
        before = count + np.searchsorted(words.heads[points], heads)
        corners.append(_indices(words, heads, size, before))
        sizes.append(size)
        lines.append(words.lines(heads))
        count += len(points)
    corners, sizes = np.concatenate(corners), np.concatenate(sizes)
    if not len(sizes):
        raise ValueError("it has no faces, only points, lines, or curves and their surfaces")
    beyond = np.flatnonzero(corners >= count)
    if len(beyond):
        face = np.searchsorted(np.cumsum(sizes), beyond[0], side="right")
        raise ValueError(
            f"line {np.concatenate(lines)[face]}: a face names vertex {corners[beyond[0]] + 1}, but"
            f" there are {count}"
        )
    return triangles(np.concatenate(vertices), corners, sizes)


def _heads(words: Words, name: bytes) -> np.ndarray:
    """Return the lines that begin with a keyword."""
    return np.flatnonzero(words.are(words.heads, name))


def _indices(words: Words, heads: np.ndarray, size: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return the vertices of faces, counted from 0, of corners as `7`, `7/1`, `7//2` or `-1/-1`.

    Args:
        words: The block.
        heads: Keywords of the faces, int64 (P,).
        size: Number of corners of each, int64 (P,).
        before: Number of vertices that stand before each, int64 (P,).

    Returns:
        Int64 (sum of size,).
    """
    chosen = runs(heads + 1, size)
    slashes = np.append(np.flatnonzero(words.bytes == ord("/")), len(words.bytes))
    words.end[chosen] = np.minimum(
        words.end[chosen], slashes[np.searchsorted(slashes, words.start[chosen])]
    )
    index = words.whole(chosen)
    words.refuse_where(index == 0, chosen, "a face names vertex 0, but indices begin at 1")
    index = np.where(index < 0, index + np.repeat(before, size), index - 1)
    words.refuse_where(index < 0, chosen, "a face names vertex {}, which is before the first")
    return index
