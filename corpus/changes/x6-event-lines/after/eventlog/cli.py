from pathlib import Path

import typer

from .summary import summarise

app = typer.Typer()


@app.command()
def count(path: Path):
    """Number of events of a file."""
    with path.open(encoding="utf-8") as f:
        typer.echo(sum(1 for line in f if line.strip()))


@app.command()
def summary(path: Path, top: int = typer.Option(10, min=1, help="How many kinds to show.")):
    """The most frequent kinds of events, and from when to when."""
    result = summarise(path)
    typer.echo(f"{result.events} events from {result.first} to {result.last}")
    for kind, number in result.kinds.most_common(top):
        typer.echo(f"{number:8d} {kind}")
