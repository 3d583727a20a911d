"""Numbers in English and Chinese text, in digits or in words, with their units. Pure.

"1,677", "twenty-three", "1.2 million", "三百" and "23rd" become plain decimals, so different spellings of a number
compare equal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from index import lexicon, with_plain_forms

_IRREGULAR = {"first": 1, "second": 2, "third": 3, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12}
_SMALL = (
    lexicon.NUMBER_WORDS
    | {f"{word.removesuffix('y')}{'ie' if word.endswith('y') else ''}th": n for word, n in lexicon.NUMBER_WORDS.items()}
    | _IRREGULAR
)
_SCALES = {
    "dozen": 12,
    **lexicon.SCALES,
    **{"mn": 10**6, "bn": 10**9, "tn": 10**12},
    **{"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8},
}
_VAGUE = "half|quarter|twice|double|triple|dozens|hundreds|thousands|millions|billions|trillions"
_CHINESE = {character: i for i, character in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "兩": 2}
_CHINESE_SCALES = {"十": 10, "百": 100, "千": 1000}

_UNITS = {
    "percent": r"%|percent(?:age points?)?|per cent|个百分点",
    "dollar": r"\$|us\$|dollars?|usd|美元",
    "euro": "€|euros?|eur|欧元|歐元",
    "pound": "£|pounds?|gbp|英镑|英鎊",
    "yuan": "yuan|rmb|renminbi|人民币|元",
    "yen": "yen|日元",
    "kilometre": "km|kilomet(?:re|er)s?|公里|千米",
    "metre": "m|met(?:re|er)s?|米",
    "centimetre": "cm|centimet(?:re|er)s?|厘米",
    "millimetre": "mm|millimet(?:re|er)s?|毫米",
    "mile": "miles?|mi|英里",
    "foot": "feet|foot|ft|英尺",
    "inch": "inch(?:es)?|英寸",
    "kilogram": "kg|kilograms?|kilos?|公斤|千克",
    "gram": "grams?|g",
    "tonne": "tonn?es?|tons?|吨|噸",
    "litre": "lit(?:re|er)s?",
    "hectare": "hectares?|ha|公顷",
    "acre": "acres?",
    "celsius": "°c|(?:degrees? )?celsius|摄氏度",
    "fahrenheit": "°f|(?:degrees? )?fahrenheit|华氏度",
    "watt": "watts?|瓦",
    "kilowatt": "kw|kilowatts?|千瓦",
    "megawatt": "mw|megawatts?|兆瓦",
    "gigawatt": "gw|gigawatts?",
    "second": "seconds?|秒",
    "minute": "minutes?|分钟|分鐘",
    "hour": "hours?|小时|小時",
    "day": "days?|天",
    "week": "weeks?|周",
    "month": "months?|个月|個月",
    "year": "years?|年",
    "decade": "decades?",
    "century": "centur(?:y|ies)|世纪|世紀",
}
"""Units that must match, each with a pattern for its spellings. Other nouns after a number are not units, because
"23 members" and "23 people" may mean the same thing; the support check compares them as words."""

_WORD = rf"(?:{'|'.join(sorted(_SMALL | _SCALES, key=len, reverse=True))})"
_FIGURE = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_HAN = rf"[{''.join(_CHINESE | _CHINESE_SCALES)}]"
_PHRASE = re.compile(
    rf"(?P<figure>{_FIGURE})(?:st|nd|rd|th)?(?P<scales>(?:[\s-]?(?:{'|'.join(_SCALES)})(?![a-z]))*)"
    rf"|(?<![^\W_])(?!one (?:of|another)\b)(?P<words>{_WORD}(?:(?:[\s-]|\sand\s){_WORD})*)(?![^\W_])"
    rf"|(?<![^\W_])(?P<vague>{_VAGUE})(?![^\W_])"
    # On its own, 一 usually means "a" (一个) or is part of a word (一起), and 十分 means "very".
    rf"|(?!一(?!{_HAN}))(?!十分)(?P<han>{_HAN}+)(?P<myriads>[万萬亿億]*)"
)
_EQUAL = {("50", "percent"): "half", ("25", "percent"): "quarter", ("double", None): "twice"}
"""Other ways to say a number, by value and unit."""
_FIGURE_M = re.compile(rf"(?:{_FIGURE})m")
_MONEY_SCALE = re.compile(r"\s?([kmb])(?![a-z])")  # after an amount of money, "m" is a million: "$5m"
_POWERS = {"k": 3, "m": 6, "b": 9}
_MAX_SCALES = 8  # scale words per number, at most ("thousand million" has two): a longer run is not a number
_UNIT_AFTER = re.compile(rf"[\s-]?(?:{'|'.join(f'(?P<{name}>{unit})' for name, unit in _UNITS.items())})(?![a-z])")
_UNIT_BEFORE = re.compile(r"(?:(?P<dollar>\$)|(?P<euro>€)|(?P<pound>£))\s?$")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as a plain decimal ("1677", "0.5"), or a vague number as written ("half"), with its unit, if any.

    `text` contains the number and its unit as written, in lower case.
    """

    value: str
    unit: str | None = None
    text: str = field(default="", compare=False)

    @property
    def readings(self) -> frozenset[str]:
        """The values that the number may have: 50 percent is "half", and "410m" is 410 metres or 410 million."""
        values = {self.value, _EQUAL.get((self.value, self.unit), self.value)}
        if self.unit == "metre" and _FIGURE_M.fullmatch(self.text):
            values.add(_plain(Decimal(self.value) * 10**6))
        return frozenset(values)


def quantities(text: str) -> list[Quantity]:
    """Return the numbers in `text` in order, including ordinals, but not "one of" or a lone 一."""
    text = with_plain_forms(text).lower()
    found: list[Quantity] = []
    for match in _PHRASE.finditer(text):
        *earlier, last = _values(match)
        found += [Quantity(value, text=match[0]) for value in earlier]
        before = _UNIT_BEFORE.search(text, max(0, match.start() - 2), match.start())
        unit = before or _UNIT_AFTER.match(text, match.end())
        written = text[min(match.start(), unit.start()) : max(match.end(), unit.end())] if unit else match[0]
        if before and (scale := _MONEY_SCALE.match(text, match.end())):
            last, written = _plain(Decimal(last) * 10 ** _POWERS[scale[1]]), f"{written}{scale[0]}"
        found.append(Quantity(last, unit.lastgroup if unit else None, written.strip()))
    return found


def _values(match: re.Match[str]) -> list[str]:
    if match["vague"]:
        return [match["vague"]]
    if match["words"]:
        return [_plain(number) for number in _spoken(re.findall(r"[^\W_]+", match["words"]))]
    number = Decimal(match["figure"].replace(",", "")) if match["figure"] else Decimal(_chinese(match["han"]))
    for scale in re.findall(r"[a-z]+|[^\W\da-z]", match["scales"] or match["myriads"] or "")[:_MAX_SCALES]:
        number *= _SCALES[scale]
    return [_plain(number)]


def _spoken(words: list[str]) -> Iterator[Decimal]:
    """Yield the numbers in a run of number words: one number for "two hundred and five", two for "nineteen ninety"."""
    total = group = 0
    begun = False
    for word in words:
        if word == "and":
            continue
        if scale := _SCALES.get(word):
            if scale > 100:
                total, group = total + max(group, 1) * scale, 0
            else:
                group = max(group, 1) * scale
        else:
            number = _SMALL[word]
            room = 100 if group % 100 == 0 else 10 if group % 10 == 0 and group % 100 >= 20 else 0
            if begun and (number >= room or not (group or total)):
                yield Decimal(total + group)
                total = group = 0
            group += number
        begun = True
    yield Decimal(total + group)


def _chinese(characters: str) -> Decimal | int:
    """Return the value of a run of Chinese numerals below 万: 三百二十 is 320, 二〇二四 is 2024."""
    if not set(characters) & set(_CHINESE_SCALES):
        return Decimal("".join(str(_CHINESE[character]) for character in characters))
    total, digit = 0, 0
    for character in characters:
        if character in _CHINESE:
            digit = _CHINESE[character]
        else:
            total, digit = total + (digit or 1) * _CHINESE_SCALES[character], 0
    return total + digit


def _plain(number: Decimal) -> str:
    return format(number.normalize(), "f")
