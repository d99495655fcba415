"""Editing: what is kept is kept, resampling comes nearer to the exact conditional distribution."""

import numpy as np
import pytest
import torch

from course_utils.datasets.shapes import make_shapes
from course_utils.diffusion.guidance import keeping, mixed
from course_utils.diffusion.mixtures import GaussianMixture
from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.paths import PATHS
from course_utils.diffusion.sampling import (
    SAMPLERS,
    from_time,
    last,
    noised_again,
    resampled,
    sample,
    time_grid,
)
from course_utils.models.checkpoints import build_model, load_checkpoint
from course_utils.models.config import Config
from course_utils.models.editing import _known, complete, seam_roughness
from course_utils.models.generation import SHIPPED

PATH = PATHS["flow"]()
BLOBS = GaussianMixture(
    torch.tensor([[-1.0, -1.0], [1.0, 1.0], [1.0, -0.5]]),
    torch.full((3,), 0.25),
    torch.tensor([0.4, 0.2, 0.4]),
)
FIRST = torch.tensor([True, False])  # keep x, ask for y
SLOTTED = Config.of({
    "classes": ["lamp", "mug"], "resolution": 8, "path": "flow", "prediction": "x0",
    "network": {"kind": "UNet", "dimensions": 3, "channels": [8], "patch": 2, "blocks": 1, "in_channels": 5,
                "conditioners": [{"kind": "labels", "classes": 2}]},
    "sampling": {"sampler": "ddpm", "steps": 3, "shift": 1.0, "guidance_scale": 1.0},
})  # fmt: skip


def completed(rounds: int, step: str = "ddpm", count: int = 4000, steps: int = 30) -> torch.Tensor:
    denoise = keeping(BLOBS.denoiser(PATH), torch.tensor([[0.7, 0.0]]), FIRST)
    prior = PATH.prior_sample(gaussian(0, (count, 2)))
    return last(
        sample(denoise, prior, time_grid(PATH, steps), resampled(SAMPLERS[step], rounds))
    ).x_t


@pytest.mark.parametrize("step", SAMPLERS)
def test_what_is_kept_is_kept_to_the_bit_by_every_sampler(step):
    x = completed(2, step, count=50, steps=8)
    assert torch.equal(x[:, 0], torch.full((50,), 0.7)) and x[:, 1].std() > 0.1


@pytest.mark.parametrize("step", ["ddim", "ddpm"])
def test_on_the_way_the_kept_part_is_the_known_one_with_its_noise(step):
    known = torch.tensor([[0.7, 0.0]])
    prior = PATH.prior_sample(gaussian(3, (20_000, 2)))
    denoise = keeping(BLOBS.denoiser(PATH), known, FIRST)
    for state in sample(denoise, prior, time_grid(PATH, 4), SAMPLERS[step]):
        noise = state.x_t[:, 0] - PATH.alpha(state.t) * 0.7
        assert abs(noise.mean()) < 0.03 and abs(noise.std() - PATH.sigma(state.t)) < 0.02


def test_resampling_comes_nearer_to_the_exact_conditional_distribution():
    """Given x = 0.7 both blobs on the right are equally far: y follows their weights, 1/3 above."""
    shares = [float((completed(rounds)[:, 1] > 0.25).float().mean()) for rounds in (1, 4, 16)]
    assert shares[0] < 0.25 < shares[1] < shares[2] < 0.34
    assert shares[2] > 0.28


def test_one_round_is_the_sampler_itself():
    prior, times = PATH.prior_sample(gaussian(0, (20, 2))), time_grid(PATH, 5)
    for step in SAMPLERS.values():
        once, plain = (
            sample(BLOBS.denoiser(PATH), prior, times, one) for one in (resampled(step, 1), step)
        )
        assert torch.equal(last(once).x_t, last(plain).x_t)
    with pytest.raises(ValueError, match="rounds is 0"):
        resampled(SAMPLERS["ddpm"], 0)


def test_rounds_draw_new_noise_each_time():
    seen = []

    def step(denoise, x, t, s, draw, history):
        seen.append(draw())
        return x, x

    list(
        sample(
            BLOBS.denoiser(PATH), torch.zeros(1, 2), [0.9, 0.5, 0.1], resampled(step, 2), seed=[4]
        )
    )
    assert len(seen) == 4 and len({tuple(noise[0].tolist()) for noise in seen}) == 4
    assert torch.equal(seen[0], gaussian([4], (2,), 1)) and torch.equal(
        seen[2], gaussian([4], (2,), 2)
    )


@pytest.mark.parametrize("name", PATHS)
def test_noising_again_ends_where_noising_at_once_does(name):
    path, x0 = PATHS[name](), torch.full((50_000, 1), 0.8, dtype=torch.float64)
    half = path.noised(x0, gaussian(1, x0.shape).double(), 0.3)
    again = noised_again(path, half, 0.3, 0.8, gaussian(2, x0.shape).double())
    assert abs(again.mean() / path.alpha(0.8) - 0.8) < 0.02 * (
        path.sigma(0.8) / path.alpha(0.8) + 1
    )
    assert abs(again.std() / path.sigma(0.8) - 1) < 0.02


def test_a_mixture_of_wishes_goes_from_one_to_the_other():
    denoiser = BLOBS.denoiser(PATH)
    x = gaussian(0, (10, 2))
    up, down = (keeping(denoiser, torch.tensor([y]), torch.tensor([True])) for y in (1.0, -1.0))
    for weight in (0.0, 0.25, 1.0):
        assert torch.allclose(mixed(up, down, weight)(x, 0.5), torch.tensor(1 - 2 * weight))
    assert mixed(up, down, 0.5).path is PATH


def test_a_walk_that_begins_half_way():
    times = time_grid(PATH, 4)
    assert from_time(times, 0.6).tolist() == pytest.approx([0.6, 0.5, 0.25, 0.0])
    assert from_time(times, 0.5).tolist() == [0.5, 0.25, 0.0]
    assert from_time(times, 1.0).tolist() == times.tolist()
    for wrong in (0.0, -0.1, 1.1):
        with pytest.raises(ValueError, match="start is"):
            from_time(times, wrong)


def test_keeping_names_what_does_not_fit():
    denoiser = BLOBS.denoiser(PATH)
    with pytest.raises(ValueError, match=r"keep is torch\.float32"):
        keeping(denoiser, torch.zeros(1, 2), torch.ones(2))
    with pytest.raises(ValueError, match=r"shape \(3,\), known \(1, 2\)"):
        keeping(denoiser, torch.zeros(1, 2), torch.ones(3, dtype=torch.bool))


@pytest.fixture(scope="module")
def shipped():
    return load_checkpoint(SHIPPED)


def test_completing_a_chair_keeps_what_is_kept_and_differs_by_seed(shipped):
    chair = make_shapes(1, 32, ("chair",), 50_000).voxels[0]
    keep = np.zeros_like(chair)
    keep[:12] = True  # the legs
    made = complete(*shipped, "chair", chair, keep, [0, 1, 2], steps=8)
    assert made.shape == (3, 32, 32, 32) and (made[:, keep] == chair[keep]).all()
    assert made[:, ~keep].any(1).all() and len({shape.tobytes() for shape in made}) == 3
    alone = complete(*shipped, "chair", chair, keep, [2], steps=8)[0]
    assert (alone == made[2]).mean() > 0.999  # batches round differently
    nothing = complete(*shipped, "chair", chair, np.ones_like(keep), [0], steps=2)
    assert (nothing[0] == chair).all()


def test_completing_joins_better_than_a_shape_of_its_own(shipped):
    """The seat above kept legs continues them: fewer pieces than two unrelated halves have."""
    chairs = make_shapes(4, 32, ("chair",), 50_000).voxels
    keep = np.zeros_like(chairs[0])
    keep[:8] = True
    made = np.concatenate(
        [complete(*shipped, "chair", chair, keep, [0, 1], steps=8) for chair in chairs]
    )
    strangers = np.where(
        keep, chairs.repeat(2, 0), np.roll(make_shapes(8, 32, ("chair",), 60_000).voxels, 1, 0)
    )
    assert seam_roughness(made, keep) < seam_roughness(strangers, keep)


@pytest.mark.parametrize(("change", "message"), [
    ({"voxels": np.zeros((16, 16, 16), bool)}, r"voxels is bool of shape \(16, 16, 16\).*expected bool \(32, 32, 32\)"),
    ({"keep": np.zeros((32, 32, 32))}, "keep float64"),
    ({"prompt": "dragon"}, "no family in 'dragon'; name one"),
    ({"rounds": 0}, "rounds is 0"),
])  # fmt: skip
def test_completing_names_what_does_not_fit(shipped, change, message):
    grid = np.zeros((32, 32, 32), bool)
    with pytest.raises(ValueError, match=message):
        complete(
            *shipped, **{"prompt": "chair", "voxels": grid, "keep": grid, "seeds": [0]} | change
        )


@pytest.fixture(scope="module")
def slotted():
    """A model with slots that draws something, though nothing that it learned."""
    torch.manual_seed(1)
    denoiser = build_model(SLOTTED).eval().requires_grad_(False)
    for parameter in denoiser.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return denoiser, SLOTTED


def begun():
    """The slots of a block, and what of it is kept: a block of slot 2 on one of slot 1."""
    slots, keep = np.zeros((8, 8, 8), np.uint8), np.zeros((8, 8, 8), bool)
    slots[:2, 2:6, 2:6], slots[2:4, 2:6, 2:6] = 1, 2
    keep[:4] = True
    return slots, keep


def test_a_model_with_slots_keeps_those_that_are_known_and_chooses_the_others(slotted):
    slots, keep = begun()
    made = complete(*slotted, "a red lamp", slots, keep, [0, 1, 2])
    assert made.dtype == np.uint8 and (made[:, keep] == slots[keep]).all()
    free = made[:, ~keep]
    assert 0 < (free > 0).mean() < 1  # something is grown, and not everything
    assert len(np.unique(free[free > 0])) > 1
    as_bools = complete(*slotted, "a red lamp", slots > 0, keep, [0, 1, 2])
    assert as_bools.dtype == bool and (as_bools[:, keep] == (slots > 0)[keep]).all()


def test_what_is_told_to_a_model_with_slots_by_hand():
    slots, keep = begun()
    known, kept = _known(slots[None], keep, 5)
    assert known.shape == kept.shape == (1, 5, 8, 8, 8)
    for place, wanted in (((0, 3, 3), (1, 1, 0, 0, 0)), ((3, 3, 3), (1, 0, 1, 0, 0)),
                          ((0, 0, 0), (-1, 0, 0, 0, 0)), ((7, 3, 3), (-1, 0, 0, 0, 0))):  # fmt: skip
        assert known[0, :, *place].tolist() == list(wanted)
    assert torch.equal(kept[0], torch.from_numpy(keep).expand(5, 8, 8, 8))
    known, kept = _known((slots > 0)[None], keep, 5)
    assert kept[0, :, 0, 3, 3].tolist() == [True, False, False, False, False]  # full of what?
    assert kept[0, :, 0, 0, 0].all() and not kept[0, :, 7].any()
    assert known[0, 0, 0, 3, 3] == 1 and known[0, 0, 0, 0, 0] == -1


def test_slots_that_a_model_does_not_make_are_refused(slotted):
    slots, keep = begun()
    with pytest.raises(ValueError, match="voxels has slot 5; expected 0 to 4"):
        complete(*slotted, "a mug", 5 * (slots > 0).astype(np.uint8), keep, [0])
    denoiser, plain = slotted[0], SLOTTED.with_network(in_channels=1)
    with pytest.raises(ValueError, match="the model makes none: give bool"):
        complete(denoiser, plain, "a mug", slots, keep, [0])


def test_roughness_of_a_seam_by_hand():
    keep = np.zeros((2, 4, 4), dtype=bool)
    keep[:, :, 2:] = True
    voxels = np.zeros((2, 2, 4, 4), dtype=bool)
    assert seam_roughness(voxels, keep) == 0
    voxels[0, :, :, 2:] = True  # one of two shapes changes along all of the seam
    assert seam_roughness(voxels, keep) == 0.5
    voxels[0, 0, 0, 1] = True  # and at one of its 2 * 4 places it does not
    assert seam_roughness(voxels, keep) == 7 / 16
    assert np.isnan(seam_roughness(voxels, np.ones_like(keep)))


def test_a_shape_for_each_seed_is_completed_as_if_it_were_alone(shipped):
    denoiser, config = shipped
    shapes, keep = make_shapes(2, 32, ("chair",), 30_000).voxels, np.zeros((32, 32, 32), bool)
    keep[:10] = True
    together = complete(denoiser, config, "chair", shapes, keep, [4, 5], steps=2)
    pairs = zip(shapes, (4, 5), strict=True)
    alone = [complete(denoiser, config, "chair", one, keep, [seed], steps=2) for one, seed in pairs]
    assert (together != np.concatenate(alone)).mean() < 1e-4 and (
        together[:, keep] == shapes[:, keep]
    ).all()
    with pytest.raises(ValueError, match=r"or voxels \(3, 32, 32, 32\), one for each seed"):
        complete(denoiser, config, "chair", shapes, keep, [1, 2, 3])
