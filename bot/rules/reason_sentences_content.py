"""The reasons of decisions about curricula, as sentences in English and Japanese. Data only; reasons.py reads them."""

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
    "curriculum_gone": (
        "content.yml has no curriculum `{curriculum}` any more",
        "content.yml にカリキュラム「{curriculum}」がなくなっています",
    ),
}
