// Frames on their way from the browser to the server: small, and never more of them than the line carries.
//
// Gradio sends a frame every `stream_every` seconds, whether or not the one before has arrived: on a slow line a
// hundred were under way at once, and the shown image lagged behind by as much. Here one request is under way at a
// time, and one frame awaits its response; a second one only after a response within QUICK_MS, which hides the delay
// of a distant server. Newer frames are dropped meanwhile. A change of the shown image counts as the response. A frame
// without one counts as lost, after a time that follows the line: four times the last response, twice as long with
// each loss. Frames are scaled down before they are sent, further on a slow line.
(() => {
  const QUICK_MS = 250, SLOW_MS = 700, MIN_LOST_MS = 1000, MAX_LOST_MS = 16000;
  const SIZES = [[640, 0.8], [480, 0.7], [320, 0.6]];  // long side in pixels, quality of the JPEG
  // Slow responses in a row until the next smaller size, of which one of twice SLOW_MS counts as two; quick ones until
  // the next larger size.
  const SLOW_IN_A_ROW = 3, QUICK_IN_A_ROW = 40;
  const originalFetch = window.fetch.bind(window);
  const canvas = document.createElement("canvas");
  let sending = false, awaiting = [], lastWasQuick = true, lostMs = MIN_LOST_MS;  // awaiting: when frames were sent
  let size = 0, slow = 0, quick = 0;

  const onResponse = (changes) => {
    if (!changes.some((change) => change.target.closest?.("#mien-camera")) || !awaiting.length) return;
    const ms = performance.now() - awaiting.shift();
    lastWasQuick = ms < QUICK_MS;
    lostMs = Math.min(MAX_LOST_MS, Math.max(MIN_LOST_MS, 4 * ms));
    slow = ms > SLOW_MS ? slow + Math.floor(ms / SLOW_MS) : 0;
    quick = lastWasQuick ? quick + 1 : 0;
    if (slow >= SLOW_IN_A_ROW && size + 1 < SIZES.length) [size, slow] = [size + 1, 0];
    if (quick >= QUICK_IN_A_ROW && size > 0) [size, quick] = [size - 1, 0];
    document.dispatchEvent(new CustomEvent("mien-response", { detail: { ms } }));
  };
  new MutationObserver(onResponse).observe(document, { subtree: true, attributes: true, attributeFilter: ["src"] });

  // The video's picture as a data URL, mirrored as Gradio does, unless the camera looks away from the visitor: then the
  // media type says so (`tabs/webcam.py` reads it).
  const capture = (video, isRear) => {
    const [side, quality] = SIZES[size], scale = Math.min(1, side / Math.max(video.videoWidth, video.videoHeight));
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    const context = canvas.getContext("2d");
    if (!isRear) context.setTransform(-1, 0, 0, 1, canvas.width, 0);
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    const url = canvas.toDataURL("image/jpeg", quality);
    return isRear ? url.replace("image/jpeg", "image/jpeg;facing=environment") : url;
  };

  window.fetch = (input, init) => {
    const url = typeof input === "string" ? input : input.url ?? String(input);
    if (!/\/stream\/[^/]+$/.test(url)) return originalFetch(input, init);
    const now = performance.now();
    if (awaiting.length && now - awaiting[0] > lostMs) {
      awaiting.shift();
      lostMs = Math.min(MAX_LOST_MS, 2 * lostMs);
      size = Math.min(size + 1, SIZES.length - 1);
    }
    if (sending || awaiting.length >= (lastWasQuick ? 2 : 1)) {
      const headers = { "Content-Type": "application/json" };
      return Promise.resolve(new Response('{"msg": "dropped"}', { headers }));
    }
    const video = document.querySelector("#mien-camera video");
    const isRear = document.getElementById("mien-stage")?.dataset.facing === "environment";
    const frame = video?.videoWidth ? capture(video, isRear) : null;
    const body = frame ? init.body.replace(/data:image\/jpeg;base64,[^"]*/, () => frame) : init.body;
    document.dispatchEvent(new CustomEvent("mien-frame", { detail: { bytes: body.length } }));
    sending = true;
    awaiting.push(now);
    return originalFetch(input, { ...init, body }).finally(() => { sending = false; });
  };
})();
