"""What goes along from the input file to the output file beside the picture: tracks, chapters, words about it."""

from __future__ import annotations

import mimetypes
from fractions import Fraction
from typing import Any

from av.container import OutputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from stylefader.realtime.sinks.files.containers import Container, can_hold
from stylefader.realtime.sources.files.video_file import VideoFileSource

# Written by the muxer itself, or true of the old picture only.
_NOT_CARRIED = {
    "encoder",
    "major_brand",
    "minor_version",
    "compatible_brands",
    "rotate",
    "duration",
    "bps",
    "number_of_frames",
    "number_of_bytes",
    "vendor_id",
}
# The words that MP4 files have a fixed place for; anything else needs the free form that fewer players read.
_MP4_WORDS = {
    "title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright", "grouping",
    "lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "track", "disc", "creation_time",
    "media_type", "hd_video", "season_number", "episode_sort", "compilation", "gapless_playback", "tmpo",
}  # fmt: skip


def carry_tracks(
    source: VideoFileSource, output: OutputContainer, container: Container, notes: list[str]
) -> dict[int, Stream]:
    """Add every track of the source that the container holds; {index in the source: stream of the output}.

    Says in `notes` which tracks stay behind.
    """
    carried: dict[int, Stream] = {}
    covers = {stream.index: data for stream, data in source.cover_pictures()}
    for track in source.tracks:
        if track.disposition & Disposition.attached_pic and container.muxer in ("matroska", "webm"):
            if container.muxer == "matroska" and track.index in covers:
                kind = track.codec_context.name if track.codec_context is not None else "png"
                kind = {"mjpeg": "jpeg"}.get(kind, kind)
                name = track.metadata.get("filename") or f"cover.{'jpg' if kind == 'jpeg' else kind}"
                mime = track.metadata.get("mimetype") or mimetypes.guess_type(name)[0] or f"image/{kind}"
                output.add_attachment(name, mime, covers[track.index])
            else:
                notes.append(f"{container.title} cannot hold the cover picture; it is left out")
        elif _is_chapter_track(track, source):
            continue  # the muxer writes it anew from the chapters
        elif is_further_picture(track) and (source.start or source.stop is not None):
            # Undecoded, it can only be cut where a picture stands by itself.
            notes.append(f"a part of the file is written: {_words(track)} is left out; write all of it to keep that")
        elif not can_hold(container, track):
            notes.append(f"{container.title} cannot hold {_words(track)}; it is left out")
        else:
            stream = output.add_stream_from_template(track, opaque=True)
            stream.metadata.update(_kept(track.metadata))
            stream.disposition = track.disposition
            carried[track.index] = stream
    return carried


def is_further_picture(track: Stream) -> bool:
    """Whether a track is a second moving picture; a cover is none."""
    return track.type == "video" and not track.disposition & Disposition.attached_pic


def _is_chapter_track(track: Stream, source: VideoFileSource) -> bool:
    return track.type == "data" and bool(source.chapters) and getattr(track, "name", None) == "bin_data"


def _words(track: Stream) -> str:
    codec = track.codec_context.name if track.codec_context is not None else getattr(track, "name", None)
    language = track.metadata.get("language", "und")
    tail = "" if language == "und" else f", {language}"
    return f"{track.type} track {track.index} ({codec or 'unknown kind'}{tail})"


def carry_metadata(source: VideoFileSource, output: OutputContainer, stream: VideoStream) -> None:
    """The words about the file and its picture (title, date, language), without those the old picture alone had."""
    output.metadata.update(_kept(source.metadata))
    stream.metadata.update(_kept(source.stream_metadata))
    stream.disposition = source.disposition


def needs_free_tags(source: VideoFileSource) -> bool:
    """Whether an MP4 must use its free form of metadata to keep all words of the source."""
    return any(key.lower() not in _MP4_WORDS for key in _kept(source.metadata))


def _kept(metadata: dict[str, str]) -> dict[str, str]:
    def dropped(key: str) -> bool:
        lower = key.lower()
        return lower in _NOT_CARRIED or lower.partition("-")[0] in _NOT_CARRIED or lower.startswith("_statistics_")

    # Matroska writes the common words in capitals, MP4 knows them in small letters only.
    return {
        key.lower() if key.lower() in _MP4_WORDS else key: value for key, value in metadata.items() if not dropped(key)
    }


def carried_chapters(source: VideoFileSource, origin: Fraction) -> list[Any]:
    """The chapters that touch the source's range, moved by `origin` and cut to the range."""
    first = source.origin
    last = None if source.stop is None else source.clock_zero + source.stop
    chapters = []
    for chapter in source.chapters:
        tick = chapter["time_base"]
        begin, end = chapter["start"] * tick, chapter["end"] * tick
        if source.start:
            begin = max(begin, first)
        if last is not None:
            end = min(end, last)
        if end <= begin:
            continue
        moved = {**chapter, "start": round((begin - origin) / tick), "end": round((end - origin) / tick)}
        chapters.append(moved)
    return chapters
