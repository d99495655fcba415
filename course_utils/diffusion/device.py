"""What a device can do, as far as a training or a sampler must know: precision and memory."""

import torch

BFLOAT16 = 8  # the first compute capability whose tensor cores know bfloat16


def precision_of(device: torch.device | str) -> torch.dtype | None:
    """Return in which dtype a training runs here under autocast; None for float32 throughout.

    bfloat16 on NVIDIA cards of compute capability 8 or more, float16 (which needs a scaler) below.
    """
    device = torch.device(device)
    if device.type != "cuda":
        return None
    modern = torch.cuda.get_device_capability(device)[0] >= BFLOAT16
    return torch.bfloat16 if modern else torch.float16


def has_float64(device: torch.device | str) -> bool:
    """Return whether the device knows float64; Apple's MPS does not."""
    return torch.device(device).type != "mps"


def free_memory(device: torch.device | str) -> int | None:
    """Return how many bytes of the device's memory are free; None where that is not known."""
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory()
    return None


def has_bfloat16_units() -> bool:
    """Return whether this processor has instructions for bfloat16 (AMX, AVX512_BF16): it is quick.

    Convolutions on the smallest grids stay in float32 there (`networks.layers.SMALLEST`).
    """
    # torch has no public names for them
    units = ("amx_tile", "avx512_bf16")
    return any(getattr(torch.cpu, f"_is_{unit}_supported", bool)() for unit in units)
