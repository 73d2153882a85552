"""A plugin for pytest: `--layer integration` runs the tests that speak to the service over HTTP, `--layer logic` the others."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--layer", choices=("logic", "integration"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    layer = config.getoption("--layer")
    if layer is not None:
        items[:] = [item for item in items if ("client" in item.fixturenames) == (layer == "integration")]
