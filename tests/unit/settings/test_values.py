"""How the text of a setting becomes its value."""

import base64
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.settings import CallbackWindow, Prefetch, SettingsError, load, shown_url
from consumer.settings.values import callback_window, duration, prefetch

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("200ms", SECOND / 5),
        ("5s", 5 * SECOND),
        ("0.5s", SECOND / 2),
        ("10", 10 * SECOND),
        ("2m", 120 * SECOND),
        ("2 min", 120 * SECOND),
        ("1H", 3600 * SECOND),
        ("30d", timedelta(days=30)),
    ],
)
def test_a_duration_is_a_number_with_a_unit(text: str, value: timedelta) -> None:
    assert duration(text) == value


@pytest.mark.parametrize(
    "text", ["", "s", "-5s", "5w", "1e3s", "0s", "0.1ms", "1.0005s", "5s 5s", "٥s", "9" * 400 + "d"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is "):
        duration(text)


@given(st.integers(min_value=1, max_value=86_400_000))
def test_milliseconds_survive(milliseconds: int) -> None:
    assert duration(f"{milliseconds}ms") == timedelta(milliseconds=milliseconds)


@pytest.mark.parametrize("text", ["5s,5s", "5s,1s", "5s,,30s", "", "1h,2d", "5s;30s"])
def test_delays_that_are_no_ladder_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="RELAY_RETRY_DELAYS"):
        load({"RELAY_RETRY_DELAYS": text or ","}, None, need=("broker",))


def test_delays_may_be_as_short_as_tests_need_them() -> None:
    delays = load({"RELAY_RETRY_DELAYS": "200ms, 400ms"}, None, need=("broker",)).broker.retry_delays
    assert delays == (SECOND / 5, SECOND * 2 / 5)


def test_one_prefetch_is_for_all_lanes() -> None:
    assert prefetch("7") == Prefetch(7, 7, 7, 7)


def test_prefetch_by_lane_leaves_the_others_alone() -> None:
    counts = prefetch("relay.orders=200, catalog=1")
    assert counts == Prefetch(orders=200, callbacks=50, catalog=1, logistics=10)
    assert counts.of("relay.orders") == counts.of("orders") == 200
    with pytest.raises(KeyError):
        counts.of("of")


@pytest.mark.parametrize(
    "text", ["0", "-1", "65536", "many", "orders", "orders=", "order=5", "orders=5,orders=6", "1.5"]
)
def test_a_prefetch_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|names"):
        prefetch(text)


@pytest.mark.parametrize(
    ("text", "size"), [("1024", 1024), ("256kB", 262_144), ("256 KB", 262_144), ("1MiB", 1_048_576)]
)
def test_a_size_has_a_unit_or_none(text: str, size: int) -> None:
    assert load({"RELAY_MAX_EVENT_BYTES": text}, None, need=("broker",)).broker.max_event_bytes == size


@pytest.mark.parametrize("text", ["1023", "17MB", "256k bytes", "-1"])
def test_a_size_out_of_bounds_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="1 kB to 16 MB"):
        load({"RELAY_MAX_EVENT_BYTES": text}, None, need=("broker",))


@pytest.mark.parametrize(("text", "rate"), [("100", 100.0), ("100/s", 100.0), ("6000 / min", 100.0), ("1800/h", 0.5)])
def test_a_rate_is_for_some_time(text: str, rate: float) -> None:
    assert load({"RELAY_RATE_LIMIT": text}, None, need=()).limits.rate_limit == rate


@pytest.mark.parametrize("text", ["0", "-3", "fast", "5/d", "1e9"])
def test_an_impossible_rate_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="RELAY_RATE_LIMIT"):
        load({"RELAY_RATE_LIMIT": text}, None, need=())


def test_the_callback_window_has_two_sides() -> None:
    assert callback_window("48h,5m") == CallbackWindow(timedelta(hours=48), timedelta(minutes=5))
    with pytest.raises(ValueError, match="two durations"):
        callback_window("48h")


@pytest.mark.parametrize("text", ["c2hvcnQ=", "not base64!", "A" * 44])
def test_a_key_that_is_none_of_fernets_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="RELAY_SECRET_KEY"):
        load({"RELAY_SECRET_KEY": text}, None, need=())


def test_several_keys_are_parted_by_commas_in_their_order() -> None:
    keys = [base64.urlsafe_b64encode(bytes([number]) * 32).decode() for number in range(3)]
    settings = load({"RELAY_SECRET_KEY": f" {keys[0]},{keys[1]} , {keys[2]}"}, None, need=())
    assert [key.get_secret_value() for key in settings.service.secret_keys] == keys
    assert set(keys) <= settings.secrets()
    assert not any(key in repr(settings) + repr(settings.service) for key in keys)


def test_of_several_keys_the_faulty_one_is_named_by_its_place_and_not_shown() -> None:
    good = base64.urlsafe_b64encode(bytes(32)).decode()
    for text in (f"{good},c2hvcnQ=", f"{good},"):
        with pytest.raises(SettingsError, match="has 2 keys, of which number 2 is") as refusal:
            load({"RELAY_SECRET_KEY": text}, None, need=())
        assert good not in str(refusal.value)
        assert "c2hvcnQ" not in str(refusal.value)


@pytest.mark.parametrize(("text", "language"), [("zh", "zh"), ("zh_CN.UTF-8", "zh"), ("en-GB", "en"), ("EN", "en")])
def test_a_locale_is_a_language(text: str, language: str) -> None:
    assert load({"RELAY_LANG": text}, None, need=()).service.language == language


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "Asia", ""])
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(SettingsError, match="RELAY_TIMEZONE"):
        load({"RELAY_TIMEZONE": zone or "/"}, None, need=())


@pytest.mark.parametrize("url", ["sqlite+aiosqlite://", "sqlite+aiosqlite:///:memory:", "sqlite+aiosqlite:///?x=1"])
def test_a_database_in_memory_is_refused_because_acked_means_durable(url: str) -> None:
    with pytest.raises(SettingsError, match="forgets"):
        load({"RELAY_DATABASE_URL": url}, None, need=("database",))


def test_logs_can_be_switched_off() -> None:
    assert load({"RELAY_LOG_DIR": "off"}, None, need=()).logging.directory is None


@given(
    user=st.from_regex(r"[a-z]{1,8}", fullmatch=True),
    password=st.text(st.characters(codec="utf-8", exclude_categories=("Z", "C")), min_size=1),
)
def test_a_shown_url_never_has_the_password(user: str, password: str) -> None:
    marked = f"\N{SNOWMAN}{password}\N{SNOWMAN}"
    shown = shown_url(f"amqp://{user}:{marked}@broker:5672/vhost")
    assert "\N{SNOWMAN}" not in shown
    assert shown.startswith("amqp://")


def test_a_url_without_a_password_is_shown_as_it_is() -> None:
    assert shown_url("https://www.yilihuo.com/a/b") == "https://www.yilihuo.com/a/b"
