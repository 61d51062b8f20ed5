"""The ledger of dead letters: the archivist that fills it."""
