"""Typer's commands and groups, with help that is shown page by page and numbers that are checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from stylefader.tools.console import pager
from stylefader.tools.parsing import shorter

_LARGEST = 1e9


class Command(TyperCommand):
    """A command whose `--help` fits the screen, and whose numbers are finite and of a size that can be counted with."""

    def get_help_option(self, ctx: Any) -> Any:
        """`--help`, shown page by page."""
        return _paged(super().get_help_option(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; numbers that are too long or too large are bad input."""
        try:
            rest = super().parse_args(ctx, args)
        except (ValueError, OverflowError) as error:  # integers of thousands of digits
            raise typer.BadParameter(f"a number on the line cannot be read: {shorter(str(error))}") from error
        for parameter in self.params:
            value = ctx.params.get(parameter.name)
            for one in value if isinstance(value, list | tuple) else [value]:
                _check_number(one, ctx, parameter)
        return rest


class Group(TyperGroup):
    """Commands under one name. Without the name of one, the help is shown and the exit code is 2."""

    def get_help_option(self, ctx: Any) -> Any:
        """`--help`, shown page by page."""
        return _paged(super().get_help_option(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; without any, show the help and end with 2."""
        if not args and not ctx.resilient_parsing:
            pager.show(ctx.get_help())
            ctx.exit(2)
        return super().parse_args(ctx, args)


class Commands(typer.Typer):
    """A group to which commands are added, all with that help."""

    def __init__(self, help: str) -> None:
        super().__init__(
            help=help,
            cls=Group,
            pretty_exceptions_enable=False,
            add_completion=False,
            rich_markup_mode=None,  # else [[lfo]] and [default: ...] in help texts are taken for markup and left out
        )

    def command(  # type: ignore[override]
        self, name: str | None = None, **words: Any
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register a command, which gets the help and the checks of `Command`."""
        return super().command(name, cls=Command, **words)


def _check_number(value: object, ctx: Any, parameter: Any) -> None:
    """Ranges let through what is no number, and infinity where they have no end."""
    if isinstance(value, float) and not abs(value) <= _LARGEST:
        raise typer.BadParameter(f"it is a finite number up to {_LARGEST:g}, not {value}", ctx=ctx, param=parameter)
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise typer.BadParameter(f"it is a number up to {_LARGEST:g}", ctx=ctx, param=parameter)


def _paged(option: Any) -> Any:
    if option is not None:
        option.callback = _show_help
    return option


def _show_help(ctx: typer.Context, parameter: Any, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        pager.show(ctx.get_help())
        ctx.exit()
