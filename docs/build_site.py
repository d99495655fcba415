"""Builds the course as a static site: `python3 course.py site` writes _site/ for a web server.

Sphinx with myst-nb does the work. Here the pages are laid out as in the repository, so that their
links hold: the lessons with the outputs that they were saved with, and the texts. plotly.js and
MathJax are copied beside the pages; a reader's browser asks no other host. So is the live box,
which makes shapes in the browser (docs/web/live): the shipped model as ONNX, the reader of
sentences, and onnxruntime-web, which npm fetches here.
"""

import argparse
import base64
import copy
import html
import importlib.util
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import api_reference
import nbformat
import page_policy
from PIL import Image, ImageOps

from course_utils.places import BUNDLES, CHECKPOINTS, LIVE, LIVE_MODELS, RUNTIME, SITE, WEB

ROOT = Path(__file__).resolve().parents[1]
# as the curriculum has them: the first two digits of a lesson's name, or a notebook's whole name
PARTS = {
    "Part I · Noise": ("00", "01", "02", "03"),
    "Part II · Images": ("04", "05", "06"),
    "Part III · Voxels": ("07", "08", "09"),
    "On a GPU": ("train_on_a_gpu",),
}
TEXTS = {
    "To look things up": (
        "docs/notation.md",
        "docs/troubleshooting.md",
        "docs/gpu.md",
        "docs/clusters.md",
        "docs/accessibility.md",
        "data/README.md",
    ),
    "To teach": ("docs/teaching.md", "docs/jupyterhub.md"),
    "To take part": ("CONTRIBUTING.md", "docs/architecture.md", "CHANGELOG.md"),
}
LINKED = (  # by other pages, not by the table of contents
    "data/checkpoints/shapes32/README.md",
    "data/furniture32/ATTRIBUTION.md",
    "data/glyphs16/ATTRIBUTION.md",
    "data/words/ATTRIBUTION.md",
)
PLOTLY = "application/vnd.plotly.v1+json"
SHIPPED = "shapes32"
OPENING = ("chair", 3)  # the wish that the live box begins with, as docs/web/live/page.js has it
MADE = ".made"  # names what a build wrote, so that the next one replaces nothing else
# of onnxruntime-web; the browser loads the second three only where WebGPU is there and asked for
RUNTIME_FILES = (
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
    "ort.webgpu.min.mjs",
    "ort-wasm-simd-threaded.asyncify.mjs",
    "ort-wasm-simd-threaded.asyncify.wasm",
)
LIVE_BOX = """<link rel="stylesheet" href="_static/live/live.css">
<div data-nts-live></div>
<script type="module" src="_static/live/page.js"></script>

"""
CARD = (480, 200)  # pixels of a card's picture
PICTURES = {"09": "prompts"}  # of notebooks without a picture in their head
LESSON_TABLE = r"(\| lesson \|[\s\S]*?\n\n)"
LESSON_ROW = r"\| \[([^]]+)\]\(notebooks/(\w+)\.ipynb\) \| (.+?) \| (.+?) \|"
LINK_TO_BOX = r"(\*\*\[Make a shape in your browser\][\s\S]*?\n\n)"  # a paragraph of the README
# packages that pages come from
LICENSED = ("plotly", "sphinx", "sphinx-book-theme", "pydata-sphinx-theme", "myst-nb")
# lessons that begin with a live picture
LIVE_PLANES = {
    "01": "noise",
    "02": "score",
    "03": "sampler",
}
LIVE_PLANE = """<link rel="stylesheet" href="../_static/live/live.css">
<div data-nts-plane="{}"></div>
<script type="module" src="../_static/live/plane.js"></script>"""


def lessons() -> list[Path]:
    """The lessons' student editions, in order."""
    return sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def notebooks() -> list[Path]:
    """The lessons, and the notebooks without a number after them: all that have a page."""
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def page_of(notebook: nbformat.NotebookNode, name: str) -> nbformat.NotebookNode:
    """A lesson as the site shows it: with_figures, a link to the notebook, often a live picture."""
    page = with_figures(notebook)
    head = page.cells[0]
    link = f"{{download}}`⤓ Download <../files/{name}.ipynb>`"
    head.source, changed = re.subn(
        r"(\[▶ Open in Binder\]\([^)]*\))", rf"\1 · {link}", head.source, count=1
    )
    if not changed:
        raise ValueError(f"{name}: its head has no link to Binder to put the download link beside")
    for cell in page.cells:
        cell.metadata["mystnb"] = {"image": {"alt": cell.metadata.alt}}
    if name[:2] in LIVE_PLANES:
        page.cells.insert(
            1, nbformat.v4.new_markdown_cell(LIVE_PLANE.format(LIVE_PLANES[name[:2]]))
        )
    return page


def with_figures(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy without Colab's cell; figures are HTML, metadata.alt describes a cell's pictures."""
    page = copy.deepcopy(notebook)
    page.cells = [cell for cell in page.cells if not cell.source.startswith("# @title On Colab")]
    for cell, said in zip(page.cells, descriptions(page.cells), strict=True):
        kept = [
            output.get("metadata", {}).get("image/png", {}).get("alt")
            for output in cell.get("outputs", [])
        ]
        # what the figures say of themselves
        more = [alt for alt in kept if alt and alt != "Picture"]
        said = ". ".join(dict.fromkeys([said.rstrip("."), *more]))
        cell.metadata["alt"] = said
        for output in cell.get("outputs", []):
            if PLOTLY in output.get("data", {}):
                output.data = {"text/html": figure(output.data, said)}
    return page


def descriptions(cells: list[nbformat.NotebookNode]) -> list[str]:
    """What describes each cell's pictures where they are not seen: caption, else section."""
    section, said = "", []
    for cell, below in zip(cells, [*cells[1:], None], strict=True):
        headings = (
            re.findall(r"^#+ (.+)$", cell.source, re.MULTILINE)
            if cell.cell_type == "markdown"
            else []
        )
        section = headings[-1] if headings else section
        caption = (
            re.match(r"\*(?!\*)(.+?)(?<!\*)\*(?!\*)", below.source, re.DOTALL) if below else None
        )
        text = caption[1] if caption and below.cell_type == "markdown" else f"Figure of: {section}"
        said.append(" ".join(re.sub(r"[$*`\\]", "", text).split()))
    return said


def figure(data: dict, said: str) -> str:
    """A plotly figure as HTML: its JSON for figures.js, and its still until that has drawn it."""
    # no </script> can end it early
    spec = json.dumps(data[PLOTLY], separators=(",", ":")).replace("<", "\\u003c")
    still = ""
    if "image/png" in data:
        still = (
            f'<img alt="{html.escape(said)}"'
            f' src="data:image/png;base64,{data["image/png"].strip()}">'
        )
    script = f'<script type="application/json">{spec}</script>'
    return f'<figure class="film" aria-label="{html.escape(said)}">{still}{script}</figure>'


def contents() -> str:
    """Sphinx's tables of contents: the notebooks in parts, then the texts."""
    numbered = {path.stem: path.stem[:2] for path in lessons()}
    names = {numbered.get(path.stem, path.stem): f"notebooks/{path.stem}" for path in notebooks()}
    groups = {part: [names.pop(number) for number in numbers] for part, numbers in PARTS.items()}
    if names:
        raise ValueError(
            f"{', '.join(names.values())} belongs to no part; enter it in PARTS of {__file__}"
        )
    groups |= {
        title: [text.removesuffix(".md") for text in texts] for title, texts in TEXTS.items()
    }
    groups["To look things up"].insert(1, "api/index")
    tables = [
        "\n".join(["```{toctree}", ":hidden:", f":caption: {title}", "", *pages, "```"])
        for title, pages in groups.items()
    ]
    return "\n\n" + "\n\n".join(tables) + "\n"


def front(live: bool) -> str:
    """The front page: what the course is, the live box, the lessons as cards, the README's rest."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lead, link, rest = re.split(LINK_TO_BOX, readme, maxsplit=1)
    before, table, after = re.split(LESSON_TABLE, rest, maxsplit=1)
    figure, heading, start = before.partition("## ")
    start, _, title = start.rpartition("\n## ")
    box = LIVE_BOX if live else link
    planned, more, others = after.partition("## ")
    lessons = f"## {title}{cards(table)}{planned}"
    return f"{lead}{box}{figure}{lessons}{heading}{start}\n\n{more}{others}{contents()}"


def cards(table: str) -> str:
    """The lessons as cards, each a link: picture, title, what is done, measured time and memory.

    Args:
        table: The README's, with the rows of the lessons.
    """
    found = []
    for title, name, done, measured in re.findall(LESSON_ROW, table):
        picture = f'<img src="_static/cards/{name}.png" alt="" width="480" height="200">'
        words = "".join(
            f"<{tag}>{html.escape(text)}</{tag}>"
            for tag, text in (("strong", title), ("span", done), ("small", measured))
        )
        found.append(f'<li><a href="notebooks/{name}.html">{picture}{words}</a></li>')
    return f'<ul class="nts-cards">{"".join(found)}</ul>\n\n'


def card_picture(path: Path) -> Image.Image:
    """The picture of a notebook's card: its head's, that of `PICTURES`, else its first output."""
    notebook = nbformat.read(path, as_version=4)
    named = re.search(r"!\[[^]]*\]\(images/(\w+)\.png\)", notebook.cells[0].source)
    if named or path.stem[:2] in PICTURES:
        name = named[1] if named else PICTURES[path.stem[:2]]
        return Image.open(ROOT / "notebooks" / "images" / f"{name}.png").convert("RGB")
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                return Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))
    raise ValueError(f"{path.name} has no picture; enter one in PICTURES of {__file__}")


def put_cards(folder: Path) -> None:
    """Write the pictures of the cards: what is taller than a card is cut off below."""
    folder.mkdir()
    width, height = CARD
    for path in notebooks():
        picture = card_picture(path).convert("RGB")
        picture = picture.crop((0, 0, picture.width, min(picture.height, picture.width // 2)))
        picture = ImageOps.contain(picture, CARD, Image.Resampling.LANCZOS)
        ImageOps.pad(picture, (width, height), color="white").save(folder / f"{path.stem}.png")


def lay_out(folder: Path, live: bool) -> None:
    """Write the pages' sources into an empty folder, each where the repository has it."""
    (folder / "index.md").write_text(front(live), encoding="utf-8")
    for name in (
        "pyproject.toml",
        "LICENSE",
        *LINKED,
        *(text for texts in TEXTS.values() for text in texts),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    shutil.copy(ROOT / "docs" / "conf.py", folder)
    shutil.copytree(ROOT / "docs" / "static", folder / "static")
    for script in ("figures.js", "no_modules.js"):
        shutil.copy(WEB / "pages" / script, folder / "static")
    shutil.copytree(ROOT / "notebooks" / "images", folder / "notebooks" / "images")
    put_cards(folder / "static" / "cards")
    (folder / "files").mkdir()
    for path in notebooks():
        page = page_of(nbformat.read(path, as_version=4), path.stem)
        nbformat.write(page, folder / "notebooks" / path.name)
        shutil.copy(path, folder / "files")
    api_reference.write(folder / "api")
    copy_libraries(folder / "static")


def copy_libraries(folder: Path) -> None:
    """Put plotly.js and MathJax with its fonts, which Python packages bring, into a folder."""
    shutil.copy(package("plotly") / "package_data" / "plotly.min.js", folder)
    mathjax = package("sphinx-mathjax-offline") / "static" / "mathjax"
    for part in ("tex-chtml.js", "output/chtml/fonts"):
        target = folder / "mathjax" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (mathjax / part).is_dir() else shutil.copy)(mathjax / part, target)
    copy_licences(folder / "licences")


def copy_licences(folder: Path) -> None:
    """The licence texts of what others wrote in the pages: their packages' or docs/licences'."""
    shutil.copytree(ROOT / "docs" / "licences", folder)
    for name in LICENSED:
        texts = [
            file
            for file in metadata.files(name)
            if "licen" in file.name.lower() and "dist-info" in str(file)
        ]
        if not texts:
            raise ValueError(
                f"the package {name} brings no licence; put its text into docs/licences"
            )
        shutil.copy(texts[0].locate(), folder / f"{name}.txt")


def put_live(folder: Path, models: bool = True) -> None:
    """Put the modules of the live pictures into a new folder, with the model and what runs it.
    ValueError if npm is missing.
    """
    folder.mkdir(parents=True)
    for path in (*LIVE.glob("*.js"), *LIVE.glob("*.css"), BUNDLES / "viewer.bundle.js"):
        shutil.copy(path, folder)
    if models:
        put_runtime(folder / "runtime")
        put_models(folder / "models")


def put_runtime(folder: Path) -> None:
    """Put onnxruntime-web, which npm fetches, into a new folder.

    ValueError if npm is missing or fails.
    """
    installed = RUNTIME.parent / "package.json"
    wanted = json.loads((WEB / "package.json").read_text())["dependencies"]["onnxruntime-web"]
    if not installed.exists() or json.loads(installed.read_text())["version"] != wanted:
        npm = shutil.which("npm")
        if npm is None:
            raise ValueError(
                "npm is missing, which fetches the live box's runtime; install Node.js, or pass"
                " --no-live"
            )
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--omit=dev"],
            cwd=WEB,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ValueError(
                f"npm cannot fetch the live box's runtime: {done.stderr.strip()[-600:]}"
            )
    folder.mkdir()
    for name in RUNTIME_FILES:
        shutil.copy(RUNTIME / name, folder)


def put_models(folder: Path) -> None:
    """Put the shipped model as ONNX and the reader of sentences into a folder each. Exports are
    kept in build/ and used again while they match what is shipped.
    """
    from course_utils.files.atomic import writing
    from course_utils.models.checkpoints import checkpoint_config
    from course_utils.models.onnx import export_onnx, exported
    from course_utils.models.reader_export import export_reader, reader_exported
    from course_utils.widgets.live_model import OPENING as FILM
    from course_utils.widgets.live_model import READER, LiveModel

    made = LIVE_MODELS / SHIPPED
    if not exported(made, checkpoint_config(CHECKPOINTS / SHIPPED)):
        export_onnx(CHECKPOINTS / SHIPPED, made)
        (made / FILM).unlink(missing_ok=True)  # of the model that was there before
    if not (made / FILM).exists():
        with writing(made / FILM) as file:
            file.write_bytes(LiveModel(SHIPPED, *OPENING).opening())
    if not reader_exported(LIVE_MODELS / READER):
        export_reader(LIVE_MODELS / READER)
    for name in (SHIPPED, READER):
        shutil.copytree(LIVE_MODELS / name, folder / name)


def package(name: str) -> Path:
    """The folder of an installed package. ValueError if it is missing."""
    found = importlib.util.find_spec(name)
    if found is None:
        raise ValueError(
            f"the package {name} is missing; install it with: pip install -c constraints.txt -e"
            " '.[site]'"
        )
    return Path(found.origin).parent


def last_build(out: Path, mark: str, what: str) -> list[str]:
    """The files that an earlier build wrote into a folder.

    Args:
        out: The folder; it need not be there.
        mark: A file or folder that every build has.
        what: What it builds, for messages.

    Raises:
        ValueError: The folder holds something else.
    """
    if out.exists() and any(out.iterdir()) and not (out / mark).exists():
        raise ValueError(
            f"{out} holds something other than {what}; choose another --out or empty it"
        )
    file = out / MADE
    names = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [name for name in names if not {"..", "/"} & set(Path(name).parts)]


def put_build(new: Path, out: Path, last: list[str]) -> None:
    """Put a build into a folder, in place of the last one; what no build wrote stays there.

    Args:
        new: The build.
        out: The folder.
        last: Of `last_build`.
    """
    from course_utils.files.atomic import writing_folder

    names = sorted(path.relative_to(new).as_posix() for path in new.rglob("*") if path.is_file())
    with writing_folder(out, last) as folder:
        shutil.copytree(new, folder, dirs_exist_ok=True)
        (folder / MADE).write_text("\n".join([*names, MADE]), encoding="utf-8")


def build(out: Path, live: bool = True) -> None:
    """Build the site into `out`, replacing an earlier build.

    ValueError if Sphinx warns of anything.
    """
    from sphinx.cmd.build import main as sphinx

    last = last_build(out, ".buildinfo", "a site")
    with tempfile.TemporaryDirectory() as folder:
        source, site = Path(folder) / "source", Path(folder) / "site"
        source.mkdir()
        lay_out(source, live)
        put_live(source / "static" / "live", live)
        options = ["-b", "html", "-q", "-W", "--keep-going", "-d", str(Path(folder) / "cache")]
        if sphinx([*options, str(source), str(site)]):
            raise ValueError("Sphinx has warned, see above; fix that and build again")
        for template in (site / "_static").glob("*webpack-macros.html"):
            # the themes' own, no pages
            template.unlink()
        page_policy.protect(site)
        (site / ".nojekyll").touch()  # or GitHub Pages leaves out all folders that begin with _
        put_build(site, out, last)
    megabytes = sum(file.stat().st_size for file in out.rglob("*") if file.is_file()) / 1e6
    print(f"{out}: {len(list(out.rglob('*.html')))} pages, {megabytes:.0f} MB; look at it with")
    server = ["-m", "http.server", "--bind", "localhost", "--directory", str(out)]
    print(f"  {shlex.join([os.path.basename(sys.executable), *server])}")


def attempt(command: str, build: Callable, *arguments) -> int:
    """Exit code of a command that builds something: what goes wrong is said in one line."""
    try:
        build(*arguments)
    except (OSError, ValueError) as error:
        print(f"{command}: {error}", file=sys.stderr)
        return 1
    return 0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="course.py site", description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=SITE, help="folder to write (default: _site)")
    parser.add_argument(
        "--no-live", action="store_true", help="without the box that makes shapes, which needs npm"
    )
    options = parser.parse_args(arguments)
    return attempt(parser.prog, build, options.out, not options.no_live)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
