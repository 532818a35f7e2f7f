// Returns what stands against WCAG 2.2 in the page shown, as far as a document shows it: 1.3.1 and
// 4.1.2 (names), 1.3.5 (purpose of fields), 1.4.3 (contrast), 2.4.2, 2.4.3 (focus), 3.1.1.
const problems = [];
const named = (e) => (e.labels && e.labels.length) || e.getAttribute("aria-label")
  || e.getAttribute("aria-labelledby") || e.textContent.trim();
if (!document.documentElement.lang) problems.push("no language");
if (!document.title) problems.push("no title");
if (document.querySelectorAll("h1").length !== 1) problems.push("not one h1");
if (!document.querySelector("main")) problems.push("no main");
for (const e of document.querySelectorAll("input:not([type=hidden]), button, a, select, summary"))
  if (!named(e)) problems.push("without a name: " + e.outerHTML);
for (const e of document.querySelectorAll("input[type=password], input[type=text]"))
  if (!e.autocomplete) problems.push("without autocomplete: " + e.outerHTML);
for (const e of document.querySelectorAll("[aria-describedby]"))
  if (!document.getElementById(e.getAttribute("aria-describedby")))
    problems.push("describes nothing: " + e.outerHTML);
for (const e of document.querySelectorAll("[tabindex]"))
  if (e.tabIndex > 0) problems.push("changes the order of focus: " + e.outerHTML);
const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
if (new Set(ids).size !== ids.length) problems.push("an id is there twice");
const light = (rgb) => {
  const part = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  return 0.2126 * part(rgb[0]) + 0.7152 * part(rgb[1]) + 0.0722 * part(rgb[2]);
};
const colour = (text) => text.match(/[\d.]+/g).map(Number);
const ground = (e) => {
  for (; e; e = e.parentElement) {
    const found = colour(getComputedStyle(e).backgroundColor);
    if (found.length === 3 || found[3] > 0) return found;
  }
  return [255, 255, 255];
};
for (const e of document.querySelectorAll("body *")) {
  const says = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!says || !e.checkVisibility()) continue;
  const [a, b] = [light(colour(getComputedStyle(e).color)), light(ground(e))];
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (contrast < 4.5)
    problems.push("contrast " + contrast.toFixed(1) + ": " + e.textContent.trim());
}
return problems;
