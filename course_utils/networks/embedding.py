"""The noise level as sines and cosines, and then as learned features (lesson 02).

Source: sinusoidal embedding, arXiv 1706.03762, section 3.5.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


def noise_embedding(log_snr: Float[Tensor, " batch"], width: int) -> Float[Tensor, "batch width"]:
    """Return sines and cosines of the log-SNR, with wavelengths from about 0.6 to 60.

    Args:
        log_snr: The noise level, (B,).
        width: Number of features, even.
    """
    rates = torch.logspace(-1, 1, width // 2, device=log_snr.device, dtype=log_snr.dtype)
    angles = log_snr[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class NoiseLevelEmbedding(nn.Module):
    """Embed the noise level: log-SNR (B,) -> (B, width), `noise_embedding` and two layers."""

    def __init__(self, width: int):
        super().__init__()
        self.width = width
        self.layers = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, log_snr: Float[Tensor, " batch"]) -> Float[Tensor, "batch width"]:
        return self.layers(noise_embedding(log_snr, self.width))
