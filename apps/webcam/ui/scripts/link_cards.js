// A card and its face belong together: pointing at one, or focusing or tapping it, marks the other. And the result as a
// sentence for screen readers, from time to time.
//
// The cards are replaced with every frame. What is marked is therefore kept here, and put into an attribute of what
// stays; the mark in the picture is an element of its own.
(() => {
  const SUMMARY_EVERY_MS = 6000, TABS = [["mien-live", "mien-camera"], ["mien-image", "mien-picture"]];
  const marked = {}, chosen = {}, summaries = {};  // by the panel's id: the marked face; the chosen one; what was said
  let focused = null;  // the card that has the focus: [panel's id, face]

  // Where the picture lies in its element, which it fills as `object-fit: contain`.
  const pictureArea = (image) => {
    const frame = image.getBoundingClientRect();
    const scale = Math.min(frame.width / image.naturalWidth, frame.height / image.naturalHeight);
    const width = image.naturalWidth * scale, height = image.naturalHeight * scale;
    return { left: frame.left + (frame.width - width) / 2, top: frame.top + (frame.height - height) / 2, width, height };
  };
  const shownImage = (pictureId) => document.querySelector(`#${pictureId} img[src^="data:"], #${pictureId} img[src*="file="]`);
  const boxOf = (card) => card.dataset.box.split(" ").map(Number);

  const update = () => {
    for (const [panelId, pictureId] of TABS) {
      const panel = document.getElementById(panelId), image = shownImage(pictureId);
      if (!panel) continue;
      const face = marked[panelId] ?? chosen[panelId];
      let card = null;
      for (const each of panel.querySelectorAll(".mien-card")) {
        each.classList.toggle("marked", each.dataset.face === face);
        each.classList.toggle("chosen", each.dataset.face === chosen[panelId]);
        if (each.dataset.face === face) card = each;
        if (focused?.[0] === panelId && focused[1] === each.dataset.face && document.activeElement === document.body) {
          each.focus({ preventScroll: true });
        }
      }
      let mark = document.getElementById(`${pictureId}-mark`);
      if (!mark) {
        mark = Object.assign(document.createElement("div"), { id: `${pictureId}-mark`, className: "mien-mark" });
        document.body.append(mark);
      }
      mark.hidden = !card || !image?.naturalWidth || !image.checkVisibility();
      if (mark.hidden) continue;
      const area = pictureArea(image), [left, top, width, height] = boxOf(card);
      mark.style.left = `${window.scrollX + area.left + left * area.width}px`;
      mark.style.top = `${window.scrollY + area.top + top * area.height}px`;
      mark.style.width = `${width * area.width}px`;
      mark.style.height = `${height * area.height}px`;
    }
  };

  // The panel and the face that an event is about: its card, or the box under the pointer.
  const targetOf = (event) => {
    for (const [panelId, pictureId] of TABS) {
      const card = event.target.closest?.(`#${panelId} .mien-card`);
      if (card) return [panelId, card.dataset.face];
      const image = event.target.closest?.(`#${pictureId}`) && shownImage(pictureId);
      if (!image || event.clientX === undefined) continue;
      const area = pictureArea(image);
      const x = (event.clientX - area.left) / area.width, y = (event.clientY - area.top) / area.height;
      for (const each of document.querySelectorAll(`#${panelId} .mien-card`)) {
        const [left, top, width, height] = boxOf(each);
        if (x >= left && x <= left + width && y >= top && y <= top + height) return [panelId, each.dataset.face];
      }
    }
    return null;
  };
  const mark = (event) => {
    const target = targetOf(event);
    for (const [panelId] of TABS) marked[panelId] = target?.[0] === panelId ? target[1] : undefined;
    update();
  };
  const choose = (event) => {
    const target = targetOf(event);
    if (!target) return;
    chosen[target[0]] = chosen[target[0]] === target[1] ? undefined : target[1];
    update();
  };

  document.addEventListener("pointermove", mark);
  document.addEventListener("click", choose);
  document.addEventListener("focusin", (event) => {
    const card = event.target.closest?.(".mien-card");
    focused = card ? [card.closest("#mien-live, #mien-image")?.id, card.dataset.face] : null;
    if (card) mark(event);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Tab" || event.key === "Escape") focused = null;
    if (event.key === "Enter" && event.target.classList?.contains("mien-card")) choose(event);
  });
  for (const type of ["scroll", "resize"]) window.addEventListener(type, update, { passive: true });

  const observe = () => {
    for (const [panelId] of TABS) {
      const panel = document.getElementById(panelId);
      if (!panel || panel.dataset.observed) continue;
      panel.dataset.observed = "true";
      new MutationObserver(update).observe(panel, { subtree: true, childList: true });
    }
  };
  setInterval(observe, 1000);

  setInterval(() => {
    const announcer = document.getElementById("mien-announce");
    for (const [panelId] of TABS) {
      const summary = document.querySelector(`#${panelId} [data-summary]`)?.dataset.summary;
      if (!announcer || !summary || summary === summaries[panelId]) continue;
      summaries[panelId] = announcer.textContent = summary;
    }
  }, SUMMARY_EVERY_MS);
})();
