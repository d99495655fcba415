"""The library of the course *Noise to Shape*: one way to add noise, one way to take it away.

A path of noise levels (`paths`), a denoiser (`denoiser`), a training loop (`training`) and samplers
(`sampling`) work on points, images and voxels alike. Importing the package imports nothing else;
import what you need from the modules, for example `from course_utils.diffusion.paths import
FlowPath`.
"""

__version__ = "0.2.0.dev0"
