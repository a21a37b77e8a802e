from __future__ import annotations

import pytest

from stylefader.tools.gallery_page import page, written
from stylefader.training.packs.library import gallery
from stylefader.training.packs.pack_header import PackHeader
from tests.paths import DOCS as _DOCS


@pytest.mark.parametrize(
    "header", [header for _, header in gallery() if not header.styles], ids=lambda header: header.name
)
def test_the_gallery_page_shows_every_pack_with_its_own_numbers(header: PackHeader) -> None:
    for file in (f"{header.name}.jpg", f"large_{header.name}.jpg"):
        assert (_DOCS / "gallery" / file).is_file()
    _, _, section = (_DOCS / "gallery.md").read_text().partition(f"\n## {header.name}\n")
    section, _, _ = section.partition("\n## ")
    assert section.index(f"(gallery/large_{header.name}.jpg)") < section.index(f"(gallery/{header.name}.jpg)")
    losses = header.losses
    assert losses is not None
    for curve in (losses.content, losses.style, *losses.style_at.values()):
        assert f"{curve[0]:.3f}" in section
        assert f"{curve[-1]:.3f}" in section
    for part, run in header.training.items():
        before = run.get("started_from")
        after = f" after {before['iterations']} of {before['name']}" if before else ""
        assert f"{part} {run['iterations']} steps{after} at" in " ".join(section.split())


def test_the_page_is_what_packs_and_words_make() -> None:
    assert (_DOCS / "gallery.md").read_text() == written(), "make gallery writes it"


def test_every_pack_carries_a_curve_of_nine_alphas() -> None:
    for _, header in gallery():
        for losses in [style.losses for style in header.styles] or [header.losses]:
            assert losses is not None
            assert len(losses.alpha) >= (9 if header.blocks else 1), header.name
            assert losses.photographs >= (30 if header.styles else 100)


def test_a_pack_without_words_is_missed_and_words_without_a_pack() -> None:
    header = gallery()[0][1]
    words = {
        "before": "",
        "after": "",
        "styles": {header.name: {"recipe": "`level`", "photo": "cat.png", "large": "cat.png"}},
    }
    assert f"## {header.name}" in page([header], words)
    with pytest.raises(ValueError, match=f"words without a pack: {header.name}"):
        page([], words)
    words["styles"] = {}
    with pytest.raises(ValueError, match=f"a pack without words.*{header.name}"):
        page([header], words)
