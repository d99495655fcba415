"""One set of versions in pyproject.toml, constraints.txt, environment.yml and binder/."""

import json
import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

import course_utils

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCKS = ("requirements.lock", "requirements-cuda.lock")
INSTALL_FILES = (
    "constraints.txt",
    *LOCKS,
    "environment.yml",
    "binder/postBuild",
    "binder/runtime.txt",
)


def lines_of(name: str) -> list[str]:
    """The lines of a requirements file without comments and blanks."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return [
        line.split(" #")[0].strip()
        for line in text.splitlines()
        if line.strip() and not line.startswith("#")
    ]


def conda_environment() -> dict:
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def locked(name: str) -> dict[str, tuple[Version, list[str]]]:
    """A lock as {canonical name: (version, SHA-256s)}; a line of another form fails here."""
    found = {}
    text = (ROOT / name).read_text(encoding="utf-8").replace(" \\\n", " ")
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        requirement, *options = re.split(r" +--hash=sha256:", line)
        requirement = Requirement(requirement)
        (clause,) = requirement.specifier
        assert clause.operator == "==" and options, line
        assert all(re.fullmatch("[0-9a-f]{64}", option) for option in options), line
        found[canonicalize_name(requirement.name)] = Version(clause.version), options
    return found


def pins() -> dict[str, Version]:
    """constraints.txt as {canonical name: version}; a line of another form fails here."""
    found = {}
    for line in lines_of("constraints.txt"):
        name, version = re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.!]+)", line).groups()
        name = canonicalize_name(name)
        assert name not in found, f"{name} is pinned twice"
        found[name] = Version(version)
    return found


def public(version: str) -> Version:
    """A version without its build tag: 2.13.0 for 2.13.0+cpu."""
    return Version(Version(version).public)


def direct_dependencies() -> list[Requirement]:
    lines = [*PROJECT["dependencies"], *(line for extra in EXTRAS.values() for line in extra)]
    requirements = [Requirement(line) for line in lines]
    return [requirement for requirement in requirements if requirement.name != PROJECT["name"]]


@pytest.mark.parametrize("requirement", direct_dependencies(), ids=str)
def test_every_direct_dependency_is_pinned_within_its_bounds(requirement):
    pinned = pins().get(canonicalize_name(requirement.name))
    assert pinned is not None, f"{requirement.name} has no pin in constraints.txt"
    assert requirement.specifier.contains(pinned, prereleases=True), (
        f"{pinned} is outside of {requirement}"
    )


def test_dependencies_have_a_lower_bound_and_no_upper_one():
    for requirement in direct_dependencies():
        assert [clause.operator for clause in requirement.specifier] == [">="], requirement


def test_everything_that_is_installed_but_torch_is_locked_at_its_pin():
    versions, lock = pins(), locked("requirements.lock")
    assert len(lock) > 150 and "torch" not in lock
    assert {name: version for name, (version, _) in lock.items()}.items() <= versions.items()
    lines = [
        *PROJECT["dependencies"],
        *(line for extra in ("lab", "site", "test") for line in EXTRAS[extra]),
    ]
    wanted = {canonicalize_name(Requirement(line).name) for line in lines} | {"setuptools"}
    assert wanted - {"torch", PROJECT["name"]} <= lock.keys()
    assert len(lock["numpy"][1]) > 20  # every system's and every Python's


def test_every_installed_package_that_another_wants_is_locked():
    """A lock without a dependency would leave it out: pip looks at none (--no-deps)."""
    lock, missing = locked("requirements.lock"), set()
    for name in lock:
        try:
            wants = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # another system's
        needed = (Requirement(line) for line in wants)
        missing |= {
            f"{name}: {each.name}"
            for each in needed
            if (each.marker is None or each.marker.evaluate({"extra": ""}))
            and canonicalize_name(each.name) not in {*lock, "torch"}
        }
    assert missing == set()


def test_what_cuda_wants_is_locked_by_itself():
    cuda = locked("requirements-cuda.lock")
    assert "nvidia-cublas" in cuda and "triton" in cuda
    assert not cuda.keys() & (pins().keys() | locked("requirements.lock").keys())


def test_binder_and_a_hub_install_the_lock():
    for name in ("binder/postBuild", "docs/jupyterhub.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        lines = re.findall(
            r"^(?:sudo -E )?pip install (.*(?:torch|lock|-e).*)$", text, re.MULTILINE
        )
        assert len(lines) == 3
        (hashed,) = (line for line in lines if "requirements.lock" in line)
        assert "--require-hashes" in hashed and "--only-binary :all:" in hashed
        assert all("--no-deps" in line for line in lines), name
        (editable,) = (line for line in lines if "-e ." in line)
        assert "--no-build-isolation" in editable
    packages = [line for line in conda_environment()["dependencies"] if line.startswith("python=")]
    assert packages == conda_environment()["dependencies"]  # the rest comes by course.py


def test_what_npm_fetches_has_hashes():
    lock = json.loads((ROOT / "docs/web/package-lock.json").read_text(encoding="utf-8"))
    fetched = {name: entry for name, entry in lock["packages"].items() if name}
    assert "node_modules/onnxruntime-web" in fetched
    assert all(entry["integrity"].startswith("sha512-") for entry in fetched.values())


def test_binder_has_no_room_for_cuda():
    """By its build tag: a plain version would bring gigabytes of CUDA if the CPU index is down."""
    text = (ROOT / "binder/postBuild").read_text(encoding="utf-8")
    assert (
        f"--index-url https://download.pytorch.org/whl/cpu torch=={pins()['torch']}+cpu\n" in text
    )


def test_known_vulnerabilities_are_looked_for():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    commands = [step.get("run", "") for step in workflow["jobs"]["audit"]["steps"]]
    for lock in LOCKS:
        assert any("pip-audit==" in command and f"-r {lock}" in command for command in commands)
    assert "schedule" in workflow[True]  # yaml's "on"


def test_one_version_and_the_last_release_is_the_one_to_cite():
    """The code is what is being made; CITATION.cff names what CHANGELOG.md released last."""
    released = re.findall(
        r"^## \[(\d\S*)\] - (\S+)$",
        (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert course_utils.__version__ == PROJECT["version"]
    assert (cited["version"], str(cited["date-released"])) == released[0]
    assert Version(PROJECT["version"]) >= Version(released[0][0])


def test_the_readme_leads_to_the_site():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"]({PROJECT['urls']['Documentation']})" in readme


def test_one_python_version():
    """The oldest allowed, which CI tests first, is the same for conda, Binder and the workflow."""
    (conda,) = (
        entry for entry in conda_environment()["dependencies"] if str(entry).startswith("python=")
    )
    oldest = conda.removeprefix("python=")
    assert (ROOT / "binder/runtime.txt").read_text(encoding="utf-8").strip() == f"python-{oldest}"
    assert PROJECT["requires-python"] == f">={oldest}"
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    matrix = workflow["jobs"]["test"]["strategy"]["matrix"]
    assert oldest in matrix["python"]
    tested = [*matrix["python"], *(entry["python"] for entry in matrix["include"])]
    assert all(SpecifierSet(PROJECT["requires-python"]).contains(version) for version in tested)


def test_the_pythons_that_torch_has_wheels_for_are_the_same_everywhere():
    """course.py holds them; what a reader sees and what looks for a Python agrees with it."""
    source = (ROOT / "course.py").read_text(encoding="utf-8")
    oldest, newest = re.search(r"PYTHONS = \(\((\d, \d+)\), \((\d, \d+)\)\)", source).groups()
    said = f"{oldest.replace(', ', '.')} to {newest.replace(', ', '.')}"
    assert PROJECT["requires-python"] == f">={oldest.replace(', ', '.')}"
    for name in (
        "course.py",
        "README.md",
        "docs/jupyterhub.md",
        "docs/troubleshooting.md",
        "docs/students_package.py",
        ".ci/run",
    ):
        text = " ".join((ROOT / name).read_text(encoding="utf-8").split())
        assert f"Python {said}" in text and "3.11 or newer" not in text, name
    found = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert f"({oldest}) <= sys.version_info[:2] <= ({newest})" in found
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    matrix = workflow["jobs"]["test"]["strategy"]["matrix"]
    tested = {*matrix["python"], *(entry["python"] for entry in matrix["include"])}
    minors = range(int(oldest.split(", ")[1]), int(newest.split(", ")[1]) + 1)
    assert tested == {f"3.{minor}" for minor in minors}


def test_every_pin_takes_the_oldest_python():
    """Debian 12 has Python 3.11.2: a pin that wants a later 3.11 cannot be installed there."""
    oldest = Version(PROJECT["requires-python"].removeprefix(">="))
    installed = [found for found in metadata.distributions() if found.metadata["Requires-Python"]]
    versions = pins()
    pinned = [
        found
        for found in installed
        if versions.get(canonicalize_name(found.name)) == public(found.version)
    ]
    assert len(pinned) > 100
    wants = {found.name: found.metadata["Requires-Python"] for found in pinned}
    assert {
        name: want for name, want in wants.items() if not SpecifierSet(want).contains(oldest)
    } == {}


@pytest.mark.parametrize("name", INSTALL_FILES)
def test_no_machine_path_and_no_foreign_host(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    hosts = set(re.findall(r"\w+://([^/\s]*)", text))
    assert hosts <= {"download.pytorch.org"}
    assert " @ " not in text
    assert not re.findall(r"(?:^|[\s=])(?:/\w|[A-Za-z]:\\)\S*", text, re.MULTILINE)
