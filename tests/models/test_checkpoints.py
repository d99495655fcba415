"""Checkpoints round the disk, damaged and foreign ones refused, and nothing half written."""

import json
from dataclasses import replace

import pytest
import torch

from course_utils.files.atomic import writing, writing_folder
from course_utils.models.card import write_section
from course_utils.models.checkpoints import (
    build_model,
    load_checkpoint,
    save_checkpoint,
)
from course_utils.models.config import Config
from course_utils.places import CHECKPOINTS

CONFIG = Config.of(
    {"network": {"kind": "MLP", "width": 16, "depth": 1}, "path": "flow", "prediction": "x0"}
)


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    save_checkpoint(tmp_path / "model", build_model(CONFIG), CONFIG, "# a card\n")
    return tmp_path / "model"


def test_round_trip(folder):
    torch.manual_seed(0)
    original = build_model(CONFIG)
    loaded, config = load_checkpoint(folder)
    assert replace(config, weights_sha256=None) == CONFIG
    x = torch.randn(5, 2)
    difference = (loaded(x, 0.5) - original(x, 0.5)).abs().max()
    assert 0 < difference < 5e-3  # half precision on disk, single in use
    assert not any(p.requires_grad for p in loaded.parameters())
    assert sorted(p.name for p in folder.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]


def test_saving_again_replaces(folder):
    before = (folder / "model.safetensors").read_bytes()
    torch.manual_seed(1)
    save_checkpoint(folder, build_model(CONFIG), CONFIG, "# another\n")
    assert (folder / "model.safetensors").read_bytes() != before
    assert [p.name for p in folder.parent.iterdir()] == ["model"]


def test_one_flipped_byte_is_refused(folder):
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[len(weights) // 2] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged"):
        load_checkpoint(folder)


def test_foreign_configs_are_refused(folder):
    config = json.loads((folder / "config.json").read_text())
    config["network"]["width"] = 32
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="fit another network"):
        load_checkpoint(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json is not JSON"):
        load_checkpoint(folder)
    with pytest.raises(ValueError, match="not a checkpoint folder"):
        load_checkpoint(folder / "nowhere")
    with pytest.raises(
        ValueError, match=r"network.kind is 'Transformer'; expected one of UNet, MLP"
    ):
        Config.of(CONFIG.to_dict() | {"network": {"kind": "Transformer"}})


def test_writing_is_all_or_nothing(tmp_path):
    goal = tmp_path / "file.txt"
    goal.write_text("old")
    with pytest.raises(RuntimeError), writing(goal) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert goal.read_text() == "old"
    with writing(goal) as temporary:
        temporary.write_text("new")
    assert goal.read_text() == "new"
    with pytest.raises(RuntimeError), writing_folder(tmp_path / "box") as box:
        (box / "a").write_text("half")
        raise RuntimeError
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]


def test_a_folder_that_cannot_be_replaced_stays(folder, monkeypatch):
    from course_utils.files import atomic

    replace, calls = atomic.os.replace, []

    def second_fails(source, goal):
        calls.append(goal)
        if len(calls) == 2:
            raise OSError("No space left on device")
        replace(source, goal)

    before = (folder / "model.safetensors").read_bytes()
    monkeypatch.setattr(atomic.os, "replace", second_fails)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(folder, build_model(CONFIG), CONFIG, "")
    assert (folder / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize("name", sorted(path.name for path in CHECKPOINTS.iterdir()))
def test_the_shipped_model_has_a_true_card(name):
    folder = CHECKPOINTS / name
    _, config = load_checkpoint(folder)
    assert (folder / "model.safetensors").stat().st_size < 16 * 2**20
    recipe, trained = Config.read(name).to_dict(), config.to_dict()
    card = (folder / "README.md").read_text()
    # what the repository says is what was trained; a training in parts has a plan of its own
    told = ("plan",) if "\n## How it was trained\n" in card else ()
    assert {key: trained[key] for key in recipe if key not in told} == {
        key: value for key, value in recipe.items() if key not in told
    }
    for said in (
        config.made["command"],
        config.made["data_sha256"][:16],
        str(config.made["minutes"]),
    ):
        assert said in card


def test_the_cards_section_is_replaced_and_the_rest_stays(tmp_path):
    (tmp_path / "README.md").write_text("# tiny\n\nA card.\n")
    for section in ("## Quality\n\nold\n", "## Quality\n\nnew\n"):
        write_section(tmp_path, "## Quality", section)
    assert (tmp_path / "README.md").read_text() == "# tiny\n\nA card.\n\n## Quality\n\nnew\n"
    text = "# tiny\n\nSee ## Quality.\n\n## Quality\n\nnew\n\n## My notes\n\n### Mugs\n\nround\n"
    (tmp_path / "README.md").write_text(text)
    write_section(tmp_path, "## Quality", "## Quality\n\nnewer\n\n### By class\n")
    newer = text.replace("new\n", "newer\n\n### By class\n")
    assert (tmp_path / "README.md").read_text() == newer
    write_section(tmp_path, "## Faithfulness", "## Faithfulness\n\ngood\n")
    assert (tmp_path / "README.md").read_text() == f"{newer}\n## Faithfulness\n\ngood\n"


def test_a_model_makes_shapes_if_it_samples_voxels_and_sees_more_than_facts():
    sampling = {"sampler": "ddim", "steps": 4, "shift": 1.0, "guidance_scale": 1.0}
    shapes = {"classes": ["chair"], "resolution": 8, "sampling": sampling}
    denoiser = {"path": "flow", "prediction": "x0"}
    network = {"kind": "UNet", "dimensions": 3}
    assert Config.of(
        {"network": network | {"channels": [8], "patch": 4}, **denoiser, **shapes}
    ).makes_shapes
    alone = {"kind": "FromFacts", "dimensions": 3, "side": 8, "families": 1, "facts": 3}
    assert not Config.of({"network": alone, **denoiser, **shapes}).makes_shapes
    assert not Config.of({"network": network, **denoiser}).makes_shapes
    assert not Config.of({"network": {"kind": "FactsOfShape", "facts": 3}}).makes_shapes
