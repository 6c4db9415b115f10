"""The demo's output: rich lines in a terminal, plain ones elsewhere, one JSON document with --json."""

import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table


class Screen:
    """Shows scenes, steps and tables, and collects the values of the JSON document."""

    def __init__(self, *, as_json: bool) -> None:
        self.document: dict[str, Any] = {}
        self._console = Console(quiet=as_json, soft_wrap=True)
        self._as_json = as_json

    def scene(self, title: str) -> None:
        """Begin a scene."""
        self._console.print(f"\n[b cyan]{title}[/]")

    def step(self, text: str) -> None:
        """Show one completed step."""
        self._console.print(f"  [green]✓[/] {text}", highlight=False)

    def event(self, line: dict[str, Any]) -> None:
        """Show one line of a purchase's timeline."""
        self._console.print(f"  [dim]{line['at'][11:23]}[/] [green]✓[/] {line['text']}", highlight=False)

    def table(self, title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
        """Show a table."""
        if not self._console.is_terminal:
            self._console.print(f"  {title}:")
            for row in rows:
                self._console.print("    " + "  ".join(row), highlight=False)
            return
        table = Table(*columns, title=title, title_justify="left")
        for row in rows:
            table.add_row(*row)
        self._console.print(table)

    def keep(self, **values: Any) -> None:
        """Add values to the JSON document."""
        self.document.update(values)

    def end(self) -> None:
        """Print the JSON document, with --json."""
        if self._as_json:
            print(json.dumps(self.document, indent=2), flush=True)
