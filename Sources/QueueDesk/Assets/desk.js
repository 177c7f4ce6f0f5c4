// Keeps what a page shows up to date. Without it, the page shows how things stood when it was asked for.
"use strict";
const base = new URL("./", document.currentScript.src);
const page = document.documentElement;

// Numbers, lines and what needs a person. The first event of a connection tells all of them, each other one what has changed since.
const main = document.querySelector("main");
const known = {texts: {}, lines: {}, findings: null, shape: null};
// When it was told last.
let heard = 0;
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
  const items = new Map([...list.children].map(item => [item.dataset.finding, item]));
  // Read aloud is only what is new.
  const fresh = findings.filter(({name}) => !items.has(name)).map(({text}) => text).join(". ");
  document.querySelector("[data-news]").textContent = fresh;
  const wanted = findings.map(finding => itemOf(finding, items.get(finding.name)));
  for (const item of items.values()) if (!wanted.includes(item)) item.remove();
  // One that is taken out and put in again has lost the focus.
  wanted.forEach((item, place) => {
    if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
  });
}
function itemOf({name, text, path}, item = document.createElement("li")) {
  if (!item.firstChild) item.append(document.createElement("a"));
  item.dataset.finding = name;
  const link = item.firstChild;
  link.href = base.pathname.replace(/\/$/, "") + path;
  if (link.textContent !== text) link.textContent = text;
  return item;
}

// Whoever reads may hold a page that changes by itself (WCAG 2.2, 2.2.2), here and on the pages after it, until they let it go on.
const pause = Number(main?.dataset.refresh);
const hold = document.createElement("button");
let isHeld = false;
// The latest that came meanwhile, and how it is shown.
let missed = null, show = () => {}, staleSince = null;
function setHeld(wanted) {
  isHeld = wanted;
  hold.setAttribute("aria-pressed", isHeld);
  try { isHeld ? localStorage.setItem("desk-held", "yes") : localStorage.removeItem("desk-held"); } catch { /* Then for this page. */ }
  if (!isHeld && missed) show(missed);
  missed = null;
  if (!isHeld && staleSince !== null) outdated(told = staleSince);
}

// A page that can't be brought up to date says so, and since when.
const note = document.querySelector("[data-stale]");
const silence = 20000;
let told = Date.now();
function upToDate(text = "") {
  told = Date.now();
  if (note.textContent !== text) note.textContent = text;
  page.dataset.live = "on";
}
function outdated(since) {
  if (isHeld) return;
  warn(`Not up to date since ${new Date(since).toISOString().slice(0, 19).replace("T", " ")}: the desk or its database does not answer.`);
}
function warn(text) {
  if (note.textContent !== text) note.textContent = text;
  page.dataset.live = "off";
}

if (places.texts.size > 0 && "EventSource" in window) {
  let source, next, watch;
  show = values => {
    const isOther = shape && values.shape !== shape.dataset.shape;
    if (isOther && !isBusy()) {
      stop();
      return location.reload();
    }
    update(values);
    if (values.findings) attend(values.findings);
    upToDate(isOther ? "Queues, topics or workers came or went: shown when nothing here is focused, selected or filled in." : "");
  };
  const address = new URL("live", base);
  const queue = document.querySelector("[data-queue]")?.dataset.queue;
  if (queue !== undefined) address.searchParams.set("queue", queue);
  const listen = () => {
    source = new EventSource(address);
    source.onmessage = event => {
      const values = JSON.parse(event.data);
      told = heard = Date.now();
      staleSince = null;
      for (const kind of ["texts", "lines"]) Object.assign(known[kind], values[kind]);
      known.shape = values.shape;
      known.findings = values.findings ?? known.findings;
      isHeld ? missed = known : show(values);
    };
    source.addEventListener("stale", event => {
      told = staleSince = Date.parse(JSON.parse(event.data).since);
      outdated(told);
    });
    source.onerror = () => {
      outdated(told);
      // What was refused is not tried again by the browser itself.
      if (source.readyState === EventSource.CLOSED) next = setTimeout(listen, 5000);
    };
  };
  function stop() {
    source?.close();
    clearTimeout(next);
    clearInterval(watch);
  }
  // All tabs of a browser share six connections to a desk: one that nobody sees gives its own back. What it has missed it is
  // told as soon as it is seen again.
  function listenWhileSeen() {
    stop();
    if (document.hidden) return;
    listen();
    // A line that fell silent says nothing at all.
    watch = setInterval(() => { if (Date.now() - told > silence) outdated(told); }, 5000);
  }
  listenWhileSeen();
  document.addEventListener("visibilitychange", listenWhileSeen);
  window.addEventListener("pagehide", stop);
  window.addEventListener("pageshow", event => { if (event.persisted) location.reload(); });
}

// Pages that look anew now and then, but never under somebody's hands.
function isBusy() {
  return isHeld || document.hidden || main.contains(document.activeElement) && document.activeElement !== main
    || !getSelection().isCollapsed || main.querySelector("input[type=checkbox]:checked, details[open]") !== null
    || [...main.querySelectorAll("input:not([type=hidden]):not([type=checkbox]), textarea")].some(i => i.value !== i.defaultValue)
    || [...main.querySelectorAll("select")].some(s => s.selectedIndex !== Math.max(0, [...s.options].findIndex(o => o.defaultSelected)));
}
async function refresh() {
  if (!isBusy()) {
    try {
      const answer = await fetch(location.href, {headers: {"Accept": "text/html"}});
      const other = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = other.querySelector("main");
      const warning = other.querySelector("[data-stale]")?.textContent;
      if (answer.ok && fresh && !isBusy()) {
        const position = [...main.querySelectorAll(".scroll")].map(s => s.scrollLeft);
        main.replaceChildren(...fresh.childNodes);
        [...main.querySelectorAll(".scroll")].forEach((s, i) => { s.scrollLeft = position[i] ?? 0; });
        // What came with the page may be of another moment than what was told.
        findPlaces();
        if (Date.now() - heard < silence) update(known);
      }
      if (!answer.ok) outdated(told);
      else if (warning) warn(warning);
      else upToDate();
    } catch { outdated(told); }
  }
  soon();
}
// Many that were opened together don't ask together for ever.
function soon() { setTimeout(refresh, pause * (0.9 + Math.random() / 5)); }
if (pause > 0) soon();

if (places.texts.size > 0 || pause > 0) {
  hold.type = "button";
  hold.className = "hold";
  hold.textContent = "Pause updates";
  hold.addEventListener("click", () => {
    setHeld(!isHeld);
    if (isHeld) note.textContent = "";
  });
  try { setHeld(localStorage.getItem("desk-held") === "yes"); } catch { setHeld(false); }
  document.querySelector("header").append(hold);
}
