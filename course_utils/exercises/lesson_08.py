"""The exercises of lesson 08: the loss that trains a voxel model, and the overlap of two shapes.

`velocity_loss` predicts x0 but weights the error as a velocity: on the flow path velocity = (x_t -
x0) / t, so the velocity error is the x0 error divided by t, kept finite by t >= 0.05 (Li and He
2025, arXiv 2511.13720). `voxel_iou` is the intersection over union (Jaccard index) of two occupancy
grids.
"""

import torch

from course_utils.diffusion.paths import spread
from course_utils.exercises.checks import Exercise, unless_close
from course_utils.exercises.inputs import grid_pairs, nested_boxes, noisy_predictions

SMALLEST_T = 0.05


# ---- velocity_loss(x0_prediction, x0, t) ---------------------------------------------------------


def _clamped(t):
    return t.clamp(min=SMALLEST_T)


def _velocity_loss(x0_prediction, x0, t):
    """Reference: tensors (B, ...), t (B,) in [0, 1] -> scalar."""
    return ((x0_prediction - x0) / _clamped(spread(t, x0))).square().mean()


def _loss_with(formula):
    """A wrong loss: formula(error, t) with t already broadcast, but not yet clamped."""
    return lambda x0_prediction, x0, t: formula(x0_prediction - x0, spread(t, x0))


def _t_not_broadcast(x0_prediction, x0, t):
    return ((x0_prediction - x0) / _clamped(t)).square().mean()


def _first_t_only(x0_prediction, x0, t):
    return ((x0_prediction - x0) / _clamped(t[0])).square().mean()


def _loss_for_error_one(loss, t):
    return loss(torch.ones(2, 1, 3, 3, 3), torch.zeros(2, 1, 3, 3, 3), torch.tensor([t, t]))


def _perfect_is_zero(loss):
    x0 = torch.ones(2, 1, 3, 3, 3)
    value = loss(x0, x0, torch.tensor([0.2, 0.9]))
    return unless_close(value, 0.0, "A perfect prediction should cost 0; yours costs {value:.3g}.")


def _plain_at_one(loss):
    sentence = "At t = 1, an error of 1 in every voxel should cost 1; yours costs {value:.3g}."
    return unless_close(_loss_for_error_one(loss, 1.0), 1.0, sentence)


def _four_times_at_half(loss):
    sentence = "At t = 0.5, an error of 1 in every voxel should cost 4; yours costs {value:.3g}."
    return unless_close(_loss_for_error_one(loss, 0.5), 4.0, sentence)


def _bounded_near_zero(loss):
    sentence = """At t = 0.001, an error of 1 should cost 400 (as at t = 0.05); yours costs
    {value:.3g}."""
    return unless_close(_loss_for_error_one(loss, 0.001), 400.0, sentence, tolerance=0.1)


def _sign_does_not_matter(loss):
    error, t = torch.linspace(-1, 2, 8).reshape(2, 4), torch.tensor([0.3, 0.7])
    value, mirrored = loss(error, 0 * error, t), loss(-error, 0 * error, t)
    return unless_close(
        value, mirrored, "Errors +e and -e should cost the same; yours differ by {gap:.3g}."
    )


LOSS_MISTAKES = [
    (
        _loss_with(lambda error, t: error.square().mean()),
        """This is the loss in x0: t does not appear in it. In velocity space, divide the error by t
        first.""",
    ),
    (
        _loss_with(lambda error, t: (error / t).square().mean()),
        "Almost: near t = 0 the division explodes. Keep t at 0.05 or more.",
    ),
    (
        _loss_with(lambda error, t: (error.square() / _clamped(t)).mean()),
        """You divided the squared error by t. Divide the error before squaring, so that t is
        squared as well.""",
    ),
    (
        _loss_with(lambda error, t: (error * _clamped(t)).square().mean()),
        "You multiplied by t. Little noise (small t) should make an error cost more, not less.",
    ),
    (
        _loss_with(lambda error, t: (error * t).square().mean()),
        """You multiplied by t. Little noise (small t) should make an error cost more, not less.
        Then take care of what happens near t = 0.""",
    ),
    (
        _loss_with(lambda error, t: (error / _clamped(t)).square().sum()),
        """You summed. A sum grows with the batch and the grid, and so would the steps of the
        optimiser: take the mean.""",
    ),
    (
        _loss_with(lambda error, t: (error / _clamped(t)).abs().mean()),
        """You took absolute values; the loss is a mean of squares (only then is the best prediction
        the mean of x0 given x_t).""",
    ),
    (
        _loss_with(lambda error, t: (error / t.clamp(max=SMALLEST_T)).square().mean()),
        """The clamp is on the wrong side: you limit t to at most 0.05. It is the small values that
        cause trouble.""",
    ),
    (
        _loss_with(lambda error, t: (error / (t + SMALLEST_T)).square().mean()),
        """You added 0.05 to every t. That bounds the loss but changes it everywhere; only values of
        t below 0.05 should change.""",
    ),
    (
        _loss_with(lambda error, t: (error / _clamped(t)).square().mean().sqrt()),
        "You took the root at the end; the loss is the mean square itself.",
    ),
    (
        _loss_with(lambda error, t: (error / _clamped(t)).mean().square()),
        "You averaged before squaring, so errors of opposite sign cancel. Square each one first.",
    ),
    (
        _loss_with(lambda error, t: (error / _clamped(t)).square().flatten(1).mean(dim=1)),
        """You return one loss per sample: take the mean over the batch too, so that a single number
        is left.""",
    ),
    (
        _loss_with(lambda error, t: (error / _clamped(t).square()).square().mean()),
        """You divided the error by t squared and then squared it, which gives t to the fourth.
        Divide the error by t once.""",
    ),
    (
        lambda x0_prediction, x0, t: ((x0_prediction - x0) / _clamped(t[:, None])).square().mean(),
        """t[:, None] has shape (B, 1): right for points, but voxels have more axes. Use
        t.reshape(-1, *[1] * (x0.ndim - 1)).""",
    ),
    (
        lambda x0_prediction, x0, t: (
            ((x0_prediction - x0) / _clamped(t.reshape(-1, 1, 1, 1, 1))).square().mean()
        ),
        """Your t always has five axes: right for voxels, but not for points or images. Use as many
        as x0 has: t.reshape(-1, *[1] * (x0.ndim - 1)).""",
    ),
    (
        lambda x0_prediction, x0, t: (
            ((x0_prediction - x0) / _clamped(t.reshape(-1, 1, 1, 1))).square().mean()
        ),
        """Your t always has four axes: right for images, but voxels have five and points two. Use
        as many as x0 has: t.reshape(-1, *[1] * (x0.ndim - 1)).""",
    ),
    (
        _loss_with(lambda error, t: error.square().mean() * (1 / _clamped(t).square()).mean()),
        """You multiplied two means; each sample has its own t, so divide each error by it before
        you take the mean.""",
    ),
    (
        _loss_with(lambda error, t: (error / _clamped(1 - t)).square().mean()),
        """You divided by 1 - t, the weight of x0. The velocity is (x_t - x0) / t: its error is the
        error of x0 divided by t.""",
    ),
    (
        _loss_with(lambda error, t: (error * (1 - t)).square().mean()),
        """You multiplied by 1 - t. The velocity is (x_t - x0) / t: its error is the error of x0
        divided by t.""",
    ),
    (
        _loss_with(lambda error, t: (error.square() / _clamped(t).square()).sum() / len(t)),
        """You took the mean over the batch, but a sum over the voxels, which grows with the grid.
        Take the mean of everything.""",
    ),
    (
        _loss_with(lambda error, t: (error.square() / _clamped(t.square())).mean()),
        """You kept t squared at 0.05 or more, so that an error of 1 costs at most 20. Keep t itself
        at 0.05 or more, before you square it.""",
    ),
    (
        _loss_with(lambda error, t: (error / t.clamp(min=0.2)).square().mean()),
        """You kept t at 0.2 or more, as the training of section 6 will. The formula keeps it at
        0.05 or more.""",
    ),
    (
        _loss_with(lambda error, t: error.square().mean() / _clamped(t).square().mean()),
        """You divided a mean by a mean; each sample has its own t, so divide each error by it
        before you take the mean.""",
    ),
    (
        _loss_with(lambda error, t: (error / _clamped(t)).mean()),
        "You did not square: errors of opposite sign cancel. Square each one before the mean.",
    ),
    (
        _loss_with(lambda error, t: (error / _clamped(t)).abs().mean().square()),
        "You squared after the mean; square each error first.",
    ),
    (
        _t_not_broadcast,
        """t of shape (B,) lines up with the last axis of the error, not with the batch. Give it the
        shape (B, 1, ..., 1) first.""",
    ),
    (
        _first_t_only,
        "You divide every sample by the first t; each sample of the batch has its own.",
    ),
]

velocity_loss = Exercise(
    name="velocity_loss",
    reference=_velocity_loss,
    make_inputs=noisy_predictions,
    mistakes=LOSS_MISTAKES,
    properties=[
        _perfect_is_zero,
        _plain_at_one,
        _four_times_at_half,
        _bounded_near_zero,
        _sign_does_not_matter,
    ],
)


# ---- voxel_iou(a, b) -----------------------------------------------------------------------------


def _voxel_iou(a, b):
    """Reference: bool (D, H, W) twice -> float in [0, 1]; two empty grids are equal, so 1."""
    return _empty_raises(a, b) if (a | b).any() else 1.0


def _empty_raises(a, b):
    return (a & b).sum().item() / (a | b).sum().item()


def _if_empty(value, formula=_voxel_iou):
    """formula(a, b), but the given value for two empty grids."""
    return lambda a, b: formula(a, b) if (a | b).any() else value


def _count(grid):
    return grid.sum().float()


def _equal_is_one(iou):
    box, _ = nested_boxes()
    sentence = "A shape compared with itself should give 1; yours gives {value:.3g}."
    return unless_close(iou(box, box), 1.0, sentence)


def _disjoint_is_zero(iou):
    box, _ = nested_boxes()
    sentence = "Two shapes that share no voxel should give 0; yours gives {value:.3g}."
    return unless_close(iou(box, ~box), 0.0, sentence)


def _half_is_half(iou):
    sentence = "A box of 8 voxels inside one of 16 should give 0.5; yours gives {value:.3g}."
    return unless_close(iou(*nested_boxes()), 0.5, sentence)


def _symmetric(iou):
    small, large = nested_boxes()
    sentence = "Swapping the two grids should change nothing; yours changes by {gap:.3g}."
    return unless_close(iou(small, large), iou(large, small), sentence)


def _empty_is_one(iou):
    empty = torch.zeros(3, 3, 3, dtype=torch.bool)
    sentence = "Two empty grids are equal and should give 1; yours gives {value:.3g}."
    return unless_close(iou(empty, empty), 1.0, sentence)


WRONG_FORMULAS = [
    (
        lambda a, b: 2 * _count(a & b) / (_count(a) + _count(b)),
        """This is the Dice score: twice the intersection divided by the sum of both sizes. IoU
        divides by the union.""",
    ),
    (
        lambda a, b: (a == b).float().mean(),
        """This is the accuracy. Empty space agrees with empty space nearly everywhere, so it is
        always high. Count occupied voxels only.""",
    ),
    (
        lambda a, b: _count(a & b) / _count(a),
        """You divide by the size of the first shape, so a large second one always scores well.
        Divide by the union.""",
    ),
    (
        lambda a, b: _count(a & b) / _count(b),
        """You divide by the size of the second shape, so a large first one always scores well.
        Divide by the union.""",
    ),
    (
        lambda a, b: _count(a & b),
        """This counts the shared voxels, and large shapes share more. Divide, so that the size
        of the shapes does not matter.""",
    ),
    (
        lambda a, b: 1 - _count(a & b) / _count(a | b),
        "This is 1 - IoU, the Jaccard distance: equal shapes give 0. You want the similarity.",
    ),
    (
        lambda a, b: _count(a & b) / (_count(a) + _count(b)),
        """The sum of both sizes counts the shared voxels twice: equal shapes give 0.5. Subtract
        them once.""",
    ),
    (
        lambda a, b: _count(a & b) / _count(a ^ b),
        """a ^ b counts the voxels in only one of the two. The union contains those in both as well:
        a | b.""",
    ),
    (
        lambda a, b: (a & b).float().mean(),
        """You divide by the whole grid, so the empty space around the shapes matters. Divide by the
        union.""",
    ),
    (
        lambda a, b: _count(a & b) / torch.minimum(_count(a), _count(b)),
        """You divide by the smaller shape: a shape inside the other would count as equal. Divide by
        the union.""",
    ),
    (
        lambda a, b: _count(a & b) / torch.maximum(_count(a), _count(b)),
        """You divide by the larger shape; the union is larger still, unless one shape contains the
        other.""",
    ),
]

IOU_MISTAKES = [
    (
        _if_empty(float("nan")),
        "Right, except for two empty grids: 0 / 0 gives NaN. They are equal, so answer 1 for them.",
    ),
    (
        _empty_raises,
        """Right, except for two empty grids: 0 / 0 raises an error. They are equal, so answer 1 for
        them.""",
    ),
    (
        lambda a, b: _empty_raises(a, b) if a.any() and b.any() else 1.0,
        """Right, except where one grid alone is empty: they share nothing, so the answer is 0.
        Check whether both are.""",
    ),
    (
        _if_empty(0.0),
        "Right, except for two empty grids: they are equal, so the answer is 1, not 0.",
    ),
    *WRONG_FORMULAS,
    *[(_if_empty(1.0, formula), hint) for formula, hint in WRONG_FORMULAS],
]

voxel_iou = Exercise(
    name="voxel_iou",
    reference=_voxel_iou,
    make_inputs=grid_pairs,
    mistakes=IOU_MISTAKES,
    properties=[_equal_is_one, _disjoint_is_zero, _half_is_half, _symmetric, _empty_is_one],
)
