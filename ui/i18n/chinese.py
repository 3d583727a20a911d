"""The words of the page in Chinese, by the part of the page. A test sees to it that none is missing."""

from __future__ import annotations

_QUESTIONS = {
    "Conversation": "对话",
    "Ask about your articles. Each sentence of an answer shows where it stands.": (
        "请就您的文章提问。回答中的每一句都标明出处。"
    ),
    "Your question": "您的问题",
    "Ask": "提问",
    "Stop": "停止",
    "Ask again": "重新回答",
    "Take back": "撤回",
    "Send": "发送",
}

_ANSWERS = {
    "The articles do not say.": "文章中没有提到。",
    "No article is among those that were chosen.": "所选范围内没有文章。",
    "Looking through the articles…": "正在查找文章……",
    "Reading {passages}…": "正在阅读{passages}……",
    "Searched for: {query}": "实际检索：{query}",
    "Asked only of articles: {choice}": "提问范围：{choice}",
    "since {day}": "{day}起",
    "until {day}": "{day}止",
    "{count} ticked": "勾选的{count}篇",
    "Stopped. What was written so far is kept.": "已停止。已写出的内容仍然保留。",
    "Show earlier questions: {count}": "显示更早的{count}个问题",
    "quoted": "原文",
    "supported": "有依据",
    "weak": "依据不足",
    "not supported": "无依据",
    "The article says this word for word": "与文章原文一字不差",
    "The article says this in other words": "文章有此意，只是说法不同",
    "The article says this only in part": "文章只说到其中一部分",
    "No cited passage says this": "所引段落都没有这样说",
    "{support}, citation moved": "{support}，引用已调整",
    "{help}. The model cited something else, or nothing": "{help}。模型原先引用了别处，或没有引用",
    "Edit the question": "修改问题",
    "Copy with sources": "复制回答和出处",
    "Copied": "已复制",
    "Good answer": "回答得好",
    "Bad answer": "回答得不好",
    "What is good about it?": "好在哪里？",
    "What is wrong with it?": "哪里不对？",
    "Thank you. It is kept.": "谢谢，您的评价已保存。",
    "This could not be kept; the log of the server says why.": "未能保存，原因见服务器日志。",
    "Add to test set": "加入测试集",
    "Added to the test set {name}.": "已加入测试集 {name}。",
    "It is in the test set {name} already.": "测试集 {name} 中已有这一条。",
    "There is no test set to add to.": "没有可以加入的测试集。",
    "the question is empty": "问题是空的",
    "Without a title": "无标题",
    "The index cannot be read": "无法读取索引",
    "This could not be added; the log of the server says why.": "未能加入；服务器日志中有说明。",
    "Conversations cannot be read or written now; the log of the server says why.": (
        "现在无法读取或保存对话；服务器日志中有说明。"
    ),
    "Type a question about the articles.": "请输入有关文章的问题。",
    "Something went wrong here, and it is not your question.": "服务器出了问题，与您的问题无关。",
    "Ask again; the log of the server says more.": "请重新提问，详情见服务器日志。",
}

_SOURCES = {
    "Sources": "出处",
    "one passage": "1个段落",
    "1 passage": "1个段落",
    "{count} passages": "{count}个段落",
    "{passages} found": "找到{passages}",
    "{passages} also found, not cited": "另找到{passages}，未引用",
    "The nearest passages": "最接近的段落",
    "{passages} further away": "另有{passages}，关联较弱",
    "p. {page}": "第{page}页",
}

_ARTICLE = {
    "The article opens here": "文章在这里打开",
    "Ask a question, then choose a number such as [1] in the answer: its source is marked here.": (
        "先提问，再点击回答中的 [1] 等编号，出处会在这里标出。"
    ),
    "Text of the article": "文章正文",
    "Back to the answer": "返回回答",
    "Read the original": "阅读原文",
    "No longer indexed: this is the passage as it was when you asked.": "该文章已不在索引中，这里是您提问时的段落。",
    "This source cannot be shown": "无法显示这一出处",
    "Its answer was taken back, or never given.": "对应的回答已被撤回，或从未给出。",
    "Nothing is indexed yet": "索引中还没有文章",
    "Add articles above, or index a folder:": "请在上方添加文章，或为一个文件夹建立索引：",
}

_MASTHEAD = {
    "Quotes only, no language model": "只摘引原文，不使用语言模型",
    "Answers by {model}, checked": "由 {model} 作答，逐句核对",
    "loading the model…": "正在加载模型……",
    "no articles": "没有文章",
    "1 article": "1篇文章",
    "{count} articles": "{count}篇文章",
    "Panels": "面板",
    "New conversation": "新对话",
    "Conversations": "历史对话",
    "Articles": "文章",
    "Settings": "设置",
    "Close": "关闭",
}

_PAST = {
    "No conversation is kept yet. Yours are kept here as you ask.": "还没有保存的对话。您提问后，对话会保存在这里。",
    "1 question": "1个问题",
    "{count} questions": "{count}个问题",
    "Rename": "重命名",
    "New name": "新名称",
    "Delete": "删除",
    "Delete for good?": "确定永久删除？",
    "This conversation is no longer kept.": "这段对话已不再保存。",
    "This conversation could not be kept; the log of the server says why.": "这段对话未能保存，原因见服务器日志。",
    "This conversation:": "当前对话：",
    "Download as Markdown": "下载为 Markdown",
    "Download as JSON": "下载为 JSON",
}

_EXPORT = {
    "Sources:": "出处：",
    "Error:": "错误：",
    "{message}. {hint}": "{message}。{hint}",
    "untitled": "无标题",
    "(no question)": "（没有问题）",
    "No answer was found in the articles.": "文章中没有找到答案。",
    "The answer is not finished.": "回答尚未完成。",
}

_SHELF = {
    "No articles yet. Add some.": "还没有文章，请添加。",
    "Search the articles": "搜索文章",
    "No article has these words.": "没有文章含有这些词语。",
    "{count} more are not shown.": "另有{count}篇未显示。",
    "Questions go to all {count} articles": "提问范围：全部{count}篇文章",
    "Questions go to the one article": "提问范围：现有的1篇文章",
    "Questions go only to the {count} ticked": "提问范围：仅勾选的{count}篇文章",
    "Untick all": "全部取消勾选",
    "Remove": "移除",
    "Remove 1 article from the index? Its files elsewhere stay.": "要从索引中移除1篇文章吗？别处的文件不受影响。",
    "Remove {count} articles from the index? Their files elsewhere stay.": (
        "要从索引中移除{count}篇文章吗？别处的文件不受影响。"
    ),
    "Yes, remove": "确认移除",
    "Keep": "保留",
    "Removing": "移除",
    "{count} removed from the index": "已从索引中移除{count}篇文章",
}

_ADDING = {
    "Drop files here, or choose some": "将文件拖到这里，或点击选择",
    "Title of a text": "文本标题",
    "Text to add": "要添加的文本",
    "Add the text": "添加文本",
    "Web address to add": "要添加的网址",
    "Add the page": "添加网页",
    "{done} of {count} done": "共{count}项，已处理{done}项",
    "{count} could not be added": "{count}项未能添加",
    "waiting": "等待中",
    "being read": "读取中",
    "added": "已添加",
    "changed": "已更新",
    "there already": "库中已有",
    "not added": "未添加",
    "{state}, {count} articles": "{state}，共{count}篇文章",
    "the same text is in the library already": "库中已有相同的文本",
    "more than 200 files were sent at once": "一次发送的文件超过200个",
    "Add this one again, with the next ones.": "请在下一批中重新添加这个文件。",
    "the file is larger than 20 MB": "文件大于 20 MB",
    "Split it into articles, one file each.": "请拆分成单篇文章，每篇一个文件。",
    "the file has not arrived": "没有收到文件",
    "Choose it again.": "请重新选择。",
    "there is no text": "没有文本",
    "Paste the text of an article.": "请粘贴一篇文章的文本。",
    "the text is longer than 2,000,000 characters": "文本超过200万个字符",
    "Split it into articles, and add them one by one.": "请拆分成单篇文章，逐篇添加。",
    "this is no web address": "这不是网址",
    "An address begins with http:// or https://.": "网址以 http:// 或 https:// 开头。",
    "adding web addresses is switched off here": "这里未开放添加网址",
    "Save the page in a browser and add the file; or start the chat with CITECHAT_LINKS=1.": (
        "请在浏览器中保存网页，再添加文件；或以 CITECHAT_LINKS=1 启动。"
    ),
    "there is no article in it": "其中没有文章",
    "Add the articles themselves, one file each.": "请直接添加文章，每篇一个文件。",
    "it cannot be kept on this server": "服务器无法保存",
    "Its disk may be full; the log of the server says more.": "磁盘可能已满，详情见服务器日志。",
    "something went wrong here, and it is not your file": "服务器出了问题，与您的文件无关",
    "Try again; the log of the server says more.": "请重试，详情见服务器日志。",
}

_SETTINGS = {
    "Who answers": "由谁作答",
    "Passages used": "使用的段落数",
    "Leave out sentences that no passage supports": "略去没有段落支持的句子",
    "Since": "起始日期",
    "Until": "截止日期",
    "Only from": "仅限来源",
}

_MEASURE = {
    "Evaluation": "评测",
    "Ask a test set (JSONL or CSV)": "选择测试集（JSONL 或 CSV）并提问",
    "Ask what was added to the test set": "用已加入测试集的问题提问",
    "{done} of {count} questions asked": "共{count}个问题，已提问{done}个",
    "{right} of {count} right": "共{count}个问题，答对{right}个",
    "{count} questions were left out": "略去{count}个问题",
    "Save the report": "保存报告",
    "Report of the evaluation": "评测报告",
    "there is no test set yet": "还没有测试集",
    "Choose a JSONL or CSV file, or add an answer with “Add to test set”.": (
        "请选择 JSONL 或 CSV 文件，或用“加入测试集”添加回答。"
    ),
}

_DAYS = {
    "{day} {month} {year}": "{year}年{month}{day}日",
    "January": "1月",
    "February": "2月",
    "March": "3月",
    "April": "4月",
    "May": "5月",
    "June": "6月",
    "July": "7月",
    "August": "8月",
    "September": "9月",
    "October": "10月",
    "November": "11月",
    "December": "12月",
}

CHINESE: dict[str, str] = {
    **_QUESTIONS,
    **_ANSWERS,
    **_SOURCES,
    **_ARTICLE,
    **_MASTHEAD,
    **_PAST,
    **_EXPORT,
    **_SHELF,
    **_ADDING,
    **_SETTINGS,
    **_MEASURE,
    **_DAYS,
}
"""The English words, each with the Chinese ones."""
