"""Taking mandatory and optional fields out of a request, refusing in the supplier's words what is missing or wrong.

Numbers are taken as JSON numbers or as digits in a string, unless a field is documented as a string.
"""

import re
from collections.abc import Mapping
from datetime import timedelta, timezone
from decimal import Decimal

from sandbox.wire import JSON, Refusal

# China has had no daylight saving since 1991: a fixed offset needs no time-zone database on the machine.
SHANGHAI_AHEAD = 8 * 3600
SHANGHAI = timezone(timedelta(seconds=SHANGHAI_AHEAD), "Asia/Shanghai")
DAY = 86_400
MILLISECONDS = re.compile(r"[1-9][0-9]{12}")  # thirteen digits: 2001 to 2286; ten digits would be seconds
AMOUNT = re.compile(r"[0-9]{1,10}(\.[0-9]{1,4})?")
HIGHEST = 10**10
CENTS = 2

MISSING = "10001"
WRONG = "10002"


def document(value: JSON) -> Mapping[str, JSON]:
    """The request as an object."""
    if not isinstance(value, dict):  # Mapping would be the wider word, at ten times the price
        raise Refusal(WRONG, "请求参数格式错误，应为JSON对象")
    return value


def text(source: Mapping[str, JSON], name: str, *, longest: int = 500) -> str:
    """A mandatory string, not blank."""
    value = source.get(name)
    if value is None or (isinstance(value, str) and not value.strip()):
        raise Refusal(MISSING, f"{name}不能为空")
    if not isinstance(value, str):
        raise Refusal(WRONG, f"{name}格式错误，应为字符串")
    if len(value) > longest:
        raise Refusal(WRONG, f"{name}长度不能超过{longest}")
    return value


def optional_text(source: Mapping[str, JSON], name: str, *, longest: int = 500) -> str | None:
    """A string that may be missing, null or empty."""
    value = source.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > longest:
        raise Refusal(WRONG, f"{name}格式错误，应为不超过{longest}字的字符串")
    return value


def whole(source: Mapping[str, JSON], name: str) -> int:
    """A mandatory whole number of at least one, as a number or in digits."""
    value = _given(source, name)
    if isinstance(value, bool) or not isinstance(value, int | str) or not re.fullmatch(r"[1-9][0-9]{0,8}", str(value)):
        raise Refusal(WRONG, f"{name}格式错误，应为正整数")
    return int(value)


def money(source: Mapping[str, JSON], name: str) -> Decimal:
    """A mandatory amount in yuan, not negative, of at most two places."""
    value = _given(source, name)
    if isinstance(value, str) and AMOUNT.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Refusal(WRONG, f"{name}格式错误，应为金额")
    if not 0 <= value < HIGHEST or value != round(value, CENTS):
        raise Refusal(WRONG, f"{name}格式错误，应为不小于0且最多两位小数的金额")
    return Decimal(value)


def moment(source: Mapping[str, JSON], name: str) -> int:
    """A mandatory time in milliseconds since 1970."""
    value = _given(source, name)
    if isinstance(value, bool) or not isinstance(value, int | str) or not MILLISECONDS.fullmatch(str(value)):
        raise Refusal(WRONG, f"{name}格式错误，应为13位毫秒时间戳")
    return int(value)


def optional_day(source: Mapping[str, JSON], name: str) -> int | None:
    """A time in milliseconds that may be missing and must end its day in Shanghai (SUPPLIERS, YLH, reschedule)."""
    if source.get(name) is None:
        return None
    value = moment(source, name)
    if (value // 1000 + SHANGHAI_AHEAD) % DAY != DAY - 1:
        raise Refusal(WRONG, f"{name}的时分秒必须为23:59:59")
    return value


def codes(source: Mapping[str, JSON], name: str, *, most: int) -> list[str] | None:
    """A list of numbers of goods or orders, at most ``most``; None where it is left out."""
    if source.get(name) is None:
        return None
    return code_list(source[name], name, most=most)


def code_list(value: JSON, name: str, *, most: int) -> list[str]:
    """The same for a list that stands alone."""
    if not isinstance(value, list) or not value:
        raise Refusal(WRONG, f"{name}格式错误，应为非空数组")
    found = [code for code in value if isinstance(code, str) and code]
    if len(found) != len(value):
        raise Refusal(WRONG, f"{name}格式错误，应为字符串数组")
    if len(found) > most:
        raise Refusal(WRONG, f"{name}数量不能超过{most}个")
    return found


def _given(source: Mapping[str, JSON], name: str) -> JSON:
    value = source.get(name)
    if value is None or value == "":
        raise Refusal(MISSING, f"{name}不能为空")
    return value
