"""A short life on each engine in every run of the tests; a long one by `python -m tests.chaos` (docs/promise.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.life import Life, company_of
from tests.promise.openings import open_smithy

CUSTOMERS = 25
DAYS = 4
SEEDS = (3, 4)


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_short_lives_keep_every_promise(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    server = request.getfixturevalue("postgresql_server") if engine == "postgresql" else None
    with open_smithy(tmp_path, company_of(CUSTOMERS), postgresql=server) as smithy:
        for seed in SEEDS:
            with smithy.case() as case:
                life = Life(case=case, seed=seed, customers=CUSTOMERS, days=DAYS)
                life.live()
                with capsys.disabled():
                    print(f"\n{engine}, {life.verdict()}")
                assert life.faults == []
                assert life.kills > 0
