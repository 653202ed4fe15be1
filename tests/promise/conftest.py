"""One forge per engine and worker: it takes seconds to warm and serves hundreds of cases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.promise.openings import open_smithy
from tests.promise.smithy import Smithy


@pytest.fixture(scope="session")
def sqlite_smithy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Smithy]:
    with open_smithy(_folder(tmp_path_factory)) as smithy:
        yield smithy


@pytest.fixture(scope="session")
def postgresql_smithy(tmp_path_factory: pytest.TempPathFactory, postgresql_server: tuple[str, str]) -> Iterator[Smithy]:
    with open_smithy(_folder(tmp_path_factory), postgresql=postgresql_server) as smithy:
        yield smithy


#: One worker per engine, so that each warms one forge.
ENGINES = [
    pytest.param(engine, marks=pytest.mark.xdist_group(f"forge-{engine}")) for engine in ("sqlite", "postgresql")
]


@pytest.fixture(params=ENGINES)
def smithy(request: pytest.FixtureRequest) -> Smithy:
    found: Smithy = request.getfixturevalue(f"{request.param}_smithy")
    return found


def _folder(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("smithy")
