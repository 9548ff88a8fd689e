"""The allocator of the web process."""

from __future__ import annotations

import ctypes

import pytest

from daemon.heap import M_ARENA_MAX, M_MMAP_THRESHOLD, keep_small


def test_the_c_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[int, int] = {}

    class Library:
        @staticmethod
        def mallopt(name: ctypes.c_int, value: ctypes.c_int) -> int:
            told[name.value] = value.value
            return 1

    monkeypatch.setattr("daemon.heap.ctypes.CDLL", lambda _name: Library)
    assert keep_small()
    assert told[M_ARENA_MAX] == 1
    assert told[M_MMAP_THRESHOLD] == 1 << 18


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.heap.ctypes.CDLL", lambda _name: object())
    assert not keep_small()
