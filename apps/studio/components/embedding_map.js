// Points by Plotly's WebGL. A brush is sent as its outline, a click as its position.
const HAS_WEBGL = !!document.createElement("canvas").getContext("webgl");
const MAX_SVG_POINTS = 20000;
const KIND = HAS_WEBGL ? "scattergl" : "scatter";

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const map = parentElement.querySelector(".embedding-map");
  map.send = setTriggerValue; // handlers are added once, and use the newest
  map.latest = data;
  map.ariaLabel = data.alt;
  map.ready ??= load(data.plotly);
  map.ready = map.ready.then((plotly) => update(plotly, map)).catch((error) => {
    map.textContent = "The map cannot be drawn here: " + error.message;
  });
  return () => map.ready.then(() => window.Plotly?.purge(map));
}

function load(url) {
  window.mienPlotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => reject(new Error("plotly.js did not load"));
    document.head.append(script);
  });
  return window.mienPlotly;
}

async function update(plotly, map) {
  const data = map.latest;
  const style = getComputedStyle(map);
  const ink = style.getPropertyValue("--st-text-color") || style.color;
  const look = data.version + ink;
  if (map.look !== look) {
    map.look = look;
    map.region = data.region;
    await plotly.react(map, traces(data, ink), layout(data, ink), CONFIG);
    if (!map.listens) listen(map);
    map.listens = true;
    return plotly;
  }
  if (map.brushed) { // what was brushed is drawn already
    map.brushed = false;
    map.region = data.region;
  }
  if (map.region !== data.region) {
    map.region = data.region;
    await plotly.update(map, { selectedpoints: [null] }, { selections: selections(data) }, [0]);
  }
  const ring = data.ring ?? [null, null];
  if (map.data[1].x[0] !== ring[0] || map.data[1].y[0] !== ring[1])
    await plotly.restyle(map, { x: [[ring[0]]], y: [[ring[1]]] }, [1]);
  return plotly;
}

function listen(map) {
  map.on("plotly_selected", (event) => {
    const outline = event?.lassoPoints
      ? event.lassoPoints.x.map((x, i) => [x, event.lassoPoints.y[i]])
      : event?.range && [0, 1].map((i) => [event.range.x[i], event.range.y[i]]);
    if (!outline) return;
    map.brushed = true;
    map.send("brushed", { outline });
  });
  map.on("plotly_deselect", () => {
    if (map.latest.region) map.send("brushed", { outline: [] });
  });
  map.on("plotly_click", (event) => {
    const point = event.points.find((one) => one.curveNumber === 0);
    if (point) map.send("picked", { x: point.x, y: point.y });
  });
}

const CONFIG = {
  displayModeBar: true,
  displaylogo: false,
  scrollZoom: true,
  responsive: true,
  modeBarButtons: [["select2d", "lasso2d", "pan2d"], ["zoomIn2d", "zoomOut2d", "resetScale2d"], ["toImage"]],
};

function numbers(base64, kind) {
  return new kind(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer);
}

function traces(data, ink) {
  const codes = numbers(data.codes, Uint8Array);
  if (!HAS_WEBGL && codes.length > MAX_SVG_POINTS)
    throw new Error(`this browser has no WebGL, and without it ${MAX_SVG_POINTS} points are too many`);
  const [x, y] = [data.x, data.y].map((all) => Float32Array.from(numbers(all, Uint16Array), (v) => v / 65535));
  const last = Math.max(data.names.length - 1, 1);
  const scale = data.names.map((_, i) => [i / last, data.colours[i]]);
  if (scale.length === 1) scale.push([1, data.colours[0]]);
  const points = {
    type: KIND, mode: "markers", x, y, showlegend: false,
    text: Array.from(codes, (code) => data.names[code]), hovertemplate: "%{text}<extra></extra>",
    marker: { size: data.size, color: codes, colorscale: scale, cmin: 0, cmax: last, opacity: 0.8, line: { width: 0 } },
    unselected: { marker: { opacity: 0.06 } },
  };
  const ring = { // as the points: a trace of SVG would lie below those of WebGL
    type: KIND, mode: "markers", x: [data.ring?.[0] ?? null], y: [data.ring?.[1] ?? null], hoverinfo: "skip", showlegend: false,
    marker: { symbol: "circle-open", size: 16, color: ink, line: { width: 3 } },
    unselected: { marker: { opacity: 1 } },
  };
  const legend = data.names.map((name, i) => ({
    type: "scatter", mode: "markers", x: [null], y: [null], name, hoverinfo: "skip",
    marker: { size: 9, color: data.colours[i] },
  }));
  return [points, ring, ...legend];
}

function layout(data, ink) {
  const axis = { visible: false, range: [-0.03, 1.03] };
  return {
    height: data.height, margin: { l: 4, r: 4, t: 30, b: 4 }, uirevision: "map", dragmode: "select",
    xaxis: { ...axis, constrain: "domain" }, yaxis: { ...axis, scaleanchor: "x", constrain: "domain" },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(128,128,128,0.06)", font: { color: ink },
    legend: { orientation: "h", y: -0.01, yanchor: "top", x: 0, itemclick: false, itemdoubleclick: false },
    newselection: { line: { color: ink, width: 2, dash: "solid" } }, selections: selections(data),
    modebar: { orientation: "h", bgcolor: "rgba(0,0,0,0)", color: ink, activecolor: ink },
  };
}

function selections(data) {
  if (!data.region) return [];
  const corners = data.region.split(" ").map((pair) => pair.split(",").map((unit) => unit / data.units));
  const line = { line: { width: 2, dash: "solid" }, xref: "x", yref: "y" };
  if (corners.length > 2) return [{ type: "path", path: "M" + corners.map((c) => c.join(",")).join("L") + "Z", ...line }];
  const [[x0, y0], [x1, y1]] = corners;
  return [{ type: "rect", x0, y0, x1, y1, ...line }];
}
