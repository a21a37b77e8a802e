"""The sections of `stylefader devices` on what a live session can be connected to: cameras, MIDI ports, sound."""

from __future__ import annotations

from typing import Any

from stylefader.tools.console.messages import out


def cameras_section() -> dict[str, Any]:
    """Cameras by number and name, with the sizes and rates that are known without opening them."""
    from stylefader.realtime.sources.live.cameras import cameras

    return {
        "table": [
            {
                "number": camera.number,
                "name": camera.name,
                "address": camera.address,
                "modes": [f"{w}x{h}" + (f" {float(rate):g} fps" if rate else "") for w, h, rate in camera.modes],
            }
            for camera in cameras()
        ]
    }


def virtual_cameras_section() -> dict[str, Any]:
    """Whether `--sink virtualcam` can work: which device it gets, or why not."""
    from fractions import Fraction

    from stylefader.realtime.sinks.live.virtual_camera import VirtualCameraSink
    from stylefader.training.errors import SinkError

    sink = VirtualCameraSink(width=640, height=360, rate=Fraction(30))
    try:
        sink.open()
    except SinkError as error:
        return {"device": None, "problem": str(error)}
    device = sink.device
    sink.close()
    return {"device": device, "problem": None}


def midi_section() -> dict[str, Any]:
    """The names of the MIDI inputs and outputs."""
    from stylefader.realtime.controls.midi.system import port_names
    from stylefader.training.errors import ControlError

    try:
        inputs, outputs = port_names()
    except ControlError as error:
        return {"inputs": [], "outputs": [], "problem": str(error)}
    return {"inputs": inputs, "outputs": outputs, "problem": None}


def sound_section() -> dict[str, Any]:
    """Sound inputs by number and name, as `--sound` takes them."""
    from dataclasses import asdict

    from stylefader.realtime.sound.devices import sound_inputs
    from stylefader.training.errors import ControlError

    try:
        return {"inputs": [asdict(entry) for entry in sound_inputs()], "problem": None}
    except ControlError as error:
        return {"inputs": [], "problem": str(error)}


def print_sound_inputs(section: dict[str, Any]) -> None:
    """That section in words."""
    out("sound inputs")
    for entry in section["inputs"]:
        channels = "1 channel" if entry["channels"] == 1 else f"{entry['channels']} channels"
        default = "  default" if entry["default"] else ""
        out(f"  {entry['number']}  {entry['name']}  {entry['system']}, {channels}, {entry['rate']} Hz{default}")
    if not section["inputs"]:
        out(f"  {section['problem'] or 'none'}")


def print_sections(sections: dict[str, Any]) -> None:
    """The same in words."""
    out()
    out("cameras")
    for camera in sections["cameras"]["table"]:
        modes = ", ".join(camera["modes"][:6]) + (", ..." if len(camera["modes"]) > 6 else "")
        out(f"  {camera['number']}  {camera['name']}  {modes}")
    if not sections["cameras"]["table"]:
        out("  none")
    virtual = sections["virtual_cameras"]
    out("virtual camera")
    out(f"  {virtual['device'] or virtual['problem']}")
    midi = sections["midi"]
    out("MIDI inputs")
    for name in midi["inputs"] or [midi["problem"] or "none"]:
        out(f"  {name}")
    print_sound_inputs(sections["sound"])
