// Citations: a click or Enter on [n] opens its article in the pane, at the exact words; hover or focus shows a card.
// The server finds the article; this file only asks, scrolls and moves the focus. Text is set with textContent only.
() => {
  if (window.citechatReady) return;
  window.citechatReady = true;

  const PLACE = 'a[href^="#cite-"], a[href^="#hit-"]';
  const idOf = (link) => link.getAttribute("href").slice(1);
  const pane = () => document.getElementById("article-pane");
  const shown = () => pane()?.querySelector(".sheet")?.dataset.target; // the place that is open now
  const behavior = () => (matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth");

  let asked = null; // the place that the reader asked for, until it is shown
  let cameFrom = null; // the link to return to

  function reveal(byReader) {
    showActive(shown());
    const story = pane()?.querySelector(".story");
    if (!story) return;
    const place = story.querySelector("#place");
    const top = place ? place.getBoundingClientRect().top - story.getBoundingClientRect().top + story.scrollTop : 0;
    story.scrollTo({ top: Math.max(0, top - story.clientHeight / 3), behavior: byReader ? behavior() : "auto" });
    if (!byReader) return;
    (place ?? story).focus({ preventScroll: true });
    const box = story.getBoundingClientRect(); // below the chat on a narrow screen
    if (box.top > innerHeight * 0.6 || box.bottom < innerHeight * 0.4) {
      pane().scrollIntoView({ block: "start", behavior: behavior() });
    }
  }

  function showActive(id) {
    for (const link of document.querySelectorAll(PLACE)) link.classList.toggle("active", idOf(link) === id);
  }

  function open(link) {
    hideCard();
    cameFrom = link.getAttribute("href");
    const id = idOf(link);
    if (shown() === id) return reveal(true);
    asked = id;
    document.dispatchEvent(new CustomEvent("citechat:open", { detail: id }));
  }

  function goBack() {
    const link = cameFrom && document.querySelector(`#conversation a[href="${cameFrom}"]`);
    const target = link || document.querySelector("#question textarea");
    target?.scrollIntoView({ block: "center", behavior: behavior() });
    target?.focus({ preventScroll: true });
  }

  document.addEventListener("citechat:shown", () => {
    const byReader = asked !== null && (shown() === asked || shown() === undefined);
    if (byReader) asked = null;
    reveal(byReader);
  });

  // One listener for all links, before the page's own: the page has a <base>, so that following a bare "#…" would load
  // it anew and lose the conversation.
  document.addEventListener(
    "click",
    (event) => {
      const link = event.target.closest?.('a[href^="#"]');
      if (!link) return;
      event.preventDefault();
      event.stopPropagation();
      if (link.matches(PLACE)) open(link);
      else if (link.getAttribute("href") === "#back") goBack();
    },
    true,
  );

  // The framework names each message by its source text, tags and all; a screen reader would read that out. The
  // message itself is text enough.
  const unname = () => {
    for (const one of document.querySelectorAll("#conversation [data-testid][aria-label*='<']")) {
      one.removeAttribute("aria-label");
    }
  };
  new MutationObserver(unname).observe(document.body, { subtree: true, attributeFilter: ["aria-label"], childList: true });

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
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (!card.hidden) hideCard();
    else if (pane()?.contains(document.activeElement)) goBack();
  });
}
