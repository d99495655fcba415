"""Lesson 08's study: should a network behind patches predict the clean shape, the noise, or v?

    OMP_NUM_THREADS=1 python studies/what_to_predict.py

It takes about half an hour; stop it and start it as you like. It writes
`data/studies/what_to_predict.json` after every run and omits what stands there already. Two worlds:
the lesson's own (16 voxels per side, patches of 2, three families, the lesson's plan) with three
seeds, and chairs at 32 voxels per side with patches of 4. In each, the same network, data, plan and
sampler; only the prediction changes, and for the noise also the loss: DDPM's own, in the noise
(arXiv 2006.11239, eq. 14). Compare Li and He, arXiv 2511.13720.
"""

import sys
import time
from pathlib import Path

import torch

from course_utils.datasets.shapes import make_shapes
from course_utils.diffusion.denoiser import Denoiser
from course_utils.diffusion.guidance import guided
from course_utils.diffusion.losses import Denoising
from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.paths import FlowPath
from course_utils.diffusion.sampling import ddpm, last, sample, time_grid
from course_utils.diffusion.training import Plan, Trainer, batches
from course_utils.evaluation.shapes import shape_report
from course_utils.files.results import resumed_results, save_results, without_infinities
from course_utils.geometry.voxels import to_model, to_occupancy
from course_utils.networks.conditioning.labels import on_labels
from course_utils.networks.unet import UNet
from course_utils.places import STUDIES

FILE = STUDIES / "what_to_predict.json"
COMMAND = "OMP_NUM_THREADS=1 python studies/what_to_predict.py"

WORLDS = {
    "lesson": {
        "families": ["sofa", "car", "house"], "resolution": 16, "shapes": 3000, "seeds": [0, 1, 2],
        "network": {"channels": (32, 64), "patch": 2, "blocks": 1},
        "plan": {"steps": 420, "batch_size": 8, "learning_rate": 2e-3, "ema_decay": 0.99},
        "sampling": {"steps": 12, "guidance_scale": 2.0, "each": 30},
    },
    "chairs": {
        "families": ["chair"], "resolution": 32, "shapes": 3000, "seeds": [0],
        "network": {"channels": (32, 64, 96), "patch": 4, "blocks": 2},
        "plan": {"steps": 700, "batch_size": 8, "learning_rate": 1e-3, "ema_decay": 0.99},
        "sampling": {"steps": 16, "guidance_scale": 1.0, "each": 60},
    },
}  # fmt: skip
WAYS = [
    ("x0", "velocity"),
    ("velocity", "velocity"),
    ("v", "velocity"),
    ("noise", "velocity"),
    ("noise", "noise"),
]
COMMON = {"time_mean": 1.0, "weight_limit": 25.0}
SHIFT, HELD_OUT = 3.0, 90_000


def settings() -> list[dict]:
    """All runs, the lesson's world first."""
    keys = ("world", "prediction", "loss_in", "seed")
    runs = [
        (name, *way, seed)
        for name, world in WORLDS.items()
        for seed in world["seeds"]
        for way in WAYS
    ]
    return [dict(zip(keys, one, strict=True)) for one in runs]


def trained(setting: dict) -> Trainer:
    """The training of a setting, done."""
    world = WORLDS[setting["world"]]
    data = make_shapes(world["shapes"], world["resolution"], world["families"])
    labels = torch.arange(world["shapes"]) % len(world["families"])
    torch.manual_seed(setting["seed"])
    network = UNet(3, conditioner=on_labels(len(world["families"])), **world["network"])
    plan = Plan(**world["plan"], seed=setting["seed"])
    loss = Denoising(loss_in=setting["loss_in"], **COMMON)
    trainer = Trainer(Denoiser(network, FlowPath(), setting["prediction"]), plan, loss)
    for progress in trainer.run(batches(torch.from_numpy(data.voxels), labels, to_model)):
        if progress.step % 100 == 0:
            print(f"  {progress.step} of {plan.steps}, loss {progress.loss:.3f}", flush=True)
    return trainer


def samples(denoiser: Denoiser, world: dict):
    """Shapes that the denoiser makes, as many of each family: bool (N, D, H, W)."""
    how, found = world["sampling"], []
    for label in range(len(world["families"])):
        for first in range(0, how["each"], 30):
            seeds = list(range(first, first + 30))
            noise = gaussian(seeds, (1,) + (world["resolution"],) * 3)
            denoise = guided(denoiser, torch.full((30,), label), how["guidance_scale"])
            times = time_grid(denoiser.path, how["steps"], SHIFT)
            found.append(last(sample(denoise, noise, times, ddpm, seed=seeds)).x_t)
    return to_occupancy(torch.cat(found))


def reference(world: dict, first: int):
    """As many real shapes of each family, from an index that training never touches."""
    count = world["sampling"]["each"] * len(world["families"])
    return make_shapes(count, world["resolution"], world["families"], first).voxels


def run(setting: dict) -> dict:
    """Train, sample and measure."""
    world, start = WORLDS[setting["world"]], time.thread_time()
    trainer = trained(setting)
    seconds = time.thread_time() - start
    report = shape_report(samples(trainer.ema, world), reference(world, HELD_OUT))
    return {
        "setting": setting,
        "report": without_infinities(report._asdict()),
        "thread_seconds": round(seconds, 1),
    }


def main(file: Path = FILE) -> None:
    contents = resumed_results(file, {"worlds": WORLDS}, {"runs": [], "oracle": {}})
    for name, world in WORLDS.items():
        if name not in contents["oracle"]:
            oracle = shape_report(reference(world, HELD_OUT + 5000), reference(world, HELD_OUT))
            contents["oracle"][name] = oracle._asdict()
    done = [one["setting"] for one in contents["runs"]]
    for setting in settings():
        if setting not in done:
            contents["runs"].append(run(setting))
            told = ("chamfer_accuracy", "pieces", "largest_piece", "filled")
            print(setting, {key: contents["runs"][-1]["report"][key] for key in told}, flush=True)
            save_results(file, contents, COMMAND)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
