// Thumbnails load when they come near the visible part. Names and captions are text, never markup.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const grid = parentElement.querySelector(".grid");
  grid.style.maxHeight = data.height + "px";
  grid.style.setProperty("--tile", (data.size ?? 96) + "px");
  const ticked = new Set(data.ticked ?? []);
  const select = (id) => {
    for (const face of grid.querySelectorAll(".face")) face.setAttribute("aria-pressed", face.dataset.id === id);
  };
  const tick = (box, withShift) => {
    const boxes = [...grid.querySelectorAll(".tick")];
    const [from, to] = [boxes.indexOf(withShift && grid.lastTick ? grid.lastTick : box), boxes.indexOf(box)];
    for (const other of boxes.slice(Math.max(Math.min(from, to), 0), Math.max(from, to) + 1)) {
      other.checked = box.checked;
      ticked[box.checked ? "add" : "delete"](other.dataset.id);
    }
    grid.lastTick = box;
    const wanted = [...ticked]; // with those over the limit, so that the page can say that they were refused
    for (const id of wanted.slice(data.limit)) ticked.delete(id);
    for (const other of boxes) other.checked = ticked.has(other.dataset.id);
    setTriggerValue("ticked", wanted);
  };
  const tile = (item) => {
    const button = element("button", "face");
    button.type = "button";
    button.dataset.id = item.id;
    button.title = item.id + "\n" + item.text;
    if (item.mark) button.style.setProperty("--mark", item.mark);
    button.append(item.url ? picture(item) : element("div", "blank", item.label ?? ""), element("span", "text", item.text));
    button.onclick = () => {
      select(item.id);
      setTriggerValue("picked", { id: item.id, set: item.set });
    };
    const cell = element("div", "tile");
    cell.role = "listitem";
    cell.append(button);
    if (data.ticked) {
      const box = element("input", "tick");
      box.type = "checkbox";
      box.dataset.id = item.id;
      box.ariaLabel = "Tick " + item.id;
      cell.append(box);
    }
    return cell;
  };
  const mark = JSON.stringify([data.items, !!data.ticked]); // all of it: the same pictures may come with another model's predictions
  if (grid.dataset.mark !== mark) {
    grid.dataset.mark = mark;
    grid.replaceChildren(...data.items.map(tile));
    grid.lastTick = null;
    grid.scrollTop = 0;
  }
  for (const box of grid.querySelectorAll(".tick")) {
    box.checked = ticked.has(box.dataset.id);
    box.onclick = (event) => tick(box, event.shiftKey);
  }
  select(data.chosen);
}

function element(tag, name, text = "") {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}

function picture(item) {
  const image = document.createElement("img");
  image.loading = "lazy";
  image.decoding = "async";
  image.alt = item.id;
  image.src = item.url;
  return image;
}
