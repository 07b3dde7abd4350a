"""A figure that a notebook shows. This module imports matplotlib: import it only where something is drawn."""

from __future__ import annotations

import io
from typing import Final

from matplotlib.figure import Figure

#: Dots per inch on a page.
DPI: Final = 100


class Picture(Figure):
    """A ``Figure`` made without pyplot, which IPython would otherwise print as text."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=DPI)
        return buffer.getvalue()
