"""How a network is told numbers and names: the noise level as sines and cosines, the class as a learned vector.

Lesson 02 uses the first, lesson 08 both. Sinusoidal embedding: arXiv 1706.03762, section 3.5.
"""

import torch
from torch import Tensor, nn


def noise_embedding(log_snr: Tensor, width: int) -> Tensor:
    """Sines and cosines of the log-SNR, (B,) -> (B, width), with wavelengths from about 0.6 to 60."""
    rates = torch.logspace(-1, 1, width // 2, device=log_snr.device, dtype=log_snr.dtype)
    angles = log_snr[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class Embedding(nn.Module):
    """Noise level and class together as one vector: (B,) and (B,) or None -> (B, width).

    classes: how many class labels there are; 0 for none. The label -1 is the learned "no class", and so is
    condition=None: what training puts where it drops the condition, and guidance compares with.
    """

    def __init__(self, width: int, classes: int = 0):
        super().__init__()
        self.width, self.null = width, classes
        self.level = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.label = nn.Embedding(classes + 1, width) if classes else None

    def forward(self, log_snr: Tensor, condition: Tensor | None = None) -> Tensor:
        embedded = self.level(noise_embedding(log_snr, self.width))
        if self.label is None:
            return embedded
        if condition is None:
            condition = torch.full(log_snr.shape, -1, device=log_snr.device)
        return embedded + self.label(torch.where(condition < 0, self.null, condition))
