"""Recognise sentences in which an LLM says that the articles do not answer the question, in seven languages. Pure.

Only statements about the articles or the search count: "The articles do not say why." is a refusal, "Officials did not
say why." is a claim about the world.
"""

from __future__ import annotations

import re

from ..answer import NOT_FOUND

__all__ = ["is_explanation", "is_not_found", "is_offer", "is_refusal", "without_setting"]

_LONGEST = 500  # number of characters of a sentence that are read
_QUOTES = "\"'“”‘’«»「」『』"
_AROUND = _QUOTES + "*_`#>-–—•()[]{}（） \t\n"

_ADJECTIVE = (
    r"(?:provided|given|available|above|supplied|retrieved|cited|listed|following|numbered|news|input|relevant|source"
    r"|two|three|four|five|six|same|existing|current|shared|attached|indexed|selected|text|numbered) "
)
_PASSAGES = (
    rf"(?:(?:the|these|those|this|your|my|both|all|any|of) ){{0,3}}(?:{_ADJECTIVE}){{0,3}}"
    r"(?:articles?|passages?|excerpts?|extracts?|snippets?|texts?|context|sources|documents|materials?)"
    r"(?:,? (?:that |which )?(?:(?:you|i|we) )?(?:(?:have|has|am|are|is|was|were|been|[’']ve) ){0,3}"
    r"(?:provided|given|shared|supplied|available|above|seen|at hand|in question|retrieved|here))?(?: to (?:me"
    r"|us))?,?"
)
_INFORMATION = (
    rf"(?:the |this |that )?(?:(?:{_ADJECTIVE}){{1,2}}information|information (?:provided|given|available|supplied))"
)
_SUBJECT = rf"(?:{_PASSAGES}|{_INFORMATION})"
_ADVERB = (
    r"(?:actually|explicitly|directly|specifically|clearly|really|fully|exactly|precisely|otherwise|further|also|ever"
    r"|seem to|appear to|in fact|at all|themselves|itself|even) "
)
_SAY = (
    r"(?:say|state|mention|contain|provide|specify|include|indicate|discuss|address|give|answer|tell|name"
    r"|explain|reveal"
    r"|cover|describe|offer|disclose|report|identify|clarify|detail|list|refer|have|make|present|shed|confirm"
    r"|note|show"
    r"|touch|speak|go into|elaborate|supply|support|allow|define|deal|talk|record|establish|quote|cite|mentioned"
    r"|suggest)"
)
_SAID = (
    r"(?:mentioned|stated|specified|provided|discussed|given|covered|addressed|included|found|available|answered"
    r"|clear"
    r"|described|explained|contained|identified|determined|named|listed|reported|possible|known|indicated|said"
    r"|detailed"
    r"|present|told|in|part of|evident|established|inferred|derived|confirmed)"
)
_NOT = r"(?: not|n[’']t)"
_NOUN = (
    r"(?:information|mention|details?|references?|answers?|data|statements?|specifics|indications?|evidence|content"
    r"|facts)"
)
_WHERE = (
    rf"(?:in|from|by|on|within|with|anywhere in|based on|given|using|according to|among|across"
    rf"|throughout) {_PASSAGES}"
)

_ENGLISH = (
    # "The sources did not say" and "The documents do not prove" are about the world.
    rf"(?!the (?:sources|documents|materials) (?:did\b|(?:do{_NOT}) (?:show|support|suggest|establish|confirm"
    rf"|prove)))"
    rf"{_SUBJECT} (?:(?:do|does|did|would|could|can){_NOT}|cannot|can[’']t) (?:{_ADVERB}){{0,2}}{_SAY}\b",
    rf"{_SUBJECT} (?:{_ADVERB})?(?:contain|provide|offer|give|include|have|make|say|has)s? (?:no|nothing|little"
    rf"|neither)\b",
    rf"{_SUBJECT} (?:{_ADVERB})?(?:(?:is|are) silent|lacks?\b|fails? to|never {_SAY}s?|stops? short"
    rf"|leaves? (?:this|that|it) )",
    rf"{_SUBJECT} (?:is|are)(?:{_NOT}) (?:clear|specific|explicit|sufficient|enough|relevant|about (?:this|that))",
    rf"{_SUBJECT} (?:is|are) (?:insufficient|unclear|irrelevant|unrelated)",
    rf"(?:none|neither) of {_PASSAGES} (?:{_ADVERB})?{_SAY}(?:e?s)?\b",
    rf"no (?:{_ADJECTIVE})?(?:articles?|passages?|excerpts?|documents?|sources?) (?:{_ADVERB})?{_SAY}(?:e?s)?\b",
    rf"nothing {_WHERE}",
    rf"(?:i|we) (?:(?:could|can|do|did|was|were|am|are|have|[’']m){_NOT}|cannot|can[’']t|[’']m not|am not"
    rf"|have not) (?:been )?"
    rf"(?:able to )?(?:{_ADVERB})?(?:find|found|locate|see|determine|answer|tell|say|provide|identify|confirm"
    rf"|have|know|give"
    r"|verify|establish|sure|certain)\b",
    r"i(?: a|[’'])m (?:sorry, (?:but )?i )?(?:unable to|not able to)",
    rf"(?:i|we) (?:found|have|see|find) (?:no|nothing|insufficient)\b(?: \w+){{0,2}} ?{_NOUN}?",
    r"(?:i|we) (?:was|were) unable to (?:find|locate|determine|answer|identify)",
    r"there(?:[’']s| is| are| was| were| seems to be| appears to be)(?:n[’']t| not)? (?:no|nothing|any|enough"
    r"|insufficient|sufficient)"
    r"(?: (?:specific|relevant|clear|explicit|direct|further|such|other|more|additional)){0,2}"
    r" (?:information|mention|details?|references?|answers?)(?=[.!]*$| (?:about|on|of|regarding|concerning|as to"
    r"|in|to answer"
    r"|available|provided|given|here|for|that)\b)(?!.*\b(?:said|says|told|yet|so far)\b)",
    rf"there (?:is|are|was|were)(?:n[’']t| not)? (?:no|nothing|any|enough)\b(?: \w+){{0,12}} {_WHERE}",
    rf"(?:no|not enough|insufficient)(?: \w+){{0,2}} {_NOUN}(?: \w+){{0,8}}? (?:is|are|was|were) "
    r"(?:provided|given|found|available|made|mentioned|included)(?: \w+){0,6} ?(?:[.!]|" + _WHERE + ")",
    r"(?:no|not enough|insufficient)(?: (?:relevant|specific|sufficient|such|matching))? (?:information|answer"
    r"|details?|data)"
    r"(?: (?:was |is )?(?:found|available|provided|to answer\b.*|to say\b.*|on (?:this|that)|about (?:this"
    r"|that)))?[.!]*$",
    rf"(?:it|this|that) (?:is|was){_NOT} (?:{_ADVERB})?(?:possible|stated|mentioned|specified|clear|known|said"
    rf"|given)\b.*{_WHERE}",
    rf"(?:it|this|that) (?:is|was) (?:unclear|unknown|impossible|not possible|unspecified|unstated)\b.*{_WHERE}",
    rf"{_WHERE},? \b.*\b(?:(?:not|n[’']t) {_SAID}|cannot be|can[’']t be|unclear|unknown|impossible"
    r"|unable|insufficient)\b",
    rf"(?:it (?:is|was){_NOT} possible|it (?:is|was) impossible) to (?:answer|determine|say|tell)\b",
    rf"(?:\S+ ){{1,14}}(?:(?:is|are|was|were)(?:{_NOT})|cannot be|can[’']t be"
    rf"|could{_NOT} be) (?:{_ADVERB}){{0,2}}{_SAID}\b.*"
    rf"(?:{_WHERE}|in {_INFORMATION}|from {_INFORMATION})",
    rf"(?:the|this|that|your) (?:answer|question|information|detail)s?(?: (?:to|about|on|you)(?: \S+){{1,6}}?)? "
    rf"(?:(?:is|are)(?:{_NOT})|cannot be|can[’']t be|could{_NOT} be) {_SAID}\b",
    r"(?:not (?:stated|mentioned|specified|given|provided|found|answered|available|known|in the (?:articles?"
    r"|passages?))"
    r"|unknown|unanswerable|no answer|n/a)(?: (?:in|by|from) .*)?[.!]*$",
    r"the (?:articles?|passages?|texts?|context|sources|documents) (?:do|does)(?: not|n[’']t)[.!]*$",
)
_CHINESE_PASSAGES = (
    r"(?:文章|段落|资料|資料|材料|文本|原文|文中|上下文|来源|來源|文档|文獻|文献|内容|內容|信息|资讯|报道|報道|片段)"
)
_CHINESE = (
    rf"(?:在|从|從|根据|根據|依据|基于|就)?(?:我)?(?:所|您|你)?(?:提供|给出|給出|给定|上述|以上|这些|這些|这|現有|现有|已有|相关|相關"
    rf"|检索到|有|几|篇|段|的|各|该|本|此|所有|全部){{0,5}}{_CHINESE_PASSAGES}(?:里|中|内|裡|来看|都|也|均|并|並|[，,]|本身|当中|之中){{0,4}}"
    r"(?:没有|沒有|未|并未|並未|没|不|无法|無法|未能|均未|不能|并无|並無|无|無|没法|未曾)"
    r"(?:任何|明确|明確|具体|具體|直接|详细|足够|足夠|相关|相關|有|能|法|被|给|的|对|從|从|关于|包|透){0,4}"
    r"(?:说|說|提|包含|涉及|指出|给出|給出|回答|讲|講|记载|記載|透露|交代|介绍|介紹|显示|顯示|描述|找|得知|确定|確定|解答|谈|談|有关|有關"
    r"|信息|資訊|内容|内容|判断|判斷|列出|含|露|足以|答案|解释|解釋|看出)",
    r"(?:我|我们|我們)?(?:无法|無法|不能|没法|未能|没有|沒有)(?:从|從|根据|根據|在|依据).{0,20}?(?:回答|找到|确定|確定|得知|判断|判斷|提供答案)",
    r"(?:没有|沒有|无|無|未)(?:找到|发现|發現|提及|提到|说明|說明|足够的?|足夠的?)?(?:任何|相关|相關|有关|有關|这方面|的){0,3}"
    r"(?:信息|資訊|内容|內容|资料|資料|答案|说明|說明|提及|提到)[。.！!]*$",
    r"(?:未提及|未提到|未说明|未知|不详|不詳|没有说明|没有提到|没有提及)[。.！!]*$",
)
_OTHERS = (
    # Spanish
    r"(?:(?:en|de|según) )?(?:(?:los|las|el|la|estos|estas|este|esta|ningun[oa] de l[oa]s|ningún) )?"
    r"(?:artículos?|pasajes?|textos?|fragmentos?|documentos|fuentes|extractos?|información|contexto)"
    r"(?: (?:proporcionad|facilitad|dad|citad|ofrecid|suministrad|recuperad)[oa]s?| disponibles?)?,? (?:no|nada"
    r"|tampoco)? ?(?:se )?"
    r"(?:lo |me )?(?:dicen?|menciona|indica|contiene|proporciona|especifica|ofrece|explica|incluye|aclara"
    r"|responde|señala"
    r"|habla|hace mención|detalla|da|precisa|encuentra|permite|hay|puedo|es posible|informa)",
    r"no (?:hay|existe|dispongo de|tengo|se (?:proporciona|ofrece|encontró|encuentra)) (?:ninguna? |suficiente "
    r"|ningún )?"
    r"(?:información|mención|datos|detalles|referencia|respuesta)",
    r"no (?:encontré|he encontrado|pude encontrar|he podido encontrar|puedo (?:responder|encontrar|determinar"
    r"|decir)|lo sé|sé)\b",
    r"no (?:es posible|se puede) (?:determinar|saber|decir|responder)",
    r"no se (?:menciona|indica|especifica|dice|explica|aclara|precisa)\b.*\b(?:artículos?|pasajes?|textos?"
    r"|fragmentos?|documentos|fuentes)",
    # French
    r"(?:(?:dans|selon|d[’']après) )?(?:(?:les|ces|le|ce|cet|aucun (?:des|de ces)|aucun) )?"
    r"(?:articles?|passages?|textes?|extraits?|documents|sources|informations|contexte)"
    r"(?: (?:fourni|donné|cité|proposé)e?s?| disponibles?| à ma disposition)?,? (?:ne |n[’'])(?:\S+ ){0,2}?"
    r"(?:disent|dit|mentionne|contien|précise|fourni|indique|parle|donne|évoque|explique|répond|permet|comporte"
    r"|abord|est|y a)",
    r"(?:dans|selon|d[’']après) (?:les|ces|le|ce|cet|l[’'])\b.*?(?:articles?|passages?|textes?|extraits?"
    r"|documents)\b.*\b(?:ne|aucune?)\b",
    r"je (?:ne|n[’']) ?(?:\S+ ){0,2}?(?:trouv|peux|sais|dispose|pu|suis pas en mesure)",
    r"il n[’']y a (?:pas|aucune?|rien)(?: \S+){0,2}? ?(?:d[’']|de )?(?:information|mention|détail|réponse"
    r"|indication|précision)",
    r"(?:il (?:n[’']est|est) (?:pas possible|impossible)) de (?:dire|déterminer|savoir|répondre)",
    r"aucune? (?:information|mention|détail|réponse|indication|précision)",
    # German
    r"(?:in|aus|laut|nach|auf grundlage) (?:den|diesen|dem|diesem|der)(?: \S+en?)? (?:artikeln?|passagen|texten?"
    r"|abschnitten|auszügen"
    r"|dokumenten|quellen|informationen|textstellen|kontext)\b.*\b(?:nicht|nichts|keine?n?|weder)\b",
    r"(?:(?:die|diese|der|dieser|das|keiner der|keine der|kein)(?: (?:\w+(?:en|e)))? )"
    r"(?:artikeln?|passagen?|texte?n?|abschnitte|auszüge|dokumente|quellen|informationen|textstellen|kontext)\b"
    r"(?: (?:sagt|sagen|erwähn\w+|enth[aä]lt\w*|geb\w+|gibt|nenn\w+|beantwort\w+|mach\w+|liefer\w+|geh\w+"
    r"|beschreib\w+|biet\w+"
    r"|erklär\w+|äußer\w+|verrat\w+|reich\w+)\b)(?:.*\b(?:nicht|nichts|kein\w*)\b|)",
    r"(?:dazu |darüber |leider )?(?:(?:konnte|kann|weiß|habe|finde) ich|ich (?:konnte|kann|weiß|habe|finde))\b.*"
    r"\b(?:nicht|nichts|keine?n?)\b",
    r"(?:es gibt|es liegen|es finden sich|dazu gibt es) (?:dazu |darüber )?keine (?:informationen?|angaben?"
    r"|hinweise|erwähnung|details|antwort)",
    r"es (?:ist|lässt sich) (?:anhand .* |daraus )?nicht (?:möglich|sagen|bestimmen|feststellen|beantworten"
    r"|ersichtlich)",
    r"(?:keine (?:angaben?|informationen?|antwort)|nicht (?:angegeben|erwähnt))\b",
    r"(?:die|diese|ihre) frage (?:kann|lässt sich)\b.*\bnicht\b",
    r"(?:enthalten|erwähnen|sagen|nennen|geben|beantworten|machen|liefern|enthält|erwähnt|sagt) (?:die|diese|der"
    r"|das)\b"
    r".*\b(?:nicht|nichts|keine?n?)\b",
    # Portuguese
    r"(?:(?:n?[oa]s|n?[oa]|estes|esses|nenhum(?:a)? d[oa]s) )(?:artigos?|trechos?|textos?|documentos|passagens"
    r"|passagem|fontes"
    r"|informações|contexto)(?: (?:fornecid|dad|apresentad|disponibilizad|citad)[oa]s?| disponíve(?:l"
    r"|is))?,? (?:não )?(?:se )?"
    r"(?:diz|dizem|menciona|contém|contêm|informa|especifica|fornece|indica|explica|há|responde|traz|oferece"
    r"|esclarece|aborda|é)",
    r"não (?:há|existe|existem|tenho|encontrei|consegui encontrar|foi encontrad[oa]"
    r"|foram encontradas) (?:nenhuma? |qualquer |suficientes )?"
    r"(?:informaç\w+|menção|detalhes|dados|referência|resposta|nos? )",
    r"não (?:encontrei|foi possível|é possível|posso|consigo|consegui|sei)\b",
    # Italian
    r"(?:(?:negli|nei|nelle|nel|nella|secondo) )?(?:(?:gli|i|le|il|la|questi|queste|nessuno degli|nessuno dei) ?)?"
    r"(?:articol[oi]|passagg[io]+|test[oi]|bran[oi]|document[oi]|fonti|estratt[oi]|informazioni|contesto)"
    r"(?: (?:fornit|dat|disponibil|citat|propost)[oiae])?,? non (?:si |lo |ne |vi )?(?:dic|menzion|conten|fornis"
    r"|specific|indic|spieg"
    r"|riport|parl|offr|rispond|chiaris|è|sono|ci|c[’']è|viene|precis|trov)",
    r"nessun[oa]? (?:degli |dei |delle )?(?:articol[oi]|passagg[io]+|testi?o?|brano|brani|fonti|informazione)\b",
    r"non (?:ho trovato|posso|riesco|sono (?:riuscito|in grado)|so\b|è possibile (?:dire|determinare|stabilire"
    r"|rispondere|sapere))",
    # "El precio no se menciona en los artículos", and the same in French, German, Portuguese and Italian
    r".{1,100}\b(?:no|non|não|n[’'](?:est|y|a|ont)|ne|nicht|keine?|nichts)\b.{0,60}?\b(?:en (?:los|el|las|estos)"
    r"|dans (?:les|ces|le)|in (?:den|diesen)"
    r"|n[oa]s|nestes|negli|nei|nel|in questi|nelle)(?: \S+)? (?:artículos?|textos?|pasajes|fragmentos|documentos"
    r"|articles?|passages?|textes?|extraits"
    r"|artikeln|texten|passagen|auszügen|artigos?|trechos|passagens|articol[oi]|passagg[io]+|test[oi]|brani)\b",
    r".{1,100}\b(?:wird|werden|ist|sind|geht|steht)\b.{0,20}\b(?:in|aus) (?:den|diesen)(?: \S+)? (?:artikeln"
    r"|texten|passagen|auszügen)\b.{0,20}"
    r"\b(?:nicht|nichts|keine?n?)\b",
    r"non (?:ci sono|vi sono|c[’']è|è presente) (?:alcuna |nessuna |abbastanza |sufficienti )?(?:informazion"
    r"|menzion|dettagli|rispost|riferiment)",
)
_REFUSAL = tuple(re.compile("|".join(patterns), re.IGNORECASE) for patterns in (_ENGLISH, _CHINESE, _OTHERS))

_OPENING = re.compile(
    r"(?:(?:(?:unfortunately|regrettably|sadly|sorry|however|therefore|thus|hence|so|as such|as a result"
    r"|consequently|but"
    r"|and|i(?:[’']m| am)(?: very| so)? (?:sorry|afraid)(?: that)?|i apologi[sz]e|apologies|my apologies"
    r"|to be clear|no(?=,)"
    r"|(?:please )?note that|note(?=:)"
    r"|it (?:seems|appears|looks like)(?: that)?|that said|still|overall|in short|at this time"
    r"|lo siento|lamentablemente|desafortunadamente|perdón|sin embargo|(?:je suis )?désolée?|malheureusement"
    r"|cependant"
    r"|leider|(?:es )?tut mir leid|entschuldigung|jedoch|desculpe|lamento|sinto muito|infelizmente|porém|no entanto"
    r"|mi dispiace|purtroppo|spiacente|tuttavia)\b"
    r"|(?:很|非常)?抱歉|对不起|對不起|不好意思|很遗憾|遗憾的是|但是?|不过|然而|因此|所以)"
    r"[ ,;:.!，。：]{0,3}(?:(?:but|pero|mais|aber|mas|ma|dass|that|que)\b[ ,]{0,2}|但[，]?)?){1,3}",
    re.IGNORECASE,
)
_SETTING = re.compile(
    rf"(?:based on|according to|from|given|in|within|using|looking at|having read) (?:{_PASSAGES}"
    rf"|{_INFORMATION})(?: alone| only)?,? ?",
    re.IGNORECASE,
)
_EXPLANATION = re.compile(
    rf"(?:instead, |rather, |in fact, )?(?:{_SUBJECT}|they|it) (?:(?:only|mainly|primarily|mostly|just|merely"
    rf"|all|generally|instead) ){{0,2}}"
    r"(?:(?:is|are) (?:(?:only|mainly|mostly|all|primarily) )?(?:about|on|concerned with|focused on|limited to"
    r"|related to)"
    r"|(?:discuss|focus|cover|describe|deal|talk|concern|mention|address|relate|refer|provide|contain"
    r"|give)(?:e?s)?\b(?!.{0,40}\bthat\b))"
    r"|(?:if you|please|let me know|would you|you (?:may|might|could|can|should)|feel free|i (?:can|could|would"
    r"|recommend|suggest)"
    r"|is there|for (?:more|this|that|further)|to answer|more (?:information|context)|additional|do you|try "
    r"|consult|perhaps you)\b"
    r"|(?:如果|请|請|如需|您可以|你可以|建议|建議)|(?:这些|這些|上述|提供的|所提供的)?(?:文章|段落|资料|内容)(?:主要|只|仅|僅|都是|讨论|讲述|介绍|涉及)"
    r"|(?:si (?:puede|quiere|tiene|lo desea|necesita|vous)|por favor|s[’']il vous|n[’']hésitez|wenn sie"
    r"|falls sie|bitte|se (?:você|puder|vuoi|desidera)"
    r"|per favore|puede |puedes |vous pouvez|sie können)\b"
    r"|(?:los|las|les|die|os|as|gli|i) (?:artículos|pasajes|textos|fragmentos|articles|passages|extraits|artikel"
    r"|passagen|texte|artigos|trechos"
    r"|articoli|passaggi|testi)(?: \w+)? (?:solo|se centran|tratan|hablan|parlent|traitent|portent"
    r"|ne parlent que|behandeln|handeln|befassen"
    r"|drehen|tratam|falam|parlano|trattano|riguardano)",
    re.IGNORECASE,
)

_OFFER = re.compile(
    r"(?:please )?(?:let me know|feel free|(?:i )?hope (?:this|that) helps|would you like me|is there anything else"
    r"|if you (?:have (?:any|more|other|further) |need (?:any|more|further) |would like |[’']d like "
    r"|can (?:share|provide) "
    r"|share |provide )|i can (?:help|only (?:answer|help)) "
    r"|如果您(?:需要|有|想)|如需|希望这)",
    re.IGNORECASE,
)


def is_not_found(sentence: str) -> bool:
    """Return whether a sentence is the line `NOT_FOUND`, whatever the quotation marks and punctuation around it."""
    return " ".join(sentence.strip(f"{_AROUND}.!。：:").lower().split()) == NOT_FOUND.rstrip(".").lower()


def is_refusal(sentence: str) -> bool:
    """Return whether a sentence says that the articles do not answer the question; see the module's docstring.

    The sentence may be in English, Chinese, Spanish, French, German, Portuguese or Italian.
    """
    bare = _bare(sentence)
    if bare is None:
        return False
    if is_not_found(bare) or (bare != sentence and not any(map(str.isalnum, bare))):
        return is_not_found(bare)
    starts = {bare, _SETTING.sub("", bare, count=1) if _SETTING.match(bare) else bare}
    return any(pattern.match(start) for start in starts for pattern in _REFUSAL)


def is_offer(sentence: str) -> bool:
    """Return whether a sentence only offers the user more help."""
    bare = _bare(sentence)
    return bare is not None and _OFFER.match(bare) is not None


def is_explanation(sentence: str) -> bool:
    """Return whether a sentence only says what the articles are about, apologises or offers help."""
    bare = _bare(sentence)
    return bare is not None and (not any(map(str.isalnum, bare)) or _EXPLANATION.match(bare) is not None)


def _bare(sentence: str) -> str | None:
    """Return the beginning of a sentence without quotation marks and words such as "Sorry, but"; None for a quotation
    of someone ("“I could not find it,” she said.")."""
    text = " ".join(sentence[:_LONGEST].split()).strip(_AROUND)
    inside = sentence.strip("*_`#>- \t\n")[:1] in _QUOTES and not sentence.rstrip("*_`.!。 \t\n").endswith(
        tuple(_QUOTES)
    )
    if inside:
        return None
    return _OPENING.sub("", text, count=1).strip(_AROUND) if _OPENING.match(text) else text


def without_setting(sentence: str) -> str:
    """Return a sentence without words such as "Based on the provided passages," at its beginning."""
    match = _SETTING.match(sentence[:_LONGEST])
    return sentence[match.end() :] if match and match[0].rstrip().endswith(",") else sentence
