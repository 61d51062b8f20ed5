"""When a fault rule is in force, and how likely it strikes then: from, until, again and again, rising or falling."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Schedule(BaseModel):
    """Seconds count from when the rule was added, which for a rule of the configuration is the sandbox's start."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    after: float = Field(default=0, ge=0, description="in force from this second on")
    until: float | None = Field(default=None, gt=0, description="and before this one; left out: for good")
    repeat: float | None = Field(default=None, gt=0, description="the window comes again every so many seconds")
    probability: float = Field(default=1, ge=0, le=1)
    ramp_to: float | None = Field(
        default=None, ge=0, le=1, description="the probability goes straight from `probability` to this in the window"
    )

    @model_validator(mode="after")
    def _is_a_window(self) -> Self:
        if self.until is not None and self.until <= self.after:
            raise ValueError("until must be later than after")
        if self.ramp_to is not None and self.until is None:
            raise ValueError("ramp_to needs until: the second at which it is reached")
        if self.repeat is not None and (self.until is None or self.until > self.repeat):
            raise ValueError("repeat needs until, and must not be shorter")
        return self

    def chance(self, age: float) -> float | None:
        """The probability ``age`` seconds after the rule was added; None while it is not in force."""
        if self.repeat is not None:
            age %= self.repeat
        if age < self.after or (self.until is not None and age >= self.until):
            return None
        if self.ramp_to is None or self.until is None:
            return self.probability
        way = (age - self.after) / (self.until - self.after)
        return self.probability + (self.ramp_to - self.probability) * way
