"""Reading a query statement, with QuickBooks' own words for what is wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from . import faults
from .provenance import DOCUMENTED, RECORDED, rule

rule(
    "keywords in any case; STARTPOSITION and MAXRESULTS in either order; ORDERBY or ORDER BY;"
    " POST /query with the statement as body",
    RECORDED,
    "sandbox 2018-2026",
)
rule(
    r"`\'` and `\\` are the escapes in a text; double quotes are a lexical error",
    RECORDED,
    "sandbox 2015-2018",
)
rule("the words of 4000 name line, column and what was expected", RECORDED, "sandbox 2015-2018")
rule("only AND joins conditions", DOCUMENTED, "data queries")

TOKEN = re.compile(
    r"\s*(?:(?P<STRING>'(?:\\.|[^'\\])*')|(?P<NUMBER>-?\d+(?:\.\d+)?)"
    r"|(?P<IDENTIFIER>[A-Za-z_][\w.]*)|(?P<SYMBOL><=|>=|[=<>(),*]))"
)
KEYWORDS = (
    "select", "from", "where", "and", "or", "in", "like", "order", "orderby", "by", "asc",
    "desc", "startposition", "maxresults", "count", "true", "false", "null", "iterator",
)  # fmt: skip
TAIL = (
    'one of:\n    <EOF> \n    <AND> ...\n    "iterator" ...\n    "maxresults" ...\n'
    '    <OR> ...\n    "order" ...\n    "orderby" ...\n    "startposition" ...\n    '
)
VALUE = 'one of:\n    "false" ...\n    "true" ...\n    '
IDENTIFIER = ":\n    <IDENTIFIER> ...\n    "
AFTER_NAME = (
    "one of:\n    <EOF> \n"
    + "".join(
        f"    {word} ...\n"
        for word in (
            '"."',
            "<AND>",
            '"between"',
            '"contains"',
            '"="',
            '"in"',
            '"iterator"',
            '"like"',
            '"maxresults"',
            '"!="',
            "<NOT>",
            "<OR>",
            '"order"',
            '"orderby"',
            '"startposition"',
            '"="',
            '"!="',
            '"="',
            '"!="',
            '"="',
            '"!="',
            '"."',
            "",
        )
    )[: -len("     ...\n")]
    + "    "
)
PARENTHESIS = ':\n    "(" ...\n    '


class Token(NamedTuple):
    """A word of the statement and where it stands."""

    kind: str
    text: str
    column: int


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison."""

    name: str
    operator: str
    values: tuple[Any, ...]


@dataclass(slots=True)
class Statement:
    """A statement as it was read."""

    entity: str = ""
    fields: tuple[str, ...] | None = None
    count: bool = False
    where: list[Condition] = field(default_factory=list)
    order: list[tuple[str, bool]] = field(default_factory=list)
    start: int | None = None
    most: int | None = None


def parse(text: str) -> Statement:
    """Read a statement.

    Raises:
        QboFault: 4000, in QuickBooks' words.
    """
    return _Reader(_tokens(text)).statement()


def _tokens(text: str) -> list[Token]:
    out: list[Token] = []
    at = 0
    end = len(text.rstrip())
    while at < end:
        found = TOKEN.match(text, at)
        if found is None or found.end() == at:
            # QuickBooks reads word by word: what stands before is complained of first.
            out.append(Token("LEXICAL", text, at))
            break
        kind = str(found.lastgroup)
        word = found.group(kind)
        column = found.start(kind) + 1
        if kind == "IDENTIFIER" and word.lower() in KEYWORDS:
            kind = "KEYWORD"
        out.append(Token(kind, word, column))
        at = found.end()
    out.append(Token("EOF", "", end + 1))
    return out


def _lexical(text: str, at: int) -> faults.QboFault:
    while at < len(text) and text[at].isspace():
        at += 1
    char = text[at]
    if char == "'":
        rest = text[at:].replace("\\", "\\\\").replace("'", "\\'")
        where, what = len(text) + 1, f'<EOF> after : "{rest}"'
        return faults.query_parser(
            f"Invalid content. Lexical error at line 1, column {where}.  Encountered: {what}"
        )
    after = ""
    if char in "&|" and at + 1 < len(text):
        at, after, char = at + 1, char, text[at + 1]
    shown = {'"': '\\"', "\\": "\\\\"}.get(char, char)
    return faults.query_parser(
        f"Invalid content. Lexical error at line 1, column {at + 1}.  "
        f'Encountered: "{shown}" ({ord(char)}), after : "{after}"'
    )


class _Reader:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    @property
    def here(self) -> Token:
        token = self.tokens[self.at]
        if token.kind == "LEXICAL":
            raise _lexical(token.text, token.column)
        return token

    def wrong(self, expected: str) -> faults.QboFault:
        token = self.here
        if token.kind == "EOF":
            shown = '"<EOF>"'
        elif token.kind in ("KEYWORD", "SYMBOL"):
            shown = f'" "{token.text.lower()}" "{token.text} ""'
        else:
            word = token.text.replace("'", "\\'")
            shown = f'" <{token.kind}> "{word} ""'
        return faults.query_parser(
            f"Encountered {shown} at line 1, column {token.column}.\nWas expecting{_gap(expected)}"
        )

    def word(self, *words: str) -> bool:
        """Take a keyword or symbol if it is next."""
        if self.here.kind in ("KEYWORD", "SYMBOL") and self.here.text.lower() in words:
            self.at += 1
            return True
        return False

    def need(self, word: str, expected: str | None = None) -> None:
        if not self.word(word):
            raise self.wrong(expected or f':\n    "{word}" ...\n    ')

    def identifier(self) -> str:
        token = self.here
        if token.kind != "IDENTIFIER":
            raise self.wrong(IDENTIFIER)
        self.at += 1
        return token.text

    def statement(self) -> Statement:
        out = Statement()
        self.need("select")
        if self.word("count"):
            for symbol in "(*)":
                self.need(symbol)
            out.count = True
        else:
            everything = self.word("*")
            fields = [] if everything else [self.identifier()]
            while self.word(","):
                fields.append(self.identifier())
            out.fields = None if everything else tuple(fields)
        self.need("from")
        out.entity = self.identifier()
        if self.word("where"):
            out.where.append(self.condition())
            while self.word("and"):
                out.where.append(self.condition())
        self.tail(out)
        return out

    def tail(self, out: Statement) -> None:
        while self.here.kind != "EOF":
            if self.word("orderby") or (self.word("order") and self.by()):
                out.order.append(self.order())
                while self.word(","):
                    out.order.append(self.order())
            elif self.word("startposition"):
                out.start = self.number()
            elif self.word("maxresults"):
                out.most = self.number()
            else:
                raise self.wrong(TAIL)

    def by(self) -> bool:
        self.need("by")
        return True

    def order(self) -> tuple[str, bool]:
        name = self.identifier()
        if self.word("desc"):
            return name, True
        self.word("asc")
        return name, False

    def number(self) -> int:
        token = self.here
        if token.kind != "NUMBER" or "." in token.text:
            raise self.wrong(":\n    <INTEGER> ...\n    ")
        self.at += 1
        return int(token.text)

    def condition(self) -> Condition:
        name = self.identifier()
        if self.word("in"):
            if not self.word("("):
                raise self.wrong(PARENTHESIS)
            values = [self.value()]
            while self.word(","):
                values.append(self.value())
            self.need(")")
            return Condition(name, "IN", tuple(values))
        if self.word("like"):
            return Condition(name, "LIKE", (self.value(),))
        for operator in ("=", "<=", ">=", "<", ">"):
            if self.word(operator):
                if operator != "=" and self.here.kind not in ("STRING", "NUMBER"):
                    self.at -= 1
                    raise self.wrong(AFTER_NAME)
                return Condition(name, operator, (self.value(),))
        raise self.wrong(
            'one of:\n    "<" ...\n    "<=" ...\n    "=" ...\n    ">" ...\n    ">=" ...\n'
            "    <IN> ...\n    <LIKE> ...\n    "
        )

    def value(self) -> object:
        token = self.here
        if token.kind == "STRING":
            self.at += 1
            return re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL)
        if token.kind == "NUMBER":
            self.at += 1
            return token.text
        if self.word("true"):
            return True
        if self.word("false"):
            return False
        raise self.wrong(VALUE)


def _gap(expected: str) -> str:
    return expected if expected.startswith(":") else f" {expected}"
