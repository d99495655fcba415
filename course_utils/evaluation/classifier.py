"""A classifier of pictures, trained on real ones: it says what a picture shows and how sure it is.

Lessons 04 to 06 let it count how many samples are recognisable, of which class, and how far the
crowd of samples is from the crowd of real pictures in the space of its features
(`frechet_distance`). It is what Inception is in "Inception score" and "FID" (arXiv 1606.03498,
1706.08500): only as good as its training, blind to what it ignores.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_utils.datasets.images import Pictures
from course_utils.diffusion.losses import Batch
from course_utils.diffusion.noise import as_seed
from course_utils.diffusion.training import Plan, Trainer, batches

FEATURES = 48


class Classifier(nn.Module):
    """Pictures (N, 1, side, side), side a multiple of 8, to logits (N, classes)."""

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
        """How likely each class is: (N, classes), rows add up to 1."""
        return self(pixels.clamp(-1, 1)).softmax(dim=1)

    @torch.no_grad()
    def features(self, pixels: Tensor) -> Tensor:
        """What the classifier sees in each picture before it decides: (N, FEATURES)."""
        return self.body(pixels.clamp(-1, 1))


@dataclass(frozen=True)
class Classification:
    """Cross-entropy of a classifier's logits for pictures with noise of deviation `blur`.

    The noise keeps the classifier from deciding by a stray pixel.
    """

    blur: float = 0.15

    def prepare(self, batch: Batch, generator: torch.Generator, step: int) -> tuple:
        """Labels (B,) and noisy pictures (B, 1, side, side)."""
        noise = torch.randn(batch.given.shape, generator=generator, device=generator.device)
        return batch.target, batch.given + self.blur * noise

    def __call__(self, classifier: nn.Module, labels: Tensor, pictures: Tensor) -> Tensor:
        return nn.functional.cross_entropy(classifier(pictures), labels)


def train_classifier(pictures: Pictures, steps: int = 300, seed: int = 0) -> Classifier:
    """Train a classifier on real pictures; the same seed gives the same one.

    Args:
        pictures: What it learns from; it knows as many classes as they have names.
        steps: Training steps.
        seed: Of its first weights and of everything random in the training.
    """
    with torch.random.fork_rng([]):
        torch.manual_seed(as_seed(seed))
        classifier = Classifier(len(pictures.names), pictures.pixels.shape[-1])
    plan = Plan(
        steps,
        batch_size=64,
        learning_rate=3e-3,
        warmup=1,
        gradient_clip=float("inf"),
        ema_decay=0.98,
        seed=seed,
    )
    trainer = Trainer(classifier, plan, Classification())
    for _ in trainer.run(batches(pictures.labels, pictures.pixels, prepare=Tensor.long)):
        pass
    return trainer.ema
