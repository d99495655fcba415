"""The static site as a reader has it, every page in Chromium; no other host is ever asked."""

import importlib
import inspect
import json
import os
import shlex
import shutil
import sys
import warnings
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import nbformat
import pytest
from conftest import ARTIFACTS, ROOT, alone, film_changes

from course_utils.diffusion.sampling import sample

sys.path.insert(0, str(ROOT / "docs"))
import api_reference
import build_site

LESSONS = [path.stem for path in build_site.notebooks()]
FIGURES = "application/vnd.plotly.v1+json"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site, built as `python3 course.py site` does it."""
    folder = tmp_path_factory.mktemp("site") / "site"
    with warnings.catch_warnings(action="ignore"):  # Sphinx's extensions about each other
        build_site.build(folder, live=shutil.which("npm") is not None)
    return folder


@pytest.fixture
def reader(page, address):
    with alone(page, address):
        yield page


class Links(HTMLParser):
    """What a page points to, and what can be pointed to in it."""

    def __init__(self, text: str):
        super().__init__()
        self.targets, self.anchors = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.anchors |= {found[key] for key in ("id", "name") if found.get(key)}
        self.targets += [found[key] for key in ("href", "src") if found.get(key)]


def test_every_link_of_the_site_leads_somewhere(site):
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    broken, outside = [], set()
    for path, page in pages.items():
        for target in page.targets:
            address, anchor = urldefrag(target)
            parts = urlsplit(address)
            if parts.scheme == "data":
                continue
            if parts.scheme or parts.netloc:
                outside.add(parts.netloc)
                continue
            goal = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            goal = goal / "index.html" if goal.is_dir() else goal
            there = goal.is_file() and (
                not anchor or goal not in pages or unquote(anchor) in pages[goal].anchors
            )
            if not there:
                broken.append(f"{path.relative_to(site)}: {target}")
    assert broken == []
    assert len(pages) > 15 and "mybinder.org" in outside  # the crawl has seen the site


def test_the_reference_has_everything_public_with_its_arguments(reader, address, site):
    missing = []
    for room, modules in api_reference.rooms().items():
        anchors = Links((site / "api" / f"{room}.html").read_text(encoding="utf-8")).anchors
        for module in map(importlib.import_module, modules):
            missing += [
                f"{module.__name__}.{name}"
                for name, thing in vars(module).items()
                if (inspect.isfunction(thing) or inspect.isclass(thing))
                and (thing.__module__, name[0] != "_") == (module.__name__, True)
                and thing.__doc__
                and f"{module.__name__}.{name}" not in anchors
            ]
    assert missing == []
    reader.set_viewport_size({"width": 1000, "height": 1000})
    reader.goto(f"{address}api/index.html")
    reader.locator("article").get_by_role("link", name="diffusion").click()
    entry = reader.locator(
        "dt", has=reader.locator("[href='#course_utils.diffusion.sampling.sample']")
    )
    entry.wait_for()
    names = entry.locator(".sig-param > .n:first-child").all_text_contents()
    assert names == list(inspect.signature(sample).parameters)
    assert reader.evaluate("document.scrollingElement.scrollWidth") == 1000


def test_the_front_page_begins_with_the_box_and_shows_every_lesson_as_a_card(reader, address):
    reader.goto(f"{address}index.html")
    reader.locator("[data-nts-live] canvas").first.wait_for()
    cards = reader.locator(".nts-cards a")
    found = cards.evaluate_all("all => all.map(card => card.getAttribute('href'))")
    assert sorted(found) == sorted(f"notebooks/{name}.html" for name in LESSONS)
    words = cards.evaluate_all(
        "all => all.map(card => [...card.children].map(part => part.innerText))"
    )
    assert all(len(title) > 5 and len(done) > 20 and "GB" in cost for _, title, done, cost in words)
    sizes = cards.locator("img").evaluate_all("all => all.map(image => image.naturalWidth)")
    assert sizes == [480] * len(LESSONS)
    box, card, start = (
        reader.locator(place).first.bounding_box()["y"]
        for place in ("[data-nts-live]", ".nts-cards", "#start")
    )
    assert box < card < start
    ARTIFACTS.mkdir(exist_ok=True)
    reader.screenshot(path=ARTIFACTS / "site-front.png", full_page=True)


def test_what_others_wrote_comes_with_its_licence(site):
    there = {
        path.stem: path.read_text(encoding="utf-8")
        for path in (site / "_static" / "licences").iterdir()
    }
    assert {*build_site.LICENSED, "mathjax", "onnxruntime-web"} == there.keys()
    for name, text in there.items():
        assert "Copyright" in text and (
            "Permission is" in text or "Redistribution" in text or "Apache" in text
        ), name
    for name in ("bootstrap", "fontawesome"):
        assert (site / "_static" / "scripts" / f"{name}.js.LICENSE.txt").is_file()


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_on_the_site(reader, address, lesson):
    """Its formulas are set, its figures drawn when they come near, and all pictures have names."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{lesson}.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    films = [
        len(o.data[FIGURES].get("frames", [])) for o in outputs if FIGURES in o.get("data", {})
    ]
    reader.goto(f"{address}notebooks/{lesson}.html")
    for figure in reader.locator("figure.film").all():
        figure.scroll_into_view_if_needed()
        figure.locator(".plot-container").wait_for()
        reader.wait_for_function("figure => 'drawn' in figure.dataset", arg=figure.element_handle())
    drawn = reader.locator("figure.film").evaluate_all(
        "all => all.map(figure => Number(figure.dataset.drawn))"
    )
    assert drawn == films
    # the figure stands in the still's place
    assert reader.locator("figure.film > img").count() == 0
    assert reader.locator("span.math, div.math").count() == reader.locator("mjx-container").count()
    assert reader.locator("mjx-merror").count() == 0
    missing = (
        "all => all.filter(image => image.complete && !image.naturalWidth).map(image => image.src)"
    )
    assert reader.locator("img").evaluate_all(missing) == []
    named = reader.locator("article img").evaluate_all("all => all.map(image => image.alt)")
    assert named and all(len(alt) > 3 and not alt.endswith((".png", "frames)")) for alt in named)
    ARTIFACTS.mkdir(exist_ok=True)
    reader.screenshot(path=ARTIFACTS / f"site-{lesson}.png", full_page=True)


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_on_a_phone(chromium, address, lesson):
    """Nothing is wider than the screen, so nobody has to push the page sideways, nor its code."""
    phone = chromium.new_page(
        viewport={"width": 390, "height": 844}, is_mobile=True, device_scale_factor=2
    )
    phone.goto(f"{address}notebooks/{lesson}.html")
    figures = phone.locator("figure.film")
    if figures.count():
        figures.first.scroll_into_view_if_needed()
        figures.first.locator(".plot-container").wait_for()
    width = phone.evaluate("document.scrollingElement.scrollWidth")
    edges = "all => all.map(element => element.getBoundingClientRect().right)"
    wide = [
        edge
        for edge in figures.locator(".main-svg, .slider-container, img").evaluate_all(edges)
        if edge > 390
    ]
    pushed = (
        "all => all.filter(code => code.scrollWidth > code.clientWidth).map(code =>"
        " code.textContent.slice(0, 60))"
    )
    code = phone.locator(".cell_input pre, .cell_input .highlight").evaluate_all(pushed)
    phone.screenshot(path=ARTIFACTS / f"site-phone-{lesson}.png")
    phone.close()
    assert width <= 390 and wide == [] and code == []


def test_every_page_keeps_to_its_policy(strict, address, site):
    """Nothing that a page does is against its policy; and a script that it does not know is."""
    for path in sorted(site.rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        policy = text.index('<meta http-equiv="Content-Security-Policy" content="default-src ')
        assert policy < text.index("<script") and "unsafe-eval'" not in text[policy:].replace(
            "'wasm-unsafe-eval'", ""
        )
        strict.goto(f"{address}{path.relative_to(site).as_posix()}")
        figures = strict.locator("figure.film")
        if figures.count():
            figures.first.scroll_into_view_if_needed()
            figures.first.locator(".plot-container").wait_for()
    assert strict.console_errors == []
    strict.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.foreign = 1";
        document.head.append(script);
        document.head.insertAdjacentHTML("beforeend", "<img src=data:, onerror='window.foreign = 1'>");
    }""")
    strict.wait_for_timeout(300)
    assert strict.evaluate("window.foreign") is None and len(strict.console_errors) == 2


@pytest.mark.parametrize("name", ["index", "notebooks/01_gaussian_noise"])
def test_opened_by_double_click_a_page_says_how_to_start_a_server(strict, site, tmp_path, name):
    if name == "index" and shutil.which("npm") is None:
        pytest.skip("without npm the site has no live box")
    folder = tmp_path / "it's 100 %25 ü"  # an address has spaces and letters escaped
    shutil.copytree(site, folder, copy_function=os.link)
    strict.goto((folder / f"{name}.html").as_uri())
    box = strict.locator("[data-nts-live], [data-nts-plane]")
    said = box.text_content().strip()
    assert "\n" not in said and "server" in said and "http://localhost:8000" in said
    command = shlex.split(box.locator("code").text_content())
    expected = ["-m", "http.server", "--bind", "localhost", "--directory", str(folder)]
    assert command[1:] == expected
    assert not [error for error in strict.console_errors if "Content Security" in error]


def test_a_film_turns_and_slides_without_a_kernel(reader, address):
    reader.goto(f"{address}notebooks/00_start_here.html")
    figure = reader.locator("figure.film").first
    figure.scroll_into_view_if_needed()
    slid, turned = film_changes(reader, figure)
    assert slid > 0.01 and turned > 0.01


def test_the_search_finds_a_lesson(reader, address):
    reader.goto(f"{address}search.html?q=marching+cubes")
    reader.locator("#search-results a").first.wait_for()
    found = " ".join(
        reader.locator("#search-results a").evaluate_all("all => all.map(a => a.href)")
    )
    assert "07_voxels_and_meshes" in found


def test_a_lesson_can_be_downloaded_as_it_is(reader, address, site):
    reader.goto(f"{address}notebooks/01_gaussian_noise.html")
    link = reader.locator("a", has_text="Download").first.get_attribute("href")
    loaded = (site / "notebooks" / link).resolve()
    assert loaded.read_bytes() == (ROOT / "notebooks" / "01_gaussian_noise.ipynb").read_bytes()
    assert (
        reader.locator("a", has_text="Open in Colab").count()
        and reader.locator("a", has_text="Binder").count()
    )


def test_a_figure_cannot_break_out_of_its_page():
    spec = {"data": [], "layout": {"title": {"text": "</script><script>alert(1)</script>"}}}
    html = build_site.figure({FIGURES: spec, "image/png": "iVBORw0KGgo="}, 'a "<film>"')
    assert html.count("</script>") == 1 and "<film>" not in html and html.count("&lt;film&gt;") == 2
    inside = html.split('<script type="application/json">')[1].split("</script>")[0]
    assert json.loads(inside) == spec


def test_a_picture_is_described_by_its_caption_or_by_its_section():
    new = nbformat.v4
    texts = ("## 1 · Noise", "**Bold.** No.", "*Six $x_0$,\nnothing picked.* And so on.")
    first, second, third = (new.new_markdown_cell(text) for text in texts)
    cells = [first, new.new_code_cell("draw()"), second, new.new_code_cell("draw()"), third]
    assert build_site.descriptions(cells)[1::2] == [
        "Figure of: 1 · Noise",
        "Six x_0, nothing picked.",
    ]


def test_a_build_replaces_the_last_one_and_nothing_else(tmp_path):
    site, out = tmp_path / "site", tmp_path / "out"
    for number, pages in enumerate((("index.html", "a/old.html"), ("index.html", "a/new.html"))):
        for name in (".buildinfo", *pages):
            (site / name).parent.mkdir(parents=True, exist_ok=True)
            (site / name).write_text(str(number))
        build_site.put_build(site, out, build_site.last_build(out, ".buildinfo", "a site"))
        (out / "CNAME").write_text("mine")
        shutil.rmtree(site)
    files = {p.relative_to(out).as_posix(): p.read_text() for p in out.rglob("*") if p.is_file()}
    listed = files.pop(build_site.MADE).splitlines()
    assert files == {".buildinfo": "1", "index.html": "1", "a/new.html": "1", "CNAME": "mine"}
    assert listed == [".buildinfo", "a/new.html", "index.html", build_site.MADE]
    (out / build_site.MADE).write_text(f"../site\n{tmp_path / 'thesis'}\nindex.html")
    assert build_site.last_build(out, ".buildinfo", "a site") == ["index.html"]


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    precious = tmp_path / "precious.txt"
    precious.write_text("mine")
    with pytest.raises(ValueError, match="something other than a site"):
        build_site.build(tmp_path)
    assert Path(precious).read_text() == "mine"
