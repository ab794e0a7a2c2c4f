"""`python -m qbosync.emulator`: the emulator from the command line."""

from __future__ import annotations

import argparse
import sys

from .provenance import SWITCHES, Assumptions
from .readme import load_all
from .server import serve


def main(words: list[str] | None = None) -> int:
    """Parse the command line and serve."""
    load_all()
    parser = argparse.ArgumentParser(prog="python -m qbosync.emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=8770, help="0 takes a free one")
    parser.add_argument("--data", help="file that keeps everything between starts")
    parser.add_argument("--limits", choices=("real", "off"), default="off")
    parser.add_argument("--seed", type=int, default=0, help="of ids, codes and tokens")
    parser.add_argument(
        "--assume",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"a disputed rule: {', '.join(sorted(SWITCHES))}",
    )
    parser.add_argument("--paranoid", action="store_true", help="check the books at every change")
    chosen = parser.parse_args(words)
    assume = dict(word.partition("=")[::2] for word in chosen.assume)
    try:
        Assumptions.read(assume)
        return serve(
            chosen.port,
            data=chosen.data,
            limits=chosen.limits,
            seed=chosen.seed,
            assume=assume,
            paranoid=chosen.paranoid,
        )
    except ValueError as error:
        parser.error(str(error))
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
