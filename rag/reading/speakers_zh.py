"""People's names in Chinese sentences, and who makes which statement, as in `speakers`. Pure.

A name is a surname from a table with one or two more characters. It counts if a sentence shows that it is a person's:
by a verb of saying, a title behind it, or a role before it. A foreign name has a dot between its parts. Foreign names
without a dot, and organisations, are not recognised.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import islice

from index import lexicon

CHINESE = re.compile(f"[{lexicon.CJK}]")

_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾"
    "夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔汤温康施牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿"
    "兰焦俞左柳祝宁尚符舒阮柯纪梅童凌毕季裴霍涂谷翁冉骆蓝辛靳欧柴蒙鲍华喻祁蒲房滕屈饶牟艾尤阳穆卓吉"
    "缪芦麦褚娄窦戚岑卜晏柏宗瞿桂佟臧闵苟邬卞姬仇栾隋刁沙寇桑郎甄丛虞敖巩佘苑迟邝"
    "張劉陳楊黃趙吳孫馬羅鄭謝許韓馮鄧蕭蔣葉蘇呂盧鍾譚陸範賈韋鄒龍黎賀顧龔錢嚴湯"
)
_COMPOUND = "欧阳|上官|司马|诸葛|皇甫|尉迟|公孙|慕容|司徒|令狐|端木|夏侯|歐陽|司馬"
_NOT_GIVEN = (
    "反没未可能正仍却只的了是在我你他她它们这那不与和及或等也则还又对向为被把将从就都曾已人者员部局院厅委会府省县区州副前位名总说称表认指问答日月年"
    "时分第一二三五六七八九十百千万亿，上下内外里们個們這說"
)
_NOT_NAMES = (
    "许多|任何|任务|任期|方面|方式|方案|华为|白宫|白天|万科|万元|于是|何时|何种|高级|高层|高校|高中|高度|金融|金额|马上|江苏|成立|成都"
    "|成功|常务|石油|石化|东方|全体|全部|全球|全国|全家|部分|应该|严重|武汉|关于|关键|关税|左右|古代|周边|周末|毛利|温度|游客|司法|司机"
    "|安全|安排|连续|边境|单位|商业|商场|商家|师生|管理|管道|明星|明显|明确|明天|明年|解决|解释|时候|时任|农村|农民|农业|车辆|车主|项目"
    "|包括|包裹|简单|吉林|路人|路透|盛大|成员|沙特|和平|荣誉|党中|党委|席位|卫生|景区|景色|费用|冷静|米兰|应急|边缘|华盛|华尔|康复|施工"
    "|安徽|易于|季度|单独|左边|蓝天|曲线|甘肃|宁夏|宁波|尚未|符合|兰州|连同|连锁|查看|查询|麻烦|迟到|时代|时刻|张家|石家|马来|马德"
)
_SAYS = (
    r"(?:表示|(?<![小传据学假听])说(?![明法服客])|(?<![名职号被简堪自])称(?![为号呼赞作])|指出|认为|强调|透露|介绍|告诉|坦言|回应|补充"
    r"|解释|建议|呼吁|警告|预测|预计|相信|承认|否认|宣布|提到|写道|问道|答道|回忆|谈到|批评|直言|感叹|反驳|质疑|担心|觉得|主张|要求|承诺"
    r"|說|稱|認為|強調|指責)"
)
_TITLE = (
    r"(?:先生|女士|小姐|夫人|教授|博士|院士|部长|主任|主席|局长|院长|校长|市长|省长|县长|区长|镇长|村长|书记|总理|总统|董事长|总经理|经理"
    r"|总裁|律师|医生|医师|老师|法官|警官|秘书长|发言人|研究员|分析师|议员|委员|将军|上校|爵士|神父|主教|队长|船长|店长|行长|馆长|教练|導演|导演|記者|记者)"
)
_ROLE = (
    rf"(?:{_TITLE}|专家|学者|居民|村民|市民|学生|家长|司机|创始人|负责人|经济学家|科学家|作家|演员|球员|前锋|后卫|门将|选手|队员|工程师|厨师|顾问|渔民|店主|商人"
    r"|护士|警察|农民|工人|歌手|画家|编辑|首席执行官|总监|代表|诗人|历史学家|志愿者)"
)
_GIVEN = rf"(?![{_NOT_GIVEN}])[\u4e00-\u9fff]"
_SURNAME = rf"(?:{_COMPOUND}|[{_SURNAMES}])"
_PERSON = rf"(?!{_NOT_NAMES}|{_SURNAME}副?{_TITLE}){_SURNAME}(?:{_GIVEN}){{1,2}}?"
_FOREIGN = r"[\u4e00-\u9fff]{1,6}(?:[·•・][\u4e00-\u9fff]{1,6}){0,2}[·•・](?:(?![的了是在，])[\u4e00-\u9fff]){1,6}?"
_ADVERB = (
    r"(?:[也还则曾又都就并]|昨[日天]|今[日天]|随后|当时|同时|进一步|此前|后来|周[一二三四五六日]|星期[一二三四五六日]|\d{1,2}日|近日|曾经"
    r"|多次|公开|再次|明确)"
)
_BETWEEN = rf"{_ADVERB}{{0,2}}(?:[对向在就与和接][^，。；！？“”]{{1,20}}?)?{_ADVERB}?"
_AFTER = rf"(?:{_TITLE}|{_BETWEEN}{_SAYS}|[，。、；：（()）！？”」\s]|$)"
_SIGNS = (
    re.compile(rf"(?P<name>{_PERSON}){_TITLE}?{_BETWEEN}{_SAYS}"),
    re.compile(rf"(?P<name>{_PERSON})(?<!副){_TITLE}"),
    re.compile(rf"(?P<role>{_ROLE})(?P<name>{_PERSON})(?={_AFTER}|[的在是对向和与也及等])"),
    re.compile(rf"(?P<name>{_FOREIGN})(?={_AFTER}|[的在是对向和与也及等])"),
)
_SAYING = re.compile(_SAYS)
_ROLES = re.compile(_ROLE)
_SHORT = re.compile(rf"(?P<surname>{_SURNAME})副?(?P<title>{_TITLE})")
_END_TITLE = re.compile(rf"(?:这位|那位|该)?(?P<rest>.{{0,12}}?)副?(?P<title>{_ROLE})")
_QUOTED = re.compile(r"[“「『\"][^”」』\"]*(?:[”」』\"]|$)")
_PRONOUN = re.compile(r"[他她]")
_CLAUSE = re.compile(r"[，。；！？：,;]")
_BEFORE_FOREIGN = re.compile(rf"{_ROLE}|[的了是在和与及由有被为向对以括家者员手](?=.*[·•・])")
_DOT = re.compile(r"[·•・]")

_MOST_PEOPLE, _MOST_VERBS = 500, 8  # in one article, and in one sentence
_NEAR = 6  # number of characters beside a name in which a role is looked for


def people_in(texts: Mapping[int, str]) -> dict[str, tuple[set[int], set[str]]]:
    """Return the people whom sentences name, with the numbers of the sentences that mention them and their roles.

    `texts` contains the sentences of one article by their number. "Professor Wang" mentions the only person with this
    surname.
    """
    signs: list[dict[str, set[str]]] = [{} for _ in _SIGNS]
    for text in texts.values():
        for pattern, found in zip(_SIGNS, signs, strict=True):
            for match in pattern.finditer(text):
                name = match["name"]
                if _DOT.search(name):
                    name = _BEFORE_FOREIGN.split(name)[-1]
                    if not _DOT.search(name):
                        continue
                if name in found or len(found) < _MOST_PEOPLE:
                    start = max(0, match.start("name") - _NEAR)
                    near = (text[start : match.start("name")], text[match.end("name") : match.end("name") + _NEAR])
                    found.setdefault(name, set()).update(role for part in near for role in _ROLES.findall(part))
    people = signs[0]
    for found in signs[1:]:  # weaker signs do not say better where a name ends
        for name, roles in found.items():
            if name in people or not any(name.startswith(each) or each.startswith(name) for each in people):
                people.setdefault(name, set()).update(roles)
    foreign = {_DOT.split(name)[-1] for name in people if _DOT.search(name)}
    names = [name for name in people if name not in foreign]
    only = _only_with_surname(names)
    mentioned = {name: {at for at, text in texts.items() if _mention(name, text, only) >= 0} for name in names}
    return {name: (mentioned[name], people[name]) for name in names if mentioned[name]}


def _only_with_surname(names: Sequence[str]) -> frozenset[str]:
    """Return the names whose surname nobody else has, so that "Professor Wang" is enough to mention them."""
    counts = Counter(name[0] for name in names if not _DOT.search(name))
    return frozenset(name for name in names if counts[name[0]] == 1 and not _DOT.search(name))


def _mention(name: str, text: str, only: Collection[str]) -> int:
    """Return the place of the first mention of a person in a text, by name, or by surname and title; or -1."""
    places = [at for form in {name, _DOT.split(name)[-1]} if (at := text.find(form)) >= 0]
    if name in only and name[0] in text:
        places += [match.start() for match in _SHORT.finditer(text) if name.startswith(match["surname"])]
    return min(places, default=-1)


def is_called(name: str, roles: set[str], wanted: str) -> bool:
    """Return whether a person is the one wanted, by name, by surname and title, or by role."""
    wanted = wanted.strip()
    if wanted in (name, _DOT.split(name)[-1]):
        return True
    match = _END_TITLE.fullmatch(wanted)
    if match is None:
        return False
    rest = match["rest"]
    return match["title"] in roles if not rest else name.startswith(rest) or name == rest


def speaker_in(text: str, names: Sequence[str], last: str | None) -> tuple[str | None, bool]:
    """Return which of the people `names` speaks in a sentence, and whether it reports what somebody says.

    "He" and "she" are the person `last`, who was mentioned before.
    """
    outside = _QUOTED.sub(lambda match: "　" * len(match[0]), text)
    only = _only_with_surname(names)
    saying = list(islice(_SAYING.finditer(outside), _MOST_VERBS))
    for verb in saying:
        clauses = _CLAUSE.split(outside[: verb.start()])
        for clause in reversed(clauses):
            places = [(at, name) for name in names if (at := _mention(name, clause, only)) >= 0]
            pronoun = _PRONOUN.search(clause)
            if places and not (pronoun and pronoun.start() < min(places)[0]):
                return min(places)[1], True
            if pronoun and last is not None:
                return last, True
    return None, bool(saying)


def says(text: str) -> bool:
    """Return whether a sentence has a verb of saying outside its quotations."""
    return bool(_SAYING.search(_QUOTED.sub("", text)))
