"""The live box in JupyterLab: it makes Python's shapes while the kernel works, or is gone."""

import shutil
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from conftest import ARTIFACTS, serve

from course_utils.diffusion.sampling import last
from course_utils.models.checkpoints import load_checkpoint
from course_utils.models.prompting import sampling_states
from course_utils.places import CHECKPOINTS

sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))
import build_site

NAME = "live.ipynb"
SHOW = """from course_utils.widgets.live_model import LiveModel

LiveModel("shapes32", "lamp", seed=5)"""
WORK = "x = 0\nwhile True:\n    x += 1"
SAID = ".nts-live-status"

pytestmark = pytest.mark.skipif(
    shutil.which("npm") is None, reason="npm, which fetches the runtime, is missing"
)


@pytest.fixture(scope="module")
def course(tmp_path_factory, chromium):
    """JupyterLab with a notebook: the box, and a cell that never ends."""
    folder = tmp_path_factory.mktemp("live_model")
    build_site.put_live(folder / "site")  # whatever the box needs is in its place from then on
    (folder / "notebooks").mkdir()
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    cells = [nbformat.v4.new_code_cell(source) for source in (SHOW, WORK)]
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}),
        folder / "notebooks" / NAME,
    )
    with serve(folder / "notebooks", folder) as running:
        yield running


def run_cell(page, number):
    page.locator(".jp-NotebookPanel .jp-CodeCell .cm-content").nth(number).click()
    page.keyboard.press("Control+Enter")


def shut_down(page):
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.locator('.lm-Menu-item[data-command="kernelmenu:shutdown"]').click()
    page.get_by_text("No Kernel").first.wait_for()


def opened(course, page):
    """Open the notebook and run its first cell."""
    course.open_lesson(page, NAME)
    run_cell(page, 0)
    page.wait_for_function(f"/own model/.test(document.querySelector('{SAID}')?.textContent)")


def made(page, prompt):
    """Press the button; the voxels that the box then shows."""
    page.locator("[name=make]").click()
    page.wait_for_function(
        f"/^Made in .*: {prompt}/.test(document.querySelector('{SAID}').textContent)"
    )
    return shown(page)


def shown(page):
    voxels = page.evaluate("Array.from(document.querySelector('.nts-live').live.viewer.voxels)")
    return np.array(voxels, bool).reshape(32, 32, 32)


def like_pythons(voxels, prompt, steps):
    states = sampling_states(*load_checkpoint(CHECKPOINTS / "shapes32"), [prompt], [5], steps=steps)
    expected = (last(states).x_t[0, 0] > 0).numpy()
    return voxels.any() and (voxels & expected).sum() >= 0.99 * (voxels | expected).sum()


def test_it_answers_while_the_kernel_works_and_after_it_is_gone(course, page):
    opened(course, page)
    # the kernel has sent it
    page.wait_for_function("document.querySelector('.nts-live').live.frames.length")
    run_cell(page, 1)
    page.locator('.jp-Notebook-ExecutionIndicator[data-status="busy"]').wait_for(state="attached")
    # it opens with a film of that shape
    page.wait_for_function("!document.querySelector('[name=film]').disabled")
    assert like_pythons(shown(page), "lamp", 16)
    assert like_pythons(made(page, "lamp"), "lamp", 16)
    page.wait_for_function(
        "document.querySelector('.nts-live').live.reader().then(() => true)"
    )  # sent as well
    page.wait_for_timeout(500)
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / "live-model.png")
    shut_down(page)
    page.locator("[name=text]").fill("a mug, please")
    page.locator("[name=steps]").focus()
    page.keyboard.press("Home")  # 4 steps, and no move of the notebook
    page.keyboard.press("b")  # no new cell either
    assert like_pythons(made(page, "a mug, please"), "mug", 4)
    page.screenshot(path=ARTIFACTS / "live-model-alone.png")
    assert page.locator(".jp-NotebookPanel .jp-CodeCell").count() == 2
    assert page.console_errors == []


def test_a_kernel_that_goes_before_it_has_sent_the_model_is_named(course, page):
    opened(course, page)
    shut_down(page)
    page.locator("[name=make]").click()
    page.get_by_text("The kernel, which sends the model, does not answer").wait_for()
    assert page.locator("[name=make]").is_enabled() and page.console_errors == []
