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

// An order that moves on is told at once; what has changed is then asked for.
async function refresh() {
  const answer = await fetch(location.href, {headers: {"Accept": "text/html"}});
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
  main.replaceChildren(...fresh.childNodes);
}
const order = document.querySelector("[data-order]");
if (order && order.dataset.over === "no" && "EventSource" in window) {
  const source = new EventSource(`/orders/${order.dataset.order}/events`);
  source.onmessage = async () => {
    await refresh();
    if (document.querySelector("[data-order]")?.dataset.over === "yes") source.close();
  };
  window.addEventListener("pagehide", () => source.close());
}
