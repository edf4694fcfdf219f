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
    document.querySelectorAll("#mien-about :is(pre, table):not([tabindex])").forEach((wide) => {
      wide.tabIndex = 0;  // it scrolls in itself
    });
  }, EVERY_MS);
})();
