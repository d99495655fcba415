"""`.stl`, binary and ASCII: triangles without shared vertices. Normals and colours are left out."""

import struct

import numpy as np

from course_utils.files.door import check_faces
from course_utils.files.lexing import Words, blocks, check_numbers, decoded, plain

HEADER, RECORD = 84, 50  # bytes before the first triangle, and of each
RECORDS = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def stl_triangles(data: bytes) -> np.ndarray:
    """Return the triangles of an .stl, float64 (F, 3, 3), else ValueError."""
    text = decoded(data)
    start = text[: 2**16].rstrip(b"\0").lower()
    if b"\0" not in start and (b"facet" in start or b"endsolid" in start):
        return _ascii(text)  # a binary file has a NUL in its count
    return _binary(data)


def _binary(data: bytes) -> np.ndarray:
    """Return the triangles of a binary file. Less than a triangle, or padding, may follow them."""
    count = struct.unpack_from("<I", data, 80)[0] if len(data) >= HEADER else 0
    end = HEADER + RECORD * count
    if len(data) < max(end, HEADER):
        raise ValueError(
            f"its header announces {count} triangles, which take {end} bytes; it has {len(data)}"
        )
    rest = len(data) - end
    if rest >= RECORD and data[end:].strip(b"\0 \r\n"):
        raise ValueError(f"its header announces {count} triangles, but {rest} more bytes follow")
    check_faces(count)
    records = np.frombuffer(data, RECORDS, count, HEADER)
    return records["corners"].astype(np.float64)


def _ascii(data: bytes) -> np.ndarray:
    """Return the triangles of all solids in a text; whatever is not a vertex is passed over."""
    parts, waiting, count = [], 0, 0
    for words in blocks(plain(data)):
        untitled = np.flatnonzero(~_titles(words))
        corners = untitled[words.are(untitled, b"vertex")]
        ends = untitled[words.are(untitled, b"endloop")]
        before = np.searchsorted(corners, ends)
        made = np.diff(before, prepend=-waiting)  # the first loop may begin in an earlier block
        words.refuse_where(made != 3, ends, "the loop that ends here does not have 3 vertices")
        waiting = len(corners) - int(before[-1]) if len(ends) else waiting + len(corners)
        words.refuse_where(corners + 3 >= len(words.start), corners, "a vertex is cut off")
        count += len(corners)
        check_faces(count // 3)
        check_numbers(3 * count)
        parts.append(words.numbers(corners[:, None] + [1, 2, 3]))
    if waiting:
        raise ValueError("its last facet is cut off")
    return np.concatenate(parts).reshape(-1, 3, 3)


def _titles(words: Words) -> np.ndarray:
    """Return which words are in the name of a solid, which may be any; a facet may follow it."""
    every = np.arange(len(words.start))
    normals = np.flatnonzero(words.are(every, b"normal"))
    facets = normals[words.are(normals - 1, b"facet")] - 1
    begins = words.are(every, b"endsolid")
    begins[words.heads] |= words.are(words.heads, b"solid")
    heads, ends = every[begins], np.repeat(words.heads + words.sizes, words.sizes)[begins]
    ends = np.minimum(ends, np.append(facets, len(every))[np.searchsorted(facets, heads)])
    edges = np.bincount(heads, minlength=len(every) + 1) - np.bincount(
        ends, minlength=len(every) + 1
    )
    return np.cumsum(edges)[:-1] > 0
