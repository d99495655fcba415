"""The GPU check's own code, small and on the CPU: verdicts, numbers, a section that breaks."""

import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from course_utils.diffusion.denoiser import Denoiser
from course_utils.diffusion.device import has_bfloat16_units
from course_utils.diffusion.paths import FlowPath
from course_utils.files.results import load_results
from course_utils.models.checkpoints import build_model, save_checkpoint
from course_utils.models.config import Config

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("gpu_check", ROOT / "benchmarks" / "gpu_check.py")
gpu_check = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(gpu_check)

SMALL = [
    *(
        "--device",
        "cpu",
        "--batches",
        "1",
        "2",
        "--steps",
        "4",
        "--sampling-steps",
        "2",
        "--seconds",
        "0.001",
    ),
    *("--channels", "8", "16", "--resolution", "16", "--out"),
]
# it takes a compiler and half a minute
WITHOUT_COMPILING = [name for name in gpu_check.SECTIONS if name != "compile"]


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A tiny untrained checkpoint in the shipped one's place."""
    network = {
        "kind": "UNet",
        "dimensions": 3,
        "channels": [8],
        "patch": 4,
        "blocks": 1,
        "conditioners": [{"kind": "labels", "classes": 2}],
    }
    config = {
        "network": network,
        "path": "flow",
        "prediction": "x0",
        "classes": ["chair", "table"],
        "resolution": 8,
    }
    config["sampling"] = {"sampler": "ddpm", "steps": 2, "shift": 3.0, "guidance_scale": 2.0}
    folder = tmp_path_factory.mktemp("model") / "tiny"
    torch.manual_seed(0)
    config = Config.of(config)
    denoiser = build_model(config)
    # zeros before: every sample would be nothing
    torch.nn.init.normal_(denoiser.network.outlet.weight)
    save_checkpoint(folder, denoiser, config, "")
    return str(folder)


def options(tmp_path):
    return gpu_check.parser().parse_args([*SMALL, str(tmp_path / "out.json")])


def test_every_section_runs_and_leaves_its_numbers(tmp_path, capsys, model):
    file = tmp_path / "out.json"
    assert gpu_check.main([*SMALL, str(file), "--model", model, *WITHOUT_COMPILING]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 20 and all(line.startswith("[ok] ") for line in lines[:-1])
    contents, command = load_results(file)
    assert (
        command.startswith("python3 course.py gpu-check --device cpu")
        and list(contents) == WITHOUT_COMPILING
    )
    assert (
        contents["forward"]["float32"]
        == contents["step"]["gradients"]
        == contents["samples"]["values"]
        == 0
    )
    curves = contents["precision"]
    assert (
        len(curves["half"]) == 4 and (curves["half"] != curves["float32"]) == has_bfloat16_units()
    )
    speeds = [
        contents["training"][f"training, batch {b}, {p}"]
        for b in (1, 2)
        for p in gpu_check.PRECISIONS
    ]
    assert all(numbers["shapes_per_second"] > 0 for numbers in speeds)
    # this processor's peaks are measured in float32 only
    whole = [contents["training"][f"training, batch {b}, float32"] for b in (1, 2)]
    assert [numbers for numbers in speeds if "predicted" in numbers] == whole
    assert [numbers for numbers in speeds if numbers["mfu"]] == whole
    sampled = contents["sampling"]["sampling, batch 2, float32, 2 steps"]
    for numbers in (*whole, sampled):
        low, high = numbers["predicted"]
        assert 0 < low < high and numbers["counted_GB"] > 0
    assert contents["sampling"]["sampling, batch 2, half, 2 steps"]["shapes_per_second"] > 0
    assert sum("predicted" in line for line in lines) == 6  # with channels last, too


def test_differences_are_noticed(tmp_path, monkeypatch):
    """The network on the device gets one weight wrong by a tenth; both comparisons must say so."""
    original = gpu_check.network

    def wrong_from(call):
        calls = []

        def network(settings):
            denoiser = original(settings)
            move = denoiser.to

            def to(device):
                calls.append(device)
                if len(calls) >= call:
                    with torch.no_grad():
                        denoiser.network.outlet.bias.add_(0.1)
                return move(device)

            denoiser.to = to
            return denoiser

        return network

    monkeypatch.setattr(gpu_check, "network", wrong_from(call=1))
    assert [finding.ok for finding in gpu_check.run_section("forward", options(tmp_path), {})] == [
        False,
        False,
    ]
    monkeypatch.setattr(gpu_check, "network", wrong_from(call=2))
    findings = gpu_check.run_section("step", options(tmp_path), {})
    assert [finding.ok for finding in findings] == [False, False]
    assert "apart, at most 1e-03 allowed. Remedy: open an issue" in str(findings[1])


def test_apart_is_the_largest_difference_as_a_share_of_the_largest_value():
    reference = torch.tensor([1.0, -4.0, 2.0])
    assert gpu_check.apart(reference + torch.tensor([0.0, 0.0, -1.0]), reference) == 0.25
    assert gpu_check.apart(torch.tensor([math.nan, -4.0, 2.0]), reference) == math.inf


def test_operations_are_those_of_a_convolution_net(tmp_path, monkeypatch):
    """A 3x3x3 convolution, c to c channels on n places: 2 * 27 * c * c * n, times 3 to train."""

    class One(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = torch.nn.Conv3d(5, 5, 1), torch.nn.Conv3d(5, 5, 1)
            self.middle = torch.nn.Conv3d(5, 5, 3, padding=1)

        def forward(self, x, log_snr, condition=None):
            return self.last(self.middle(self.first(x)))

    monkeypatch.setattr(gpu_check, "network", lambda settings: Denoiser(One(), FlowPath()))
    places = 16**3
    edges = 2 * 25 * places  # a 1x1x1 convolution; the first one needs no gradient of its input
    expected = 3 * 2 * 27 * 25 * places + 2 * edges + 3 * edges
    assert gpu_check.operations(options(tmp_path)) == expected


@pytest.mark.parametrize(
    ("card", "precision", "peak"),
    [
        ("Tesla T4", "half", 65e12),
        ("Tesla T4", "tf32", None),
        ("NVIDIA A10", "half", 125e12),
        ("NVIDIA A10G", "half", 70e12),
        ("NVIDIA A100-SXM4-40GB", "tf32", 156e12),
        ("NVIDIA H100 80GB HBM3", "half", 989e12),
        ("NVIDIA H100 PCIe", "half", 756e12),
        ("NVIDIA H200", "float32", 67e12),
        ("NVIDIA L40S", "half", None),
        ("NVIDIA GeForce RTX 4090", "half", 165.2e12),
        ("Tesla V100-PCIE-16GB", "float32", 14e12),
        ("Tesla V100-SXM2-16GB", "half", 125e12),
    ],
)
def test_peaks(card, precision, peak):
    known = gpu_check.card_called(card)
    ours = known and known.peak(precision)
    assert ours == (None if peak is None else pytest.approx(peak))


def test_mfu_is_the_share_of_the_peak(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_check, "card_name", lambda device: "Tesla T4")
    numbers = {"shapes_per_second": 500.0, "memory_GB": 1.5}
    monkeypatch.setattr(gpu_check, "training_rate", lambda *_: dict(numbers))
    monkeypatch.setattr(gpu_check, "operations", lambda _: 13e9)
    monkeypatch.setattr(gpu_check, "training_draw", lambda _: None)
    found, settings = {}, options(tmp_path)
    settings.device = "cuda"
    lines = [str(finding) for finding in gpu_check.check_training(settings, found)]
    assert found["training, batch 2, half"]["mfu"] == pytest.approx(500 * 13e9 / 65e12)
    (line,) = [one for one in lines if "batch 1, half:" in one]
    counted = f"{found['training, batch 1, half']['counted_GB']:.2f} counted"
    assert f"500 shapes/s, 1.50 GB ({counted}), 6.50 TFLOP/s, MFU 10.0 %; predicted" in line


@pytest.mark.parametrize(
    ("times", "verdict"), [(0.5, "OUTSIDE, 0.50 times"), (1.01, "within"), (9, "OUTSIDE, ")]
)
def test_a_speed_is_held_against_the_prediction(tmp_path, monkeypatch, times, verdict):
    monkeypatch.setattr(gpu_check, "card_name", lambda device: "NVIDIA L4")
    settings = options(tmp_path)
    settings.device = "cuda"
    config = gpu_check.training_config(settings)
    foretell = gpu_check.Foretelling(settings, "training", config)
    foretell.verdict(numbers := {"shapes_per_second": 1.0}, 2, "half")
    low, _ = numbers["predicted"]
    counts = foretell.counts["half"]
    assert verdict in foretell.verdict({"shapes_per_second": times * low}, 2, "half")
    assert foretell.counts["half"] is counts  # counted once


def test_no_prediction_for_an_unknown_card(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_check, "card_name", lambda device: "NVIDIA L40S")
    settings = options(tmp_path)
    settings.device = "cuda"
    foretell = gpu_check.Foretelling(settings, "training", gpu_check.training_config(settings))
    numbers = {"shapes_per_second": 1.0}
    assert "no prediction" in foretell.verdict(numbers, 2, "half") and len(numbers) == 1


def test_no_room_is_said_and_the_rest_goes_on(tmp_path, monkeypatch):
    def full(settings, draw, batch, precision, layout):
        if batch == 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return {"shapes_per_second": 1.0, "memory_GB": None}

    monkeypatch.setattr(gpu_check, "training_rate", full)
    lines = [str(finding) for finding in gpu_check.check_training(options(tmp_path), {})]
    assert sum("does not fit" in line for line in lines) == 6 and all(
        line.startswith("[ok]") for line in lines
    )


def test_a_broken_section_stops_no_other(tmp_path, monkeypatch, capsys):
    def broken(settings, found):
        found["half"] = math.nan
        raise RuntimeError("CUDA error: an illegal memory access\nmore of it")
        yield

    monkeypatch.setitem(gpu_check.SECTIONS, "forward", broken)
    assert gpu_check.main([*SMALL, str(tmp_path / "out.json"), "forward", "card"]) == 1
    first, second, _ = capsys.readouterr().out.splitlines()
    assert first.startswith(
        "[problem] section forward failed with RuntimeError: CUDA error: an illegal memory access."
    )
    assert second.startswith("[ok] cpu, torch")
    contents, _ = load_results(tmp_path / "out.json")
    assert contents["forward"]["half"] is None and contents["card"]["name"] == "cpu"


def test_a_compiler_that_fails_is_a_report(tmp_path, monkeypatch):
    def compiled(module, mode):
        def broken(*arguments):
            raise RuntimeError("no C++ compiler found")

        broken.path = module.path
        return broken

    monkeypatch.setattr(torch, "compile", compiled)
    (finding,) = gpu_check.check_compile(options(tmp_path), {})
    assert finding.ok and "does not work here (RuntimeError: no C++ compiler found)" in str(finding)


def test_no_gpu_is_one_line_and_exit_code_2(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu_check.main(["--out", str(tmp_path / "out.json")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "finds no CUDA GPU here" in line and not (tmp_path / "out.json").exists()


def test_it_needs_no_package_that_a_gpu_server_lacks():
    heavy = (
        "matplotlib plotly ipywidgets diffusers jupyterlab IPython trimesh skimage scipy accelerate"
    )
    script = (
        f"import sys; from benchmarks import gpu_check; print(set({heavy.split()}) &"
        " set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "set()"


def test_the_file_is_json(tmp_path):
    gpu_check.main([*SMALL, str(tmp_path / "out.json"), "card"])
    assert (
        json.loads((tmp_path / "out.json").read_text())["contents"]["card"]["torch"]
        == torch.__version__
    )
