"""Names for the keys that OpenCV's windows report; every system has numbers of its own."""

from __future__ import annotations

_PLAIN = {8: "backspace", 9: "tab", 10: "enter", 13: "enter", 27: "esc", 32: "space", 127: "delete"}
# X11 keysyms (Qt and GTK on Linux), Windows virtual keys in the upper half, Cocoa's private characters.
_SYSTEMS: dict[str, tuple[int, int, int]] = {
    "left": (0xFF51, 0x25_0000, 0xF702),
    "up": (0xFF52, 0x26_0000, 0xF700),
    "right": (0xFF53, 0x27_0000, 0xF703),
    "down": (0xFF54, 0x28_0000, 0xF701),
    "pageup": (0xFF55, 0x21_0000, 0xF72C),
    "pagedown": (0xFF56, 0x22_0000, 0xF72D),
    "home": (0xFF50, 0x24_0000, 0xF729),
    "end": (0xFF57, 0x23_0000, 0xF72B),
    "insert": (0xFF63, 0x2D_0000, 0xF727),
    "delete": (0xFFFF, 0x2E_0000, 0xF728),
    **{f"f{n}": (0xFFBD + n, 0x6F_0000 + (n << 16), 0xF703 + n) for n in range(1, 13)},
}
_SPECIAL = {number: name for name, numbers in _SYSTEMS.items() for number in numbers}
# The number block on X11.
_SPECIAL |= {0xFF8D: "enter", 0xFFAA: "*", 0xFFAB: "+", 0xFFAC: ",", 0xFFAD: "-", 0xFFAE: ".", 0xFFAF: "/"}
_SPECIAL |= {0xFFB0 + digit: str(digit) for digit in range(10)}
_SPECIAL |= dict(
    zip(
        range(0xFF95, 0xFFA0),
        ("home", "left", "up", "right", "down", "pageup", "pagedown", "end", "5", "insert", "delete"),
        strict=True,
    )
)


def key_name(code: int) -> str | None:
    """The name of what `cv2.pollKey` gave: a character in small letters, or esc, space, left, f1, ...; else None."""
    if -128 <= code < -1:  # Qt gives letters beyond ASCII as a signed byte of Latin-1
        code += 256
    if code < 0:
        return None
    for number in (code, code & 0xFFFF):  # GTK puts shift, lock and the like above
        if number in _SPECIAL:
            return _SPECIAL[number]
        if number in _PLAIN:
            return _PLAIN[number]
        if 32 < number < 127 or 160 < number < 256:
            return chr(number).lower()
    return None
