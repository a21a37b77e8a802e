"""The segmenter that is found by itself: MediaPipe's selfie segmenter (Google, Apache 2.0), once it has been fetched.

It comes out of an npm package, whose archive is downloaded over HTTPS, and is used only if its hash is the known one.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from stylefader.training.errors import MaskError
from stylefader.training.files import read_whole, written_whole

COMMAND = "stylefader models fetch person"
_TIMEOUT_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Fetchable:
    """A file inside an archive on the network.

    Attributes:
        name: Of the file once it is here.
        url: Of the archive, a gzipped tar.
        member: Of the file in the archive.
        sha256: Of the file, in hexadecimal.
        archive_limit: The most bytes that the archive may have.
        limit: The most bytes that the file may have.
        licence: Of the file.
    """

    name: str
    url: str
    member: str
    sha256: str
    archive_limit: int
    limit: int
    licence: str


PERSON = Fetchable(
    name="selfie_segmentation.tflite",
    url="https://registry.npmjs.org/@mediapipe/selfie_segmentation/-/selfie_segmentation-0.1.1675465747.tgz",
    member="package/selfie_segmentation.tflite",
    sha256="8d13b7fae74af625c641226813616a2117bd6bca19eb3b75574621fc08557f27",
    archive_limit=8 << 20,
    limit=1 << 20,
    licence="Apache 2.0",
)


def default_folder() -> Path:
    """`models` in the user's data folder of stylefader."""
    from platformdirs import user_data_path

    return user_data_path("stylefader", appauthor=False) / "models"


def installed(what: Fetchable = PERSON, folder: Path | None = None) -> Path | None:
    """Where the file is, if it is here and is the known one; else None."""
    path = (folder or default_folder()) / what.name
    try:
        data = read_whole(path, limit=what.limit)
    except OSError:
        return None
    return path if _sha256(data) == what.sha256 else None


def person_model(folder: Path | None = None) -> Path:
    """The segmenter of `--where person`. Raises MaskError with the command that fetches it."""
    path = installed(PERSON, folder)
    if path is None:
        raise MaskError(
            f"there is no segmenter yet: {COMMAND} downloads one (4 MB, of which 250 kB stay), "
            "or name a file of your own by --person-model"
        )
    return path


def fetch(what: Fetchable = PERSON, folder: Path | None = None) -> Path:
    """Download the archive, take the file out of it and keep it.

    Args:
        what: What is wanted.
        folder: Where to keep it; the user's data folder where None.

    Returns:
        Where the file is.

    Raises:
        MaskError: It cannot be had, is too large, or is another one than expected. Nothing is left then.
    """
    try:
        with urllib.request.urlopen(what.url, timeout=_TIMEOUT_S) as answer:
            archive = answer.read(what.archive_limit + 1)
    except (OSError, ValueError) as error:  # URLError, timeouts and bad answers are OSErrors
        raise MaskError(f"{what.url} cannot be read: {getattr(error, 'reason', error)}", failure=True) from error
    if len(archive) > what.archive_limit:
        raise MaskError(f"{what.url} is larger than the {what.archive_limit >> 20} MiB that are read", failure=True)
    data = _taken_out(archive, what)
    if _sha256(data) != what.sha256:
        raise MaskError(f"{what.member} of {what.url} is not the known file: its hash is another one", failure=True)
    path = (folder or default_folder()) / what.name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as file:
            file.write(data)
    except OSError as error:
        raise MaskError(f"{path} cannot be written: {error.strerror or error}", failure=True) from error
    return path


def _taken_out(archive: bytes, what: Fetchable) -> bytes:
    """The file, read in memory: nothing of the archive is ever unpacked onto the disk."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            member = tar.getmember(what.member)
            file = tar.extractfile(member) if member.isreg() and member.size <= what.limit else None
            if file is not None:
                return file.read(what.limit)
    except (tarfile.TarError, KeyError, OSError, EOFError) as error:
        raise MaskError(f"{what.url} has no {what.member}", failure=True) from error
    raise MaskError(f"{what.member} of {what.url} is not the known file: it is larger", failure=True)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
