from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stylefader.engines.int8.background_form import BackgroundForm
from stylefader.engines.int8.form import Fidelity, Quantized, find_quantized, made_here_file
from stylefader.realtime.session.form_maker import FRAMES, FormMaker
from stylefader.realtime.session.words import words_of
from stylefader.training.errors import EngineError
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_file import PackFile
from tests.realtime.live import Clock

MADE = Quantized(
    weights="w", ranges={"convolution 0": (0.0, 1.0)}, made={},
    fidelity=Fidelity(photographs=10, size="8x8", alpha=(0.0,), psnr_db=(41.26,), worst_db=(40.0,)),
)  # fmt: skip


class Form:
    """A form that is there, or cannot be made, when it is told so."""

    made: list[Form] = []  # noqa: RUF012

    def __init__(self, pack: PackFile, frames: list[Any], **words: Any) -> None:
        self.pack, self.frames, self.words = pack, frames, words
        self.answer: Quantized | EngineError | None = None
        self.closed = False
        Form.made.append(self)

    def result(self) -> Quantized | None:
        if isinstance(self.answer, EngineError):
            raise self.answer
        return self.answer

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def said() -> list[str]:
    Form.made.clear()
    return []


def a_maker(folder: Path, clock: Clock, said: list[str]) -> FormMaker:
    return FormMaker(folder, now_ns=clock, tell=lambda event: said.append(words_of(event)), make=Form)  # type: ignore[arg-type]


def show(maker: FormMaker, clock: Clock, seconds: int, size: tuple[int, int] = (360, 640)) -> None:
    for second in range(seconds):
        clock.pass_to(clock.ns + 1_000_000_000)
        maker.see(np.full((*size, 3), second, np.uint8))


def test_a_form_is_made_once_of_frames_that_are_far_apart(pack: StylePack, tmp_path: Path, said: list[str]) -> None:
    clock, found = Clock(), PackFile(pack.file)
    maker = a_maker(tmp_path, clock, said)
    show(maker, clock, 2 * FRAMES - 2)
    assert not maker.look(found) and not Form.made, "there are not enough yet"
    show(maker, clock, 4)
    assert not maker.look(found)
    (form,) = Form.made
    assert len(form.frames) == FRAMES and form.frames[0].shape == (144, 256, 3)
    assert int(form.frames[1][0, 0, 0]) - int(form.frames[0][0, 0, 0]) == 2, "one every other second"
    assert not maker.look(found) and maker.stage == "making int8 of random"
    form.answer = MADE
    assert maker.look(found) and form.closed and maker.stage is None
    assert said == ["random has an int8 form now, made of frames of this session: 41.3 dB to f32 at least"]
    assert not maker.look(found) and len(Form.made) == 1


def test_a_pack_that_has_a_form_is_left_alone(pack: StylePack, tmp_path: Path, said: list[str]) -> None:
    clock, found = Clock(), PackFile(pack.file)
    MADE.save(made_here_file(found, tmp_path))
    maker = a_maker(tmp_path, clock, said)
    show(maker, clock, 3 * FRAMES)
    assert not maker.look(found) and not Form.made


def test_one_that_cannot_be_made_is_told_once(pack: StylePack, tmp_path: Path, said: list[str]) -> None:
    clock, found = Clock(), PackFile(pack.file)
    maker = a_maker(tmp_path, clock, said)
    show(maker, clock, 3 * FRAMES)
    maker.look(found)
    Form.made[0].answer = EngineError("no form within 900 s")
    assert not maker.look(found) and not maker.look(found)
    assert said == ["random stays without int8: no form within 900 s"] and Form.made[0].closed


def test_frames_of_another_size_begin_anew(pack: StylePack, tmp_path: Path, said: list[str]) -> None:
    clock, found = Clock(), PackFile(pack.file)
    maker = a_maker(tmp_path, clock, said)
    show(maker, clock, FRAMES, (360, 640))
    show(maker, clock, FRAMES + 20, (48, 64))
    assert not maker.look(found) and not Form.made


@pytest.mark.slow
def test_a_process_makes_a_form_that_is_found_from_then_on(pack: StylePack, tmp_path: Path) -> None:
    folder, found = tmp_path / "cache", PackFile(pack.file)
    frames = list(np.random.default_rng(0).integers(0, 256, (8, 32, 40, 3), np.uint8))
    form = BackgroundForm(found, frames, folder=folder, of="noise")
    try:
        while (made := form.result()) is None:
            form._worker.wait(60)
    finally:
        form.close()
        form.close()
    kept = find_quantized(found, folder)
    assert kept == made and made.fidelity.photographs == 2 and made.made["pictures"] == 6


def test_a_folder_that_cannot_be_written_makes_no_form(pack: StylePack, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EngineError, match="cannot be written"):
        BackgroundForm(PackFile(pack.file), [], folder=tmp_path / "file" / "c", of="none")
