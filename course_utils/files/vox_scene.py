"""The scene graph of a MagicaVoxel file: models moved and turned, groups, hidden layers.

Format: MagicaVoxel's voxel-model repository (ephtracy), its extension of the `.vox` format.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from course_utils.files.door import MAX_SIDE

MAX_SCENE_VOXELS = 2**24  # copies counted


class Cursor:
    """Reads the integers, strings and dictionaries of a chunk one after the other."""

    def __init__(self, content: bytes):
        self.content, self.position = content, 0

    def integer(self) -> int:
        """Return the next four bytes as a signed number."""
        if len(self.content) - self.position < 4:
            raise ValueError("a chunk is cut off")
        self.position += 4
        return struct.unpack_from("<i", self.content, self.position - 4)[0]

    def count(self) -> int:
        """Return how many things follow; each takes at least one byte."""
        number = self.integer()
        if not 0 <= number <= len(self.content) - self.position:
            raise ValueError(
                f"a chunk announces {number} entries, but has {len(self.content)} bytes"
            )
        return number

    def text(self) -> str:
        """Return the next string."""
        length = self.count()
        self.position += length
        return self.content[self.position - length : self.position].decode("utf-8", "replace")

    def dictionary(self) -> dict[str, str]:
        """Return the next dictionary of strings."""
        return {self.text(): self.text() for _ in range(self.count())}


@dataclass
class Node:
    """A node of the scene; `turn` and `move` act on its children and its models."""

    children: list[int]  # numbers of nodes
    models: list[int]  # indices of models
    turn: np.ndarray  # int64 (3, 3)
    move: np.ndarray  # int64 (3,)
    layer: int = -1
    hidden: bool = False


def _transform_node(cursor: Cursor) -> Node:
    hidden = cursor.dictionary().get("_hidden") == "1"
    child, _, layer = cursor.integer(), cursor.integer(), cursor.integer()
    frames = [cursor.dictionary() for _ in range(cursor.count())]
    first = frames[0] if frames else {}
    move = [int(number) for number in first.get("_t", "0 0 0").split()]
    if len(move) != 3 or max(map(abs, move)) > 2**31:
        raise ValueError(f"a node is moved by {first['_t']!r}, expected three whole numbers")
    turn = _rotation(int(first.get("_r", "4")))
    return Node([child], [], turn, np.array(move, dtype=np.int64), layer, hidden)


def _group_node(cursor: Cursor) -> Node:
    hidden = cursor.dictionary().get("_hidden") == "1"
    children = [cursor.integer() for _ in range(cursor.count())]
    return Node(children, [], np.eye(3, dtype=np.int64), np.zeros(3, np.int64), hidden=hidden)


def _shape_node(cursor: Cursor) -> Node:
    hidden = cursor.dictionary().get("_hidden") == "1"
    models = [(cursor.integer(), cursor.dictionary())[0] for _ in range(cursor.count())]
    # several models are the frames of an animation: the first one is the shape
    return Node([], models[:1], np.eye(3, dtype=np.int64), np.zeros(3, np.int64), hidden=hidden)


NODES = {b"nTRN": _transform_node, b"nGRP": _group_node, b"nSHP": _shape_node}


def _rotation(byte: int) -> np.ndarray:
    """Unpack a rotation, int64 (3, 3).

    Bits 0-1 and 2-3 are the columns of the entries in rows 0 and 1, bits 4-6 the signs of the rows.
    """
    first, second = byte & 3, byte >> 2 & 3
    if not 0 <= byte < 128 or first == second or max(first, second) > 2:
        raise ValueError(f"a node has the rotation {byte}, which is none")
    turn = np.zeros((3, 3), dtype=np.int64)
    for row, column in enumerate((first, second, 3 - first - second)):
        turn[row, column] = -1 if byte >> (4 + row) & 1 else 1
    return turn


def placed_scene(models: list, nodes: dict[int, Node]) -> np.ndarray:
    """Return the bounding box of all visible models, bool (D, H, W).

    Args:
        models: (size (3,), points (N, 3)) of each model, both x, y, z.
        nodes: The visible nodes by their number; node 0 is the root.

    Raises:
        ValueError: The scene is no tree, shows nothing, or exceeds a limit, which is checked before
            the grid is made.
    """
    placed = list(_placed_models(models, nodes))
    if not placed:
        raise ValueError("its scene shows no voxel")
    if (total := sum(len(points) for points, _, _ in placed)) > MAX_SCENE_VOXELS:
        raise ValueError(f"its scene has {total} voxels, expected at most {MAX_SCENE_VOXELS}")
    boxes = [
        _place(np.stack([points.min(0), points.max(0)]), turn, move)
        for points, turn, move in placed
    ]
    low, high = np.min([box.min(0) for box in boxes], 0), np.max([box.max(0) for box in boxes], 0)
    size = high - low + 1
    if size.max() > MAX_SIDE:
        raise ValueError(
            f"its scene spans {size.tolist()} voxels, expected at most {MAX_SIDE} a side"
        )
    grid = np.zeros(size[::-1], dtype=bool)
    for points, turn, move in placed:
        grid[tuple((_place(points, turn, move) - low).T[::-1])] = True
    return grid


def _placed_models(
    models: list, nodes: dict[int, Node]
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield (points, turn, move) of every visible model, walking down from node 0.

    Points are twice the voxels' centres, relative to the model's pivot floor(size / 2), so that
    they are whole numbers.
    """
    points = [2 * p + 1 - 2 * (np.array(size) // 2) for size, p in models]
    waiting, seen = [(0, np.eye(3, dtype=np.int64), np.zeros(3, np.int64))], set()
    while waiting:
        number, turn, move = waiting.pop()
        if number in seen:
            raise ValueError(f"its scene reaches node {number} twice, expected a tree")
        seen.add(number)
        if number not in nodes:  # hidden
            continue
        node = nodes[number]
        move = turn @ node.move + move
        turn = turn @ node.turn
        waiting += [(child, turn, move) for child in node.children]
        for model in node.models:
            if not 0 <= model < len(models):
                raise ValueError(f"its scene shows model {model}, but it has {len(models)}")
            if len(points[model]):
                yield points[model], turn, move


def _place(points: np.ndarray, turn: np.ndarray, move: np.ndarray) -> np.ndarray:
    """Map twice the centres (N, 3) to the voxels' whole-numbered coordinates in the world."""
    return points @ turn.T // 2 + move
