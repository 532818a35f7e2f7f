// Changes a part of the page into another with as little as possible: what is the same stays, and
// with it the reader's selection, focus and place.
const study = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.dataset.study : undefined);

export function changeInto(shown, wanted) {
  if (shown.isEqualNode(wanted)) return;
  if (shown.nodeType !== Node.ELEMENT_NODE || shown.nodeName !== wanted.nodeName
      || study(shown) !== study(wanted)) {
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
  const rows = new Map([...parent.children].filter(study).map((row) => [study(row), row]));
  const staying = new Set(wanted.map(study));
  for (const [key, row] of rows) if (!staying.has(key)) row.remove();
  let here = parent.firstChild;
  for (const next of wanted) {
    const row = study(next) && rows.get(study(next));
    if (row) {
      if (row === here) here = here.nextSibling;
      else parent.insertBefore(row, here);
      changeInto(row, next);
    } else if (here && !study(here) && !study(next) && here.nodeName === next.nodeName) {
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
