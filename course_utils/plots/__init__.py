"""Pictures and films of the course.

`style` is the look, `stills` are pictures of shapes, `planar` and `pictures` those of the plane and
of images, `film` animations, `live` trainings.
"""

from course_utils.plots.film import Film, isosurface_figure, sampling_film, shape_film
from course_utils.plots.live import LiveTraining
from course_utils.plots.pictures import picture_film, show_pictures
from course_utils.plots.stills import (
    contact_sheet,
    render,
    render_mesh,
    save_png,
    show_fields,
    show_mesh,
    show_noisy,
    show_voxels,
)
from course_utils.plots.style import (
    DATA,
    EXACT,
    MODEL,
    NOISE,
    SQUARE,
    TALL,
    WIDE,
    Picture,
    figure_caption,
    styled,
    use_style,
)

__all__ = [
    "DATA",
    "EXACT",
    "MODEL",
    "NOISE",
    "SQUARE",
    "TALL",
    "WIDE",
    "Film",
    "LiveTraining",
    "Picture",
    "contact_sheet",
    "figure_caption",
    "isosurface_figure",
    "picture_film",
    "render",
    "render_mesh",
    "sampling_film",
    "save_png",
    "shape_film",
    "show_fields",
    "show_mesh",
    "show_noisy",
    "show_pictures",
    "show_voxels",
    "styled",
    "use_style",
]
