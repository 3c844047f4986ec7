"""`ReadAhead`: what is at hand, in order, and every error at its place."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.engine.read_ahead import ReadAhead


def all_of(source: ReadAhead[int], most: int) -> list[list[int]]:
    return list(iter(lambda: source.take(most), []))


@given(n=st.integers(0, 30), ahead=st.integers(1, 5), most=st.integers(1, 5))
def test_everything_is_taken_once_and_in_order(n: int, ahead: int, most: int) -> None:
    with ReadAhead(range(n), ahead) as source:
        pieces = all_of(source, most)
        assert source.take(most) == []
        source.raise_error()
    assert [item for piece in pieces for item in piece] == list(range(n))
    assert all(len(piece) <= most for piece in pieces)


def test_what_is_at_hand_does_not_wait_for_what_is_not() -> None:
    rest = threading.Event()

    def source() -> Iterator[int]:
        yield 1
        rest.wait()
        yield 2

    with ReadAhead(source(), 4) as items:
        assert items.take(8) == [1]
        assert items.take(8, unless=lambda: True) == []
        rest.set()
        assert items.take(8) == [2]


def test_a_wait_may_be_ended_by_something_else() -> None:
    rest, other = threading.Event(), threading.Event()

    def source() -> Iterator[int]:
        rest.wait()
        yield 1

    with ReadAhead(source(), 4) as items:
        threading.Timer(0.05, lambda: (other.set(), items.wake())).start()
        assert items.take(8, unless=other.is_set) == []
        rest.set()
        assert items.take(8) == [1]


def test_a_wait_for_many_ends_with_them_or_with_the_source() -> None:
    rest = threading.Event()

    def source() -> Iterator[int]:
        yield from (1, 2, 3)
        rest.wait()
        yield 4

    with ReadAhead(source(), 4) as items:
        assert items.take(2, least=lambda: 2) == [1, 2]
        assert items.take(2, least=lambda: 2, unless=lambda: True) == []
        threading.Timer(0.05, rest.set).start()
        assert items.take(2, least=lambda: 2) == [3, 4]
        assert items.take(2, least=lambda: 2) == []


def test_fewer_will_do_as_soon_as_whoever_waits_says_so() -> None:
    rest, idle = threading.Event(), threading.Event()

    def source() -> Iterator[int]:
        yield 1
        rest.wait()

    with ReadAhead(source(), 4) as items:
        threading.Timer(0.05, lambda: (idle.set(), items.wake())).start()
        assert items.take(8, least=lambda: 1 if idle.is_set() else 8) == [1]
        rest.set()


def test_an_error_ends_the_source_and_nothing_before_it_is_lost() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise OSError("unplugged")

    with ReadAhead(source(), 4) as items:
        assert items.take(8) == [1]
        assert items.take(8) == []
        with pytest.raises(OSError, match="unplugged"):
            items.raise_error()


def test_no_more_is_read_ahead_than_asked_for_and_leaving_ends_the_thread() -> None:
    read: list[int] = []
    closed = threading.Event()

    def source() -> Iterator[int]:
        try:
            for n in range(1000):
                read.append(n)
                yield n
        finally:
            closed.set()

    with ReadAhead(source(), 4) as items:
        assert items.take(2, least=lambda: 4) == [0, 1]
        while len(read) < 7:  # two taken, four at hand, one that waits for room
            time.sleep(0.001)
        assert items.take(1) == [2]
        time.sleep(0.02)  # it goes on when half is taken, not at each
        assert len(read) == 7
    assert closed.wait(10)
    assert len(read) < 10
