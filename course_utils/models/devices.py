"""Which device a model runs on."""

import warnings

import torch

from course_utils.networks.words import shown


def checked_device(name: str | torch.device) -> str:
    """Return the device's name if torch can use it here; ValueError otherwise."""
    name = str(name) if isinstance(name, torch.device) else name
    try:
        with warnings.catch_warnings(action="ignore"):  # of names that torch is about to drop
            device = torch.device(name)
            float(torch.ones(1, device=device).sum())  # some make tensors that hold nothing
        reason = "there is one cpu" if device.type == "cpu" and device.index else ""
    except Exception as error:  # whatever torch raises, down to missing modules
        reason = str(error).split("\n")[0].split(". ")[0]
    if reason or not isinstance(name, str):
        raise ValueError(
            f"device '{shown(str(name))}' can't be used here ({shown(reason)}); cpu always can"
        )
    return name
