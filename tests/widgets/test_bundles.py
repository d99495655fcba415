"""The bundles are made of the present sources in docs/web, by pinned tools, and hold nothing else.

If not: npm ci && npm run build in docs/web.
"""

import hashlib
import json
import re
import subprocess

import pytest

from course_utils.places import BUNDLES, ROOT, WEB

TOOLS = {"build.mjs", "package.json", "package-lock.json"}
HEAD = re.compile(r"/\* sources sha256 ([0-9a-f]{64}) docs/web: ([^\n]+)\n")


@pytest.mark.parametrize(
    ("name", "entry", "most"),
    [
        ("viewer", "viewer/index.js", 700_000),
        ("control", "widgets/control.js", 5_000),
        ("live_model", "widgets/live_model.js", 5_000),
    ],
)
def test_a_bundle_is_made_of_the_present_sources(name, entry, most):
    bundle = (BUNDLES / f"{name}.bundle.js").read_text(encoding="utf-8")
    head = HEAD.match(bundle)
    assert head, f"{name}.bundle.js does not begin with its sources"
    sources = head[2].split()
    assert {entry, *TOOLS} <= set(sources) and sources == sorted(sources)
    digest = hashlib.sha256()
    for source in sources:
        digest.update(f"{source}\n".encode() + (WEB / source).read_bytes().replace(b"\r\n", b"\n"))
    assert head[1] == digest.hexdigest(), "run npm ci && npm run build in docs/web"
    assert imported(entry) | TOOLS == set(sources)
    assert len(bundle) < most


def imported(entry: str) -> set[str]:
    """The modules of docs/web that a module imports, itself included."""
    found, open_ = set(), [WEB / entry]
    while open_:
        path = open_.pop()
        found.add(path)
        names = re.findall(r'from "(\.[^"]+)"', path.read_text(encoding="utf-8"))
        open_ += {(path.parent / name).resolve() for name in names} - found
    return {path.relative_to(WEB).as_posix() for path in found}


def test_a_bundle_with_three_has_its_licence():
    bundle = (BUNDLES / "viewer.bundle.js").read_text(encoding="utf-8")
    comment = bundle[: bundle.index("*/")]
    assert "Copyright © 2010" in comment and "THE SOFTWARE IS PROVIDED" in comment


def test_the_build_is_pinned():
    package = json.loads((WEB / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for kind in ("dependencies", "devDependencies"):
        assert lock[""][kind] == package[kind]
        for name, version in package[kind].items():
            assert lock[f"node_modules/{name}"]["version"] == version
    assert "resolved" not in json.dumps(lock)  # no registry's address


def test_all_our_javascript_lies_in_one_folder():
    listed = subprocess.run(
        ["git", "ls-files", "*.js", "*.mjs"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("no git checkout")
    bundles = {f"course_utils/widgets/assets/{path.name}" for path in BUNDLES.iterdir()}
    elsewhere = {name for name in listed.stdout.split() if not name.startswith("docs/web/")}
    assert elsewhere == bundles | {"docs/slides/reveal/reveal.js"}  # reveal.js is not ours
