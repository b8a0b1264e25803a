"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const SYMBOLS = ["circle", "square", "triangle-up", "diamond", "pentagon", "cross", "x", "star", "hexagon", "triangle-down"];
  const NOISE = "#a3abb5", TARGET = "#d6246e";
  const escaped = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const cssVariable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const config = { responsive: true, displaylogo: false, modeBarButtons: [["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]] };

  function layout(more) {
    const grid = cssVariable("--rule");
    const font = { color: cssVariable("--ink"), size: 13, family: getComputedStyle(document.body).fontFamily };
    const axis = { gridcolor: grid, zerolinecolor: grid, linecolor: grid };
    const base = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", hovermode: "closest",
      font,
      modebar: { bgcolor: "rgba(0,0,0,0)", color: cssVariable("--muted"), activecolor: cssVariable("--accent") },
      hoverlabel: { align: "left", bgcolor: cssVariable("--card"), bordercolor: grid, font: { ...font, size: 12.5 } },
    };
    return { ...base, ...more, xaxis: { ...axis, ...more.xaxis }, yaxis: { ...axis, ...more.yaxis } };
  }

  function fillSelect(select, options) {
    for (const [value, name] of options) select.add(new Option(name, value));
  }

  // Ranking table -------------------------------------------------------------------------------
  function setUpTable() {
    const table = byId("trials");
    if (!table) return;
    const body = table.tBodies[0];
    for (const dot of table.querySelectorAll(".dot")) dot.style.background = data.comparison.colors[dot.dataset.algorithm] ?? "";
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => heading.querySelector("button").addEventListener("click", () => {
      const first = heading.dataset.sort === "number" && column > 0 ? "descending" : "ascending";
      const other = first === "ascending" ? "descending" : "ascending";
      const direction = heading.getAttribute("aria-sort") === first ? other : first;
      headings.forEach((each) => each.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", direction);
      sortRows(body, column, heading.dataset.sort === "number", direction === "ascending" ? 1 : -1);
    }));
    const filter = byId("filter");
    const apply = () => {
      const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of body.rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += row.hidden ? 0 : 1;
      }
      byId("shown").textContent = words.length ? `${shown} of ${body.rows.length} trials` : `${body.rows.length} trials`;
    };
    filter.addEventListener("input", apply);
    apply();
  }

  function sortRows(body, column, isNumber, sign) {
    const value = (row) => row.cells[column].dataset.value;
    const compare = (one, other) => {
      const [a, b] = [value(one), value(other)];
      if (a === "" || b === "") return (a === "") - (b === ""); // what has no value comes last either way
      return sign * (isNumber ? Number(a) - Number(b) : a.localeCompare(b, undefined, { numeric: true }));
    };
    body.append(...[...body.rows].sort(compare));
  }

  function findTrial(id) {
    const row = byId(`trial-${id}`);
    if (!row) return;
    for (const found of document.querySelectorAll("tr.found")) found.classList.remove("found");
    row.classList.add("found");
    byId("filter").value = "";
    byId("filter").dispatchEvent(new Event("input"));
    row.scrollIntoView({ block: "center" });
  }

  // Comparison of trials ------------------------------------------------------------------------
  const ACROSS = [
    ["n_clusters", "number of clusters"], ["noise_share", "noise, share of the images"],
    ["largest_share", "largest cluster, share of the images"], ["seconds", "seconds"],
  ];
  const LOGARITHMIC = ["n_clusters", "seconds"];

  function setUpComparison() {
    if (!byId("comparison") || !data.comparison.measures.length) return;
    const keys = Object.keys(data.comparison.embeddings);
    fillSelect(byId("comparison-y"), data.comparison.measures);
    fillSelect(byId("comparison-x"), [...ACROSS, ...data.comparison.measures]);
    fillSelect(byId("comparison-color"), [["algorithm", "algorithm"], ...(keys.length > 1 ? [["embedding", "embedding"]] : []), ["space", "space"]]);
    for (const id of ["comparison-x", "comparison-y", "comparison-color"]) byId(id).addEventListener("change", drawComparison);
    drawComparison();
    byId("comparison-plot").on("plotly_click", (event) => {
      const point = event.points[0].customdata;
      if (point) findTrial(point);
    });
  }

  function drawComparison() {
    const { points, nulls, embeddings, colors, measures, top } = data.comparison;
    const [x, y, color] = ["comparison-x", "comparison-y", "comparison-color"].map((id) => byId(id).value);
    const usable = (point) => point[x] != null && point[y] != null && !(LOGARITHMIC.includes(x) && point[x] <= 0);
    const keys = Object.keys(embeddings);
    const names = [...new Set(points.map((point) => point[color]))].sort();
    const traces = names.map((name, place) => {
      const own = points.filter((point) => point[color] === name && usable(point));
      return {
        type: "scatter", mode: "markers", name: color === "embedding" ? embeddings[name] : name,
        x: own.map((point) => point[x]), y: own.map((point) => point[y]),
        customdata: own.map((point) => point.id), text: own.map(describe), hovertemplate: "%{text}<extra></extra>",
        marker: {
          size: 9, opacity: own.map((point) => point.beats_null === false ? 0.35 : 0.85),
          color: color === "algorithm" ? colors[name] : data.comparison.moreColors[place % data.comparison.moreColors.length],
          symbol: own.map((point) => SYMBOLS[keys.indexOf(point.embedding) % SYMBOLS.length]),
          line: { width: 1, color: cssVariable("--card") },
        },
      };
    });
    const random = nulls.filter(usable);
    if (random.length) traces.push({
      type: "scatter", mode: "markers", name: "random labels (null)", x: random.map((point) => point[x]), y: random.map((point) => point[y]),
      hovertemplate: "random labels, %{x}: %{y:.3f}<extra></extra>", marker: { size: 8, symbol: "x-thin", color: NOISE, line: { width: 1.5, color: NOISE } },
    });
    const best = points.filter((point) => point.rank && point.rank <= top && usable(point));
    traces.push({
      type: "scatter", mode: "markers+text", name: `best ${best.length}`, x: best.map((point) => point[x]), y: best.map((point) => point[y]),
      text: best.map((point) => point.rank === 1 ? "#1" : ""), textposition: "middle right", textfont: { size: 11 }, hoverinfo: "skip",
      marker: { size: 16, symbol: "circle-open", color: cssVariable("--ink"), line: { width: 1.5 } },
    });
    const nameOf = (key) => [...ACROSS, ...measures].find(([known]) => known === key)[1];
    Plotly.react("comparison-plot", traces, layout({
      margin: { l: 60, r: 20, t: 34, b: 50 }, legend: { itemsizing: "constant" },
      xaxis: { title: { text: nameOf(x) }, type: LOGARITHMIC.includes(x) ? "log" : "linear", ...(LOGARITHMIC.includes(x) ? roundTicks([...points, ...random].map((point) => point[x])) : {}), tickformat: x.endsWith("share") ? ".0%" : "" },
      yaxis: { title: { text: nameOf(y) } },
    }), config);
  }

  function roundTicks(values) { // 1, 2, 5, 10, 20, 50 … written out
    const positive = values.filter((value) => value > 0);
    const ticks = [];
    for (let power = Math.floor(Math.log10(Math.min(...positive))); power <= Math.log10(Math.max(...positive)); power++)
      for (const digit of [1, 2, 5]) ticks.push(Number((digit * 10 ** power).toPrecision(3)));
    return { tickvals: ticks, ticktext: ticks.map((tick) => tick.toLocaleString("en")) };
  }

  function describe(point) {
    const lines = [
      `<b>${point.rank ? "#" + point.rank + " " : ""}${escaped(point.name)}</b>`, escaped(data.comparison.embeddings[point.embedding]),
      `${point.n_clusters} clusters, ${(100 * point.noise_share).toFixed(0)} % noise`,
      ...data.comparison.measures.filter(([key]) => point[key] != null).map(([key, name]) => `${name} ${point[key].toFixed(3)}`),
    ];
    if (point.beats_null === false) lines.push("<i>no better than random labels</i>");
    return lines.join("<br>");
  }

  // Map of the images ---------------------------------------------------------------------------
  let isolated = null;

  function setUpMap() {
    if (!data.map) return;
    byId("map").hidden = false;
    fillSelect(byId("map-embedding"), data.map.maps.map((map, place) => [place, map.name]));
    fillSelect(byId("map-trial"), [...data.map.trials.map((trial) => [trial.id, trial.name]), ["", "none"]]);
    const winner = data.map.trials.length ? data.map.trials[0].id : null;
    byId("map-embedding").value = Math.max(0, data.map.maps.findIndex((map) => map.best === winner));
    byId("map-embedding").addEventListener("change", () => chooseBest());
    byId("map-trial").addEventListener("change", () => { isolated = null; drawMap(); });
    chooseBest();
    const plot = byId("map-plot");
    plot.on("plotly_hover", (event) => { if (isolated === null) showImage(event.points[0].customdata); });
    plot.on("plotly_click", (event) => {
      const labels = data.map.labels[byId("map-trial").value];
      const cluster = labels ? labels[event.points[0].customdata] : null;
      isolated = cluster === isolated ? null : cluster;
      drawMap();
      if (isolated === null) showImage(event.points[0].customdata); else showCluster(isolated, event.points[0].customdata);
    });
    plot.on("plotly_doubleclick", () => { isolated = null; drawMap(); });
  }

  function chooseBest() {
    isolated = null;
    const map = data.map.maps[Number(byId("map-embedding").value)];
    byId("map-trial").value = map.best ?? "";
    drawMap();
  }

  function drawMap() {
    const map = data.map.maps[Number(byId("map-embedding").value)];
    const labels = data.map.labels[byId("map-trial").value];
    const many = map.x.length > 3000;
    const rows = map.x.map((_, row) => row);
    const colorOf = (row) => !labels ? cssVariable("--accent") : labels[row] < 0 ? NOISE : data.map.colors[labels[row] % data.map.colors.length];
    const opacityOf = (row) => isolated !== null && labels[row] !== isolated ? 0.12 : labels && labels[row] < 0 ? 0.5 : 0.9;
    const trace = {
      type: many ? "scattergl" : "scatter", mode: "markers", x: map.x, y: map.y, customdata: rows, hoverinfo: "none", showlegend: false,
      marker: { size: many ? 4 : 7, color: rows.map(colorOf), opacity: rows.map(opacityOf) },
    };
    const targets = data.map.targets;
    const stars = {
      type: "scatter", mode: "markers+text", x: targets.map((row) => map.x[row]), y: targets.map((row) => map.y[row]), customdata: targets,
      text: targets.map((row) => escaped(fileName(row))), textposition: "top center", textfont: { color: TARGET, size: 11 }, hoverinfo: "none", showlegend: false,
      marker: { symbol: "star", size: 16, color: TARGET, line: { width: 1, color: "#fff" } },
    };
    const bare = { showgrid: false, showline: false, zeroline: false, showticklabels: false, ticks: "" };
    Plotly.react("map-plot", targets.length ? [trace, stars] : [trace], layout({
      margin: { l: 4, r: 4, t: 4, b: 4 }, dragmode: "pan", uirevision: byId("map-embedding").value,
      xaxis: bare, yaxis: { ...bare, scaleanchor: "x" },
    }), { ...config, scrollZoom: true });
    byId("map-facts").textContent = `${map.method}, ${map.x.length.toLocaleString("en")} images`;
  }

  const fileName = (row) => data.map.ids[row].split("/").pop();

  function clusterName(cluster) {
    return cluster < 0 ? "noise" : `cluster ${cluster}`;
  }

  function picture(row, isLarge) {
    const source = data.map.thumbnails && data.map.thumbnails[row];
    if (!source) return null;
    const image = new Image();
    image.src = source;
    image.alt = image.title = data.map.ids[row];
    if (isLarge) image.className = "large";
    return image;
  }

  function paragraph(text, className) {
    const element = document.createElement("p");
    element.textContent = text;
    if (className) element.className = className;
    return element;
  }

  function showImage(row) {
    const labels = data.map.labels[byId("map-trial").value];
    const parts = [picture(row, true), paragraph(data.map.ids[row])];
    if (labels) {
      const size = labels.filter((label) => label === labels[row]).length;
      parts.push(paragraph(`${clusterName(labels[row])}, ${size} image${size === 1 ? "" : "s"}`, "muted"));
    }
    byId("map-side").replaceChildren(...parts.filter(Boolean));
  }

  function showCluster(cluster, row) {
    const labels = data.map.labels[byId("map-trial").value];
    const members = labels.flatMap((label, place) => label === cluster ? [place] : []);
    const shown = members.slice(0, 120);
    const grid = document.createElement("div");
    const pictures = shown.map((member) => picture(member, false));
    if (data.map.thumbnails) {
      grid.className = "members";
      grid.replaceChildren(...pictures.filter(Boolean));
    } else grid.replaceChildren(...shown.map((member) => paragraph(data.map.ids[member])));
    const more = members.length > shown.length ? ` (${shown.length} shown)` : "";
    byId("map-side").replaceChildren(
      ...[picture(row, true), paragraph(data.map.ids[row])].filter(Boolean),
      paragraph(`${clusterName(cluster)}, ${members.length} images${more}; click it again to leave`, "muted"), grid);
  }

  setUpTable();
  setUpComparison();
  setUpMap();
  for (const link of document.querySelectorAll("[data-needs=map]")) link.hidden = !data.map;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    if (byId("comparison-plot")?.data) drawComparison();
    if (data.map) drawMap();
  });
})();
