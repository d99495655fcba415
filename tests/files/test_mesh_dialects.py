"""Each mesh format in many dialects: whoever wrote the file, the same triangles are read."""

import random

import dialects
import numpy as np
import pytest

from course_utils.files import lexing
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


def test_numbers_are_those_of_python():
    rng = np.random.default_rng(0)
    values = rng.normal(size=3000) * 10.0 ** rng.integers(-12, 12, 3000)
    spelt = [
        form.format(value)
        for value in values.tolist()
        for form in ("{!r}", "{:.6f}", "{:+.3f}", "{:.0f}.", "{:.7g}", "{:.15g}", "{:.16g}", "{:e}")
    ]
    spelt += [
        "-0",
        "-0.0",
        "007",
        ".5",
        "+.5",
        "-5.",
        "9" * 15,
        "9" * 17,
        "1e-320",
        "0." + "0" * 20 + "1",
    ]
    found = lexing.Words(" ".join(spelt).encode() + b"\n", 1).numbers(np.arange(len(spelt)))
    expected = np.array([float(word) for word in spelt])
    assert np.array_equal(found.view(np.int64), expected.view(np.int64))  # to the last bit


@pytest.mark.parametrize(
    "word", [".", "-", "+-1", "--1", "1.2.3", "1-2", "1e", "e5", "0x10", "1_0", "-.", "1,0"]
)
def test_what_is_not_a_number_is_none(word):
    with pytest.raises(ValueError, match=r"line 2: .* is not a number"):
        lexing.Words(f"1\n{word}\n".encode(), 1).numbers(np.arange(2))


def in_order(triangles):
    """Triangles sorted by their corners, which keep their order within each."""
    return np.array(sorted(triangles.reshape(-1, 9).tolist()))
