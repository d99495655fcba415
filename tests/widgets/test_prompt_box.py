"""The prompt box: words in, a film out, clear words for unknown ones, a mesh on disk."""

import html
import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from course_utils.models.checkpoints import build_model, load_checkpoint
from course_utils.models.config import Config
from course_utils.models.generation import SHIPPED, generate
from course_utils.widgets import PromptBox

WORDS = ["a", "chair", "tall"]
READING = Config.of({
    "classes": ["chair"], "words": WORDS, "resolution": 8, "path": "flow", "prediction": "x0",
    "network": {"kind": "UNet", "dimensions": 3, "channels": [8], "patch": 2, "blocks": 1,
                "conditioners": [{"kind": "text", "words": 3, "reads": True}]},
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
    for name, value in (("prompt", "mug"), ("seed", 3), ("steps", 5), ("scale", 1.0), ("film", 1)):
        before, old = pixels(box), box[name]
        box.set(**{name: value})
        assert (pixels(box) != before).any(), name
        box.set(**{name: old})
        assert (pixels(box) == before).all(), name


def test_the_film_goes_back_without_sampling_again(box, monkeypatch):
    monkeypatch.setattr(box, "_sampling", lambda: pytest.fail("sampled again"))
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


def test_an_unknown_prompt_is_told_and_the_shape_stays(box):
    shape = box.shape().field
    for prompt in ("dragon <b>", "$x_$", "椅子", ""):
        box.set(prompt=prompt)
        assert said(box).startswith(f"the model knows no '{prompt}'; it makes: chair, table")
        assert "<b>" not in box.words.value
        assert np.array_equal(box.shape().field, shape)
    box.set(prompt="Chair!")
    assert said(box) == "" and np.array_equal(box.shape().field, shape)


def test_texts_for_a_model_that_reads():
    torch.manual_seed(0)
    denoiser = build_model(READING)
    for parameter in denoiser.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    box = PromptBox(denoiser.eval(), READING, "a tall chair")
    try:
        first = box.states[-1].x_t
        box.set(prompt="a chair")
        assert not torch.equal(box.states[-1].x_t, first)
        box.set(prompt="a chiar")
        assert "unknown word: chiar (near: chair)" in said(box)
        box.set(prompt="tall")
        assert said(box) == "no family in 'tall'; name one that the model makes: chair"
    finally:
        box.close()


def test_a_box_that_begins_with_an_unknown_prompt_has_no_shape_to_save(shipped, tmp_path):
    box = PromptBox(*shipped, "Stühle")
    try:
        assert "knows no 'Stühle'" in said(box) and box.states == []
        box.save(tmp_path / "x.glb")
        assert said(box) == "there is no shape yet" and not list(tmp_path.iterdir())
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
