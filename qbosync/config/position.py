"""Where each key of a TOML text stands.

`tomllib` tells values but no places.  This scanner reads a text that `tomllib` has already
accepted, so it looks for places only and never judges; a key inside an inline table or an
item of a list has a place of its own.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections import Counter

Path = tuple[str | int, ...]
"""The way to a value: ``("orders", "statuses", 2)``."""

_BLANK = re.compile(r"[ \t]*")
_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_TEXTS = (
    re.compile(r'"""(?:\\.|[^\\])*?"{3,5}', re.DOTALL),
    re.compile(r"'''.*?'{3,5}", re.DOTALL),
    re.compile(r'"(?:\\.|[^"\\])*"'),
    re.compile(r"'[^']*'"),
)
_PLAIN = re.compile(r"[^,\]}#\r\n]+")


def key_lines(text: str) -> dict[Path, int]:
    """The line, from 1, of every table, key and list item of a valid TOML text."""
    return _Scanner(text).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self.lines: dict[Path, int] = {}
        self.tables: Counter[Path] = Counter()

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        while self._skip(_SPACE) < len(self.text):
            if self._take("["):
                table = self._header(is_list=self._take("["))
            else:
                self._pair(table)
        return self.lines

    def _header(self, *, is_list: bool) -> Path:
        start = self.at
        path = self._key()
        self._take("]")
        self._take("]")
        self._mark(path, start)
        if is_list:
            self.tables[path] += 1
            path = (*path, self.tables[path] - 1)
            self._mark(path, start)
        return path

    def _pair(self, parent: Path) -> None:
        start = self.at
        path = (*parent, *self._key())
        self._mark(path, start)
        self._take("=")
        self._skip(_BLANK)
        self._value(path)

    def _value(self, path: Path) -> None:
        if self._take("["):
            number = 0
            while self._skip(_SPACE) < len(self.text) and not self._take("]"):
                self._mark((*path, number), self.at)
                self._value((*path, number))
                number += 1
                self._skip(_SPACE)
                self._take(",")
        elif self._take("{"):
            while self._skip(_SPACE) < len(self.text) and not self._take("}"):
                self._pair(path)
                self._skip(_SPACE)
                self._take(",")
        elif self._word() is None:
            self._skip(_PLAIN)

    def _key(self) -> Path:
        parts: list[str] = []
        while True:
            self._skip(_BLANK)
            quoted = self._word()
            if quoted is None:
                start = self.at
                parts.append(self.text[start : self._skip(_BARE)])
            else:
                # tomllib knows the escapes better than we do.
                parts.append(str(tomllib.loads(f"key = {quoted}")["key"]))
            self._skip(_BLANK)
            if not self._take("."):
                return tuple(parts)

    def _word(self) -> str | None:
        """A quoted text at this place, with its quotes."""
        for pattern in _TEXTS:
            if match := pattern.match(self.text, self.at):
                self.at = match.end()
                return match[0]
        return None

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.at

    def _take(self, char: str) -> bool:
        if not self.text.startswith(char, self.at):
            return False
        self.at += 1
        return True

    def _mark(self, path: Path, at: int) -> None:
        for length in range(1, len(path) + 1):  # `a.b = 1` makes a table `a` too
            self.lines.setdefault(path[:length], bisect_right(self.starts, at))
