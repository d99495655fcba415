"""What facts are learned from: the texts that name them, the shapes that show them, with ragged surfaces."""

import numpy as np
import pytest
import torch

from course_utils.datasets.captions import FACTS, captions, held_out, named_facts, told, true_facts, words
from course_utils.datasets.shapes import CLASSES, make_shapes
from course_utils.networks.text import Vocabulary
from course_utils.recipes import draw_from, facts_of_shapes, facts_of_texts


@pytest.fixture(scope="module")
def made():
    return make_shapes(330, 16)


def test_texts_come_with_the_facts_they_name(made):
    facts, tokens = facts_of_texts(made, words(), 2)
    kept = ~held_out(made)
    assert not kept.all() and len(facts) == len(tokens) == 2 * kept.sum()
    families = [CLASSES[label] for label in made.labels]
    named = named_facts(families, [names for _, names in told(made, 1)])[kept]
    texts = [text for text, keep in zip(captions(made, 1), kept, strict=True) if keep]
    wanted = Vocabulary(words()).encode(texts)
    assert np.array_equal(facts[kept.sum() :].numpy(), named)
    second, longest = tokens[kept.sum() :], wanted.shape[1]
    assert torch.equal(second[:, :longest], wanted) and (second[:, longest:] < 0).all()
    x0, condition, noise = draw_from(facts, tokens)(torch.Generator().manual_seed(0), 40)
    assert noise is None and set(x0.unique().tolist()) == {-1.0, 1.0} and x0.shape == (40, len(FACTS))
    for row, text in zip(x0, condition, strict=True):
        assert any(torch.equal(facts[k], row > 0) for k in (tokens == text).all(1).nonzero().flatten())


def test_shapes_come_ragged_with_the_facts_they_show(made):
    facts, voxels = facts_of_shapes(made)
    kept = ~held_out(made)
    assert np.array_equal(voxels.numpy(), made.voxels[kept]) and np.array_equal(facts.numpy(), true_facts(made)[kept])
    x0, shown, noise = draw_from(facts, voxels)(torch.Generator().manual_seed(0), 64)
    again = draw_from(facts, voxels)(torch.Generator().manual_seed(0), 64)
    assert noise is None and torch.equal(x0, again[0]) and torch.equal(shown, again[1])
    assert set(shown.unique().tolist()) == {-1.0, 1.0} and shown.shape == (64, 16, 16, 16)
    apart = []
    for row, shape in zip(x0, shown, strict=True):
        owners = [k for k in range(len(facts)) if torch.equal(facts[k], row > 0)]
        places = [(a, b, c) for a in (-1, 0, 1) for b in (-1, 0, 1) for c in (-1, 0, 1)]
        moved = (torch.roll(voxels[k], place, (0, 1, 2)) for k in owners for place in places)
        apart.append(min(float((one != (shape > 0)).float().mean()) for one in moved))
    assert 0 < np.mean(apart) < 0.03 and max(apart) < 0.12 and len(set(apart)) > 30  # changed, and still itself
