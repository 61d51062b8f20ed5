"""Answers of Haier, written down in every shape that its papers and gateways know; `haier_sides` gives them out."""

from __future__ import annotations

from typing import Any

from tests.support.recorded import Number

ORDER = "SO.20190106.000003"

PRODUCTS: dict[str, dict[str, Any]] = {
    "BX0000001": {
        "productCode": "BX0000001",
        "productModel": "BCD-470WDPG",
        "productGroupNamd": "冰箱",
        "productBrandName": "海尔",
        "productImageUrl": "http://img.example/1.jpg",
        "productLageUrls": ["http://img.example/1a.jpg", None, "http://img.example/1b.jpg"],
        "isSales": Number("1"),
        "noSalesReason": "",
    },
    "BX0000002": {
        "productCode": "BX0000002",
        "productModel": "KFR-35GW",
        "productGroupName": "空调",
        "productBrandName": "统帅",
        "productImageUrl": None,
        "productLageUrls": None,
        "isSales": Number("0"),
        "noSalesReason": "商品暂不可采",
    },
    "20190003": {"productCode": Number("20190003"), "isSales": Number("1")},
}
PRICES: dict[str, dict[str, Any]] = {
    "BX0000001": {
        "productCode": "BX0000001",
        "supplyPrice": Number("1999.00"),
        "invoicePrice": Number("1928.53"),
        "stockRebatePolicy": Number("0.03"),
        "rebateMoney": Number("10.5"),
        "isSales": Number("1"),
        "reason": None,
    },
    "BX0000002": {
        "productCode": "BX0000002",
        "supplyPrice": Number("2599"),
        "invoicePrice": Number("2549.00"),
        "stockRebatePolicy": "DTDBF",
        "rebateMoney": Number("50"),
        "isSales": Number("0"),
        "reason": "商品暂不可采",
    },
    "20190003": {
        "productCode": Number("20190003"),
        "supplyPrice": None,
        "invoicePrice": "",
        "stockRebatePolicy": None,
        "rebateMoney": None,
        "isSales": Number("0"),
        "reason": "价格未生效",
    },
}
PAYERS: list[dict[str, Any]] = [
    {
        "saleGroupCode": "SG1",
        "saleGroupName": "冰冷产品组",
        "payerAccountCode": Number("880000000011"),
        "payerAccountName": "付款方一",
        "payerAccountBalance": Number("-120.50"),
    },
    {"payerAccountCode": "880000000012", "payerAccountBalance": Number("125000")},
]
DELIVERIES: dict[str, Any] = {
    "getAllLogisticsInfoByOrderCode": [
        {
            "orderCode": ORDER,
            "deliveryRecordCode": "DR1",
            "logisticsList": [
                {"logisticsCompany": "日日顺", "logisticsNo": "RRS1", "snCode": "SN1"},
                {"logisticsCompany": "日日顺", "logisticsNo": "RRS1", "snCode": "SN2"},
                {"logisticsCompany": "顺丰速运", "logisticsNo": Number("4401"), "snCode": None},
            ],
            "logisticsTraceList": [
                {"time": "2019-01-07 09:00:00", "content": "已签收"},
                {"time": "2019-01-06 09:00:00", "content": "仓库已出库"},
            ],
        }
    ],
    "getStockDeliveryLogisticsRecord": None,
    "getStockDeliveryLogisticsRecordThirdparty": {
        "deliveryRecordCode": "DR2",
        "expressCompany": "中通快运",
        "expressNo": "ZT1",
        "traces": [{"acceptTime": "soon", "context": "运输中"}],
    },
}
