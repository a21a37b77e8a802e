"""A training run of a palette with a palette for a teacher: from a recipe to a smaller palette of the same styles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from stylefader.training.errors import TrainingError
from stylefader.training.evaluation.palette_targets import paintings_of, style_targets
from stylefader.training.evaluation.previews import preview_photo, preview_row, write_rows
from stylefader.training.loop.measuring import with_measured_styles
from stylefader.training.loop.palette_start import begin_with
from stylefader.training.loop.palette_student_trainer import PaletteStudentTrainer, palette_of
from stylefader.training.loop.recipe import Part, Recipe
from stylefader.training.loop.student_run import StudentRun
from stylefader.training.networks.dynamic_net import DynamicNet, NetworkKind
from stylefader.training.networks.palette import Palette, baked
from stylefader.training.packs.pack import StylePack, make_pack, save_pack
from stylefader.training.packs.pack_header import PackHeader
from stylefader.training.settings import StudentSettings


class PaletteStudentRun(StudentRun):
    """Trains the one part of a recipe whose teacher is a palette; used as `Run` is."""

    net: Palette
    starts_from_palettes = True

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

    def _begins_with(self, part: Part, pack: StylePack) -> bool:
        return True

    def _trainer_of(self, part: Part, **options: Any) -> PaletteStudentTrainer:
        assert isinstance(part.settings, StudentSettings)
        return PaletteStudentTrainer(self.net, part.settings, teacher=self.teacher, **options)

    def write_preview(self) -> None:
        """A photograph in each style, by the student and below it by the teacher, along alpha."""
        photos, teacher = self._previewed, palette_of(self.teacher)
        assert photos is not None
        rows = []
        for number, name in enumerate(self._names):
            photo = preview_photo(photos, number)
            for who, palette in ((name, self.net), ("its teacher", teacher)):
                rows.append(preview_row(baked(palette.net, palette.styles[number]), photo, who))
        write_rows(self.recipe.preview, rows)

    def finish(self, *, report: Callable[[int], None] = lambda done: None) -> StylePack:
        """As `Run`; each style whose painting is given is measured, on `measured` of the held-out photographs."""
        palette: Palette = self._nets["student"]
        pack = make_pack(self._header(), palette.net, self.recipe.output, styles=palette.styles)
        if self.measures:
            net, compute = pack.network(), self.trainer.compute
            targets = style_targets(
                self.teacher.header, self._paintings, self.recipe.loss_network, compute=compute
            )  # fmt: skip
            pack = with_measured_styles(
                pack, targets, lambda row: baked(net, row), self.recipe, compute=compute, report=report
            )
        save_pack(pack)
        return pack

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
