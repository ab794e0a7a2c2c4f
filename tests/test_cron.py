"""`crontab.example`, run by the real cron daemon, with the token in the real Secret Service."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.cron_kit import a_cron, needs_cron
from tests.keyring_kit import connected, needs_keyring
from tests.shopkit import Shop

pytestmark = [needs_keyring, needs_cron]
EXAMPLE = (Path(__file__).parent.parent / "crontab.example").read_text(encoding="utf-8")
# `@reboot` is when the daemon starts: the same job, without a wait for the next minute.
CONTROL = "@reboot until [ -e $HOME/ended ]; do sleep 0.1; done; echo the end\n"
PROGRAM = """\
#!/bin/sh
env > "$HOME/environment"
{python} -m qbosync "$@"
code=$?
echo $code > "$HOME/ended.new" && mv "$HOME/ended.new" "$HOME/ended"
exit $code
"""


def crontab(shop: Shop, home: Path, when: str = "@reboot") -> str:
    """The example for this home, its two hours over at once; the daily look left out."""
    program = home / ".local" / "bin" / "qbosync"
    program.parent.mkdir(parents=True)
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    (home / ".config").mkdir()
    (home / ".config" / "qbosync").symlink_to(shop.folder)
    text = re.sub(r"^41 8 .*$", "", EXAMPLE, flags=re.M)
    assert text.count("\n17 */2 * * * ") == 1
    text = text.replace("\n17 */2 * * * ", f"\n{when} ").replace("YOU@EXAMPLE.COM", "root")
    return f"HOME={home}\n{text}{CONTROL}"


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "locked"])
def test_a_job_of_cron_syncs_with_the_token_in_the_keyring_and_mails_nothing(
    tmp_path: Path, is_open: bool
) -> None:
    with connected(tmp_path) as there:
        if not is_open:
            there.keyring.lock()
        (tmp_path / "cron").mkdir()
        text = crontab(there.shop, there.keyring.home)
        with a_cron(tmp_path / "cron", text, there.keyring.runtime) as cron:
            # That cron mails what is printed is seen by the job that prints.
            there.keyring.until(lambda: any("the end" in mail for mail in cron.mailed()))
            mails = [mail for mail in cron.mailed() if "the end" not in mail]
        environment = (there.keyring.home / "environment").read_text()
        code = (there.keyring.home / "ended").read_text().strip()
        numbers = [invoice["DocNumber"] for invoice in there.shop.books("Invoice")]
    assert "DBUS_SESSION_BUS_ADDRESS" not in environment and "DISPLAY" not in environment
    if is_open:
        assert (code, numbers, mails) == ("0", ["1002"], [])
    else:
        assert (code, numbers) == ("4", [])
        [mail] = mails
        assert "The keyring is locked" in mail and "docs/keyring.md" in mail
