"""`stylefader scenes`, and a session that is played by scenes."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path

import pytest
from pythonosc.osc_message_builder import build_msg
from pythonosc.osc_packet import OscPacket

from stylefader.engines import open_engine
from stylefader.realtime.automation.csv_file import read_csv
from stylefader.training.packs.pack import save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack
from tests.realtime.controls.midi.jack import Controller
from tests.tools.live import WAIT_S, playing, until, words
from tests.tools.program import stylefader

FILE = """# the show
[[scene]]
name = "verse"
alpha = 0.25
fade = 0.2

[[scene]]  # another style
name = "chorus"
style = "other.safetensors"
alpha = 0.75
fade = 0.5
"""


@pytest.fixture(scope="module")
def show(stage: Path) -> Path:
    """The stage with a second style of one block, which only scenes name, its engine in the cache."""
    save_pack(random_pack(stage / "other.safetensors", places=("residual3",), seed=1))
    open_engine(PackFile(stage / "other.safetensors"), 64, 96, backend="openvino", cache_dir=stage / "c")[0].close()
    return stage


def test_list(show: Path) -> None:
    (show / "list.toml").write_text(
        FILE + '\n[[scene]]\nname = "[b]"\nstyle = "small"\nalpha = [0, 1, 2]\nfreeze=true\n'
    )
    done = stylefader("scenes", "list", "list.toml", "--style", "small.safetensors", "--json", cwd=show)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "list.toml, line 13: scene '[b]': alpha is kept within small's range, 0 to 1\n"
    first, second, third = json.loads(done.stdout)
    assert (first["number"], first["name"], first["style"], first["alpha"]) == (1, "verse", None, 0.25)
    assert (second["style"], second["file"], second["fade"]) == ("other", "other.safetensors", 0.5)
    assert (third["alpha"], third["flags"], third["line"]) == ([0, 1, 2], {"freeze": True}, 13)
    table = stylefader("scenes", "list", "list.toml", "--style", "small.safetensors", cwd=show).stdout
    assert "chorus  other  0.75     0.5 s" in table and "[b]" in table and "freeze on" in table


def test_list_checks_and_shows_what_a_mask_has(show: Path) -> None:
    (show / "masks.toml").write_text(
        '[[scene]]\nname = "a"\nmask_inverted = true\nparameters = { alpha_outside = [0, 1, 0.5], mix_outside = 1.5 }\n'
        '[[scene]]\nname = "b"\nparameters = { mask_x = 0.25, mask_width = 3, mask_wdth = 1, colour_outside = 0.5 }\n'
    )
    for style in (("--style", "small.safetensors"), ()):
        done = stylefader("scenes", "list", "masks.toml", *style, "--json", cwd=show)
        assert done.returncode == 0, done.stderr
        first, second = json.loads(done.stdout)
        assert first["parameters"] == {"alpha_outside": [0, 1, 0.5], "mix_outside": 1.5}
        assert first["flags"] == {"mask_inverted": True}
        assert second["parameters"]["mask_x"] == 0.25
        assert "scene 'b': mask_width is kept within its range, 0 to 2\n" in done.stderr
        assert "scene 'b': no mask has mask_wdth: there are mask_x, mask_y" in done.stderr
        assert ("scene 'a': mix_outside is kept within small's range, 0 to 1" in done.stderr) == bool(style)
    assert "mask_x 0.25" in " ".join(stylefader("scenes", "list", "masks.toml", cwd=show).stdout.split())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[[scene]]\nname = "a"\nparameters = { mask_x = [0, 1] }',
            "s.toml, line 1: scene 'a': mask_x has 2 numbers; it takes 1",
        ),
        (
            '[[scene]]\nname = "a"\nparameters = { alpha_outside = [0, 1, 0, 1] }',
            "s.toml, line 1: scene 'a': alpha_outside has 4 numbers; small takes 3 at most",
        ),
        (
            '[[scene]]\nname = "a"\nstyle = "great_wav"',
            "s.toml, line 1: scene 'a': no style named 'great_wav': did you",
        ),
        (
            '[[scene]]\nname = "a"\nstyle = "small"\nalpha = [1]',
            "s.toml, line 1: scene 'a': alpha has 1 numbers; small",
        ),
        ("[[scene]]\nalpha = 1", "s.toml, line 1: this [[scene]] has no name"),
        (None, "no scenes file at s.toml"),
    ],
)
def test_what_does_not_fit_is_refused_at_the_start(show: Path, text: str | None, message: str) -> None:
    (show / "s.toml").unlink(missing_ok=True)
    if text is not None:
        (show / "s.toml").write_text(text)
    for line in (("scenes", "list", "s.toml", "--style", "small.safetensors"),
                 words("testcard", "--no-window", "--sink", "null", "--scenes", "s.toml")):  # fmt: skip
        done = stylefader(*line, cwd=show)
        assert done.returncode == 2, done.stderr
        assert message in done.stderr.strip().splitlines()[-1] and "Traceback" not in done.stderr


def test_a_session_played_by_scenes(show: Path, nano: Controller) -> None:
    (show / "scenes.toml").write_text(FILE)
    (show / "c.toml").write_text(
        '[[map]]\nkind="program"\ntarget="scene"\n[[map]]\nkind="note"\nnumber=40\ntarget="scene"\nto="bridge"\n'
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        address = free.getsockname()
    more = ("--no-window", "--sink", "null", "--stats", "scenes.jsonl", "--map", "c.toml", "--osc", str(address[1]),
            "--scenes", "scenes.toml", "--record-automation", "scenes.csv")  # fmt: skip

    def row() -> tuple[object, ...]:
        rows = (show / "scenes.jsonl").read_text().splitlines()
        last = json.loads(rows[-1]) if rows else dict.fromkeys(("scene", "style", "alpha", "coming"))
        return last["scene"], last["style"], last["alpha"], last["coming"]

    with playing("testcard", *more, cwd=show) as run, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(WAIT_S)

        def told() -> object:
            """What the next message about scenes says."""
            while True:
                (timed,) = OscPacket(client.recv(4096)).messages
                if timed.message.address == "/stylefader/scene":
                    return timed.message.params[0]

        client.sendto(build_msg("/stylefader/subscribe", []).dgram, address)
        assert told() == ""
        client.sendto(build_msg("/stylefader/scene", "chorus").dgram, address)
        assert told() == "chorus"
        until(lambda: row() == ("chorus", "other", [0.75], None))
        nano.play([0xC0, 0])
        assert told() == "verse"
        until(lambda: row() == ("verse", "other", [0.25], None))
        client.sendto(build_msg("/stylefader/alpha", 0.5).dgram, address)
        client.sendto(build_msg("/stylefader/style", 1).dgram, address)
        assert told() == ""
        until(lambda: row() == (None, "small", [0.5] * 3, None))
        client.sendto(build_msg("/stylefader/alpha/2", 1.0).dgram, address)
        client.sendto(build_msg("/stylefader/scene/save", "bridge").dgram, address)
        until(lambda: "bridge" in (show / "scenes.toml").read_text())
        nano.play([0xC0, 0])
        assert told() == "verse"
        until(lambda: row() == ("verse", "small", [0.25] * 3, None))
        until(lambda: (nano.play([0x90, 40, 100], [0x80, 40, 0]), row() == ("bridge", "small", [0.5, 0.5, 1], None))[1])
        until(lambda: (show / "scenes.csv").read_text().endswith(",0.5,0.5,1,1,0,0,1\n"))
        run.send_signal(signal.SIGTERM)
        assert run.wait(WAIT_S) == 0
        # As it was at the start, before it was saved.
        assert run.stderr is not None and "c.toml, line 4: there is no scene 'bridge'" not in run.stderr.read()
    assert (show / "scenes.toml").read_text() == (
        f'{FILE}\n[[scene]]\nname = "bridge"\nstyle = "small.safetensors"\nalpha = [0.5, 0.5, 1.0]\n'
        "parameters = {mix = 1.0, colour = 0.0, steady = 0.0, stroke = 1.0}\n"
    )
    keyframes = read_csv(show / "scenes.csv").keyframes
    assert keyframes[-1].values[:3] == pytest.approx((0.5, 0.5, 1), abs=1e-3)
    assert any(0.3 < keyframe.values[0] < 0.7 for keyframe in keyframes), "it faded"
    styles = [line.split()[3] for line in (show / "scenes.csv").read_text().splitlines() if " style " in line]
    assert styles == ["small", "other", "small"]
