"""The sculptor of lesson 09: carve a shape in 3D, let a model complete it, take one of its
proposals, save it.

The picture and its tools are JavaScript on three.js (`docs/web/viewer`, one bundle without network
access), shown through anywidget. In a saved notebook, where no kernel answers, a film of the shape,
of what was carved and of the proposals takes its place, as for every `Control`.
"""

from collections.abc import Callable

import anywidget
import numpy as np
import traitlets

from course_utils.places import BUNDLES

SIZES = (4, 64)  # voxels a side that the picture redraws while you carve
COUNTS = (1, 12)
PACKED = {"sync": True, "from_json": lambda value, widget: bytes(value)}  # a page sends memoryviews


class Sculptor(anywidget.AnyWidget):
    """A bool shape (D, D, D) = z, y, x to carve and extend, and `complete(voxels, keep_mask,
    count)` to fill it in.

    complete: gets copies of the shape and of the mask that is True where a voxel, full or empty,
    stays as it is (bool (D, D, D) both), and how many proposals are wanted; returns bool (count, D,
    D, D). What is to be kept is kept, whatever it returns there. An error it raises is shown as
    text. `voxels`, `keep_mask` and `proposals` are always what is on screen; `carve`, `propose` and
    `take` do from code what the buttons do.
    """

    _esm = BUNDLES / "viewer.bundle.js"
    size = traitlets.Int().tag(sync=True)
    count = traitlets.Int().tag(sync=True)
    packed_voxels = traitlets.Bytes().tag(**PACKED)  # bits, as numpy.packbits writes them
    packed_free = traitlets.Bytes().tag(**PACKED)
    packed_proposals = traitlets.List(traitlets.Bytes()).tag(sync=True)
    asked = traitlets.Int(0).tag(sync=True)  # how often "Complete" was pressed,
    answered = traitlets.Int(0).tag(sync=True)  # and which of them is answered
    error = traitlets.Unicode().tag(sync=True)

    def __init__(self, voxels: np.ndarray, complete: Callable, count: int = 4):
        voxels = _checked("voxels", voxels)
        if not callable(complete):
            raise ValueError(
                f"complete: got {complete!r}, expected a function of (voxels, keep_mask, count)"
            )
        if not COUNTS[0] <= count <= COUNTS[1]:
            raise ValueError(f"count: got {count}, expected {COUNTS[0]} to {COUNTS[1]} proposals")
        self.complete, self.given = complete, voxels.copy()
        nothing = np.zeros_like(voxels)
        super().__init__(
            size=len(voxels), count=count, packed_voxels=_pack(voxels), packed_free=_pack(nothing)
        )
        self.observe(self._answer, "asked")

    @property
    def voxels(self) -> np.ndarray:
        """The shape as it is now, bool (D, D, D)."""
        return self._unpacked(self.packed_voxels)

    @property
    def keep_mask(self) -> np.ndarray:
        """True where nothing may change: what was neither carved nor painted free, bool (D, D,
        D).
        """
        return ~self._unpacked(self.packed_free)

    @property
    def proposals(self) -> np.ndarray:
        """The proposals on screen, bool (count, D, D, D); none before the first completion."""
        shapes = [self._unpacked(packed) for packed in self.packed_proposals]
        return np.array(shapes, dtype=bool).reshape(-1, self.size, self.size, self.size)

    def carve(self, region: np.ndarray) -> None:
        """Empty a bool region (D, D, D) and make it free for the model."""
        region = _checked("region", region, self.size)
        with self.hold_sync():
            self.packed_voxels = _pack(self.voxels & ~region)
            self.packed_free = _pack(~self.keep_mask | region)

    def propose(self) -> np.ndarray:
        """Complete the shape, show the proposals and return them. ValueError: nothing is free, or a
        bad completion.
        """
        voxels, keep = self.voxels, self.keep_mask
        if keep.all():
            raise ValueError(
                "keep_mask: nothing is free to be completed; carve a part or paint it free first"
            )
        found = np.asarray(self.complete(voxels.copy(), keep.copy(), self.count))
        wanted = (self.count, *voxels.shape)
        if found.dtype != bool or found.shape != wanted:
            raise ValueError(
                f"complete: returned {found.dtype} of shape {found.shape}, expected bool {wanted}"
            )
        shapes = np.where(keep, voxels, found)
        self.packed_proposals = [_pack(shape) for shape in shapes]
        return shapes

    def take(self, number: int) -> None:
        """Make a proposal, counted from 0, the shape; what it filled stays free, so that you can
        ask again.
        """
        if not 0 <= number < len(self.packed_proposals):
            raise ValueError(
                f"number: got {number}, expected 0 to {len(self.packed_proposals) - 1}: propose()"
                " first"
            )
        self.packed_voxels = self.packed_proposals[number]

    def _answer(self, change) -> None:
        with self.hold_sync():  # one message: the page must not see the answer before the proposals
            try:
                self.propose()
                self.error = ""
            except (
                Exception
            ) as error:  # the page shows it: an error in a message of a widget would be lost
                self.error = f"{type(error).__name__}: {error}"
            self.answered = change["new"]

    def _unpacked(self, packed: bytes) -> np.ndarray:
        bits = np.unpackbits(np.frombuffer(packed, np.uint8), count=self.size**3)
        return bits.reshape(self.size, self.size, self.size).astype(bool)

    def _twin(self):
        """The film for a saved notebook: what was given, what was carved of it, the proposals."""
        from course_utils.plots.film import (
            shape_film,
        )  # with torch and plotly, which the live picture does not need

        steps = {"given": self.given, "carved": self.voxels}
        if np.array_equal(self.given, self.voxels):
            del steps["carved"]
        steps |= {f"proposal {k + 1}": shape for k, shape in enumerate(self.proposals)}
        return shape_film([np.where(shape, 1.0, -1.0) for shape in steps.values()], list(steps))

    def _repr_mimebundle_(self, **kwargs):
        """Live where a kernel answers; the build takes the widget out of saved notebooks, and the
        twin is left.
        """
        live, metadata = super()._repr_mimebundle_(**kwargs)
        still, described = self._twin()._repr_mimebundle_()
        return still | live, metadata | described


def _pack(voxels: np.ndarray) -> bytes:
    return np.packbits(voxels).tobytes()


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
