"""The log: a disk that takes no line of it is told in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.shopkit import Shop, deliver_two_orders, open_shop

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full")
def test_a_log_that_takes_no_line_is_told_in_words_and_the_run_is_entered(tmp_path: Path) -> None:
    with open_shop(tmp_path) as shop:
        deliver_two_orders(shop)
        shop.connect()
        log = _log(shop)
        log.unlink(missing_ok=True)
        log.symlink_to(FULL)
        told = shop.run("sync")
        assert told.code == 7
        assert f"The log {log} cannot be written: No space left on device." in told.text
        log.unlink()
        shop.writes_nothing("sync")
        [line] = log.read_text(encoding="utf-8").splitlines()
        assert json.loads(line)["exit_code"] == 0


def _log(shop: Shop) -> Path:
    return shop.folder / "data" / "qbosync.log"
