"""Which device a model runs on."""

import torch


def checked_device(name: str) -> str:
    """Return the device's name if torch can use it here; ValueError otherwise."""
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"device {name!r} can't be used here ({reason}); cpu always can"
        ) from error
    return name
