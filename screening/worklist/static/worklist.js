// Fetches the board again every few seconds. Without it the page reloads itself as a whole.
"use strict";

const board = document.getElementById("board");
const freshness = document.getElementById("freshness");
const stale = document.getElementById("stale");
const announcement = document.getElementById("announcement");
const refreshMs = 1000 * Number(freshness.dataset.refreshS);
let lastAnswer = Date.now();
let lastHtml = null;

function studies() {
  return new Map([...board.querySelectorAll("tr[data-study]")].map(
    (row) => [row.dataset.study, row.dataset.priority]));
}

function show(html) {
  if (html === lastHtml) return;
  lastHtml = html;
  const before = studies();
  const focused = board.contains(document.activeElement) ? document.activeElement : null;
  const address = focused && focused.getAttribute("href");
  const scroller = board.querySelector(".scroller");
  const left = scroller ? scroller.scrollLeft : 0;
  // our own server's page, escaped there; scripts in it would not run
  board.innerHTML = html;
  const after = board.querySelector(".scroller");
  if (after) after.scrollLeft = left;
  if (address) board.querySelector(`a[href="${CSS.escape(address)}"]`)?.focus({ preventScroll: true });
  else if (focused && after) after.focus({ preventScroll: true });
  announce(before);
}

function announce(before) {
  const arrived = [...studies()].filter(([study]) => !before.has(study));
  if (arrived.length === 0) return;
  const urgent = arrived.filter(([, priority]) => priority === "STAT").length;
  announcement.textContent =
    `${arrived.length} new ${arrived.length === 1 ? "study" : "studies"}, ${urgent} of them STAT`;
}

async function refresh() {
  try {
    const answer = await fetch("/board", { cache: "no-store", signal: AbortSignal.timeout(10000) });
    if (answer.status === 401) {
      location.reload(); // the login has ended: names do not stay on the screen
      return;
    }
    if (!answer.ok) throw new Error(String(answer.status));
    show(await answer.text());
    lastAnswer = Date.now();
    freshness.textContent = `Updated ${new Date().toLocaleTimeString()}`;
  } catch {
    // shown below once it lasts
  }
  stale.hidden = Date.now() - lastAnswer < 3 * refreshMs;
  setTimeout(refresh, refreshMs);
}

document.addEventListener("visibilitychange", () => {
  stale.hidden = Date.now() - lastAnswer < 3 * refreshMs;
});
setTimeout(refresh, refreshMs);
