"""No pointer: Tab reaches every kind of control, keys use it, in JupyterLab and on the site."""

import re
import shutil
import sys

import nbformat
import numpy as np
import pytest
from conftest import ROOT, alone, colours, pixels, serve, serve_files

sys.path.insert(0, str(ROOT / "docs"))
import build_site

from course_utils.places import WEB
from course_utils.plots.film import isosurface_figure, shape_film

CONTROLS = """\
import numpy as np
from benchmarks.controls import CONTROLS
from course_utils.models.checkpoints import load_checkpoint
from course_utils.places import CHECKPOINTS
from course_utils.widgets import PromptBox, Sculptor
from ipywidgets import VBox
made = [make() for make in CONTROLS.values()]
VBox([control.box for control in made])"""
PROMPT_BOX = """\
box = PromptBox(*load_checkpoint(CHECKPOINTS / "shapes32"), "mug")
box.set(steps=4)
VBox([box.box])"""
SCULPTOR = (
    "Sculptor(np.ones((8, 8, 8), bool), lambda voxels, keep, count: np.stack([voxels] * count))"
)
PAGE = (ROOT / "docs" / "accessibility.md").read_text(encoding="utf-8")

WIDGETS = ":is(.widget-slider, .widget-dropdown, .widget-checkbox, .widget-text, .widget-button)"
LABELS = """all => all.map(at => {
    const said = (part) => part?.textContent.replace("\\u200b", "").trim();  // a check box's label is behind it
    return said(at.querySelector(".widget-label")) || said(at);
})"""
FOCUSED = """() => {
    const at = document.activeElement;
    return { tag: at.tagName, kind: at.type ?? "", role: at.getAttribute("role") ?? "", text: at.textContent.trim(),
             inside: at.closest(".nts") !== null, live: at.closest(".jp-OutputArea") !== null };
}"""

VALUE = "at => at.ariaValueText ?? at.value"


def kind_of(focused):
    """Which kind of control has the focus, None for anything else of the page."""
    if not focused["live"]:
        return None
    if focused["inside"]:
        return (
            "sculptor's picture"
            if focused["tag"] == "CANVAS"
            else "sculptor's tool"
            if focused["tag"] == "BUTTON"
            else None
        )
    kinds = {"SELECT": "menu", "BUTTON": "button", "INPUT": focused["kind"]}
    return "slider" if focused["role"] == "slider" else kinds.get(focused["tag"])


def use(page, kind):
    """Press the keys of the input that has the focus; return whether it, not the page, answered."""
    if kind in ("slider", "range", "menu"):
        used = page.evaluate_handle("document.activeElement")
        before = used.evaluate(VALUE)
        for key in ("ArrowDown", "ArrowUp") if kind == "menu" else ("ArrowRight", "ArrowLeft"):
            # it may be at an end
            page.keyboard.press(key)
            page.wait_for_timeout(150)
            if used.evaluate(VALUE) != before:
                return True
        return False
    if kind in ("checkbox", "radio"):
        before = page.evaluate("document.activeElement.checked")
        page.keyboard.press("Space")
        return page.evaluate("document.activeElement.checked") != before
    if kind == "text":
        page.keyboard.press("Control+a")
        page.keyboard.type("tree")
        page.keyboard.press("Enter")
        return page.evaluate("document.activeElement.value") == "tree"
    if kind == "sculptor's tool":
        return True  # reached; Carve, below, is pressed
    if kind == "sculptor's picture":
        page.keyboard.press("Space")  # carves at the ring
        page.locator(".nts button:enabled", has_text="Undo").wait_for()
    if kind == "button":
        page.keyboard.press("Enter")
    return True


def test_controls_in_jupyterlab(page, tmp_path):
    """Tab reaches every input of every control, keys move it, and the table in docs/ names it."""
    (tmp_path / "notebooks").mkdir()
    code = [nbformat.v4.new_code_cell(cell) for cell in (CONTROLS, PROMPT_BOX, SCULPTOR)]
    kernel = {
        "kernelspec": {
            "display_name": "Python 3 (ipykernel)",
            "language": "python",
            "name": "python3",
        }
    }
    nbformat.write(
        nbformat.v4.new_notebook(cells=code, metadata=kernel), tmp_path / "notebooks" / "keys.ipynb"
    )
    with serve(tmp_path / "notebooks", tmp_path) as lab:
        lab.open_lesson(page, "keys.ipynb")
        lab.run_all(page)
        page.locator(".nts canvas").first.wait_for()
        assert lab.errors(page) == []
        page.locator(".jp-OutputArea .widget-vbox img").first.wait_for()
        # command mode, in the first cell
        page.locator(".jp-CodeCell .jp-InputPrompt").first.click()
        # of the workshop: each lesson has its own
        answered, stool = ([], {"width", "height", "legs"})
        while (kind := kind_of(focused := tabbed(page))) != "sculptor's picture":
            if kind:
                answered.append((label_of(page) or focused["text"], use(page, kind)))
            if focused["text"] == "Carve":
                page.keyboard.press("Enter")
                assert (
                    page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"
                )
            assert len(answered) < 100
        assert use(page, kind)
        page.locator(".jp-OutputArea img[src^=blob]").last.wait_for()
        boxes = page.locator(f".jp-OutputArea {WIDGETS}").evaluate_all(LABELS)
        assert len(boxes) > 30 and all(answer for _, answer in answered), answered
        reached = [label for label, _ in answered]
        assert [label for label in boxes if reached.count(label) < boxes.count(label)] == []
        for button in ("Complete", None):  # asks, and takes the first proposal
            while (focused := tabbed(page))["tag"] != "BUTTON" or focused["text"] not in (
                button or "Proposal 1",
            ):
                reached.append(focused["text"])
                assert focused["inside"], f"{button or 'a proposal'} is not reached by Tab"
            page.keyboard.press("Enter")
            page.locator(".nts-row button").nth(3).wait_for()
            reached.append(focused["text"])
        page.locator(".nts-row button[aria-pressed=true]").wait_for()
        tools = page.locator(".nts :is(.nts-bar, .nts-ask) button:enabled").evaluate_all(LABELS)
        # Undo came up after it was passed
        assert [tool for tool in tools if tool not in (*reached, "Undo")] == []
        named = re.findall(r"`([^`]+)`", PAGE.partition("## Keys")[2].partition("\n## ")[0])
        assert sorted({*boxes, *tools} - {*named, *stool}) == []


def label_of(page):
    """The label of the widget whose input has the focus, "" outside of widgets."""
    widget = f"document.activeElement.closest('{WIDGETS}')"
    return page.evaluate(f"({LABELS})([{widget}].filter(Boolean))[0] ?? ''")


def tabbed(page):
    page.keyboard.press("Tab")
    return page.evaluate(FOCUSED)


@pytest.fixture
def films(page, tmp_path):
    """A page as the site has it, with a film of a ball that grows and a single surface."""
    z, y, x = np.indices((12, 12, 12)) / 11 - 0.5
    fields = [radius - np.sqrt(x**2 + y**2 + 2 * z**2) for radius in (0.2, 0.3, 0.4)]
    shown = [shape_film(fields, ["small", "medium", "large"]), isosurface_figure(fields[-1])]
    bundles = [film._repr_mimebundle_()[0] for film in shown]
    figures = [build_site.figure(bundle | {"image/png": ""}, "balls") for bundle in bundles]
    head = '<meta charset="utf-8"><script defer src="figures.js"></script>'
    (tmp_path / "index.html").write_text(
        f"{head}<a href='#'>begin</a>{''.join(figures)}", encoding="utf-8"
    )
    shutil.copy(WEB / "pages" / "figures.js", tmp_path)
    shutil.copy(build_site.package("plotly") / "package_data" / "plotly.min.js", tmp_path)
    (tmp_path / "favicon.ico").touch()
    with serve_files(tmp_path) as address, alone(page, address):
        page.goto(address)
        page.locator("figure[data-drawn='3']").wait_for()
        page.locator("figure[data-drawn='0']").wait_for()
        yield page


def test_films_on_the_site(films):
    film, single = films.locator("figure [tabindex='0'][aria-label='balls']").all()
    films.locator("a").first.focus()
    while not film.evaluate("element => element === document.activeElement"):
        films.keyboard.press("Tab")
    for key, label in (
        ("ArrowLeft", "medium"),
        ("Home", "small"),
        ("ArrowRight", "medium"),
        ("End", "large"),
    ):
        films.keyboard.press(key)
        films.wait_for_function(
            "([at, label]) => at.ariaValueText === label", arg=[film.element_handle(), label]
        )
    current = "at => at._fullLayout.sliders[0].active"  # plotly's own slider has moved with it
    assert (film.get_attribute("role"), film.evaluate(current)) == ("slider", 2)
    for key in ("Home", "End") * 5:  # quicker than it can draw
        films.keyboard.press(key)
    films.keyboard.press("Home")
    films.keyboard.press("Space")
    films.wait_for_function("at => at.ariaValueText === 'large'", arg=film.element_handle())
    while not single.evaluate("element => element === document.activeElement"):
        films.keyboard.press("Tab")
    before = pixels(single)
    assert single.get_attribute("role") == "img" and colours(before) > 50
    for _ in range(6):
        films.keyboard.press("ArrowUp")
    films.wait_for_timeout(1000)
    assert (pixels(single) != before).mean() > 0.01
