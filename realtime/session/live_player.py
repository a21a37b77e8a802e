"""The part of a live session that controls play: `Player`, done by its performance, its flags and its mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stylefader.engines.inputs import Array
from stylefader.realtime.parameters.flags import OutputFlags
from stylefader.realtime.parameters.parameter import Parameter, Values
from stylefader.realtime.parameters.style_pad import parse_corners
from stylefader.realtime.parameters.targets import Target
from stylefader.realtime.session.performance import Performance
from stylefader.realtime.session.session_mask import SessionMask
from stylefader.training.packs.pack_file import PackFile


class LivePlayer:
    """Keys and other controls call it from any thread.

    packs: the styles, to which more may be added. performance: what was asked for. mask: its source of masks. show:
    bypass, freeze and black-out.
    """

    def __init__(
        self, packs: Sequence[PackFile], performance: Performance, mask: SessionMask, show: OutputFlags
    ) -> None:
        self._packs = packs
        self.performance, self.mask, self.show = performance, mask, show

    @property
    def muted(self) -> set[str]:
        """Sources (keys, midi, osc, lfo, sound) that move no alpha; any thread may change it."""
        return self.performance.muted

    @property
    def style(self) -> int:
        """Which style of the session is wanted or plays."""
        return self.performance.style

    @property
    def scene(self) -> str | None:
        """The scene that was recalled last; None where another style was chosen since, or everything put back."""
        return self.performance.scene

    @property
    def style_names(self) -> list[str]:
        """The styles of the session, in their order."""
        return [pack.style for pack in self._packs]

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """What the style that was chosen last declares, by name."""
        return self.performance.parameters

    def move(self, target: Target, value: float, at_ns: int | None = None, source: str = "keys") -> None:
        """Set a parameter's target, in every style that plays. Styles without that parameter ignore it."""
        self.performance.move(target, value, at_ns, source)

    def move_each(self, name: str, values: Sequence[float] | Array, at_ns: int | None = None) -> None:
        """Set every component of a parameter at once. Those that a style does not have are left alone."""
        self.performance.move_each(name, values, at_ns)

    def nudge(self, target: Target, step: float, at_ns: int | None = None, source: str = "keys") -> None:
        """Move a parameter's target by a step."""
        self.performance.nudge(target, step, at_ns, source)

    def targets(self) -> Mapping[str, Values]:
        """Where the controls stand, for the style that was chosen last, by parameter: float32 (size,) each."""
        return self.performance.targets()

    def latest(self) -> Mapping[str, Values]:
        """What the newest frame got of that style, smoothed and modulated, by parameter: float32 (size,) each."""
        return self.performance.latest()

    def standing(self) -> tuple[int, Mapping[str, Values]]:
        """The style that was chosen last, and its values: those that it comes with where it is still being built."""
        return self.performance.standing()

    def go(self, style: int) -> None:
        """Change to a style of the session, counted round."""
        self.performance.go(style)

    def step_style(self, by: int) -> None:
        """The next style, or the one before."""
        self.performance.step_style(by)

    def fade_to(
        self, style: int | None, values: Mapping[str, Values], fade_s: float, *, scene: str | None = None
    ) -> None:
        """Change to a style of the session and to these values, in that time: a scene.

        A style that has yet to be built begins its fade when it is there.

        Args:
            style: Which style; None for the one that plays.
            values: By parameter, float32 (size,) of that style or (1,) for all components; others stay as they stand.
            fade_s: How long it takes.
            scene: Its name.

        Raises:
            ControlError: For values that are not finite numbers.
        """
        self.performance.fade_to(style, values, fade_s, scene)

    def panic(self) -> None:
        """Back to what is safe: every flag off, nothing that moves by itself, alpha to the default, the first style."""
        self.show.clear()
        self.performance.panic()

    def choose_pad(self, word: str) -> str:
        """Put four styles at the corners of the pad, as in `A,B,C,D`; gives them in words. Raises ControlError."""
        corners = parse_corners(word)
        self.performance.use_pad(corners)
        return f"pad: {', '.join(corners)}"

    def choose_where(self, word: str) -> str:
        """Change to the source of masks that a word of `--where` means; gives what is inside now, in words.

        Raises ControlError.
        """
        return self.mask.choose(word)
