"""`.binvox` as many programs write it: headers in many dialects, padding, runs that lie."""

import random

import numpy as np
import pytest

from course_utils.files.binvox import read_binvox


def runs(grid, draw):
    """The bytes of a grid (x, z, y) in runs of random lengths, some of them 0."""
    flat, found, start = grid.ravel().tolist(), [], 0
    full = draw.choice((1, 1, 255))
    while start < len(flat):
        length = 1
        while length < draw.randint(1, 255) and flat[start : start + length + 1] == [
            flat[start]
        ] * (length + 1):
            length += 1
        found += [flat[start] * full, length] + [draw.choice((0, 1)), 0] * (draw.random() < 0.1)
        start += length
    return bytes(found)


def header(sides, draw):
    """A header that announces these sides, in one of many dialects."""
    blank = draw.choice((" ", "  ", "\t"))
    lines = [
        "dim" + blank + blank.join(map(str, sides)) + draw.choice(("", " ", "\t", "  # x z y")),
        draw.choice(("translate 0 0 0", "translate\t-0.5 1e-3 +2", "translate -1.5 -1.5 -1.5 ")),
        draw.choice(("scale 1", "scale 1.25e+1", "scale 0.0625 # metres")),
    ]
    extra = ["# made by a tool", "#", "", "   ", "# dim 9 9 9", "type RLE", "Author: Ä", "data2 1"]
    lines = [*draw.sample(lines, 3), *draw.sample(extra, draw.randint(0, 4))]
    if draw.random() < 0.5:
        draw.shuffle(lines)
    lines = [draw.choice(("", "", " ", "\t")) + line for line in lines]
    first = (
        draw.choice(("", "", "", "\ufeff")) + "#binvox 1" + draw.choice(("", " ", "\t", " by me"))
    )
    last = draw.choice(("data", "data ", " data"))
    return draw.choice(("\n", "\n", "\r\n", "\r")).join([first, *lines, last, ""]).encode()


def test_300_files_in_many_dialects_give_their_cells(tmp_path):
    path = tmp_path / "a.binvox"
    for seed in range(300):
        draw = random.Random(seed)
        sides = [draw.randint(1, 9) for _ in range(3)]  # x, z, y
        grid = np.random.default_rng(seed).random(sides) < draw.choice((0.05, 0.5, 0.95))
        behind = draw.choice((b"", b"", b"\n", b"\r\n", b"\n\n\n", bytes(5), b"\x01\x00"))
        path.write_bytes(header(sides, draw) + runs(grid, draw) + behind)
        found = read_binvox(path, up="z")
        assert np.array_equal(found, grid.transpose(1, 2, 0)), seed
        turned = read_binvox(path)  # (x, y, z) -> (x, -z, y)
        assert np.array_equal(turned, grid.transpose(2, 1, 0)[:, ::-1]), seed


HEADER = b"#binvox 1\ndim 4 4 4\ndata\n"
HOSTILE = {
    "a run over the end": (HEADER + b"\x01\x3f\x00\x02", "runs make 65 voxels"),
    "another run behind": (HEADER + b"\x01\x40\x01\x01", "runs make 65 voxels"),
    "a strange byte behind": (HEADER + b"\x01\x40x", "runs make 64 voxels, and the last is cut off"),
    "too few": (HEADER + b"\x01\x3f", "runs make 63 voxels, its header announces 64"),
    "nothing behind the header": (HEADER, "runs make 0 voxels"),
    "newlines for runs": (HEADER + b"\n" * 10, "runs make 50 voxels"),
    "the value 2": (HEADER + b"\x02\x40", "the value 2, expected 0, and 1 or 255"),
    "text": (HEADER + b"0 64\n1 0\n", "its runs make"),
    "two sides": (b"#binvox 1\ndim 4 4\ndata\n\x01\x40", "no line 'dim' with three"),
    "four sides": (b"#binvox 1\ndim 4 4 4 4\ndata\n\x01\x40", "no line 'dim' with three"),
    "sides in a comment": (b"#binvox 1\n# dim 4 4 4\ndata\n\x01\x40", "no line 'dim' with three"),
    "sides that differ": (b"#binvox 1\ndim 4 4 4\ndim 4 4 8\ndata\n\x01\x40", "no line 'dim'"),
    "version 2": (b"#binvox 2\ndim 4 4 4\ndata\n\x01\x40", "no binvox header"),
    "version 12": (b"#binvox 12\ndim 4 4 4\ndata\n\x01\x40", "no binvox header"),
    "no end of the header": (b"#binvox 1\n" + b"# no\n" * 2**16 + HEADER[10:], "no binvox header"),
    "sides beyond every number": (b"#binvox 1\ndim " + b"9" * 5000 + b" 4 4\ndata\n", "no line 'dim'"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_what_does_not_hold_is_refused_with_its_reason(tmp_path, case):
    data, reason = HOSTILE[case]
    (tmp_path / "bad.binvox").write_bytes(data)
    with pytest.raises(ValueError, match=reason):
        read_binvox(tmp_path / "bad.binvox")
