// Thumbnails load when they come near the visible part. Names and captions are text, never markup.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const grid = parentElement.querySelector(".grid");
  grid.style.maxHeight = data.height + "px";
  const mark = JSON.stringify(data.items); // all of it: the same pictures may come with another model's answers
  if (grid.dataset.mark !== mark) {
    grid.dataset.mark = mark;
    grid.replaceChildren(...data.items.map((item) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "face";
      button.dataset.id = item.id;
      button.title = item.id + "\n" + item.text;
      const image = document.createElement("img");
      image.loading = "lazy";
      image.decoding = "async";
      image.alt = item.id;
      if (item.url) image.src = item.url;
      const text = document.createElement("span");
      text.textContent = item.text;
      button.append(image, text);
      button.onclick = () => {
        select(item.id);
        setTriggerValue("picked", { id: item.id, set: item.set });
      };
      return button;
    }));
    grid.scrollTop = 0;
  }
  const select = (id) => {
    for (const other of grid.children) other.setAttribute("aria-pressed", other.dataset.id === id);
  };
  select(data.chosen);
}
