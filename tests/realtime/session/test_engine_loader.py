"""Engines that are loaded for a session, one order after the other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stylefader.engines import REGISTRY
from stylefader.engines.selection.background_measuring import Look, News
from stylefader.engines.selection.choice import Candidate, why_not_here
from stylefader.realtime.session.engine_loader import EngineRequest
from stylefader.training.errors import EngineError, PackError
from stylefader.training.packs.pack_file import PackFile
from tests.realtime.live import HEIGHT, WIDTH
from tests.realtime.session.rack import SIZE, Behind, Build, a_rack


class TestRack:
    def test_one_order_after_the_other_the_latest_first(self, packs: list[PackFile]) -> None:
        loader = a_rack(packs)
        loader.request(EngineRequest(style=0, size=SIZE))
        assert loader.busy and loader.take() is None and loader.stage == "compiling"
        loader.request(EngineRequest(style=1, size=SIZE, fade_s=2))
        first, second = Build.made
        assert first.left and not first.cancelled and not second.left, "what was begun goes on behind"
        engine = second.ready()
        loaded = loader.take()
        assert loaded is not None
        assert (loaded.request.style, loaded.request.fade_s, loaded.engine) == (1, 2, engine)
        assert not loader.busy and loader.take() is None

    def test_a_live_session_may_take_int8(self, packs: list[PackFile]) -> None:
        a_rack(packs).request(EngineRequest(style=0, size=SIZE))
        assert Build.made[0].words["least_db"] == 32 and Build.made[0].backend == "auto"

    def test_a_build_is_awaited_as_long_as_nothing_plays(self, packs: list[PackFile]) -> None:
        loader = a_rack(packs)
        loader.request(EngineRequest(style=0, size=SIZE))
        Build.made[-1].ready()
        assert loader.take() is not None
        loader.request(EngineRequest(style=1, size=SIZE))
        Build.made[-1].ready()
        assert loader.take() is not None
        loader.failed("auto")
        loader.request(EngineRequest(style=1, size=SIZE))
        assert [build.words["awaited"] for build in Build.made] == [True, False, True]

    def test_an_engine_that_cannot_be_built_gives_way_to_those_that_can_run_here(self, packs: list[PackFile]) -> None:
        said: list[str] = []
        loader = a_rack(packs, said)
        loader.request(EngineRequest(style=0, size=SIZE))
        asked = []
        while True:
            asked.append(Build.made[-1].backend)
            Build.made[-1].error = EngineError(f"{asked[-1]} cannot run")
            if asked[-1] == "torch":
                break
            assert loader.take() is None
        assert asked == ["auto", *(name for name in REGISTRY if not why_not_here(name))]
        assert f"auto cannot run; trying {asked[1]}" in said
        with pytest.raises(EngineError, match="no engine is left to play on: torch cannot run"):
            loader.take()
        assert not loader.busy
        loader.request(EngineRequest(style=1, size=SIZE))
        assert Build.made[-1].backend == "auto", "another style may have better luck"

    def test_what_was_named_and_cannot_be_had_at_the_start_is_an_error(self, packs: list[PackFile]) -> None:
        loader = a_rack(packs, backend="openvino", precision="int8")
        loader.request(EngineRequest(style=0, size=SIZE))
        Build.made[0].error = EngineError("no int8 form")
        with pytest.raises(EngineError, match="no int8 form"):
            loader.take()
        assert not loader.busy

    def test_what_was_named_gives_way_later(self, packs: list[PackFile]) -> None:
        loader = a_rack(packs, backend="openvino", precision="int8")
        loader.request(EngineRequest(style=0, size=SIZE))
        Build.made[0].ready()
        loader.take()
        loader.request(EngineRequest(style=1, size=SIZE))
        Build.made[1].error = EngineError("no int8 form")
        assert loader.take() is None
        assert (Build.made[2].backend, Build.made[2].words["precision"]) == ("openvino", "auto")
        Build.made[2].ready()
        loaded = loader.take()
        assert loaded is not None and loaded.account.why == "in place of what failed"

    def test_a_spoilt_pack_is_no_fault_of_the_engines(self, packs: list[PackFile]) -> None:
        loader = a_rack(packs)
        loader.request(EngineRequest(style=0, size=SIZE))
        Build.made[0].error = PackError("has NaN")
        with pytest.raises(PackError):
            loader.take()
        loader.request(EngineRequest(style=1, size=SIZE))
        assert Build.made[1].backend == "auto"

    def test_what_broke_while_it_played_is_not_taken_again(self, packs: list[PackFile]) -> None:
        loader = a_rack(packs)
        loader.failed("openvino")
        loader.request(EngineRequest(style=0, size=SIZE))
        assert Build.made[-1].backend not in ("auto", "openvino"), "auto could come to the same, so others are named"

    def test_a_change_of_style_waits_for_no_measurement(self, packs: list[PackFile]) -> None:
        behind = Behind()
        loader = a_rack(packs, measuring=lambda **_: behind)
        for turn, style in enumerate((0, 1, 0, 2)):
            loader.request(EngineRequest(style=style, size=SIZE))
            assert behind.held, "what is waited for has the processor"
            Build.made[-1].ready()
            loaded = loader.take()
            assert loaded is not None and loaded.request.style == style
            assert not behind.held
            assert behind.looks[-1] == Look(pack=packs[style], height=HEIGHT, width=WIDTH)
            assert len(behind.looks) == turn + 1 and not behind.closed
            behind.stage = "measuring openvino int8"
            assert loader.waits_for == "measuring openvino int8"

    def test_what_was_begun_is_kept_and_taken_up_again(self, packs: list[PackFile]) -> None:
        loader = a_rack(packs)
        loader.request(EngineRequest(style=0, size=SIZE))
        for style in (1, 0, 1):
            loader.request(EngineRequest(style=style, size=SIZE))
            assert loader.waits_for == f"{packs[style].header.name}: compiling"
        first, second = Build.made
        assert first.left and not second.left
        second.ready()
        loaded = loader.take()
        assert loaded is not None and loaded.request.style == 1 and len(Build.made) == 2

    def test_one_that_has_ended_behind_comes_from_the_cache(self, packs: list[PackFile]) -> None:
        loader = a_rack(packs)
        loader.request(EngineRequest(style=0, size=SIZE))
        loader.request(EngineRequest(style=1, size=SIZE))
        Build.made[0].over = True
        loader.request(EngineRequest(style=0, size=SIZE))
        assert len(Build.made) == 3 and loader.busy

    def test_only_so_many_go_on_behind(self, packs: list[PackFile]) -> None:
        loader = a_rack([*packs, *packs])
        for style in range(5):
            loader.request(EngineRequest(style=style, size=SIZE))
        assert [build.cancelled for build in Build.made] == [True, True, False, False, False]
        loader.close()
        assert all(build.cancelled for build in Build.made)

    def test_a_faster_engine_takes_over_and_gives_way_to_another_style(self, packs: list[PackFile]) -> None:
        behind, said = Behind(), []  # type: tuple[Behind, list[str]]
        loader = a_rack(packs, said, measuring=lambda **_: behind)
        loader.request(EngineRequest(style=0, size=SIZE, fade_s=2))
        Build.made[-1].ready().name = "openvino"
        assert loader.take() is not None
        look = behind.looks[-1]
        same = Candidate(engine="openvino", precision="exact")  # type: ignore[arg-type]  # what a TimedEngine has
        int8 = Candidate(engine="openvino", precision="int8")
        for first, of in ((same, look), (int8, replace(look, pack=packs[1])), (int8, replace(look, height=9))):
            behind.found.append(News(look=of, first=first))
            assert loader.take() is None and len(Build.made) == 1, "nothing is faster than what plays"
        behind.found.append(News(look=look, first=int8))
        assert loader.take() is None and loader.busy
        loader.request(EngineRequest(style=1, size=SIZE))
        assert Build.made[1].left and Build.made[2].pack is packs[1]
        Build.made[2].ready()
        assert loader.take() is not None
        behind.found.append(News(look=behind.looks[-1], first=int8))
        assert loader.take() is None
        Build.made[-1].error = EngineError("no int8 after all")
        assert loader.take() is None and "no int8 after all; the engine that plays goes on" in said
        behind.found.append(News(look=behind.looks[-1], first=int8))
        assert loader.take() is None and not loader.busy, "once is enough"

    def test_a_faster_engine_that_does_not_open_is_not_asked_for_again(self, packs: list[PackFile]) -> None:
        behind = Behind()
        loader = a_rack(packs, measuring=lambda **_: behind)
        loader.request(EngineRequest(style=0, size=SIZE))
        for turn in range(3):
            if loader.busy:
                Build.made[-1].ready().name = "openvino"  # each time the next that works
                assert loader.take() is not None
            behind.found.append(News(look=behind.looks[-1], first=Candidate(engine="cuda", precision="fp16")))
            assert loader.take() is None
            assert len(Build.made) == 2, turn

    def test_what_is_named_is_not_measured(self, packs: list[PackFile]) -> None:
        loader = a_rack(packs, backend="openvino", measuring=lambda **_: pytest.fail("nothing to find out"))
        loader.request(EngineRequest(style=0, size=SIZE))
        assert loader.waits_for == "first: compiling"

    def test_close_cancels(self, packs: list[PackFile]) -> None:
        loader = a_rack(packs)
        loader.request(EngineRequest(style=0, size=SIZE))
        loader.close()
        loader.close()
        assert Build.made[0].cancelled
