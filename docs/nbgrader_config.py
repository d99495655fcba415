"""nbgrader's settings for a class: copy this beside the folder source/ (see docs/teaching.md)."""

c = get_config()  # noqa: F821 (nbgrader provides it)
c.CourseDirectory.course_id = "noise-to-shape"
# the course's own: an empty answer returns None
c.ClearSolutions.code_stub = {"python": "...  # your code here"}
# nbgrader's own; and what a notebook would import in the place of the teacher's modules
c.CourseDirectory.ignore = [
    *(".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback"),
    *("*.py", "*.so", "*.pyd"),
]
c.ExecutePreprocessor.timeout = 600  # seconds a cell
