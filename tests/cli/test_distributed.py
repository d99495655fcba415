"""Processes on one machine and on two are one with their batches together, also when interrupted.

One training is begun by docs/clusters/train.sbatch (two nodes of two processes, with a SLURM that
is only made up), continued by two processes and by one, and ended by the command of
docs/clusters/train-job.yaml (two pods of two processes). The nodes are folders of commands on this
machine; nothing is told of the network between real ones.
"""

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
from unittest.mock import patch

import pytest
import torch
import yaml
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
CLUSTERS = ROOT / "docs" / "clusters"
STEPS, BATCH = 100, 8
TINY = SMALL | {
    "data": {"kind": "procedural", "count": 41, "first_index": 0},  # no equal shares
    "loss": {"kind": "denoising", "time_mean": 1.0, "weight_limit": 25.0},
    "plan": {"steps": STEPS, "batch_size": 4},
}
# what stands for SLURM and for a disk with accelerate on it: name of a command, its text; Ctrl-C
# reaches only the second node, so that the first process has to hear of it from the others
COMMANDS = {
    "accelerate": f'#!/bin/sh\nexec {sys.executable} -m accelerate.commands.accelerate_cli "$@"\n',
    "scontrol": '#!/bin/sh\nif [ "$1" = show ]; then echo 127.0.0.1; echo other; fi\n'
    '[ "$1" = show ] || echo "$@" > "$FAKE/requeued"\n',
    "scancel": '#!/bin/sh\necho "$@" > "$FAKE/cancelled"\nkill -INT $(cat "$FAKE/launcher")\n',
    "srun": f"""#!{sys.executable}
import os, signal, subprocess, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
command = sys.argv[sys.argv.index("bash"):]
nodes = [
    subprocess.Popen(command, env={{**os.environ, "SLURM_NODEID": str(node)}}) for node in (0, 1)
]
with open(os.environ["FAKE"] + "/launcher", "w") as file:
    file.write(str(nodes[1].pid))
sys.exit(max(abs(node.wait()) for node in nodes))
""",
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


def free_port():
    with socket.socket() as free:
        free.bind(("", 0))
        return free.getsockname()[1]


def free_job():
    """A SLURM job whose port, as train.sbatch takes it, is free."""
    for job in range(os.getpid() % 10000, 20000):
        with socket.socket() as free, contextlib.suppress(OSError):
            free.bind(("", 20000 + job % 10000))
            return job


def started(command, commands, **variables):
    """Start a command that finds `commands` first; no GPU, one thread."""
    own = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", **variables}
    own["PATH"] = f"{commands}{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen(
        list(map(str, command)), cwd=ROOT, env=os.environ | own, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def ended(process, state=None, after=0, how=None):
    """What a process prints until its end, or until signal `how` once a step after `after` is saved.

    A launcher starts its processes in sessions of their own: Ctrl-C reaches it alone; kill -9 shall
    hit them all.
    """
    deadline = time.monotonic() + 120
    while how and saved_step(state) <= after and process.poll() is None:
        assert time.monotonic() < deadline, "no state after two minutes"
        time.sleep(0.02)
    top = psutil.Process(process.pid)
    for hit in [top, *top.children(recursive=True)] if how == signal.SIGKILL else [top]:
        if how:
            os.kill(hit.pid, how)
    output = process.communicate(timeout=120)[0]
    assert bool(process.returncode) == bool(how), output
    return output


def by_slurm(commands, config, folder):
    """Two nodes of two processes, begun by train.sbatch; each takes its share in two parts."""
    options = ["--accumulate", "2", "--device", "cpu", "--save-every", "5", "--out", folder]
    return started(
        ["bash", CLUSTERS / "train.sbatch", config, BATCH, *options],
        commands,
        FAKE=str(commands),
        SLURM_JOB_ID=str(free_job()),
        SLURM_JOB_NUM_NODES="2",
        SLURM_JOB_NODELIST="node[1-2]",
        SLURM_GPUS_ON_NODE="2",
        SLURM_CPUS_PER_TASK="2",
    )


def by_two(commands, config, folder):
    """Two processes on one machine."""
    launch = ["accelerate", "launch", "--multi_gpu", "--num_processes", "2"]
    train = ["-m", "course_utils", "train", config, "--out", folder, "--save-every", "5"]
    return started([*launch, "--main_process_port", free_port(), *train], commands)


def by_pods(commands, config, folder):
    """Two pods of two processes, each with the command and variables of train-job.yaml."""
    _, job = yaml.safe_load_all((CLUSTERS / "train-job.yaml").read_text(encoding="utf-8"))
    (container,) = job["spec"]["template"]["spec"]["containers"]
    variables = {one["name"]: one["value"] for one in container["env"]}
    ours = {"NAME": config, "BATCH": BATCH, "GPUS": 2, "FIRST": "127.0.0.1", "OUT": folder}
    assert ours.keys() < variables.keys() and "29500" in container["args"][0]
    command = container["args"][0].replace("29500", str(free_port()))
    variables |= {key: str(value) for key, value in ours.items()} | {"OMP_NUM_THREADS": "1"}
    return [
        started([*container["command"], command], commands, **variables, JOB_COMPLETION_INDEX=index)
        for index in ("0", "1")
    ]


@contextlib.contextmanager
def ctrl_c_after(steps):
    """Ctrl-C in this process after some steps more."""
    seen = iter([False] * (steps - 1))

    class Pressed:
        def __bool__(self):
            return next(seen, True)

    with patch(
        "course_utils.models.training.noticed_ctrl_c", lambda: contextlib.nullcontext(Pressed())
    ):
        yield


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """One process to the end; a team of four, then two, one and four again."""
    folder = tmp_path_factory.mktemp("team")
    commands, config, team = folder / "commands", folder / "tiny.json", folder / "team"
    commands.mkdir()
    for name, text in COMMANDS.items():
        (commands / name).write_text(text)
        (commands / name).chmod(0o755)
    config.write_text(json.dumps(TINY))
    state, seen, steps = team / "state.safetensors", {}, {}
    threads = torch.get_num_threads()
    # as in the team: the networks are too small to share, least of all on a busy machine
    torch.set_num_threads(1)
    alone = ["train", str(config), "--device", "cpu", "--batch-size", str(BATCH), "--out"]
    with contextlib.redirect_stderr(io.StringIO()) as said:
        main([*alone, str(folder / "one")])
    seen["alone"] = said.getvalue()
    seen["four"] = ended(by_slurm(commands, config, team), state, 15, signal.SIGUSR1)
    steps["four"] = saved_step(state)
    seen["two"] = ended(by_two(commands, config, team), state, steps["four"] + 10, signal.SIGKILL)
    steps["two"] = saved_step(state)
    said, stopping = io.StringIO(), pytest.raises(SystemExit)
    with contextlib.redirect_stderr(said), ctrl_c_after(7), stopping as stopped:
        main([*alone, str(team)])
    seen["one"], steps["one"] = f"{said.getvalue()}\n{stopped.value}", saved_step(state)
    pods = by_pods(commands, config, team)
    seen["pods"] = "".join(map(ended, pods))
    torch.set_num_threads(threads)
    return {"folder": folder, "seen": seen, "steps": steps}


def test_the_loss_curve_is_that_of_one_process_with_the_batch_of_all(story):
    expected = curve(story["seen"]["alone"])
    assert len(expected) == STEPS
    # the mean begins anew where a training is continued, so only the first team's is comparable
    losses = curve(story["seen"]["four"])
    assert len(losses) > 15
    assert max(abs(loss / expected[step] - 1) for step, loss in losses.items()) < 2e-4


def test_every_team_goes_on_from_the_last_state(story):
    steps, seen = story["steps"], story["seen"]
    assert 15 < steps["four"] < steps["two"] < steps["one"] == steps["two"] + 7 < STEPS
    assert steps["two"] % 5 == 0  # killed
    for before, now in (("four", "two"), ("two", "one"), ("one", "pods")):
        assert min(curve(seen[now])) == steps[before] + 1
    for before, now in (("four", "two"), ("one", "pods")):
        assert seen[now].count(f"continuing at step {steps[before]} of {STEPS}") == 1


def test_only_the_first_process_speaks(story):
    seen, steps = story["seen"], story["steps"]
    for name, processes in (("four", 4), ("two", 2), ("pods", 4)):
        assert seen[name].count(f"{processes} processes") == 1
    assert seen["two"].count(f" {steps['four'] + 2}/{STEPS} [") == 1


def test_out_of_time_all_nodes_stop_at_one_step_and_the_job_is_requeued(story):
    commands, at = story["folder"] / "commands", story["steps"]["four"]
    assert story["seen"]["four"].count(f"stopped at step {at}, saved in") == 1
    assert max(curve(story["seen"]["four"])) == at
    assert (commands / "cancelled").read_text().startswith("--signal=INT ")
    assert re.fullmatch(r"requeue \d+\n", (commands / "requeued").read_text())


def test_any_number_of_processes_continues_to_the_same_end(story):
    one, team = (
        load_file(story["folder"] / name / "state.safetensors") for name in ("one", "team")
    )
    torch.manual_seed(0)
    start = build_model(Config.of(TINY)).state_dict()
    for part in ("weights.", "ema."):
        ours, theirs = ({name: tensors[part + name] for name in start} for tensors in (team, one))
        # Adam makes rounding grow (exact: tests/diffusion/test_training.py)
        assert distance(ours, theirs) < 0.15 * distance(start, theirs)


def test_data_made_in_shares_are_those_of_one_process(story):
    """The pods made the data in four shares; the checkpoint says what they were."""
    one, team = (
        json.loads((story["folder"] / name / "checkpoint" / "config.json").read_text())["made"]
        for name in ("one", "team")
    )
    assert team["processes"] == 4 and team["data_sha256"] == one["data_sha256"]


def test_another_batch_of_all_is_refused_with_what_continues_it(story, capsys):
    config, folder = str(story["folder"] / "tiny.json"), str(story["folder"] / "team")
    with pytest.raises(SystemExit) as stop:
        main(["train", config, "--device", "cpu", "--out", folder])
    assert stop.value.code == 2
    assert (
        "plan.batch_size: 8 → 4; with one process it takes --batch-size 8"
        in capsys.readouterr().err
    )
