"""What the demo says where something is wrong, in both languages: accounts that disagree, and why it cannot go on."""

from __future__ import annotations

from typing import Final

COMPLAINTS: Final[dict[str, tuple[str, str]]] = {
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
    "disagree.doubled": (
        "order {subject} is at the supplier {count} times",
        "订单 {subject} 在供应商处有 {count} 份",
    ),
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
        "order {subject}: the results say that it is cancelled, at the supplier it stands",
        "订单 {subject}：结果称已取消，供应商处仍有效",
    ),
    "disagree.stands_but_cancelled": (
        "order {subject} is cancelled at the supplier, but no result says so",
        "订单 {subject} 在供应商处已取消，却没有相应结果",
    ),
    "disagree.other_state": (
        "order {subject}: the results say {told}, the supplier {held}",
        "订单 {subject}：结果为 {told}，供应商为 {held}",
    ),
    "disagree.unplanned_state": (
        "order {subject} ended as {found}; {planned} was planned",
        "订单 {subject} 最终为 {found}，计划为 {planned}",
    ),
    "disagree.other_days": (
        "order {subject}: the shop gave the days {planned}, the results say {told}, the supplier {held}",
        "订单 {subject}：商城改约为 {planned}，结果为 {told}，供应商为 {held}",
    ),
    "disagree.callback_not_taken": (
        "callbacks ({subject}) were not taken: {said}",
        "回调（{subject}）未被接收：{said}",
    ),
    "disagree.forged_taken": (
        "{count} callbacks with a wrong signature ({subject}) were taken",
        "{count} 个签名错误的回调（{subject}）被接收",
    ),
    "disagree.cancelled_twice": (
        "order {subject} was cancelled {count} times",
        "订单 {subject} 被取消了 {count} 次",
    ),
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
    "fail.log": ("All that service, receiver and sandbox said: {path}", "服务、回调接收与沙箱的完整日志：{path}"),
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
}
"""English and Chinese by key, as `ops.demo.texts` has the others."""
