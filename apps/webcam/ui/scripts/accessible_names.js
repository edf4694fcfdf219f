// What Gradio leaves out for people who use a keyboard or a screen reader.
(() => {
  const EVERY_MS = 500;
  setInterval(() => {
    document.querySelectorAll("#mien-examples .gallery-item:not([aria-label])").forEach((button, i) => {
      button.setAttribute("aria-label", `Example ${i + 1}`);
    });
    document.querySelectorAll("#mien-camera img:not([alt])").forEach((image) => {
      image.setAttribute("alt", "Your camera with predictions");
    });
    document.querySelectorAll(".empty[aria-label]:not([role])").forEach((placeholder) => {
      placeholder.setAttribute("role", "img");  // of a plot that is not loaded yet; a name alone is not allowed
    });
    document.querySelectorAll("#mien-about :is(pre, table):not([tabindex])").forEach((wide) => {
      wide.tabIndex = 0;  // it scrolls in itself
    });
  }, EVERY_MS);

  // Arrow keys, Home and End move between tabs, as in the pattern of WAI-ARIA.
  const STEPS = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity };
  document.addEventListener("keydown", (event) => {
    const tab = event.target.closest?.("[role=tab]"), step = STEPS[event.key];
    if (!tab || step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    const tabs = [...tab.closest("[role=tablist]").querySelectorAll("[role=tab]")];
    const at = tabs.indexOf(tab) + step;
    const next = Number.isFinite(at) ? tabs.at(at % tabs.length) : tabs.at(at < 0 ? 0 : -1);
    event.preventDefault();
    next.click();
    next.focus();
  });
})();
