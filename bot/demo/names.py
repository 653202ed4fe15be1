"""The words that the demo's invented companies and people are named with. Nobody real: company names are joined from
made-up first parts and a trade; people's names are common first and last names drawn apart from each other."""

from __future__ import annotations

from dataclasses import dataclass

Spelled = tuple[str, str]
"""As written, and in plain ASCII for keys and addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """An industry: how such companies are called in Japanese and English, and when they are open."""

    industry: str
    japanese: tuple[Spelled, ...]
    english: tuple[str, ...]
    open_days: str


TRADES: tuple[Trade, ...] = (
    Trade(
        industry="restaurant",
        japanese=(("食堂", "shokudo"), ("ダイニング", "dining"), ("茶寮", "saryo"), ("製麺所", "seimen")),
        english=("Kitchen", "Bistro", "Noodle Bar"),
        open_days="tuesday to sunday",
    ),
    Trade(
        industry="retail",
        japanese=(("眼鏡店", "megane"), ("書店", "shoten"), ("生花店", "seika")),
        english=("Opticians", "Books", "Garden Store"),
        open_days="monday to saturday",
    ),
    Trade(
        industry="hotel",
        japanese=(("旅館", "ryokan"), ("ホテル", "hotel")),
        english=("Inn", "Hotels"),
        open_days="every day",
    ),
    Trade(
        industry="logistics",
        japanese=(("運輸", "unyu"), ("物流", "butsuryu")),
        english=("Freight", "Parcels"),
        open_days="monday to friday",
    ),
    Trade(
        industry="clinic",
        japanese=(("歯科", "shika"), ("クリニック", "clinic")),
        english=("Dental", "Physio"),
        open_days="monday to friday",
    ),
    Trade(
        industry="beauty",
        japanese=(("美容室", "salon"), ("ネイル", "nail")),
        english=("Salon", "Barbers"),
        open_days="tuesday to sunday",
    ),
    Trade(
        industry="education",
        japanese=(("学習塾", "juku"), ("音楽教室", "ongaku")),
        english=("Tutors", "Music School"),
        open_days="monday to saturday",
    ),
)

JAPANESE_FIRST_PARTS: tuple[Spelled, ...] = (
    ("花森", "hanamori"), ("月見坂", "tsukimizaka"), ("雨音", "amaoto"), ("星屑", "hoshikuzu"), ("風花", "kazahana"),
    ("夕凪", "yunagi"), ("木漏れ日", "komorebi"), ("空色", "sorairo"), ("銀杏坂", "ichozaka"), ("白鷺野", "shirasagino"),
    ("霧ヶ谷", "kirigaya"), ("若葉橋", "wakababashi"), ("麦の穂", "muginoho"), ("三日月堂", "mikazukido"), ("雪解", "yukige"),
    ("蛍川", "hotarugawa"), ("山吹", "yamabuki"), ("時雨", "shigure"), ("七草", "nanakusa"), ("柚子丸", "yuzumaru"),
    ("鈴風", "suzukaze"), ("茜雲", "akanegumo"), ("小春", "koharu"), ("千鳥岬", "chidorimisaki"), ("藍染", "aizome"),
    ("朝霧", "asagiri"), ("野ばら", "nobara"), ("石蕗", "tsuwabuki"), ("夢見ヶ丘", "yumemigaoka"), ("波の音", "naminone"),
    ("灯火", "tomoshibi"), ("紅葉谷", "momijidani"), ("梢", "kozue"), ("綿雲", "watagumo"), ("福寿", "fukuju"),
    ("水無月", "minazuki"), ("春待", "harumachi"), ("竹の子", "takenoko"), ("千歳飴", "chitoseame"), ("砂時計", "sunadokei"),
)  # fmt: skip

ENGLISH_FIRST_PARTS: tuple[str, ...] = (
    "Maplewick", "Otterbrook", "Juniper Lane", "Bramblecote", "Fernhollow", "Copperfinch", "Larkmere", "Quillstone",
    "Saltmarsh Row", "Thistledown", "Windlebury", "Applegarth", "Dovecliff", "Emberfield", "Foxglove Yard",
    "Greywren", "Harrowmint", "Kestrelby", "Lanternquay", "Mossbank",
)  # fmt: skip

JAPANESE_LAST: tuple[Spelled, ...] = (
    ("高橋", "takahashi"), ("渡辺", "watanabe"), ("中村", "nakamura"), ("小林", "kobayashi"), ("加藤", "kato"),
    ("吉田", "yoshida"), ("山田", "yamada"), ("佐々木", "sasaki"), ("山口", "yamaguchi"), ("松本", "matsumoto"),
    ("井上", "inoue"), ("清水", "shimizu"), ("阿部", "abe"), ("池田", "ikeda"), ("橋本", "hashimoto"),
    ("石川", "ishikawa"), ("前田", "maeda"), ("藤田", "fujita"), ("岡田", "okada"), ("長谷川", "hasegawa"),
    ("村上", "murakami"), ("近藤", "kondo"), ("石井", "ishii"), ("遠藤", "endo"), ("青木", "aoki"),
)  # fmt: skip

JAPANESE_GIVEN: tuple[str, ...] = (
    "美咲", "陽菜", "結衣", "葵", "彩", "千尋", "真由", "恵", "直子", "香織", "健太", "大輔", "翔", "拓也", "誠", "直樹",
    "亮", "和也", "浩二", "修",
)  # fmt: skip

ENGLISH_LAST: tuple[str, ...] = (
    "Ashworth", "Bellamy", "Calloway", "Dunmore", "Ellery", "Fairbanks", "Garland", "Holloway", "Iverson", "Kendrick",
    "Lockwood", "Merriweather", "Northcott", "Pemberton", "Radcliffe",
)  # fmt: skip

ENGLISH_GIVEN: tuple[str, ...] = (
    "Amelia", "Ben", "Chloe", "Daniel", "Ella", "Finn", "Grace", "Henry", "Isla", "Jack", "Lucy", "Noah", "Olivia", "Ruth",
)  # fmt: skip
