// Asks for the board again when the server says that it has changed, and every few seconds where the
// server cannot say so; changes what has changed. Without it the page reloads itself as a whole.
import { changeChildren } from "./in_place.js";
import { localise, renderedAt } from "./times.js";

const board = document.getElementById("board");
const freshness = document.getElementById("freshness");
const stale = document.getElementById("stale");
const announcement = document.getElementById("announcement");
const refreshMs = 1000 * Number(freshness.dataset.refreshS);
const listeningMs = 3 * refreshMs; // between questions while the server tells of changes
const address = `${board.dataset.board}${location.search}`; // the same place in the list
let aheadMs = renderedAt - Date.now(); // of the server's clock: a wrong one here shows no wrong wait
let lastAnswer = Date.now();
let tag = "";
let events; // of the server, while this page is seen
let asking; // the question under way
let askAgain = false;
let next; // the timer of the next question

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

// The server has just said that what is shown is up to date, or answered a question.
function upToDate() {
  lastAnswer = Date.now();
  const time = freshness.querySelector("time");
  time.dateTime = new Date(now()).toISOString();
  localise(freshness, now());
  stale.hidden = true;
}

const isListening = () => events?.readyState === EventSource.OPEN;

async function refresh() {
  if (asking) {
    askAgain = true; // what is under way may have been read before the change
    return asking;
  }
  clearTimeout(next);
  asking = ask();
  await asking;
  asking = undefined;
  stale.hidden = Date.now() - lastAnswer < 3 * refreshMs;
  next = setTimeout(refresh, isListening() ? listeningMs : refreshMs);
  if (askAgain) {
    askAgain = false;
    refresh();
  }
}

async function ask() {
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
    const answered = Date.now();
    aheadMs = (Date.parse(answer.headers.get("Date")) || now()) - answered;
    if (answer.ok) {
      show(await answer.text());
      tag = answer.headers.get("ETag") || "";
    } else {
      localise(board, now());
    }
    upToDate();
  } catch {
    // shown by `refresh` once it lasts
  }
}

// One connection for each page that is seen: browsers allow a handful to one server.
function listen() {
  if (document.hidden) {
    events?.close();
    events = undefined;
  } else if (!events || events.readyState === EventSource.CLOSED) {
    events = new EventSource("/changes");
    events.addEventListener("changed", () => refresh());
    events.addEventListener("current", () => {
      localise(board, now());
      upToDate();
    });
    events.addEventListener("error", () => {
      if (events?.readyState === EventSource.CLOSED) setTimeout(listen, 60000); // refused: full, or no login
    });
  }
}

document.addEventListener("visibilitychange", () => {
  stale.hidden = Date.now() - lastAnswer < 3 * refreshMs;
  listen();
  if (!document.hidden) refresh();
});
next = setTimeout(refresh, refreshMs);
setInterval(() => { stale.hidden = Date.now() - lastAnswer < 3 * refreshMs; }, refreshMs);
listen();
