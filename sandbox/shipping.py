"""Shipments and photos of an order, made up from its number: the same order always has the same ones.

YLH's and Haier's logistics calls and the delivery photos (SUPPLIERS) all draw on these, so that they agree.
"""

from datetime import datetime, timedelta
from zlib import crc32

from sandbox.ledger import Order
from sandbox.reading import SHANGHAI
from sandbox.wire import JSON

COMPANIES = ("日日顺", "顺丰速运", "京东物流", "中通快运")


def shipments(order: Order, number: str, *, shipped_before: float) -> list[dict[str, JSON]]:
    """One delivery record for each line of the order, in YLH's shape; none before it is shipped or once cancelled."""
    if not order.stands or order.created_at > shipped_before:
        return []
    return [
        {
            "orderCode": number,
            "deliveryRecordCode": f"DR{crc32(order.so_id.encode()):010d}{line:02d}",
            "logisticsList": [
                {
                    "logisticsCompany": COMPANIES[(crc32(order.so_id.encode()) + line) % len(COMPANIES)],
                    "logisticsNo": f"RRS{crc32(f'{order.so_id}/{line}'.encode()):010d}",
                    "snCode": f"{code}{crc32(f'{order.so_id}/{line}/{unit}'.encode()):010d}",
                }
                for unit in range(quantity)
            ],
        }
        for line, (code, quantity) in enumerate(order.goods, start=1)
    ]


def photos(order: Order, *, shipped_before: float) -> list[JSON]:
    """Two photos of a delivery: handed over, installed."""
    if not order.stands or order.created_at > shipped_before:
        return []
    taken = datetime.fromtimestamp(order.created_at, SHANGHAI)
    return [
        {
            "imageType": kind,
            "imageUrl": f"http://img.sandbox.invalid/{order.so_id}/{name}.jpg",
            "uploadTime": f"{taken + timedelta(hours=hours):%Y-%m-%d %H:%M:%S}",
        }
        for kind, name, hours in (("配送照片", "delivery", 1), ("安装照片", "install", 2))
    ]


def traces(order: Order) -> list[JSON]:
    """The way of a shipment, newest last; names of the fields are not documented by the supplier."""
    begun = datetime.fromtimestamp(order.created_at, SHANGHAI)
    return [
        {"time": f"{begun + timedelta(hours=hours):%Y-%m-%d %H:%M:%S}", "content": content}
        for hours, content in ((0, "仓库已出库"), (8, "运输中"), (20, "已签收"))
    ]
