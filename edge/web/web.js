"use strict";
// Keys press the buttons that name them. Nothing can be said of a picture that is not there yet.

for (const figure of document.querySelectorAll(".desk")) {
  const picture = figure.querySelector("img.cell");
  const buttons = [...figure.querySelectorAll("button")];
  const settle = () => {
    const there = picture.complete && picture.naturalWidth > 0;
    for (const button of buttons) button.disabled = !there;
  };
  picture.addEventListener("load", settle);
  picture.addEventListener("error", settle);
  settle();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (event.target.matches("input:not([type=checkbox])")) return;
  const key = event.key.toLowerCase();
  const button = [...document.querySelectorAll("button[data-key]")]
    .find((each) => each.dataset.key === key);
  if (button && !button.disabled) {
    event.preventDefault();
    button.click();
  }
});

// A form is sent once, however often a key is pressed.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload(); // a page of before: what it shows may be answered
});

// Many cells: one can be marked when its picture has been on the screen as a whole. They come disabled:
// without this script none can be.
const unseen = [...document.querySelectorAll("input[data-unseen]")];
if (unseen.length) {
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const picture = entry.target;
      if (entry.intersectionRatio < 0.95) continue;
      const see = () => {
        picture.closest("label").querySelector("input").disabled = false;
        watch.unobserve(picture);
      };
      if (picture.complete && picture.naturalWidth > 0) see();
      else picture.addEventListener("load", see, { once: true });
    }
  }, { threshold: 0.95 });
  for (const box of unseen) {
    box.disabled = true;
    watch.observe(box.closest("label").querySelector("img"));
  }
}

// The smear that goes on: shown with each change, read out when it is another one or after a while.
const READ_OUT = 30000; // milliseconds
let readOut = 0;
function follow(smear) {
  const place = document.getElementById("smear");
  if (smear && smear.id > Number(place ? place.dataset.last : 0)) {
    if (!document.activeElement.matches("input")) location.reload(); // nobody types
    return;
  }
  const says = smear ? smear.says : "None goes on.";
  if (!place || place.textContent === says) return;
  place.textContent = says;
  if (performance.now() < readOut) return;
  readOut = performance.now() + READ_OUT;
  document.getElementById("smear-said").textContent = says;
}

// The first page follows the run.
const run = document.getElementById("run");
if (run) {
  const stale = document.getElementById("stale");
  const events = new EventSource("/events");
  events.addEventListener("open", () => { stale.hidden = true; });
  events.addEventListener("error", () => { stale.hidden = false; });
  events.addEventListener("state", (event) => {
    const state = JSON.parse(event.data);
    if (state.run > Number(run.dataset.run)) {
      location.reload();
      return;
    }
    for (const place of document.querySelectorAll("[data-count]")) {
      const count = state.counts[place.dataset.count];
      if (count !== undefined) place.textContent = count.toLocaleString("en");
    }
    const field = document.getElementById("field");
    const source = `/live.jpg?v=${state.field}`;
    document.getElementById("live").hidden = state.field === "0";
    if (state.field !== "0" && field.getAttribute("src") !== source) field.src = source;
    follow(state.smear);
    document.documentElement.dataset.events = "yes";
  });
  window.addEventListener("pagehide", () => events.close());
}
