// Makes the pages live: stock hints, an order on its way, and a form that is sent once. All of it works without.
"use strict";
const main = document.querySelector("main");

// How well each size is stocked.
const places = [...document.querySelectorAll("option[data-size], [data-stock]")];
async function hint() {
  if (!document.hidden) {
    try {
      const hints = await (await fetch("/stock")).json();
      for (const place of places) {
        const text = hints[place.value ?? place.dataset.stock];
        if (text === undefined) continue;
        const shown = place.dataset.size ? `${place.dataset.size} \u00b7 ${text}` : text;
        if (place.textContent !== shown) place.textContent = shown;
        if (place.dataset.size) place.disabled = text === "sold out";
      }
    } catch { /* The next time tells. */ }
  }
  setTimeout(hint, 5000);
}
if (places.length > 0) setTimeout(hint, 5000);

// A second click changes nothing: the form has a name of its own. This only keeps it from looking as if.
for (const form of document.querySelectorAll("form.checkout")) {
  form.addEventListener("submit", () => { form.querySelector("button").setAttribute("aria-busy", "true"); });
}

// Orders that move on are told at once; what has changed is then asked for, however much was told meanwhile.
const followed = document.querySelector("[data-follow]");

// What is read aloud stays the same element: one that is new says nothing.
function show(fresh) {
  Object.assign(followed.dataset, fresh.dataset);
  const [status, news] = [followed, fresh].map(part => part.querySelector("[role=status]"));
  if (!status || !news) return followed.replaceChildren(...fresh.childNodes);
  if (status.textContent !== news.textContent) status.textContent = news.textContent;
  news.remove();
  while (status.nextSibling) status.nextSibling.remove();
  status.after(...fresh.childNodes);
}
async function ask() {
  try {
    const answer = await fetch(location.href, {headers: {"Accept": "text/html"}});
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-follow]");
    if (answer.ok && fresh) show(fresh);
    return answer.ok;
  } catch { return false; }
}
let isAsking = false, isWanted = false;
async function refresh() {
  isWanted = true;
  if (isAsking) return;
  isAsking = true;
  while (isWanted) {
    isWanted = false;
    if (await ask()) continue;
    isWanted = true;
    await new Promise(next => setTimeout(next, 2000));
  }
  isAsking = false;
}
if (followed && followed.dataset.over === "no" && "EventSource" in window) {
  let source, next;
  const listen = () => {
    source = new EventSource(`${followed.dataset.follow}?after=${followed.dataset.place}`);
    source.onmessage = async () => {
      await refresh();
      if (followed.dataset.over === "yes") stop();
    };
    // What was refused is not tried again by the browser itself.
    source.onerror = () => { if (source.readyState === EventSource.CLOSED) next = setTimeout(listen, 5000); };
  };
  const stop = () => {
    source?.close();
    clearTimeout(next);
  };
  // All tabs of a browser share six connections to a shop: one that nobody sees gives its own back, and asks from its place on
  // when it is seen again.
  const listenWhileSeen = () => {
    stop();
    if (!document.hidden && followed.dataset.over !== "yes") listen();
  };
  listenWhileSeen();
  document.addEventListener("visibilitychange", listenWhileSeen);
  window.addEventListener("pagehide", stop);
  window.addEventListener("pageshow", event => { if (event.persisted) location.reload(); });
}
