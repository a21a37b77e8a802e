"""All network families by the kinds that headers name. A family is imported when a pack of it is read."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from stylefader.training.errors import PackError

if TYPE_CHECKING:
    from stylefader.training.packs.families.base import NetworkFamily

KINDS = {
    "single": "stylefader.training.packs.families.dynamic_net:DynamicNetFamily",
    "dual": "stylefader.training.packs.families.dynamic_net:DynamicNetFamily",
    "palette": "stylefader.training.packs.families.palette:PaletteFamily",
    "adain": "stylefader.training.packs.families.adain:AdainFamily",
}
"""`module:class` of the family of each kind."""


def family_of(kind: str) -> NetworkFamily:
    """The family of a kind of network. Raises PackError for a kind that there is not."""
    if kind not in KINDS:
        raise PackError(f"header.kind must be one of {', '.join(KINDS)}, not {kind!r:.60}")
    module, _, class_name = KINDS[kind].partition(":")
    family: NetworkFamily = getattr(importlib.import_module(module), class_name)()
    return family
