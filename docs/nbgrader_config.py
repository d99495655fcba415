"""nbgrader's settings for a class: copy this beside the folder source/ (see docs/teaching.md)."""

import sys
from pathlib import Path

import course_utils

c = get_config()  # noqa: F821 (nbgrader provides it)
c.CourseDirectory.course_id = "noise-to-shape"
# the course's own: an empty answer returns None
c.ClearSolutions.code_stub = {"python": "...  # your code here"}
c.ExecutePreprocessor.timeout = 600  # seconds per cell
c.Apart.notebook_timeout = 1800  # seconds per notebook
# nbgrader's steps, but points come from a process that runs nothing of a student's: docs/grading.py
sys.path.append(str(Path(course_utils.__file__).parents[1] / "docs"))
c.Autograde.sanitize_preprocessors = [
    "grading.Restore",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.OverwriteCells",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.autograde_preprocessors = [
    "grading.Apart",
    "nbgrader.preprocessors.IgnorePattern",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
