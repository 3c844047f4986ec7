"use strict";
const byId = (id) => document.getElementById(id);
const read = (element) => JSON.parse(element.textContent);
const [INDEX, ORIGIN, FILE, DECISION, P, QUALITY] = [0, 1, 2, 3, 4, 5];
const cells = read(byId("cells"));
const band = read(byId("band"));
const signs = read(byId("signs"));
const classes = read(byId("classes"));
const packs = document.getElementsByClassName("thumbnails");
const packSize = packs.length ? read(packs[0]).length : 1;
const form = byId("filters");
const opened = new Map();
let page = 1;

// Thumbnails are read when they are first shown: most of the file is thumbnails.
function thumbnail(position) {
  const pack = Math.floor(position / packSize);
  if (!opened.has(pack)) opened.set(pack, read(packs[pack]));
  return opened.get(pack)[position % packSize];
}

const count = (n) => n.toLocaleString("en-US");
const codes = (cell) => (cell[QUALITY] || "").split(/[\s,;]+/).filter(Boolean);

function make(name, className, text) {
  const element = document.createElement(name);
  element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function picture(position, cell) {
  const data = thumbnail(position);
  if (!data) return make("div", "none", "no picture");
  const image = make("img", "");
  image.src = "data:image/jpeg;base64," + data;
  image.alt = "cell " + cell[INDEX];
  return image;
}

function scale(p) {
  const line = make("div", "scale");
  line.setAttribute("aria-hidden", "true");
  if (band) {
    const inside = line.appendChild(make("span", "band"));
    inside.style.left = 100 * band[0] + "%";
    inside.style.width = 100 * (band[1] - band[0]) + "%";
  }
  line.appendChild(make("span", "at")).style.left = 100 * p + "%";
  return line;
}

function card(position) {
  const cell = cells[position];
  const item = make("li", "cell " + classes[cell[DECISION]]);
  item.append(
    picture(position, cell),
    make("p", "decision", `${signs[cell[DECISION]]} ${cell[DECISION]} ${cell[P].toFixed(3)}`),
    scale(cell[P]),
    make("p", "name", `${cell[INDEX]}: ${cell[FILE]}`),
  );
  if (cell[QUALITY]) item.append(make("p", "quality", cell[QUALITY]));
  return item;
}

function chosen() {
  const decisions = [...form.decision].filter((box) => box.checked).map((box) => box.value);
  const [source, quality] = [form.source.value, form.quality.value];
  const text = form.text.value.toLowerCase();
  const positions = [];
  cells.forEach((cell, position) => {
    if (decisions.includes(cell[DECISION])
      && (!source || cell[ORIGIN] === source)
      && (!quality || codes(cell).includes(quality))
      && (!text || cell[FILE].toLowerCase().includes(text))) positions.push(position);
  });
  return positions;
}

function show() {
  const positions = chosen();
  const size = Number(form.size.value);
  page = Math.min(Math.max(page, 1), Math.max(Math.ceil(positions.length / size), 1));
  const start = (page - 1) * size;
  const here = positions.slice(start, start + size);
  byId("list").replaceChildren(...here.map(card));
  byId("status").textContent = here.length
    ? `${count(start + 1)} to ${count(start + here.length)} of ${count(positions.length)} cells`
    : "No cell is like this.";
  byId("previous").disabled = page === 1;
  byId("next").disabled = start + size >= positions.length;
}

// The address holds the filters: a view can be kept as a bookmark, and goes back and forth.
function toAddress() {
  const view = new URLSearchParams();
  const decisions = [...form.decision].filter((box) => box.checked).map((box) => box.value);
  if (decisions.length < form.decision.length) view.set("decision", decisions.join(","));
  for (const name of ["source", "quality", "text"]) {
    if (form[name].value) view.set(name, form[name].value);
  }
  if (form.size.selectedIndex) view.set("size", form.size.value);
  if (page > 1) view.set("page", page);
  history.replaceState(null, "", "#" + view);
}

function fromAddress() {
  const view = new URLSearchParams(location.hash.slice(1));
  form.reset();
  if (view.has("decision")) {
    const decisions = view.get("decision").split(",");
    for (const box of form.decision) box.checked = decisions.includes(box.value);
  }
  for (const name of ["source", "quality", "text", "size"]) {
    if (view.has(name)) form[name].value = view.get(name);
  }
  page = Number(view.get("page")) || 1;
  show();
}

function change() {
  page = 1;
  show();
  toAddress();
}

function turn(by) {
  page += by;
  show();
  toAddress();
  byId("cells-title").scrollIntoView();
}

function fill(select, values) {
  for (const value of [...new Set(values)].sort()) select.add(new Option(value, value));
}

fill(form.source, cells.map((cell) => cell[ORIGIN]));
fill(form.quality, cells.flatMap(codes));
byId("quality").hidden = form.quality.length === 1;
form.addEventListener("input", change);
form.addEventListener("submit", (event) => event.preventDefault());
byId("previous").addEventListener("click", () => turn(-1));
byId("next").addEventListener("click", () => turn(1));
byId("all").addEventListener("click", () => { location.hash = ""; });
addEventListener("hashchange", fromAddress);
fromAddress();
