"""Pure functions and values: orders, errors, recoverability, what a unit of work writes. No I/O."""
