"""Is what the course says true on a GPU? `python3 course.py gpu-check` finds out in minutes.

It compares the card's numbers with the processor's (a forward pass, a training step, samples), half
precision with float32, and measures training and sampling: shapes per second, memory, and MFU, the
share of the card's published peak that the network's own operations make up (arXiv 2204.02311,
appendix B). A section that fails says so, and the next one runs. Needs torch, numpy and
safetensors. Exit code 0: all well; 1: a problem; 2: no such device.
"""

import argparse
import contextlib
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.cards import PRECISIONS, Card, card_called
from benchmarks.counting import Counted, counted
from benchmarks.here import card_of, guesses_of, machine_of, probes, shortest
from benchmarks.rates import FAST, SLOW, rate
from course_utils.cli.arguments import Parser, path, positive, seconds, some
from course_utils.datasets.shapes import make_matter
from course_utils.diffusion.denoiser import Denoiser
from course_utils.diffusion.device import has_bfloat16_units
from course_utils.diffusion.losses import Denoising, denoising_loss
from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.sampling import last, sample, time_grid
from course_utils.diffusion.training import Draw, Plan, Trainer
from course_utils.files.results import save_results
from course_utils.geometry.matter import matter_to_model
from course_utils.models.checkpoints import build_model, load_checkpoint
from course_utils.models.config import Config
from course_utils.models.devices import checked_device
from course_utils.models.doctor import Finding
from course_utils.models.prompting import guided_by, sampling_states
from course_utils.models.recipes import as_signs, draw_named, said_of
from course_utils.places import CHECKPOINTS

ROOT = Path(__file__).resolve().parents[1]
REPORT = "open an issue with this output and the JSON file"

DENOISING = Denoising()


def parser() -> Parser:
    top = Parser(prog="course.py gpu-check", description=__doc__.split("\n\n")[0])
    top.add_argument(
        "sections",
        nargs="*",
        metavar="section",
        help=f"any of {', '.join(SECTIONS)} (default: all)",
    )
    top.add_argument(
        "--device", default="cuda", help="cuda (default); cpu tries this program, not a card"
    )
    top.add_argument(
        "--batches", type=positive, nargs="+", default=[8, 64, 256], help="batch sizes to measure"
    )
    top.add_argument(
        "--steps", type=positive, default=100, help="training steps in each precision (default 100)"
    )
    top.add_argument(
        "--sampling-steps", type=some, default=16, help="steps to a sample (default 16)"
    )
    top.add_argument(
        "--seconds", type=seconds, default=2.0, help="how long to measure each speed (default 2)"
    )
    top.add_argument(
        "--channels", type=positive, nargs="+", default=[32, 64, 96], help="the network's widths"
    )
    top.add_argument(
        "--resolution", type=positive, default=32, help="voxels per side for training (default 32)"
    )
    top.add_argument(
        "--model",
        type=path,
        default=CHECKPOINTS / "shapes32",
        help="that samples (default: the shipped)",
    )
    top.add_argument(
        "--out", type=path, default=ROOT / "runs" / "gpu-check.json", help="where the numbers go"
    )
    return top


# ---- What is measured, and with what -------------------------------------------------------------


def training_config(options: argparse.Namespace) -> Config:
    """The shipped model's config, with the sizes that were asked for."""
    shipped = Config.read("shapes32")
    network = shipped.network.to_dict() | {"channels": options.channels}
    checked = Config.of({"network": network, "path": "flow", "prediction": "x0"})
    return replace(shipped, resolution=options.resolution, network=checked.network)


def network(options: argparse.Namespace) -> Denoiser:
    """The shipped model's network, untrained, without zeros, which would hide differences."""
    torch.manual_seed(0)
    denoiser = build_model(training_config(options))
    for parameter in denoiser.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.02)
    return denoiser


def shapes_and_facts(config: Config, count: int) -> tuple[Tensor, Tensor]:
    """Return real shapes, uint8 (N, D, H, W), and what captions name, bool (N, 1, facts)."""
    made = make_matter(count, config.resolution, config.classes)
    return torch.from_numpy(made.matter), said_of(made, 1, config.classes)


def example(options: argparse.Namespace, count: int = 4) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(x0, noise, t, facts) of real shapes with portable noise: the same numbers everywhere."""
    matter, said = shapes_and_facts(training_config(options), count)
    x0 = matter_to_model(matter)  # (B, C, D, H, W)
    return (
        x0,
        gaussian(list(range(count)), x0.shape[1:]),
        torch.linspace(0.1, 0.9, count),
        as_signs(said[:, 0]),
    )


def try_out(options: argparse.Namespace) -> None:
    """Run the network on one shape; ValueError for sizes that do not fit each other."""
    x0, _, t, facts = example(options, 1)
    try:
        with torch.no_grad():
            network(options)(x0, t, facts)
    except RuntimeError as error:  # channels that its groups do not divide
        sizes = f"--channels {options.channels} --resolution {options.resolution}"
        raise ValueError(f"{sizes}: the network cannot be run: {error}") from error


def training_draw(options: argparse.Namespace) -> Draw:
    """Batches of shapes that lie on the device, so that the speed is the network's."""
    config = training_config(options)
    matter, said = shapes_and_facts(config, 10 * len(config.classes))
    return draw_named(matter.to(options.device), said.to(options.device))


@contextlib.contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    """Whether float32 products may be rounded to TF32's 10 bits, which cuDNN does by default."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def trainer_in(
    precision: str,
    denoiser: Denoiser,
    plan: Plan,
    device: str,
    compiled: bool = False,
    loss: Denoising = DENOISING,
) -> Trainer:
    """A trainer in one of PRECISIONS; "half" is a GPU's own choice, or bfloat16 on a CPU."""
    trainer = Trainer(denoiser, plan, loss, device, compiled)
    if precision != "half":
        trainer.precision, trainer.scaler = None, torch.amp.GradScaler(enabled=False)
    elif trainer.precision is None and has_bfloat16_units():
        trainer.precision = torch.bfloat16
    return trainer


def apart(ours: Tensor, reference: Tensor) -> float:
    """Largest absolute difference over the reference's largest value; nan is infinitely far."""
    ours, reference = ours.detach().double().cpu(), reference.detach().double().cpu()
    share = float((ours - reference).abs().max() / reference.abs().max())
    return math.inf if math.isnan(share) else share


def within(what: str, difference: float, limit: float) -> Finding:
    """A verdict on a difference that has a limit."""
    return Finding(
        difference <= limit, f"{what}: {difference:.1e} apart, at most {limit:.0e} allowed", REPORT
    )


def card_name(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else device


def finish(device: str) -> None:
    """Wait until a GPU has finished its work: else a clock would only measure its submission."""
    if device == "cuda":
        torch.cuda.synchronize()


def speed_of(one: Callable, seconds: float, device: str) -> float:
    """How often per second `one()` runs: two calls to warm up, then two or more."""
    for _ in range(2):
        one()
    finish(device)
    start, count = time.perf_counter(), 0
    while count < 2 or time.perf_counter() - start < seconds:
        one()
        finish(device)
        count += 1
    return count / (time.perf_counter() - start)


# ---- The sections: each yields findings and puts its numbers into `found` ------------------------


def check_card(options: argparse.Namespace, found: dict) -> Iterator[Finding]:
    """What runs here."""
    found |= {
        "name": card_name(options.device),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
    }
    found["date"] = time.strftime("%Y-%m-%d", time.gmtime())
    text = f"{found['name']}, torch {found['torch']}"
    if options.device == "cuda":
        about = torch.cuda.get_device_properties(0)
        found |= {
            "memory_GB": round(about.total_memory / 1e9, 1),
            "capability": f"{about.major}.{about.minor}",
        }
        found["cudnn"] = torch.backends.cudnn.version()
        text += (
            f", CUDA {found['cuda']}, {found['memory_GB']} GB, compute capability"
            f" {found['capability']}"
        )
    yield Finding(True, text)


def check_forward(options: argparse.Namespace, found: dict) -> Iterator[Finding]:
    """A forward pass in float32 against the processor's."""
    x0, noise, t, facts = example(options)
    denoiser = network(options).eval()
    with torch.no_grad():
        x_t = denoiser.path.noised(x0, noise, t)
        expected = denoiser(x_t, t, facts)
        denoiser, inputs = (
            denoiser.to(options.device),
            [part.to(options.device) for part in (x_t, t, facts)],
        )
        for name, allowed, limit in (("float32", False, 1e-4), ("tf32", True, 1e-2)):
            with tf32(allowed):
                found[name] = apart(denoiser(*inputs), expected)
            yield within(f"forward pass in {name}, against the CPU", found[name], limit)


def check_step(options: argparse.Namespace, found: dict) -> Iterator[Finding]:
    """Loss and gradients of one training step in float32 against the processor's."""
    parts, results = example(options), []
    for device in ("cpu", options.device):
        denoiser = network(options).to(device)
        x0, noise, t, facts = (part.to(device) for part in parts)
        with tf32(False):
            loss = denoising_loss(denoiser, x0, noise, t, facts, weight_limit=25.0)
            loss.backward()
        gradients = torch.cat(
            [p.grad.flatten() for p in denoiser.parameters() if p.grad is not None]
        )
        results.append((loss, gradients))
    (expected_loss, expected_gradients), (loss, gradients) = results
    found |= {"loss": apart(loss, expected_loss), "gradients": apart(gradients, expected_gradients)}
    yield within("loss of a training step, against the CPU", found["loss"], 1e-5)
    yield within(f"its {len(gradients)} gradients", found["gradients"], 1e-3)


def check_precision(options: argparse.Namespace, found: dict) -> Iterator[Finding]:
    """The loss curve in half precision against float32: the same batches, times and noise."""
    plan = Plan(
        steps=options.steps,
        batch_size=min(options.batches[-1], 16),
    )
    loss = Denoising(time_mean=1.0, weight_limit=25.0)
    draw, curves = training_draw(options), {}
    for precision in ("float32", "half"):
        trainer = trainer_in(precision, network(options), plan, options.device, loss=loss)
        with tf32(False):
            curves[precision] = torch.tensor([progress.loss for progress in trainer.run(draw)])
    found |= {
        name: curve.tolist() for name, curve in curves.items() if bool(curve.isfinite().all())
    }
    found["half_is"] = str(trainer.precision or torch.float32).removeprefix("torch.")
    ends = {
        name: float(curve[-max(1, options.steps // 5) :].mean()) for name, curve in curves.items()
    }
    fell = ends["half"] < float(curves["half"][0])
    what = (
        f"{options.steps} steps in {found['half_is']} bring the loss from"
        f" {float(curves['half'][0]):.3f} to"
    )
    yield Finding(fell, f"{what} {ends['half']:.3f}", REPORT)
    difference = abs(ends["half"] / ends["float32"] - 1)
    yield within(
        "its last fifth, against float32", math.inf if math.isnan(difference) else difference, 0.05
    )


def check_samples(options: argparse.Namespace, found: dict) -> Iterator[Finding]:
    """Samples of the shipped model, from the same noise: the same shapes as the processor's."""
    shapes = []
    for device in ("cpu", options.device, options.device):
        denoiser, config = load_checkpoint(options.model, device)
        noise = gaussian([0, 1], (config.channels, *[config.resolution] * 3)).to(device)
        times = time_grid(denoiser.path, options.sampling_steps, config.sampling.shift)
        denoise = guided_by(denoiser, config, config.classes[:2])
        with tf32(False):
            shapes.append(last(sample(denoise, denoiser.path.prior_sample(noise), times)).x_t.cpu())
    expected, ours, again = shapes
    found["values"] = apart(ours, expected)
    found["voxels"] = float(((ours[:, 0] > 0) != (expected[:, 0] > 0)).double().mean())
    found["repeats"] = torch.equal(ours, again)
    yield within("samples, against the CPU's: values", found["values"], 1e-1)
    yield within("samples, against the CPU's: share of voxels that flipped", found["voxels"], 1e-3)
    yield Finding(
        True,
        f"the same noise twice: {'the same bits' if found['repeats'] else 'not the same bits'}",
    )


def operations(options: argparse.Namespace) -> float:
    """Floating-point operations per shape in a training step, both ways, by torch's own counter."""
    x0, noise, t, facts = (part.to(options.device) for part in example(options, 2))
    denoiser = network(options).to(options.device)
    with FlopCounterMode(display=False) as counter:
        denoising_loss(denoiser, x0, noise, t, facts).backward()
    return counter.get_total_flops() / len(x0)


def training_rate(
    options, draw: Draw, batch: int, precision: str, layout: torch.memory_format
) -> dict:
    """Shapes per second and peak memory of training, by batch size, precision and layout."""
    denoiser = network(options).to(memory_format=layout)
    trainer = trainer_in(precision, denoiser, Plan(steps=10**6, batch_size=batch), options.device)
    if options.device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    run = trainer.run(draw)
    with tf32(precision == "tf32"):
        speed = batch * speed_of(lambda: next(run), options.seconds, options.device)
    memory = torch.cuda.max_memory_allocated() / 1e9 if options.device == "cuda" else None
    return {"shapes_per_second": speed, "memory_GB": memory}


class Foretelling:
    """What `benchmarks.roofline` says of this card; of a processor, what it says after a look.

    Args:
        options: Of the command line.
        kind: "training" or "sampling".
        config: What is trained or sampled.
    """

    def __init__(self, options: argparse.Namespace, kind: str, config: Config):
        self.kind, self.config, self.guesses = kind, config, (SLOW, FAST)
        self.card: Card | None = card_called(card_name(options.device))
        self.counts: dict[str, Counted] = {}
        if options.device == "cpu":
            machine = machine_of(shortest(probes(), options.seconds))
            self.card, self.guesses = card_of(machine), guesses_of(machine)

    def verdict(self, numbers: dict, batch: int, precision: str, steps: int = 1) -> str:
        """Put what is predicted for a batch into `numbers`; say how the measured speed compares."""
        if self.card is None or self.card.peak(precision) is None:
            return "no prediction (unknown peak)"
        counted_in = "half" if precision == "half" else "float32"
        if counted_in not in self.counts:
            self.counts[counted_in] = counted(self.kind, self.config, counted_in)
        count = self.counts[counted_in]
        guess = rate(count, batch, self.card, precision, self.guesses, steps)
        numbers |= {"predicted": list(guess), "counted_GB": count.of(batch).memory / 1e9}
        return guess.verdict(numbers["shapes_per_second"])


def check_training(options: argparse.Namespace, found: dict) -> Iterator[Finding]:
    """Speed, memory and MFU of training in every batch size, precision and layout."""
    draw, foretell = (
        training_draw(options),
        Foretelling(options, "training", training_config(options)),
    )
    found["operations"] = operations(options)
    yield Finding(True, f"a training step takes {found['operations'] / 1e9:.2f} GFLOP a shape")
    layouts = {"": torch.contiguous_format, ", channels last": torch.channels_last_3d}
    for batch in options.batches:
        for precision in PRECISIONS:
            for suffix, layout in layouts.items():
                what = f"training, batch {batch}, {precision}{suffix}"
                try:
                    numbers = training_rate(options, draw, batch, precision, layout)
                except torch.OutOfMemoryError:
                    yield Finding(True, f"{what}: does not fit into the card's memory")
                    continue
                peak = foretell.card.peak(precision) if foretell.card else None
                done = numbers["shapes_per_second"] * found["operations"]
                numbers |= {"tera_per_second": done / 1e12, "mfu": done / peak if peak else None}
                found[what] = numbers
                mfu = f"MFU {100 * done / peak:.1f} %" if peak else "MFU unknown (unknown peak)"
                verdict = foretell.verdict(numbers, batch, precision)
                memory = f", {numbers['memory_GB']:.2f} GB" if numbers["memory_GB"] else ""
                if memory and "counted_GB" in numbers:
                    memory += f" ({numbers['counted_GB']:.2f} counted)"
                text = (
                    f"{numbers['shapes_per_second']:.0f} shapes/s{memory}, {done / 1e12:.2f}"
                    f" TFLOP/s, {mfu}; {verdict}"
                )
                yield Finding(True, f"{what}: {text}")


def check_sampling(options: argparse.Namespace, found: dict) -> Iterator[Finding]:
    """Shapes per second that the shipped model makes, guided, in float32 and half precision."""
    denoiser, config = load_checkpoint(options.model, options.device)
    steps, foretell = options.sampling_steps, Foretelling(options, "sampling", config)
    half = trainer_in("half", network(options), Plan(), options.device).precision
    for batch in options.batches:
        prompts = [config.classes[k % len(config.classes)] for k in range(batch)]
        noise = torch.randn((batch, 1) + (config.resolution,) * 3, device=options.device)
        make = partial(sampling_states, denoiser, config, prompts, range(batch), noise=noise)
        for name, precision in (("float32", None), ("half", half)):
            what = f"sampling, batch {batch}, {name}, {steps} steps"
            context = (
                torch.autocast(options.device, precision) if precision else contextlib.nullcontext()
            )
            try:
                with tf32(False), context:
                    speed = batch * speed_of(
                        lambda: last(make(steps=steps)),  # noqa: B023
                        options.seconds,
                        noise.device.type,
                    )
            except torch.OutOfMemoryError:
                yield Finding(True, f"{what}: does not fit into the card's memory")
                continue
            found[what] = {"shapes_per_second": speed}
            verdict = foretell.verdict(found[what], batch, name, steps)
            yield Finding(True, f"{what}: {speed:.1f} shapes/s; {verdict}")


def check_compile(options: argparse.Namespace, found: dict) -> Iterator[Finding]:
    """torch.compile, which a card may do without: a report, whatever comes of it."""
    draw, batch, rates, losses = (
        training_draw(options),
        options.batches[len(options.batches) // 2],
        {},
        {},
    )
    for name, compiled in (("plain", False), ("compiled", True)):
        trainer = trainer_in(
            "half", network(options), Plan(steps=10**6, batch_size=batch), options.device, compiled
        )
        run, start = trainer.run(draw), time.perf_counter()
        try:
            losses[name] = next(run).loss
        except Exception as error:
            if not compiled:
                raise
            reason = (str(error).strip().splitlines() or [""])[0][:200]
            yield Finding(
                True, f"torch.compile does not work here ({type(error).__name__}: {reason})"
            )
            return
        found[f"{name}_first_step_s"] = time.perf_counter() - start
        rates[name] = batch * speed_of(lambda: next(run), options.seconds, options.device)  # noqa: B023
    found |= {
        "shapes_per_second": rates,
        "loss": apart(*(torch.tensor(losses[n]) for n in ("compiled", "plain"))),
    }
    took, gain = found["compiled_first_step_s"], rates["compiled"] / rates["plain"]
    yield Finding(
        True,
        f"torch.compile takes {took:.0f} s and makes training {gain:.2f} times as quick, batch"
        f" {batch}",
    )
    yield within("the compiled network's first loss", found["loss"], 1e-2)


SECTIONS = {
    "card": check_card,
    "forward": check_forward,
    "step": check_step,
    "precision": check_precision,
    "samples": check_samples,
    "training": check_training,
    "sampling": check_sampling,
    "compile": check_compile,
}


def run_section(name: str, options: argparse.Namespace, found: dict) -> list[Finding]:
    """Run a section, printing as it goes; what it dies of is a finding, too."""
    findings, start = [], time.perf_counter()

    def tell(finding: Finding) -> None:
        findings.append(finding)
        print(finding, flush=True)

    try:
        for finding in SECTIONS[name](options, found):
            tell(finding)
    except Exception as error:  # whatever it is, the sections after it must run
        reason = (str(error).strip().splitlines() or ["no reason given"])[0][:300]
        tell(Finding(False, f"section {name} failed with {type(error).__name__}: {reason}", REPORT))
    found["seconds"] = round(time.perf_counter() - start, 1)
    found["findings"] = [str(finding) for finding in findings]
    return findings


def without_nan(value):
    """The same lists, dicts and numbers with None for what JSON has no word for."""
    if isinstance(value, dict):
        return {key: without_nan(part) for key, part in value.items()}
    if isinstance(value, list):
        return [without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    unknown = set(options.sections) - set(SECTIONS)
    if unknown:
        parser().error(
            f"unknown section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}"
        )
    if options.device == "cuda" and not torch.cuda.is_available():
        print(
            f"course.py gpu-check: torch {torch.__version__} finds no CUDA GPU here",
            file=sys.stderr,
        )
        return 2
    with parser().refusing():
        checked_device(options.device)
        try_out(options)
    command = "python3 course.py gpu-check " + " ".join(
        sys.argv[1:] if arguments is None else arguments
    )
    contents, problems, start = {}, 0, time.perf_counter()
    for name in options.sections or SECTIONS:
        found = contents.setdefault(name, {})
        problems += sum(not finding.ok for finding in run_section(name, options, found))
        # after each: the next one may crash it all
        save_results(options.out, without_nan(contents), command.strip())
    print(f"{problems} problems in {time.perf_counter() - start:.0f} s; all numbers: {options.out}")
    return int(problems > 0)


if __name__ == "__main__":
    sys.exit(main())
