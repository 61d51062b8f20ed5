"""Every sentence that the demo says, in both languages that people here read (DESIGN section 9)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from ops.demo.complaints import COMPLAINTS

if TYPE_CHECKING:
    from collections.abc import Mapping

Language = Literal["en", "zh"]

_TEXTS: Final[dict[str, tuple[str, str]]] = {
    # Steps
    "step.start": (
        "The whole system on this machine: broker, both suppliers (a sandbox), the service, the receiver of callbacks.",
        "在本机运行整个系统：消息服务器、两家供应商（沙箱）、服务本身和回调接收。",
    ),
    "step.broker": ("Broker: {origin}", "消息服务器：{origin}"),
    "step.own_vhost": (
        "A virtual host of its own for the demo: {name}",
        "为演示单独创建虚拟主机：{name}",
    ),
    "step.declared": (
        "Queues and exchanges are there (what `relay topology apply` does)",
        "队列和交换机已就绪（等同于 `relay topology apply`）",
    ),
    "step.database": (
        "Database: SQLite, migrated (`relay db upgrade`)",
        "数据库：SQLite，已迁移（`relay db upgrade`）",
    ),
    "step.sandbox": (
        "Sandbox: both suppliers at {url}, {faults} rules for faults",
        "沙箱：两家供应商位于 {url}，已设置 {faults} 条故障规则",
    ),
    "step.service": (
        "Service: `relay consume` is ready, {url}/health/ready",
        "服务：`relay consume` 已就绪，{url}/health/ready",
    ),
    "step.receiver": (
        "Receiver: `relay callbacks` is ready, YLH calls back at {url}",
        "回调接收：`relay callbacks` 已就绪，易理货回调 {url}",
    ),
    "step.sending": (
        "{count} events go in: orders, repeats, cancels, new days, a goods sync, malformed ones",
        "开始发送 {count} 个事件：订单、重复事件、取消、改约、商品同步和格式错误的事件",
    ),
    "step.sent": (
        "All {count} events are with the broker; waiting for their results and for YLH's callbacks",
        "{count} 个事件均已发送，等待结果和易理货的回调",
    ),
    "step.settled": (
        "Every event has its result, every order its last word; reading the suppliers' own ledger",
        "每个事件都有了结果，每个订单都有了最终状态；读取供应商自己的账本",
    ),
    "step.unsettled": (
        "{count} events, orders or goods have no result after {seconds} s; reading the suppliers' own ledger",
        "{seconds} 秒后仍有 {count} 个事件、订单或商品没有结果；读取供应商自己的账本",
    ),
    "step.stopping": ("Stopping what was started", "正在停止所启动的一切"),
    "step.stopped": ("Everything is stopped and removed", "已全部停止并清理"),
    "step.interrupted": ("Interrupted: taking everything down …", "已中断：正在清理 …"),
    "step.still_stopping": ("Still taking things down; this takes a few seconds …", "仍在清理，请稍候几秒 …"),
    # Live view and plain lines
    "live.in": ("in", "输入"),
    "live.lane": ("lane", "通道"),
    "live.waiting": ("waiting", "等待"),
    "live.in_hand": ("in hand", "处理中"),
    "live.done": ("done", "完成"),
    "live.retry": ("held back for a retry", "等待重试"),
    "live.results": ("results", "结果"),
    "live.calls": ("calls at the suppliers", "供应商收到的调用"),
    "live.faults": ("faults injected", "注入的故障"),
    "live.due": ("YLH has yet to say", "易理货尚未答复"),
    "live.line": (
        (
            "in {sent}/{events}   waiting {waiting}   in hand {in_hand}   held back {retry}   results {results}   "
            "supplier calls {calls}   callbacks due {due}   faults {faults}"
        ),
        (
            "输入 {sent}/{events}   等待 {waiting}   处理中 {in_hand}   待重试 {retry}   结果 {results}   "
            "供应商调用 {calls}   待回调 {due}   故障 {faults}"
        ),
    ),
    # Faults
    "fault.unavailable": ("first call answered 503", "首次调用返回 503"),
    "fault.lost_answer": ("taken, but the answer was lost", "已受理但应答丢失"),
    "fault.expired_token": ("token expired meanwhile", "令牌中途失效"),
    "fault.refused": ("refused by YLH", "被 YLH 拒绝"),
    "fault.never_available": ("answered 503 every time", "每次都返回 503"),
    "fault.goods_unavailable": ("goods: one batch answered 503", "商品：一个批次返回 503"),
    # Summary
    "sum.in": ("In", "输入"),
    "sum.events": ("{count} events", "{count} 个事件"),
    "sum.repeated": ("{count} sent twice", "{count} 个重复发送"),
    "sum.malformed": ("{count} malformed", "{count} 个格式错误"),
    "sum.out": ("Out", "输出"),
    "sum.results": (
        "{results} results; {ended} of {distinct} different events have exactly one end",
        "{results} 个结果；{distinct} 个不同事件中有 {ended} 个恰好有一个结局",
    ),
    "sum.copies": (
        "{count} results came once more, under the same id (events and callbacks sent twice)",
        "另有 {count} 个结果以相同 id 再次送达（重复发送的事件和回调）",
    ),
    "sum.supplier_calls": ("Calls", "调用"),
    "sum.callbacks_title": ("Told by YLH", "易理货回调"),
    "sum.callbacks": (
        "{taken} callbacks taken, {repeated} of them the very same once more; forged and refused: {refused}",
        "接收 {taken} 个回调，其中 {repeated} 个是原样重发；伪造并被拒绝的 {refused} 个",
    ),
    "sum.title": ("Results received against the suppliers' own ledger", "收到的结果与供应商账本的对照"),
    "sum.results_column": ("results", "结果"),
    "sum.ledger_column": ("ledger", "账本"),
    "sum.pushed": ("orders at YLH", "已到 YLH 的订单"),
    "sum.doubled": ("of them more than once", "其中重复的"),
    "sum.rescued": ("of them after a 503, a lost answer, an expired token", "其中经历 503、应答丢失或令牌失效的"),
    "sum.duplicates_refused": ("resends that YLH knew already", "YLH 已认得的重发"),
    "sum.confirmed": ("confirmed by YLH", "易理货已确认的"),
    "sum.out_of_stock": ("out of stock at first", "起初缺货的"),
    "sum.turned_down": ("turned down later", "事后被拒单的"),
    "sum.cancelled": ("cancelled by the shop, and done", "商城取消并已完成的"),
    "sum.intercepted": ("cancelled by YLH, unasked", "易理货主动取消的"),
    "sum.settled": ("came back, and settled by quantities", "退回并已按数量结算的"),
    "sum.moved": ("moved to other days", "已改约的"),
    "sum.moved_along": ("of them before the order itself came", "其中先于订单本身到达的"),
    "sum.goods": ("goods in step with Haier", "与海尔同步的商品"),
    "sum.refused": ("Refused, with the supplier's reason", "被拒绝（供应商给出的原因）"),
    "sum.superseded": ("Not sent: the cancel came before the order", "未发送：取消先于订单到达"),
    "sum.parked": ("Parked for an operator (attempts used up)", "已搁置，等待人工处理（重试次数用尽）"),
    "sum.attempts": ("{count} attempts", "{count} 次尝试"),
    "sum.rejected": ("Broke the contract: told to the publisher", "违反契约：已告知发布方"),
    "sum.expected": ("expected {expected}; came {came}", "期望 {expected}；收到 {came}"),
    "sum.faults": ("Faults injected", "注入的故障"),
    "sum.agrees": (
        "Ledger and results agree: {events} events in, every one accounted for, every order once.",
        "账本与结果一致：{events} 个事件全部有交代，每个订单恰好一次。",
    ),
    "sum.disagrees": (
        "Ledger and results DISAGREE in {count} points:",
        "账本与结果不一致，共 {count} 处：",
    ),
    "sum.took": ("Took {seconds} s.", "用时 {seconds} 秒。"),
    "sum.next": ("Try next:", "接下来可以试试："),
    "sum.keep": ("The system is up. In another shell:", "系统正在运行。请在另一个终端中执行："),
    "sum.keep_end": ("Ctrl-C ends it and removes everything.", "按 Ctrl-C 结束并清理一切。"),
    "next.keep": ("the same, left running for you to look into", "同样的演示，结束后保持运行供您查看"),
    "next.validate": ("check an event against the contract, without a broker", "按契约检查一个事件，无需消息服务器"),
    "next.topology": ("the queues and exchanges, and what each is for", "队列与交换机及其用途"),
    "next.environment": ("the settings of this system, for this shell", "把这个系统的设置读入当前终端"),
    "next.queues": ("depth and consumers of every queue", "每个队列的深度与消费者"),
    "next.order": ("one order, whose first answer from YLH was lost", "一个首次应答丢失的订单"),
    "next.timeline": (
        "the life of another, whose new days waited for the number in YLH's callback",
        "另一个订单的来龙去脉：改约一直等到易理货回调带来单号",
    ),
    "next.sync": ("a goods sync, with its progress", "一次商品同步及其进度"),
    "part.service": ("service", "服务"),
    "part.receiver": ("callback receiver", "回调接收"),
    "part.sandbox": ("sandbox", "沙箱"),
}


_ALL: Final = {**_TEXTS, **COMPLAINTS}


@dataclass(frozen=True, slots=True)
class Texts:
    """The sentences of one language: ``texts("step.sandbox", url=…, faults=…)``."""

    language: Language

    def __call__(self, key: str, **values: object) -> str:
        """Return a sentence with its values put in; raises ``KeyError`` for a key that there is not."""
        return _ALL[key][0 if self.language == "en" else 1].format(**values)


def keys() -> frozenset[str]:
    """Return every key."""
    return frozenset(_ALL)


def language_of(environ: Mapping[str, str] = os.environ) -> Language:
    """Return what ``RELAY_LANG`` says, else the locale; English where neither is Chinese."""
    names = ("RELAY_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
    chosen = next((environ[name] for name in names if environ.get(name, "").strip()), "")
    return "zh" if chosen.strip().lower().startswith("zh") else "en"
