"""A real keyring: a D-Bus of its own and gnome-keyring on it, in a home of their own.

Nothing of the machine's session is touched.  Everything started is ended by its number.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.shopkit import OFF, Result, Shop, deliver_two_orders, open_shop

PASSWORD = "a long password"
_WAIT = 10.0
_MISSING = [
    name
    for name in ("dbus-daemon", "gnome-keyring-daemon", "strace", "cron")
    if shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin") is None
]
needs_keyring = pytest.mark.skipif(
    bool(_MISSING), reason=f"not installed here: {', '.join(_MISSING)}"
)
_CONFIG = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={bus}</listen>
  <auth>EXTERNAL</auth>
  {services}
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


@dataclass
class Keyring:
    """A user's session as far as a keyring needs one; `environ` is what a program in it sees."""

    folder: Path
    is_activated: bool = False
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def runtime(self) -> Path:
        return self.folder / "run"

    @property
    def keyrings(self) -> Path:
        return self.home / ".local" / "share" / "keyrings"

    @property
    def address(self) -> str:
        return f"unix:path={self.runtime}/bus"

    @property
    def environ(self) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.runtime),
            "XDG_DATA_HOME": str(self.home / ".local" / "share"),
            "DBUS_SESSION_BUS_ADDRESS": self.address,
            "DISPLAY": "",
            "WAYLAND_DISPLAY": "",
        }

    def start_bus(self) -> None:
        for path in (self.home, self.runtime):
            path.mkdir(mode=0o700, exist_ok=True)
        services = "<standard_session_servicedirs/>" if self.is_activated else ""
        config = self.folder / "session.conf"
        config.write_text(_CONFIG.format(bus=self.runtime / "bus", services=services))
        words = ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address"]
        bus = self._start(words, stdout=subprocess.PIPE)
        assert bus.stdout is not None and bus.stdout.readline()

    def unlock(self, password: str = PASSWORD) -> subprocess.Popen[bytes]:
        """Start gnome-keyring and open its login keyring, made if there is none."""
        words = ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"]
        daemon = self._start(words, stdin=subprocess.PIPE)
        assert daemon.stdin is not None
        daemon.stdin.write(password.encode())
        daemon.stdin.close()
        self.until(lambda: self.owner() == daemon.pid)
        return daemon

    def start_locked(self) -> subprocess.Popen[bytes]:
        """Start gnome-keyring without its password."""
        daemon = self._start(["gnome-keyring-daemon", "--foreground", "--components=secrets"])
        self.until(lambda: self.owner() == daemon.pid)
        return daemon

    def owner(self) -> int:
        """The process that answers as the Secret Service; 0 if none does."""
        words = ["dbus-send", f"--bus={self.address}", "--print-reply=literal",
                 "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus",
                 "org.freedesktop.DBus.GetConnectionUnixProcessID",
                 "string:org.freedesktop.secrets"]  # fmt: skip
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return int(done.stdout.split()[-1]) if done.returncode == 0 else 0

    def lock(self) -> None:
        """As a desktop does when its user goes away."""
        words = ["dbus-send", f"--bus={self.address}", "--print-reply",
                 "--dest=org.freedesktop.secrets", "/org/freedesktop/secrets",
                 "org.freedesktop.Secret.Service.Lock",
                 "array:objpath:/org/freedesktop/secrets/collection/login"]  # fmt: skip
        subprocess.run(words, check=True, capture_output=True)

    def until(self, holds: Callable[[], bool], seconds: float = _WAIT) -> None:
        """Wait for another process, and not for ever."""
        pause = threading.Event()
        for _ in range(int(seconds / 0.05)):
            if holds():
                return
            pause.wait(0.05)
        raise AssertionError("it did not come")

    def end(self) -> None:
        """End what was started here, the last first, and whatever the bus started by itself."""
        stray = self.owner() if self.started else 0
        for process in reversed(self.started):
            # One that was stopped must go on to be ended.
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait(timeout=_WAIT)
            if process.stdout is not None:
                process.stdout.close()
        if stray and stray not in [process.pid for process in self.started]:
            with suppress(ProcessLookupError):
                os.kill(stray, signal.SIGKILL)

    def start(self, words: list[str], environ: dict[str, str]) -> subprocess.Popen[bytes]:
        """Start a program in this session."""
        return self._start(words, environ)

    def _start(
        self, words: list[str], environ: dict[str, str] | None = None, **pipes: int
    ) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            words, env={**os.environ, **self.environ, **(environ or {})}, stderr=subprocess.DEVNULL,
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **pipes},
        )  # fmt: skip
        self.started.append(process)
        return process


@contextmanager
def a_keyring(folder: Path, *, is_activated: bool = False) -> Iterator[Keyring]:
    """A bus, and a keyring that is open."""
    made = Keyring(folder, is_activated)
    try:
        made.start_bus()
        made.unlock()
        yield made
    finally:
        made.end()


_PATIENCE = 30.0
"""A hang is a failure; how long each state takes is printed by `python -m bench.keyring`."""


@dataclass
class Connected:
    """A shop whose token lies in a keyring of its own; copied for each test."""

    shop: Shop
    keyring: Keyring

    def run(self, *args: str, **environ: str) -> Result:
        """As cron runs it: a process without a terminal."""
        process = self.shop.start(*args, **{**self.keyring.environ, **environ})
        try:
            out, err = process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        return Result(process.returncode, out, err)


@contextmanager
def connected(folder: Path) -> Iterator[Connected]:
    """A company connected by the real sign-in, and everything synced once."""
    (folder / "session").mkdir()
    with open_shop(folder) as shop, a_keyring(folder / "session") as keyring:
        deliver_two_orders(shop)
        shop.preferences(OFF)
        shop.environ = keyring.environ
        made = shop.connect_by_hand("--token-store", "keyring")
        assert made.code == 0, made.text
        yield Connected(shop, keyring)
