// Lays a network's heat-map over a radiograph. The classify worker computes it: this page asks for
// it, hears by the server's events that something changed, and asks what there is.
const DRAWN_PIXELS = 512;
const ASK_AGAIN_MS = 5000;
// Viridis: rises in lightness, and tells apart for the colour-blind.
const COLOURS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];

function colour(value) {
  const place = (value / 255) * (COLOURS.length - 1);
  const below = Math.min(COLOURS.length - 2, Math.floor(place));
  return [0, 1, 2].map((n) => COLOURS[below][n] + (place - below) * (COLOURS[below + 1][n] - COLOURS[below][n]));
}

function cellsOf({ rows, columns, values }) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: columns, height: rows });
  const context = canvas.getContext("2d");
  const picture = context.createImageData(columns, rows);
  [...atob(values)].forEach((one, n) => {
    const value = one.charCodeAt(0);
    picture.data.set([...colour(value), value], 4 * n);
  });
  context.putImageData(picture, 0, 0);
  return canvas;
}

// Where a map is hottest, in words: what the picture shows to those who see it.
function hottest({ rows, columns, values, box, is_empty: isEmpty }) {
  if (isEmpty) return "nothing in the image speaks for this class";
  const place = atob(values).indexOf(String.fromCharCode(255));
  const [left, top, right, bottom] = box;
  const down = top + ((Math.floor(place / columns) + 0.5) / rows) * (bottom - top);
  const across = left + (((place % columns) + 0.5) / columns) * (right - left);
  const third = (fraction, names) => names[Math.min(2, Math.floor(3 * fraction))];
  return `hottest in the ${third(down, ["upper", "middle", "lower"])} ${third(across, ["left", "centre", "right"])} of the picture`;
}

function made(kind, values = {}, ...children) {
  const element = Object.assign(document.createElement(kind), values);
  element.append(...children);
  return element;
}

class HeatMaps {
  constructor(radiograph) {
    this.radiograph = radiograph;
    this.figure = radiograph.figure;
    this.of = `of image ${this.figure.dataset.number}`;
    this.address = this.figure.dataset.heatMaps;
    this.button = made("button", { type: "button", textContent: "Heat-map" });
    this.button.setAttribute("aria-label", `Heat-map ${this.of}`);
    this.button.setAttribute("aria-pressed", "false");
    this.button.addEventListener("click", () => (this.wanted ? this.hide() : this.show()));
    this.note = made("p", { className: "note" });
    this.note.setAttribute("role", "status");
    this.choices = made("div", { className: "choices", hidden: true });
    this.figure.append(made("div", { className: "controls heat-map" }, this.button, this.choices, this.note));
  }

  async show() {
    this.wanted = true;
    this.button.setAttribute("aria-pressed", "true");
    if (this.maps) return this.draw();
    this.say("Asking for the heat-map.");
    await this.look(true);
  }

  hide() {
    this.wanted = false;
    this.button.setAttribute("aria-pressed", "false");
    this.listen(false);
    this.canvas?.remove();
    this.choices.hidden = true;
    this.say("");
  }

  say(text) {
    if (this.note.textContent !== text) this.note.textContent = text;
  }

  fail(text) {
    this.hide();
    this.say(text);
  }

  // Asks what there is, and for the computation where nobody has yet.
  async look(mayAsk) {
    try {
      const found = await this.answer(fetch(this.address, { cache: "no-store" }));
      if (!this.wanted || !found) return;
      if (found.state === "made") this.take(found);
      else if (mayAsk && (found.state === "none" || found.state === "failed")) await this.ask();
      else if (found.state === "failed" || found.state === "refused") this.fail(`No heat-map: ${found.text}`);
      else this.wait();
    } catch {
      this.fail("The heat-map cannot be asked for now. Try again later.");
    }
  }

  async ask() {
    const body = new URLSearchParams({ form_token: this.figure.dataset.formToken });
    const found = await this.answer(fetch(this.address, { method: "POST", body }));
    if (found?.state === "refused") this.fail(`No heat-map: ${found.text}`);
    else if (found) this.wait();
  }

  async answer(asked) {
    const answer = await asked;
    if (answer.status === 401) location.reload(); // the login has ended
    const found = await answer.json();
    if (found.state === undefined || found.advice) throw new Error(String(answer.status));
    return found;
  }

  wait() {
    this.say("The classifier computes the heat-map, between two batches of images. It appears here by itself.");
    this.listen(true);
  }

  listen(isWanted) {
    clearInterval(this.timer);
    if (!isWanted) {
      this.events?.close();
      this.events = undefined;
      return;
    }
    this.timer = setInterval(() => this.look(false), ASK_AGAIN_MS); // where the server cannot say so
    if (this.events) return;
    this.events = new EventSource("/changes");
    this.events.addEventListener("changed", () => this.look(false));
  }

  take(found) {
    this.listen(false);
    this.found = found;
    this.maps = grouped(found.maps);
    this.canvas = made("canvas", { className: "heat" });
    this.canvas.setAttribute("role", "img");
    this.addChoices();
    this.choose([...this.maps.keys()][0]);
  }

  addChoices() {
    const members = made("span", { className: "members" });
    members.setAttribute("role", "group");
    members.setAttribute("aria-label", `Network whose heat-map is shown, ${this.of}`);
    this.buttons = new Map([...this.maps.keys()].map((member) => {
      const button = made("button", { type: "button", textContent: member });
      button.addEventListener("click", () => this.choose(member));
      return [member, button];
    }));
    members.append(...this.buttons.values());
    const unseen = () => made("span", { className: "unseen", textContent: ` of the heat-map ${this.of}` });
    this.classes = made("select");
    this.classes.addEventListener("change", () => this.draw());
    this.opacity = made("input", { type: "range", min: 0, max: 100, step: 5, value: 60 });
    this.opacity.addEventListener("input", () => this.fade());
    this.choices.append(
      members,
      made("label", {}, "Class", unseen(), this.classes),
      made("label", {}, "Opacity", unseen(), this.opacity),
    );
  }

  // Shows a network's map, first of the class that it finds most probable.
  choose(member) {
    this.member = member;
    for (const [name, button] of this.buttons) button.setAttribute("aria-pressed", String(name === member));
    const maps = this.maps.get(member);
    this.classes.replaceChildren(...maps.map((one) => made("option", {
      value: one.class, textContent: one.scored ? `${one.title}, raw ${one.scored}` : one.title,
    })));
    this.classes.value = maps.reduce((best, one) => (one.score > best.score ? one : best)).class;
    this.draw();
  }

  draw() {
    const map = this.maps.get(this.member).find((one) => one.class === this.classes.value);
    const shown = this.radiograph.canvas ?? this.radiograph.picture;
    const [width, height] = [shown.naturalWidth || shown.width, shown.naturalHeight || shown.height];
    this.canvas.width = DRAWN_PIXELS;
    this.canvas.height = Math.max(1, Math.round((DRAWN_PIXELS * height) / Math.max(1, width)));
    const [left, top, right, bottom] = map.box;
    const place = [
      left * this.canvas.width, top * this.canvas.height,
      (right - left) * this.canvas.width, (bottom - top) * this.canvas.height,
    ];
    const context = this.canvas.getContext("2d");
    context.drawImage(cellsOf(map), ...place);
    context.strokeStyle = "#ffffffb0"; // what the network was shown of the radiograph
    context.setLineDash([6, 6]);
    context.strokeRect(...place);
    const untrained = this.found.untrained ? "UNTRAINED network: it means nothing. " : "";
    const what = `Heat-map of ${map.member} for ${map.title}`;
    this.canvas.setAttribute("aria-label", `${what}, ${this.of}: ${hottest(map)}`);
    this.say(`${untrained}${what}, ${hottest(map)}. ${this.found.about} Research use. Yellow: most; `
      + `no colour: nothing. It is as coarse as ${map.cells[0]} × ${map.cells[1]} cells in the dashed frame. `
      + `Bundle ${this.found.bundle}.`);
    this.choices.hidden = false;
    this.radiograph.addLayer(this.canvas);
    this.fade();
  }

  fade() {
    this.canvas.style.opacity = this.opacity.value / 100;
  }
}

function grouped(maps) {
  const members = new Map();
  for (const one of maps) members.set(one.member, [...(members.get(one.member) ?? []), one]);
  return members;
}

export function addHeatMaps(radiograph) {
  if (radiograph.figure.dataset.heatMaps) new HeatMaps(radiograph);
}
