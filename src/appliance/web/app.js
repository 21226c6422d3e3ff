// Keeps an open page up to date, and sends what somebody with the token wants done. The page is whole without it.
"use strict";
(() => {
  const said = document.body.dataset;

  // New texts go into the elements that hold the old ones.
  const showTexts = (texts) => {
    for (const element of document.querySelectorAll("[data-live]")) {
      const text = texts[element.dataset.live];
      if (text !== undefined && element.textContent !== text) element.textContent = text;
    }
  };

  // What is more than a text is taken from the page made anew: the parts that differ, but none that somebody is typing in.
  const parts = (root) => [...root.querySelectorAll("header, main section")];
  const idOf = (part) => part.id || part.localName;
  // What the script itself changes is no difference.
  const plain = (part) => {
    const copy = part.cloneNode(true);
    for (const form of copy.querySelectorAll("form.act")) form.remove();
    for (const element of copy.querySelectorAll("[data-live], #liveness")) element.textContent = "";
    for (const details of copy.querySelectorAll("details")) details.open = false;
    return copy.innerHTML;
  };
  // Pictures that are there already are not fetched again.
  const keepPictures = (before, part) => {
    const known = new Map([...before.querySelectorAll("img")].map((image) => [image.getAttribute("src"), image]));
    for (const image of part.querySelectorAll("img")) {
      const same = known.get(image.getAttribute("src"));
      if (same) image.replaceWith(same);
    }
  };
  let fetching = false;
  const renew = async () => {
    if (fetching) return;
    fetching = true;
    try {
      const answer = await fetch(location.pathname, { cache: "no-store" });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const old = new Map(parts(document).map((part) => [idOf(part), part]));
      let isWhole = true;
      for (const part of parts(fresh)) {
        const before = old.get(idOf(part));
        if (!before || plain(before) === plain(part)) continue;
        if (before.contains(document.activeElement)) {
          isWhole = false;
          continue;
        }
        keepPictures(before, part);
        before.replaceWith(part);
        prepare(part);
      }
      // What was left out is taken with a later event.
      if (isWhole) document.body.dataset.shape = fresh.body.dataset.shape;
    } catch {
      // The next event tries again.
    } finally {
      fetching = false;
    }
  };

  const shapeIn = (event) =>
    said.study === "" ? event.shape : (event.studies.find((study) => study.study_key === said.study) || {}).shape;

  const sayLive = (isLive) => {
    const place = document.getElementById("liveness");
    if (place) place.textContent = isLive ? said.isLive : said.isStill;
  };

  const listen = () => {
    const events = new EventSource("/events");
    events.onopen = () => sayLive(true);
    events.onerror = () => sayLive(false);
    events.onmessage = (message) => {
      const event = JSON.parse(message.data);
      showTexts(event.texts);
      const shape = shapeIn(event);
      if (shape !== undefined && shape !== said.shape) renew().then(() => sayLive(true));
    };
  };

  // The token is held by its field alone.
  const send = async (form) => {
    const place = form.querySelector("output");
    const token = form.elements.token.value;
    place.textContent = said.actAsked;
    try {
      const answer = await fetch(form.dataset.act, { method: "POST", headers: { Authorization: "Bearer " + token } });
      const text = (await answer.text()).trim();
      place.textContent = answer.status === 202 ? said.actBegun : answer.ok ? said.actDone : said.actRefused + text;
      if (answer.ok) {
        form.elements.token.value = "";
        document.activeElement.blur();
      }
    } catch {
      place.textContent = said.actUnreachable;
    }
  };
  const prepare = (root) => {
    for (const form of root.querySelectorAll("form.act")) {
      form.hidden = false;
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        send(form);
      });
    }
  };

  prepare(document);
  listen();
})();
