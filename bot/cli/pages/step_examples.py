"""An example for each step kind and each trigger, as the playbook reference shows them. A test reads every one of them with
the loader, so an example that does not load cannot be committed."""

from __future__ import annotations

from collections.abc import Mapping

STEP_EXAMPLES: Mapping[str, str] = {
    "email": """- email: renewal_90_days
  id: notice
  to: [decision_maker, champion]   # the first role with somebody who can be mailed
  from: csm
  expires: 7 days
""",
    "handoff": """- handoff: {en: Renewal at risk, ja: 更新リスク}
  kind: risk
  urgency: high
  due: 1 business day
  acknowledge_within: 4 business hours
  escalate_to: csm.manager
  brief: [renewal, usage, open_tickets, last_activities]
  tasks: [Read the timeline, Call the decision maker]
  outcomes: [renewing, at risk, lost]
""",
    "wait": """- wait: 2 business days
- wait: 09:00 next business day
- wait:
    until: count("login", days=7) > 0
    at_most: 14 days
  then:
    - log: They came back
  else:
    - handoff: Nobody has logged in
- wait: {until: renewal_date - 30 days}
""",
    "if": """- if: touch == "high"
  then:
    - handoff: Call them
  else:
    - email: setup_video
""",
    "branch": """- branch:
    - when: licenses_purchased >= 100
      steps:
        - handoff: Plan the rollout together
    - when: licenses_purchased >= 20
      steps:
        - email: setup_video
    - else:
        - log: Too small for a rollout
""",
    "split": """- split:
    - arm: video
      weight: 50
      steps:
        - email: setup_video
    - arm: nothing
      weight: 50
      steps: []
""",
    "set": """- set: {attributes.welcomed: true, stage: adoption}
""",
    "log": """- log: {en: Answered the welcome mail, ja: ご案内に返信あり}
""",
    "enroll": """- enroll: first_steps
""",
    "end": """- end: does not fit
""",
    "survey": """- survey: nps
  to: decision_maker
""",
    "assign": """- assign: basics
  to: champion
""",
    "plan": """- plan: recovery
""",
    "webhook": """- webhook: https://hooks.example.com/journeybot   # workspace.yml: webhooks: {hosts: [hooks.example.com]}
  id: tell_crm
  body: {health: score("health"), plan: tier}
""",
}

TRIGGER_EXAMPLES: Mapping[str, str] = {
    "when": 'enter: {when: stage == "onboarding" and days_in_stage >= 30, existing: enter}',
    "signal": "enter: {signal: going_quiet}",
    "on": 'enter: {on: survey.answered, when: event.kind == "nps" and event.score <= 6}',
    "at": "enter: {at: renewal_date - 90 days, within: 75 days}",
    "every": 'enter: {every: monday 09:00, when: stage == "adoption"}',
    "once": "enter: {once: 2027-09-09 10:00}",
    "after": "enter: {after: {playbook: setup_video, outcome: goal}}",
    "manual": "enter: {manual: true}",
}
