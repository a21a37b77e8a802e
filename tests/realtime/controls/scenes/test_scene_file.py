from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stylefader.realtime.controls.scenes.saved_scenes import saved, standing, write_saved
from stylefader.realtime.controls.scenes.scene_file import (
    _KEYS,
    Scene,
    cast,
    parse_scenes,
    read_scenes,
)
from stylefader.training.errors import ControlError
from stylefader.training.packs.library import find_pack
from stylefader.training.packs.pack import save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack
from tests.paths import DOCS

CONTROL_MD = DOCS / "control.md"
GOOD = '[[scene]]\nname = "chorus"\nalpha = 0.5\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packs of three blocks, one and none; `again/three` is another one of that name."""
    folder = tmp_path_factory.mktemp("packs")
    (folder / "again").mkdir()
    for name, places in (("three", None), ("one", ("residual3",)), ("none", ()), ("again/three", None)):
        save_pack(random_pack(folder / f"{name}.safetensors", **({} if places is None else {"places": places})))
    return folder


def packs(folder: Path, *names: str) -> list[PackFile]:
    return [PackFile(folder / f"{name}.safetensors") for name in names]


def test_a_file_with_everything() -> None:
    (first, second, third) = parse_scenes(
        '# mine\n[[scene]]\nname = "verse 1"\nstyle = "great_wave"\nalpha = [0.2, 1, -0.5]\nfade = 4\nfreeze = false\n'
        '\n[[scene]]\nname = "Pause"\nblackout = true\n[[scene]]\nname = "full"\nalpha = 1', origin="t",
    )  # fmt: skip
    assert first == Scene(name="verse 1", style="great_wave", alpha=(0.2, 1.0, -0.5), fade=4, freeze=False)
    assert first.flags == {"freeze": False} and first.line == 2
    assert second.flags == {"blackout": True} and (second.style, second.alpha, second.fade) == (None, None, None)
    assert third.alpha == 1 and third.line == 12
    assert parse_scenes("", origin="t") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a b", "t: "),
        ("\n[scenes]\n", "t, line 2: 'scenes' is not known; there is [[scene]]"),
        ("[scene]\nname='a'", "t, line 1: write [[scene]]"),
        ("[[scene]]\nalpha = 1", "t, line 1: this [[scene]] has no name"),
        ("[[scene]]\nname = ' '", "t, line 2: name is a scene's name of 64 letters at most"),
        (f"[[scene]]\nname = '{'x' * 65}'", "t, line 2: name is a scene's name of 64 letters at most"),
        (GOOD + "\n" + GOOD, "t, line 6: there is a scene 'chorus' already, which begins at line 1"),
        ("[[scene]]\nname = 'a'", "t, line 1: the scene 'a' changes nothing: give style, alpha, bypass"),
        ("[[scene]]\nname = 'a'\nfade = 2", "t, line 1: the scene 'a' changes nothing"),
        ("[[scene]]\nname = 'a'\nbypass = true\nfade = 2", "t, line 4: fade has no effect here"),
        (GOOD + "fade = -1", "t, line 4: fade is seconds from 0 to 3600, not -1"),
        (GOOD + "fade = '2s'", "t, line 4: fade is seconds"),
        (GOOD + "fade = inf", "t, line 4: fade is seconds"),
        (GOOD + "style = 3", "t, line 4: style is a style's name or a pack file, not 3"),
        (GOOD + "freeze = 1", "t, line 4: freeze is true or false, not 1"),
        (GOOD + "alhpa = 1", "t, line 4: 'alhpa' is not known; there are name, style"),
        (GOOD.replace("0.5", "nan"), "t, line 3: alpha is a number, or a number for each block"),
        (GOOD.replace("0.5", "[]"), "t, line 3: alpha is a number, or a number for each block"),
        (GOOD.replace("0.5", "[0.1, '1']"), "t, line 3: alpha is a number, or a number for each block"),
        (GOOD.replace("0.5", "true"), "t, line 3: alpha is a number, or a number for each block"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ControlError, match=re.escape(message)):
        parse_scenes(text, origin="t")


@given(st.text(max_size=200))
def test_any_text_gives_scenes_or_an_error(text: str) -> None:
    try:
        parse_scenes(text, origin="t")
    except ControlError as error:
        said = str(error)
    else:
        said = "t"
    assert said.startswith("t")


VALUES = st.sampled_from(
    ["0", "1", "-1", "1e400", "nan", "'a'", "'b'", "[0,1]", "[]", "[[1]]", "{}", "true", "''", "1979-05-27", "9" * 400]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(sorted(_KEYS)), VALUES), max_size=3))
def test_any_values_give_scenes_or_an_error_with_its_line(tables: list[dict[str, str]]) -> None:
    text = "".join("[[scene]]\n" + "".join(f"{key} = {value}\n" for key, value in table.items()) for table in tables)
    try:
        scenes = parse_scenes(text, origin="t")
    except ControlError as error:
        said = str(error)
    else:
        said = "t, line 1: "
        assert len({scene.name for scene in scenes}) == len(tables)
    assert re.match(r"t, line \d+: ", said)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="no scenes file at"):
        read_scenes(tmp_path / "none.toml")
    with pytest.raises(ControlError, match="cannot read the scenes file"):
        read_scenes(tmp_path)


class TestCasting:
    def test_styles_of_the_session_the_gallery_and_files(self, folder: Path) -> None:
        there = packs(folder, "one", "three", "again/three")
        words = ("three", "one.safetensors", None, "great_wave_lite", "again/three.safetensors", "none.safetensors")
        scenes = [Scene(name=str(place), style=style, bypass=True) for place, style in enumerate(words)]
        casting = cast([*scenes, scenes[3]], there, folder / "scenes.toml")
        assert casting.styles == [1, 0, None, 3, 2, 4, 3] and casting.notes == []
        assert [pack.file for pack in casting.added] == [find_pack("great_wave_lite"), folder / "none.safetensors"]
        assert len(there) == 3, "adding them is for others"

    @pytest.mark.parametrize(
        ("style", "message"),
        [
            ("great_wav", "s.toml, line 7: scene 'a': no style named 'great_wav': did you mean great_wave"),
            ("gone.safetensors", "s.toml, line 7: scene 'a': no style pack at"),
            ("again/gone", "s.toml, line 7: scene 'a': no style pack at"),
            ("./s.toml", "s.toml is not a style pack"),
            ("x" * 5000, "s.toml, line 7: scene 'a': no style named"),
        ],
    )
    def test_a_missing_style(self, folder: Path, style: str, message: str) -> None:
        (folder / "s.toml").write_text("")
        with pytest.raises(ControlError, match=re.escape(message)):
            cast([Scene(name="a", style=style, line=7)], packs(folder, "three"), folder / "s.toml")

    @pytest.mark.parametrize(
        ("style", "alpha", "message"),
        [
            ("three", (0.1, 0.2), "alpha has 2 numbers; three takes 3"),
            ("three", (0.1,), "alpha has 1 numbers; three takes 3"),
            ("one", (0.1, 0.2), "alpha has 2 numbers; one takes 1"),
            ("none", 0.1, "alpha has no effect here: none has none to move"),
            (None, (0.1,) * 4, "alpha has 4 numbers; every style of this session takes 3 at most"),
        ],
    )
    def test_an_alpha_that_does_not_fit(
        self, folder: Path, style: str | None, alpha: tuple[float, ...] | float, message: str
    ) -> None:
        scene = Scene(name="a", style=style, alpha=alpha, line=2)
        with pytest.raises(ControlError, match=re.escape(f"s.toml, line 2: scene 'a': {message}")):
            cast([scene], packs(folder, "three", "one", "none"), folder / "s.toml")

    def test_an_alpha_beyond_the_range_is_said(self, folder: Path) -> None:
        scenes = [Scene(name="a", style="three", alpha=(0, 1, 1.5)), Scene(name="b", alpha=-0.1),
                  Scene(name="c", style="one", alpha=1.0)]  # fmt: skip
        notes = cast(scenes, packs(folder, "three", "one"), folder / "s.toml").notes
        assert [note.split("scene ")[1] for note in notes] == [
            "'a': alpha is kept within three's range, 0 to 1", "'b': alpha is kept within the styles' range, 0 to 1",
        ]  # fmt: skip


FILE = """# the show

[[scene]]  # quiet
name = "verse"
style = "great_wave"   # lightly
alpha = 0.1
fade = 4

# loud
[[scene]]
name = "chorus"
alpha = [0.1, 0.2, 0.3]
# the end
"""


class TestSaving:
    def test_how_it_stands(self, folder: Path) -> None:
        three, one, none = packs(folder, "three", "one", "none")
        path = folder / "scenes.toml"
        targets = {"alpha": np.array([0.1, 0.25, 1], np.float32)}
        assert standing("a", three, targets, path) == Scene(name="a", style="three.safetensors", alpha=(0.1, 0.25, 1))
        assert standing("a", three, {"alpha": np.array([0.3], np.float32)}, path).alpha == 0.3
        assert standing("a", one, targets, path).alpha == 0.1, "of a style that is still on its way"
        assert standing("a", none, targets, path).alpha is None
        assert standing("a", three, targets, folder / "again" / "s.toml").style == "../three.safetensors"
        assert standing("a", PackFile(find_pack("starry_night")), targets, path).style == "starry_night"

    def test_a_pack_file_without_the_ending(self, folder: Path) -> None:
        (folder / "bare").write_bytes((folder / "one.safetensors").read_bytes())
        scene = standing("a", PackFile(folder / "bare"), {"alpha": np.ones(1, np.float32)}, folder / "s.toml")
        assert scene.style == "./bare"
        assert cast([scene], packs(folder, "three"), folder / "s.toml").added[0].file == folder / "bare"

    def test_comments_and_everything_else_stay(self) -> None:
        text = saved(FILE, [Scene(name="verse", style="starry_night", alpha=(0.5, 1.0, 0))], origin="t")
        assert text == FILE.replace("great_wave", "starry_night").replace("alpha = 0.1", "alpha = [0.5, 1.0, 0]")
        assert parse_scenes(saved(FILE, [Scene(name="verse", style="none")], origin="t"), origin="t")[0] == Scene(
            name="verse", style="none", fade=4
        )

    def test_a_new_one_comes_last(self) -> None:
        text = saved(FILE, [Scene(name='the "end" [x]', style="a", alpha=1.0)], origin="t")
        text = saved(text, [Scene(name="é", style="b", alpha=(0.5, 0.25))], origin="t")
        assert text.startswith(FILE)
        assert parse_scenes(text, origin="t")[2:] == (
            Scene(name='the "end" [x]', style="a", alpha=1), Scene(name="é", style="b", alpha=(0.5, 0.25)),
        )  # fmt: skip
        assert parse_scenes(saved("", [Scene(name="a", style="b")], origin="t"), origin="t") == (
            Scene(name="a", style="b"),
        )

    def test_a_file_that_cannot_take_it_stays_as_it_is(self, tmp_path: Path) -> None:
        path = tmp_path / "s.toml"
        for text, message in (
            ("fade = 3", "'fade' is not known"),
            ("scene = [{name='a', alpha=1}]", r"write \[\[scene"),
        ):
            path.write_text(text)
            with pytest.raises(ControlError, match=message):
                write_saved(path, [Scene(name="b", style="c")])
            assert path.read_text() == text
        with pytest.raises(ControlError, match="no scenes file at"):
            write_saved(tmp_path / "none.toml", [Scene(name="b", style="c")])
        assert list(tmp_path.iterdir()) == [path]


def test_the_documents_have_every_key() -> None:
    text = CONTROL_MD.read_text().split("## Scenes")[1].split("\n## ")[0]
    for key in _KEYS:
        assert f"`{key}`" in text
    scenes = parse_scenes(text.split("```toml\n")[1].split("```")[0], origin="docs/control.md")
    assert len(scenes) >= 3 and cast(scenes, [], CONTROL_MD).notes == []
