"""From what a step does to how long it takes: a roofline with caches, launches and two guesses.

An operation takes as long as its arithmetic or its traffic, whichever is longer (the roofline,
doi 10.1145/1498765.1498785), at a share of the card's peaks; what fits into the cache comes from
there. To their sum come the launches. Nobody knows the shares before the card is tried, so a
prediction is a range between two guesses.
"""

from typing import NamedTuple

from benchmarks.cards import Card
from benchmarks.counting import Counted, Step


class Guess(NamedTuple):
    """What a card reaches of what is published.

    arithmetic, bandwidth: Shares of the peaks.
    cache: The share of the cache that holds an operation's tensors.
    cached: How many times quicker than the memory the cache is.
    launch: Seconds in which the host launches an operation.
    hidden: Whether the host launches while the card computes; else the times add up.
    """

    arithmetic: float
    bandwidth: float
    cache: float
    cached: float
    launch: float
    hidden: bool


SLOW = Guess(0.1, 0.5, 0.5, 2.0, 10e-6, hidden=False)
FAST = Guess(0.5, 0.9, 1.0, 4.0, 3e-6, hidden=True)


class Time(NamedTuple):
    """Seconds of a step: those of operations that arithmetic limits, that traffic limits, and of
    the launches; and the whole.
    """

    arithmetic: float
    traffic: float
    launches: float
    whole: float

    @property
    def limit(self) -> str:
        """What takes longest."""
        parts = {"arithmetic": self.arithmetic, "memory": self.traffic, "launches": self.launches}
        return max(parts, key=parts.__getitem__)


def time_of(step: Step, card: Card, precision: str, guess: Guess) -> Time:
    """Return how long a step takes on a card. ValueError if it has no unit for the precision."""
    peak = card.peak(precision)
    if peak is None:
        raise ValueError(f"the card has no unit for {precision}; use another precision")
    arithmetic = traffic = 0.0
    for op in step.ops:
        quicker = guess.cached if op.bytes <= guess.cache * card.cache * 1e6 else 1.0
        by_traffic = op.bytes / (card.bandwidth * 1e9 * guess.bandwidth * quicker)
        by_arithmetic = op.flops / (peak * guess.arithmetic)
        if by_arithmetic > by_traffic:
            arithmetic += by_arithmetic
        else:
            traffic += by_traffic
    launches, device = len(step.ops) * guess.launch, arithmetic + traffic
    whole = max(device, launches) if guess.hidden else device + launches
    return Time(arithmetic, traffic, launches, whole)


class Range(NamedTuple):
    """A prediction: at least `low`, at most `high`."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{short(self.low)} to {short(self.high)}"

    def verdict(self, measured: float) -> str:
        """Say whether a measured number lies within."""
        if self.low <= measured <= self.high:
            return f"predicted {self}: within"
        times = measured / (self.low if measured < self.low else self.high)
        return f"predicted {self}: OUTSIDE, {times:.2f} times the nearer end"


def short(number: float) -> str:
    """Return a number with two digits that count, and thousands apart."""
    return f"{float(f'{number:.2g}'):,.{1 if number < 9.95 else 0}f}"


def rate(
    count: Counted, batch: int, card: Card, precision: str, guesses=(SLOW, FAST), steps: int = 1
) -> Range:
    """Return the range of shapes per second, where one takes `steps` of the counted steps."""
    step = count.of(batch)
    return Range(
        *(batch / steps / time_of(step, card, precision, guess).whole for guess in guesses)
    )
