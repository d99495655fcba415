"""Live controls for JupyterLab and Colab, one file each: inputs and a picture that follows them."""

from course_utils.widgets.control import Canvas, Control
from course_utils.widgets.guidance_playground import GuidancePlayground
from course_utils.widgets.isosurface_slider import IsosurfaceSlider
from course_utils.widgets.live_model import LiveModel
from course_utils.widgets.noise_interpolation import NoiseInterpolation
from course_utils.widgets.noise_slider import NoiseSlider
from course_utils.widgets.prompt_box import PromptBox
from course_utils.widgets.sampler_playground import SamplerPlayground
from course_utils.widgets.score_field import ScoreField
from course_utils.widgets.sculptor import Sculptor
from course_utils.widgets.workshop import Workshop

__all__ = [
    "Canvas",
    "Control",
    "GuidancePlayground",
    "IsosurfaceSlider",
    "LiveModel",
    "NoiseInterpolation",
    "NoiseSlider",
    "PromptBox",
    "SamplerPlayground",
    "ScoreField",
    "Sculptor",
    "Workshop",
]
