"""What letters of one cause have in common: their words, with what names one order, person or sum taken out.

Suppliers write free text, in Chinese and English. What is a value and what is a cause is guessed from how it stands
there: after a label, in quotes, with digits. The corpus of `tests/unit/domain/fingerprints.json` says where the guess
has to lie.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_NOT_A_VALUE: Final = (
    "(?!不|未|已|无|没|非|必|过|超|缺|错|请|待|可|为空|格式|长度|信息|电话|手机|地址|姓名|号码|编码|有误)"
)
"""How words about a field begin, which come after its name as a value would."""
_NAMES: Final = "收货人|收件人|联系人|姓名|客户|顾客|用户|买家|收货人姓名|联系人姓名|客户姓名"
_ADDRESSES: Final = "收货地址|详细地址|地址|小区"
_LABELS: Final = "consignee|customer|recipient|contact|name|buyer|address|Consignee|Customer|Recipient|Contact|Name"
_CAUSES_IN_QUOTES: Final = re.compile(
    # A field's or a status's own name, and what is said about one.
    r"[a-z][a-z_]*(?:\.[a-z_]+)*"
    r"|.*(?:姓名|手机|电话|地址|单号|编码|编号|数量|金额|价格|状态|日期|时间|类型|名称|库存|账户|余额).*"
    r"|[已未待不无可].*"
)
_QUOTED: Final = re.compile(r"“([^”]*)”|‘([^’]*)’|「([^」]*)」|『([^』]*)』|【([^】]*)】|\"([^\"]*)\"|'([^']*)'")
_VALUES: Final = (
    (re.compile(r"https?://[!-~]+"), "<url>"),
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b", re.ASCII), "<n>"),
    (re.compile(rf"({_NAMES})\s*[:=]\s*{_NOT_A_VALUE}[^\s,;.。、!()]{{1,20}}"), r"\1:<v>"),
    (re.compile(rf"({_NAMES})\s+{_NOT_A_VALUE}[\u4e00-\u9fff·]{{2,8}}(?=[\s,;.。、!()]|$)"), r"\1:<v>"),
    (re.compile(rf"({_ADDRESSES})\s*[:=]\s*{_NOT_A_VALUE}[^,;。、!]{{2,80}}"), r"\1:<v>"),
    (re.compile(rf"\b({_LABELS})\s*[:=]?\s*[A-Z][\w.'-]*(?:\s+[A-Z][\w.'-]*){{0,3}}"), r"\1:<v>"),
    (re.compile(rf"\b({_LABELS})\s*[:=]\s*[\u4e00-\u9fff·]{{2,8}}"), r"\1:<v>"),
    # ASCII only from here: Chinese is written right against an id, and says what is the matter.
    (re.compile(r"\b(?=[\w.-]*\d)(?=[\w.-]*[A-Za-z])\w[\w.-]*(?<![.-])", re.ASCII), "<n>"),
    (re.compile(r"\d[\d*]*(?:[.,:/\-#]+[\d*]+)*(?: \d\d:\d\d(?::\d\d)?)?", re.ASCII), "<n>"),
    (re.compile(r"(?:[¥$€]\s*)?<n>(?:\s*(?:元|yuan\b|CNY\b|RMB\b))?"), "<n>"),
    # Spaces mean nothing beside Chinese and after a mark.
    (re.compile(r"\s*([,:;])\s*|\s+(?=[\u4e00-\u9fff])|(?<=[\u4e00-\u9fff])\s+"), r"\1"),
)


def essence(words: str) -> str:
    """Return ``words`` without what varies from one letter of a cause to the next."""
    text = _QUOTED.sub(_unquoted, unicodedata.normalize("NFKC", words))
    for pattern, mark in _VALUES:
        text = pattern.sub(mark, text)
    return " ".join(text.split())


def _unquoted(found: re.Match[str]) -> str:
    content = next(group for group in found.groups() if group is not None).strip()
    return f"“{content}”" if _CAUSES_IN_QUOTES.fullmatch(content) else "<v>"
