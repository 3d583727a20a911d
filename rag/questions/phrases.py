"""English phrases of requests: for an overview, the record, statements, an introduction, a list or a comparison.

The patterns match a whole question, without courtesies and final punctuation. They contain no unbounded repetition of
free text, so that matching takes linear time.
"""

from __future__ import annotations

import re

from index import lexicon

from .request import Category, Field

LONGEST = 200  # maximum length of a request, in characters; a longer question asks for a fact
LONGEST_OF_SEVERAL = 400  # maximum length of several questions in one, in characters
MOST_PARTS = 4
FEWEST_TERMS = 2  # in each of several questions
REFERS = re.compile(
    rf"\b(?:{'|'.join(lexicon.PRONOUNS)}|not|each|others?|so|both|else)\b\W*(?:\w+\W*)?$|\b(?:they|them|he|she"
    rf"|it|his|her|their)\b",
    re.IGNORECASE,
)

MISSPELT = {
    "whats": "what's", "wat": "what", "wats": "what's", "whos": "who's", "teh": "the", "abuot": "about", "abt": "about",
    "jist": "gist", "pls": "please", "plz": "please", "ur": "your", "summery": "summary", "sumary": "summary",
    "sumarize": "summarize", "summerize": "summarize", "artical": "article", "articel": "article", "wich": "which",
    "diffrence": "difference", "hows": "how's", "im": "i'm", "id": "i'd", "dont": "don't", "didnt": "didn't",
}  # fmt: skip
WORDS = re.compile(r"[a-z]{2,10}", re.IGNORECASE)
POLITE = re.compile(
    r"(?:(?:please|hi|hello|hey|ok|okay|so|well|now|and|also|first|second|then|but)\b[\s,!.]{0,3}){0,4}"
    r"(?:i (?:haven't|don't|have no|haven't got) [^,]{1,60}, )?"
    r"(?:(?:(?:can|could|would|will|may|might) (?:you|u|i|we) (?:please |kindly |quickly |briefly |mind "
    r"|happen to )?(?:ask|know)?"
    r"|i(?:'d| would) (?:like|love) (?:you )?(?:to (?:know|hear|see|get|read|have)?)?"
    r"|i want (?:you )?(?:to (?:know)?)?|i need (?:you to)?"
    r"|i(?:'m| am) (?:curious|wondering|interested in|looking for)(?: to know)?|i was wondering|let me know"
    r"|help me(?: to)?"
    r"|do you know|any idea|请问?|麻烦(?:您|你)?|帮我|能不能|能否|可以|你能|请你)[\s,]*)?(?:please |kindly )?"
    r"(?:(?:show|give|giving|get|provide|providing|write|bring) (?:me )?(?:with )?(?=\S)|(?:tell|telling) (?:me"
    r"|us) (?!about|more))?(?:please )?",
    re.IGNORECASE,
)
FINAL = re.compile(
    r"(?:[\s,]+(?:please|thanks|thank you|for me|briefly|quickly|roughly|overall|exactly|basically|then|in short"
    r"|in brief"
    r"|in a nutshell|in a few words|in (?:simple|plain|short) (?:terms|words|english)|like i'm (?:\w+|a child)"
    r"|to me|for dummies|in general"
    r"|(?:in )?(?:no more than|at most|under|max|about|around) [\w-]{1,10} words|again"
    r"|if possible)){0,3}[\s?？!！.。…,]*$",
    re.IGNORECASE,
)

_KIND_OF_TEXT = (
    r"(?:news )?(?:article|text|story|piece|report|document|doc|paper|post|page|file|transcript|interview|news|column"
    r"|source|upload|passage|content|blog)s?"
)
_THE_TEXT = (
    r"(?:this (?:one|(?:whole )?thing)|"
    rf"(?:this|that|the|these|those|my|all(?: of)?(?: the| these| my)?|your)(?: whole| entire| full| given| above)?"
    rf" {_KIND_OF_TEXT}"
    r"|this|it|that|these|everything|all of (?:it|them)|them)"
)
_SHORT = (
    r"(?:very |really )?(?:short|brief|quick|concise|general|high-level|simple|one-(?:sentence|line"
    r"|paragraph)|\w+-(?:sentence|line|word|point|bullet))"
)
_SUMMARY = (
    r"(?:summary|overview|gist|recap|rundown|outline|synopsis|digest|abstract|summarization|summarisation"
    r"|tl;?dr|bottom line|big picture|short version|essence)"
)
_CENTRAL = r"(?:key|main|central|major|core|principal|most important|important|essential|biggest|top|crucial)"
_POINTS = (
    r"(?:points?|take-?aways?|ideas?|messages?|arguments?|themes?|topics?|insights?|conclusions?|findings?"
    r"|facts?|things?"
    r"|statements?|subjects?|highlights?|news|claims?|lessons?)"
)
_COUNT = r"(?:\d{1,2}|two|three|four|five|six|seven|ten|few|couple of|some) "
_AS_POINTS = (
    r"(?:(?: in| as| with| using) (?:(?:\w+|\w+-\w+) ){0,3}(?:bullets?|bullet[- ]points?|points?"
    r"|sentences?|words?|lines?|a list|paragraphs?|detail|short|brief|nutshell|terms|english))?"
)
FORM = re.compile(_AS_POINTS, re.IGNORECASE)
_OF = r"(?:of|from|in|for|on|about|behind|to|by)"

OVERVIEW = [
    re.compile(pattern + rf"{_AS_POINTS}", re.IGNORECASE)
    for pattern in (
        r"(?:sum (?:it|this|that|them|all|everything) up|boil (?:it|this|that|them) down(?: to)?"
        r"|catch me up(?: on (?P<of>.{1,80}?))?"
        r"|bring me up to (?:speed|date)(?: on (?P<of2>.{1,80}?))?|what (?:should|can|do) (?:i"
        r"|we) take away(?: from (?P<of3>.{1,80}?))?"
        r"|(?:the )?short version(?: of (?P<of4>.{1,80}?))?|what happened in (?P<of5>.{1,80}?)"
        r"|bullet[- ]points?(?: summary)?(?: of (?P<of6>.{1,80}?))?)",
        r"(?:in a nutshell, )?what (?:is|does|did) (?:the (?:author|writer|reporter) (?:trying|want|wants"
        r"|try) to (?:tell|say)(?: us)?|it all about)",
        rf"what (?:topics?|subjects?|themes?|things) (?:do|does|are|is) (?P<of>{_THE_TEXT}) (?:cover|about"
        rf"|discuss|deal with|covering)",
        r"what(?:'s| is| are) (?:the )?(?:story|deal) with (?P<of>.{1,80}?)",
        rf"what (?P<of>{_THE_TEXT}) (?:is|are|was) (?:all |mainly )?(?:about|saying)",
        rf"what(?:'s| is| are) (?P<of>{_THE_TEXT}) (?:mainly |mostly |primarily )?(?:concerned with|dealing with"
        rf"|focused on)",
        r"(?:summari[sz]e|sum up|recap|outline|condense|abstract|digest|tl;?dr|brief me on"
        r"|give an overview of)(?:[:,]? (?P<of>.{1,80}?))?",
        rf"(?:what is |what's )?(?:an? |the |your )?(?:{_SHORT} )?{_SUMMARY}(?: (?:{_OF} )?(?P<of>.{{1,80}}?))?",
        rf"(?:what (?:are|is|were|was) |what're |list "
        rf"|name )?(?:all )?(?:the )?(?:{_COUNT})?{_CENTRAL} (?:{_COUNT})?{_POINTS}"
        rf"(?: (?:made|raised|discussed|covered|mentioned|presented))?(?: {_OF} (?P<of>.{{1,80}}?)| (?:here|there))?",
        rf"(?:what are |the )?(?:highlights|takeaways|take-aways|bullet points)(?: {_OF} (?P<of>.{{1,80}}?))?",
        rf"what(?:'s| is| are| was| were)? (?P<of>{_THE_TEXT}) (?:all |mainly |mostly |really |basically )?about",
        rf"what(?:'s| is| are)? (?:the )?(?:main |central |general )?(?:topic|subject|theme|story|point|news"
        rf"|message|idea|content|contents)(?: {_OF} (?P<of>.{{1,80}}?)| here)?",
        rf"what (?:does|do|did|is|are|was) (?P<of>{_THE_TEXT}) (?:say|tell(?: us)?|discuss(?:ing)?|cover(?:ing)?"
        rf"|talk(?:ing)? about|deal(?:ing)? with|describe|report(?:ing)?|contain|explain|focus on|mean"
        rf"|saying)(?: exactly)?",
        r"what(?:'s| is) (?:happening|going on|new)(?: here)?|what happened(?: here)?|in (?:short|a nutshell"
        r"|brief)|what(?:'s| is) it about",
        rf"what (?:should|do|must) i (?:know|need to know|learn|read)(?: (?:about|from) (?P<of>{_THE_TEXT}))?",
        rf"what can i learn (?:from|in) (?P<of>{_THE_TEXT})",
        rf"explain (?P<of>{_THE_TEXT})|describe (?P<of2>{_THE_TEXT})|walk me through (?P<of3>{_THE_TEXT})"
        rf"|tell me (?:more )?about (?P<of4>{_THE_TEXT})",
    )
]
NAMED_TEXT = re.compile(
    rf"(?:(?:the|that|this|an?|any) )?(?:{_KIND_OF_TEXT}) (?:about|on|called|titled|named|regarding"
    rf"|concerning) (?P<about>.{{1,80}})"
    rf"|(?:the )?(?P<before>.{{1,60}}) (?:article|story|report|piece)",
    re.IGNORECASE,
)
SCOPE = re.compile(
    rf" (?:in|from|of|by|across|within|behind|at) (?:(?:the|this|these|those|that|my|your|all(?: of)?(?: the"
    rf"| these)?) )?"
    rf"(?:[\w'-]{{1,30}} ){{0,4}}?{_KIND_OF_TEXT}(?: (?:about|on|of|regarding) .{{1,60}})?$"
    rf"|(?<= )(?:in|from|of) (?:this|it|that|them|these)(?: one)?$",
    re.IGNORECASE,
)
ANY_TEXT = re.compile(rf"(?:{_THE_TEXT}|(?:the )?{_KIND_OF_TEXT}|you have|here|there)", re.IGNORECASE)
OPINIONS = re.compile(
    r"(?:what|how) (?P<who>(?:the |all |all the |different |various |other )?(?:[\w-]{1,30} )?"
    r"(?:experts|analysts|people|critics|officials|researchers|scientists|residents|speakers|sources|politicians"
    r"|opponents"
    r"|supporters|economists|lawyers|observers|others|everyone|everybody|interviewees|voices))"
    r" (?:think|thinks|say|says|said|thought|believe|argue|feel|react(?:ed)?|expect|want)(?: (?:about|of"
    r"|on) (?P<topic>.{1,80}))?",
    re.IGNORECASE,
)

_METADATA_PATTERNS: tuple[tuple[Field, str], ...] = (
    (
        "titles",
        r"(?:what|which) (?:articles|documents|files|texts|sources|stories) (?:do you (?:have|know)"
        r"|are (?:there|available|indexed|loaded|in (?:here|the index)))|(?:list|show"
        r"|name)(?: me)?(?: all)?(?: the| my| your)? (?:articles|documents|files|titles)",
    ),
    (
        "count",
        r"how many (?:articles|documents|files|texts|sources|stories)(?: (?:are|do|have|did|can|is).{0,40})?"
        r"|(?:the )?number of (?:articles|documents|files)(?: .{0,30})?",
    ),
    (
        "newest",
        r"(?:what|which)(?: is|'s| was)? (?:the |your )?(?:(?:article|document|text|story"
        r"|report|one) is (?:the )?)?(?:newest|latest|most recent|last|oldest|earliest)(?: (?:article|document|text"
        r"|story|one|report|news story))?",
    ),
    (
        "title",
        rf"(?:what(?:'s| is| was) )?(?:the )?(?:title|headline|name)(?: {_OF} {_THE_TEXT}"
        rf"| of (?:the )?{_KIND_OF_TEXT})?|what is {_THE_TEXT} called|how is {_THE_TEXT} titled",
    ),
    (
        "author",
        rf"who (?:wrote|authored|penned|is the (?:author|writer|reporter|journalist)(?: (?:of|behind))?"
        rf"|are the authors of|published|reported) ?(?:{_THE_TEXT})?|(?:the )?(?:author|writer"
        rf"|byline)(?: of {_THE_TEXT})?|by whom (?:was|is) {_THE_TEXT} (?:written|published)",
    ),
    (
        "date",
        rf"when (?:was|were|is|did) {_THE_TEXT} (?:published|written|posted|released|printed|come out|appear"
        rf"|from|dated|updated)(?: .{{0,20}})?|(?:what(?:'s| is| was) )?(?:the )?(?:publication "
        rf"|publishing )?date(?: of (?:publication|{_THE_TEXT}))(?: of {_THE_TEXT})?|how old is {_THE_TEXT}"
        rf"|(?:from|on) (?:when|what date|which day) is {_THE_TEXT}|what(?:'s| is) the publication date",
    ),
    (
        "source",
        rf"(?:where (?:was|is|does|did) {_THE_TEXT} (?:published|from|come from|appear|printed|posted))"
        rf"|(?:which|what) (?:newspaper|outlet|publication|magazine|website|site|publisher|paper"
        rf"|source)(?: (?:is|was|published|did|does|printed|wrote) .{{0,40}})?"
        rf"|who is the publisher(?: of {_THE_TEXT})?|(?:what(?:'s| is) )?the source(?: of {_THE_TEXT})?",
    ),
    (
        "length",
        rf"how (?:long|big) is {_THE_TEXT}|how many words (?:does|do|has|are) .{{0,40}}|(?:the )?word count",
    ),
)
_MORE_METADATA: tuple[tuple[Field, str], ...] = (
    (
        "titles",
        r"(?:(?:list|all|the) ){0,3}(?:headlines|titles|names)(?: of (?:all )?(?:the )?(?:articles"
        r"|documents|files))?",
    ),
    ("titles", r"titles of all articles"),
    ("title", r"(?:what's |what is )?the (?:headline|title)"),
    ("author", r"(?:what(?:'s| is) )?(?:the )?(?:[\w']+ )?(?:author|writer|byline|reporter)"),
    ("author", r"(?:who(?:'s| is) )?the (?:journalist|reporter|author|writer|correspondent)(?: behind .{1,60})?"),
    ("author", rf"author of (?:the )?{_KIND_OF_TEXT}.{{0,60}}"),
    ("date", r"(?:the |what(?:'s| is) the )?(?:publication date|date of publication|date)"),
    ("date", rf"what date is {_THE_TEXT}(?: from)?"),
    (
        "date",
        rf"when (?:did|was|were) the {_KIND_OF_TEXT} (?:about|on) .{{1,60}} (?:come out|published|written"
        rf"|appear|posted)",
    ),
    ("source", r"(?:what(?:'s| is) |is there )?(?:the |a )?(?:source(?: and date)?|url|link)(?: (?:to|of) .{1,60})?"),
    ("newest", r"(?:what|which) (?:is|was|one is) (?:the )?(?:oldest|newest|latest)(?: of (?:the|these) \w+)?"),
    (
        "newest",
        r"(?:which|what) (?:of (?:the|these) )?\w+ (?:was|is|were) (?:published|written) (?:last"
        r"|most recently|first)",
    ),
)
_METADATA_PATTERNS = (*_METADATA_PATTERNS, *_MORE_METADATA)
METADATA = [(field, re.compile(pattern, re.IGNORECASE)) for field, pattern in _METADATA_PATTERNS]

_SAY = (
    r"(?:say|said|says|think|thinks|thought|believe|believes|argue|argues|claim|claims|warn|warns|suggest"
    r"|suggests|announce"
    r"|explain|tell|comment|mean|want|recommend|predict|expect|expects|write|wrote|note|add|state|feel|propose|promise"
    r"|complain|emphasi[sz]e|stress|mention|express|reply|respond|react|criticize|criticise|point out|hope|fear"
    r"|demand|ask"
    r"|talk|speak|describe|make|advise|urge|conclude|admit|deny|insist|remember|recall)"
)
_ON = r"(?:about|of|on|regarding|concerning|to|towards|that|for|with)"
_WHO = r"(?P<who>[^?]{1,60}?)"
_ABOUT_TOPIC = rf"(?: (?:to say |in the {_KIND_OF_TEXT} )?{_ON} (?P<topic>.{{1,100}})| (?:about|of|on|for))?"
SAID = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:any |some |all )?(?:quotes?|statements?|comments?|remarks?) (?:from|by) {_WHO}{_ABOUT_TOPIC}",
        rf"what (?:did|does|do|has|have|is|are) {_WHO} (?:stated?|saying|told?|tell|announced?"
        rf"|declared?)(?: (?:the )?[\w ]{{1,30}}?)?{_ABOUT_TOPIC}",
        rf"what {_WHO} (?:stated|announced|told \w+|declared){_ABOUT_TOPIC}",
        rf"according to {_WHO}, (?P<topic>.{{1,120}})",
        rf"{_WHO} (?:on|about) (?P<topic>.{{1,80}}), what (?:did|does|do) (?:he|she|they|it) (?:say|think)",
        rf"what (?:arguments?|points?|statements?|claims?|case) (?:did|does|do|has) {_WHO} (?:make|raise"
        rf"|put forward|present){_ABOUT_TOPIC}",
        rf"what (?:else )?(?:did|does|do|has|have|had|is|was) {_WHO} (?:had to |have to |has to |actually "
        rf"|really |exactly )?{_SAY}(?: exactly)?{_ABOUT_TOPIC}",
        rf"what {_WHO} (?:said|says|say|thinks|think|believes){_ABOUT_TOPIC}",
        rf"how (?:did|does|do|has|have) {_WHO} (?:react|respond|comment|feel|see|view|assess|judge"
        rf"|think){_ABOUT_TOPIC}",
        rf"did {_WHO} (?:say|mention|comment on|think) (?:anything|something)?{_ABOUT_TOPIC}",
        r"(?:(?:what(?:'s| is| are| was| were)|how (?:is|are)|summari[sz]e) )?(?P<who>[^?]{1,50}?)(?:'s|s') "
        r"(?:views?|opinions?|takes?|positions?|stances?|comments?|remarks?|statements?|responses?|reactions?"
        r"|predictions?"
        rf"|arguments?|thoughts?|quotes?|assessments?|perspectives?|warnings?|criticisms?|concerns?"
        rf"|point of view|words){_ABOUT_TOPIC}",
        r"(?:(?:what (?:is|are|was|were)|summari[sz]e) )?(?:all )?(?:the )?(?:views?|opinions?|takes?|positions?"
        r"|stances?|comments?|remarks?"
        rf"|statements?|reactions?|quotes?|quotations?|thoughts?|words) (?:of|from|by) {_WHO}{_ABOUT_TOPIC}",
        rf"(?:quote|cite) {_WHO}{_ABOUT_TOPIC}",
        rf"summari[sz]e what {_WHO} (?:said|says|say|thinks|think|believes){_ABOUT_TOPIC}",
    )
]
NOBODY = re.compile(
    rf"(?:{_THE_TEXT}|(?:the )?{_KIND_OF_TEXT}|you|u|i|we|one|it|they|he|she|who|this|that|there)", re.IGNORECASE
)
YOU = re.compile(r"(?:you|u|your|yours)", re.IGNORECASE)
MANY_SPEAKERS = re.compile(
    r"(?:the |all |all the |some |most |other |different )?(?:[\w-]{1,30} )?(?:experts|analysts|people|critics"
    r"|officials|researchers|scientists"
    r"|speakers|sources|politicians|observers|others|everyone|everybody|commentators|voices)",
    re.IGNORECASE,
)

_LISTED: dict[Category, str] = {
    "people": r"people|persons?|individuals|names|experts|speakers|analysts|officials|politicians|players"
    r"|characters|interviewees|men|women|figures of speech|protagonists|researchers|scientists",
    "organisations": r"compan(?:y|ies)|firms?|organi[sz]ations?|business(?:es)?|start-?ups?|institutions?"
    r"|agenc(?:y|ies)|corporations?|universit(?:y|ies)|schools|colleges|banks?|part(?:y|ies)|teams?|clubs?"
    r"|brands?|institutes?|newspapers|authorities|ministries",
    "places": r"places?|countr(?:y|ies)|cit(?:y|ies)|towns?|locations?|regions?|states|continents|villages"
    r"|provinces|districts",
    "numbers": r"numbers?|figures?|statistics|stats|percentages?|amounts?|prices|data points|quantities",
    "other": r"[a-z][\w-]{2,30}s",
}
_WHERE_LISTED = (
    r"(?: (?:that |who |which )?(?:(?:are|were|is|was|do|does|did|get|gets|have been) )?(?:all )?"
    r"(?:mentioned|took part|take part|show up|shows up|named|cited|quoted|listed|involved|discussed|referenced"
    r"|featured|included|there|come up"
    r"|comes up|appear|appears"
    rf"|occur|play a role|covered|given|speak|talk|referred to|interviewed))?(?: (?:in|by|of|from"
    rf"|to) (?:{_THE_TEXT}|(?:the )?{_KIND_OF_TEXT})| here| there)?"
)
_QUALITIES = r"(?P<what>(?:[\w'-]{1,30} ){0,4}?(?:%s))"
LIST = [
    (category, re.compile(pattern % (_QUALITIES % words), re.IGNORECASE))
    for category, words in _LISTED.items()
    for pattern in (
        rf"(?:list|name|enumerate|identify|show|(?:a |the )?(?:full |complete )?list of)(?: me)?(?: all| every"
        rf"| each| some)?(?: of)?(?: the| its| of the)? %s{_WHERE_LISTED}",
        rf"(?:which|what)(?: are| were)?(?: all)?(?: the)? %s(?: are| were| does| do| did| is)?{_WHERE_LISTED}",
        rf"(?:which|what) %s (?:does|do|did) {_THE_TEXT} (?:mention|cite|name|quote|list|give|contain|include|use)",
        *(
            ()
            if category == "other"
            else (
                rf"(?:(?:a "
                rf"|the )?list of )?(?:names of )?(?:all )?(?:the )?%s{_WHERE_LISTED}",
            )
        ),
    )
]
LIST_PEOPLE = re.compile(
    rf"who are the people(?: involved)?|who(?: all)? (?:is|are|was|were|gets)(?: all)? (?:mentioned|quoted|named"
    rf"|cited|involved|featured"
    rf"|interviewed|speaking){_WHERE_LISTED}"
    rf"|who are (?:all )?the people{_WHERE_LISTED}|who speaks{_WHERE_LISTED}|who appears{_WHERE_LISTED}",
    re.IGNORECASE,
)
NOT_LISTED = re.compile(
    r"(?:\w+ ){0,2}(?:times?|kinds?|sorts?|types?|percentage|number|is|was|does|this|series|news|years?|months?"
    r"|days?)\b",
    re.IGNORECASE,
)

_SIDE = r"[^?,]{1,60}?"
COMPARE = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"compare (?:the )?(?P<a>{_SIDE}) (?:and|with|to|against|versus|vs\.?) (?P<b>.{{1,60}})",
        rf"(?:a )?comparison (?:of|between) (?P<a>{_SIDE}) (?:and|with|to|versus|vs\.?) (?P<b>.{{1,60}})",
        rf"(?:what(?:'s| is| are| was| were) )?(?:the )?(?:main |key |major )?(?:differences?|similarit(?:y|ies)"
        rf"|distinctions?|gap) (?:between|of) (?P<a>{_SIDE}) (?:and|to|from) (?P<b>.{{1,60}})",
        rf"how (?:do|does|did|is|are|was|were) (?P<a>{_SIDE}) (?:and|different from|unlike|similar to"
        rf"|compared? (?:to|with)|differ from|compare (?:to|with)|better than"
        rf"|worse than) (?P<b>[^?]{{1,60}}?)(?: (?:differ|compare|different|similar|alike)(?: from each other)?)?",
        rf"(?P<a>{_SIDE}) (?:versus|vs\.?) (?P<b>.{{1,60}})",
        rf"(?:is|are|was|were) (?:the )?(?P<a>{_SIDE}) or (?:the )?(?P<b>{_SIDE}) (?:better|worse|faster|cheaper"
        rf"|bigger|larger|older|more [\w-]+|\w+er)",
        rf"(?:is|are|was|were) (?P<a>{_SIDE}) (?:better|worse|faster|cheaper|bigger|larger|smaller|older|safer"
        rf"|more [\w-]+|\w+er) than (?P<b>.{{1,60}})",
        r"(?P<a>[^?,\s]{1,30}(?: [^?,\s]{1,30})?) or (?P<b>[^?,\s]{1,30}(?: [^?,\s]{1,30})?)",
        rf"(?:contrast|compare) (?P<a>{_SIDE})(?: (?:and|with|to) (?P<b>.{{1,60}}))?",
        rf"what (?:do|does) (?P<a>{_SIDE}) and (?P<b>{_SIDE}) have in common.{{0,40}}",
        rf"(?:the )?(?:similarities and differences|differences and similarities"
        rf"|differences?) between (?P<a>{_SIDE}) and (?P<b>.{{1,60}})",
        r"how do (?P<a>the \w+ of (?:the )?two [\w ]{1,30}?)(?P<b>) (?:differ|compare)",
        rf"(?:which|who|what) (?:one )?(?:is|was|are|has|does|performs"
        rf"|did) .{{1,50}}?[,:-] (?P<a>{_SIDE}) or (?P<b>.{{1,60}})",
        rf"(?P<a>{_SIDE}) or (?P<b>{_SIDE})[,:-] (?:which|who|what) .{{1,50}}",
    )
]

_MEASURE = (
    r"(?:price|cost|number|amount|age|size|name|date|time|reason|cause|purpose|result|role|job|title"
    r"|population|status|difference|goal|aim|plan|outcome|effect|impact|problem|score|rate|length|height|capital"
    r"|answer|point|total|value|share|weight|address|deadline|budget)"
)
ABOUT = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"who(?:'s| is| was| are| were) (?P<what>[^?]{1,60})",
        rf"what(?:'s| is| was| are| were) (?:an? "
        rf"|the )?(?P<what>(?!{_MEASURE}\b)[^\s?]{{1,30}}(?: [^\s?]{{1,30}}){{0,3}})",
        r"(?:some )?(?:background|info|information|details|facts) (?:on|about) (?P<what>[^?]{1,60})",
        r"who (?:exactly |actually )?is (?:this |that )?(?P<what>[^?]{1,50}?)(?: person| guy| woman| man)?",
        r"what (?:kind|sort|type) of (?:company|firm|organi[sz]ation|thing|person|place"
        r"|animal) is (?P<what>[^?]{1,50})",
        r"i've never heard of (?P<what>[^,?]{1,50}), (?:what|who) (?:is|are) (?:it|he|she|they|that)",
        r"who (?P<what>[^?]{1,50}) is",
        r"what(?:'s| is| was) (?:known|said|written|reported|mentioned) (?:here )?(?:about|on|of) (?P<what>[^?]{1,80})",
        r"(?:tell me|talk|say something|something|anything|information|info|details|more|facts|all)(?: more"
        r"| everything| something)?(?: about| on) (?P<what>[^?]{1,80})",
        rf"what (?:do|does|can|did) (?:you|{_THE_TEXT}) (?:know|say|tell(?: me| us)?|have|report"
        rf"|mention)(?: about| on| of) (?P<what>[^?]{{1,80}})",
        r"(?:explain|define|describe|introduce)(?: to me)?(?: briefly)?(?: what"
        r"| who)? (?P<what>[^?]{1,60}?)(?: (?:is|are|was|were|means?))?",
        r"what (?:does|do) (?P<what>[^?]{1,40}?) (?:mean|stand for|refer to)",
        r"(?:what is meant by|the meaning of|meaning of|definition of|the definition of) (?P<what>[^?]{1,60})",
    )
]
PLACE_NAME = re.compile(r"(?:[A-Z][\w-]+ ){1,2}of (?:the )?[A-Z][\w-]+")  # "Strait of Malacca"
NO_THING = re.compile(
    r"\b(?:of|for|in|on|at|between|that|which|who|whose|to|from|with|by|about|than|doing|going|happening|called"
    r"|named|responsible"
    r"|behind|affected|expected|said|wrong|next|it|this|these|he|she|they|them|him|her|not|being|still|now|like|and)\b",
    re.IGNORECASE,
)
REASON = re.compile(
    r"(?:and |but )?(?:(?:could you |can you )?(?:explain |tell me |say )?why\b|(?:the )?reasons? (?:for|behind"
    r"|why|of)\b|what(?:'s| is) behind\b|how come\b|for (?:what|which) reasons?\b|what (?:caused|causes|led to"
    r"|is causing"
    r"|made|explains|triggered|prompted)\b"
    r"|what(?:'s| is| are| was| were) (?:the )?(?:main |key )?(?:reasons?|causes?|motives?|explanations?)\b"
    r"|how (?!many|much|long|old|often|far|tall|big|large|fast|high|deep|wide|heavy|soon|did .{1,40} (?:say|feel))\w+)",
    re.IGNORECASE,
)

_QUESTION_WORD = r"(?:who|what|where|when|why|which|how|whose|is|are|was|were|does|do|did|can|could|will|has|have)"
PARTS = re.compile(
    rf"(?<=[?？])\s+(?=\S)|,? and (?:also )?(?={_QUESTION_WORD} \w)|; (?={_QUESTION_WORD} )", re.IGNORECASE
)
ASKS = re.compile(
    rf"(?:(?:and|also|but|first|second|then|please)[, ]+){{0,2}}(?:(?:give|tell|show) me |summari[sz]e |compare "
    rf"|list |explain )"
    rf"|(?:and |also |but )?(?:(?:in|at|on|for|by|to|with|from) )?{_QUESTION_WORD}\b",
    re.IGNORECASE,
)

MORE = re.compile(
    r"(?:tell me |say |show me |give me |i want (?:to know )?|know |read )?(?:some |a bit "
    r"|a little )?more(?: details?| info(?:rmation)?| about (?:it|this|that|them)| please)?"
    r"|(?:please )?(?:go on|continue|carry on|keep going|elaborate|expand)(?: on (?:it|this|that))?"
    r"|(?:and )?(?:anything|what) else\??|and then|还有(?:吗|什么|呢)?|继续|更多|详细(?:说|讲)(?:说|讲|一下)?",
    re.IGNORECASE,
)
WHO_SAID = re.compile(
    r"(?:and )?(?:who|which (?:person|expert)) (?:said|says|told|claimed|thinks|is quoted"
    r"|is saying) (?:that|this|it|so)|(?:这|那)(?:话|句)?是谁说的?|谁说的",
    re.IGNORECASE,
)
