"""The broker's words on a conflict, as RabbitMQ 3.10 writes them."""

from __future__ import annotations

import pytest

from rabbitmq import drift

PREFIX = "PRECONDITION_FAILED - inequivalent arg"


@pytest.mark.parametrize(
    ("argument", "words", "expected", "found"),
    [
        ("x-delivery-limit", "received '3' but current is '20'", "3", "20"),
        ("type", "received 'topic' but current is 'direct'", "topic", "direct"),
        (
            "x-message-ttl",
            "received the value '5000' of type 'signedint' but current is none",
            "5000",
            drift.NOTHING,
        ),
        (
            "x-dead-letter-exchange",
            "received none but current is the value '' of type 'longstr'",
            drift.NOTHING,
            "''",
        ),
        (
            "x-message-ttl",
            "received the value '5' of type 'byte' but current is the value '6' of type 'long'",
            "5",
            "6",
        ),
    ],
)
def test_names_argument_and_both_values(argument: str, words: str, expected: str, found: str) -> None:
    told = drift.from_refusal("queue", "q", f"{PREFIX} '{argument}' for queue 'q' in vhost '/': {words}")

    assert told.what == f"queue q, {argument}"
    assert (told.expected, told.found) == (expected, found)


def test_words_that_it_does_not_know_are_shown_as_they_are() -> None:
    told = drift.from_refusal("queue", "q", "PRECONDITION_FAILED - something new")

    assert "something new" in told.found


def test_a_queue_is_cured_without_losing_its_messages() -> None:
    told = drift.different("queue", "relay.orders", "x-delivery-limit", "20", "3")

    assert "--if-empty relay.orders" in told.cure
    assert "relay topology apply" in str(told)
