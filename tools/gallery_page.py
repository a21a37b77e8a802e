"""`make gallery`: docs/gallery.md, from what the packs say of themselves and the words in docs/gallery/words.toml."""

from __future__ import annotations

import textwrap
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stylefader.training.packs.library import gallery
from stylefader.training.packs.pack_header import PackHeader

DOCS = Path(__file__).parents[1] / "docs"
_BLOCKS = {0: "no tuning-blocks", 1: "one tuning-block", 3: "three tuning-blocks"}
_MOST_ALPHAS = 5


def page(headers: Sequence[PackHeader], words: Mapping[str, Any]) -> str:
    """The page as Markdown. Raises ValueError where packs and words do not go together."""
    strangers = words["styles"].keys() ^ {header.name for header in headers}
    if strangers:
        raise ValueError(f"a pack without words in words.toml, or words without a pack: {', '.join(sorted(strangers))}")
    sections = [_section(header, words["styles"][header.name]) for header in headers]
    return "\n".join([words["before"], *sections, words["after"]])


def _section(header: PackHeader, words: Mapping[str, str]) -> str:
    ends = [f"{_painting(style)} (alpha {end})" for end, style in header.style.items() if isinstance(style, dict)]
    sides = ", both sides" if header.kind == "dual" else ""
    steps = (f"{part} {_steps(run)} at style weight {run['style_weight']:g}"
             for part, run in header.training.items())  # fmt: skip
    points = [
        f"{'; '.join(ends) or _painting(header.style)}; {header.network_words}, {_BLOCKS[len(header.blocks)]}{sides}; "
        f"alpha {header.alpha.low:g} to {header.alpha.high:g}.",
        f"Recipe {words['recipe']}.",
        f"Budget: {', '.join(steps)}.",
    ]
    large, photo = (Path(words[name]).stem for name in ("large", "photo"))
    lines = [
        f"## {header.name}\n",
        f"![{header.title}: {large} at alpha {header.alpha.high:g}](gallery/large_{header.name}.jpg)\n",
        f"![{header.title}: {photo}, then along alpha](gallery/{header.name}.jpg)\n",
    ]
    lines += [_wrapped(point) for point in points]
    lines += ["", *_table(header), *(["", words["more"].rstrip()] if "more" in words else []), ""]
    return "\n".join(lines)


def _steps(run: Mapping[str, Any]) -> str:
    before = run.get("started_from")
    return f"{run['iterations']} steps" + (f" after {before['iterations']} of {before['name']}" if before else "")


def _painting(style: Mapping[str, Any]) -> str:
    return ", ".join(str(style[key]) for key in ("artist", "title", "year") if style.get(key))


def _wrapped(point: str) -> str:
    return textwrap.fill(
        point, 118, initial_indent="- ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def _table(header: PackHeader) -> list[str]:
    """Losses at no more than five alphas, those at the ends among them."""
    losses = header.losses
    if losses is None:
        return []
    step = max(1, (len(losses.alpha) - 1) // (_MOST_ALPHAS - 1))
    rows: dict[str, Sequence[float]] = {"content loss": losses.content}
    rows["style loss, look of alpha 1" if losses.style_at else "style loss"] = losses.style
    rows |= {f"style loss, look of alpha {end}": curve for end, curve in losses.style_at.items()}
    alphas = losses.alpha[::step]
    return [
        f"| alpha | {' | '.join(f'{alpha:g}' for alpha in alphas)} |",
        f"| --- |{' --- |' * len(alphas)}",
        *(f"| {name} | {' | '.join(f'{loss:.3f}' for loss in curve[::step])} |" for name, curve in rows.items()),
    ]


def written() -> str:
    """The page of the packs that come with stylefader; palettes have a page of their own."""
    words = tomllib.loads((DOCS / "gallery" / "words.toml").read_text(encoding="utf-8"))
    return page([header for _, header in gallery() if not header.styles], words)


if __name__ == "__main__":
    (DOCS / "gallery.md").write_text(written(), encoding="utf-8")
