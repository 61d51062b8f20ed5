"""Every sentence that is said about a dead letter, in both languages that people here read (DESIGN section 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from consumer.domain.errors import ErrorClass
from consumer.domain.writes import LetterStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

Pair: TypeAlias = tuple[str, str]
"""The same in English and in Chinese."""

WHY: Final[Mapping[ErrorClass, Pair]] = {
    ErrorClass.INVALID_EVENT: (
        "The event breaks the contract; the order system was told so (event.rejected). It would be refused again.",
        "事件不符合契约，已通知订单系统（event.rejected）；原样重放仍会被拒绝。",
    ),
    ErrorClass.TRANSIENT: (
        "The supplier, or something on the way to it, did not answer in all attempts. Nothing happened there.",
        "所有尝试中供应商或网络都没有应答；供应商侧没有发生任何变化。",
    ),
    ErrorClass.UNKNOWN_OUTCOME: (
        "No readable answer came in all attempts: the supplier may have done it. A replay sends the very same body.",
        "所有尝试都没有得到可读的应答：供应商可能已经处理。重放会发送完全相同的内容。",
    ),
    ErrorClass.THROTTLED: (
        "The supplier said that there were too many calls.",
        "供应商提示调用过于频繁。",
    ),
    ErrorClass.AUTH: (
        "The supplier did not accept the login in all attempts.",
        "所有尝试中供应商都不接受登录凭证。",
    ),
    ErrorClass.MISCONFIGURED: (
        "The set-up does not fit the supplier: an address, a host name or a certificate.",
        "配置与供应商不符：地址、主机名或证书有误。",
    ),
    ErrorClass.REJECTED: (
        "The supplier said no, and the order system was told so. Sent again as it is, it gets the same answer.",
        "供应商已拒绝，订单系统已收到通知；原样再发会得到同样的答复。",
    ),
    ErrorClass.MALFORMED: (
        "The supplier's answer had another shape than agreed: it may have changed its format.",
        "供应商的应答与约定的格式不同，可能已变更接口格式。",
    ),
    ErrorClass.UNMATCHED: (
        "A callback fits no order, or contradicts what the shop was told.",
        "回调找不到对应的订单，或与已通知店铺的结果矛盾。",
    ),
    ErrorClass.BUG: (
        "Something that nobody expected: a defect of this service, or the message killed its consumer.",
        "出现了意料之外的情况：本服务的缺陷，或该消息使消费进程崩溃。",
    ),
}
FIRST: Final[Mapping[ErrorClass, Pair]] = {
    ErrorClass.TRANSIENT: ("Look whether the supplier answers now.", "先确认供应商现在是否有应答。"),
    ErrorClass.UNKNOWN_OUTCOME: ("Look whether the supplier answers now.", "先确认供应商现在是否有应答。"),
    ErrorClass.THROTTLED: ("Look how much of the quota is used.", "先查看配额使用情况。"),
    ErrorClass.AUTH: ("Look whether the login works now.", "先确认登录是否恢复。"),
    ErrorClass.MISCONFIGURED: ("Look whether the set-up fits now.", "先确认配置是否已修正。"),
    ErrorClass.REJECTED: (
        "Have what the supplier complains of mended first, or edit the event.",
        "请先解决供应商指出的问题，或编辑该事件。",
    ),
    ErrorClass.MALFORMED: (
        "Look at an answer of that call; if the format changed, this service has to learn it first.",
        "先查看该接口的应答；若格式已变更，需先升级本服务。",
    ),
    ErrorClass.UNMATCHED: (
        "Look at the order first; a replay comes to the same end unless the order is in the books by now.",
        "请先查看订单；除非订单现已入库，否则重放结果不变。",
    ),
    ErrorClass.BUG: (
        "Report it with the traceback, and replay once the cause is mended.",
        "请附上调用栈报告缺陷，修复后再重放。",
    ),
}
PAUSED: Final[Pair] = (
    "{supplier} is paused by {by} ({reason}): a replay would wait until it is resumed.",
    "{supplier} 已被 {by} 暂停（{reason}）：恢复之前重放会一直等待。",
)
CAME_BACK: Final[Pair] = (
    "It came back from a replay before (letter {letter}).",
    "它曾被重放并再次失败（信件 {letter}）。",
)
STATUS: Final[Mapping[LetterStatus, Pair]] = {
    LetterStatus.REPLAYING: ("A replay has it in hand: {replay}.", "正在重放中：{replay}。"),
    LetterStatus.REPLAYED: ("Its event is done, thanks to replay {replay}.", "已由重放 {replay} 处理完成。"),
    LetterStatus.DISCARDED: (
        "It was discarded; `relay dlq restore` opens it again.",
        "已被丢弃；可用 `relay dlq restore` 恢复。",
    ),
    LetterStatus.CLOSED: (
        "Nothing is left to do: its event is done, or a newer letter stands for it.",
        "无需处理：事件已完成，或已有更新的信件代替。",
    ),
}
GOES: Final[Pair] = ("A replay would be sent.", "可以重放。")
NOT: Final[Pair] = ("A replay would not be sent: {reason}.", "不会重放：{reason}。")
