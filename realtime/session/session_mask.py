"""The source of masks of a session: opened, changed while it plays, and ended with it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from stylefader.realtime.masks.base import NO_MASK, MaskChoice, MaskUse
from stylefader.realtime.masks.live_mask import LiveMask
from stylefader.realtime.pipeline.events import Note, Tell
from stylefader.realtime.pipeline.stylizer import Stylizer
from stylefader.realtime.session.events import MaskFailed
from stylefader.realtime.session.mask_words import FindMask
from stylefader.realtime.session.performance import Performance
from stylefader.training.errors import ControlError, SourceError, StylefaderError


class SessionMask:
    """Any thread changes it. The one that owns the session asks `changed` and orders engines by `wanted`.

    wanted: whether engines with a mask are. followed: told, after every change, which source there is now. find: finds
    sources by the words of `--where`.
    """

    def __init__(
        self,
        stylizer: Stylizer,
        performance: Performance,
        tell: Tell,
        *,
        height: int,
        width: int,
        find: FindMask | None = None,
    ) -> None:
        self._stylizer, self._performance, self._tell = stylizer, performance, tell
        self._size, self._find = (height, width), find
        self.followed: Callable[[MaskChoice | None], None] = lambda choice: None
        self._lock = threading.Lock()  # over all below
        self._mask: LiveMask | None = None
        self._changed = self._over = False
        self._used = NO_MASK
        self.wanted = False

    def change(self, choice: MaskChoice | None) -> None:
        """Part the inside and the outside by another source of masks, or by none.

        Raises:
            StylefaderError: The source cannot be opened; the present one stays.
            SourceError: The session is over.
        """
        opened = None
        if choice is not None:
            opened = LiveMask(
                choice.open(*self._size),
                *self._size,
                words=choice.words,
                parameters=choice.parameters,
                show=self._stylizer.show,
                failed=self._failed,
                said=self._said,
            )
        with self._lock:
            over = self._over
            if not over:
                before, self._mask = self._mask, opened
                self._stylizer.mask_of = opened
                self.wanted, self._changed = choice is not None, True
                self._performance.use_mask(None if choice is None else choice.parameters)
        if over:
            if opened is not None:
                opened.close()
            raise SourceError("the mask is not taken: the session is over")
        if before is not None:
            before.close()
        self.followed(choice)

    def choose(self, word: str) -> str:
        """Change to the source that a word of `--where` means.

        Args:
            word: As on the command line.

        Returns:
            What is inside now, in words.

        Raises:
            ControlError: It means nothing, or cannot be had; the present one stays.
        """
        if self._find is None:
            raise ControlError("this session finds no masks by words")
        try:
            choice = self._find(word)
            self.change(choice)
        except StylefaderError as error:
            raise ControlError(str(error)) from error
        words = f"inside: {'all' if choice is None else choice.words}"
        self._said(words)
        return words

    @property
    def words(self) -> str | None:
        """What the present source is, in words; None where there is none."""
        mask = self._mask
        return mask.words if mask is not None else None

    def used(self) -> MaskUse:
        """What the frame that was just begun got. For the stylizer's thread."""
        mask = self._mask
        if mask is None or not self._stylizer.masked:
            self._used = NO_MASK
        elif mask.used is not None:  # else the mask was changed since
            self._used = mask.used
        return self._used

    def changed(self) -> bool:
        """Whether it was changed since the last call."""
        with self._lock:
            changed, self._changed = self._changed, False
        return changed

    def end(self) -> None:
        """Close the source, and take no other one from now on; harmless twice."""
        with self._lock:
            self._over = True
            mask, self._mask = self._mask, None
        if mask is not None:
            mask.close()

    def _said(self, note: str) -> None:
        self._tell(Note(words=note))

    def _failed(self, error: Exception) -> None:
        self._tell(MaskFailed(why=str(error) or type(error).__name__))
