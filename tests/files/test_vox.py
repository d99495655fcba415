"""`.vox` as many programs write it: scenes with instances, palettes, strange chunks, limits."""

import random
import struct
import time

import numpy as np
import pytest

from course_utils.files import vox_scene
from course_utils.files.vox import (
    VoxModel,
    default_palette,
    read_vox,
    read_vox_model,
    write_vox,
    write_vox_model,
)


def chunk(name, content=b"", children=b""):
    return struct.pack("<4sii", name, len(content), len(children)) + content + children


def ints(*numbers):
    return struct.pack(f"<{len(numbers)}i", *numbers)


def words(pairs):
    texts = [str(text).encode() for pair in pairs.items() for text in pair]
    return ints(len(pairs)) + b"".join(ints(len(text)) + text for text in texts)


def file(*chunks, version=150, announced=None, content=b""):
    body = b"".join(chunks)
    announced = len(body) if announced is None else announced
    return b"VOX " + ints(version) + b"MAIN" + ints(len(content), announced) + content + body


def model(size, voxels):
    """Chunks of a model; voxels are {(x, y, z): colour}."""
    bytes_ = b"".join(bytes((*point, colour)) for point, colour in voxels.items())
    return chunk(b"SIZE", ints(*size)) + chunk(b"XYZI", ints(len(voxels)) + bytes_)


def move(number, child, attributes=None, layer=-1, frames=None):
    frames = [{}] if frames is None else frames
    content = ints(number) + words(attributes or {}) + ints(child, -1, layer, len(frames))
    return chunk(b"nTRN", content + b"".join(map(words, frames)))


def group(number, children, attributes=None):
    content = ints(number) + words(attributes or {}) + ints(len(children), *children)
    return chunk(b"nGRP", content)


def show(number, *models, attributes=None):
    shown = b"".join(ints(m) + words(a) for m, a in models)
    return chunk(b"nSHP", ints(number) + words(attributes or {}) + ints(len(models)) + shown)


STRANGE = (
    chunk(b"PACK", ints(3)), chunk(b"NOTE", ints(1, 3) + b"red"), chunk(b"IMAP", bytes(range(256))),
    chunk(b"rCAM", ints(0) + words({"_mode": "pers"})), chunk(b"rOBJ", words({"_type": "_inf"})),
    chunk(b"MATL", ints(1) + words({"_type": "_metal", "_rough": "0.1"})), chunk(b"meta"),
    chunk(b"XYZW", b"\xff" * 7, chunk(b"XYZI", ints(9))), chunk(b"\0\1\2\3", bytes(40)),
)  # fmt: skip


class Scene:
    """A random scene, written as chunks and, without any of the reader's code, as coloured cells.

    Cells are {(x, y, z): colour}, in the world.
    """

    def __init__(self, seed):
        self.draw = draw = random.Random(seed)
        self.models = [self.model() for _ in range(draw.randint(1, 4))]
        self.layers = {5: True, 6: False}
        self.shift = draw.choice((0, 0, 0, 1, 100))  # some programs count nodes from elsewhere
        self.chunks, self.number = [], 0
        self.root = self.node(draw.randint(1, 4))

    def model(self):
        draw = self.draw
        size = tuple(draw.randint(1, 6) for _ in range(3))
        cells = [(x, y, z) for x in range(size[0]) for y in range(size[1]) for z in range(size[2])]
        share = draw.choice((0, 0.3, 0.3, 1))
        return size, {cell: draw.randint(1, 255) for cell in cells if draw.random() < share}

    def numbered(self):
        self.number += 1
        return self.number - 1 + self.shift

    def turn(self):
        """A rotation, perhaps with a mirror: its byte, and what it does to a point."""
        columns = self.draw.sample(range(3), 3)
        signs = [self.draw.choice((1, -1)) for _ in range(3)]
        byte = columns[0] | columns[1] << 2 | sum(
            (sign < 0) << (4 + row) for row, sign in enumerate(signs)
        )  # fmt: skip
        return byte, lambda p: [
            sign * p[column] for sign, column in zip(signs, columns, strict=True)
        ]

    def node(self, depth):
        """A transform and what is below it: (number, function that lists the cells it shows)."""
        draw, number = self.draw, self.numbered()
        byte, turned = self.turn() if draw.random() < 0.6 else (None, list)
        by = [draw.randint(-9, 9) for _ in range(3)]
        first = {"_t": " ".join(map(str, by))} | ({} if byte is None else {"_r": byte})
        frames = [first] if draw.random() < 0.7 else [{"_f": 4, "_t": "90 0 0"}, first | {"_f": 2}]
        hidden, layer = draw.random() < 0.05, draw.choice((-1,) * 8 + (5, 6))
        below, shown = self.group(depth - 1) if depth else self.shape()
        attributes = {"_name": "ä"} | ({"_hidden": 1} if hidden else {})
        self.chunks.append(move(number, below, attributes, layer, frames))

        def cells():
            if hidden or self.layers.get(layer):
                return []
            return [([a + b for a, b in zip(turned(p), by, strict=True)], c) for p, c in shown()]

        return number, cells

    def group(self, depth):
        number = self.numbered()
        children = [self.node(depth) for _ in range(self.draw.randint(1, 3))]
        children += self.draw.choices(children, k=self.draw.randint(0, 2))  # shared: instances
        self.chunks.append(group(number, [child for child, _ in children]))
        return number, lambda: [cell for _, cells in children for cell in cells()]

    def shape(self):
        number, index = self.numbered(), self.draw.randrange(len(self.models))
        shown = [(index, {})] if self.draw.random() < 0.7 else [(0, {"_f": 3}), (index, {"_f": 1})]
        self.chunks.append(show(number, *shown))
        size, voxels = self.models[index]
        middle = [side // 2 for side in size]
        placed = [
            ([a + 0.5 - b for a, b in zip(p, middle, strict=True)], c) for p, c in voxels.items()
        ]
        return number, lambda: placed

    def cells(self):
        """{cell: the colours of all voxels that lie there}."""
        found = {}
        for point, colour in self.root[1]():
            found.setdefault(tuple(int(np.floor(a)) for a in point), set()).add(colour)
        return found

    def data(self, palette):
        """The file, in one of many dialects."""
        draw = self.draw
        models = [model(*one) for one in self.models]
        layers = [
            chunk(b"LAYR", ints(number) + words({"_hidden": int(hidden)}) + ints(-1))
            for number, hidden in self.layers.items()
        ]
        scene = self.chunks + layers + ([] if palette is None else [chunk(b"RGBA", palette)])
        draw.shuffle(scene)
        parts = draw.choice((models + scene, scene + models))
        for _ in range(draw.randint(0, 5)):
            parts.insert(draw.randint(0, len(parts)), draw.choice(STRANGE))
        return file(
            *parts,
            version=draw.choice((150, 200, 201, 0)),
            announced=draw.choice((None, None, 0)),
            content=draw.choice((b"", b"", b"MAINs own")),
        ) + draw.choice((b"", b"\n", b"\r\n", bytes(13), b"\n" * 30))


def test_250_scenes_in_many_dialects_give_their_cells_and_colours(tmp_path):
    path, shown = tmp_path / "scene.vox", 0
    for seed in range(250):
        scene = Scene(seed)
        colours = random.Random(seed).randbytes(1024) if seed % 3 else None
        path.write_bytes(scene.data(colours))
        cells = scene.cells()
        if not cells:
            with pytest.raises(ValueError, match="shows no voxel"):
                read_vox(path)
            continue
        found, low = read_vox_model(path), np.min(list(cells), axis=0)
        assert found.colours.shape == tuple(np.max(list(cells), axis=0) - low + 1)[::-1], seed
        assert np.count_nonzero(found.voxels) == len(cells), seed
        for (x, y, z), there in cells.items():
            assert found.colours[z - low[2], y - low[1], x - low[0]] in there, seed
        if colours is not None:
            table = np.frombuffer(colours, np.uint8).reshape(256, 4)
            assert np.array_equal(found.palette[1:], table[:-1])
        shown += 1
    assert shown > 150


def test_palettes_and_colours_come_back(tmp_path):
    draws = np.random.default_rng(0)
    for _ in range(20):
        colours = draws.integers(0, 256, draws.integers(1, 9, 3), dtype=np.uint8)
        colours.flat[0] = 255
        given = VoxModel(colours, draws.integers(0, 256, (256, 4), dtype=np.uint8))
        write_vox_model(tmp_path / "a.vox", given)
        found = read_vox_model(tmp_path / "a.vox")
        assert np.array_equal(found.colours, given.colours)
        assert np.array_equal(found.palette, given.palette)
        turned = read_vox_model(tmp_path / "a.vox", up="y").colours  # (x, y, z) -> (x, -z, y)
        assert np.array_equal(turned, colours.transpose(1, 0, 2)[:, ::-1])
    write_vox(tmp_path / "b.vox", np.ones((2, 2, 2), bool))
    found = read_vox_model(tmp_path / "b.vox")
    assert found.palette[found.colours].reshape(-1, 4).tolist() == [[0xE0, 0x7B, 0x0A, 0xFF]] * 8


def test_the_palette_of_a_file_without_one_is_magicavoxels(tmp_path):
    (tmp_path / "a.vox").write_bytes(file(model((1, 1, 1), {(0, 0, 0): 2})))
    palette = read_vox_model(tmp_path / "a.vox").palette
    assert palette.shape == (256, 4) and len({*map(tuple, palette[1:].tolist())}) == 255
    by_hand = {1: "ffffff", 2: "ffffcc", 7: "ffccff", 37: "ccffff", 215: "000033", 216: "ee0000"}
    by_hand |= {226: "00ee00", 236: "0000ee", 246: "eeeeee", 255: "111111"}
    for row, colour in by_hand.items():
        assert bytes(palette[row]).hex() == colour + "ff", row
    short = chunk(b"RGBA", bytes((1, 2, 3, 4)))  # a palette that is cut short keeps the rest
    (tmp_path / "a.vox").write_bytes(file(model((1, 1, 1), {(0, 0, 0): 2}), short))
    palette = read_vox_model(tmp_path / "a.vox").palette
    assert palette[1].tolist() == [1, 2, 3, 4]
    assert np.array_equal(palette[2:], default_palette()[2:])


@pytest.mark.parametrize(
    ("colours", "palette", "reason"),
    [
        (np.ones((2, 2), np.uint8), default_palette(), "voxels: got uint8"),
        (np.ones((2, 2, 2), np.int64), default_palette(), "voxels: got int64"),
        (np.zeros((2, 2, 2), np.uint8), default_palette(), "with 0 occupied"),
        (np.ones((2, 2, 257), np.uint8), default_palette(), "at most 256 a side"),
        (np.ones((2, 2, 2), np.uint8), default_palette()[:, :3], r"palette: got uint8 of shape"),
        (np.ones((2, 2, 2), np.uint8), default_palette() / 255, "palette: got float64"),
    ],
)
def test_what_the_format_cannot_hold_is_not_written(tmp_path, colours, palette, reason):
    with pytest.raises(ValueError, match=reason):
        write_vox_model(tmp_path / "x.vox", VoxModel(colours, palette))
    assert not list(tmp_path.iterdir())


# ---- what is refused, and why --------------------------------------------------------------------

ONE = model((4, 4, 4), {(0, 0, 0): 1})
SHAPE = (0, {})


def test_shared_shapes_and_groups_are_instances(tmp_path):
    shifts = [{"_t": f"{x} 0 0"} for x in (0, 10)]
    tall = [{"_t": f"0 {y} 0"} for y in (-20, 20)]
    shared_shape = [move(n, 9, frames=[f]) for n, f in zip((2, 3), shifts, strict=True)]
    pair = group(1, [2, 3])
    both = [move(n, 1, frames=[f]) for n, f in zip((4, 5), tall, strict=True)]  # a shared group
    (tmp_path / "a.vox").write_bytes(
        file(ONE, group(0, [4, 5]), *both, pair, *shared_shape, show(9, SHAPE))
    )
    assert np.argwhere(read_vox(tmp_path / "a.vox")).tolist() == [
        [0, 0, 0], [0, 0, 10], [0, 40, 0], [0, 40, 10],
    ]  # fmt: skip


HOSTILE = {
    "a circle of groups": (
        [ONE, group(0, [1]), group(1, [2, 3]), group(2, [1]), show(3, SHAPE)],
        "node 1 is inside itself",
    ),
    "a node inside itself": ([ONE, group(0, [0])], "node 0 is inside itself"),
    "a circle without an end": ([ONE, group(1, [2]), group(2, [1])], "shows no voxel"),
    "a deep circle": (
        [ONE, *(group(n, [n + 1]) for n in range(9999)), group(9999, [5000])],
        "node 5000 is inside itself",
    ),
    "2 to the 60 instances": (
        [ONE, *(group(n, [n + 1] * 2) for n in range(60)), show(60, SHAPE)],
        "shows 65535 nodes and 32768 voxels or more",
    ),
    "2 to the 60 empty groups": (
        [ONE, *(group(n, [n + 1] * 2) for n in range(60)), group(60, [])],
        "shows 65535 nodes and 0 voxels or more",
    ),
    "2000 to the 30 instances": (
        [ONE, *(group(n, [n + 1] * 2000) for n in range(30)), show(30, SHAPE)],
        "or more, expected at most 32768",
    ),
    "a large model many times": (
        [
            model((64, 64, 64), {(x, y, z): 1 for x in range(64) for y in range(64) for z in range(64)}),
            group(0, [1] * 100), show(1, SHAPE),
        ],
        "shows 101 nodes and 26214400 voxels or more, expected at most 32768 and 16777216",
    ),
    "a child that is not there": ([ONE, group(0, [1, 7]), show(1, SHAPE)], "shows the node 7"),
    "colour 0 among others": (
        [model((4, 4, 4), {(0, 0, 0): 1, (1, 0, 0): 0, (2, 0, 0): 0})],
        "2 of a model's 3 voxels have the colour index 0.*count colours from 1",
    ),
    "an empty model": ([model((0, 0, 0), {})], "no occupied voxel"),
    "a model outside its size of 0": ([model((0, 0, 0), {(0, 0, 0): 1})], "outside its model's size"),
    "too many chunks": ([ONE, chunk(b"NOTE") * 2**17], "more than 131072 chunks"),
    "a scene of many words": ([ONE, move(0, 1, {"_name": "n" * 2**22})], "more than 4194304 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_scenes_are_refused_at_once(tmp_path, case):
    chunks, reason = HOSTILE[case]
    (tmp_path / "bad.vox").write_bytes(file(*chunks))
    started = time.process_time()
    with pytest.raises(ValueError, match=reason) as caught:
        read_vox(tmp_path / "bad.vox")
    assert time.process_time() - started < 1 and len(str(caught.value)) < 400


def test_hidden_instances_are_not_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(vox_scene, "MAX_SCENE_NODES", 4)
    shown = [ONE, group(0, [1, 2]), show(1, SHAPE)]
    hidden = group(2, [3] * 50, {"_hidden": 1})
    (tmp_path / "a.vox").write_bytes(file(*shown, hidden, group(3, [3])))  # a circle nobody sees
    assert read_vox(tmp_path / "a.vox").sum() == 1


@pytest.mark.parametrize("announced", [0, None])
def test_main_of_size_0_and_what_lies_behind(tmp_path, announced):
    path = tmp_path / "a.vox"
    for behind in (b"", b"\n", b"\r\n\r\n", bytes(50), b" " * 100):
        path.write_bytes(file(ONE, announced=announced) + behind)
        assert read_vox(path).sum() == 1
    path.write_bytes(file(ONE, announced=announced) + b"what is this")
    if announced is None:  # outside MAIN
        assert read_vox(path).sum() == 1
    else:
        with pytest.raises(ValueError, match=r"the chunk b'what' announces"):
            read_vox(path)
