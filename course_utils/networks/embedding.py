"""How a network is told numbers and words: the noise level as sines and cosines, a class or a text
as a learned vector.

Lesson 02 uses the first, lessons 04 and 06 the others. Sinusoidal embedding: arXiv 1706.03762,
section 3.5.
"""

import torch
from torch import Tensor, nn

from course_utils.networks.text import TextEncoder


def noise_embedding(log_snr: Tensor, width: int) -> Tensor:
    """Sines and cosines of the log-SNR, (B,) -> (B, width), with wavelengths from about 0.6 to
    60.
    """
    rates = torch.logspace(-1, 1, width // 2, device=log_snr.device, dtype=log_snr.dtype)
    angles = log_snr[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def said(condition: Tensor | None, log_snr: Tensor) -> Tensor:
    """The condition, or -1 throughout, "nothing said", where it is None; (B,) for log_snr (B,)."""
    return torch.full(log_snr.shape, -1, device=log_snr.device) if condition is None else condition


class Embedding(nn.Module):
    """Noise level and condition together as one vector: (B,) and a condition or None -> (B, width).

    classes: how many class labels there are; the condition is then (B,).  words: how many words a
    text may use; the condition is then token numbers (B, length), -1 where a text is shorter.  0
    for none; a network takes one of both. A condition of -1 throughout is the learned "nothing
    said", and so is condition=None: what training puts where it drops the condition, and guidance
    compares with.
    """

    def __init__(self, width: int, classes: int = 0, words: int = 0):
        super().__init__()
        if classes and words:
            raise ValueError(
                f"classes is {classes} and words {words}; a network takes class labels or texts,"
                " not both"
            )
        self.width, self.null = width, classes
        self.level = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.label = nn.Embedding(classes + 1, width) if classes else None
        self.text = TextEncoder(words, width) if words else None

    def forward(
        self, log_snr: Tensor, condition: Tensor | None = None, summary: Tensor | None = None
    ) -> Tensor:
        """summary: what the text encoder says of the condition, where that is known already."""
        embedded, condition = (
            self.level(noise_embedding(log_snr, self.width)),
            said(condition, log_snr),
        )
        if self.label is not None:
            return embedded + self.label(torch.where(condition < 0, self.null, condition))
        if self.text is not None:
            return embedded + (self.text(condition) if summary is None else summary)
        return embedded
