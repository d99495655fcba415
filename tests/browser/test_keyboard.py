"""No pointer: every kind of control is reached with Tab and used with keys, in JupyterLab and on a page of the site."""

import shutil
import sys

import nbformat
import numpy as np
import pytest
from conftest import ROOT, alone, colours, pixels, serve, serve_files

sys.path.insert(0, str(ROOT / "docs"))
import build_site

from course_utils.plots.film import isosurface_figure, shape_film

CONTROLS = """\
import numpy as np
from course_utils.datasets.shapes.drawing import slab
from course_utils.widgets import Sculptor, Workshop
from ipywidgets import Button
Workshop(lambda width, top, shelf: [slab(width, width, (0.0, 0.5), top == "round")],
         {"width": (0.2, 0.8, 0.5), "top": ["square", "round"], "shelf": False}, lambda voxels: "a block")"""
BUTTON = """\
button = Button(description="Press me")
button.on_click(lambda pressed: setattr(pressed, "description", "Pressed"))
button"""
SCULPTOR = "Sculptor(np.ones((8, 8, 8), bool), lambda voxels, keep, count: np.stack([voxels] * count))"

FOCUSED = """() => {
    const at = document.activeElement;
    return { tag: at.tagName, kind: at.type ?? "", role: at.getAttribute("role") ?? "", text: at.textContent.trim(),
             inside: at.closest(".nts") !== null, live: at.closest(".jp-OutputArea") !== null };
}"""
VALUE = "() => document.activeElement.ariaValueText ?? document.activeElement.value"


def kind_of(focused):
    """Which kind of control has the focus, None for anything else of the page."""
    if not focused["live"]:
        return None
    if focused["inside"]:
        named = focused["text"] == "Carve", focused["tag"] == "CANVAS"
        return "sculptor's tool" if named[0] else "sculptor's picture" if named[1] else None
    kinds = {"SELECT": "menu", "BUTTON": "button", "INPUT": focused["kind"]}
    return "slider" if focused["role"] == "slider" else kinds.get(focused["tag"])


def use(page, kind):
    """Press the keys of the control that has the focus; returns whether it has answered."""
    if kind in ("slider", "menu"):
        before = page.evaluate(VALUE)
        page.keyboard.press("ArrowRight" if kind == "slider" else "ArrowDown")
        page.wait_for_timeout(200)
        return page.evaluate(VALUE) != before
    if kind == "checkbox":
        page.keyboard.press("Space")
        return page.evaluate("document.activeElement.checked")
    if kind == "sculptor's tool":
        page.keyboard.press("Enter")
        return page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"
    if kind == "button":
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Pressed").wait_for()
    if kind == "sculptor's picture":
        page.keyboard.press("Space")  # carves at the ring
        page.locator(".nts button:enabled", has_text="Undo").wait_for()
    return True


def test_controls_in_jupyterlab(page, tmp_path):
    (tmp_path / "notebooks").mkdir()
    code = [nbformat.v4.new_code_cell(cell) for cell in (CONTROLS, BUTTON, SCULPTOR)]
    kernel = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=code, metadata=kernel), tmp_path / "notebooks" / "keys.ipynb")
    with serve(tmp_path / "notebooks", tmp_path) as lab:
        lab.open_lesson(page, "keys.ipynb")
        lab.run_all(page)
        page.locator(".nts canvas").first.wait_for()
        assert lab.errors(page) == []
        page.locator(".jp-OutputArea .widget-vbox img").first.wait_for()
        page.locator(".jp-CodeCell .jp-InputPrompt").first.click()  # command mode, in the first cell
        answered = {}
        for _ in range(60):
            page.keyboard.press("Tab")
            kind = kind_of(page.evaluate(FOCUSED))
            if kind and kind not in answered:
                answered[kind] = use(page, kind)
        wanted = ("slider", "menu", "checkbox", "button", "sculptor's tool", "sculptor's picture")
        assert answered == dict.fromkeys(wanted, True)


@pytest.fixture
def films(page, tmp_path):
    """A page as the site has it, with a film of a ball that grows and a single surface."""
    z, y, x = np.indices((12, 12, 12)) / 11 - 0.5
    fields = [radius - np.sqrt(x**2 + y**2 + 2 * z**2) for radius in (0.2, 0.3, 0.4)]
    shown = [shape_film(fields, ["small", "medium", "large"]), isosurface_figure(fields[-1])]
    bundles = [film._repr_mimebundle_()[0] for film in shown]
    figures = [build_site.figure(bundle | {"image/png": ""}, "balls") for bundle in bundles]
    head = '<meta charset="utf-8"><script defer src="figures.js"></script>'
    (tmp_path / "index.html").write_text(f"{head}<a href='#'>begin</a>{''.join(figures)}", encoding="utf-8")
    shutil.copy(ROOT / "docs" / "static" / "figures.js", tmp_path)
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
    for key, label in (("ArrowLeft", "medium"), ("Home", "small"), ("ArrowRight", "medium"), ("End", "large")):
        films.keyboard.press(key)
        films.wait_for_function("([at, label]) => at.ariaValueText === label", arg=[film.element_handle(), label])
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
