"""A judge of pictures: a small classifier trained on real ones, which says what a picture shows and
how sure it is.

Lessons 04 to 06 let it count how many samples are recognisable, of which class, and how far the
crowd of samples is from the crowd of real pictures in the space of its features
(`metrics.frechet_distance`). It is what Inception is in "Inception score" and "FID" (arXiv
1606.03498, 1706.08500): only as good as its training, blind to what it ignores.
"""

import torch
from torch import Tensor, nn

from course_utils.datasets.images import Pictures

FEATURES = 48
BATCH, RATE, BLUR = (
    64,
    3e-3,
    0.15,
)  # BLUR: noise on the training pictures, so that a stray pixel decides nothing


class Judge(nn.Module):
    """Pictures (N, 1, side, side) -> logits (N, classes), through FEATURES numbers. side: a
    multiple of 8.
    """

    def __init__(self, classes: int, side: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 24, 3, padding=1, stride=side // 8),
            nn.ReLU(),
            nn.Conv2d(24, 48, 3, padding=1, stride=2),
            nn.ReLU(),
            nn.Conv2d(48, 48, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(48 * 4 * 4, FEATURES),
            nn.ReLU(),
        )
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.head(self.body(pixels))

    @torch.no_grad()
    def probabilities(self, pixels: Tensor) -> Tensor:
        """How likely each class is, in the judge's eyes: (N, classes), rows add up to 1."""
        return self(pixels.clamp(-1, 1)).softmax(dim=1)

    @torch.no_grad()
    def features(self, pixels: Tensor) -> Tensor:
        """What it sees in each picture before it decides: (N, FEATURES)."""
        return self.body(pixels.clamp(-1, 1))


def train_judge(pictures: Pictures, steps: int = 300, seed: int = 0) -> Judge:
    """A judge trained on real pictures, the same for the same seed. Ordinary cross-entropy, Adam,
    falling rate.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        judge = Judge(len(pictures.names), pictures.pixels.shape[-1]).train()
        optimizer = torch.optim.AdamW(judge.parameters(), RATE, fused=True)
        for step in range(steps):
            rows = torch.randint(len(pictures.pixels), (BATCH,))
            pixels = pictures.pixels[rows] + BLUR * torch.randn(BATCH, *pictures.pixels.shape[1:])
            optimizer.param_groups[0]["lr"] = RATE * (1 - step / steps)
            optimizer.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(judge(pixels), pictures.labels[rows]).backward()
            optimizer.step()
    return judge.eval().requires_grad_(False)
