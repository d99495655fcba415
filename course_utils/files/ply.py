"""`.ply`, ASCII and binary: the coordinates of its vertices and the indices of its faces.

Other elements and properties (colours, normals, texture) are passed over.
"""

import re
import struct
from array import array

import numpy as np

from course_utils.files.door import MAX_FACES, check_faces
from course_utils.files.lexing import decoded, plain, runs
from course_utils.files.polygons import strip_corners, triangles
from course_utils.files.rows import INDICES, STRIPS, Element, Property, text_rows

MAX_HEADER_BYTES = 2**20
MAX_COLUMNS = 1000  # elements and properties
MAX_LIST_COLUMNS = 8  # properties that are lists
MAX_LISTS = 3 * MAX_FACES  # in a binary file, where they are walked through one by one
END = re.compile(rb"[\r\n][ \t]*end_header[ \t]*")
ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
TYPES = {  # by numpy's and struct's letters
    "char": "b", "uchar": "B", "short": "h", "ushort": "H", "int": "i", "uint": "I",
    "int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I",
    "int64": "q", "uint64": "Q", "float": "f", "float32": "f", "double": "d", "float64": "d",
}  # fmt: skip


def ply_triangles(data: bytes) -> np.ndarray:
    """Return the triangles of a .ply, float64 (F, 3, 3), else ValueError."""
    data = decoded(data).lstrip()
    end = END.search(data[:MAX_HEADER_BYTES])
    if not data.startswith(b"ply") or end is None:
        raise ValueError("no PLY header that ends with 'end_header' at its start")
    header = data[: end.start()].splitlines()
    order, elements = _header(header)
    if "vertex" not in elements or not elements.keys() & {"face", STRIPS}:
        names = ", ".join(elements) or "nothing"
        raise ValueError(f"it has no faces; its header announces {names}, expected vertex and face")
    vertex, face = elements["vertex"], elements.get("face")
    if STRIPS in elements and not (face and face.count):
        face = elements[STRIPS]
    if not (vertex.count and face.count):
        raise ValueError("it has no faces, as a cloud of points has none")
    indices = face.properties[face.column(*INDICES)]
    if not indices.length or indices.kind in "fd":
        raise ValueError(f"its property {indices.name} is not a list of whole numbers")
    newline = re.compile(rb"[^\r\n]*(\r\n|\r|\n)").match(data)[1]
    body = data[end.end() :].removeprefix(newline)  # numbers may begin with such a byte
    if order:
        vertices, corners, sizes = _binary(body, elements, face, order)
    else:
        filled = [element for element in elements.values() if element.properties]
        rows = text_rows(plain(body), len(header) + 2, filled, vertex, face, "xyz")
        vertices, corners, sizes = rows
    if face.name == STRIPS:
        corners, sizes = strip_corners(corners, sizes)
    beyond = (corners < 0) | (corners >= len(vertices))
    if beyond.any():
        wrong = corners[np.argmax(beyond)]
        raise ValueError(f"a face names vertex {wrong}, but there are {len(vertices)}, from 0")
    return triangles(vertices, corners, sizes)


def _header(lines: list[bytes]) -> tuple[str, dict[str, Element]]:
    """Return the order of bytes ("" for ASCII) and the elements."""
    order, elements, columns = None, {}, 0
    for number, line in enumerate(lines[1:], 2):
        match line.decode("latin-1").split():
            case [] | ["comment" | "obj_info", *_]:
                continue
            case ["format", encoding, *_] if encoding in ORDERS:
                order = ORDERS[encoding]
            case ["element", name, count] if re.fullmatch(r"\d{1,18}", count):
                if name in elements:
                    raise ValueError(f"line {number}: a second element {name!r}")
                elements[name] = last = Element(name, int(count))
            case ["property", "list", length, kind, name] if (
                elements and kind in TYPES and TYPES.get(length, "f") in "bBhHiI"
            ):
                last.properties.append(Property(name, TYPES[kind], TYPES[length]))
            case ["property", kind, name] if elements and kind in TYPES:
                last.properties.append(Property(name, TYPES[kind], ""))
            case words:
                text = " ".join(words)[:80]
                raise ValueError(f"line {number}: {text!r} is not a line of a PLY header")
        columns += 1
        if columns > MAX_COLUMNS:
            raise ValueError(f"its header has more than {MAX_COLUMNS} elements and properties")
    lists = sum(bool(c.length) for element in elements.values() for c in element.properties)
    if lists > MAX_LIST_COLUMNS:
        raise ValueError(f"its header has {lists} lists, expected at most {MAX_LIST_COLUMNS}")
    if order is None:
        raise ValueError("its header has no line 'format', expected 'format ascii 1.0' or binary")
    return order, elements


def _binary(
    body: bytes, elements: dict[str, Element], face: Element, order: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return vertices (V, 3), and the corners and sizes of faces, from bytes.

    Args:
        body: What follows the header; what follows the faces may be anything.
        elements: What the header announces.
        face: The one that has a list of vertices.
        order: "<" or ">".
    """
    at, found = 0, {}
    for element in elements.values():
        if any(column.length for column in element.properties):
            at, starts, sizes = _walk(body, at, element, order)
            if element is face:
                found["face"] = _corners(body, element, order, starts, sizes), sizes
        else:
            row = np.dtype([(f"{i}", order + c.kind) for i, c in enumerate(element.properties)])
            if at + element.count * row.itemsize > len(body):
                raise ValueError(f"it is cut off among its {element.count} x {element.name}")
            if element.name == "vertex":
                table = np.frombuffer(body, row, element.count, at)
                axes = [table[f"{element.column(axis)}"] for axis in "xyz"]
                found["vertex"] = np.stack(axes, axis=1, dtype=np.float64, casting="unsafe")
            at += element.count * row.itemsize
    if "vertex" not in found:
        raise ValueError("its element vertex has a list, expected numbers alone")
    return found["vertex"], *found["face"]


def _walk(body: bytes, at: int, element: Element, order: str) -> tuple[int, np.ndarray, np.ndarray]:
    """Go through a binary element with lists.

    Args:
        body: What follows the header.
        at: Byte at which the element begins.
        element: What the header says of it.
        order: "<" or ">".

    Returns:
        The byte behind it; of each row, the first byte of the list of vertices and its length.
    """
    steps, skip = [], 0  # bytes before a list, reader and bytes of its length, bytes of a number
    for column in element.properties:
        size = struct.calcsize("<" + column.kind)
        if column.length:
            length = struct.Struct(order + column.length)
            steps.append((skip, length.unpack_from, length.size, size, column.name in INDICES))
            skip = 0
        else:
            skip += size
    if element.count * len(steps) > MAX_LISTS:
        raise ValueError(f"its {element.count} x {element.name} have more than {MAX_LISTS} lists")
    starts, sizes = array("q"), array("q")
    try:
        for _ in range(element.count):
            for before, unpack, size, width, wanted in steps:
                at += before
                (length,) = unpack(body, at)
                at += size
                if length < 0:
                    raise ValueError(f"a list of {length} numbers in its {element.name}")
                if wanted:
                    starts.append(at)
                    sizes.append(length)
                at += length * width
            at += skip
    except struct.error:
        at = len(body) + 1
    if at > len(body):
        raise ValueError(f"it is cut off among its {element.count} x {element.name}")
    return at, np.array(starts, np.int64), np.array(sizes, np.int64)


def _corners(
    body: bytes, element: Element, order: str, starts: np.ndarray, sizes: np.ndarray
) -> np.ndarray:
    """Return the vertex of each corner of binary faces, int64 (C,).

    Args:
        body: What follows the header.
        element: The faces.
        order: "<" or ">".
        starts: First byte of each face's list, int64 (P,).
        sizes: Number of its corners, int64 (P,).
    """
    check_faces(int(np.maximum(sizes - 2, 0).sum()))
    kind = np.dtype(order + element.properties[element.column(*INDICES)].kind)
    first = runs(starts, sizes, kind.itemsize)
    data = np.frombuffer(body, np.uint8)
    numbers = np.empty((len(first), kind.itemsize), np.uint8)
    for byte in range(kind.itemsize):
        numbers[:, byte] = data[first + byte]
    return numbers.view(kind).ravel().astype(np.int64)
