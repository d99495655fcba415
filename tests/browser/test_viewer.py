"""The 3D viewer's bundle on a plain page in Chromium: mouse, touch, keys, slices, files."""

import base64

import numpy as np
import pytest
import trimesh
from conftest import ARTIFACTS, QuietFiles, alone, colours, pixels, serve_files

from course_utils.datasets.shapes import make_shape
from course_utils.files.meshes import save_mesh
from course_utils.geometry.surface import blocky_mesh, is_watertight, smooth_mesh
from course_utils.places import BUNDLES

SIZE = 32
FIELD_OF_VIEW, TARGET = np.radians(28), np.array([0.0, 0.44, 0.0])
AZIMUTH, ELEVATION, DISTANCE = np.radians(32), np.radians(22), 2.75
PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<style>.nts-stage { height: 320px !important; } #here { width: 600px; }</style>
<body style="margin: 12px"><div id="here"></div><script type="module">
import * as library from "/viewer.bundle.js";
Object.assign(window, library, { library });
window.load = (text, size) => unpack(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)), size ** 3);
</script>"""
SHOW_MATTER = """([text, palette]) => viewer.setMatter(
    Uint8Array.from(atob(text), (c) => c.charCodeAt(0)), 32, palette)"""
STATE = "() => [viewer.voxels, viewer.free].map((grid) => btoa(String.fromCharCode(...pack(grid))))"


class Files(QuietFiles):
    """The page, and the folder with the bundles."""

    def do_GET(self):
        if self.path != "/":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE.encode())


@pytest.fixture(scope="module")
def address():
    with serve_files(BUNDLES, Files) as running:
        yield running


@pytest.fixture
def opened(page, address):
    """The page with the bundle."""
    with alone(page, address):
        page.goto(address)
        page.wait_for_function("window.load")
        yield page


@pytest.fixture
def viewed(opened):
    """The page with a viewer that shows the chair."""
    opened.evaluate("() => { window.viewer = new VoxelViewer(here, {size: 32}) }")
    show(opened, chair())
    return opened


def chair():
    voxels = np.zeros((SIZE, SIZE, SIZE), bool)
    voxels[12:15, 6:25, 7:26] = True
    for x in (7, 23):
        voxels[:12, 6:9, x : x + 3] = voxels[:12, 22:25, x : x + 3] = voxels[
            15:30, 22:25, x : x + 3
        ] = True
    voxels[25:30, 22:25, 7:26] = voxels[18:20, 23, 7:26] = True
    return voxels


def text_of(voxels):
    return base64.b64encode(np.packbits(voxels)).decode()


def show(page, voxels):
    page.evaluate(
        "([text, n]) => viewer.setVoxels(load(text, n), n)", [text_of(voxels), len(voxels)]
    )
    page.wait_for_timeout(200)


def state(page, size=SIZE):
    """The viewer's voxels and its free region, bool (D, H, W)."""
    grids = [np.frombuffer(base64.b64decode(text), np.uint8) for text in page.evaluate(STATE)]
    return [
        np.unpackbits(grid, count=size**3).reshape(size, size, size).astype(bool) for grid in grids
    ]


def on_screen(page, z, y, x):
    """Where a point of the grid (in voxels) is drawn, in pixels, by a pinhole camera of our own."""
    box = canvas(page).bounding_box()
    point = np.array([x / SIZE - 0.5, z / SIZE, 0.5 - y / SIZE]) - TARGET
    back = np.array(
        [
            np.sin(AZIMUTH) * np.cos(ELEVATION),
            np.sin(ELEVATION),
            np.cos(AZIMUTH) * np.cos(ELEVATION),
        ]
    )
    right = np.array([np.cos(AZIMUTH), 0, -np.sin(AZIMUTH)])
    across, up, far = point @ right, point @ np.cross(back, right), DISTANCE - point @ back
    scale = box["height"] / 2 / np.tan(FIELD_OF_VIEW / 2) / far
    return box["x"] + box["width"] / 2 + scale * across, box["y"] + box["height"] / 2 - scale * up


def canvas(page):
    return page.locator(".nts-stage canvas")


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def keep(page, name):
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"viewer-{name}.png")


# ---- tools ---------------------------------------------------------------------------------------


def test_a_click_carves_the_voxel_under_it_and_undo_brings_it_back(viewed):
    assert colours(pixels(canvas(viewed))) > 300
    button(viewed, "Carve").click()
    viewed.evaluate("viewer.radius = 1")
    viewed.evaluate(
        "() => { window.changes = 0; viewer.addEventListener('change', () => changes++) }"
    )
    # the top of voxel (14, 10, 12) of the seat
    viewed.mouse.click(*on_screen(viewed, 15, 10.5, 12.5))
    voxels, free = state(viewed)
    wanted = np.zeros_like(voxels)
    wanted[14, 10, 12] = True
    assert np.array_equal(chair() & ~voxels, wanted) and np.array_equal(free, wanted)
    assert viewed.evaluate("changes") == 1
    button(viewed, "Undo").click()
    voxels, free = state(viewed)
    assert np.array_equal(voxels, chair()) and not free.any() and viewed.evaluate("changes") == 2
    button(viewed, "Redo").click()
    assert np.array_equal(state(viewed)[0], chair() & ~wanted)


def test_a_stroke_carves_balls_but_no_tunnel(viewed):
    button(viewed, "Carve").click()
    viewed.evaluate("viewer.radius = 3")
    # along the top of the back
    start, end = (on_screen(viewed, 30, 23.5, 12.5), on_screen(viewed, 30, 23.5, 20.5))
    viewed.mouse.move(*start)
    viewed.mouse.down()
    viewed.mouse.move(*end, steps=8)
    for _ in range(3):
        viewed.mouse.move(end[0] + 1, end[1])
        viewed.mouse.move(*end)
    viewed.mouse.up()
    keep(viewed, "carved")
    _, free = state(viewed)
    z, y, x = np.indices(free.shape)
    ball = np.zeros_like(free)
    for middle in range(12, 21):
        ball |= (z - 29) ** 2 + (y - 23) ** 2 + (x - middle) ** 2 < 9
    assert (free & ~ball).sum() <= 0.1 * ball.sum() and (ball & ~free).sum() <= 0.1 * ball.sum()
    button(viewed, "Undo").click()  # the whole stroke at once
    assert np.array_equal(state(viewed)[0], chair())


def test_adding_builds_on_faces_and_on_the_floor(viewed):
    button(viewed, "Add").click()
    viewed.evaluate("viewer.radius = 1")
    viewed.mouse.click(*on_screen(viewed, 15, 10.5, 12.5))
    viewed.mouse.click(*on_screen(viewed, 0, 1.5, 15.5))
    voxels, free = state(viewed)
    assert np.argwhere(voxels & ~chair()).tolist() == [[0, 1, 15], [15, 10, 12]] and not free.any()


def test_painting_free_changes_the_colour_and_nothing_else(viewed):
    before = pixels(canvas(viewed))
    button(viewed, "Free").click()
    viewed.mouse.click(*on_screen(viewed, 15, 10.5, 12.5))
    viewed.mouse.move(5, 5)
    viewed.wait_for_timeout(300)
    keep(viewed, "free")
    voxels, free = state(viewed)
    assert np.array_equal(voxels, chair()) and free[14, 10, 12] and free.sum() == 27
    after = pixels(canvas(viewed)).astype(int)
    orange = (after[..., 0] > after[..., 2] + 40) & (before[..., 2] > before[..., 0])
    assert orange.sum() > 100


def test_dragging_turns_and_reset_comes_back(viewed):
    before = pixels(canvas(viewed))
    x, y = on_screen(viewed, 2, 16, 16)
    viewed.mouse.move(x, y)
    viewed.mouse.down()
    viewed.mouse.move(x + 120, y, steps=4)
    viewed.mouse.up()
    assert viewed.evaluate("viewer.stage.azimuth") == pytest.approx(32 - 0.45 * 120)
    assert (np.abs(pixels(canvas(viewed)).astype(int) - before).max(-1) > 20).mean() > 0.05
    button(viewed, "Reset view").click()
    viewed.wait_for_timeout(200)
    assert np.abs(pixels(canvas(viewed)).astype(int) - before).max() <= 8
    assert np.array_equal(state(viewed)[0], chair())


def test_a_slice_hides_and_removes_what_lies_beyond(viewed):
    before = pixels(canvas(viewed))
    button(viewed, "Slice").click()
    viewed.get_by_label("Position of the slice").fill("15")
    viewed.wait_for_timeout(300)
    keep(viewed, "slice")
    x, y = on_screen(viewed, 27, 22, 16)  # on the back
    box = canvas(viewed).bounding_box()
    place = int(y - box["y"]), int(x - box["x"])
    after = pixels(canvas(viewed))
    assert before[place].min() < 120 and after[place].min() > 200
    assert np.array_equal(state(viewed)[0], chair())
    button(viewed, "Remove hidden").click()
    voxels, free = state(viewed)
    assert np.array_equal(voxels[:15], chair()[:15]) and not voxels[15:].any()
    assert free[15:].all() and not free[:15].any()
    button(viewed, "Undo").click()
    viewed.get_by_label("Direction of the slice").select_option("front to back")
    viewed.get_by_label("Position of the slice").fill("20")
    button(viewed, "Remove hidden").click()
    voxels, free = state(viewed)
    assert (
        np.array_equal(voxels[:, :20], chair()[:, :20])
        and not voxels[:, 20:].any()
        and free[:, 20:].all()
    )


def test_a_shape_with_materials_is_smooth_in_their_colours_and_blocks_while_carving(viewed):
    """Matter, one byte per voxel: coverage and slot. The upper half is red, the lower green."""
    voxels = np.zeros((SIZE,) * 3, np.uint8)
    voxels[4:16, 8:24, 8:24], voxels[16:28, 8:24, 8:24] = 2 << 5 | 27, 1 << 5 | 27
    text = base64.b64encode(voxels.tobytes()).decode()
    viewed.evaluate(SHOW_MATTER, [text, ["#c00000", ["#00c000", 0, 0.6]]])
    viewed.wait_for_timeout(300)
    keep(viewed, "materials")
    smooth = pixels(canvas(viewed)).astype(int)
    assert np.array_equal(state(viewed)[0], voxels > 0)
    box = canvas(viewed).bounding_box()
    for height, channel in ((22, 0), (10, 1)):  # on the front
        x, y = on_screen(viewed, height, 8, 16)
        pixel = smooth[int(y - box["y"]), int(x - box["x"])]
        assert pixel[channel] > 130 and np.delete(pixel, channel).max() < 110
    button(viewed, "Carve").click()
    viewed.mouse.move(5, 5)
    viewed.wait_for_timeout(300)
    blocks = pixels(canvas(viewed)).astype(int)
    edges = [np.abs(np.diff(image[..., 0], axis=1)).mean() for image in (smooth, blocks)]
    assert edges[1] > 1.5 * edges[0]  # lines between the blocks
    viewed.evaluate("viewer.setMatter(new Uint8Array(32 ** 3), 32, ['#c00000'])")
    assert not state(viewed)[0].any()


# ---- other hands ---------------------------------------------------------------------------------


def test_it_works_by_keys_alone(viewed):
    while not viewed.evaluate("document.activeElement === viewer.canvas"):
        viewed.keyboard.press("Tab")
    for key in ("ArrowLeft", "ArrowUp", "+", "m"):
        viewed.keyboard.press(key)
    camera = viewed.evaluate(
        "[viewer.stage.azimuth, viewer.stage.elevation, viewer.stage.distance, viewer.mode]"
    )
    assert camera == [
        pytest.approx(32 - 7.5),
        pytest.approx(22 + 7.5),
        pytest.approx(2.75 * 0.9),
        "carve",
    ]
    for key in ("]", "Shift+ArrowDown", "Shift+ArrowDown", " "):
        viewed.keyboard.press(key)
    keep(viewed, "keys")
    voxels, free = state(viewed)
    assert 0 < (chair() & ~voxels).sum() <= free.sum() == 93  # a ball of radius 3 has 93 voxels
    viewed.keyboard.press("z")
    assert np.array_equal(state(viewed)[0], chair())
    viewed.keyboard.press("y")
    assert np.array_equal(state(viewed)[0], voxels)
    for key in ("m", "m", "m", "PageDown", "PageDown", "0"):
        viewed.keyboard.press(key)
    assert viewed.evaluate("[viewer.mode, viewer.cut.position, viewer.stage.azimuth]") == [
        "slice",
        30,
        32,
    ]


def test_fingers_carve_turn_and_pinch(chromium, address):
    context = chromium.new_context(has_touch=True, viewport={"width": 500, "height": 900})
    page = context.new_page()
    page.goto(address)
    page.wait_for_function("window.load")
    page.evaluate("() => { window.viewer = new VoxelViewer(here, {size: 32}) }")
    show(page, chair())
    button(page, "Carve").tap()
    hand = context.new_cdp_session(page)

    def touch(kind, *places):
        points = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(places)]
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    spot = on_screen(page, 15, 10.5, 12.5)
    touch("touchStart", spot)
    touch("touchStart", spot, (spot[0] + 100, spot[1]))  # a second finger takes the stroke back
    touch("touchMove", (spot[0] - 50, spot[1]), (spot[0] + 150, spot[1]))
    touch("touchEnd")
    assert np.array_equal(state(page)[0], chair())
    assert page.evaluate("viewer.stage.distance") == pytest.approx(2.75 / 2, rel=1e-3)
    button(page, "Reset view").tap()
    touch("touchStart", spot)
    touch("touchEnd")
    keep(page, "touch")
    voxels, _ = state(page)
    assert not voxels[14, 10, 12] and 0 < (chair() & ~voxels).sum() <= 27
    context.close()


def test_every_control_has_a_name_and_the_picture_follows_its_container(viewed):
    names = viewed.evaluate(
        """() => [...viewer.root.querySelectorAll("button, input, select, canvas")].map(
            (e) => (e.textContent || e.ariaLabel || e.closest("label")?.textContent || "").trim())"""
    )
    assert len(names) == 14 and all(names)
    viewed.evaluate("here.style.width = '400px'")
    viewed.wait_for_timeout(400)
    keep(viewed, "narrow")
    box = canvas(viewed).bounding_box()
    drawn = viewed.evaluate(
        "[viewer.canvas.width, viewer.canvas.height, viewer.stage.camera.aspect]"
    )
    assert box["width"] < 400 and drawn == [
        int(box["width"]),
        int(box["height"]),
        pytest.approx(drawn[0] / drawn[1]),
    ]


def test_without_webgl_it_says_so_and_still_saves(page, address):
    page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    page.goto(address)
    page.wait_for_function("window.load")
    page.evaluate("() => { window.viewer = new VoxelViewer(here, {size: 32}) }")
    show(page, chair())
    assert "WebGL is missing" in page.locator(".nts-missing").inner_text()
    assert page.evaluate("viewer.save().size") > 10_000
    button(page, "Carve").click()
    canvas(page).dispatch_event("pointermove")


# ---- the file ------------------------------------------------------------------------------------


def test_the_saved_file_is_the_shape_in_metres_y_up(viewed, tmp_path):
    with viewed.expect_download() as download:
        button(viewed, "Save .glb").click()
    assert download.value.suggested_filename == "shape.glb"
    download.value.save_as(tmp_path / "shape.glb")
    mesh = trimesh.load(tmp_path / "shape.glb", force="mesh", process=False)
    assert is_watertight(mesh)
    assert mesh.volume == pytest.approx(chair().sum() / SIZE**3, rel=1e-5)
    save_mesh(blocky_mesh(chair()), tmp_path / "python.glb", scale=1)
    ours = trimesh.load(tmp_path / "python.glb", force="mesh", process=False)
    corners = [np.unique(np.round(m.vertices * SIZE).astype(int), axis=0) for m in (mesh, ours)]
    assert np.array_equal(*corners)
    assert np.array_equal(
        mesh.visual.material.baseColorFactor, ours.visual.material.baseColorFactor
    )


def test_a_shape_with_materials_is_saved_smooth_with_its_materials_and_normals(viewed, tmp_path):
    shape = make_shape("chair", 1)
    palette = [[each.colour, each.metallic, each.roughness] for each in shape.finishes]
    matter = base64.b64encode(shape.matter.tobytes()).decode()
    viewed.evaluate(SHOW_MATTER, [matter, palette])
    viewed.evaluate("viewer.setCut(2, 5)")  # what a slice hides is saved too
    with viewed.expect_download() as download:
        button(viewed, "Save .glb").click()
    download.value.save_as(tmp_path / "shape.glb")
    scene = trimesh.load(tmp_path / "shape.glb", process=False)
    parts = list(scene.geometry.values())
    whole = trimesh.util.concatenate(parts)
    whole.merge_vertices(merge_norm=True, merge_tex=True)
    assert is_watertight(whole)
    assert whole.volume == pytest.approx(smooth_mesh(2 * shape.coverage - 1).volume, rel=0.02)
    used = [each.colour for each in shape.palette.values()]
    names = [part.visual.material.name for part in parts]
    assert set(names) == set(used) and len(names) == len(shape.palette)
    linear = {"#e39ab4": (0.769, 0.323, 0.456)}  # pink, by hand
    pink = parts[names.index("#e39ab4")].visual.material.baseColorFactor[:3] / 255
    assert np.abs(pink - linear["#e39ab4"]).max() < 0.005
    for part in parts:
        normals = part.vertex_normals
        facing = (part.face_normals * normals[part.faces].mean(1)).sum(1)
        assert np.median(facing) > 0.9 and np.abs(np.linalg.norm(normals, axis=1) - 1).max() < 1e-3


@pytest.mark.parametrize(("size", "share"), [(4, 0.5), (9, 0.3), (16, 0.05)])
def test_any_shape_saves_closed(viewed, size, share):
    voxels = np.random.default_rng(size).random((size, size, size)) < share
    show(viewed, voxels)
    assert np.array_equal(state(viewed, size)[0], voxels)
    saved = viewed.evaluate("""async () => {
            const bytes = new Uint8Array(await viewer.save().arrayBuffer());
            return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
        }""")
    mesh = trimesh.load(
        trimesh.util.wrap_as_stream(base64.b64decode(saved)), "glb", force="mesh", process=False
    )
    assert is_watertight(mesh) and mesh.volume == pytest.approx(voxels.mean(), rel=1e-5)
    assert len(mesh.faces) == len(blocky_mesh(voxels).faces)


def test_an_empty_shape_is_not_saved_but_explained(viewed):
    show(viewed, np.zeros((SIZE,) * 3, bool))
    button(viewed, "Save .glb").click()
    assert "The shape is empty" in viewed.locator(".nts-hint").inner_text()


# ---- the sculptor --------------------------------------------------------------------------------


def test_a_page_completes_without_a_kernel_and_shows_errors_as_text(opened):
    opened.evaluate(
        """([text]) => {
            const whole = load(text, 32);
            const complete = async (voxels, keep, count) => {
                if (window.fail) throw new Error("<b>no</b> model");
                window.given = { filled: voxels.reduce((a, b) => a + b), kept: keep.reduce((a, b) => a + b) };
                const proposal = (k) => voxels.map((is, i) => (keep[i] ? is : k === 2 ? whole[i] : 0));
                return Array.from({ length: count }, (_, k) => proposal(k));
            };
            window.sculptor = new Sculptor(here, { size: 32, voxels: whole, complete, count: 3 });
            window.viewer = sculptor.viewer;
        }""",
        [text_of(chair())],
    )
    assert button(opened, "Complete").is_disabled()
    button(opened, "Carve").click()
    opened.evaluate("viewer.radius = 4")
    opened.mouse.click(*on_screen(opened, 30, 23.5, 16.5))
    voxels, free = state(opened)
    button(opened, "Complete").click()
    opened.locator(".nts-offer").nth(2).wait_for()
    assert opened.evaluate("given") == {"filled": voxels.sum(), "kept": (~free).sum()}
    pictures = [pixels(opened.locator(".nts-offer canvas").nth(k)) for k in range(3)]
    assert all(colours(picture) > 100 for picture in pictures)
    orange = [int((p[..., 0] > p[..., 2].astype(int) + 60).sum()) for p in pictures]
    assert orange[0] == orange[1] == 0 < orange[2]  # what the model filled in
    opened.locator(".nts-offer").nth(2).click()
    opened.wait_for_timeout(300)
    keep(opened, "proposals")
    assert np.array_equal(state(opened)[0], chair()) and np.array_equal(state(opened)[1], free)
    opened.evaluate("window.fail = true")
    button(opened, "Complete").click()
    opened.get_by_text("<b>no</b> model").wait_for()
    button(opened, "Keep all").click()
    assert not state(opened)[1].any() and button(opened, "Complete").is_disabled()


SCULPT_MATERIALS = """([text, kinds, palette]) => {
    const [voxels, slots] = [load(text, 32), Uint8Array.from(atob(kinds), (c) => c.charCodeAt(0))];
    const complete = async (given, keep, count) => {
        const whole = voxels.map((is, i) => (keep[i] ? given[i] : is));
        return [whole, { voxels: whole, slots: slots.map((slot, i) => (keep[i] ? slot : 3)) }];
    };
    window.sculptor = new Sculptor(here, { size: 32, voxels, slots, palette, complete, count: 2 });
    window.viewer = sculptor.viewer;
}"""
FILE = """async () => {
    const bytes = new Uint8Array(await viewer.save().arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""


def of_hue(picture, high, *low):
    """How many pixels have more of one channel, by far, than of others."""
    picture = picture.astype(int)
    return int(np.all([picture[..., high] > picture[..., other] + 50 for other in low], 0).sum())


def materials_of(page):
    saved = trimesh.util.wrap_as_stream(base64.b64decode(page.evaluate(FILE)))
    scene = trimesh.load(saved, "glb", process=False)
    return {part.visual.material.name for part in scene.geometry.values()}


def test_a_shape_with_materials_keeps_them_and_takes_those_of_a_proposal(opened):
    slots = np.full(chair().shape, 1, np.uint8)  # the seat and the back; also what is beside them
    slots[:12] = 2
    kinds = base64.b64encode(slots.tobytes()).decode()
    palette = ["#c03030", ["#3050c0", 0, 0.8], "#30a040"]
    opened.evaluate(SCULPT_MATERIALS, [text_of(chair()), kinds, palette])
    view = opened.locator(".nts-stage canvas")
    opened.wait_for_timeout(300)
    red, blue, green = (0, 1, 2), (2, 0, 1), (1, 0, 2)
    whole = pixels(view)
    assert of_hue(whole, *red) > 3000 and of_hue(whole, *blue) > 500
    button(opened, "Free").click()
    opened.evaluate("viewer.radius = 4")
    opened.mouse.move(*on_screen(opened, 30, 23.5, 16.5))
    before = pixels(view)
    opened.mouse.click(*on_screen(opened, 30, 23.5, 16.5))
    opened.mouse.move(5, 5)
    opened.wait_for_timeout(300)
    painted = pixels(view)
    assert of_hue(painted, *red) > 3000  # still red, with an orange veil where it is free
    veiled = np.abs(painted.astype(int) - before).max(-1) > 20
    assert 200 < veiled.sum() < of_hue(painted, *red)
    keep(opened, "materials-free")
    button(opened, "Carve").click()
    opened.mouse.click(*on_screen(opened, 30, 23.5, 16.5))
    button(opened, "Turn").click()
    carved, free = state(opened)
    assert free.sum() > 20 and carved.sum() < chair().sum()
    assert materials_of(opened) == {"#c03030", "#3050c0"}
    button(opened, "Complete").click()
    opened.locator(".nts-offer").nth(1).wait_for()
    opened.wait_for_timeout(300)
    offers = [pixels(opened.locator(".nts-offer canvas").nth(k)) for k in range(2)]
    assert of_hue(offers[0], *green) == 0 < of_hue(offers[1], *green)
    opened.locator(".nts-offer").nth(1).click()
    opened.wait_for_timeout(300)
    keep(opened, "materials-taken")
    assert np.array_equal(state(opened)[0], chair())
    assert materials_of(opened) == {"#c03030", "#3050c0", "#30a040"}
    button(opened, "Undo").click()
    assert materials_of(opened) == {"#c03030", "#3050c0"}
    button(opened, "Redo").click()
    assert materials_of(opened) == {"#c03030", "#3050c0", "#30a040"}


def test_the_widget_tells_the_kernel_and_shows_its_answer(opened):
    """`render` with a model as anywidget has it, and a kernel that fills whatever is free."""
    opened.evaluate(
        """([text]) => {
            const view = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
            const empty = new DataView(new ArrayBuffer(32 ** 3 / 8));
            const values = { size: 32, count: 2, asked: 0, answered: 0, error: "", packed_proposals: [] };
            Object.assign(values, { packed_voxels: view(text), packed_free: empty });
            Object.assign(values, { palette: [], packed_slots: empty, packed_proposal_slots: [] });
            const acts = {};
            const tell = (changes) => {
                Object.assign(values, changes);
                for (const name in changes) (acts[`change:${name}`] ?? []).forEach((act) => act());
            };
            const model = {
                get: (name) => values[name],
                set: (name, value) => tell({ [name]: value }), // it tells at once, as anywidget's model does
                on: (name, act) => { acts[name] = [...(acts[name] ?? []), act]; },
                off: (name, act) => { acts[name] = acts[name].filter((other) => other !== act); },
                save_changes: () => {
                    if (values.asked === values.answered) return;
                    const bytes = (name) => new Uint8Array(values[name].buffer);
                    const [voxels, free] = [bytes("packed_voxels"), bytes("packed_free")];
                    const filled = new DataView(voxels.map((byte, i) => byte | free[i]).buffer);
                    const answer = window.fail ? { error: "ValueError: <i>no</i>" }
                        : { error: "", packed_proposals: [values.packed_voxels, filled] };
                    setTimeout(() => tell({ ...answer, answered: values.asked }), 50);
                },
            };
            Object.assign(window, { model, tell, acts, stop: library.default.render({ model, el: here }) });
            window.bits = (name) => btoa(String.fromCharCode(...new Uint8Array(model.get(name).buffer)));
        }""",
        [text_of(chair())],
    )
    button(opened, "Carve").click()
    opened.mouse.click(*on_screen(opened, 15, 10.5, 12.5))
    free = np.zeros_like(chair())
    free[13:16, 9:12, 11:14] = True
    voxels = chair() & ~free
    assert opened.evaluate("[bits('packed_voxels'), bits('packed_free')]") == [
        text_of(voxels),
        text_of(free),
    ]
    opened.evaluate("window.fail = true")
    button(opened, "Complete").click()
    opened.get_by_text("ValueError: <i>no</i>").wait_for()  # also where there is no proposal yet
    opened.evaluate("window.fail = false")
    button(opened, "Complete").click()
    opened.get_by_text("2 proposals in").wait_for()
    opened.locator(".nts-offer").nth(1).click()
    assert opened.evaluate("bits('packed_voxels')") == text_of(voxels | free)
    opened.evaluate("window.fail = true")
    button(opened, "Complete").click()
    opened.get_by_text("ValueError: <i>no</i>").wait_for()
    # a change from the kernel
    opened.evaluate("tell({ packed_voxels: new DataView(new ArrayBuffer(32 ** 3 / 8)) })")
    assert opened.evaluate("bits('packed_voxels')") == text_of(np.zeros_like(chair()))
    assert opened.locator("[data-lm-suppress-shortcuts]").count() == 20  # all that takes keys
    opened.evaluate("stop()")
    assert (
        opened.locator(".nts").count() == 0
        and opened.evaluate("Object.values(acts).flat().length") == 0
    )
