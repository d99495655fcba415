"""A training from its config: what it begins from, what stays frozen, and how it continues."""

import json
import math
import signal
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from test_config import SEEING, TINY

from course_utils.diffusion.losses import LOSSES
from course_utils.diffusion.sampling import last
from course_utils.diffusion.training import Trainer
from course_utils.models import training
from course_utils.models.checkpoints import build_model, load_checkpoint, save_checkpoint
from course_utils.models.config import Config
from course_utils.models.prompting import sampling_states
from course_utils.models.recipes import source_of
from course_utils.models.training import Stopped, begin_from, begun, freeze, train


def test_a_training_may_begin_from_a_trained_trunk_and_from_a_trained_sketch(tmp_path):
    torch.manual_seed(0)
    plain = Config.of(TINY).with_network(details=0)
    trunk = build_model(plain)
    save_checkpoint(tmp_path / "trunk", trunk, plain, "")
    told = {"kind": "named", "families": 2, "facts": 7, "sketch": 4}
    told = Config.of(TINY).with_network(details=16, conditioners=[told])
    width = build_model(told).network.noise_level.width
    alone = {"kind": "FromFacts", "dimensions": 3, "side": 4, "families": 2, "facts": 7}
    alone = Config.of({"network": alone | {"width": width}, "path": "flow", "prediction": "x0"})
    facts = build_model(alone)
    save_checkpoint(tmp_path / "facts", facts, alone, "")
    denoiser = build_model(told)
    before = {k: v.clone() for k, v in denoiser.state_dict().items()}
    begin_from(denoiser, [])
    assert all(torch.equal(value, before[name]) for name, value in denoiser.state_dict().items())
    begin_from(denoiser, [str(tmp_path / "trunk"), str(tmp_path / "facts")])
    trunk, facts = trunk.half().float().state_dict(), facts.half().float().state_dict()
    for name, value in denoiser.state_dict().items():
        assert torch.equal(value, trunk.get(name, facts.get(name, before[name]))), name
    named = {name for name in before if name.startswith("network.conditioner.named.")}
    assert named and named <= set(facts) and not named & set(trunk)
    assert set(before) - set(trunk) - named
    with pytest.raises(
        ValueError, match=r"frozen names network\.nothing, but the model has no such part"
    ):
        freeze(denoiser, ["network.nothing"])
    with pytest.raises(
        ValueError,
        match=r"begin_from names runs/nothing/checkpoint, .* python3 course.py train nothing",
    ):
        begin_from(denoiser, ["runs/nothing/checkpoint"])


@pytest.mark.parametrize("config", [TINY, SEEING], ids=["shapes", "facts"])
def test_a_stopped_training_continues_exactly(config, tmp_path):
    (tmp_path / "x.json").write_text(json.dumps(config))
    config = Config.read(tmp_path / "x.json").with_plan(steps=6)
    quiet, lines = {"device": "cpu", "show_progress": False}, []
    whole = train(config, tmp_path / "whole", say=lines.append, **quiet)

    def stop_at_3(self, draw, until=None, run=training.Trainer.run):
        for done in run(self, draw, until):
            yield done
            if done.step == 3:
                signal.raise_signal(signal.SIGINT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.Trainer, "run", stop_at_3)
        with pytest.raises(Stopped, match=r"stopped at step 4, saved in .*state\.safetensors"):
            train(config, tmp_path / "parts", say=str, **quiet)
    again = train(config, tmp_path / "parts", say=lines.append, **quiet)
    assert lines[0].startswith(f"{config.name}: ") and lines[1].startswith(
        "continuing at step 4 of 6"
    )
    first, second = (load_file(folder / "model.safetensors") for folder in (whole, again))
    assert all(torch.equal(second[name], value) for name, value in first.items())
    assert load_checkpoint(again)[1].made["shapes"] == load_checkpoint(whole)[1].made["shapes"]


def test_shapes64_is_shapes32_at_twice_the_resolution_and_takes_a_step():
    """Training and sampling move by the 3 log 2 that a factor of 2 takes from the log-SNR."""
    small, large = Config.read("shapes32"), Config.read("shapes64")
    assert large.resolution == 2 * small.resolution and large.classes == small.classes
    assert large.network.conditioners == small.network.conditioners
    means = [one.loss.arguments["time_mean"] for one in (small, large)]  # of -log-SNR / 2
    assert means[1] - means[0] == pytest.approx(1.5 * math.log(2), abs=0.01)
    assert large.sampling.shift / small.sampling.shift == pytest.approx(2**1.5, rel=0.01)
    assert large.log_snr_range - small.log_snr_range == pytest.approx(3 * math.log(2), abs=0.1)
    data = replace(large.data, arguments=large.data.arguments | {"count": 3})
    source = source_of(replace(large, data=data))
    plan = replace(large.plan, steps=2, batch_size=1)
    trainer = Trainer(
        begun(replace(large, begin_from=())), plan, LOSSES[large.loss.kind](**large.loss.arguments)
    )
    before = trainer.model.network.stem.weight.clone()
    losses = [done.loss for done in trainer.run(source.draw)]
    assert all(map(math.isfinite, losses)) and len(losses) == 2
    assert not torch.equal(before, trainer.model.network.stem.weight)
    made = last(sampling_states(trainer.ema, large, ["mug"], [0], steps=1)).x_t
    assert made.shape == (1, 5, 64, 64, 64) and made.isfinite().all()
