"""Each mesh format in many dialects: whoever wrote the file, the same triangles are read."""

import random

import dialects
import numpy as np
import pytest

from course_utils.files.meshes import read_triangles

FILES = 150  # of each format


@pytest.mark.parametrize("suffix", ["obj", "off", "ply", "stl", "glb"])
def test_every_dialect_gives_the_same_triangles(tmp_path, suffix):
    for seed in range(FILES):
        draws = random.Random(f"{suffix} {seed}")
        vertices, faces = dialects.prism(draws)
        expected = dialects.fans(vertices, faces)
        if suffix == "stl":
            data = dialects.stl(expected, draws)
        elif suffix == "glb":
            triangles = [(f[0], f[i], f[i + 1]) for f in faces for i in range(1, len(f) - 1)]
            data = dialects.glb(vertices, triangles, draws)
        else:
            data = getattr(dialects, suffix)(vertices, faces, draws)
        path = tmp_path / f"{seed}.{suffix}"
        path.write_bytes(data)
        found = read_triangles(path, up="z")
        assert found.dtype == np.float64
        # .obj may give faces before later vertices
        assert np.array_equal(in_order(found), in_order(expected)), (seed, data[:2000])


def in_order(triangles):
    """Triangles sorted by their corners, which keep their order within each."""
    return np.array(sorted(triangles.reshape(-1, 9).tolist()))
