"""A checkpoint as ONNX: the same answers as torch's, whole files, refused where they differ."""

import copy
import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from course_utils.datasets.captions.facts import facts_of
from course_utils.diffusion.sampling import last
from course_utils.geometry.matter import SLOTS
from course_utils.models import onnx as export_onnx
from course_utils.models.checkpoints import build_model, load_checkpoint, save_checkpoint
from course_utils.models.config import Config
from course_utils.models.prompting import sampling_states
from course_utils.places import CHECKPOINTS

CONFIG = {
    "name": "tiny",
    "about": "A tiny model",
    "classes": ["chair", "lamp"],
    "resolution": 8,
    "path": "flow",
    "prediction": "x0",
    "sampling": {"sampler": "ddpm", "steps": 4, "shift": 2.0, "guidance_scale": 2.0},
    "network": {
        "kind": "UNet",
        "dimensions": 3,
        "channels": [8, 8],
        "patch": 2,
        "blocks": 1,
        "heads": 2,
    },
}
DIFFERENT = 0.005  # of all voxels, at most
CLASSES = {"conditioners": [{"kind": "labels", "classes": 2}]}
FACTS = {
    "network": CONFIG["network"]
    | {
        "in_channels": 1 + SLOTS,
        "details": 8,
        "conditioners": [
            {"kind": "named", "families": 2, "facts": len(facts_of(["chair", "lamp"])), "sketch": 4}
        ],
    },
}


def checkpoint(folder, config):
    torch.manual_seed(0)
    config = Config.of(config)
    denoiser = build_model(config)
    for parameter in denoiser.parameters():  # many layers begin at zero
        torch.nn.init.normal_(parameter, std=0.1)
    save_checkpoint(folder, denoiser, config, "")
    return folder


@pytest.mark.parametrize(
    "changes",
    [{"network": CONFIG["network"] | CLASSES}, FACTS],
    ids=["classes", "facts"],
)
def test_any_batch_gives_what_torch_gives(tmp_path, changes):
    import onnx
    import onnxruntime

    folder = checkpoint(tmp_path / "model", CONFIG | changes)
    about = export_onnx.export_onnx(folder, tmp_path / "out")
    graph = (tmp_path / "out" / "model.onnx").read_bytes()
    assert json.loads((tmp_path / "out" / "model.json").read_text()) == about
    assert hashlib.sha256(graph).hexdigest() == about["sha256"] and len(graph) == about["bytes"]
    sums = [
        node.attribute[0].s
        for node in onnx.load_from_string(graph).graph.node
        if node.op_type == "Einsum"
    ]
    # onnxruntime's WebGPU cannot read it
    assert sums and not any(b"..." in equation for equation in sums)
    denoiser, config = load_checkpoint(folder)
    assert export_onnx.exported(tmp_path / "out", config)
    assert not export_onnx.exported(tmp_path / "out", replace(config, weights_sha256="other"))
    assert not export_onnx.exported(tmp_path, config)
    spoilt = {"model.onnx": [graph[:-1], b"", None], "model.json": [b"{", b"[]", b"\xff", None]}
    (tmp_path / "out" / "notes.txt").write_text("mine")
    for name, versions in spoilt.items():
        sound = (tmp_path / "out" / name).read_bytes()
        for data in versions:
            (tmp_path / "out" / name).unlink()
            if data is not None:
                (tmp_path / "out" / name).write_bytes(data)
            assert not export_onnx.exported(tmp_path / "out", config)
            (tmp_path / "out" / name).write_bytes(sound)
    assert export_onnx.exported(tmp_path / "out", config)
    inputs = export_onnx.example(config, 5, seed=7)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    names = [put.name for put in session.get_inputs()]
    (got,) = session.run(None, dict(zip(names, [value.numpy() for value in inputs], strict=True)))
    expected = denoiser(*inputs).numpy()
    assert np.abs(expected).max() > 0.05
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_weights_take_two_bytes_each(tmp_path):
    wide = {"network": CONFIG["network"] | CLASSES | {"channels": [32, 64]}}
    folder = checkpoint(tmp_path / "model", CONFIG | wide)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    about = export_onnx.export_onnx(folder, tmp_path / "out")
    assert (tmp_path / "out" / "thesis.tex").read_text() == "years of work"
    weights = (folder / "model.safetensors").stat().st_size
    assert about["bytes"] < 1.2 * weights


def test_a_graph_that_differs_is_not_written(tmp_path, monkeypatch):
    folder = checkpoint(tmp_path / "model", CONFIG)
    whole = export_onnx._graph

    def another(denoiser, config):  # weights a thousandth larger than the checkpoint's
        with torch.no_grad():
            for parameter in (other := copy.deepcopy(denoiser)).parameters():
                parameter.mul_(1.001)
        return whole(other, config)

    monkeypatch.setattr(export_onnx, "_graph", another)
    with pytest.raises(ValueError, match="from torch in double precision"):
        export_onnx.export_onnx(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_no_checkpoint_is_refused(tmp_path):
    with pytest.raises(ValueError, match="not a checkpoint folder"):
        export_onnx.export_onnx(tmp_path, tmp_path / "out")


def test_weights_in_half_precision_move_few_voxels():
    """Other weights that round to the shipped ones make shapes that differ in less than 0.5 %."""
    shipped, config = load_checkpoint(CHECKPOINTS / "shapes32")
    unrounded, draws = copy.deepcopy(shipped), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in unrounded.parameters():
            half = parameter.half()
            spacing = (
                torch.nextafter(half, torch.tensor(torch.inf, dtype=half.dtype)) - half
            ).float()
            parameter.add_((torch.rand(parameter.shape, generator=draws) - 0.5) * spacing)
    seeds = range(len(config.classes))
    one, other = (
        last(sampling_states(model, config, config.classes, seeds)).x_t[:, 0].flatten(1) > 0
        for model in (shipped, unrounded)
    )
    differ = (one != other).float().mean(1)
    print(
        f"of {one.shape[1]} voxels at most {differ.max():.3%} differ, on average"
        f" {differ.mean():.3%}"
    )
    assert one.any(1).all() and 0 < differ.max() < DIFFERENT
