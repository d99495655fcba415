# %% [markdown]
# # 07 · Voxels, surfaces, meshes
#
# {{badges}} · {{measured}}
#
# ![One shape of each family that this course draws](images/families.png)
#
# **After this lesson you can**
# - store a solid as voxels or as a distance field, and say what each costs and what each can't tell;
# - turn a field into a closed mesh, measure what the mesh encloses, and find out when it is broken;
# - draw shapes by the thousand from a few lines of code, and let a program look at a shape and say what it sees.
#
# **You need** arrays; no earlier lesson is used before the last section.
# Symbols: [notation](../docs/notation.md).

# %%
import numpy as np
from scipy.ndimage import distance_transform_edt, label

from course_utils.datasets.shapes import CLASSES, make_shape, make_shapes, measure
from course_utils.exercises import lesson_07
from course_utils.geometry.mesh import is_watertight, smooth_mesh
from course_utils.geometry.voxels import blocky_mesh
from course_utils.plots import stills
from course_utils.plots.planar import Chart, show_charts
from course_utils.plots.style import DATA, EXACT, MODEL, NOISE

# %% [markdown]
# ## 1 · Yes or no, in a grid
#
# A digital picture is a grid of pixels. A **voxel** is the same in space: a small cube, filled or empty. We cut the
# unit cube into $n$ slices along each axis, and ask at the middle of every voxel: is it inside? The answers are an
# array of truth values with axes (z, y, x): `voxels[0]` is the layer on the ground, `voxels[:, 0]` the front.
#
# The rule that answers is a formula. Here is a ball of radius $r$ around $c$: inside is where $|p - c| < r$.


# %%
def middles(n):
    """Coordinates of the middles of all voxels, z, y and x: three arrays (n, n, n)."""
    places = (np.arange(n) + 0.5) / n
    return np.meshgrid(places, places, places, indexing="ij")


def ball(n, radius=0.4):
    """Distance to the surface of a ball in the middle of the cube, positive inside: (n, n, n)."""
    z, y, x = middles(n)
    return radius - np.sqrt((x - 0.5) ** 2 + (y - 0.5) ** 2 + (z - 0.5) ** 2)


sides = (8, 16, 32, 64)
stills.show_voxels([ball(n) > 0 for n in sides], [f"{n}³ = {n**3:,}" for n in sides], columns=4, colour=DATA)

# %% [markdown]
# *The same ball at four resolutions, with the number of voxels in the cube.*
#
# **Predict:** the ball fills $\frac{4}{3}\pi r^3$ of the cube, 26.8 %. How far off is the count of voxels at $8^3$, and
# at $64^3$?

# %%
truth = 4 / 3 * np.pi * 0.4**3
shares = {n: (ball(n) > 0).mean() for n in sides}
for n, share in shares.items():
    print(f"{n:3}³: {share:.4f} filled, {abs(share / truth - 1):.2%} off")
close = all(abs(share / truth - 1) < 0.01 for share in shares.values())
print("within 1 % at all four?", "yes" if close else "no")
assert close

# %% [markdown]
# Volume is easy: errors of the many voxels at the border cancel. Hold on to that; the *surface* will surprise you.
#
# ## 2 · What resolution costs
#
# Twice as fine means 8 times as many voxels. Memory follows, and so does a convolution, the work horse of every
# network in this course. **Predict:** a convolution of $8^3$ voxels takes well under a millisecond. And of $64^3$?

# %% tags=["timing"]
import time

import torch

convolution = torch.nn.Conv3d(16, 16, 3, padding=1)
seconds = {}
with torch.no_grad():
    for n in sides:
        features = torch.randn(4, 16, n, n, n)
        convolution(features)
        tries = []
        for _ in range(15):
            start = time.perf_counter()
            convolution(features)
            tries.append(time.perf_counter() - start)
        seconds[n] = min(tries)
        print(f"{n:3}³: {features.nbytes / 2**20:6.2f} MiB, {1000 * seconds[n]:8.2f} ms")

# %%
print("64 times the voxels: at least 20 times the time?", "yes" if seconds[64] > 20 * seconds[16] else "no")
assert seconds[64] > 20 * seconds[16]

# %% [markdown]
# That is why this course works at $16^3$ and $32^3$: a chair needs no more to be a chair, and your laptop can afford
# it.
#
# ## 3 · The surface, and a surprise
#
# Around every filled voxel that has an empty neighbour lies a square face. Together these faces are the **blocky
# mesh**, exactly the surface of the cubes. A ball has the area $4\pi r^2$. **Predict:** towards which area do the
# blocks go, as the voxels get smaller and smaller?

# %%
area = 4 * np.pi * 0.4**2
blocky = {n: blocky_mesh(ball(n) > 0).area / area for n in sides}
for n, ratio in blocky.items():
    print(f"{n:3}³: {ratio:.3f} times the area of the ball")
print("within 3 % of one and a half times at 64³?", "yes" if abs(blocky[64] / 1.5 - 1) < 0.03 else "no")
assert abs(blocky[64] / 1.5 - 1) < 0.03

# %% [markdown]
# Not towards 1. Look at the ball from the front: every front face you see is part of a disc of area $\pi r^2$, at
# any resolution. Six directions give $6\pi r^2$, one and a half times $4\pi r^2$. Staircases stay staircases, however
# fine. **Yes or no is too little to know where the surface lies and which way it looks.**
#
# ## 4 · Distance fields
#
# So let each voxel say more: *how far* it is to the surface, positive inside, negative outside. That is a **signed
# distance field**; our function `ball` already is one. The surface is where the field is 0, also between the middles
# of voxels. From voxels we can compute such a field, too: `distance_transform_edt(array)` gives, for every true voxel,
# the distance to the nearest false one, from middle to middle, in voxels. In one dimension:

# %%
row = np.array([False, False, True, True, True, True, False])
print("voxels:   ", *row.astype(int))
print("distances:", *distance_transform_edt(row).astype(int))

# %% [markdown]
# ## Exercise 1 · From voxels to distances
#
# The surface lies halfway between two middles, so a voxel's own distance is half a voxel less. Outside of the grid is
# air, also under the floor: put an empty layer around (`np.pad(voxels, 1)`) and cut it off in the end (`[1:-1]`
# along each axis). The result is in units of the cube's side, positive inside.


# %%
def signed_distance(voxels):
    """Distance of each middle to the surface. voxels: bool (n, n, n); returns float (n, n, n), positive inside."""
    ### BEGIN SOLUTION
    padded = np.pad(voxels, 1)
    inside = distance_transform_edt(padded) - 0.5
    outside = distance_transform_edt(~padded) - 0.5
    return np.where(padded, inside, -outside)[1:-1, 1:-1, 1:-1] / len(voxels)
    ### END SOLUTION


# %%
lesson_07.signed_distance.check(signed_distance)

# %% [markdown]
# From here on we use the library's. How well does it know the ball, of which it has seen only yes and no?

# %%
from course_utils.geometry.voxels import signed_distance as distances

mug = make_shape("mug", 71).voxels
stills.show_noisy([np.where(mug, 1.0, -1.0), 8 * distances(mug)], ["occupancy", "distance"], columns=2)

# %%
worst = {n: np.abs(distances(ball(n) > 0) - ball(n)).max() * n for n in sides}
print("from yes and no: how far off at most?", ", ".join(f"{error:.2f} voxels at {n}³" for n, error in worst.items()))
print("always within one voxel?", "yes" if max(worst.values()) < 1 else "no")
assert max(worst.values()) < 1

# %% [markdown]
# *A slice through a mug, from the side. Left −1 or 1; right the distance: white at the surface.* What yes and no have
# forgotten, no transform brings back: the distances are off by a part of a voxel. The formula's own field is exact, and
# that makes the difference in the next section.

# %% [markdown]
# ## 5 · Marching cubes
#
# How does a field become triangles? Take one cell: eight neighbouring middles, one at each corner of a small cube.
# Where one end of an edge is inside and the other outside, the surface must cross that edge. Where? If the field runs
# straight along the edge, from $a$ to $b$, it is 0 at the fraction $a / (a - b)$ of the way. Join the
# crossings to triangles: that is **marching cubes**. Corners are inside or outside, so there are $2^8 = 256$
# cases, kept in a table.

# %%
from skimage.measure import marching_cubes

cell = np.full((2, 2, 2), -1.0)
cell[0, 0, 0] = 3.0  # one corner is inside
vertices, faces, _, _ = marching_cubes(cell, 0.0)
by_hand = np.diag([3 / (3 + 1)] * 3)  # on each of the three edges at that corner
same = np.allclose(vertices[np.lexsort(vertices.T)], by_hand[np.lexsort(by_hand.T)])
print("one triangle, its corners where the formula says?", "yes" if len(faces) == 1 and same else "no")
assert len(faces) == 1 and same

# %%
triangles = []
for case in range(1, 255):
    corners = np.array([case >> k & 1 for k in range(8)]) * 2.0 - 1.0
    triangles.append(len(marching_cubes(corners.reshape(2, 2, 2), 0.0)[1]))
found = [f"{count} in {triangles.count(count)} cases" for count in sorted(set(triangles))]
print("triangles in a cell:", ", ".join(found))

# %% [markdown]
# *The other two of the 256 cases are all inside and all outside: no triangle.* Now the surprise of section 3 again,
# with marching cubes. We give it yes and no first, then the distances of the formula.

# %%
areas = {
    "blocks": [blocky[n] for n in sides],
    "marching cubes on yes and no": [smooth_mesh(ball(n) > 0).area / area for n in sides],
    "marching cubes on distances": [smooth_mesh(ball(n)).area / area for n in sides],
}
chart = Chart("", "voxels a side", "area / true area", x_scale="log", x_ticks=sides)
for (name, values), colour in zip(areas.items(), (NOISE, DATA, MODEL), strict=True):
    chart.line(sides, values, name, colour, marker="o")
chart.line(sides, [1.0] * len(sides), "the ball", EXACT)
show_charts(chart, height=3.4)

# %% [markdown]
# *Area of the surface against resolution. Blocks and yes-or-no stay too large for ever.*

# %%
errors = np.abs(np.array(areas["marching cubes on distances"]) - 1)
power = np.log(errors[0] / errors[-1]) / np.log(sides[-1] / sides[0])
stays = areas["marching cubes on yes and no"][-1]
print("on yes and no, is the area still more than 5 % too large at 64³?", "yes" if stays > 1.05 else "no")
print("on distances, does the error fall like 1 / n² (power 1.7 to 2.3)?", "yes" if 1.7 < power < 2.3 else "no")
assert stays > 1.05 and 1.7 < power < 2.3

# %% [markdown]
# Marching cubes was never the problem; it can only be as good as what the field tells it. A denoiser's $x_0$ is such a
# field: numbers around −1 and 1, and near 0 where it is undecided. Its surface can be smoother than blocks for free.
#
# **Touch it.** The level is the value at which we say "surface". **Predict:** what happens to the legs of the chair
# when you raise it?

# %%
from course_utils.widgets import IsosurfaceSlider

IsosurfaceSlider()

# %% [markdown]
# *Left the surface at the chosen level, right a slice through the field with the same level as a line.* Raising the
# level peels the shape like an onion; lowering it puts a coat on. At $8^3$ there is little left to peel.
#
# ## 6 · Closed, and how it breaks
#
# A mesh is a list of corners and a list of triangles. Nothing says that it encloses anything. If it does, it is
# **watertight**: every edge belongs to exactly two triangles, which run along it in opposite directions. Then the mesh
# has an inside and a volume, and a printer can print it.
#
# ## Exercise 2 · The volume of a mesh
#
# Take any triangle with the corners $a, b, c$. Together with the origin it makes a tetrahedron of the signed volume
# $\frac{1}{6}\,a \cdot (b \times c)$, positive if the triangle looks away from the origin. Sum over all triangles: what
# lies between origin and shape cancels. (`np.cross` works row by row.)


# %%
def mesh_volume(vertices, faces):
    """Volume enclosed by triangles. vertices (V, 3), faces (F, 3) number their corners; returns a number."""
    ### BEGIN SOLUTION
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    return (a * np.cross(b, c)).sum() / 6
    ### END SOLUTION


# %%
lesson_07.mesh_volume.check(mesh_volume)

# %% [markdown]
# trimesh, the library that holds our meshes, computes the same as `mesh.volume`. Now we break a chair in three ways.
# **Predict:** which of them can you see?

# %%
chair = make_shape("chair", 3)
whole = smooth_mesh(chair.voxels, smoothing=0.7)
broken = {name: whole.copy() for name in ("whole", "one triangle lost", "one turned round")}
broken["one triangle lost"].update_faces(np.arange(len(whole.faces)) != 1000)
broken["one turned round"].faces[1000] = whole.faces[1000][::-1]
vertices, faces, _, _ = marching_cubes(np.where(chair.voxels, 1.0, -1.0), 0.0)  # no air below the floor
broken["cut off by the grid"] = type(whole)((vertices[:, ::-1] + 0.5) / 32, faces)
stills.show_mesh(list(broken.values()), list(broken), columns=4)


# %% [markdown]
# *Four meshes, of which only the first is closed. The last one has no soles under its feet.*


# %%
def open_edges(faces):
    """How many edges do not belong to two triangles. faces: (F, 3)."""
    edges = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    return int((np.unique(edges, axis=0, return_counts=True)[1] != 2).sum())


def volume_when_moved(mesh, by):
    """The sum of tetrahedra, here as determinants, after moving the mesh along the diagonal of the cube."""
    return np.linalg.det(mesh.vertices[mesh.faces] + by).sum() / 6


for name, mesh in broken.items():
    closed, edges = "closed" if is_watertight(mesh) else "open", open_edges(mesh.faces)
    volumes = f"volume {volume_when_moved(mesh, 0):.4f}, moved by 10: {volume_when_moved(mesh, 10):.4f}"
    print(f"{name:20} {edges:3} open edges, {closed:6}  {volumes}")

# %%
drift = {name: abs(volume_when_moved(mesh, 10) - volume_when_moved(mesh, 0)) for name, mesh in broken.items()}
kept, lost = drift.pop("whole") < 1e-6, min(drift.values()) > 1e-4
print("does the closed mesh keep its volume, and do the others lose it?", "yes" if kept and lost else "no")
assert kept and lost

# %% [markdown]
# An open mesh has no volume: the sum depends on where the mesh lies. The turned triangle leaves no open edge and is
# wrong all the same, because its neighbours run along its edges in the same direction. The last chair is the commonest
# accident: a field that touches the border of its grid is cut open there. The library puts air around first.
#
# **A closed surface can be counted.** With $V$ corners, $E$ edges and $F$ triangles,
#
# $$V - E + F = 2 - 2g$$
#
# where $g$ is the number of handles (Euler, Poincaré). **Predict:** how many handles has a mug with one ear? A ring?

# %%
z, y, x = middles(32)


def ring(middle):
    """Distance field of a ring around (middle, 0.5) that lies flat, positive inside: (32, 32, 32)."""
    return 0.07 - np.hypot(np.hypot(x - middle, y - 0.5) - 0.18, z - 0.5)


solids = {"ball": ball(32), "ring": ring(0.5), "two rings": np.maximum(ring(0.32), ring(0.68))}
solids["mug"] = distances(mug)
handles = {}
for name, field in solids.items():
    mesh = smooth_mesh(field)
    assert is_watertight(mesh)
    handles[name] = 1 - (len(mesh.vertices) - len(mesh.edges_unique) + len(mesh.faces)) // 2
stills.show_fields(list(solids.values()), [f"{name}: {g}" for name, g in handles.items()], columns=4)

# %%
print("to a mathematician, is the mug a ring?", "yes" if handles["mug"] == handles["ring"] == 1 else "no")
assert list(handles.values()) == [0, 1, 2, 1]

# %% [markdown]
# *Four closed surfaces and their numbers of handles.*
#
# ## 7 · The workshop: a shape from a few lines
#
# Where do training shapes come from? We write a program that draws them. A part is a solid with bounds, in units of the
# cube; a shape is a list of parts; voxels come last, by asking at every middle. Here is a chair.

# %%
from course_utils.datasets.shapes.drawing import Box


def chair_parts(seat_height, back_height, width, leg, armrests):
    """Solid parts of a chair; lengths in units of the cube's side. x and y from the middle, front is negative."""
    half, top = width / 2, seat_height + 0.08
    box = [Box((-half, half), (-half, half), (seat_height, top))]
    for x in (-half, half - leg):
        for y in (-half, half - leg):
            box.append(Box((x, x + leg), (y, y + leg), (0.0, seat_height)))
        if armrests:
            box.append(Box((x, x + leg), (-half, half), (top + 0.14, top + 0.21)))
            box.append(Box((x, x + leg), (-half, leg - half), (top, top + 0.21)))
    box.append(Box((-half, half), (half - 0.08, half), (top, top + back_height)))
    return box


# %% [markdown]
# And then the other way round: a program that *looks* at voxels and says what it sees. `measure` cuts the shape into
# slices, counts islands and compares lengths; it knows nothing of your sliders.

# %%
from course_utils.widgets import Workshop


def describe(voxels):
    """What `measure` sees, in words."""
    return ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in measure(voxels, "chair").items())


inputs = {"seat_height": (0.2, 0.5, 0.34), "back_height": (0.15, 0.45, 0.4), "width": (0.35, 0.7, 0.5)}
Workshop(chair_parts, inputs | {"leg": (0.07, 0.16, 0.08), "armrests": True}, describe)

# %% [markdown]
# *Move the sliders: the caption is read off the voxels.* Where does "low" turn into "high"?
#
# ## Exercise 3 · Count the feet
#
# Find the lowest layer in which something stands, and count its islands: `label(slice)` from SciPy returns the
# numbered islands and how many there are; pixels belong together that share an edge. On a whole
# shape it counts pieces:

# %%
pieces, count = label(chair.voxels)
print(f"{count} piece of {(pieces == 1).sum():,} voxels; the numbers in the grid: {np.unique(pieces).tolist()}")


# %%
def count_feet(voxels):
    """How many islands touch the ground. voxels: bool (n, n, n), z first; returns a whole number."""
    ### BEGIN SOLUTION
    lowest = np.flatnonzero(voxels.any(axis=(1, 2)))[0]
    return label(voxels[lowest])[1]
    ### END SOLUTION


# %%
lesson_07.count_feet.check(count_feet)

# %% [markdown]
# ## 8 · Eleven families, and a judge
#
# `course_utils.datasets.shapes` holds one file for each family of shapes: a function that draws it from random
# numbers, and one that looks. Draw first, then choose the words: a caption may only say what is really there.

# %%
shown = [make_shape(family, seed) for seed in (1, 5) for family in CLASSES]
stills.show_voxels([shape.voxels for shape in shown], [shape.family for shape in shown], columns=11, colour=DATA)

# %%
for family in ("airplane", "house", "tree"):
    print(make_shape(family, 4).caption)

# %% [markdown]
# *Two of each family, and three captions.* In lesson 09 a model will draw shapes from such captions. Whether it
# obeyed will be decided by `measure`. So **we judge the judge first**: fresh shapes, of which we know the truth,
# attribute by attribute. **Predict:** in how many of a hundred attributes is it wrong?

# %%
right, asked = {}, {}
for family in CLASSES:
    for seed in range(90_000, 90_060):
        shape = make_shape(family, seed)
        seen = measure(shape.voxels, family)
        for name, value in shape.attributes.items():
            key = f"{family}: {name}"
            asked[key] = asked.get(key, 0) + 1
            right[key] = right.get(key, 0) + (seen[name] == value)
wrong = {key: asked[key] - right[key] for key in asked if right[key] < asked[key]}
print(f"{len(asked)} attributes, {sum(asked.values()):,} answers, {sum(wrong.values())} wrong", wrong or "")
good = all(right[key] >= 0.95 * asked[key] for key in asked) and sum(wrong.values()) <= 0.01 * sum(asked.values())
print("99 of 100 answers right, and 95 of 100 for each attribute?", "yes" if good else "no")
assert good

# %% [markdown]
# ## 9 · Real furniture
#
# Ours is furniture as a program imagines it. Here is some that people have modelled: the free catalogue of Sweet Home
# 3D, with the names of its makers (`data/furniture32`).

# %%
from course_utils.datasets.furniture import furniture

real = furniture()
kinds = [name for name in ("chair", "table", "sofa", "bed", "lamp", "shelf") if name in real.categories]
some = [k for kind in kinds for k in [i for i, c in enumerate(real.categories) if c == kind][:4]]
stills.show_voxels(real.voxels[some], [real.names[k] for k in some], columns=8, colour=DATA)

# %% [markdown]
# *Four of each of six categories, at $32^3$.* **Predict:** where do the real ones fill more of the cube than
# ours?

# %%
ours = make_shapes(240, families=CLASSES[:6], first_index=90_000)
filled = {kind: ours.voxels[ours.labels == CLASSES.index(kind)].mean() for kind in kinds}
there = {kind: furniture(kind).voxels.mean() for kind in kinds}
for kind in kinds:
    print(f"{kind:6} ours {filled[kind]:.1%}, real {there[kind]:.1%} of the cube")
print("the real ones fill more in:", ", ".join(kind for kind in kinds if there[kind] > filled[kind]) or "none")

# %% [markdown]
# Ours are made for a diffusion model, with nothing thinner than two voxels. Real furniture has thin legs, curved arms
# and cushions; models trained on ours have never seen any of it. Keep that in mind when you read "it makes chairs".
#
# ## 10 · Files: out and back
#
# A `.vox` file (MagicaVoxel's) holds voxels and gives them back exactly. A mesh file (`.glb`, `.obj`, `.stl`) holds
# triangles: whoever reads it has to ask at every middle again. **Predict:** which share of the voxels comes back?

# %%
import tempfile
from pathlib import Path

from course_utils.datasets.files import read_voxels, write_vox
from course_utils.geometry.mesh import save_mesh

back = {}
with tempfile.TemporaryDirectory() as folder:
    write_vox(Path(folder, "chair.vox"), chair.voxels)
    back[".vox"] = read_voxels(Path(folder, "chair.vox"))
    for suffix in (".glb", ".obj", ".stl"):
        save_mesh(blocky_mesh(chair.voxels), Path(folder, f"chair{suffix}"))
        back[suffix] = read_voxels(Path(folder, f"chair{suffix}"))
stills.show_voxels(list(back.values()), [f"{suffix}, {v.sum():,} voxels" for suffix, v in back.items()], columns=4)

# %%
print("does the .vox file give the same voxels?", "yes" if np.array_equal(back[".vox"], chair.voxels) else "no")
taller = all(grid.any((1, 2)).sum() == 32 for suffix, grid in back.items() if suffix != ".vox")
print("do the meshes come back scaled, so that they fill the cube?", "yes" if taller else "no")
assert np.array_equal(back[".vox"], chair.voxels) and taller

# %% [markdown]
# *The same chair out of four files.* A mesh has no grid, so the reader fits it into the cube anew, and fills every
# voxel that the surface passes through: same chair, other voxels. With `read_voxels("your_file.vox")` you can look at
# any model of your own, also `.ply`, `.off`, `.binvox`, `.npz`.
#
# ## Exercise 4 · Change one thing
#
# In the control of section 5 choose the chair at $32^3$ and raise the level slowly. At which level does the first part
# fall off? Check your eyes with a loop over levels and `label(field > level)[1]`, where
# `field = distances(chair.voxels)`. Which family of section 8 can be peeled deepest before it falls apart?
#
# <details><summary>One answer</summary>
# A part is gone when the level exceeds half its thickness: legs and bars two voxels thick have no middle deeper than
# half a voxel, 0.016 at 32³. Solid things can be peeled deeper: the loop says which.
# </details>
#
# ## Exercise 5 · Think
#
# Our diffusion models work on occupancy, −1 or 1, not on distances. What speaks for either?
#
# <details><summary>One answer</summary>
# Distances know the surface better and are smooth, which suits a network. But most of their numbers lie far from the
# surface, and a small error near zero moves or tears it; a thin leg is a faint ridge in the field. Occupancy says
# loudly where material is, every voxel counts the same, and edits (cut, add, keep) are plain. Many models use
# distances, cut off a few voxels from the surface, which is a middle way.
# </details>

# %% [markdown]
# ## Three misconceptions, each with a cell that refutes it
#
# **"Twice the resolution costs twice as much."** In three dimensions it is eight times:

# %%
sizes = [ball(n).nbytes for n in sides]
print("eight times the memory at each doubling?", "yes" if sizes == [sizes[0] * 8**k for k in range(4)] else "no")
assert sizes == [sizes[0] * 8**k for k in range(4)]

# %% [markdown]
# **"Voxels tell where the surface is."** They say between which two middles it runs. Two balls of different size:

# %%
smaller, larger = ball(16, 0.4), ball(16, 0.4015)
same = np.array_equal(smaller > 0, larger > 0)
print("do two different balls have the same voxels?", "yes" if same else "no")
assert same and not np.array_equal(smaller, larger)

# %% [markdown]
# **"A mesh that looks closed is closed."** Here are the whole chair of section 6 and the one with a triangle turned
# round, drawn from the same place:

# %%
pictures = [stills.render_mesh(broken[name].vertices, broken[name].faces) for name in ("whole", "one turned round")]
differ = (pictures[0] != pictures[1]).any(axis=2).mean()
print("do less than 1 in 1,000 pixels differ, and is one of them not watertight?", "yes" if differ < 1e-3 else "no")
assert differ < 1e-3 and is_watertight(broken["whole"]) and not is_watertight(broken["one turned round"])

# %% [markdown]
# ## What you now know
#
# 1. Voxels are truth values in a grid; cost grows with the cube of the resolution.
# 2. Yes and no give the volume well and the area never; a distance field gives both.
# 3. Marching cubes turns any field into triangles, one cell at a time; the level is yours to choose.
# 4. A mesh is closed if each edge is run along once in each direction; only then it has a volume.
# 5. A program can draw shapes, and another one can look at them; the second must be judged before it judges.
#
# **Sources.** Lorensen and Cline, *Marching cubes*, SIGGRAPH 1987 (the table of cases); Lewiner et al., *Efficient
# implementation of marching cubes' cases with topological guarantees*, J. Graphics Tools 8 (2003) (the version used);
# Zhang and Chen, *Efficient feature extraction for 2D/3D objects in mesh representation*, ICIP 2001 (volume as a sum
# of tetrahedra); Felzenszwalb and Huttenlocher, *Distance transforms of sampled functions*, Theory of Computing 8
# (2012) (how a distance transform is computed quickly).
#
# **Next:** [08 · A voxel diffusion model](08_voxel_diffusion.ipynb).
