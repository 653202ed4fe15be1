"""What each importable column means, for docs/import.md. The names must be exactly those of bot.intake.columns; the page that
is made of them and its test see to it."""

from __future__ import annotations

from collections.abc import Mapping

from bot.intake.columns import Kind

_CUSTOMER = "The customer's key."
_CONTACT = "The contact's key or e-mail address."
_OR_SUBSCRIPTION = "The customer's key; or leave it out and give `subscription`."
_SUBSCRIPTION = "The key of a subscription, which tells the customer."

#: Columns that are named by a prefix, and what becomes of unknown columns of a kind.
FAMILIES: Mapping[str, str] = {
    "owner.": "Who of ours owns this customer in the role: `owner.sales`, `owner.support`; a CSM's key.",
    "limits.": 'The customer\'s own threshold, read by `limit("name")` in conditions; a number.',
    "customers": "Becomes `attributes.<name>` of the customer.",
    "contacts": "Becomes `contact.attributes.<name>`.",
    "events": "Becomes a property of the event: `event.<name>`.",
}

#: Kind → (what one row is, column → meaning).
MEANINGS: Mapping[Kind, tuple[str, Mapping[str, str]]] = {
    Kind.CSMS: (
        "A person on our side: CSMs, and everybody else who owns hand-offs.",
        {
            "csm": "The key by which other files name the person.",
            "name": "As mails and cards show it.",
            "slack_user_id": "`U…`: where cards go.",
            "manager": "Another person's key; `csm.manager` in playbooks.",
            "team": "For `round_robin(team)`.",
            "email": "The sender's address of `from: csm`.",
            "working_hours": "`mon-fri 09:00-18:00` (default); hand-offs are due in these hours.",
            "urgent_hours": "When urgent hand-offs may call outside these too: `always`, `every day 07:00-22:00`; empty: never.",
            "active": "`no`: has left us; open hand-offs go to others. `yes`: is here, whatever else says no. "
            "Empty: here, until Slack or `--complete` [says no](slack.md#when-people-change).",
            "timezone": "Like `Asia/Tokyo`.",
            "locale": "The language of cards: `en`, `ja`.",
        },
    ),
    Kind.CUSTOMERS: (
        "A company that we serve.",
        {
            "customer": "The key by which everything else names the customer.",
            "name": "As mails show it.",
            "parent": "The key of the company above.",
            "stage": "Where it is in the lifecycle: any word your playbooks use.",
            "tier": "What it bought.",
            "currency": "Of `arr`: `JPY`, `USD`.",
            "industry": "Any word.",
            "region": "The country (`JP`, `US`): whose holidays count.",
            "touch": "The touch model: `high`, `low`, `tech`.",
            "csm": "The key of the owning CSM.",
            "arr": "Yearly recurring revenue; a number.",
            "locale": "The language of mails, where the contact has none.",
            "timezone": "Like `Asia/Tokyo`; when mails may go out.",
            "started_on": "When the customer became one; windows of conditions begin there.",
            "renewal_date": "The next renewal.",
            "stage_since": "Since when it is in the stage; without it, the time of the import.",
            "licenses_purchased": "A whole number.",
            "licenses_active": "A whole number.",
            "open_days": "`mon;tue;wed;thu;fri`, `every day`: on which days silence counts.",
            "tags": 'A list; read by `has_tag("x")`.',
        },
    ),
    Kind.CONTACTS: (
        "A person at a customer.",
        {
            "customer": _CUSTOMER,
            "contact": "The person's key; without it the e-mail address is the key.",
            "name": "As mails address them.",
            "title": "Their position.",
            "phone": "As text.",
            "email": "Where mails go; a contact without one is kept and not mailed.",
            "roles": "A list: `champion;admin`. `decision_maker*` marks the first one to write to in that role.",
            "locale": "The language of their mails.",
            "timezone": "Where it differs from the customer's.",
            "consent": "The mail categories allowed, as a list; `none` allows none; empty is the workspace's default.",
        },
    ),
    Kind.SUPPRESSIONS: (
        "An address that must not be mailed. An import only adds to them.",
        {
            "email": "The address.",
            "category": "Only this category of mail; `*` is every one but transactional; empty is every mail.",
            "reason": "Such as `unsubscribed`, `bounced`.",
        },
    ),
    Kind.SUBSCRIPTIONS: (
        "What a customer pays for.",
        {
            "customer": _CUSTOMER,
            "subscription": "The subscription's key.",
            "product": 'What was bought; read by `owns("x")`.',
            "reason": "Why it ended.",
            "seats": "A whole number.",
            "mrr": "Monthly revenue; a number.",
            "started_on": "The first day.",
            "ended_on": "The last day; empty while it runs.",
        },
    ),
    Kind.EVENTS: (
        "Something that a contact did, one row each.",
        {
            "customer": _OR_SUBSCRIPTION,
            "contact": _CONTACT,
            "id": "Makes the row unique; without it, what the row says does.",
            "subscription": _SUBSCRIPTION,
            "event": "Its name: `login`.",
            "at": "When.",
            "value": 'A number; added up by `total("event")`.',
        },
    ),
    Kind.USAGE: (
        "A day's total of an event, where single events are too many.",
        {
            "customer": _OR_SUBSCRIPTION,
            "id": "Makes the row unique; without it, customer, day and event do.",
            "subscription": _SUBSCRIPTION,
            "day": "Which day.",
            "event": "Its name: `login`.",
            "count": "How often; a whole number.",
            "total": "The sum of the events' values, where they have one.",
            "users": "How many people.",
        },
    ),
    Kind.TICKETS: (
        "A support ticket; a later row of the same ticket updates it.",
        {
            "customer": _CUSTOMER,
            "ticket": "The ticket's key.",
            "contact": _CONTACT,
            "title": "As cards show it.",
            "url": "Where to read it.",
            "kind": "Such as `bug`, `question`.",
            "priority": "Such as `low`, `normal`, `high`, `urgent`.",
            "status": "`open`, `closed`, or a help desk's word for one of them (`pending`, `solved`); empty: by `closed_at`.",
            "opened_at": "When it was opened.",
            "closed_at": "When it was closed.",
        },
    ),
    Kind.SURVEYS: (
        "An answer to a survey; it starts journeys on `survey.answered`.",
        {
            "customer": _CUSTOMER,
            "kind": "`nps` (0-10), `csat` (1-5), `ces` (1-7) or your own.",
            "at": "When it was answered.",
            "contact": _CONTACT,
            "id": "Makes the answer unique; a later row of the same answer updates it.",
            "score": "A number on the survey's scale.",
            "comment": "What they wrote.",
        },
    ),
    Kind.MEETINGS: (
        "A meeting, held or to come.",
        {
            "customer": _CUSTOMER,
            "starts_at": "When; a future one may move.",
            "meeting": "The meeting's key.",
            "kind": "Such as `kickoff`, `ebr`.",
            "summary": "What was said.",
            "contact": "Who was there, as a list of contacts.",
        },
    ),
    Kind.NOTES: (
        "What one of our people wrote.",
        {
            "customer": _CUSTOMER,
            "at": "When.",
            "text": "The note.",
            "by": "A CSM's key.",
            "id": "Makes the note unique; without it, what it says does.",
        },
    ),
}
