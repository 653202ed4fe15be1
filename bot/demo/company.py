"""The demo's world on its first day: Hanabi Cloud's people and about 200 customers spread over the lifecycle, four of
them with the gaps that real data has. No real people. life.py makes the following days, run.py imports both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from bot.demo.chance import Chance
from bot.demo.customers import DemoCustomer, build_customer, days_before
from bot.demo.personas import HABITS, Persona
from bot.demo.staff import STAFF, Colleague

#: Where the four customers with gaps stand among the customers.
OPTED_OUT, WITHOUT_CONTACTS, WITHOUT_A_NAME, WITHOUT_A_ZONE = range(4)
WITH_A_DEAD_ADDRESS = 5
SMALLEST = 20

STAGES = {"onboarding": 0.13, "adoption": 0.85, "churned": 0.02}


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """Everything that is so on the morning of `start`, before anything was ever sent. All contacts of `opted_out` refuse
    every category of mail; the other three keys name the customer with that gap."""

    seed: int
    start: date
    staff: tuple[Colleague, ...]
    customers: tuple[DemoCustomer, ...]

    @property
    def opted_out(self) -> DemoCustomer:
        return self.customers[OPTED_OUT]

    @property
    def without_contacts(self) -> DemoCustomer:
        return self.customers[WITHOUT_CONTACTS]

    @property
    def without_a_name(self) -> DemoCustomer:
        """Its first contact has an address and no name."""
        return self.customers[WITHOUT_A_NAME]

    @property
    def without_a_zone(self) -> DemoCustomer:
        return self.customers[WITHOUT_A_ZONE]

    @property
    def dead_address(self) -> str:
        """The one address whose mails bounce."""
        return next(contact.email for contact in self.customers[WITH_A_DEAD_ADDRESS].contacts)

    def newcomer(self, number: int, signed_on: date) -> DemoCustomer:
        """The customer who signs as the `number`-th after the start (0 first)."""
        chance = Chance(self.seed, "newcomer", number)
        weights = {persona: habit.among_newcomers for persona, habit in HABITS.items()}
        return build_customer(
            self.seed,
            len(self.customers) + number,
            persona=chance.weighted(weights, "persona"),
            stage="onboarding",
            started_on=signed_on,
            today=signed_on,
        )


def build_company(seed: int, customers: int, start: date) -> Company:
    """Raises: ValueError for fewer than 20 customers, which cannot show every kind."""
    if customers < SMALLEST:
        raise ValueError(f"the demo needs at least {SMALLEST} customers to show every kind, not {customers}")
    found = [_existing(seed, number, start) for number in range(customers)]
    found[OPTED_OUT] = _opted_out(seed, start)
    found[WITHOUT_CONTACTS] = replace(_renewing_soon(seed, WITHOUT_CONTACTS, start), contacts=())
    found[WITHOUT_A_NAME] = _without_a_name(_renewing_soon(seed, WITHOUT_A_NAME, start))
    found[WITHOUT_A_ZONE] = replace(_renewing_soon(seed, WITHOUT_A_ZONE, start), timezone="")
    return Company(seed=seed, start=start, staff=STAFF, customers=tuple(found))


def _existing(seed: int, number: int, start: date) -> DemoCustomer:
    chance = Chance(seed, "existing", number)
    # The first of each kind are given, so that a small company shows every persona too.
    kinds = tuple(Persona)
    given = number - WITHOUT_A_ZONE - 1
    weights = {persona: habit.among_existing for persona, habit in HABITS.items()}
    persona = kinds[given] if 0 <= given < len(kinds) else chance.weighted(weights, "persona")
    stage = _stage(chance, persona)
    age = {"onboarding": (3, 55), "adoption": (100, 1300), "churned": (400, 900)}[stage]
    started_on = days_before(start, chance.whole(*age, "age"))
    return build_customer(seed, number, persona=persona, stage=stage, started_on=started_on, today=start)


def _stage(chance: Chance, persona: Persona) -> str:
    if persona is Persona.SLOW_STARTER:
        return "onboarding"
    if persona is Persona.CHAMPION:
        return "adoption"
    return chance.weighted(STAGES, "stage")


def _renewing_soon(seed: int, number: int, start: date) -> DemoCustomer:
    """In adoption and 100 days before the renewal, so that the renewal journey reaches it within the demo."""
    return build_customer(
        seed,
        number,
        persona=Persona.ORDINARY,
        stage="adoption",
        started_on=days_before(start, 265),
        today=start,
        given_touch="low",
    )


def _opted_out(seed: int, start: date) -> DemoCustomer:
    """Goes quiet, answers a low score, comes up for renewal: every reason to write, and it must never be mailed."""
    found = _renewing_soon(seed, OPTED_OUT, start)
    contacts = tuple(replace(contact, consent="none") for contact in found.contacts)
    return replace(found, persona=Persona.GOING_QUIET, contacts=contacts)


def _without_a_name(customer: DemoCustomer) -> DemoCustomer:
    first, *others = customer.contacts
    return replace(customer, contacts=(replace(first, name=""), *others))
