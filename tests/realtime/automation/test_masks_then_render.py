"""Masks of a live session, chosen, turned off and exchanged while it plays, in its take and in a render of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from stylefader.realtime.automation.csv_file import read_automation_file
from stylefader.realtime.automation.edits import shifted
from stylefader.realtime.automation.recorder import AutomationRecorder
from stylefader.realtime.automation.take_words import MaskMoment, mask_moments
from stylefader.realtime.masks.base import NO_MASK, MaskUse
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.parameters.parameter import Parameter
from stylefader.realtime.parameters.targets import Target
from stylefader.realtime.pipeline.queues import NewestMailbox
from stylefader.realtime.session.engine_loader import EngineLoader
from stylefader.realtime.session.live_session import LiveSession, SessionOptions
from stylefader.realtime.session.mask_words import MaskWords, find_live_mask
from stylefader.realtime.session.plan import sizes_with
from stylefader.realtime.session.render_job import RenderJob, RenderResult, run_job
from stylefader.realtime.sources.options import LiveOptions
from stylefader.training.errors import MaskError
from stylefader.training.packs.pack import save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack
from tests.realtime.live import Clock

H, W, FPS = 48, 64, 25
Picture = npt.NDArray[np.uint8]
ONE = np.ones(1, np.float32)


class Live:
    """A session of one style on numbered pictures, a frame each 40 ms, whose take is written."""

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(3)
        small = rng.integers(0, 256, (24, 6, 8, 3), np.uint8)
        self.images = [np.asarray(cv2.resize(one, (W, H), interpolation=cv2.INTER_CUBIC), np.uint8) for one in small]
        for at, image in enumerate(self.images):
            cv2.imwrite(str(folder / f"in_{at:02}.png"), image[:, :, ::-1])
        right = np.zeros((H, W), np.uint8)
        for at in range(4):
            right[:, W // 2 + 4 * at :] = 255
            cv2.imwrite(str(folder / f"mask_{at}.png"), right)
        save_pack(random_pack(folder / "small.safetensors", width=4))
        packs = [PackFile(folder / "small.safetensors")]
        self.folder, self.clock, self.shown = folder, Clock(), list[Picture]()
        self.take = AutomationRecorder(folder / "take.csv", sizes_with(packs, None))
        find = find_live_mask(MaskWords(file=str(folder / "mask_%d.png")), LiveOptions(size=(W, H), rate=Fraction(FPS)))
        self.live = LiveSession(
            self._capture, SimpleNamespace(put=lambda frame: self.shown.append(frame.image.copy())),
            EngineLoader(packs, backend="openvino", precision="f32"),
            SessionOptions(height=H, width=W, fade_s=0, start={"alpha": 1}, find_mask=find), now_ns=self.clock,
            played=lambda frame, style, values: self.take.played(frame.pts, style, values, self.live.mask.used()),
        )  # fmt: skip
        self.live._engines.begin()

    def _capture(self, mailbox: NewestMailbox[Frame]) -> SimpleNamespace:
        self.mailbox = mailbox
        return SimpleNamespace(
            state="running", stop=lambda timeout_s: None, counts=SimpleNamespace(rate=SimpleNamespace(per_second=print))
        )

    def play(self, moments: dict[int, Callable[[LiveSession], object]]) -> None:
        """All frames, with what happens before some of them; engines that are asked for are waited for."""
        for number, image in enumerate(self.images):
            moments.get(number, lambda live: None)(self.live)
            self.live.tick()
            while self.live.loader.busy:
                self.live.tick()
            self.mailbox.put(Frame(image=image, pts=Fraction(number, FPS), index=number, captured_ns=self.clock()))
            self.live.stylizer.step(0)
            self.clock.pass_to(number * 10**9 // FPS)
        self.live.stylizer.close()
        self.take.close()

    def render(self, automation: str = "take.csv", **words: object) -> RenderResult:
        given = {"mask_words": MaskWords(file=str(self.folder / "mask_%d.png")), **words}
        return run_job(
            RenderJob(
                source=str(self.folder / "in_%02d.png"), output=str(self.folder / "out_%02d.png"), overwrite=True,
                style=str(self.folder / "small.safetensors"), automation=self.folder / automation, engine="openvino",
                precision="f32",  # in bf16 a graph with a mask may round otherwise than one without
                rate=Fraction(FPS), **given,  # type: ignore[arg-type]
            )
        )  # fmt: skip

    def rendered(self) -> list[Picture]:
        found = [cv2.imread(str(self.folder / f"out_{at:02}.png")) for at in range(len(self.images))]
        return [np.asarray(one, np.uint8)[:, :, ::-1] for one in found if one is not None]


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    made = Live(tmp_path)
    yield made
    made.live.close()
    made.take.close()


def choose(word: str) -> Callable[[LiveSession], object]:
    return lambda live: live.choose_where(word)


def put(flag: str, on: bool) -> Callable[[LiveSession], object]:
    return lambda live: setattr(live.show, flag, on)


def move(name: str, value: float) -> Callable[[LiveSession], object]:
    return lambda live: live.move(Target(name), value, live._now_ns())


def test_a_render_of_the_take_has_the_masks_of_the_session(live: Live) -> None:
    live.play({
        2: move("alpha", 0.25), 4: choose("ellipse:x=0.3,softness=0.05"), 6: move("mask_x", 0.7),
        8: put("mask_inverted", True), 10: put("mask_off", True), 12: put("mask_off", False),
        13: choose("mask"), 15: put("mask_inverted", False), 17: choose("rectangle:x=0.9"),
        19: choose("rectangle:x=0.1"), 21: choose("all"),
    })  # fmt: skip
    assert len(live.shown) == 24
    result = live.render()
    assert not result.notes
    worst = [int(np.abs(a.astype(int) - b).max()) for a, b in zip(live.shown, live.rendered(), strict=True)]
    assert max(worst) <= 1, worst
    outside = [(shown == image).all(axis=2).mean() for shown, image in zip(live.shown, live.images, strict=True)]
    parted = [at for at, share in enumerate(outside) if share > 0.1]
    assert parted == [*range(4, 10), *range(12, 21)], "there were masks at all"


def test_a_take_says_which_mask_it_was_and_gets_its_columns(live: Live) -> None:
    live.play({4: choose("ellipse:x=0.3"), 8: put("mask_inverted", True), 9: put("mask_off", True), 20: choose("all")})
    file = read_automation_file(live.folder / "take.csv")
    assert {"alpha_outside0", "mix_outside", "mask_x", "mask_softness"} <= set(file.columns)
    start = file.columns.index("mask_x")
    assert {round(keyframe.values[start], 6) for keyframe in file.automation.keyframes} == {0.3}
    assert mask_moments(file.comments) == [
        (0, NO_MASK), (Fraction("0.16"), MaskUse("ellipse:x=0.3")),
        (Fraction("0.32"), MaskUse("ellipse:x=0.3", inverted=True)),
        (Fraction("0.36"), MaskUse("ellipse:x=0.3", off=True, inverted=True)), (Fraction("0.8"), NO_MASK),
    ]  # fmt: skip


def test_words_on_the_line_take_the_place_of_the_masks_of_a_take(live: Live) -> None:
    live.play({4: choose("ellipse:x=0.3")})
    result = live.render(mask_words=MaskWords(where="all"))
    assert any("the masks of" in note and "--where all takes their place" in note for note in result.notes)
    assert any("mask_x" in note and "no effect without a mask" in note for note in result.notes)
    assert not any((a == b).all(axis=2).mean() > 0.1 for a, b in zip(live.rendered(), live.images, strict=True))
    with pytest.raises(MaskError, match="has no effect on the masks of the take: --where mask takes their place"):
        live.render()


def test_a_take_whose_mask_means_nothing_here_is_refused_with_its_name(live: Live) -> None:
    (live.folder / "own.csv").write_text("time,alpha\n# 0 where my_own\n0,1\n")
    with pytest.raises(MaskError, match=r"own.csv: --where 'my_own' is not known"):
        live.render("own.csv", mask_words=MaskWords())
    (live.folder / "own.csv").write_text("time,alpha\n# 0 where it gets loud\n0,1\n")
    live.render("own.csv", mask_words=MaskWords())


def test_what_no_column_moves_stands_as_each_word_says(live: Live) -> None:
    (live.folder / "own.csv").write_text(
        "time,alpha\n# 0 where rectangle:width=0.5,height=2,x=0.25,softness=0\n0,1\n"
        "# 0.4 where rectangle:width=0.5,height=2,x=0.75,softness=0\n"
    )
    live.render("own.csv", mask_words=MaskWords())
    for at, outside in ((0, np.s_[:, W // 2 + 1 :]), (9, np.s_[:, W // 2 + 1 :]), (10, np.s_[:, : W // 2 - 1])):
        assert np.array_equal(live.rendered()[at][outside], live.images[at][outside]), at


def test_a_recorder_gives_what_comes_later_a_column_and_no_way_to_it(tmp_path: Path) -> None:
    take = AutomationRecorder(tmp_path / "take.csv", {"alpha": 1})
    for number, (x, use) in enumerate([(None, NO_MASK), (0.2, MaskUse("ellipse")), (0.8, MaskUse("rectangle"))]):
        values = {"alpha": ONE * 0.5} | ({} if x is None else {"mask_x": ONE * x})
        take.played(Fraction(number), "first", values, use)
    take.close()
    automation = read_automation_file(tmp_path / "take.csv").automation
    assert automation.columns == ("alpha0", "mask_x")
    place = Parameter.even("mask_x", 1, low=0, high=1, default=0.5)
    found = {time: automation.values(Fraction(time), [place])["mask_x"][0] for time in ("0", "0.5", "1")}
    assert list(found.values()) == pytest.approx([0.2] * 3), "before it comes"
    for time, x in (("1.99", 0.2), ("2", 0.8), ("3", 0.8)):
        assert automation.values(Fraction(time), [place])["mask_x"][0] == pytest.approx(x)


def test_masks_move_with_a_take_and_what_is_cut_counts_on(tmp_path: Path) -> None:
    (tmp_path / "take.csv").write_text(
        "time,alpha,mask_x\n# 1 where ellipse\n# 1 style one\n1,1,0.5\n# 2 mask_off on\n2,1,0.5\n# 4 where all\n4,0,1\n"
    )
    file = shifted(read_automation_file(tmp_path / "take.csv"), Fraction(-3))
    off = MaskUse("ellipse", off=True)
    assert mask_moments(file.comments) == [MaskMoment(Fraction(0), off), MaskMoment(Fraction(1), MaskUse("all", True))]
