"""docs/clusters.md and its files: whole, with options that exist, and with the numbers counted.

The files are run by tests/cli/test_distributed.py.
"""

import contextlib
import importlib.util
import io
import re
import subprocess
from pathlib import Path

import pytest
import torch
import yaml
from torch import distributed

from course_utils.cli.main import main
from course_utils.diffusion.losses import Denoising
from course_utils.diffusion.training import Plan, Trainer, batches
from course_utils.files.results import load_results
from course_utils.models.checkpoints import build_model
from course_utils.models.config import Config
from course_utils.models.training import freeze
from course_utils.places import STUDIES

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "clusters"
teams = importlib.util.module_from_spec(
    importlib.util.spec_from_file_location("teams", ROOT / "benchmarks" / "teams.py")
)
teams.__spec__.loader.exec_module(teams)

PAGE = teams.PAGE.read_text(encoding="utf-8")
BATCH = (FOLDER / "train.sbatch").read_text(encoding="utf-8")
SERVICE, JOB = yaml.safe_load_all((FOLDER / "train-job.yaml").read_text(encoding="utf-8"))
(CONTAINER,) = JOB["spec"]["template"]["spec"]["containers"]


def help_of_train():
    with contextlib.redirect_stdout(io.StringIO()) as said, pytest.raises(SystemExit):
        main(["train", "--help"])
    return said.getvalue()


def launches():
    """Everything that page and files give to `accelerate launch`."""
    joined = [text.replace("\\\n", " ") for text in (PAGE, BATCH, CONTAINER["args"][0])]
    found = [re.findall(r"accelerate launch[^\n]*-m course_utils[^\n]*", text) for text in joined]
    assert all(found)
    return [line for lines in found for line in lines]


def test_the_batch_script_is_sound_shell():
    looked = subprocess.run(
        ["bash", "-n", FOLDER / "train.sbatch"], capture_output=True, text=True, check=False
    )
    assert (looked.returncode, looked.stderr) == (0, "")


def test_all_options_exist():
    parser = pytest.importorskip("accelerate.commands.launch").launch_command_parser()
    known = {option for action in parser._actions for option in action.option_strings}
    ours = set(re.findall(r"--[a-z-]+", help_of_train()))
    for line in launches():
        launcher, train = line.split("-m course_utils")
        assert set(re.findall(r"--[a-z_]+", launcher)) <= known, line
        assert set(re.findall(r"--[a-z-]+", train)) <= ours, line
    assert set(re.findall(r"`(--[a-z-]+)`", PAGE)) <= ours


def test_the_numbers_of_the_job_agree():
    spec, variables = JOB["spec"], {one["name"]: one["value"] for one in CONTAINER["env"]}
    nodes, gpus = int(variables["NODES"]), int(variables["GPUS"])
    assert spec["completionMode"] == "Indexed"
    assert spec["completions"] == spec["parallelism"] == nodes
    limits = CONTAINER["resources"]["limits"]
    assert limits["nvidia.com/gpu"] == str(gpus)
    assert int(limits["cpu"]) == gpus * int(variables["OMP_NUM_THREADS"])
    assert int(variables["BATCH"]) % (nodes * gpus) == 0
    pod, name = spec["template"]["spec"], JOB["metadata"]["name"]
    assert SERVICE["spec"]["selector"] == {"batch.kubernetes.io/job-name": name}
    assert (
        SERVICE["spec"]["clusterIP"] == "None" and pod["subdomain"] == SERVICE["metadata"]["name"]
    )
    assert variables["FIRST"] == f"{name}-0.{pod['subdomain']}"
    assert variables["FIRST"] in pod["initContainers"][0]["command"][-1]
    mounted = {one["name"] for one in CONTAINER["volumeMounts"]}
    assert mounted == {one["name"] for one in pod["volumes"]}


def test_the_tables_are_those_of_the_measurement():
    assert PAGE.endswith(teams.tables(*load_results(STUDIES / "teams.json")))


def test_the_numbers_that_learn_are_those_of_the_configs():
    contents, _ = load_results(STUDIES / "teams.json")
    names = {file.stem for file in (ROOT / "configs").glob("*.json")}
    assert contents["learned"] == {name: teams.learned(name) for name in names}


def test_a_step_averages_as_many_bytes_as_the_table_says(monkeypatch):
    sent = []
    monkeypatch.setattr(distributed, "all_reduce", lambda flat: sent.append(flat.nbytes))
    monkeypatch.setattr(distributed, "get_world_size", lambda: 2)
    config = Config.read("shapes32")
    model = build_model(config)
    freeze(model, config.frozen)
    trainer = Trainer(model, Plan(steps=1, batch_size=1), Denoising())
    trainer.processes = 2
    facts = torch.ones(2, len(config.classes) + config.facts)
    draw = batches(torch.zeros(2, config.channels, 32, 32, 32), facts)
    list(trainer.run(draw))
    assert sent == [teams.averaged_bytes(teams.learned("shapes32"))]
