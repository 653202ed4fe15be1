"""The reasons of decisions about stages, as sentences in English and Japanese. Data only; reasons.py reads them."""

from __future__ import annotations

from collections.abc import Mapping

STAGE_SENTENCES: Mapping[str, tuple[str, str]] = {
    "stage_completed": (
        "Completed the stage {title} ({stage}): {checks}",
        "ステージ「{title}」（{stage}）を完了しました：{checks}",
    ),
    "stage_advanced": (
        "Moved on from {old} to {new}: {because}",
        "ステージが {old} から {new} に進みました：{because}",
    ),
}
