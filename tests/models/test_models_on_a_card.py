"""Every config, prompts, ranking, editing, files and the pipeline on a second device."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn.attention import SDPBackend, sdpa_kernel

from course_utils.datasets.shapes import make_shapes
from course_utils.diffusion import training as loop
from course_utils.diffusion.sampling import last
from course_utils.diffusion.training import LOOKS, Plan, Trainer
from course_utils.models.checkpoints import load_checkpoint, save_checkpoint
from course_utils.models.config import Config
from course_utils.models.devices import checked_device
from course_utils.models.editing import complete
from course_utils.models.generation import generate
from course_utils.models.onnx import export
from course_utils.models.pipeline import VoxelDiffusionPipeline
from course_utils.models.prompting import sampling_states
from course_utils.models.ranking import best_of, shipped_ranker, shipped_steering
from course_utils.models.team import Team
from course_utils.models.training import run_training, train
from course_utils.places import CHECKPOINTS, CONFIGS
