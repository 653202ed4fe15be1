"""The reasons of decisions about curricula and webhooks, as sentences in English and Japanese. Data only; reasons.py reads them."""

from __future__ import annotations

from collections.abc import Mapping

CONTENT_SENTENCES: Mapping[str, tuple[str, str]] = {
    "assigned": (
        "Gave the curriculum `{curriculum}` (contacts: {contacts})",
        "カリキュラム「{curriculum}」を{contacts}名に割り当てました",
    ),
    "assigned_already": (
        "The curriculum `{curriculum}` was given before; its days stay as they are",
        "カリキュラム「{curriculum}」はすでに割り当て済みのため、期日はそのままです",
    ),
    "nobody_to_learn": (
        "Nobody there to learn `{curriculum}`",
        "カリキュラム「{curriculum}」を受ける方がいません",
    ),
    "webhook_owed": ("Another system is to be told", "外部システムへの通知を予約しました"),
    "webhook_field_missing": (
        "Nobody was told: {fields} has no value",
        "通知しませんでした：{fields} の値がありません",
    ),
    "webhook_delivered": ("Told {host} (try {attempts})", "{host} に通知しました（{attempts}回目）"),
    "webhook_given_up": (
        "Gave up telling {host} after {attempts} tries: {fault}",
        "{host} への通知を{attempts}回試して断念しました：{fault}",
    ),
    "curriculum_gone": (
        "content.yml has no curriculum `{curriculum}` any more",
        "content.yml にカリキュラム「{curriculum}」がなくなっています",
    ),
}
