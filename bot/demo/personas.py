"""How the demo's customers behave: six kinds, each with its habits in numbers. Values only; usage.py and biography.py
make days of them, reactions.py makes opens and clicks of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

Span = tuple[int, int]


class Persona(StrEnum):
    """A kind of customer."""

    CHAMPION = "champion"  #: uses everything every day, fills its licences, recommends us
    HEALTHY = "healthy"  #: uses us on nearly every opening day and renews in good time
    ORDINARY = "ordinary"  #: uses us enough, thinks little of it, renews late
    SLOW_STARTER = "slow_starter"  #: signed, but does not get going by itself
    GOING_QUIET = "going_quiet"  #: started well, then stops one day; some come back
    AT_RISK = "at_risk"  #: little use, many tickets, low scores; often leaves at the renewal


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """One persona in numbers. Shares and probabilities are 0 to 1 (`breadth`: that they use a further
    part of the product); `first_login`, `video` and `renewal_lead` are days
    (after the start, after the start, before the renewal date)."""

    among_existing: float
    among_newcomers: float
    active_share: float
    reservations_per_login: float
    breadth: float
    licence_share: tuple[float, float]
    tickets_a_month: float
    urgent_share: float
    nps: Span
    answers: float
    first_login: Span
    video: Span
    watches: float
    renews: float
    renewal_lead: Span
    opens: float
    clicks: float


HABITS: dict[Persona, Habit] = {
    Persona.CHAMPION: Habit(
        among_existing=0.13, among_newcomers=0.12, active_share=0.99, reservations_per_login=6.0, breadth=0.95,
        licence_share=(0.78, 0.88), tickets_a_month=0.7, urgent_share=0.1, nps=(9, 10), answers=0.85,
        first_login=(2, 3), video=(2, 3), watches=1.0, renews=1.0, renewal_lead=(55, 80), opens=0.9, clicks=0.6,
    ),
    Persona.HEALTHY: Habit(
        among_existing=0.38, among_newcomers=0.38, active_share=0.985, reservations_per_login=4.5, breadth=0.75,
        licence_share=(0.55, 0.85), tickets_a_month=0.6, urgent_share=0.1, nps=(8, 10), answers=0.65,
        first_login=(2, 5), video=(2, 6), watches=0.95, renews=0.98, renewal_lead=(25, 60), opens=0.75, clicks=0.4,
    ),
    Persona.ORDINARY: Habit(
        among_existing=0.27, among_newcomers=0.2, active_share=0.86, reservations_per_login=3.0, breadth=0.45,
        licence_share=(0.4, 0.7), tickets_a_month=0.8, urgent_share=0.15, nps=(6, 8), answers=0.5,
        first_login=(3, 8), video=(4, 10), watches=0.8, renews=0.92, renewal_lead=(8, 40), opens=0.55, clicks=0.2,
    ),
    Persona.SLOW_STARTER: Habit(
        among_existing=0.05, among_newcomers=0.2, active_share=0.55, reservations_per_login=1.2, breadth=0.2,
        licence_share=(0.1, 0.35), tickets_a_month=0.4, urgent_share=0.1, nps=(5, 8), answers=0.35,
        first_login=(9, 18), video=(8, 24), watches=0.5, renews=0.7, renewal_lead=(3, 20), opens=0.4, clicks=0.12,
    ),
    Persona.GOING_QUIET: Habit(
        among_existing=0.09, among_newcomers=0.05, active_share=0.97, reservations_per_login=3.5, breadth=0.5,
        licence_share=(0.4, 0.75), tickets_a_month=0.6, urgent_share=0.2, nps=(4, 7), answers=0.45,
        first_login=(2, 5), video=(3, 8), watches=0.85, renews=0.55, renewal_lead=(3, 20), opens=0.45, clicks=0.2,
    ),
    Persona.AT_RISK: Habit(
        among_existing=0.08, among_newcomers=0.05, active_share=0.42, reservations_per_login=1.5, breadth=0.15,
        licence_share=(0.15, 0.4), tickets_a_month=2.3, urgent_share=0.35, nps=(1, 5), answers=0.75,
        first_login=(4, 10), video=(6, 14), watches=0.5, renews=0.25, renewal_lead=(3, 12), opens=0.5, clicks=0.15,
    ),
}  # fmt: skip
