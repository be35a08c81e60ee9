"""Heights of widgets that fit their contents, for any font and scaling of the application."""

from __future__ import annotations

from typing import Any

_MOST_ROWS = 20


def fitHeight(table: Any) -> None:
    """Make a table as high as its rows, up to a limit, to avoid scrolling within the scrolling panel."""
    rows = sum(table.rowHeight(row) for row in range(min(table.rowCount, _MOST_ROWS)))
    header = table.horizontalHeader().sizeHint.height()
    scroll = table.horizontalScrollBar().sizeHint.height()
    table.setFixedHeight(rows + header + scroll + 2 * table.frameWidth)


def fitListHeight(items: Any) -> None:
    """Make a list as high as its rows, plus the horizontal scroll bar of a narrow list."""
    scroll = items.horizontalScrollBar().sizeHint.height()
    items.setFixedHeight(max(1, items.count) * items.sizeHintForRow(0) + scroll + 2 * items.frameWidth)
