"""The scene graph of a MagicaVoxel file: models moved and turned, groups, hidden layers.

Format: MagicaVoxel's voxel-model repository (ephtracy), its extension of the `.vox` format.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from course_utils.files.door import MAX_SIDE

MAX_SCENE_VOXELS = 2**24  # copies counted
MAX_SCENE_NODES = 2**15  # copies counted
BATCH = 2**20  # voxels placed at once


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
    first = min(frames, key=_frame, default={})
    move = first.get("_t", "0 0 0")
    if not re.fullmatch(r"\s*(?:[-+]?\d{1,10}\s+){2}[-+]?\d{1,10}\s*", move, re.ASCII):
        raise ValueError(f"a node is moved by {move[:80]!r}, expected three whole numbers")
    move = [int(number) for number in move.split()]
    turn = _rotation(_whole(first, "_r", "rotation", 4))
    return Node([child], [], turn, np.array(move, dtype=np.int64), layer, hidden)


def _frame(attributes: dict[str, str]) -> int:
    """Return when in an animation something counts; what does not say so counts from the start."""
    return _whole(attributes, "_f", "frame", 0)


def _whole(attributes: dict[str, str], key: str, name: str, otherwise: int) -> int:
    text = attributes.get(key, str(otherwise))
    if not re.fullmatch(r"\s*[-+]?\d{1,9}\s*", text, re.ASCII):
        raise ValueError(f"a node has the {name} {text[:80]!r}, expected a whole number")
    return int(text)


def _group_node(cursor: Cursor) -> Node:
    hidden = cursor.dictionary().get("_hidden") == "1"
    children = [cursor.integer() for _ in range(cursor.count())]
    return Node(children, [], np.eye(3, dtype=np.int64), np.zeros(3, np.int64), hidden=hidden)


def _shape_node(cursor: Cursor) -> Node:
    hidden = cursor.dictionary().get("_hidden") == "1"
    models = [(cursor.integer(), cursor.dictionary()) for _ in range(cursor.count())]
    # several models are the frames of an animation: the first one is the shape
    first = [model for model, _ in sorted(models, key=lambda model: _frame(model[1]))[:1]]
    return Node([], first, np.eye(3, dtype=np.int64), np.zeros(3, np.int64), hidden=hidden)


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
    """Return the bounding box of all visible models, uint8 (D, H, W): colours, 0 where nothing is.

    A shape or a group may be shown several times. Where two models overlap, the later one counts.

    Args:
        models: (size, voxels) of each model; voxels are uint8 (N, 4): x, y, z and colour.
        nodes: The nodes by their number; node 0 is the root.

    Raises:
        ValueError: The scene goes round in a circle, shows nothing, or exceeds a limit, which is
            checked before anything is placed.
    """
    nodes = {**nodes, None: _top(nodes)}
    if not _count_shown(models, nodes):
        raise ValueError("its scene shows no voxel")
    placed = list(_placed_models(models, nodes))
    corners = {number: _corners(models[number][1]) for number in {one[0] for one in placed}}
    boxes = np.array(
        [_place(corners[number], axes, signs, move) for number, axes, signs, move in placed]
    )  # (placed, 2, 3)
    low, high = boxes.min((0, 1)), boxes.max((0, 1))
    size = high - low + 1
    if size.max() > MAX_SIDE:
        raise ValueError(
            f"its scene spans {size.tolist()} voxels, expected at most {MAX_SIDE} a side"
        )
    grid = np.zeros(size[::-1], dtype=np.uint8)
    for number, axes, signs, move in placed:
        points = models[number][1]
        for start in range(0, len(points), BATCH):
            part = points[start : start + BATCH]
            x, y, z = _place(part[:, :3], axes, signs, move - low).T
            grid[z, y, x] = part[:, 3]
    return grid


def _top(nodes: dict[int, Node]) -> Node:
    """Return the group of node 0, or, in a scene that counts otherwise, of all that is in none."""
    children = {child for node in nodes.values() for child in node.children}
    roots = [0] if 0 in nodes else [number for number in nodes if number not in children]
    return Node(roots, [], np.eye(3, dtype=np.int64), np.zeros(3, np.int64))


def _count_shown(models: list, nodes: dict[int | None, Node]) -> int:
    """Return how many voxels a scene shows, counted as often as they are shown.

    Each node is counted once, after its children, so that this takes no longer where groups that
    are shared by groups make millions of copies. ValueError for too many, and for a circle.
    """
    counts, within = {}, set()  # (nodes, voxels) of finished nodes; nodes around the present one
    waiting = [None]
    while waiting:
        number = waiting[-1]
        node = nodes.get(number)
        if node is None:
            raise ValueError(f"its scene shows the node {number}, which it does not have")
        if number in counts or node.hidden:
            counts.setdefault(number, (0, 0))
            waiting.pop()
        elif number not in within:
            within.add(number)
            waiting += node.children
            if circle := within.intersection(node.children):
                raise ValueError(f"its scene is a circle: node {circle.pop()} is inside itself")
        else:  # its children are counted
            below = [counts[child] for child in node.children]
            below += [(0, _model_voxels(models, model)) for model in node.models]
            shown, voxels = 1 + sum(one for one, _ in below), sum(one for _, one in below)
            if shown > MAX_SCENE_NODES or voxels > MAX_SCENE_VOXELS:
                raise ValueError(
                    f"its scene shows {shown} nodes and {voxels} voxels or more, expected at most"
                    f" {MAX_SCENE_NODES} and {MAX_SCENE_VOXELS}, counted as often as they appear"
                )
            counts[number] = shown, voxels
            within.remove(number)
            waiting.pop()
    return counts[None][1]


def _model_voxels(models: list, number: int) -> int:
    if not 0 <= number < len(models):
        raise ValueError(f"its scene shows model {number}, but it has {len(models)}")
    return len(models[number][1])


def _placed_models(
    models: list, nodes: dict[int | None, Node]
) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """Yield (model, axes, signs, move) of every visible model that has voxels, see `_place`."""
    waiting = [(None, np.eye(3, dtype=np.int64), np.zeros(3, np.int64))]
    while waiting:
        number, turn, move = waiting.pop()
        node = nodes[number]
        if node.hidden:
            continue
        move = turn @ node.move + move
        turn = turn @ node.turn
        waiting += [(child, turn, move) for child in node.children[::-1]]
        for model in node.models:
            size, points = models[model]
            if len(points):
                axes, signs = np.abs(turn).argmax(1), turn.sum(1)
                # a model turns about floor(size / 2), and its voxels' middles lie at a half
                pivot = np.array(size)[axes] // 2
                yield model, axes, signs, move + np.where(signs > 0, -pivot, pivot - 1)


def _corners(points: np.ndarray) -> np.ndarray:
    """Return the box around voxels, (2, 3)."""
    return np.stack([points[:, :3].min(0), points[:, :3].max(0)])


def _place(points: np.ndarray, axes: np.ndarray, signs: np.ndarray, move: np.ndarray) -> np.ndarray:
    """Return where the voxels (N, 3) of a turned and moved model lie, int64 (N, 3)."""
    return points[:, axes] * signs + move
