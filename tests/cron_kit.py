"""The real cron daemon, in a corner of the machine where its files are only ours.

It sees an empty `/run`, one crontab and one `sendmail`, which keeps what it is given; its
jobs get what cron gives them and nothing else.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_CRON = shutil.which("cron", path="/usr/sbin:/usr/bin")
_CORNER = """\
set -eu
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p -m 755 /run/user
mkdir -m 700 "/run/user/$USER_ID"
mount --bind "$RUNTIME" "/run/user/$USER_ID"
mount --bind "$PROGRAMS" /usr/sbin
mount -t tmpfs -o mode=755 tmpfs /var/spool
mkdir -p /var/spool/cron/crontabs
chmod 1730 /var/spool/cron/crontabs
cp "$CRONTAB" /var/spool/cron/crontabs/root
chmod 600 /var/spool/cron/crontabs/root
mount -t tmpfs tmpfs /etc/cron.d
mount --bind "$EMPTY" /etc/crontab
exec /usr/sbin/cron -f -L 15
"""
_SENDMAIL = """\
#!/bin/sh
mail=$(mktemp {mails}/new.XXXXXX) && cat > "$mail" && mv "$mail" "$mail.mail"
"""


@dataclass
class Cron:
    """A running daemon and what it has mailed."""

    mails: Path

    def mailed(self) -> list[str]:
        return [path.read_text() for path in sorted(self.mails.glob("*.mail"))]


def why_not() -> str:
    """Why cron cannot be run here, blank if it can."""
    if os.geteuid() != 0:
        return "only root can give cron a corner of its own"
    if _CRON is None:
        return "cron is not installed"
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/run"],
        capture_output=True,
        check=False,
    )
    return "" if tried.returncode == 0 else "nothing can be mounted here"


needs_cron = pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can be run")


@contextmanager
def a_cron(folder: Path, crontab: str, runtime: Path) -> Iterator[Cron]:
    """Run root's crontab; `runtime` is where that user's D-Bus lies."""
    assert _CRON is not None
    programs, mails = folder / "sbin", folder / "mails"
    programs.mkdir()
    mails.mkdir()
    shutil.copy2(_CRON, programs / "cron")
    sendmail = programs / "sendmail"
    sendmail.write_text(_SENDMAIL.format(mails=mails))
    sendmail.chmod(0o755)
    (folder / "crontab").write_text(crontab)
    (folder / "empty").write_text("")
    environ = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "USER_ID": str(os.getuid()),
        "RUNTIME": str(runtime),
        "PROGRAMS": str(programs),
        "CRONTAB": str(folder / "crontab"),
        "EMPTY": str(folder / "empty"),
    }
    # With a process space of its own nothing outlives it.
    daemon = subprocess.Popen(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _CORNER],
        env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield Cron(mails)
    finally:
        daemon.kill()
        daemon.wait(timeout=10)
