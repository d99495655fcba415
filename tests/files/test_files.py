"""Readers and writers of shapes: round trips, hand-made files, hostile files, real data."""

import io
import json
import os
import struct
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import trimesh

from course_utils.datasets.own_shapes import read_mesh, read_voxels
from course_utils.files import door, npz, vox_scene
from course_utils.files.binvox import read_binvox
from course_utils.files.meshes import save_mesh
from course_utils.files.npz import read_npz, write_npz
from course_utils.files.vox import read_vox, write_vox
from course_utils.geometry.surface import blocky_mesh
from course_utils.geometry.voxelise import fit_to_cube


def noise(shape, density=0.3, seed=0):
    return np.random.default_rng(seed).random(shape) < density


def armchair():
    """A chair without any symmetry, 16 per side, with its back at large y and an arm at large x."""
    voxels = np.zeros((16, 16, 16), dtype=bool)
    voxels[0:6, 2:14, 1:15] = True
    voxels[6:16, 10:14, 1:15] = True
    voxels[6:9, 2:10, 12:15] = True
    return voxels


# ---- fitting -------------------------------------------------------------------------------------


def test_fit_stands_centred_and_keeps_the_aspect():
    grid = np.zeros((40, 50, 60), dtype=bool)
    grid[7:27, 3:13, 40:45] = True  # 20 high, 10 deep, 5 wide
    cube = fit_to_cube(grid, 16)  # scale 0.8: 16, 8 and 4
    expected = np.zeros((16, 16, 16), dtype=bool)
    expected[:, 4:12, 6:10] = True
    assert np.array_equal(cube, expected)


def test_fit_grows_by_repeating():
    shape = noise((8, 8, 8))
    shape[0, 0, 0] = shape[-1, -1, -1] = True
    large = fit_to_cube(shape, 24)
    assert np.array_equal(large, np.kron(shape, np.ones((3, 3, 3), dtype=bool)))


@pytest.mark.parametrize("n", [8, 9])
def test_fit_shrinks_to_whatever_is_touched(n):
    grid = noise((24, 24, 24), density=0.02)
    grid[0, 0, 0] = grid[-1, -1, -1] = True
    start = [i * 24 // n for i in range(n + 1)]
    expected = np.zeros((n, n, n), dtype=bool)
    for z, y, x in np.ndindex(n, n, n):
        expected[z, y, x] = grid[
            start[z] : start[z + 1], start[y] : start[y + 1], start[x] : start[x + 1]
        ].any()
    assert np.array_equal(fit_to_cube(grid, n), expected)


def test_fit_keeps_the_scale_of_a_cube_of_the_resolution():
    assert np.array_equal(fit_to_cube(armchair(), 16), armchair())
    aside = np.roll(armchair(), 1, axis=2)
    small = np.zeros((16, 16, 16), dtype=bool)
    small[5:8, 0:2, 13:16] = True
    cube = fit_to_cube(small, 16)
    assert cube[:3, 7:9].sum() == cube.sum() == 18
    assert np.array_equal(fit_to_cube(aside, 16), armchair())


# ---- npz -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [5, 8])
def test_npz_round_trip(tmp_path, side):
    voxels, labels = noise((7, side, side, side)), np.arange(7) % 3
    captions = [f"shape {i}: ä" for i in range(7)]
    for name in ("a.npz", "b.npz"):
        write_npz(tmp_path / name, voxels, labels, captions, ("chair", "table", "lamp"))
    archive = read_npz(tmp_path / "a.npz")
    assert (archive.resolution, len(archive)) == (side, 7)
    assert np.array_equal(archive.voxels(), voxels)
    assert np.array_equal(archive.voxels([3, 1]), voxels[[3, 1]])
    assert archive.labels.tolist() == labels.tolist() and archive.captions == tuple(captions)
    assert archive.classes == ("chair", "table", "lamp") and not archive.is_test.any()
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["a.npz", "b.npz"]


def test_npz_with_a_split_is_turned_to_z_up(tmp_path):
    train, test = noise((3, 6, 6, 6)), noise((2, 6, 6, 6), seed=1)  # x, y, z

    def pack(voxels):
        return np.packbits(voxels.reshape(len(voxels), -1), axis=1)

    np.savez(
        tmp_path / "m.npz",
        classes=np.array(["a", "b"]),
        train_voxels=pack(train),
        train_labels=np.array([0, 1, 1], np.uint8),
        test_voxels=pack(test),
        test_labels=np.array([1, 0], np.uint8),
    )
    archive = read_npz(tmp_path / "m.npz")
    assert np.array_equal(archive.voxels(~archive.is_test), train.transpose(0, 3, 2, 1))
    assert np.array_equal(archive.voxels(archive.is_test), test.transpose(0, 3, 2, 1))
    assert archive.labels.tolist() == [0, 1, 1, 1, 0] and archive.labels.dtype == np.int64


def test_npz_with_one_shape_is_a_shape(tmp_path):
    write_npz(tmp_path / "one.npz", armchair()[None])
    assert np.array_equal(read_voxels(tmp_path / "one.npz", 16), armchair())
    write_npz(tmp_path / "two.npz", np.stack([armchair()] * 2))
    with pytest.raises(ValueError, match="holds 2 shapes"):
        read_voxels(tmp_path / "two.npz", 16)


def test_damaged_npz_is_noticed(tmp_path):
    path = tmp_path / "stored.npz"
    np.savez(path, voxels=np.packbits(armchair().reshape(1, -1), axis=1))
    assert np.array_equal(read_npz(path).voxels()[0], armchair())
    data = bytearray(path.read_bytes())
    data[400] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(ValueError, match="CRC"):
        read_npz(path)


def npy(shape, dtype="|u1", data=b""):
    header = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def zipped(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return stream.getvalue()


def pickled():
    stream = io.BytesIO()
    np.savez(stream, voxels=np.array([{"a": 1}], dtype=object))
    return stream.getvalue()


def lying_directory():
    """The directory says 64 + a few bytes, the deflated stream unpacks to 8 MB."""
    honest = npy((1, 64), data=bytes(64))
    bomb = npy((1, 64), data=bytes(2**23))
    data = bytearray(zipped(voxels=bomb))
    for marker, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", data, data.find(marker) + offset, len(honest))
    return bytes(data)


HOSTILE_NPZ = {
    "a pickle": (pickled, "no pickles"),
    "not a zip": (lambda: b"PK\x03\x04 nothing", "not a zip file"),
    "another content": (lambda: zipped(picture=npy((1, 1), data=b"1")), r"holds \['picture'\], expected voxels"),
    "a huge header": (lambda: zipped(voxels=npy((10**6, 10**6), data=b"1")), "announces"),
    "negative shape": (lambda: zipped(voxels=npy((-1, -64), data=bytes(64))), "announces"),
    "floats": (lambda: zipped(voxels=npy((1, 64), "<f4", bytes(256))), "expected 2D of kind 'u'"),
    "not a cube": (lambda: zipped(voxels=npy((1, 65), data=bytes(65))), "65 bytes per shape"),
    "a lying directory": (lying_directory, "usable"),
    "labels too few": (
        lambda: zipped(voxels=npy((2, 64), data=bytes(128)), labels=npy((1,), "<i8", bytes(8))),
        "differ in number",
    ),
    "label without class": (
        lambda: zipped(
            voxels=npy((1, 64), data=bytes(64)), labels=npy((1,), "<i8", b"\x07" + bytes(7)),
            classes=npy((1,), "<U1", b"a\0\0\0"),
        ),
        "labels run from 7",
    ),
    "nested header": (lambda: zipped(voxels=npy((1,))[:8] + struct.pack("<H", 2000) + b"(" * 2000), "usable"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE_NPZ)
def test_hostile_npz_is_refused_cheaply(tmp_path, case):
    make, reason = HOSTILE_NPZ[case]
    assert_refused(tmp_path / "bad.npz", make(), reason)


def test_zip_bomb_is_refused_by_its_directory(tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "MAX_UNPACKED_BYTES", 2**23)
    data = zipped(voxels=npy((2**11 + 1, 4096), data=bytes(2**23 + 4096)))
    assert len(data) < 2**14
    assert_refused(tmp_path / "bomb.npz", data, "unpack to 8427537 bytes, expected at most 8388608")


@pytest.mark.parametrize(
    "voxels, labels, captions, classes, reason",
    [
        (np.zeros((2, 4, 4, 5), bool), None, (), (), "voxels"),
        (np.zeros((2, 4, 4, 4)), None, (), (), "voxels"),
        (noise((2, 4, 4, 4)), [0.5, 1], (), (), "labels"),
        (noise((2, 4, 4, 4)), [0, 2], (), ("a", "b"), "labels run from 0 to 2"),
        (noise((2, 4, 4, 4)), [0, 1], ("one",), (), "1 captions for 2"),
    ],
)
def test_write_npz_refuses_before_it_writes(tmp_path, voxels, labels, captions, classes, reason):
    with pytest.raises(ValueError, match=reason):
        write_npz(tmp_path / "x.npz", voxels, labels, captions, classes)
    assert not list(tmp_path.iterdir())


# ---- binvox --------------------------------------------------------------------------------------


def binvox(nx, nz, ny, runs, extra=b"translate 0 0 0\nscale 1\n"):
    return b"#binvox 1\ndim %d %d %d\n" % (nx, nz, ny) + extra + b"data\n" + bytes(runs)


def test_binvox_axes(tmp_path):
    grid = noise((3, 4, 5))  # x, z, y: y runs fastest
    (tmp_path / "a.binvox").write_bytes(
        binvox(3, 4, 5, np.stack([grid.ravel(), np.ones(60)], 1).astype(np.uint8))
    )
    same, turned = read_binvox(tmp_path / "a.binvox", up="z"), read_binvox(tmp_path / "a.binvox")
    assert same.shape == (4, 5, 3) and turned.shape == (5, 4, 3)
    for x, z, y in np.ndindex(3, 4, 5):
        assert same[z, y, x] == grid[x, z, y]
        assert turned[y, 3 - z, x] == grid[x, z, y]  # (x, y, z) -> (x, -z, y)


HOSTILE_BINVOX = {
    "huge in 30 bytes": (
        b"#binvox 1\ndim 100000 100000 100000\ndata\n",
        "announces 100000 x 100000",
    ),
    "zero side": (binvox(0, 4, 4, []), "expected 1 to 512"),
    "negative side": (binvox(-4, 4, 4, [1, 64]), "no line 'dim'"),
    "too many runs": (
        binvox(4, 4, 4, [1, 255] * 1000),
        "runs make 255000 voxels, its header announces 64",
    ),
    "too few runs": (binvox(4, 4, 4, [1, 63]), "runs make 63"),
    "cut run": (binvox(4, 4, 4, [1, 64, 1]), "cut off"),
    "value 7": (binvox(4, 4, 4, [7, 64]), "value 7"),
    "no header": (b"binvox", "no binvox header"),
    "empty": (b"", "no binvox header"),
    "no voxel": (binvox(4, 4, 4, [0, 64]), "no occupied voxel"),
    "two dims": (b"#binvox 1\ndim 4 4 4\ndim 9 9 9\ndata\n\x01\x40", "no line 'dim'"),
}


@pytest.mark.parametrize("case", HOSTILE_BINVOX)
def test_hostile_binvox_is_refused_cheaply(tmp_path, case):
    assert_refused(tmp_path / "bad.binvox", *HOSTILE_BINVOX[case])


# ---- vox -----------------------------------------------------------------------------------------


def chunk(name, content):
    return struct.pack("<4sii", name, len(content), 0) + content


def vox(*chunks):
    body = b"".join(chunks)
    return struct.pack("<4si4sii", b"VOX ", 150, b"MAIN", 0, len(body)) + body


def model(size, points, colour=1):
    voxels = b"".join(bytes([*point, colour]) for point in points)
    return chunk(b"SIZE", struct.pack("<iii", *size)) + chunk(
        b"XYZI", struct.pack("<i", len(points)) + voxels
    )


def words(**pairs):
    texts = [text.encode() for pair in pairs.items() for text in pair]
    return struct.pack("<i", len(pairs)) + b"".join(struct.pack("<i", len(t)) + t for t in texts)


def move(number, child, layer=-1, hidden=False, **frame):
    attributes = words(_hidden="1") if hidden else words()
    frame = words(**{f"_{k}": v for k, v in frame.items()})
    content = (
        struct.pack("<i", number) + attributes + struct.pack("<iiii", child, -1, layer, 1) + frame
    )
    return chunk(b"nTRN", content)


def group(number, *children):
    numbers = struct.pack(f"<i{len(children)}i", len(children), *children)
    return chunk(b"nGRP", struct.pack("<i", number) + words() + numbers)


def show(number, *models):
    shown = b"".join(struct.pack("<i", m) + words() for m in models)
    return chunk(
        b"nSHP", struct.pack("<i", number) + words() + struct.pack("<i", len(models)) + shown
    )


def test_vox_axes_and_round_trip(tmp_path):
    (tmp_path / "a.vox").write_bytes(vox(model((4, 5, 6), [(1, 2, 3)])))
    grid = read_vox(tmp_path / "a.vox")
    assert grid.shape == (6, 5, 4) and np.argwhere(grid).tolist() == [[3, 2, 1]]
    shape = noise((7, 256, 9))
    write_vox(tmp_path / "b.vox", shape)
    assert np.array_equal(read_vox(tmp_path / "b.vox"), shape)
    write_vox(tmp_path / "c.vox", armchair())
    assert np.array_equal(read_voxels(tmp_path / "c.vox", 16), armchair())
    assert sorted(os.listdir(tmp_path)) == ["a.vox", "b.vox", "c.vox"]


def test_vox_scene_moves_and_turns(tmp_path):
    """Two copies of one L: moved by whole voxels, and turned by 90 degrees about z (x -> y)."""
    pieces = [(0, 0, 0), (1, 0, 0), (2, 0, 0), (2, 1, 0), (0, 0, 1)]
    quarter = 1 | 0 << 2 | 1 << 4  # rows (0 -1 0), (1 0 0), (0 0 1)
    (tmp_path / "s.vox").write_bytes(
        vox(
            model((3, 2, 2), pieces),
            move(0, 1),
            group(1, 2, 4, 6, 8),
            move(2, 3, t="10 20 30"),
            show(3, 0),
            move(4, 5, t="4 20 30", r=str(quarter)),
            show(5, 0, 7),
            move(6, 7, t="90 0 0", hidden=True),
            show(7, 0),
            move(8, 9, t="-90 0 0", layer=3),
            show(9, 0),
            chunk(b"LAYR", struct.pack("<i", 3) + words(_hidden="1") + struct.pack("<i", -1)),
        )
    )
    centres = np.array(pieces) + 0.5 - [1, 1, 1]  # pivot floor(size / 2)
    turned = centres @ np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]]).T
    world = np.concatenate([centres + np.array([10, 20, 30]), turned + np.array([4, 20, 30])])
    world = np.floor(world).astype(int)
    world -= world.min(0)
    expected = np.zeros(world.max(0)[::-1] + 1, dtype=bool)
    expected[tuple(world.T[::-1])] = True
    assert np.array_equal(read_vox(tmp_path / "s.vox"), expected)
    assert expected.sum() == 10


SIZE = chunk(b"SIZE", struct.pack("<iii", 4, 4, 4))
ONE = model((4, 4, 4), [(0, 0, 0)])
HOSTILE_VOX = {
    "no header": (b"VOXEL", "no 'VOX ' header"),
    "no model": (vox(), "no model"),
    "main too long": (
        struct.pack("<4si4sii", b"VOX ", 150, b"MAIN", 0, 2**30),
        "MAIN chunk announces",
    ),
    "main negative": (
        struct.pack("<4si4sii", b"VOX ", 150, b"MAIN", -8, 2**30),
        "MAIN chunk announces",
    ),
    "cut chunk": (vox(ONE + b"RGBA"), "cut off"),
    "chunk too long": (
        vox(struct.pack("<4sii", b"SIZE", 2**30, 0) + bytes(12)),
        "announces 1073741824",
    ),
    "negative chunk": (vox(struct.pack("<4sii", b"SIZE", -12, 12) + bytes(12)), "announces -12"),
    "negative size": (vox(chunk(b"SIZE", struct.pack("<iii", -4, 4, 4))), "expected 1 to 256"),
    "huge size": (
        vox(chunk(b"SIZE", struct.pack("<iii", 10**9, 10**9, 10**9))),
        "expected 1 to 256",
    ),
    "short size": (vox(chunk(b"SIZE", bytes(8))), "SIZE chunk has 8"),
    "no size": (vox(chunk(b"XYZI", struct.pack("<i", 0))), "no SIZE"),
    "too many voxels": (
        vox(SIZE + chunk(b"XYZI", struct.pack("<i", 2**30) + bytes(4))),
        "announces 1073741824",
    ),
    "negative voxels": (vox(SIZE + chunk(b"XYZI", struct.pack("<i", -1))), "announces -1"),
    "no voxels": (vox(model((4, 4, 4), [])), "no occupied voxel"),
    "colour 0": (vox(model((4, 4, 4), [(0, 0, 0)], colour=0)), "colour index 0"),
    "outside": (vox(model((4, 4, 4), [(0, 4, 0)])), "outside its model's size"),
    "cycle": (vox(ONE, move(0, 1), group(1, 0)), "node 0 is inside itself"),
    "billion laughs": (
        vox(ONE, *(group(n, n + 1, n + 1) for n in range(40)), show(40, 0)),
        "shows 65535 nodes and 32768 voxels or more, expected at most 32768",
    ),
    "missing model": (vox(ONE, show(0, 5)), "shows model 5"),
    "far apart": (
        vox(ONE, group(0, 1, 2), show(1, 0), move(2, 3, t="2000000000 0 0"), show(3, 0)),
        "spans",
    ),
    "bad move": (vox(ONE, move(0, 1, t="1 2"), show(1, 0)), "moved by '1 2'"),
    "bad rotation": (vox(ONE, move(0, 1, r="5"), show(1, 0)), "rotation 5"),
    "all hidden": (vox(ONE, move(0, 1, hidden=True), show(1, 0)), "shows no voxel"),
    "huge dictionary": (
        vox(ONE, chunk(b"nGRP", struct.pack("<ii", 0, 2**30))),
        "announces 1073741824 entries",
    ),
    "cut node": (vox(ONE, chunk(b"nSHP", b"\0\0")), "cut off"),
}


@pytest.mark.parametrize("case", HOSTILE_VOX)
def test_hostile_vox_is_refused_cheaply(tmp_path, case):
    assert_refused(tmp_path / "bad.vox", *HOSTILE_VOX[case])


def test_vox_with_too_many_copies_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(vox_scene, "MAX_SCENE_VOXELS", 3)
    data = vox(ONE, group(0, 1, 2, 3, 4), *(show(number, 0) for number in (1, 2, 3, 4)))
    assert_refused(
        tmp_path / "bad.vox", data, "5 nodes and 4 voxels or more, expected at most 32768 and 3"
    )


def test_write_vox_refuses_what_the_format_cannot_hold(tmp_path):
    for voxels in (
        np.ones((257, 2, 2), bool),
        np.zeros((4, 4, 4), bool),
        np.ones((4, 4, 4)),
        np.ones((4, 4), bool),
    ):
        with pytest.raises(ValueError, match="voxels: got"):
            write_vox(tmp_path / "x.vox", voxels)
    assert not list(tmp_path.iterdir())


# ---- meshes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".obj", ".stl", ".ply", ".glb", ".off"])
def test_closed_meshes_come_back_exactly(tmp_path, suffix):
    """A closed mesh along the voxels' faces gives those voxels, upright, in every format."""
    path = tmp_path / f"a{suffix}"
    mesh = blocky_mesh(armchair())
    if suffix in (".ply", ".off"):
        mesh.export(path)
    else:
        save_mesh(mesh, path, scale=7.5)
    assert np.array_equal(read_voxels(path, 16), armchair())
    other = {"y": "z", "z": "y"}[door.UP[suffix]]
    assert not np.array_equal(read_voxels(path, 16, up=other), armchair())


def test_up_is_the_callers_choice(tmp_path):
    mesh = blocky_mesh(armchair())
    mesh.export(tmp_path / "z.obj")
    assert np.array_equal(read_voxels(tmp_path / "z.obj", 16, up="z"), armchair())
    with pytest.raises(ValueError, match="up: got 'x'"):
        read_voxels(tmp_path / "z.obj", 16, up="x")


def test_open_sheet_and_inverted_box(tmp_path):
    sheet = trimesh.Trimesh([[0, 0, 0], [2, 0, 0], [2, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]])
    sheet.export(tmp_path / "sheet.stl")
    voxels = read_mesh(tmp_path / "sheet.stl", 16)
    assert voxels[0, 4:12].all() and voxels.sum() == 16 * 8
    box = trimesh.creation.box((2, 1, 1))
    box.invert()
    box.export(tmp_path / "box.stl")
    voxels = read_mesh(tmp_path / "box.stl", 16)
    assert voxels[:8, 4:12].all() and voxels.sum() == 16 * 8 * 8


def test_symmetric_meshes_give_symmetric_voxels(tmp_path):
    posts = [trimesh.creation.box((2.6, 2, 16)).apply_translation((x, 0, 0)) for x in (-4.9, 4.9)]
    trimesh.util.concatenate(posts).export(tmp_path / "posts.stl")  # 12.4 voxels wide
    voxels = read_mesh(tmp_path / "posts.stl", 16)
    assert np.array_equal(voxels, voxels[:, :, ::-1]) and voxels.sum() == 2 * 2 * 2 * 16


def test_scene_transforms_are_applied(tmp_path):
    scene = trimesh.Scene()
    box = trimesh.creation.box((1, 1, 1))
    for shift in ((0, 0, 0), (3, 0, 0)):  # along x: x stays x in glTF
        scene.add_geometry(box, transform=trimesh.transformations.translation_matrix(shift))
    (tmp_path / "two.glb").write_bytes(scene.export(file_type="glb"))
    voxels = read_mesh(tmp_path / "two.glb", 16)
    assert voxels[:4, 6:10, :4].all() and voxels[:4, 6:10, 12:].all() and voxels.sum() == 128


def glb(document, binary=b""):
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    if binary:
        chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


BOMB = {
    "accessors": [{"componentType": 5126, "type": "VEC3", "count": 10**10}],
    "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
    "nodes": [{"mesh": 0}],
    "scenes": [{"nodes": [0]}],
}
OUTSIDE = {
    "asset": {"version": "2.0"},
    "buffers": [{"uri": "secret.bin", "byteLength": 36}],
    "bufferViews": [{"buffer": 0, "byteLength": 36}],
    "accessors": [{"bufferView": 0, "componentType": 5126, "type": "VEC3", "count": 3}],
    "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
    "nodes": [{"mesh": 0}],
    "scenes": [{"nodes": [0]}],
    "scene": 0,
}
PLY = (
    b"ply\nformat binary_little_endian 1.0\nelement vertex %d\nproperty float x\nproperty float"
    b" y\nproperty float z\n"
)
PLY_FACES = b"element face 1\nproperty list uchar int vertex_indices\nend_header\n"
HOSTILE_MESH = {
    "nan.obj": (b"v 0 0 0\nv 1 nan 0\nv 0 1 0\nf 1 2 3\n", "finite"),
    "infinite.off": (b"OFF\n3 1 0\n0 0 0\n1 0 inf\n0 1 0\n3 0 1 2\n", "finite"),
    "no_faces.obj": (b"v 0 0 0\nv 1 0 0\nv 0 1 0\n", "no faces, only points"),
    "outside.obj": (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n", "line 4: a face names vertex 9"),
    "outside.off": (
        b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 9\n",
        "line 6: a face names vertex '9', but there are 3",
    ),
    "many.off": (b"OFF\n999999999999 1 0\n0 0 0\n", "announces 999999999999 vertices"),
    "point.off": (b"OFF\n3 1 0\n1 1 1\n1 1 1\n1 1 1\n3 0 1 2\n", "bounding box"),
    "line.off": (b"OFF\n3 1 0\n0 0 0\n1 1 1\n2 2 2\n3 0 1 2\n", "no area"),
    "empty.stl": (bytes(84), "it has no faces"),
    "cut.stl": (bytes(80) + struct.pack("<I", 10**9) + bytes(50), "announces 1000000000 tri"),
    "many.ply": (PLY % 10**12 + PLY_FACES, "cut off among its 1000000000000 x vertex"),
    "endless.ply": (PLY % 3, "no PLY header"),
    "cut.ply": (PLY % 3 + PLY_FACES + bytes(36) + b"\3\0", "cut off among its 1 x face"),
    "bomb.glb": (glb(BOMB), "more than 2000000 faces"),
    "negative.glb": (
        glb({**BOMB, "accessors": [{"count": -5}]}),
        "count: got -5, expected a whole number",
    ),
    "cut.glb": (glb(BOMB)[:-4], "it is cut off: its header announces"),
    "outside.glb": (glb(OUTSIDE), "in another file, 'secret.bin'"),
    "cycle.glb": (
        glb({"nodes": [{"children": [1]}, {"children": [0]}], "scenes": [{"nodes": [0]}]}),
        "node 0 is reached twice",
    ),
    "nothing.glb": (b"", "no binary glTF header"),
}


@pytest.mark.parametrize("name", HOSTILE_MESH)
def test_hostile_mesh_is_refused_cheaply(tmp_path, name):
    (tmp_path / "secret.bin").write_bytes(np.arange(9, dtype=np.float32).tobytes())
    trimesh.creation.box().export(tmp_path / "warm.obj")
    read_mesh(tmp_path / "warm.obj", 8)  # imports are not the file's memory
    assert_refused(tmp_path / name, *HOSTILE_MESH[name])


def test_too_many_faces_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(door, "MAX_FACES", 11)
    trimesh.creation.box().export(tmp_path / "box.stl")
    assert_refused(tmp_path / "box.stl", None, "more than 11 faces")


# ---- the door ------------------------------------------------------------------------------------


def assert_refused(path, data, reason):
    """A ValueError that names file and reason, and at most 4 MB beyond the file's own bytes."""
    if data is not None:
        path.write_bytes(data)
    size = path.stat().st_size
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=reason) as caught:
            read_voxels(path)
        assert tracemalloc.get_traced_memory()[1] < 2**22 + 4 * size
    finally:
        tracemalloc.stop()
    assert path.name in str(caught.value)


@pytest.mark.parametrize("suffix", door.UP)
def test_missing_empty_and_oversized_files(tmp_path, suffix, monkeypatch):
    with pytest.raises(ValueError, match=rf"there is no file '.*nowhere\{suffix}'"):
        read_voxels(tmp_path / f"nowhere{suffix}")
    (tmp_path / f"folder{suffix}").mkdir()
    with pytest.raises(ValueError, match="not a plain file"):
        read_voxels(tmp_path / f"folder{suffix}")
    assert_refused(tmp_path / f"empty{suffix}", b"", "usable")
    monkeypatch.setattr(door, "MAX_FILE_BYTES", 10)
    monkeypatch.setattr(npz, "MAX_ARCHIVE_BYTES", 10)
    assert_refused(tmp_path / f"large{suffix}", bytes(11), "has 11 bytes, expected at most 10")


@pytest.mark.parametrize("suffix", door.UP)
def test_random_bytes_are_refused(tmp_path, suffix):
    starts = {
        ".npz": b"PK\x03\x04",
        ".vox": vox()[:16],
        ".binvox": b"#binvox 1\n",
        ".glb": b"glTF",
        ".ply": b"ply\n",
    }
    for seed in range(5):
        data = starts.get(suffix, b"") + np.random.default_rng(seed).bytes(400)
        (tmp_path / f"x{suffix}").write_bytes(data)
        with pytest.raises(ValueError, match=f"x{suffix}"):
            read_voxels(tmp_path / f"x{suffix}")


def test_unknown_suffix_and_resolution(tmp_path):
    with pytest.raises(
        ValueError,
        match=r"'.fbx', expected one of .npz, .vox, .binvox, .glb, .obj, .stl, .ply, .off",
    ):
        read_voxels(tmp_path / "a.fbx")
    for resolution in (1, 257, 32.0):
        with pytest.raises(ValueError, match="resolution"):
            read_voxels(tmp_path / "a.vox", resolution)


# ---- real data -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real_data():
    beside = Path(__file__).parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("NOISE_TO_SHAPE_DATA", beside))
    if not (folder / "modelnet10_32.npz").exists():
        pytest.skip("no real data: set NOISE_TO_SHAPE_DATA to the folder with modelnet10_32.npz")
    return folder


def unpacked(archive, names, folder):
    with tarfile.open(archive) as tar:
        for member in tar:
            if Path(member.name).name in names:
                tar.extract(member, folder, filter="data")
                yield folder / member.name


def check_standing(voxels):
    assert voxels.shape == (32, 32, 32) and voxels[0].any()
    for axis in (1, 2):
        used = np.flatnonzero(voxels.any(axis=(0, 3 - axis)))
        assert abs(used[0] + used[-1] - 31) <= 1


def test_real_modelnet_stands_upright(real_data):
    archive = read_npz(real_data / "modelnet10_32.npz")
    assert (len(archive), archive.is_test.sum(), archive.resolution) == (4620, 828, 32)
    chairs = (archive.labels == archive.classes.index("chair")) & archive.is_test
    assert chairs.sum() == 89
    mean = archive.voxels(
        (archive.labels == archive.classes.index("table")) & archive.is_test
    ).mean(0)
    height = mean.sum(axis=(1, 2))
    assert height[16:].sum() > 2 * height[:16].sum()  # the plate is above the legs
    assert (
        np.abs(mean - mean[:, :, ::-1]).sum()
        < 0.3 * mean.sum()
        < 0.5 * np.abs(mean - mean[::-1]).sum()
    )


def test_real_magicavoxel_models(real_data, tmp_path):
    names = {"chr_army1.vox", "obj_house7.vox", "obj_stlight1.vox", "alien_saucer1a.vox"}
    shapes = {
        path.stem: read_voxels(path)
        for path in unpacked(real_data / "mmmm-vox.tar.xz", names, tmp_path)
    }
    assert len(shapes) == 4
    for voxels in shapes.values():
        check_standing(voxels)
    lamp = shapes["obj_stlight1"]
    assert lamp[:8].sum() < lamp[-8:].sum()  # a street light is a pole with an arm at the top


def test_real_furniture_meshes(real_data, tmp_path):
    names = {"chair_A.obj", "lamp_standing.obj", "armchair.obj"}
    path = real_data / "kaykit-furniture-obj.tar.xz"
    shapes = {path.stem: read_voxels(path) for path in unpacked(path, names, tmp_path)}
    assert len(shapes) == 3
    for voxels in shapes.values():
        check_standing(voxels)
        assert voxels.any(axis=(1, 2)).sum() > 20
    # the shade is up
    assert shapes["lamp_standing"][20:].sum() > 3 * shapes["lamp_standing"][:20].sum()
    back = shapes["chair_A"][-6:].any(axis=(0, 2))
    assert np.flatnonzero(back).min() > 16  # the back rest is behind, the front looks to -y
