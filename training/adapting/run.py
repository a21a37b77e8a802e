"""One painting, one palette: everything from the files to the finished pack, a step at a time."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from stylefader.training.adapting.adapter import Adapter
from stylefader.training.adapting.crops import Crops
from stylefader.training.adapting.material import look_of
from stylefader.training.adapting.result import of_one_style, style_header, with_style
from stylefader.training.adapting.start import GIVEN, known_vectors, nearest
from stylefader.training.compute import Compute
from stylefader.training.data.photographs import Picture
from stylefader.training.evaluation.previews import network_sized, preview_row
from stylefader.training.evaluation.strip import encode_picture
from stylefader.training.files import written_whole
from stylefader.training.losses.both_ends import EndLosses
from stylefader.training.networks.dynamic_net import DynamicNet
from stylefader.training.networks.palette import baked
from stylefader.training.packs.pack import StylePack
from stylefader.training.settings import AdaptSettings

_PREVIEW_SIDE = 256
PART = "adapted"
"""Under this name a pack says how a style was adapted."""


class AdaptRun:
    """Adapts a palette to a painting: call `step` until `finished`, then `pack`.

    start: the vector to begin with, float32 (d,); None begins with the nearest of the palette's. started_from: the
    style whose vector that was. Raises TrainingError for what does not fit, before any step.
    """

    def __init__(
        self,
        palette: StylePack,
        painting: Path,
        photos: Crops,
        *,
        loss_network: Path,
        settings: AdaptSettings,
        compute: Compute,
        start: Tensor | None = None,
    ) -> None:
        self.palette, self.painting, self.settings = palette, painting, settings
        look = look_of(palette.header, painting, loss_network, compute=compute)
        net: DynamicNet = palette.network()
        self.started_from = GIVEN
        if start is None:
            self.started_from, start = nearest(net, known_vectors(palette), look, photos, compute=compute)
        self.adapter = Adapter(net, start, look, photos, settings, compute=compute)
        self._photo = network_sized(photos.photo(0), _PREVIEW_SIDE)

    @property
    def finished(self) -> bool:
        """Whether all steps are done."""
        return self.adapter.finished

    def step(self) -> EndLosses:
        """One step more; see `Adapter.step`."""
        return self.adapter.step()

    def preview(self) -> Picture:
        """The photograph, then what it is in the style so far at alpha 0, a half and 1: a row, uint8 (H, W, 3) RGB."""
        net = self.adapter.net
        one = baked(net, self.adapter.vector.to(net.main.conv1.conv.weight.device))
        return preview_row(one, self._photo, f"after {self.adapter.iteration} steps")

    def write_preview(self, file: Path) -> None:
        """Write the preview as a PNG or JPEG file, whole or not at all. Raises OSError."""
        with written_whole(file) as whole:
            whole.write(encode_picture(self.preview(), file.suffix))

    def pack(self, file: Path, *, name: str, title: str = "") -> StylePack:
        """What was learnt so far, not yet written: the palette with one style more, or a pack of that style alone.

        Args:
            file: What the pack is for, and named after.
            name: Of the style.
            title: Of the style, for people; made of its name where it is empty.

        Raises:
            TrainingError: As `with_style`, and so PackError.
        """
        style = style_header(name, self.painting, title=title, training={PART: self._facts()})
        if self.settings.weights_rate is None:
            return with_style(self.palette, style, self.adapter.vector, file)
        return of_one_style(self.palette, self.adapter.net.eval(), style, self.adapter.vector, file)

    def _facts(self) -> dict[str, Any]:
        palette = self.palette
        return {
            **asdict(self.settings),
            "steps": self.adapter.iteration,
            "precision": self.adapter.compute.numbers,
            "started_from": {
                "name": palette.header.name,
                "weights_sha256": palette.weights_hash(),
                "style": self.started_from,
            },
        }
