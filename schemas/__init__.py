"""The event contract as code: envelope, events, results, registry, codec and examples. Pure data, no I/O.

Start at `schemas.codec` (bytes to event and back) and `schemas.registry` (which model belongs to which event type).
"""
