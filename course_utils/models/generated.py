"""A shape that a model made, in the colours of its materials: shown, recoloured, written.

A model with slot channels says which of its family's slots each voxel belongs to. What the slots
are made of is drawn from the seed, as for the shapes that it learned from, or chosen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from course_utils.datasets.shapes.drawing import palette_of
from course_utils.datasets.shapes.families import FAMILIES
from course_utils.datasets.shapes.materials import MATERIALS, Palette
from course_utils.files.materials import CLAY, Look, Material, rgb
from course_utils.files.meshes import SUFFIXES, save_mesh
from course_utils.files.png import png_bytes, save_image
from course_utils.files.vox import GREY, VoxModel, write_vox_model
from course_utils.geometry.matter import slots_from_model
from course_utils.geometry.render import field_normals, render_materials
from course_utils.geometry.repair import finished
from course_utils.geometry.slots import SURE, cut_by_slots, spread_slots
from course_utils.geometry.surface import smooth_mesh
from course_utils.models.config import Config
from course_utils.models.wishes import Wish

if TYPE_CHECKING:
    import trimesh

WRITES = (*SUFFIXES, ".vox")  # suffixes of what can be written
PICTURE = 640  # pixels per side
ONE_SLOT = ("shape",)  # of a model without slot channels


@dataclass(frozen=True, eq=False)
class Generated:
    """A shape that a model made. In a notebook it shows its picture.

    Attributes:
        prompt: What was asked for.
        seed: The seed that was asked for.
        kept_seed: The seed of the try that was kept; with tries=1 it makes this shape again.
        family: Of the shape, such as "chair"; None where the prompt does not say.
        field: Float32 (D, H, W), inside above 0, with gaps closed and loose bits removed.
        slots: Which slot each voxel belongs to, uint8 (D, H, W), 1 for the first in the palette;
            voxels that are nearly empty, or were filled to close a gap, have their neighbour's.
        palette: The material of each slot, by its name.
        wish: What the model was asked for, and how the prompt was read.
    """

    prompt: str
    seed: int
    kept_seed: int
    family: str | None
    field: np.ndarray
    slots: np.ndarray
    palette: Palette
    wish: Wish | None = None

    @property
    def shape(self) -> np.ndarray:
        """The voxels, bool (D, H, W)."""
        return self.field > 0

    @property
    def coverage(self) -> np.ndarray:
        """How much of each voxel is filled, float32 (D, H, W), 0 to 1."""
        return np.clip((self.field + 1) / 2, 0, 1)

    @property
    def finishes(self) -> list[Material]:
        """The material of each slot, in their order."""
        return list(self.palette.values())

    @property
    def colours(self) -> list[str]:
        """The colour of each slot, sRGB as "#rrggbb"."""
        return [finish.colour for finish in self.finishes]

    @property
    def materials(self) -> dict[str, str]:
        """The name of the material of each slot that is seen: {"seat": "walnut"}."""
        names = [(slot, material.name) for slot, material in self.palette.items()]
        return dict(names[number - 1] for number in np.unique(self._surface[1]))

    @property
    def mesh(self) -> "trimesh.Trimesh":
        """The surface, in the unit cube, z up; cut where one slot meets another."""
        return self._surface[0]

    @property
    def look(self) -> Look:
        """The materials of the mesh, and its normals, which follow the field."""
        mesh, slots = self._surface
        return Look(self.palette, slots, field_normals(self.field, np.array(mesh.vertices)))

    @cached_property
    def _surface(self) -> tuple["trimesh.Trimesh", np.ndarray]:
        return cut_by_slots(smooth_mesh(self.field), self.slots)

    @cached_property
    def picture(self) -> np.ndarray:
        """The picture of the smooth surface, uint8 (640, 640, 3)."""
        return self.render(PICTURE)

    def render(self, size: int) -> np.ndarray:
        """Return a picture of `size` pixels per side, uint8 (size, size, 3)."""
        return render_materials(self.field, self.slots, size, colours=self.finishes)

    def recoloured(self, materials: Mapping[str, str]) -> "Generated":
        """Return the same shape in other materials; nothing is sampled.

        Args:
            materials: The names of materials by slot, such as {"seat": "red"}; other slots keep
                theirs.

        Raises:
            ValueError: The shape has no such slot, or there is no such material.
        """
        return replace(self, palette=changed(self.palette, materials))

    def export(self, path: str | Path, size: str | None = None) -> str:
        """Write the shape: .glb, .obj (with .mtl) or .vox with its materials, or .stl.

        Args:
            path: File to write; the suffix chooses the format.
            size: Of `files.meshes.save_mesh`: the longest side with its unit, such as "80mm"; a
                .vox has none.

        Returns:
            Width, depth and height in the file, such as "80 x 75.3 x 80 mm".

        Raises:
            ValueError: Another suffix, or a size that is none.
        """
        if Path(path).suffix.lower() != ".vox":
            _check_suffix(path)
            return save_mesh(self.mesh, path, size=size, look=self.look)
        if size is not None:
            raise ValueError(f"size is {size!r}; a .vox counts voxels and has no size")
        palette = np.array([GREY] * 256, np.uint8)
        for row, colour in enumerate(self.colours, start=1):
            palette[row, :3] = rgb(colour)
        write_vox_model(path, VoxModel(np.where(self.shape, self.slots, np.uint8(0)), palette))
        low, high = (end(np.argwhere(self.shape), axis=0) for end in (np.min, np.max))
        return " x ".join(str(length) for length in (high - low + 1)[::-1]) + " voxels"

    def save(self, path: str | Path, size: str | None = None) -> str:
        """Write the shape, see `export`, and its picture beside it as .png.

        Args:
            path: File to write; the suffix chooses the format.
            size: As of `export`.

        Returns:
            Width, depth and height in the file, such as "80 x 75.3 x 80 mm".
        """
        extents = self.export(path, size)
        save_image(Path(path).with_suffix(".png"), self.picture)
        return extents

    def __repr__(self) -> str:
        faces = len(self.mesh.faces)
        return f"Generated({self.prompt!r}, seed {self.seed}, {faces} triangles)"

    def _repr_png_(self):
        return png_bytes(self.picture), {"alt": f"Picture: {self.prompt}, seed {self.seed}"}


def finish(
    x: Tensor,
    prompt: str,
    seed: int,
    kept_seed: int,
    family: str | None,
    palette: Palette,
    wish: Wish | None = None,
) -> Generated:
    """Return what a model made as a finished shape: gaps closed, loose bits removed.

    Args:
        x: The last x_t of a sampler, float (C, D, H, W): the field and, with materials, its slots.
        prompt: What was asked for.
        seed: The seed that was asked for.
        kept_seed: The seed of the try that was kept.
        family: Of the shape.
        palette: The materials of its slots, of `palette_for`.
        wish: What the model was asked for.
    """
    drawn = x[0].cpu().numpy()
    field = finished(drawn)
    slots = np.ones(field.shape, np.uint8)
    if len(palette) > 1:
        found = slots_from_model(x[None].cpu(), len(palette))[0].numpy()
        slots = finished_slots(found, drawn, field)
    return Generated(prompt, seed, kept_seed, family, field, slots, palette, wish)


def finished_slots(slots: np.ndarray, drawn: np.ndarray, field: np.ndarray) -> np.ndarray:
    """Return slots in which voxels that are nearly empty, or were changed, have their neighbour's.

    Args:
        slots: What the model says, uint8 (D, H, W).
        drawn: The field as the model drew it, (D, H, W).
        field: The field as it is finished.
    """
    return spread_slots(slots, (drawn > 2 * SURE - 1) & (field == drawn))


def palette_for(config: Config, family: str | None, seed: int) -> Palette:
    """Return the materials of a shape: drawn from its seed, or clay for a model without slots.

    Args:
        config: The model's.
        family: Of the shape.
        seed: The shape's.
    """
    if config.channels == 1 or family not in FAMILIES:
        return dict.fromkeys(ONE_SLOT, CLAY)
    file = FAMILIES[family]
    palette = palette_of(family, seed, file.MATERIALS)
    return {slot: palette[slot] for slot in file.SLOTS}


def changed(palette: Palette, materials: Mapping[str, str]) -> Palette:
    """Return a palette with other materials, given by their names.

    Raises:
        ValueError: There is no such slot or material; the message lists those that there are.
    """
    if not isinstance(materials, Mapping):
        raise ValueError(f"materials is {materials!r}; expected one such as {{'seat': 'red'}}")
    for slot, name in materials.items():
        if slot not in palette:
            raise ValueError(f"materials: no slot {slot!r}; expected one of {', '.join(palette)}")
        if not isinstance(name, str) or name not in MATERIALS:
            raise ValueError(f"materials: no {name!r}; there are {', '.join(MATERIALS)}")
    return palette | {slot: MATERIALS[name] for slot, name in materials.items()}


def _check_suffix(path: str | Path) -> None:
    if Path(path).suffix.lower() not in WRITES:
        raise ValueError(
            f"path: {str(path)!r} has the suffix {Path(path).suffix!r}, expected one of"
            f" {', '.join(WRITES)}"
        )
