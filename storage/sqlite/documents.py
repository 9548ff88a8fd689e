"""Our dataclasses as JSON documents and back. Pure. Text from outside may hold what UTF-8 cannot: it is replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from model.errors import StoreError

T = TypeVar("T")
_ENCODER = msgspec.json.Encoder()


def clean(text: str) -> str:
    """The text with what UTF-8 cannot hold (half surrogate pairs) replaced."""
    return text.encode("utf-8", "replace").decode()


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {_cleaned(k): _cleaned(v) for k, v in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [_cleaned(v) for v in value]
    return value


def encode(value: object) -> bytes:
    """JSON; raises :class:`StoreError` for what JSON cannot hold."""
    try:
        try:
            return _ENCODER.encode(value)
        except UnicodeError:
            return _ENCODER.encode(_cleaned(msgspec.to_builtins(value)))
    except (TypeError, OverflowError, ValueError, RecursionError) as e:
        raise StoreError(f"cannot be kept as JSON: {e}") from e


def decode(doc: bytes, kind: type[T]) -> T:
    """The dataclass again; raises :class:`StoreError` for a document that has another form."""
    try:
        return msgspec.json.decode(doc, type=kind)
    except (msgspec.DecodeError, UnicodeError) as e:
        raise StoreError(f"a stored {kind.__name__.lower()} does not read: {e}") from e


def decode_mapping(doc: bytes) -> dict[str, object]:
    return decode(doc, dict[str, object])


def decode_any(doc: bytes) -> object:
    try:
        value: object = msgspec.json.decode(doc)
    except (msgspec.DecodeError, UnicodeError) as e:
        raise StoreError(f"a stored value does not read: {e}") from e
    return value
