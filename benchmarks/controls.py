"""How quickly do live controls answer at any values? `python benchmarks/controls.py`.

Prints for each control the median and the slowest of 60 updates (compute, draw, encode the
picture), in wall-clock and in processor milliseconds. The promise: a median under 100 ms;
tests/widgets/test_widgets.py keeps it.
"""

import random
import statistics
import time

import torch

from course_utils.datasets.shapes.drawing import Box
from course_utils.diffusion.denoiser import Denoiser
from course_utils.diffusion.mixtures import five_blobs
from course_utils.diffusion.paths import FlowPath
from course_utils.networks.conditioning.labels import on_labels
from course_utils.networks.mlp import MLP
from course_utils.networks.unet import UNet
from course_utils.widgets import (
    GuidancePlayground,
    IsosurfaceSlider,
    NoiseInterpolation,
    NoiseSlider,
    SamplerPlayground,
    ScoreField,
    Workshop,
)


def score_field():
    """The score field with an untrained network: training does not change its speed."""
    torch.manual_seed(0)
    return ScoreField(five_blobs(), FlowPath(), Denoiser(MLP(), FlowPath()))


def playground():
    """The sampler playground with the exact denoiser of the five blobs."""
    return SamplerPlayground(five_blobs().denoiser(FlowPath()), five_blobs().sample(2000))


def picture_model(channels, patch):
    """A U-Net as in lessons 04 and 06, with random weights even where training begins at zero."""
    torch.manual_seed(0)
    network = UNet(2, 1, channels, patch=patch, blocks=1, conditioner=on_labels(3))
    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return Denoiser(network, FlowPath(), "velocity").eval()


def interpolation():
    """The interpolation between two noises, 16 x 16."""
    return NoiseInterpolation(picture_model((32, 64), 2), (1, 16, 16), ["a", "b", "c"])


def guidance():
    """The guidance playground, 8 x 8."""
    return GuidancePlayground(picture_model((24, 48), 1), (1, 8, 8), ["a", "b", "c"])


def stool(width, height, legs):
    """Parts of a stool for the workshop: a seat on two or four legs."""
    half = width / 2
    corners = [(-half, -half), (half, -half), (-half, half), (half, half)][: 4 if legs else 2]
    seat = Box((-half, half + 0.07), (-half, half + 0.07), (height, height + 0.08))
    return [seat, *[Box((x, x + 0.07), (y, y + 0.07), (0.0, height)) for x, y in corners]]


def workshop():
    """The workshop with a stool of three inputs."""
    inputs = {"width": (0.3, 0.7, 0.5), "height": (0.2, 0.7, 0.4), "legs": True}
    return Workshop(stool, inputs, lambda voxels: f"a stool of {voxels.sum()} voxels")


CONTROLS = {
    "noise slider": NoiseSlider,
    "score field": score_field,
    "sampler playground": playground,
    "interpolation": interpolation,
    "guidance": guidance,
    "isosurface": IsosurfaceSlider,
    "workshop": workshop,
}


def choices(widget, draw):
    """The ends of what an input takes and something in between; all options of a menu."""
    if hasattr(widget, "options"):
        return list(widget.options)
    if hasattr(widget, "min"):
        return [widget.min, widget.max, type(widget.value)(draw.uniform(widget.min, widget.max))]
    return [False, True]


def updates(control, count, seed=0):
    """Wall-clock and processor seconds of `count` updates with all inputs changed: two lists."""
    draw, wall, processor = random.Random(seed), [], []
    for _ in range(count):
        values = {
            name: draw.choice(choices(widget, draw)) for name, widget in control.inputs.items()
        }
        starts = time.perf_counter(), time.process_time()
        control.set(**values)
        wall.append(time.perf_counter() - starts[0])
        processor.append(time.process_time() - starts[1])
    return wall, processor


if __name__ == "__main__":
    print(f"{'control':<20} {'median':>8} {'slowest':>8} {'processor':>10}   milliseconds")
    for name, make in CONTROLS.items():
        wall, processor = updates(make(), 60)
        numbers = [
            1000 * f(v)
            for f, v in ((statistics.median, wall), (max, wall), (statistics.median, processor))
        ]
        print(f"{name:<20} {numbers[0]:8.0f} {numbers[1]:8.0f} {numbers[2]:10.0f}")
