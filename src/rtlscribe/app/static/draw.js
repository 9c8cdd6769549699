// Drawings as SVG: the interface of a module, and what it did. All text is set as text: names come from models.

const SVG = "http://www.w3.org/2000/svg";

function add(parent, kind, attributes, text) {
  const made = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

function canvas(width, height, title) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}`, role: "img" }))
    svg.setAttribute(name, value);
  add(svg, "title", {}, title);
  return svg;
}

const CHARACTER = 8;  // width of one, in pixels
const widest = (ports) => Math.max(0, ...ports.map(([name]) => name.length)) * CHARACTER;

// ports: [name, direction, width in bits]
export function blockDiagram(top, ports) {
  const inputs = ports.filter(([, direction]) => direction === "input");
  const others = ports.filter(([, direction]) => direction !== "input");
  const step = 24, wire = 52, arrow = 7;
  const inner = Math.max(widest(inputs) + widest(others) + 56, top.length * CHARACTER + 24);
  const height = Math.max(inputs.length, others.length, 1) * step + 40;
  const svg = canvas(inner + 2 * wire + 2, height + 2, `interface of ${top}`);
  add(svg, "rect", { x: wire, y: 1, width: inner, height, rx: 5, class: "shape" });
  add(svg, "text", { x: wire + inner / 2, y: 20, "text-anchor": "middle", "font-weight": 600 }, top);
  const draw = ([name, direction, width], place, left) => {
    const y = 44 + place * step;
    const [from, to] = left ? [2, wire] : [wire + inner, inner + 2 * wire];
    add(svg, "path", { d: `M${from} ${y}H${to}`, class: "wire", "stroke-width": width > 1 ? 2.5 : 1.25 });
    const head = (x, way) => add(svg, "path", { d: `M${x} ${y}l${-way * arrow} -4v8z`, class: "head" });
    head(to, 1);
    if (direction === "inout") head(from, -1);
    if (width > 1) add(svg, "text", { x: (from + to) / 2 - 2, y: y - 5, "text-anchor": "middle", class: "small" }, width);
    const text = left ? { x: wire + 8, "text-anchor": "start" } : { x: wire + inner - 8, "text-anchor": "end" };
    add(svg, "text", { ...text, y: y + 4 }, name);
  };
  inputs.forEach((port, place) => draw(port, place, true));
  others.forEach((port, place) => draw(port, place, false));
  return svg;
}

// signals: {name, width, values}; a value has a digit for each bit: 0, 1, x or z
export function waveform(signals) {
  const row = 30, column = 26, label = widest(signals.map(({ name, width }) => [title(name, width)])) + 16;
  const count = signals[0].values.length;
  const svg = canvas(label + count * column + 4, signals.length * row + 4, "waveform");
  signals.forEach((signal, place) => {
    const low = place * row + 24, high = low - 16;
    add(svg, "text", { x: 2, y: low - 4 }, title(signal.name, signal.width));
    for (const [from, to, value] of runs(signal.values)) {
      const [a, b] = [label + from * column, label + to * column];
      if (signal.width === 1 && "01".includes(value)) {
        const before = signal.values[from - 1], level = value === "1" ? high : low;
        const edge = before === "0" || before === "1" ? `M${a} ${before === "1" ? high : low}V` : `M${a} `;
        add(svg, "path", { d: `${edge}${level}H${b}`, class: "trace" });
      } else {
        const shape = `M${a} ${(low + high) / 2}L${a + 3} ${high}H${b - 3}L${b} ${(low + high) / 2}L${b - 3} ${low}H${a + 3}Z`;
        const box = add(svg, "path", { d: shape, class: /[xz]/.test(value) ? "unknown" : "bus" });
        add(box, "title", {}, `${signal.name} = ${value}`);
        const told = number(value), room = Math.floor((b - a - 6) / 6);
        const fitting = told.length <= room ? told : room > 1 ? `${told.slice(0, room - 1)}…` : "";
        add(svg, "text", { x: (a + b) / 2, y: low - 4, "text-anchor": "middle", class: "value" }, fitting);
      }
    }
  });
  return svg;
}

function title(name, width) {
  return width > 1 ? `${name}[${width - 1}:0]` : name;
}

function* runs(values) {
  let from = 0;
  for (let k = 1; k <= values.length; k++)
    if (k === values.length || values[k] !== values[from]) {
      yield [from, k, values[from]];
      from = k;
    }
}

function number(bits) {
  if (/^[01]+$/.test(bits)) return BigInt(`0b${bits}`).toString(16);
  return /^x+$/.test(bits) ? "x" : /^z+$/.test(bits) ? "z" : bits;
}
