"""How the documentation becomes a site: ``poe docs``."""

from importlib.metadata import version as version_of

project = "judge"
author = "the judge authors"
version = release = version_of("judge")

extensions = ["myst_parser"]
exclude_patterns = ["decisions/README.md"]
html_theme = "furo"
html_title = "judge"
# Nothing is loaded from elsewhere, and no page says when it was built.
html_last_updated_fmt = None
html_copy_source = False
html_show_sourcelink = False

myst_heading_anchors = 3
