"""A real JupyterLab in a real Chromium for the browser tests: the fixtures `lab` and `page`.

`lab` serves a copy of notebooks/, data/ and configs/, so a test can run and save what it likes. A
test of a later lesson calls lab.open_lesson(page, "08_name.ipynb"), lab.run_all(page) or its own
clicks, lab.errors(page), lab.figure(page), and keeps pictures in artifacts/ with lab.keep(page,
"name").
"""

import functools
import http.server
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from course_utils.places import WEB

ROOT = Path(__file__).parents[2]
ARTIFACTS = ROOT / "artifacts"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",  # WebGL without a graphics card
]
PATIENCE = 180_000  # milliseconds: a busy machine draws 3D slowly
ERRORS = (
    '[data-mime-type="application/vnd.jupyter.error"],'
    ' [data-mime-type="application/vnd.jupyter.stderr"]'
)
# in the console
NOT_OURS = ("favicon", "GPU stall", "Failed to load resource: net::ERR_INTERNET_DISCONNECTED")
FIGURES = ".jp-NotebookPanel .jp-RenderedPlotly"

# A cell waits as "[*]" and has not run as "[ ]"; the prompt of a folded cell stays empty.
ALL_HAVE_RUN = """errors => {
    const prompts = [...document.querySelectorAll('.jp-NotebookPanel .jp-CodeCell .jp-InputPrompt')];
    return !prompts.some(prompt => /\\[[ *]\\]/.test(prompt.textContent)) || document.querySelector(errors) !== null;
}"""

# innerText is empty where JupyterLab has not painted an output yet: textContent is there at once.
ERRORS_WITH_CELLS = """nodes => nodes.map(node => {
    const cell = node.closest('.jp-Cell')?.querySelector('.jp-InputArea-editor');
    return [node.dataset.mimeType, (cell?.textContent ?? '').slice(0, 80), node.textContent];
})"""


class Lab:
    """A running JupyterLab, and what a learner does in it."""

    def __init__(self, address: str):
        self.address = address

    def open_lesson(self, page, name: str) -> None:
        """Open notebook `name` (NN_name.ipynb) and wait until its kernel is ready."""
        page.goto(f"{self.address}/lab/tree/{name}?reset", wait_until="domcontentloaded")
        page.locator(".jp-NotebookPanel:visible .jp-Cell").first.wait_for()
        self._wait_until_idle(page)

    def run_all(self, page, seconds: float = 300) -> None:
        """Clear all outputs, run all cells by the menus, wait until all have run or one fails."""
        self._menu(page, "Edit", "editmenu:clear-all")
        self._menu(page, "Run", "runmenu:run-all")
        page.wait_for_function(ALL_HAVE_RUN, arg=ERRORS, timeout=seconds * 1000)
        self._wait_until_idle(page)

    def _menu(self, page, menu: str, command: str) -> None:
        page.get_by_role("menuitem", name=menu, exact=True).click()
        page.locator(f'.lm-Menu-item[data-command="{command}"]').click()

    def _wait_until_idle(self, page) -> None:
        # not "No Kernel"
        page.locator(".jp-NotebookPanel-toolbar").get_by_text("Python 3").wait_for()
        indicator = page.locator(
            '.jp-NotebookPanel .jp-Notebook-ExecutionIndicator[data-status="idle"]'
        )
        indicator.wait_for(state="attached")

    def errors(self, page) -> list[str]:
        """Every error and every line on stderr, drawn or not: its cell's start, and its text."""
        found = page.locator(ERRORS).evaluate_all(ERRORS_WITH_CELLS)
        return [
            f"{cell!r}: {text}"
            for kind, cell, text in found
            if text.strip() or "stderr" not in kind
        ]

    def figure(self, page):
        """The first plotly figure with a 3D scene, scrolled into view and drawn.

        JupyterLab paints only what is on screen, and where an output holds a PNG beside plotly's
        JSON it shows the PNG until the pointer enters it.
        """
        page.locator(FIGURES).first.wait_for(state="attached")
        for figure in page.locator(FIGURES).all():
            figure.scroll_into_view_if_needed()
            figure.hover()
            figure.locator(".plot-container").wait_for()
            figure.scroll_into_view_if_needed()  # the figure may be taller than its still
            page.wait_for_timeout(3000)
            if self.scene(figure).count():
                return figure
        raise AssertionError("no plotly figure of this lesson has a 3D scene")

    def scene(self, figure):
        """The canvas of a 3D figure, without its slider and buttons."""
        return figure.locator(".gl-container canvas").first

    def move_slider(self, page, figure, share: float) -> None:
        """Click the slider at a share of its length (0 = left end), wait for the new frame."""
        rail = figure.locator(".slider-rail-rect").first.bounding_box()
        page.mouse.click(rail["x"] + share * rail["width"], rail["y"] + rail["height"] / 2)
        page.wait_for_timeout(3000)

    def keep(self, target, name: str) -> None:
        """Save a picture of a page or an element as artifacts/<name>.png."""
        ARTIFACTS.mkdir(exist_ok=True)
        target.screenshot(path=ARTIFACTS / f"{name}.png")


class QuietFiles(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, without a line on the screen for each."""

    def log_message(self, *_):
        pass


@contextmanager
def serve_files(folder: Path, handler=QuietFiles):
    """A web server on a free port of this machine for the files of a folder; yields its address."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=folder)
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


class EmptyPage(QuietFiles):
    """An empty page, and the folder with the modules."""

    def do_GET(self):
        if self.path != "/":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b'<!doctype html><link rel="icon" href="data:,">')


@pytest.fixture
def modules(page):
    """A page that can import any module of docs/web by its path."""
    with serve_files(WEB, EmptyPage) as address, alone(page, address):
        page.goto(address)
        yield page


@pytest.fixture(scope="module")
def address(site):
    """A web server for the folder that a test module's own fixture `site` makes."""
    with serve_files(site) as running:
        yield running


def film_changes(page, figure) -> tuple[float, float]:
    """A film of a shape, drawn; then slid to an earlier frame, and turned under the pointer.

    Returns the share of its pixels' values that each of the two changed.
    """
    page.wait_for_function("figure => 'drawn' in figure.dataset", arg=figure.element_handle())
    canvas = figure.locator(".gl-container canvas").first
    page.wait_for_timeout(2000)
    opened = pixels(canvas)
    assert colours(opened) > 100
    rail = figure.locator(".slider-rail-rect").first.bounding_box()
    page.mouse.click(rail["x"] + 0.3 * rail["width"], rail["y"] + rail["height"] / 2)
    page.wait_for_timeout(2000)
    assert figure.locator(".slider-label").first.text_content().startswith("step 5 ")
    earlier = pixels(canvas)
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 120, box["y"] + box["height"] / 2, steps=8)
    page.mouse.up()
    page.wait_for_timeout(2000)
    return (earlier != opened).mean(), (pixels(canvas) != earlier).mean()


@contextmanager
def alone(page, address: str):
    """At the end: nothing went wrong in the page, and no other host than the address was asked."""
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    yield page
    assert page.console_errors == []
    assert asked and all(url.startswith((address, "data:", f"blob:{address}")) for url in asked)


def pixels(element) -> np.ndarray:
    """What is on the screen where the element stands, uint8 (H, W, 3)."""
    return np.asarray(Image.open(io.BytesIO(element.screenshot())).convert("RGB"))


def colours(image: np.ndarray) -> int:
    """How many colours a picture has: 1 if blank, a few for text, hundreds for a lit shape."""
    return len(np.unique(image.reshape(-1, 3), axis=0))


@contextmanager
def serve(notebooks: Path, folder: Path):
    """JupyterLab on a free port, with settings, workspace and logs of its own inside `folder`."""
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    # else a pop-up covers a corner of the page
    quiet = {
        "fetchNews": "false",
        "checkForUpdates": False,
    }
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet), encoding="utf-8")
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTER_DATA_DIR": "share",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    environment = os.environ | {name: str(folder / place) for name, place in places.items()}
    environment |= {"PYTHONPATH": str(ROOT)}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        "--ServerApp.ip=127.0.0.1",
        "--no-browser",
    ]
    options += ["--IdentityProvider.token=", f"--ServerApp.root_dir={notebooks}", "--allow-root"]
    log = folder / "server.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/api/status", server, log)
            yield Lab(f"http://127.0.0.1:{port}")
        finally:
            _stop(server)


def _stop(server: subprocess.Popen) -> None:
    server.terminate()  # it ends its kernels first
    try:
        server.wait(timeout=60)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _wait_for(address: str, server: subprocess.Popen, log: Path, seconds: float = 120) -> None:
    started = time.monotonic()
    while time.monotonic() - started < seconds and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.3)
    raise RuntimeError(
        f"JupyterLab did not start within {seconds:.0f} s:\n{log.read_text()[-3000:]}"
    )


@pytest.fixture(scope="session")
def lab(tmp_path_factory, chromium):
    """JupyterLab serving a copy of the course, so that no test changes a file of the repository."""
    folder = tmp_path_factory.mktemp("lab")
    for name in ("notebooks", "data", "configs"):
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name,
                folder / name,
                ignore=shutil.ignore_patterns("source", ".ipynb_checkpoints"),
            )
    with serve(folder / "notebooks", folder) as running:
        yield running


def program() -> str | None:
    """The system's Chromium: the one that CHROMIUM names, else the first on the path."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUMS)), None)


@pytest.fixture(scope="session")
def chromium():
    """A running Chromium."""
    found = program()
    if not found:
        pytest.skip(
            "no browser: install Chromium or set CHROMIUM to one (looked for"
            f" {', '.join(CHROMIUMS)})"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


def watched(page):
    """A page whose `console_errors` collects the errors that the browser reports."""
    page.set_default_timeout(PATIENCE)
    page.console_errors = []
    page.on("pageerror", lambda error: page.console_errors.append(str(error)))

    def note(message):
        if message.type == "error" and not any(noise in message.text for noise in NOT_OURS):
            page.console_errors.append(message.text)

    page.on("console", note)
    return page


@pytest.fixture
def page(chromium):
    """A fresh page. It does not hold pages to their policy, because Playwright waits with eval."""
    page = watched(chromium.new_page(viewport={"width": 1280, "height": 1000}, bypass_csp=True))
    yield page
    page.close()


@pytest.fixture
def strict(chromium):
    """A fresh page that holds pages to their policy, as a reader's does: no wait_for_function."""
    page = watched(chromium.new_page(viewport={"width": 1280, "height": 1000}))
    yield page
    page.close()
