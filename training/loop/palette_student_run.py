"""A training run of a palette with a palette for a teacher: from a recipe to a smaller palette of the same styles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from stylefader.training.data.photographs import PhotoFolder, resize_short_side
from stylefader.training.errors import TrainingError
from stylefader.training.evaluation.held_out import measure_losses, stylize
from stylefader.training.evaluation.palette_targets import paintings_of, style_targets
from stylefader.training.evaluation.strip import encode_picture, stack, strip
from stylefader.training.files import written_whole
from stylefader.training.loop.palette_start import begin_with
from stylefader.training.loop.palette_student_trainer import PaletteStudentTrainer, palette_of
from stylefader.training.loop.recipe import Part, Recipe
from stylefader.training.loop.run import MEASURED_SIDE, MEASURED_STEPS
from stylefader.training.loop.student_run import StudentRun
from stylefader.training.networks.dynamic_net import DynamicNet, NetworkKind
from stylefader.training.networks.palette import Palette, baked
from stylefader.training.packs.pack import StylePack, make_pack, save_pack
from stylefader.training.packs.pack_header import STYLES, PackHeader, StyleHeader
from stylefader.training.settings import StudentSettings

_PREVIEW_SIDE, _PREVIEW_ALPHAS = 160, (0.0, 0.5, 1.0)


class PaletteStudentRun(StudentRun):
    """Trains the one part of a recipe whose teacher is a palette; used as `Run` is."""

    net: Palette

    def __init__(self, recipe: Recipe, **options: Any) -> None:
        super().__init__(recipe, **options)
        self._paintings = paintings_of(self.teacher.header, recipe.paintings)

    def _check_start(self, header: PackHeader) -> None:
        if header.kind not in ("single", "palette"):
            raise TrainingError(f"a palette starts from a palette or a pack of one style, not of {header.kind}")
        if header.places != self.places:
            raise TrainingError(
                f"start_from must have the blocks that {self.teacher.header.name} has: {header.name} has others"
            )

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(style.name for style in self.teacher.header.styles)

    def _new_net(self, *, blocks: bool = True, kind: NetworkKind | None = None) -> DynamicNet:
        return super()._new_net(blocks=blocks, kind=kind or "palette")

    def _net_of(self, part: Part) -> tuple[Palette, dict[str, str]]:
        return Palette(self._new_net(), len(self._names)), {}

    def _begin_with(self, pack: StylePack, part: Part) -> None:
        begin_with(self.net, pack, self._names)

    def started_from(self, part: Part) -> dict[str, Any] | None:
        """The pack that the weights come from, if any, and the steps that it had had."""
        start = self._start
        if start is None:
            return None
        had = start.header.training.get(part.name, {}).get("iterations", 0)
        return {"name": start.header.name, "weights_sha256": start.weights_hash(), "iterations": had}

    def _trainer_of(self, part: Part, **options: Any) -> PaletteStudentTrainer:
        assert isinstance(part.settings, StudentSettings)
        return PaletteStudentTrainer(self.net, part.settings, teacher=self.teacher, **options)

    def write_preview(self) -> None:
        """A photograph in each style, by the student and below it by the teacher, at alpha 0, a half and 1."""
        photos, teacher = self._previewed, palette_of(self.teacher)
        assert photos is not None
        alphas = _PREVIEW_ALPHAS
        rows = []
        for number, name in enumerate(self._names):
            photo = resize_short_side(photos.photo(number % len(photos)), _PREVIEW_SIDE)
            photo = photo[: photo.shape[0] // 4 * 4, : photo.shape[1] // 4 * 4]
            for who, palette in (("student", self.net), ("teacher", teacher)):
                one = baked(palette.net, palette.styles[number])
                pictures = [stylize(one, photo, torch.full((one.n_blocks,), alpha)) for alpha in alphas]
                rows.append(
                    strip(
                        [photo, *pictures],
                        [name if who == "student" else "its teacher", *(f"alpha {alpha:g}" for alpha in alphas)],
                    )
                )
        with written_whole(self.recipe.preview) as file:
            file.write(encode_picture(stack(rows), ".png"))

    def finish(self, *, report: Callable[[int], None] = lambda done: None) -> StylePack:
        """As `Run`; each style whose painting is given is measured, on `measured` of the held-out photographs."""
        palette: Palette = self._nets["student"]
        pack = make_pack(self._header(), palette.net, self.recipe.output, styles=palette.styles)
        if self.measures:
            pack = replace(pack, header=replace(pack.header, styles=self._measured(pack, report)))
        save_pack(pack)
        return pack

    def _measured(self, pack: StylePack, report: Callable[[int], None]) -> tuple[StyleHeader, ...]:
        recipe, compute = self.recipe, self.trainer.compute
        assert recipe.held_out is not None
        held_out = PhotoFolder(recipe.held_out, split="val")
        photos = held_out.centre_crops(min(recipe.measured, len(held_out)), MEASURED_SIDE)
        targets = style_targets(self.teacher.header, self._paintings, recipe.loss_network, compute=compute)
        alphas = [float(a) for a in np.linspace(recipe.low, recipe.high, MEASURED_STEPS)]
        net, rows, styles = pack.network(), pack.tensors[STYLES].float(), []
        for style, row in zip(pack.header.styles, rows, strict=True):
            if style.name in targets:
                curve = measure_losses(
                    baked(net, row), {"1": targets[style.name]}, photos, alphas, compute=compute, report=report
                )
                style = replace(style, losses=curve)
            styles.append(style)
        return tuple(styles)

    def _facts(self) -> dict[str, Any]:
        return {**super()._facts(), "paintings": len(self._names)}

    def _header(self) -> PackHeader:
        name = self.teacher.header.name
        styles = tuple(
            replace(style, losses=None, training={part: {**run, "taken_from": name}
                                                  for part, run in style.training.items()})
            for style in self.teacher.header.styles
        )  # fmt: skip
        return replace(super()._header(), styles=styles)
