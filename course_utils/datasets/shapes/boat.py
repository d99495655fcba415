"""Boats, whose bow points to the front: rowing boats, sailing boats and motor boats."""

from typing import NamedTuple

import numpy as np

from course_utils.datasets.shapes.drawing import NUMBERS, THIN, Design, Draws, disc, span
from course_utils.datasets.shapes.looking import core, islands, lopsided, stretches
from course_utils.datasets.shapes.materials import COLOURS, TIMBERS
from course_utils.datasets.shapes.parts import Part, numbered, part
from course_utils.datasets.shapes.solids import Box, Rod, Solid

# fittings: the benches and oars of a rowing boat, a mast, the funnels of a motor boat
SLOTS = ("hull", "fittings", "canvas", "cabin")
MATERIALS = {
    "hull": (*COLOURS, "white", "white", *TIMBERS, "burgundy"),
    "fittings": (*TIMBERS, *TIMBERS, "black", "white", "red", "yellow", "brass"),
    "canvas": ("white",) * 5 + ("cream", "cream", "red", "orange", "blue", "brown", "yellow"),
    "cabin": ("white",) * 4 + ("cream", "oak", "walnut", "=hull", "=fittings", "turquoise"),
}
OPTIONAL = frozenset({"jib", "topsail", "wheelhouse", "smokestack"})

_FLOOR = 0.075  # the floor of a rowing boat
_PLACES = {1: (0.52,), 2: (0.4, 0.64), 3: (0.33, 0.52, 0.71)}  # of its benches, along the hull


class _Hull(NamedTuple):
    """A hull from the bow (y = -length / 2) to the stern; lengths in units of the cube's side."""

    length: float
    beam: float
    depth: float
    widest: float  # station, from 0 at the bow to 1 at the stern
    fullness: float  # how round the bow is: the smaller, the rounder
    stern: float  # width of the stern, in units of the beam
    bottom: float  # width at the bottom, in units of that at the rim
    rake: float  # how much further back the bow is at the bottom
    sheer: float  # how much higher the bow is than the rim amidships

    def half(self, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Half the width at places along the boat and heights."""
        up = np.clip(z / self.depth, 0.0, 1.0)
        start = self.rake * np.clip(1 - z / (self.depth - 0.04), 0.0, 1.0)
        station = (y / self.length + 0.5 - start) / (1 - start)
        ahead = np.clip(station / self.widest, 0.0, 1.0)
        behind = np.clip((station - self.widest) / (1 - self.widest), 0.0, 1.0)
        front = np.sin(np.pi / 2 * ahead) ** self.fullness
        back = np.cos(np.pi / 2 * behind) ** self.fullness
        if self.stern > 0.0:
            back = 1 - (1 - self.stern) * behind**2
        width = np.where(station < self.widest, front, back) * (
            self.bottom + (1 - self.bottom) * up
        )
        return np.where(station < 0.0, -1.0, np.maximum(width * self.beam / 2, 0.6 * THIN))

    def rim(self, y: np.ndarray) -> np.ndarray:
        """The height of the rim at places along the boat."""
        ahead = np.clip(1 - (y / self.length + 0.5) / 0.4, 0.0, 1.0)
        return self.depth + self.sheer * ahead**2


def draw(draws: Draws) -> Design:
    kind, stern = draws.pick("rowing", "sailing", "motor"), draws.pick("flat", "pointed")
    wide, oars = draws.chance(0.5), kind == "rowing" and draws.chance(0.5)
    benches = draws.whole(1, 3) if kind == "rowing" else 0
    rig = draws.pick("triangular", "triangular", "square") if kind == "sailing" else "none"
    sails = f"{draws.pick('one', 'two')} {rig}" if kind == "sailing" else "none"
    cabin = draws.pick("one storey", "two storeys") if kind == "motor" else "none"
    funnels = draws.whole(0, 2) if kind == "motor" else 0

    beam = draws.between(0.46, 0.54) if wide else draws.between(0.35, 0.375)
    spread = beam + draws.between(0.3, 0.42) if oars else beam
    spread = max(beam, draws.between(0.46, 0.62)) if rig == "square" else spread
    tall = draws.between(0.85, 1.2) if kind == "sailing" else 0.5
    spread, length, tall, beam = draws.fit(spread, 1.0, tall, beam)
    depth, open_boat = draws.between(0.16, 0.23), kind == "rowing"  # which needs room for benches
    hull = _Hull(
        length,
        beam,
        depth,
        widest=draws.between(0.46, 0.52 if open_boat else 0.58),
        fullness=draws.between(0.32, 0.45 if open_boat else 1.0),
        stern=draws.between(0.72, 0.95) if stern == "flat" else 0.0,
        bottom=draws.between(0.75 if open_boat else 0.55, 0.9),
        rake=draws.between(0.02, 0.06 if open_boat else 0.14),
        sheer=draws.between(0.0, 0.06),
    )
    parts = []
    if kind == "rowing":
        parts += _benches(draws, benches, hull) + (_oars(draws, spread, hull) if oars else [])
    elif kind == "sailing":
        parts += _rigging(draws, sails, spread, tall, hull)
    else:
        parts += _cabin(draws, cabin == "two storeys", funnels, hull)
    parts.append(part("hull", "hull", _body(hull, hollow=kind == "rowing")))
    attributes = {"kind": kind, "beam": "wide" if wide else "narrow", "stern": stern}
    attributes |= {"benches": benches, "oars": oars, "sails": sails}
    attributes |= {"cabin": cabin, "funnels": funnels}
    details = [f"a {stern} stern"]
    details += [f"{NUMBERS[benches]} bench{'es' * (benches > 1)}"] if benches else []
    details += ["oars"] if oars else []
    details += [f"{sails} sail{'s' * (sails[:3] == 'two')}"] if sails != "none" else []
    details += [f"a {'low' if cabin == 'one storey' else 'tall'} cabin"] if cabin != "none" else []
    details += [f"{NUMBERS[funnels]} funnel{'s' * (funnels > 1)}"] if funnels else []
    return Design(parts, attributes, ["boat", f"{kind} boat"], [attributes["beam"]], details)


def _body(hull: _Hull, hollow: bool) -> Solid:
    def inside(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        filled = (abs(x) <= hull.half(y, z)) & (z <= hull.rim(y))
        if hollow:
            filled &= ~_in_hollow(hull, x, y, z)
        return filled

    end = hull.length / 2
    return Solid(span(0.0, hull.beam), (-end, end), (0.0, hull.depth + hull.sheer), inside)


def _in_hollow(hull: _Hull, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    # walls are as thick along the boat, and stand on what is below them
    half = np.minimum(hull.half(y - 0.05, z - 0.05), hull.half(y + 0.05, z - 0.05))
    return (abs(x) <= half - THIN) & (z > _FLOOR) & (y <= hull.length / 2 - THIN)


def _benches(draws: Draws, number: int, hull: _Hull) -> list[Part]:
    """Benches across the hollow, solid down to its floor."""
    half, move = draws.between(0.034, 0.042), draws.between(-0.008, 0.008)
    top = hull.depth - draws.between(0.0, 0.025)

    def bench(y: float) -> Solid:
        return Solid(
            span(0.0, hull.beam),
            span(y, 2 * half),
            (_FLOOR / 2, top),
            lambda x, y, z: abs(x) <= hull.half(y, z) - THIN / 2,
        )

    places = [(station - 0.5 + move) * hull.length for station in _PLACES[number]]
    return numbered("bench", "fittings", map(bench, places))


def _oars(draws: Draws, spread: float, hull: _Hull) -> list[Part]:
    """An oar on either side, from above the hollow over the rim to the outside."""
    y, back = draws.between(-0.04, 0.02) * hull.length, draws.between(-0.04, 0.04)
    low, rim, radius = draws.between(0.06, 0.1), hull.beam / 2 - THIN / 2, 0.036
    inner, outer = draws.between(0.25, 0.32) * hull.beam, spread / 2 - radius
    # each rests on the rim
    high = hull.depth + 0.012 + (hull.depth + 0.012 - low) * (rim - inner) / (outer - rim)
    rods = [Rod((sign * inner, y, high), (sign * outer, y + back, low), radius) for sign in (-1, 1)]
    return numbered("oar", "fittings", rods)


def _rigging(draws: Draws, sails: str, width: float, top: float, hull: _Hull) -> list[Part]:
    """A mast, and sails before and behind it, or across it."""
    mast = (draws.between(0.36, 0.46) - 0.5) * hull.length
    foot = hull.depth + draws.between(0.1, 0.13)
    head = top - draws.between(0.0, 0.05)
    pole = Box(span(0.0, THIN), span(mast, THIN), (hull.depth / 2, top))
    front, back = mast - THIN / 2, mast + THIN / 2
    parts = [part("mast", "fittings", pole)]
    if sails.endswith("triangular"):
        end = (draws.between(0.86, 0.96) - 0.5) * hull.length
        parts.append(part("sail", "canvas", _triangle((back, end), (foot, head))))
        if sails.startswith("two"):
            bow = (draws.between(0.02, 0.1) - 0.5) * hull.length
            head -= draws.between(0.0, 0.2) * (head - foot)
            parts.append(part("jib", "canvas", _triangle((front, bow), (foot, head))))
        return parts
    y, taper = (front - THIN, front), draws.between(0.0, 0.25)
    if sails.startswith("one"):
        return [*parts, part("sail", "canvas", _sheet(width, taper, y, (foot, head)))]
    gap = foot + draws.between(0.5, 0.62) * (head - foot)
    upper = draws.between(0.6, 0.9) * width * (1 - taper)
    return [
        *parts,
        part("sail", "canvas", _sheet(width, taper, y, (foot, gap))),
        part("topsail", "canvas", _sheet(upper, taper, y, (gap + THIN, head))),
    ]


def _triangle(y: tuple[float, float], z: tuple[float, float]) -> Solid:
    """A sail along the middle, upright at y[0] and pointed at y[1]."""
    return Solid(
        span(0.0, THIN),
        (min(y), max(y)),
        z,
        lambda _, at, up: (at - y[0]) / (y[1] - y[0]) + (up - z[0]) / (z[1] - z[0]) <= 1.0,
    )


def _sheet(width: float, taper: float, y: tuple[float, float], z: tuple[float, float]) -> Solid:
    """A sail across the boat, narrower towards its top."""

    slope = taper / (z[1] - z[0])
    around = (span(0.0, width), y, z)
    return Solid(*around, lambda x, _, up: abs(x) <= width / 2 * (1 - slope * (up - z[0])))


def _cabin(draws: Draws, high: bool, funnels: int, hull: _Hull) -> list[Part]:
    """A cabin on the deck, perhaps a wheelhouse on that, and round funnels on top."""
    width = hull.beam - 0.07 - draws.between(0.0, 0.04)
    start, rows = draws.between(0.34, 0.38), draws.between(0.38, 0.44)
    rows += 0.06 if funnels == 2 else 0.0  # room between them
    y = ((start - 0.5) * hull.length, (start + rows - 0.5) * hull.length)
    top = hull.depth + draws.between(0.11, 0.17)

    parts = [part("cabin", "cabin", _storey(hull, width / 2, y, (hull.depth / 2, top)))]
    if high:
        spare = y[1] - y[0] - 0.31  # two funnels need the rest
        y = (y[0] + draws.between(0.1, 0.3) * spare, y[1] - draws.between(0.2, 0.7) * spare)
        base, top = top, top + draws.between(0.09, 0.14)
        half = width / 2 - draws.between(0.034, 0.05)
        parts.append(part("wheelhouse", "cabin", _storey(hull, half, y, (base - 0.03, top), 0.034)))
    radius, middle = draws.between(0.04, 0.05), (y[0] + y[1]) / 2
    z = (top - 0.03, top + draws.between(0.12, 0.2))
    apart = (y[1] - y[0]) / 2 - radius - 0.005
    stacks = [disc(0.0, middle + sign * apart, z, radius, radius) for sign in (-1, 1)]
    if funnels == 1:
        stack = disc(0.0, middle, z, 1.2 * radius, 1.2 * radius)
        return [*parts, part("smokestack", "fittings", stack)]
    return parts + (numbered("funnel", "fittings", stacks) if funnels else [])


def _storey(
    hull: _Hull, half: float, y: tuple[float, float], z: tuple[float, float], inset: float = 0.0
) -> Solid:
    """A part of the cabin, up to `half` from the middle; deck is left free beside it."""
    margin = 0.038 + inset
    return Solid((-half, half), y, z, lambda x, at, _: abs(x) <= hull.half(at, hull.depth) - margin)


class _Sight(NamedTuple):
    """What is seen of a boat first, in voxels."""

    kind: str
    front: int  # the first row
    back: int  # and the one behind the last
    left: int  # the middle lies between this column and the next
    beam: int
    rim: int  # how many layers the hull has amidships
    mast: slice  # rows of the mast, if there is one
    roof: int  # layers up to the top of the cabin, if there is one

    def rows(self, low: float, high: float) -> slice:
        """The rows of some stations along the boat."""
        size = self.back - self.front
        return slice(self.front + round(low * size), self.front + round(high * size))

    def middle(self, voxels: np.ndarray) -> np.ndarray:
        """The two columns in the middle."""
        return voxels[:, :, self.left : self.left + 2]


def _see(voxels: np.ndarray) -> _Sight:
    front, back = core(voxels.sum(axis=(0, 2)), 0.01)
    left, right = core(voxels.sum(axis=(0, 1)), 0.01)
    seen = _Sight("motor", front, back, (left + right) // 2 - 1, 0, 0, slice(0, 0), 0)
    edges = []
    for row in voxels[:, seen.rows(0.66, 0.86)].swapaxes(0, 1):  # each bool (D, W)
        columns = np.flatnonzero(row.any(axis=0))
        edges += [row.shape[0] - row[::-1, column].argmax() for column in columns[[0, -1]]]
    rim = int(np.median(edges))
    widths = [_width_of(row) for row in voxels[rim - 1, seen.rows(0.34, 0.66)]]
    seen = seen._replace(rim=rim, beam=int(np.median(widths)))  # oars are in few rows
    above = voxels[rim : rim + 2].any(axis=0)[seen.rows(0.42, 0.86)]
    if seen.middle(voxels)[rim - 1, seen.rows(0.22, 0.84)].mean() < 0.8:
        return seen._replace(kind="rowing")
    if above.sum() < 14:
        rows = np.flatnonzero(
            seen.middle(voxels)[rim + 1 : rim + 3, seen.rows(0.3, 0.6)].any((0, 2))
        )
        first = seen.rows(0.3, 0.6).start
        mast = slice(first + rows[0], first + rows[-1] + 1) if len(rows) else slice(0, 0)
        return seen._replace(kind="sailing", mast=mast)
    longest = [max(map(_rows_of, islands(layer, 2)), default=0) for layer in voxels[rim:]]
    return seen._replace(roof=rim + int(np.argmin(np.array([*longest, 0]) >= 7)))


def _width_of(row: np.ndarray) -> int:
    """How far a row (W,) is from edge to edge, hollow or not."""
    return int(np.ptp(np.flatnonzero(row))) + 1 if row.any() else 0


def _rows_of(island: np.ndarray) -> int:
    return int(np.count_nonzero(island.any(axis=1)))


def look(voxels: np.ndarray) -> dict[str, str | int | bool]:
    seen = _see(voxels)
    stern = _width_of(voxels[seen.rim - 1, seen.back - 1])
    motor = seen.kind == "motor"
    return {
        "kind": seen.kind,
        "beam": "wide" if seen.beam > 0.41 * (seen.back - seen.front) else "narrow",
        "stern": "flat" if stern > 0.62 * seen.beam else "pointed",
        "benches": len(_benches_of(voxels, seen)) if seen.kind == "rowing" else 0,
        "oars": seen.kind == "rowing" and _has_oars(voxels, seen),
        "sails": _sails_of(voxels, seen) if seen.kind == "sailing" else "none",
        "cabin": _cabin_of(voxels, seen) if motor else "none",
        "funnels": min(len(_funnels_of(voxels, seen)), 2) if motor else 0,
    }


def _has_oars(voxels: np.ndarray, seen: _Sight) -> bool:
    out = abs(np.arange(len(voxels)) - seen.left - 0.5) > seen.beam / 2 + 2
    return bool(voxels[:, :, out].sum() > 8)


def _benches_of(voxels: np.ndarray, seen: _Sight) -> list[float]:
    """The stations of the benches: stretches of the middle that are filled, but for the ends."""
    filled = seen.middle(voxels)[seen.rim - 3 : seen.rim - 1].mean(axis=(0, 2)) > 0.5
    edges = np.flatnonzero(np.diff(filled.astype(np.int8))) + 1  # of the bow, benches, the stern
    inner = edges[2:-2].reshape(-1, 2)
    return [float(x) for x in (inner.mean(axis=1) - seen.front) / (seen.back - seen.front)]


def _sails_of(voxels: np.ndarray, seen: _Sight) -> str:
    above = voxels[seen.rim + 3 :]
    wide = above.any(axis=1).sum(axis=1) >= 4
    if wide.sum() >= 3:
        return "two square" if stretches(wide) >= 2 else "one square"
    jib = above[:, : seen.mast.start].sum() >= 12
    return "two triangular" if jib else "one triangular"


def _cabin_of(voxels: np.ndarray, seen: _Sight) -> str:
    areas = voxels[:, seen.rows(0.3, 1.0)].sum(axis=(1, 2))
    smaller = areas[seen.roof - 1] < 0.88 * areas[seen.rim + 1]
    return "two storeys" if smaller else "one storey"


def _funnels_of(voxels: np.ndarray, seen: _Sight) -> list[np.ndarray]:
    return islands(voxels[seen.roof + 1 : seen.roof + 3].any(axis=0), least=3)


def place(voxels: np.ndarray) -> np.ndarray:
    """Tell the slots by what is above the rim, or inside or outside the hull's walls."""
    seen, n = _see(voxels), len(voxels)
    z, y = np.arange(n)[:, None], np.arange(n)
    behind = y >= seen.rows(0.0, 0.33).stop
    above = (z >= seen.rim) & behind | (z >= seen.rim + 3)  # a bow may rise by 2 voxels
    slots = np.full(voxels.shape, 1 + SLOTS.index("hull"), dtype=np.uint8)
    if seen.kind == "motor":
        slots[above] = 1 + SLOTS.index("cabin")
        slots[seen.roof :] = 1 + SLOTS.index("fittings")
    elif seen.kind == "sailing":
        slots[above] = 1 + SLOTS.index("canvas")
        slots[seen.rim :, seen.mast] = 1 + SLOTS.index("fittings")
        sheet = np.zeros_like(voxels)
        sheet[seen.rim + 2 :, seen.mast] = abs(np.arange(n) - seen.left - 0.5) > 1.5
        slots[sheet] = 1 + SLOTS.index("canvas")
    else:
        half = _half_widths(voxels)[:, :, None]
        out = abs(np.arange(n) - seen.left - 0.5)
        solid = seen.middle(voxels).all(axis=2)  # (D, H)
        within = _between(_between(solid) & ~solid) & solid
        within &= (z >= round(_FLOOR * 32)) & (z < seen.rim)
        slots[within[:, :, None] & (out < half - 2)] = 1 + SLOTS.index("fittings")
        beside = (out > half) & behind[:, None] & _has_oars(voxels, seen)
        slots[beside] = 1 + SLOTS.index("fittings")
        slots[above] = 1 + SLOTS.index("fittings")
    return slots


def _between(marked: np.ndarray) -> np.ndarray:
    """What lies between the first and the last marked cell of each row of bool (D, H)."""
    behind = np.maximum.accumulate(marked, axis=1)
    return behind & np.maximum.accumulate(marked[:, ::-1], axis=1)[:, ::-1]


def _half_widths(voxels: np.ndarray) -> np.ndarray:
    """Half the hull's width at each layer and row, (D, H), in voxels; oars do not count."""
    from scipy.ndimage import median_filter

    first, last = voxels.argmax(axis=2), voxels.shape[2] - voxels[:, :, ::-1].argmax(axis=2)
    return median_filter(np.where(voxels.any(axis=2), last - first, 0), size=(1, 9)) / 2


def find_faults(voxels: np.ndarray) -> list[str]:
    """What is wrong with the benches, the oars, the sails or the cabin and its funnels."""
    seen = _see(voxels)
    found = ["an oar or another part is missing on one side"] if lopsided(voxels) >= 6 else []
    if seen.kind == "rowing":
        benches = _benches_of(voxels, seen)
        right = _PLACES.get(len(benches))
        if right is None or np.abs(np.array(benches) - right).max() > 0.05:
            found.append("a bench is missing")
    elif seen.kind == "sailing":
        if not voxels[seen.rim + 3 :].any():
            return [*found, "there are no benches, no sails and no cabin"]
        above, sails = voxels[seen.rim + 3 :], _sails_of(voxels, seen)
        behind = above[:, seen.mast.stop :].any(axis=(1, 2))
        wide = above.any(axis=1).sum(axis=1) >= 4
        sheet = wide if "square" in sails else behind
        if not sheet[: round(0.35 * np.count_nonzero(above.any(axis=(1, 2))))].any():
            found.append("a sail is missing")
    else:
        found += _faults_of_cabin(voxels, seen)
    return found


def _faults_of_cabin(voxels: np.ndarray, seen: _Sight) -> list[str]:
    roof, funnels = voxels[seen.roof - 1, seen.rows(0.3, 1.0)], _funnels_of(voxels, seen)
    rows = np.flatnonzero(roof.any(axis=1)) + seen.rows(0.3, 1.0).start
    middles = [np.argwhere(funnel)[:, 0].mean() for funnel in funnels]
    if funnels and abs(np.mean(middles) - (rows[0] + rows[-1]) / 2) > 2:
        return ["a funnel is missing"]
    return []


PHRASES = {
    "": "=boat; =vessel",
    "kind=rowing": "=rowing boat; =rowboat",
    "kind=sailing": "=sailing boat; =sailboat",
    "kind=motor": "=motor boat; =motorboat",
    "beam=wide": "wide ~; broad ~; a wide hull; a broad hull",
    "beam=narrow": "narrow ~; slender ~; a narrow hull; a slender hull",
    "stern=flat": "a flat stern; a square stern",
    "stern=pointed": "a pointed stern; a sharp stern",
    "benches=0": "no benches",
    "benches=1": "one bench; a bench; a single bench",
    "benches=2": "two benches",
    "benches=3": "three benches",
    "oars=yes": "oars; two oars",
    "oars=no": "no oars",
    "sails=none": "no sails; no mast",
    "sails=one_triangular": "one triangular sail; a triangular sail",
    "sails=two_triangular": "two triangular sails",
    "sails=one_square": "one square sail; a square sail",
    "sails=two_square": "two square sails",
    "sails=one_triangular|one_square": "one sail; a single sail",
    "sails=two_triangular|two_square": "two sails",
    "cabin=none": "no cabin",
    "cabin=one_storey": "a cabin of one storey; a low cabin",
    "cabin=two_storeys": "a cabin of two storeys; a tall cabin",
    "funnels=0": "no funnels",
    "funnels=1": "one funnel; a funnel; a single funnel",
    "funnels=2": "two funnels",
}
HELD_OUT = ("benches=3 stern=pointed",)
SAID_APART = ("funnels=2 beam=narrow",)
