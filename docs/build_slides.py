"""Shows lessons as slides for any browser: `python3 course.py slides [lesson ...]`, in _slides/.

From the built notebooks and their saved outputs, with nbconvert's reveal export; nothing is
executed. No tag is needed: `##` begins a section, `###` a slide; text is cut where a slide is full;
code stands before what it prints, which comes at the next key; a figure has its slide with its
caption, its code behind a button. Exercises come last, without their checks. A cell's tag
`slide-skip` omits it, `slide-new` begins a new slide with it.

docs/slides/ holds the template, the style, and in reveal/ what `npm pack reveal.js@5.2.1` has in
dist/ as reveal.js and reveal.css, with its licence. plotly.js and MathJax come as in build_site.py;
no slide asks another host.
"""

import argparse
import base64
import html
import io
import re
import shutil
import sys
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from build_site import (
    ROOT,
    attempt,
    copy_libraries,
    last_build,
    lessons,
    put_build,
    with_figures,
)
from nbconvert import SlidesExporter
from nbformat.notebooknode import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from PIL import Image
from traitlets.config import Config

from course_utils.places import WEB

SLIDES = ROOT / "docs" / "slides"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REPOSITORY = f"{PROJECT['urls']['Homepage']}/blob/main"
CAPTION = re.compile(r"\*(?!\*)(.+?)(?<!\*)\*(?!\*)\s*", re.DOTALL)

# What fits on a slide of 1280 x 720, in pixels. Heights are estimates; tests/browser/test_slides.py
# measures them.
FULL, DENSE = 620, 440  # of a slide, and of its text: more of it nobody reads from the back row
# a line of text, the space between paragraphs, letters in a line
LINE, GAP, CHARACTERS = 42, 18, 76
# font size; line height and letter in sizes
CODE_SIZES, CODE_WIDTH, CODE_LINE, LETTER = (15, 22), 1112, 1.4, 0.603
PRINTED = 22 * CODE_LINE  # a printed line
LONG_CAPTION = 330  # letters
# of a slide inside its margins; height of a film; pictures grow so much at most
WIDTH, FILM, ENLARGED = 1160, 600, 2


@dataclass
class Piece:
    """Cells that stand together on a slide, their estimated height, and whether more may follow."""

    cells: list[NotebookNode]
    height: float
    begins: bool = False  # a new slide
    ends: bool = False  # its slide


@dataclass
class Section:
    """What lies between two headings of the second level."""

    title: str
    pieces: list[Piece] = field(default_factory=list)


def slide_show(notebook: NotebookNode) -> NotebookNode:
    """A lesson as nbconvert's slide show: its cells, split and ordered, with slide types."""
    page = with_figures(notebook)
    page.cells = [cell for section in sections(page.cells) for cell in slides(section.pieces)]
    return page


# ---- sections ------------------------------------------------------------------------------------


def sections(cells: list[NotebookNode]) -> list[Section]:
    """The lesson's sections in order, exercises last. What follows a check stays where it was."""
    cells = [cell for cell in cells if "slide-skip" not in tags(cell) and not only_imports(cell)]
    captions = take_captions(cells)
    found, here, before = [], None, None
    for cell in cells:
        if cell.cell_type == "code":
            if is_check(cell):
                here = before
            else:
                here.pieces += code_pieces(cell, captions.get(cell.id))
            continue
        for block in blocks(cell.source):
            heading = re.match(r"##? (.+)", block)
            if heading:
                before = here if here and not is_exercise(here) else before
                here = Section(heading[1])
                found.append(here)
            piece = text_piece(block)
            piece.begins |= "slide-new" in tags(cell) and block == blocks(cell.source)[0]
            here.pieces.append(piece)
    return sorted(found, key=is_exercise)


def is_exercise(section: Section) -> bool:
    return section.title.startswith("Exercise")


def is_check(cell: NotebookNode) -> bool:
    return cell.metadata.get("nbgrader", {}).get("grade", False)


def tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def only_imports(cell: NotebookNode) -> bool:
    """Whether a cell shows nothing and does no more than fetch names."""
    logical = re.sub(r"\([^()]*\)", "", cell.source).splitlines()
    lines = [line for line in logical if line.strip()]
    return (
        cell.cell_type == "code"
        and not cell.outputs
        and all(re.match("import |from ", line) for line in lines)
    )


def take_captions(cells: list[NotebookNode]) -> dict[str, str]:
    """Captions by the id of their figure's cell, taken out of the text that begins with them."""
    captions, figure = {}, None
    for cell in cells:
        if cell.cell_type == "code":
            figure = cell if any(map(is_figure, cell.outputs)) else figure
        elif figure is not None:
            found = CAPTION.match(cell.source)
            if found:
                paragraph = re.split(r"\n\s*\n", cell.source)[0]
                more = (
                    seen(paragraph) > LONG_CAPTION
                    or "**Predict" in paragraph
                    or paragraph.endswith(":")
                )
                said = found[0] if more else paragraph
                captions[figure.id] = said.strip()
                cell.source = cell.source[len(said) :].strip()
            figure = None
    return captions


# ---- pieces --------------------------------------------------------------------------------------


def blocks(text: str) -> list[str]:
    """Split into paragraphs, headings and so on; a formula, list or table follows its paragraph."""
    found, inside = [], False
    for line in text.splitlines():
        new = not line.strip() and not inside
        if new or re.match(r"#+ ", line):
            found.append([])
        if not new:
            found[-1:] = [[*(found[-1] if found else []), line]]
        if re.match(r"#+ ", line):
            found.append([])
        if line.count("$$") % 2 or line.startswith("```"):
            inside = not inside
        inside = (inside or "<details" in line) and "</details>" not in line
    together = []
    for block in ("\n".join(lines) for lines in found if lines):
        follows = re.match(r"\$\$|[-*|>] |\d+\. |\|", block)
        if (
            follows
            and together
            and not together[-1].startswith("#")
            and height(together[-1] + block) < DENSE
        ):
            together[-1] += f"\n\n{block}"
        elif not re.match(r"\[▶ Open|\*\*(Sources|Next|Back)\b", block):
            together.append(block)
    return together


def seen(text: str) -> int:
    """About how many letters a reader sees, without the addresses of links and TeX's commands."""
    text = re.sub(r"\]\([^)]*\)", "", text)
    text = re.sub(
        r"\$[^$]+\$", lambda formula: re.sub(r"\\[a-zA-Z]+|[{}$^_]", "", formula[0]) + " ", text
    )
    return len(re.sub(r"<[^>]*>|[*`]", "", text))


def height(block: str) -> float:
    """About how many pixels high a block of Markdown becomes."""
    if block.startswith("#"):
        return 96
    if block.startswith("!["):
        return FULL - 120
    total = GAP
    for part in re.split(r"(\$\$.*?\$\$|<details>.*?</details>)", block, flags=re.DOTALL):
        if part.startswith("$$"):
            total += 84 + 44 * part.count(r"\\")
        elif part.startswith("<details>"):
            total += LINE * lines(re.search(r"<summary>(.*?)</summary>", part, re.DOTALL)[1])
        else:
            total += GAP * part.strip().count("\n\n")
            for line in re.split(r"\n\s*\n|\n(?=\|)|\n(?=\s*[-*] )|\n(?=\s*\d+\. )", part):
                total += (
                    (LINE + 8) * bool(line.strip()) if line.startswith("|") else LINE * lines(line)
                )
    return total


def lines(text: str) -> int:
    return -(-seen(text.strip()) // CHARACTERS)


def text_piece(block: str) -> Piece:
    if block.startswith("!["):
        cell = new_markdown_cell(block, metadata={"tags": ["picture"]})
        return Piece([cell], height(block), ends=True)
    return Piece(
        [new_markdown_cell(local_links(block))], height(block), begins=block.startswith("###")
    )


def local_links(block: str) -> str:
    """Lessons point to their slides, all else that is not here to the repository."""
    block = re.sub(r"\]\((\d\d_\w+)\.ipynb", r"](\1.html", block)
    return re.sub(r"\]\(\.\./", f"]({REPOSITORY}/", block)


def code_pieces(cell: NotebookNode, caption: str | None) -> list[Piece]:
    """A cell's code with what it prints; or its figures, below the code if it defines something."""
    figures = [output for output in cell.outputs if is_figure(output)]
    printed = [output for output in cell.outputs if not is_figure(output)]
    alone = "slide-new" in tags(cell)
    if not figures:
        return code_and_print(cell, printed, alone)
    few = sum(map(printed_lines, printed)) <= 5
    shown = [] if few else printed
    defines = re.search(r"^(def|class) ", cell.source, re.MULTILINE)
    before = code_and_print(cell, shown, alone) if defines or shown else []
    return before + [
        figure_piece(cell, output, printed if few else [], caption) for output in figures
    ]


def code_and_print(cell: NotebookNode, printed: list[NotebookNode], begins: bool) -> list[Piece]:
    source = cell.source.replace("\n\n\n", "\n\n")
    code = new_code_cell(source, metadata={"size": code_size(source)})
    high = len(source.splitlines()) * code_size(source) * CODE_LINE + 2 * GAP
    if not printed:
        return [Piece([code], high, begins, ends=True)]
    below = sum(map(printed_lines, printed)) * PRINTED + 2 * GAP
    result = output_cell(printed, "printed", "fragment")
    if high + below <= FULL:
        return [Piece([code, result], high + below, begins, ends=True)]
    result.metadata.slideshow.slide_type = "-"
    return [Piece([code], high, begins, ends=True), Piece([result], below, begins=True, ends=True)]


def figure_piece(
    cell: NotebookNode, figure: NotebookNode, printed: list[NotebookNode], caption: str | None
) -> Piece:
    code = new_code_cell(cell.source, metadata={"size": CODE_SIZES[0], "tags": ["folded"]})
    cells = [code, output_cell([figure], "figure")]
    high = FILM
    if "image/png" in figure.data:
        figure.metadata["alt"] = cell.metadata.alt
        width, tall = Image.open(io.BytesIO(base64.b64decode(figure.data["image/png"]))).size
        cells[1].metadata["most"] = round(ENLARGED * tall)
        high = min(WIDTH / width, ENLARGED) * tall
    if printed:
        cells.append(output_cell(printed, "printed"))
    if caption:
        cells.append(new_markdown_cell(local_links(caption), metadata={"tags": ["caption"]}))
    notes = (
        sum(map(printed_lines, printed)) * PRINTED
        + 2 * GAP * bool(printed)
        + LINE * lines(caption or "")
    )
    return Piece(cells, min(high, FILM - notes) + notes, ends=bool(notes))


def output_cell(outputs: list[NotebookNode], tag: str, kind: str = "-") -> NotebookNode:
    metadata = {
        "transient": {"remove_source": True},
        "tags": [tag],
        "slideshow": {"slide_type": kind},
    }
    metadata["size"] = code_size("\n".join(map(printed_text, outputs)))
    return new_code_cell("", outputs=outputs, metadata=metadata)


def is_figure(output: NotebookNode) -> bool:
    data = output.get("data", {})
    return "image/png" in data or 'class="film"' in data.get("text/html", "")


def printed_text(output: NotebookNode) -> str:
    return output.get("text") or output.get("data", {}).get("text/plain", "")


def printed_lines(output: NotebookNode) -> int:
    return len(printed_text(output).splitlines())


def code_size(source: str) -> float:
    """The font size at which the longest line and all lines fit; below the smallest, it scrolls."""
    rows = source.splitlines() or [" "]
    fits = min(CODE_WIDTH / LETTER / max(map(len, rows)), (FULL - 4 * GAP) / CODE_LINE / len(rows))
    return min(max(round(fits, 1), CODE_SIZES[0]), CODE_SIZES[1])


# ---- slides --------------------------------------------------------------------------------------


def slides(pieces: list[Piece]) -> list[NotebookNode]:
    """The section's cells with their slide types: a `slide`, the others `subslide`s."""
    pages: list[list[Piece]] = []
    for piece in pieces:
        if not pages or piece.begins or not joins(pages[-1], piece):
            pages.append([])
        pages[-1].append(piece)
    cells = []
    for number, page in enumerate(pages):
        first, *others = [cell for piece in page for cell in piece.cells]
        first.metadata.setdefault("slideshow", {})["slide_type"] = "subslide" if number else "slide"
        if first.source.startswith("**Predict") and not others:
            first.metadata["tags"] = ["question"]
        cells += [first, *others]
    return cells


def joins(page: list[Piece], piece: Piece) -> bool:
    """Whether a piece stays on the slide: text while it reads well, code below little text."""
    if page[-1].ends or ("**Predict" in page[-1].cells[0].source and shows_figure(piece)):
        return False  # the answer comes after the question
    if shows_figure(page[-1]) and not shows_figure(piece):
        return False
    reads = piece.cells[0].cell_type == "markdown" and not re.match(
        "!|<details", piece.cells[0].source
    )
    high = sum(other.height for other in page)
    return high + piece.height <= (DENSE if reads else FULL) or high <= 96


def shows_figure(piece: Piece) -> bool:
    return "folded" in tags(piece.cells[0])


# ---- pages ---------------------------------------------------------------------------------------


def exporter() -> SlidesExporter:
    """nbconvert's reveal export with our template, without prompts."""
    colours = {"CSSHTMLHeaderPreprocessor": {"style": "default"}}
    return SlidesExporter(
        config=Config(colours),
        extra_template_basedirs=[str(SLIDES.parent)],
        template_name=SLIDES.name,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )


def contents(names: dict[str, str]) -> str:
    """The page that lists the lessons."""
    rows = "\n".join(
        f'<li><a href="{name}.html">{html.escape(title)}</a></li>' for name, title in names.items()
    )
    text = (SLIDES / "contents.html").read_text(encoding="utf-8")
    return text.replace("{{lessons}}", rows)


def build(out: Path, wanted: list[str]) -> None:
    """Write the lessons (all, if none is named) as slides, replacing an earlier build in `out`."""
    every = {path.stem: path for path in lessons()}
    chosen = [name for name in every if not wanted or {name, name[:2]} & set(wanted)]
    unknown = sorted(set(wanted) - {key for name in every for key in (name, name[:2])})
    if unknown:
        raise ValueError(f"no lesson {unknown[0]!r}; there are {', '.join(every)}")
    last = last_build(out, "reveal", "slides")
    with tempfile.TemporaryDirectory() as folder:
        slides = Path(folder) / "slides"
        lay_out({name: every[name] for name in chosen}, slides)
        put_build(slides, out, last)
    print(f"{out}: {len(chosen)} lessons; open {out / 'index.html'} in a browser")


def lay_out(chosen: dict[str, Path], out: Path) -> None:
    """Write lessons as slides into a new folder; `chosen` is their notebooks by name."""
    shutil.copytree(
        SLIDES, out, ignore=shutil.ignore_patterns("*.j2", "conf.json", "contents.html")
    )
    shutil.copytree(ROOT / "notebooks" / "images", out / "images")
    shutil.copy(ROOT / "docs" / "static" / "icon.svg", out)
    shutil.copytree(WEB / "pages", out, dirs_exist_ok=True)
    copy_libraries(out)
    names = {}
    for name, path in chosen.items():
        notebook = nbformat.read(path, as_version=4)
        names[name] = re.match(r"# (.+)", notebook.cells[0].source)[1]
        page, _ = exporter().from_notebook_node(
            slide_show(notebook), {"metadata": {"name": names[name]}}
        )
        (out / f"{name}.html").write_text(page, encoding="utf-8")
    (out / "index.html").write_text(contents(names), encoding="utf-8")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="course.py slides", description=__doc__.split("\n")[0])
    parser.add_argument(
        "lessons", nargs="*", help="for example 08 or 08_voxel_diffusion; all if none is named"
    )
    parser.add_argument(
        "--out", type=Path, default=ROOT / "_slides", help="folder to write (default: _slides)"
    )
    options = parser.parse_args(arguments)
    return attempt(parser.prog, build, options.out, options.lessons)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
