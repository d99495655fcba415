"""Lesson 05's study: a GAN and a diffusion model with as many numbers to train and as much time,
and what comes out.

    OMP_NUM_THREADS=1 python studies/gan_or_diffusion.py            # about 35 minutes; stop it and
    start it as you like python studies/gan_or_diffusion.py calibrate                    # seconds a
    step, on this machine

It writes `data/studies/gan_or_diffusion.json` after every run and leaves out what stands there
already. Three parts: tuning (seeds 100 and up; the best settings are taken over by `tuned`), the
duel (the tuned settings, five seeds), and the grid (the same learning rates for both methods,
RATES, the GAN with and without its penalty).

Equal time is fixed beforehand as a number of steps, STEPS, from the milliseconds a step in COST, so
that the study repeats. The criteria of a good end, GOOD, were fixed before the grid was run.
"""

import itertools
import sys
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from course_utils.datasets.images import digits
from course_utils.diffusion.denoiser import Denoiser, parameter_count
from course_utils.diffusion.losses import Denoising
from course_utils.diffusion.mixtures import five_blobs
from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.paths import FlowPath
from course_utils.diffusion.sampling import ddim, last, sample, time_grid
from course_utils.diffusion.training import Plan, Trainer, batches
from course_utils.evaluation.classifier import train_classifier
from course_utils.evaluation.distances import nearest_distances
from course_utils.evaluation.modes import LEAST_SHARE, mode_shares, modes_covered
from course_utils.evaluation.sets import frechet_distance, sliced_wasserstein
from course_utils.files.results import load_results, save_results
from course_utils.models.adversarial import (
    Adversarial,
    Pair,
    adversarial_plan,
    picture_networks,
    point_networks,
)
from course_utils.networks.mlp import MLP
from course_utils.networks.unet import UNet
from course_utils.places import STUDIES

FILE = STUDIES / "gan_or_diffusion.json"
COMMAND = "OMP_NUM_THREADS=1 python studies/gan_or_diffusion.py"

# Milliseconds a training step on two threads (`calibrate`: the quickest tenth), and the steps that
# fit into the time.
COST = {
    ("points", "diffusion", "plain"): 4.9, ("points", "gan", "plain"): 6.7,
    ("digits", "diffusion", "u-net"): 50.0, ("digits", "diffusion", "plain"): 7.5,
    ("digits", "gan", "plain"): 10.5, ("digits", "gan", "convolutions"): 115.0,
}  # fmt: skip
SECONDS = {"points": 5.4, "digits": 20.0}
STEPS = {key: round(1000 * SECONDS[key[0]] / cost, -1) for key, cost in COST.items()}
BATCH = {"points": 256, "digits": 64}
LATENT = {"points": 8, "digits": 64}
SAMPLING_STEPS = 20
SEEDS = range(5)

LOOKS = {"points": 10, "digits": 5}  # how often a run is looked at on its way
SAMPLES = {"points": 5000, "digits": 600}  # samples that the end is judged by
GLANCE = {"points": 1000, "digits": 200}  # and those of a look on the way
# a good end: all modes covered, distance below so many times the floor
GOOD = {
    "points": 4.0,
    "digits": 5.0,
}
# the grid, for both methods
RATES = {
    "points": [5e-4 * 2**k for k in range(8)],
    "digits": [7.5e-4, 3e-3, 12e-3],
}
GRID_SEEDS = {"points": range(3), "digits": range(1)}


# ---- the two methods -----------------------------------------------------------------------------


class Flat(nn.Module):
    """A denoising network for vectors, used on pictures."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, log_snr: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.network(x.flatten(1), log_snr, condition).reshape(x.shape)


def convolutional_networks(latent: int = 64, width: int = 64) -> tuple[nn.Module, nn.Module]:
    """Convolutional generator and discriminator, as large as the plain ones: for the tuning."""

    def convolutions(*sizes: int) -> list[nn.Module]:
        pairs = itertools.pairwise(sizes)
        return [
            part for a, b in pairs for part in (nn.Conv2d(a, b, 3, padding=1), nn.LeakyReLU(0.2))
        ]

    start = [
        nn.Linear(latent, 2 * width * 16),
        nn.Unflatten(1, (2 * width, 4, 4)),
        *convolutions(2 * width, width),
    ]
    finer = [
        nn.Upsample(scale_factor=2),
        *convolutions(width, width, width),
        nn.Conv2d(width, 1, 3, padding=1),
    ]
    coarser = [nn.AvgPool2d(2), *convolutions(width, 2 * width, 2 * width)]
    end = [nn.Flatten(), nn.Linear(2 * width * 16, 1)]
    return nn.Sequential(*start, *finer, nn.Tanh()), nn.Sequential(
        *convolutions(1, width, width), *coarser, *end
    )


def networks(data: str, method: str, network: str) -> tuple[nn.Module, ...]:
    """The networks to train: (denoiser,) or (generator, discriminator)."""
    if method == "gan":
        make = convolutional_networks if network == "convolutions" else picture_networks
        return point_networks() if data == "points" else make()
    if data == "points":
        return (Denoiser(MLP(width=64, depth=2), FlowPath(), "velocity"),)
    inner = (
        UNet(2, 1, (24, 48), blocks=1) if network == "u-net" else Flat(MLP(64, width=174, depth=3))
    )
    return (Denoiser(inner, FlowPath(), "velocity"),)


def trainer_of(setting: dict) -> Trainer:
    """The training that a setting describes, not yet begun."""
    torch.manual_seed(setting["seed"])
    players = networks(setting["data"], setting["method"], setting["network"])
    common = {key: setting[key] for key in ("steps", "batch_size", "seed")}
    if setting["method"] == "gan":
        plan = adversarial_plan(**common, learning_rate=setting["rate"])
        return Trainer(Pair(*players), plan, Adversarial(LATENT[setting["data"]], setting["r1"]))
    loss = {"points": {"time_std": 1.5}, "digits": {"weight_limit": 25.0}}[setting["data"]]
    plan = Plan(**common, learning_rate=setting["rate"], ema_decay=0.99)
    return Trainer(*players, plan, Denoising(**loss))


def samples_of(trainer: Trainer, data: str, count: int, seed: int = 1000) -> Tensor:
    """What the moving average of a training makes now: (count, 2) or (count, 1, 8, 8)."""
    if isinstance(trainer.model, Pair):
        with torch.no_grad():
            return trainer.ema(gaussian(seed, (count, trainer.loss.latent)))
    shape = (count, 2) if data == "points" else (count, 1, 8, 8)
    path = trainer.ema.path
    start = path.prior_sample(gaussian(seed, shape))
    return last(sample(trainer.ema, start, time_grid(path, SAMPLING_STEPS), ddim)).x_t


# ---- what is measured ----------------------------------------------------------------------------


class Points:
    """Five blobs: to train on, and to measure by."""

    def __init__(self):
        self.mixture = five_blobs()
        self.draw = batches(self.mixture.sample(100_000, seed=0))

    def measure(self, points: Tensor) -> dict:
        shares = mode_shares(points, self.mixture)
        found = {"modes": modes_covered(points, self.mixture), "shares": shares.tolist()}
        return found | {
            "distance": sliced_wasserstein(points, self.mixture.sample(len(points), seed=1))
        }

    def floor(self, count: int) -> float:
        """Mean distance of fresh data to the reference."""
        far = [
            sliced_wasserstein(*(self.mixture.sample(count, seed=s) for s in (k, 1)))
            for k in range(2, 22)
        ]
        return sum(far) / len(far)


class Digits:
    """Handwritten digits and their judge."""

    def __init__(self):
        self.real, self.held_out = digits(), digits(test=True)
        self.judge = train_classifier(self.real)
        self.draw = batches(self.real.pixels)
        self.features = self.judge.features(self.held_out.pixels)

    def measure(self, pixels: Tensor) -> dict:
        chances = self.judge.probabilities(pixels)
        shares = torch.bincount(chances.argmax(1), minlength=10) / len(pixels)
        due = torch.bincount(self.real.labels, minlength=10) / len(self.real.labels)
        found = {"modes": int((shares >= LEAST_SHARE * due).sum()), "shares": shares.tolist()}
        found["distance"] = frechet_distance(self.judge.features(pixels), self.features)
        found["confidence"] = float(chances.amax(1).mean())
        found["nearest"] = float(nearest_distances(pixels.clamp(-1, 1), self.real.pixels).median())
        return found

    def floor(self, count: int) -> float:
        """Distance of training pictures to the held-out ones."""
        return frechet_distance(self.judge.features(self.real.pixels[:count]), self.features)


def measured(world: Points | Digits, samples: Tensor) -> dict:
    """The world's measures, or that there is nothing to measure: a distance of None."""
    if not torch.isfinite(samples).all():
        return {"modes": 0, "distance": None}
    return world.measure(samples)


def run(setting: dict, world: Points | Digits) -> dict:
    """Train one model and report: the end, the looks on the way, seconds of this thread."""
    trainer, looks = trainer_of(setting), LOOKS[setting["data"]]
    course, seconds, start = [], 0.0, time.thread_time()
    for done in trainer.run(world.draw):
        if done.step % (setting["steps"] // looks) == 0:
            seconds += time.thread_time() - start
            glance = measured(world, samples_of(trainer, setting["data"], GLANCE[setting["data"]]))
            course.append(
                {"step": done.step, "modes": glance["modes"], "distance": glance["distance"]}
            )
            start = time.thread_time()
    seconds += time.thread_time() - start
    end = measured(world, samples_of(trainer, setting["data"], SAMPLES[setting["data"]]))
    return {"setting": setting, "end": end, "course": course, "thread_seconds": round(seconds, 2)}


def milliseconds_for(model: Trainer, data: str, count: int, repeats: int = 20) -> float:
    """The quickest of several times to make `count` samples, least disturbed by other work."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        samples_of(model, data, count)
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


# ---- which runs ----------------------------------------------------------------------------------


def setting(data: str, method: str, network: str, seed: int, rate: float, r1: float | None) -> dict:
    """All that fixes a run."""
    found = {
        "data": data,
        "method": method,
        "network": network,
        "seed": seed,
        "rate": rate,
        "r1": r1,
    }
    return found | {"batch_size": BATCH[data], "steps": int(STEPS[data, method, network])}


def tuning() -> list[dict]:
    """What was tried before the study, each with as much time as in the study."""
    rates, seeds = (1e-3, 2e-3, 4e-3, 8e-3, 16e-3, 32e-3), range(100, 103)
    tries = [
        ("points", "gan", "plain", seed, rate, r1)
        for seed in seeds
        for rate in rates
        for r1 in (0.1, 1.0)
    ]
    tries += [
        ("points", "diffusion", "plain", seed, rate, None) for seed in seeds for rate in rates[1:5]
    ]
    tries += [
        ("digits", "gan", "plain", 100, rate, r1) for rate in (2e-3, 4e-3) for r1 in (0.3, 1.0, 3.0)
    ]
    tries += [("digits", "gan", "plain", 100, rate, r1) for rate, r1 in ((4e-3, 10.0), (8e-3, 3.0))]
    tries += [("digits", "gan", "convolutions", 100, 2e-3, 1.0)]
    tries += [("digits", "diffusion", "u-net", 100, rate, None) for rate in (1.5e-3, 3e-3, 6e-3)]
    tries += [("digits", "diffusion", "plain", 100, rate, None) for rate in (2e-3, 4e-3)]
    return [setting(*what) for what in tries]


def tuned(runs: list[dict], data: str, method: str) -> tuple[str, float, float | None]:
    """(network, rate, r1) with the smallest mean distance at the end of the tuning's runs."""
    ends: dict[tuple, list[float]] = {}
    for one in runs:
        s = one["setting"]
        if s["seed"] >= 100 and (s["data"], s["method"]) == (data, method):
            far = one["end"]["distance"]
            ends.setdefault((s["network"], s["rate"], s["r1"]), []).append(
                float("inf") if far is None else far
            )
    return min(ends, key=lambda key: sum(ends[key]) / len(ends[key]))


def study(runs: list[dict]) -> list[dict]:
    """The duel, then the grid of learning rates: points first, then digits, seed by seed."""
    best = {
        key: tuned(runs, *key)
        for key in itertools.product(("points", "digits"), ("gan", "diffusion"))
    }
    found = []
    for data in ("points", "digits"):
        for seed, method in itertools.product(SEEDS, ("gan", "diffusion")):
            network, rate, r1 = best[data, method]
            found.append(setting(data, method, network, seed, rate, r1))
    for data in ("points", "digits"):
        for seed, rate in itertools.product(GRID_SEEDS[data], RATES[data]):
            for method, penalty in (("gan", True), ("gan", False), ("diffusion", True)):
                network, _, r1 = best[data, method]
                found.append(setting(data, method, network, seed, rate, r1 if penalty else 0.0))
    return found


def about(worlds: dict, runs: list[dict]) -> dict:
    """What a reader of the results needs to know beside the runs."""
    best = {
        f"{d} {m}": tuned(runs, d, m) for d, m in itertools.product(worlds, ("gan", "diffusion"))
    }
    speed, sizes = {}, {}
    for data, method in itertools.product(worlds, ("gan", "diffusion")):
        network, rate, r1 = best[f"{data} {method}"]
        model = trainer_of(setting(data, method, network, 0, rate, r1))
        speed[f"{data} {method}"] = {str(n): milliseconds_for(model, data, n) for n in (1, 100)}
        players = model.players if method == "gan" else (model.denoiser,)
        sizes[f"{data} {method}"] = [parameter_count(player) for player in players]
    held_out = worlds["digits"].measure(worlds["digits"].held_out.pixels)
    return {
        "tuned": best,
        "parameters": sizes,
        "milliseconds_a_step": {" ".join(key): cost for key, cost in COST.items()},
        "milliseconds_for_samples": speed,
        "floor": {d: world.floor(SAMPLES[d]) for d, world in worlds.items()},
        "held_out": {key: held_out[key] for key in ("confidence", "nearest")},
        "good": GOOD,
        "grid": {d: {"rates": RATES[d], "seeds": list(GRID_SEEDS[d])} for d in worlds},
        "modes": {"points": 5, "digits": 10},
        "share": LEAST_SHARE,
        "sampling_steps": SAMPLING_STEPS,
        "torch": torch.__version__,
    }


def main() -> None:
    torch.set_num_threads(1)
    runs = load_results(FILE)[0]["runs"] if Path(FILE).exists() else []
    worlds = {"points": Points(), "digits": Digits()}
    for wanted in (lambda: tuning(), lambda: study(runs)):
        for one in wanted():
            if any(done["setting"] == one for done in runs):
                continue
            runs.append(run(one, worlds[one["data"]]))
            end = runs[-1]["end"]
            print(
                {k: v for k, v in one.items() if v is not None},
                end["modes"],
                end["distance"],
                flush=True,
            )
            save_results(FILE, {"about": {}, "runs": runs}, COMMAND)
    wanted = tuning() + study(runs)
    runs = [done for done in runs if done["setting"] in wanted]
    save_results(FILE, {"about": about(worlds, runs), "runs": runs}, COMMAND)


def calibrate() -> None:
    """Milliseconds per step of every network, steps taken in turns: the quickest tenth."""
    worlds = {"points": Points(), "digits": Digits()}
    loops = {key: trainer_of(setting(*key, 0, 1e-3, 1.0)).run(worlds[key[0]].draw) for key in COST}
    times: dict[tuple, list[float]] = {key: [] for key in COST}
    for _, key in itertools.product(range(60), COST):
        start = time.perf_counter()
        next(loops[key])
        times[key].append(1000 * (time.perf_counter() - start))
    for key, found in times.items():
        print(
            f"{' '.join(key):>24}: {sorted(found)[len(found) // 10]:7.1f} ms, in the study"
            f" {COST[key]:.1f} ms"
        )


if __name__ == "__main__":
    calibrate() if sys.argv[1:] == ["calibrate"] else main()
