"""The exercises of lesson 04: conditioning by scale and shift, and the arc between two noises.

`modulate` is the scale and shift of a residual block (Dhariwal and Nichol, arXiv 2105.05233,
section 3.1, AdaGN), for grids of any dimension. `slerp` is spherical interpolation (Shoemake,
*Animating Rotation with Quaternion Curves*, SIGGRAPH 1985, section 3.3), for one pair of tensors of
any shape.
"""

import math

import torch
from torch.nn.functional import cosine_similarity

from course_utils.diffusion.noise import lerp
from course_utils.diffusion.noise import slerp as library_slerp
from course_utils.exercises.checks import Exercise, unless_close

# ---- modulate(h, scale, shift) -------------------------------------------------------------------


def _with(formula):
    """formula(h, scale, shift) with scale and shift already broadcast against h."""

    def answer(h, scale, shift):
        grid = (...,) + (None,) * (h.ndim - 2)
        return formula(h, scale[grid], shift[grid])

    return answer


_modulate = _with(lambda h, scale, shift: h * (1 + scale) + shift)


def _modulate_inputs(generator):
    """Images, voxels, sequences and vectors; once (B, C) equals the last two sides of the grid."""
    inputs = []
    for shape, dtype in [
        ((3, 4, 5, 6), torch.float32),
        ((2, 3, 4, 2, 3), torch.float64),
        ((4, 2, 7), torch.float32),
        ((3, 4, 3, 4), torch.float64),
        ((5, 3), torch.float32),
    ]:
        h, scale, shift = (
            torch.randn(size, generator=generator, dtype=dtype)
            for size in (shape, shape[:2], shape[:2])
        )
        inputs.append((h, scale, shift))
    return inputs


def _grid():
    h = torch.arange(24, dtype=torch.float64).reshape(2, 3, 2, 2) / 10
    return h, torch.zeros(2, 3, dtype=torch.float64)


def _nothing_said(modulate):
    h, none = _grid()
    sentence = """With scale = 0 and shift = 0, nothing may change; your answer differs from h by up
    to {gap:.3g}."""
    return unless_close(modulate(h, none, none), h, sentence)


def _shift_alone(modulate):
    h, none = _grid()
    sentence = """With scale = 0 and shift = 2, every number grows by 2; yours is off by up to
    {gap:.3g}."""
    return unless_close(modulate(h, none, none + 2), h + 2, sentence)


def _scale_alone(modulate):
    h, none = _grid()
    sentence = """With scale = 1 and shift = 0, every number doubles; yours is off by up to
    {gap:.3g}."""
    return unless_close(modulate(h, none + 1, none), 2 * h, sentence)


def _each_channel_its_own(modulate):
    h, none = _grid()
    shift = none + torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    sentence = """Each channel of each sample has its own shift; with six different ones, you are
    off by {gap:.3g}."""
    return unless_close(modulate(h, none, shift), h + shift[:, :, None, None], sentence)


MODULATE_MISTAKES = [
    (
        _with(lambda h, scale, shift: h * scale + shift),
        """You multiply by scale. The factor is 1 + scale, so that a layer whose output is still 0
        changes nothing.""",
    ),
    (_with(lambda h, scale, shift: h * (1 + scale)), "The shift is missing."),
    (_with(lambda h, scale, shift: h + shift), "You only shift. The factor 1 + scale is missing."),
    (_with(lambda h, scale, shift: h * (1 + shift) + scale), "Scale and shift are swapped."),
    (
        _with(lambda h, scale, shift: (h + shift) * (1 + scale)),
        "You shift first and then scale, so the shift is scaled as well. Scale first.",
    ),
    (
        _with(lambda h, scale, shift: h * scale.exp() + shift),
        "Some networks use exp(scale); this one uses 1 + scale.",
    ),
    (
        _with(lambda h, scale, shift: h + h * (1 + scale) + shift),
        "You add h once too often: the 1 in 1 + scale already keeps it.",
    ),
    (
        lambda h, scale, shift: h * (1 + scale[:, :, None, None]) + shift[:, :, None, None],
        """Right for images: [:, :, None, None] adds two axes. Sequences need one, voxels three and
        vectors none: use h.ndim to count them.""",
    ),
    (
        lambda h, scale, shift: (
            h * (1 + scale[:, :, None, None, None]) + shift[:, :, None, None, None]
        ),
        "Right for voxels only. Add as many axes as the grid has: h.ndim - 2.",
    ),
    (
        lambda h, scale, shift: h * (1 + scale) + shift,
        """scale and shift of shape (B, C) line up with the last two axes of h, not with the batch
        and the channels. Give them the shape (B, C, 1, ..., 1) first.""",
    ),
    (
        _with(lambda h, scale, shift: h * (1 + scale[:1]) + shift[:1]),
        """You use the first sample's scale and shift for the whole batch; each sample has its own
        noise level.""",
    ),
    (
        _with(lambda h, scale, shift: h * (1 + scale[:, :1]) + shift[:, :1]),
        "You use the first channel's scale and shift for all channels; each channel has its own.",
    ),
    (
        _with(
            lambda h, scale, shift: (
                h * (1 + scale.mean(1, keepdim=True)) + shift.mean(1, keepdim=True)
            )
        ),
        "You average scale and shift over the channels; each channel has its own.",
    ),
]

modulate = Exercise(
    name="modulate",
    reference=_modulate,
    make_inputs=_modulate_inputs,
    mistakes=MODULATE_MISTAKES,
    properties=[_nothing_said, _shift_alone, _scale_alone, _each_channel_its_own],
)


# ---- slerp(a, b, weight) -------------------------------------------------------------------------


def _angle(a, b):
    return torch.arccos(cosine_similarity(a.flatten(), b.flatten(), dim=0))


def _on_the_arc(a, b, weight, angle):
    return (torch.sin((1 - weight) * angle) * a + torch.sin(weight * angle) * b) / torch.sin(angle)


def _slerp_inputs(generator):
    """Vectors, images and voxels; acute and obtuse angles; equal and different norms."""
    inputs = []
    for shape, dtype, alike, weight in [
        ((5,), torch.float64, 0.6, 0.3),
        ((1, 4, 4), torch.float32, 0.0, 0.5),
        ((3, 4), torch.float64, -0.5, 0.8),
        ((1, 2, 3, 2), torch.float32, 0.4, 0.15),
    ]:
        a, other = torch.randn((2, *shape), generator=generator, dtype=dtype)
        inputs.append((a, alike * a + 1.2 * other, weight))
    return inputs


def _corner():
    return torch.tensor([[3.0, 0.0]], dtype=torch.float64), torch.tensor(
        [[0.0, 3.0]], dtype=torch.float64
    )


def _starts_at_a(slerp):
    a, b = _corner()
    sentence = "With weight 0, the answer is a; yours is up to {gap:.3g} away."
    return unless_close(slerp(a, b, 0.0), a[0], sentence)


def _ends_at_b(slerp):
    a, b = _corner()
    sentence = "With weight 1, the answer is b; yours is up to {gap:.3g} away."
    return unless_close(slerp(a, b, 1.0), b[0], sentence)


def _keeps_the_norm(slerp):
    a, b = _corner()
    norm = slerp(a, b + 0.5 * a, 0.4)
    wanted = library_slerp(a, b + 0.5 * a, 0.4).norm()
    sentence = (
        f"On the way between two given tensors the norm should be {wanted:.4g}; "
        "yours is {value:.4g}."
    )
    return unless_close(torch.as_tensor(norm).norm(), wanted, sentence)


def _even_speed(slerp):
    a, b = _corner()
    sentence = """A third of the way along a right angle lies at 30 degrees, (2.6, 1.5); yours is up
    to {gap:.3g} away."""
    return unless_close(slerp(a, b, 1 / 3), torch.tensor([3 * 0.75**0.5, 1.5]), sentence)


def _rescaled_lerp(a, b, weight):
    straight = lerp(a, b, weight)
    return straight / straight.norm() * lerp(a.norm(), b.norm(), weight)


SLERP_MISTAKES = [
    (
        lambda a, b, weight: (
            _on_the_arc(a / a.norm(), b / b.norm(), weight, _angle(a, b))
            * lerp(a.norm(), b.norm(), weight)
        ),
        """The direction is right, but you interpolate the norms separately. The formula weights a
        and b themselves.""",
    ),
    (
        lerp,
        """This is the straight line (lerp): it cuts through the sphere. Use weights made of sines
        of the angle.""",
    ),
    (
        lambda a, b, weight: library_slerp(b, a, weight),
        "The two weights are swapped: weight 0 has to give a, weight 1 has to give b.",
    ),
    (
        lambda a, b, weight: torch.sin(_angle(a, b)) * library_slerp(a, b, weight),
        "Almost: divide by the sine of the whole angle; otherwise the ends are not a and b.",
    ),
    (
        lambda a, b, weight: _on_the_arc(a, b, weight, _angle(a, b).cos()),
        "You used the cosine as if it were the angle: arccos is missing.",
    ),
    (
        lambda a, b, weight: _on_the_arc(a, b, weight, torch.arccos((a * b).sum())),
        "arccos expects the cosine of the angle: the inner product divided by both norms.",
    ),
    (
        lambda a, b, weight: _on_the_arc(a, b, weight, torch.arccos((a * b).mean())),
        "The mean of the products is not the cosine of the angle: divide their sum by both norms.",
    ),
    (
        lambda a, b, weight: _on_the_arc(a / a.norm(), b / b.norm(), weight, _angle(a, b)),
        """You return a tensor of norm 1. Normalise for the angle only, and apply the weights to a
        and b themselves.""",
    ),
    (
        _rescaled_lerp,
        """You stretch the straight line back to the sphere. That gives the right arc, but at uneven
        speed: slow near the ends, fast in the middle. Use weights made of sines of the angle.""",
    ),
    (
        lambda a, b, weight: (
            math.cos(weight * math.pi / 2) * a + math.sin(weight * math.pi / 2) * b
        ),
        """You assume a right angle. That is nearly true for large noises, but not for these:
        compute the angle.""",
    ),
    (
        lambda a, b, weight: (1 - weight) ** 0.5 * a + weight**0.5 * b,
        """The roots of the weights keep the variance of independent noises, but the speed is
        uneven. Use weights made of sines of the angle.""",
    ),
    (
        lambda a, b, weight: (
            (math.sin(1 - weight) * a + math.sin(weight) * b) / torch.sin(_angle(a, b))
        ),
        "The angle is missing inside the sines: sin((1 - weight) * angle) and sin(weight * angle).",
    ),
    (
        lambda a, b, weight: (
            (torch.sin((1 - weight) * _angle(a, b)) * a + torch.sin(weight * _angle(a, b)) * b)
            / _angle(a, b)
        ),
        "You divide by the angle; divide by its sine.",
    ),
    (
        lambda a, b, weight: _on_the_arc(a, b, weight, torch.rad2deg(_angle(a, b))),
        "torch.sin expects radians, and arccos returns them: do not convert to degrees.",
    ),
    (
        lambda a, b, weight: _on_the_arc(
            a,
            b,
            weight,
            (
                torch.arccos(cosine_similarity(a, b, dim=-1))[..., None]
                if a.ndim > 1
                else _angle(a, b)
            ),
        ),
        """You compute an angle for each row. A noise is one vector, whatever its shape: flatten
        both first.""",
    ),
]

slerp = Exercise(
    name="slerp",
    reference=library_slerp,
    make_inputs=_slerp_inputs,
    mistakes=SLERP_MISTAKES,
    properties=[_starts_at_a, _ends_at_b, _even_speed, _keeps_the_norm],
)
