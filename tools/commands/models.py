"""`stylefader models`: networks beside the styles, which are fetched when somebody asks for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stylefader.tools.console.help import Commands
from stylefader.tools.console.messages import print_json, print_table, say

app = Commands("Fetch networks that come from elsewhere, such as the segmenter of live --where person.")
_KNOWN = "person"


@app.command("list")
def list_models(
    folder: Annotated[Path | None, typer.Option(help="Look in this folder. [default: the user's data folder]")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List the networks that can be fetched, and whether they are here."""
    from stylefader.realtime.masks.person.installed import PERSON, installed

    path = installed(PERSON, folder)
    row = {"name": _KNOWN, "file": None if path is None else str(path), "licence": PERSON.licence, "url": PERSON.url}
    if json:
        print_json([row])
    else:
        print_table(("name", "file", "licence"), [(_KNOWN, str(path or "not here yet"), PERSON.licence)])


@app.command("fetch")
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which one: person.")],
    folder: Annotated[
        Path | None, typer.Option(help="Keep it in this folder. [default: the user's data folder]")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print where it is as JSON.")] = False,
) -> None:
    """Download a network, check that it is the known file, and keep it.

    person is MediaPipe's selfie segmenter (Google, Apache 2.0), from the npm package @mediapipe/selfie_segmentation:
    4 MB are downloaded, of which 250 kB are kept.
    """
    from stylefader.realtime.masks.person.installed import PERSON, installed
    from stylefader.realtime.masks.person.installed import fetch as fetch_it
    from stylefader.training.errors import MaskError

    if name != _KNOWN:
        raise MaskError(f"there is no network {name[:40]!r} to fetch; there is {_KNOWN}")
    path = installed(PERSON, folder)
    if path is None:
        say(f"downloading {PERSON.url}")
        path = fetch_it(PERSON, folder)
    say(f"{name}: {path} ({PERSON.licence})")
    if json:
        print_json({"name": name, "file": str(path), "licence": PERSON.licence})
