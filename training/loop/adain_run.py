"""A training run of AdaIN: from a recipe with paintings to a pack with the network and a vector for each of them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from stylefader.training.data.photographs import read_picture, resize_short_side, to_rgb01
from stylefader.training.errors import TrainingError
from stylefader.training.evaluation.previews import preview_photo, preview_row, write_rows
from stylefader.training.loop.adain_trainer import AdainTrainer
from stylefader.training.loop.measuring import with_measured_styles
from stylefader.training.loop.recipe import Part, Recipe
from stylefader.training.loop.run import Run, words_of
from stylefader.training.loop.trainer import style_target
from stylefader.training.networks.adain import STYLE_LAYERS, AdainEncoder, AdainNet, OneStyle, style_of
from stylefader.training.networks.adain_layout import ADAIN, WIDTH
from stylefader.training.networks.architectures import JOHNSON, ArchitectureName
from stylefader.training.networks.colours import normalise
from stylefader.training.packs.families.adain import adain_block
from stylefader.training.packs.header_reading import with_inputs
from stylefader.training.packs.pack import StylePack, make_pack, save_pack
from stylefader.training.packs.pack_header import STYLES, AlphaHeader, PackHeader, StyleHeader

_PREVIEWED = 8
_MEANING = {"0": "the photograph as the decoder makes it", "1": "with the statistics of the style"}


class AdainRun(Run):
    """Trains the one part of a recipe for AdaIN, `decoder`; used as `Run` is."""

    net: AdainNet
    trainer: AdainTrainer
    starts_from_palettes = True

    def __init__(self, recipe: Recipe, **options: Any) -> None:
        super().__init__(recipe, **options)
        if self._start is not None and self._start.header.kind != ADAIN:
            raise TrainingError(f"AdaIN starts from a pack of its own kind, not of {self._start.header.kind}")

    @property
    def width(self) -> int:
        """Channels at full size; there is one size of network."""
        return WIDTH

    @property
    def architecture(self) -> ArchitectureName:
        """What headers have where nothing else is said."""
        return JOHNSON.name

    @property
    def places(self) -> tuple[str, ...]:
        """Where alpha works."""
        return (ADAIN,)

    def _net_of(self, part: Part) -> tuple[AdainNet, dict[str, str]]:
        return AdainNet(), {}

    def _weights_for(self, part: str, pack: StylePack) -> dict[str, Tensor]:
        return {name: tensor.float() for name, tensor in pack.tensors.items() if name != STYLES}

    def _trainer_of(self, part: Part, **options: Any) -> AdainTrainer:
        paintings = [style.picture for style in self.recipe.palette.values()]
        return AdainTrainer(self.net, part.settings, paintings=paintings, **options)

    @cached_property
    def _vectors(self) -> Tensor:
        """The style vectors of all paintings, float32 (number of styles, 512), by the encoder that a pack holds."""
        side = self.part.settings.style_size
        encoder = AdainEncoder()
        encoder.load_state_dict({name: tensor.cpu() for name, tensor in self.net.encoder.state_dict().items()})
        pictures = (resize_short_side(read_picture(style.picture), side) for style in self.recipe.palette.values())
        return torch.cat([style_of(encoder, normalise(to_rgb01(picture))) for picture in pictures])

    def write_preview(self) -> None:
        """Photographs in the first few of the styles, along alpha."""
        photos = self._previewed
        assert photos is not None
        rows = [
            preview_row(OneStyle(self.net, vector.to(self.device)), preview_photo(photos, number), name)
            for number, (name, vector) in enumerate(
                zip(list(self.recipe.palette)[:_PREVIEWED], self._vectors, strict=False)
            )
        ]
        write_rows(self.recipe.preview, rows)

    def finish(self, *, report: Any = lambda done: None) -> StylePack:
        """As `Run`; each style is measured as those of a palette are, on `measured` of the held-out photographs."""
        pack = make_pack(self._header(), self._nets["decoder"], self.recipe.output, styles=self._vectors)
        if self.measures:
            net, trainer, settings = pack.network(), self.trainer, self.part.settings
            targets = {
                name: style_target(trainer.loss_network, style.picture, settings)
                for name, style in self.recipe.palette.items()
            }
            pack = with_measured_styles(
                pack, targets, lambda row: OneStyle(net, row), self.recipe, compute=trainer.compute, report=report
            )
        save_pack(pack)
        return pack

    def _facts(self) -> dict[str, Any]:
        """What the decoder was trained with; content and style layers are those that the pack is measured by."""
        trained_by = {"encoder_layers": list(STYLE_LAYERS), "paintings": len(self.recipe.palette)}
        return {**trained_by, **self._facts_of_any()}

    def _header(self) -> PackHeader:
        recipe = self.recipe
        made = PackHeader(
            name=recipe.output.stem,
            title=recipe.title,
            objective=ADAIN,
            kind=ADAIN,
            width=WIDTH,
            blocks=(adain_block(),),
            alpha=AlphaHeader(meaning=_MEANING, low=recipe.low, high=recipe.high, default=recipe.default),
            style={"title": recipe.title},
            licence=recipe.licence,
            training=dict(self._record),
            styles=tuple(StyleHeader(name=name, painting=words_of(one)) for name, one in recipe.palette.items()),
            family=recipe.family,
        )
        return with_inputs(made)
