// Charts drawn from the tables of the page with uPlot: the table is the truth, the chart shows the same numbers.
// A figure names its table and columns: data-table="id" data-x="0" data-series="3 4" data-kind="bars|lines".
// By keyboard a chart is a slider: arrow keys walk along it and the numbers of each place are read out.
const KEYS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 };
const HEIGHT = 220;
const drawn = new Map();

function read(figure) {
  const most = Number(figure.dataset.most) || Infinity;
  const rows = [...document.getElementById(figure.dataset.table).tBodies[0].rows].slice(0, most);
  const heads = document.getElementById(figure.dataset.table).tHead.rows[0].cells;
  const places = figure.dataset.series.split(" ").map(Number);
  if (figure.dataset.order === "reversed") rows.reverse();
  return {
    labels: rows.map((row) => row.cells[figure.dataset.x].dataset.label ?? row.cells[figure.dataset.x].textContent.trim()),
    names: places.map((place) => heads[place].textContent.trim()),
    values: places.map((place) => rows.map((row) => Number(row.cells[place].dataset.v ?? 0))),
  };
}

// Stacked bars are drawn from the largest sum down, so that the first series lies in front, at the foot.
function stacked(values) {
  const sums = [];
  values.forEach((series, at) => sums.push(series.map((value, place) => value + (at ? sums[at - 1][place] : 0))));
  return sums;
}

function colours(figure) {
  const probe = figure.appendChild(document.createElement("span"));
  const resolve = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const series = (figure.dataset.colours ?? "a b c").split(" ").map((name) => resolve(`--plot-${name}`));
  const found = { series, words: resolve("--ink-3"), grid: resolve("--line"), font: `12px ${getComputedStyle(figure).fontFamily}` };
  probe.remove();
  return found;
}

function options(figure, data, width) {
  const look = colours(figure);
  const isBars = figure.dataset.kind === "bars";
  const count = data.labels.length;
  const longest = Math.max(...data.labels.map((label) => label.length));
  const every = Math.max(1, Math.ceil((count * (16 + 7 * longest)) / (width - 70)));
  const axis = { stroke: look.words, font: look.font, ticks: { show: false } };
  const line = (name, at) => ({
    label: name,
    stroke: look.series[at],
    width: isBars ? 0 : 2,
    fill: isBars ? look.series[at] : undefined,
    points: { show: !isBars && count < 3 },
    paths: isBars ? uPlot.paths.bars({ size: [0.62, 56] }) : undefined,
  });
  const series = data.names.map(line);
  return {
    width,
    height: HEIGHT,
    padding: [8, Math.max(8, 3.5 * longest), 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: !isBars } },
    scales: {
      x: { time: false, range: [isBars ? -0.6 : -0.2, count - (isBars ? 0.4 : 0.8)] },
      y: { range: (_plot, _least, most) => [0, Math.max(most, 1) * 1.08] },
    },
    axes: [
      {
        ...axis,
        size: 30,
        grid: { show: false },
        splits: () => data.labels.map((_, place) => place).filter((place) => (count - 1 - place) % every === 0),
        values: (_plot, splits) => splits.map((place) => data.labels[place]),
      },
      {
        ...axis,
        size: (_plot, words) => 14 + 7 * Math.max(1, ...(words ?? []).map((word) => word.length)),
        grid: { stroke: look.grid, width: 1 },
        incrs: [1, 2, 5].flatMap((step) => [0, 1, 2, 3, 4, 5, 6, 7, 8].map((power) => step * 10 ** power)).sort((a, b) => a - b),
        values: (_plot, splits) => splits.map((value) => value.toLocaleString()),
      },
    ],
    series: [{}, ...(isBars ? series.reverse() : series)],
    hooks: { setCursor: [(plot) => plot.cursor.idx != null && tell(figure, data, plot.cursor.idx)] },
  };
}

function tell(figure, data, place) {
  const said = data.names.map((name, at) => `${name} ${data.values[at][place].toLocaleString()}`).join(", ");
  const text = `${data.labels[place]}: ${said}`;
  const chart = figure.querySelector(".plot-area");
  chart.setAttribute("aria-valuenow", place);
  chart.setAttribute("aria-valuetext", text);
  figure.querySelector(".plot-told").textContent = text;
}

function walk(event) {
  const { plot, data } = drawn.get(event.currentTarget.closest(".plot"));
  const last = data.labels.length - 1;
  const now = Number(event.currentTarget.getAttribute("aria-valuenow"));
  const wanted = { Home: 0, End: last }[event.key] ?? (event.key in KEYS ? now + KEYS[event.key] : null);
  if (wanted === null) return;
  event.preventDefault();
  const place = Math.min(last, Math.max(0, wanted));
  plot.setCursor({ left: plot.valToPos(place, "x"), top: 0 });
}

function draw(figure) {
  const data = read(figure);
  drawn.get(figure)?.plot.destroy();
  if (!data.labels.length) return;
  const area = figure.querySelector(".plot-area");
  const isBars = figure.dataset.kind === "bars";
  const lines = isBars ? stacked(data.values).reverse() : data.values;
  const width = Math.max(240, area.clientWidth);
  const plot = new uPlot(options(figure, data, width), [data.labels.map((_, place) => place), ...lines], area);
  drawn.set(figure, { plot, data, width });
  area.setAttribute("aria-valuemax", data.labels.length - 1);
  tell(figure, data, data.labels.length - 1);
}

const resized = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const figure = target.closest(".plot");
    if (drawn.get(figure)?.width !== Math.max(240, target.clientWidth)) draw(figure);
  }
});

function begin(root) {
  for (const figure of root.querySelectorAll(".plot:not([data-drawn])")) {
    figure.dataset.drawn = "1";
    const area = figure.querySelector(".plot-area");
    area.addEventListener("keydown", walk);
    figure.hidden = false;
    resized.observe(area);
  }
}

begin(document);
document.addEventListener("htmx:after:swap", () => begin(document));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => [...drawn.keys()].forEach(draw));
