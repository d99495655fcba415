"""The data card names all of data/ and others' work in the code; the citation fits the package."""

import json
import re
import sys
import tomllib
from pathlib import Path

import yaml

from course_utils.places import BUNDLES, WEB

ROOT = Path(__file__).resolve().parents[2]
CARD = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
STORED = [
    path for path in (ROOT / "data").rglob("*") if path.is_file() and path.name != ".DS_Store"
]


def test_every_file_in_data_belongs_to_a_row_of_the_card():
    rows = re.findall(r"^\| `([^`]+)` \|[^|\n]+\|[^|\n]+\| *[^|\n ][^|\n]*\|$", CARD, re.MULTILINE)
    files = [path.relative_to(ROOT / "data").as_posix() for path in STORED]
    folders = ("README.md", *(f"{row}/" for row in rows))
    assert [name for name in files if not name.startswith(folders)] == []
    assert [row for row in rows if not (ROOT / "data" / row).is_dir()] == []


def test_the_bundles_library_is_named_with_its_licence():
    version = json.loads((WEB / "package.json").read_text())["devDependencies"]["three"]
    assert f"three.js {version.rsplit('.', 1)[0]}" in CARD
    bundle = (BUNDLES / "viewer.bundle.js").read_text(encoding="utf-8")
    assert "The MIT License" in bundle[: bundle.index("*/")]


def test_what_a_site_brings_is_named_with_its_licence():
    sys.path.insert(0, str(ROOT / "docs"))
    import build_site

    for name in (*build_site.LICENSED, "MathJax", "onnxruntime-web", "Bootstrap", "Font Awesome"):
        assert name.lower() in CARD.lower(), name
    dependencies = json.loads((WEB / "package.json").read_text())["dependencies"]
    assert dependencies.keys() == {"onnxruntime-web"}  # another needs a row, and a licence in docs/


def test_the_citation_is_the_packages():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["license"] == project["license"]
    assert [author["name"] for author in citation["authors"]] == [
        author["name"] for author in project["authors"]
    ]
    assert citation["repository-code"] == project["urls"]["Homepage"]
