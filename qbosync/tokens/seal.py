"""Sealing: AES-256-GCM, bound to the name of what it holds.

The cipher is imported when it is needed: most runs need none.
"""

from __future__ import annotations

import binascii
import os
from base64 import b64decode, b64encode

_KEY = 32
_NONCE = 12


def random_key() -> str:
    """A new key, as text."""
    return b64encode(os.urandom(_KEY)).decode()


def seal(key: str, name: str, text: str) -> str:
    """The text, readable only with the key and under the same name.

    Raises:
        ValueError: If the key is none.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    sealed = AESGCM(_bytes(key)).encrypt(nonce, text.encode(), name.encode())
    return b64encode(nonce + sealed).decode()


def unseal(key: str, name: str, sealed: str) -> str:
    """What `seal` was given.

    Raises:
        ValueError: If the key is another one, or a single bit has changed.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        raw = b64decode(sealed, validate=True)
        return AESGCM(_bytes(key)).decrypt(raw[:_NONCE], raw[_NONCE:], name.encode()).decode()
    except (InvalidTag, binascii.Error, UnicodeError):
        raise ValueError("it is damaged, or sealed with another key") from None


def _bytes(key: str) -> bytes:
    try:
        raw = b64decode(key.strip(), validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != _KEY:
        raise ValueError("the key is not 32 bytes in base64")
    return raw
