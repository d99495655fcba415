"""What is wrong with a mesh file is said by line and by its true reason; what is odd is read."""

import json
import struct

import dialects
import numpy as np
import pytest

from course_utils.files import door, glb, lexing, obj, ply, polygons, rows
from course_utils.files.meshes import read_triangles

CORNER = b"v 0 0 0\nv 1 0 0\nv 0 1 0\n"
PLY = (
    b"ply\nformat %s 1.0\nelement vertex %d\nproperty float x\nproperty float y\nproperty float z\n"
)
FACE = b"element face %d\nproperty list uchar int vertex_indices\nend_header\n"
ASCII = PLY % (b"ascii", 3) + FACE % 1 + b"0 0 0\n1 0 0\n0 1 0\n"  # 13 lines
FACET = (
    b"facet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\nendloop\nendfacet\n"
)
TRIANGLE = [[0, 0, 0], [1, 0, 0], [0, 1, 0]]

REFUSED = {
    "zero.obj": (CORNER + b"f 1 2 0\n", "line 4: a face names vertex 0, but indices begin at 1"),
    "zero2.obj": (b"\n#\n" + CORNER + b"\tf 0/1/1 1/1/1 2/1/1 # f", "line 6: .* indices begin at 1"),
    "early.obj": (CORNER + b"f -1 -2 -4\n", "line 4: a face names vertex '-4', which is before"),
    "late.obj": (CORNER + b"f 1 2 3\nf 1 2 3\nf 1 2 7//3\n", "line 6: a face names vertex 7, .* 3"),
    "comma.obj": (CORNER + b"v 0,5 0 0\nf 1 2 3\n", "line 4: '0,5' is not a number; decimals are"),
    "commas.obj": (CORNER + b"v 1, 2, 3\nf 1 2 3\n", "line 4: '1,' is not a number; .* blanks stand"),
    "word.obj": (CORNER.replace(b"1", b"one", 1), "line 2: 'one' is not a number"),
    "underscore.obj": (CORNER + b"v 1_0 0 0\n", "line 4: '1_0' is not a number"),
    "slash.obj": (CORNER + b"v 1/2 0 0\n", "line 4: '1/2' is not a number"),
    "minus.obj": (CORNER + "v \u22121 0 0\n".encode(), "line 4: '\u22121' is not a number"),
    "half.obj": (CORNER + b"f 1 2 2.5\n", "line 4: '2.5' is not a whole number"),
    "short.obj": (CORNER + b"v 1 2\nf 1 2 3\n", "line 4: a vertex has fewer than 3 numbers"),
    "cut.obj": (CORNER + b"f 1 2", "line 4: a face has fewer than 3 corners"),
    "far.obj": (CORNER + b"v 1e999 0 0\n", "line 4: '1e999' is not a finite number"),
    "msvc.obj": (CORNER + b"v -1.#IND 0 0\n", "line 4: a vertex has fewer than 3"),
    "joined.obj": (CORNER + b"f 1 2 \\\n3\nf 1 2 x\n", "line 6: 'x' is not a number"),
    "nul.obj": (b"v 0 0 \0 0\n" + CORNER, "line 1: '\\\\x00' is not a number"),
    "curves.obj": (CORNER + b"p 1\nl 1 2\nsurf 0 1 0 1 1 2 3\n", "no faces, only points, lines, or curves"),
    "picture.obj": (b"\x89PNG\r\n\x1a\n" + bytes(40), "no faces"),
    "binary.off": (b"OFF BINARY\n" + bytes(60), "it is a binary OFF; save it as ASCII"),
    "dimensions.off": (b"nOFF 4\n3 1 0\n", "do not have three dimensions"),
    "counts.off": (b"OFF\n# a\nthree 1 0\n", "line 1: expected OFF and the numbers of vertices"),
    "few.off": (b"OFF\n3 2 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n", "ends after 1 of the 2 faces"),
    "many.off": (b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n\n3 0 1 2\n", "line 8: '3' stands behind all"),
    "list.off": (b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n4 0 1 2\n", "line 6: a list of '4' numbers does not"),
    "outside.off": (b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 3\n", "line 6: a face names vertex '3'"),
    "negative.off": (b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 -1\n", "line 6: a face names vertex '-1'"),
    "infinite.off": (b"4OFF\n3 1 0\n0 0 0 0\n1 0 0 1\n0 1 0 1\n3 0 1 2\n", "not a finite number"),
    "short.ply": (ASCII + b"3 0 1\n", "line 13: a list of '3' numbers does not fit"),
    "long.ply": (ASCII + b"3 0 1 2 0\n", "line 13: '0' stands behind all properties"),
    "more.ply": (ASCII + b"3 0 1 2\n3 0 1 2\n", "line 14: '3' stands behind all that the header"),
    "less.ply": (ASCII, "ends after 0 of the 1 face"),
    "outside.ply": (ASCII + b"3 0 1 3\n", "line 13: a face names vertex '3', but there are 3, from 0"),
    "type.ply": (ASCII.replace(b"float y", b"real y"), "line 5: 'property real y' is not a line"),
    "twice.ply": (ASCII.replace(b"element face", b"element vertex 3\nelement face"), "line 7: a second"),
    "format.ply": (ASCII.replace(b"ascii", b"utf8"), "line 2: 'format utf8 1.0' is not"),
    "cloud.ply": (PLY % (b"ascii", 1) + b"end_header\n0 0 0\n", "it has no faces; its header announces vertex"),
    "flat.ply": (ASCII.replace(b"float z", b"float w") + b"3 0 1 2", "element vertex has no property z"),
    "single.ply": (ASCII.replace(b"list uchar ", b""), "vertex_indices is not a list"),
    "negative.ply": (
        PLY % (b"binary_little_endian", 3) + FACE.replace(b"uchar", b"char") % 1 + bytes(36) + b"\xff",
        "a list of -1 numbers",
    ),
    "cut.ply": (PLY % (b"binary_big_endian", 9) + FACE % 1 + bytes(99), "cut off among its 9 x vertex"),
    "open.stl": (b"solid\n" + FACET[:60], "a vertex is cut off|its last facet is cut off"),
    "quad.stl": (b"solid\n" + FACET.replace(b"vertex 1 0 0", b"vertex 1 0 0\nvertex 1 1 0"), "line 8: the loop"),
    "comma.stl": (b"solid\n" + FACET.replace(b"1 0 0", b"1,0 0 0"), "line 5: '1,0' is not a number; decimals"),
    "less.stl": (bytes(80) + struct.pack("<I", 3) + bytes(100), "announces 3 triangles, which take 234"),
    "more.stl": (bytes(80) + struct.pack("<I", 1) + b"\1" * 150, "announces 1 triangles, but 100 more"),
    "solid.stl": (b"solid".ljust(80) + struct.pack("<I", 9) + bytes(100), "announces 9 triangles"),
    "empty.stl": (b"solid a\nendsolid a\n", "it has no faces"),
    "header.stl": (b"solid facet normal".ljust(80) + struct.pack("<I", 9) + b"\1" * 60, "announces 9"),
    "strip.ply": (
        ASCII.replace(b"face", b"tristrips").replace(b"uchar", b"char") + b"4 0 1 -2 2\n",
        "line 13: a face names vertex '-2'",
    ),
    "text.glb": (b'{"asset": {}}', "it is the text of a .gltf"),
    "json.glb": (dialects.packed(b'{"asset": ', b""), "its JSON is damaged: .* line 1"),
    "deep.glb": (dialects.packed(b"[" * 200_000, b""), "its JSON is nested too deeply"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_the_line_and_the_reason_are_named(tmp_path, name):
    data, reason = REFUSED[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=reason) as caught:
        read_triangles(tmp_path / name)
    assert name in str(caught.value)


TEN_BYTES = b"\n" * 36  # numbers may be of the byte that ends a line
READ = {
    "glued.off": (b"OFF3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n", TRIANGLE),  # as in ModelNet
    "edges.off": (b"OFF 3 2 1\n0 0 0\n1 0 0\n0 1 0\n2 0 1\n3 0 1 2 0.5 0.5 0.5\n", TRIANGLE),
    "weights.off": (b"4OFF 3 1 0\n0 0 0 1\n2 0 0 2\n0 3 0 3\n3 0 1 2\n", TRIANGLE),
    "one_line.off": (b"OFF 3 1 0 0 0 0 1 0 0 0 1 0 3 0 1 2", TRIANGLE),
    "one_a_line.off": (b"OFF\n3\n1\n0\n0\n0\n0\n1\n0\n0\n0\n1\n0\n3\n0\n1\n2\n", TRIANGLE),
    "uneven.off": (b"COFF\n3 2\n0 0 0 1 1\n1 1 1 0 0 9 9 9\n9 0 1 0 9 9 9 9\n3 0 1\n2 2 0 1", TRIANGLE),
    "uneven4.off": (b"4OFF\n3 1 -1\n0 0 0 1 2 0\n0 2 0 3 0 3\n3\n0 1 2", TRIANGLE),
    "dimensions3.off": (b"nOFF 3\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n", TRIANGLE),
    "dimensions3n.off": (b"nOFF\n3\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n", TRIANGLE),
    "one_line.ply": (ASCII[:-18] + b"0 0 0 1 0 0 0 1 0 3 0 1 2", TRIANGLE),
    "uneven.ply": (ASCII[:-18] + b"0\n0 0 1 0\n0 0 1 0\n\n3 0\n1 2", TRIANGLE),
    "version.ply": (ASCII.replace(b"ascii 1.0", b"ascii") + b"3 0 1 2", TRIANGLE),
    "joined_files.obj": (b"\xef\xbb\xbf\xef\xbb\xbf" + CORNER + b"\xef\xbb\xbff 1 2 3\n", TRIANGLE),
    "continued_blank.obj": (CORNER + b"f 1 \\  \n2 \\\t\r\n3\n", TRIANGLE),
    "one_line.stl": (b"solid a vertex " + FACET.replace(b"\n", b" ") + b"endsolid a vertex", TRIANGLE),
    "beside.stl": (b"solid " + FACET.replace(b"\n", b" ") + b"\nendsolid facet", TRIANGLE),
    "remark.stl": (b"# made by hand\nsolid a\n" + FACET + b"endsolid a\n", TRIANGLE),
    "forward.obj": (b"f 1 2 3\n" + CORNER, TRIANGLE),
    "relative.obj": (CORNER + b"f -3 -2 -1\nv 9 9 9\n", TRIANGLE),
    "fortran.obj": (CORNER.replace(b"1", b"1.0D+00") + b"f 1 2 3", TRIANGLE),
    "continued.obj": (CORNER.replace(b"v ", b"v\\\r\n ") + b"f 1 \\\r\n2 \\\r\n3", TRIANGLE),
    "comment.obj": (b"# C:\\a\\\n" + CORNER + b"f 1 2 3 # b\\\nv 1 1 1\n", TRIANGLE),
    "folders.obj": (b"mtllib C:\\a\\\n" + CORNER + b"g \x95\\\nf 1 2 3 # b\\\n", TRIANGLE),
    "no_end.stl": (FACET[:-10] + b"\x1a", TRIANGLE),
    "name.stl": (b"solid vertex 1 # facet\n" + FACET + b"endsolid vertex 1\n", TRIANGLE),
    "mac.ply": ((ASCII + b"3 0 1 2").replace(b"\n", b"\r"), TRIANGLE),
    "ten.ply": (
        PLY.replace(b"\n", b"\r") % (b"binary_big_endian", 3) + FACE.replace(b"\n", b"\r") % 1
        + TEN_BYTES + b"\3" + struct.pack(">3i", 0, 1, 2),
        np.frombuffer(TEN_BYTES, ">f4").astype(float).reshape(3, 3).tolist(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_what_is_odd_is_read(tmp_path, name):
    data, expected = READ[name]
    (tmp_path / name).write_bytes(data)
    assert read_triangles(tmp_path / name, up="z").tolist() == [expected]


@pytest.mark.parametrize("order", ["", "<", ">"])
def test_strips_in_a_ply_are_cut(tmp_path, order):
    """As Stanford's programs write them: -1 ends a strip, and so does the list."""
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 2, 0]], "<f4")
    lists = [[0, 1, 2, 3, 4, -1, 4, 3, 2, -1, -1, 0, 1], [], [-1], [1, 3, 2, 0]]
    expected = [[0, 1, 2], [2, 1, 3], [2, 3, 4], [4, 3, 2], [1, 3, 2], [2, 3, 0]]
    encoding = {"": "ascii", "<": "binary_little_endian", ">": "binary_big_endian"}[order].encode()
    head = PLY % (encoding, 5) + FACE.replace(b"uchar", b"int").replace(b"face", b"tristrips") % 4
    if order:
        data = points.astype(order + "f4").tobytes()
        data += b"".join(struct.pack(f"{order}{len(s) + 1}i", len(s), *s) for s in lists)
    else:
        lines = [*points.tolist(), *([len(strip), *strip] for strip in lists)]
        data = "\n".join(" ".join(map(str, line)) for line in lines).encode()
    (tmp_path / "a.ply").write_bytes(head + data)
    assert np.array_equal(read_triangles(tmp_path / "a.ply"), points[np.array(expected)])


# ---- polygons ------------------------------------------------------------------------------------


def areas(triangles):
    """Two areas that differ where triangles overlap: of their sum as vectors, and their sum."""
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]) / 2
    return np.linalg.norm(normals.sum(axis=0)), np.linalg.norm(normals, axis=1).sum()


DENTED = {
    "arrow": [(0, 0), (2, 1), (0, 2), (0.5, 1)],
    "L": [(0, 0), (3, 0), (3, 1), (1, 1), (1, 3), (0, 3)],
    "comb": [(0, 0), (5, 0), (5, 4), (4, 1), (3, 4), (2, 1), (1, 4)],
    "ring": [(0, 0), (4, 0), (4, 4), (0, 4), (0, 0), (1, 1), (1, 3), (3, 3), (3, 1), (1, 1)],
}


@pytest.mark.parametrize("shape", DENTED)
def test_a_dented_face_is_covered_once_and_nothing_else(tmp_path, shape):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        ring = np.roll(np.insert(DENTED[shape], 2, 0, axis=1), rng.integers(9), axis=0) @ turn
        lines = [f"v {x} {y} {z}" for x, y, z in ring]
        face = " ".join(str(i + 1) for i in range(len(ring)))
        (tmp_path / "a.obj").write_text("\n".join([*lines, f"f {face}"]))
        triangles = read_triangles(tmp_path / "a.obj")
        assert len(triangles) == len(ring) - 2
        x, y = np.array(DENTED[shape]).T
        area = abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2
        assert areas(triangles) == pytest.approx((area, area), rel=1e-9)


def test_random_stars_are_covered_once():
    rng, worst = np.random.default_rng(0), 0
    for _ in range(100):
        n = rng.integers(5, 40)
        angle = 2 * np.pi * (np.arange(n) + rng.uniform(0, 0.9, n)) / n
        radius = rng.uniform(0.1, 1, n)
        ring = np.stack([radius * np.cos(angle), radius * np.sin(angle), 0 * angle], axis=1)
        whole, parts = areas(polygons.triangles(ring, np.arange(n), np.array([n])))
        worst = max(worst, parts / whole - 1)
    assert worst < 1e-12


# ---- glb -----------------------------------------------------------------------------------------


def document(**changed):
    """A .glb of one triangle, with parts of its JSON changed."""
    points = np.array(TRIANGLE, dtype="<f4").tobytes()
    whole = {
        "asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
        "bufferViews": [{"buffer": 0, "byteLength": 36}], "buffers": [{"byteLength": 36}],
    }  # fmt: skip
    return dialects.packed(json.dumps({**whole, **changed}).encode(), points)


def primitive(**extra):
    return [{"primitives": [{"attributes": {"POSITION": 0}, **extra}]}]


NO_VIEW = [{"componentType": 5126, "count": 3, "type": "VEC3"}]
TEN = {"bufferView": 0, "componentType": 5126, "type": "VEC3", "count": 10}
REFUSED_GLB = {
    "draco": (
        {"meshes": primitive(extensions={"KHR_draco_mesh_compression": {}}), "accessors": NO_VIEW},
        r"its geometry is compressed \(KHR_draco_mesh_compression\)",
    ),
    "meshopt": ({"extensionsRequired": ["EXT_meshopt_compression"]}, r"compressed \(EXT_meshopt"),
    "meshopt, not required": (
        {
            "bufferViews": [{"buffer": 1, "byteLength": 36, "extensions": {"EXT_meshopt_compression": {}}}],
            "buffers": [{"byteLength": 36}, {"byteLength": 36}],
        },
        r"compressed \(EXT_meshopt",
    ),
    "instances": (
        {"nodes": [{"mesh": 0, "extensions": {"EXT_mesh_gpu_instancing": {"attributes": {}}}}]},
        r"its node 0 stands for many copies \(EXT_mesh_gpu_instancing\)",
    ),
    "unknown": ({"extensionsRequired": ["ACME_spheres"]}, "requires the extension 'ACME_spheres'"),
    "outside": ({"buffers": [{"uri": "a.bin"}]}, "its data lie in another file, 'a.bin'"),
    "no data": ({"accessors": NO_VIEW}, "its accessor 0 has no data"),
    "count": ({"accessors": [TEN]}, "accessor 0 announces 10 items, which take 120 bytes of a view of 36"),
    "bool": ({"accessors": [{**TEN, "count": True}]}, "count: got True, expected a whole number"),
    "number": ({"scenes": [{"nodes": [3]}]}, "it names number 3 of its nodes, but there are 1"),
    "list": ({"nodes": {"a": 1}}, "nodes: got an object, expected a list"),
    "matrix": ({"nodes": [{"mesh": 0, "matrix": [1] * 15}]}, "the matrix of node 0: got .*16 numbers"),
    "sharing": ({"nodes": [{"children": [1, 1]}, {"mesh": 0}]}, "node 1 is reached twice"),
    "cycle": ({"nodes": [{"children": [1]}, {"mesh": 0, "children": [0]}]}, "node 0 is reached twice"),
    "points": ({"meshes": primitive(mode=0)}, "it has no faces"),
    "empty": ({"scenes": [{}]}, "it has no faces"),
    "flat": ({"nodes": [{"mesh": 0, "translation": [1e308, 0, 0], "scale": [1e308] * 3}]}, ""),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED_GLB)
def test_what_a_glb_cannot_give_is_named(tmp_path, case):
    changed, reason = REFUSED_GLB[case]
    if case == "flat":
        changed["nodes"][0]["scale"] = [1e309] * 3
        reason = "not a finite number"
    (tmp_path / "a.glb").write_bytes(document(**changed))
    with pytest.raises(ValueError, match=reason):
        read_triangles(tmp_path / "a.glb")


def test_a_glb_of_version_1_says_so(tmp_path):
    (tmp_path / "a.glb").write_bytes(struct.pack("<4sIIII", b"glTF", 1, 24, 4, 0) + b"{}  ")
    with pytest.raises(ValueError, match="it is glTF version 1; save it as"):
        read_triangles(tmp_path / "a.glb")


def test_a_mirrored_copy_keeps_its_front(tmp_path):
    nodes = [{"mesh": 0}, {"mesh": 0, "scale": [-1, 1, 1]}]
    (tmp_path / "a.glb").write_bytes(document(nodes=nodes, scenes=[{"nodes": [0, 1]}]))
    plain, mirrored = read_triangles(tmp_path / "a.glb", up="z")
    assert plain.tolist() == TRIANGLE
    assert mirrored.tolist() == [[0, 1, 0], [-1, 0, 0], [0, 0, 0]]


def test_strips_and_fans(tmp_path):
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 2, 0]], "<f4")
    for mode, order in (
        (5, [[0, 1, 2], [2, 1, 3], [2, 3, 4]]),
        (6, [[0, 1, 2], [0, 2, 3], [0, 3, 4]]),
    ):
        buffer = dialects.Buffer()
        buffer.accessor(5126, "VEC3", points)
        text = {
            "nodes": [{"mesh": 0}], "meshes": primitive(mode=mode), "accessors": buffer.accessors,
            "bufferViews": buffer.views, "buffers": [{}],
        }  # fmt: skip
        (tmp_path / "a.glb").write_bytes(dialects.packed(json.dumps(text).encode(), buffer.data))
        assert np.array_equal(read_triangles(tmp_path / "a.glb", up="z"), points[np.array(order)])


def test_normalised_coordinates_and_fallbacks_are_read(tmp_path):
    buffer = dialects.Buffer()
    buffer.accessor(5122, "VEC3", np.array(TRIANGLE) * 32767, normalized=True)
    text = {
        "nodes": [{"mesh": 0}], "meshes": primitive(), "accessors": buffer.accessors,
        "bufferViews": buffer.views, "buffers": [{}],
        "extensionsRequired": ["KHR_mesh_quantization", "KHR_texture_transform", "EXT_lights_image_based", "VRMC_vrm"],
    }  # fmt: skip
    (tmp_path / "a.glb").write_bytes(dialects.packed(json.dumps(text).encode(), buffer.data))
    assert read_triangles(tmp_path / "a.glb", up="z").tolist() == [TRIANGLE]
    draco = primitive(extensions={"KHR_draco_mesh_compression": {}})  # with a plain copy beside it
    (tmp_path / "b.glb").write_bytes(
        document(meshes=draco, extensionsUsed=["KHR_draco_mesh_compression"])
    )
    assert read_triangles(tmp_path / "b.glb", up="z").tolist() == [TRIANGLE]


# ---- what a file may cost ------------------------------------------------------------------------


def test_copies_are_counted_before_they_are_made(tmp_path, monkeypatch):
    monkeypatch.setattr(door, "MAX_FACES", 11)
    twelve = [{"mesh": 0}] * 12
    (tmp_path / "a.glb").write_bytes(document(nodes=twelve, scenes=[{"nodes": [*range(12)]}]))
    monkeypatch.setattr(glb.Scene, "triangles", None)
    with pytest.raises(ValueError, match="more than 11 faces"):
        read_triangles(tmp_path / "a.glb")
    meshes = primitive() * 12
    nodes = [{"mesh": i} for i in range(12)]
    (tmp_path / "a.glb").write_bytes(
        document(nodes=nodes, scenes=[{"nodes": [*range(12)]}], meshes=meshes)
    )
    with pytest.raises(ValueError, match="more than 11 faces"):
        read_triangles(tmp_path / "a.glb")


SPARSE = {
    "componentType": 5126, "type": "VEC3", "count": 10**6,
    "sparse": {"count": 1, "indices": {"bufferView": 0, "componentType": 5121}, "values": {"bufferView": 0}},
}  # fmt: skip
TOO_MUCH = {
    "numbers.obj": (lexing, "MAX_NUMBERS", 8, CORNER + b"f 1 2 3\n", "more than 8 numbers"),
    "numbers.stl": (lexing, "MAX_NUMBERS", 8, b"solid\n" + FACET, "more than 8 numbers"),
    "numbers.off": (lexing, "MAX_NUMBERS", 8, READ["glued.off"][0], "more than 8 numbers"),
    "numbers.ply": (lexing, "MAX_NUMBERS", 8, ASCII + b"3 0 1 2", "more than 8 numbers"),
    "faces.obj": (door, "MAX_FACES", 2, CORNER + b"f 1 2 3 1 2\n", "more than 2 faces"),
    "faces.off": (door, "MAX_FACES", 0, READ["glued.off"][0], "more than 0 faces"),
    "faces.stl": (door, "MAX_FACES", 0, b"solid\n" + FACET, "more than 0 faces"),
    "faces.ply": (door, "MAX_FACES", 0, ASCII + b"3 0 1 2", "more than 0 faces"),
    "ten.ply": (door, "MAX_FACES", 0, READ["ten.ply"][0], "more than 0 faces"),
    "counted.off": (rows, "MAX_COUNTED_BYTES", 9, READ["one_line.off"][0], "ends after 1 of the 3 vert"),
    "line.obj": (lexing, "MAX_LINE_BYTES", 9, CORNER + b"f 1 2 3   #\n", "line 4 has 12 bytes"),
    "joins.obj": (obj, "MAX_JOINS", 1, CORNER + b"f 1\\\n 2\\\n 3\n", "more than 1 of its lines"),
    "dents.obj": (
        polygons, "EAR_WORK", 400,
        b"".join(b"v %d %d 0\n" % point for point in DENTED["comb"]) + b"f 1 2 3 4 5 6 7", "too many dents",
    ),
    "lists.ply": (ply, "MAX_LIST_COLUMNS", 0, ASCII + b"3 0 1 2", "has 1 lists, expected at most 0"),
    "columns.ply": (ply, "MAX_COLUMNS", 3, ASCII + b"3 0 1 2", "more than 3 elements and"),
    "lists2.ply": (ply, "MAX_LISTS", 0, READ["ten.ply"][0], "more than 0 lists"),
    "json.glb": (glb, "MAX_JSON_BYTES", 99, document(), "its JSON has .* bytes, expected at most 99"),
    "parts.glb": (glb, "MAX_PARTS", 1, document(), "more than 1 nodes and primitives"),
    "sparse.glb": (
        glb, "MAX_COPIED_BYTES", 10**6,
        document(meshes=primitive(indices=1), accessors=[
            SPARSE, {"bufferView": 0, "componentType": 5121, "type": "SCALAR", "count": 3}
        ]),
        "sparse accessors take 12000000 bytes",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_is_too_much_is_said(tmp_path, monkeypatch, name):
    module, limit, value, data, reason = TOO_MUCH[name]
    (tmp_path / name).write_bytes(data)
    if name not in ("dents.obj", "sparse.glb"):
        read_triangles(tmp_path / name)
    monkeypatch.setattr(module, limit, value)
    with pytest.raises(ValueError, match=reason):
        read_triangles(tmp_path / name)
