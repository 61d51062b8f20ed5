"""How YLH calls back: where to, how late, and how much of what SUPPLIERS ("YLH calls us back") says can happen."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]


class CallbackConfig(BaseModel):
    """The defaults tell the end of each create and cancel once, in order, as YLH should; shares are from 0 to 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(description="receiver, e.g. http://127.0.0.1:8081/callbacks/ylh")
    delay: Seconds | tuple[Seconds, Seconds] = Field(
        default=0.2, description="seconds until YLH decides and tells; two numbers are a range to draw from"
    )
    copies: int = Field(default=1, ge=0, le=10, description="how often each one is sent; 0 sends none by itself")
    platform_order_no: Literal["so_id", "online_no"] = Field(
        default="so_id", description="which of our numbers PlatformOrderNo carries; the supplier's papers leave it open"
    )
    seed: int = Field(default=0, description="the same seed and so_id have the same fate, whatever the order of calls")

    refused: Share = Field(default=0, description="of the orders: a confirm with State 0 and FailMsg")
    out_of_stock: Share = Field(default=0, description="of the others: out of stock first, then taken on")
    intercepted: Share = Field(default=0, description="of those taken on: cancelled, or settled, without being asked")
    cancel_refused: Share = Field(default=0, description="of the cancels that were accepted: State 0 afterwards")
    settled: Share = Field(default=0, description="of the cancels that succeed: State 2 with quantities")

    twice: Share = Field(default=0, description="of the callbacks: the very same once more, after another delay")
    overtaken: Share = Field(default=0, description="of the callbacks: held back until the order's next one has gone")
    patience: Seconds = Field(default=2, description="seconds after which one that is held back goes all the same")
    early: Share = Field(default=0, description="of the creates: answered only after the receiver took the callback")
    lead: Seconds = Field(default=0.1, description="seconds that an early callback comes before the create's answer")
    ties: Share = Field(default=0, description="of an order's later callbacks: the TimeStamp of the one before")

    foreign: Share = Field(default=0, description="of the callbacks: another beside it, for an order never sent")
    forged: Share = Field(default=0, description="of the callbacks: another beside it, wrongly signed and untrue")
    stale: Share = Field(default=0, description="of the callbacks: another beside it, untrue, signed a month ago")

    retries: int = Field(
        default=0, ge=0, le=100, description="how often one that was not taken is sent again (YLH: unknown)"
    )
    retry_after: Seconds = Field(default=1, description="seconds before each of these")

    @property
    def span(self) -> tuple[float, float]:
        """The delay as a range."""
        return self.delay if isinstance(self.delay, tuple) else (self.delay, self.delay)

    @model_validator(mode="after")
    def _low_before_high(self) -> Self:
        low, high = self.span
        if low > high:
            raise ValueError(f"delay is from {low} to {high}: put the smaller number first")
        return self
