"""What a caller is told: YLH's form of an answer (SUPPLIERS, "YLH calls us back", Answer expected) and its HTTP status.

Descriptions are for YLH's people, hence in Chinese; codes are for programs. A caller who has not signed learns what a
form has to look like, which YLH's papers say anyway, and nothing of what this service knows or holds.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

SUCCESS: Final = "success"

_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Attributes:
        status: HTTP status.
        code: `SUCCESS`, or why not.
        description: for YLH's people.
        retry_after: seconds after which it is worth another try; None: it is not, or at any time.
    """

    status: int
    code: str
    description: str
    retry_after: int | None = None

    @property
    def taken(self) -> bool:
        """Whether the callback is ours now."""
        return self.code == SUCCESS

    def body(self, now: datetime, platform_order_no: str = "") -> bytes:
        """Return the answer as YLH reads it.

        Args:
            now: in Asia/Shanghai.
            platform_order_no: the order that the callback is about; only for one that is rightly signed.
        """
        before, between = _fixed(self)
        # The one document of the hot path: only these two vary, and the first is made of digits.
        return f'{before}"{now:%Y%m%d%H%M%S}"{between}{_to_json(platform_order_no)}}}}}'.encode()


@functools.cache
def _fixed(answer: Answer) -> tuple[str, str]:
    """Return what stands before the time in ``answer``, and between that and the order's number."""
    head = {"success": answer.taken, "code": answer.code, "description": answer.description, "timeStamp": ""}
    data = {"statusCode": str(answer.status), "message": answer.description, "platformOrderNo": ""}
    open_data = _to_json(data).removesuffix('""}')
    return _to_json(head).removesuffix('""}'), f',"data":{open_data}'


TAKEN: Final = Answer(200, SUCCESS, "成功")
NOT_A_FORM: Final = Answer(400, "bad_form", "请求体不是有效的表单")
UNREADABLE: Final = Answer(400, "unreadable", "签名正确，但内容无法识别，已转人工处理")
UNSIGNED: Final = Answer(401, "bad_signature", "AppKey 或签名不正确")
STALE: Final = Answer(403, "outside_window", "签名正确，但 TimeStamp 超出允许的时间范围，已转人工处理")
NOT_HERE: Final = Answer(404, "not_here", "此地址不存在")
NOT_POST: Final = Answer(405, "post_only", "仅支持 POST")
TOO_LARGE: Final = Answer(413, "too_large", "请求体过大")
NOT_THIS_TYPE: Final = Answer(415, "forms_only", "仅支持 UTF-8 编码的 application/x-www-form-urlencoded")
LIMITED: Final = Answer(429, "too_many_refused", "被拒绝的请求过多，请稍后再试", retry_after=60)
UNAVAILABLE: Final = Answer(503, "unavailable", "暂时无法接收，请稍后重新推送", retry_after=10)
BUSY: Final = Answer(503, "busy", "请求过多，请稍后重新推送", retry_after=1)
