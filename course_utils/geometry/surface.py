"""Surfaces: from the field that a denoiser predicts to a closed mesh, and from the mesh to a file
for other programs.

Lesson 07 looks at isosurfaces, lesson 08 exports its shapes with it. Marching cubes is
scikit-image's (Lewiner et al. 2003); meshes are trimesh's. Vertices are (x, y, z) in units of the
cube's side, z up, voxel centres at (i + 0.5) / n.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from course_utils.files.atomic import writing

if TYPE_CHECKING:
    import trimesh

SUFFIXES = (".glb", ".obj", ".stl")
ORANGE = (190, 51, 1, 255)  # the course's model orange #E07B0A, linear as glTF wants it
SHARP = np.radians(
    80
)  # edges that bend more are drawn sharp: blocks stay blocks, curved surfaces stay smooth
# of the field's range: what smoothing leaves of a voxel's side of the level, so that thin parts
# survive
KEPT = 0.2
# of the field's range: nothing may lie exactly on the level, where marching cubes makes degenerate
# faces
NUDGE = 1e-4


def smooth_mesh(field: np.ndarray, level: float = 0.0, smoothing: float = 0.0) -> "trimesh.Trimesh":
    """The surface of a float field (D, H, W) at `level`, inside above it, closed and pointing
    outwards.

    `field` is a denoiser's x0 in about [-1, 1], any other field, or bool (taken as -1 and 1).
    `smoothing` is the width of a Gaussian blur in voxels (0.7 rounds the blocks of a bool grid); no
    voxel's centre changes sides by it, so that legs one voxel thin survive. Outside the grid counts
    as outside, so the mesh is closed and within the cube. Nothing above the level gives a mesh
    without faces.
    """
    from scipy.ndimage import gaussian_filter
    from skimage.measure import marching_cubes
    from trimesh import Trimesh

    field = np.asarray(field)
    if field.ndim != 3 or field.dtype.kind not in "bf" or not np.isfinite(field).all():
        raise ValueError(
            f"field: got {field.dtype} of shape {field.shape}, expected finite floats or bool (D,"
            " H, W)"
        )
    if not np.isfinite(level):
        raise ValueError(f"level: got {level}, expected a finite number")
    if not smoothing >= 0:
        raise ValueError(f"smoothing: got {smoothing}, expected a width in voxels, 0 or more")
    sharp = (field * 2.0 - 1.0 if field.dtype == bool else field.astype(np.float64)) - level
    if not (sharp > 0).any():
        return Trimesh(np.zeros((0, 3)), np.zeros((0, 3), np.int64), process=False)
    reach = np.abs(sharp).max()
    sharp = np.pad(
        sharp / reach, 1, constant_values=-1.0
    )  # as far outside as anything: the surface stays in the cube
    inside = sharp > 0
    value = gaussian_filter(sharp, smoothing, mode="nearest") if smoothing else sharp
    least = np.clip(np.abs(sharp), NUDGE, KEPT if smoothing else 1.0)
    value = np.where(inside, np.maximum(value, least), np.minimum(value, -least))
    vertices, faces, _, _ = marching_cubes(value, 0.0, gradient_direction="descent")
    vertices = (vertices[:, ::-1].astype(np.float64) - 0.5) / max(
        field.shape
    )  # x, y, z; the padding is voxel -1
    return Trimesh(vertices, faces.astype(np.int64), process=False)


def is_watertight(mesh: "trimesh.Trimesh") -> bool:
    """Whether the surface is closed: every directed edge of a face is met by as many that run the
    other way.

    That is what makes volume and inside well defined. Two closed sheets may share an edge (then it
    has four faces, and trimesh's own is_watertight says no). A mesh without faces, or with a face
    that uses a vertex twice, is not closed.
    """
    faces = np.asarray(mesh.faces, dtype=np.int64)
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    if not len(faces) or (start == end).any() or not np.isfinite(mesh.vertices).all():
        return False
    number = len(mesh.vertices)
    return np.array_equal(np.sort(start * number + end), np.sort(end * number + start))


def save_mesh(mesh: "trimesh.Trimesh", path: str | Path, scale: float = 1.0) -> None:
    """Write a mesh with (x, y, z) in the unit cube, z up, as `.glb`, `.obj` or `.stl`, atomically.

    The cube gets sides of `scale` (metres in glTF; slicers take an STL's units as millimetres), and
    the middle of its floor becomes the origin, so that shapes stand where they are put. `.glb` (its
    standard) and `.obj` (its readers' habit) are y up with the front to +z, `.stl` is z up. The glb
    has a material and normals, with vertices doubled along sharp edges, so weld it before counting
    holes. ValueError: other suffix, empty or non-finite mesh, scale <= 0.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(
            f"path: {str(path)!r} has the suffix {path.suffix!r}, expected one of"
            f" {', '.join(SUFFIXES)}"
        )
    if not len(mesh.faces) or not np.isfinite(mesh.vertices).all():
        raise ValueError(
            f"mesh: got {len(mesh.faces)} faces, expected at least one, on finite vertices"
        )
    if not 0 < scale < np.inf:
        raise ValueError(f"scale: got {scale}, expected the cube's side in the file, above 0")
    placed = mesh.copy()
    placed.vertices = (mesh.vertices - [0.5, 0.5, 0.0]) * scale
    if suffix != ".stl":
        placed.vertices = placed.vertices[:, [0, 2, 1]] * [1.0, 1.0, -1.0]
    data = {".glb": _glb, ".obj": _obj, ".stl": _stl}[suffix](placed, scale)
    with writing(path) as temporary:
        temporary.write_bytes(data)


def _glb(mesh: "trimesh.Trimesh", scale: float) -> bytes:
    from trimesh import Scene
    from trimesh.exchange.gltf import export_glb
    from trimesh.graph import smooth_shade
    from trimesh.visual import TextureVisuals
    from trimesh.visual.material import PBRMaterial

    shaded = smooth_shade(mesh, angle=SHARP, facet_minarea=None)
    material = PBRMaterial(
        name="clay", baseColorFactor=ORANGE, metallicFactor=0.0, roughnessFactor=0.8
    )
    shaded.metadata.clear()  # trimesh lists every face there
    shaded.visual = TextureVisuals(material=material)
    scene = Scene({"shape": shaded}, metadata={"convention": _convention(scale)})
    return export_glb(scene, include_normals=True)


def _obj(mesh: "trimesh.Trimesh", scale: float) -> bytes:
    from trimesh.exchange.obj import export_obj

    plain = {"include_normals": False, "include_color": False, "include_texture": False}
    return export_obj(mesh, header=_convention(scale), **plain).encode()


def _stl(mesh: "trimesh.Trimesh", _: float) -> bytes:
    from trimesh.exchange.stl import export_stl

    return export_stl(mesh)


def _convention(scale: float) -> str:
    return f"Noise to Shape: cube of side {scale:g}, y up, origin in the middle of its floor"
