// Keys for those who leave the mouse alone. Nothing is done while somebody types.
const KEYS = [
  ["j", "next study"],
  ["k", "previous study"],
  ["Enter", "open the study"],
  ["/", "search"],
  ["n", "next page of the list"],
  ["p", "previous page of the list"],
  ["u", "back to the list"],
  ["?", "these keys"],
];
const rows = () => [...document.querySelectorAll("tr[data-study] .patient a")];
let last; // the study that was chosen last: its row may have been moved

function move(step) {
  const links = rows();
  if (links.length === 0) return;
  const focused = links.indexOf(document.activeElement);
  const here = focused >= 0 ? focused : links.findIndex((link) => link.getAttribute("href") === last);
  const next = here < 0 ? (step > 0 ? 0 : links.length - 1) : here + step;
  const link = links[Math.min(links.length - 1, Math.max(0, next))];
  last = link.getAttribute("href");
  link.focus();
  link.closest("tr").scrollIntoView({ block: "nearest" });
}

function follow(selector) {
  document.querySelector(selector)?.click();
}

function help() {
  let dialog = document.querySelector("dialog.keys");
  if (!dialog) {
    dialog = document.createElement("dialog");
    dialog.className = "keys";
    dialog.setAttribute("aria-labelledby", "keys");
    const title = document.createElement("h2");
    title.id = "keys";
    title.textContent = "Keys";
    const list = document.createElement("dl");
    for (const [key, meaning] of KEYS) {
      const term = document.createElement("dt");
      const shown = document.createElement("kbd");
      shown.textContent = key;
      term.append(shown);
      const text = document.createElement("dd");
      text.textContent = meaning;
      list.append(term, text);
    }
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "Close";
    close.addEventListener("click", () => dialog.close());
    dialog.append(title, list, close);
    document.body.append(dialog);
  }
  dialog.showModal();
}

const DO = {
  j: () => move(1),
  k: () => move(-1),
  "/": () => document.getElementById("search")?.focus(),
  n: () => follow(".pages a[rel=next]"),
  p: () => follow(".pages a[rel=prev]"),
  u: () => follow(".back a"),
  "?": help,
};

document.addEventListener("keydown", (event) => {
  const types = event.target.closest("input, select, textarea, dialog");
  if (event.key === "Escape" && event.target.id === "search") event.target.blur();
  if (types || event.ctrlKey || event.metaKey || event.altKey || !(event.key in DO)) return;
  event.preventDefault();
  DO[event.key]();
});
