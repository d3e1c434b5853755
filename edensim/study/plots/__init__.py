"""Figures of results; the only place that imports matplotlib. Pictures are drawn on `Figure` objects, never pyplot."""
