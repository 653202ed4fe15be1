"""One module per kind of file: each stores one batch of records in the given transaction and counts what changed."""
