"""The way of a message: subscriber, pipeline, group commit, outbox relay, pauses, lifecycle."""
