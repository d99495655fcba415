"""Lesson 09's study: how should words reach the shape?

    python3 course.py train words16    # once, half an hour on one core
    python studies/how_to_read.py      # half an hour on one core; stop it and start it as you like

It writes `data/studies/how_to_read.json` after every run and omits what stands there already.
Four ways, each begun from the shipped class-conditional model without its labels and from the words
of words16: a summary that scales and shifts every layer (lesson 06); besides, reading word by word
through cross-attention at each level (arXiv 2112.10752); besides the summary, a sketch that the
text draws for the stem; all three. Same shapes, captions, plan, seed and sampler. Measured on
shapes and captions that training never saw: how much nearer to the true shape the guess at high
noise is with the caption than with the bare name of the family, and the attributes that the judge
of lesson 07 finds right in shapes made from prompts, beside those found in shapes of other prompts.
"""

import sys
import time
from pathlib import Path

import numpy as np
import torch

from course_utils.datasets.captions import (
    FIRST_TEST_SEED,
    captions,
    prompts,
    words,
)
from course_utils.datasets.shapes import CLASSES, make_shapes
from course_utils.diffusion.denoiser import parameter_count
from course_utils.diffusion.losses import Denoising
from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.sampling import last
from course_utils.diffusion.training import Plan, Trainer
from course_utils.evaluation.faithfulness import faithfulness, total
from course_utils.files.results import resumed_results, save_results
from course_utils.geometry.voxels import to_model, to_occupancy
from course_utils.models.checkpoints import build_model
from course_utils.models.config import Config
from course_utils.models.prompting import batches, condition_of, sampling_states
from course_utils.models.recipes import captioned_shapes, draw_captioned
from course_utils.models.training import begin_from
from course_utils.places import STUDIES

FILE = STUDIES / "how_to_read.json"
COMMAND = "python studies/how_to_read.py"
FAMILIES, SHAPES, WORDINGS = ("chair", "mug"), 4000, 8
WAYS = {  # arguments of the text conditioner
    "summary": {},
    "summary, reading": {"reads": True},
    "summary, sketch": {"sketch": 16},
    "all three": {"reads": True, "sketch": 16},
}
LEVELS, HELD_OUT = (0.8, 0.9, 0.95, 0.98), 128  # noise levels, and shapes that training never saw
PLAN = {
    "steps": 500,
    "batch_size": 8,
    "learning_rate": 5e-4,
    "ema_decay": 0.99,
}
LOSS = {"time_mean": 1.3, "weight_limit": 25.0}
PROMPTS, CONFIG = 110, Config.read("text-to-shape32")  # sampled as the shipped model is


def untrained(way: str):
    """A denoiser with the shipped model's trunk and the words of words16, given in one way."""
    text = {"kind": "text", "words": len(CONFIG.words), **WAYS[way]}
    denoiser = build_model(CONFIG.with_network(conditioners=[text]))
    begin_from(denoiser, ["data/checkpoints/shapes32", "runs/words16/checkpoint"])
    return denoiser


def trained(way: str) -> Trainer:
    voxels, tokens = captioned_shapes(make_shapes(SHAPES, 32, FAMILIES), words(), WORDINGS)
    torch.manual_seed(0)
    trainer = Trainer(untrained(way), Plan(**PLAN), Denoising(**LOSS))
    for progress in trainer.run(draw_captioned(voxels, tokens)):
        if progress.step % 100 == 0:
            print(f"  {progress.step} of {PLAN['steps']}, loss {progress.loss:.3f}", flush=True)
    return trainer


def errors(denoiser) -> dict[str, list[float]]:
    """Mean squared errors of the guess of x0 at each of LEVELS, given the family or a caption."""
    shapes = make_shapes(HELD_OUT, 32, FAMILIES, FIRST_TEST_SEED)
    x0, noise = (
        to_model(torch.from_numpy(shapes.voxels)),
        gaussian(list(range(HELD_OUT)), (1, 32, 32, 32)),
    )
    names = [f"a {FAMILIES[k % len(FAMILIES)]}" for k in range(HELD_OUT)]
    found = {}
    for told, texts in {"name": names, "caption": captions(shapes, 0)}.items():
        found[told] = []
        for t in LEVELS:
            squares = []
            for part in batches(list(range(HELD_OUT))):
                tokens = condition_of(CONFIG, [texts[k] for k in part])
                guess = denoiser(denoiser.path.noised(x0[part], noise[part], t), t, tokens)
                squares.append((guess - x0[part]).square().mean((1, 2, 3, 4)))
            found[told].append(round(float(torch.cat(squares).mean()), 5))
    return found


def obeyed(denoiser) -> dict[str, list[int]]:
    """[right, asked] for the shapes' own prompts, and by chance: for the family's next prompt."""
    everything = prompts(len(CLASSES) * PROMPTS // len(FAMILIES))
    asked = [prompt for prompt in everything if prompt.family in FAMILIES]
    rows = batches(list(range(len(asked))))
    made = [
        last(sampling_states(denoiser, CONFIG, [asked[k].text for k in part], part)).x_t
        for part in rows
    ]
    shapes = to_occupancy(torch.cat(made))
    others = np.roll(shapes, len(FAMILIES), axis=0)
    return {
        "own": list(total(faithfulness(shapes, asked))),
        "other": list(total(faithfulness(others, asked))),
    }


def run(way: str) -> dict:
    start, trainer = time.perf_counter(), trained(way)
    seconds = round(time.perf_counter() - start, 1)
    with torch.no_grad():
        found = {"errors": errors(trainer.ema), "right": obeyed(trainer.ema)}
    return {
        "way": way,
        "seconds": seconds,
        "parameters": parameter_count(trainer.denoiser),
        **found,
    }


def main(file: Path = FILE) -> None:
    fixed = {"plan": PLAN | LOSS, "families": FAMILIES, "levels": LEVELS}
    contents = resumed_results(file, fixed, {"runs": []})
    for way in WAYS:
        if way not in {one["way"] for one in contents["runs"]}:
            contents["runs"].append(run(way))
            print(contents["runs"][-1], flush=True)
            save_results(file, contents, COMMAND)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
