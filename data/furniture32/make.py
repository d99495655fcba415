"""Makes furniture32.npz and ATTRIBUTION.md: 3D models of furniture as 32 x 32 x 32 voxels.

    python data/furniture32/make.py FOLDER

FOLDER keeps Debian's package sweethome3d-furniture (120 MB); apt-get fetches it if it is absent.
Each model is turned and stretched as its catalogue says, read as `read_mesh` reads a learner's mesh
(`voxelise`), so that its longest side is 27 voxels, closed
from below, and freed of crumbs. Needs apt-get or the .deb, dpkg-deb, and the course's environment.
The stored file is older than the present `voxelise`.
"""

import csv
import hashlib
import io
import re
import subprocess
import sys
import tempfile
import zipfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import trimesh
from scipy.ndimage import binary_fill_holes

from course_utils.datasets.own_shapes import read_mesh
from course_utils.files.atomic import writing
from course_utils.geometry.voxelise import fit_to_cube
from course_utils.geometry.voxels import connected_components

HERE = Path(__file__).parent
PACKAGE = "sweethome3d-furniture"
CHECKSUM = "3ccb90c63f9525e887a767b9cd5c8b6933b8b6b2973a615a5359ee68a2118668"  # of version 1.8-1
SIDE, INSIDE = 32, 27  # voxels of the cube, and of a model's longest side: 0.84 of it
CRUMB = 0.01  # of a model's voxels: smaller loose pieces are left out
LICENCES = {"CC0": "CC0 1.0", "CC-BY-3.0": "CC BY 3.0", "CC-BY-3.0-USA": "CC BY 3.0 US"}


def unpacked(folder: Path) -> Path:
    """The package's files; apt-get fetches the package if `folder` does not hold it."""
    folder.mkdir(parents=True, exist_ok=True)
    if not list(folder.glob(f"{PACKAGE}_*.deb")):
        subprocess.run(["apt-get", "download", PACKAGE], cwd=folder, check=True)
    (package,) = folder.glob(f"{PACKAGE}_*.deb")
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    if digest != CHECKSUM:
        raise ValueError(f"{package} has the SHA-256 {digest}; expected version 1.8-1, {CHECKSUM}")
    subprocess.run(["dpkg-deb", "-x", package, folder / "unpacked"], check=True)
    return folder / "unpacked" / "usr" / "share"


def library_licences(share: Path) -> dict[str, tuple[str, str]]:
    """Of each library the copyright line and the licence that Debian's copyright file records."""
    text = (share / "doc" / PACKAGE / "copyright").read_text()
    found = re.findall(r"^Files: (\S+)/\*\nCopyright: ((?:.*\n)+?)License: (\S+)", text, re.M)
    licences = {
        name: (" ".join(holder.split()), LICENCES[licence])
        for name, holder, licence in sorted(found)
    }
    del licences["debian"]  # the packaging
    return licences


def catalogue(library: zipfile.ZipFile) -> list[dict[str, str]]:
    """The entries of a library's catalogue in their order, from its lines `key#number=value`."""
    text = library.read("PluginFurnitureCatalog.properties").decode("latin-1")
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda escape: chr(int(escape[1], 16)), text)
    entries = {}
    for key, number, value in re.findall(r"^(\w+)#(\d+)\s*=(.*)$", text, re.M):
        entries.setdefault(int(number), {})[key] = value.strip()
    return [entries[number] for number in sorted(entries)]


def own_licence(library: zipfile.ZipFile, entry: dict[str, str]) -> tuple[str | None, str]:
    """What a model's licence file says: "CC BY 3.0" if it asks for credit, and its source page."""
    folder = entry["model"].lstrip("/").rpartition("/")[0] + "/"
    names = [
        name for name in library.namelist() if name.startswith(folder) and "licen" in name.lower()
    ]
    text = " ".join(library.read(name).decode("utf-8", "replace") for name in names)
    pages = re.findall(r"http://www\.blendswap\.com/blends/view/\d+", text)
    return "CC BY 3.0" if "Attribution 3.0" in text else None, pages[0] if pages else ""


def triangles(data: bytes, entry: dict[str, str]) -> np.ndarray:
    """The model's faces (F, 3, 3) as it stands in a room: x right, y back, z up, in centimetres."""
    mesh = trimesh.load(
        io.BytesIO(data), file_type="obj", force="mesh", process=False, skip_materials=True
    )
    turn = np.array(entry.get("modelRotation", "1 0 0 0 1 0 0 0 1").split(), dtype=float).reshape(
        3, 3
    )
    corners = np.asarray(mesh.triangles, dtype=float) @ turn.T
    extent = np.ptp(corners, axis=(0, 1))
    # y is up, z to the front
    goal = np.array([float(entry[side]) for side in ("width", "height", "depth")])
    corners *= goal / np.where(extent > 0, extent, 1)
    return corners[..., [0, 2, 1]] * [1, -1, 1]


def solid(shape: np.ndarray) -> np.ndarray:
    """Fill what is closed once it stands on the ground (many have no underside); drop crumbs."""
    ground = np.ones_like(shape[:1])
    filled = binary_fill_holes(np.concatenate([ground, shape]))[1:]
    pieces, sizes = connected_components(filled)
    return np.isin(pieces, 1 + np.flatnonzero(sizes >= CRUMB * filled.sum()))


def voxelise(share: Path, model: tuple[str, dict[str, str]]) -> np.ndarray:
    """The model of a library's entry as bool (32, 32, 32), z up, index 0 of y the front."""
    library, entry = model
    with zipfile.ZipFile(share / "sweethome3d" / "furniture" / f"{library}.sh3f") as archive:
        corners = triangles(archive.read(entry["model"].lstrip("/")), entry)
    mesh = trimesh.Trimesh(
        corners.reshape(-1, 3), np.arange(corners.size // 3).reshape(-1, 3), process=False
    )
    with tempfile.TemporaryDirectory() as folder:
        mesh.export(f"{folder}/model.stl")
        shape = solid(read_mesh(f"{folder}/model.stl", INSIDE))
    free = SIDE - INSIDE
    return fit_to_cube(np.pad(shape, [(0, free)] + [(free // 2, free - free // 2)] * 2), SIDE)


def plain_categories() -> dict[str, str]:
    """Our category of each name, and of some models (by id) whose name misleads."""
    rows = [
        line.split(": ", 1) for line in (HERE / "categories.txt").read_text("utf-8").splitlines()
    ]
    return {
        name: category
        for category, names in rows
        for name in next(csv.reader([names], skipinitialspace=True))
    }


def credits(rows: list[dict[str, str]], holders: dict[str, tuple[str, str]]) -> str:
    """The text of ATTRIBUTION.md: a section for each library, a line for each shape in the file."""
    parts = [
        "# Who made the furniture\n\nThe shapes in furniture32.npz were made by make.py from these"
        " 3D models of Debian's package sweethome3d-furniture 1.8-1, the catalogues of Sweet Home"
        " 3D (https://www.sweethome3d.com), cleaned and converted to OBJ by Emmanuel Puybaret /"
        " eTeks. **Changed**: turned into solids of 32 × 32 × 32 voxels, without colours and"
        " textures. Thank you.\n\nLicences: CC0 1.0"
        " (https://creativecommons.org/publicdomain/zero/1.0/), CC BY 3.0"
        " (https://creativecommons.org/licenses/by/3.0/), CC BY 3.0 US"
        " (https://creativecommons.org/licenses/by/3.0/us/).\n"
    ]
    for library, (holder, licence) in holders.items():
        parts.append(f"\n## {library}\n\n{licence}. Copyright: {holder}\n")
        if library == "Scopia":
            parts.append(
                "Its models are to be attributed to Emmanuel PUYBARET / eTeks <info@eteks.com> and"
                " Scopia.\n"
            )
        parts.append(
            "\n| row | name | model | maker | licence | page |\n|---|---|---|---|---|---|\n"
        )
        for number, row in enumerate(rows):
            if row["libraries"] == library:
                cells = [row[key] for key in ("names", "models", "makers", "licences", "page")]
                parts.append(f"| {number} | " + " | ".join(cells) + " |\n")
    return "".join(parts)


def gather(
    share: Path, holders: dict[str, tuple[str, str]]
) -> tuple[list[tuple[str, dict]], list[dict[str, str]]]:
    """All models as (library, catalogue entry), and what the file says of each."""
    ours, models, rows = plain_categories(), [], []
    for library, (_, licence) in holders.items():
        with zipfile.ZipFile(share / "sweethome3d" / "furniture" / f"{library}.sh3f") as archive:
            for entry in catalogue(archive):
                own, page = own_licence(archive, entry)
                name = entry["name"]
                models.append((library, entry))
                rows.append({
                    "names": name, "categories": ours.get(entry["id"]) or ours[name],
                    "catalogue_categories": entry["category"], "libraries": library,
                    "models": entry["id"].rpartition("#")[2], "makers": entry["creator"],
                    "licences": own if own and licence == "CC0 1.0" else licence, "page": page,
                })  # fmt: skip
    return models, rows


def main(folder: Path) -> None:
    share = unpacked(folder)
    holders = library_licences(share)
    models, rows = gather(share, holders)
    with ProcessPoolExecutor(2) as workers:
        shapes = np.stack(list(workers.map(partial(voxelise, share), models, chunksize=8)))
    packed = np.packbits(shapes.reshape(len(shapes), -1), axis=1)
    kept = np.sort(np.unique(packed, axis=0, return_index=True)[1])  # of equal shapes the first
    rows = [rows[index] for index in kept]
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0] if key != "page"}
    file = HERE / "furniture32.npz"
    with writing(file) as temporary:
        np.savez_compressed(temporary, voxels=packed[kept], **columns)
    with writing(HERE / "ATTRIBUTION.md") as temporary:
        temporary.write_text(credits(rows, holders), "utf-8")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    print(f"{len(kept)} of {len(models)} models, {file.stat().st_size} bytes, sha256 {digest}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
