"""A group of commands that, named alone, shows what it holds."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup


class Group(TyperGroup):
    """Shows its help when no command is named, and that is no error."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As any group does, unless there is nothing to parse."""
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)
