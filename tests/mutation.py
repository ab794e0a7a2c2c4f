"""The mutation score by module, from what `mutmut run` left; exit 1 below the figure.

    python -m tests.mutation             the score of each module, and of all
    python -m tests.mutation --survivors what survived, as differences
    python -m tests.mutation --at-least 95

A mutant counts as killed if its tests failed or ran out of time.  One that differs from the
ledger only in the case of SQL, of a table's or of a column's name is the same program, since
SQLite regards no case there: it is counted in the first score and not in the second.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

from qbosync.ledger.schema import TABLES

ROOT = Path(__file__).parent.parent / "mutants"
ALIVE = {0: "survived", 33: "no test"}
KILLED = {
    1: "killed",
    3: "killed",
    -24: "timeout",
    24: "timeout",
    36: "timeout",
    152: "timeout",
    255: "timeout",
}
_NAMES = {*TABLES, *(column for columns, _ in TABLES.values() for column in columns)}
_SQL = {
    "and", "as", "begin", "by", "case", "count", "delete", "desc", "distinct", "else", "end",
    "from", "group", "in", "insert", "into", "is", "like", "limit", "max", "n", "not", "null",
    "or", "order", "select", "set", "then", "update", "values", "when", "where",
}  # fmt: skip


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
    """Whether only the case of SQL, a table or a column differs; values in quotes do not."""
    away = "\n".join(row[1:] for row in rows if row[0] == "-")
    put_in = "\n".join(row[1:] for row in rows if row[0] == "+")
    values = [re.findall(r"'[^']*'", text) for text in (away, put_in)]
    words = zip(re.findall(r"\w+", away), re.findall(r"\w+", put_in), strict=False)
    changed = {was.casefold() for was, became in words if was != became}
    is_case = away.casefold() == put_in.casefold() and values[0] == values[1]
    return is_case and changed <= _NAMES | _SQL


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
    counts["all"] = total
    for module, count in counts.items():
        killed = count["killed"] + count["timeout"]
        of, same = count.total(), count["same program"]
        others = {what: n for what, n in count.items() if what in ("no test", "not run")}
        score = f"{_percent(killed, of):5.1f} %, {_percent(killed, of - same):5.1f} %"
        print(f"{module:28} {killed:5} of {of:5} ({same:3} the same) {score} {others or ''}")
    score = _percent(total["killed"] + total["timeout"], total.total() - total["same program"])
    return 0 if score >= options.at_least and not total["not run"] else 1


def _percent(part: int, of: int) -> float:
    return 100 * part / of if of else 100.0


if __name__ == "__main__":
    sys.exit(main())
