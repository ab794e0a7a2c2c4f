"""What people did: in QuickBooks by hand, and with a word to the product.

What a person did stays until the product is told otherwise; a record that somebody put aside,
or that stands in closed books, stays as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from tests.simulation.books import Document

Place = tuple[str, str]
"""The kind of a document and its Id."""


@dataclass(frozen=True)
class Pin:
    """A document as a person left it; `since` counts the versions that the source had by then.

    `is_known` tells whether the ledger knew it then; `of_pays` that it was about what it pays.
    """

    document: Document
    is_gone: bool
    since: int
    is_known: bool
    of_pays: bool = False


@dataclass
class Deeds:
    """The state of all of it.

    `roots` are records that a person has a hand on and the product must not touch; `words` what
    was said of records; `asked` documents that the product was told to overwrite and may not
    have yet; `their_people` customers, by the shop's id, that are a person's to settle;
    `edited_people` customers by QuickBooks' Id; `frozen` what must not change at all; `tied`
    documents that stand for another record than their mark says; `unseen` records that were
    touched since the last run that came through, and what the ledger knew of it by then.
    """

    pins: dict[Place, Pin] = field(default_factory=dict)
    roots: set[str] = field(default_factory=set)
    words: dict[str, str] = field(default_factory=dict)
    asked: dict[Place, Document] = field(default_factory=dict)
    their_people: set[str] = field(default_factory=set)
    edited_people: set[str] = field(default_factory=set)
    frozen: dict[str, dict[Place, Document]] = field(default_factory=dict)
    shut: dict[Place, Document] = field(default_factory=dict)
    closed: date | None = None
    unseen: dict[str, list[Any]] = field(default_factory=dict)
    tied: dict[Place, str] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    asleep: dict[str, str] = field(default_factory=dict)
    aside: dict[str, bool] = field(default_factory=dict)

    def named(self, books: Iterable[Document]) -> list[Document]:
        """The books, each document under the record that it stands for."""
        if not self.tied:
            return list(books)
        return [
            replace(d, source=self.tied[d.entity, d.id]) if (d.entity, d.id) in self.tied else d
            for d in books
        ]

    def is_by_hand(self, document: Document) -> bool:
        """Whether a document has a person's figures, and may have."""
        place = (document.entity, document.id)
        before = self.asked.get(place)
        if before is not None and (before.total, before.number) == (
            document.total, document.number,
        ):  # fmt: skip
            return True
        return place in self.pins or place in self.tied

    def unsay(self) -> None:
        """Words that were given are forgotten, and whose place documents took."""
        self.roots |= {d.source for d in self.asked.values()} | set(self.frozen) | set(self.words)
        self.roots |= set(self.tied.values())
        self.frozen.clear()
        self.words.clear()

    def settle(self, source: str) -> None:
        """A person said that the shop counts: ours is wanted again."""
        self.roots.discard(source)
        self.words[source] = "ours"
        self.frozen.pop(source, None)
        for place, pin in list(self.pins.items()):
            if pin.document.source == source:
                self.asked[place] = pin.document
                del self.pins[place]

    def undone(
        self,
        ours: list[Document],
        has_forgotten: bool,
        came_to_say: Callable[[Document, int], bool],
    ) -> Iterator[str]:
        """What a person did and the product undid, or what it must not touch and did."""
        there = {(d.entity, d.id): d for d in ours}
        for place, pin in self.pins.items():
            if pin.is_gone:
                is_over = came_to_say(replace(pin.document, is_void=True), pin.since)
                if pin.is_known and not has_forgotten and not is_over:
                    yield from _resurrected(pin.document, ours)
            elif not came_to_say(pin.document, pin.since):
                yield from _overwritten(pin, there.get(place))
        for source, before in self.frozen.items():
            after = {(d.entity, d.id): d for d in ours if d.source == source}
            for place, document in after.items():
                if place not in before:
                    yield f"{source} is not ours to write, and {document} is new"
                elif not _is_alike(before[place], document):
                    yield f"{source} is not ours to write: {before[place]} became {document}"
        for place, document in self.shut.items():
            now = there.get(place)
            if place not in self.pins and (now is None or not _is_alike(document, now)):
                yield f"the books are closed until {self.closed}: {document} became {now}"


def _is_alike(one: Document, other: Document) -> bool:
    return (one.total, one.number, one.is_void) == (other.total, other.number, other.is_void)


def _resurrected(gone: Document, ours: list[Document]) -> Iterator[str]:
    for document in ours:
        is_again = (document.entity, document.source) == (gone.entity, gone.source)
        if is_again and not document.is_void and document.id != gone.id:
            yield f"a person took {gone} away, and {document} is there"


def _overwritten(pin: Pin, now: Document | None) -> Iterator[str]:
    before = pin.document
    if now is None or not _is_alike(before, now):
        yield f"a person made it {before}, and it is {now}"
