// One zone on every page, the reader's. Without this script it is UTC, and each page says so.
const pad = (number) => String(number).padStart(2, "0");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "local time";

function moment(at) {
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} `
    + `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
}

// An offset such as UTC+09:00: of two equal times on the night when clocks go back, it tells which.
function offset(at) {
  const minutes = -at.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? "-" : "+"}${pad(Math.floor(size / 60))}:${pad(size % 60)}`;
}

// As `wording.waiting` writes it.
function waiting(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Writes every time below `root` in the reader's zone, and every wait as of `now` (ms since 1970,
// by the server's clock).
export function localise(root, now) {
  for (const element of root.querySelectorAll(".zone")) write(element, zone);
  for (const element of root.querySelectorAll("time.moment")) {
    const at = new Date(element.dateTime);
    write(element, moment(at));
    element.title = `${moment(at)} ${offset(at)}`;
  }
  for (const element of root.querySelectorAll("time.waiting")) {
    const at = new Date(element.dateTime);
    write(element, waiting((now - at) / 1000));
    element.title = `First image received ${moment(at)} ${offset(at)}`;
  }
}

export const renderedAt = Date.parse(document.body.dataset.at);
localise(document, renderedAt);
