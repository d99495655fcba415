"""Makes glyphs16.npz and ATTRIBUTION.md: digits and capitals, 16 x 16, from open fonts.

    python data/glyphs16/make.py FOLDER

FOLDER keeps the fonts that npm delivers (about 150 MB). Each line of families.txt is one npm
package of the Fontsource project with its version. Of every family up to six faces are drawn
(light, regular, bold; upright, italic), each character as large as fits into 14 x 14 pixels. Faces
whose 36 characters differ little from those of an earlier face are omitted. Needs npm, Pillow,
NumPy and fontTools.
"""

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# pixels of a picture, and of the box that a character fills in height or in width
SIDE, INSIDE = 16, 14
FINE = 16  # subpixels per pixel, per axis
# light, regular, bold: the first that a family has
WEIGHTS = (300, 200, 100), (400, 500), (700, 800, 600, 900)
LICENCES = {"OFL-1.1": "SIL Open Font License 1.1", "Apache-2.0": "Apache License 2.0"}
ALIKE = 0.05  # mean absolute difference (of 0 to 1) below which two faces count as one
PARTS = re.compile(r"package/(metadata\.json|LICENSE|files/.*-latin-\d00-(normal|italic)\.woff)")


def fetch(package: str, folder: Path) -> Path:
    """The folder with a package's Latin faces and its licence; npm fetches what is missing."""
    home = folder / package.rpartition("/")[2].replace("@", "-")
    if not (home / "metadata.json").exists():
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as temporary:
            subprocess.run(
                ["npm", "pack", "--silent", "--pack-destination", temporary, package], check=True
            )
            with tarfile.open(next(Path(temporary).glob("*.tgz"))) as archive:
                members = [m for m in archive if m.isfile() and PARTS.fullmatch(m.name)]
                for member in sorted(members, key=lambda m: m.name.endswith("json")):
                    # metadata.json says: complete
                    (home / Path(member.name).name).write_bytes(archive.extractfile(member).read())
    return home


def faces(home: Path) -> list[Path]:
    """Up to six font files of a family, light to bold, upright and italic."""
    found = {}
    for file in home.glob("*.woff"):
        weight, style = re.search(r"-latin-(\d00)-(\w+)\.woff", file.name).groups()
        found[int(weight), style] = file
    chosen = []
    for style in ("normal", "italic"):
        for choices in WEIGHTS:
            chosen += [found[weight, style] for weight in choices if (weight, style) in found][:1]
    return chosen


def draw(font: ImageFont.FreeTypeFont, character: str) -> np.ndarray | None:
    """A character as ink from 0 to 15, (16, 16), centred; None where the font draws nothing."""
    left, top, right, bottom = font.getbbox(character)
    if right - left < 20 or bottom - top < 20:
        return None
    canvas = Image.new("L", (right - left + 40, bottom - top + 40))
    ImageDraw.Draw(canvas).text((20 - left, 20 - top), character, font=font, fill=255)
    box = canvas.getbbox()
    if box is None:
        return None
    ink = canvas.crop(box)
    scale = INSIDE * FINE / max(ink.size)
    size = [max(1, round(scale * side)) for side in ink.size]
    large = Image.new("L", (SIDE * FINE, SIDE * FINE))
    large.paste(
        ink.resize(size, Image.Resampling.BOX), [(SIDE * FINE - side) // 2 for side in size]
    )
    fine = np.asarray(large, dtype=np.float64).reshape(SIDE, FINE, SIDE, FINE)
    return np.round(fine.mean((1, 3)) / 255 * 15).astype(np.uint8)


def alphabet(file: Path) -> np.ndarray | None:
    """All characters of a face, uint8 (36, 16, 16), 0 to 15; None if one is missing or double."""
    font = ImageFont.truetype(str(file), 360)
    pictures = [draw(font, character) for character in CHARACTERS]
    if any(picture is None for picture in pictures):
        return None
    pictures = np.stack(pictures)
    flat = pictures.reshape(len(pictures), -1).astype(float) / 15
    apart = np.abs(flat[:, None] - flat[None]).mean(2) + np.eye(len(flat))
    # O and 0, I and 1 may be drawn alike, not more
    return None if (apart < 1e-3).sum() > 4 else pictures


def main(folder: Path) -> None:
    packages = (HERE / "families.txt").read_text().split()
    kept, families, credits = [], [], []
    for package in packages:
        home = fetch(package, folder)
        about = json.loads((home / "metadata.json").read_text())
        licence = about["license"]["type"]
        if licence not in LICENCES:
            raise ValueError(
                f"{package} has the licence {licence}; only {', '.join(LICENCES)} may go in"
            )
        before = len(kept)
        for file in faces(home):
            pictures = alphabet(file)
            if pictures is None:
                continue
            if all(np.abs(pictures / 15 - other / 15).mean() > ALIKE for other in kept):
                kept.append(pictures)
                families.append(len(credits))
        if len(kept) > before:
            maker = (
                TTFont(file)["name"].getDebugName(0)
                or (home / "LICENSE").read_text().splitlines()[0]
            )
            maker = " ".join(maker.split()).replace("|", "/")
            credits.append((about["family"], package, len(kept) - before, LICENCES[licence], maker))
    pictures = np.stack(kept)  # (faces, 36, 16, 16)
    packed = pictures[..., ::2] * 16 + pictures[..., 1::2]
    file = HERE / "glyphs16.npz"
    names = np.array([credit[0] for credit in credits])
    np.savez_compressed(file, packed=packed, family=np.array(families, np.uint16), families=names)
    rows = ["| " + " | ".join(map(str, credit)) + " |" for credit in credits]
    (HERE / "ATTRIBUTION.md").write_text(
        "# Who made the letters\n\nThe pictures in glyphs16.npz were drawn by make.py from these"
        " fonts. Thank you.\n\n| family | npm package | faces | licence | copyright"
        " |\n|---|---|---|---|---|\n" + "\n".join(rows) + "\n",
        encoding="utf-8",
    )
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    print(
        f"{len(kept)} faces of {len(credits)} families, {file.stat().st_size} bytes, sha256"
        f" {digest}"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
