"""Builds the course as a static site: `python3 course.py site` writes _site/, which any web server can serve.

Sphinx with myst-nb does the work. Here the pages are laid out as in the repository, so that their links hold: the
lessons with the outputs that they were saved with, and the texts. plotly.js and MathJax are copied beside the pages;
nothing is fetched from another host, neither now nor by a reader's browser.
"""

import argparse
import copy
import html
import importlib.util
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
PARTS = {  # as the curriculum has them: the first two digits of a lesson's name
    "Part I · Noise": ("00", "01", "02", "03"),
    "Part II · Images": ("04", "05", "06"),
    "Part III · Voxels": ("07", "08", "09"),
}
TEXTS = {
    "To look things up": ("docs/notation.md", "docs/troubleshooting.md", "docs/accessibility.md", "data/README.md"),
    "To teach, to take part": ("docs/teaching.md", "CONTRIBUTING.md", "docs/architecture.md", "CHANGELOG.md"),
}
LINKED = (  # by other pages, not by the table of contents
    "data/checkpoints/shapes32/README.md",
    "data/checkpoints/text-to-shape32/README.md",
    "data/furniture32/ATTRIBUTION.md",
    "data/glyphs16/ATTRIBUTION.md",
)
PLOTLY = "application/vnd.plotly.v1+json"


def lessons() -> list[Path]:
    """The student editions, in order."""
    return sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def page_of(notebook: nbformat.NotebookNode, name: str) -> nbformat.NotebookNode:
    """A lesson as the site shows it: figures that figures.js draws, a link to the notebook, no cell for Colab."""
    page = copy.deepcopy(notebook)
    head = page.cells[0]
    link = f"{{download}}`⤓ Download <../files/{name}.ipynb>`"
    head.source, changed = re.subn(r"(\[▶ Open in Binder\]\([^)]*\))", rf"\1 · {link}", head.source, count=1)
    if not changed:
        raise ValueError(f"{name}: its head has no link to Binder to put the download link beside")
    page.cells = [cell for cell in page.cells if not cell.source.startswith("# @title On Colab")]
    for cell, said in zip(page.cells, descriptions(page.cells), strict=True):
        kept = [output.get("metadata", {}).get("image/png", {}).get("alt") for output in cell.get("outputs", [])]
        more = [alt for alt in kept if alt and alt != "Picture"]  # what the figures say of themselves
        said = ". ".join(dict.fromkeys([said.rstrip("."), *more]))
        cell.metadata["mystnb"] = {"image": {"alt": said}}
        for output in cell.get("outputs", []):
            if PLOTLY in output.get("data", {}):
                output.data = {"text/html": figure(output.data, said)}
    return page


def descriptions(cells: list[nbformat.NotebookNode]) -> list[str]:
    """What stands for each cell's pictures where they are not seen: the caption below it, or else the section."""
    section, said = "", []
    for cell, below in zip(cells, [*cells[1:], None], strict=True):
        headings = re.findall(r"^#+ (.+)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else []
        section = headings[-1] if headings else section
        caption = re.match(r"\*(?!\*)(.+?)(?<!\*)\*(?!\*)", below.source, re.DOTALL) if below else None
        text = caption[1] if caption and below.cell_type == "markdown" else f"Figure of: {section}"
        said.append(" ".join(re.sub(r"[$*`\\]", "", text).split()))
    return said


def figure(data: dict, said: str) -> str:
    """A plotly figure as HTML: its JSON for figures.js, and its still and its description until that is drawn."""
    spec = json.dumps(data[PLOTLY], separators=(",", ":")).replace("<", "\\u003c")  # no </script> can end it early
    still = ""
    if "image/png" in data:
        still = f'<img alt="{html.escape(said)}" src="data:image/png;base64,{data["image/png"].strip()}">'
    script = f'<script type="application/json">{spec}</script>'
    return f'<figure class="film" aria-label="{html.escape(said)}">{still}{script}</figure>'


def contents() -> str:
    """Sphinx's tables of contents: the lessons in parts, then the texts."""
    names = {path.stem[:2]: f"notebooks/{path.stem}" for path in lessons()}
    groups = {part: [names.pop(number) for number in numbers] for part, numbers in PARTS.items()}
    if names:
        raise ValueError(f"{', '.join(names.values())} belongs to no part; enter it in PARTS of {__file__}")
    groups |= {title: [text.removesuffix(".md") for text in texts] for title, texts in TEXTS.items()}
    tables = [
        "\n".join(["```{toctree}", ":hidden:", f":caption: {title}", "", *pages, "```"])
        for title, pages in groups.items()
    ]
    return "\n\n" + "\n\n".join(tables) + "\n"


def lay_out(folder: Path) -> None:
    """Write the pages' sources into an empty folder, each where the repository has it."""
    (folder / "index.md").write_text((ROOT / "README.md").read_text(encoding="utf-8") + contents(), encoding="utf-8")
    for name in ("pyproject.toml", "LICENSE", *LINKED, *(text for texts in TEXTS.values() for text in texts)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    shutil.copy(ROOT / "docs" / "conf.py", folder)
    shutil.copytree(ROOT / "docs" / "static", folder / "static")
    shutil.copytree(ROOT / "notebooks" / "images", folder / "notebooks" / "images")
    (folder / "files").mkdir()
    for path in lessons():
        page = page_of(nbformat.read(path, as_version=4), path.stem)
        nbformat.write(page, folder / "notebooks" / path.name)
        shutil.copy(path, folder / "files")
    shutil.copy(package("plotly") / "package_data" / "plotly.min.js", folder / "static")
    mathjax = package("sphinx-mathjax-offline") / "static" / "mathjax"
    for part in ("tex-chtml.js", "output/chtml/fonts"):
        target = folder / "static" / "mathjax" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (mathjax / part).is_dir() else shutil.copy)(mathjax / part, target)


def package(name: str) -> Path:
    """The folder of an installed package. ValueError if it is missing."""
    found = importlib.util.find_spec(name)
    if found is None:
        raise ValueError(f"the package {name} is missing; install it with: pip install -c constraints.txt -e '.[site]'")
    return Path(found.origin).parent


def build(out: Path) -> None:
    """Build the site into `out`, replacing what a build has left there. ValueError if Sphinx warns of anything."""
    from sphinx.cmd.build import main as sphinx

    if out.exists() and any(out.iterdir()) and not (out / ".buildinfo").exists():
        raise ValueError(f"{out} holds something else than a site; choose another --out or empty it")
    with tempfile.TemporaryDirectory() as folder:
        source, site = Path(folder) / "source", Path(folder) / "site"
        source.mkdir()
        lay_out(source)
        options = ["-b", "html", "-q", "-W", "--keep-going", "-d", str(Path(folder) / "cache")]
        if sphinx([*options, str(source), str(site)]):
            raise ValueError("Sphinx has warned, see above; mend it and build again")
        for template in (site / "_static").glob("*webpack-macros.html"):  # the themes' own, no pages
            template.unlink()
        (site / ".nojekyll").touch()  # or GitHub Pages leaves out all folders that begin with _
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(site, out)
    megabytes = sum(file.stat().st_size for file in out.rglob("*") if file.is_file()) / 1e6
    print(f"{out}: {len(list(out.rglob('*.html')))} pages, {megabytes:.0f} MB; look at it with")
    print(f"  {os.path.basename(sys.executable)} -m http.server --bind localhost --directory {out}")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="course.py site", description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "_site", help="folder to write (default: _site)")
    try:
        build(parser.parse_args(arguments).out)
    except (OSError, ValueError) as error:
        print(f"course.py site: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
