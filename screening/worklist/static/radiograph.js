// Window, level, inversion and zoom on a radiograph. Without this script the picture stands alone.
// The values are loaded when somebody first changes the window: until then the small picture does.
import { addHeatMaps } from "./heat_map.js";

const LARGEST_ZOOM = 8;
const WHITE = 65535;

async function loadValues(address) {
  const answer = await fetch(address, { cache: "no-store" });
  if (!answer.ok) throw new Error(String(answer.status));
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const end = bytes.indexOf(10); // a line of JSON stands before the values
  const { rows, columns, low, high } = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  const view = new DataView(bytes.buffer, bytes.byteOffset + end + 1);
  const values = new Uint16Array(rows * columns);
  for (let n = 0; n < values.length; n++) values[n] = view.getUint16(2 * n, true);
  return { rows, columns, low, high, values };
}

// A grey level for each value: 0 up to `low`, 255 from `high` on.
function greyLevels(low, high, inverted) {
  const table = new Uint8ClampedArray(WHITE + 1);
  for (let value = 0; value <= WHITE; value++) {
    const grey = (255 * (value - low)) / Math.max(1, high - low);
    table[value] = inverted ? 255 - Math.min(255, Math.max(0, grey)) : grey;
  }
  return table;
}

function paint(canvas, { rows, columns, values }, table) {
  const context = canvas.getContext("2d", { alpha: false });
  const picture = context.createImageData(columns, rows);
  const pixels = new Uint32Array(picture.data.buffer);
  for (let n = 0; n < values.length; n++) pixels[n] = 0xff000000 | (table[values[n]] * 0x10101);
  context.putImageData(picture, 0, 0);
}

function control(kind, name, settings = {}) {
  const element = document.createElement(kind);
  if (kind === "button") {
    element.type = "button";
    element.textContent = name;
  }
  Object.assign(element, settings);
  return element;
}

class Radiograph {
  constructor(figure) {
    this.figure = figure;
    this.view = figure.querySelector(".view");
    this.picture = figure.querySelector("img");
    this.layers = figure.querySelector(".layers");
    this.zoom = 1;
    this.shift = { x: 0, y: 0 };
    this.inverted = false;
    this.addControls();
    this.view.addEventListener("pointerdown", (event) => this.drag(event));
    this.view.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.view.addEventListener("dblclick", () => this.reset());
  }

  addControls() {
    const of = `of image ${this.figure.dataset.number}`;
    const bar = control("div", "", { className: "controls" });
    const slider = (name) => {
      const input = control("input", name, { type: "range", min: 0, max: 100, step: 0.5 });
      input.addEventListener("input", () => this.slid());
      const label = control("label", "");
      label.append(name, control("span", "", { className: "unseen", textContent: ` ${of}` }), input);
      bar.append(label);
      return input;
    };
    this.level = slider("Level");
    this.width = slider("Window");
    const button = (name, act) => {
      const made = control("button", name);
      made.setAttribute("aria-label", `${name} ${of}`);
      made.addEventListener("click", act);
      bar.append(made);
      return made;
    };
    this.invert = button("Invert", () => this.invertGrey());
    this.invert.setAttribute("aria-pressed", "false");
    button("Zoom in", () => this.zoomTo(this.zoom * 1.5));
    button("Zoom out", () => this.zoomTo(this.zoom / 1.5));
    button("Reset", () => this.reset());
    this.note = control("p", "", { className: "note", role: "status" });
    bar.append(this.note);
    this.figure.append(bar);
    this.level.value = this.width.value = 50;
    this.note.textContent = "Drag: window and level. Shift and drag: move. Ctrl and wheel: zoom.";
  }

  // Puts a canvas in the place of the picture; once.
  async prepare() {
    this.prepared ??= loadValues(this.figure.dataset.values).then((found) => {
      this.found = found;
      this.canvas = control("canvas", "", { width: found.columns, height: found.rows });
      this.canvas.setAttribute("role", "img");
      this.canvas.setAttribute("aria-label", this.picture.alt);
      this.center = (found.low + found.high) / 2;
      this.span = found.high - found.low;
      this.picture.replaceWith(this.canvas);
      this.place();
      this.showSliders();
      this.paint();
    }, () => {
      this.prepared = undefined;
      this.note.textContent = "The values of this picture cannot be loaded. Try again later.";
    });
    await this.prepared;
    return this.found !== undefined;
  }

  paint() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = undefined;
      const table = greyLevels(this.center - this.span / 2, this.center + this.span / 2, this.inverted);
      paint(this.canvas, this.found, table);
    });
  }

  showSliders() {
    this.level.value = (100 * this.center) / WHITE;
    this.width.value = (100 * this.span) / WHITE;
  }

  setWindow(center, span) {
    this.center = Math.min(WHITE, Math.max(0, center));
    this.span = Math.min(WHITE, Math.max(WHITE / 200, span));
    this.paint();
  }

  async slid() {
    const [level, width] = [Number(this.level.value), Number(this.width.value)];
    if (await this.prepare()) {
      this.level.value = level;
      this.width.value = width;
      this.setWindow((level / 100) * WHITE, (width / 100) * WHITE);
    }
  }

  async invertGrey() {
    if (!(await this.prepare())) return;
    this.inverted = !this.inverted;
    this.invert.setAttribute("aria-pressed", String(this.inverted));
    this.paint();
  }

  reset() {
    this.shift = { x: 0, y: 0 };
    this.zoomTo(1);
    if (!this.found) return;
    this.inverted = false;
    this.invert.setAttribute("aria-pressed", "false");
    this.setWindow((this.found.low + this.found.high) / 2, this.found.high - this.found.low);
    this.showSliders();
  }

  zoomTo(zoom, at = { x: 0, y: 0 }) {
    const wanted = Math.min(LARGEST_ZOOM, Math.max(1, zoom));
    const ratio = wanted / this.zoom; // what is under the pointer stays there
    this.shift = { x: at.x - ratio * (at.x - this.shift.x), y: at.y - ratio * (at.y - this.shift.y) };
    this.zoom = wanted;
    if (wanted === 1) this.shift = { x: 0, y: 0 };
    if (wanted > 1.5) this.prepare(); // the values are finer than the picture
    this.place();
  }

  place() {
    const { x, y } = this.shift;
    const transform = `translate(${x}px, ${y}px) scale(${this.zoom})`;
    for (const layer of this.layers.children) layer.style.transform = transform;
  }

  // Lays something of the picture's size over it, which moves and grows with it.
  addLayer(layer) {
    if (layer.parentElement !== this.layers) this.layers.append(layer);
    this.place();
  }

  wheel(event) {
    if (!event.ctrlKey) return; // the page scrolls
    event.preventDefault();
    const box = this.view.getBoundingClientRect();
    const at = { x: event.clientX - box.x - box.width / 2, y: event.clientY - box.y - box.height / 2 };
    this.zoomTo(this.zoom * Math.exp(-event.deltaY / 400), at);
  }

  drag(start) {
    if (start.button !== 0 || (start.pointerType === "touch" && this.zoom === 1)) return;
    start.preventDefault();
    const moves = start.shiftKey || start.pointerType === "touch";
    const from = { ...this.shift };
    if (!moves) this.prepare();
    let began;
    const move = (event) => {
      const [x, y] = [event.clientX - start.clientX, event.clientY - start.clientY];
      if (moves) {
        this.shift = { x: from.x + x, y: from.y + y };
        this.place();
      } else if (this.found) {
        began ??= { center: this.center, span: this.span };
        const step = WHITE / 600; // a drag across the picture goes through all values
        this.setWindow(began.center - y * step, began.span + x * step);
        this.showSliders();
      }
    };
    const end = () => {
      this.view.removeEventListener("pointermove", move);
      this.view.removeEventListener("pointerup", end);
      this.view.removeEventListener("pointercancel", end);
    };
    this.view.setPointerCapture(start.pointerId);
    this.view.addEventListener("pointermove", move);
    this.view.addEventListener("pointerup", end);
    this.view.addEventListener("pointercancel", end);
  }
}

for (const figure of document.querySelectorAll("figure.radiograph")) addHeatMaps(new Radiograph(figure));
