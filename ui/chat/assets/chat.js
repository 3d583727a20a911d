// The page's script: it opens citations at their passages, shows cards and panels, and sends the user's actions to the
// server. It sets text only with textContent; the server finds the articles and decides everything else.
() => {
  if (window.citechatReady) return;
  window.citechatReady = true;

  const CITATION = 'a[href^="#cite-"], a[href^="#hit-"], a[href^="#brief-"]';
  // actions in these elements; all others use the outbox
  const RELAYS = { history: "#history", library: "#library, #upload-status" };
  const idOf = (link) => link.getAttribute("href").slice(1);
  const pane = () => document.getElementById("article-pane");
  const shown = () => pane()?.querySelector(".sheet")?.dataset.target; // the citation that is open now
  const behavior = () => (matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth");
  const isNarrow = () => matchMedia("(max-width: 900px)").matches;
  const send = (relay, detail) => document.dispatchEvent(new CustomEvent("citechat:" + relay, { detail }));

  document.documentElement.lang = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";

  // Citations and the article.
  let asked = null; // the citation that the user selected, until it is shown
  let cameFrom = null; // the link to return to

  function reveal(byUser) {
    showActive(shown());
    const story = pane()?.querySelector(".story");
    if (!story) return;
    if (byUser) document.body.dataset.sheet = "open"; // on a narrow screen the article opens over the answer
    const place = story.querySelector("#place");
    const aim = () => {
      const top = place ? place.getBoundingClientRect().top - story.getBoundingClientRect().top + story.scrollTop : 0;
      const to = Math.max(0, top - story.clientHeight / 3);
      const isNear = Math.abs(to - story.scrollTop) < 2 * story.clientHeight; // scrolling further would take more than a second
      story.scrollTo({ top: to, behavior: byUser && isNear ? behavior() : "auto" });
      return isNear;
    };
    // Parts that come into view after a jump get their real height only then.
    if (!aim()) requestAnimationFrame(aim);
    if (byUser) (place ?? story).focus({ preventScroll: true });
  }

  function showActive(id) {
    for (const link of document.querySelectorAll("a.active")) if (idOf(link) !== id) link.classList.remove("active");
    if (!/^(cite|hit)-\d+-\d+$/.test(id ?? "")) return;
    for (const link of document.querySelectorAll(`a[href="#${id}"]`)) link.classList.add("active");
  }

  function open(link) {
    hideCard();
    cameFrom = link.getAttribute("href");
    const id = idOf(link);
    if (shown() === id || remark(link, id)) return reveal(true);
    asked = id;
    send("open-citation", { place: id });
  }

  // Mark a passage in the open article here, because sending a long article again takes too long.
  function remark(link, id) {
    const at = /(?:^| )at-(\w+)-(\d+)-(\d+)(?:-(\d+)-(\d+))?(?: |$)/.exec(link.className);
    const sheet = pane()?.querySelector(".sheet");
    if (!at || sheet?.dataset.article !== at[1]) return false;
    const story = sheet.querySelector(".story");
    const offsets = at.slice(2).filter(Boolean).map((offset) => Number(offset) - Number(sheet.dataset.start));
    const text = story.textContent;
    if (offsets[0] < 0 || Math.max(...offsets) > [...text].length) return false; // not in the shown part of the text
    unmark(story);
    const [start, end, first, last] = units(text, offsets);
    const passage = wrap(story, start, end, "span", "passage");
    const place = last === undefined ? passage : wrap(story, first, last, "mark", "evidence");
    if (!place) return false;
    place.id = "place";
    place.tabIndex = -1;
    sheet.dataset.target = id;
    return true;
  }

  // The server counts characters; JavaScript counts two units for a character outside the basic plane.
  function units(text, offsets) {
    if (!/[\ud800-\udbff]/.test(text)) return offsets;
    return offsets.map((offset) => [...text].slice(0, offset).join("").length);
  }

  function unmark(story) {
    for (const piece of story.querySelectorAll(".passage, .evidence, #place")) {
      piece.classList.remove("passage", "evidence");
      if (!piece.className) {
        piece.replaceWith(...piece.childNodes);
        continue;
      }
      const plain = document.createElement("span"); // without the id, and no longer a <mark>
      plain.className = piece.className;
      plain.append(...piece.childNodes);
      piece.replaceWith(plain);
    }
    story.normalize();
  }

  function wrap(story, start, end, tag, name) {
    const walker = document.createTreeWalker(story, NodeFilter.SHOW_TEXT);
    const texts = [];
    for (let at = 0; at < end && walker.nextNode(); ) {
      const text = walker.currentNode;
      if (at + text.length > start) texts.push([text, Math.max(0, start - at), Math.min(text.length, end - at)]);
      at += text.length;
    }
    let first = null;
    for (const [text, from, to] of texts) {
      if (to < text.length) text.splitText(to);
      const words = from > 0 ? text.splitText(from) : text;
      const piece = document.createElement(tag);
      piece.className = name;
      words.replaceWith(piece);
      piece.append(words);
      first ??= piece;
    }
    return first;
  }

  function goBack() {
    delete document.body.dataset.sheet;
    const link = cameFrom && document.querySelector(`#conversation a[href="${cameFrom}"]`);
    const target = link || document.querySelector("#question textarea");
    target?.scrollIntoView({ block: "center", behavior: behavior() });
    target?.focus({ preventScroll: true });
  }

  document.addEventListener("citechat:open-citation-shown", () => {
    const byUser = asked !== null && (shown() === asked || shown() === undefined);
    if (byUser) asked = null;
    reveal(byUser);
  });

  // Panels: one at a time, over the page.
  function showPanel(name) {
    const before = document.body.dataset.panel;
    if (name && name !== before) document.body.dataset.panel = name;
    else delete document.body.dataset.panel;
    const now = document.body.dataset.panel;
    markOpened();
    if (now) document.querySelector(`#${now}-panel h2`)?.focus();
    else if (before) document.querySelector(`button[data-panel="${before}"]`)?.focus();
  }

  function markOpened() {
    for (const button of document.querySelectorAll("button[data-panel]"))
      button.setAttribute("aria-expanded", String(button.dataset.panel === document.body.dataset.panel));
  }

  // The server sends the masthead with every panel closed. Gradio labels a message with its text and markup; without
  // the label, screen readers read the text.
  function repair() {
    markOpened();
    for (const message of document.querySelectorAll("#conversation [data-testid][aria-label*='<']"))
      message.removeAttribute("aria-label");
  }

  new MutationObserver(repair).observe(document.body, {
    subtree: true,
    childList: true,
    attributeFilter: ["aria-label"],
  });

  // Buttons.
  function press(button) {
    if (button.dataset.panel) return showPanel(button.dataset.panel);
    const act = /^act-([a-z]+)-(\d+)$/.exec(button.id);
    if (act) return send("outbox", { what: act[1], id: act[2] });
    const what = button.dataset.do;
    if (!what) return;
    if (what === "close-panel") return showPanel(null);
    if (what === "save-report") return download(document.querySelector("#report iframe").srcdoc, "report.html", "text/html");
    const row = button.closest("[data-id]");
    if (what === "rename") return startRenaming(row);
    if (button.dataset.sure && !button.classList.contains("sure")) return askAgain(button);
    if (what === "open" || what === "new") showPanel(null);
    const relay = Object.keys(RELAYS).find((name) => button.closest(RELAYS[name])) ?? "outbox";
    const value = document.getElementById("library-search")?.value ?? "";
    if (relay === "library" && what === "open") asked = "article-" + row.dataset.id;
    else if (relay === "library") refocus = what === "remove" ? "library-keep" : "library-search"; // the server sends the list again
    send(relay, { what, id: row?.dataset.id ?? "", value });
  }

  function askAgain(button) {
    const words = button.textContent;
    button.classList.add("sure");
    button.textContent = button.dataset.sure;
    button.addEventListener(
      "blur",
      () => {
        button.classList.remove("sure");
        button.textContent = words;
      },
      { once: true },
    );
  }

  function startRenaming(row) {
    const name = row.querySelector("input.name");
    row.querySelector(".title").hidden = true;
    name.hidden = false;
    name.focus();
    name.select();
  }

  function stopRenaming(name, renamed) {
    const row = name.closest("[data-id]");
    if (renamed && name.value.trim()) send("history", { what: "rename", id: row.dataset.id, value: name.value.trim() });
    if (!renamed) name.value = name.defaultValue;
    name.hidden = true;
    row.querySelector(".title").hidden = false;
    row.querySelector(".title").focus();
  }

  // One listener for all clicks, before the framework's listeners: the page has a <base>, so following a link to "#…"
  // would reload the page and lose the conversation.
  document.addEventListener(
    "click",
    (event) => {
      const button = event.target.closest?.("button[data-do], button[data-panel], button.act");
      if (button) return press(button);
      const link = event.target.closest?.('a[href^="#"]');
      if (!link) return;
      event.preventDefault();
      event.stopPropagation();
      if (link.matches(CITATION)) open(link);
      else if (link.getAttribute("href") === "#back") goBack();
    },
    true,
  );

  document.addEventListener("change", (event) => {
    const box = event.target.closest?.('#library input[type="checkbox"]');
    if (!box) return;
    refocus = box.id;
    send("library", { what: "tick", id: box.dataset.id, value: document.getElementById("library-search")?.value ?? "" });
  });

  // The list of articles: a search hides rows here, and asks the server for matching rows that it has not sent.
  let refocus = null; // the id of the element that had the focus before the server sent the list again
  let waiting = null;
  let typed = null; // the words in the search field, until the server sends their list

  document.addEventListener("input", (event) => {
    if (event.target.id !== "library-search") return;
    typed = event.target.value;
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of document.querySelectorAll("#library li[data-words]"))
      row.hidden = !words.every((word) => row.dataset.words.includes(word));
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      refocus = "library-search";
      send("library", { what: "search", id: "", value: event.target.value });
    }, 400);
  });

  document.addEventListener("citechat:library-shown", () => {
    const search = document.getElementById("library-search");
    if (search && typed !== null && search.value !== typed) {
      search.value = typed; // the user typed more while the server made the list of the words before
      search.dispatchEvent(new Event("input", { bubbles: true }));
    } else typed = null;
    if (!refocus || document.activeElement.id === refocus) return;
    const field = document.getElementById(refocus);
    refocus = null;
    field?.focus();
    if (field?.type === "search") field.setSelectionRange(field.value.length, field.value.length);
  });

  // The outbox, in which the server sends text to copy, a file to save, or a notice to show.
  const notice = document.createElement("div");
  notice.id = "notice";
  notice.setAttribute("role", "status");
  let gone = null;

  function notify(words) {
    (document.querySelector("main") ?? document.body).append(notice);
    notice.textContent = words;
    clearTimeout(gone);
    gone = setTimeout(() => (notice.textContent = ""), 6000);
  }

  async function copy(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const field = document.createElement("textarea"); // a page that was not loaded over HTTPS cannot use the clipboard
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }

  function download(text, name, type = "text/plain") {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  document.addEventListener("citechat:outbox-shown", () => {
    const out = document.querySelector("#outbox pre");
    if (!out) return;
    const { kind, word } = out.dataset;
    if (kind === "copy") copy(out.textContent).then(() => notify(word), (error) => notify(String(error)));
    else if (kind === "download") download(out.textContent, word);
    else notify(word);
    out.remove(); // perform each action only once
  });

  // The card.
  const card = document.createElement("div");
  card.id = "citation-card";
  card.setAttribute("role", "tooltip");
  card.hidden = true;
  let describes = null;

  function showCard(link) {
    const source = document.getElementById(idOf(link).replace("cite-", "source-"));
    if (!source) return;
    hideCard();
    for (const name of ["quote", "title", "byline"]) {
      const line = document.createElement("p");
      line.className = name;
      line.textContent = source.querySelector("." + name)?.textContent ?? "";
      card.append(line);
    }
    (document.querySelector("main") ?? document.body).append(card);
    card.hidden = false;
    const at = link.getBoundingClientRect();
    const left = Math.min(at.left, innerWidth - card.offsetWidth - 12);
    const above = at.top - card.offsetHeight - 8;
    card.style.left = Math.max(12, left) + "px";
    card.style.top = (above > 8 ? above : at.bottom + 8) + "px";
    describes = link;
    link.setAttribute("aria-describedby", card.id);
  }

  function hideCard() {
    describes?.removeAttribute("aria-describedby");
    describes = null;
    card.hidden = true;
    card.replaceChildren();
  }

  const over = (event) => {
    const link = event.target.closest?.("a.cite");
    if (link && link !== describes) showCard(link);
  };
  const out = (event) => {
    if (describes && event.target.closest?.("a.cite") === describes) hideCard();
  };
  document.addEventListener("pointerover", over);
  document.addEventListener("focusin", over);
  document.addEventListener("pointerout", out);
  document.addEventListener("focusout", out);
  document.addEventListener("scroll", hideCard, true);

  // Keys.
  document.addEventListener("keydown", (event) => {
    const name = event.target.closest?.("input.name");
    if (name && (event.key === "Enter" || event.key === "Escape")) {
      event.stopPropagation();
      event.preventDefault(); // the focus moves to the title, and the same key would activate it
      return stopRenaming(name, event.key === "Enter");
    }
    if (event.key !== "Escape") return;
    if (!card.hidden) hideCard();
    else if (document.body.dataset.panel) showPanel(null);
    else if (document.body.dataset.sheet || pane()?.contains(document.activeElement)) goBack();
  });
}
