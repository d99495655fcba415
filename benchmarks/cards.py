"""What NVIDIA publishes of its cards: one table for `gpu_check` and `roofline`.

Peaks and memory are from the data sheets, caches (L2) from the white papers of the architectures;
each row names one or both. Data sheets from Ada and Hopper on print tensor cores' peaks with
sparsity: here they are halved, as dense networks see them. The GeForce cards reach half of their
float16 peak with float32 sums, which is what torch asks for.
"""

import re
from dataclasses import dataclass

PRECISIONS = ("float32", "tf32", "half")


@dataclass(frozen=True)
class Card:
    """A card as published, or a processor as measured.

    pattern: A regular expression for its name, as torch.cuda.get_device_name gives it.
    peaks: Dense peaks in TFLOP/s, one for each of `PRECISIONS`: float32 without tensor cores, TF32,
        and bfloat16 or float16 with float32 sums; None where there is no such unit.
    bandwidth: Of the memory, GB/s.
    memory: In GB.
    cache: The last cache before the memory, in MB.
    source: Where the numbers stand.
    """

    pattern: str
    peaks: tuple[float | None, float | None, float | None]
    bandwidth: float
    memory: float
    cache: float
    source: str

    def peak(self, precision: str) -> float | None:
        """Return the dense peak in FLOP/s in one of `PRECISIONS`."""
        tera = self.peaks[PRECISIONS.index(precision)]
        return None if tera is None else 1e12 * tera


PAGES = "https://www.nvidia.com/en-us/data-center"
PAPERS = "https://images.nvidia.com/aem-dam"
TURING = (
    f"{PAPERS}/en-zz/Solutions/design-visualization/technologies/turing-architecture/"
    "NVIDIA-Turing-Architecture-Whitepaper.pdf"
)
VOLTA = "https://images.nvidia.com/content/volta-architecture/pdf/volta-architecture-whitepaper.pdf"
AMPERE = f"{PAPERS}/en-zz/Solutions/data-center/nvidia-ampere-architecture-whitepaper.pdf"
GA102 = "https://www.nvidia.com/content/PDF/nvidia-ampere-ga-102-gpu-architecture-whitepaper-v2.pdf"
ADA = f"{PAPERS}/Solutions/Data-Center/l4/nvidia-ada-gpu-architecture-whitepaper-v2.1.pdf"
HOPPER = "https://resources.nvidia.com/en-us-tensor-core/gtc22-whitepaper-hopper"

CARDS = {  # the first whose pattern fits counts
    "T4": Card(r"T4", (8.1, None, 65.0), 320, 16, 4, f"{PAGES}/tesla-t4/ and {TURING}"),
    "V100 PCIe": Card(r"V100-PCIE", (14.0, None, 112.0), 900, 16, 6, VOLTA),
    "V100": Card(r"V100", (15.7, None, 125.0), 900, 16, 6, VOLTA),
    "A10G": Card(r"A10G", (35.0, 35.0, 70.0), 600, 24, 6, f"A10G data sheet and {GA102}"),
    "A10": Card(r"A10", (31.2, 62.5, 125.0), 600, 24, 6, f"{PAGES}/products/a10-gpu/ and {GA102}"),
    "L4": Card(r"L4", (30.3, 60.0, 121.0), 300, 24, 48, f"{PAGES}/l4/ and {ADA}"),
    "A100 80 GB PCIe": Card(
        r"A100 80GB PCIe", (19.5, 156.0, 312.0), 1935, 80, 40, f"{PAGES}/a100/ and {AMPERE}"
    ),
    "A100 80 GB": Card(
        r"A100\b.*\b80GB", (19.5, 156.0, 312.0), 2039, 80, 40, f"{PAGES}/a100/ and {AMPERE}"
    ),
    "A100 40 GB": Card(r"A100", (19.5, 156.0, 312.0), 1555, 40, 40, f"{PAGES}/a100/ and {AMPERE}"),
    "H100 PCIe": Card(r"H100 PCIe", (51.0, 378.0, 756.0), 2000, 80, 50, HOPPER),
    "H100 NVL": Card(
        r"H100 NVL", (60.0, 417.5, 835.0), 3900, 94, 50, f"{PAGES}/h100/ and {HOPPER}"
    ),
    "H100": Card(r"H100", (67.0, 494.5, 989.0), 3350, 80, 50, f"{PAGES}/h100/ and {HOPPER}"),
    "H200": Card(r"H200", (67.0, 494.5, 989.0), 4800, 141, 50, f"{PAGES}/h200/ and {HOPPER}"),
    "RTX 3090": Card(r"RTX 3090", (35.6, 35.6, 71.0), 936, 24, 6, GA102),
    "RTX 4090": Card(r"RTX 4090", (82.6, 82.6, 165.2), 1008, 24, 72, ADA),
}


def card_called(name: str) -> Card | None:
    """Return the card that torch.cuda.get_device_name calls by a name; None if it is not listed."""
    for card in CARDS.values():
        if re.search(rf"\b{card.pattern}\b", name):
            return card
    return None
