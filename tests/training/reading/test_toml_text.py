from __future__ import annotations

import os
from pathlib import Path

import pytest

from stylefader.training.errors import ControlError, TrainingError
from stylefader.training.files import read_at_most
from stylefader.training.reading.toml_text import MOST_BYTES, parse_toml, read_text, read_toml

HOSTILE = {
    "long number": ("a = 1\nb = " + "9" * 5000, "a.toml, line 2: a number of thousands of digits"),
    "long number in hex": ("[[map]]\nnumber = 0x" + "f" * 4000, r"map\[1\].number is a whole number of more than 64"),
    "65 bits": ("[a]\nb = 9223372036854775808", "a.b is a whole number of more than 64 bits"),
    "deep arrays": ("a = " + "[" * 3000 + "]" * 3000, "nested deeper than 24"),
    "deep arrays that Python bears": ("a = " + "[" * 100 + "]" * 100, "nested deeper than 24"),
    "deep tables": ("a = " + "{a=" * 3000 + "1" + "}" * 3000, "nested deeper than 24"),
    "keys of many parts": ("b = 1\na" + ".a" * 200_000 + " = 1", "line 2: a key of more than 24 parts"),
    "quoted keys of many parts": ("[" + '"a". ' * 50_000 + "a]\nb=1", "line 1: a key of more than 24 parts"),
    "NUL": ("a = 1\0", "at line 1, column 6"),
    "surrogate": ("a = '\udc80'", "half a surrogate pair"),
    "surrogate in a key": ("['\udc80']", "half a surrogate pair"),
    "escape of a surrogate": (r'a = "\ud800"', "line 1"),
    "escape": ("a = \x1b[2J", "line 1"),
    "no end": ('a = """' + "b" * 100, "at end of document"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_safe_toml_is_refused_in_one_line_of_ours(name: str) -> None:
    text, words = HOSTILE[name]
    with pytest.raises(ControlError, match=words) as caught:
        parse_toml(text, origin="a.toml", error=ControlError)
    assert str(caught.value).startswith("a.toml")
    assert len(str(caught.value).splitlines()) == 1 and len(str(caught.value)) < 200


def test_the_largest_that_is_taken_is_taken() -> None:
    text = f"a = {2**63 - 1}\nb = {-(2**63)}\nc = {'[' * 23}{']' * 23}\nd = '{'9' * 5000}'\ne = '{'.' * 5000}'\n"
    table = parse_toml(text, origin="a.toml", error=ControlError)
    assert (table["a"], table["b"], table["d"]) == (2**63 - 1, -(2**63), "9" * 5000)
    assert parse_toml(".".join("a" * 24) + " = 1", origin="a.toml", error=ControlError)


def test_words_and_numbers_of_any_length_are_looked_through_once() -> None:
    for text in ("a" * 2**20, '"' * 2**20, "9" * (2**20 - 10), "a." * 23 + "a" * 2**19, ("'" + "a" * 99) * 10_000):
        with pytest.raises(ControlError):
            parse_toml(text, origin="a.toml", error=ControlError)  # minutes, if the square of it


def test_a_file_is_read_as_text_whatever_its_editor(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\n\r\nb = 'x'\r\n")
    assert read_text(path, "recipe", error=TrainingError) == "a = 1\n\nb = 'x'\n"
    assert read_toml(path, "recipe", error=TrainingError) == {"a": 1, "b": "x"}


def test_what_is_no_file_of_ours_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    refused: list[tuple[Path, str]] = [
        (path, "no recipe at"),
        (tmp_path, "cannot read the recipe .*: Is a directory"),
        (tmp_path / ("a" * 300), "cannot read the recipe .*: File name too long"),
        (tmp_path / "a\0b", "cannot read the recipe .*: embedded null byte"),
        (Path("/dev/zero"), "larger than 1 MiB: is this the recipe"),
    ]
    for file, words in refused:
        with pytest.raises(TrainingError, match=words):
            read_text(file, "recipe", error=TrainingError)
    path.write_bytes(b"a = 1\nb = '\xff'\n")
    with pytest.raises(TrainingError, match="line 2 is not UTF-8"):
        read_text(path, "recipe", error=TrainingError)
    path.write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(TrainingError, match="larger than 1 MiB"):
        read_text(path, "recipe", error=TrainingError)
    path.write_bytes(b"#" * MOST_BYTES)
    assert len(read_text(path, "recipe", error=TrainingError)) == MOST_BYTES


def test_a_link_is_followed_and_never_read_whole(tmp_path: Path) -> None:
    (tmp_path / "endless").symlink_to("/dev/zero")
    assert read_at_most(tmp_path / "endless", 12_345) == bytes(12_345)
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(OSError, match="symbolic links"):
        read_at_most(tmp_path / "round", 10)


def test_a_pipe_is_read_to_its_end_and_a_silent_one_given_up(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    try:
        os.write(writer, b"a = 1")
        with pytest.raises(TimeoutError, match="nothing came"):
            read_at_most(Path(f"/dev/fd/{reader}"), 100, wait_s=0.01)
        os.write(writer, b"b" * 10)
        os.close(writer)
        writer = -1
        assert read_at_most(Path(f"/dev/fd/{reader}"), 100) == b"b" * 10
        os.mkfifo(tmp_path / "pipe")  # nobody writes into it
        with pytest.raises(TimeoutError, match="nothing came"):
            read_at_most(tmp_path / "pipe", 100, wait_s=0.01)
    finally:
        os.close(reader)
        if writer != -1:
            os.close(writer)
