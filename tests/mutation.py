"""The mutation score by module, from what `mutmut run` left; exit 1 below the figure.

    python -m tests.mutation             the score of each module, and of all
    python -m tests.mutation --survivors what survived, as differences
    python -m tests.mutation --at-least 95

A mutant counts as killed if its tests failed or ran out of time.  One that differs from the
product only in the case of an SQL statement of the ledger is the same program: it is counted
apart, neither killed nor alive.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

ROOT = Path(__file__).parent.parent / "mutants"
ALIVE = {0: "survived", 33: "no test"}
KILLED = {1: "killed", 3: "killed", 24: "timeout", 36: "timeout", 152: "timeout", 255: "timeout"}
_SQL = ("SELECT ", "INSERT ", "UPDATE ", "DELETE ", "CREATE ", "PRAGMA ", " FROM ", " AND ")


def _functions(path: Path) -> dict[str, list[str]]:
    """The source of each function of a mutated module, by its name."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {
        node.name: lines[node.lineno : node.end_lineno]
        for node in ast.walk(ast.parse("\n".join(lines)))
        if isinstance(node, ast.FunctionDef)
    }


def difference(functions: dict[str, list[str]], name: str) -> list[str]:
    """What a mutant changes, as lines taken away and put in."""
    original = f"{name.rpartition('__mutmut_')[0]}__mutmut_orig"
    rows = unified_diff(functions[original], functions[name], n=0, lineterm="")
    return [row for row in rows if not row.startswith(("---", "+++", "@@"))]


def is_same_sql(rows: list[str]) -> bool:
    """Whether only the case of an SQL statement differs, which SQLite does not regard.

    One with a value in it is another statement: `'open'` is not `'OPEN'`.
    """
    away = [row[1:] for row in rows if row[0] == "-"]
    put_in = [row[1:] for row in rows if row[0] == "+"]
    is_case = [row.casefold() for row in away] == [row.casefold() for row in put_in]
    is_sql = all(any(word in row for word in _SQL) for row in away)
    return is_case and is_sql and not any("'" in row for row in away)


def results() -> Iterator[tuple[str, str, list[str]]]:
    """Each mutant: its module, what became of it, and what it changes if it is alive."""
    for path in sorted(ROOT.rglob("*.py.meta")):
        source = path.with_suffix("")
        module = source.relative_to(ROOT).as_posix()
        functions = _functions(source)
        for key, code in json.loads(path.read_text())["exit_code_by_key"].items():
            if code not in ALIVE:
                yield module, KILLED.get(code, "not run"), []
                continue
            rows = difference(functions, key.rpartition(".")[2])
            is_same = "/ledger/" in module and is_same_sql(rows)
            yield module, "same program" if is_same else ALIVE[code], [key, *rows]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--at-least", type=float, default=90.0, metavar="PERCENT")
    parser.add_argument("--survivors", action="store_true", help="print what survived")
    options = parser.parse_args()
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for module, what, rows in results():
        counts[module][what] += 1
        if options.survivors and what in ALIVE.values():
            print("\n".join(rows))
    total: Counter[str] = sum(counts.values(), Counter())
    scores = {module: _score(count) for module, count in (*counts.items(), ("all", total))}
    for module, (killed, of, score) in scores.items():
        apart = {w: n for w, n in (total if module == "all" else counts[module]).items()
                 if w not in ("killed", "timeout", "survived")}  # fmt: skip
        print(f"{module:32} {killed:5} of {of:5} {score:6.1f} %  {apart or ''}")
    return 0 if scores["all"][2] >= options.at_least and not total["not run"] else 1


def _score(count: Counter[str]) -> tuple[int, int, float]:
    """Killed, all, and the share in percent."""
    killed = count["killed"] + count["timeout"]
    of = count.total() - count["same program"]
    return killed, of, 100 * killed / of if of else 100.0


if __name__ == "__main__":
    sys.exit(main())
