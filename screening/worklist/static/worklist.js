// Asks for the board again every few seconds and changes what has changed. Without it the page
// reloads itself as a whole.
import { changeChildren } from "./in_place.js";
import { localise, renderedAt } from "./times.js";

const board = document.getElementById("board");
const freshness = document.getElementById("freshness");
const stale = document.getElementById("stale");
const announcement = document.getElementById("announcement");
const refreshMs = 1000 * Number(freshness.dataset.refreshS);
const address = `/board${location.search}`; // the same place in the list
let aheadMs = renderedAt - Date.now(); // of the server's clock: a wrong one here shows no wrong wait
let lastAnswer = Date.now();
let tag = "";

const now = () => Date.now() + aheadMs;

function studies() {
  return new Map([...board.querySelectorAll("tr[data-study]")].map(
    (row) => [row.dataset.study, row.dataset.priority]));
}

function show(html) {
  const before = studies();
  const focused = board.contains(document.activeElement) ? document.activeElement : null;
  const link = focused && focused.getAttribute("href");
  const wanted = document.createElement("template");
  wanted.innerHTML = html; // our own server's page, escaped there; scripts in it would not run
  localise(wanted.content, now());
  changeChildren(board, [...wanted.content.childNodes]);
  if (link && document.activeElement !== focused) // a row that moves loses the focus
    board.querySelector(`a[href="${CSS.escape(link)}"]`)?.focus({ preventScroll: true });
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
    const answer = await fetch(address, {
      cache: "no-store",
      headers: tag ? { "If-None-Match": tag } : {},
      signal: AbortSignal.timeout(10000),
    });
    if (answer.status === 401) {
      location.reload(); // the login has ended: names do not stay on the screen
      return;
    }
    if (!answer.ok && answer.status !== 304) throw new Error(String(answer.status));
    lastAnswer = Date.now();
    aheadMs = (Date.parse(answer.headers.get("Date")) || now()) - lastAnswer;
    if (answer.ok) {
      show(await answer.text());
      tag = answer.headers.get("ETag") || "";
    } else {
      localise(board, now());
    }
    const time = freshness.querySelector("time");
    time.dateTime = new Date(now()).toISOString();
    localise(freshness, now());
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
