"""What all of our own data models share: unknown fields are refused, values do not change after they were checked."""

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError


class Record(BaseModel):
    """A part of the contract. Our side is strict: a field that the contract does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True)


def broken_rule(field: str, expected: str, came: str) -> PydanticCustomError:
    """Return the error for a rule that binds several fields.

    Args:
        field: the field to point at, dotted, relative to the model that raises.
        expected: what the contract asks for.
        came: what was found; no personal data.
    """
    return PydanticCustomError(
        "contract_rule", "{expected}; got {came}", {"field": field, "expected": expected, "came": came}
    )
