"""One cell of marching cubes: its eight corners and the triangles between them, for lesson 07."""

import numpy as np

from course_utils.geometry.grids import to_numpy
from course_utils.plots.style import DATA, INK, MODEL, NOISE, Picture, styled

CORNERS = np.array([[z, y, x] for z in (0, 1) for y in (0, 1) for x in (0, 1)])
TILE = 2.6  # inches


def show_cells(cells, titles):
    """Return a row of cells: corners inside are blue, others grey, the triangles at level 0 orange.

    Args:
        cells: Float arrays (2, 2, 2) = z, y, x, positive inside.
        titles: One per cell.
    """
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection
    from skimage.measure import marching_cubes

    with styled():
        picture = Picture((TILE * len(cells), TILE + 0.3))
        for number, (cell, title) in enumerate(
            zip(map(to_numpy, cells), titles, strict=True), start=1
        ):
            axes = picture.add_subplot(1, len(cells), number, projection="3d")
            vertices, faces, _, _ = marching_cubes(cell, 0.0)
            triangles = vertices[faces][..., ::-1]  # x, y, z
            axes.add_collection3d(
                Poly3DCollection(triangles, facecolor=MODEL, edgecolor=INK, alpha=0.8)
            )
            for a in range(8):
                for b in range(a):
                    if np.abs(CORNERS[a] - CORNERS[b]).sum() == 1:
                        axes.plot(*CORNERS[[a, b]].T[::-1], color=NOISE, linewidth=1)
            colours = [DATA if value > 0 else NOISE for value in cell.ravel()]
            axes.scatter(*CORNERS.T[::-1], c=colours, s=60, depthshade=False)
            axes.set(xlim=(0, 1), ylim=(0, 1), zlim=(0, 1), box_aspect=(1, 1, 1))
            axes.set_axis_off()
            axes.view_init(elev=28, azim=-50)
            axes.set_title(title, fontsize=11)
        picture.subplots_adjust(left=0, right=1, bottom=0, top=0.9, wspace=0)
    return picture
