"""Settings of the site; `docs/build_site.py` lays the pages out and calls Sphinx with this file."""

import re
import tomllib
from pathlib import Path

REPOSITORY = tomllib.loads((Path(__file__).parent / "pyproject.toml").read_text())["project"][
    "urls"
]["Homepage"]

project = "Noise to Shape"
author = "the Noise to Shape developers"
html_title = project
language = "en"
root_doc = "index"
exclude_patterns = ["files/*"]

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.napoleon"]
nb_execution_mode = "off"  # the notebooks carry their outputs: a site shows what a run has shown
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
suppress_warnings = [
    "toc.not_included",  # pages that others link to: cards, attributions
    "ref.python",  # a class name that two modules have
]
mathjax_path = "mathjax/tex-chtml.js"  # beside the pages, not from another host

add_module_names = False
autodoc_inherit_docstrings = False  # torch has said what forward is
autodoc_member_order = "bysource"
# no autodoc_preserve_defaults: it changes the signatures of functions, which configs are checked by
default_role = "py:obj"  # `State` in a docstring is a link where it can be one, else code
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # attributes as a list
python_maximum_signature_line_length = 88  # a longer signature has one argument per line
python_use_unqualified_type_names = True

html_theme = "sphinx_book_theme"
html_favicon = "static/icon.svg"
html_context = {"default_mode": "auto"}
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = [(name, {"defer": "defer"}) for name in ("figures.js", "no_modules.js")]
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "repository_url": REPOSITORY,
    "repository_branch": "main",
    "use_repository_button": True,
    "use_issues_button": True,
    "use_download_button": False,  # each lesson's head has a link to the notebook itself
    "show_toc_level": 2,
    "home_page_in_toc": True,
}


def as_plain_text(app, what, name, obj, options, lines: list[str]) -> None:
    """Escape the markup of reStructuredText outside `backticks`: docstrings are plain text."""
    text = "\n\n".join(map(without_hanging_indent, "\n".join(lines).split("\n\n")))
    parts = re.split(r"(`[^`]+`)", text)
    parts[::2] = [re.sub(r"([*|_\\])", r"\\\1", part) for part in parts[::2]]
    lines[:] = "".join(parts).split("\n")


def without_hanging_indent(paragraph: str) -> str:
    """Align the lines of a paragraph, unless it is indented, a list or a section (`Args:`)."""
    if re.match(r"\s|- |\w+:\n", paragraph):
        return paragraph
    return "\n".join(line.strip() for line in paragraph.split("\n"))


def is_foreign(app, what, name, obj, skip, options) -> bool | None:
    """Skip what a class got from elsewhere: a figure's methods, "Alias for field number 0"."""
    home = getattr(obj, "__module__", None) or type(obj).__module__
    return None if home.startswith(("course_utils", "builtins", "functools")) else True


def setup(app) -> None:
    app.connect("autodoc-process-docstring", as_plain_text, priority=400)  # before napoleon
    app.connect("autodoc-skip-member", is_foreign)
