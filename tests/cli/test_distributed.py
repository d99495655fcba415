"""Two processes under `accelerate launch` are one with twice the batch, also when interrupted."""

import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from test_cli import TINY as SMALL

from course_utils.cli.main import main
from course_utils.models.checkpoints import build_model
from course_utils.models.config import Config

pytest.importorskip("accelerate")
psutil = pytest.importorskip("psutil")  # accelerate brings it
pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no SIGINT for another process"
)

ROOT = Path(__file__).parents[2]
STEPS = 60
TINY = SMALL | {
    "loss": {"kind": "denoising", "time_mean": 1.0, "weight_limit": 25.0},
    "plan": {"steps": STEPS, "batch_size": 4},
}


def curve(text):
    """The mean losses that a training printed, by step."""
    lines = re.findall(rf" (\d+)/{STEPS} \[.*loss ([\d.]+)", text)
    return {int(step): float(loss) for step, loss in lines}


def saved_step(state):
    """The step at which a state was saved, 0 if there is none."""
    if not state.exists():
        return 0
    data = state.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return json.loads(header["__metadata__"]["about"])["step"]


def distance(first, second):
    """Root of the summed squares of all differences between tensors of the same names."""
    return float(sum((first[name] - second[name]).square().sum() for name in first)) ** 0.5


def everything_below(process):
    """A process and all that it started."""
    top = psutil.Process(process.pid)
    return [top, *top.children(recursive=True)]


def run_team(config, folder, after, how):
    """Train with two processes until a step later than `after` is saved, then send signal `how`."""
    with socket.socket() as free:
        free.bind(("", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch", "--multi_gpu"]
    command += [
        "--num_processes",
        "2",
        "--main_process_port",
        port,
        "-m",
        "course_utils",
        "train",
        str(config),
    ]
    command += ["--out", str(folder), "--device", "cpu", "--save-every", "5"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 120
        while saved_step(folder / "state.safetensors") <= after and process.poll() is None:
            assert time.monotonic() < deadline, "no state after two minutes"
            time.sleep(0.02)
        # a launcher starts its processes in sessions of their own: Ctrl-C reaches it alone, kill -9
        # shall hit them all
        hit = (
            [process.pid]
            if how == signal.SIGINT
            else [child.pid for child in everything_below(process)]
        )
        for pid in hit:
            os.kill(pid, how)
        output = process.communicate(timeout=60)[0]
        assert process.returncode, f"ended before it could be stopped:\n{output}"
        return output


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """One process to the end with batches of 8; two with 4, killed, resumed, stopped, finished."""
    folder = tmp_path_factory.mktemp("team")
    config, state = folder / "tiny.json", folder / "team" / "state.safetensors"
    config.write_text(json.dumps(TINY))
    threads = torch.get_num_threads()
    # as in the team: the networks are too small to share, least of all on a busy machine
    torch.set_num_threads(1)
    alone = ["train", str(config), "--device", "cpu", "--batch-size", "8", "--out"]
    with contextlib.redirect_stderr(io.StringIO()) as said:
        main([*alone, str(folder / "one")])
    killed = run_team(config, folder / "team", 20, signal.SIGKILL)
    at_kill = saved_step(state)
    stopped = run_team(config, folder / "team", at_kill, signal.SIGINT)
    at_stop = saved_step(state)
    main([*alone, str(folder / "team")])
    torch.set_num_threads(threads)
    seen = {"one": said.getvalue(), "killed": killed, "stopped": stopped}
    return {"folder": folder, "at_kill": at_kill, "at_stop": at_stop} | seen


def test_the_loss_curve_is_that_of_one_process_with_twice_the_batch(story):
    expected, seen = curve(story["one"]), curve(story["killed"])
    assert len(expected) == STEPS and len(seen) >= 20
    assert max(abs(loss / expected[step] - 1) for step, loss in seen.items()) < 2e-4


def test_a_killed_team_goes_on_from_its_last_state(story):
    assert story["at_kill"] > 20 and story["at_kill"] % 5 == 0
    assert min(curve(story["stopped"])) == story["at_kill"] + 1
    assert f"continuing at step {story['at_kill']} of {STEPS}" in story["stopped"]
    assert "2 processes" in story["stopped"]


def test_only_the_first_process_speaks(story):
    assert story["killed"].count("2 processes") == story["stopped"].count("continuing at") == 1
    assert story["stopped"].count(f" {story['at_kill'] + 2}/{STEPS} [") == 1


def test_ctrl_c_saves_the_step_at_which_all_stopped(story):
    assert story["at_kill"] < story["at_stop"] < STEPS
    assert story["stopped"].count(f"stopped at step {story['at_stop']}, saved in") == 1
    assert max(curve(story["stopped"])) == story["at_stop"]


def test_one_process_ends_what_two_began(story):
    """Any number of processes may continue if their batch is the same: so is the result."""
    one, team = (
        load_file(story["folder"] / name / "state.safetensors") for name in ("one", "team")
    )
    torch.manual_seed(0)
    start = build_model(Config.of(TINY)).state_dict()
    for part in ("weights.", "ema."):
        ours, theirs = ({name: tensors[part + name] for name in start} for tensors in (team, one))
        # Adam makes rounding grow: measured 0.04 to 0.08, and 0.3 without averaging (exact:
        # tests/diffusion/test_training.py)
        assert distance(ours, theirs) < 0.15 * distance(start, theirs)


def test_another_batch_of_all_is_refused(story, capsys):
    config, folder = str(story["folder"] / "tiny.json"), str(story["folder"] / "team")
    with pytest.raises(SystemExit) as stop:
        main(["train", config, "--device", "cpu", "--out", folder])
    assert stop.value.code == 2
    assert "plan.batch_size: 8 → 4" in capsys.readouterr().err
