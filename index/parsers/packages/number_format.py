"""Write numbers as Excel shows them, by the number formats of ECMA-376, part 1, section 18.8.31.

openpyxl reads the formats, but does not apply them. Sections, conditions, literals, the digits `0`, `#` and `?`,
thousands, scaling, percentages and exponents are followed; fractions are written as decimal numbers. Formats of dates
are not read here.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

_SMALLEST = -15  # power of ten
_LONGEST = 255  # characters of a format, as in Excel
_MOST_DECIMALS = 30  # as in Excel
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|_(?P<space>.)|\*(?P<fill>.)|\[(?P<bracket>[^\]]*)\]?|(?P<end>;)'
    r"|(?P<any>General|@)|(?P<exponent>E[+-])|(?P<digit>[0#?])|(?P<mark>[.,%/])|(?P<plain>.)",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)(-?\d{1,15}(?:\.\d{1,15})?)")
_CURRENCY = re.compile(r"\$([^-]*)")
_MOST_DIGITS = 400  # before the point; floats have up to 309
_CALCULATE = Context(prec=1_500, rounding=ROUND_HALF_UP)  # enough for such numbers with a format full of percent signs

_Part = tuple[str, str]
"""What a section writes: a "text"; or the "whole", "point", "decimal" or "exponent" at this place; or "any" number."""


@dataclass(frozen=True, slots=True)
class _Section:
    """A part of a format, for positive, negative or other numbers, or for text.

    `whole` and `decimals` are the digits before and after the point, as `0`, `#` or `?`. `power` is the power of ten by
    which numbers are multiplied. `exponent` is the number of digits of an exponent, or 0.
    """

    parts: tuple[_Part, ...]
    condition: tuple[str, Decimal] | None = None
    whole: str = ""
    decimals: str = ""
    power: int = 0
    exponent: int = 0
    is_grouped: bool = False

    @property
    def has_own_sign(self) -> bool:
        """Whether the section writes the sign of a negative number."""
        return any(kind == "text" and text in ("-", "(", "\N{MINUS SIGN}") for kind, text in self.parts)


def shown_number(value: float, number_format: str) -> str:
    """Return a number as a number format shows it, without white space at its ends."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    number = Decimal(value) if isinstance(value, int) else Decimal(f"{value:.15g}")
    if number.adjusted() > _MOST_DIGITS:
        number_format = ""
    section, is_of_negative = _chosen(_sections(number_format[:_LONGEST] or "General")[:3], number)
    sign = "-" if number < 0 and not is_of_negative else ""
    return " ".join(f"{sign}{_written(abs(number), section)}".split())


def shown_text(text: str, number_format: str) -> str:
    """Return a text as a number format shows it: its fourth section is for text."""
    sections = _sections(number_format[:_LONGEST])
    return "".join(text if kind == "any" else part for kind, part in sections[3].parts) if sections[3:] else text


@lru_cache(maxsize=1_000)
def _sections(number_format: str) -> tuple[_Section, ...]:
    sections: list[_Section] = []
    tokens: list[_Part] = []
    condition = None
    for match in _TOKEN.finditer(f"{number_format};"):
        kind = str(match.lastgroup)
        text = match[kind]
        if kind == "end":
            sections.append(_section(tokens, condition))
            tokens, condition = [], None
        elif kind == "bracket":
            currency, compared = _CURRENCY.match(text), _CONDITION.fullmatch(text)
            if currency:
                tokens.append(("text", currency[1]))
            elif compared:
                condition = compared[1], Decimal(compared[2])
        elif kind == "space":
            tokens.append(("text", " "))
        elif kind != "fill":
            tokens.append(("text", text) if kind in ("quoted", "escaped", "plain") else (kind, text))
    return tuple(sections)


def _section(tokens: list[_Part], condition: tuple[str, Decimal] | None) -> _Section:
    """Return a section; its tokens are texts, "any", "exponent", and digits and marks."""
    places = [i for i, (kind, _) in enumerate(tokens) if kind in ("digit", "any")]
    is_any = any(tokens[i][0] == "any" for i in places) or ("mark", "/") in tokens  # a fraction is a decimal number
    if not places or is_any:
        first, last = (places[0], places[-1]) if places else (len(tokens), len(tokens))
        texts = [("text", text) if kind in ("text", "mark") else ("text", "") for kind, text in tokens]
        between = [("any", "")] if places else []
        return _Section((*texts[:first], *between, *texts[last + 1 :]), condition)
    first, last = places[0], places[-1]
    end = next((i for i in range(first, last) if tokens[i][0] == "exponent"), len(tokens))
    point = next((i for i in range(end) if tokens[i] == ("mark", ".")), end)
    whole = [i for i in places if i < point]
    decimals = [i for i in places if point < i < end][:_MOST_DECIMALS]
    commas = [i for i in range(end) if tokens[i] == ("mark", ",")]
    scaling = sum(i > max(j for j in places if j < end) or (whole or [first])[-1] < i < point for i in commas)
    parts: list[_Part] = []
    for i, (kind, text) in enumerate(tokens):
        if i == point and not whole:
            parts.append(("whole", ""))
        if kind == "digit" and i < end:
            parts.append(("whole" if i < point else "decimal", ""))
        elif i == point and kind == "mark":
            parts.append(("point", ""))
        elif i == end:
            parts.append(("exponent", text))
        elif kind == "text" or (kind, text) == ("mark", "%"):
            parts.append(("text", text))
    return _Section(
        tuple(parts),
        condition,
        whole="".join(tokens[i][1] for i in whole),
        decimals="".join(tokens[i][1] for i in decimals),
        power=2 * tokens.count(("mark", "%")) - 3 * scaling,
        exponent=sum(i > end for i in places),
        is_grouped=any(whole and whole[0] < i < whole[-1] for i in commas),
    )


def _chosen(sections: tuple[_Section, ...], number: Decimal) -> tuple[_Section, bool]:
    """Return the section for a number, and whether that section writes the sign of a negative number itself."""
    if any(section.condition for section in sections):
        holding = (each for each in sections if each.condition and _holds(*each.condition, number))
        others = [each for each in sections if not each.condition] or sections
        section = next(holding, others[-1])
        return section, section.has_own_sign
    if number < 0 and len(sections) > 1:
        return sections[1], True
    return sections[2 if number == 0 and len(sections) > 2 else 0], False


def _holds(comparison: str, limit: Decimal, number: Decimal) -> bool:
    is_less, is_equal = number < limit, number == limit
    return (
        (is_less and "<" in comparison)
        or (is_equal and "=" in comparison)
        or (not is_less and not is_equal and ">" in comparison)
    )


def _written(number: Decimal, section: _Section) -> str:
    """Return a number that is not negative in the format of a section."""
    number = number.scaleb(section.power, _CALCULATE)
    shift = 0
    if section.exponent:
        number, shift = _mantissa(number, max(1, len(section.whole)), len(section.decimals))
    digits, _, part = f"{_rounded(number, len(section.decimals)):f}".partition(".")
    part = part.rstrip("0").ljust(section.decimals.rfind("0") + 1, "0")
    whole = iter(_places(digits, section, has_part=bool(part)))
    decimals = iter(part)
    written: list[str] = []
    for kind, text in section.parts:
        if kind == "text":
            written.append(text)
        elif kind == "whole":
            written.append(next(whole, ""))
        elif kind == "decimal":
            written.append(next(decimals, ""))
        elif kind == "point":
            written.append("." if part else "")
        elif kind == "exponent":
            sign = "-" if shift < 0 else "+" if text[1] == "+" else ""
            written.append(f"{text[0]}{sign}{abs(shift):0{section.exponent}d}")
        else:
            written.append(_general(number))
    return "".join(written)


def _rounded(number: Decimal, decimals: int) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-decimals), context=_CALCULATE)


def _mantissa(number: Decimal, places: int, decimals: int) -> tuple[Decimal, int]:
    """Return the part before the exponent, and the exponent, which is a multiple of the number of places."""
    if not number:
        return number, 0
    shift = number.adjusted() // places * places
    mantissa = number.scaleb(-shift, _CALCULATE)
    if _rounded(mantissa, decimals).adjusted() >= places:  # 9.99 may be rounded to 10.0
        shift += places
        mantissa = number.scaleb(-shift, _CALCULATE)
    return mantissa, shift


def _places(digits: str, section: _Section, *, has_part: bool) -> list[str]:
    """Return what is written at each place before the point; the first has all digits that have no place."""
    first = section.whole.find("0")
    least = max(len(section.whole) - first if first >= 0 else 0, int(has_part))
    digits = digits.lstrip("0").rjust(least, "0")
    places = list(digits)
    if section.is_grouped:
        places = [
            f"{digit}," if i % 3 == 0 and i else digit
            for i, digit in zip(range(len(digits))[::-1], digits, strict=True)
        ]
    spare = len(places) - max(1, len(section.whole))
    places = [*[""] * -spare, *places]
    return ["".join(places[: max(0, spare) + 1]), *places[max(0, spare) + 1 :]]


def _general(number: Decimal) -> str:
    """Return a number as it is without a format; only very small ones have an exponent."""
    if number and number.adjusted() < _SMALLEST:
        return f"{number.normalize():E}"
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
