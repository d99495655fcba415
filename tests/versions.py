"""The unit tests on the oldest versions allowed and the newest: `python tests/versions.py`.

Each edition gets a virtual environment of its own in a temporary folder, made with the Python that
runs this script. "oldest" has every package of `dependencies` and of the extra `lab` at its lower
bound, "newest" what pip finds without constraints; the tools of tests and site are the newest in
both. torch is the pinned one unless --torch says otherwise. A few minutes and 2 GB of disk for each
edition; where "oldest" fails, raise the bound in pyproject.toml to the oldest that passes.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
import course  # noqa: E402 (it makes environments; it is no package)

EDITIONS = ("oldest", "newest")
# it looks at an environment of the pins
PINNED_ONLY = "tests/course/test_pins.py::test_every_pin_takes_the_oldest_python"


def bounds() -> dict[str, str]:
    """Each package that a learner needs, with pyproject.toml's lower bound for it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = project["dependencies"] + project["optional-dependencies"]["lab"]
    return dict(line.split(">=") for line in lines)


def test_tools() -> list[str]:
    """What the unit tests need besides: they write models for the site, too."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    return extras["site"] + [
        line for line in extras["test"] if not line.startswith(project["name"])
    ]


def install(edition: str, torch: str) -> None:
    """Make the environment course.VENV. CourseError if pip finds no set of versions."""
    course.VENV.mkdir()
    (course.VENV / "install.log").touch()
    course.logged_step(
        f"{edition}: a new environment", [sys.executable, "-m", "venv", str(course.VENV)]
    )
    oldest = bounds()
    if torch == "pinned":
        course.install_torch("")
    else:
        wanted = f"torch=={oldest['torch']}" if torch == "oldest" else "torch"
        course.pip_install(
            f"{edition}: {wanted}", ["--no-deps", "--index-url", course.CPU_INDEX, wanted]
        )
    packages = [
        name if name == "torch" or edition == "newest" else f"{name}=={low}"
        for name, low in oldest.items()
    ]
    course.pip_install(f"{edition}: packages", [*packages, *test_tools()])


def installed() -> dict[str, str]:
    command = [
        str(course.venv_python()),
        "-m",
        "pip",
        "list",
        "--format=json",
        "--disable-pip-version-check",
    ]
    listed = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return {re.sub("[-_.]+", "-", entry["name"]).lower(): entry["version"] for entry in listed}


def run_tests(report: Path) -> tuple[bool, str]:
    """Run the unit tests; (whether all passed, how many did what)."""
    command = [*course.stage_command("unit", course.venv_python()), "-q", "--deselect", PINNED_ONLY]
    code = course.run_child([*command, f"--junitxml={report}"], PYTHONPATH=str(ROOT))
    if not report.exists():
        return False, f"pytest ended with exit code {code}"
    suite = ElementTree.parse(report).getroot()[0].attrib
    tests, skipped = int(suite["tests"]), int(suite["skipped"])
    failed = int(suite["failures"]) + int(suite["errors"])
    return code == 0, f"{tests - failed - skipped} passed, {failed} failed, {skipped} skipped"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "editions", nargs="*", metavar="edition", help="oldest or newest; both if none is named"
    )
    parser.add_argument(
        "--torch", choices=("pinned", *EDITIONS), default="pinned", help="which torch (pinned)"
    )
    options = parser.parse_args()
    unknown = set(options.editions) - set(EDITIONS)
    if unknown:
        parser.error(
            f"unknown edition {', '.join(sorted(unknown))}; there are {' and '.join(EDITIONS)}"
        )
    lines, good = [], True
    for edition in options.editions or EDITIONS:
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            course.VENV = Path(folder) / "venv"
            try:
                install(edition, options.torch)
            except course.CourseError as error:
                sys.exit(f"versions.py: {edition}: {error}")
            versions = installed()
            passed, counts = run_tests(Path(folder) / "report.xml")
        good &= passed
        listed = ", ".join(f"{name} {versions[name]}" for name in bounds())
        lines += [
            f"{edition} on Python {sys.version.split()[0]}, {time.monotonic() - started:.0f} s:"
            f" {counts}"
        ]
        lines += [f"  {listed}"]
    print("\n".join(["", *lines]))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
