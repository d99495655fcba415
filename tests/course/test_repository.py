"""The repository as a whole: nothing left over from a merge, no code that nothing uses.

`python3 course.py test lint` runs this file.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import vulture

ROOT = Path(__file__).resolve().parents[2]
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # git knows it in every repository
MINIFIED = ":!*.bundle.js"
USERS = ("course_utils", "benchmarks", "docs", "notebooks", "studies", "tests", "course.py")
FIXED_BY_LIBRARIES = [  # names that Python, IPython, traitlets, torch, tqdm, onnx or diffusers use
    *("__getattr__", "include", "exclude", "pointer", "buffers", "n_averaged"),
    *("monitor_interval", "msg", "pos", "doc_string", "config_name"),
]


def git(*arguments: str) -> str:
    answer = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return answer.stdout


def test_no_conflict_markers_and_no_ragged_space():
    """git checks every tracked text file as if all its lines were new."""
    if not shutil.which("git") or not git("rev-parse", "--show-toplevel"):
        pytest.skip("not a git checkout")
    assert git("diff", "--check", EMPTY_TREE, "--", ".", MINIFIED) == ""


def test_the_readme_tells_the_size_of_the_core():
    (told,) = re.findall(r"([\d,]+) lines", (ROOT / "README.md").read_text(encoding="utf-8"))
    core = (ROOT / "course_utils" / "diffusion").glob("*.py")
    lines = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in core)
    assert abs(int(told.replace(",", "")) - lines) < 50, lines


def test_everything_in_the_library_is_used():
    """Vulture reads everything that may use the library, and is asked about the library alone."""
    finder = vulture.Vulture(ignore_names=FIXED_BY_LIBRARIES)
    finder.scavenge([ROOT / name for name in USERS], exclude=["*/node_modules/*"])
    unused = [
        f"{item.filename.relative_to(ROOT)}:{item.first_lineno}: {item.typ} {item.name}"
        for item in finder.get_unused_code(min_confidence=60)
        if ROOT / "course_utils" in item.filename.parents
    ]
    assert unused == []
