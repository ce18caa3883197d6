"""Signals that are deferred are never lost."""

from __future__ import annotations

import signal

import pytest

from embstore.files.signals import defer_signals


def test_ctrl_c_waits_for_the_end_of_the_block() -> None:
    steps = []
    with pytest.raises(KeyboardInterrupt), defer_signals():  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        steps.append("after the signal")
    assert steps == ["after the signal"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_does_not_swallow_ctrl_c() -> None:
    with pytest.raises(KeyboardInterrupt) as caught, defer_signals():  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        raise OSError("full")
    assert str(caught.value.__context__) == "full"


def test_blocks_in_blocks_defer_to_the_outermost() -> None:
    steps = []
    with pytest.raises(KeyboardInterrupt), defer_signals():  # noqa: PT012
        with defer_signals():
            signal.raise_signal(signal.SIGINT)
        steps.append("after the inner block")
    assert steps == ["after the inner block"]


def test_other_handlers_are_called_and_kept() -> None:
    received: list[int] = []

    def handler(number: int, _: object) -> None:
        received.append(number)

    before = signal.signal(signal.SIGTERM, handler)
    try:
        with defer_signals():
            signal.raise_signal(signal.SIGTERM)
            assert received == []
        assert received == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, before)
