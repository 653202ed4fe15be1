"""Reasons about fuses, pacing and what people skip, as sentences in English and Japanese; part of reason_sentences.py. Data only."""

from __future__ import annotations

from collections.abc import Mapping

FUSE_SENTENCES: Mapping[str, tuple[str, str]] = {
    "audience_fuse": (
        "Held: far more customers than usual would enter at once, so a person is asked first (`journeybot fuses list`)",
        "一度に開始する顧客が通常より大幅に多いため保留し、担当者に確認しています（`journeybot fuses list`）",
    ),
    "fuse_audience": (
        "Fuse: {entering} customers would enter {playbook} at once; {bound} of {customers} may enter a day",
        "安全装置が作動：{entering}社が一度に {playbook} を開始しようとしています（1日の上限は全{customers}社中{bound}社）",
    ),
    "stage_fuse": (
        "Stays in {stage}: far more customers than usual would move on at once, so a person is asked (`journeybot fuses list`)",
        "{stage} に留めています：一度に次へ進む顧客が通常より大幅に多いため、担当者に確認しています（`journeybot fuses list`）",
    ),
    "stage_move_dropped": (
        "Stays in {stage}: a person decided so after the fuse had held the move",
        "{stage} に留まります：安全装置による保留のあと、担当者が進めないことにしました",
    ),
    "fuse_stages": (
        "Fuse: {moving} customers would move on from the stage {playbook} at once; {bound} of {customers} may move a day",
        "安全装置が作動：{moving}社が一度にステージ {playbook} から次へ進もうとしています（1日の上限は全{customers}社中{bound}社）",
    ),
    "fuse_sending": (
        "Fuse: {playbook} would send {sending} more mails today after {sent}; usual is at most {bound}",
        "安全装置が作動：{playbook} は本日{sent}通のあと、さらに{sending}通を送ろうとしています（通常は{bound}通まで）",
    ),
    "fuse_bounces": (
        "Fuse: {bad} of the last {mails} mails of {playbook} bounced ({percent} %, bound {bound} %)",
        "安全装置が作動：{playbook} の直近{mails}通のうち{bad}通が不達です（{percent}%、上限{bound}%）",
    ),
    "fuse_complaints": (
        "Fuse: {bad} of the last {mails} mails of {playbook} were called spam ({percent} %, bound {bound} %)",
        "安全装置が作動：{playbook} の直近{mails}通のうち{bad}通が迷惑メールとして報告されました（{percent}%、上限{bound}%）",
    ),
    "fuse_all_sending": (
        "Fuse: {sending} more mails would leave today after {sent}; the bound of all mails is {bound} a day",
        "安全装置が作動：本日{sent}通のあと、さらに{sending}通が送られようとしています（全体の上限は1日{bound}通）",
    ),
    "fuse_all_bounces": (
        "Fuse: {bad} of the last {mails} mails of all playbooks bounced ({percent} %, bound {bound} %)",
        "安全装置が作動：全ジャーニーの直近{mails}通のうち{bad}通が不達です（{percent}%、上限{bound}%）",
    ),
    "fuse_all_complaints": (
        "Fuse: {bad} of the last {mails} mails of all playbooks were called spam ({percent} %, bound {bound} %)",
        "安全装置が作動：全ジャーニーの直近{mails}通のうち{bad}通が迷惑メールとして報告されました（{percent}%、上限{bound}%）",
    ),
    "fuse_released": (
        "{by} released what the fuse held ({number})",
        "{by} が保留を解除しました（{number}件）",
    ),
    "fuse_dropped": (
        "Given up by a person after the fuse had held it",
        "安全装置による保留のあと、担当者の判断で取りやめました",
    ),
    "fuse_holds": (
        "A fuse holds this playbook's mails until a person decides (`journeybot fuses list`)",
        "安全装置により、このジャーニーのメールは担当者の判断待ちです（`journeybot fuses list`）",
    ),
    "held_by_fuse": (
        "{fuse}. A person decides: `journeybot fuses list` (number {number})",
        "{fuse}。担当者の判断待ちです（`journeybot fuses list`、番号{number}）",
    ),
    "occurrence_skipped": (
        "{by} skips the occurrence of {moment}",
        "{by} が {moment} の回を飛ばすことにしました",
    ),
    "skipped_by_hand": (
        "This occurrence was skipped by hand for this customer",
        "この顧客については、この回を手動で飛ばしました",
    ),
    "resend_once": (
        "Nobody knows whether it arrived, and the step asks to send it once more (`on_unknown: resend_once`)",
        "届いたか確認できないため、設定（`on_unknown: resend_once`）に従いもう一度だけ送信します",
    ),
    "count:audience_fuse": ("Held by the audience fuse", "安全装置により保留しました"),
    "count:fuse_dropped": ("Given up after a fuse had held them", "安全装置による保留のあと取りやめました"),
}
