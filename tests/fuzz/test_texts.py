"""Texts of outside: TOML files of each kind, recipes, automation, and the words of a command line."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import typer
from hypothesis import given
from hypothesis import strategies as st

from stylefader.engines.graph.sizes import FrameSizes
from stylefader.realtime.automation.automation_file import file_text
from stylefader.realtime.automation.columns import column_places
from stylefader.realtime.automation.csv_file import parse_automation_file
from stylefader.realtime.automation.keyframes import Automation, parse_inline
from stylefader.realtime.automation.take_words import mask_moments, take_word
from stylefader.realtime.controls.mapping.learn import learned
from stylefader.realtime.controls.mapping.mapping import Mapping, parse_mapping
from stylefader.realtime.controls.midi.port_names import fits, is_ours, is_stylefader, split
from stylefader.realtime.controls.osc.address import parse_osc_address
from stylefader.realtime.controls.scenes.saved_scenes import saved
from stylefader.realtime.controls.scenes.scene_file import Scene, parse_scenes
from stylefader.realtime.media.timecode import exact_time, parse_time
from stylefader.realtime.media.transparency import parse_colour
from stylefader.realtime.parameters.parameter import Parameter
from stylefader.realtime.sinks.live.stream import protocol_of, shown_address
from stylefader.realtime.sources.files.pictures import is_picture, is_sequence, numbered_name
from stylefader.realtime.sources.live.cameras import CameraInfo, find_camera
from stylefader.realtime.sources.live.screen import parse_screen
from stylefader.realtime.sources.live.stream import scheme_of, without_secrets
from stylefader.tools.commands.engine import parse_sizes
from stylefader.tools.console.printable import one_line
from stylefader.tools.parsing import parse_factor, parse_rate, parse_size, parse_time_option
from stylefader.training.errors import ControlError, PackError, StylefaderError, TrainingError
from stylefader.training.loop.recipe import Recipe
from stylefader.training.loop.recipe_reading import RECIPES, find_recipe, read_recipe
from stylefader.training.packs.library import find_pack
from stylefader.training.reading.toml_text import parse_toml, parse_value
from stylefader.training.settings import TrainSettings
from tests.fuzz.given import ANY_TEXT, FILE_TEXT, TOML_VALUE, damaged, fuzz, survives
from tests.realtime.controls.player import event

MAPPING = b"""[[map]]
kind = "cc"
number = 7
channel = 1
port = "nano"
target = "alpha0"
range = [0.0, 1.0]
curve = "slow"

[[map]]
kind = "note"
number = 60
target = "scene"
to = "night"

[keys]
"alpha up" = ["up", "+"]

[[lfo]]
target = "alpha"
shape = "sine"
beats = 4
depth = 0.3

[[sound]]
target = "alpha1"
band = "low"
amount = 0.5

[clock]
bpm = 120
"""
SCENES = b"""[[scene]]  # the first
name = "night"
style = "great_wave"
alpha = [0.2, 1, 0.5]
fade = 2

[[scene]]
name = "dark"
blackout = true
"""
SHEET = b"# 0 style great_wave\ntime,alpha0,alpha1,ease\n0,0,0,smooth\n# more\n0:01,1,1,hold\n1.5,0.2,0.5,linear\n"
RECIPE = (RECIPES / "pair.toml").read_bytes()
SECTIONS = [
    "[[map]]",
    "[map]",
    "[[scene]]",
    "[scene]",
    "[[lfo]]",
    "[[sound]]",
    "[keys]",
    "[clock]",
    "[styles.a]",
    "[main]",
]
KEYS = ["kind", "number", "channel", "port", "target", "range", "curve", "relative", "step", "to", "mode", "feedback",
        "invert", "pickup", "name", "style", "alpha", "fade", "blackout", "freeze", "bpm", "shape", "beats", "depth",
        "hz", "phase", "band", "bands", "amount", "attack", "release", "objective", "picture", "title", "iterations",
        "width", "crop", "style_weight", "main_pack", "output", "photos", "low", "high",
        "quit", "alpha up", "scene 1"]  # fmt: skip
LINE = st.one_of(
    st.sampled_from(SECTIONS),
    st.tuples(st.sampled_from(KEYS), TOML_VALUE).map(lambda pair: f"'{pair[0]}' = {pair[1]}"),
    FILE_TEXT,
)
TOML = st.lists(LINE, max_size=8).map("\n".join)


def text_of(data: bytes) -> str:
    return data.decode("utf-8", "replace")


@fuzz(60)
@given(TOML | ANY_TEXT)
def test_toml(text: str) -> None:
    survives(lambda: parse_toml(text, origin="t", error=ControlError))
    survives(lambda: parse_value(text, origin="t", error=ControlError))


@fuzz(60)
@given(TOML | ANY_TEXT | damaged(MAPPING).map(text_of))
def test_mapping_files(text: str) -> None:
    found = survives(lambda: parse_mapping(text, origin="t"))
    assert isinstance(found, Mapping | ControlError)
    if isinstance(found, Mapping):
        again = survives(lambda: learned(text, "alpha1", event("cc", 5), port="x", origin="t"))
        assert isinstance(again, str | ControlError)


@fuzz(60)
@given(TOML | ANY_TEXT | damaged(SCENES).map(text_of))
def test_scenes_files(text: str) -> None:
    found = survives(lambda: parse_scenes(text, origin="t"))
    if not isinstance(found, ControlError):
        new = Scene(name="dark", style="great_wave", alpha=(0.5, 0.25))
        again = survives(lambda: saved(text, [new], origin="t"))
        assert isinstance(again, ControlError) or len(parse_scenes(again, origin="t")) >= len(found)


@fuzz(40, share=0.3)
@given(text=TOML | damaged(RECIPE).map(text_of), changes=st.lists(
    st.tuples(st.sampled_from([*KEYS, "main.iterations", "train.crop", "styles.a.picture", "a." * 99, ""]),
              TOML_VALUE | ANY_TEXT).map("=".join), max_size=2))  # fmt: skip
def test_recipes(tmp_path: Path, text: str, changes: list[str]) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    for given_changes in ((), changes):
        found = survives(lambda changes=given_changes: read_recipe(path, changes))  # type: ignore[misc]
        assert isinstance(found, Recipe | TrainingError)


@fuzz(30)
@given(st.lists(st.tuples(st.sampled_from([*KEYS, "main.iterations", "main.style", "blocks.seed", "train.temporal",
                                           "styles.first", "styles.first.year"]), TOML_VALUE | ANY_TEXT).map("=".join),
                min_size=1, max_size=3))  # fmt: skip
def test_changes_to_a_recipe(changes: list[str]) -> None:
    found = survives(lambda: read_recipe(RECIPES / "pair.toml", changes))
    assert isinstance(found, Recipe | TrainingError)
    if isinstance(found, Recipe):
        assert all(isinstance(part.settings, TrainSettings) for part in found.parts)
        assert found.low <= found.default <= found.high


@fuzz(60)
@given(ANY_TEXT | damaged(SHEET).map(text_of))
def test_automation_files(text: str) -> None:
    file = survives(lambda: parse_automation_file(text, origin="t"))
    if not isinstance(file, StylefaderError):
        for comment in file.comments:
            take_word(comment)
        moments = mask_moments(file.comments)
        assert moments == sorted(moments, key=lambda moment: moment.time)
        again = parse_automation_file(file_text(file), origin="t")
        assert [keyframe.time for keyframe in again.automation.keyframes] == [k.time for k in file.automation.keyframes]
        sizes = {name: len(own) for name, own in column_places(file.columns).items()}
        parameters = [Parameter.even(name, size, low=0, high=0, default=0) for name, size in sizes.items()]
        values = file.automation.values(Fraction(1, 3), parameters)
        assert {name: len(own) for name, own in values.items()} == sizes


WORD = st.one_of(
    ANY_TEXT,
    st.text("0123456789:./x,-+eE_%@[]?#& infa", max_size=24),
    st.sampled_from([
        "9" * 5000, "1e999999999", "1/0", "9" * 5000 + "x1", "1x" + "9" * 5000, "0x0", "-1x5", "1" + ":1" * 3000, "٣",
        "²x²", "http://[::1", "rtmp://[", "rtmp://user:pass@[::1/live/key", "udp://:99999999999", "http://a:b:c/",
        "screen:", "screen:" + "9" * 5000, "a:" + "9" * 5000, "[::1]:9000", "%0999999999d.png", "a%d%d.png", "a\0b.mp4",
        "a" * 5000, "64x64..1920x1080", "#fff", "#٣٣٣", "rgb(1,2,3)", "1,2,٣", "file:..", "/dev/video99999",
        "0s:0 1s:1", "0s:0:hold", "inf", "nan", "1e400", "0:nan", "::::", "0.5,0.5,",
    ]),
)  # fmt: skip


@fuzz(150)
@given(WORD)
def test_words_of_the_command_line(word: str) -> None:
    for parse in (parse_size, parse_time_option, parse_rate, parse_factor, parse_sizes):
        survives(lambda parse=parse: parse(word), typer.BadParameter)  # type: ignore[misc]
    time = survives(lambda: parse_time(word), ValueError)
    if isinstance(time, Fraction):
        assert parse_time(exact_time(time)) == time
    automation = survives(lambda: parse_inline(word))
    if isinstance(automation, Automation):
        assert automation.bounds()[0] <= automation.bounds()[1]
    survives(lambda: FrameSizes.parse(word))
    survives(lambda: parse_osc_address(word))
    survives(lambda: parse_screen(word))
    survives(lambda: parse_colour(word))
    survives(lambda: protocol_of(word))
    survives(lambda: find_camera(word, [CameraInfo(number=0, name="Cam", address="0:none")]))
    for address in (word, f"rtmp://{word}", f"http://user:secret@{word}"):
        scheme_of(address)
        assert "secret" not in str(survives(lambda address=address: without_secrets(address)))  # type: ignore[misc]
        survives(lambda address=address: shown_address(address))  # type: ignore[misc]


@fuzz(60)
@given(ANY_TEXT, ANY_TEXT)
def test_names_of_files_ports_and_styles(name: str, part: str) -> None:
    assert isinstance(survives(lambda: find_pack(name)), Path | PackError)
    assert isinstance(survives(lambda: find_recipe(name)), Path | TrainingError)
    for ending in (".png", "%d.png", "%0999999999d.png", ".mp4"):
        path = Path(f"{name}{ending}".replace("\0", ""))
        if path.name:
            is_picture(path)
            is_sequence(path)
            assert len(numbered_name(path, 7)) < 1000
    split(name)
    fits(name, part)
    assert not (is_ours(name) and not is_stylefader(name))
    line = one_line(f"{name}\n{part}")
    assert line.isprintable()
