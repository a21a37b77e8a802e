"""A training run of AdaIN: from a recipe with paintings to a pack with the network and a vector for each of them."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stylefader.training.data.photographs import PhotoFolder, read_picture, resize_short_side, to_rgb01
from stylefader.training.errors import TrainingError
from stylefader.training.evaluation.held_out import measure_losses, stylize
from stylefader.training.evaluation.strip import encode_picture, stack, strip
from stylefader.training.files import written_whole
from stylefader.training.loop.adain_trainer import AdainTrainer
from stylefader.training.loop.recipe import Part, Recipe
from stylefader.training.loop.run import MEASURED_SIDE, MEASURED_STEPS, Run, words_of
from stylefader.training.loop.trainer import style_target
from stylefader.training.networks.adain import STYLE_LAYERS, AdainEncoder, AdainNet, OneStyle, style_of
from stylefader.training.networks.adain_layout import ADAIN, WIDTH
from stylefader.training.networks.architectures import JOHNSON, ArchitectureName
from stylefader.training.networks.colours import normalise
from stylefader.training.packs.families.adain import adain_block
from stylefader.training.packs.header_reading import with_inputs
from stylefader.training.packs.pack import StylePack, make_pack, save_pack
from stylefader.training.packs.pack_header import STYLES, AlphaHeader, PackHeader, StyleHeader

_PREVIEW_SIDE, _PREVIEW_ALPHAS, _PREVIEW_STYLES = 160, (0.0, 0.5, 1.0), 8
_MEANING = {"0": "the photograph as the decoder makes it", "1": "with the statistics of the style"}


class AdainRun(Run):
    """Trains the one part of a recipe for AdaIN, `decoder`; used as `Run` is."""

    net: AdainNet
    trainer: AdainTrainer

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
        """Photographs in the first few of the styles, at alpha 0, a half and 1."""
        photos = self._previewed
        assert photos is not None
        rows = []
        for number, name in enumerate(list(self.recipe.palette)[:_PREVIEW_STYLES]):
            photo = resize_short_side(photos.photo(number % len(photos)), _PREVIEW_SIDE)
            photo = photo[: photo.shape[0] // 4 * 4, : photo.shape[1] // 4 * 4]
            one = OneStyle(self.net, self._vectors[number].to(self.device))
            pictures = [stylize(one, photo, torch.full((1,), alpha)) for alpha in _PREVIEW_ALPHAS]
            rows.append(strip([photo, *pictures], [name, *(f"alpha {alpha:g}" for alpha in _PREVIEW_ALPHAS)]))
        with written_whole(self.recipe.preview) as file:
            file.write(encode_picture(stack(rows), ".png"))

    def finish(self, *, report: Any = lambda done: None) -> StylePack:
        """As `Run`; each style is measured as those of a palette are, on `measured` of the held-out photographs."""
        pack = make_pack(self._header(), self._nets["decoder"], self.recipe.output, styles=self._vectors)
        if self.measures:
            pack = replace(pack, header=replace(pack.header, styles=self._measured(pack, report)))
        save_pack(pack)
        return pack

    def _measured(self, pack: StylePack, report: Any) -> tuple[StyleHeader, ...]:
        assert self.recipe.held_out is not None
        held_out, settings = PhotoFolder(self.recipe.held_out, split="val"), self.part.settings
        photos = held_out.centre_crops(min(self.recipe.measured, len(held_out)), MEASURED_SIDE)
        alphas = [float(alpha) for alpha in np.linspace(0, 1, MEASURED_STEPS)]
        measured = []
        for style, row in zip(pack.header.styles, pack.tensors[STYLES].float(), strict=True):
            picture = self.recipe.palette[style.name].picture
            target = style_target(self.trainer.loss_network, picture, settings)
            one = OneStyle(pack.network(), row)
            curve = measure_losses(
                one, {"1": target}, photos, alphas, compute=self.trainer.compute, report=report
            )  # fmt: skip
            measured.append(replace(style, losses=curve))
        return tuple(measured)

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
