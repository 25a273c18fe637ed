"""`python -m benchmarks.policies`: what each rule of batching costs, and how old it lets records grow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.policies import runs, traces
from benchmarks.policies.tables import COLUMNS, cells

WIDTH = 180  # of a table, also where the output is no terminal
LIMITS = 1.0, 3600.0  # s, as of MAX_DELAY_MILLISECONDS


@click.command()
@click.option(
    "--trace",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your own traffic in place of the 22 kinds: a CSV of start in seconds, duration in milliseconds, bytes.",
)
@click.option("--max-delay", type=click.FloatRange(*LIMITS), default=runs.MAX_DELAY, help="What counts as late, in s.")
@click.option(
    "--memory", type=click.IntRange(128, 10240), default=runs.MEMORY_MB, help="Memory of the function, in MB."
)
@click.option("--seed", "seeds", type=int, multiple=True, default=runs.SEEDS, help="May be given several times.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def main(path: Path | None, max_delay: float, memory: int, seeds: tuple[int, ...], form: str) -> None:
    """Run the extension's own decisions and others' rules in a model of Lambda; print dollars and seconds."""
    found: dict[int, dict[str, dict[str, dict[str, Any]]]] = {}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        if path:
            try:
                requests = traces.read(path)
            except traces.BadTraceError as error:
                raise click.ClickException(str(error)) from None
            for seed in progress.track(seeds, description=path.name):
                found[seed] = {path.name: runs.compared(requests, seed, max_delay, memory)}
        else:
            task = progress.add_task("traces", total=len(seeds) * len(traces.MAKERS))
            found = runs.everything(
                seeds, max_delay, memory, lambda name: progress.update(task, advance=1, description=name)
            )
    if form == "json":
        click.echo(json.dumps({"maxDelay": max_delay, "memoryMb": memory, "seeds": found}, indent=1))
        return
    console = Console(markup=False, highlight=False, emoji=False, width=WIDTH)
    for seed, by_trace in found.items():
        for name, rows in by_trace.items():
            table = Table("rule", title=f"{name}, seed {seed}", title_justify="left", box=None)
            for column in COLUMNS:
                table.add_column(column, justify="right")
            for rule, figures in rows.items():
                table.add_row(rule, *cells(figures))
            console.print(table)
            console.print()


if __name__ == "__main__":
    main()
