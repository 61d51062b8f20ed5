"""Every sentence that the demo says, in both languages that people here read (DESIGN section 9)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Language = Literal["en", "zh"]

_TEXTS: Final[dict[str, tuple[str, str]]] = {
    # Steps
    "step.start": (
        "The whole system on this machine: broker, both suppliers (a sandbox), the service.",
        "在本机运行整个系统：消息服务器、两家供应商（沙箱）和服务本身。",
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
    "step.sending": (
        "{count} events go in: orders, repeats, cancels, a goods sync, malformed ones",
        "开始发送 {count} 个事件：订单、重复事件、取消、商品同步和格式错误的事件",
    ),
    "step.sent": (
        "All {count} events are with the broker; waiting for their results",
        "{count} 个事件均已发送，等待结果",
    ),
    "step.settled": (
        "Every event has its result; reading the suppliers' own ledger",
        "每个事件都有了结果；读取供应商自己的账本",
    ),
    "step.unsettled": (
        "{count} events have no result after {seconds} s; reading the suppliers' own ledger",
        "{seconds} 秒后仍有 {count} 个事件没有结果；读取供应商自己的账本",
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
    "live.line": (
        (
            "in {sent}/{events}   waiting {waiting}   in hand {in_hand}   held back {retry}   results {results}   "
            "supplier calls {calls}   faults {faults}"
        ),
        (
            "输入 {sent}/{events}   等待 {waiting}   处理中 {in_hand}   待重试 {retry}   结果 {results}   "
            "供应商调用 {calls}   故障 {faults}"
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
        "{count} results came once more, under the same id (the events sent twice)",
        "另有 {count} 个结果以相同 id 再次送达（重复发送的事件）",
    ),
    "sum.supplier_calls": ("Calls", "调用"),
    "sum.title": ("Results received against the suppliers' own ledger", "收到的结果与供应商账本的对照"),
    "sum.results_column": ("results", "结果"),
    "sum.ledger_column": ("ledger", "账本"),
    "sum.pushed": ("orders at YLH", "已到 YLH 的订单"),
    "sum.doubled": ("of them more than once", "其中重复的"),
    "sum.rescued": ("of them after a 503, a lost answer, an expired token", "其中经历 503、应答丢失或令牌失效的"),
    "sum.duplicates_refused": ("resends that YLH knew already", "YLH 已认得的重发"),
    "sum.cancelled": ("cancelled after the push", "推送后取消的"),
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
    "next.sync": ("a goods sync, with its progress", "一次商品同步及其进度"),
    # Disagreements
    "disagree.unreadable_result": ("a result does not fit the contract: {words}", "结果不符合契约：{words}"),
    "disagree.no_result": (
        "event {subject} has no result; {expected} was due",
        "事件 {subject} 没有结果，应为 {expected}",
    ),
    "disagree.several_results": (
        "event {subject} has {count} results that end it: {types}",
        "事件 {subject} 有 {count} 个结局：{types}",
    ),
    "disagree.other_result": (
        "event {subject} ended with {found}; {expected} was due",
        "事件 {subject} 的结局为 {found}，应为 {expected}",
    ),
    "disagree.other_field": (
        "the rejection of event {subject} names {found}; the fault is in {expected}",
        "事件 {subject} 的拒绝指向 {found}，实际错误在 {expected}",
    ),
    "disagree.stranger_result": (
        "a result ({types}) names event {subject}, which was never sent",
        "结果（{types}）提到从未发送的事件 {subject}",
    ),
    "disagree.stranger_order": (
        "the supplier was called about order {subject}, which nobody sent",
        "供应商收到了无人发送的订单 {subject}",
    ),
    "disagree.doubled": ("order {subject} is at the supplier {count} times", "订单 {subject} 在供应商处有 {count} 份"),
    "disagree.pushed_but_absent": (
        "order {subject}: the result says pushed, the supplier does not have it",
        "订单 {subject}：结果称已推送，供应商却没有",
    ),
    "disagree.present_but_not_pushed": (
        "order {subject} is at the supplier, but no result says pushed (it says {types})",
        "订单 {subject} 已在供应商处，但没有推送成功的结果（结果为 {types}）",
    ),
    "disagree.other_number": (
        "order {subject}: the result names {told}, the supplier {held}",
        "订单 {subject}：结果中的单号为 {told}，供应商为 {held}",
    ),
    "disagree.cancelled_but_stands": (
        "order {subject}: the result says that the cancel was taken, at the supplier it stands",
        "订单 {subject}：结果称取消已受理，供应商处仍有效",
    ),
    "disagree.stands_but_cancelled": (
        "order {subject} is cancelled at the supplier, but no result says so",
        "订单 {subject} 在供应商处已取消，却没有相应结果",
    ),
    "disagree.cancelled_twice": ("order {subject} was cancelled {count} times", "订单 {subject} 被取消了 {count} 次"),
    "disagree.article_unknown": ("Haier has no article {subject}", "海尔没有商品 {subject}"),
    "disagree.article_not_told": ("no result tells article {subject}", "没有结果提到商品 {subject}"),
    "disagree.article_told_often": ("article {subject} changed {count} times", "商品 {subject} 变更了 {count} 次"),
    "disagree.article_differs": (
        "article {subject}: the result says {told}, Haier {held}",
        "商品 {subject}：结果为 {told}，海尔为 {held}",
    ),
    "disagree.article_not_asked_for": (
        "article {subject} was told and not asked for",
        "商品 {subject} 未被请求却有结果",
    ),
    "disagree.sync_incomplete": (
        "the goods sync {subject} ended {status}, {counted}",
        "商品同步 {subject} 以 {status} 结束，{counted}",
    ),
    "disagree.fault_not_shown": (
        "the fault `{subject}` happened {fired} times; {planned} were planned",
        "故障 `{subject}` 发生了 {fired} 次，计划为 {planned} 次",
    ),
    # Failures
    "fail.failed": ("The demo could not go on: {reason}", "演示无法继续：{reason}"),
    "fail.last_words": ("Last lines of the {part}:", "{part} 的最后几行："),
    "fail.log": ("All that service and sandbox said: {path}", "服务与沙箱的完整日志：{path}"),
    "fail.part_ended": (
        "the {part} ended by itself (exit code {code}) while it was needed",
        "{part} 意外退出（退出码 {code}）",
    ),
    "fail.not_ready": ("the {part} was not ready within {seconds} s", "{part} 在 {seconds} 秒内没有就绪"),
    "fail.no_sandbox": (
        (
            "The demo plays the suppliers with the sandbox, which is not part of an installed package: run it from a "
            "checkout of the project, with `make demo`."
        ),
        "演示需要沙箱来扮演供应商，而安装包中不含沙箱：请在项目源码目录中运行 `make demo`。",
    ),
    "fail.production": (
        "RELAY_ENV is prod. The demo publishes made-up orders: run it where RELAY_ENV is not prod.",
        "RELAY_ENV 为 prod。演示会发送虚构的订单，请勿在生产环境中运行。",
    ),
    "fail.occupied": (
        (
            "The broker that RELAY_AMQP_URL names holds queues of these names already ({queues}). The demo's service "
            "would take the events of whoever uses them, so it stays away. Do one of these:\n"
            "  - unset RELAY_AMQP_URL: the demo then starts a broker of its own;\n"
            "  - set RELAY_MANAGEMENT_URL (http://user:password@host:15672): the demo then makes a virtual host of its "
            "own and removes it;\n"
            "  - let RELAY_AMQP_URL name an empty virtual host."
        ),
        (
            "RELAY_AMQP_URL 指定的消息服务器上已有同名队列（{queues}）。"
            "演示的服务会取走其使用者的事件，因此不会使用它。请任选其一：\n"
            "  - 取消设置 RELAY_AMQP_URL：演示将自行启动消息服务器；\n"
            "  - 设置 RELAY_MANAGEMENT_URL（http://user:password@host:15672）：演示将创建并删除自己的虚拟主机；\n"
            "  - 让 RELAY_AMQP_URL 指向一个空的虚拟主机。"
        ),
    ),
    "fail.vhost_stays": (
        "The virtual host {name} could not be removed: {reason}",
        "无法删除虚拟主机 {name}：{reason}",
    ),
    "part.service": ("service", "服务"),
    "part.sandbox": ("sandbox", "沙箱"),
}


@dataclass(frozen=True, slots=True)
class Texts:
    """The sentences of one language: ``texts("step.sandbox", url=…, faults=…)``."""

    language: Language

    def __call__(self, key: str, **values: object) -> str:
        """Return a sentence with its values put in; raises ``KeyError`` for a key that there is not."""
        return _TEXTS[key][0 if self.language == "en" else 1].format(**values)


def keys() -> frozenset[str]:
    """Return every key."""
    return frozenset(_TEXTS)


def language_of(environ: Mapping[str, str] = os.environ) -> Language:
    """Return what ``RELAY_LANG`` says, else the locale; English where neither is Chinese."""
    names = ("RELAY_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
    chosen = next((environ[name] for name in names if environ.get(name, "").strip()), "")
    return "zh" if chosen.strip().lower().startswith("zh") else "en"
