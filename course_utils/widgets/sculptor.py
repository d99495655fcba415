"""The sculptor of lesson 09: carve a shape in 3D, let a model complete it, save a proposal.

The picture and its tools are JavaScript on three.js (`docs/web/viewer`, one bundle without network
access), shown through anywidget. In a saved notebook, where no kernel answers, a film of the shape,
of what was carved and of the proposals takes its place, as for every `Control`.
"""

import re
from collections.abc import Callable, Sequence

import anywidget
import numpy as np
import traitlets

from course_utils.geometry.slots import spread_slots
from course_utils.places import BUNDLES

SIZES = (4, 64)  # voxels per side that the picture redraws while you carve
COUNTS = (1, 12)
MOST_SLOTS = 4  # which the picture can colour
PACKED = {"sync": True, "from_json": lambda value, widget: bytes(value)}  # a page sends memoryviews


class Sculptor(anywidget.AnyWidget):
    """A shape to carve and extend, and `complete(voxels, keep_mask, count)` to fill it in.

    A shape with materials is shown in their colours. What is carved or added keeps them: an added
    voxel has the slot of the nearest, and a completion may bring its own.

    `voxels`, `slots`, `keep_mask` and `proposals` are always what is on screen; `carve`, `propose`
    and `take` do from code what the buttons do.

    Args:
        voxels: Bool (D, D, D) = z, y, x.
        complete: Gets copies of the shape and of the mask that is True where a voxel, full or
            empty, stays as it is (bool (D, D, D)), and how many proposals are wanted. Without a
            palette the shape is bool, and so are the proposals that it returns, (count, D, D, D).
            With one the shape is uint8, 0 where it is empty, else the slot; it returns the same
            kind, or bool: then what it filled has the slots of its neighbours. What is to be kept
            is kept, whatever it returns there. An error it raises is shown as text. Such a function
            is `editing.complete`.
        count: How many proposals.
        slots: Which material each voxel is of, uint8 (D, D, D), 1 for the palette's first; where a
            full voxel has 0, that of the nearest.
        palette: Materials of the slots, such as the `finishes` of a shape: colours "#rrggbb", or
            anything with `colour`, `metallic` and `roughness`; four at most. Needs slots.

    Raises:
        ValueError: The grids, the palette or the count do not fit.
    """

    _esm = BUNDLES / "viewer.bundle.js"
    size = traitlets.Int().tag(sync=True)
    count = traitlets.Int().tag(sync=True)
    packed_voxels = traitlets.Bytes().tag(**PACKED)  # bits, as numpy.packbits writes them
    packed_free = traitlets.Bytes().tag(**PACKED)
    packed_proposals = traitlets.List(traitlets.Bytes()).tag(sync=True)
    palette = traitlets.List().tag(sync=True)  # (colour, metallic, roughness) of each slot
    packed_slots = traitlets.Bytes().tag(**PACKED)  # a byte per voxel, empty without a palette
    packed_proposal_slots = traitlets.List(traitlets.Bytes()).tag(sync=True)
    asked = traitlets.Int(0).tag(sync=True)  # how often "Complete" was pressed,
    answered = traitlets.Int(0).tag(sync=True)  # and which of them is answered
    error = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        voxels: np.ndarray,
        complete: Callable,
        count: int = 4,
        slots: np.ndarray | None = None,
        palette: Sequence | None = None,
    ):
        voxels = _checked("voxels", voxels)
        if not callable(complete):
            raise ValueError(
                f"complete: got {complete!r}, expected a function of (voxels, keep_mask, count)"
            )
        if not COUNTS[0] <= count <= COUNTS[1]:
            raise ValueError(f"count: got {count}, expected {COUNTS[0]} to {COUNTS[1]} proposals")
        if (slots is None) != (palette is None):
            raise ValueError("slots and palette: got one of them; expected both or neither")
        self.materials = [] if palette is None else list(palette)
        finishes = [] if palette is None else _finishes(self.materials)
        slots = None if slots is None else _checked_slots(slots, voxels, len(finishes))
        self.complete, self.given, self.given_slots = complete, voxels.copy(), slots
        super().__init__(
            size=len(voxels),
            count=count,
            packed_voxels=_pack(voxels),
            packed_free=_pack(np.zeros_like(voxels)),
            palette=finishes,
            packed_slots=b"" if slots is None else slots.tobytes(),
        )
        self.observe(self._answer, "asked")

    @property
    def voxels(self) -> np.ndarray:
        """The shape as it is now, bool (D, D, D)."""
        return self._unpacked(self.packed_voxels)

    @property
    def slots(self) -> np.ndarray | None:
        """The slot of each voxel, full or not, uint8 (D, D, D), 1 for the first; None without."""
        return self._bytes(self.packed_slots) if self.palette else None

    @property
    def keep_mask(self) -> np.ndarray:
        """True where nothing may change, bool (D, D, D): neither carved nor painted free."""
        return ~self._unpacked(self.packed_free)

    @property
    def proposals(self) -> np.ndarray:
        """The proposals on screen, bool (count, D, D, D); none before the first completion."""
        shapes = [self._unpacked(packed) for packed in self.packed_proposals]
        return np.array(shapes, dtype=bool).reshape(-1, self.size, self.size, self.size)

    @property
    def proposal_slots(self) -> np.ndarray:
        """The slots of the proposals, uint8 (count, D, D, D); none without a palette."""
        grids = [self._bytes(packed) for packed in self.packed_proposal_slots]
        return np.array(grids, np.uint8).reshape(-1, self.size, self.size, self.size)

    def carve(self, region: np.ndarray) -> None:
        """Empty a bool region (D, D, D) and make it free for the model."""
        region = _checked("region", region, self.size)
        with self.hold_sync():
            self.packed_voxels = _pack(self.voxels & ~region)
            self.packed_free = _pack(~self.keep_mask | region)

    def propose(self) -> np.ndarray:
        """Complete the shape, show the proposals and return them.

        ValueError if nothing is free, or a completion is bad.
        """
        voxels, keep = self.voxels, self.keep_mask
        if keep.all():
            raise ValueError(
                "keep_mask: nothing is free to be completed; carve a part or paint it free first"
            )
        given = np.where(voxels, self.slots, 0).astype(np.uint8) if self.palette else voxels.copy()
        found = np.asarray(self.complete(given, keep.copy(), self.count))
        wanted, kinds = (self.count, *voxels.shape), (bool, np.uint8)[: 1 + bool(self.palette)]
        if found.dtype not in kinds or found.shape != wanted:
            expected = " or ".join(np.dtype(kind).name for kind in kinds)
            raise ValueError(
                f"complete: returned {found.dtype} of shape {found.shape}, expected"
                f" {expected} {wanted}"
            )
        if found.dtype != bool and found.max(initial=0) > len(self.palette):
            raise ValueError(
                f"complete: returned slot {found.max()}, expected 0 to {len(self.palette)}"
            )
        shapes = np.where(keep, voxels, found > 0)
        with self.hold_sync():
            self.packed_proposals = [_pack(shape) for shape in shapes]
            if self.palette:
                grown = np.zeros_like(found, np.uint8) if found.dtype == bool else found
                slots = np.where(keep & voxels, self.slots, np.where(keep, 0, grown))
                self.packed_proposal_slots = [
                    _spread(*each).tobytes() for each in zip(slots, shapes, strict=True)
                ]
        return shapes

    def take(self, number: int) -> None:
        """Make a proposal, counted from 0, the shape; what it filled stays free for another try."""
        if not 0 <= number < len(self.packed_proposals):
            raise ValueError(
                f"number: got {number}, expected 0 to {len(self.packed_proposals) - 1}: propose()"
                " first"
            )
        with self.hold_sync():
            self.packed_voxels = self.packed_proposals[number]
            if self.palette:
                self.packed_slots = self.packed_proposal_slots[number]

    def _answer(self, change) -> None:
        with self.hold_sync():  # one message: the page must not see the answer before the proposals
            try:
                self.propose()
                self.error = ""
            except Exception as error:
                # the page shows it: an error in a message of a widget would be lost
                self.error = f"{type(error).__name__}: {error}"
            self.answered = change["new"]

    def _unpacked(self, packed: bytes) -> np.ndarray:
        bits = np.unpackbits(np.frombuffer(packed, np.uint8), count=self.size**3)
        return bits.reshape(self.size, self.size, self.size).astype(bool)

    def _bytes(self, packed: bytes) -> np.ndarray:
        return np.frombuffer(packed, np.uint8).reshape(self.size, self.size, self.size)

    def _twin(self):
        """The film for a saved notebook: what was given, what was carved of it, the proposals."""
        # with torch and plotly, which the live picture does not need
        from course_utils.plots.film import shape_film

        steps = {"given": (self.given, self.given_slots), "carved": (self.voxels, self.slots)}
        if np.array_equal(self.given, self.voxels):
            del steps["carved"]
        slots = self.proposal_slots if self.palette else [None] * len(self.proposals)
        for k, shape in enumerate(zip(self.proposals, slots, strict=True)):
            steps[f"proposal {k + 1}"] = shape
        shapes, slots = zip(*steps.values(), strict=True)
        how = {"colour": self.materials, "slots": slots} if self.palette else {}
        return shape_film([np.where(shape, 1.0, -1.0) for shape in shapes], list(steps), **how)

    def _repr_mimebundle_(self, **kwargs):
        """Show the live box; the build takes it out of saved notebooks, where the twin remains."""
        live, metadata = super()._repr_mimebundle_(**kwargs)
        still, described = self._twin()._repr_mimebundle_()
        return still | live, metadata | described


def _pack(voxels: np.ndarray) -> bytes:
    return np.packbits(voxels).tobytes()


def _spread(slots: np.ndarray, voxels: np.ndarray) -> np.ndarray:
    """Return slots with that of the nearest full voxel wherever one is empty or has none."""
    return np.maximum(spread_slots(slots, voxels & (slots > 0)), np.uint8(1))


def _finishes(materials: Sequence) -> list[tuple]:
    """Return colour, metallic and roughness of each material, checked."""
    from course_utils.geometry.render.paint import finish_of

    try:
        finishes = [tuple(finish_of(material)) for material in materials]
        good = all(re.fullmatch("#[0-9a-fA-F]{6}", colour) for colour, *_ in finishes)
    except (AttributeError, TypeError):
        good = False
    if not good or not 1 <= len(finishes) <= MOST_SLOTS:
        raise ValueError(
            f"palette: got {materials!r}, expected 1 to {MOST_SLOTS} materials, such as the"
            ' `finishes` of a shape, or colours "#rrggbb"'
        )
    return finishes


def _checked_slots(slots: np.ndarray, voxels: np.ndarray, count: int) -> np.ndarray:
    """Return the slots of all voxels, those of full ones given."""
    slots = np.asarray(slots)
    if slots.dtype != np.uint8 or slots.shape != voxels.shape or slots.max(initial=0) > count:
        raise ValueError(
            f"slots: got {slots.dtype} of shape {slots.shape} up to {slots.max(initial=0)},"
            f" expected uint8 {voxels.shape} up to {count}, as many as the palette has"
        )
    return _spread(slots, voxels)


def _checked(name: str, voxels: np.ndarray, size: int | None = None) -> np.ndarray:
    voxels = np.asarray(voxels)
    wanted = (
        "(D, D, D) with D from {} to {}".format(*SIZES) if size is None else f"{(size, size, size)}"
    )
    fits = (
        SIZES[0] <= len(voxels) <= SIZES[1]
        if voxels.ndim == 3 and size is None
        else voxels.shape == (size,) * 3
    )
    if voxels.dtype != bool or voxels.ndim != 3 or len(set(voxels.shape)) > 1 or not fits:
        raise ValueError(
            f"{name}: got {voxels.dtype} of shape {voxels.shape}, expected bool {wanted}; "
            "compare with a level for bool, course_utils.geometry.voxelise.fit_to_cube for a cube"
        )
    return voxels
