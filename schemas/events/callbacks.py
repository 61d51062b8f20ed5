"""What YLH called back, as the callback receiver publishes it (SUPPLIERS, "YLH calls us back").

Nobody else sends these. Nothing in them tells when or where they were taken: a callback that comes twice is the same
bytes twice, and so one event.
"""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from schemas.primitives import Count, Moment, Name, Verbatim
from schemas.record import Record, broken_rule

PART_OF_THE_GOODS = 2
"""`State` of a cancel that concerns a part of the goods: quantities come with it."""


class ReturnedItem(Record):
    """Quantities of one product after a cancel or an interception."""

    product_code: Name = Field(description="Haier's product code.")
    total: Count = Field(description="Units ordered (totalQty).")
    received: Count = Field(description="Units that the customer kept (receiveQty).")
    returned: Count = Field(description="Units that came back (returnQty).")
    rejected: Count = Field(description="Units refused at the door (rejectQty).")


class SupplierCallback(Record):
    """What all of YLH's callbacks carry."""

    platform_order_no: Name = Field(description="Our order's number, as YLH gives it back (PlatformOrderNo).")
    ext_order_no: Name | None = Field(default=None, description="Haier's number (ExtOrderNo); present on success.")
    fail_msg: Verbatim | None = Field(default=None, description="The supplier's reason, verbatim (FailMsg).")
    occurred_at: Moment = Field(description="The callback's TimeStamp, read in Asia/Shanghai.")


class SupplierCallbackConfirmed(SupplierCallback):
    """`hmm.scm_heorder.confirm`: YLH took the order on (state 1) or refused it (state 0)."""

    state: Literal[0, 1] = Field(description="1: taken on. 0: refused, see fail_msg.")


class SupplierCallbackCancelled(SupplierCallback):
    """`hmm.scm_heorder.cancel`: cancelled, intercepted or rejected at the door, also without our asking."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"state": {"const": PART_OF_THE_GOODS}}},
            "then": {"required": ["items"], "properties": {"items": {"type": "array"}}},
        }
    )

    state: Literal[0, 1, 2] = Field(description="1: cancelled. 0: refused. 2: a part of the goods, see items.")
    items: Annotated[tuple[ReturnedItem, ...], Field(min_length=1)] | None = Field(
        default=None, description="Quantities by product; always there with state 2."
    )

    @model_validator(mode="after")
    def _quantities_with_a_part(self) -> Self:
        if self.state == PART_OF_THE_GOODS and self.items is None:
            raise broken_rule("items", "the quantities by product, since state is 2", "nothing (the field is missing)")
        return self


class SupplierCallbackOutOfStock(SupplierCallback):
    """`hmm.scm_heorder.oostock`: out of stock, not final. The method counts, not the state."""

    state: Literal[0, 1] | None = Field(default=None, description="As it came; without meaning here.")
