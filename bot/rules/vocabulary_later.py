"""Names that the language knows and this version cannot answer yet: content. They parse,
so that a playbook can be read; `check` refuses them with the rule `not-available`."""

from __future__ import annotations

from bot.rules.condition_tree import ValueType
from bot.rules.vocabulary_entry import Entry, Parameter, Shape, Topic

NAME = Parameter(name="name", shape=Shape.NAME, is_required=True)
DAYS = Parameter(name="days", shape=Shape.DAYS, is_required=True)


def _later(
    name: str,
    type_: ValueType,
    topic: Topic,
    meaning: str,
    example: str,
    *parameters: Parameter,
    is_function: bool = True,
) -> Entry:
    return Entry(
        name=name,
        type=type_,
        topic=topic,
        meaning=meaning,
        example=example,
        is_function=is_function,
        parameters=parameters,
        moves=True,
    )


BOOL, NUMBER, TEXT = ValueType.BOOL, ValueType.NUMBER, ValueType.TEXT
PLANS = Topic.PLANS

ENTRIES: tuple[Entry, ...] = (
    _later("could_own", BOOL, Topic.COMMERCE, "Whether a product would fit.", 'could_own("analytics")', NAME),
    _later("viewed", BOOL, PLANS, "Whether the content was viewed.", 'viewed("setup_video")', NAME),
    _later("view_minutes", NUMBER, PLANS, "Minutes of content viewed.", "view_minutes(days=30) < 10", DAYS),
    _later("aware", BOOL, PLANS, "Whether the content is known to them.", 'aware("setup_video")', NAME),
    _later(
        "curriculum", NUMBER, PLANS, "How much of a curriculum is done, as a share.", 'curriculum("basics") < 0.5', NAME
    ),
    _later("overdue", NUMBER, PLANS, "How many lessons are overdue.", 'overdue("basics") >= 1', NAME),
    _later("unseen_content", NUMBER, PLANS, "How many fitting contents were not seen.", "unseen_content() >= 1"),
    _later(
        "content",
        TEXT,
        PLANS,
        "A content that fits this customer.",
        'content(kind="case_study") is not none',
        Parameter(name="kind", shape=Shape.NAMES),
        Parameter(name="feature", shape=Shape.TEXT),
    ),
)
