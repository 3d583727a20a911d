"""The abbreviations of twelve European languages, and the words that begin their sentences. Pure data.

An abbreviation is written as in the middle of a sentence, without its last full stop, and is also found with a capital
letter; a space inside ("z. B.") is left out.
"""

from __future__ import annotations

from dataclasses import dataclass


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


OFTEN_LAST = _words("a.m p.m J.-C s.-c a.C d.C n.l n.e e.Kr f.Kr N.V B.V S.A S.L S.p.A S.r.l z.o.o s.r.o")
"""Abbreviations with stops inside that end a sentence before any capital letter, as words without stops do."""

CARDINALS = _words(
    """abschnitt absatz artikel band exakt fast gegen genau insgesamt kapitel knapp level mindestens nummer nur
    paragraf paragraph platz punkt rang rund seite stufe teil ziffer zone §"""
)
"""German words after which a number is not an ordinal ("Kapitel 3.")."""

BEFORE_ORDINALS = _words(
    """ab am an auf beim bis das dem den der des die ein eine einen einer eines im ins ihr ihre jeder jedes nach seit
    sein seine und vom von vor zum zur de det dne do i na od på v ve za"""
)
"""Words that precede an ordinal number in languages with `has_ordinals`, and not at the end of a line before a
list."""

_NEVER_LAST = "dr prof St Mr Mrs Ms Rev Hon Lt Capt vs cf"
_BEFORE_NUMBERS = "art fig vol p pp nr cap"
_OTHERS = "Inc Corp Ltd Co Bros Jr"


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a language.

    `never_last` are abbreviations that do not end a sentence, such as "Dr." and "e.g."; `before_numbers` do not end it
    if a number follows ("p. 12"); `others` do not end it unless one of `openers` follows: words that begin sentences,
    and with a capital letter do not occur inside ("He", "The"). `has_ordinals`: "3." is a number such as "3rd", with
    `has_capital_nouns` also before any noun. `has_apostrophe_words`: a sentence may begin with a word such as "'s".
    `has_lower_case_sentences`: a sentence may begin with a lower-case name; otherwise, a lower-case word shows that the
    word before it is an abbreviation, in whatever table it is missing.
    """

    never_last: frozenset[str]
    before_numbers: frozenset[str]
    others: frozenset[str]
    openers: frozenset[str]
    has_ordinals: bool = False
    has_capital_nouns: bool = False
    has_apostrophe_words: bool = False
    has_lower_case_sentences: bool = False


def _rules(never_last: str, before_numbers: str, others: str, openers: str, **flags: bool) -> Rules:
    return Rules(
        never_last=_words(f"{_NEVER_LAST} {never_last}"),
        before_numbers=_words(f"{_BEFORE_NUMBERS} {before_numbers}"),
        others=_words(f"{_OTHERS} {others}"),
        openers=frozenset(word[0].upper() + word[1:] for word in _words(openers)),
        **flags,
    )


_GERMAN = _rules(
    """bzw d.h z.B z.T z.Zt i.d.R i.e i.A i.d vgl s.o s.u Hr Fr Frl Hrn Dipl Ing Mag med jur phil rer nat habil theol
    h.c Fa Hl hl sog ggf evtl inkl exkl einschl ausschl zzgl abzgl ca max min mind insb insbes bes gem lt rd geb verh
    verw gen bspw u.U u.E m.E Abt Tel Red Hrsg hrsg
    Verf Univ Präs Gf Vors Stv stellv amtl öff ehem dt engl frz ital lat griech o.g""",
    "Nr Nrn S Abs Abschn Art Bd Bde Kap Abb Tab Ziff Ziffer Rn Rdnr Rz Anm Fn Str Tz Aufl Jg Sp H i.V.m V.m i.S.d Pos",
    """Mio Mrd Mill Tsd Std Sek Jh Jhd Jhdt Chr v.Chr n.Chr u.a u.ä o.ä ff f e.V V m.b.H Hbf Str str
    Bhf a.D Mo Di Mi Do Sa Jan Feb Febr Apr Aug Sept Okt Nov Dez""",
    """der die das ein eine einer eines er sie es wir ihr ich du man dies diese dieser dieses dort da dann danach dabei
    dadurch daher damit dazu doch aber auch außerdem allerdings alle als am an auf aus bei bis denn derzeit durch
    für gegen heute hier im in inzwischen ist jetzt jedoch jeder kein keine laut mit nach nachdem neben nicht noch nun
    nur ob obwohl oder ohne schon sein seine seit seitdem so sobald solche sollte sowie statt später trotz trotzdem
    und um unter viele vom von vor warum was weil weitere welche wenn wer wie wo während wegen zu zuerst zudem zuletzt
    zum zunächst zur zwar zwischen über niemand jemand dem den des insgesamt sogar""",
    has_ordinals=True,
    has_capital_nouns=True,
)
_FRENCH = _rules(
    """M MM Mme Mmes Mlle Mlles Me Mes Mgr Pr Vve Ste c.-à-d c.à.d p.ex ex env éd coll trad dir resp univ hab boul
    bd tél max min approx av apr mr""",
    "n no num chap t tab pl par § al ann livr vol vv",
    "pers sc janv févr avr juil sept oct nov déc sq sqq",
    """le la les l un une des il elle ils elles on nous vous je tu ce cet cette ces c cela ceci son sa ses leur leurs
    notre nos mon ma mes qui que quand quoi où comment pourquoi mais et ou or donc car ni puis ensuite enfin ainsi
    alors aussi après avant avec chez comme contre dans de depuis dès du d en entre par parmi pendant peut-être peu
    plus plusieurs pour quant quelques sans selon si sous sur tandis toutefois tous tout toute toutes très trop
    voici voilà aujourd hier demain ici là aucun aucune chaque cependant pourtant malgré grâce au aux à ne y personne
    rien""",
)
_SPANISH = _rules(
    """Sr Sra Srta Sres Sras Dra Dres D Dña Prof Profa Lic Ing Arq Gral Cnel Tte Mons Sto Sta EE JJ FF p.ej ej aprox máx
    mín Excmo Excma Ilmo Ilma Hnos Avda Av Pza Pl Ctra Ud Uds Vd Vds tel tfno ed trad dir coord íd""",
    "núm núms n pág págs arts cap caps figs vols t párr nota cta",
    """EE.UU FF.AA JJ.OO CC.OO mill dpto depto admón cía sig ene feb abr jun jul ago sept oct nov dic
    min seg a.m p.m""",
    """el la los las lo un una unos unas él ella ellos ellas yo tú nosotros usted ustedes este esta estos estas ese esa
    esos esas aquel aquella esto eso su sus mi mis tu nuestro nuestra que quien quién qué cuando cuándo cómo dónde
    donde por para porque pero y e o u ni no sí si también tampoco además entonces luego después antes ahora hoy ayer
    allí aquí así aún aunque con contra de del desde durante en entre hacia hasta sin sobre según tras a al más
    menos muchos muchas todo todos todas cada otro otra otros algunos algunas nadie nada fue era es está fueron hay
    mientras mediante como""",
)
_ITALIAN = _rules(
    """sig sigg sig.ra sig.na sig.re sig.ri dott dott.ssa dr.ssa prof.ssa proff avv ing arch geom rag on sen mons gen
    col card ill egr gent.mo gent.ma spett p.es es ad.es c.ca ss p.zza v.le c.so tel trad ed cfr op cit
    d.ssa""",
    "n nn num pag pagg pg artt cap capp figg voll tab co comma lett par all n.ro",
    "s.n.c mln mld sett ott nov dic segg seg",
    """il lo la gli le l un uno una i egli lui lei loro noi voi io tu esso essa essi questo questa questi queste quello
    quella quelli quelle ciò che chi cosa come quando quanto dove perché ma e ed o oppure né non se si anche inoltre
    poi dopo prima adesso ora oggi ieri domani qui là così allora ancora con contro da dal dalla dai dalle di del
    della dei delle degli in nel nella nei nelle per tra fra su sul sulla sui sulle secondo senza a al alla ai alle
    tutti tutte tutto ogni altri altre alcuni alcune nessuno niente era è fu sono hanno ha mentre tuttavia però quindi
    dunque infatti il suo sua""",
)
_PORTUGUESE = _rules(
    """Sr Sra Srs Sras Srta Dra Drs Dr.ª Dras Profa Prof.ª Eng Eng.º Exmo Exma Ilmo D Av R Pça Pç Trav Est p.ex ex aprox
    máx mín tel ed trad org coord séc sécs""",
    "n n.º nº núm pág págs arts caps figs vols t tab inc par §",
    "Ltda Cia mi bi tri jan fev abr jun jul ago nov dez min seg a.m p.m",
    """o a os as um uma uns umas ele ela eles elas eu nós você vocês este esta estes estas esse essa esses essas isto
    isso aquele aquela aquilo seu sua seus suas meu minha que quem quando como onde por porque para mas e ou nem não
    sim se também além então depois antes agora hoje ontem amanhã ali aqui assim ainda embora com contra de do da dos
    das desde durante em no na nos nas entre até sem sob sobre segundo após ao à aos às mais menos muitos muitas todo
    todos toda todas cada outro outra outros alguns algumas ninguém nada era é foi foram são está há enquanto porém
    pelo pela""",
)
_DUTCH = _rules(
    """dhr mevr mw mej mr drs ir ing dra ds bijv d.w.z m.b.t t.o.v i.v.m m.a.w o.l.v i.p.v t.a.v n.a.v a.h.w t.w ca max
    min incl excl resp vgl zgn zgn. geb tel Kon red ev """,
    "blz bijl nrs hfst afb tab par lid dl noot nr",
    "e.d o.a o.m e.a mln mld mrd jl ll a.s a.u.b m.n jan feb apr aug sept okt nov dec",
    """de het een hij zij ze wij we ik jij je u jullie dit dat deze die er daar hier zijn haar hun ons onze mijn wat wie
    waar wanneer waarom hoe welke maar en of want dus ook nog nu toen dan daarna daarom daarbij echter toch omdat
    hoewel als terwijl sinds na voor van met zonder over onder tegen tijdens tussen uit in op om aan bij tot door
    volgens naar niet geen alle alles veel vele sommige andere elke ieder niemand iemand niets vandaag gisteren morgen
    later vervolgens bovendien is was waren heeft""",
    has_apostrophe_words=True,
)
_NORDIC = "bl.a f.eks dvs d.v.s osv ca kl jf inkl ekskl hr fr resp tlf dr prof f.d hhv"
_SWEDISH = _rules(
    "t.ex bl.a d.v.s dvs enl fr.o.m t.o.m f.d s.k ca kl jfr resp inkl exkl kungl fil tel max min p.g.a m.a.o i.o.m fr",
    "sid s kap tab bil st §",
    "pers milj mdr m.m m.fl o.s.v tim jan febr aug sept okt nov dec",
    """den det de en ett han hon vi ni jag du man denna detta dessa där här hans hennes deras sin vad vem var när varför
    hur vilken vilka men och eller för ty också även sedan då nu idag igår därefter därför dock trots fast eftersom
    om medan innan efter före av från till med utan över under mot mellan på i inom vid enligt inte ingen inget inga
    alla allt många några andra varje är hade har blev ingenting""",
)
_DANISH = _rules(
    _NORDIC,
    "s sid kap tab stk §",
    "mio mia m.m m.fl m.v jan feb apr aug sept okt nov dec",
    """den det de en et han hun vi I jeg du man denne dette disse der her hans hendes deres hvad hvem hvor hvornår
    hvorfor hvordan hvilken hvilke men og eller for også så da nu derefter derfor dog fordi om mens før efter af fra
    til med uden over under mod mellem på i ved ifølge ikke ingen alle mange nogle andre hver er var havde har blev""",
    has_ordinals=True,
)
_NORWEGIAN = _rules(
    _NORDIC,
    "s sid kap tab stk §",
    "mill mrd m.m m.fl m.v jan feb apr aug sept okt nov des",
    """den det de en et ei han hun vi jeg du man denne dette disse der her hans hennes deres hva hvem hvor når hvorfor
    hvordan hvilken hvilke men og eller for også så da nå deretter derfor likevel fordi om mens før etter av fra til
    med uten over under mot mellom på i ved ifølge ikke ingen alle mange noen andre hver er var hadde har ble""",
    has_ordinals=True,
)
_CZECH = _rules(
    """např tj tzv tzn Ing Mgr Bc MUDr JUDr PhDr RNDr MVDr PaedDr ThDr doc prof p pí gen plk kpt ul nám tř tel cca resp
    popř příp max min kupř vl zn sv roz nar zem""",
    "č čís str s odst čl kap obr tab roč písm r",
    "mil mld tis Ph.D CSc DrSc a.s hod min st stol",
    """ten ta to ti ty tato tento toto tyto on ona ono oni my vy já co kdo kde kdy proč jak který která které ale a i
    nebo však také též potom pak nyní dnes včera zítra tam zde protože když kdyby pokud po před při pro proti podle
    bez do od na nad o s se v ve z ze za mezi ne není žádný všichni všechno mnoho někteří každý jiní nikdo nic je jsou
    byl byla bylo byli má mají jeho její jejich přesto proto""",
    has_ordinals=True,
)
_POLISH = _rules(
    """np m.in tj tzw tzn dr hab mgr inż lek prof doc ks św abp bp kard gen płk ppłk kpt mjr ul al pl os zob
    wg ok tel godz woj pow gm red oprac tłum max min zm ur ww dn""",
    "str s art ust pkt poz rozdz rys tab lit nr cz t m §",
    "tys mln mld im r.ż",
    """ten ta to ci te on ona ono oni one my wy ja co kto gdzie kiedy dlaczego jak który która które ale a i lub albo
    jednak także też potem następnie teraz dziś wczoraj jutro tam tu tutaj ponieważ gdy jeśli po przed przy dla przeciw
    według bez do od na nad o z ze w we za między nie nikt nic wszyscy wszystko wiele niektórzy każdy inni jest są był
    była było byli ma mają jego jej ich dlatego mimo podczas""",
    has_ordinals=True,
)
_ENGLISH = _rules(
    "Sen Rep Gov Gen Maj Col Sgt Cmdr Adm Pres Messrs Mt Ft e.g i.e approx max min v viz",
    "No Nos figs vols Ch Sec Sect eq para c ca al etc ed eds esp incl excl ext hr hrs oz ft lb lbs sq cu tel avg",
    "U.S U.K U.N Ave Blvd Rd Dept Univ Jan Feb Mar Apr Aug Sept Oct Nov Dec Sr Esq Ph.D",
    """the a an he she it they we I you this that these those there here his her its their our my what who where when
    why how which but and or so yet then now today also however although because if while since after before from to
    with without over under against between on in at by of for as not no all many some other each every is was were
    has had according both""",
    has_lower_case_sentences=True,
)

RULES: dict[str, Rules] = {
    "en": _ENGLISH,
    "de": _GERMAN,
    "fr": _FRENCH,
    "es": _SPANISH,
    "it": _ITALIAN,
    "pt": _PORTUGUESE,
    "nl": _DUTCH,
    "sv": _SWEDISH,
    "da": _DANISH,
    "no": _NORWEGIAN,
    "nb": _NORWEGIAN,
    "nn": _NORWEGIAN,
    "cs": _CZECH,
    "pl": _POLISH,
}
"""The rules by ISO 639-1 code."""

UNDETERMINED = Rules(
    never_last=frozenset().union(*(rules.never_last for rules in RULES.values())),
    before_numbers=frozenset().union(*(rules.before_numbers for rules in RULES.values())),
    others=frozenset().union(*(rules.others for rules in RULES.values())),
    openers=frozenset().union(*(rules.openers for rules in RULES.values())),
    has_ordinals=True,
    has_capital_nouns=True,
    has_apostrophe_words=True,
)
"""The rules of all of them together, for a text that is too short to detect its language."""
