"""A letter as people see it: no customer's data unless it is asked for, in whatever encoding the body came."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from ops.cli.dlq_showing import _told
from tests.support.dead_letters import dead_letter

CUSTOMER = {"data": {"consignee": {"name": "王小明", "mobile": "13800000000"}}}


@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "utf-16", "utf-32"])
def test_a_customer_is_shown_in_no_encoding(encoding: str) -> None:
    body = json.dumps(CUSTOMER, ensure_ascii=False).encode(encoding)
    told = json.dumps(_told(replace(dead_letter("refused", 1), body=body), personal=False), default=str)
    assert "13800000000" not in told
    assert base64.b64encode(body).decode()[:20] not in told


@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "utf-16"])
def test_whoever_may_see_it_has_something_to_see(encoding: str) -> None:
    body = json.dumps(CUSTOMER, ensure_ascii=False).encode(encoding)
    told = _told(replace(dead_letter("refused", 1), body=body), personal=True)
    assert told["body"] in (CUSTOMER, base64.b64encode(body).decode())
