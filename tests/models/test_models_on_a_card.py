"""Every config, prompts, ranking, editing, files and the pipeline on a second device."""

import json

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from course_utils.datasets.shapes import make_shapes
from course_utils.diffusion.losses import LOSSES
from course_utils.diffusion.sampling import last
from course_utils.diffusion.training import LOOKS, Trainer
from course_utils.models.checkpoints import build_model, load_checkpoint, save_checkpoint
from course_utils.models.config import Config
from course_utils.models.devices import checked_device
from course_utils.models.editing import complete
from course_utils.models.generation import generate
from course_utils.models.pipeline import VoxelDiffusionPipeline
from course_utils.models.prompting import sampling_states
from course_utils.models.ranking import Agreement, best_of, shipped_ranker
from course_utils.models.recipes import source_of
from course_utils.models.team import Team
from course_utils.models.training import run_training, train
from course_utils.networks.facts import FactsOfShape
from course_utils.places import CHECKPOINTS, CONFIGS

SHAPES = CHECKPOINTS / "shapes32"
NAMES = sorted(file.stem for file in CONFIGS.glob("*.json"))


@pytest.fixture(autouse=True)
def the_same_arithmetic():
    """Attention as the card computes it: the CPU's own fused kernel rounds otherwise."""
    with sdpa_kernel(SDPBackend.MATH):
        yield


def tiny(name, tmp_path):
    """A shipped config with few shapes and steps, and its data file, if it needs one."""
    entries = json.loads((CONFIGS / f"{name}.json").read_text())
    entries["plan"] |= {"steps": 3, "batch_size": 4}
    entries.pop("begin_from", None)
    entries.pop("frozen", None)
    if "count" in entries["data"]:
        entries["data"]["count"] = 22
    file, given = tmp_path / f"{name}.json", None
    file.write_text(json.dumps(entries))
    if entries["data"]["kind"] == "npz":
        given = tmp_path / "chairs.npz"
        voxels = make_shapes(6, entries["resolution"], ["chair"]).voxels
        np.savez(given, voxels=np.packbits(voxels.reshape(6, -1), 1), classes=np.array(["chair"]))
    return Config.read(file), given


def trained(config, source, device):
    torch.manual_seed(0)
    loss = LOSSES[config.loss.kind](**config.loss.arguments)
    trainer = Trainer(build_model(config), config.plan, loss, device)
    return [done.loss for done in trainer.run(source.draw)]


@pytest.mark.parametrize("name", NAMES)
def test_every_config_trains_there_and_a_step_waits_for_nothing(name, card, tmp_path):
    config, given = tiny(name, tmp_path)
    source = source_of(config, given)
    torch.manual_seed(0)
    loss = LOSSES[config.loss.kind](**config.loss.arguments)
    run = Trainer(build_model(config), config.plan, loss, "card").run(source.draw)
    first = next(run)
    card.clear()
    second = next(run)
    ahead = config.data.kind in ("means_of_named", "facts_of_shapes", "facts_of_guesses")
    assert card.waits == []
    # such data are drawn on the CPU, a step ahead, and sent: the targets and what is given
    assert len(card.sent) == 2 * ahead and all("placing.py" in line for line in card.sent)
    if not ahead:
        expected = trained(config, source, "cpu")
        assert first.loss == pytest.approx(expected[0], rel=1e-4)
        assert second.loss == pytest.approx(expected[1], rel=1e-3)
    assert np.isfinite([first.loss, second.loss]).all()


def test_a_training_with_its_bar_and_saves_waits_once_in_fifty_steps(card, tmp_path):
    config, _ = tiny("reader", tmp_path)
    config = config.with_plan(steps=2 * LOOKS + 10)
    source = source_of(config)
    trainer = Trainer(build_model(config), config.plan, LOSSES["bits"](), "card")
    next(trainer.run(source.draw))
    card.clear()
    state = tmp_path / "state.safetensors"
    run_training(trainer, source.draw, state, Team("card"), 10**6)
    reading = [line for line in card.waits if "training.py" in line and "tolist" in line]
    assert len(reading) == 3 and card.sent == []  # at 50, 100 and 110
    saving = [line for line in card.waits if line not in reading]
    assert all("states.py" in line or "isfinite" in line for line in saving), saving


def test_course_train_makes_a_checkpoint_there_that_any_device_reads(card, tmp_path):
    config, _ = tiny("reader", tmp_path)
    folder = train(config, tmp_path / "out", device="card", say=str, show_progress=False)
    model, about = load_checkpoint(folder)
    assert next(model.parameters()).device.type == "cpu" and about.made["device"].startswith("card")
    again = train(config, tmp_path / "out", device="cpu", say=str, show_progress=False)
    assert again == folder


def models(folder):
    return {device: load_checkpoint(folder, device) for device in ("card", "cpu")}


def test_prompts_are_sampled_there_without_a_wait(card):
    found = {}
    for device, (model, config) in models(SHAPES).items():
        states = sampling_states(model, config, ["chair", "mug"], [1, 2], steps=4)
        next(states)
        card.clear()
        found[device] = last(states).x_t.cpu()
        if device == "card":
            assert card.sent == [] and len(card.waits) == 1  # the result
    assert (found["card"] - found["cpu"]).abs().max() < 1e-3


def test_a_text_is_ranked_there(card):
    found = {}
    for device, (model, config) in models(SHAPES).items():
        prompt = ["a tall chair with armrests"]
        best = best_of(2, shipped_ranker(config), model, config, prompt, [1], steps=3)
        assert best.x.device.type == device
        found[device] = best
    assert found["card"].seeds == found["cpu"].seeds
    assert torch.equal(found["card"].scores, found["cpu"].scores)
    assert ((found["card"].x.cpu() > 0) == (found["cpu"].x > 0)).float().mean() > 0.999


def test_a_seer_steers_and_ranks_there(card):
    found = {}
    for device, (model, config) in models(SHAPES).items():
        torch.manual_seed(0)
        agreement = Agreement(config, FactsOfShape(config.facts).to(device))
        edits = agreement.steering(0.2)
        prompt = ["a tall chair with armrests"]
        best = best_of(2, agreement, model, config, prompt, [1], edits=edits, steps=3)
        assert best.x.device.type == device
        found[device] = best
    assert found["card"].seeds == found["cpu"].seeds
    assert (found["card"].scores - found["cpu"].scores).abs().max() < 1e-3
    assert ((found["card"].x.cpu() > 0) == (found["cpu"].x > 0)).float().mean() > 0.999


def test_a_shape_is_completed_there(card):
    voxels = make_shapes(1, 32).voxels[0]
    keep = np.zeros_like(voxels)
    keep[:16] = True
    found = [
        complete(model, config, "chair", voxels, keep, [1], steps=3)
        for model, config in models(SHAPES).values()
    ]
    assert (found[0] == found[1]).mean() > 0.999 and (found[0][0][keep] == voxels[keep]).all()


@pytest.mark.parametrize("prompt", ["chair", "a small round table"])
def test_generate_makes_there_what_it_makes_here(prompt, card):
    how = {"seed": 3, "steps": 3, "tries": 1, "show_progress": False}
    ours, theirs = (generate(prompt, device=device, **how) for device in ("card", "cpu"))
    assert (ours.shape == theirs.shape).mean() > 0.999


def test_the_pipeline_runs_there(card, tmp_path):
    pipeline = VoxelDiffusionPipeline.from_pretrained(SHAPES)
    expected = pipeline(["chair"], seeds=[3], num_inference_steps=3).shapes
    found = pipeline.to("card")(["chair"], seeds=[3], num_inference_steps=3).shapes
    assert (np.asarray(found) == np.asarray(expected)).mean() > 0.999
    pipeline.save_pretrained(tmp_path / "saved")
    again = VoxelDiffusionPipeline.from_pretrained(tmp_path / "saved")
    assert (np.asarray(again(["chair"], seeds=[3], num_inference_steps=3).shapes) == expected).all()


def test_a_model_is_saved_from_there(card, tmp_path):
    model, config = load_checkpoint(SHAPES, "card")
    save_checkpoint(tmp_path / "copy", model, config, "a card")
    here = load_checkpoint(SHAPES)[0].state_dict()
    for name, value in load_checkpoint(tmp_path / "copy")[0].state_dict().items():
        assert torch.equal(value, here[name])


def test_a_device_is_known_by_its_use(card):
    assert checked_device("card") == "card"
