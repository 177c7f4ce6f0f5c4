// Keeps what a page shows up to date. Without it, the page shows how things stood when it was asked for.
"use strict";
const base = new URL("./", document.currentScript.src);
const page = document.documentElement;

// Numbers, lines and what needs a person. The first event of a connection tells all of them, each other one what has changed since.
const known = {texts: {}, lines: {}};
const shape = document.querySelector("[data-shape]");
const noughts = ["0", "0.0", "\u2013", "nothing"];
let places;

function findPlaces() {
  places = {texts: new Map(), lines: new Map()};
  for (const place of document.querySelectorAll("main [data-live], main [data-live-points]")) {
    const {live, livePoints} = place.dataset;
    const [kind, name] = live === undefined ? [places.lines, livePoints] : [places.texts, live];
    kind.set(name, [...kind.get(name) ?? [], place]);
  }
}
findPlaces();

function update({texts, lines}) {
  for (const [name, text] of Object.entries(texts)) {
    for (const place of places.texts.get(name) ?? []) {
      if (place.textContent === text) continue;
      place.textContent = text;
      place.classList.toggle("nought", noughts.includes(text));
    }
  }
  for (const [name, points] of Object.entries(lines)) {
    for (const place of places.lines.get(name) ?? []) place.setAttribute("points", points);
  }
}

function attend(findings) {
  const section = document.querySelector("[data-attention]");
  if (!section) return;
  const list = section.querySelector("ul");
  const told = JSON.stringify(findings);
  if (section.dataset.told === told) return;
  section.dataset.told = told;
  list.replaceChildren(...findings.map(({text, path}) => {
    const link = document.createElement("a");
    link.href = base.pathname.replace(/\/$/, "") + path;
    link.textContent = text;
    const item = document.createElement("li");
    item.append(link);
    return item;
  }));
}

// A page that can't be brought up to date says so, and since when.
const note = document.querySelector("[data-stale]");
const silence = 20000;
let told = Date.now();
function upToDate() {
  told = Date.now();
  note.textContent = "";
  page.dataset.live = "on";
}
function outdated(since) {
  const text = `Not up to date since ${new Date(since).toISOString().slice(11, 19)}: the desk or its database does not answer.`;
  if (note.textContent !== text) note.textContent = text;
  page.dataset.live = "off";
}

if (places.texts.size > 0 && "EventSource" in window) {
  let source, next;
  const address = new URL("live", base);
  const queue = document.querySelector("[data-queue]")?.dataset.queue;
  if (queue !== undefined) address.searchParams.set("queue", queue);
  const listen = () => {
    source = new EventSource(address);
    source.onmessage = event => {
      const values = JSON.parse(event.data);
      if (shape && values.shape !== shape.dataset.shape) {
        source.close();
        return location.reload();
      }
      for (const kind of ["texts", "lines"]) Object.assign(known[kind], values[kind]);
      update(values);
      if (values.findings) attend(values.findings);
      upToDate();
    };
    source.addEventListener("stale", event => {
      told = Date.parse(JSON.parse(event.data).since);
      outdated(told);
    });
    source.onerror = () => {
      outdated(told);
      // What was refused is not tried again by the browser itself.
      if (source.readyState === EventSource.CLOSED) next = setTimeout(listen, 5000);
    };
  };
  listen();
  // A line that fell silent says nothing at all.
  const watch = setInterval(() => { if (Date.now() - told > silence) outdated(told); }, 5000);
  // A page that nobody sees asks for nothing, and begins anew when it is shown again.
  window.addEventListener("pagehide", () => {
    source.close();
    clearTimeout(next);
    clearInterval(watch);
  });
  window.addEventListener("pageshow", event => { if (event.persisted) location.reload(); });
}

// Pages that look anew now and then, but never under somebody's hands.
const pause = Number(document.querySelector("main")?.dataset.refresh);
function isBusy(main) {
  return document.hidden || main.contains(document.activeElement) && document.activeElement !== main
    || !getSelection().isCollapsed || main.querySelector("input[type=checkbox]:checked, details[open]") !== null
    || [...main.querySelectorAll("input:not([type=hidden]):not([type=checkbox]), textarea")].some(i => i.value !== i.defaultValue);
}
async function refresh() {
  const main = document.querySelector("main");
  if (!isBusy(main)) {
    try {
      const answer = await fetch(location.href, {headers: {"Accept": "text/html"}});
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
      if (answer.ok && fresh && !isBusy(main)) {
        const position = [...main.querySelectorAll(".scroll")].map(s => s.scrollLeft);
        main.replaceChildren(...fresh.childNodes);
        [...main.querySelectorAll(".scroll")].forEach((s, i) => { s.scrollLeft = position[i] ?? 0; });
        // What came with the page may be of another moment than what was told.
        findPlaces();
        update(known);
      }
      answer.ok ? upToDate() : outdated(told);
    } catch { outdated(told); }
  }
  setTimeout(refresh, pause);
}
if (pause > 0) setTimeout(refresh, pause);
