"""Providers that answer as the real ones do, over real sockets on 127.0.0.1. Their append-only ledger of acceptances is
the oracle of delivery tests. Nothing here is imported by `bot`."""
