import click
from flask import Flask, jsonify

from .db import Session
from .maintenance import shrink


def create_app():
    app = Flask(__name__)

    @app.get("/healthz")
    def healthz():
        return jsonify(ok=True)

    @app.cli.command("maintain")
    def maintain():
        with Session() as session:
            for name, rows in shrink(session).items():
                click.echo(f"{name}: {rows} rows")

    return app
