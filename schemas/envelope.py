"""The CloudEvents 1.0 envelope in structured mode (EVENTS, "Envelope"), generic over the data that it carries.

For each event type there is one concrete class, with `type` fixed and `data` typed: `event_model("order.paid")`. It
reads and writes a whole event in one pass of pydantic's core.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Generic, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator
from typing_extensions import TypeVar

from schemas.primitives import EventId, ExtensionValue, Moment, Remark, Sentence, Source
from schemas.record import broken_rule
from schemas.registry import ALL

CONTENT_TYPE = "application/cloudevents+json"
"""AMQP `content_type` of every event, in and out."""

DataT_co = TypeVar("DataT_co", bound=BaseModel, default=BaseModel, covariant=True)

_ATTRIBUTE_NAME = re.compile(r"[a-z0-9]+", re.ASCII)
OPTIONAL_ATTRIBUTES = ("subject", "time", "datacontenttype", "correlationid", "causationid", "traceparent")


class Event(BaseModel, Generic[DataT_co]):
    """A CloudEvent 1.0 in structured mode. Extension attributes that we do not know are kept."""

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        json_schema_extra={"propertyNames": {"pattern": "^[a-z0-9]+$"}},
    )
    __pydantic_extra__: dict[str, ExtensionValue]

    specversion: Literal["1.0"] = Field(description="Version of CloudEvents.")
    id: EventId = Field(description="Unique for its source; a UUID is advised. Sent again, an event keeps its id.")
    source: Source = Field(description="URI reference of the publisher.")
    type: Annotated[str, Field(strict=True)] = Field(description="Event type, equal to the AMQP routing key.")
    subject: Sentence | None = Field(default=None, description="What it is about: the so_id for orders.")
    time: Moment | None = Field(default=None, description="When it happened.")
    datacontenttype: Literal["application/json"] | None = Field(default=None, description="Type of data, if given.")
    correlationid: EventId | None = Field(default=None, description="Id of the event that began the matter.")
    causationid: EventId | None = Field(default=None, description="Id of the event that led to this one directly.")
    traceparent: Remark | None = Field(
        default=None, description="W3C trace context; one that cannot be read is ignored."
    )
    data: DataT_co = Field(description="What the event says.")

    @property
    def extensions(self) -> Mapping[str, ExtensionValue]:
        """Extension attributes beyond those named above, as they came; one that came as null is not set."""
        return self.__pydantic_extra__ or {}

    @model_validator(mode="after")
    def _attributes_agree(self) -> Self:
        extensions = self.__pydantic_extra__ or {}
        for name, value in tuple(extensions.items()):
            if value is None:
                del extensions[name]
            if not _ATTRIBUTE_NAME.fullmatch(name):
                raise broken_rule(
                    name, "an attribute name of lower-case letters and digits (CloudEvents 1.0)", "another name"
                )
        so_id = getattr(self.data, "so_id", None)
        if so_id is not None and self.subject is not None and self.subject != so_id:
            raise broken_rule("subject", f'the so_id of the data, "{so_id}"', f'"{self.subject}"')
        return self


@cache
def event_model(type_: str) -> type[Event]:
    """Return the concrete event class of a type in the registry.

    Raises:
        KeyError: the type is not in the registry.
    """
    data = ALL[type_]
    name = "".join(part.capitalize() for part in re.split(r"[._]", type_)) + "Event"
    described = Field(description="Event type, equal to the AMQP routing key.")
    about = (
        Field(description="What the event says.")
        if data.model_fields
        else Field(default=data(), description="Empty; may be left out.")
    )
    return create_model(
        name,
        __base__=Event[data],  # type: ignore[valid-type]  # the type is known only at run time
        __doc__=data.__doc__,
        type=(Literal[type_], described),  # type: ignore[arg-type]  # the same
        data=(data, about),
    )
