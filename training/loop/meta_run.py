"""A run of meta-training: to a palette whose first style is the vector that adapting begins with.

The other styles are those of the paintings that it was trained on, after one step each.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from stylefader.training.errors import TrainingError
from stylefader.training.loop.meta_trainer import START, MetaTrainer
from stylefader.training.loop.palette_run import PaletteRun
from stylefader.training.loop.palette_start import begin_with
from stylefader.training.loop.recipe import META, Part, Recipe
from stylefader.training.networks.palette import Palette
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_header import PackHeader, StyleHeader
from stylefader.training.settings import MetaSettings


class MetaRun(PaletteRun):
    """Trains the one part of a recipe with `[meta]`; used as `Run` is."""

    trainer: MetaTrainer

    def __init__(self, recipe: Recipe, **options: Any) -> None:
        if START in recipe.palette:
            raise TrainingError(
                f"the style {START} is the vector that adapting begins with: name the painting's otherwise"
            )
        super().__init__(recipe, **options)

    @property
    def _names(self) -> tuple[str, ...]:
        return (START, *self.recipe.palette)

    @property
    def _first(self) -> int:
        return 1

    def _net_of(self, part: Part) -> tuple[Palette, dict[str, str]]:
        return Palette(self._new_net(), len(self._names)), {}

    def _begin_with(self, pack: StylePack, part: Part) -> None:
        begin_with(self.net, pack, self._names)

    def _trainer_of(self, part: Part, **options: Any) -> MetaTrainer:
        assert isinstance(part.settings, MetaSettings)
        paintings = [style.picture for style in self.recipe.palette.values()]
        return MetaTrainer(self.net, part.settings, paintings=paintings, **options)

    def _rows_to_look_at(self) -> list[tuple[str, Tensor]]:
        return [(name, self.trainer.adapted(number)) for number, name in enumerate(self.recipe.palette)]

    def _trained(self) -> Palette:
        """The network with the shared vector, and each painting's after one step."""
        palette: Palette = self._nets[META]
        rows = [self.trainer.adapted(number) for number in range(len(self.recipe.palette))]
        with torch.no_grad():
            palette.cpu().styles[1:] = torch.stack(rows)
        return palette

    def _check_kept(self, pack: StylePack) -> None:
        """Nothing: all of it has learnt."""

    def _ends(self) -> dict[str, MetaSettings]:
        """Settings as a palette's two parts would have them."""
        settings = self.recipe.parts[0].settings
        assert isinstance(settings, MetaSettings)
        light = replace(settings, style_weight=settings.light_style_weight, smoothness=settings.light_smoothness)
        return {"main": light, "blocks": settings}

    def _meaning(self) -> dict[str, str]:
        ends = self._ends()
        return {
            "0": f"lightly stylized (style weight {ends['main'].style_weight})",
            "1": f"strongly stylized (style weight {ends['blocks'].style_weight})",
        }

    def _header(self) -> PackHeader:
        header = super()._header()
        facts = self._record.get(META)
        if facts is not None:
            parts = {
                name: {**facts, "style_weight": settings.style_weight, "smoothness": settings.smoothness}
                for name, settings in self._ends().items()
            }
            header = replace(header, training={**header.training, **parts})
        start = StyleHeader(name=START, painting={"title": "Start"})
        return replace(header, styles=(start, *header.styles))
