"""`.glb`, glTF 2.0 in one file: the triangles of its scene. Materials, skins and animations stay
out, and so does whatever lies in other files.

A few words of JSON can ask for any number of copies, so all triangles are counted before one is
made.
"""

import base64
import json
import struct
from collections.abc import Iterator

import numpy as np

from course_utils.files.door import check_faces

MAX_JSON_BYTES = 8 * 2**20  # 64 MB of {} would be 4 GB of objects
MAX_CHUNKS = 100
MAX_PARTS = 50_000  # nodes of a scene, and primitives of its meshes
MAX_COPIED_BYTES = 128 * 2**20  # of sparse accessors; the others are read where they lie
TRIANGLES, STRIP, FAN = 4, 5, 6
COMPRESSION = "draco", "meshopt"
LEFT_OUT = (
    "KHR_materials_", "KHR_texture_", "EXT_texture_", "MSFT_texture_", "KHR_lights_", "EXT_lights_",
    "KHR_animation_", "KHR_xmp", "VRM", "KHR_mesh_quantization",
)  # fmt: skip
INSTANCES = "EXT_mesh_gpu_instancing"
KINDS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC3": 3}


def glb_triangles(data: bytes) -> np.ndarray:
    """Return the triangles of a .glb's scene, float64 (F, 3, 3), else ValueError."""
    text, binary = _chunks(data)
    if len(text) > MAX_JSON_BYTES:
        raise ValueError(f"its JSON has {len(text)} bytes, expected at most {MAX_JSON_BYTES}")
    try:
        document = json.loads(text.decode("utf-8", "replace").lstrip("\ufeff").rstrip("\0 \r\n\t"))
    except RecursionError:
        raise ValueError("its JSON is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"its JSON is damaged: {error}") from None
    scene = Scene(document, binary)
    uses: dict[int, list[np.ndarray]] = {}  # the matrices of each mesh
    for mesh, matrix in scene.nodes():
        uses.setdefault(mesh, []).append(matrix)
    counts = {mesh: scene.count(mesh) for mesh in uses}
    total = sum(counts[mesh] * len(matrices) for mesh, matrices in uses.items())
    check_faces(total)
    triangles, at = np.empty((total, 3, 3)), 0
    for mesh, matrices in uses.items():
        if not counts[mesh]:
            continue
        corners = scene.triangles(mesh)
        for matrix in matrices:
            turned = corners if np.linalg.det(matrix[:3, :3]) >= 0 else corners[:, ::-1]
            triangles[at : at + len(corners)] = turned @ matrix[:3, :3].T + matrix[:3, 3]
            at += len(corners)
    return triangles


def _chunks(data: bytes) -> tuple[bytes, bytes]:
    """Return the JSON and the binary chunk of a file; others, and what follows, are ignored."""
    if data.lstrip()[:1] == b"{":
        raise ValueError("it is the text of a .gltf; save it as one binary file")
    if len(data) < 20 or data[:4] != b"glTF":
        raise ValueError("no binary glTF header at its start")
    version, length = struct.unpack_from("<II", data, 4)
    if version != 2:
        raise ValueError(f"it is glTF version {version}; save it as glTF 2.0")
    if length > len(data):
        raise ValueError(f"it is cut off: its header announces {length} bytes, it has {len(data)}")
    chunks, at = {}, 12
    for _ in range(MAX_CHUNKS):
        if at + 8 > len(data) or b"BIN\0" in chunks:
            break
        length, kind = struct.unpack_from("<I4s", data, at)
        if kind in (b"JSON", b"BIN\0"):
            if at + 8 + length > len(data):
                raise ValueError(f"it is cut off in its chunk {kind.decode().strip(chr(0))}")
            chunks.setdefault(kind, data[at + 8 : at + 8 + length])
        at += 8 + length
    if b"JSON" not in chunks:
        raise ValueError("it has no chunk of JSON")
    return chunks[b"JSON"], chunks.get(b"BIN\0", b"")


class Scene:
    """The nodes and meshes of a glTF document, looked at with suspicion.

    Args:
        document: The parsed JSON.
        binary: Its binary chunk.
    """

    def __init__(self, document: object, binary: bytes):
        self.document, self.binary = _object(document, "its JSON"), binary
        self._buffers: dict[int, bytes] = {}
        self._copies: dict[int, np.ndarray] = {}
        self._parts = 0
        for name in _list(self.document.get("extensionsRequired", []), "extensionsRequired"):
            _refuse_compression(name)
            if not str(name).startswith(LEFT_OUT):
                raise ValueError(f"it requires the extension {str(name)[:80]!r}, not known here")

    def _get(self, kind: str, number: object) -> dict:
        """Return one of the document's nodes, meshes, accessors, ..."""
        entries = _list(self.document.get(kind, []), kind)
        number = _whole(number, f"a number of {kind}")
        if number >= len(entries):
            raise ValueError(
                f"it names number {number} of its {kind}, but there are {len(entries)}"
            )
        return _object(entries[number], f"{kind} {number}")

    def _counted(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise ValueError(f"it has more than {MAX_PARTS} nodes and primitives; join them first")

    def nodes(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the mesh and the matrix (4, 4) of each node of the scene that has a mesh."""
        still = np.eye(4)
        waiting = [(number, still) for number in reversed(self._roots())]
        seen = set()
        while waiting:
            number, above = waiting.pop()
            node = self._get("nodes", number)
            if number in seen:
                raise ValueError(f"its node {number} is reached twice, but nodes form a tree")
            seen.add(number)
            self._counted()
            if INSTANCES in _object(node.get("extensions", {}), f"the extensions of node {number}"):
                raise ValueError(
                    f"its node {number} stands for many copies ({INSTANCES}); save each as a node"
                )
            matrix = above @ _matrix(node, f"node {number}") if _MOVES & node.keys() else above
            if "mesh" in node:
                yield _whole(node["mesh"], "a node's mesh"), matrix
            children = _list(node.get("children", []), f"the children of node {number}")
            waiting.extend((_whole(child, "a node's child"), matrix) for child in children[::-1])

    def _roots(self) -> list[int]:
        if self.document.get("scenes"):
            scene = self._get("scenes", self.document.get("scene", 0))
            roots = _list(scene.get("nodes", []), "the nodes of a scene")
            return [_whole(root, "a scene's node") for root in roots]
        nodes = _list(self.document.get("nodes", []), "nodes")
        if len(nodes) > MAX_PARTS:
            raise ValueError(f"it has {len(nodes)} nodes, expected at most {MAX_PARTS}")
        children = set()
        for node in nodes:
            below = _list(_object(node, "a node").get("children", []), "the children of a node")
            children.update(_whole(child, "a node's child") for child in below)
        return [number for number in range(len(nodes)) if number not in children]

    def _primitives(self, mesh: int) -> Iterator[tuple[dict, int, int]]:
        """Yield the surfaces of a mesh, their mode and number of triangles; no points or lines."""
        primitives = self._get("meshes", mesh).get("primitives", [])
        for primitive in _list(primitives, f"the primitives of mesh {mesh}"):
            primitive = _object(primitive, "a primitive")
            attributes = _object(primitive.get("attributes", {}), "a primitive's attributes")
            mode = primitive.get("mode", TRIANGLES)
            if mode not in (TRIANGLES, STRIP, FAN) or "POSITION" not in attributes:
                continue
            ordered = primitive.get("indices", attributes["POSITION"])
            count = _whole(self._get("accessors", ordered).get("count"), "an accessor's count")
            yield primitive, mode, count // 3 if mode == TRIANGLES else max(count - 2, 0)

    def count(self, mesh: int) -> int:
        """Return the number of triangles of a mesh; nothing is made for it."""
        total = 0
        for _, _, count in self._primitives(mesh):
            self._counted()
            total += count
        return total

    def triangles(self, mesh: int) -> np.ndarray:
        """Return the triangles of a mesh, float64 (F, 3, 3)."""
        return np.concatenate(
            [self._surface(*primitive) for primitive in self._primitives(mesh) if primitive[2]]
        )

    def _surface(self, primitive: dict, mode: int, count: int) -> np.ndarray:
        number = primitive["attributes"]["POSITION"]
        if "bufferView" not in self._get("accessors", number):
            for name in _object(primitive.get("extensions", {}), "a primitive's extensions"):
                _refuse_compression(name)
        points = self._accessor(number, "VEC3")
        if mode == TRIANGLES:
            order = np.arange(3 * count).reshape(-1, 3)
        else:
            order = np.arange(count)[:, None] + [0, 1, 2]
            if mode == FAN:
                order[:, 0] = 0
            else:  # every other triangle of a strip is turned over
                order[1::2, :2] = order[1::2, 1::-1]
        if "indices" in primitive:
            order = self._accessor(primitive["indices"], "SCALAR").ravel()[order]
            if order.dtype.kind != "u":
                raise ValueError("its indices are not of an unsigned kind")
            if order.max() >= len(points):
                raise ValueError(
                    f"a face names vertex {order.max()}, but there are {len(points)}, from 0"
                )
        corners = points[order].astype(np.float64)
        if points.dtype.kind != "f" and self._get("accessors", number).get("normalized") is True:
            return np.maximum(corners / np.iinfo(points.dtype).max, -1.0)
        return corners

    def _accessor(self, number: object, shape: str) -> np.ndarray:
        """Return an accessor's items (N, width), where they lie, or a copy of sparse ones."""
        accessor = self._get("accessors", number)
        name = f"accessor {number}"
        if accessor.get("type") != shape:
            raise ValueError(
                f"its {name} has the type {_shown(accessor.get('type'))}, expected {shape}"
            )
        count, width = _whole(accessor.get("count"), f"the count of {name}"), WIDTHS[shape]
        kind = _kind(accessor, name)
        if "sparse" not in accessor:
            return self._items(accessor, kind, count, width, name)
        if number not in self._copies:
            size = count * width * kind.itemsize + sum(c.nbytes for c in self._copies.values())
            if size > MAX_COPIED_BYTES:
                raise ValueError(
                    f"its sparse accessors take {size} bytes, expected at most {MAX_COPIED_BYTES}"
                )
            self._copies[number] = self._sparse(accessor, kind, count, width, name)
        return self._copies[number]

    def _sparse(self, accessor: dict, kind: np.dtype, count: int, width: int, name: str):
        if "bufferView" in accessor:
            items = self._items(accessor, kind, count, width, name).copy()
        else:
            items = np.zeros((count, width), kind)
        sparse = _object(accessor["sparse"], f"the sparse part of {name}")
        changed = _whole(sparse.get("count"), f"the sparse count of {name}")
        places, values = (_object(sparse.get(key), f"{key} of {name}") for key in _SPARSE)
        at = self._items(places, _kind(places, name), changed, 1, name).ravel()
        if at.dtype.kind != "u" or (changed and at.max() >= count):
            raise ValueError(f"its {name} changes items that it does not have")
        items[at] = self._items(values, kind, changed, width, name)
        return items

    def _items(self, place: dict, kind: np.dtype, count: int, width: int, name: str):
        """Return `count` x `width` numbers where a buffer view has them, checked, not copied."""
        if "bufferView" not in place:
            raise ValueError(f"its {name} has no data (no bufferView)")
        view = self._get("bufferViews", place["bufferView"])
        buffer = self._buffer(view)
        start = _whole(view.get("byteOffset", 0), "a byteOffset")
        length = _whole(view.get("byteLength"), "a byteLength")
        offset = _whole(place.get("byteOffset", 0), "a byteOffset")
        size = width * kind.itemsize
        stride = _whole(view.get("byteStride", 0), "a byteStride") or size
        taken = offset + stride * (count - 1) + size if count else 0
        if start + length > len(buffer):
            raise ValueError(
                f"a buffer view of its {name} has {length} bytes from {start}, but the data end at"
                f" {len(buffer)}"
            )
        if taken > length:
            raise ValueError(
                f"its {name} announces {count} items, which take {taken} bytes of a view of"
                f" {length}"
            )
        strides = (stride, kind.itemsize)
        return np.ndarray((count, width), kind, buffer, start + offset if count else 0, strides)

    def _buffer(self, view: dict) -> bytes:
        number = _whole(view.get("buffer"), "a bufferView's buffer")
        if number not in self._buffers:
            buffer = self._get("buffers", number)
            uri = buffer.get("uri")
            if isinstance(uri, str) and uri.startswith("data:"):
                try:
                    self._buffers[number] = base64.b64decode(uri.partition(",")[2])
                except ValueError:
                    raise ValueError(f"the data: URI of its buffer {number} is damaged") from None
            elif uri is not None:
                raise ValueError(
                    f"its data lie in another file, {str(uri)[:80]!r}, which is not opened; save"
                    " all in one .glb"
                )
            elif number == 0 and self.binary:
                self._buffers[0] = self.binary
            else:
                for name in _object(view.get("extensions", {}), "a buffer view's extensions"):
                    _refuse_compression(name)
                raise ValueError(f"its buffer {number} has no data")
        return self._buffers[number]


_SPARSE = "indices", "values"
_MOVES = {"matrix", "translation", "rotation", "scale"}


def _refuse_compression(extension: object) -> None:
    if any(word in str(extension) for word in COMPRESSION):
        raise ValueError(
            f"its geometry is compressed ({str(extension)[:80]}); save it without compression"
        )


def _matrix(node: dict, name: str) -> np.ndarray:
    """Return the matrix (4, 4) of a node: columns in one list, or move, turn and scale."""
    if "matrix" in node:
        return np.array(_numbers(node["matrix"], 16, f"the matrix of {name}")).reshape(4, 4).T
    x, y, z, w = _numbers(node.get("rotation", [0, 0, 0, 1]), 4, f"the rotation of {name}")
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, :3] *= _numbers(node.get("scale", [1, 1, 1]), 3, f"the scale of {name}")
    matrix[:3, 3] = _numbers(node.get("translation", [0, 0, 0]), 3, f"the translation of {name}")
    return matrix


def _kind(place: dict, name: str) -> np.dtype:
    kind = place.get("componentType")
    if type(kind) is not int or kind not in KINDS:
        raise ValueError(
            f"its {name} has the componentType {_shown(kind)}, expected one of {[*KINDS]}"
        )
    return np.dtype(KINDS[kind])


def _shown(value: object) -> str:
    """Return a value for a message."""
    return {dict: "an object", list: "a list"}.get(type(value)) or repr(value)[:40]


def _object(value: object, name: str) -> dict:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {_shown(value)}, expected an object of JSON")
    return value


def _list(value: object, name: str) -> list:
    if not isinstance(value, list):
        raise ValueError(f"{name}: got {_shown(value)}, expected a list")
    return value


def _whole(value: object, name: str) -> int:
    """Return a whole number from 0; JSON may write it as 3.0."""
    if type(value) not in (int, float) or not 0 <= value < 2**53 or value != int(value):
        raise ValueError(f"{name}: got {_shown(value)}, expected a whole number from 0")
    return int(value)


def _numbers(value: object, count: int, name: str) -> list[float]:
    values = _list(value, name)
    if len(values) != count or not all(type(number) in (int, float) for number in values):
        raise ValueError(f"{name}: got {_shown(value)}, expected {count} numbers")
    return [float(number) for number in values]
