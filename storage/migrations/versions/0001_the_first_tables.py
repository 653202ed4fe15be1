"""The first tables

Revision 0001, after nothing. Immutable once released: change the tables and write the next one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "csm",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("slack_user_id", sa.String(), nullable=True),
        sa.Column("manager", sa.String(), nullable=True),
        sa.Column("team", sa.String(), nullable=True),
        sa.Column("working_hours", sa.String(), nullable=True),
        sa.Column("timezone", sa.String(), nullable=True),
        sa.Column("locale", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_csm")),
    )
    op.create_index(op.f("ix_csm_slack_user_id"), "csm", ["slack_user_id"], unique=False)
    op.create_index(op.f("ix_csm_team"), "csm", ["team"], unique=False)
    op.create_table(
        "customer",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("parent", sa.String(), nullable=True),
        sa.Column("stage", sa.String(), nullable=True),
        sa.Column("stage_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tier", sa.String(), nullable=True),
        sa.Column("arr", sa.Float(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("industry", sa.String(), nullable=True),
        sa.Column("region", sa.String(), nullable=True),
        sa.Column("locale", sa.String(), nullable=True),
        sa.Column("timezone", sa.String(), nullable=True),
        sa.Column("touch", sa.String(), nullable=True),
        sa.Column("csm", sa.String(), nullable=True),
        sa.Column("started_on", sa.Date(), nullable=True),
        sa.Column("renewal_date", sa.Date(), nullable=True),
        sa.Column("licenses_purchased", sa.Integer(), nullable=True),
        sa.Column("licenses_active", sa.Integer(), nullable=True),
        sa.Column("open_days", sa.String(), nullable=True),
        sa.Column("tags", DOCUMENT, nullable=False),
        sa.Column("owners", DOCUMENT, nullable=False),
        sa.Column("limits", DOCUMENT, nullable=False),
        sa.Column("attributes", DOCUMENT, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
        sa.UniqueConstraint("key", name=op.f("uq_customer_key")),
    )
    op.create_index(op.f("ix_customer_csm"), "customer", ["csm"], unique=False)
    op.create_index("ix_customer_renewal_date", "customer", ["renewal_date"], unique=False)
    op.create_index(op.f("ix_customer_stage"), "customer", ["stage"], unique=False)
    op.create_index("ix_customer_timezone", "customer", ["timezone"], unique=False)
    op.create_table(
        "customer_change",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("customer_id", BIG_KEY, nullable=False),
        sa.Column("taken_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_change")),
    )
    op.create_index(op.f("ix_customer_change_customer_id"), "customer_change", ["customer_id"], unique=False)
    op.create_index(op.f("ix_customer_change_taken_by"), "customer_change", ["taken_by"], unique=False)
    op.create_table(
        "decision",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("customer_id", BIG_KEY, nullable=True),
        sa.Column("contact_id", BIG_KEY, nullable=True),
        sa.Column("playbook", sa.String(), nullable=True),
        sa.Column("enrollment_id", BIG_KEY, nullable=True),
        sa.Column("message_id", BIG_KEY, nullable=True),
        sa.Column("step", sa.String(), nullable=True),
        sa.Column("details", DOCUMENT, nullable=True),
        sa.Column("once", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision")),
    )
    op.create_index("ix_decision_customer", "decision", ["customer_id", "at"], unique=False)
    op.create_index("ix_decision_enrollment", "decision", ["enrollment_id", "step"], unique=False)
    op.create_index(op.f("ix_decision_message_id"), "decision", ["message_id"], unique=False)
    op.create_index(op.f("ix_decision_playbook"), "decision", ["playbook"], unique=False)
    op.create_index("uq_decision_once", "decision", ["once"], unique=True)
    op.create_table(
        "deployment",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployment")),
    )
    op.create_table(
        "feed",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("latest_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_feed")),
    )
    op.create_table(
        "file_text",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_file_text")),
    )
    op.create_table(
        "heartbeat",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fault", sa.String(), nullable=True),
        sa.Column("fault_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("faults", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeat")),
    )
    op.create_table(
        "imported_row",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("content", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("source", "kind", "key", name=op.f("pk_imported_row")),
    )
    op.create_table(
        "installation",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    op.create_table(
        "pause",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", name=op.f("pk_pause")),
    )
    op.create_table(
        "playbook_version",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("playbook", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("definition", DOCUMENT, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_playbook_version")),
        sa.UniqueConstraint("playbook", "digest", name=op.f("uq_playbook_version_playbook_digest")),
    )
    op.create_table(
        "round_robin",
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("team", name=op.f("pk_round_robin")),
    )
    op.create_table(
        "suppression",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression")),
        sa.UniqueConstraint("address", "category", name=op.f("uq_suppression_address_category")),
    )
    op.create_table(
        "transport",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_transport")),
    )
    op.create_table(
        "zone_day",
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("timezone", name=op.f("pk_zone_day")),
    )
    op.create_table(
        "contact",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("customer_id", BIG_KEY, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("locale", sa.String(), nullable=True),
        sa.Column("timezone", sa.String(), nullable=True),
        sa.Column("consent", DOCUMENT, nullable=True),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bounced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attributes", DOCUMENT, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_contact_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
        sa.UniqueConstraint("customer_id", "key", name=op.f("uq_contact_customer_id_key")),
    )
    op.create_index(op.f("ix_contact_customer_id"), "contact", ["customer_id"], unique=False)
    op.create_index(op.f("ix_contact_email"), "contact", ["email"], unique=False)
    op.create_index("ix_contact_key", "contact", ["key"], unique=False)
    op.create_table(
        "daily_usage",
        sa.Column("customer_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("total", sa.Float(), nullable=False),
        sa.Column("users", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_daily_usage_customer_id_customer")),
        sa.PrimaryKeyConstraint("customer_id", "event", "day", "source", name=op.f("pk_daily_usage")),
    )
    op.create_index("ix_daily_usage_name_day", "daily_usage", ["event", "day"], unique=False)
    op.create_table(
        "deployed_file",
        sa.Column("deployment_id", BIG_KEY, nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name=op.f("fk_deployed_file_deployment_id_deployment")
        ),
        sa.ForeignKeyConstraint(["digest"], ["file_text.digest"], name=op.f("fk_deployed_file_digest_file_text")),
        sa.PrimaryKeyConstraint("deployment_id", "path", name=op.f("pk_deployed_file")),
    )
    op.create_table(
        "meeting",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("customer_id", BIG_KEY, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("summary", sa.String(), nullable=True),
        sa.Column("is_told", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_meeting_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting")),
        sa.UniqueConstraint("source", "key", name=op.f("uq_meeting_source_key")),
    )
    op.create_index("ix_meeting_customer", "meeting", ["customer_id", "starts_at"], unique=False)
    op.create_index(
        "ix_meeting_untold",
        "meeting",
        ["starts_at"],
        unique=False,
        postgresql_where=sa.text("NOT is_told"),
        sqlite_where=sa.text("NOT is_told"),
    )
    op.create_table(
        "note",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("customer_id", BIG_KEY, nullable=False),
        sa.Column("by", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_note_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_note")),
        sa.UniqueConstraint("source", "key", name=op.f("uq_note_source_key")),
    )
    op.create_index("ix_note_customer_at", "note", ["customer_id", "at"], unique=False)
    op.create_table(
        "playbook",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version_id", BIG_KEY, nullable=False),
        sa.Column("live_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_moment", sa.DateTime(timezone=True), nullable=True),
        sa.Column("needs_sweep", sa.Boolean(), nullable=False),
        sa.Column("fault", sa.String(), nullable=True),
        sa.Column("fault_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["version_id"], ["playbook_version.id"], name=op.f("fk_playbook_version_id_playbook_version")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_playbook")),
    )
    op.create_table(
        "stage_change",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("customer_id", BIG_KEY, nullable=False),
        sa.Column("old", sa.String(), nullable=True),
        sa.Column("new", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_stage_change_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage_change")),
    )
    op.create_index(op.f("ix_stage_change_customer_id"), "stage_change", ["customer_id"], unique=False)
    op.create_table(
        "subscription",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("customer_id", BIG_KEY, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("product", sa.String(), nullable=True),
        sa.Column("seats", sa.Integer(), nullable=True),
        sa.Column("mrr", sa.Float(), nullable=True),
        sa.Column("started_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_subscription_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
        sa.UniqueConstraint("source", "key", name=op.f("uq_subscription_source_key")),
    )
    op.create_index(op.f("ix_subscription_customer_id"), "subscription", ["customer_id"], unique=False)
    op.create_table(
        "contact_role",
        sa.Column("contact_id", BIG_KEY, nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("is_primary", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_contact_role_contact_id_contact")),
        sa.PrimaryKeyConstraint("contact_id", "role", name=op.f("pk_contact_role")),
    )
    op.create_index(op.f("ix_contact_role_role"), "contact_role", ["role"], unique=False)
    op.create_table(
        "event",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("customer_id", BIG_KEY, nullable=False),
        sa.Column("contact_id", BIG_KEY, nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("properties", DOCUMENT, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_new", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_event_contact_id_contact")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_event_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sa.UniqueConstraint("source", "key", name=op.f("uq_event_source_key")),
    )
    op.create_index("ix_event_customer_name_at", "event", ["customer_id", "name", "at"], unique=False)
    op.create_index(
        "ix_event_new",
        "event",
        ["id"],
        unique=False,
        postgresql_where=sa.text("is_new"),
        sqlite_where=sa.text("is_new"),
    )
    op.create_table(
        "meeting_attendee",
        sa.Column("meeting_id", BIG_KEY, nullable=False),
        sa.Column("contact_id", BIG_KEY, nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_meeting_attendee_contact_id_contact")),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_meeting_attendee_meeting_id_meeting")),
        sa.PrimaryKeyConstraint("meeting_id", "contact_id", name=op.f("pk_meeting_attendee")),
    )
    op.create_table(
        "occasion",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("playbook", sa.String(), nullable=False),
        sa.Column("customer_id", BIG_KEY, nullable=False),
        sa.Column("contact_id", BIG_KEY, nullable=True),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("event", DOCUMENT, nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=True),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_occasion_contact_id_contact")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_occasion_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_occasion")),
    )
    op.create_index(op.f("ix_occasion_customer_id"), "occasion", ["customer_id"], unique=False)
    op.create_index(
        "ix_occasion_waiting",
        "occasion",
        ["playbook"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
        sqlite_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "uq_occasion",
        "occasion",
        ["playbook", "customer_id", sa.literal_column("coalesce(contact_id, 0)"), "key"],
        unique=True,
    )
    op.create_table(
        "survey_answer",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("customer_id", BIG_KEY, nullable=False),
        sa.Column("contact_id", BIG_KEY, nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("comment", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_survey_answer_contact_id_contact")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_survey_answer_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_answer")),
        sa.UniqueConstraint("source", "key", name=op.f("uq_survey_answer_source_key")),
    )
    op.create_index("ix_survey_answer_customer", "survey_answer", ["customer_id", "kind", "at"], unique=False)
    op.create_table(
        "ticket",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("customer_id", BIG_KEY, nullable=False),
        sa.Column("contact_id", BIG_KEY, nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=True),
        sa.Column("priority", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_ticket_contact_id_contact")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_ticket_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket")),
        sa.UniqueConstraint("source", "key", name=op.f("uq_ticket_source_key")),
    )
    op.create_index("ix_ticket_customer", "ticket", ["customer_id", "status", "opened_at", "closed_at"], unique=False)
    op.create_table(
        "enrollment",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("occasion_id", BIG_KEY, nullable=False),
        sa.Column("playbook", sa.String(), nullable=False),
        sa.Column("version_id", BIG_KEY, nullable=False),
        sa.Column("customer_id", BIG_KEY, nullable=False),
        sa.Column("contact_id", BIG_KEY, nullable=True),
        sa.Column("occurrence", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("exclusive", sa.String(), nullable=True),
        sa.Column("is_holdout", sa.Boolean(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("has_arrived", sa.Boolean(), nullable=False),
        sa.Column("step_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resumed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("event", DOCUMENT, nullable=True),
        sa.Column("renewal_date_at_entry", sa.Date(), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fault", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_enrollment_contact_id_contact")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_enrollment_customer_id_customer")),
        sa.ForeignKeyConstraint(["occasion_id"], ["occasion.id"], name=op.f("fk_enrollment_occasion_id_occasion")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["playbook_version.id"], name=op.f("fk_enrollment_version_id_playbook_version")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrollment")),
        sa.UniqueConstraint("occasion_id", name=op.f("uq_enrollment_occasion_id")),
    )
    op.create_index("ix_enrollment_customer", "enrollment", ["customer_id"], unique=False)
    op.create_index(
        "ix_enrollment_due",
        "enrollment",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("status = 'active'"),
        sqlite_where=sa.text("status = 'active'"),
    )
    op.create_index("ix_enrollment_version_step", "enrollment", ["version_id", "step", "status"], unique=False)
    op.create_index(
        "uq_enrollment_active",
        "enrollment",
        ["playbook", "customer_id", sa.literal_column("coalesce(contact_id, 0)")],
        unique=True,
        postgresql_where=sa.text("status = 'active'"),
        sqlite_where=sa.text("status = 'active'"),
    )
    op.create_index(
        "uq_enrollment_exclusive",
        "enrollment",
        ["customer_id", "exclusive"],
        unique=True,
        postgresql_where=sa.text("status = 'active' AND exclusive IS NOT NULL"),
        sqlite_where=sa.text("status = 'active' AND exclusive IS NOT NULL"),
    )
    op.create_table(
        "handoff",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("enrollment_id", BIG_KEY, nullable=True),
        sa.Column("customer_id", BIG_KEY, nullable=False),
        sa.Column("contact_id", BIG_KEY, nullable=True),
        sa.Column("playbook", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("occurrence", sa.String(), nullable=False),
        sa.Column("title", DOCUMENT, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("urgency", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledge_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledge_within", sa.String(), nullable=True),
        sa.Column("escalate_to", sa.String(), nullable=True),
        sa.Column("escalations", sa.Integer(), nullable=False),
        sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.String(), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("brief", DOCUMENT, nullable=False),
        sa.Column("tasks", DOCUMENT, nullable=False),
        sa.Column("outcomes", DOCUMENT, nullable=False),
        sa.Column("notify", DOCUMENT, nullable=False),
        sa.Column("prepare", sa.String(), nullable=True),
        sa.Column("event", DOCUMENT, nullable=True),
        sa.Column("posting", sa.String(), nullable=False),
        sa.Column("posted_channel", sa.String(), nullable=True),
        sa.Column("posted_ts", sa.String(), nullable=True),
        sa.Column("post_attempts", sa.Integer(), nullable=False),
        sa.Column("post_not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("post_fault", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_handoff_contact_id_contact")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_handoff_customer_id_customer")),
        sa.ForeignKeyConstraint(["enrollment_id"], ["enrollment.id"], name=op.f("fk_handoff_enrollment_id_enrollment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handoff")),
    )
    op.create_index("ix_handoff_customer", "handoff", ["customer_id"], unique=False)
    op.create_index("ix_handoff_owner", "handoff", ["owner", "state"], unique=False)
    op.create_index("ix_handoff_state", "handoff", ["state", "due_at"], unique=False)
    op.create_index(
        "ix_handoff_unposted",
        "handoff",
        ["id"],
        unique=False,
        postgresql_where=sa.text("posting IN ('wanted', 'stale')"),
        sqlite_where=sa.text("posting IN ('wanted', 'stale')"),
    )
    op.create_index("uq_handoff_owed", "handoff", ["enrollment_id", "step", "occurrence"], unique=True)
    op.create_table(
        "message",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("enrollment_id", BIG_KEY, nullable=True),
        sa.Column("customer_id", BIG_KEY, nullable=False),
        sa.Column("contact_id", BIG_KEY, nullable=True),
        sa.Column("playbook", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("occurrence", sa.String(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("claimed_by", sa.String(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reviewed_by", sa.String(), nullable=True),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("provider_message_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clicked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bounced_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_message_contact_id_contact")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_message_customer_id_customer")),
        sa.ForeignKeyConstraint(["enrollment_id"], ["enrollment.id"], name=op.f("fk_message_enrollment_id_enrollment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
    )
    op.create_index("ix_message_customer", "message", ["customer_id"], unique=False)
    op.create_index(
        "ix_message_leased",
        "message",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("state IN ('claimed', 'submitting')"),
        sqlite_where=sa.text("state IN ('claimed', 'submitting')"),
    )
    op.create_index(
        "ix_message_next",
        "message",
        ["not_before", "priority"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
        sqlite_where=sa.text("state = 'pending'"),
    )
    op.create_index(op.f("ix_message_provider_message_id"), "message", ["provider_message_id"], unique=False)
    op.create_index(
        "uq_message_owed",
        "message",
        ["enrollment_id", "step", "occurrence", sa.literal_column("coalesce(contact_id, 0)")],
        unique=True,
    )
    op.create_table(
        "attempt",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("message_id", BIG_KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_attempt_message_id_message")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
        sa.UniqueConstraint("message_id", "number", name=op.f("uq_attempt_message_id_number")),
    )
    op.create_table(
        "delivery_event",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("message_id", BIG_KEY, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_machine", sa.Boolean(), nullable=False),
        sa.Column("details", DOCUMENT, nullable=False),
        sa.Column("is_new", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_delivery_event_message_id_message")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_event")),
        sa.UniqueConstraint("key", name=op.f("uq_delivery_event_key")),
    )
    op.create_index(op.f("ix_delivery_event_message_id"), "delivery_event", ["message_id"], unique=False)
    op.create_index(
        "ix_delivery_event_new",
        "delivery_event",
        ["id"],
        unique=False,
        postgresql_where=sa.text("is_new"),
        sqlite_where=sa.text("is_new"),
    )
    op.create_table(
        "handoff_act",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("handoff_id", BIG_KEY, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("details", DOCUMENT, nullable=True),
        sa.ForeignKeyConstraint(["handoff_id"], ["handoff.id"], name=op.f("fk_handoff_act_handoff_id_handoff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handoff_act")),
        sa.UniqueConstraint("handoff_id", "key", name=op.f("uq_handoff_act_handoff_id_key")),
    )
    op.create_table(
        "message_content",
        sa.Column("message_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("to_email", sa.String(), nullable=False),
        sa.Column("to_name", sa.String(), nullable=True),
        sa.Column("from_email", sa.String(), nullable=False),
        sa.Column("from_name", sa.String(), nullable=True),
        sa.Column("reply_to", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("html", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("template_digest", sa.String(), nullable=False),
        sa.Column("is_edited", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_message_content_message_id_message")),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_message_content")),
    )
