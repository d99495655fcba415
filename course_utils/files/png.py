"""Images as PNG files. No plotting library is needed: Pillow comes with scikit-image."""

import io
from pathlib import Path

import numpy as np

from course_utils.files.atomic import writing


def png_bytes(image: np.ndarray) -> bytes:
    """Return an image of uint8 (H, W, 3) as the contents of a PNG file."""
    from PIL import Image

    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(
            f"image: got {image.dtype} of shape {image.shape}, expected uint8 (H, W, 3)"
        )
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "png")
    return buffer.getvalue()


def save_image(path: str | Path, image: np.ndarray) -> None:
    """Write an image of uint8 (H, W, 3) as a PNG file, atomically."""
    data = png_bytes(image)
    with writing(path) as temporary:
        temporary.write_bytes(data)
