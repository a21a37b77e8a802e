"""Where the tests find the repository."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The repository's own folder."""
DOCS = ROOT / "docs"
