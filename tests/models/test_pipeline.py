"""The diffusers pipeline: our own samples, diffusers' schedulers, folders, refusals."""

import json
from pathlib import Path

import diffusers
import numpy as np
import pytest
import torch
from packaging.version import Version

from course_utils.datasets.captions import facts_of
from course_utils.diffusion.guidance import guided
from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.sampling import SAMPLERS, last, sample, time_grid
from course_utils.geometry.repair import finished
from course_utils.geometry.surface import is_watertight, smooth_mesh
from course_utils.models.checkpoints import FILES, build_model, load_checkpoint, save_checkpoint
from course_utils.models.config import Config
from course_utils.models.editing import complete
from course_utils.models.generation import generate_many
from course_utils.models.pipeline import VoxelDenoiser, VoxelDiffusionPipeline
from course_utils.models.prompting import condition_of, sampling_states
from course_utils.models.ranking import Wholeness, best_of

# diffusers with NumPy 2
pytestmark = pytest.mark.filterwarnings("ignore:__array:DeprecationWarning")
SHIPPED = Path(__file__).parents[2] / "data" / "checkpoints" / "shapes32"
CONFIG = {
    "name": "tiny",
    "classes": ["chair", "table", "lamp"],
    "resolution": 8,
    "network": {
        "kind": "UNet",
        "dimensions": 3,
        "channels": [8, 16],
        "patch": 2,
        "blocks": 1,
        "conditioners": [{"kind": "labels", "classes": 3}],
    },
    "path": "flow",
    "prediction": "x0",
    "sampling": {"sampler": "ddpm", "steps": 4, "shift": 3.0, "guidance_scale": 2.0},
}


def tiny(**changes):
    """A denoiser with random half-precision weights, and its config."""
    config = Config.of(CONFIG | changes)
    torch.manual_seed(0)
    denoiser = build_model(config).eval().requires_grad_(False)
    for parameter in denoiser.parameters():
        parameter.copy_((parameter + 0.1 * torch.randn(parameter.shape)).half())
    return denoiser, config


def quiet(pipe):
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture
def pipe():
    return quiet(VoxelDiffusionPipeline(VoxelDenoiser(*tiny())))


def ours(denoiser, label, noise, times, step, scale=2.0, seed=0):
    return last(
        sample(guided(denoiser, torch.as_tensor(label), scale), noise, times, step, seed)
    ).x_t


@pytest.mark.parametrize(
    ("path", "sampler"), [*(("flow", name) for name in SAMPLERS), ("edm", "heun"), ("ddpm", "ddpm")]
)
def test_without_a_scheduler_it_is_the_courses_sampler_bit_for_bit(path, sampler):
    denoiser, config = tiny(path=path, sampling=CONFIG["sampling"] | {"sampler": sampler})
    made = quiet(VoxelDiffusionPipeline(VoxelDenoiser(denoiser, config)))(
        ["lamp", "chair"], seeds=[5, 6], output_type="field"
    )
    noise = denoiser.path.prior_sample(gaussian([5, 6], (1, 8, 8, 8)))
    wanted = ours(
        denoiser, [2, 0], noise, time_grid(denoiser.path, 4, 3.0), SAMPLERS[sampler], seed=[5, 6]
    )
    assert wanted.std() > 0.01
    assert torch.equal(made.shapes, wanted)


def test_the_shipped_model():
    denoiser, config = load_checkpoint(SHIPPED)
    pipe = quiet(VoxelDiffusionPipeline.from_pretrained(SHIPPED))
    made = pipe("table", num_inference_steps=3, guidance_scale=1.0, seeds=4)
    noise = denoiser.path.prior_sample(gaussian([4], (5, 32, 32, 32)))
    times = time_grid(denoiser.path, 3, config.sampling.shift)
    table = condition_of(config, ["table"])
    wanted = ours(denoiser, table, noise, times, SAMPLERS["ddpm"], 1.0, [4])
    assert made.shapes.dtype == bool
    assert np.array_equal(made.shapes, (wanted[:, 0] > 0).numpy())
    assert 300 < made.shapes.sum() < 8000  # a table, neither nothing nor a block


TABLE = {"timestep_spacing": "trailing", "beta_schedule": "linear"}


def largest_difference(pipe, scheduler, levels, step, steps=10):
    """Between the pipeline's shapes and our sampler's at the same signal-to-noise and noise.

    levels: the scheduler to alpha and sigma of its x where the model is asked, which differ.
    """
    pipe.scheduler, noise = scheduler, gaussian([1, 2], (1, 8, 8, 8))
    made = pipe(["chair", "lamp"], steps, latents=noise, seeds=[1, 2], output_type="field").shapes
    path, (alpha, sigma) = pipe.denoiser.path, (values.double() for values in levels(scheduler))
    times = torch.cat([path.time_at(2 * (alpha / sigma).log()), torch.zeros(1)])
    size = torch.hypot(path.alpha(times[0]), path.sigma(times[0])) / torch.hypot(alpha[0], sigma[0])
    start = noise * float(size * getattr(scheduler, "init_noise_sigma", 1.0))
    return float((made - ours(pipe.denoiser, [0, 2], start, times, SAMPLERS[step])).abs().max())


def from_table(scheduler):
    alpha_bar = scheduler.alphas_cumprod[scheduler.timesteps]
    return alpha_bar.sqrt(), (1 - alpha_bar).sqrt()


def exploding(scheduler):
    sigma = scheduler.sigmas[:-1].unique_consecutive()
    return torch.ones_like(sigma), sigma


def preserving(scheduler):
    alpha, sigma = exploding(scheduler)
    return alpha / torch.hypot(alpha, sigma), sigma / torch.hypot(alpha, sigma)


def straight(scheduler):
    return 1 - exploding(scheduler)[1], exploding(scheduler)[1]


@pytest.mark.parametrize("path", ["flow", "cosine"])
@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v_prediction"])
def test_ddim_equals_ours_whatever_it_is_told(path, prediction):
    pipe = quiet(VoxelDiffusionPipeline(VoxelDenoiser(*tiny(path=path))))
    scheduler = diffusers.DDIMScheduler(**TABLE, prediction_type=prediction, clip_sample=False)
    assert largest_difference(pipe, scheduler, from_table, "ddim") < 1e-5


FLOW = {"use_flow_sigmas": True, "flow_shift": 3.0, "prediction_type": "flow_prediction"}
PAIRS = {
    "flow": (diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0), straight, "euler"),
    "dpm": (diffusers.DPMSolverMultistepScheduler(**TABLE), preserving, "dpm_solver"),
    "dpm flow": (diffusers.DPMSolverMultistepScheduler(**FLOW), straight, "dpm_solver"),
    "euler": (
        diffusers.EulerDiscreteScheduler(**TABLE, prediction_type="v_prediction"),
        exploding,
        "euler",
    ),
    "heun": (diffusers.HeunDiscreteScheduler(**TABLE), exploding, "heun"),
}


@pytest.mark.parametrize("name", PAIRS)
def test_schedulers_equal_our_samplers(pipe, name):
    assert largest_difference(pipe, *PAIRS[name]) < 1e-5


def test_a_flow_scheduler_shifts_once(pipe):
    pipe.scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0)
    pipe("lamp", 6)
    assert (pipe.scheduler.sigmas - time_grid(pipe.denoiser.path, 6, 3.0)).abs().max() < 1e-6


@pytest.mark.parametrize(
    "name", ["DDPM", "EulerAncestralDiscrete", "LCM", "UniPCMultistep", "DEISMultistep", "PNDM"]
)
def test_stochastic_and_multistep_schedulers_run_and_a_shape_is_its_seeds(pipe, name):
    pipe.scheduler = getattr(diffusers, f"{name}Scheduler")()
    both = pipe(["chair", "lamp"], 5, seeds=[1, 2], output_type="field").shapes
    alone = pipe("lamp", 5, seeds=2, output_type="field").shapes
    assert both.isfinite().all()
    assert (both[1] - alone[0]).abs().max() < 1e-5 < (both[0] - alone[0]).abs().max()


@pytest.mark.parametrize(("kind", "settings", "reason"), [
    ("EDMEuler", {}, "where the data is 0.5, it is off"),
    ("UnCLIP", {}, "where the data is 0.5, it is off"),
    # its add_noise misses its half steps
    ("KDPM2Discrete", {}, "where the data is 0.5, it is off"),
    ("FlowMatchEulerDiscrete", {"invert_sigmas": True}, "ZeroDivisionError"),
    # no x0 in noise at alpha = 0
    ("DDIM", {**TABLE, "rescale_betas_zero_snr": True}, "off by inf"),
    ("DDIMInverse", {}, "no attribute 'add_noise'"),
    ("RePaint", {}, "NotImplementedError"),
    ("DDIM", {"prediction_type": "score"}, "KeyError: 'score'"),
])  # fmt: skip
def test_schedulers_that_do_not_fit_are_refused(pipe, kind, settings, reason):
    pipe.scheduler = getattr(diffusers, f"{kind}Scheduler")(**settings)
    with pytest.raises(ValueError, match=f"(?s)scheduler {kind}Scheduler can't run .*{reason}"):
        pipe("chair", 5)


def test_the_callback_sees_every_step_and_may_change_the_latents(pipe):
    seen = []

    def callback(of, step, timestep, tensors):
        seen.append((of, step, float(timestep)))
        return {"latents": tensors["x0"] * 0 + 7} if step == 3 else None

    for scheduler in (None, diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0)):
        seen.clear()
        pipe.scheduler = scheduler
        made = pipe("chair", 4, seeds=1, output_type="field", callback_on_step_end=callback).shapes
        assert (made == 7).all()
        scale = 1 if scheduler is None else 1000
        wanted = [
            (pipe, k, float(t))
            for k, t in enumerate(scale * time_grid(pipe.denoiser.path, 4, 3.0)[:-1])
        ]
        assert [s[:2] for s in seen] == [w[:2] for w in wanted]
        assert np.allclose([s[2] for s in seen], [w[2] for w in wanted])


def test_a_step_goes_on_from_changed_latents(pipe):
    halved = pipe(
        "chair", 2, seeds=1, output_type="field",
        callback_on_step_end=lambda pipe, step, t, tensors: {"latents": tensors["latents"] / 2} if step == 0 else {},
    ).shapes  # fmt: skip
    times, states = time_grid(pipe.denoiser.path, 2, 3.0), []
    for state in sample(guided(pipe.denoiser, torch.tensor([0]), 2.0), gaussian([1], (1, 8, 8, 8)), times,
                        SAMPLERS["ddpm"], [1]):  # fmt: skip
        states.append(state.x_t.clone())
        state.x_t.div_(2)
    assert torch.equal(halved, states[-1])


def test_progress_is_shown_and_can_be_switched_off(pipe, capsys):
    pipe("chair", 3)
    assert capsys.readouterr().err == ""
    pipe.set_progress_bar_config(disable=False)
    pipe("chair", 3)
    assert "3/3" in capsys.readouterr().err


def test_a_generator_gives_seeds(pipe):
    def made(generator, each=2):
        return pipe(
            "lamp", 2, num_shapes_per_prompt=each, generator=generator, output_type="field"
        ).shapes

    first, again = (made(torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert (first[0] - first[1]).abs().max() > 0.1
    listed = made([torch.Generator().manual_seed(3), torch.Generator().manual_seed(4)])
    assert (listed[0] - first[0]).abs().max() < 1e-6 < 0.1 < (listed[1] - first[1]).abs().max()


def test_outputs(pipe):
    field, voxels = (
        pipe("chair", seeds=2, output_type=kind).shapes for kind in ("field", "voxels")
    )
    assert voxels.dtype == bool
    assert np.array_equal(voxels, field[:, 0].numpy() > 0)
    ((mesh,),) = pipe("chair", seeds=2, output_type="mesh", return_dict=False)
    wanted = smooth_mesh(finished(field[0, 0].numpy()))
    assert np.array_equal(mesh.vertices, wanted.vertices)
    assert is_watertight(mesh)


def test_a_model_of_one_class_has_no_labels():
    network = CONFIG["network"] | {"conditioners": []}
    denoiser, config = tiny(classes=["chair"], network=network)
    made = quiet(VoxelDiffusionPipeline(VoxelDenoiser(denoiser, config)))(
        "chair", seeds=1, output_type="field"
    ).shapes
    wanted = last(
        sample(
            denoiser,
            gaussian([1], (1, 8, 8, 8)),
            time_grid(denoiser.path, 4, 3.0),
            SAMPLERS["ddpm"],
            [1],
        )
    )
    assert torch.equal(made, wanted.x_t)


def test_a_model_that_is_told_facts_takes_texts():
    facts = facts_of(CONFIG["classes"])
    told = {"kind": "named", "families": 3, "facts": len(facts)}
    denoiser, config = tiny(network=CONFIG["network"] | {"conditioners": [told]})
    pipe = quiet(VoxelDiffusionPipeline(VoxelDenoiser(denoiser, config)))
    made = pipe(["a round table", "a table"], seeds=[5, 6], output_type="field").shapes
    noise = denoiser.path.prior_sample(gaussian([5, 6], (1, 8, 8, 8)))
    named = torch.full((2, 3 + len(facts)), -1.0)
    named[:, 1] = named[0, 3 + facts.index(("table", "top", ("round",)))] = 1
    times = time_grid(denoiser.path, 4, 3.0)
    wanted = ours(denoiser, named, noise, times, SAMPLERS["ddpm"], seed=[5, 6])
    assert torch.equal(made, wanted)
    other = pipe(["a square table", "a table"], seeds=[5, 6], output_type="field").shapes
    assert not torch.equal(made[0], other[0]) and torch.allclose(made[1], other[1], atol=1e-5)
    answered = pipe(["a table", "the tabel, in the rain"], seeds=[6, 5], output_type="field")
    assert torch.equal(answered.shapes[0], made[1]) and answered.answers[0] == "understood: table"
    assert answered.answers[1].endswith("I cannot make: rain")


@pytest.mark.parametrize(("arguments", "message"), [
    ({"prompt": "pizza"}, "no family in 'pizza'; name one that the model makes: chair, table, lamp"),
    ({"prompt": []}, "expected one or more"),
    ({"num_shapes_per_prompt": 0}, "num_shapes_per_prompt is 0; expected a whole number from 1"),
    ({"num_shapes_per_prompt": np.float32(1.5)}, "num_shapes_per_prompt is "),
    ({"output_type": ["voxels"]}, "use one of voxels, field, mesh"),
    ({"generator": [3]}, r"generator is \[3\]; expected torch.Generators, or seeds="),
    ({"latents": 3}, r"latents is 3; expected \(1, 1, 8, 8, 8\)"),
    ({"output_type": "pil"}, "output_type is 'pil'; use one of voxels, field, mesh"),
    ({"seeds": [1, 2]}, "2 seeds or generators for 1 shapes"),
    ({"generator": [torch.Generator()] * 3}, "3 seeds or generators for 1 shapes"),
    ({"latents": torch.zeros(1, 1, 4, 4, 4)}, r"latents has shape \(1, 1, 4, 4, 4\); expected \(1, 1, 8, 8, 8\)"),
    ({"num_inference_steps": 0}, "steps is 0"),
])  # fmt: skip
def test_bad_arguments_are_refused(pipe, arguments, message):
    with pytest.raises(ValueError, match=message):
        pipe(**{"prompt": "chair"} | arguments)


def test_counts_are_integers_of_any_kind(pipe):
    for two in (2, np.int64(2), np.uint8(2), torch.tensor(2)):
        made = pipe("chair", two, num_shapes_per_prompt=two, seeds=[5, 6], output_type="field")
        assert made.shapes.shape == (2, 1, 8, 8, 8)


def test_round_trip_through_folders(pipe, tmp_path):
    save_checkpoint(tmp_path / "first", *tiny(), "# a card, ä\n")
    loaded = quiet(VoxelDiffusionPipeline.from_pretrained(tmp_path / "first"))
    loaded.scheduler = diffusers.DPMSolverMultistepScheduler(**TABLE, solver_order=3)
    loaded.save_pretrained(tmp_path / "second")
    again = quiet(VoxelDiffusionPipeline.from_pretrained(tmp_path / "second"))
    assert type(again.scheduler) is diffusers.DPMSolverMultistepScheduler
    assert again.scheduler.config.solver_order == 3
    for name in ("config.json", "model.safetensors", "README.md"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
    # nothing half written is left
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "first",
        "second",
    ]
    again.scheduler = None
    again.save_pretrained(tmp_path / "second")  # in the place of the old one
    assert not (tmp_path / "second" / "scheduler").exists()
    for model in (loaded, again):
        model.scheduler = None
        fields = [p("table", seeds=8, output_type="field").shapes for p in (pipe, model)]
        assert torch.equal(*fields)
    denoiser, config = load_checkpoint(tmp_path / "second")
    x = gaussian(0, (1, 1, 8, 8, 8))
    assert torch.equal(denoiser(x, 0.5), pipe.denoiser(x, 0.5))
    assert {key: config.to_dict()[key] for key in CONFIG} == CONFIG


def test_the_shipped_folder_is_one_that_save_writes(tmp_path):
    VoxelDiffusionPipeline.from_pretrained(SHIPPED).save_pretrained(tmp_path / "copy")
    assert {p.name: p.read_bytes() for p in SHIPPED.iterdir()} == {
        p.name: p.read_bytes() for p in (tmp_path / "copy").iterdir()
    }


def test_a_folder_of_other_things_is_not_replaced(pipe, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match="would be replaced, and is no checkpoint"):
        pipe.save_pretrained(tmp_path)
    assert (tmp_path / "thesis.tex").exists()


def test_saving_takes_what_diffusers_pipelines_take(pipe, tmp_path):
    usual = {"safe_serialization": True, "variant": None, "max_shard_size": "5GB"}
    pipe.save_pretrained(tmp_path / "all", **usual, push_to_hub=False, use_flashpack=False)
    pipe.save_pretrained(str(tmp_path / "few"), True)
    pipe.denoiser.save_pretrained(tmp_path / "model", is_main_process=True, **usual)
    folders = [{p.name: p.read_bytes() for p in one.iterdir()} for one in tmp_path.iterdir()]
    assert folders[0] == folders[1] == folders[2] and len(folders[0]) == 4
    for wrong, why in (
        (
            {"safe_serialization": False},
            "safe_serialization is False; .* a pickle can run anything",
        ),
        ({"variant": "fp16"}, "variant is 'fp16'; expected None: a checkpoint has one set"),
        ({"push_to_hub": True}, "push_to_hub is True; .* upload_folder"),
    ):
        for saved in (pipe, pipe.denoiser):
            with pytest.raises(ValueError, match=why):
                saved.save_pretrained(tmp_path / "new", **wrong)
    assert not (tmp_path / "new").exists()


def test_saving_again_keeps_strangers_and_links(pipe, tmp_path):
    pipe.scheduler = diffusers.DDIMScheduler()
    pipe.save_pretrained(tmp_path / "model")
    (tmp_path / "model" / "notes.txt").write_text("mine")
    (tmp_path / "model" / "scheduler" / "todo.txt").write_text("mine")
    pipe.scheduler = None
    pipe.save_pretrained(tmp_path / "model")
    left = {str(p.relative_to(tmp_path / "model")) for p in (tmp_path / "model").rglob("*.*")}
    assert left == {*FILES, "notes.txt", str(Path("scheduler", "todo.txt"))}
    (tmp_path / "file").write_text("x")
    with pytest.raises(ValueError, match="file is a file; expected a folder"):
        pipe.save_pretrained(tmp_path / "file")


KINDS = [np.int64(3), [np.uint8(3)], (3,), range(3, 4), np.array([3]), torch.tensor(3)]


@pytest.mark.parametrize("seeds", [*KINDS, torch.tensor([3]), np.array(3)], ids=repr)
def test_seeds_are_integers_of_any_kind(pipe, seeds):
    """Here, in the sampler that the command line uses, and where shapes are ranked and edited."""
    x = pipe("chair", 2, seeds=seeds, output_type="field").shapes
    model, config = pipe.denoiser.denoiser, pipe.denoiser.settings
    assert torch.equal(x, pipe("chair", 2, seeds=3, output_type="field").shapes)
    assert torch.equal(x, last(sampling_states(model, config, ["chair"], seeds, steps=2)).x_t)
    best = best_of(1, Wholeness(), model, config, ["chair"], seeds, steps=2)
    assert torch.equal(best.x, x) and best.seeds == [3] and type(best.seeds[0]) is int
    grid = np.zeros((8, 8, 8), bool)
    kept = [complete(model, config, "chair", grid, ~grid[:], each, 2) for each in (seeds, [3])]
    assert np.array_equal(*kept)


@pytest.mark.parametrize(
    "seeds", [True, 3.0, "3", [1.5], np.float64(3), torch.tensor([True]), [-1]]
)
def test_what_is_no_seed_is_refused(pipe, seeds):
    model, config = pipe.denoiser.denoiser, pipe.denoiser.settings
    grid = np.zeros((8, 8, 8), bool)
    for make in (
        lambda: pipe("chair", 2, seeds=seeds),
        lambda: sampling_states(model, config, ["chair"], seeds),
        lambda: best_of(1, Wholeness(), model, config, ["chair"], seeds),
        lambda: complete(model, config, "chair", grid, grid, seeds),
        lambda: generate_many("mug", seeds, show_progress=False),
    ):
        with pytest.raises(
            ValueError, match=r"seeds? is .*; expected a whole number from 0 to 4294"
        ):
            make()


def test_half_precision_is_close(tmp_path):
    save_checkpoint(tmp_path / "model", *tiny(), "")
    # renamed there
    word = "dtype" if Version(diffusers.__version__) >= Version("0.40") else "torch_dtype"
    single, half = (
        quiet(VoxelDiffusionPipeline.from_pretrained(tmp_path / "model", **{word: dtype}))
        for dtype in (torch.float32, torch.bfloat16)
    )
    assert half.dtype == torch.bfloat16
    first, second = (p("chair", seeds=1, output_type="field").shapes for p in (single, half))
    assert second.dtype == torch.float32
    assert 0 < (first - second).abs().max() < 0.1 * first.abs().max()


def test_what_is_no_voxel_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected one with classes, resolution and sampling"):
        VoxelDenoiser(tiny()[0], Config.of({"network": {"kind": "FactsOfShape", "facts": 3}}))
    save_checkpoint(tmp_path / "model", *tiny(), "")
    index = json.loads((tmp_path / "model" / "model_index.json").read_text())
    assert index["_class_name"] == "VoxelDiffusionPipeline"
    (tmp_path / "model" / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ValueError, match="checksum"):
        VoxelDiffusionPipeline.from_pretrained(tmp_path / "model")


def test_a_pipeline_makes_nothing_of_what_it_does_not_understand():
    pipe = VoxelDiffusionPipeline.from_pretrained(SHIPPED)
    for prompt, message in (
        ("", "no family in ''"),
        (["a chair", "椅子"], "no family in '椅子'; name one that the model makes"),
    ):
        with pytest.raises(ValueError, match=message):
            pipe(prompt, num_inference_steps=1)
