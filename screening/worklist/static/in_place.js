// Changes a part of the page into another with as little as possible: what is the same stays, and
// with it the reader's selection, focus and place.

// What tells a part of the board, or a study's row, from others.
const key = (node) =>
  node.nodeType === Node.ELEMENT_NODE ? node.dataset.part || node.dataset.study : undefined;

export function changeInto(shown, wanted) {
  if (shown.isEqualNode(wanted)) return;
  if (shown.nodeType !== Node.ELEMENT_NODE || shown.nodeName !== wanted.nodeName
      || key(shown) !== key(wanted)) {
    shown.replaceWith(wanted.cloneNode(true));
    return;
  }
  for (const { name } of [...shown.attributes])
    if (!wanted.hasAttribute(name)) shown.removeAttribute(name);
  for (const { name, value } of wanted.attributes)
    if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
  changeChildren(shown, [...wanted.childNodes]);
}

export function changeChildren(parent, wanted) {
  const rows = new Map([...parent.children].filter(key).map((row) => [key(row), row]));
  const staying = new Set(wanted.map(key));
  for (const [name, row] of rows) if (!staying.has(name)) row.remove();
  let here = parent.firstChild;
  for (const next of wanted) {
    const row = key(next) && rows.get(key(next));
    if (row) {
      here = makeWay(parent, here, row);
      if (row === here) here = here.nextSibling;
      else parent.insertBefore(row, here);
      changeInto(row, next);
    } else if (here && !key(here) && !key(next) && here.nodeName === next.nodeName) {
      const old = here;
      here = here.nextSibling;
      changeInto(old, next);
    } else {
      parent.insertBefore(next.cloneNode(true), here);
    }
  }
  while (here) {
    const old = here;
    here = here.nextSibling;
    old.remove();
  }
}

// Lets a row that stays where it is be the next one, where what stands before it is a gap that a
// row left behind, or a row that has moved down: a row that is moved loses selection and focus.
function makeWay(parent, here, row) {
  while (here && here.nodeType === Node.TEXT_NODE) {
    const gap = here;
    here = here.nextSibling;
    gap.remove();
  }
  if (!here || here.nextElementSibling !== row) return here;
  parent.append(here); // its own turn comes
  return row;
}
