// Asks for the table again whenever the collector says that time has passed. Everything that is shown is made and
// escaped there; without this script the page is the same and stands still.
"use strict";

const fleet = document.getElementById("fleet");
let asking = false;

async function refresh() {
  if (asking || document.hidden) return;
  asking = true;
  try {
    const answer = await fetch("/table" + location.search);
    if (!answer.ok) return;
    const html = await answer.text();
    const begun = performance.now();
    const region = fleet.querySelector(".wide");
    const place = [region.scrollLeft, region.scrollTop];
    const focused = fleet.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    fleet.innerHTML = html;
    const anew = fleet.querySelector(".wide");
    [anew.scrollLeft, anew.scrollTop] = place;
    if (focused) fleet.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    fleet.getBoundingClientRect();
    fleet.dataset.redrawMs = (performance.now() - begun).toFixed(1);
  } finally {
    asking = false;
  }
}

const events = new EventSource("/events");
events.onmessage = refresh;
events.onerror = () => document.body.classList.add("deaf");
events.onopen = () => document.body.classList.remove("deaf");
