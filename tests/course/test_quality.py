"""The report on a trained model: what it compares with what, and what the card says."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import torch

from course_utils.datasets.shapes import make_shapes
from course_utils.evaluation.shapes import shape_report
from course_utils.files.results import load_results
from course_utils.models.checkpoints import build_model
from course_utils.models.config import Config

ROOT = Path(__file__).parents[2]
FILE = ROOT / "benchmarks" / "quality.py"
quality = importlib.util.module_from_spec(importlib.util.spec_from_file_location("quality", FILE))
quality.__spec__.loader.exec_module(quality)

CONFIG = {
    "name": "tiny",
    "classes": ["table", "mug"],
    "resolution": 8,
    "data": {"kind": "procedural", "count": 12, "first_index": 0},
    "network": {
        "kind": "UNet",
        "dimensions": 3,
        "channels": [8],
        "patch": 2,
        "blocks": 1,
        "conditioners": [{"kind": "labels", "classes": 2}],
    },
    "path": "flow",
    "prediction": "x0",
    "sampling": {"sampler": "ddim", "steps": 2, "shift": 3.0, "guidance_scale": 2.0, "tries": 4},
}


def model(**changes):
    """An untrained denoiser with the tiny config, and the config."""
    return build_model(Config.of(CONFIG)), Config.of(CONFIG | changes)


class Asked(torch.nn.Module):
    """A network that fills the cube from the ground to a height that depends on the class."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x, log_snr, condition=None):
        labels = torch.zeros(len(x)) if condition is None else condition
        height = torch.arange(x.shape[2])[None, :] < 2 + 2 * labels[:, None]
        return (2.0 * height - 1)[:, None, :, None, None].expand_as(x)


def test_samples_are_of_the_class_asked_for():
    denoiser, config = model(sampling=CONFIG["sampling"] | {"guidance_scale": 1.0})
    denoiser.network = Asked()
    mugs = quality.samples(denoiser, config, "mug", 11)
    assert mugs.shape == (11, 8, 8, 8) and (mugs[:, :4] > 0).all() and not (mugs[:, 4:] > 0).any()
    assert not (quality.samples(denoiser, config, "table", 3)[:, 2:] > 0).any()


def test_held_out_shapes_begin_behind_the_training():
    held_out = quality.held_out(Config.of(CONFIG), "mug", 4, None)
    assert np.array_equal(held_out, make_shapes(4, 8, ("mug",), 12).voxels)


def test_held_out_shapes_of_a_file_are_its_test_split(tmp_path):
    voxels, labels = make_shapes(6, 8, ("table", "mug")).voxels, np.array([0, 1] * 3, np.uint8)
    # such files have x first
    as_stored = np.packbits(voxels.transpose(0, 3, 2, 1).reshape(6, -1), axis=1)
    parts = {"train_voxels": as_stored[:2], "train_labels": labels[:2]}
    parts |= {"test_voxels": as_stored[2:], "test_labels": labels[2:]}
    np.savez(tmp_path / "some.npz", classes=np.array(["table", "mug"]), **parts)
    for count, rows in ((5, [3, 5]), (1, [3])):
        assert np.array_equal(
            quality.held_out(Config.of(CONFIG), "mug", count, tmp_path / "some.npz"), voxels[rows]
        )


def test_a_family_is_compared_with_held_out_shapes_and_the_oracle_with_the_same(monkeypatch):
    training = make_shapes(12, 8, ("mug",)).voxels
    held_out = make_shapes(5, 8, ("mug",), 12).voxels
    training[0] = False
    training[0, [0, 1, 2, 4, 5], 2:6, 2:6] = True  # with a gap
    tried = {1: 2.0 * training[:5] - 1, 4: 2.0 * training[5:10] - 1}
    monkeypatch.setattr(quality, "samples", lambda *rest: tried[rest[-1]])
    found = quality.measure_family(*model(), "mug", 5, training, None)
    assert found["samples"] == shape_report(training[:5], held_out, training)._asdict()
    assert found["samples"]["one_piece_cleaned"] < found["closed"]["one_piece_cleaned"]
    kept = quality.closed(tried[4])
    assert found["generated"] == shape_report(kept, held_out, training)._asdict()
    assert found["samples"]["training_copies"] == 1 > found["held_out_copies"]
    chosen = np.random.default_rng(0).permutation(12)[:5]
    assert found["oracle"] == shape_report(training[chosen], held_out)._asdict()


def test_the_table_has_a_mean_of_several_families():
    report = shape_report(
        make_shapes(4, 8).voxels, make_shapes(4, 8, first_index=4).voxels, make_shapes(4, 8).voxels
    )
    one = dict.fromkeys(("samples", "closed", "generated", "oracle"), report._asdict()) | {
        "held_out_copies": 0.5
    }
    other = {**one, "samples": report._asdict() | {"chamfer_accuracy": 1.0}}
    lines = quality.table({"table": one, "mug": other}).splitlines()
    assert lines[3].startswith("| mug | 100.0 %") and lines[3].endswith("| 50.0 % |")
    mean = (1 + report.chamfer_accuracy) / 2
    assert lines[4].startswith(f"| mean | {100 * mean:.1f} %") and len(lines) == 5
    assert len(quality.table({"table": one}).splitlines()) == 3


def test_the_shipped_models_card_shows_the_stored_results():
    """Card, results and weights belong together."""
    folder = ROOT / "data" / "checkpoints" / "shapes32"
    config = json.loads((folder / "config.json").read_text())
    contents, _ = load_results(ROOT / "data" / "studies" / "shapes32.json")
    assert (
        contents["weights_sha256"] == config["weights_sha256"]
        and contents["sampling"] == config["sampling"]
    )
    assert list(contents["families"]) == config["classes"]
    assert quality.table(contents["families"]) in (folder / "README.md").read_text(encoding="utf-8")


def test_a_model_that_makes_nothing_gives_a_report_that_json_holds():
    """An untrained network answers 0 everywhere, which is not inside: no sample has distances."""
    training = make_shapes(6, 8, ("mug",)).voxels
    found = quality.measure_family(*model(), "mug", 3, training, None)
    assert found["samples"]["empty"] == 1 and found["samples"]["chamfer_matching"] is None
    assert json.loads(json.dumps(found, allow_nan=False)) == found
