"""The wheel: it has the code, the models and the data, and works without a repository."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NEEDED = ("pyproject.toml", "README.md", "LICENSE", "course_utils", "data", "configs")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "node_modules")
USE = """
import json
import course_utils
from course_utils import places
from course_utils.cli.main import main
from course_utils.datasets.furniture import furniture
from course_utils.datasets.images import glyphs
from course_utils.files.results import load_results
from course_utils.models.config import Config
from course_utils.models.pipeline import VoxelDiffusionPipeline
from course_utils.widgets import LiveModel, Sculptor

pipe = VoxelDiffusionPipeline.from_pretrained(places.CHECKPOINTS / "shapes32")
main("generate chair --steps 2 --tries 1 --out made/chair.glb".split())
print(json.dumps({
    "from": course_utils.__file__,
    "parameters": sum(p.numel() for p in pipe.denoiser.parameters()),
    "furniture": furniture().voxels.shape,
    "letters": len(glyphs("AB").pixels),
    "studies": [load_results(file)[1] for file in sorted(places.STUDIES.glob("*.json"))],
    "scripts": [len(str(LiveModel._esm)), len(str(Sculptor._esm))],
    "config": Config.read("named16").name,
    "runs": str(places.RUNS.absolute()),
}))
"""
FAIL = """
import sys
from course_utils.cli.main import main
from course_utils.models.pipeline import VoxelDiffusionPipeline
from course_utils.places import CHECKPOINTS

for arguments in ("generate chair", "train named16"):
    try:
        main(arguments.split())
    except SystemExit:
        pass
try:
    VoxelDiffusionPipeline.from_pretrained(CHECKPOINTS / "shapes32")
except ValueError as error:
    sys.exit(f"from_pretrained: {error}")
"""


def without_builder():
    """Why no wheel can be built here, or an empty text."""
    wanted = PROJECT["build-system"]["requires"][0].removeprefix("setuptools>=")
    try:
        found = metadata.version("setuptools")
    except metadata.PackageNotFoundError:
        found = "0"
    if int(found.split(".")[0]) < int(wanted):
        return f"a wheel is built with setuptools>={wanted}, here is {found}"
    return "" if importlib.util.find_spec("pip") else "a wheel is built with pip, which is missing"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel of a copy of the checkout, built offline."""
    if reason := without_builder():
        pytest.skip(reason)
    source = tmp_path_factory.mktemp("source")
    for name in NEEDED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=LEFT_OUT)
        else:
            shutil.copy(ROOT / name, source)
    built = tmp_path_factory.mktemp("built")
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "wheel", *offline, "--wheel-dir", built, source]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = built.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory):
    """The wheel, unpacked."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as zipped:
        zipped.extractall(folder)
    return folder


def python(arguments, site, folder):
    """Run a fresh Python in a folder; it finds the unpacked wheel first, and no checkout."""
    env = os.environ | {"PYTHONPATH": str(site)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=env, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_every_package_is_listed():
    found = {path.parent.relative_to(ROOT) for path in (ROOT / "course_utils").rglob("__init__.py")}
    found = {".".join(path.parts) for path in found if "node_modules" not in path.parts}
    listed = PROJECT["tool"]["setuptools"]["packages"]
    assert found == {name for name in listed if ".shipped." not in name}


def test_all_code_all_data_and_nothing_else_is_in_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as zipped:
        names = {name for name in zipped.namelist() if ".dist-info/" not in name}
    code = [
        path for path in (ROOT / "course_utils").rglob("*.py") if "node_modules" not in path.parts
    ]
    wanted = {path.relative_to(ROOT).as_posix() for path in code}
    for folder in ("data", "configs"):
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file()]
        files = [
            path for path in files if path.suffix not in (".py", ".pyc") and path.name[0] != "."
        ]
        wanted |= {f"course_utils/shipped/{path.relative_to(ROOT).as_posix()}" for path in files}
    assert wanted <= names and len(wanted) > 100
    assert {Path(name).suffix for name in names - wanted} == {".js", ".txt"}


def test_it_works_in_an_empty_folder(site, tmp_path):
    done = python(["-c", USE], site, tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert Path(found["from"]) == site / "course_utils" / "__init__.py"
    assert 6e6 < found["parameters"] < 10e6
    assert found["furniture"] == [814, 32, 32, 32] and found["letters"] > 100
    assert len(found["studies"]) == len(list((ROOT / "data" / "studies").glob("*.json")))
    assert min(found["scripts"]) > 1000
    assert (tmp_path / "made" / "chair.glb").stat().st_size > 10_000
    assert found["config"] == "named16" and Path(found["runs"]) == tmp_path / "runs"


def test_a_wheel_without_data_says_what_to_do(site, tmp_path):
    bare = tmp_path / "site" / "course_utils"
    shutil.copytree(site / "course_utils", bare, ignore=shutil.ignore_patterns("shipped"))
    done = python(["-c", FAIL], bare.parent, tmp_path)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "course.py generate",
        "course.py train",
        "from_pretrained",
    ]
    for line in lines:
        assert "is missing: install the course from its repository (pip install -e .)" in line
