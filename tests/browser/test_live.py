"""The site's live box: the shipped model, run by the browser, against the same in Python."""

import functools
import gzip
import json
import shutil
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
import trimesh
from conftest import ARTIFACTS, CHROMIUM_ARGUMENTS, QuietFiles, alone, program, serve_files

from course_utils.datasets.captions import facts_of
from course_utils.datasets.shapes import CLASSES
from course_utils.datasets.shapes.materials import MATERIALS
from course_utils.diffusion.sampling import last
from course_utils.geometry.slots import SURE
from course_utils.geometry.surface import is_watertight
from course_utils.models.checkpoints import build_model, load_checkpoint, save_checkpoint
from course_utils.models.config import Config
from course_utils.models.generated import palette_for
from course_utils.models.prompting import sampling_states
from course_utils.models.wishes import materials_of, wish_of
from course_utils.places import CHECKPOINTS
from course_utils.widgets import live_model

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))
import build_site  # noqa: E402

BOX = "[data-nts-live]"
SAID = ".nts-live-status"
ANSWER = ".nts-live-answer"  # what was understood of a text
SECONDS = 10  # a shape on two cores
# of what is loaded for a first shape
FIRST = ("runtime/ort-wasm-simd-threaded.wasm", "models/shapes32/model.onnx")
PATIENCE = 120_000  # milliseconds: the first call compiles the runtime
GIGABYTE = 1e9
TRANSFER = 30e6  # bytes, compressed, until the first shape of a sentence stands
BLOCKED = 0.5  # seconds for which the page does nothing, at most, while a shape is made
# between nearly all of its frames: they are drawn in software here, by the cores that make the
# shape
FRAME = 0.25
DIFFERENT = 0.005  # of all voxels, between the page's shape and Python's
CANCEL = 1.0  # seconds from "Stop" to a worker at rest

pytestmark = pytest.mark.skipif(
    shutil.which("npm") is None, reason="npm, which fetches the runtime, is missing"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the live box alone on a page, as the site has it."""
    return put_site(tmp_path_factory.mktemp("live"))


def put_site(folder):
    build_site.put_live(folder / "_static" / "live")
    head = (
        '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    )
    page = f'{head}<link rel="icon" href="data:,"><body>{build_site.LIVE_BOX}'
    (folder / "index.html").write_text(page, encoding="utf-8")
    return folder


@pytest.fixture
def opened(page, address):
    with alone(page, address):
        open_box(page, address)
        yield page


def open_box(page, address):
    page.goto(address)
    page.wait_for_function(f"document.querySelector('{BOX}').live")


def made(page):
    """Wait until the shape is made; its voxels and the seconds that it took."""
    page.wait_for_function(
        f"/^Made in/.test(document.querySelector('{SAID}').textContent)", timeout=PATIENCE
    )
    live = f"document.querySelector('{BOX}').live"
    voxels = page.evaluate(f"Array.from({live}.viewer.voxels)")
    return np.array(voxels, bool).reshape(32, 32, 32), page.evaluate(f"{live}.seconds")


def said(page, pattern, where=SAID):
    page.wait_for_function(
        f"{pattern}.test(document.querySelector('{where}').textContent)", timeout=PATIENCE
    )


def shown(page):
    return np.array(
        page.evaluate(f"Array.from(document.querySelector('{BOX}').live.viewer.voxels)"), bool
    )


def in_python(prompt, seed, steps=None):
    denoiser, config = load_checkpoint(CHECKPOINTS / "shapes32")
    text = wish_of(config, prompt).text
    return (
        last(sampling_states(denoiser, config, [text], [seed], steps=steps)).x_t[0, 0] > 0
    ).numpy()


def answer_of(config, prompt):
    wish = wish_of(config, prompt)
    return materials_of(wish, palette_for(config, wish.family, 0))[1].answer


def iou(one, two):
    return (one & two).sum() / (one | two).sum()


def same(voxels, expected):
    """Whether a shape is Python's: IoU, and how many voxels differ of all."""
    print(
        f"IoU {iou(voxels, expected):.4f}, {(voxels != expected).mean():.4%} of the voxels differ"
    )
    return (
        voxels.any() and iou(voxels, expected) >= 0.99 and (voxels != expected).mean() < DIFFERENT
    )


def test_a_class_gives_the_shape_that_python_gives_in_seconds(opened):
    opened.locator("[name=make]").click()
    voxels, seconds = made(opened)
    print(f"a shape in {seconds:.1f} s")
    ARTIFACTS.mkdir(exist_ok=True)
    opened.screenshot(path=ARTIFACTS / "live.png")
    assert same(voxels, in_python("chair", 3))
    assert seconds < SECONDS


def test_a_sentence_gives_the_shape_that_python_gives_and_says_what_it_understood(opened):
    text = "a blue car with black wheels, on a tropical island"
    opened.locator("[name=text]").fill(text)
    said(opened, "/^understood: /", ANSWER)  # as it is typed
    opened.locator("[name=text]").press("Enter")
    said(opened, f"/^Made in .*: {text}, seed 3/")
    assert same(shown(opened).reshape(32, 32, 32), in_python(text, 3))
    config = load_checkpoint(CHECKPOINTS / "shapes32")[1]
    assert opened.locator(ANSWER).text_content() == answer_of(config, text)
    opened.get_by_role("button", name="mug", exact=True).click()  # a family
    said(opened, "/^Made in .*: mug, seed 3/")
    assert opened.locator("[name=text]").input_value() == "mug"
    assert opened.locator(ANSWER).text_content() == ""


SMALL = {
    "name": "shapes32",
    "about": "A model that is never trained",
    "classes": list(CLASSES),
    "resolution": 32,
    "path": "flow",
    "prediction": "x0",
    "sampling": {"sampler": "ddpm", "steps": 4, "shift": 8.0, "guidance_scale": 2.0},
    "network": {
        "kind": "UNet",
        "dimensions": 3,
        "channels": [8, 8],
        "patch": 4,
        "blocks": 1,
        "in_channels": 5,
        "conditioners": [
            {"kind": "named", "families": len(CLASSES), "facts": len(facts_of(CLASSES))}
        ],
    },
}


@pytest.fixture
def told(tmp_path, monkeypatch):
    """A box with a small model that is told facts and makes slots, and the folder of that model."""
    torch.manual_seed(0)
    config = Config.of(SMALL)
    denoiser = build_model(config)
    for parameter in denoiser.parameters():  # many layers begin at zero
        torch.nn.init.normal_(parameter, std=0.1)
    save_checkpoint(tmp_path / "checkpoints" / "shapes32", denoiser, config, "")
    for module in (build_site, live_model):
        monkeypatch.setattr(module, "CHECKPOINTS", tmp_path / "checkpoints")
        monkeypatch.setattr(module, "LIVE_MODELS", tmp_path / "models")
    return put_site(tmp_path / "site"), tmp_path / "checkpoints" / "shapes32"


def test_a_model_that_is_told_facts_makes_slots_in_the_materials_that_are_asked_for(page, told):
    site, checkpoint = told
    denoiser, config = load_checkpoint(checkpoint)
    text, seed = "a red armchair with wooden legs", 7
    x = last(sampling_states(denoiser, config, [text], [seed])).x_t[0]
    wish = wish_of(config, text)
    palette = palette_for(config, wish.family, seed)
    asked, wish = materials_of(wish, palette)
    assert asked and set(asked) < set(palette)
    looks = [MATERIALS[asked.get(slot, each.name)][1:] for slot, each in palette.items()]
    with serve_files(site) as address, alone(page, address):
        open_box(page, address)
        page.locator("[name=text]").fill(text)
        page.locator("[name=seed]").fill(str(seed))
        page.locator("[name=make]").click()
        said(page, f"/^Made in .*: {text}, seed {seed}, 4 steps/")
        found = page.evaluate(
            f"""() => {{
            const {{ frames, palette, viewer }} = document.querySelector("{BOX}").live;
            const {{ field, slots }} = frames.at(-1);
            return {{ field: [...field], slots: [...slots], palette, shown: viewer.palette, frames: frames.length }};
        }}"""
        )
        assert page.locator(ANSWER).text_content() == wish.answer
        with page.expect_download() as download:
            page.get_by_role("button", name="Save .glb").click()
    field, slots = x[0].flatten().numpy(), x[1 : 1 + len(palette)].argmax(0).flatten().numpy() + 1
    assert np.abs(found["field"] - field).max() < 1e-4 and np.ptp(field) > 0.2
    sure = field > 2 * SURE - 1 + 0.01
    assert (np.array(found["slots"])[sure] == slots[sure]).mean() > 0.995 and len(set(slots)) > 2
    assert found["palette"] == found["shown"] == [list(look) for look in looks]
    assert found["frames"] == 4
    names = {colour for colour, *_ in looks}
    scene = trimesh.load(download.value.path(), file_type="glb")
    made_of = {geometry.visual.material.name for geometry in scene.geometry.values()}
    assert made_of <= names and len(made_of) > 1


def test_it_opens_with_a_film_of_pythons_shape_that_loads_no_model(page, address):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    with alone(page, address):
        open_box(page, address)
        page.wait_for_function("!document.querySelector('[name=film]').disabled")
        voxels = shown(page).reshape(32, 32, 32)
        assert same(voxels, in_python("chair", 3))
        page.locator("[name=film]").focus()
        page.keyboard.press("Home")
        assert (
            page.get_by_text("1 of 16").is_visible()
            and 0 < iou(shown(page).reshape(32, 32, 32), voxels) < 0.9
        )
        assert not [url for url in asked if url.endswith((".onnx", ".wasm"))]
        assert page.evaluate(f"document.querySelector('{BOX}').live.link").endswith(
            "#text=chair&seed=3&steps=16&guidance=2.5"
        )
        ARTIFACTS.mkdir(exist_ok=True)
        page.screenshot(path=ARTIFACTS / "live-opened.png")


def test_what_cannot_be_made_is_said_and_the_next_text_works(opened):
    config = load_checkpoint(CHECKPOINTS / "shapes32")[1]
    for text in ("a tropical island", "a dragon, <b>椅子</b>", "round", ""):
        opened.locator("[name=text]").fill(text)
        opened.locator("[name=make]").click()
        with pytest.raises(
            ValueError, match="name one that the model makes: chair, table"
        ) as error:
            wish_of(config, text)
        opened.wait_for_function(
            "([where, text]) => document.querySelector(where).textContent === text",
            arg=[ANSWER, str(error.value)],
        )
    assert (
        opened.locator("[name=make]").is_enabled() and opened.locator("[name=stop]").is_disabled()
    )
    opened.locator("[name=text]").fill("a mug")
    opened.locator("[name=make]").click()
    assert made(opened)[0].any()


def volume(page):
    return page.evaluate(
        f"document.querySelector('{BOX}').live.viewer.voxels.reduce((a, b) => a + b)"
    )


def test_stop_stops_and_the_film_and_the_threshold_change_the_picture(opened):
    opened.locator("[name=steps]").focus()
    opened.keyboard.press("End")  # 32 steps
    opened.locator("[name=make]").click()
    opened.evaluate(
        """box => new Promise((resolve) => {
        const stop = () => box.live.frames.length > 1 && (box.live.input("stop").click(), seen.disconnect(), resolve());
        const seen = new MutationObserver(stop); // from here a click may come after the last step on a busy machine
        seen.observe(box.querySelector(".nts-live-status"), { childList: true });
    })""",
        opened.locator(BOX).element_handle(),
    )
    assert opened.locator(SAID).text_content() == "Stopped."
    done = opened.evaluate(f"document.querySelector('{BOX}').live.frames.length")
    opened.wait_for_timeout(1500)
    assert opened.evaluate(f"document.querySelector('{BOX}').live.frames.length") == done < 32
    opened.locator("[name=steps]").focus()
    opened.keyboard.press("Home")  # 4 steps
    opened.locator("[name=make]").click()
    voxels, _ = made(opened)
    assert iou(voxels, in_python("chair", 3, steps=4)) >= 0.99
    volumes = {}
    for name, key in (
        ("film", "Home"),
        ("film", "End"),
        ("threshold", "Home"),
        ("threshold", "End"),
    ):
        opened.locator(f"[name={name}]").focus()
        opened.keyboard.press(key)
        volumes[name, key] = volume(opened)
    assert volumes["film", "Home"] != volumes["film", "End"] == voxels.sum()
    assert volumes["threshold", "Home"] > voxels.sum() > volumes["threshold", "End"]


def test_by_keys_alone_and_what_is_saved_opens(opened, tmp_path):
    opened.locator("[name=text]").focus()
    opened.keyboard.press("Control+A")
    opened.keyboard.type("mug")
    for _ in range(30):  # past the buttons
        opened.keyboard.press("Tab")
        if opened.evaluate("document.activeElement.name") == "seed":
            break
    opened.keyboard.type("11")
    opened.keyboard.press("Enter")
    voxels, _ = made(opened)
    for kind, button in (("glb", "Save .glb"), ("obj", "Save .obj")):
        opened.get_by_role("button", name=button).focus()
        with opened.expect_download() as download:
            opened.keyboard.press("Enter")
        assert download.value.suggested_filename == f"mug-11.{kind}"
        download.value.save_as(tmp_path / f"mug.{kind}")
        mesh = trimesh.load(tmp_path / f"mug.{kind}", force="mesh")
        mesh.merge_vertices(merge_norm=True, merge_tex=True)  # a part per material
        # smooth: its volume is not exactly that of the voxels
        assert is_watertight(mesh) and mesh.volume == pytest.approx(voxels.mean(), rel=0.1)


def test_a_link_makes_the_same_shape_again_on_a_phone(opened, address):
    opened.locator("[name=text]").fill("lamp")
    opened.locator("[name=steps]").focus()
    opened.keyboard.press("Home")
    opened.locator("[name=make]").click()
    voxels, _ = made(opened)
    link = opened.evaluate(f"document.querySelector('{BOX}').live.link")
    assert link.startswith(f"{address}#text=lamp&seed=3&steps=4&guidance=")
    opened.set_viewport_size({"width": 390, "height": 844})
    opened.goto("about:blank")
    opened.goto(link)
    again, _ = made(opened)
    assert np.array_equal(voxels, again)
    opened.screenshot(path=ARTIFACTS / "live-phone.png", full_page=True)
    assert opened.evaluate("document.documentElement.scrollWidth") <= 390
    for link, complaint, where in (
        ("#text=mug&seed=-1", "Seed -1: take", SAID),
        ("#text=mug&seed=three", "Seed NaN: take", SAID),
        ("#text=mug&steps=5", "5 steps: take one of", SAID),
        ("#text=mug&guidance=70", "Guidance 70: take", SAID),
        ("#text=a dragon&steps=4", "no family in 'a dragon'", ANSWER),
    ):
        opened.goto("about:blank")
        opened.goto(f"{address}{link}")
        said(opened, f"/{complaint}/", where)


def test_the_link_is_of_the_shape_that_is_shown_and_another_link_makes_another(opened, address):
    # the page is open already: nothing is loaded anew
    opened.goto(f"{address}#text=lamp&seed=5&steps=4&guidance=2")
    said(opened, "/^Made in .*: lamp, seed 5, 4 steps/")
    lamp = shown(opened)
    opened.locator("[name=text]").fill("mug")
    opened.locator("[name=seed]").fill("6")  # wished for, not made
    opened.locator("[name=share]").click()
    said(opened, "/makes this shape again/")
    assert opened.url == f"{address}#text=lamp&seed=5&steps=4&guidance=2"
    opened.goto(f"{address}#text=mug&seed=6&steps=4&guidance=2")
    said(opened, "/^Made in .*: mug, seed 6, 4 steps/")
    assert iou(lamp, shown(opened)) < 0.5
    opened.locator("[name=text]").fill("a tropical island")
    opened.locator("[name=make]").click()
    said(opened, "/no family in/", ANSWER)  # and what was made stays
    assert opened.evaluate(f"document.querySelector('{BOX}').live.link") == opened.url
    assert shown(opened).any() and opened.get_by_role("button", name="Save .obj").is_enabled()


def test_a_slice_stays_where_it_is_when_film_and_threshold_move(opened):
    opened.locator("[name=steps]").focus()
    opened.keyboard.press("Home")
    opened.locator("[name=make]").click()
    made(opened)
    opened.get_by_role("button", name="Slice").click()
    position = opened.get_by_label("Position of the slice")
    for _ in range(12):
        position.press("ArrowLeft")
    for name in ("film", "threshold"):
        opened.locator(f"[name={name}]").press("ArrowLeft")
        assert position.input_value() == "20"
    # nothing here undoes it
    assert not opened.get_by_role("button", name="Remove hidden").is_visible()


def test_it_needs_less_than_a_gigabyte(opened):
    opened.locator("[name=make]").click()
    most, saying = 0, ""
    while not saying.startswith("Made in"):
        most = max(most, *(own_memory(each) for each in psutil.Process().children(recursive=True)))
        opened.wait_for_timeout(200)
        saying = opened.locator(SAID).text_content()
        assert saying.startswith(("Loading", "Starting", "Step", "Made in")), saying
    print(f"renderer: {most / GIGABYTE:.2f} GB at most")
    assert 0 < most < GIGABYTE


def own_memory(process) -> int:
    """Bytes that a renderer shares with no other process; 0 for what is none, or has ended."""
    try:
        return process.memory_full_info().uss if "--type=renderer" in process.cmdline() else 0
    except psutil.NoSuchProcess:
        return 0


class Counted(QuietFiles):
    """Notes in `asked` which files were sent."""

    def __init__(self, *arguments, asked, **options):
        self.asked = asked
        super().__init__(*arguments, **options)

    def copyfile(self, source, outputfile):
        self.asked.append(Path(source.name))
        super().copyfile(source, outputfile)


def compressed(*paths):
    return sum(len(gzip.compress(path.read_bytes(), 6)) for path in paths)


def test_the_first_shape_is_a_small_download_and_the_second_visit_is_none(chromium, site, tmp_path):
    asked = []
    launch = chromium.browser_type.launch_persistent_context
    with (
        serve_files(site, functools.partial(Counted, asked=asked)) as address,
        closing(
            launch(tmp_path, executable_path=program(), args=CHROMIUM_ARGUMENTS)
        ) as profile,  # a cache on the disk
    ):
        page = profile.new_page()
        page.set_default_timeout(PATIENCE)
        open_box(page, address)
        # before anything is asked for
        assert not {path.suffix for path in asked} & {
            ".onnx",
            ".wasm",
        }
        page.locator("[name=make]").click()
        first, _ = made(page)
        size = compressed(*asked)
        assert not [path for path in asked if path.suffix == ".bin"]  # a family needs no reader
        reader = compressed(site / "_static/live/models/reader/reader.bin")
        print(
            f"first shape: {len(asked)} files, {size / 1e6:.1f} MB compressed; of a sentence"
            f" {(size + reader) / 1e6:.1f} MB"
        )
        assert [path.parent.name for path in asked if path.suffix == ".onnx"] == ["shapes32"]
        assert sum(path.suffix == ".wasm" for path in asked) == 1 and size + reader < TRANSFER
        page.locator("[name=text]").fill("a small round mug")
        page.locator("[name=make]").click()
        said(page, "/^Made in .*: a small round mug/")
        assert sum(path.name == "reader.bin" for path in asked) == 1
        asked.clear()
        open_box(page, address)
        page.locator("[name=text]").fill("a chair")
        page.locator("[name=make]").click()
        said(page, "/^Made in .*: a chair/")
        assert np.array_equal(made(page)[0], first)
        print("second visit:", sorted(path.name for path in asked))
        assert sum(path.stat().st_size for path in asked) < 100_000


class Slow(Counted):
    """Sends programs and weights in a second or two, as the net does."""

    def copyfile(self, source, outputfile):
        if Path(source.name).suffix not in (".wasm", ".onnx"):
            return super().copyfile(source, outputfile)
        self.asked.append(Path(source.name))
        try:
            while part := source.read(700_000):
                outputfile.write(part)
                time.sleep(0.1)
        except ConnectionError:
            self.asked.append("broken off")


def test_loading_is_shown_to_its_end_and_stop_breaks_it_off(chromium, site):
    asked = []
    context = chromium.new_context()
    with (
        serve_files(site, functools.partial(Slow, asked=asked)) as address,
        closing(context.new_page()) as page,
    ):
        open_box(page, address)
        page.evaluate(
            """box => {
            const progress = box.querySelector("progress"), said = box.querySelector(".nts-live-status");
            window.seen = [];
            const note = () => seen.push([said.textContent, progress.value, progress.position]);
            new MutationObserver(note).observe(said, { childList: true });
        }""",
            page.locator(BOX).element_handle(),
        )
        page.locator("[name=make]").click()
        said(page, "/^Loading the model: [1-9]/")
        page.locator("[name=stop]").click()
        assert page.locator(SAID).text_content() == "Stopped."
        page.wait_for_timeout(1500)
        assert page.locator(SAID).text_content() == "Stopped." and asked.count("broken off") == 2
        page.evaluate("seen.length = 0")
        page.locator("[name=make]").click()
        made(page)
        seen = page.evaluate("seen")
    loading = [
        (text, share) for text, share, position in seen if text.startswith("Loading the model:")
    ]
    total = sum(site.joinpath("_static/live", file).stat().st_size for file in FIRST)
    assert all(text.endswith(f" of {total / 1e6:.1f} MB") for text, _ in loading)
    shares = [share for _, share in loading]
    assert (
        len(shares) > 10 and shares == sorted(shares) and shares[0] < 0.2 and 0.9 < shares[-1] < 1
    )
    assert ["Starting the model …", 0, -1] in seen  # a bar without an end


def test_weights_of_an_older_model_are_not_kept(opened):
    opened.evaluate("""async () => {
        const store = await caches.open("noise-to-shape"), { href } = new URL("_static/live/models/", location);
        for (const key of ["shapes32/model.onnx?old", "another/model.onnx?other"])
            await store.put(href + key, new Response("old"));
    }""")
    opened.locator("[name=make]").click()
    made(opened)
    kept = opened.evaluate(
        """async () => (await (await caches.open("noise-to-shape")).keys()).map(({ url }) => url)"""
    )
    other, shapes = sorted(kept)
    assert (
        other.endswith("?other")
        and "shapes32/model.onnx?" in shapes
        and not shapes.endswith("?old")
    )


def test_the_page_goes_on_while_a_shape_is_made_and_stop_stops_at_once(opened):
    opened.evaluate("""() => {
        window.gaps = { turns: [], frames: [] };
        const count = (name, next, before = performance.now()) => next(() => {
            const now = performance.now();
            gaps[name].push((now - before) / 1000);
            count(name, next, now);
        });
        count("turns", setTimeout);
        count("frames", requestAnimationFrame);
    }""")
    opened.locator("[name=make]").click()
    made(opened)
    gaps = opened.evaluate("gaps")
    print(
        {
            name: f"{len(all)}, {max(all) * 1000:.0f} ms between two at most"
            for name, all in gaps.items()
        }
    )
    assert max(gaps["turns"]) < BLOCKED and np.quantile(gaps["frames"], 0.95) < FRAME
    opened.locator("[name=make]").click()
    opened.wait_for_function(f"/^Step 3/.test(document.querySelector('{SAID}').textContent)")
    seconds = opened.evaluate(f"""() => new Promise((resolve) => {{
        const {{ live }} = document.querySelector("{BOX}"), started = performance.now();
        const stopped = ({{ data }}) => data.cancelled && resolve((performance.now() - started) / 1000);
        live.worker.addEventListener("message", stopped);
        live.input("stop").click();
    }})""")
    print(f"stopped after {seconds:.2f} s")
    assert opened.locator(SAID).text_content() == "Stopped." and seconds < CANCEL


ONE_STEP = """async () => {
    const { live } = document.querySelector("[data-nts-live]"), answers = {};
    const asked = { asked: { family: "chair", facts: {}, slots: 0 }, seed: 3, steps: 1, guidanceScale: 1 };
    await live._open();
    for (const engine of ["webassembly", "webgpu"]) {
        live.input("engine").value = engine;
        const places = await live._places();
        answers[engine] = await new Promise((resolve, reject) => {
            live.worker.onmessage = ({ data }) => data.error ? reject(data.error) : data.frame && resolve([...data.frame.field]);
            live.worker.postMessage({ id: 1, generate: { ...asked, places } });
        });
    }
    return answers;
}"""
GPU = "Object.defineProperty(navigator, 'gpu', { value: { requestAdapter: async () => (%s) } })"


@pytest.mark.parametrize("adapter", ["null", "{}"], ids=["without-webgpu", "with-webgpu"])
def test_webassembly_is_the_floor_and_webgpu_is_never_loaded_unasked(page, address, adapter):
    page.add_init_script(GPU % adapter)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    with alone(page, address):
        open_box(page, address)
        assert page.get_by_label("Runs on").is_visible() == (adapter != "null")
        page.locator("[name=steps]").focus()
        page.keyboard.press("Home")
        page.locator("[name=make]").click()
        assert made(page)[0].any()
        assert any("ort.wasm" in url for url in asked)
        assert not [url for url in asked if "webgpu" in url or "asyncify" in url]
        if adapter == "null":
            return
        page.get_by_label("Runs on").select_option("webgpu")  # of which the worker finds nothing
        page.locator("[name=make]").click()
        page.wait_for_function(
            f"/choose the processor/.test(document.querySelector('{SAID}').textContent)"
        )
        assert any("ort.webgpu" in url for url in asked)
        page.get_by_label("Runs on").select_option("webassembly")
        page.locator("[name=make]").click()
        assert made(page)[0].any()


def test_where_webgpu_is_it_answers_as_webassembly_does(chromium, address):
    """A graphics card in software takes seconds per step: one call of the network, no shape."""
    flags = [
        "--enable-unsafe-webgpu",
        "--use-webgpu-adapter=swiftshader",
        "--enable-features=Vulkan",
    ]
    with closing(
        chromium.browser_type.launch(executable_path=program(), args=CHROMIUM_ARGUMENTS + flags)
    ) as gpu:
        page = gpu.new_page()
        page.set_default_timeout(PATIENCE)
        open_box(page, address)
        if page.get_by_label("Runs on").is_hidden():
            pytest.skip("this Chromium has no WebGPU, not even in software")
        answers = page.evaluate(ONE_STEP)
    assert np.abs(answers["webassembly"]).max() > 0.5
    np.testing.assert_allclose(answers["webgpu"], answers["webassembly"], atol=1e-3)


def test_without_webassembly_the_box_says_so(page, address):
    page.add_init_script("WebAssembly = undefined")
    open_box(page, address)
    page.locator("[name=make]").click()
    page.wait_for_function(
        f"/runs no WebAssembly/.test(document.querySelector('{SAID}').textContent)"
    )
    assert page.locator("[name=make]").is_enabled() and page.console_errors == []


def test_without_its_models_the_box_says_so(page, site, tmp_path):
    shutil.copytree(site, tmp_path / "part", ignore=shutil.ignore_patterns("models"))
    with serve_files(tmp_path / "part") as address:
        open_box(page, address)
        assert "not put up as a whole" in page.locator(SAID).text_content()
        assert page.locator("[name=make]").is_disabled()


PLANES = """<link rel="icon" href="data:,"><link rel="stylesheet" href="_static/live/live.css">
<div data-nts-plane="noise"></div><div data-nts-plane="score"></div><div data-nts-plane="sampler"></div>
<script type="module" src="_static/live/plane.js"></script>"""


def test_every_control_of_the_live_pictures_changes_them(page, site, address):
    (site / "planes.html").write_text(PLANES, encoding="utf-8")
    with alone(page, address):
        page.goto(f"{address}planes.html")
        page.wait_for_function("document.querySelectorAll('canvas').length === 3")
        for plane in page.locator("[data-nts-plane]").all():
            for control in plane.locator("input, select").all():
                before = plane.locator("canvas").evaluate("canvas => canvas.toDataURL()")
                control.focus()
                chooses = control.evaluate("each => each.tagName") == "SELECT"
                page.keyboard.press("ArrowDown" if chooses else "ArrowRight")
                page.wait_for_timeout(400)
                name = control.get_attribute("name")
                if name == "step":  # it stands at its end
                    page.keyboard.press("Home")
                    page.wait_for_timeout(200)
                assert plane.locator("canvas").evaluate("canvas => canvas.toDataURL()") != before, (
                    name
                )
            plane.locator("[name=play]").click()
            page.wait_for_timeout(600)
            moving = plane.locator("canvas").evaluate("canvas => canvas.toDataURL()")
            page.wait_for_timeout(600)
            assert plane.locator("canvas").evaluate("canvas => canvas.toDataURL()") != moving
            plane.locator("[name=play]").click()
        page.screenshot(path=ARTIFACTS / "live-planes.png", full_page=True)


def test_the_page_knows_how_long_its_programs_are(opened, site):
    for engine, file in (
        ("webassembly", FIRST[0]),
        ("webgpu", FIRST[0].replace(".wasm", ".asyncify.wasm")),
    ):
        found = opened.evaluate(f"""async () => {{
            const {{ live }} = document.querySelector('{BOX}');
            live.input("engine").value = "{engine}";
            return (await live._places()).runtime;
        }}""")
        assert (
            found["wasm"].endswith(file)
            and found["bytes"] == (site / "_static/live" / file).stat().st_size
        )


def test_the_page_speaks_of_the_shipped_weights(site):
    about = json.loads(
        (site / "_static" / "live" / "models" / "shapes32" / "model.json").read_text()
    )
    config = json.loads((CHECKPOINTS / "shapes32" / "config.json").read_text())
    assert (
        about["weights_sha256"] == config["weights_sha256"]
        and about["sampling"] == config["sampling"]
    )
