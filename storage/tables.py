"""All tables in one import, for migrations and for whoever works on all of them. A list needs a few, and making all takes longer."""

from sqlmodel import SQLModel

from storage import (
    accounts,
    curricula,
    desk,
    facts,
    fuses,
    handoffs,
    health,
    heartbeats,
    hosts,
    inbound,
    journal,
    journeys,
    notices,
    outbox,
    pacing,
    plans,
    scores,
    stages,
    sync,
    tracking,
    webhook_calls,
)

metadata = SQLModel.metadata
MODULES = (
    *(accounts, curricula, desk, facts, fuses, handoffs, health, heartbeats, hosts, inbound, journal, journeys),
    *(notices, outbox, pacing, plans, scores, stages, sync, tracking, webhook_calls),
)
