"""Rows of numbers in a text, as its header announces them: the bodies of .ply and .off.

Nearly all programs write a row a line, and nearly all readers need no lines: they count the numbers
off. So a text whose lines do not fit is counted off, too.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from course_utils.files.door import check_faces
from course_utils.files.lexing import Words, blocks, check_numbers, runs

MAX_COUNTED_BYTES = 2**22  # of a text that is counted off, row by row
INDICES = ("vertex_indices", "vertex_index")
STRIPS = "tristrips"  # an element in the place of faces; -1 ends a strip
Part = tuple["Element", Words, np.ndarray, np.ndarray]  # first words of rows, and words behind them


@dataclass
class Property:
    """A column of an element; `length` is the type of a list's length, empty for one number."""

    name: str
    kind: str = "d"
    length: str = ""


@dataclass
class Element:
    """What a header says of vertices, of faces, or of anything else.

    `others` is None where nothing may follow the properties in a line. Else anything may, and where
    numbers are counted off, so many follow.
    """

    name: str
    count: int
    properties: list[Property] = field(default_factory=list)
    others: int | None = None

    def column(self, *names: str) -> int:
        """Return the position of the first property of these names, else ValueError."""
        for place, column in enumerate(self.properties):
            if column.name in names:
                return place
        raise ValueError(f"its element {self.name} has no property {names[0]}")


def text_rows(
    text: bytes, line: int, elements: list[Element], vertex: Element, face: Element, axes: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read vertices and faces from rows of numbers.

    Args:
        text: What follows the header, as `plain` returns it.
        line: Number of its first line.
        elements: What the header announces, in order.
        vertex: The one of them that has coordinates.
        face: The one that has a list of vertices.
        axes: The properties that are coordinates.

    Returns:
        Vertices (V, A axes), and the corners (C,) and sizes (P,) of faces.

    Raises:
        ValueError: There are more or fewer rows, or one is wrong; it names the line.
    """
    for element in elements:
        if element.count > len(text):
            raise ValueError(
                f"its header announces {element.count} {element.name} in {len(text)} bytes"
            )
    try:
        return _vertices_and_faces(_by_lines(text, line, elements), vertex, face, axes)
    except ValueError:
        words = Words(text, line) if len(text) <= MAX_COUNTED_BYTES else None
        parts = words and _counted_off(words, elements)
        if not parts:
            raise
    return _vertices_and_faces(parts, vertex, face, axes)


def _by_lines(text: bytes, line: int, elements: list[Element]) -> Iterator[Part]:
    """Deal the lines of a text out to elements, a row a line."""
    missing = [[element, element.count] for element in elements if element.count][::-1]
    for words in blocks(text, line):
        done, total = 0, len(words.heads)
        while done < total and missing:
            element, left = missing[-1]
            rows = slice(done, done + min(left, total - done))
            yield element, words, words.heads[rows], words.sizes[rows]
            missing[-1][1] -= rows.stop - done
            done = rows.stop
            if not missing[-1][1]:
                missing.pop()
        behind = words.heads[done:]
        words.refuse_where(
            np.ones(len(behind), dtype=bool),
            behind,
            "{} stands behind all that the header announces, "
            + ", ".join(f"{element.count} {element.name}" for element in elements),
        )
    if missing:
        element, left = missing[-1]
        raise ValueError(
            f"it ends after {element.count - left} of the {element.count} {element.name} that its"
            " header announces"
        )


def _counted_off(words: Words, elements: list[Element]) -> list[Part]:
    """Deal words out to elements, however they stand in lines; [] if they do not fit exactly."""
    parts, at, total, letters = [], 0, len(words.start), words.bytes.tobytes()
    start, end = words.start.tolist(), words.end.tolist()
    for element in elements:
        width = len(element.properties) + (element.others or 0)
        lists = [place for place, column in enumerate(element.properties) if column.length]
        if at + width * element.count > total:
            return []
        heads = at + width * np.arange(element.count + 1)
        for row in range(element.count if lists else 0):
            begin = at
            for place in lists:
                if at + place >= total:
                    return []
                try:
                    at += max(int(letters[start[at + place] : end[at + place]]), 0)
                except ValueError:
                    return []
            at, heads[row] = at + width, begin
        at = at if lists else int(heads[-1])
        if at > total:
            return []
        heads[-1] = at
        parts.append((element, words, heads[:-1], np.diff(heads)))
    return parts if at == total else []


def _vertices_and_faces(
    parts: Iterable[Part], vertex: Element, face: Element, axes: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    places = [vertex.column(axis) for axis in axes]
    indices = face.column(*INDICES)
    lowest = -1 if face.name == STRIPS else 0
    vertices, corners, sizes, numbers, faces = [], [], [], 0, 0
    for element, words, heads, length in parts:
        if element is vertex:
            numbers += len(axes) * len(heads)
            check_numbers(numbers)
            first, _ = _columns(words, heads, length, element)
            values = words.numbers(np.stack([first[place] for place in sorted(places)], axis=1))
            vertices.append(values.reshape(-1, len(axes))[:, np.argsort(np.argsort(places))])
        elif element is face:
            numbers += len(heads) * sum(bool(column.length) for column in face.properties)
            check_numbers(numbers)
            first, lengths = _columns(words, heads, length, element)
            first, lengths = first[indices], lengths[indices]
            faces += int(np.maximum(lengths - 2, 0).sum())
            check_faces(faces)
            numbers += int(lengths.sum())
            check_numbers(numbers)
            chosen = runs(first, lengths)
            corners.append(words.whole(chosen))
            beyond = (corners[-1] < lowest) | (corners[-1] >= vertex.count)
            words.refuse_where(
                beyond, chosen, f"a face names vertex {{}}, but there are {vertex.count}, from 0"
            )
            sizes.append(lengths)
    return tuple(np.concatenate(part) for part in (vertices, corners, sizes))


def _columns(
    words: Words, heads: np.ndarray, length: np.ndarray, element: Element
) -> tuple[list[np.ndarray], dict[int, np.ndarray]]:
    """Find an element's properties in rows.

    Args:
        words: The block.
        heads: First word of each row, int64 (R,).
        length: Number of words that each may have, int64 (R,).
        element: What the header says of it.

    Returns:
        The first word of each property in each row, and the lengths of lists by their column.
    """
    at, end = heads, heads + length
    first, lengths = [], {}
    for place, column in enumerate(element.properties):
        words.refuse_where(at >= end, at - 1, f"it ends before the property {column.name}")
        if column.length:
            lengths[place] = words.whole(at)
            wrong = (lengths[place] < 0) | (lengths[place] >= end - at)
            words.refuse_where(wrong, at, "a list of {} numbers does not fit into its line")
            first.append(at + 1)
            at = at + 1 + lengths[place]
        else:
            first.append(at)
            at = at + 1
    if element.others is None:
        wrong = at < end
        words.refuse_where(wrong, at, "{} stands behind all properties that the header announces")
    return first, lengths
