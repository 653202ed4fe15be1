"""journeybot: customer journeys as code. The flow: intake → detect → enroll → advance → outbox → deliver → absorb."""
