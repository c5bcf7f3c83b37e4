"""The colours of the house: content green, style orange, result blue; in every figure and in the studio."""

from __future__ import annotations

COLORS = {"content": "#2a9147", "style": "#e07b00", "result": "#1f6fbf", "tv": "#8a5aa8", "total": "#444444"}
