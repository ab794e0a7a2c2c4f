"""What is wrong with a keyring, in words, and the recipe that fits.

The recipes stand in docs/keyring.md under the names used here.  Nothing that a keyring
says is quoted: it may name what it should not.
"""

from __future__ import annotations

import os
import sys

from qbosync.errors import SetupError

_BOOK = "docs/keyring.md"
RECIPES = (
    "On a desktop",
    "On a server with systemd and cron",
    "Without systemd",
    "With a systemd timer",
    "macOS",
    "Windows",
    "A sealed file",
    "Locked, absent, damaged, full",
)
"""The headings of the book."""
_SERVER = f"{_BOOK}, “{RECIPES[1]}” (without systemd: “{RECIPES[2]}”)"


def no_bus() -> SetupError:
    """Nobody is logged in, and no service of the user runs."""
    if address := os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return SetupError(
            f"No D-Bus answers at {address} (DBUS_SESSION_BUS_ADDRESS), and the keyring is"
            " behind it.",
            "Take the line out where it is set (the crontab, the unit): qbosync looks in"
            f" /run/user by itself. Is there none, see {_SERVER}.",
        )
    return SetupError(
        "There is no OS keyring that can be reached here: this user has no D-Bus, as is usual"
        " under cron and on servers while nobody is logged in.",
        f"Once, as root: loginctl enable-linger USER; then {_SERVER}.",
    )


def no_service() -> SetupError:
    """A bus, and no keyring on it."""
    return SetupError(
        "No keyring program answers on this user's D-Bus.",
        f"Install gnome-keyring and let a service start it: {_SERVER}.",
    )


def no_collection() -> SetupError:
    """A keyring program that has no keyring yet, or whose keyring was removed."""
    return SetupError(
        "This user has no default keyring: it was never made, or its file is gone.",
        f"A first unlocking makes it: {_SERVER}; then run `qbosync connect` again.",
    )


def locked() -> SetupError:
    """It would ask for a password, and nobody is there to give it."""
    return SetupError(
        "The keyring is locked, and nobody is asked for its password from here.",
        _for_this_system(
            "Log in at the desktop with your password and stay logged in, or let a service open"
            f" it: {_SERVER}."
        ),
    )


def silent(seconds: float) -> SetupError:
    """It hangs, or its window waits for somebody."""
    return SetupError(
        f"The keyring did not answer within {seconds:.1f} seconds: it hangs, or waits for"
        " somebody.",
        _for_this_system(
            f"Close its window or end its program (gnome-keyring-daemon), then {_SERVER}."
        ),
    )


def unusable(trouble: str) -> SetupError:
    """Any other error while reading."""
    todo = f"See {_BOOK}, “{RECIPES[7]}”."
    return SetupError(f"The keyring cannot be used here ({trouble}).", _for_this_system(todo))


def not_taken(trouble: str) -> SetupError:
    """It can be read and takes nothing."""
    return SetupError(
        f"The keyring did not take the token ({trouble}); what it held before is still there.",
        _for_this_system(
            "Make room on the disk that holds it (gnome-keyring: ~/.local/share/keyrings) and see"
            " that this user may write there."
        ),
    )


def not_kept(backend: str) -> SetupError:
    """It takes everything and has nothing."""
    return SetupError(
        f"The keyring ({backend}) does not keep what is stored in it.",
        f"Take PYTHON_KEYRING_BACKEND away and run `qbosync connect` again; see {_BOOK},"
        f" “{RECIPES[0]}”.",
    )


def no_os_keyring(name: str) -> SetupError:
    """Only backends that keep nothing safe."""
    return SetupError(
        f"There is no OS keyring that can be reached here ({name}), as is usual under cron and"
        " on servers.",
        _for_this_system(f"See {_SERVER}. Only on demand: `qbosync connect --token-store file`."),
    )


def gone(name: str) -> SetupError:
    """The pinned backend cannot be loaded any more."""
    return SetupError(
        f"The keyring that `qbosync connect` used ({name}) is not installed any more.",
        "Install it again, or choose anew: `qbosync connect --token-store keyring`.",
    )


def _for_this_system(todo: str) -> str:
    if sys.platform == "darwin":
        return f"Let launchd run it in your session, not cron: {_BOOK}, “{RECIPES[4]}”."
    if sys.platform == "win32":
        return f"Let the task run only while you are logged on: {_BOOK}, “{RECIPES[5]}”."
    return todo
