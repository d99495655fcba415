"""The report on a trained model: what it compares with what, and what the card says."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from course_utils.datasets.shapes import FAMILIES, make_shape, make_shapes
from course_utils.evaluation.fields import Drawn, field_report
from course_utils.files.results import load_results
from course_utils.geometry.matter import matter_to_model
from course_utils.models import ranking
from course_utils.models.checkpoints import build_model, save_checkpoint
from course_utils.models.config import Config
from course_utils.models.ranking import best_of

ROOT = Path(__file__).parents[2]
FILE = ROOT / "benchmarks" / "quality.py"
quality = importlib.util.module_from_spec(importlib.util.spec_from_file_location("quality", FILE))
quality.__spec__.loader.exec_module(quality)

CONFIG = {
    "name": "tiny",
    "about": "Untrained",
    "classes": ["table", "mug"],
    "resolution": 8,
    "data": {"kind": "procedural", "count": 12, "first_index": 0},
    "network": {
        "kind": "UNet",
        "dimensions": 3,
        "channels": [8],
        "patch": 2,
        "blocks": 1,
        "conditioners": [{"kind": "labels", "classes": 2}],
    },
    "path": "flow",
    "prediction": "x0",
    "sampling": {"sampler": "ddim", "steps": 2, "shift": 3.0, "guidance_scale": 1.0, "tries": 4},
}


def with_materials(**changes):
    """The tiny config with coverage and slots."""
    network = CONFIG["network"] | {"in_channels": 5}
    data = CONFIG["data"] | {"kind": "materials"}
    return CONFIG | {"network": network, "data": data} | changes


class Knows(torch.nn.Module):
    """A network that answers with shapes that it was given, whatever the noise: x (B, C, …).

    The first of a batch gets the first shape, and so on; `labels` are those that it was asked for.
    """

    def __init__(self, x):
        super().__init__()
        self.weight, self.x, self.labels = torch.nn.Parameter(torch.zeros(1)), x, []

    def forward(self, x, log_snr, condition=None):
        self.labels.append(condition)
        return self.x[: len(x)]


class Echo(torch.nn.Module):
    """A network that answers with what it is given: each seed has a shape of its own."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x, log_snr, condition=None):
        return x


def model(entries=CONFIG, file=None, x=None):
    """An untrained model with a config, or one that answers with x."""
    config = Config.of(entries)
    denoiser = build_model(config)
    if x is not None:
        denoiser.network = Knows(x)
    return quality.Model(denoiser, config, file)


def tables(seeds, side=8):
    """Tables as a model with materials sees them: (N, 5, side, side, side)."""
    matter = [make_shape("table", seed, side).matter for seed in seeds]
    return matter_to_model(torch.from_numpy(np.stack(matter)))


def test_samples_are_of_the_class_asked_for_with_their_slots():
    x, seconds = tables(range(8)), []
    made = model(with_materials(), x=x)
    drawn = quality.samples(made, "table", range(11), seconds)
    again = torch.cat([x, x[:3]])
    assert np.allclose(drawn.fields, again[:, 0], atol=1e-5)
    filled = again[:, 0] > 0
    expected = 1 + again[:, 1 : 1 + len(FAMILIES["table"].SLOTS)].argmax(1)
    assert np.array_equal(drawn.slots[filled], expected[filled])
    assert all((labels == 0).all() for labels in made.denoiser.network.labels)
    assert len(seconds) == 1 and 0 < seconds[0] < 10  # the second batch is not full
    assert quality.samples(model(x=x[:, :1]), "mug", range(3), []).slots is None


def test_training_and_held_out_shapes_are_those_of_the_config():
    for entries in (CONFIG, with_materials()):
        entries = entries | {"data": entries["data"] | {"first_index": 5}}
        made = model(entries)
        taken = [seed for seed in range(5, 17) if seed % 2 == 1]  # families take turns
        shapes = [make_shape("mug", seed, 8) for seed in taken]
        materials = entries["data"]["kind"] == "materials"
        true = [shape.coverage > 0.5 if materials else shape.voxels for shape in shapes]
        assert np.array_equal(quality.learned(made, "mug"), true)
        sets = quality.held_out(made, "mug", 4, 3)
        seeds = [seed for one in range(3) for seed in range(17 + 4 * one, 21 + 4 * one)]
        shapes = [make_shape("mug", seed, 8) for seed in seeds]
        fields = np.concatenate([one.fields for one in sets])
        assert len(sets) == 3 and fields.dtype == np.float32
        if materials:
            assert np.allclose(fields, [2 * shape.coverage - 1 for shape in shapes])
            slots = np.concatenate([one.slots for one in sets])
            assert np.array_equal(slots, [shape.slots for shape in shapes])
        else:
            assert np.array_equal(fields, [2.0 * shape.voxels - 1 for shape in shapes])
            assert sets[0].slots is None


@pytest.fixture
def file(tmp_path):
    """A file of ten tables and ten mugs, the last of either seven held out, and the voxels."""
    voxels, labels = make_shapes(20, 8, ("table", "mug")).voxels, np.array([0, 1] * 10, np.uint8)
    # such files have x first
    as_stored = np.packbits(voxels.transpose(0, 3, 2, 1).reshape(20, -1), axis=1)
    parts = {"train_voxels": as_stored[:6], "train_labels": labels[:6]}
    parts |= {"test_voxels": as_stored[6:], "test_labels": labels[6:]}
    np.savez(tmp_path / "some.npz", classes=np.array(["table", "mug"]), **parts)
    return tmp_path / "some.npz", voxels


def test_of_a_file_training_and_test_split_are_used(file):
    entries = CONFIG | {"data": {"kind": "npz", "file": "some.npz"}}
    made, voxels = model(entries, file[0]), file[1]
    assert np.array_equal(quality.learned(made, "mug"), voxels[[1, 3, 5]])
    for count, sets, rows in ((3, 2, [[7, 9, 11], [13, 15, 17]]), (9, 3, [range(7, 20, 2)])):
        found = quality.held_out(made, "mug", count, sets)
        assert len(found) == len(rows)
        for one, own in zip(found, rows, strict=True):
            assert np.array_equal(one.fields > 0, voxels[list(own)])
    found = quality.measure_family(made, "mug", 9, 3, [])
    assert found["surface"] is None and len(found["draws"]) == 1
    (draw,) = found["draws"]
    assert draw["oracle"]["count"] == 3 and draw["oracle"]["copies"] == 1  # training shapes
    assert draw["samples"]["count"] == 7 and draw["samples"]["sound"] is None


@pytest.mark.parametrize("enough", [0.03, 9.0])
def test_generated_is_what_the_best_of_all_tries_makes(monkeypatch, enough):
    """The first try is not made again, and kept where no other is better."""
    made, seeds = model(), range(3, 12)
    made.denoiser.network = Echo()
    asked, sampling_states = [], ranking.sampling_states

    class Brightest:
        def __call__(self, x, prompts):
            return x.flatten(1).mean(1)

    def watched(denoiser, config, prompts, seeds, **how):
        asked.extend(seeds)
        return sampling_states(denoiser, config, prompts, seeds, **how)

    Brightest.enough = enough
    monkeypatch.setattr(quality, "shipped_ranker", lambda config: Brightest())
    monkeypatch.setattr(quality, "finished", lambda field: field)
    wanted = best_of(4, Brightest(), made.denoiser, made.config, ["mug"] * 9, list(seeds))
    assert 0 < len(set(wanted.seeds) - set(seeds)) < 9
    monkeypatch.setattr(ranking, "sampling_states", watched)
    first = quality.samples(made, "mug", seeds, [])
    kept = quality.generated(made, "mug", seeds, first)
    assert np.allclose(kept.fields, wanted.x[:, 0], atol=1e-5)
    assert asked and not set(asked) & set(seeds)
    assert not np.array_equal(kept.fields, first.fields)


def test_generated_shapes_are_finished(monkeypatch):
    fields = np.full((2, 8, 8, 8), -1.0, np.float32)
    fields[:, [0, 1, 2, 4], 2:6, 2:6] = 1
    fields[1, 7, 7, 7] = 1
    tried_once = model(CONFIG | {"sampling": CONFIG["sampling"] | {"tries": 1}})
    monkeypatch.setattr(
        quality, "shipped_ranker", lambda config: ranking.Judgement(tried_once.config)
    )
    kept = quality.generated(
        tried_once,
        "mug",
        range(2),
        Drawn(fields),
    )
    assert (kept.fields[:, 3] > 0).any() and not (kept.fields[:, 7] > 0).any()
    assert fields[1, 7, 7, 7] == 1 and kept.slots is None


def test_what_closes_a_gap_has_the_slot_of_its_neighbours(monkeypatch):
    fields, slots = np.full((1, 8, 8, 8), -1.0, np.float32), np.full((1, 8, 8, 8), 3, np.uint8)
    fields[:, [0, 1, 2, 4], 2:6, 2:6] = 1
    slots[:, :3], slots[:, 4] = 1, 2
    entries = with_materials(sampling=CONFIG["sampling"] | {"tries": 1})
    kept = quality.generated(model(entries), "mug", range(1), Drawn(fields, slots))
    new = (kept.fields > 0) & (fields < 0)
    assert new[:, 3].any() and set(np.unique(kept.slots[new])) <= {1, 2}
    assert np.array_equal(kept.slots[fields > 0], slots[fields > 0]) and (slots[new] == 3).any()


def test_each_draw_is_compared_with_real_shapes_of_its_own(monkeypatch):
    made = model(with_materials())
    asked = []

    def samples(model, family, seeds, seconds):
        asked.append(seeds)
        return sets[len(asked) - 1]  # a perfect model: real shapes, and those that it draws later

    monkeypatch.setattr(quality, "samples", samples)
    monkeypatch.setattr(quality, "generated", lambda model, family, seeds, first: sets[3])
    sets = quality.held_out(made, "mug", 5, 4)
    found = quality.measure_family(made, "mug", 5, 2, [])
    assert asked == [range(5), range(5, 10)]
    training = quality.learned(made, "mug")
    for draw, reports in enumerate(found["draws"]):
        assert reports["samples"]["accuracy"] < 0.6  # the same shapes: each is another's nearest
        for name, one in (("samples", draw), ("generated", 3), ("oracle", draw + 1)):
            filled, copies = sets[one].fields > 0, reports[name]["copies"]
            assert reports[name]["filled"] == pytest.approx(filled.mean())
            assert copies == quality_copies(filled, training)
        other = quality.Compared(
            *(points := [quality.points_of(sets[draw + k].fields, 1 + draw + k) for k in (1, 0)])[
                :1
            ],
            quality.chamfer_within(points[0]),
            quality.chamfer_distances(*points),
            quality.chamfer_within(points[1]),
        )
        expected = field_report(sets[draw + 1], other, training, "mug", False)
        assert reports["oracle"] == expected._asdict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def quality_copies(voxels, training):
    both = (voxels[:, None] & training[None]).sum((2, 3, 4))
    either = (voxels[:, None] | training[None]).sum((2, 3, 4))
    return float(((both / either).max(1) >= 0.95).mean())


def test_a_model_that_knows_the_shape_has_the_distance_of_the_data(monkeypatch):
    """The surface of a model that answers with the true shape lies where the data's does."""
    monkeypatch.setattr(quality, "FINE", 32)
    made = model(with_materials(), x=tables(range(12, 20)))
    found = quality.surface(made, "table", 8)
    assert found["finished"] == pytest.approx(found["kept"], abs=1e-3)
    assert 0 < found["true"] < found["kept"] < 1
    made.denoiser.network.x = made.denoiser.network.x.roll(1, 2)  # a voxel too high
    assert quality.surface(made, "table", 8)["finished"] > found["kept"] + 0.2


def test_the_model_finishes_shapes_that_are_half_noise():
    """It is asked at a log-SNR of 0 or above, first of a mean of shape and noise."""
    asked = []

    class Watches(Knows):
        def forward(self, x, log_snr, condition=None):
            asked.append((x, log_snr, condition))
            return super().forward(x, log_snr)

    made = model(with_materials())
    x0 = tables(range(4))
    made.denoiser.network = Watches(x0)
    real = quality.real(made.config, "table", range(4))
    drawn = quality.finished_by_the_model(made, "table", real, range(4))
    assert np.allclose(drawn.fields, x0[:, 0], atol=1e-5)
    x, log_snr, condition = asked[0]
    noise = quality.gaussian(range(4), (5, 8, 8, 8))
    scale = x.std() / (0.5 * (x0 + noise)).std()  # as the network's input is scaled
    assert torch.allclose(x, scale * 0.5 * (x0 + noise), atol=1e-4)
    assert float(log_snr.flatten()[0]) == pytest.approx(0, abs=1e-5) and (condition == 0).all()
    assert all(float(at.flatten()[0]) >= -1e-5 for _, at, _ in asked)


def report(**changes):
    """A report of one draw, all shapes as good as they can be."""
    whole = {"count": 4, "empty": 0.0, "accuracy": 0.5, "coverage": 0.6, "sound": 1.0}
    whole |= {"one_piece": 1.0, "slots_right": 1.0, "roughness": 10.0, "filled": 0.1, "copies": 0.0}
    return whole | changes


def family(*samples, oracle=None, **generated):
    """A family whose draws have these samples; all generated are alike, and all oracles."""
    draws = [
        {"samples": one, "generated": report(**generated), "oracle": oracle or report()}
        for one in samples
    ]
    return {"draws": draws, "surface": {"finished": 0.2, "kept": 0.15, "true": 0.1}}


def test_the_table_has_means_over_draws_and_families():
    one = family(report(accuracy=0.5), report(accuracy=0.6))
    other = family(report(accuracy=0.7, sound=0.5), report(accuracy=0.6), one_piece=0.25)
    lines = quality.table({"table": one, "mug": other}).splitlines()
    assert len(lines) == 5 and all(line.count("|") == lines[0].count("|") for line in lines)
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert cells[2][:3] == ["table", "55.0 ± 7.1 %", "50.0 %"]  # standard deviation of 50 and 60
    assert cells[4][:2] == ["mean", "60.0 ± 0.0 %"]  # either draw has 60 on average
    at = {title: k for k, title in enumerate(cells[0])}
    assert cells[3][at["sound"]] == "75.0 %" and cells[4][at["sound"]] == "87.5 %"
    assert cells[3][at["one piece"] + 1] == "25.0 %" and cells[3][at["one piece"]] == "100.0 %"
    assert cells[3][at["roughness"]] == "10.0°" and cells[3][-3:] == ["0.20", "0.15", "0.10"]
    single = family(report(slots_right=None), slots_right=None, oracle=report(slots_right=None))
    cells = quality.table({"table": single | {"surface": None}}).splitlines()
    assert len(cells) == 3 and "±" not in cells[2] and cells[2].count("–") == 5


def told(families, seconds=0.1):
    contents = {"families": families, "seconds_per_shape": seconds, "batch": 8}
    return {line.rsplit(": ", 1)[0]: line.rsplit(": ", 1)[1] for line in quality.targets(contents)}


def test_targets_are_said_with_their_figures():
    good = told({"table": family(report(accuracy=0.55)), "mug": family(report())})
    assert set(good.values()) == {"yes"} and len(good) == 8
    bad = family(
        report(accuracy=0.63, sound=0.94, copies=0.1), sound=0.98, roughness=8.4, slots_right=0.96
    )
    assert set(told({"mug": bad}, 0.3).values()) == {"no"}
    both = told({"table": family(report()), "mug": bad})
    assert both["1-NNA 6.5 points above its oracle (6)"] == "no"
    assert both["at worst 13.0 points, mug (10)"] == "no"
    assert both["sound as sampled 97.0% (95%)"] == "yes"
    assert both["sound as generated 99.0% (99%)"] == "yes"
    assert both["roughness at worst -16.0 %, mug (15 %)"] == "no"
    unknown = {"sound": None, "slots_right": None}
    lines = told({"mug": family(report(**unknown), oracle=report(**unknown), **unknown)}, None)
    assert len(lines) == 4 and not any("sound" in line or "slot" in line for line in lines)


@pytest.fixture
def folder(tmp_path):
    made = model()
    save_checkpoint(tmp_path / "tiny", made.denoiser, made.config, "# tiny\n")
    return tmp_path / "tiny"


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["quality.py", *map(str, arguments)])
    quality.main()


def test_an_interrupted_run_continues_and_the_card_shows_the_results(folder, monkeypatch, capsys):
    measured = []

    def measure_family(model, name, count, draws, seconds):
        measured.append(name)
        if len(measured) == 2:
            raise KeyboardInterrupt
        seconds.append(0.125)
        return family(*[report(count=count)] * draws)

    monkeypatch.setattr(quality, "measure_family", measure_family)
    how = ("--model", folder, "--count", "7", "--draws", "2")
    with pytest.raises(KeyboardInterrupt):
        run(monkeypatch, *how)
    assert "Quality" not in (folder / "README.md").read_text()
    run(monkeypatch, *how)
    assert measured == ["table", "mug", "mug"]
    contents, command = load_results(folder / "quality.json")
    assert list(contents["families"]) == ["table", "mug"] and command.endswith(
        "--count 7 --draws 2"
    )
    card = (folder / "README.md").read_text()
    assert quality.table(contents["families"]) in card
    assert "2 times 7 samples" in card and "took 0.125 s" in card
    run(monkeypatch, *how)  # what is complete is measured anew
    assert measured[3:] == ["table", "mug"]
    assert "| mug | 50.0 ± 0.0 %" in capsys.readouterr().out
    run(monkeypatch, *how[:2], "--count", "9", "--families", "mug")
    assert measured[5:] == ["mug"] and (folder / "README.md").read_text() == card
    assert load_results(folder / "quality.json")[0] == contents
    run(monkeypatch, *how, "--families", "table", "--out", folder / "quality.json")
    assert measured[6:] == ["table"] and load_results(folder / "quality.json")[0] == contents
    (folder / "quality.json").write_text("{")
    with pytest.raises(SystemExit):
        run(monkeypatch, *how)
    assert "quality.json" in capsys.readouterr().err


def test_what_cannot_be_measured_is_refused(folder, monkeypatch, capsys):
    for arguments, expected in (
        (["--families", "chair"], "chair: expected of table, mug"),
        (["--data", "some.npz"], "of kind procedural: omit --data"),
        (["--device", "abacus"], "abacus"),
    ):
        with pytest.raises(SystemExit) as ended:
            run(monkeypatch, "--model", folder, *arguments)
        assert ended.value.code == 2 and expected in capsys.readouterr().err


def test_the_shipped_models_card_shows_the_stored_results():
    """Card, results and weights belong together."""
    folder = ROOT / "data" / "checkpoints" / "shapes32"
    config = json.loads((folder / "config.json").read_text())
    contents, _ = load_results(ROOT / "data" / "studies" / "shapes32.json")
    assert (
        contents["weights_sha256"] == config["weights_sha256"]
        and contents["sampling"] == config["sampling"]
    )
    assert list(contents["families"]) == config["classes"]
    assert quality.table(contents["families"]) in (folder / "README.md").read_text(encoding="utf-8")


def test_a_model_that_makes_nothing_gives_a_report_that_json_holds():
    """An untrained network answers 0 everywhere, which is not inside: no sample has distances."""
    found = quality.measure_family(model(), "mug", 3, 1, [])
    assert found["draws"][0]["samples"]["empty"] == 1
    assert found["draws"][0]["samples"]["roughness"] is None
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert quality.table({"mug": found}).count("–") > 0
