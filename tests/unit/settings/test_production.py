"""What `RELAY_ENV=prod` refuses."""

import pytest

from consumer.settings import SettingsError, load
from sandbox.credentials import environment

GOOD = {
    **environment("https://suppliers.example"),
    "RELAY_ENV": "prod",
    "RELAY_AMQP_URL": "amqps://relay:long-password@broker:5671/relay",
}


def refused(**changes: str) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        load({**GOOD, **changes}, None)
    return {problem.setting: problem.problem for problem in caught.value.problems}


def test_a_proper_set_up_is_accepted_with_sqlite_too() -> None:
    assert load(GOOD, None).service.environment == "prod"


@pytest.mark.parametrize(
    "url",
    [
        "amqp://broker/",
        "amqp://guest:guest@broker/",
        "amqp://guest:changed@broker/",
        "amqp://%67uest:x@broker/",
        "amqp://relay:guest@broker/",
    ],
)
def test_guest_is_refused(url: str) -> None:
    assert "guest" in refused(RELAY_AMQP_URL=url)["RELAY_AMQP_URL"]


def test_the_broker_by_default_is_refused_because_it_is_guests() -> None:
    environ = {name: value for name, value in GOOD.items() if name != "RELAY_AMQP_URL"}
    with pytest.raises(SettingsError, match="RELAY_AMQP_URL"):
        load(environ, None)


@pytest.mark.parametrize("name", ["HAIER_BASE_URL", "HAIER_TOKEN_URL", "YLH_BASE_URL", "YLH_AUTH_URL"])
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:9100",
        "127.8.8.8",
        "localhost",
        "LOCALHOST.",
        "x.localhost",
        "[::1]:9100",
        "0.0.0.0",  # noqa: S104 - a URL to refuse, nothing listens
        "sandbox",
        "10.0.0.5:9100",
    ],
)
def test_the_sandbox_is_refused_wherever_it_hides(name: str, host: str) -> None:
    assert "sandbox" in refused(**{name: f"https://{host}"})[name]
    assert "sandbox" in refused(**{name: f"http://{host}", "RELAY_ALLOW_PLAIN_HTTP": "yes"})[name]


@pytest.mark.parametrize("name", ["HAIER_BASE_URL", "HAIER_TOKEN_URL", "YLH_BASE_URL", "YLH_AUTH_URL"])
def test_plain_http_is_refused_unless_it_is_allowed(name: str) -> None:
    assert "plain http" in refused(**{name: "http://www.yilihuo.com"})[name]
    assert load({**GOOD, name: "http://www.yilihuo.com", "RELAY_ALLOW_PLAIN_HTTP": "yes"}, None).ylh.username


def test_refusals_are_reported_with_all_other_faults() -> None:
    found = refused(RELAY_AMQP_URL="amqp://broker", HAIER_BASE_URL="http://127.0.0.1", RELAY_HTTP_PORT="x")
    assert set(found) == {"RELAY_AMQP_URL", "HAIER_BASE_URL", "RELAY_HTTP_PORT"}


@pytest.mark.parametrize("env", ["dev", "test"])
def test_elsewhere_all_of_it_is_welcome(env: str) -> None:
    settings = load({**environment("http://127.0.0.1:9100"), "RELAY_ENV": env}, None)
    assert settings.ylh.base_url == "http://127.0.0.1:9100"


def test_the_sandboxs_callback_secret_is_refused_where_callbacks_are_taken() -> None:
    assert load(GOOD, None, need=("ylh",)).service.environment == "prod"
    with pytest.raises(SettingsError, match="YLH_CALLBACK_SECRET"):
        load(GOOD, None, need=("callbacks",))
    own = {**GOOD, "YLH_CALLBACK_SECRET": "5f0e0a6c1d8b4a7e"}
    assert load(own, None, need=("callbacks",)).callbacks.secret.get_secret_value() == "5f0e0a6c1d8b4a7e"
