"""Checkpoints round the disk, damaged and foreign ones refused, and nothing half written."""

import json

import pytest
import torch

from course_utils.cli.train import read_config
from course_utils.files.atomic import writing, writing_folder
from course_utils.models.checkpoints import (
    build_denoiser,
    load_checkpoint,
    makes_shapes,
    save_checkpoint,
    write_section,
)
from course_utils.places import CHECKPOINTS

CONFIG = {"network": {"kind": "MLP", "width": 16, "depth": 1}, "path": "flow", "prediction": "x0"}


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    save_checkpoint(tmp_path / "model", build_denoiser(CONFIG), CONFIG, "# a card\n")
    return tmp_path / "model"


def test_round_trip(folder):
    torch.manual_seed(0)
    original = build_denoiser(CONFIG)
    loaded, config = load_checkpoint(folder)
    assert {k: config[k] for k in CONFIG} == CONFIG
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
    save_checkpoint(folder, build_denoiser(CONFIG), CONFIG, "# another\n")
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
    with pytest.raises(ValueError, match="not a checkpoint folder"):
        load_checkpoint(folder)
    with pytest.raises(ValueError, match="not a checkpoint folder"):
        load_checkpoint(folder / "nowhere")
    with pytest.raises(ValueError, match=r"does not describe a model.*UNet or .*MLP"):
        build_denoiser(CONFIG | {"network": {"kind": "Transformer"}})


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
        save_checkpoint(folder, build_denoiser(CONFIG), CONFIG, "")
    assert (folder / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    "name", ["shapes32", "text-to-shape32", "facts-of-shapes32", "facts-of-guesses32"]
)
def test_the_shipped_model_has_a_true_card(name):
    folder = CHECKPOINTS / name
    _, config = load_checkpoint(folder)
    assert (folder / "model.safetensors").stat().st_size < 16 * 2**20
    recipe = read_config(name)
    assert {
        key: config[key] for key in recipe
    } == recipe  # what the repository says is what was trained
    card = (folder / "README.md").read_text()
    for said in (
        config["made"]["command"],
        config["made"]["data_sha256"][:16],
        str(config["made"]["minutes"]),
    ):
        assert said in card


def test_the_cards_section_is_replaced_and_the_rest_stays(tmp_path):
    (tmp_path / "README.md").write_text("# tiny\n\nA card.\n")
    for section in ("## Quality\n\nold\n", "## Quality\n\nnew\n"):
        write_section(tmp_path, "## Quality", section)
    assert (tmp_path / "README.md").read_text() == "# tiny\n\nA card.\n\n## Quality\n\nnew\n"


@pytest.mark.parametrize(
    "kind", ["UNet", "MLP", "FromText", "FactsOfText", "FactsOfShape", "AnotherOne"]
)
def test_a_network_makes_shapes_unless_it_reads(kind):
    config = {"network": {"kind": kind}, "resolution": 32}
    assert makes_shapes(config) == (kind in ("UNet", "MLP", "AnotherOne"))
    assert not makes_shapes({"network": {"kind": kind}})
