// The place in the queue. Gradio sends it and shows it only together with its other signs of progress, which flicker
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
