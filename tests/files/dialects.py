"""Meshes as many programs write them: the same faces, each time in another dialect."""

import base64
import json
import math
import random
import struct

import numpy as np

NAMES = ("caf\u00e9", "Ebene 1", "v", "f 1 2 3", "vertex", "0 0 0", "end", "\u00b0\u00b5\u00df")
NEWLINES = ("\n", "\r\n", "\r")
PLY_TYPES = {
    "float": "f", "float32": "f", "double": "d", "float64": "d", "int": "i", "int32": "i",
    "uint": "I", "uint32": "I", "short": "h", "int16": "h", "ushort": "H", "uint16": "H",
    "uchar": "B", "uint8": "B", "char": "b", "int8": "b",
}  # fmt: skip
GLTF_KINDS = {5120: "b", 5121: "B", 5122: "h", 5123: "H", 5125: "I", 5126: "f"}


def prism(draws: random.Random) -> tuple[list[tuple[float, ...]], list[list[int]]]:
    """Vertices on a grid of 1/64, exact in any format, and convex faces of 3 to 7 corners."""
    n = draws.randint(3, 7)
    angles = [2 * math.pi * i / n for i in range(n)]
    ring = [(round(256 * math.cos(a)) / 64, round(256 * math.sin(a)) / 64) for a in angles]
    low, high = draws.randint(-400, 0) / 64, draws.randint(1, 400) / 64
    vertices = [(x, y, z) for z in (low, high) for x, y in ring]
    sides = [[i, (i + 1) % n, n + (i + 1) % n, n + i] for i in range(n)]
    return vertices, [list(range(n))[::-1], *sides, list(range(n, 2 * n))]


def fans(vertices, faces) -> np.ndarray:
    corners = [(f[0], f[i], f[i + 1]) for f in faces for i in range(1, len(f) - 1)]
    return np.array(vertices, dtype=np.float64)[np.array(corners)]


def number(value: float, draws: random.Random) -> str:
    kind = draws.randrange(8)
    if kind == 0 and value == int(value):
        return draws.choice(("{:d}", "{:+d}", "{:d}.")).format(int(value))
    text = ("{:.6f}", "{!r}", "{:.12e}", "{:.12E}", "{:+.9f}", "{:.17g}")[kind % 6].format(value)
    if kind == 6 and text.startswith("0."):
        return text[1:]
    return text.replace("e", "D") if kind == 2 and draws.random() < 0.5 else text


def spoken(lines: list[str], draws: random.Random, inline: bool = True) -> bytes:
    """Lines of words as one text: blanks, comments, line ends, encoding and padding vary."""
    newlines = NEWLINES if draws.random() < 0.2 else draws.choices(NEWLINES)
    blank = draws.choice((" ", "\t", "  ", " \t "))
    text = ""
    for line in lines:
        newline = draws.choice(newlines)
        line = draws.choice(("", "", blank)) + line.replace(" ", blank).replace("\n", newline)
        if inline and draws.random() < 0.15:
            line += draws.choice((" # ", "#", "\t#")) + draws.choice((*NAMES, "a\\"))
        text += line + draws.choice(("", "", blank)) + newline
        if inline and draws.random() < 0.1:
            text += draws.choice(("", "   ", "#", "# " + draws.choice(NAMES))) + draws.choice(
                newlines
            )
    text = text if draws.random() < 0.7 else text.rstrip("\r\n")
    encoding = draws.choice(
        ("utf-8", "utf-8", "latin-1", "utf-8-sig", "utf-16-le", "utf-16-be", "utf-16", "utf-32")
    )
    tail = draws.choice((b"", b"", bytes(3), b"\x1a", b" \n\n", bytes(512)))
    return text.encode(encoding) + (b"" if encoding.startswith(("utf-16", "utf-32")) else tail)


def broken(lines: list[str], draws: random.Random) -> list[str]:
    """The same words, in lines of other lengths."""
    words, longest = " ".join(lines).split(), draws.choice((1, 2, 7, 30, 10_000))
    lines = []
    while words:
        length = draws.randint(1, longest)
        lines.append(" ".join(words[:length]))
        words = words[length:]
    return lines


def obj(vertices, faces, draws: random.Random) -> bytes:
    noise = (
        "o NAME", "g NAME a", "s off", "s 1", "usemtl NAME", "mtllib NAME.mtl", "vt 0.5 0.5",
        "vn 0 0 1", "vp 0.1", "l 1 2", "p 1", "", "usemap off",
    )  # fmt: skip
    lines, waiting = [], list(faces)
    extra = draws.choice(("", " 1", " 1.0", " 0.5 0.25 1", " 1 0.5 0.5 1", " 255 0 0"))
    form = draws.choice(("{0}", "{0}/{1}", "{0}//{1}", "{0}/{1}/{1}", "{0}/", "{0}//"))
    relative, split = draws.random() < 0.4, draws.random() < 0.5
    shout = draws.random() < 0.1
    for said, vertex in enumerate(vertices, 1):
        lines.append("v " + " ".join(number(value, draws) for value in vertex) + extra)
        ready = [f for f in waiting if max(f) < said] if split or said == len(vertices) else []
        for face in ready:
            waiting.remove(face)
            words = [
                form.format(i - said if relative else i + 1, draws.randint(1, 9)) for i in face
            ]
            if draws.random() < 0.1:
                words[1] = "\\\n" + words[1]
            lines.append("f " + " ".join(words))
        if draws.random() < 0.3:
            lines.append(draws.choice(noise).replace("NAME", draws.choice(NAMES)))
    if shout:
        lines = [line.replace("v ", "V ", 1).replace("f ", "F ", 1) for line in lines]
    return spoken(lines, draws)


def off(vertices, faces, draws: random.Random) -> bytes:
    prefix, extra = draws.choice(
        (("", ""), ("", ""), ("C", " 255 0 0 255"), ("N", " 0 0 1"), ("CN", " 0 0 1 9 9 9"),
         ("ST", " 0.5 0.5"), ("4", " 1"), ("STCN4", " 1 0 0 1 9 9 9 0 0"))
    )  # fmt: skip
    counts = f"{len(vertices)} {len(faces)}" + draws.choice((" 0", " 17", ""))
    head = draws.choice(([f"{prefix}OFF", counts], [f"{prefix}OFF {counts}"]))
    if not prefix:
        head = draws.choice((head, [f"OFF{counts}"], [counts], ["off", counts]))
    lines = [*head]
    lines += [" ".join(number(value, draws) for value in vertex) + extra for vertex in vertices]
    colour = draws.choice(("", " 255 0 0", " 0.5 0.5 0.5 1.0", " 3"))
    for face in faces:
        lines.append(f"{len(face)} " + " ".join(map(str, face)) + colour)
    if not colour and "CN" not in prefix and draws.random() < 0.3:  # theirs has no alpha
        lines = [*head, *broken(lines[len(head) :], draws)]
    return spoken(lines, draws)


def ply(vertices, faces, draws: random.Random) -> bytes:
    order = draws.choice(("", "<", ">"))
    newline = draws.choice(("\n", "\n", "\r\n", "\r"))
    kind = draws.choice(("float", "float32", "double", "float64"))
    extra = draws.sample(("nx float", "red uchar", "quality double", "flags ushort"), 2)
    columns = [(axis, kind) for axis in "xyz"] + [tuple(e.split()) for e in extra]
    if draws.random() < 0.4:
        draws.shuffle(columns)
    length = draws.choice(("uchar", "uint8", "int", "uint", "ushort", "char"))
    index = draws.choice(("int", "uint", "int32", "uint32", "short", "uchar", "char"))
    lists = [(draws.choice(("vertex_indices", "vertex_index")), length, index)]
    lists += draws.sample(
        [("texcoord", "uchar", "float"), ("red", "", "uchar")], draws.randint(0, 2)
    )
    if draws.random() < 0.3:
        lists = lists[::-1]
    other = draws.choice((None, "before", "after", "list"))
    encoding = {"": "ascii", "<": "binary_little_endian", ">": "binary_big_endian"}[order]
    header, body = ["ply", f"format {encoding} 1.0"], []

    def row(values):  # of (type, value)
        if order:
            return b"".join(struct.pack(order + PLY_TYPES[k], v) for k, v in values)
        return " ".join(number(v, draws) if k[0] in "fd" else str(v) for k, v in values)

    def remark():
        text = draws.choice(("comment ", "obj_info ")) + draws.choice((*NAMES, "end_header", ""))
        return [text] if draws.random() < 0.4 else []

    def element_other():
        if other == "list":
            header.extend(["element strip 2", "property list uchar short ids"])
            body.extend(row([("uchar", 2), ("short", 7), ("short", -7)]) for _ in range(2))
        else:
            header.extend(["element camera 1", "property float view", "property int id"])
            body.append(row([("float", 0.5), ("int", 3)]))

    if other == "before":
        element_other()
    header += [*remark(), f"element vertex {len(vertices)}"]
    header += [f"property {k} {name}" for name, k in columns]
    for vertex in vertices:
        place = dict(zip("xyz", vertex, strict=True))
        body.append(row([(k, place.get(name, 3)) for name, k in columns]))
    if other == "list":
        element_other()
    header += [*remark(), f"element face {len(faces)}"]
    header += [
        f"property list {n} {k} {name}" if n else f"property {k} {name}" for name, n, k in lists
    ]
    for face in faces:
        values = []
        for name, n, k in lists:
            if name.startswith("vertex"):
                values += [(n, len(face)), *((k, i) for i in face)]
            else:
                values += [(n, 2), (k, 0.5), (k, 0.25)] if n else [(k, 200)]
        body.append(row(values))
    if other == "after":
        element_other()
    header += [*remark(), "end_header"]
    if order:
        tail = draws.choice((b"", b"\n", b"tail"))
        return newline.join([*header, ""]).encode("latin-1") + b"".join(body) + tail
    body = body if draws.random() < 0.7 else broken(body, draws)
    return spoken([*header, *body], draws, inline=False)


def stl(triangles: np.ndarray, draws: random.Random) -> bytes:
    if draws.random() < 0.5:
        title = draws.choice((b"solid a facet", b"", b"\xff\xfe COLOR=", b"binary"))
        data = title.ljust(80, draws.choice((b"\0", b" "))) + struct.pack("<I", len(triangles))
        for corners in triangles:
            normal = draws.choice(((0, 0, 0), (float("nan"),) * 3))
            data += struct.pack("<12fH", *normal, *corners.ravel(), draws.choice((0, 65535)))
        return data + draws.choice((b"", b"", b"\0\0", b"\r\n", bytes(200), b"end of file"))
    lines = [f"solid {draws.choice(NAMES)}"]
    for corners in triangles:
        lines += ["facet normal 0 0 1", "outer loop"]
        lines += [
            "vertex " + " ".join(number(v, draws) for v in corner) for corner in corners.tolist()
        ]
        lines += ["endloop", "endfacet"]
        if draws.random() < 0.1:
            lines += [f"endsolid {draws.choice(NAMES)}", "solid"]
    lines.append("endsolid")
    if draws.random() < 0.2:
        lines = [line if "solid" in line else line.upper() for line in lines]
    if draws.random() < 0.2:
        lines = [" ".join(lines)]
    return spoken(lines, draws)


class Buffer:
    """The binary chunk of a .glb, its views and its accessors, while it is being written."""

    def __init__(self):
        self.data, self.views, self.accessors = b"", [], []

    def view(self, data: bytes, **extra) -> int:
        self.data += bytes(-len(self.data) % 4)
        self.views.append(
            {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(data), **extra}
        )
        self.data += data
        return len(self.views) - 1

    def accessor(self, kind: int, shape: str, values: np.ndarray, **extra) -> int:
        data = values.astype("<" + GLTF_KINDS[kind]).tobytes()
        self.accessors.append(
            {"bufferView": self.view(data), "componentType": kind, "type": shape,
             "count": len(values), **extra}
        )  # fmt: skip
        return len(self.accessors) - 1


def packed(text: bytes, binary: bytes, padding: bytes = b" ", length: int | None = None) -> bytes:
    text += padding * (-len(text) % 4 + 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    if binary:
        chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, length or 12 + len(chunks)) + chunks


def glb(vertices, triangles: list, draws: random.Random) -> bytes:
    """Triangles (of indices) in a .glb; a node moves, turns and scales them into place."""
    buffer, points = Buffer(), np.array(vertices)
    scale, shift = draws.choice((1.0, 0.5, 1 / 64)), np.array([draws.randint(-9, 9) for _ in "xyz"])
    local = (points - shift) / scale
    kind = draws.choice((5126, 5122)) if scale == 1 / 64 else 5126
    attributes = {"POSITION": buffer.accessor(kind, "VEC3", local)}
    if draws.random() < 0.3:  # the first vertices are patched in
        accessor = buffer.accessors[attributes["POSITION"]]
        few = draws.randint(1, len(points))
        accessor["sparse"] = {
            "count": few,
            "indices": {"bufferView": buffer.view(bytes(range(few))), "componentType": 5121},
            "values": {
                "bufferView": buffer.view(local[:few].astype("<" + GLTF_KINDS[kind]).tobytes())
            },
        }
        if draws.random() < 0.5 and few == len(points):
            del accessor["bufferView"]
        else:
            view = buffer.views[accessor["bufferView"]]
            size = {5126: 12, 5122: 6}[kind] * few
            at = view["byteOffset"]
            buffer.data = buffer.data[:at] + bytes(size) + buffer.data[at + size :]
    cut = draws.randint(0, len(triangles))
    primitives = []
    for part in (triangles[:cut], triangles[cut:]):
        if not part:
            continue
        if draws.random() < 0.2:  # each triangle as a strip of its own
            for triangle in part:
                number = buffer.accessor(5121, "SCALAR", np.array(triangle))
                mode = draws.choice((5, 6))
                primitives.append({"attributes": attributes, "indices": number, "mode": mode})
            continue
        index = draws.choice((5121, 5123, 5125))
        number = buffer.accessor(index, "SCALAR", np.array(part).ravel())
        mode = draws.choice(({"mode": 4}, {}))
        primitives.append({"attributes": attributes, "indices": number, **mode})
    if draws.random() < 0.3:
        primitives.insert(0, {"attributes": attributes, "mode": draws.choice((0, 1, 2, 3))})
    # glTF's node takes (x, y, z) to scale * (x, y, z) + shift
    if draws.random() < 0.5:
        frame = {"translation": shift.tolist(), "scale": [scale] * 3}
    else:
        rows = np.diag([scale] * 3 + [1.0])
        rows[:3, 3] = shift
        frame = {"matrix": rows.T.ravel().tolist()}
    nodes = [{"name": draws.choice(NAMES), "mesh": 0, **frame}]
    if draws.random() < 0.5:
        nodes = [{**nodes[0]}, {"children": [0], "rotation": [0, 0, 0, 1]}]
    document = {
        "asset": {"version": "2.0"}, "nodes": nodes, "meshes": [{"primitives": primitives}],
        "accessors": buffer.accessors, "bufferViews": buffer.views,
        "buffers": [{"byteLength": len(buffer.data)}], "images": [{"uri": "other.png"}],
        "extensionsUsed": ["KHR_materials_unlit"],
    }  # fmt: skip
    if draws.random() < 0.8:
        document |= {"scenes": [{}, {"nodes": [len(nodes) - 1]}], "scene": 1}
    if draws.random() < 0.1:
        text = base64.b64encode(buffer.data).decode()
        document["buffers"][0]["uri"] = "data:application/octet-stream;base64," + text
        buffer.data = b""
    text = json.dumps(document, ensure_ascii=draws.random() < 0.5).encode()
    text = text if draws.random() < 0.8 else text.replace("\u00e9".encode(), b"\xe9")
    data = packed(text, buffer.data, draws.choice((b" ", b"\0", b"\n", b"\t")))
    if buffer.data and draws.random() < 0.3:
        data += struct.pack("<I4s", 4, b"XTRA") + bytes(4)
    return data + draws.choice((b"", b"", bytes(4), bytes(3), b"\n"))
