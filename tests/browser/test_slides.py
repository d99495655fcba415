"""The slides in Chromium: they fit 1280 x 720, keys walk through them, no other host is asked."""

import sys

import nbformat
import pytest
from conftest import ARTIFACTS, ROOT, alone, film_changes

sys.path.insert(0, str(ROOT / "docs"))
import build_slides

LESSONS = [path.stem for path in build_slides.lessons()]

# Opens every slide with all that is on it, and says what does not fit: the slide, a line of code, a
# figure too small.
TROUBLES = """() => Reveal.getSlides().flatMap((slide) => {
    const { h, v } = Reveal.getIndices(slide);
    Reveal.slide(h, v, 99);
    const box = slide.getBoundingClientRect();
    const cells = [...slide.querySelectorAll(".jp-Cell:not(.celltag_folded)")];
    const wide = [...slide.querySelectorAll(".code, .jp-MarkdownOutput, pre, mjx-container")];
    const figures = [...slide.querySelectorAll(".celltag_figure")];
    const films = [...slide.querySelectorAll("figure.film")];
    const found = {
        empty: cells.length === 0,
        "too high": slide.scrollHeight > slide.clientHeight,
        "below its end": cells.some((cell) => cell.getBoundingClientRect().bottom > box.bottom + 1),
        "too wide": wide.some((part) => !part.closest(".folded") && part.scrollWidth > part.clientWidth + 1),
        "figure too small": figures.some((figure) => figure.clientHeight < 100),
        "film too small": films.some((film) => film.clientHeight < 380),
    };
    return Object.keys(found).filter((trouble) => found[trouble]).map((trouble) => `${h}/${v}: ${trouble}`);
})"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """All lessons' slides, built as `python3 course.py slides` does it."""
    folder = tmp_path_factory.mktemp("slides") / "slides"
    build_slides.build(folder, [])
    return folder


def show(page, address, width=1280, height=720):
    """Open a lesson's slides and wait until they stand, with their formulas."""
    page.set_viewport_size({"width": width, "height": height})
    page.goto(address)
    page.wait_for_function("window.Reveal?.isReady() && window.MathJax?.startup?.promise")
    page.evaluate("MathJax.startup.promise.then(() => true)")


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_as_slides(page, address, lesson):
    with alone(page, address):
        show(page, f"{address}{lesson}.html")
        notebook = nbformat.read(ROOT / "notebooks" / f"{lesson}.ipynb", as_version=4)
        headings = sum(
            cell.source.count("\n## ") + cell.source.startswith("## ") for cell in notebook.cells
        )
        # each section, and the title
        assert page.evaluate("Reveal.getHorizontalSlides().length") == headings + 1
        assert page.locator("mjx-merror").count() == 0
        named = page.locator(".slides img").evaluate_all("all => all.map(image => image.alt)")
        assert named and all(
            len(alt) > 3 and not alt.endswith((".png", "frames)")) for alt in named
        )
        assert page.locator(".jp-MarkdownOutput", has_text="$").count() == 0  # every formula is set
        assert page.evaluate(TROUBLES) == []
        ARTIFACTS.mkdir(exist_ok=True)
        page.screenshot(path=ARTIFACTS / f"slides-{lesson}.png")


def test_the_right_arrow_goes_through_all_slides(page, address):
    show(page, f"{address}00_start_here.html")
    slides, steps = page.evaluate(
        "[Reveal.getTotalSlides(), document.querySelectorAll('.fragment').length]"
    )
    assert slides > 20 and steps > 5
    for _ in range(slides + steps - 2):
        page.keyboard.press("ArrowRight")
    assert not page.evaluate("Reveal.isLastSlide() && !Reveal.availableFragments().next")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("Reveal.isLastSlide() && !Reveal.availableFragments().next")


def test_up_and_down_go_from_section_to_section(page, address):
    show(page, f"{address}01_gaussian_noise.html")
    page.keyboard.press("ArrowRight")
    for key, at in (("ArrowDown", 1), ("ArrowDown", 2), ("ArrowUp", 1)):
        page.keyboard.press(key)
        assert page.evaluate("[Reveal.getIndices().h, Reveal.getIndices().v]") == [at, 0]
    assert page.locator(".place span").text_content() == "1 · Four shapes made of points"


def test_a_film_turns_and_slides_in_a_file_without_a_server(page, site):
    """On a screen of another size reveal.js scales the slide, and the pointer must still hit."""
    path = (site / "00_start_here.html").as_uri()
    with alone(page, site.as_uri()):
        show(page, path, 1440, 810)
        while not page.evaluate("Reveal.getCurrentSlide().querySelector('figure.film')"):
            page.keyboard.press("ArrowRight")
        figure = page.locator("section.present section.present figure.film")
        slid, turned = film_changes(page, figure)
        assert slid > 0.01 and turned > 0.01


def test_the_contents_lead_to_every_lesson(page, address, site):
    page.goto(address)
    links = page.locator("li a").evaluate_all("all => all.map(link => link.getAttribute('href'))")
    assert links == [f"{lesson}.html" for lesson in LESSONS]
    assert all((site / link).is_file() for link in links)


def types(notebook):
    """[(slide type, first line)] of the cells of a slide show."""
    kinds = (cell.metadata.get("slideshow", {}).get("slide_type", "-") for cell in notebook.cells)
    return [
        (kind, cell.source.split("\n")[0]) for kind, cell in zip(kinds, notebook.cells, strict=True)
    ]


def test_how_a_lesson_becomes_slides():
    new = nbformat.v4
    png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    picture = new.new_output("display_data", {"image/png": png, "text/plain": "a picture"})
    printed = new.new_output("stream", text="yes\n")
    exercise = new.new_code_cell("def answer(): ...")
    check = new.new_code_cell(
        "check(answer)", metadata={"nbgrader": {"grade": True}}, outputs=[printed]
    )
    texts = (
        "# 01 · A lesson",
        "## 1 · Look\n\n**Predict:** what?",
        "*A point.* Small.\n\n## Exercise 1 · Do\n\nIt.",
    )
    title, first, second = (new.new_markdown_cell(text) for text in texts)
    more = (("Left out.", "slide-skip"), ("On its own.", "slide-new"))
    skipped, alone = (new.new_markdown_cell(text, metadata={"tags": [tag]}) for text, tag in more)
    cells = [
        title,
        new.new_code_cell("import torch"),
        first,
        new.new_code_cell("draw()", outputs=[picture]),
        second,
    ]
    cells += [exercise, check, new.new_markdown_cell("It goes on."), skipped, alone]
    cells += [new.new_code_cell("print(1)", outputs=[printed])]
    shown = types(build_slides.slide_show(new.new_notebook(cells=cells)))
    assert shown == [
        ("slide", "# 01 · A lesson"),
        ("slide", "## 1 · Look"), ("-", "**Predict:** what?"),
        # its code, itself, its caption
        ("subslide", "draw()"), ("-", ""), ("-", "*A point.* Small."),
        ("subslide", "It goes on."),
        # what it prints comes with the next key
        ("subslide", "On its own."), ("-", "print(1)"), ("fragment", ""),
        # last, and without its check
        ("slide", "## Exercise 1 · Do"), ("-", "It."), ("-", "def answer(): ..."),
    ]  # fmt: skip


def test_only_the_wanted_lessons_are_shown_and_an_unknown_one_is_refused(tmp_path):
    build_slides.build(tmp_path / "slides", ["05"])
    names = sorted(path.name for path in (tmp_path / "slides").glob("*.html"))
    assert names == ["05_gans_compared.html", "index.html"]
    (tmp_path / "slides" / "notes.html").write_text("mine")
    (tmp_path / "slides" / "images" / "me.png").write_text("mine")
    build_slides.build(tmp_path / "slides", ["01"])
    names = sorted(path.name for path in (tmp_path / "slides").glob("*.html"))
    assert names == ["01_gaussian_noise.html", "index.html", "notes.html"]
    assert (tmp_path / "slides" / "images" / "me.png").read_text() == "mine"
    with pytest.raises(ValueError, match="no lesson '77'; there are 00_start_here"):
        build_slides.build(tmp_path / "slides", ["77"])


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(ValueError, match="something other than slides"):
        build_slides.build(tmp_path, [])
    assert (tmp_path / "precious.txt").read_text() == "mine"
