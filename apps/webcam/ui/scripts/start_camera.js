// One button for the camera. Gradio has two, "Click to Access Webcam" and "Record", and says nothing when the camera
// cannot be had. Both are hidden and clicked from here, once the camera is there.
//
// The state is `data-state` of #mien-stage, under which style.css shows what belongs to it: idle, asking, starting,
// slow, live, left, or the name of a problem. `camera_states.py` has a sentence for each.
(() => {
  const POLL_MS = 200, SLOW_START_MS = 6000, SLOW_LINE_MS = 3000, LOST_LINE_MS = 15000;
  const PROBLEM_OF_ERROR = {
    NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "missing", OverconstrainedError: "missing",
    NotReadableError: "busy", AbortError: "busy",
  };
  const media = navigator.mediaDevices;
  let stream = null, isRecording = false, startedAt = 0, respondedAt = 0, devices = [], sentBytes = 0;
  // A visitor may stop, or start anew, while a camera opens. The last choice counts: after each wait an attempt to open
  // one goes on only if its number is still this. At most `stream` is on.
  let attempt = 0;

  const byId = (id) => document.getElementById(id);
  const query = (selector) => document.querySelector(selector);
  const state = () => byId("mien-stage").dataset.state ?? "idle";
  const messages = () => JSON.parse(query(".mien-start").dataset.messages);

  const setState = (name) => {
    if (name === state()) return;
    byId("mien-stage").dataset.state = name;
    byId("mien-camera-message").textContent = messages()[name] ?? "";
    query("[data-action=start]").textContent = ["idle", "left"].includes(name) ? "Start camera" : "Try again";
    if (name === "live") query("[data-action=stop]").focus({ preventScroll: true });
  };

  // Why the camera cannot be asked for at all, if so.
  const obstacle = () => {
    const policy = document.permissionsPolicy ?? document.featurePolicy;
    if (!window.isSecureContext) return "insecure";
    if (window.self !== window.top && policy && !policy.allowsFeature("camera")) return "framed";
    return media?.getUserMedia ? null : "unsupported";
  };

  // Returns whether the camera is still wanted; `stream` is it then.
  const openCamera = async (choice, number) => {
    closeCamera();  // a phone opens one at a time
    const video = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 }, ...choice };
    const opened = await originalGetUserMedia({ video, audio: false });
    if (number !== attempt) {
      turnOff(opened);
      return false;
    }
    stream = opened;
    opened.getVideoTracks()[0].addEventListener("ended", () => { if (stream === opened) stop("ended"); });
    devices = (await media.enumerateDevices()).filter((device) => device.kind === "videoinput");
    byId("mien-stage").toggleAttribute("data-several-cameras", devices.length > 1);
    return number === attempt;
  };

  const turnOff = (opened) => opened.getTracks().forEach((track) => track.stop());

  const closeCamera = () => {
    if (stream) turnOff(stream);
    stream = null;
  };

  const show = () => {
    byId("mien-stage").dataset.facing = stream.getVideoTracks()[0].getSettings().facingMode ?? "user";
    const grant = query('#mien-camera [title="grant webcam access"] button');
    if (grant) {  // Gradio's first start; it asks for the camera and is given ours
      isRecording = false;
      grant.click();
    }
    const video = query("#mien-camera video");
    video.onresize = () => {
      byId("mien-stage").style.setProperty("--ratio", `${video.videoWidth} / ${video.videoHeight}`);
    };
    if (grant) return;
    [video.srcObject, video.muted] = [stream, true];
    video.play().catch(() => {});  // not awaited: a camera without a picture never plays
  };

  // Gradio's button toggles. It is there soon after the camera.
  const startRecording = async (number) => {
    for (let i = 0; i < 100; i += 1) {
      if (number !== attempt) return;
      const button = query("#mien-camera .capture-button");
      if (button && query("#mien-camera video").videoWidth) {
        button.click();
        isRecording = true;
        return;
      }
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
    throw new DOMException("The camera gives no picture.", "NotReadableError");
  };

  const problemOf = (error) => PROBLEM_OF_ERROR[error.name] ?? "busy";

  const start = async () => {
    const problem = obstacle();
    if (problem) return setState(problem);
    if (isRecording) stop("idle");
    setState("asking");
    attempt += 1;
    const number = attempt;
    try {
      if (!await openCamera({ facingMode: byId("mien-stage").dataset.facing ?? "user" }, number)) return;
      setState("starting");
      startedAt = performance.now();
      show();
      await startRecording(number);
    } catch (error) {
      if (number === attempt) stop(problemOf(error));
    }
  };

  const stop = (nextState) => {
    attempt += 1;
    if (isRecording) query("#mien-camera .capture-button")?.click();
    isRecording = false;
    closeCamera();
    setState(nextState);
    query("[data-action=start]").focus({ preventScroll: true });
  };

  // The other side of a phone; the next camera of a computer.
  const switchCamera = async () => {
    if (!stream || !isRecording) return;  // one is being opened
    attempt += 1;
    const number = attempt;
    try {
      const { facingMode, deviceId } = stream.getVideoTracks()[0].getSettings();
      const next = devices[(devices.findIndex((device) => device.deviceId === deviceId) + 1) % devices.length];
      const choice = facingMode ? { facingMode: { exact: facingMode === "user" ? "environment" : "user" } }
        : { deviceId: { exact: next.deviceId } };
      const other = () => number === attempt && openCamera({ deviceId: { exact: next.deviceId } }, number);
      if (await openCamera(choice, number).catch(other)) show();
    } catch (error) {
      if (number === attempt) stop(problemOf(error));
    }
  };

  const openExample = () => {
    [...document.querySelectorAll("[role=tab]")].find((tab) => tab.textContent.trim() === "Image").click();
    const clickFirst = () => query("#mien-examples .gallery-item")?.click();
    setTimeout(clickFirst, 100);
  };

  const actions = { start, example: openExample, stop: () => stop("idle"), switch: switchCamera };
  document.addEventListener("click", (event) => actions[event.target.closest?.("[data-action]")?.dataset.action]?.());

  document.addEventListener("mien-frame", (event) => { sentBytes = event.detail.bytes; });
  document.addEventListener("mien-response", (event) => {
    respondedAt = performance.now();
    if (isRecording) setState("live");
    const line = byId("mien-line");
    if (line) line.textContent = `${Math.round(sentBytes / 1000)} kB sent, shown ${Math.round(event.detail.ms)} ms later`;
  });

  setInterval(() => {
    const stage = byId("mien-stage");
    if (!stage) return;
    // On another tab nothing would show that the camera is on, and no button would stop it.
    if ((stream || state() === "asking") && !stage.getClientRects().length) stop("left");
    if (!isRecording) return;
    const now = performance.now(), isWaiting = byId("mien-place").textContent !== "";
    if (isWaiting) startedAt = respondedAt = now;
    if (state() === "starting" && now - startedAt > SLOW_START_MS) setState("slow");
    if (state() !== "live") return;
    const silentMs = now - respondedAt;
    byId("mien-line-note").textContent = silentMs > SLOW_LINE_MS ? messages().slow_line : "";
    if (silentMs > LOST_LINE_MS) stop("lost");
  }, POLL_MS);

  const originalGetUserMedia = media?.getUserMedia?.bind(media);
  if (originalGetUserMedia) {
    media.getUserMedia = (constraints) => (stream ? Promise.resolve(stream) : originalGetUserMedia(constraints));
  }
})();
