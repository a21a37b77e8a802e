"""A training run of a prediction network: from a recipe with a finished palette to the same palette with one.

Network and style vectors of the palette stay as they are, bit for bit, and so do engines that were built for it.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import torch

from stylefader.training.data.photographs import to_rgb01
from stylefader.training.errors import TrainingError
from stylefader.training.evaluation.previews import preview_photo, preview_row, write_rows
from stylefader.training.hashing import file_hash
from stylefader.training.loop.predictor_trainer import End, PredictorTrainer, hint_count
from stylefader.training.loop.recipe import PREDICTOR, Part, Recipe
from stylefader.training.loop.run import Run
from stylefader.training.losses.loss_network import load_loss_network
from stylefader.training.networks.palette import baked
from stylefader.training.networks.predictor import PredictedStyles, StylePredictor
from stylefader.training.networks.predictor_layout import CHANNELS
from stylefader.training.packs.library import find_pack
from stylefader.training.packs.pack import StylePack, load_pack, make_pack, save_pack
from stylefader.training.packs.pack_header import STYLES, PackHeader, PredictorHeader
from stylefader.training.reading.paintings import read_painting
from stylefader.training.settings import PredictorSettings

_PREVIEWED = 8


class PredictorRun(Run):
    """Trains the one part of a recipe for a predictor; used as `Run` is."""

    losses = ("total", "content", "style", "vector", "hint")
    net: PredictedStyles
    trainer: PredictorTrainer

    def __init__(self, recipe: Recipe, **options: Any) -> None:
        assert recipe.add_to is not None
        self._base = load_pack(find_pack(str(recipe.add_to)))
        runs = [self._base.header.training.get(name, {}) for name in ("main", "blocks")]
        for key in ("style_weight", "layer_means", "loss_network_sha256"):
            if not all(key in run for run in runs):
                raise TrainingError(f"{self._base.header.name} does not say how it was trained ({key!r} is missing)")
        self._parts = runs
        self._vectors = {
            style.painting["sha256"]: torch.from_numpy(vector)
            for style, vector in zip(self._base.header.styles, self._base.style_vectors().values(), strict=True)
            if isinstance(style.painting.get("sha256"), str)
        }
        super().__init__(recipe, **options)

    @property
    def measures(self) -> bool:
        """Never: `stylefader evaluate predictor` says how near its vectors come to trained ones."""
        return False

    def started_from(self, part: Part) -> dict[str, Any] | None:
        """None: it begins with the centre of the palette's styles."""
        return None

    def _net_of(self, part: Part) -> tuple[PredictedStyles, dict[str, str]]:
        assert isinstance(part.settings, PredictorSettings)
        net = self._base.network()
        predictor = StylePredictor(CHANNELS, part.settings.hidden, net.style_size)
        styles = self._base.tensors[STYLES]
        predictor.lay_around(styles.float())
        of_vectors = hashlib.sha256(styles.numpy().tobytes()).hexdigest()
        identity = {"palette": self._base.weights_hash(), "vectors": of_vectors}
        loss_network = load_loss_network(self.recipe.loss_network)
        if {loss_network.sha256} != {run["loss_network_sha256"] for run in self._parts}:
            raise TrainingError(f"{self._base.header.name} was trained with another loss network")
        return PredictedStyles(net, predictor, hints=hint_count(loss_network, part.settings.pyramid)), identity

    def _trainer_of(self, part: Part, **options: Any) -> PredictorTrainer:
        assert isinstance(part.settings, PredictorSettings)
        main, blocks = (
            End(alpha=alpha, style_weight=run["style_weight"], smoothness=run.get("smoothness", 0.0))
            for alpha, run in zip((0.0, 1.0), self._parts, strict=True)
        )
        del options["clips"]
        return PredictorTrainer(
            self.net, part.settings, paintings=[style.picture for style in self.recipe.palette.values()],
            vectors=self._known(), ends=(main, blocks), means=self._parts[1]["layer_means"], blocks_only=False,
            **options,
        )  # fmt: skip

    def _known(self) -> dict[int, torch.Tensor]:
        """The vectors of those of the recipe's paintings that are the palette's own, by their numbers."""
        hashes = [file_hash(style.picture) for style in self.recipe.palette.values()]
        return {number: self._vectors[found] for number, found in enumerate(hashes) if found in self._vectors}

    def write_preview(self) -> None:
        """Photographs in the vectors that are said of some paintings, at both ends of alpha."""
        photos = self._previewed
        assert photos is not None
        rows = []
        for number, (name, style) in enumerate(list(self.recipe.palette.items())[:_PREVIEWED]):
            painting = read_painting(style.picture, self.part.settings.style_size)
            with torch.no_grad():
                vector = self.net.predictor.eval()(to_rgb01(painting).to(self.device))[0]
            photo = preview_photo(photos, number)
            shown = np.asarray(cv2.resize(painting, photo.shape[1::-1], interpolation=cv2.INTER_AREA), np.uint8)
            rows.append(preview_row(baked(self.net.net, vector), photo, name, alphas=(0.0, 1.0), first=shown))
        self.net.predictor.train()
        write_rows(self.recipe.preview, rows)

    def finish(self, *, report: Any = lambda done: None) -> StylePack:
        """Put the palette and what predicts for it together, and write the pack."""
        trained: PredictedStyles = self._nets[PREDICTOR]
        base = self._base
        pack = make_pack(
            self._header(), trained.net, self.recipe.output, styles=base.tensors[STYLES], predictor=trained.predictor
        )
        if pack.weights_hash() != base.weights_hash() or not torch.equal(pack.tensors[STYLES], base.tensors[STYLES]):
            raise TrainingError("numbers of the palette that were to stay have changed", failure=True)
        save_pack(pack)
        return pack

    def _facts(self) -> dict[str, Any]:
        facts = self._facts_of_any()
        for key in ("style_weight", "smoothness", "temporal", "temporal_weight"):
            del facts[key]  # those of the palette's parts
        learnt = {name: file_hash(style.picture) for name, style in self.recipe.palette.items()}
        return {**facts, "learnt_from": learnt}

    def _header(self) -> PackHeader:
        recipe, base, settings = self.recipe, self._base.header, self.recipe.parts[0].settings
        assert isinstance(settings, PredictorSettings)
        return replace(
            base,
            name=recipe.output.stem,
            title=recipe.title,
            licence=recipe.licence,
            family=recipe.family,
            training={**base.training, **self._record},
            predictor=PredictorHeader(side=settings.style_size, channels=CHANNELS, hidden=settings.hidden),
        )
