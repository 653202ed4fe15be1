"""All tables in one import, for migrations and for whoever opens a database."""

from sqlmodel import SQLModel

from storage import accounts, facts, handoffs, heartbeats, inbound, journal, journeys, outbox

metadata = SQLModel.metadata
MODULES = (accounts, facts, handoffs, heartbeats, inbound, journal, journeys, outbox)
