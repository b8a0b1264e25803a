"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const curves = JSON.parse(byId("data").textContent).threshold;
  for (const link of document.querySelectorAll("[data-needs=threshold]")) link.hidden = !curves;
  if (!curves) return;
  byId("threshold").hidden = false;
  const plot = byId("threshold-plot");
  const cssVariable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const COLORS = { images: "#2563eb", groups: "#e8590c", pairs: "#9333ea" };
  const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
  let curve = curves[0];
  let taken = null;

  // The shortest number that lies above the next pair that is to stay apart.
  function rounded(place) {
    const above = curve.thresholds[place];
    const below = curve.below[place] ? curve.below[place][2] : -1;
    for (let digits = 2; digits < 9; digits++) {
      const candidate = Math.floor(above * 10 ** digits + 1e-7) / 10 ** digits;
      if (candidate > below) return candidate.toFixed(digits);
    }
    return String(above);
  }

  // The last point whose threshold is not below the value: what is linked there is linked at the value as well.
  function placeOf(value) {
    const place = curve.thresholds.findLastIndex((threshold) => threshold >= value - 1e-9);
    return Math.max(0, place);
  }

  function element(tag, text, className) {
    const made = document.createElement(tag);
    if (text) made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  function pairOf(linked, title) {
    if (!linked) return [];
    const [first, second, similarity] = linked;
    const box = element("div", "", "pair");
    for (const row of [first, second]) {
      const figure = element("figure");
      if (curve.pictures[row]) {
        const image = new Image();
        image.src = curve.pictures[row];
        image.alt = image.title = curve.names[row];
        figure.append(image);
      }
      const caption = element("figcaption", curve.names[row]);
      caption.title = curve.names[row];
      figure.append(caption);
      box.append(figure);
    }
    return [element("h3", `${title} · ${similarity.toFixed(4)}`), box];
  }

  function show(place) {
    byId("threshold-side").replaceChildren(
      element("p", rounded(place), "large-number"),
      element("p", `${count(curve.groups[place], "group")} of ${count(curve.images[place], "image")}`),
      element("p", `${count(curve.pairs[place], "pair")} linked, directly or through others`, "muted"),
      ...pairOf(curve.above[place], "Just linked"), ...pairOf(curve.below[place], "Just apart"),
    );
  }

  function take(place) {
    taken = place;
    const box = byId("threshold-command");
    box.hidden = false;
    box.querySelector("code").textContent = curve.command.replace("{threshold}", rounded(place));
    box.querySelector("button").textContent = "Copy";
    byId("threshold-value").value = rounded(place);
    show(place);
    draw();
  }

  async function copy() {
    const code = byId("threshold-command").querySelector("code");
    const button = byId("threshold-command").querySelector("button");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch { // a page opened as a file may not be allowed to: select it instead
      getSelection().selectAllChildren(code);
      button.textContent = "Press Ctrl+C";
    }
  }

  function line(value, text, dash, color, height) {
    return {
      shape: { type: "line", xref: "x", yref: "paper", x0: value, x1: value, y0: 0, y1: 1, line: { color, width: 1.5, dash } },
      annotation: { xref: "x", yref: "paper", x: value, y: height, text, showarrow: false, xanchor: "right", xshift: -4, font: { size: 12, color } },
    };
  }

  function draw() {
    const grid = cssVariable("--rule"), ink = cssVariable("--ink"), muted = cssVariable("--muted");
    const font = { color: ink, size: 13, family: getComputedStyle(document.body).fontFamily };
    const trace = (key, name, yaxis) => ({
      type: "scatter", mode: "lines", name, x: curve.thresholds, y: curve[key], yaxis,
      line: { shape: "hv", color: COLORS[key], width: 2 }, hovertemplate: `%{y:,} ${name}<extra></extra>`,
    });
    const knee = curve.knee.threshold;
    const lowest = curve.thresholds[curve.thresholds.length - 1];
    const marks = [line(knee, "auto", "dash", muted, 1)];
    if (taken !== null) marks.push(line(curve.thresholds[taken], rounded(taken), "solid", cssVariable("--accent"), 0.94));
    const axis = (name, more) => ({ gridcolor: grid, zerolinecolor: grid, linecolor: grid, nticks: 6, title: { text: name, font: { size: 12.5 } }, ...more });
    Plotly.react(plot, [
      trace("images", "images in groups", "y"), trace("groups", "groups", "y2"), trace("pairs", "linked pairs", "y3"),
    ], {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font, hovermode: "x unified", uirevision: curve.name, showlegend: false,
      margin: { l: 78, r: 12, t: 34, b: 46 },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: muted, activecolor: cssVariable("--accent") },
      hoverlabel: { bgcolor: cssVariable("--card"), bordercolor: grid, font: { ...font, size: 12.5 } },
      xaxis: {
        gridcolor: grid, zeroline: false, anchor: "y3", title: { text: "similarity from which on images are linked" },
        range: [Math.max(lowest - 0.005, 1 - 3.2 * Math.max(1 - knee, 0.02)), 1.005], hoverformat: ".4f",
      },
      yaxis: axis("images in groups", { domain: [0.63, 1], rangemode: "tozero" }),
      yaxis2: axis("groups", { domain: [0.31, 0.58] }),
      yaxis3: axis("linked pairs", { domain: [0, 0.26], type: "log", dtick: 1, exponentformat: "none", tickformat: ",d" }),
      shapes: marks.map((mark) => mark.shape), annotations: marks.map((mark) => mark.annotation),
    }, { responsive: true, displaylogo: false, modeBarButtons: [["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]] });
  }

  function choose(number) {
    curve = curves[number];
    taken = null;
    byId("threshold-command").hidden = true;
    byId("threshold-measure").textContent = `${curve.measure}; auto: ${curve.knee.reason}`;
    byId("threshold-auto").hidden = curve.thresholds[0] < curve.knee.threshold - 1e-9; // nothing is alike enough
    const place = placeOf(curve.taken ?? curve.knee.threshold);
    if (curve.taken !== null) take(place);
    else {
      byId("threshold-value").value = rounded(place);
      show(place);
      draw();
    }
  }

  curves.forEach((each, place) => byId("threshold-curve").add(new Option(each.name, place)));
  byId("threshold-curve-label").hidden = curves.length < 2;
  byId("threshold-curve").addEventListener("change", (event) => choose(Number(event.target.value)));
  byId("threshold-value").addEventListener("change", (event) => take(placeOf(Number(event.target.value))));
  byId("threshold-auto").addEventListener("click", () => take(placeOf(curve.knee.threshold)));
  byId("threshold-command").querySelector("button").addEventListener("click", copy);
  choose(0);
  plot.on("plotly_hover", (event) => show(event.points[0].pointNumber));
  plot.on("plotly_unhover", () => { if (taken !== null) show(taken); });
  plot.on("plotly_click", (event) => take(event.points[0].pointNumber));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
