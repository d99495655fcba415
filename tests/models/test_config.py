"""Configs: hundreds of altered ones train, or are refused in one line that names file and key."""

import copy
import json
import math
import random
from dataclasses import replace
from tempfile import TemporaryDirectory

import pytest
import torch
from torch import nn

from course_utils.datasets.captions import facts_of
from course_utils.datasets.captions.speech import speakable_facts
from course_utils.diffusion.training import batches
from course_utils.geometry.voxels import to_model
from course_utils.models import checkpoints, recipes, rules
from course_utils.models.checkpoints import build_model, load_checkpoint, save_checkpoint
from course_utils.models.config import KEYS, Config
from course_utils.models.prompting import condition_of, sampling_states
from course_utils.models.training import train
from course_utils.networks.conditioning import Conditioner, Given
from course_utils.networks.unet import UNet
from course_utils.places import CHECKPOINTS, CONFIGS

TINY = {
    "name": "tiny",
    "about": "A test",
    "classes": ["chair", "table"],
    "resolution": 8,
    "data": {"kind": "procedural", "count": 6, "first_index": 0},
    "network": {
        "kind": "UNet",
        "dimensions": 3,
        "channels": [8],
        "patch": 4,
        "blocks": 1,
        "heads": 2,
        "details": 4,
        "conditioners": [{"kind": "labels", "classes": 2}],
    },
    "path": "flow",
    "prediction": "x0",
    "log_snr_range": 10.0,
    "loss": {"kind": "denoising", "time_mean": 1.8, "loss_in": "velocity", "drop_condition": 0.1},
    "plan": {"steps": 1, "batch_size": 2, "learning_rate": 0.001, "ema_decay": 0.99, "seed": 3},
    "sampling": {"sampler": "ddim", "steps": 4, "shift": 1.0, "guidance_scale": 2.0},
}
NAMED = TINY | {
    "data": {"kind": "named", "count": 12, "first_index": 0, "wordings": 2},
    "network": {
        "kind": "UNet",
        "dimensions": 3,
        "in_channels": 5,
        "channels": [8],
        "patch": 4,
        "heads": 2,
        "conditioners": [{"kind": "named", "sketch": 4}],
    },
    "frozen": ["network.conditioner.named.sketch"],
}
FOLDER = TemporaryDirectory(prefix="guesser")  # of an untrained model, on whose guesses SEEING is
GUESSER = Config.of(rules.filled(NAMED))
save_checkpoint(FOLDER.name, build_model(GUESSER), GUESSER, "")
SEEING = {
    "name": "seeing",
    "about": "A test",
    "classes": ["chair", "table"],
    "resolution": 16,
    "data": {"kind": "facts_of_guesses", "model": FOLDER.name, "count": 12},
    "network": {"kind": "FactsOfShape", "side": 16, "channels": [8, 8, 8], "hidden": 8},
    "loss": {"kind": "bits"},
    "plan": {"steps": 1, "batch_size": 2},
}
JUNK = (None, True, 0, 1, -1, 0.5, 10**12, 1e300, math.nan, math.inf, "", "../x", [], {}, [[{}]])


def places(entries, path=()):
    """The path of every entry and item of a JSON value."""
    inner = entries.items() if isinstance(entries, dict) else enumerate(entries)
    for key, value in inner:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def owner(entries, path):
    for key in path[:-1]:
        entries = entries[key]
    return entries


def altered(config: dict, count: int, seed: int = 0):
    """`count` spoilt configs, always the same: entries deleted, misspelt, added, made junk."""
    ways = []
    for path in places(config):
        ways += [(path, "value", junk) for junk in JUNK]
        if isinstance(path[-1], str):
            name = path[-1]
            typo = name[:-2] + name[-1] + name[-2] if name[-1] != name[-2] else name + "s"
            ways += [(path, "delete", None), (path, "key", typo), (path, "key", f"{name}_x")]
        if isinstance(owner(config, path)[path[-1]], dict):
            ways.append(((*path, "colour"), "value", "red"))
    for path, what, value in random.Random(seed).sample(ways, min(count, len(ways))):
        spoilt = copy.deepcopy(config)
        inside = owner(spoilt, path)
        if what == "value":
            inside[path[-1]] = value
        else:
            old = inside.pop(path[-1])
            if what == "key":
                inside[value] = old
        yield f"{'.'.join(map(str, path))}: {what} {value!r}", spoilt


def refused_well(error: ValueError, file) -> bool:
    """Whether a message is one line that begins with the file and a key of a config."""
    message = str(error)
    key = message.removeprefix(f"{file}: ").split(" ")[0].split(".")[0].split("[")[0].strip(":,")
    known = key in (*KEYS, "the") or " is unknown; " in message
    return message.startswith(f"{file}: ") and "\n" not in message and known


@pytest.mark.parametrize(
    ("config", "count"), [(TINY, 400), (NAMED, 200), (SEEING, 400)], ids=lambda value: ""
)
def test_altered_training_configs_train_or_are_refused_in_one_line(config, count, tmp_path):
    file, trained, refused = tmp_path / "altered.json", 0, 0
    for number, (way, spoilt) in enumerate(altered(config, count)):
        file.write_text(json.dumps(spoilt))
        try:
            read = Config.read(file)
            out = tmp_path / str(number)
            train(read.with_plan(steps=1), out, device="cpu", say=str, show_progress=False)
        except ValueError as error:
            assert refused_well(error, file), f"{way}: {error}"
            refused += 1
        except Exception as error:
            raise AssertionError(f"{way}: {type(error).__name__}: {error}") from error
        else:
            trained += 1
    assert trained > 10 and refused > 0.7 * count


@pytest.mark.parametrize("config", [TINY, NAMED, SEEING], ids=lambda value: "")
def test_altered_checkpoint_configs_sample_or_are_refused_in_one_line(config, tmp_path):
    (tmp_path / "first.json").write_text(json.dumps(config))
    folder = train(Config.read(tmp_path / "first.json"), tmp_path / "run", device="cpu")
    file = folder / "config.json"
    whole, loaded, refused = json.loads(file.read_text()), 0, 0
    for way, spoilt in altered(whole, 300):
        file.write_text(json.dumps(spoilt))
        try:
            denoiser, read = load_checkpoint(folder)
            if read.makes_shapes:
                states = sampling_states(denoiser, read, [read.classes[0]], [0], steps=1)
                assert len(list(states)) == 1
        except ValueError as error:
            damaged = str(error).startswith(str(folder / "model.safetensors"))
            assert damaged or refused_well(error, file), f"{way}: {error}"
            refused += 1
        except Exception as error:
            raise AssertionError(f"{way}: {type(error).__name__}: {error}") from error
        else:
            loaded += 1
    assert loaded > 10 and refused > 150


def spoilt(**changes) -> dict:
    """The tiny config with entries changed: data__kind="x" changes data.kind; None removes one."""
    config = copy.deepcopy(TINY)
    for key, value in changes.items():
        *outer, last = key.split("__")
        inside = owner(config, [*outer, last])
        inside[last] = value
        if value is None:
            del inside[last]
    return config


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (spoilt(data__kind="procedual"), "data.kind is 'procedual'; did you mean 'procedural'?"),
        (spoilt(clases=["chair"]), "clases is unknown; did you mean 'classes'?"),
        (spoilt(plan__learning_rat=0.1), "plan.learning_rat is unknown; did you mean 'learning_rate'?"),
        (spoilt(network__kind="Unet"), "network.kind is 'Unet'; did you mean 'UNet'?"),
        (spoilt(network__chanels=[8]), "network.chanels is unknown; did you mean 'channels'?"),
        (spoilt(classes=["chair", "tabel"]), "classes[1] is 'tabel'; did you mean 'table'?"),
        (spoilt(sampling__sampler="ddmp"), "sampling.sampler is 'ddmp'; did you mean 'ddpm'?"),
        (spoilt(path="flwo"), "path is 'flwo'; did you mean 'flow'?"),
        (spoilt(prediction="eps"), "prediction is 'eps'; expected one of x0, noise, v, score, velocity"),
        (spoilt(loss__loss_in="velocty"), "loss.loss_in is 'velocty'; did you mean 'velocity'?"),
        (spoilt(loss={"knid": "denoising"}), "loss.knid is unknown; did you mean 'kind'?"),
        (spoilt(plan=None), "plan is missing"),
        (spoilt(data__count=None), "data.count is missing"),
        (spoilt(data__count="22000"), "data.count is '22000'; expected a whole number from 1 to 10,000,000"),
        (spoilt(plan__steps=1e3), "plan.steps is 1000.0; expected a whole number from 1 to 1,000,000,000"),
        (spoilt(plan__batch_size=True), "plan.batch_size is true; expected a whole number from 1 to 65,536"),
        (spoilt(plan__learning_rate=math.nan), "plan.learning_rate is NaN; expected a finite number from 1e-12 to 10"),
        (spoilt(name="../home"), "name is '../home'; expected the name of a folder: 1 to 100 characters, no /, \\, : or .., no . in front"),
        (spoilt(resolution=30), "resolution is 30; expected a multiple of 4: network.patch, doubled at each level after the first"),
        (spoilt(network__channels=[]), "network.channels is []; expected a list, each item a whole number from 1 to 4,096"),
        (spoilt(network__heads=3), "network.heads is 3; expected a divisor of 8 channels"),
        (spoilt(network__dimensions=2), "network.dimensions is 2; expected 3, for shapes"),
        (spoilt(network__conditioners=[{"kind": "labels", "classes": 3}]), "network.conditioners[0].classes is 3; expected 2, as many as there are classes"),
        (spoilt(sampling__steps=0), "sampling.steps is 0; expected a whole number from 1 to 10,000"),
        (spoilt(data=SEEING["data"]), "data.kind is 'facts_of_guesses', which does not fit this UNet; expected one of procedural, materials, npz"),
        (spoilt(loss={"kind": "bits"}), "loss.kind is 'bits'; expected a loss for shapes: 'denoising'"),
        (SEEING | {"path": "flow"}, "path belongs to a denoiser, and FactsOfShape is none; remove it"),
        (NAMED | {"network": TINY["network"] | {"in_channels": 5}}, "data.kind is 'named', which does not fit this UNet; expected one of procedural, materials, npz"),
        (NAMED | {"network": TINY["network"]}, "network.in_channels is 1; expected 5, for shapes with materials"),
        ([], "the config is []; expected an object, {...}"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)  # fmt: skip
def test_messages_name_file_key_value_and_the_nearest_spelling(config, message, tmp_path):
    file = tmp_path / "x.json"
    file.write_text(json.dumps(config))
    with pytest.raises(ValueError) as refused:
        Config.read(file)
    assert str(refused.value) == f"{file}: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "x.json is not JSON with a config in it: Expecting property name"),
        ('{"name": "a", "name": "b"}', "the key 'name' appears twice"),
        ("[" * 100_000, "x.json is not JSON with a config in it"),
        ("\xff", "x.json is not JSON with a config in it"),
    ],
    ids=["cut", "twice", "deep", "bytes"],
)
def test_files_that_are_no_json(text, message, tmp_path):
    (tmp_path / "x.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError) as refused:
        Config.read(tmp_path / "x.json")
    assert message in str(refused.value) and "\n" not in str(refused.value)


def test_a_config_is_found_by_name_or_path_and_a_typo_is_answered():
    assert Config.read("shapes32") == Config.read(CONFIGS / "shapes32.json")
    assert Config.read("shapes32").where.replace("\\", "/") == "configs/shapes32.json"
    with pytest.raises(ValueError, match="no config 'shape32'; did you mean 'shapes32'"):
        Config.read("shape32")
    with pytest.raises(
        ValueError, match=r"no config 'xyz'; there are facts-of-guesses32, .* path to a \.json"
    ):
        Config.read("xyz")


@pytest.mark.parametrize("name", sorted(path.stem for path in CONFIGS.glob("*.json")))
def test_every_training_of_ours_is_accepted_and_keeps_its_json(name):
    config, written = Config.read(name), json.loads((CONFIGS / f"{name}.json").read_text())
    again = config.to_dict()
    assert Config.of(again) == config and config.name == name
    assert {key: again[key] for key in written if key != "network"} == {
        key: value for key, value in written.items() if key != "network"
    }
    known = speakable_facts(config.classes) if name == "reader" else facts_of(config.classes)
    assert config.facts == (0 if name == "modelnet10-chairs32" else len(known))


@pytest.mark.parametrize("name", sorted(path.name for path in CHECKPOINTS.iterdir()))
def test_shipped_checkpoints_keep_their_config_to_the_letter(name):
    text = (CHECKPOINTS / name / "config.json").read_text()
    assert json.dumps(Config.of(json.loads(text)).to_dict(), indent=2) + "\n" == text


def test_what_changes_is_written_and_what_was_absent_stays_absent():
    config = Config.of(TINY)
    assert config.to_dict() == TINY and config.sampling.tries == 1
    changed = replace(config.with_plan(steps=9, warmup=7), name="other", frozen=("network",))
    expected = TINY | {"name": "other", "frozen": ["network"]}
    assert changed.to_dict() == expected | {"plan": TINY["plan"] | {"steps": 9, "warmup": 7}}
    assert config.to_dict() == TINY  # nothing is shared
    with pytest.raises(ValueError, match="steps is 0"):
        config.with_plan(steps=0)


def test_giants_are_refused_without_their_memory(tmp_path):
    (tmp_path / "x.json").write_text(
        json.dumps(spoilt(network__channels=[4096], network__blocks=64))
    )
    with pytest.raises(ValueError, match=r"x\.json: network describes no model: .* parameters"):
        build_model(Config.read(tmp_path / "x.json"))


def test_what_fails_late_is_refused_before_data_are_made(tmp_path, monkeypatch):
    from course_utils.models import training

    monkeypatch.setattr(training, "source_of", lambda *_: pytest.fail("data were made"))
    file = tmp_path / "x.json"
    for entries, message in [
        (
            TINY | {"begin_from": ["runs/nothing/checkpoint"]},
            "begin_from names runs/nothing/checkpoint",
        ),
        (TINY | {"frozen": ["network.nothing"]}, "frozen names network.nothing, but"),
        (TINY | {"frozen": ["network"]}, "frozen names network, and nothing is left to train"),
        (SEEING | {"data": SEEING["data"] | {"model": "runs/x"}}, "data.model names runs/x, which"),
    ]:
        file.write_text(json.dumps(entries))
        with pytest.raises(ValueError) as refused:
            train(Config.read(file), tmp_path / "run", device="cpu")
        assert str(refused.value).startswith(f"{file}: {message}")


def test_a_network_that_only_fails_when_it_runs_is_refused(tmp_path):
    seer = SEEING | {"network": SEEING["network"] | {"channels": [8, 8]}}
    (tmp_path / "x.json").write_text(json.dumps(seer))
    with pytest.raises(ValueError, match=r"x\.json: network cannot be run: mat1 and mat2"):
        train(Config.read(tmp_path / "x.json"), tmp_path / "run", device="cpu")


class Height(Conditioner):
    """A new conditioner, as a file of its own might have it: a share of the grid's height (B,)."""

    name, takes = "height", "heights"

    def __init__(self, width):
        super().__init__()
        self.layer, self.nothing = nn.Linear(1, width), nn.Parameter(torch.zeros(width))

    def given(self, condition):
        vector = self.layer(condition[:, None].float())
        return Given(vectors=(torch.where(condition[:, None] < 0, self.nothing, vector),))


def test_a_new_network_and_a_new_condition_train_and_sample_from_a_config(tmp_path, monkeypatch):
    """With the entries in the registries that CONTRIBUTING.md names, and no other change."""

    class Other(UNet):
        """Any network with conditioners."""

    def on_height():
        return lambda width, dimensions: Height(width)

    def tall(config, given, make, *, count: int):
        voxels, _ = recipes.procedural_shapes(config, count, make=make)
        heights = voxels.any(3).any(2).float().mean(1)
        return recipes.Source(batches(voxels, heights, to_model), voxels)

    file = tmp_path / "x.json"
    network = {"kind": "Other", "conditioners": [{"kind": "height"}]}
    file.write_text(json.dumps(spoilt(network=TINY["network"] | network)))
    monkeypatch.setitem(checkpoints.NETWORKS, "Other", Other)
    monkeypatch.setitem(rules.MAKES, "Other", ("shapes", None))
    monkeypatch.setitem(checkpoints.CONDITIONERS, "height", on_height)
    monkeypatch.setitem(rules.TAKES, "height", "heights")
    with pytest.raises(ValueError, match="a recipe that gives heights, and there is none yet"):
        Config.read(file)
    monkeypatch.setitem(recipes.RECIPES, "tall", tall)
    monkeypatch.setitem(rules.GIVES, "tall", ("shapes", "heights"))
    data = {"kind": "tall", "count": 4}
    file.write_text(json.dumps(spoilt(network=TINY["network"] | network, data=data)))
    model, config = load_checkpoint(
        train(Config.read(file), tmp_path / "run", device="cpu", show_progress=False)
    )
    assert condition_of(config, ["chair", "table"]) is None  # no prompt says a height
    assert len(list(sampling_states(model, config, ["chair"], [0], steps=2))) == 2
    x, t = torch.zeros(2, 1, 8, 8, 8), torch.tensor(0.5)
    assert model(x, t, torch.tensor([0.4, -1])).shape == x.shape
