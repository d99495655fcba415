"""The two networks of a generative adversarial pair, for points and for small pictures: plain
layers (lesson 05).
"""

from torch import nn


def perceptron(inputs: int, width: int, outputs: int) -> list[nn.Module]:
    """Return three hidden layers of `width` numbers: the layers of a network (B, inputs) -> (B,
    outputs).
    """
    sizes = (inputs, width, width, width)
    hidden = [
        part for k in range(3) for part in (nn.Linear(sizes[k], sizes[k + 1]), nn.LeakyReLU(0.2))
    ]
    return [*hidden, nn.Linear(width, outputs)]


def point_networks(
    latent: int = 8, width: int = 110, features: int = 2
) -> tuple[nn.Module, nn.Module]:
    """Return a generator (B, latent) -> (B, features) and a discriminator (B, features) -> (B,
    1).
    """
    return nn.Sequential(*perceptron(latent, width, features)), nn.Sequential(
        *perceptron(features, width, 1)
    )


def picture_networks(
    latent: int = 64, width: int = 332, side: int = 8
) -> tuple[nn.Module, nn.Module]:
    """Return a generator (B, latent) -> (B, 1, side, side) and a discriminator (B, 1, side, side)
    -> (B, 1).

    No convolutions: for digits of 8 x 8 plain layers do better in the same time, because they allow
    more steps (the tuning in `studies/gan_or_diffusion.py`).
    """
    generator = [*perceptron(latent, width, side**2), nn.Tanh(), nn.Unflatten(1, (1, side, side))]
    return nn.Sequential(*generator), nn.Sequential(nn.Flatten(), *perceptron(side**2, width, 1))
