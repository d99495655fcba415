"""The modules of docs/web on an empty page in Chromium: their numbers are those of Python."""

import base64
import json

import numpy as np
import pytest
import torch
from conftest import ROOT
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree
from trimesh import Trimesh

from course_utils.datasets.captions import captions
from course_utils.datasets.shapes import make_shape, make_shapes
from course_utils.datasets.shapes.drawing import palette_of
from course_utils.datasets.shapes.families import FAMILIES
from course_utils.diffusion.mixtures import GaussianMixture
from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.paths import PATHS
from course_utils.diffusion.sampling import SAMPLERS, last, sample, time_grid
from course_utils.geometry.matter import slots_from_model
from course_utils.geometry.render.light import Daylight
from course_utils.geometry.render.normals import field_normals
from course_utils.geometry.slots import SURE, slot_weights, spread_slots
from course_utils.geometry.surface import is_watertight, smooth_mesh
from course_utils.models.checkpoints import load_checkpoint
from course_utils.models.wishes import class_of
from course_utils.networks.words import split
from course_utils.places import CHECKPOINTS


def test_noise_and_times_are_those_of_python(modules):
    pairs = [(0, 0), (7, 3), (2**32 - 1, 2**32 - 1)]
    result = modules.evaluate(
        """async (pairs) => {
        const [noise, paths] = await Promise.all(["noise", "paths"].map((name) => import(`/live/${name}.js`)));
        return {
            noise: pairs.map(([seed, stream]) => [...noise.gaussian(seed, 1001, stream)]),
            times: paths.timeGrid("flow", 16, 8),
        };
    }""",
        pairs,
    )
    for numbers, (seed, stream) in zip(result["noise"], pairs, strict=True):
        np.testing.assert_allclose(numbers, gaussian(seed, (1001,), stream).numpy(), atol=1e-6)
    path = load_checkpoint(CHECKPOINTS / "shapes32")[0].path
    np.testing.assert_allclose(result["times"], time_grid(path, 16, 8.0).numpy(), atol=1e-12)


def test_mixtures_and_samplers_are_those_of_python(modules):
    found = modules.evaluate("""async () => {
        const [mixture, paths, noise, sampling] = await Promise.all(
            ["mixture", "paths", "noise", "sampling"].map((name) => import(`/live/${name}.js`)));
        const spiral = mixture.MIXTURES.spiral, path = paths.PATHS.flow, results = {};
        const denoise = (x, t) => spiral.denoise(x, path, t);
        for (const name of Object.keys(sampling.SAMPLERS)) {
            const times = paths.timeGrid("flow", 12);
            for await (const { x } of sampling.sample(denoise, "flow", times, name, 60, 5)) results[name] = [...x];
        }
        const places = [[0.3, -1], [2, 1.5]];
        return { means: spiral.means, results,
            scores: places.map(([x, y]) => spiral.score(x, y, path, 0.4)),
            logs: places.map(([x, y]) => spiral.logDensity(x, y, path, 0.4)) };
    }""")
    path, mixture = PATHS["flow"](), GaussianMixture(found["means"], 0.07)
    places = torch.tensor([[0.3, -1.0], [2.0, 1.5]], dtype=torch.float64)
    np.testing.assert_allclose(found["scores"], mixture.score(places, path, 0.4), rtol=1e-9)
    np.testing.assert_allclose(found["logs"], mixture.log_density(places, path, 0.4), rtol=1e-9)
    for name, ours in found["results"].items():
        noise = gaussian(5, (30, 2))
        states = sample(
            mixture.denoiser(path),
            path.prior_sample(noise),
            time_grid(path, 12),
            SAMPLERS[name],
            seed=5,
        )
        np.testing.assert_allclose(
            np.reshape(ours, (30, 2)), last(states).x_t.numpy(), atol=2e-3, err_msg=name
        )
    assert set(found["results"]) == {"ddim", "ddpm", "heun"}


def test_texts_have_the_words_and_name_the_classes_that_they_do_in_python(modules):
    """The examples of tests/networks/test_words.py, which Python is tested with, and captions."""
    file = ROOT / "tests" / "networks" / "texts.json"
    texts = [example["text"] for example in json.loads(file.read_text(encoding="utf-8"))]
    texts += captions(make_shapes(300, 8), 7)
    classes = list(FAMILIES)
    found = modules.evaluate(
        """async ([texts, classes]) => {
            const { classOf, split } = await import("/live/words.js");
            return texts.map((text) => [split(text), classOf(classes, text) ?? null]);
        }""",
        [texts, classes],
    )
    for text, (words, named) in zip(texts, found, strict=True):
        assert words == split(text) and named == class_of(classes, text), text
    assert {named for _, named in found} > {None, "chair"}


def test_palettes_are_drawn_as_in_python(modules):
    seeds = [0, 1, 7, 123_456, 2**31, 2**32 - 1]
    choices = {family: file.MATERIALS for family, file in FAMILIES.items()}
    found = modules.evaluate(
        """async ([seeds, choices]) => {
            const { paletteOf } = await import("/live/palette.js");
            const all = Object.entries(choices);
            return all.map(([family, slots]) => seeds.map((seed) => paletteOf(family, seed, slots)));
        }""",
        [seeds, choices],
    )
    for family, palettes in zip(choices, found, strict=True):
        for seed, palette in zip(seeds, palettes, strict=True):
            drawn = palette_of(family, seed, choices[family])
            assert palette == {slot: material.name for slot, material in drawn.items()}


@pytest.mark.parametrize("count", [2, 4])
def test_what_is_nearly_empty_has_the_slot_of_the_nearest_matter_as_in_python(modules, count):
    """Where several are equally near, any of theirs is right."""
    x = torch.from_numpy(np.random.default_rng(count).normal(size=(5, 12, 12, 12))).float()
    x[0] -= 2.0  # about one voxel in ten is filled
    found = modules.evaluate(
        """async ([x, count]) => {
            const { slotsOf } = await import("/live/slots.js");
            return [...slotsOf(Float32Array.from(x), 12, count)];
        }""",
        [x.flatten().tolist(), count],
    )
    found = np.reshape(found, (12, 12, 12))
    known = (x[0] > 2 * SURE - 1).numpy()
    slots = slots_from_model(x[None], count)[0].numpy()
    away = distance_transform_edt(~known)
    for slot in range(1, count + 1):
        to_slot = distance_transform_edt(~(known & (slots == slot)))
        assert np.array_equal(to_slot[found == slot], away[found == slot])
    same = found == spread_slots(slots, known)
    assert 0.05 < known.mean() < 0.3 and same[known].all() and same.mean() > 0.8


def test_rays_meet_the_first_voxel(modules):
    """Against ten thousand small steps along each of 200 rays."""
    draws = np.random.default_rng(0)
    solid = draws.random((8, 8, 8)) < 0.05
    starts = draws.normal(size=(200, 3)) * 3 + 4 + 14 * np.sign(draws.normal(size=(200, 3)))
    directions = draws.uniform(0, 8, (200, 3)) - starts
    found = modules.evaluate(
        """async ([text, starts, directions]) => {
            const { cast, unpack } = await import("/viewer/grid.js");
            const solid = unpack(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)), 8 ** 3);
            return starts.map((start, k) => cast(solid, 8, start, directions[k])?.voxel ?? null); }""",
        [base64.b64encode(np.packbits(solid)).decode(), starts.tolist(), directions.tolist()],
    )
    hits = 0
    for start, direction, voxel in zip(starts, directions, found, strict=True):
        points = np.floor(start + np.linspace(0, 3, 10_000)[:, None] * direction).astype(int)
        points = points[((points >= 0) & (points < 8)).all(1)]
        met = points[solid[points[:, 2], points[:, 1], points[:, 0]]]
        if len(met) and voxel != met[0].tolist():  # the steps may jump over a corner
            assert voxel is not None and solid[voxel[2], voxel[1], voxel[0]]
            hits -= 1
        if not len(met):
            hits -= voxel is not None
        hits += len(met) > 0
    assert hits > 60


def test_bits_are_those_of_numpy(modules):
    for count in (1, 8, 125, 4096):  # the last byte is not always full
        bits = np.random.default_rng(count).random(count) < 0.5
        packed, back = modules.evaluate(
            """async ([bits, bytes]) => {
                const { pack, unpack } = await import("/viewer/grid.js");
                return [[...pack(bits)], [...unpack(Uint8Array.from(bytes), bits.length)]];
            }""",
            [bits.astype(int).tolist(), np.packbits(bits).tolist()],
        )
        assert packed == np.packbits(bits).tolist()
        assert back == bits.astype(int).tolist()


def test_a_control_reports_where_its_picture_is_pressed(modules):
    """Fractions of the width and height from the upper left, by `render` with a model of our own."""
    modules.evaluate("""async () => {
        const { default: control } = await import("/widgets/control.js");
        const canvas = Object.assign(document.createElement("canvas"), { width: 200, height: 100 });
        const png = await new Promise((resolve) => canvas.toBlob(resolve));
        const values = { png: await png.arrayBuffer(), alt: "a picture" };
        Object.assign(window, { reports: [], listeners: 0 });
        const model = {
            get: (name) => values[name],
            set: (name, value) => (values[name] = value),
            on: () => listeners++,
            off: () => listeners--,
            save_changes: () => reports.push(values.pointer),
        };
        window.stop = control.render({ model, el: document.body });
    }""")
    picture = modules.get_by_alt_text("a picture")
    modules.wait_for_function("document.querySelector('img').naturalWidth === 200")
    box = picture.bounding_box()
    modules.mouse.move(box["x"] + 50, box["y"] + 75)
    modules.mouse.down()
    modules.mouse.move(box["x"] + 100, box["y"] + 50)
    modules.mouse.up()
    modules.mouse.move(box["x"] + 20, box["y"] + 20)  # released: not reported
    found = modules.evaluate("reports")
    np.testing.assert_allclose(found, [[0.25, 0.75], [0.5, 0.5]], atol=1e-6)
    modules.evaluate("stop()")
    assert modules.evaluate("listeners") == 0


def test_guidance_keeps_and_extrapolates(modules):
    """Scale 0 is unconditional, 1 is conditional, 3 goes twice as far again in that direction."""
    found = modules.evaluate("""async () => {
        const { guided } = await import("/live/sampling.js");
        const [conditional, unconditional] = [Float32Array.of(2, -1), Float32Array.of(1, 1)];
        return [0, 1, 3].map((scale) => [...guided(conditional, unconditional, scale)]);
    }""")
    assert found == [[1, 1], [2, -1], [4, -5]]


def test_the_viewers_surface_lies_where_pythons_does_and_has_its_light(modules):
    """Surface nets beside marching cubes; the same light and normals at the same places."""
    shape = make_shape("chair", 1)
    field = 2 * shape.coverage - 1
    found = modules.evaluate(
        """async (bytes) => {
            const { unpackMatter } = await import("/viewer/grid.js");
            const { Daylight } = await import("/viewer/light.js");
            const { slotWeights, smoothSurface } = await import("/viewer/smooth.js");
            const { field, slots } = unpackMatter(Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0)));
            const { position, normal, index } = smoothSurface(field, 32);
            const daylight = new Daylight(Uint8Array.from(field, (value) => (value > 0 ? 1 : 0)), 32);
            const three = (array, i) => [...array.slice(i, i + 3)];
            const light = [];
            for (let i = 0; i < position.length; i += 3)
                light.push(daylight.at(three(position, i), three(normal, i)));
            const weights = slotWeights(slots, 32, position);
            return { position, normal: [...normal], index, light, ground: [...daylight.missing], weights: [...weights] };
        }""",
        base64.b64encode(shape.matter.tobytes()).decode(),
    )
    points, normals = (np.reshape(found[name], (-1, 3)) for name in ("position", "normal"))
    points /= 32
    daylight = Daylight(field > 0)
    light = np.stack(daylight.at(points, normals), axis=1)
    assert np.abs(light - found["light"]).max() < 1e-5
    assert np.abs(daylight.missing.ravel() - found["ground"]).max() < 1e-5
    angles = np.degrees(np.arccos(np.clip((normals * field_normals(field, points)).sum(1), -1, 1)))
    assert angles.mean() < 1 and np.quantile(angles, 0.99) < 5
    faces = np.reshape(found["index"], (-1, 3))
    ours, theirs = smooth_mesh(field), Trimesh(points, faces, process=False)
    assert is_watertight(theirs) and abs(theirs.volume / ours.volume - 1) < 0.02
    away = cKDTree(ours.sample(20_000, seed=0)).query(points)[0]
    assert away.mean() < 0.25 / 32 and away.max() < 0.75 / 32
    weights = slot_weights(shape.slots, points, 4, field)
    same = weights.argmax(1) == np.reshape(found["weights"], (-1, 4)).argmax(1)
    assert same.mean() > 0.98
