"""A training run of a palette: from a recipe with many paintings to a pack with one network and their style vectors.

With `add_to` the paintings are added to a finished palette, whose network and vectors stay as they are, bit for bit.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from stylefader.training.errors import TrainingError
from stylefader.training.evaluation.previews import preview_photo, preview_row, write_rows
from stylefader.training.loop.measuring import with_measured_styles
from stylefader.training.loop.palette_start import begin_with
from stylefader.training.loop.palette_trainer import PaletteTrainer
from stylefader.training.loop.recipe import ENDS, Part, Recipe
from stylefader.training.loop.run import BLOCK_LABELS, Run, main_hash, words_of
from stylefader.training.networks.dynamic_net import DynamicNet, NetworkKind
from stylefader.training.networks.palette import Palette, baked
from stylefader.training.packs.header_reading import with_inputs
from stylefader.training.packs.library import find_pack
from stylefader.training.packs.pack import StylePack, load_pack, make_pack, save_pack
from stylefader.training.packs.pack_header import STYLES, AlphaHeader, PackHeader, StyleHeader


class PaletteRun(Run):
    """Trains the two parts of a recipe for a palette; used as `Run` is."""

    net: Palette
    trainer: PaletteTrainer
    starts_from_palettes = True

    def __init__(self, recipe: Recipe, **options: Any) -> None:
        self._base = load_pack(find_pack(str(recipe.add_to))) if recipe.add_to is not None else None
        super().__init__(recipe, **options)
        start = self._start
        if start is not None and start.header.kind not in ("single", "palette"):
            raise TrainingError(f"a palette starts from a palette or a pack of one style, not of {start.header.kind}")

    @property
    def _kept(self) -> tuple[StyleHeader, ...]:
        return self._base.header.styles if self._base is not None else ()

    @property
    def _names(self) -> tuple[str, ...]:
        return (*(style.name for style in self._kept), *self.recipe.palette)

    @property
    def _first(self) -> int:
        """The row of the table that the first painting of the recipe has."""
        return len(self._kept)

    def _new_net(self, *, blocks: bool = True, kind: NetworkKind = "palette") -> DynamicNet:
        return super()._new_net(blocks=blocks, kind=kind)

    def _net_of(self, part: Part) -> tuple[Palette, dict[str, str]]:
        palette = Palette(self._new_net(blocks=part.name != "main"), len(self._names))
        identity: dict[str, str] = {}
        if self._base is not None:
            own = palette.net.state_dict()
            palette.net.load_state_dict({name: self._base.tensors[name].float() for name in own})
            known = self._base.tensors[STYLES].float()[:, : palette.net.style_size]
            with torch.no_grad():
                palette.styles[: len(known)] = known
                palette.styles[len(known) :] = known.mean(0)  # between all that it knows
            identity["added to"] = self._base.weights_hash()
        if part.name != "main":
            main = self._nets["main"]
            palette.net.main.load_state_dict(main.net.main.state_dict())
            with torch.no_grad():
                palette.styles[:, : main.net.style_size] = main.styles
            identity["main network"] = main_hash(main)
        return palette, identity

    def _begin_with(self, pack: StylePack, part: Part) -> None:
        """As `begin_with`; blocks begin around the main network that is trained already, and so do its numbers."""
        kept = self.net.styles.detach().clone() if part.name != "main" else None
        begin_with(self.net, pack, self._names)
        if kept is not None:
            main = self._nets["main"]
            self.net.net.main.load_state_dict(main.net.main.state_dict())
            with torch.no_grad():
                self.net.styles[:, : main.net.style_size] = kept[:, : main.net.style_size]

    def _begins_with(self, part: Part, pack: StylePack) -> bool:
        return part.name == "main" or pack.header.places == self.places

    def _trainer_of(self, part: Part, **options: Any) -> PaletteTrainer:
        paintings = [style.picture for style in self.recipe.palette.values()]
        return PaletteTrainer(
            self.net, part.settings, paintings=paintings, kept=len(self._kept), blocks_only=part.name != "main",
            **options,
        )  # fmt: skip

    def write_preview(self) -> None:
        """A photograph in each of the styles that learn, along alpha."""
        photos = self._previewed
        assert photos is not None
        rows = [
            preview_row(baked(self.net.net, row), preview_photo(photos, number), name)
            for number, (name, row) in enumerate(self._rows_to_look_at())
        ]
        write_rows(self.recipe.preview, rows)

    def _rows_to_look_at(self) -> list[tuple[str, Tensor]]:
        """The names and vectors that previews are made of."""
        return list(zip(self._names, self.net.styles, strict=True))[self._first :]

    def _trained(self) -> Palette:
        """Network and table as the pack has them."""
        palette: Palette = self._nets["blocks"]
        return palette

    def finish(self, *, report: Any = lambda done: None) -> StylePack:
        """As `Run`; each style that learnt is measured, on `measured` of the held-out photographs."""
        palette = self._trained()
        predictor = None if self._base is None else self._base.predictor()  # which speaks to the same network
        pack = make_pack(self._header(), palette.net, self.recipe.output, styles=palette.styles, predictor=predictor)
        self._check_kept(pack)
        if self.measures:
            targets = dict(zip(self.recipe.palette, self.trainer.targets, strict=True))
            net, compute = pack.network(), self.trainer.compute
            pack = with_measured_styles(
                pack, targets, lambda row: baked(net, row), self.recipe, compute=compute, report=report
            )
        save_pack(pack)
        return pack

    def _check_kept(self, pack: StylePack) -> None:
        """What was to stay as it was has stayed so, bit for bit. Raises TrainingError."""
        main: Palette = self._nets["main"]
        if main_hash(pack.network()) != main_hash(main):
            raise TrainingError("the main network changed while its blocks were trained", failure=True)
        first = main.styles.half()
        same = torch.equal(pack.tensors[STYLES][:, : first.shape[1]], first)
        base = self._base
        if base is not None:
            same &= pack.weights_hash() == base.weights_hash()
            same &= torch.equal(pack.tensors[STYLES][: len(base.header.styles)], base.tensors[STYLES])
        if not same:
            raise TrainingError("numbers of the palette that were to stay have changed", failure=True)

    def _facts(self) -> dict[str, Any]:
        return {"paintings": len(self.recipe.palette), **self._facts_of_any()}

    def _meaning(self) -> dict[str, str]:
        words = {"main": "lightly stylized", "blocks": "strongly stylized"}
        return {
            ENDS[part.name]: f"{words[part.name]} (style weight {part.settings.style_weight})"
            for part in self.recipe.parts
        }

    def _alpha(self) -> AlphaHeader:
        recipe = self.recipe
        return AlphaHeader(meaning=self._meaning(), low=recipe.low, high=recipe.high, default=recipe.default)

    def _header(self) -> PackHeader:
        recipe, base = self.recipe, self._base
        own = {} if base is None else dict(self._record)  # others have had the palette's own training
        new = tuple(
            StyleHeader(name=name, painting=words_of(style), training=own) for name, style in recipe.palette.items()
        )
        made = PackHeader(
            name=recipe.output.stem,
            title=recipe.title,
            objective="level",
            kind="palette",
            architecture=self.architecture,
            width=self.width,
            blocks=self._block_headers({place: BLOCK_LABELS[place] for place in self.places}),
            alpha=self._alpha() if base is None else base.header.alpha,
            style={"title": recipe.title},
            licence=recipe.licence,
            training=dict(self._record if base is None else base.header.training),
            styles=(*self._kept, *new),
            predictor=None if base is None else base.header.predictor,
            family=recipe.family,
        )
        return with_inputs(made)
