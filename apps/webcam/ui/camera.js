// Two things that Gradio's camera does not do by itself.

// 1. No backlog. A frame is sent every `stream_every` seconds whether or not the one before has arrived: on a slow line a hundred of them were
// seen on their way, and the picture fell behind by as much. So one is on its way at a time, and one waits for its answer; a second one only
// where the last answer came within a quarter of a second, which hides a distant server's delay. Newer ones are dropped here meanwhile. An answer
// is the shown picture's change; after a second it counts as lost.
(() => {
  const send = window.fetch.bind(window);
  let sending = false, unanswered = [], quick = true;
  const answered = () => { if (unanswered.length) quick = performance.now() - unanswered.shift() < 250; };
  new MutationObserver(answered).observe(document, { subtree: true, attributes: true, attributeFilter: ["src"] });
  window.fetch = (input, init) => {
    const url = typeof input === "string" ? input : input.url ?? String(input);
    if (!/\/stream\/[^/]+$/.test(url)) return send(input, init);
    const now = performance.now();
    unanswered = unanswered.filter((at) => now - at < 1000);
    if (sending || unanswered.length >= (quick ? 2 : 1)) {
      return Promise.resolve(new Response('{"msg": "dropped"}', { headers: { "Content-Type": "application/json" } }));
    }
    sending = true;
    unanswered.push(now);
    return send(input, init).finally(() => { sending = false; });
  };
})();

// 2. A button that rests. Gradio's flickers between "Record" and "Stop" with every frame, because each one is "pending" for a moment. While
// frames come, #mien-camera has the class `live`, under which style.css shows one steady label; screen readers are told the same.
(() => {
  let seen = 0, deaf = 0;  // when "Stop" was last seen; until when it is not believed, because the visitor has just pressed it
  document.addEventListener("click", (event) => {
    if (seen && event.target.closest?.("#mien-camera .capture-button")) { seen = 0; deaf = performance.now() + 600; }
  }, true);
  setInterval(() => {
    const camera = document.getElementById("mien-camera"), button = camera?.querySelector(".capture-button"), now = performance.now();
    if (now > deaf && button?.querySelector('[title="stop recording"]')) seen = now;
    if (now - seen > 1500) seen = 0;
    camera?.classList.toggle("live", seen > 0);
    const name = seen ? "stop the live reading" : "capture photo";
    if (button && button.getAttribute("aria-label") !== name) button.setAttribute("aria-label", name);
  }, 50);
})();
