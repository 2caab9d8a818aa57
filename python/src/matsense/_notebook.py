"""Reports in notebooks."""

from __future__ import annotations

import html
from pathlib import Path


def frame_of(report: Path, otherwise: str) -> str:
    """Return a report as a frame of a notebook, apart from the notebook's own page.

    If there is no report yet, the text is shown in its place.
    """
    if not report.exists():
        return f"<pre>{html.escape(otherwise)}</pre>"
    page = html.escape(report.read_text(encoding="utf-8"))
    return (
        '<iframe sandbox="allow-scripts allow-downloads" title="report" '
        'style="width: 100%; height: 720px; border: 1px solid #8884; resize: vertical" '
        f'srcdoc="{page}"></iframe>'
    )
