"""The prompt box: words in, a film out, clear words for unknown ones, a mesh on disk."""

import html
import io
import re
import time
from dataclasses import replace
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from course_utils.datasets.captions.facts import facts_of
from course_utils.models.checkpoints import build_model, load_checkpoint
from course_utils.models.config import Config
from course_utils.models.generated import palette_for
from course_utils.models.generation import SHIPPED, generate
from course_utils.models.ranking import seeds_of
from course_utils.widgets import PromptBox

FACTS = len(facts_of(("chair",)))
READING = Config.of({
    "classes": ["chair"], "resolution": 8, "path": "flow", "prediction": "x0",
    "network": {"kind": "UNet", "dimensions": 3, "channels": [8], "patch": 2, "blocks": 1,
                "conditioners": [{"kind": "named", "families": 1, "facts": FACTS}]},
    "sampling": {"sampler": "ddim", "steps": 3, "shift": 1.0, "guidance_scale": 2.0},
})  # fmt: skip


@pytest.fixture(scope="module")
def shipped():
    denoiser, config = load_checkpoint(SHIPPED)
    return denoiser, replace(config, sampling=replace(config.sampling, steps=4))


@pytest.fixture
def box(shipped):
    made = PromptBox(*shipped, "chair")
    yield made
    made.close()


def said(box):
    return html.unescape(re.fullmatch('<span role="status">(.*)</span>', box.words.value)[1])


def pixels(box):
    return np.asarray(Image.open(io.BytesIO(box.canvas.png)).convert("RGB")).astype(int)


def test_it_makes_the_shape_that_generate_makes(box):
    box.set(seed=7)
    wanted = generate("chair", 7, steps=4, tries=1, show_progress=False)
    assert np.allclose(box.shape().field, wanted.field, atol=1e-5)


def test_every_input_changes_the_picture_and_comes_back(box):
    inputs = {"prompt": "mug", "seed": 3, "steps": 5, "scale": 1.0, "tries": 2, "film": 1}
    assert set(box.inputs) == set(inputs)
    for name, value in inputs.items():
        before, old = pixels(box), box[name]
        box.set(**{name: value})
        assert (pixels(box) != before).any(), name
        box.set(**{name: old})
        assert (pixels(box) == before).all(), name


def test_the_film_goes_back_without_sampling_again(box, monkeypatch):
    monkeypatch.setattr(box, "_make", lambda asked: pytest.fail("sampled again"))
    frames = set()
    for step in (1, 2, 3, 4, 9):
        box.set(film=step)
        frames.add(box.canvas.png)
    assert len(frames) == 4


def test_the_picture_follows_the_sampler(box):
    seen = []
    box.canvas.observe(lambda change: seen.append(change["new"]), "png")
    box.set(seed=5)
    assert len(set(seen)) >= 4  # every step is on screen before the next begins


def test_a_prompt_that_is_not_understood_is_told_and_the_box_goes_on(box):
    shape, picture = box.shape().field, pixels(box)
    for prompt in ("dragon <b>", "$x_$", "椅子", "a rocket", ""):
        box.set(prompt=prompt)
        assert "makes: chair, table" in said(box) or "it makes: chair, table" in said(box)
        assert "<b>" not in box.words.value
        assert np.array_equal(box.shape().field, shape) and (pixels(box) == picture).all()
    assert said(box).startswith("no family in ''")
    box.set(film=1)
    assert (pixels(box) != picture).any()  # of the shape that stays
    box.set(film=9, prompt="Chair!")
    assert said(box) == "" and np.array_equal(box.shape().field, shape)
    box.set(prompt="a mug, please")
    assert said(box) == "understood: mug" and not np.array_equal(box.shape().field, shape)


def test_threads_take_turns(box, monkeypatch):
    """JupyterLab has widgets answered in two threads of the kernel."""
    inside, beside = [], []

    def update():
        beside.append(len(inside))
        inside.append(True)
        time.sleep(0.05)
        inside.pop()

    monkeypatch.setattr(box, "_update", update)
    threads = [Thread(target=box.set, kwargs={"seed": seed}) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert beside == [0, 0, 0]


def test_any_sentence_is_taken_and_answered(box):
    box.set(prompt="a red velvet sofa on a beach")
    assert said(box) == box.shape().wish.answer == box.wish.answer
    assert said(box).startswith("understood: red") and "cannot make: " in said(box)
    assert box.shape().materials == {"shape": "red"}  # of a model without slots: all of it


def test_texts_for_a_model_that_reads():
    torch.manual_seed(0)
    denoiser = build_model(READING)
    for parameter in denoiser.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    box = PromptBox(denoiser.eval(), READING, "a chair with armrests")
    try:
        first = box.states[-1].x_t
        box.set(prompt="a chair")
        plain = box.states[-1].x_t
        assert not torch.equal(plain, first)
        box.set(prompt="a chiar with a cushion")
        assert torch.equal(box.states[-1].x_t, plain) and box.shape().wish.facts == {}
        assert said(box) == "understood: chiar; I cannot make: cushion"
        box.set(prompt="tall")
        assert said(box).startswith("no family in 'tall'; name one that the model makes: chair")
    finally:
        box.close()


SLOTTED = Config.of({
    "classes": ["chair", "mug"], "resolution": 8, "path": "flow", "prediction": "x0",
    "network": {"kind": "UNet", "dimensions": 3, "channels": [8], "patch": 2, "blocks": 1, "in_channels": 5,
                "conditioners": [{"kind": "named", "families": 2, "facts": len(facts_of(("chair", "mug")))}]},
    "sampling": {"sampler": "ddim", "steps": 3, "shift": 1.0, "guidance_scale": 2.0},
})  # fmt: skip


@pytest.fixture
def slotted():
    """The box of an untrained model with slots, which is told facts."""
    torch.manual_seed(0)
    denoiser = build_model(SLOTTED)
    for parameter in denoiser.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    made = PromptBox(denoiser.eval(), SLOTTED, "a red chair with oak legs")
    yield made
    made.close()


def test_a_model_with_slots_is_shown_in_its_materials(slotted, tmp_path):
    shape = slotted.shape()
    assert list(shape.palette) == ["seat", "legs", "back", "arms"]
    assert shape.palette["legs"].name == "oak" and shape.palette["seat"].name == "red"
    others = palette_for(SLOTTED, "chair", slotted["seed"])
    assert [shape.palette[slot] for slot in ("back", "arms")] == [others["back"], others["arms"]]
    assert shape.palette["legs"] != others["legs"]
    assert shape.prompt == slotted["prompt"] and said(slotted) == shape.wish.answer
    at = slotted.views[1].get_array().astype(int)
    red = (at[..., 0] > at[..., 1] + 60).sum()
    slotted.set(prompt="a blue chair with oak legs")
    at = slotted.views[1].get_array().astype(int)
    assert red > 500 and (at[..., 2] > at[..., 0] + 20).sum() > 500
    slotted.save(tmp_path / "x.glb")
    names = trimesh.load(tmp_path / "x.glb").geometry
    finishes = {part.visual.material.name for part in names.values()}
    materials = slotted.shape().materials
    assert finishes == {f"{slot} ({name})" for slot, name in materials.items()}
    assert materials["seat"] == "blue"
    assert len(slotted._twin().figure.frames) == 3


def test_what_a_model_of_classes_cannot_do_is_said(box):
    box.set(prompt="a chair with armrests")
    assert said(box).endswith("; this model cannot do: armrests True")


def test_what_a_model_of_facts_can_do_is_not_said_to_be_undone(slotted):
    slotted.set(prompt="a chair with armrests")
    assert said(slotted).startswith("understood: ") and "cannot do" not in said(slotted)


def test_the_best_of_several_is_kept_and_its_film_shown(shipped):
    """As `generate` keeps it: the seed is one of which the first try is not the best."""
    settings = {"steps": 4, "tries": 3, "show_progress": False}
    several = (generate("airplane", seed, **settings) for seed in range(20))
    wanted = next(one for one in several if one.kept_seed != one.seed)
    seed = wanted.seed
    box = PromptBox(*shipped, "airplane")
    try:
        box.set(seed=seed, tries=3)
        assert np.allclose(box.shape().field, wanted.field, atol=1e-4)
        assert (box.shape().seed, box.shape().kept_seed) == (seed, wanted.kept_seed)
        number = seeds_of(seed, 3).index(wanted.kept_seed) + 1
        assert said(box) in (f"try {number} is good enough", f"kept try {number} of 3")
        assert box.titles[1].get_text() == f"try {number}: the guess in step 4 of 4"
        assert len(box.states) == 4 and box.states[0].x_t.shape[0] == 1
        box.set(tries=1)
        assert box.shape().kept_seed == seed and said(box) == ""
        assert not np.allclose(box.shape().field, wanted.field, atol=1e-2)
    finally:
        box.close()


def test_a_box_that_begins_with_an_unknown_prompt_can_be_mended(shipped, tmp_path):
    box = PromptBox(*shipped, "Stühle")
    assert said(box).startswith("no family in 'Stühle'") and box.states == []
    data, _ = box._repr_mimebundle_()
    assert data["text/html"] == box.words.value
    assert "application/vnd.jupyter.widget-view+json" in data
    box.save(tmp_path / "x.glb")
    assert said(box) == "there is no shape yet" and not list(tmp_path.iterdir())
    box.set(prompt="mug")
    assert said(box) == "" and len(box.states) == 4
    assert "application/vnd.plotly.v1+json" in box._repr_mimebundle_()[0]
    box.set(prompt="Stühle")
    box = PromptBox(*shipped, "chair")  # the cell, mended and run again
    try:
        assert box["prompt"] == "chair" and len(box.states) == 4 and said(box) == ""
    finally:
        box.close()


def test_run_again_it_keeps_what_was_typed_unless_the_cell_asks_for_something_else(shipped):
    PromptBox(*shipped, "chair").set(prompt="mug", seed=3)
    box = PromptBox(*shipped, "chair")
    assert (box["prompt"], box["seed"]) == ("mug", 3)
    box.set(prompt="dragon")
    box = PromptBox(*shipped, "chair")
    assert (box["prompt"], box["seed"]) == ("chair", 3) and said(box) == ""
    box.set(prompt="lamp")
    box = PromptBox(*shipped, "table")
    try:
        assert (box["prompt"], box["seed"]) == ("table", 3) and box.shape().prompt == "table"
    finally:
        box.close()


def test_save_writes_the_mesh_that_is_shown(box, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    box.set(prompt="sofa", seed=2)
    box.button.click()
    mesh = trimesh.load(tmp_path / "sofa-2.glb", force="mesh")
    assert f"sofa-2.glb: {len(mesh.faces)} triangles" in said(box)
    assert mesh.extents.max() == pytest.approx(1) and said(box).endswith(" m")
    for wrong, why in ((Path("sofa-2.glb/x.glb"), "sofa-2.glb"), ("x.fbx", ".glb, .obj")):
        box.save(wrong)
        assert why in said(box) and "triangles" not in said(box)
    box.states = [box.states[-1]._replace(x_t=-torch.ones(1, 1, 32, 32, 32))]
    box.save()
    assert "the shape is empty" in said(box)


def test_closing_takes_all_widgets_away_and_the_twin_is_a_film(box):
    assert "step 4 of 4" in str(box._twin()._repr_mimebundle_())
    assert box.button.comm is not None
    box.close()
    assert box.button.comm is None


def test_with_a_critic_a_slider_steers(shipped):
    """The critic asks for a full floor, whatever is named."""
    from functools import partial

    from course_utils.diffusion.guidance import steered

    class Floor:
        def steering(self, strength):
            critic = lambda x0: torch.log(0.5 + 0.49 * x0[:, 0, 0].mean(dim=(1, 2)))[:, None]  # noqa: E731
            return lambda prompts: partial(steered, critic=critic, strength=strength)

    box = PromptBox(*shipped, "lamp", critic=Floor())
    try:
        plain, before = box.states[-1].x_t, pixels(box)
        box.set(steering=0.4)
        led = box.states[-1].x_t
        assert (pixels(box) != before).any()
        assert (led[0, 0, 0] > 0).float().mean() > (plain[0, 0, 0] > 0).float().mean() + 0.05
        box.set(steering=0.0)
        assert torch.equal(box.states[-1].x_t, plain) and (pixels(box) == before).all()
    finally:
        box.close()
