"""Text in an encoding that nobody declared is read as a browser reads it."""

from __future__ import annotations

import pytest

from index import LoadError
from index.parsers import extract
from index.parsers.encoding import decode, decode_as

CZECH = "Starosta Ústí nad Labem řekl, že most bude otevřen v září, přestože chybí peníze."
POLISH = "Burmistrz Łodzi powiedział, że most zostanie otwarty we wrześniu, choć brakuje pieniędzy."
RUSSIAN = "Мэр сказал, что мост откроется в сентябре."
JAPANESE = "会議は三階の青い部屋で行われます。司会は山田花子さんです。"
TEXTS = [
    ("It costs £40.", "cp1252"),
    ("The grant of £40,000 was approved on Friday, said café owner Zoë.", "cp1252"),
    ("Ann’s “plan” – costs €5…", "cp1252"),
    ("Le café de Zoé Lefèvre à Château-Noir a rouvert ses portes après des travaux.", "cp1252"),
    ("L’œuvre du maître coûte 5 € : « déjà vu », dit-il.", "cp1252"),
    ("La señora Muñoz abrió el año pasado la estación de tren; ¿quién pagó?", "cp1252"),
    ("A prefeitura de São João não decidiu a construção da ponte até amanhã.", "iso-8859-1"),
    ("Öppningen av den nya järnvägen blir försenad, säger borgmästaren Åke Sjöberg.", "cp1252"),
    ("Der Bürgermeister von Köln eröffnete die Straße für Fußgänger.", "cp1252"),
    (CZECH, "cp1250"),
    (CZECH, "iso-8859-2"),
    (POLISH, "cp1250"),
    (POLISH, "iso-8859-2"),
    ("A polgármester szerint a híd szeptemberben nyílik meg, bár kevés a pénz; őszre kész.", "cp1250"),
    ("Belediye başkanı köprünün eylülde açılacağını söyledi.", "cp1254"),
    (RUSSIAN, "cp1251"),
    (RUSSIAN, "koi8-r"),
    ("Ο δήμαρχος είπε ότι η γέφυρα θα ανοίξει τον Σεπτέμβριο.", "cp1253"),
    ("例会改在四楼的蓝厅举行，主持人是苏明远。", "gb18030"),
    ("例會改在四樓的藍廳舉行，主持人是蘇明遠。", "big5"),
    (JAPANESE, "shift_jis"),
    (JAPANESE, "euc_jp"),
    ("회의는 삼층 파란 방에서 열립니다.", "euc_kr"),
]


@pytest.mark.parametrize(("text", "encoding"), TEXTS, ids=[f"{text[:12]}-{encoding}" for text, encoding in TEXTS])
def test_text_in_an_undeclared_encoding_is_read_as_it_was_written(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding), "a.txt") == text


@pytest.mark.parametrize(("text", "encoding"), TEXTS[3:11])
@pytest.mark.parametrize("name", ["a.html", "a.eml"])
def test_pages_and_messages_without_a_declaration_too(text: str, encoding: str, name: str) -> None:
    before = {
        "a.html": "<html><head><title>T</title></head><body><article><p>",
        "a.eml": "From: Ann <ann@example.org>\nSubject: T\n\n",
    }[name]
    data = before.encode() + text.encode(encoding)
    assert text in extract(data, name[1:], name).text


def test_a_few_broken_bytes_do_not_change_the_encoding_of_a_text() -> None:
    text = "Señora Muñoz abrió la estación el año pasado y pagó."
    cut = b"\xff " + text.encode() + "é".encode()[:1]
    shown = decode(cut, "a.txt")
    assert "Muñoz abrió la estación el año pasado y pagó." in shown
    assert shown.count("\ufffd") == 2


def test_a_message_that_declares_ascii_and_uses_other_characters_is_read() -> None:
    assert decode_as("señora".encode(), "us-ascii") is None
    assert decode_as(b"senora", "us-ascii") == "senora"


@pytest.mark.parametrize(
    "data", [bytes(range(1, 256)) * 4, b"\x89PNG\r\n\x1a\n\x01\x02\x03\x04\x05", b"\xfe\x01\x02\x03" * 30]
)
def test_what_is_no_text_is_rejected(data: bytes) -> None:
    with pytest.raises(LoadError, match="it is not a text file"):
        decode(data, "a.txt")


def test_the_encoding_is_guessed_where_the_text_leaves_ascii() -> None:
    text = "A plain line.\n" * 100_000 + POLISH
    assert decode(text.encode("cp1250"), "a.txt") == text
    assert decode((JAPANESE * 60_000).encode("shift_jis"), "a.txt") == JAPANESE * 60_000, "also of a part of it"
