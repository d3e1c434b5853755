"""Settings of Sphinx: `sphinx-build -W docs docs/_build` (extra `docs`).

Reference pages are written anew from the package at each build.
"""

from __future__ import annotations

import sys
from pathlib import Path

from edensim.version import __version__

sys.path.insert(0, str(Path(__file__).parent))
import reference_pages

project = "edensim"
author = "the edensim authors"
project_copyright = "the edensim authors"
release = version = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"edensim {__version__}"
nitpicky = False
autodoc_typehints = "none"
autodoc_mock_imports = ["torch", "sklearn"]
default_role = "code"


def setup(app: object) -> None:
    """Write the generated pages before Sphinx looks for sources."""
    reference_pages.write(Path(__file__).parent / "reference")
