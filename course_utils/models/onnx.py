"""A trained model as ONNX, for programs without torch.

`export_onnx(folder, out)` writes model.onnx and model.json. The graph is the denoiser's own call,
(x_t, t, condition) -> x0, with the conversions of path and prediction inside; model.json holds what
a sampler needs to know besides. The site's page runs both in the browser (docs/web/live).
"""

import copy
import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from course_utils.datasets.captions.facts import facts_of
from course_utils.diffusion.denoiser import Denoiser
from course_utils.files.atomic import checked_folder, writing_folder
from course_utils.models.checkpoints import load_checkpoint
from course_utils.models.config import Config

MODEL, ABOUT = "model.onnx", "model.json"
CONFIG_KEYS = (
    "name",
    "about",
    "classes",
    "resolution",
    "path",
    "sampling",
    "weights_sha256",
)
# times what single precision alone costs torch, which differs between models and processors
TOLERANCE = 10
FORMAT = 3  # of the graph; a model.json with another number belongs to an older export


class _Call(nn.Module):
    """The denoiser with tensors only: float32 (B, C, D, H, W), float32 (B,), conditions.

    Conditions are int64, class labels, or float32, what is named.
    """

    def __init__(self, denoiser: Denoiser):
        super().__init__()
        self.denoiser = denoiser

    def forward(self, x_t: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        return self.denoiser(x_t, t, condition)


def example(config: Config, batch: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Return random x_t, times in (0, 1], and conditions, the first of which asks for nothing.

    Args:
        config: Of `checkpoints.load_checkpoint`.
        batch: How many.
        seed: Of the random numbers.
    """
    draws, side = torch.Generator().manual_seed(seed), config.resolution
    x_t, t = (
        torch.randn(batch, config.channels, side, side, side, generator=draws),
        1 - torch.rand(batch, generator=draws),
    )
    if config.told == "facts":
        named = len(config.classes) + config.facts
        condition = 2.0 * torch.randint(0, 2, (batch, named), generator=draws) - 1
    else:
        condition = torch.randint(-1, len(config.classes), (batch,), generator=draws)
    condition[0] = -1
    return x_t, t, condition


def export_onnx(folder: str | Path, out: str | Path) -> dict:
    """Write a checkpoint as ONNX, completely or not at all; return what model.json says.

    Weights are stored in half precision, as in the checkpoint, and used in single precision. The
    graph takes any batch.

    Args:
        folder: The checkpoint.
        out: The folder to write; what else lies there stays.

    Raises:
        ValueError: onnxruntime's answers are further from those in double precision than
            `TOLERANCE` allows.
    """
    checked_folder(out, (MODEL, ABOUT))  # before the work
    denoiser, config = load_checkpoint(folder)
    graph = _graph(denoiser, config)
    difference, rounding = largest_differences(denoiser, config, graph)
    if not difference <= TOLERANCE * rounding:
        raise ValueError(
            f"{folder}: ONNX is {difference:.1e} from torch in double precision; expected"
            f" {TOLERANCE * rounding:.1e} at most, {TOLERANCE} times what single precision costs"
            " torch itself"
        )
    about = about_config(config) | {
        "sha256": hashlib.sha256(graph).hexdigest(),
        "bytes": len(graph),
        "largest_difference": difference,
        "largest_difference_of_torch": rounding,
    }
    with writing_folder(out, (MODEL, ABOUT)) as target:
        (target / MODEL).write_bytes(graph)
        (target / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return about


def about_config(config: Config) -> dict:
    """Return what model.json says of a checkpoint's config."""
    entries = config.to_dict()
    about = {key: entries[key] for key in CONFIG_KEYS if key in entries}
    about |= {"format": FORMAT, "told": config.told, "channels": config.channels}
    if config.told == "facts":
        about["facts"] = [[*fact[:2], list(fact[2])] for fact in facts_of(config.classes)]
    return about


def exported(out: str | Path, config: Config) -> bool:
    """Return whether the folder `out` holds a whole export of the checkpoint with this config."""
    try:
        known = json.loads((Path(out) / ABOUT).read_text(encoding="utf-8"))
        found = hashlib.sha256((Path(out) / MODEL).read_bytes()).hexdigest()
        return known | about_config(config) | {"sha256": found} == known
    except (OSError, ValueError, TypeError):  # missing or damaged
        return False


def _graph(denoiser: Denoiser, config: Config) -> bytes:
    batch = torch.export.Dim("batch")
    program = torch.onnx.export(
        _Call(denoiser).eval(),
        example(config, 2),
        dynamo=True,
        dynamic_shapes={"x_t": {0: batch}, "t": {0: batch}, "condition": {0: batch}},
        input_names=["x_t", "t", "condition"],
        output_names=["x0"],
        verbose=False,
    )
    return _halved(_spelled(program.model_proto)).SerializeToString()


def _spelled(model):
    """Name the three axes of space in every Einsum, and return the model.

    onnxruntime's WebGPU (1.30) writes a broken shader for "...".
    """
    for node in model.graph.node:
        if node.op_type == "Einsum":
            node.attribute[0].s = node.attribute[0].s.replace(b"...", b"xyz")
    return model


def _halved(model):
    """Store weights in half precision where nothing is lost, and return the model.

    That holds for all weights of a checkpoint. Each gets a cast to single precision, which runtimes
    do once, when they load the model.
    """
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            name, numbers = tensor.name, numpy_helper.to_array(tensor)
            with np.errstate(over="ignore"):
                half = numbers.astype(np.float16)
            if np.array_equal(half.astype(np.float32), numbers):
                tensor.CopyFrom(numpy_helper.from_array(half, f"{name}_half"))
                casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:], model.graph.value_info[:], model.metadata_props[:]
    for node in nodes:
        del node.metadata_props[:]  # where in the code it comes from, as long as the weights
        node.doc_string = ""
    model.graph.node.extend(nodes)
    return model


def largest_differences(denoiser: Denoiser, config: Config, graph: bytes) -> tuple[float, float]:
    """Return how far x0 is from torch's in double precision: in onnxruntime, and in torch itself.

    Both are the largest absolute difference on random inputs, in single precision; x0 lies in about
    [-1, 1].

    Args:
        denoiser: Of `checkpoints.load_checkpoint`.
        config: Of `checkpoints.load_checkpoint`.
        graph: The denoiser as ONNX.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    names, exact = [put.name for put in session.get_inputs()], copy.deepcopy(denoiser).double()
    worst = np.zeros(2)
    for batch in (1, 2, 3):
        x_t, t, condition = example(config, batch, seed=batch)
        with torch.no_grad():
            expected = exact(x_t.double(), t.double(), condition).numpy()
            single = denoiser(x_t, t, condition).numpy()
        inputs = (tensor.numpy() for tensor in (x_t, t, condition))
        (got,) = session.run(None, dict(zip(names, inputs, strict=True)))
        worst = np.maximum(worst, [np.abs(answer - expected).max() for answer in (got, single)])
    return float(worst[0]), float(worst[1])
