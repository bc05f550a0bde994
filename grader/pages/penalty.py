"""Tells a late penalty on a feedback page that is made already.

The page is made by a worker, the penalty is known when the gradebook is written.
"""

from __future__ import annotations

LATE = "<!--late-->"  # where `feedback.html.j2` leaves room


def add_penalty(page: str, penalty: float) -> str:
    """Put the points taken into the page's line of points."""
    text = f" · handed in late: −{round(penalty, 2):g} points" if penalty else ""
    return page.replace(LATE, text, 1)
