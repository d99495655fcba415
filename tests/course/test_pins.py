"""One set of versions in pyproject.toml, constraints.txt, environment.yml and binder/."""

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
PIP_OPTION = re.compile(
    r"(-c|-r|-e|--constraint|--requirement|--editable|--extra-index-url|--index-url)\s+(\S+)"
)
INSTALL_FILES = (
    "constraints.txt",
    "environment.yml",
    "binder/requirements.txt",
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


def conda_pip_lines() -> list[str]:
    """The pip section of environment.yml; pip runs it in the folder of that file."""
    (section,) = (entry for entry in conda_environment()["dependencies"] if isinstance(entry, dict))
    return section["pip"]


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


@pytest.mark.parametrize(
    ("folder", "lines", "extra"),
    [(".", conda_pip_lines(), "test"), ("binder", lines_of("binder/requirements.txt"), "lab")],
    ids=["environment.yml", "binder"],
)
def test_conda_and_binder_install_the_constraints(folder, lines, extra):
    options = [PIP_OPTION.fullmatch(line).groups() for line in lines if line.startswith("-")]
    (constraints,) = (value for option, value in options if option == "-c")
    assert (ROOT / folder / constraints).resolve() == ROOT / "constraints.txt"
    assert ("-e", f".[{extra}]") in options
    assert extra in EXTRAS
    named = [Requirement(line) for line in lines if not line.startswith("-")]
    assert "torch" in [requirement.name for requirement in named]
    for requirement in named:
        (clause,) = requirement.specifier
        assert clause.operator == "=="
        assert public(clause.version) == pins()[canonicalize_name(requirement.name)], requirement


def test_binder_has_no_room_for_cuda():
    """By its build tag: a plain version would bring gigabytes of CUDA if the CPU index is down."""
    assert f"torch=={pins()['torch']}+cpu" in lines_of("binder/requirements.txt")


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
