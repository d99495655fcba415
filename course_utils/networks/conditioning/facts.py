"""Facts as a condition, given as numbers (lesson 09)."""

from torch import Tensor, nn

from course_utils.networks.conditioning import Conditioner, Given, Maker
from course_utils.networks.conditioning.sketch import Sketch
from course_utils.networks.layers import zeroed


class NamedFacts(Conditioner):
    """Families and facts that are named (B, families + facts) -> a vector (B, width), a sketch.

    Each number is 1 where a family or a fact is named and -1 where it is not; in between it is
    named by a reader that is not sure. All -1 is nothing said. The families come first, then the
    facts in the order of `datasets.captions.facts_of`. The vector begins at zero.

    Args:
        families: Number of families.
        facts: Number of facts.
        width: Features of the vector.
        dimensions: Of the sketch.
        sketch: Side of the sketch; 0 for none.
        hidden: Features of the hidden layers.
    """

    name, takes = "named", "facts"

    def __init__(
        self,
        families: int,
        facts: int,
        width: int,
        dimensions: int = 0,
        sketch: int = 0,
        hidden: int = 512,
    ):
        super().__init__()
        self.named, self.grid_channels = families + facts, int(sketch > 0)
        self.inlet = nn.Linear(self.named, hidden)
        self.outlet = zeroed(nn.Linear(hidden, width))
        self.sketch = Sketch(dimensions, sketch, hidden, hidden) if sketch else None

    def given(self, condition: Tensor) -> Given:
        if condition.ndim == 1:  # nothing said
            condition = condition[:, None].expand(-1, self.named)
        if condition.shape[1:] != (self.named,):
            raise ValueError(
                f"condition has shape {tuple(condition.shape)}; expected (B, {self.named}), a"
                " number for each family and each fact"
            )
        said = self.inlet((1 + condition.to(self.inlet.weight.dtype)) / 2)
        return Given(
            vectors=(self.outlet(nn.functional.silu(said)),),
            grids=() if self.sketch is None else (self.sketch(said),),
        )


def on_named_facts(families: int, facts: int, sketch: int = 0) -> Maker:
    """Return the maker of a conditioner on facts that are given; see `NamedFacts`."""
    return lambda width, dimensions: NamedFacts(families, facts, width, dimensions, sketch)
