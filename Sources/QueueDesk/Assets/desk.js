// Keeps what a page shows up to date. Without it, the page shows how things stood when it was asked for.
"use strict";
const places = [...document.querySelectorAll("[data-live], [data-live-points]")];
if (places.length > 0 && "EventSource" in window) {
  const base = new URL("./", document.currentScript.src);
  const source = new EventSource(new URL("live", base));
  source.onmessage = event => {
    const {texts, lines} = JSON.parse(event.data);
    for (const place of places) {
      const text = texts[place.dataset.live];
      if (text !== undefined && place.textContent !== text) place.textContent = text;
      const points = lines[place.dataset.livePoints];
      if (points !== undefined) place.setAttribute("points", points);
    }
    document.documentElement.dataset.live = "on";
  };
  source.onerror = () => { document.documentElement.dataset.live = "off"; };
  // A page that nobody sees asks for nothing, and begins anew when it is shown again.
  window.addEventListener("pagehide", () => source.close());
  window.addEventListener("pageshow", event => { if (event.persisted) location.reload(); });
}
