"""How little one fault of a mesh changes what is solid: `python benchmarks/solid.py [FOLDER]`.

Takes meshes of our families, of the furniture and, if FOLDER has them, of its .obj files (KayKit's
furniture, say), gives each of them one of seven faults, and compares the voxels with those of the
clean mesh. Then the time and memory of 256 x 256 x 256 voxels.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import trimesh
from scipy.ndimage import distance_transform_edt

from course_utils.datasets.furniture import furniture
from course_utils.datasets.shapes import CLASSES, make_shape
from course_utils.files.meshes import read_triangles
from course_utils.geometry.surface import blocky_mesh, smooth_mesh
from course_utils.geometry.voxelise import coverage, voxelise

LIMITS = dict.fromkeys(
    ("duplicate", "degenerate", "flipped", "sliver", "hole", "inner wall", "inner surface"), 0.99
) | {"hole": 0.97}
RESOLUTION = 32
SIZES = {"cube": 0, "500,000 faces": 500}  # for time and memory: steps around a torus


def families(count: int) -> Iterator[np.ndarray]:
    """Triangles of `count` shapes of each family, blocky and smooth in turn."""
    for number, family in enumerate(CLASSES * count):
        voxels = make_shape(family, 900 + number).voxels
        mesh = smooth_mesh(voxels, smoothing=0.7) if number % 2 else blocky_mesh(voxels)
        yield np.asarray(mesh.triangles)


def pieces_of_furniture(step: int) -> Iterator[np.ndarray]:
    for voxels in furniture().voxels[::step]:
        yield np.asarray(smooth_mesh(voxels, smoothing=0.7).triangles)


def deepest(triangles: np.ndarray, n: int = 48) -> tuple[np.ndarray, float]:
    """The point farthest within the solid, and how far it is from the surface."""
    filled = coverage(triangles, n)  # thin things have no cell that is full
    depth = distance_transform_edt(np.pad(filled > 0.99 * filled.max(), 1))
    low, high = triangles.min(axis=(0, 1)), triangles.max(axis=(0, 1))
    scale = (high - low).max() / n
    cell = np.array(np.unravel_index(depth.argmax(), depth.shape))[::-1] - 0.5  # x, y, z
    whole = np.round((high - low) / scale)
    start = (n - whole) // 2 + (whole - (high - low) / scale) / 2
    start[2] = 0
    return (cell - start) * scale + low, max(depth.max() - 1, 0.3) * scale


def blemished(triangles: np.ndarray, face: int) -> dict[str, np.ndarray]:
    """The mesh with each fault, at a face or in the solid's deepest place."""
    a, b, c = triangles[face]
    point, room = deepest(triangles)
    small = [t - t.mean(axis=(0, 1)) for t in (triangles[face : face + 1], triangles)]
    wall, surface = (t * (0.9 * room / np.linalg.norm(t, axis=2).max()) + point for t in small)
    flipped = triangles.copy()
    flipped[face] = flipped[face, ::-1]
    middle = (a + b) / 2
    faults = {
        "duplicate": triangles[face : face + 1],
        "degenerate": [[a, b, middle]],
        "sliver": [[a, b, middle + 1e-4 * (c - a)]],
        "inner wall": wall,
        "inner surface": surface,
    }
    meshes = {name: np.concatenate([triangles, extra]) for name, extra in faults.items()}
    return meshes | {"flipped": flipped, "hole": np.delete(triangles, face, axis=0)}


def scores(meshes: Iterable[np.ndarray], n: int) -> dict[str, list[float]]:
    """Of each fault the IoU with the clean mesh's voxels, for each mesh."""
    found = {name: [] for name in LIMITS}
    rng = np.random.default_rng(0)
    for triangles in meshes:
        clean = voxelise(triangles, n)
        one, two, three = np.moveaxis(triangles, 1, 0)
        area = np.linalg.norm(np.cross(two - one, three - one), axis=1)
        face = rng.choice(np.argsort(-area)[: len(area) // 3 + 1])  # one that matters
        for name, mesh in blemished(triangles, face).items():
            voxels = voxelise(mesh, n)
            found[name].append((voxels & clean).sum() / (voxels | clean).sum())
    return found


def cost(steps: int) -> None:
    """Print the seconds and the peak memory of voxelising a mesh at 256; in its own process."""
    mesh = trimesh.creation.torus(1, 0.4, steps, steps) if steps else trimesh.creation.box()
    start = time.process_time()
    voxelise(np.asarray(mesh.triangles), 256)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1 if sys.platform == "darwin" else 1024
    )
    print(f"{time.process_time() - start:.1f} s, {peak / 1024:.2f} GB")


def main(folder: str = "") -> None:
    files = sorted(Path(folder).glob("**/*.obj")) if folder else []
    if not files:
        print("without KayKit's furniture: name the folder with its .obj files")
    meshes = chain(families(6), pieces_of_furniture(14), map(read_triangles, files))
    print(f"IoU with the clean mesh at {RESOLUTION}\nfault          meshes  least   median  misses")
    for name, found in scores(meshes, RESOLUTION).items():
        misses = (np.array(found) < LIMITS[name]).sum()
        print(f"{name:14} {len(found):6} {min(found):7.4f} {np.median(found):7.4f} {misses:6}")
    for name, steps in SIZES.items():
        code = f"import solid; solid.cost({steps})"
        here = Path(__file__).parent
        out = subprocess.run([sys.executable, "-c", code], cwd=here, capture_output=True, text=True)
        print(f"256 x 256 x 256, {name}: {out.stdout.strip() or out.stderr}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
