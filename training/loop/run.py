"""A whole training run: from a recipe to a style pack with its header filled in.

The parts of a recipe are trained one after another: the main network, then tuning-blocks around it, which stays as
it is. The two sides of a dual network know nothing of each other, so each is trained as blocks of a single network,
and they are put together at the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from stylefader.training.compute import CPU
from stylefader.training.data.photographs import PhotoFolder, read_picture
from stylefader.training.errors import TrainingError
from stylefader.training.evaluation.held_out import measure_losses
from stylefader.training.evaluation.previews import preview_photo, preview_row, write_rows
from stylefader.training.hashing import file_hash
from stylefader.training.loop.log import LOSSES, TrainingLog
from stylefader.training.loop.measuring import held_out_photos, measured_alphas
from stylefader.training.loop.process_group import ProcessGroup
from stylefader.training.loop.progress import Progress
from stylefader.training.loop.recipe import ENDS, Part, Recipe, StylePicture
from stylefader.training.loop.trainer import Trainer, style_target
from stylefader.training.losses.loss_network import load_loss_network
from stylefader.training.losses.perceptual import StyleTarget
from stylefader.training.losses.temporal import temporal_weight
from stylefader.training.networks.architectures import ARCHITECTURES, ArchitectureName, network_words
from stylefader.training.networks.dynamic_net import ONE_BLOCK, THREE_BLOCKS, DynamicNet, NetworkKind
from stylefader.training.networks.palette import Palette
from stylefader.training.packs.header_reading import parse_header, with_inputs
from stylefader.training.packs.one_style import load_one_style, load_pack_or_style
from stylefader.training.packs.pack import StylePack, make_pack, save_pack
from stylefader.training.packs.pack_header import MAX_WIDTH, AlphaHeader, BlockHeader, PackHeader
from stylefader.training.packs.pack_tensors import hash_weights

BLOCK_LABELS = {"residual3": "strokes", "up1": "texture", "output": "colour"}
_PLACES = {0: (), 1: ONE_BLOCK, 3: THREE_BLOCKS}
_PREVIEW_PHOTOS, _PREVIEW_SIDE, _PREVIEW_STEPS = 3, 200, 5
_ALONE = ProcessGroup()


class Run:
    """Trains a recipe's parts in order: `begin` each one, `train` it, and `finish` after the last.

    Raises TrainingError or PackError before anything is written when the input does not fit. With `resume` the run
    goes on from the checkpoints beside the output, bit for bit as if never stopped.

    checkpoint_every: iterations between checkpoints. preview_minutes: time between previews, by `clock` in seconds.
    tensorboard: a folder that losses are written into for TensorBoard, as well as into the CSV log.
    device: where the networks are trained. world: the processes that train together; each makes a Run of its own, and
    the leader's alone reads checkpoints, writes files and can `finish`.
    """

    losses: ClassVar[tuple[str, ...]] = LOSSES
    """What the log has of each step."""
    starts_from_palettes: ClassVar[bool] = False
    """Whether `start_from` may be a palette as a whole."""

    def __init__(
        self,
        recipe: Recipe,
        *,
        resume: bool = False,
        checkpoint_every: int = 200,
        preview_minutes: float = 5.0,
        tensorboard: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        device: torch.device = CPU,
        group: ProcessGroup = _ALONE,
    ) -> None:
        self.recipe, self.device, self.group = recipe, device, group
        self._resume = resume
        self._checkpoint_every = checkpoint_every
        if not preview_minutes > 0:
            raise TrainingError(f"previews come every so many minutes, more than 0, not {preview_minutes}")
        if group.leads:
            self._check_output()
        if not 1 <= recipe.width <= MAX_WIDTH:
            raise TrainingError(f"width must be 1 to {MAX_WIDTH} channels, not {recipe.width}")
        for picture in recipe.pictures:
            read_picture(picture)
        self._previewed = self._photos_to_look_at()
        self._nets: dict[str, Any] = {}
        self._record: dict[str, Any] = {}
        if recipe.main_pack is not None:
            self._take_main(load_one_style(str(recipe.main_pack)))
        self._start = self._start_of(recipe)
        if self._start is not None:
            start = self._start.header
            had, wanted = (start.architecture, start.width), (self.architecture, self.width)
            if had != wanted:
                raise TrainingError(
                    f"start_from is a pack of {network_words(*had)}, but this one will be of {network_words(*wanted)}"
                )
        parse_header(self._header().to_json())
        self._preview_seconds, self._clock = 60 * preview_minutes, clock
        self._preview_problem: str | None = None
        self._log = TrainingLog(recipe.log, tensorboard=tensorboard, losses=self.losses) if group.leads else None

    def _start_of(self, recipe: Recipe) -> StylePack | None:
        if recipe.start_from is None:
            return None
        load = load_pack_or_style if self.starts_from_palettes else load_one_style
        return load(str(recipe.start_from))

    def _check_output(self) -> None:
        recipe = self.recipe
        if not recipe.output.parent.is_dir():
            raise TrainingError(f"the folder {recipe.output.parent} is not there")
        if recipe.output.exists():
            raise TrainingError(f"{recipe.output} is there already: name another output")
        checkpoints = [recipe.checkpoint(part) for part in recipe.parts]
        there = [path for path in checkpoints if path.exists()]
        if self._resume and not there:
            raise TrainingError(f"no checkpoint at {checkpoints[0]} to resume")
        if there and not self._resume:
            raise TrainingError(f"{there[0]} is there already: resume it, or remove it to start again")

    def _photos_to_look_at(self) -> PhotoFolder | None:
        """What previews are made of, by the leader: at least one that can be read."""
        if not self.group.leads:
            return None
        held_out = self.recipe.held_out
        photos = PhotoFolder(held_out, split="val") if held_out else PhotoFolder(self.recipe.photos)
        photos.photo(0)
        return photos

    @property
    def problems(self) -> list[str]:
        """What went wrong without stopping the run, in words."""
        return [problem for problem in (self._preview_problem, self._log and self._log.problem) if problem]

    @property
    def measures(self) -> bool:
        """Whether the finished pack is measured, on the held-out photographs."""
        return self.recipe.held_out is not None

    @property
    def width(self) -> int:
        """Channels of the main network's first stage."""
        return self._nets["main"].width if "main" in self._nets else self.recipe.width

    @property
    def architecture(self) -> ArchitectureName:
        """The main network's architecture."""
        return self._nets["main"].architecture if "main" in self._nets else ARCHITECTURES[self.recipe.architecture].name

    @property
    def places(self) -> tuple[str, ...]:
        """Stages behind which the tuning-blocks stand."""
        return _PLACES[self.recipe.n_blocks]

    def _new_net(self, *, blocks: bool = True, kind: NetworkKind = "single") -> DynamicNet:
        places = self.places if blocks else ()
        return DynamicNet(architecture=self.architecture, width=self.width, places=places, kind=kind)

    def _take_main(self, pack: StylePack) -> None:
        architecture = ARCHITECTURES[pack.header.architecture].name
        main = DynamicNet(architecture=architecture, width=pack.header.width, places=())
        main.main.load_state_dict(pack.network().main.state_dict())
        self._nets["main"] = main
        self._record["main"] = {**pack.header.training.get("main", {}), "taken_from": pack.header.name}

    def begin(self, part: Part) -> Trainer:
        """Make ready for one part; its trainer stands where the part's checkpoint does."""
        torch.manual_seed(part.settings.seed)
        self.part = part
        self.net, identity = self._net_of(part)
        if self.started_from(part) is not None:
            assert self._start is not None
            self._begin_with(self._start, part)
            identity["start_from"] = self._start.weights_hash()
        checkpoint = self.recipe.checkpoint(part)
        with self.group.all_or_none():
            loss_network = load_loss_network(self.recipe.loss_network)
        self.trainer = self._trainer_of(
            part,
            photos=self.recipe.photos,
            clips=self.recipe.clips,
            loss_network=loss_network,
            checkpoint=checkpoint,
            identity=identity,
            resume=self._resume and checkpoint.exists(),
            checkpoint_every=self._checkpoint_every,
            device=self.device,
            group=self.group,
        )
        return self.trainer

    def _begin_with(self, pack: StylePack, part: Part) -> None:
        self.net.load_state_dict(self._weights_for(part.name, pack), strict=False)

    def _net_of(self, part: Part) -> tuple[Any, dict[str, str]]:
        """A part's network before its first step, and what that stands on, as checkpoints have it."""
        if part.name == "main":
            return self._new_net(blocks=False), {}
        main = self._nets["main"]
        net = self._new_net()
        net.main.load_state_dict(main.main.state_dict())
        return net, {"main network": main_hash(main)}

    def _trainer_of(self, part: Part, **options: Any) -> Trainer:
        return Trainer(
            self.net, part.settings, style=part.style.picture, blocks_only=part.name != "main", **options
        )  # fmt: skip

    def started_from(self, part: Part) -> dict[str, Any] | None:
        """The pack that a part's weights come from, if any, and the steps it had had; blocks of another kind do not."""
        if self._start is None or not self._begins_with(part, self._start):
            return None
        had = self._start.header.training.get(part.name, {}).get("iterations", 0)
        return {"name": self._start.header.name, "weights_sha256": self._start.weights_hash(), "iterations": had}

    def _begins_with(self, part: Part, pack: StylePack) -> bool:
        """Whether a part begins with weights of the pack at all."""
        return bool(self._weights_for(part.name, pack))

    def _weights_for(self, part: str, pack: StylePack) -> dict[str, Tensor]:
        """What of a pack a part's network can begin with, by its names; nothing where its blocks are others."""
        tensors = {name: tensor.float() for name, tensor in pack.tensors.items()}
        if part == "main":
            return {name: tensor for name, tensor in tensors.items() if name.startswith("main.")}
        if self.places != pack.header.places:
            return {}
        side = "psi" if part == "blocks" else part
        return {
            name.replace(f".{side}.", ".psi."): tensor
            for name, tensor in tensors.items()
            if name.startswith("blocks.") and f".{side}." in name
        }

    def train(self, *, report: Callable[[Progress], None], should_stop: Callable[[], bool]) -> bool:
        """Train the part to its end or until `should_stop`; True when finished. Previews come by the clock.

        `report` is called by the leader only.
        """
        finished = self._lead(report, should_stop) if self.group.leads else self.trainer.run(should_stop=should_stop)
        if finished:
            # What follows stands on the weights that a pack holds, so that blocks fit them exactly.
            self._nets[self.part.name] = self.net.cpu().half().float().eval().requires_grad_(False)
            self._record[self.part.name] = self._facts()
        return finished

    def _lead(self, report: Callable[[Progress], None], should_stop: Callable[[], bool]) -> bool:
        assert self._log is not None
        previewed = self._clock()

        def step(progress: Progress) -> None:
            nonlocal previewed
            assert self._log is not None
            self._log.add(progress)
            if self._clock() - previewed >= self._preview_seconds or self.trainer.finished:
                try:
                    self.write_preview()
                except OSError as error:  # a preview is no reason to lose a run
                    self._preview_problem = f"cannot write {self.recipe.preview}: {error.strerror or error}"
                previewed = self._clock()
            report(progress)

        self._log.begin(self.part.name, done=self.trainer.iteration)
        try:
            return self.trainer.run(report=step, should_stop=should_stop)
        finally:
            self._log.close()

    def write_preview(self) -> None:
        """A strip for each of a few photographs: the photograph, then the network at each alpha."""
        recipe, photos = self.recipe, self._previewed
        assert photos is not None
        one_side = recipe.objective == "dual" and self.net.kind == "single"
        low, high = (0, 1) if one_side else (recipe.low, recipe.high)
        alphas = [float(a) for a in np.linspace(low, high, _PREVIEW_STEPS)]
        rows = []
        for number in range(min(_PREVIEW_PHOTOS, len(photos))):
            photo = preview_photo(photos, number, _PREVIEW_SIDE)
            for name, net in self._previews().items():
                rows.append(preview_row(net, photo, f"photograph{name}", alphas=alphas))
        write_rows(recipe.preview, rows)

    def _previews(self) -> dict[str, DynamicNet]:
        """The networks that previews show, by what is said of them."""
        return {"": self.net}

    def finish(self, *, report: Callable[[int], None] = lambda done: None) -> StylePack:
        """Put the trained parts together, measure them on the held-out photographs, and write the pack."""
        net = self._together()
        pack = make_pack(self._header(), net, self.recipe.output)
        self._check_main(pack)
        if self.measures:
            photos, alphas = held_out_photos(self.recipe), measured_alphas(self.recipe)
            curve = measure_losses(
                pack.network(),
                self._targets(),
                photos,
                alphas if net.n_blocks else [0.0],
                compute=self.trainer.compute,
                report=report,
            )
            pack = replace(pack, header=replace(pack.header, losses=curve))
        save_pack(pack)
        return pack

    def _check_main(self, pack: StylePack) -> None:
        if main_hash(pack.network()) != main_hash(self._nets["main"]):
            raise TrainingError("the main network changed while its blocks were trained", failure=True)

    def _together(self) -> DynamicNet:
        if self.recipe.objective == "fixed":
            return self._nets["main"]
        if self.recipe.objective != "dual":
            return self._nets["blocks"]
        net = self._new_net(kind="dual")
        state = self._nets["main"].state_dict()
        for side in ("lo", "hi"):
            for name, tensor in self._nets[side].blocks.state_dict().items():
                place, rest = name.split(".psi.")
                state[f"blocks.{place}.{side}.{rest}"] = tensor
        net.load_state_dict(state)
        return net

    def _targets(self) -> dict[str, StyleTarget]:
        """What the ends of alpha were trained for, each once, by its alpha: that of alpha 1 first, if there is one."""
        parts = sorted(self.recipe.parts, key=lambda part: ("blocks", "hi", "lo", "main").index(part.name))
        targets: dict[tuple[Any, ...], tuple[str, StyleTarget]] = {}
        for part in parts:
            look = (part.style.picture, part.settings.style_size, part.settings.pyramid)
            if look not in targets:
                target = style_target(self.trainer.loss_network, part.style.picture, part.settings)
                targets[look] = (ENDS[part.name], target)
        return dict(targets.values())

    def _facts(self) -> dict[str, Any]:
        """What the current part was trained with, for the pack."""
        return {"style": words_of(self.part.style), **self._facts_of_any()}

    def _facts_of_any(self) -> dict[str, Any]:
        trainer, started = self.trainer, self.started_from(self.part)
        return {
            **asdict(self.part.settings),
            "temporal_weight": temporal_weight(self.part.settings),
            "precision": trainer.compute.numbers,
            "photographs": len(trainer.photos),
            "photographs_from": self.recipe.photos_from,
            "loss_network": trainer.loss_network.name,
            "loss_network_sha256": trainer.loss_network.sha256,
            "layer_means": trainer.layer_means,
            "content_layers": list(trainer.loss_network.layers.content),
            "style_layers": list(trainer.loss_network.layers.style),
            "iterations": trainer.iteration,
            "device": trainer.compute.name,
            **({"clips": len(trainer.clips)} if trainer.clips else {}),
            **({"started_from": started} if started else {}),
            **({"processes": self.group.size} if self.group.size > 1 else {}),
        }

    def _header(self) -> PackHeader:
        recipe = self.recipe
        kind: NetworkKind = "dual" if recipe.objective == "dual" else "single"
        styles = {ENDS[part.name]: words_of(part.style) for part in recipe.parts}
        alike = all(style == next(iter(styles.values())) for style in styles.values())
        header = PackHeader(
            name=recipe.output.stem,
            title=recipe.title,
            objective=recipe.objective,
            kind=kind,
            architecture=self.architecture,
            width=self.width,
            blocks=self._block_headers({place: BLOCK_LABELS[place] for place in self.places}),
            alpha=AlphaHeader(meaning=self._meaning(), low=recipe.low, high=recipe.high, default=recipe.default),
            style=next(iter(styles.values())) if alike else {"title": recipe.title, **styles},
            licence=recipe.licence,
            training=dict(self._record),
            family=recipe.family,
        )
        return with_inputs(header)

    def _block_headers(self, labels: Mapping[str, str]) -> tuple[BlockHeader, ...]:
        """A header for each block, in network order, by the names that people know it by."""
        architecture = ARCHITECTURES[self.architecture]
        return tuple(
            BlockHeader(place=place, channels=architecture.channels_before(place, self.width), label=label)
            for place, label in labels.items()
        )

    def _meaning(self) -> dict[str, str]:
        """What the picture is at each end of alpha, in words."""
        weights: dict[str, Any] = {"main": self._record.get("main", {}).get("style_weight", "unknown")}
        titles = {part.name: part.style.title for part in self.recipe.parts}
        weights |= {part.name: part.settings.style_weight for part in self.recipe.parts}
        taken = self._record.get("main", {}).get("style", {}).get("title")
        titles.setdefault("main", taken or "the main network's style")
        ends: dict[str, dict[str, str | None]] = {
            "level": {"main": "lightly stylized", "blocks": "strongly stylized"},
            "pair": {"main": titles["main"], "blocks": titles.get("blocks")},
            "scale": {"main": "large strokes", "blocks": "small strokes"},
            "dual": {"lo": titles.get("lo"), "main": f"lightly, {titles['main']}", "hi": titles.get("hi")},
            "fixed": {},
        }
        words = ends[self.recipe.objective]
        return {ENDS[name]: f"{text} (style weight {weights[name]})" for name, text in words.items()}


def words_of(style: StylePicture) -> dict[str, Any]:
    """What people should know of a style picture, and its hash."""
    words = {key: text for key, text in asdict(style).items() if text and key != "picture"}
    return {**words, "sha256": file_hash(style.picture)}


def main_hash(net: DynamicNet | Palette) -> str:
    """SHA-256 of a network's main network as a pack holds it."""
    return hash_weights({name: tensor.half().numpy() for name, tensor in net.main.state_dict().items()})
