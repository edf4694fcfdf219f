// Three things that Gradio's page does not do by itself.

// 1. No backlog. Gradio sends a frame every `stream_every` seconds, whether or not the one before has arrived: on a
// slow line a hundred were under way at once, and the shown image lagged behind by as much. Here one request is under
// way at a time, and one frame awaits its response; a second one only after a response within QUICK_MS, which hides the
// delay of a distant server. Newer frames are dropped meanwhile. A change of the shown image counts as the response;
// after LOST_MS without one it counts as lost.
(() => {
  const QUICK_MS = 250, LOST_MS = 1000;
  const originalFetch = window.fetch.bind(window);
  let sending = false, awaiting = [], lastWasQuick = true;  // awaiting: when the frames without a response were sent
  const onResponse = () => {
    if (awaiting.length) lastWasQuick = performance.now() - awaiting.shift() < QUICK_MS;
  };
  new MutationObserver(onResponse).observe(document, { subtree: true, attributes: true, attributeFilter: ["src"] });
  window.fetch = (input, init) => {
    const url = typeof input === "string" ? input : input.url ?? String(input);
    if (!/\/stream\/[^/]+$/.test(url)) return originalFetch(input, init);
    const now = performance.now();
    awaiting = awaiting.filter((sentAt) => now - sentAt < LOST_MS);
    if (sending || awaiting.length >= (lastWasQuick ? 2 : 1)) {
      const headers = { "Content-Type": "application/json" };
      return Promise.resolve(new Response('{"msg": "dropped"}', { headers }));
    }
    sending = true;
    awaiting.push(now);
    return originalFetch(input, init).finally(() => { sending = false; });
  };
})();

// 2. A steady button. Gradio's flickers between "Record" and "Stop" with every frame, because each frame is "pending"
// for a moment. While frames come, #mien-camera has the class `live`, under which style.css shows one label; screen
// readers get the same.
(() => {
  const POLL_MS = 50, LIVE_MS = 1500, IGNORE_MS = 600;
  let stopShownAt = 0, ignoreUntil = 0;  // ignoreUntil: the visitor has just pressed Stop, which Gradio shows a little longer
  document.addEventListener("click", (event) => {
    if (stopShownAt && event.target.closest?.("#mien-camera .capture-button")) {
      stopShownAt = 0;
      ignoreUntil = performance.now() + IGNORE_MS;
    }
  }, true);
  setInterval(() => {
    const camera = document.getElementById("mien-camera"), button = camera?.querySelector(".capture-button");
    const now = performance.now();
    if (now > ignoreUntil && button?.querySelector('[title="stop recording"]')) stopShownAt = now;
    if (now - stopShownAt > LIVE_MS) stopShownAt = 0;
    camera?.classList.toggle("live", stopShownAt > 0);
    const name = stopShownAt ? "stop the live view" : "capture photo";
    if (button && button.getAttribute("aria-label") !== name) button.setAttribute("aria-label", name);
  }, POLL_MS);
})();

// 3. The place in the queue. Gradio sends it and shows it only together with its other signs of progress, which flicker
// in a live view. Its messages are read here too, until the first event starts; #mien-place then tells who waits.
(() => {
  const SHOW_AFTER_MS = 400;
  const originalFetch = window.fetch.bind(window);
  let timer = 0;
  const show = (text, delay) => {
    clearTimeout(timer);
    timer = setTimeout(() => { document.getElementById("mien-place").textContent = text; }, delay);
  };
  const readUntilStart = async (stream) => {
    const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = "", chunk; !(chunk = await reader.read()).done;) {
      const lines = (text + chunk.value).split("\n");
      text = lines.pop();
      for (const line of lines.filter((each) => each.startsWith("data:"))) {
        const message = JSON.parse(line.slice(5));
        if (message.msg === "process_starts") return reader.cancel();
        if (message.msg !== "estimation") continue;
        const { rank, queue_size: size } = message;
        show(`All places are taken. You are number ${rank + 1} of ${size} in the queue.`, SHOW_AFTER_MS);
      }
    }
  };
  window.fetch = async (input, init) => {
    const response = await originalFetch(input, init);
    const url = typeof input === "string" ? input : input.url ?? String(input);
    if (!/\/queue\/data\?/.test(url) || !response.ok) return response;
    const [forGradio, forUs] = response.body.tee();
    readUntilStart(forUs).catch(() => {}).finally(() => show("", 0));
    return new Response(forGradio, response);
  };
})();
