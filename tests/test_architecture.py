"""Imports point downwards, the core is pure, and nothing rolls dice by itself."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "qbosync"
LAYERS = [  # upper may import lower, never the reverse
    {"cli", "__main__"},
    {"command"},
    {
        "wiring",
        "keeper",
        "rules",
        "connect",
        "signin",
        "picked",
        "disconnect",
        "firstday",
        "examine",
        "schedule",
        "standing",
        "panel",
        "ping",
        "init",
        "inquire",
        "resolve",
        "aside",
        "running",
        "upkeep",
        "takeover",
        "log",
        "notify",
        "mail",
        "demo",
        "demo_shop",
        "report",
        "screen",
        "probe",
        "reconcile",
        "adopt",
        "support",
        "places",
    },
    {
        "sync",
        "around",
        "notice",
        "guard",
        "remembered",
        "rebuilding",
        "settle",
        "recover",
        "proof",
        "shop",
        "execute",
        "prepare",
        "landing",
        "writing",
        "outcome",
        "lookup",
        "search",
    },
    {"ledger", "qbo", "source", "tokens", "lock"},
    {
        "planner",
        "plan",
        "making",
        "scope",
        "sequence",
        "transition",
        "sighting",
        "named",
        "reason",
        "recognise",
        "recollect",
        "foreign",
        "converted",
        "meet",
        "match",
        "validate",
        "application",
        "opening",
        "drift",
        "stranger",
        "person",
        "wire",
        "config",
    },
    {"mapping"},
    {"operation", "mark", "key", "edit"},
    {"model", "errors", "clock", "blob"},
]
STRANGERS = {"ledger", "qbo", "source", "tokens", "lock"}
"""Siblings that know nothing of each other."""
PURE = {
    "planner",
    "plan",
    "making",
    "scope",
    "sighting",
    "guard",
    "named",
    "reason",
    "application",
    "opening",
    "outcome",
    "settle",
    "recognise",
    "recollect",
    "foreign",
    "converted",
    "meet",
    "match",
    "validate",
    "wire",
    "drift",
    "stranger",
    "person",
    "config",
    "mapping",
    "operation",
    "edit",
    "model",
    "errors",
}
IO_PACKAGES = {
    "requests",
    "sqlite_utils",
    "sqlite3",
    "keyring",
    "click",
    "rich",
    "pathlib",
    "time",
    "os",
    "random",
    "uuid",
    "secrets",
    "socket",
    "threading",
}
DICE = {("datetime", "now"), ("datetime", "utcnow"), ("date", "today"), ("uuid", "uuid4"),
        ("time", "time"), ("time", "sleep"), ("time", "monotonic")}  # fmt: skip
MODULES = sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def level(part: str) -> int:
    [found] = [n for n, layer in enumerate(LAYERS) if part in layer]
    return found


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> set[str]:
    """Every module that a file imports, at the top or inside a function."""
    names = set()
    package = ["qbosync", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            names.add(".".join([*base, node.module or ""]))
    return names


def test_there_is_something_to_check():
    assert len(MODULES) > 40


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_downwards(path):
    here = part_of(path)
    if here in ("__init__", "emulator"):
        ours = {n for n in imports(path) if n.startswith("qbosync")}
        assert all(n.startswith("qbosync.emulator") for n in ours), "the oracle shares no code"
        return
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "qbosync" and len(parts) > 1 and parts[1] != here:
            there = parts[1]
            if there == "emulator":
                assert level(here) <= level("demo"), f"{here} may not know the emulator"
                continue
            assert level(there) >= level(here), f"{here} may not import {there}"
            is_sibling = level(there) == level(here)
            assert not (is_sibling and here in STRANGERS), f"{here} may not know {there}"
        elif parts[0] in IO_PACKAGES:
            assert here not in PURE, f"{here} must stay pure, without {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_module_reads_the_clock_or_rolls_dice(path):
    """Clock, ids and dice are handed in by `wiring`, so that every run can be simulated."""
    if part_of(path) in ("clock", "emulator", "wiring"):
        return
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
            assert (name, node.func.attr) not in DICE, f"line {node.lineno}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_float_comes_near_money(path):
    if part_of(path) == "emulator":
        return
    calls = [n for n in ast.walk(tree_of(path)) if isinstance(n, ast.Call)]
    assert not [n.lineno for n in calls if isinstance(n.func, ast.Name) and n.func.id == "float"]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_tls_is_always_verified(path):
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.keyword) and node.arg == "verify":
            assert not (isinstance(node.value, ast.Constant) and node.value.value is False)
