from pathlib import Path

import typer

app = typer.Typer()


@app.command()
def count(path: Path):
    """Number of events of a file."""
    with path.open(encoding="utf-8") as f:
        typer.echo(sum(1 for line in f if line.strip()))
