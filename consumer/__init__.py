"""The service: takes events from the broker, makes the calls, keeps the books (docs/ARCHITECTURE.md)."""
