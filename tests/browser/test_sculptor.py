"""The sculptor in JupyterLab with a toy as its model: carve with the mouse, complete, save."""

import nbformat
import pytest
import trimesh
from conftest import ARTIFACTS, serve

NAME = "toy.ipynb"
SCULPT = """import numpy as np
from course_utils.widgets.sculptor import Sculptor

voxels = np.zeros((16, 16, 16), bool)
voxels[:10, 3:13, 3:13] = True

def complete(voxels, keep_mask, count):
    if keep_mask.sum() == 0:
        raise RuntimeError("<b>nothing</b> to go by")
    proposals, free = np.repeat(voxels[None], count, axis=0), np.flatnonzero(~keep_mask)
    for k in range(count):
        proposals[k].flat[free[: (k + 1) * len(free) // count]] = True
    return proposals

sculptor = Sculptor(voxels, complete)
sculptor"""
REPORT = (
    "print('now', sculptor.voxels.sum(), (~sculptor.keep_mask).sum(), sculptor.proposals.sum((1, 2,"
    " 3)).tolist())"
)
MORE = "sculptor.carve(np.ones((16, 16, 16), bool))"


@pytest.fixture(scope="module")
def workshop(tmp_path_factory, chromium):
    """JupyterLab with a sculptor, what the kernel knows of it, and a change from the kernel."""
    folder = tmp_path_factory.mktemp("sculptor")
    (folder / "notebooks").mkdir()
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    cells = [nbformat.v4.new_code_cell(source) for source in (SCULPT, REPORT, MORE)]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, folder / "notebooks" / NAME)
    with serve(folder / "notebooks", folder) as running:
        yield running


def run_cell(page, number):
    page.locator(".jp-NotebookPanel .jp-CodeCell .cm-content").nth(number).click()
    page.keyboard.press("Control+Enter")


def test_carve_complete_take_and_download_in_jupyterlab(workshop, page, tmp_path):
    workshop.open_lesson(page, NAME)
    run_cell(page, 0)
    view = page.locator(".nts-stage canvas")
    view.wait_for()
    page.wait_for_timeout(1000)
    page.get_by_role("button", name="Carve", exact=True).click()
    box = view.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 0.45 * box["height"])
    for key in ("z", "y", "]", "b"):
        # they go to the viewer, not to the notebook, where b would add a cell
        page.keyboard.press(key)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 0.45 * box["height"])
    complete = page.get_by_role("button", name="Complete", exact=True)
    complete.scroll_into_view_if_needed()
    page.wait_for_timeout(1000)  # JupyterLab moves what it scrolls to
    complete.click()
    page.get_by_text("4 proposals in").wait_for()
    page.locator(".nts-offer").nth(3).click()
    page.wait_for_timeout(500)
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / "sculptor-lab.png")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save .glb", exact=True).click()
    download.value.save_as(tmp_path / "shape.glb")
    volume = round(trimesh.load(tmp_path / "shape.glb", force="mesh").volume * 16**3)
    run_cell(page, 1)
    line = page.locator(".jp-OutputArea-output pre").filter(has_text="now ")
    line.wait_for()
    filled, free, proposals = line.inner_text().removeprefix("now ").split(" ", 2)
    proposals = [int(number) for number in proposals.strip("[]\n").split(",")]
    assert int(free) > 30 and proposals == sorted(proposals) and proposals[0] < proposals[3]
    assert int(filled) == proposals[3] == volume
    # from the kernel: everything is carved away, and the function has nothing to go by
    run_cell(page, 2)
    page.get_by_role("button", name="Complete", exact=True).click()
    page.get_by_text("RuntimeError: <b>nothing</b> to go by").wait_for()
    assert workshop.errors(page) == []
    assert page.locator(".jp-NotebookPanel .jp-CodeCell").count() == 3
    assert page.console_errors == []
