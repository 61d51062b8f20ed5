"""Proving the audit log: its heads in the log files, and the check of both. The faces are in `ops.cli.audit`."""
