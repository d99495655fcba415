"""Files that are hostile by design, for `benchmarks/fuzz.py`: sharing, repetition, nesting.

Every maker takes a valid file, random draws and the size in bytes that the result should have, and
returns a file whose lengths, counts and offsets agree: it comes past a door's first checks.
Sharing refers to the same data many times, repetition says the same thing until the size is
reached, nesting puts things into things.
"""

import io
import json
import random
import re
import struct
import zipfile
from collections.abc import Callable

Maker = Callable[[bytes, random.Random, int], bytes]
RIGHT = 1 | 0 << 2 | 1 << 4  # a quarter turn in a .vox scene


# ---- text: .obj, .off, .ply, .stl, JSON ----------------------------------------------------------


def repeat_line(data: bytes, draws: random.Random, size: int) -> bytes:
    """One line, token or slice of a file, again and again; announced counts stay as they are."""
    pieces = draws.choice((data.splitlines(keepends=True), re.findall(rb"\S+\s*", data)))
    start = draws.randrange(len(data))
    piece = draws.choice((draws.choice(pieces), data[start : start + draws.randint(1, 99)]))
    place = draws.choice((data.find(piece), len(data)))
    return data[:place] + piece * (size // len(piece) + 1) + data[place:]


def obj_words(data: bytes, draws: random.Random, size: int) -> bytes:
    """Words that make parts: groups and materials, all of which share the vertices."""
    words = [b"usemtl a%d", b"o part%d", b"g part%d", b"s %d", b"mtllib m%d.mtl", b"l 1 2 %d"]
    line = draws.choice(words) + draws.choice((b"\n", b"\nf 1 2 3\n", b"\nf -1 -2 -3\nv 0 0 %d\n"))
    lines = b"".join(line.replace(b"%d", b"%d" % n) for n in range(size // len(line) + 1))
    return data + lines


def triangle_soup(suffix: str) -> Maker:
    """Faces that share three corners, as many as the size allows, and announced rightly."""

    def make(data: bytes, draws: random.Random, size: int) -> bytes:
        numbers = [draws.choice((0, 1, 1e-3, 1e9)) for _ in range(9)]
        if suffix == ".stl":
            one = struct.pack("<12fH", 0, 0, 0, *numbers, 0)
            count = size // len(one) + 1
            return bytes(80) + struct.pack("<I", count) + one * count
        line = {".obj": b"f 1 2 3\n"}.get(suffix, b"3 0 1 2\n")
        count = size // len(line) + 1
        points = b"%g %g %g\n" * 3 % tuple(numbers)
        if suffix == ".obj":
            return points.replace(b"\n", b"\nv ", 2).join((b"v ", line * count))
        if suffix == ".off":
            return b"OFF\n3 %d 0\n" % count + points + line * count
        properties = b"".join(b"property float %c\n" % axis for axis in b"xyz")
        head = b"ply\nformat ascii 1.0\nelement vertex 3\n" + properties
        faces = b"element face %d\nproperty list uchar int vertex_indices\nend_header\n" % count
        return head + faces + points + line * count

    return make


def polygon(suffix: str) -> Maker:
    """One face of very many corners."""

    def make(data: bytes, draws: random.Random, size: int) -> bytes:
        count = size // 4 + 3
        corners = b" ".join(b"%d" % (n % 3 + (suffix == ".obj")) for n in range(count))
        if suffix == ".obj":
            return b"v 0 0 0\nv 1 0 0\nv 0 1 1\nf " + corners + b"\n"
        points = b"0 0 0\n1 0 0\n0 1 1\n%d %s\n" % (count, corners)
        if suffix == ".off":
            return b"OFF\n3 1 0\n" + points
        head = b"ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\n"
        faces = b"element face 1\nproperty list uint int vertex_indices\nend_header\n"
        return head + b"property float z\n" + faces + points

    return make


def other_lines(maker: Maker) -> Maker:
    """A file of another maker, all of whose words are in one line, or each in its own."""

    def make(data: bytes, draws: random.Random, size: int) -> bytes:
        head, end, body = maker(data, draws, size).rpartition(b"end_header\n")
        return head + end + body.replace(*draws.choice(((b"\n", b" "), (b" ", b"\n"))))

    return make


def stl_solids(data: bytes, draws: random.Random, size: int) -> bytes:
    """Solids in a text .stl, inside or behind each other."""
    facet = b"facet normal 0 0 1\nouter loop\n" + b"vertex 0 1 2\nvertex 1 0 0\nvertex 2 2 0\n"
    whole = b"solid a\n" + facet + b"endloop\nendfacet\nendsolid a\n"
    part = draws.choice((whole, facet, b"solid a\n", b"outer loop\n", b"endsolid a\n"))
    return b"solid a\n" + part * (size // len(part) + 1) + whole


def ply_elements(data: bytes, draws: random.Random, size: int) -> bytes:
    """A .ply header of very many elements, properties or comments."""
    head, rest = data.split(b"end_header\n", 1)
    line = draws.choice(
        (b"comment a\n", b"property float q%d\n", b"element e%d 0\nproperty float x\n",
         b"obj_info\n", b"element e%d 9\nproperty list uchar int a\n", b"element e%d 99999\n")
    )  # fmt: skip
    lines = b"".join(line.replace(b"%d", b"%d" % n) for n in range(size // len(line) + 1))
    return head + lines + b"end_header\n" + rest


# ---- JSON and what holds it: results, configs, .glb, .safetensors --------------------------------


def tiny_things(draws: random.Random, size: int) -> bytes:
    """A JSON list, as long as the size says, of the smallest things."""
    thing = draws.choice((b"[]", b"{}", b"0.1", b'"ab"', b"1", b'{"":[]}', b"[[],[]]", b"null"))
    return b"[" + (thing + b",") * (size // (len(thing) + 1)) + thing + b"]"


def deep_things(draws: random.Random, size: int) -> bytes:
    """JSON in JSON in JSON."""
    before, within, behind = draws.choice(((b"[", b"1", b"]"), (b'{"a":', b"1", b"}")))
    depth = min(size // (len(before) + len(behind)) + 1, draws.choice((60, 300, 990, size)))
    return before * depth + within + behind * draws.choice((depth, depth, 0))


def many_keys(draws: random.Random, size: int) -> bytes:
    """A JSON object of very many keys, of which one may appear twice."""
    keys = [b'"%x":0' % n for n in range(size // 8 + 1)]
    return b"{" + b",".join([*keys, draws.choice((b'"0":0', b'"z":0'))]) + b"}"


def json_with(thing: Callable[[random.Random, int], bytes]) -> Maker:
    """A valid JSON file in which some value is replaced by a large thing."""

    def make(data: bytes, draws: random.Random, size: int) -> bytes:
        values = list(re.finditer(rb'(?<=: )("[^"]*"|[\d.]+|\[[^\]]*\])', data))
        place = draws.choice(values) if draws.random() < 0.8 else re.match(rb"(?s).*", data)
        return data[: place.start()] + thing(draws, size) + data[place.end() :]

    return make


def huge_config(data: bytes, draws: random.Random, size: int) -> bytes:
    """A config whose network would be far larger than its weights."""
    config = json.loads(data)
    number = draws.choice((128, 129, 1000, 10_000, 10**6, 10**9))
    count = draws.choice((1, 3, 8, min(size // 8 + 1, 10**5)))
    config["network"] |= draws.choice(
        ({"channels": [number] * count}, {"blocks": number}, {"blocks": 99, "channels": [64] * 20},
         {"heads": number, "channels": [number]}, {"patch": number}, {"channels": [number, number]})
    )  # fmt: skip
    return json.dumps(config).encode()


def packed_glb(document: bytes, binary: bytes) -> bytes:
    """A .glb of this JSON and these bytes, with lengths that are right."""
    document += b" " * (-len(document) % 4)
    binary += bytes(-len(binary) % 4)
    chunks = struct.pack("<I4s", len(document), b"JSON") + document
    chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def glb_parts(data: bytes) -> tuple[bytes, bytes]:
    """The JSON and the bytes of a .glb."""
    length = struct.unpack_from("<I", data, 12)[0]
    return data[20 : 20 + length], data[28 + length :]


def glb_json(thing: Maker) -> Maker:
    """A .glb whose JSON is made by another maker."""

    def make(data: bytes, draws: random.Random, size: int) -> bytes:
        document, binary = glb_parts(data)
        text = re.sub(rb":(?=\S)", b": ", json.dumps(json.loads(document)).encode())
        return packed_glb(thing(text, draws, size), binary)

    return make


def glb_shared(data: bytes, draws: random.Random, size: int) -> bytes:
    """A .glb whose nodes share a mesh, whose primitives share accessors, or groups share groups."""
    document, binary = glb_parts(data)
    scene = json.loads(document)
    count, kind = max(2, size // 40), draws.randrange(6)
    mesh, used = scene["meshes"][0], len(scene["nodes"])
    if kind == 0:  # nodes share a mesh
        scene["nodes"] += [{"mesh": 0}] * count
        scene["scenes"][0]["nodes"] += range(used, used + count)
    elif kind == 1:  # primitives share accessors
        mesh["primitives"] = mesh["primitives"] * count
    elif kind == 2:  # meshes share accessors
        scene["meshes"] += [mesh] * count
        scene["nodes"] += [{"mesh": n} for n in range(count)]
        scene["scenes"][0]["nodes"] += range(used, used + count)
    elif kind == 3:  # groups share groups: two to the power of their number
        many = min(count, draws.choice((5, 15, 30, 500)))
        scene["nodes"] += [{"children": [used + n + 1] * 2} for n in range(many)] + [{"mesh": 0}]
        scene["scenes"][0]["nodes"] = [used]
    elif kind == 4:  # accessors share a view
        scene["accessors"] += scene["accessors"] * min(count, 10**5)
        mesh["primitives"] += [
            {"attributes": {"POSITION": n}} for n in range(used, min(count, 999))
        ]
    else:  # one view is stretched over everything, with a stride
        scene["bufferViews"] = [dict(scene["bufferViews"][0], byteStride=4)] * count
    return packed_glb(json.dumps(scene).encode(), binary)


def glb_deep(data: bytes, draws: random.Random, size: int) -> bytes:
    """A .glb whose nodes are a chain, perhaps with an end that is its beginning."""
    document, binary = glb_parts(data)
    scene = json.loads(document)
    start, count = len(scene["nodes"]), size // 40 + 2
    scene["nodes"] += [{"children": [start + n + 1]} for n in range(count)]
    scene["nodes"].append(draws.choice(({"mesh": 0}, {"mesh": 0}, {"children": [start]})))
    scene["scenes"][0]["nodes"] = [start]
    return packed_glb(json.dumps(scene).encode(), binary)


def safetensors_with(kind: str) -> Maker:
    """Weights whose header names very many tensors, of the same bytes or of none, or is deep."""

    def make(data: bytes, draws: random.Random, size: int) -> bytes:
        length = struct.unpack_from("<Q", data)[0]
        header, weights = json.loads(data[8 : 8 + length]), data[8 + length :]
        name, tensor = draws.choice([item for item in header.items() if item[0] != "__metadata__"])
        if kind == "sharing":
            header |= {f"{name}{n}": tensor for n in range(size // 90 + 1)}
        elif kind == "repetition":
            empty = {
                "dtype": draws.choice(("U8", "F16", "F64")),
                "shape": [0],
                "data_offsets": [0, 0],
            }
            header |= {f"{n}": empty for n in range(size // 60 + 1)}
        else:
            header["__metadata__"] = header.get("__metadata__", {}) | {"about": "deep"}
        text = json.dumps(header).encode()
        if kind == "nesting":
            deep = deep_things(draws, size)
            text = text.replace(b'"deep"', draws.choice((deep, json.dumps(deep.decode()).encode())))
        return struct.pack("<Q", len(text)) + text + weights

    return make


# ---- .vox and .binvox ----------------------------------------------------------------------------


def vox_chunk(name: bytes, content: bytes = b"", children: bytes = b"") -> bytes:
    return struct.pack("<4sii", name, len(content), len(children)) + content + children


def vox_file(chunks: bytes) -> bytes:
    return struct.pack("<4si", b"VOX ", 150) + vox_chunk(b"MAIN", b"", chunks)


def vox_body(data: bytes) -> bytes:
    """What MAIN holds."""
    return data[20 : 20 + struct.unpack_from("<i", data, 16)[0]]


def vox_group(number: int, children: list[int]) -> bytes:
    return vox_chunk(
        b"nGRP", struct.pack(f"<{3 + len(children)}i", number, 0, len(children), *children)
    )


def vox_move(number: int, child: int) -> bytes:
    frame = b"".join(
        struct.pack("<i", len(text)) + text for text in (b"_t", b"1 0 0", b"_r", b"%d" % RIGHT)
    )
    return vox_chunk(b"nTRN", struct.pack("<7i", number, 0, child, -1, -1, 1, 2) + frame)


def vox_shape(number: int, model: int) -> bytes:
    return vox_chunk(b"nSHP", struct.pack("<5i", number, 0, 1, model, 0))


def vox_shared(data: bytes, draws: random.Random, size: int) -> bytes:
    """Groups that share groups, transforms that share a shape, shapes that share a model."""
    models, kind = vox_body(data), draws.randrange(3)
    count = max(2, size // 60)
    if kind == 0:  # a power of the number of groups
        width = draws.choice((2, 3, 50))
        groups = [vox_group(n, [n + 1] * width) for n in range(min(count, 200))]
        scene = [*groups, vox_shape(len(groups), 0)]
    elif kind == 1:  # instances
        scene = [vox_group(0, list(range(2, count + 2))), vox_shape(1, 0)]
        scene += [vox_move(n, 1) for n in range(2, count + 2)]
    else:
        scene = [vox_group(0, list(range(1, count + 1)))]
        scene += [vox_shape(n, 0) for n in range(1, count + 1)]
    return vox_file(models + b"".join(scene))


def vox_repeated(data: bytes, draws: random.Random, size: int) -> bytes:
    """One chunk, word, frame or voxel until the size is reached."""
    models = vox_body(data)
    number = struct.pack("<i", draws.choice((0, 1, 4)))
    words = [b"_t", b"1 0 0", b"", b"_f", b"7"]
    kind, count = draws.randrange(5), size // 12 + 1
    if kind == 0:  # chunks
        small = (vox_chunk(b"NOTE"), vox_chunk(b"LAYR", bytes(12)), vox_chunk(b"RGBA", bytes(999)))
        one = draws.choice((models, models[:24], vox_shape(0, 0), *small))
        return vox_file(models + one * (size // len(one) + 1))
    if kind == 1:  # the words of a node
        pair = b"".join(struct.pack("<i", len(w)) + w for w in draws.choices(words, k=2))
        count = size // len(pair) + 1
        return vox_file(
            models
            + vox_chunk(b"nTRN", number + struct.pack("<i", count) + pair * count + bytes(16))
        )
    if kind == 2:  # frames of a transform
        content = bytes(8) + struct.pack("<iiii", 1, -1, -1, count) + bytes(4 * count)
        return vox_file(models + vox_chunk(b"nTRN", content) + vox_shape(1, 0))
    if kind == 3:  # children of a group
        return vox_file(models + vox_group(0, [1] * count) + vox_shape(1, 0))
    count = size // 4 + 1  # voxels of a model
    voxels = vox_chunk(
        b"XYZI", struct.pack("<i", count) + draws.randbytes(3) * 0 + b"\1" * 4 * count
    )
    return vox_file(vox_chunk(b"SIZE", struct.pack("<3i", 256, 256, 256)) + voxels)


def vox_deep(data: bytes, draws: random.Random, size: int) -> bytes:
    """Groups in groups, chunks in chunks, with or without an end."""
    models, depth = vox_body(data), size // 24 + 1
    if draws.random() < 0.3:
        for _ in range(min(depth, 500)):
            models = vox_chunk(draws.choice((b"MAIN", b"PACK", b"what")), b"", models)
        return vox_file(models)
    end = draws.choice((vox_shape(depth, 0), vox_group(depth, [0]), vox_group(depth, [depth // 2])))
    one = draws.choice((vox_move, lambda number, child: vox_group(number, [child])))
    return vox_file(models + b"".join(one(n, n + 1) for n in range(depth)) + end)


def binvox_of(kind: str) -> Maker:
    """A grid of any size in runs of any length, or a header that goes on and on."""

    def make(data: bytes, draws: random.Random, size: int) -> bytes:
        if kind == "nesting":
            line = draws.choice((b"#binvox 1\n", b"dim 8 8 8\n", b"# data\n", b"\n", b" ", b"x"))
            return b"#binvox 1\n" + line * (size // len(line) + 1) + data[10:]
        length = draws.choice((1, 7, 255)) if kind == "repetition" else 255
        side = draws.choice((8, 64) if size < 2**16 else (64, 256, 511, 512))
        header = b"#binvox 1\ndim %d %d %d\ndata\n" % (side, side, side)
        count = min(side**3 // length, size) if length < 255 else side**3 // 255
        runs = bytes((draws.randrange(2), length)) * count
        left = side**3 - count * length
        return header + runs + (bytes((1, left)) if 0 < left < 256 else b"\0\0" * (size // 9))

    return make


# ---- .npz ----------------------------------------------------------------------------------------


def npy(dtype: str, shape: tuple[int, ...], content: bytes) -> bytes:
    """An array as .npy, whatever its header says."""
    header = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


def zipped(members: list[tuple[str, bytes]], draws: random.Random) -> bytes:
    """A zip of these members, stored or deflated."""
    stream, method = io.BytesIO(), draws.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(stream, "w", method, compresslevel=1) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def npz_texts(data: bytes, draws: random.Random, size: int) -> bytes:
    """Shapes with very many, or very long, classes or captions; zeros pack to a thousandth."""
    size *= draws.choice((1, 8))
    length = draws.choice((1, 2, 300, size // 4 + 1))
    count = size // (4 * length) + 1
    shapes = draws.choice((1, count))
    text = draws.choice((bytes(4), b"a\0\0\0", b"\xff\xf6\1\0")) * length * count
    members = [("voxels.npy", npy("|u1", (shapes, 1), b"\x80" * shapes))]
    members.append(
        (draws.choice(("classes.npy", "captions.npy")), npy(f"<U{length}", (count,), text))
    )
    return zipped(members, draws)


def npz_shapes(data: bytes, draws: random.Random, size: int) -> bytes:
    """Very many shapes, or one very large one, of zeros or ones, in one part or in two."""
    size *= draws.choice((1, 8))
    side = draws.choice((1, 2, 8, 64, 512))
    width = -(-(side**3) // 8)
    count = draws.choice((1, size // width + 1))
    array = npy("|u1", (count, width), draws.choice((b"\0", b"\xff")) * (count * width))
    labels = npy("|u1", (count,), bytes(count))
    if draws.random() < 0.5:
        return zipped([("voxels.npy", array), ("labels.npy", labels)], draws)
    parts = [(f"{part}_{key}", value) for part in ("train", "test")
             for key, value in (("voxels.npy", array), ("labels.npy", labels))]  # fmt: skip
    return zipped(parts, draws)


def npz_members(data: bytes, draws: random.Random, size: int) -> bytes:
    """Very many members, with the same or other names, or in folders in folders."""
    name = draws.choice(("voxels.npy", "a{}.npy", "a/" * 100 + "{}.npy", "voxels.npy.npy"))
    one = b"PK\3\4" + bytes(26)
    count, directory, body = size // (120 + 2 * len(name)) + 1, [], io.BytesIO()
    for number in range(count):
        text = name.format(number).encode()
        start = body.tell()
        body.write(one[:26] + struct.pack("<HH", len(text), 0) + text)
        entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, len(text), 0, 0,
                            0, 0, 0, start * draws.choice((0, 1)))  # fmt: skip
        directory.append(entry + text)
    listed, start = b"".join(directory), body.tell()
    numbers = (0, 0, min(count, 65535), min(count, 65535), len(listed), start, 0)
    return body.getvalue() + listed + struct.pack("<4s4H2IH", b"PK\5\6", *numbers)


def npz_deep(data: bytes, draws: random.Random, size: int) -> bytes:
    """An array whose header is a tuple in a tuple, or longer than it may be; a zip in a zip."""
    if draws.random() < 0.3:
        return zipped([("voxels.npy", data)], draws)
    text = draws.choice((b"(", b"[", b"-", b"{0:", b"'a' ", b" ", b"9")) * min(size, 2**26)
    version, length = draws.choice(((1, min(len(text), 65535)), (2, len(text)), (3, len(text))))
    packed = struct.pack("<H" if version == 1 else "<I", length)
    header = b"\x93NUMPY" + bytes((version, 0)) + packed
    return zipped([("voxels.npy", header + text + bytes(64))], draws)


# ---- all of them ---------------------------------------------------------------------------------

JSON = {
    "sharing": json_with(many_keys),
    "repetition": json_with(tiny_things),
    "nesting": json_with(deep_things),
}
MAKERS: dict[str, dict[str, tuple[Maker, ...]]] = {
    ".obj": {"sharing": (obj_words, triangle_soup(".obj")), "repetition": (repeat_line,),
             "nesting": (polygon(".obj"),)},
    ".off": {"sharing": (triangle_soup(".off"), other_lines(triangle_soup(".off"))),
             "repetition": (repeat_line,), "nesting": (polygon(".off"),)},
    ".ply": {"sharing": (triangle_soup(".ply"), other_lines(triangle_soup(".ply"))),
             "repetition": (repeat_line, ply_elements), "nesting": (polygon(".ply"),)},
    ".stl": {"sharing": (triangle_soup(".stl"),), "repetition": (repeat_line, stl_solids),
             "nesting": (stl_solids, other_lines(stl_solids))},
    ".glb": {"sharing": (glb_shared,), "repetition": (glb_json(JSON["repetition"]),),
             "nesting": (glb_deep, glb_json(JSON["nesting"]))},
    ".vox": {"sharing": (vox_shared,), "repetition": (vox_repeated,), "nesting": (vox_deep,)},
    ".binvox": {kind: (binvox_of(kind),) for kind in JSON},
    ".npz": {"sharing": (npz_members, npz_texts), "repetition": (npz_shapes, npz_texts),
             "nesting": (npz_deep,)},
    ".json": {kind: (maker,) for kind, maker in JSON.items()},
    "config.json": {"sharing": (huge_config, JSON["sharing"]),
                    "repetition": (huge_config, JSON["repetition"]), "nesting": (JSON["nesting"],)},
    ".safetensors": {kind: (safetensors_with(kind),) for kind in JSON},
}  # fmt: skip
