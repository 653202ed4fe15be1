"""A mail that a person writes instead of the template: the draft to begin with, and what becomes of the text they give back.
Nothing in their text is Jinja any more. It stores nothing; outbox_acts.edit does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Connection

from bot.authoring.template_drafts import AssistDraft, draft_of_template
from bot.authoring.templates import CompiledTemplate, wrap_draft
from bot.errors import UsageError
from bot.pipeline.gap_filling import check_no_gaps, fill_gaps
from bot.pipeline.mail_context import MailCase, computed_values, context_of, in_contact_walk, load_cases
from bot.pipeline.preflight import Letter, sender_of
from bot.pipeline.published import Published
from bot.pipeline.scopes import Ground
from bot.rules.zones import local_date


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedMail:
    """One mail of the outbox with everything it is made from."""

    case: MailCase
    template: CompiledTemplate
    published: Published
    context: dict[str, Any]

    @classmethod
    def load(cls, connection: Connection, published: Published, ground: Ground, message_id: int, now: datetime) -> Self:
        """Raises: UsageError when there is no such mail, or nobody to write to."""
        found = load_cases(connection, ground, [message_id])
        if not found:
            raise UsageError(f"There is no mail {message_id}", hint="see `journeybot outbox list`")
        case = found[0]
        if not case.message.contact_email:
            raise UsageError(
                f"Mail {message_id} has nobody to go to",
                hint="import a contact with an address for this customer first",
            )
        template = published.templates.pick(case.message.template, case.locales)
        of_contacts = in_contact_walk(case, published)
        values = computed_values(connection, ground, template, [message_id], of_contacts=of_contacts).get(
            message_id, {}
        )
        links = published.links.context(case.name, template.category)
        context = context_of(case, published.settings, values, local_date(now, case.zone), links)
        return cls(case=case, template=template, published=published, context=context)

    def draft(self, fills: Mapping[str, str] | None = None) -> AssistDraft:
        """What the template says for this customer, as Markdown; a field without a value is a gap (`[[…]]`) unless `fills` has
        one for it. Raises: UsageError for what is no gap, RenderFailed."""
        names = self.published.templates.vocabulary
        return fill_gaps(fills or {}, self.context, lambda given: draft_of_template(self.template, names, given))

    def letter(self, subject: str, body_markdown: str) -> Letter:
        """The mail as the person wrote it. Raises: UsageError when a part is empty or has a gap, TemplateRefused."""
        for part, text in (("subject", subject), ("text", body_markdown)):
            if not text.strip():
                raise UsageError(f"The {part} is empty, so nothing was stored", hint="write it, or `skip` the mail")
        check_no_gaps(subject, body_markdown)
        locale = self.template.locale
        mail = wrap_draft(self.published.templates, subject, body_markdown, self.context, locale)
        from_email, from_name, reply_to = sender_of(self.case, self.published.settings)
        return Letter(
            to_email=self.case.message.contact_email,
            to_name=self.case.message.contact_name,
            from_email=from_email,
            from_name=from_name,
            reply_to=reply_to,
            mail=mail,
            category=self.template.category,
            locale=locale,
            template_digest=self.template.digest,
        )
