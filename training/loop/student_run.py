"""A training run with a teacher: from a recipe to a style pack whose network learnt from another pack's pictures.

What people should know of the style (title, artist, licence) and what alpha means is taken over from the teacher. The
pack keeps what the teacher was trained with, so that it can be measured in the teacher's own units.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from stylefader.training.errors import TrainingError
from stylefader.training.evaluation.objectives import Objectives
from stylefader.training.loop.log import LOSSES
from stylefader.training.loop.recipe import Part, Recipe
from stylefader.training.loop.run import Run
from stylefader.training.loop.student_trainer import StudentTrainer
from stylefader.training.losses.perceptual import StyleTarget
from stylefader.training.networks.dynamic_net import DynamicNet, NetworkKind
from stylefader.training.packs.header_reading import with_inputs
from stylefader.training.packs.library import find_pack
from stylefader.training.packs.pack import StylePack, load_pack
from stylefader.training.packs.pack_family import family_name
from stylefader.training.packs.pack_header import PackHeader
from stylefader.training.settings import StudentSettings


class StudentRun(Run):
    """Trains the one part of a recipe with a teacher; used as `Run` is."""

    losses = (*LOSSES, "pixel")

    def __init__(self, recipe: Recipe, **options: Any) -> None:
        assert recipe.teacher is not None
        self.teacher = load_pack(find_pack(str(recipe.teacher)))
        super().__init__(recipe, **options)
        if self._start is not None:
            self._check_start(self._start.header)

    def _check_start(self, header: PackHeader) -> None:
        """Raise TrainingError where a student cannot begin with the pack of this header."""
        teacher = self.teacher.header
        if (header.places, header.kind) != (self.places, teacher.kind):
            raise TrainingError(f"start_from must have the blocks that {teacher.name} has: {header.name} has others")

    @property
    def measures(self) -> bool:
        """Whether the finished pack is measured: where there are photographs for it, and the teacher's paintings."""
        return self.recipe.held_out is not None and bool(self.recipe.paintings)

    @property
    def places(self) -> tuple[str, ...]:
        """Stages behind which the tuning-blocks stand: those of the teacher's."""
        return self.teacher.header.places

    def _new_net(self, *, blocks: bool = True, kind: NetworkKind | None = None) -> DynamicNet:
        its_kind: NetworkKind = "dual" if self.teacher.header.kind == "dual" else "single"
        return super()._new_net(blocks=blocks, kind=kind or its_kind)

    def _net_of(self, part: Part) -> tuple[Any, dict[str, str]]:
        return self._new_net(), {}

    def _trainer_of(self, part: Part, **options: Any) -> StudentTrainer:
        assert isinstance(part.settings, StudentSettings)
        return StudentTrainer(self.net, part.settings, teacher=self.teacher, **options)

    def _weights_for(self, part: str, pack: StylePack) -> dict[str, Tensor]:
        return {name: tensor.float() for name, tensor in pack.tensors.items()}

    def _previews(self) -> dict[str, DynamicNet]:
        teacher: DynamicNet = self.teacher.network()
        return {", student": self.net, ", teacher": teacher}

    def _check_main(self, pack: StylePack) -> None:
        """Nothing: the main network is no part of its own."""

    def _together(self) -> DynamicNet:
        return self._nets["student"]

    def _targets(self) -> dict[str, StyleTarget]:
        """What the teacher was trained for, in its units."""
        compute = self.trainer.compute
        header, loss_network = self.teacher.header, self.recipe.loss_network
        return Objectives(header, self.recipe.paintings, loss_network, compute=compute).targets

    def _facts(self) -> dict[str, Any]:
        header = self.teacher.header
        facts = self._facts_of_any()
        del facts["style_size"]
        teacher = {
            "name": header.name, "weights_sha256": self.teacher.weights_hash(), "architecture": header.architecture,
            "width": header.width,
        }  # fmt: skip
        return {"teacher": teacher, **facts}

    def _header(self) -> PackHeader:
        recipe, header = self.recipe, self.teacher.header
        of_the_teacher = {name: {**run, "taken_from": header.name} for name, run in header.training.items()}
        made = PackHeader(
            name=recipe.output.stem,
            title=recipe.title,
            objective=header.objective,
            kind=header.kind,
            architecture=self.architecture,
            width=self.width,
            blocks=self._block_headers({block.place: block.label for block in header.blocks}),
            alpha=header.alpha,
            style=header.style,
            licence=recipe.licence,
            training={**of_the_teacher, **self._record},
            family=recipe.family or family_name(header),
        )
        return with_inputs(made)
