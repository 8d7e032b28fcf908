"""Everything that is drawn for people: grids, curves, histograms, boxes on photos, GIFs.

Images are (N, 3, H, W) in [-1, 1]. Figures show themselves in a notebook; ``save`` writes them.
"""

from deid.figures.canvas import NotebookFigure, gif, pixels, save
from deid.figures.charts import bars, curves, frontier, histogram, intervals
from deid.figures.pages import stored
from deid.figures.pictures import before_after, boxes, counted, grid, mosaic, rows, side_by_side

__all__ = [
    "NotebookFigure",
    "bars",
    "before_after",
    "boxes",
    "counted",
    "curves",
    "frontier",
    "gif",
    "grid",
    "histogram",
    "intervals",
    "mosaic",
    "pixels",
    "rows",
    "save",
    "side_by_side",
    "stored",
]
