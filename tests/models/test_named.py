"""Shapes with what captions name as numbers: what is drawn is true of the shape it comes with."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from course_utils.datasets.captions import facts_of, held_out, true_facts
from course_utils.datasets.shapes import CLASSES, make_matter
from course_utils.geometry.matter import matter_to_model
from course_utils.models.config import Config
from course_utils.models.recipes import said_of, source_of

COUNT = 200


def config(kind, classes=CLASSES, **more):
    data = SimpleNamespace(kind=kind, arguments={"count": COUNT, "wordings": 3, **more})
    return SimpleNamespace(name="test", data=data, resolution=16, classes=classes)


def test_what_is_said_of_a_shape_is_its_family_and_facts_that_are_true_of_it():
    made = make_matter(COUNT, 16, CLASSES)
    said = said_of(made, 4).numpy()
    assert said.shape == (COUNT, 4, len(CLASSES) + len(facts_of()))
    families, facts = np.split(said, [len(CLASSES)], axis=2)
    assert (families.argmax(2) == made.labels[:, None]).all() and (families.sum(2) == 1).all()
    true = true_facts(made)
    assert not (facts & ~true[:, None]).any()
    assert 1 < facts.sum(2).mean() < 4 and (facts[:, 0] != facts[:, 1]).any()


def test_shapes_come_with_what_is_said_of_them_and_without_those_held_out():
    source = source_of(config("named", classes=("chair", "mug")))
    made = make_matter(COUNT, 16, ("chair", "mug"))
    kept = ~held_out(made)
    assert 0 < (~kept).sum() < COUNT / 2 and len(source.values) == kept.sum()
    x0, condition, noise = source.draw(torch.Generator().manual_seed(0), 50)
    assert x0.shape == (50, 5, 16, 16, 16) and noise is None
    assert set(condition.unique().tolist()) == {-1.0, 1.0}
    everything = matter_to_model(source.values)
    for shape, row in zip(x0, condition, strict=True):
        (own,) = [k for k, one in enumerate(everything) if torch.equal(one, shape)]
        assert any(torch.equal(row > 0, one) for one in source.given[own])


def test_means_are_those_of_shapes_with_all_that_is_named():
    source = source_of(config("means_of_named", classes=("chair", "mug")))
    means, condition, _ = source.draw(torch.Generator().manual_seed(0), 40)
    made = make_matter(COUNT, 16, ("chair", "mug"))
    kept = ~held_out(made)
    true = true_facts(made, ("chair", "mug"))[kept]
    labels = made.labels[kept]
    for mean, row in zip(means, condition > 0, strict=True):
        family, facts = row[:2], row[2:].numpy()
        label = CLASSES.index(("chair", "mug")[int(family.float().argmax())])
        fitting = (labels == label) & ~(facts & ~true).any(1)
        expected = source.values[torch.from_numpy(fitting)].float().mean(0) * 2 - 1
        assert torch.allclose(mean[0], expected, atol=0.02)


def test_a_config_of_named_facts_counts_families_and_facts(tmp_path):
    config = Config.read("named16")
    known = config.network.arguments
    assert known["families"] == len(CLASSES) and known["facts"] == len(facts_of())
    entries = config.to_dict()
    entries["network"]["families"] = 3
    (tmp_path / "wrong.json").write_text(json.dumps(entries))
    with pytest.raises(ValueError, match=r"network\.families is 3; expected 20, as many"):
        Config.read(tmp_path / "wrong.json")
