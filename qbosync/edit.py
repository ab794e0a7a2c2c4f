"""What a person did in QuickBooks to a document of ours, and what a person said of it.

Values only.  Two words are kept apart: an *edit* is what QuickBooks says now, a *word* is
what somebody decided about it with ``qbosync resolve``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from qbosync.key import Key


class Kind(StrEnum):
    """How what QuickBooks holds differs from what we last saw there."""

    EDITED = "edited"
    VOIDED = "voided"
    DELETED = "deleted"
    MERGED = "merged"
    INACTIVE = "inactive"
    UNAPPLIED = "unapplied"
    APPLIED_ELSEWHERE = "applied_elsewhere"

    @property
    def is_gone(self) -> bool:
        """Whether there is nothing left that could be changed."""
        return self in (Kind.VOIDED, Kind.DELETED, Kind.MERGED)


@dataclass(frozen=True)
class Edit:
    """One document as a person left it.

    `fields` maps a field of QuickBooks to (what we wrote, what it says), both as people read
    them; `theirs` is the fingerprint of what it says, so that a further edit is another one;
    `into` is the customer that a merged one became.
    """

    key: Key
    kind: Kind
    theirs: str
    found_at: datetime
    fields: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    into: str = ""


SAID = "a person said so"
"""The reason of what is written or tied because a person decided it."""


class Says(StrEnum):
    """What a person decided."""

    OURS = "ours"
    THEIRS = "theirs"
    RELINK = "relink"
    FORGET = "forget"


@dataclass(frozen=True)
class Word:
    """A person's word on one document.

    It is about the edit with the fingerprint `theirs`, and about what the source said when it
    was given: `digest`, blank until the next plan knows it.  `qbo_id` is what it is tied to.
    """

    key: Key
    verdict: Says
    given_at: datetime
    by: str = ""
    theirs: str = ""
    digest: str = ""
    qbo_id: str = ""

    def covers(self, digest: str) -> bool:
        """Whether the source still says what it said when the word was given."""
        return self.digest in ("", digest)
