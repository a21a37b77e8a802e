from __future__ import annotations

from pathlib import Path

import pytest

from training.gallery import gallery
from training.pack_header import PackHeader

_DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("header", [header for _, header in gallery()], ids=lambda header: header.name)
def test_the_gallery_page_shows_every_pack_with_its_own_numbers(header: PackHeader) -> None:
    assert (_DOCS / "gallery" / f"{header.name}.jpg").is_file()
    _, _, section = (_DOCS / "gallery.md").read_text().partition(f"\n## {header.name}\n")
    section, _, _ = section.partition("\n## ")
    assert f"(gallery/{header.name}.jpg)" in section
    losses = header.losses
    assert losses is not None
    for curve in (losses.content, losses.style, *losses.style_at.values()):
        assert f"{curve[0]:.3f}" in section
        assert f"{curve[-1]:.3f}" in section
    for part, run in header.training.items():
        assert f"{part} {run['iterations']} steps" in " ".join(section.split())
