"""A sentence that says that the articles do not answer is told from one about the world, in seven languages."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from index import Span
from rag import NOT_FOUND
from rag.generation.refusals import is_explanation, is_refusal
from rag.generation.verified_stream import VerifiedStream
from rag.grounding.support import SupportGrade

REFUSALS = (
    "The articles do not say.",
    "“The articles do not say.”",
    "**The articles do not say.**",
    "The articles do not say",
    "The articles do not say!",
    "*The articles do not say.*",
    "the articles do not say.",
    "`The articles do not say.`",
    "> The articles do not say.",
    "The articles don't say.",
    "The provided passages do not contain information about the price.",
    "The passages do not mention who paid for it.",
    "The given articles don't mention the date.",
    "None of the passages mentions a price.",
    "None of the provided articles say when it opens.",
    "No passage mentions the capital of Australia.",
    "The text does not specify how many people came.",
    "The context provided does not include this information.",
    "The provided context doesn't give the answer.",
    "The information provided does not say when.",
    "The provided information is insufficient to answer the question.",
    "The documents do not mention a launch date.",
    "The sources do not provide any details on this.",
    "The articles you provided do not discuss Australia.",
    "The passages are silent on the cost.",
    "The articles make no mention of a price.",
    "The passages contain no information about this.",
    "The articles never mention the price.",
    "The article lacks information about its price.",
    "The passages fail to mention the date.",
    "I could not find any information about that in the articles.",
    "I couldn't find the answer in the provided passages.",
    "I cannot answer this question based on the passages.",
    "I can't determine this from the articles.",
    "I do not have enough information to answer that.",
    "I don't know.",
    "I'm sorry, but the articles don't mention who won.",
    "I'm sorry, I could not find that in the articles.",
    "Sorry, the passages do not say.",
    "Unfortunately, the provided articles do not contain the answer.",
    "I apologize, but I cannot find this information in the passages.",
    "I am unable to find this in the passages.",
    "I found no information about the price.",
    "I was unable to find an answer in the articles.",
    "There is no information about the price in the passages.",
    "There is no information about the price.",
    "There is no mention of Australia in the articles.",
    "There's no information on that.",
    "There is not enough information to answer the question.",
    "Based on the passages, it is not possible to say who won.",
    "Based on the provided passages, I cannot determine the date.",
    "Based on the given articles, there is no mention of the price.",
    "According to the articles, the date is not known.",
    "It is not possible to determine the date from the passages.",
    "It is unclear from the articles when it opens.",
    "The exact date is not mentioned in the passages.",
    "The price isn't stated in the articles.",
    "This information is not provided in the passages.",
    "That information is not available.",
    "The question cannot be answered from the passages.",
    "The answer is not in the passages.",
    "The answer to this question cannot be found in the articles.",
    "Not mentioned in the articles.",
    "Not stated.",
    "No information is provided about the price.",
    "No relevant information was found.",
    "Insufficient information.",
    "However, the articles do not say when.",
    "It seems that the articles do not cover this topic.",
    "Nothing in the passages says why.",
    "文章没有说明。",
    "提供的段落中没有提到价格。",
    "根据所提供的文章，无法确定日期。",
    "抱歉，文章中没有提及这一点。",
    "这些文章没有提供相关信息。",
    "文中未提及价格。",
    "我无法从文章中找到答案。",
    "没有找到相关信息。",
    "文章并未说明具体时间。",
    "资料中没有关于此事的信息。",
    "Los artículos no lo dicen.",
    "Los artículos no mencionan el precio.",
    "Los pasajes proporcionados no contienen información sobre el precio.",
    "No hay información sobre eso en los artículos.",
    "No he encontrado esa información en los textos.",
    "Lo siento, pero los artículos no dicen quién ganó.",
    "No es posible determinar la fecha.",
    "El precio no se menciona en los artículos.",
    "No se menciona el precio en los artículos.",
    "Les articles ne le disent pas.",
    "Les articles ne mentionnent pas le prix.",
    "Les passages fournis ne contiennent aucune information à ce sujet.",
    "Désolé, les articles ne précisent pas la date.",
    "Je n'ai pas trouvé cette information dans les articles.",
    "Il n'y a pas d'information à ce sujet dans les articles.",
    "Aucun des articles ne mentionne le prix.",
    "Le prix n'est pas mentionné dans les articles.",
    "Il n'est pas possible de répondre à cette question.",
    "Die Artikel sagen es nicht.",
    "Die Artikel erwähnen den Preis nicht.",
    "Die bereitgestellten Passagen enthalten keine Informationen dazu.",
    "Leider enthalten die Artikel keine Angaben zum Preis.",
    "Ich konnte dazu keine Informationen finden.",
    "In den Artikeln wird der Preis nicht erwähnt.",
    "Der Preis wird in den Artikeln nicht erwähnt.",
    "Aus den Artikeln geht das Datum nicht hervor.",
    "Es gibt keine Informationen dazu.",
    "Os artigos não dizem.",
    "Os artigos não mencionam o preço.",
    "Os trechos fornecidos não contêm informações sobre isso.",
    "Não encontrei essa informação nos artigos.",
    "Não há informações sobre o preço nos artigos.",
    "Infelizmente, os artigos não informam a data.",
    "O preço não é mencionado nos artigos.",
    "Não é possível determinar a data.",
    "Gli articoli non lo dicono.",
    "Gli articoli non menzionano il prezzo.",
    "I passaggi forniti non contengono informazioni su questo.",
    "Non ho trovato queste informazioni negli articoli.",
    "Non ci sono informazioni sul prezzo negli articoli.",
    "Mi dispiace, ma gli articoli non lo dicono.",
    "Il prezzo non è menzionato negli articoli.",
    "Non è possibile determinare la data.",
    "Nessuno degli articoli menziona il prezzo.",
)
CLAIMS = (
    "Officials did not say why.",
    "The company did not disclose the price.",
    "The report did not name the companies.",
    "The watchdog did not name the selected companies.",
    "The model is not open source.",
    "Xie said he had played no part in building Sora.",
    "There is no cure for the disease.",
    "There was no information campaign before the vote.",
    "Police said there was no information about victims.",
    "There is no information about casualties yet, police said.",
    "There is no evidence that the fire was deliberate.",
    "“I could not find the keys,” she said.",
    '"We do not know," said the minister.',
    "He could not find the answer.",
    "They did not say when it would open.",
    "It does not offer its services in China.",
    "It is not clear who will pay.",
    "It was not possible to reach the village.",
    "The minister did not answer the question.",
    "The article was published on Monday.",
    "The articles discuss China's AI industry.",
    "The article says that Zhou likened it to cold water.",
    "According to the article, the model is not open source.",
    "Based on the passages, the tool is named Boximator.",
    "Their names were not made public.",
    "The price was not disclosed.",
    "No details were released by the police.",
    "No one was hurt.",
    "None of the companies answered.",
    "None of the passengers was hurt.",
    "The passengers did not say anything.",
    "Nothing in the house was stolen.",
    "The sources did not say who paid.",
    "The documents do not prove that he knew.",
    "OpenAI does not offer its services in Hong Kong.",
    "The question was not answered by the minister.",
    "Some people do not have access.",
    "So it goes.",
    "Still, the model is not open source.",
    "No, the model is not open source.",
    "I have a dream, he said.",
    "官员没有说明原因。",
    "公司没有公布价格。",
    "他没有提到此事。",
    "监管机构未公布名单。",
    "该模型没有开源。",
    "没有人受伤。",
    "Las autoridades no dijeron por qué.",
    "La empresa no reveló el precio.",
    "No hay heridos.",
    "Los bomberos no encontraron a nadie.",
    "Les responsables n'ont pas dit pourquoi.",
    "L'entreprise n'a pas révélé le prix.",
    "Il n'y a pas de blessés.",
    "Die Behörden sagten nicht, warum.",
    "Das Unternehmen nannte keinen Preis.",
    "Es gibt keine Verletzten.",
    "As autoridades não disseram por quê.",
    "Não há feridos.",
    "A empresa não revelou o preço.",
    "Le autorità non hanno detto perché.",
    "Non ci sono feriti.",
    "L'azienda non ha rivelato il prezzo.",
)
EXPLANATIONS = (
    "They only discuss China's AI industry.",
    "The passages focus on the new bridge.",
    "The provided articles are about a ferry and a bridge.",
    "If you share more articles, I can look again.",
    "Please check the original source.",
    "I'm sorry.",
    "这些文章主要讨论人工智能。",
)


class SaysEverything:
    """Finds each sentence in the passage that it cites."""

    def nearest(self, sentence: str, most: int) -> list[int]:
        return list(range(1, most + 1))

    def closer(self, sentence: str, cited: Sequence[int], among: Sequence[int]) -> int | None:
        return None

    def check(self, sentence: str, number: int, beside: Sequence[int] = ()) -> SupportGrade:
        return SupportGrade("quoted" if number in beside else "unsupported", Span(0, 1))


def _verified(reply: str) -> VerifiedStream:
    verified = VerifiedStream(SaysEverything(), 3)  # type: ignore[arg-type]
    verified.feed(reply)
    verified.close()
    return verified


@pytest.mark.parametrize("sentence", REFUSALS)
def test_a_sentence_that_the_articles_do_not_answer_is_a_refusal(sentence: str) -> None:
    assert is_refusal(sentence)
    assert _verified(sentence).is_refusal
    assert _verified(f"**{sentence}** [1]").is_refusal


@pytest.mark.parametrize("sentence", CLAIMS)
def test_a_sentence_about_the_world_is_none(sentence: str) -> None:
    assert not is_refusal(sentence)
    verified = _verified(sentence)
    assert not verified.is_refusal
    assert [each.text for each in verified.sentences] == [sentence]


@pytest.mark.parametrize("sentence", EXPLANATIONS)
def test_a_refusal_may_be_explained(sentence: str) -> None:
    assert is_explanation(sentence)
    assert not is_refusal(sentence)
    assert _verified(f"The passages do not say who won. {sentence}").is_refusal
    assert _verified(f"{sentence}\n\n{NOT_FOUND}").is_refusal
    assert not _verified(sentence).is_refusal, "alone it is an answer"


@pytest.mark.parametrize(
    "reply",
    [
        f"{NOT_FOUND} [1]",
        f'"{NOT_FOUND}"',
        f"**{NOT_FOUND}**\n\nThe price of the bridge is given nowhere.",
        f"The bridge opens in 2031.\n\n{NOT_FOUND}",
        f"Answer: {NOT_FOUND}",
        f"<think>The bridge opens in 2031 [1].</think>{NOT_FOUND}",
        f'{{"answer": "{NOT_FOUND}", "citations": []}}',
        f"```\n{NOT_FOUND}\n```",
        "I'm sorry, but the articles do not mention Australia. They only discuss the bridge [1].",
        "The passages do not mention Australia, but they discuss a bridge.",
        "抱歉，文章中没有提到价格。",
    ],
)
def test_a_whole_reply_is_a_refusal_whatever_is_around_it(reply: str) -> None:
    assert _verified(reply).is_refusal


@pytest.mark.parametrize(
    ("reply", "claims"),
    [
        ("The bridge opens in 2031 [1]. The articles do not say when it closes.", ["The bridge opens in 2031."]),
        (f"The bridge opens in 2031 [1]. {NOT_FOUND}", ["The bridge opens in 2031."]),
        ("The articles do not say who won. However, the bridge opens in 2031.", ["However, the bridge opens in 2031."]),
        (
            "The articles do not say when, but it opens in 2031 [1].",
            ["The articles do not say when, but it opens in 2031."],
        ),
        ("The articles are about a bridge [1].", ["The articles are about a bridge."]),
        ("The company did not say why [2].", ["The company did not say why."]),
        ("", []),
        ("Yes.", []),
        ("Yes. The articles do not say when.", []),
    ],
)
def test_a_reply_that_answers_something_is_none(reply: str, claims: list[str]) -> None:
    verified = _verified(reply)
    assert not verified.is_refusal
    assert [sentence.text for sentence in verified.sentences] == claims
    assert verified.text == reply


@pytest.mark.parametrize("text", ["the passages do not " * 2_000, "no information " * 5_000, "The articles " * 5_000])
def test_a_long_sentence_is_read_only_in_part(text: str) -> None:
    assert isinstance(is_refusal(text), bool)
