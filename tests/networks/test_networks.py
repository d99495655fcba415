"""The U-Net in one, two and three dimensions, the embedding, and the door of each."""

import pytest
import torch
from torch import nn

from course_utils.diffusion.denoiser import Denoiser, parameter_count
from course_utils.diffusion.paths import KINDS, PATHS
from course_utils.networks.conditioning.labels import on_labels
from course_utils.networks.embedding import NoiseLevelEmbedding, noise_embedding
from course_utils.networks.layers import Attention
from course_utils.networks.mlp import MLP
from course_utils.networks.patches import PatchesOut, patchify, unpatchify
from course_utils.networks.unet import UNet


def awake(network):
    """The network with its zeroed layers filled, as after some training."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return network


@pytest.mark.parametrize(("dimensions", "side"), [(1, 32), (2, 16), (3, 8)])
@pytest.mark.parametrize("patch", [1, 2])
def test_one_class_for_all_dimensions(dimensions, side, patch):
    network = awake(UNet(dimensions, 2, (8, 16), patch=patch, blocks=1, conditioner=on_labels(3)))
    x, log_snr = torch.randn(3, 2, *(side,) * dimensions), torch.randn(3)
    out = network(x, log_snr, torch.tensor([0, 2, -1]))
    assert out.shape == x.shape
    kernels = [m for m in network.modules() if isinstance(m, (nn.Conv1d, nn.Conv2d, nn.Conv3d))]
    assert {len(m.kernel_size) for m in kernels} == {dimensions}
    for other in (
        network(x, log_snr + 1, torch.tensor([0, 2, -1])),
        network(x, log_snr, torch.tensor([1, 2, -1])),
    ):
        assert (other[0] - out[0]).abs().max() > 1e-4  # noise level and class matter
    assert torch.allclose(network(x, log_snr)[2], out[2], atol=1e-6)  # -1 is None


def test_every_output_sees_every_input():
    network = awake(UNet(3, 1, channels=(8, 16), patch=2, blocks=1))
    x = torch.randn(1, 1, 8, 8, 8, requires_grad=True)
    network(x, torch.zeros(1))[0, 0, 7, 0, 3].backward()
    assert (x.grad != 0).all()


def test_untrained_network_says_zero():
    assert UNet(2, 1, channels=(8, 16))(torch.randn(2, 1, 8, 8), torch.zeros(2)).abs().max() == 0


def test_the_shipped_size():
    network = UNet(3, channels=(32, 64, 96), patch=4, blocks=2, conditioner=on_labels(6))
    assert 4_500_000 < parameter_count(network) < 5_000_000


def test_attention_is_torchs():
    ours = awake(Attention(2, 16, heads=4))
    theirs = nn.MultiheadAttention(16, 4, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(ours.qkv.weight.flatten(1))
        theirs.in_proj_bias.copy_(ours.qkv.bias)
        theirs.out_proj.weight.copy_(ours.out.weight.flatten(1))
        theirs.out_proj.bias.copy_(ours.out.bias)
    x = torch.randn(2, 16, 4, 4)
    tokens = ours.norm(x).flatten(2).transpose(1, 2)
    expected = x + theirs(tokens, tokens, tokens)[0].transpose(1, 2).reshape(x.shape)
    assert (ours(x) - expected).abs().max() < 1e-5


@pytest.mark.parametrize("shape", [(1, 1, 12, 16), (1, 1, 16), (1, 1, 16, 16, 16)])
def test_wrong_grids_are_refused(shape):
    with pytest.raises(ValueError, match="multiple of 8"):
        UNet(2, channels=(8, 8, 8), patch=2)(torch.zeros(shape), torch.zeros(1))
    with pytest.raises(ValueError, match="1, 2 or 3"):
        UNet(4)


def test_noise_embedding_by_hand():
    level = torch.tensor([-3.0, 0.5])
    found = noise_embedding(level, 8)
    rates = [0.1 * 100 ** (k / 3) for k in range(4)]
    expected = torch.tensor(
        [[f(x * r) for f in (torch.sin, torch.cos) for r in rates] for x in level]
    )
    assert (found - expected).abs().max() < 1e-5
    assert NoiseLevelEmbedding(8)(level).shape == (2, 8)


@pytest.mark.parametrize("path", [pytest.param(path(), id=name) for name, path in PATHS.items()])
@pytest.mark.parametrize("prediction", KINDS)
def test_denoiser_feeds_unit_variance_and_reads_unit_variance(path, prediction):
    class Oracle(nn.Module):
        """Answers with the truth in units of its size, and checks what it is given."""

        def forward(self, x, log_snr, condition):
            assert abs(float(x.std()) - 1) < 0.03
            assert log_snr.isfinite().all()
            return answer

    x0, noise = torch.randn(
        2, 5000, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    for t in (0.05, 0.5, 0.95):
        a, b = path.coefficients(prediction, t)
        answer = (a * x0 + b * noise) / path.magnitude(prediction, t)
        assert abs(float(answer.std()) - 1) < 0.03
        found = Denoiser(Oracle(), path, prediction)(path.noised(x0, noise, t), t)
        assert (found - x0).abs().max() < 1e-9


def test_denoiser_refuses_unknown_predictions():
    with pytest.raises(ValueError, match="epsilon"):
        Denoiser(MLP(), PATHS["flow"](), "epsilon")


def test_details_begin_as_change_nothing_and_see_what_the_stem_cannot():
    torch.manual_seed(0)
    plain = UNet(3, channels=(8, 16), patch=4, blocks=1)
    torch.nn.init.normal_(plain.outlet.weight)
    network = UNet(3, channels=(8, 16), patch=4, blocks=1, details=32)
    network.load_state_dict(network.state_dict() | plain.state_dict())
    x, level = torch.randn(2, 1, 8, 8, 8), torch.zeros(2)
    assert torch.equal(network(x, level), plain(x, level))
    torch.nn.init.normal_(network.details.outlet.weight)
    directions = torch.linalg.svd(plain.stem.weight.flatten(1))[
        2
    ]  # (64, 64); the stem keeps the first eight
    unseen = directions[-1].reshape(4, 4, 4).repeat(2, 2, 2)
    assert torch.allclose(plain(x + unseen, level), plain(x, level), atol=1e-4)
    assert (network(x + unseen, level) - network(x, level)).abs().max() > 1e-2


def test_details_know_the_noise_level():
    torch.manual_seed(0)
    network = UNet(2, channels=(8,), patch=2, blocks=1, details=16)
    for layer in (network.details.modulation, network.details.outlet):
        torch.nn.init.normal_(layer.weight)
    network.outlet.requires_grad_(False)
    x = torch.randn(1, 1, 8, 8)
    assert (network(x, torch.zeros(1)) - network(x, torch.full((1,), 4.0))).abs().max() > 1e-3


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_patches_as_matrix_products_are_torch_s_strided_convolutions(dimensions):
    torch.manual_seed(0)
    x = torch.randn(2, 3, *[8, 12, 16][:dimensions], dtype=torch.float64)
    weight, bias = torch.randn(5, 3, *[4] * dimensions).double(), torch.randn(5).double()
    convolve = getattr(torch.nn.functional, f"conv{dimensions}d")
    as_rows = torch.nn.functional.linear(patchify(x, 4), weight.flatten(1), bias)
    assert torch.allclose(as_rows.transpose(1, 2), convolve(x, weight, bias, stride=4).flatten(2))
    assert torch.equal(unpatchify(patchify(x, 4), 4, [side // 4 for side in x.shape[2:]]), x)
    outlet = PatchesOut(dimensions, 5, 3, 4).double()
    outlet.weight.data, outlet.bias.data = weight, bias[:3]
    spread_out = getattr(torch.nn.functional, f"conv_transpose{dimensions}d")
    features = torch.randn(2, 5, *[2, 3, 4][:dimensions], dtype=torch.float64)
    assert torch.allclose(outlet(features), spread_out(features, weight, bias[:3], stride=4))
