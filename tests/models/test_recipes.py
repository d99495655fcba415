"""What facts are learned from: texts that name them, shapes and guesses that show them."""

import json

import numpy as np
import pytest
import torch
from test_pipeline import tiny

from course_utils.datasets.captions import held_out, true_facts
from course_utils.datasets.captions.speech import speakable_facts, speech
from course_utils.datasets.captions.typed import typed_words
from course_utils.datasets.shapes import CLASSES, make_matter
from course_utils.datasets.word_vectors import word_vectors
from course_utils.diffusion.losses import LOSSES
from course_utils.diffusion.paths import FlowPath
from course_utils.diffusion.training import Trainer
from course_utils.geometry.matter import SLOTS, matter_to_model
from course_utils.models.checkpoints import build_model, save_checkpoint
from course_utils.models.config import Config, Sampling, Section
from course_utils.models.ranking import Wholeness, best_of
from course_utils.models.recipes import (
    alone,
    as_signs,
    draw_guesses,
    draw_ragged,
    facts_of_speech,
    named_shapes,
    shown_by_shapes,
    source_of,
    strange_words,
)


@pytest.fixture(scope="module")
def made():
    return make_matter(330, 16)


def test_speech_comes_as_vectors_with_what_it_names_and_says_nothing_of_other_families():
    config = Config(Section("Reader"), classes=CLASSES)
    source = facts_of_speech(config, None, alone, count=300)
    table, spoken = word_vectors(), speech(300, 0, strange_words(word_vectors(), CLASSES))
    facts, families = speakable_facts(), len(CLASSES)
    target, given, _ = source.draw(torch.Generator().manual_seed(0), 200)
    assert target.shape == (200, families + len(facts)) and given.shape == (200, 26, table.width)
    for row, one in zip(source.values, spoken, strict=True):
        assert {CLASSES[k] for k in (row[:families] > 0).nonzero()} == set(one.families)
        for value, (family, name, values) in zip(row[families:].tolist(), facts, strict=True):
            said = one.named.get(name, ()) if one.families[:1] == (family,) else None
            if said is None:
                assert value == 0  # another family's: nothing follows
            else:
                wider = said and set(said) < set(values)
                assert value == (1 if said == values else 0 if wider else -1)
    texts = [[word.text for word in typed_words(one.text)] for one in spoken]
    wanted = {table.of_all(words[:26]).tobytes() for words in texts}
    for vectors in given[:50].numpy():
        length = max(k + 1 for k in range(26) if vectors[k].any())
        assert any(
            vectors[:longer].tobytes() in wanted for longer in range(length, 27)
        )  # a text may end with breaks, which are zeros


def test_strange_words_are_unlike_all_that_speech_knows():
    vectors = word_vectors()
    strange = strange_words(vectors, CLASSES)
    assert len(strange) > 5000 and not {"chair", "cottage", "schooner", "wooden"} & set(strange)


def test_shapes_come_ragged_with_the_facts_they_show(made):
    facts, matter = shown_by_shapes(made)
    kept = ~held_out(made)
    assert np.array_equal(matter.numpy(), made.matter[kept])
    assert np.array_equal(facts.numpy(), true_facts(made)[kept])
    voxels = matter_to_model(matter)[:, 0] > 0
    x0, shown, noise = draw_ragged(facts, matter)(torch.Generator().manual_seed(0), 64)
    again = draw_ragged(facts, matter)(torch.Generator().manual_seed(0), 64)
    assert noise is None and torch.equal(x0, again[0]) and torch.equal(shown, again[1])
    assert set(shown.unique().tolist()) == {-1.0, 1.0} and shown.shape == (64, 16, 16, 16)
    apart = []
    for row, shape in zip(x0, shown, strict=True):
        owners = [k for k in range(len(facts)) if torch.equal(facts[k], row > 0)]
        places = [(a, b, c) for a in (-1, 0, 1) for b in (-1, 0, 1) for c in (-1, 0, 1)]
        moved = (torch.roll(voxels[k], place, (0, 1, 2)) for k in owners for place in places)
        apart.append(min(float((one != (shape > 0)).float().mean()) for one in moved))
    # changed, and still itself
    assert 0 < np.mean(apart) < 0.03 and max(apart) < 0.12 and len(set(apart)) > 30


def test_guesses_are_of_the_shape_whose_facts_come_with_them(made):
    """A model that sees through all noise guesses the shape, one that sees nothing the mean."""
    matter, said = named_shapes(made, made.matter, 2, CLASSES)
    facts = torch.from_numpy(true_facts(made)[~held_out(made)])
    fields = matter_to_model(matter)[:, 0]
    asked = []

    class Sees:
        path = FlowPath()

        def __call__(self, x_t, t, condition):
            asked.append((len(x_t), float(t), condition))
            return x_t if t < 0.5 else torch.full_like(x_t, -0.3)

    walk = Sampling("ddim", steps=8, shift=1.0, guidance_scale=2.0)
    draw = draw_guesses(facts, matter, said, Sees(), walk)
    x0, shown, noise = draw(torch.Generator().manual_seed(0), 64)
    again = draw(torch.Generator().manual_seed(0), 64)
    assert noise is None and torch.equal(x0, again[0]) and torch.equal(shown, again[1])
    assert set(shown.unique().tolist()) == {-1.0, 1.0} and shown.shape == (64, 16, 16, 16)
    # 0.125 to 0.875: not pure noise, not data
    assert {round(8 * t) for _, t, _ in asked} == set(range(1, 8))
    captions = as_signs(said).flatten(0, 1).tolist()
    assert all(row in captions for _, _, told in asked for row in told[: len(told) // 2].tolist())
    # guidance: the other half is told nothing
    assert all((told[len(told) // 2 :] == -1).all() for _, _, told in asked)
    seen = shown[(shown > 0).flatten(1).any(1)]
    rows = x0[(shown > 0).flatten(1).any(1)] > 0
    apart = []
    for row, shape in zip(rows, seen, strict=True):
        owners = [k for k in range(len(facts)) if torch.equal(facts[k], row)]
        apart.append(min(float(((fields[k] > 0) != (shape > 0)).float().mean()) for k in owners))
    assert len(seen) < 48 and np.median(apart) < 0.2


def test_guesses_are_of_a_model_that_is_told_facts(tmp_path):
    save_checkpoint(tmp_path, *tiny(), "")
    data = Section("facts_of_guesses", {"model": str(tmp_path), "count": 10**9})
    config = Config(Section("FactsOfShape"), classes=CLASSES, resolution=8, data=data)
    with pytest.raises(ValueError, match=r"^model names .*, which is no model of shapes with mat"):
        source_of(config)


def with_materials(**changes):
    """A training with a channel per slot and labels, made small."""
    entries = Config.read("shapes32").to_dict() | {"resolution": 16, "begin_from": [], "frozen": []}
    labels = {"kind": "labels", "classes": len(entries["classes"])}
    entries["network"] |= {"in_channels": 1 + SLOTS, "conditioners": [labels]}
    entries["data"] = {"kind": "materials", "count": 6, "first_index": 3}
    return entries | changes


def read(entries, folder):
    file = folder / "x.json"
    file.write_text(json.dumps(entries))
    return Config.read(file)


def test_materials_are_learned_as_coverage_and_slots(tmp_path):
    config = read(with_materials(), tmp_path)
    source = source_of(config)
    matter = make_matter(6, 16, config.classes, 3).matter
    assert np.array_equal(source.values.numpy(), matter)
    batch = source.draw(torch.Generator().manual_seed(0), 20)
    every = matter_to_model(source.values)
    rows = [int((every - x0).flatten(1).abs().amax(1).argmin()) for x0 in batch.target]
    assert batch.target.shape == (20, 1 + SLOTS, 16, 16, 16)
    assert torch.equal(batch.target, every[rows])
    assert batch.given.tolist() == [(3 + row) % len(config.classes) for row in rows]


def test_a_model_of_materials_trains_and_makes_as_many_channels(tmp_path):
    entries = with_materials()
    entries["network"] |= {"channels": [16, 24], "blocks": 1, "heads": 4, "details": 8}
    entries["sampling"] |= {"steps": 3}
    config = read(entries, tmp_path)
    model = build_model(config)
    trainer = Trainer(model, config.plan, LOSSES["denoising"]())
    losses = [
        step.loss for step, _ in zip(trainer.run(source_of(config).draw), range(3), strict=False)
    ]
    assert all(np.isfinite(losses))
    best = best_of(1, Wholeness(), model, config, ["chair", "mug"], [1, 2])
    assert best.x.shape == (2, 1 + SLOTS, 16, 16, 16)


@pytest.mark.parametrize(
    ("kind", "channels", "expected"),
    [("materials", 1, "5, for shapes with materials"), ("procedural", 5, "1, for shapes without")],
)
def test_channels_fit_what_is_learned(kind, channels, expected, tmp_path):
    entries = with_materials(data={"kind": kind, "count": 6})
    entries["network"] |= {"in_channels": channels}
    with pytest.raises(ValueError, match=f"network.in_channels is {channels}; expected {expected}"):
        read(entries, tmp_path)
