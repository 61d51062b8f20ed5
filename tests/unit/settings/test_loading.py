"""What comes of an environment and a `.env` file: sections, or every fault at once."""

from datetime import timedelta
from pathlib import Path

import pytest

from consumer.settings import Problem, SettingsError, known_names, load
from sandbox.credentials import environment

ACCOUNTS = environment("https://suppliers.example")


def problems(environ: dict[str, str], **options: object) -> dict[str, Problem]:
    with pytest.raises(SettingsError) as caught:
        load(environ, **{"dotenv": None, **options})  # type: ignore[arg-type]  # options of many types, by name
    found = {problem.setting: problem for problem in caught.value.problems}
    assert len(found) == len(caught.value.problems), "a setting is reported once"
    return found


def test_an_empty_environment_is_enough_for_a_command_that_needs_no_supplier() -> None:
    settings = load({}, None, need=("broker", "database"))
    assert settings.broker.amqp_url.get_secret_value() == "amqp://guest:guest@127.0.0.1:5672/"
    assert settings.broker.max_event_bytes == 262_144
    assert [delay.total_seconds() for delay in settings.broker.retry_delays] == [5, 30, 120, 600, 3600]
    assert settings.database.url.get_secret_value() == "sqlite+aiosqlite:///relay.db"
    assert settings.service.environment == "dev"
    assert str(settings.service.timezone) == "Asia/Shanghai"
    assert settings.limits.token_timeout == timedelta(seconds=10)
    assert settings.http.port == 8080
    assert settings.logging.directory == Path("logs")


def test_every_fault_of_every_section_is_reported_together() -> None:
    found = problems(
        {
            "RELAY_HTTP_PORT": "http",
            "RELAY_RETRY_DELAYS": "30s,5s",
            "RELAY_DATABASE_URL": "postgres://relay@db/relay",
            "RELAY_TIMEZONE": "Asia/Shangai",
            "RELAY_KEEP_MESSAGES": "1h",
            "YLH_SELLER_CODE": "123",
            "YLH_DUPLICATE_PATTERN": "(重复",
            "HAIER_BASE_URL": "openplat-test.haier.net",
        }
    )
    assert set(found) == {
        "RELAY_HTTP_PORT",
        "RELAY_RETRY_DELAYS",
        "RELAY_DATABASE_URL",
        "RELAY_TIMEZONE",
        "RELAY_KEEP_MESSAGES",
        *(name for name in ACCOUNTS if name.startswith("YLH_") and "CALLBACK" not in name and name != "YLH_BASE_URL"),
        "YLH_DUPLICATE_PATTERN",
        "HAIER_CLIENT_ID",
        "HAIER_CLIENT_SECRET",
        "HAIER_BASE_URL",
        "HAIER_CUSTOMER_CODE",
        "HAIER_PASSWORD",
        "HAIER_SELLER_PASSWORD",
    }
    assert "30s,5s" in found["RELAY_RETRY_DELAYS"].problem
    assert "grow" in found["RELAY_RETRY_DELAYS"].problem
    assert found["YLH_PASSWORD"] == Problem("YLH_PASSWORD", "is missing", "the value that YLH gave you")
    assert "postgresql+asyncpg://" in found["RELAY_DATABASE_URL"].expected


def test_the_report_reads_as_a_list_with_name_value_and_what_was_expected() -> None:
    with pytest.raises(SettingsError) as caught:
        load({"RELAY_HTTP_PORT": "http", "RELAY_LOG_LEVEL": "loud"}, None, need=())
    assert str(caught.value).splitlines() == [
        "2 settings are wrong. Set each in the environment or in .env:",
        (
            '  - RELAY_HTTP_PORT (from environment): "http" is not possible; '
            "expected a port from 1 to 65535, or 0 for any that is free"
        ),
        (
            '  - RELAY_LOG_LEVEL (from environment): "loud" is not possible; '
            "expected debug, info, warning, error or critical"
        ),
    ]


def test_a_section_that_was_not_needed_tells_its_faults_when_it_is_asked_for() -> None:
    settings = load({"HAIER_CLIENT_ID": "x"}, None, need=("broker",))
    with pytest.raises(SettingsError) as caught:
        _ = settings.haier
    assert "HAIER_PASSWORD" in {problem.setting for problem in caught.value.problems}


def test_a_section_that_was_not_needed_is_there_when_it_is_complete() -> None:
    assert load(ACCOUNTS, None, need=()).ylh.username == "sandbox-user"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("RELAY_HTTP_PORT=1111\nexport RELAY_CONSOLE_PORT='2222' # a comment\n", encoding="utf-8")
    settings = load({"RELAY_HTTP_PORT": "3333"}, dotenv, need=())
    assert (settings.http.port, settings.http.console_port) == (3333, 2222)


def test_a_name_set_to_nothing_is_not_set(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("RELAY_HTTP_PORT=1111\n", encoding="utf-8")
    assert load({"RELAY_HTTP_PORT": ""}, dotenv, need=()).http.port == 1111
    assert load({"RELAY_SECRET_KEY": "  "}, None, need=()).service.secret_keys == ()


def test_a_dollar_in_a_password_stays_a_dollar(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("YLH_PASSWORD=a$HOME${USER}b\n", encoding="utf-8")
    environ = {name: value for name, value in ACCOUNTS.items() if name != "YLH_PASSWORD"}
    assert load(environ, dotenv).ylh.password.get_secret_value() == "a$HOME${USER}b"


def test_a_line_of_the_file_that_cannot_be_read_is_a_fault_with_its_number_and_without_its_text(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("RELAY_ENV=test\n\nYLH_PASSWORD='geheimnis\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load({}, dotenv, need=())
    assert [problem.setting for problem in caught.value.problems] == [f"{dotenv}, line 3"]
    assert "geheimnis" not in str(caught.value)


@pytest.mark.parametrize(("content", "words"), [(b"\xff\xfe\x00", "not UTF-8"), (None, "cannot be read")])
def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path, content: bytes | None, words: str) -> None:
    dotenv = tmp_path / ".env"
    if content is None:
        dotenv.mkdir()
    else:
        dotenv.write_bytes(content)
    assert words in problems({}, dotenv=dotenv, need=())[str(dotenv)].problem


def test_a_file_that_is_not_there_is_no_fault(tmp_path: Path) -> None:
    assert load({}, tmp_path / ".env", need=()).service.environment == "dev"


def test_a_misspelt_name_is_a_warning_with_the_name_that_was_meant() -> None:
    settings = load({"RELAY_PREFETH": "7", "YLH_SOMETHING_ELSE": "x", "PATH": "/bin"}, None, need=())
    assert [(warning.setting, warning.expected) for warning in settings.warnings] == [
        ("RELAY_PREFETH", "RELAY_PREFETCH (is it that?)"),
        ("YLH_SOMETHING_ELSE", "one of the names in .env.example"),
    ]


def test_a_name_in_lower_case_is_a_warning() -> None:
    (warning,) = load({"relay_http_port": "1"}, None, need=()).warnings
    assert "RELAY_HTTP_PORT" in warning.expected


def test_no_secret_is_shown_by_repr_or_report() -> None:
    secrets = {
        "RELAY_AMQP_URL": "amqp://relay:hush-amqp@broker/",
        "RELAY_MANAGEMENT_URL": "http://relay:hush-mgmt@broker:15672",
        "RELAY_DATABASE_URL": "postgresql+asyncpg://relay:hush-db@db/relay",
        "RELAY_ALERT_WEBHOOK": "https://oapi.dingtalk.com/robot/send?access_token=hush-hook",
        "RELAY_SECRET_KEY": "aHVzaC1rZXktaHVzaC1rZXktaHVzaC1rZXktaHVzaCE=",
        "HAIER_CLIENT_SECRET": "hush-haier",
        "HAIER_PASSWORD": "hush-password",
        "HAIER_SELLER_PASSWORD": "hush-seller",
        "HAIER_CUSTOMER_PASSWORD": "hush-customer",
        "YLH_PASSWORD": "hush-ylh",
        "YLH_CLIENT_SECRET": "hush-client",
        "YLH_CALLBACK_SECRET": "hush-callback",
    }
    settings = load({**ACCOUNTS, **secrets}, None, need=("broker", "database", "haier", "ylh", "callbacks"))
    sections = (settings.broker, settings.database, settings.haier, settings.ylh, settings.callbacks, settings.logging)
    shown = repr(settings) + "".join(repr(section) + str(section) for section in (*sections, settings.service))
    assert "hush" not in shown
    assert "aHVzaC" not in shown
    assert settings.secrets() >= set(secrets.values())
    assert settings.broker.shown_url == "amqp://relay:***@broker/"
    assert settings.database.shown_url == "postgresql+asyncpg://relay:***@db/relay"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RELAY_AMQP_URL", "amqps//relay:hush@broker/"),
        ("RELAY_AMQP_URL", "amqp://relay:hush@broker:99999/"),
        ("RELAY_AMQP_URL", "amqp://relay:hush@[broker/"),
        ("RELAY_DATABASE_URL", "mysql://relay:hush@db/relay"),
        ("RELAY_SECRET_KEY", "hush"),
        ("RELAY_ALERT_WEBHOOK", "hush"),
        ("HAIER_BASE_URL", "https://relay:hush@openplat-test.haier.net"),
        ("YLH_BASE_URL", "https://relay:hu@sh/hush@www.yilihuo.com"),
        ("YLH_AUTH_URL", "https://www.yilihuo.com/oauth?token=hush"),
    ],
)
def test_a_faulty_secret_is_named_and_not_shown(name: str, value: str) -> None:
    found = problems({**ACCOUNTS, name: value})
    assert set(found) >= {name}
    assert not any("hush" in str(problem) for problem in found.values())


def test_haiers_ship_to_party_is_needed_for_supplier_1001_only() -> None:
    environ = {name: value for name, value in ACCOUNTS.items() if name != "HAIER_SEND_TO_CODE"}
    assert set(problems(environ)) == {"HAIER_SEND_TO_CODE"}
    assert load({**environ, "HAIER_SUPPLIER_CODE": "1002"}, None).haier.send_to_code is None


def test_the_receivers_health_is_not_served_where_the_supplier_calls() -> None:
    assert set(problems({"RELAY_CALLBACK_HEALTH_PORT": "8081"}, need=())) == {"RELAY_CALLBACK_HEALTH_PORT"}
    assert load({"RELAY_CALLBACK_HEALTH_PORT": "0"}, None, need=()).http.callback_health_port == 0


@pytest.mark.parametrize(
    ("env", "host"),
    [("dev", "https://dev.ylhtest.com"), ("pre", "https://pre.yilihuo.com"), ("PROD", "https://www.yilihuo.com")],
)
def test_ylhs_host_follows_its_environment(env: str, host: str) -> None:
    environ = {name: value for name, value in ACCOUNTS.items() if name != "YLH_BASE_URL"}
    assert load({**environ, "YLH_ENV": env}, None).ylh.base_url == host


def test_an_unknown_ylh_environment_is_one_fault_not_two() -> None:
    environ = {name: value for name, value in ACCOUNTS.items() if name != "YLH_BASE_URL"}
    assert set(problems({**environ, "YLH_ENV": "stage"})) == {"YLH_ENV"}


def test_haiers_token_url_is_a_guess_unless_it_is_set() -> None:
    environ = {name: value for name, value in ACCOUNTS.items() if name != "HAIER_TOKEN_URL"}
    guessed = load({**environ, "HAIER_BASE_URL": "https://openplat-test.haier.net/"}, None).haier
    assert guessed.token_url == "https://openplat-test.haier.net/oauth2/auth"
    assert load(ACCOUNTS, None).haier.token_url == ACCOUNTS["HAIER_TOKEN_URL"]


def test_the_names_fixed_by_the_design_are_there() -> None:
    fixed = """RELAY_AMQP_URL RELAY_DATABASE_URL RELAY_ENV RELAY_RETRY_DELAYS RELAY_PREFETCH RELAY_RATE_LIMIT
        RELAY_MAX_EVENT_BYTES RELAY_CALLBACK_WINDOW RELAY_SECRET_KEY RELAY_LOG_DIR RELAY_LANG RELAY_ALLOW_PLAIN_HTTP
        RELAY_HTTP_PORT RELAY_CALLBACK_PORT RELAY_CALLBACK_HEALTH_PORT RELAY_CONSOLE_PORT RELAY_SANDBOX_PORT
        RELAY_TIMEZONE RELAY_TOKEN_TIMEOUT RELAY_SUPPLIER_TIMEOUT RELAY_MANAGEMENT_URL RELAY_ALERT_WEBHOOK
        RELAY_YLH_SINGLE_UNIT YLH_AUTH_URL YLH_DUPLICATE_PATTERN YLH_UNKNOWN_ORDER_PATTERN"""
    assert set(fixed.split()) | set(ACCOUNTS) <= known_names()
