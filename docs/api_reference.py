"""Write the sources of the site's API reference: an index, and one page per room of course_utils.

Everything is found in the code: rooms and modules by walking the package, their floors in
pyproject.toml, and what the pages say in the docstrings, which Sphinx's autodoc and napoleon read.
"""

import importlib
import inspect
import pkgutil
import tomllib
from pathlib import Path

import course_utils

ROOT = Path(__file__).resolve().parents[1]
INTRODUCTION = """\
API reference
=============

Everything public in ``course_utils``, made from the docstrings. A folder is a room; rooms stand on
floors, and a room imports from the floors below it (:doc:`Architecture <../docs/architecture>`).

"""


def rooms() -> dict[str, list[str]]:
    """Return the modules of each room, the highest floor first."""
    found: dict[str, list[str]] = {}
    for module in pkgutil.walk_packages(course_utils.__path__, "course_utils."):
        if "._" not in module.name:
            found.setdefault(module.name.split(".")[1], []).append(module.name)
    floors = floor_of_rooms()
    return {room: found[room] for room in sorted(found, key=lambda room: (-floors[room], room))}


def floor_of_rooms() -> dict[str, int]:
    """Return the floor of each room, from import-linter's contract in pyproject.toml."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    (house,) = (
        contract["layers"]
        for contract in settings["importlinter"]["contracts"]
        if contract["type"] == "layers"
    )
    return {
        room: floor for floor, layer in enumerate(reversed(house)) for room in layer.split(" | ")
    }


def write(folder: Path) -> list[str]:
    """Write the pages into a new folder and return their names, the index first."""
    folder.mkdir()
    index = [INTRODUCTION, ".. list-table::", "   :header-rows: 1", "   :widths: 10 22 68", ""]
    index += ["   * - floor", "     - room", "     - what it is for"]
    for room, modules in rooms().items():
        (folder / f"{room}.rst").write_text(page(room, modules), encoding="utf-8")
        index += [f"   * - {floor_of_rooms()[room]}", f"     - :doc:`{room}`"]
        index += [f"     - {summary(modules[0])}"]
    index += ["", ".. toctree::", "   :hidden:", "", *(f"   {room}" for room in rooms())]
    (folder / "index.rst").write_text("\n".join(index) + "\n", encoding="utf-8")
    return ["index", *rooms()]


def page(room: str, modules: list[str]) -> str:
    """Return the source of a room's page: a section per module, the room's own words first."""
    lines = [room, "=" * len(room)]
    for module in modules:
        name = module.removeprefix(f"course_utils.{room}").lstrip(".")
        lines += ["", *([name, "-" * len(name), ""] if name else [])]
        lines += [f".. automodule:: {module}", "   :members:", "   :ignore-module-all:"]
    return "\n".join(lines) + "\n"


def summary(room: str) -> str:
    """Return the first paragraph of a room's docstring as one line."""
    text = inspect.getdoc(importlib.import_module(room))
    if not text:
        raise ValueError(f"{room} has no docstring; say in a sentence what the room is for")
    return " ".join(text.split("\n\n")[0].split()).replace("`", "``")
