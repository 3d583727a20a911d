// Sorts, filters and unfolds the questions in a report. Without this script, all questions are shown, unfolded.
"use strict";

document.documentElement.classList.add("js");

document.addEventListener("DOMContentLoaded", () => {
  const table = document.querySelector("table.questions");
  const tools = document.querySelector("form.tools");
  const questions = [...table.tBodies];
  const words = new Map();

  const textOf = (question) => {
    if (!words.has(question)) words.set(question, question.textContent.toLowerCase());
    return words.get(question);
  };

  const open = (question, isOpen) => {
    question.classList.toggle("open", isOpen);
    question.querySelector("button.open").setAttribute("aria-expanded", String(isOpen));
  };

  const filter = () => {
    const kind = tools.querySelector("input:checked").value;
    const wanted = tools.querySelector("input[type=search]").value.trim().toLowerCase();
    let shown = 0;
    for (const question of questions) {
      const passes = (!kind || question.classList.contains(kind)) && (!wanted || textOf(question).includes(wanted));
      question.hidden = !passes;
      shown += passes;
    }
    tools.querySelector(".shown").textContent = `${shown} of ${questions.length} shown`;
  };

  // Compare numbers as numbers and words as words; empty cells come last in both directions.
  const byColumn = (column, sign) => (one, other) => {
    const [a, b] = [one, other].map((question) => question.rows[0].cells[column].textContent.trim());
    if (!a || !b) return (a ? 0 : 1) - (b ? 0 : 1);
    const difference = Number(a) - Number(b);
    return sign * (Number.isNaN(difference) ? a.localeCompare(b, undefined, { numeric: true }) : difference);
  };

  const sort = (head) => {
    const next = { ascending: "descending", descending: null }[head.getAttribute("aria-sort")];
    const order = next === undefined ? "ascending" : next;
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    if (order) head.setAttribute("aria-sort", order);
    const sign = order === "descending" ? -1 : 1;
    const sorted = order ? [...questions].sort(byColumn(head.cellIndex, sign)) : questions;
    table.append(...sorted);
  };

  table.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.classList.contains("open")) {
      const question = button.closest("tbody");
      open(question, !question.classList.contains("open"));
    } else {
      sort(button.closest("th"));
    }
  });
  tools.addEventListener("input", filter);
  tools.addEventListener("submit", (event) => event.preventDefault());
  filter(); // a browser may restore the filter when the page is reloaded

  // Follow links to questions here: in a report embedded in another page, the browser would resolve them against that page.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#question-']");
    if (!link) return;
    event.preventDefault();
    const question = document.getElementById(link.getAttribute("href").slice(1));
    question.hidden = false;
    open(question, true);
    question.querySelector("button.open").focus();
    question.scrollIntoView({ block: "start" });
  });
});
