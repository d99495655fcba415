"""How quick is the course's voxel model? `python benchmarks/peers.py`: 40 minutes on two cores.

After `pip install --no-build-isolation -c constraints.txt -e .[peers]` in the course's environment,
one run on one machine measures at 32^3, with as many parameters within a tenth:

- speed: training samples per second and sampled shapes per second of ours, of MONAI's
  DiffusionModelUNet as its tutorial 3d_ddpm uses it, of the same network behind our 4^3 stem (so
  that stem and code can be compared), and of video-diffusion-pytorch's Unet3D, which is factorised
  (convolutions within slices, attention across them);
- time to quality: the error of x0 at fixed log-SNRs on held-out shapes against seconds of training,
  ours with the plan of configs/shapes32.json, in batches of 8, MONAI's with its tutorial's recipe;
- the promises: a guided shape of the shipped model, in a batch of 8 and alone with film and mesh.

What is equal: data, batch of 8, threads, float32, no labels, the raw weights (the tutorial keeps no
moving average; ours does, and pays for it, but is not measured with it), x0 clipped to [-1, 1] as
MONAI's scheduler does. tests/course/test_peers.py checks the recipe against MONAI's own scheduler
and inferer.
"""

import platform
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib import metadata

import torch
from torch import Tensor, nn

from course_utils.cli.arguments import Parser, path, seconds
from course_utils.datasets.shapes import make_shapes
from course_utils.diffusion.denoiser import Denoiser, parameter_count
from course_utils.diffusion.losses import LOSSES
from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.paths import Path as NoisePath
from course_utils.diffusion.paths import TablePath
from course_utils.diffusion.sampling import SAMPLERS, State, ddpm, sample, time_grid
from course_utils.diffusion.training import Draw, Progress, Trainer, batches
from course_utils.files.results import load_results, save_results
from course_utils.geometry.surface import smooth_mesh
from course_utils.geometry.voxels import keep_largest, to_model
from course_utils.models.checkpoints import build_model, load_checkpoint
from course_utils.models.config import Config
from course_utils.models.generation import SHIPPED
from course_utils.models.prompting import guided_by
from course_utils.models.recipes import procedural_shapes
from course_utils.places import ROOT, STUDIES

INSTALL = "pip install --no-build-isolation -c constraints.txt -e .[peers]"
FILE = STUDIES / "peers.json"
COMMAND = "python benchmarks/peers.py"
OURS, MONAI, MONAI_STEM, VIDEO = "ours", "MONAI", "MONAI behind our stem", "Unet3D (factorised)"

BATCH = 8  # as the tutorial's text says; its code says 16, with half as many steps in the same time
# shapes of a batch whose gradients are made at once, where all 8 would take too much memory
AT_ONCE = {VIDEO: 1}
ROUNDS = 3  # timings of each network, taken in turns after a warm-up; the median counts
VALIDATION = 64  # held-out shapes, drawn after the last one that is trained on
LOG_SNRS = (-4.0, -2.0, 0.0, 2.0, 4.0)
LOOKS = {OURS: [2 ** (k / 4 - 8) for k in range(33)], MONAI: [0.5, 1.0]}  # parts of the budget

# MONAI's tutorial 3d_ddpm (Project-MONAI/tutorials, generation/3d_ddpm): its network, scheduler and
# optimizer. Its channels are 256, 256, 512, which makes 190 M parameters; these are ours, in
# multiples of 16 because that is quick.
MONAI_CHANNELS, MONAI_GROUPS = (32, 48, 80), 16
# MONAI's schedule "scaled_linear_beta"
MONAI_PATH = TablePath(torch.linspace(0.0005**0.5, 0.0195**0.5, 1000, dtype=torch.float64) ** 2)
MONAI_RATE = 5e-5


# ---- the networks --------------------------------------------------------------------------------


class Stem(nn.Module):
    """A network behind our stem: (B, 1, D, H, W) to `channels` in patches of 4^3, and back."""

    def __init__(self, network: nn.Module, channels: int):
        super().__init__()
        self.stem = nn.Conv3d(1, channels, 4, stride=4)
        self.network = network
        self.outlet = nn.ConvTranspose3d(channels, 1, 4, stride=4)

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        return self.outlet(self.network(self.stem(x), timesteps))


def monai_network(channels: int = 1) -> nn.Module:
    """MONAI's U-Net as its tutorial builds it, narrower; called as network(x, timesteps)."""
    from monai.networks.nets import DiffusionModelUNet

    return DiffusionModelUNet(
        spatial_dims=3,
        in_channels=channels,
        out_channels=channels,
        channels=MONAI_CHANNELS,
        attention_levels=(False, False, True),
        num_head_channels=(0, 0, MONAI_CHANNELS[-1]),
        num_res_blocks=2,
        norm_num_groups=MONAI_GROUPS,
    )


def video_network() -> nn.Module:
    """video-diffusion-pytorch's network with its defaults, three levels: network(x, timesteps)."""
    from video_diffusion_pytorch import Unet3D

    return Unet3D(dim=40, dim_mults=(1, 2, 4), channels=1)


def build_peers() -> dict[str, nn.Module]:
    """The peers by name; one that cannot be imported is left out with a printed reason."""
    stem = lambda: Stem(monai_network(MONAI_CHANNELS[0]), MONAI_CHANNELS[0])  # noqa: E731
    found = {}
    for name, build in {MONAI: monai_network, MONAI_STEM: stem, VIDEO: video_network}.items():
        try:
            found[name] = build()
        except (ImportError, RuntimeError) as error:
            # a torchvision made for another torch is a RuntimeError
            print(f"left out: {name}, because it can't be imported ({error}); try {INSTALL}")
    return found


def check_sizes(sizes: dict[str, int], reference: int) -> None:
    """ValueError unless every number of parameters is within a tenth of the reference."""
    wrong = {name: size for name, size in sizes.items() if abs(size - reference) > reference / 10}
    if wrong:
        raise ValueError(
            f"parameters {wrong} are not within a tenth of {reference}; change the peers' channels"
        )


# ---- the tutorial's recipe -----------------------------------------------------------------------


class Timestepped(nn.Module):
    """A network for steps 0 to T - 1 of a table, called as ours: network(x, log_snr, condition)."""

    def __init__(self, network: nn.Module, path: TablePath):
        super().__init__()
        self.network, self.path = network, path

    def forward(self, x: Tensor, log_snr: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.network(
            x, (self.path.time_at(log_snr) * self.path.steps - 1).round().long().clamp(min=0)
        )


class TutorialTrainer:
    """MONAI's tutorial's training: predict the noise of a random step; squared error, Adam.

    Like `Trainer` it has a `model` and a loop `run(draw)`; without the tutorial's half
    precision, which is for GPUs. at_once: how many shapes of a batch go through the network
    together; the gradients are the whole batch's.
    """

    def __init__(self, network: nn.Module, at_once: int = BATCH):
        self.network, self.path, self.at_once = network.train(), MONAI_PATH, at_once
        self.model = Denoiser(Timestepped(network, self.path), self.path, "noise")
        self.optimizer = torch.optim.Adam(network.parameters(), lr=MONAI_RATE)
        self.generator, self.step, self.seconds = torch.Generator().manual_seed(0), 0, 0.0

    def run(self, draw: Draw) -> Iterator[Progress]:
        """Train without end, yielding a `Progress` after every step."""
        while True:
            start = time.perf_counter()
            x0, _, _ = draw(self.generator, BATCH)
            noise = torch.randn(x0.shape, generator=self.generator)
            steps = torch.randint(self.path.steps, (len(x0),), generator=self.generator)
            self.optimizer.zero_grad(set_to_none=True)
            loss = 0.0
            for part in zip(
                *(whole.split(self.at_once) for whole in (x0, noise, steps)), strict=True
            ):
                share = self.loss(*part) * len(part[0]) / BATCH
                share.backward()
                loss += float(share.detach())
            self.optimizer.step()
            self.step += 1
            self.seconds += time.perf_counter() - start
            done = Progress(self.step, self.seconds, [], lambda: None)
            done.take([loss])
            yield done

    def loss(self, x0: Tensor, noise: Tensor, steps: Tensor) -> Tensor:
        """Mean squared error of the noise; steps: whole numbers (B,) from 0 to T - 1."""
        x_t = self.path.noised(x0, noise, (steps + 1).double() / self.path.steps)
        return nn.functional.mse_loss(self.network(x_t, steps), noise)


# ---- quality -------------------------------------------------------------------------------------


def nearest_levels(path: TablePath, wanted: Sequence[float] = LOG_SNRS) -> list[float]:
    """The log-SNRs of a table's steps nearest to the wanted ones: it knows no others."""
    table = path.log_snr(torch.arange(1, path.steps + 1, dtype=torch.float64) / path.steps)
    return [float(table[(table - level).abs().argmin()]) for level in wanted]


def noised_at(path: NoisePath, x0: Tensor, log_snr: float, stream: int) -> tuple[Tensor, Tensor]:
    """(x_t, t) of shapes x0 (B, ...) at a log-SNR; the noise follows from the stream alone."""
    t = path.time_at(log_snr)
    return path.noised(x0, gaussian(0, x0.shape, stream), t), t


def squared_error(guess: Tensor, x0: Tensor) -> float:
    """Mean squared error per voxel, the guess clipped to [-1, 1]."""
    return float((guess.clamp(-1, 1) - x0).square().mean())


@torch.no_grad()
def x0_errors(denoiser: Denoiser, x0: Tensor, levels: Sequence[float]) -> list[float]:
    """`squared_error` of a denoiser's x0 at each log-SNR in `levels`, on x0 (N, 1, D, H, W)."""
    training, errors = denoiser.training, []
    denoiser.eval()
    for stream, level in enumerate(levels):
        x_t, t = noised_at(denoiser.path, x0, level, stream)
        errors.append(
            squared_error(torch.cat([denoiser(part, t) for part in x_t.split(BATCH)]), x0)
        )
    denoiser.train(training)
    return errors


def errors_without_network(mean_shape: Tensor, x0: Tensor, levels: Sequence[float]) -> list[float]:
    """Bayes' rule for each voxel by itself, as full as in the training shapes' mean: no network.

    The mean of -1 and 1 with those odds, once x_t is seen, is tanh(atanh(mean) + alpha x_t /
    sigma^2).
    """
    path, odds, errors = MONAI_PATH, mean_shape.clamp(-0.99, 0.99).atanh(), []
    for stream, level in enumerate(levels):
        x_t, t = noised_at(path, x0, level, stream)
        evidence = (path.alpha(t) / path.sigma(t) ** 2).float() * x_t
        errors.append(squared_error((odds + evidence).tanh(), x0))
    return errors


def learning_curve(
    trainer, draw: Draw, looks: Sequence[float], measure: Callable[[Denoiser], list[float]]
) -> list:
    """Train for looks[-1] seconds and measure the denoiser after each of `looks`, in seconds.

    Measuring costs no training time. A step that passes several looks at once is measured once.
    """
    curve, waiting = [], list(looks)
    for progress in trainer.run(draw):
        if progress.seconds >= waiting[0]:
            waiting = [look for look in waiting if look > progress.seconds]
            look = {
                "seconds": progress.seconds,
                "step": progress.step,
                "errors": measure(trainer.model),
            }
            curve.append(look)
            print(
                f"{look['seconds']:8.1f} s {look['step']:6} steps",
                *(f"{e:.4f}" for e in look["errors"]),
                flush=True,
            )
        if not waiting:
            break
    return curve


def first_below(curve: list[dict], bounds: dict[int, float]) -> float | None:
    """Seconds of the first look within all bounds {number of the level: error}; None if none."""
    good = (
        look["seconds"]
        for look in curve
        if all(look["errors"][k] <= bound for k, bound in bounds.items())
    )
    return next(good, None)


def compare(
    ours: list[dict], monai: list[dict], levels: Sequence[float], without: Sequence[float]
) -> list[dict]:
    """For each log-SNR, and for all at once (None), when either curve came to MONAI's last errors,
    and how they end; for each log-SNR also when they came to what takes no network (`useful`).

    The times are those of looks, so that the ratio of MONAI's seconds to ours is never too large by
    the gap in ours.
    """
    last, rows = monai[-1]["errors"], []
    for numbers in [*([k] for k in range(len(levels))), range(len(levels))]:
        seconds = [first_below(curve, {k: last[k] for k in numbers}) for curve in (ours, monai)]
        row = {"ours_seconds": seconds[0], "monai_seconds": seconds[1]}
        row["ratio"] = seconds[1] / seconds[0] if seconds[0] else None
        if len(numbers) == 1:
            (k,) = numbers
            row |= {
                "log_snr": levels[k],
                "without": without[k],
                "monai": last[k],
                "ours": ours[-1]["errors"][k],
            }
            useful = [first_below(curve, {k: without[k]}) for curve in (ours, monai)]
            row |= {"ours_useful": useful[0], "monai_useful": useful[1]}
        rows.append({"log_snr": None} | row)
    return rows


# ---- speed ---------------------------------------------------------------------------------------


def timed_in_turns(actions: dict[str, Callable], rounds: int) -> dict[str, float]:
    """Median seconds of each action; they take turns, so that a slow minute falls on all."""
    times: dict[str, list[float]] = {name: [] for name in actions}
    for turn in range(rounds + 1):
        for name, action in actions.items():
            start = time.perf_counter()
            action()
            if turn:  # the first is the warm-up
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found) for name, found in times.items()}


def sampling_step(denoiser: Denoiser) -> Callable:
    """One step of the ancestral sampler from pure noise, a batch of 8, without guidance."""
    x = denoiser.path.prior_sample(gaussian(0, (BATCH, 1, 32, 32, 32)))
    return lambda: next(sample(denoiser, x, time_grid(denoiser.path, 16), ddpm))


def measure_speed(trainers: dict, draw: Draw) -> list[dict]:
    """Parameters, seconds per training and per sampling step of each network, in batches of 8."""
    loops = {name: trainer.run(draw) for name, trainer in trainers.items()}
    training = timed_in_turns(
        {name: lambda loop=loop: next(loop) for name, loop in loops.items()}, ROUNDS
    )
    for trainer in trainers.values():
        trainer.model.eval()
    sampling = timed_in_turns(
        {name: sampling_step(trainer.model) for name, trainer in trainers.items()}, ROUNDS
    )
    return [
        {
            "name": name,
            "parameters": parameter_count(trainer.model),
            "training_step": training[name],
            "sampling_step": sampling[name],
        }
        for name, trainer in trainers.items()
    ]


def guided_states(denoiser: Denoiser, config: Config, count: int) -> list[State]:
    """The states of sampling `count` chairs with the shipped model's own settings."""
    settings, seeds = config.sampling, list(range(count))
    guided = guided_by(denoiser, config, ["chair"] * count)
    prior = denoiser.path.prior_sample(gaussian(seeds, (config.channels, *[config.resolution] * 3)))
    times = time_grid(denoiser.path, settings.steps, settings.shift)
    steps = SAMPLERS[settings.sampler]
    return list(sample(guided, prior, times, steps, seeds))


def film_and_mesh(denoiser: Denoiser, config: Config) -> None:
    """One chair as lesson 00 makes it: sampled, its film as a notebook stores it, its mesh."""
    from course_utils.plots.film import sampling_film

    states = guided_states(denoiser, config, 1)
    sampling_film(states)._repr_mimebundle_()
    smooth_mesh(keep_largest(states[-1].x_t[0, 0].numpy()))


def measure_promises() -> dict[str, float]:
    """Seconds per guided shape of the shipped model: in a batch of 8, and alone with its film."""
    denoiser, config = load_checkpoint(SHIPPED)
    batch, alone = (
        lambda: guided_states(denoiser, config, BATCH),
        lambda: film_and_mesh(denoiser, config),
    )
    seconds = timed_in_turns({"batch": batch, "alone": alone}, 5)
    return {
        "guided_in_batch": seconds["batch"] / BATCH,
        "alone_with_film_and_mesh": seconds["alone"],
    }


# ---- tables and the command ----------------------------------------------------------------------


def speed_table(rows: list[dict]) -> str:
    """Training samples per second and shapes per second, the latter from single timed steps."""
    lines = [
        f"{'':<24}{'parameters':>12}{'trained / s':>13}{'sampled / s, 16 steps':>23}"
        f"{'1,000 steps':>13}"
    ]
    for row in rows:
        trained, sampled = BATCH / row["training_step"], BATCH / row["sampling_step"]
        sizes = (
            f"{row['parameters']:>12,}{trained:>13.3g}{sampled / 16:>23.3g}{sampled / 1000:>13.3g}"
        )
        lines.append(f"{row['name']:<24}{sizes}")
    return "\n".join([*lines, "sampling without guidance, computed from the time of single steps"])


def number(value: float | None, form: str, otherwise: str) -> str:
    """A number in a format, or what stands where there is none."""
    return otherwise if value is None else format(value, form)


def quality_table(rows: list[dict]) -> str:
    """x0-errors at the end, seconds to MONAI's last error, and their ratio."""
    lines = [
        f"{'log-SNR':>8}{'no network':>12}{'MONAI':>10}{'ours':>10}"
        f"{'MONAI s':>10}{'ours s':>10}{'ratio':>8}"
    ]
    for row in rows:
        errors = "".join(f"{number(row.get(key), '.4f', ''):>{w}}" for key, w in
                         (("without", 12), ("monai", 10), ("ours", 10)))  # fmt: skip
        seconds = (row["monai_seconds"], row["ours_seconds"])
        times = "".join(f"{number(value, '.1f', 'never'):>10}" for value in seconds)
        lines.append(
            f"{number(row['log_snr'], '.2f', 'all'):>8}{errors}{times}"
            f"{number(row['ratio'], '.1f', '-'):>8}"
        )
    for name in ("MONAI", "ours"):
        useful = (
            number(row[f"{name.lower()}_useful"], ".1f", "never")
            for row in rows
            if row["log_snr"] is not None
        )
        lines.append(
            f"seconds until {name} was better than no network, from the first log-SNR:"
            f" {', '.join(useful)}"
        )
    return "\n".join(lines)


def plain(config: Config) -> Config:
    """Return a config of the same network for yes-or-no voxels, without a condition.

    Its details are as wide as they were when the stored results were measured.
    """
    return config.with_network(conditioners=[], in_channels=1, details=128)


def make_trainers(config: Config) -> dict:
    """Ours, without classes because the tutorial's network has none, and the installed peers."""
    torch.manual_seed(0)
    plan = replace(config.plan, batch_size=BATCH)
    loss = LOSSES[config.loss.kind](**config.loss.arguments)
    ours = Trainer(build_model(plain(config)), plan, loss)
    peers = {
        name: TutorialTrainer(net, AT_ONCE.get(name, BATCH)) for name, net in build_peers().items()
    }
    trainers = {OURS: ours} | peers
    sizes = {name: parameter_count(trainer.model) for name, trainer in trainers.items()}
    check_sizes(sizes, sizes[OURS])
    return trainers


def measure_quality(config: Config, voxels: Tensor, seconds: float) -> dict:
    """Learning curves of ours and of MONAI's, `seconds` of training each, and their comparison."""
    first = config.data.arguments["first_index"] + config.data.arguments["count"]
    held_out = to_model(make_shapes(VALIDATION, config.resolution, config.classes, first).voxels)
    levels, trainers, curves = nearest_levels(MONAI_PATH), make_trainers(config), {}
    draw = batches(voxels, None, to_model)
    for name, parts in LOOKS.items():
        print(f"{name}: x0-errors at log-SNR", *(f"{level:.2f}" for level in levels))
        looks = [seconds * part for part in parts]
        curves[name] = learning_curve(
            trainers[name], draw, looks, lambda model: x0_errors(model, held_out, levels)
        )
    without = errors_without_network(2 * voxels.sum(dim=0) / len(voxels) - 1, held_out, levels)
    return {"curves": curves, "rows": compare(curves[OURS], curves[MONAI], levels, without)}


def conditions() -> dict:
    """What a reader of the numbers needs to know beside them."""
    installed = {found.name: found.version for found in metadata.distributions()}
    versions = {name: installed.get(name) for name in ("torch", "monai", "video-diffusion-pytorch")}
    threads = torch.get_num_threads()
    return {"threads": threads, "batch": BATCH, "machine": platform.machine(), **versions}


def speed_part(config: Config, voxels: Tensor, seconds: float) -> dict:
    """Steps of all networks and the promises of the shipped model, printed and returned."""
    rows = measure_speed(make_trainers(config), batches(voxels, None, to_model))
    print(speed_table(rows), flush=True)
    promises = measure_promises()
    print(
        "; ".join(f"{name.replace('_', ' ')}: {s:.3f} s" for name, s in promises.items()),
        flush=True,
    )
    return {"conditions": conditions(), "rows": rows, "promises": promises}


def quality_part(config: Config, voxels: Tensor, seconds: float) -> dict:
    """Both learning curves and their comparison, printed and returned."""
    found = measure_quality(config, voxels, seconds)
    print(quality_table(found["rows"]))
    return {"conditions": conditions() | {"seconds": seconds}, **found}


PARTS = {"speed": speed_part, "quality": quality_part}


def main() -> None:
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--seconds",
        type=seconds,
        default=600,
        help="training time of ours and of MONAI's, each (600)",
    )
    parser.add_argument(
        "--only", choices=PARTS, help="measure one part; the other stays in the file as it is"
    )
    parser.add_argument(
        "--out", type=path, default=FILE, help=f"results (default: {FILE.relative_to(ROOT)})"
    )
    options = parser.parse_args()
    config = Config.read("shapes32")
    if MONAI not in build_peers():
        parser.exit(2, f"without MONAI there is nothing to compare with: {INSTALL}\n")
    voxels, _ = procedural_shapes(config, config.data.arguments["count"])
    with parser.refusing():
        contents = load_results(options.out)[0] if options.only and options.out.exists() else {}
    for name in [options.only] if options.only else PARTS:
        contents[name] = PARTS[name](config, voxels, options.seconds)
        save_results(options.out, contents, COMMAND)


if __name__ == "__main__":
    main()
