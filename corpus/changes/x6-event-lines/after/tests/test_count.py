from typer.testing import CliRunner

from eventlog.cli import app


def test_needs_a_file():
    assert CliRunner().invoke(app, []).exit_code != 0
