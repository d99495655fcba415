"""Settings of the site; `docs/build_site.py` lays the pages out and calls Sphinx with this file."""

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

extensions = ["myst_nb", "sphinx.ext.mathjax"]
nb_execution_mode = "off"  # the notebooks carry their outputs: a site shows what a run has shown
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
suppress_warnings = ["toc.not_included"]  # pages that others link to: cards, attributions
mathjax_path = "mathjax/tex-chtml.js"  # beside the pages, not from another host

html_theme = "sphinx_book_theme"
html_favicon = "static/icon.svg"
html_context = {"default_mode": "auto"}
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = [("figures.js", {"defer": "defer"})]
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
