"""The allow-list: under which keys a log line may carry values.

To add one, it must be impossible that a customer's data ends up under it: a key that is missing costs a
``***`` in the log, one too many costs a customer's privacy.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


IDENTIFIERS = _words("""
    batch_id body_sha256 causation_id config_id correlation_id dead_letter_id event_id ext_order_no message_id
    mac online_no platform_order_no replay_id result_id retail_order_no so_id sync_id sync_log_id trace_id
""")
"""Keys of identifiers. They are searched for, so a number in them is never taken for a mobile."""

CODES = _words("""
    code error error_code outcome state step supplier_code
""")
"""Keys meant for a code, the name of a type, or an exception; a sentence, which could quote anything, is replaced."""

ALLOWED = (
    IDENTIFIERS
    | CODES
    | _words("""
    action actor age_s amount answer_excerpt attempt attempts batch by bytes callbacks changed check chore closed codes
    concurrency consumers count county_code cure database deadline_s delay_s delivery_count directory drift
    due_at duplicates duration_ms duration_s environment error_class exchange exit_code expected failed failures field
    file fingerprint generation given_back handler host immediate in_flight interval_s kind lane lanes limit
    low_water method migration operation outbox_pending parked pause payer_account pending pid port prefetch
    probe_in_s process processes product_code product_codes published queue queues redelivered rejected
    request_excerpt resource result_type results results_flushed retry_in_s returns revision routing_key
    row_version rows schedule seconds sequence server service setting settings signal since size skipped status stopped
    succeeded superseded supplier suppliers sync_type task timeout_s topology total tries type types unfinished
    units until url version vhost worker
""")
)
"""All keys whose values are written. ``reason`` is why we wait or pause; a customer's reason goes under no key.
``by`` is a colleague who has paused something, ``actor`` one who has done something, never a customer."""
