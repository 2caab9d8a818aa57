'use strict';
// Draws the charts of a report from the numbers in #data. report/thin.go says what these are. A chart has panels over one
// horizontal axis; a vertical rule goes through all of them, and beside each panel a table shows the values at the rule.
// A page that comes from a server is renewed: its texts change, and its curves grow, in place.

const svgSpace = 'http://www.w3.org/2000/svg';

// element makes an element of HTML, svg one of SVG. Attributes and children are set as text, never as markup.
function element(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}
function svg(name, attributes, ...children) {
  return fill(document.createElementNS(svgSpace, name), attributes, children);
}
function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// number writes a number to be read; all its digits are in the value of the element around it.
function number(v) {
  if (v === null) return 'unknown';
  const size = Math.abs(v);
  if (v === 0 || (Number.isInteger(v) && size < 1e9)) return String(v);
  return size >= 1e-3 && size < 1e6 ? v.toPrecision(5) : v.toExponential(3);
}

function power(e) {
  const raised = { '-': '⁻', 0: '⁰', 1: '¹', 2: '²', 3: '³', 4: '⁴', 5: '⁵', 6: '⁶', 7: '⁷', 8: '⁸', 9: '⁹' };
  return '10' + [...String(e)].map((c) => raised[c]).join('');
}

// ticks returns about count places on an axis, with their labels. Between few decades whole numbers have 2 and 5 as well.
function ticks(lo, hi, log, count, whole) {
  if (log && hi / lo >= 100) {
    const from = Math.floor(Math.log10(lo) + 1e-9), to = Math.ceil(Math.log10(hi) - 1e-9);
    const every = Math.max(1, Math.ceil((to - from) / count)), fine = whole && to - from <= 3, list = [];
    for (let e = Math.ceil(from / every) * every; e <= to; e += every) {
      for (const k of fine ? [1, 2, 5] : [1]) {
        const at = Number(`${k}e${e}`);
        if (at >= lo * 0.999 && at <= hi * 1.001) list.push({ at, text: fine ? number(at) : power(e) });
      }
    }
    return list;
  }
  const rough = (hi - lo) / count, unit = 10 ** Math.floor(Math.log10(rough));
  let step = [1, 2, 5, 10].find((s) => s * unit >= rough) * unit;
  if (whole) step = Math.max(1, step);
  const digits = -Math.floor(Math.log10(step) + 1e-9), most = Math.max(Math.abs(lo), Math.abs(hi));
  const list = [];
  for (let k = Math.ceil(lo / step - 1e-9); k * step <= hi + step * 1e-9; k++) {
    const at = k * step;
    const plain = most < 1e6 && digits <= 5;
    const text = plain || k === 0 ? at.toFixed(plain ? Math.max(0, digits) : 0)
      : at.toExponential(Math.max(0, Math.floor(Math.log10(Math.abs(at)) + 1e-9) + digits));
    list.push({ at, text: text.replace('-', '−').replace('e−', 'e-') });
  }
  return list;
}

// scale maps a range of numbers to a range of pixels, and back.
function scale(lo, hi, log, from, to) {
  const f = log ? Math.log10 : (v) => v, a = f(lo), b = f(hi);
  const there = (v) => from + ((to - from) * (f(v) - a)) / (b - a);
  there.back = (pixel) => {
    const v = a + ((b - a) * (pixel - from)) / (to - from);
    return log ? 10 ** v : v;
  };
  return there;
}

// Panel is a pair of axes with its legend.
class Panel {
  constructor(chart, data, first, last) {
    Object.assign(this, { chart, first, last, log: data.y.log });
    // Over names, what stands at the same one stands side by side.
    const shift = (i) => (chart.data.x.names ? (i - (data.series.length - 1) / 2) * 9 : 0);
    this.series = data.series.map((_, i) => ({ shift: shift(i), shown: true }));
    this.take(data);
    const button = element('button', { type: 'button', class: 'scale-y' });
    button.addEventListener('click', () => { this.log = !this.log; this.draw(); });
    this.button = button;
    this.plot = element('div', {
      class: 'plot', tabindex: 0, role: 'slider', 'aria-label': `${data.title}: the rule, by ${chart.data.x.label}`,
    });
    this.root = element('div', { class: 'panel' },
      element('header', {}, element('h3', {}, data.title), element('span', {}, data.y.label), button),
      this.plot, this.legend());
    this.listen();
  }

  // take takes the numbers of the curves, also later ones of the same curves.
  take(data) {
    if (this.data && this.log === this.data.y.log) this.log = data.y.log;
    this.data = data;
    data.series.forEach((s, i) => {
      const x = this.chart.data.xs[s.x];
      Object.assign(this.series[i], s, { x, index: new Map(x.map((v, k) => [v, k])) });
    });
  }

  // like shows what another panel shows: its axis, and its curves but those that are hidden there.
  like(other) {
    if (other.log !== other.data.y.log) this.log = other.log;
    this.series.forEach((s, i) => {
      if (other.series.find((o) => o.name === s.name)?.shown !== false) return;
      s.shown = false;
      this.legendRoot.querySelectorAll('button')[i].setAttribute('aria-pressed', false);
    });
  }

  legend() {
    this.where = element('td');
    const rows = this.series.map((s) => {
      const line = svg('line', { class: `curve ${s.ink}`, x1: 1, x2: 25, y1: 5, y2: 5, 'stroke-dasharray': s.dash.join(' ') });
      const button = element('button', { type: 'button', 'aria-pressed': 'true' },
        svg('svg', { viewBox: '0 0 26 10', 'aria-hidden': 'true' }, line), element('span', {}, s.name));
      button.addEventListener('click', () => {
        s.shown = !s.shown;
        button.setAttribute('aria-pressed', s.shown);
        this.draw();
      });
      s.cell = element('td');
      return element('tr', {}, element('th', { scope: 'row' }, button), s.cell);
    });
    return this.legendRoot = element('table', { class: 'legend' },
      element('thead', {}, element('tr', {}, element('th', { scope: 'col' }, this.chart.data.x.label), this.where)),
      element('tbody', {}, ...rows));
  }

  // fits says whether a number is known and has a place on the vertical axis.
  fits(v) { return v !== null && v !== undefined && !(this.log && v <= 0); }

  // limits returns the range of what is shown between two places: whole decades, or with a little room.
  limits(from, to) {
    let lo = Infinity, hi = -Infinity;
    for (const s of this.series.filter((s) => s.shown)) {
      s.x.forEach((x, i) => {
        if (x < from || x > to) return;
        for (const v of [s.y[i], s.low?.[i], s.high?.[i]].filter((v) => this.fits(v))) {
          lo = Math.min(lo, v);
          hi = Math.max(hi, v);
        }
      });
    }
    if (lo > hi) return [0.1, 1];
    if (!this.log) {
      if (lo >= 0 && lo < hi / 3) return [0, hi * 1.05];
      const room = (hi - lo) * 0.05 || Math.abs(hi) * 0.1 || 1;
      return [lo - room, hi + room];
    }
    if (hi / lo < 10 && this.chart.zoomed()) return [lo / (hi / lo * 1.01) ** 0.05, hi * (hi / lo * 1.01) ** 0.05];
    const a = Math.floor(Math.log10(lo)), b = Math.ceil(Math.log10(hi));
    return [Number('1e' + a), Number('1e' + (a === b ? b + 1 : b))];
  }

  draw() {
    const { chart } = this, [from, to] = chart.range;
    const width = Math.max(240, this.plot.clientWidth), top = this.first ? 22 : 8;
    const box = { left: 46, right: width - 8, top, bottom: top + (width < 500 ? 180 : 215) };
    const height = box.bottom + (this.last ? 40 : 10);
    const [lo, hi] = this.limits(from, to);
    const x = this.x = scale(from, to, chart.log, box.left, box.right);
    const y = this.y = scale(lo, hi, this.log, box.bottom, box.top);
    this.box = box;
    this.button.textContent = `y: ${this.log ? 'log' : 'linear'}`;
    this.button.title = `Switch to a ${this.log ? 'linear' : 'logarithmic'} axis`;
    const wide = box.right - box.left, high = box.bottom - box.top;
    // What is outside of the inner one is not seen, but for half the width of a curve at the edge.
    const inner = svg('svg', { x: box.left, y: box.top - 2, width: wide, height: high + 4, overflow: 'hidden',
      viewBox: `${box.left} ${box.top - 2} ${wide} ${high + 4}` });
    const outer = svg('svg', { viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' }, inner);
    inner.append(svg('rect', { class: 'ground', x: box.left, y: box.top, width: wide, height: high }));
    for (const s of chart.data.spans) {
      const a = x(Math.min(Math.max(s.from, from), to)), b = x(Math.min(Math.max(s.to, from), to));
      if (b <= a) continue;
      inner.append(svg('rect', { class: `span tint-${s.tint}`, x: a, y: box.top, width: b - a, height: high }));
      const text = [`${s.number} ${s.name}`, s.number].find((t) => t.length * 7 < b - a);
      if (this.first && text) outer.append(svg('text', { x: (a + b) / 2, y: 15, 'text-anchor': 'middle' }, text));
    }
    for (const t of ticks(lo, hi, this.log, 5, false)) {
      inner.append(svg('line', { class: 'grid', x1: box.left, x2: box.right, y1: y(t.at), y2: y(t.at) }));
      outer.append(svg('text', { x: box.left - 7, y: y(t.at) + 4, 'text-anchor': 'end' }, t.text));
    }
    const names = chart.data.x.names?.map((text, at) => ({ at, text })).filter((t) => t.at >= from && t.at <= to);
    for (const t of names ?? ticks(from, to, chart.log, wide < 400 ? 4 : 7, chart.whole)) {
      inner.append(svg('line', { class: 'grid', x1: x(t.at), x2: x(t.at), y1: box.top, y2: box.bottom }));
      if (this.last) outer.append(svg('text', { x: x(t.at), y: box.bottom + 17, 'text-anchor': 'middle' }, t.text));
    }
    if (this.last) {
      outer.append(svg('text', { x: (box.left + box.right) / 2, y: height - 4, 'text-anchor': 'middle' }, chart.data.x.label));
    }
    for (const m of chart.data.marks.filter((m) => m.at >= from && m.at <= to)) {
      inner.append(svg('line', { class: 'mark', x1: x(m.at), x2: x(m.at), y1: box.top, y2: box.bottom }));
      if (this.first && x(m.at) + 40 < box.right) inner.append(svg('text', { x: x(m.at) + 6, y: box.top + 15 }, m.name));
    }
    for (const s of this.series.filter((s) => s.shown)) this.curve(inner, outer, s);
    this.rule = svg('g');
    this.chosen = svg('rect', { class: 'chosen', y: box.top, height: high, width: 0 });
    inner.append(this.chosen);
    outer.append(this.rule);
    this.plot.replaceChildren(outer);
    this.point();
  }

  // curve draws a series, with a hole where nothing is known or the axis cannot show it, and a dot where a value is alone.
  curve(inner, outer, s) {
    let path = '', run = 0;
    const { names } = this.chart.data.x, [from, to] = this.chart.range;
    if (s.low) this.band(inner, s);
    s.y.forEach((v, i) => {
      if (!this.fits(v) || (this.chart.log && s.x[i] <= 0)) { run = 0; return; }
      const x = this.x(s.x[i]) + s.shift, y = this.y(v);
      path += `${run++ && !names ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
      if ((s.points || (run === 1 && !this.fits(s.y[i + 1]))) && s.x[i] >= from && s.x[i] <= to) {
        outer.append(svg('circle', { class: `dot ${s.ink}`, cx: x, cy: y, r: 3.5 }));
      }
    });
    inner.append(svg('path', { class: `curve ${s.ink}`, 'data-name': s.name, d: path, 'stroke-dasharray': s.dash.join(' ') }));
  }

  // band draws the range around a curve: over names a bar at each point, else an area for each stretch that the axes can show.
  band(inner, s) {
    const { names } = this.chart.data.x;
    let upper = [], lower = [];
    const close = () => {
      if (upper.length > 1) inner.append(svg('path', { class: `band ${s.ink}`, d: `M${[...upper, ...lower.reverse()].join('L')}Z` }));
      upper = [];
      lower = [];
    };
    s.x.forEach((at, i) => {
      if (!this.fits(s.low[i]) || !this.fits(s.high[i]) || (this.chart.log && at <= 0)) { close(); return; }
      const x = this.x(at) + s.shift, low = this.y(s.low[i]), high = this.y(s.high[i]);
      if (names) inner.append(svg('line', { class: `bar-between ${s.ink}`, x1: x, x2: x, y1: low, y2: high }));
      upper.push(`${x.toFixed(1)} ${high.toFixed(1)}`);
      lower.push(`${x.toFixed(1)} ${low.toFixed(1)}`);
    });
    if (!names) close();
  }

  // point shows the rule and the values at it; at the end of the range where the reader points nowhere.
  point() {
    const { chart, box } = this, at = chart.at ?? chart.visible().at(-1), told = [];
    this.rule.replaceChildren();
    if (chart.at !== null) {
      this.rule.append(svg('line', { class: 'rule', x1: this.x(at), x2: this.x(at), y1: box.top, y2: box.bottom }));
    }
    const place = chart.data.x.names?.[at] ?? (String(at).length < 8 ? String(at) : number(at));
    this.where.replaceChildren(element('data', { value: at }, place));
    for (const s of this.series) {
      const i = s.index.get(at);
      s.cell.replaceChildren();
      if (!s.shown || i === undefined) continue;
      const v = s.y[i], y = v === null ? NaN : this.y(v);
      const range = s.low && s.low[i] < s.high[i] ? `: from ${s.low[i]} to ${s.high[i]}` : '';
      s.cell.append(element('data', { value: v === null ? '' : v, title: v === null ? '' : v + range }, number(v)));
      told.push(`${s.name} ${number(v)}`);
      if (chart.at !== null && y >= box.top - 1 && y <= box.bottom + 1) {
        this.rule.append(svg('circle', { class: `dot ${s.ink}`, cx: this.x(at) + s.shift, cy: y, r: 4 }));
      }
    }
    this.plot.setAttribute('aria-valuemin', chart.stops[0]);
    this.plot.setAttribute('aria-valuemax', chart.stops.at(-1));
    this.plot.setAttribute('aria-valuenow', at);
    this.plot.setAttribute('aria-valuetext', `${chart.data.x.label} ${place}: ${told.join(', ') || 'no curve is shown'}`);
  }

  // listen follows the pointer and the keys. A mouse that is dragged chooses a range; a finger moves the rule.
  listen() {
    const { chart, plot } = this;
    const place = (e) => Math.min(Math.max(e.clientX - plot.getBoundingClientRect().left, this.box.left), this.box.right);
    let began = null;
    plot.addEventListener('pointerdown', (e) => {
      if (e.pointerType === 'touch') { chart.pointAt(this.x.back(place(e))); return; }
      if (e.button !== 0) return;
      began = place(e);
      chart.hold();
      plot.setPointerCapture(e.pointerId);
    });
    plot.addEventListener('pointermove', (e) => {
      const at = place(e);
      chart.pointAt(this.x.back(at));
      if (began === null) return;
      this.chosen.setAttribute('x', Math.min(began, at));
      this.chosen.setAttribute('width', Math.abs(at - began));
    });
    plot.addEventListener('pointerup', (e) => {
      if (began === null) return;
      const ends = [began, place(e)].sort((a, b) => a - b);
      began = null;
      this.chosen.setAttribute('width', 0);
      if (ends[1] - ends[0] > 6) chart.zoom(this.x.back(ends[0]), this.x.back(ends[1]));
      chart.release();
    });
    plot.addEventListener('pointercancel', () => { began = null; this.chosen.setAttribute('width', 0); chart.release(); });
    plot.addEventListener('pointerleave', (e) => { if (e.pointerType !== 'touch') chart.pointAt(null); });
    plot.addEventListener('blur', () => chart.pointAt(null));
    plot.addEventListener('dblclick', () => chart.reset());
    plot.addEventListener('keydown', (e) => {
      if (e.ctrlKey || e.metaKey || e.altKey) return;
      const far = e.shiftKey ? 10 : 1;
      const moves = { ArrowLeft: -far, ArrowRight: far, ArrowDown: -far, ArrowUp: far, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity };
      if (e.key in moves) chart.step(moves[e.key]);
      else if (e.key === '+' || e.key === '=') chart.zoomBy(0.5);
      else if (e.key === '-') chart.zoomBy(2);
      else if (e.key === '0') chart.reset();
      else if (e.key === 'Escape') chart.pointAt(null);
      else return;
      e.preventDefault();
    });
  }
}

// Chart is a figure: its panels, the range that they show, and where the rule is (null: nowhere).
class Chart {
  constructor(root, data) {
    Object.assign(this, { root, log: data.x.log, at: null, panels: [], held: false, waiting: null });
    this.button = element('button', { type: 'button', class: 'scale-x' });
    this.button.addEventListener('click', () => { this.log = !this.log; this.reset(); });
    this.back = element('button', { type: 'button', class: 'reset' }, 'Reset zoom');
    this.back.addEventListener('click', () => this.reset());
    this.take(data);
    this.build();
    this.reset();
    new ResizeObserver(() => this.draw()).observe(root);
  }

  take(data) {
    data.spans ||= [];
    data.marks ||= [];
    Object.assign(this, { data, stops: data.stops, whole: data.stops.every(Number.isInteger) });
  }

  // build makes what the figure consists of. What the reader has chosen in panels of the same title stays.
  build() {
    const { data } = this, before = this.panels;
    this.panels = data.panels.map((p, i) => new Panel(this, p, i === 0, i === data.panels.length - 1));
    for (const p of this.panels) {
      const old = before.find((o) => o.data.title === p.data.title);
      if (old) p.like(old);
    }
    this.button.hidden = Boolean(data.x.names);
    const spans = data.spans.map((s) => element('li', {}, element('i', { class: `tint-${s.tint}` }),
      `${s.number} ${s.name}, ${number(s.from)} to ${number(s.to)}`));
    this.root.replaceChildren(...(spans.length ? [element('ul', { class: 'spans' }, ...spans)] : []),
      ...this.panels.map((p) => p.root), element('div', { class: 'bar' }, this.button, this.back,
        element('span', { class: 'note' }, 'Point to read values, drag to zoom, double-click to go back; ' +
          'names switch curves. Keys: arrows, + and −, 0.')));
  }

  // shape is what has to be built anew if it changes; the rest is numbers.
  shape() {
    const { x, spans, panels } = this.data;
    return JSON.stringify([x, spans, panels.map((p) => [p.title, p.y.label, p.series.map((s) => [s.name, s.ink, s.dash])])]);
  }

  // update takes later numbers. The reader's zoom, rule, axes and hidden curves stay.
  update(data) {
    if (this.held) { this.waiting = data; return; }
    const zoomed = this.zoomed(), shape = this.shape();
    this.take(data);
    if (this.shape() === shape) this.panels.forEach((p, i) => p.take(data.panels[i]));
    else this.build();
    if (!zoomed) this.range = this.full();
    if (this.at !== null) this.at = this.nearest(this.at, (x) => x);
    this.draw();
  }

  // hold keeps the numbers as they are, while the reader drags a range, until release.
  hold() { this.held = true; }
  release() {
    const { waiting } = this;
    Object.assign(this, { held: false, waiting: null });
    if (waiting) this.update(waiting);
  }

  // full is the whole range; a logarithmic axis begins at the first place above zero.
  full() {
    const { names } = this.data.x;
    if (names) return [-0.5, names.length - 0.5];
    const places = this.log ? this.stops.filter((x) => x > 0) : this.stops;
    const from = places[0] ?? 1, to = places.at(-1) ?? 10;
    return to > from ? [from, to] : [from, this.log ? from * 10 : from + 1];
  }
  zoomed() { return this.range.join() !== this.full().join(); }
  visible() {
    const stops = this.stops.filter((x) => x >= this.range[0] && x <= this.range[1]);
    return stops.length ? stops : this.stops.slice(-1);
  }
  reset() { this.range = this.full(); this.at = null; this.draw(); }

  zoom(from, to) {
    const full = this.full(), range = [Math.max(from, full[0]), Math.min(to, full[1])];
    if (this.stops.filter((x) => x >= range[0] && x <= range[1]).length < 2) return;
    this.range = range;
    if (this.at < from || this.at > to) this.at = null;
    this.draw();
  }

  // zoomBy makes the range narrower or wider around the rule.
  zoomBy(factor) {
    const s = scale(...this.range, this.log, 0, 1), middle = this.at === null ? 0.5 : s(this.at);
    this.zoom(s.back(middle - middle * factor), s.back(middle + (1 - middle) * factor));
  }

  // nearest is the stop that is nearest to a place on a scale.
  nearest(place, scale) {
    const far = (x) => Math.abs(scale(x) - scale(place));
    return this.visible().reduce((best, x) => (far(x) < far(best) ? x : best));
  }

  // pointAt puts the rule at the stop that is nearest to a place.
  pointAt(place) {
    if (place !== null) {
      place = this.nearest(place, this.panels[0].x);
    }
    if (place === this.at) return;
    this.at = place;
    this.panels.forEach((p) => p.point());
  }

  step(by) {
    const stops = this.visible(), now = this.at === null ? stops.length - 1 : stops.indexOf(this.at);
    this.pointAt(stops[Math.min(Math.max(now + by, 0), stops.length - 1)]);
  }

  draw() {
    this.button.textContent = `x: ${this.log ? 'log' : 'linear'}`;
    this.button.title = `Switch to a ${this.log ? 'linear' : 'logarithmic'} axis`;
    this.back.hidden = !this.zoomed();
    this.panels.forEach((p) => p.draw());
  }
}

// drawn are the figures that are drawn, by their elements.
const drawn = new Map();

// drawCharts draws the figures of the page from the numbers of a document, which is the page or a later one.
function drawCharts(from) {
  const charts = (JSON.parse(from.getElementById('data').textContent) || []).filter((c) => c.panels);
  document.querySelectorAll('.chart').forEach((root, i) => {
    if (drawn.has(root)) drawn.get(root).update(charts[i]);
    else drawn.set(root, new Chart(root, charts[i]));
  });
}
drawCharts(document);

document.addEventListener('click', async (e) => {
  const button = e.target.closest('[data-copy]');
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  } catch { // not allowed: the text is selected, for the reader to copy
    getSelection().selectAllChildren(source);
  }
});

addEventListener('beforeprint', () => {
  for (const d of document.querySelectorAll('details')) d.open = true;
});

// order is what the reader has chosen of a list: the words to search for, and the column to sort by (−1: as the server does).
const order = { words: '', column: -1, down: false };

// arrange hides and sorts the rows of a document's list.
function arrange(doc) {
  const list = doc.querySelector('.list table');
  if (!list) return;
  const rows = [...list.tBodies[0].rows], { words, column, down } = order;
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.split(/\s+/).every((w) => text.includes(w));
  }
  if (column < 0) return;
  const value = (row) => row.cells[column].dataset.sort, numeric = rows.every((row) => !isNaN(value(row)));
  const compare = numeric ? (a, b) => a - b : (a, b) => a.localeCompare(b, undefined, { numeric: true });
  rows.sort((a, b) => {
    const x = value(a), y = value(b);
    if (!x || !y) return (x ? 0 : 1) - (y ? 0 : 1); // what is unknown stands last
    return down ? compare(y, x) : compare(x, y);
  });
  list.tBodies[0].append(...rows);
  list.tHead.rows[0].cells[column].ariaSort = down ? 'descending' : 'ascending';
}

document.addEventListener('input', (e) => {
  if (!e.target.matches('.search input')) return;
  order.words = e.target.value.trim().toLowerCase();
  arrange(document);
});

document.addEventListener('click', (e) => {
  const head = e.target.closest('.list thead th');
  if (!head) return;
  const same = order.column === head.cellIndex;
  Object.assign(order, { column: head.cellIndex, down: same && !order.down });
  for (const th of head.parentNode.cells) th.ariaSort = 'none';
  arrange(document);
});

// morph makes a node like another one of a later page. What is equal stays as it is, with its focus, its place of scrolling
// and what the reader has opened. Figures are drawn anew by drawCharts.
function morph(old, next) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== next.data) old.data = next.data;
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE || old.matches('.chart')) return;
  for (const { name, value } of next.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    if (!next.hasAttribute(name) && name !== 'open') old.removeAttribute(name);
  }
  const key = (node) => node.dataset?.key, keys = new Set([...next.children].map(key)), keyed = new Map();
  for (const child of [...old.children]) {
    if (key(child) === undefined) continue;
    if (keys.has(key(child))) keyed.set(key(child), child);
    else child.remove();
  }
  let at = old.firstChild;
  for (const child of [...next.childNodes]) {
    const there = key(child) === undefined ? at : keyed.get(key(child));
    if (!there || there.nodeName !== child.nodeName || key(there) !== key(child)) {
      old.insertBefore(child, at);
      continue;
    }
    if (there === at) at = at.nextSibling;
    else old.insertBefore(there, at);
    morph(there, child);
  }
  while (at) {
    const then = at.nextSibling;
    at.remove();
    at = then;
  }
}

// tell shows a sentence below the page, or takes it away.
function tell(text) {
  const shown = document.querySelector('.lost');
  if (!text) shown?.remove();
  else if (shown) shown.textContent = text;
  else document.body.append(element('p', { class: 'lost', role: 'status' }, text));
}

// renew asks the server for the page again, until the page says that it does not change any more.
let tag = '';
async function renew() {
  let wait = 5;
  try {
    const answer = await fetch(location.href, { cache: 'no-store', headers: tag ? { 'If-None-Match': tag } : {} });
    if (answer.ok) {
      const later = new DOMParser().parseFromString(await answer.text(), 'text/html');
      tag = answer.headers.get('ETag') || '';
      arrange(later);
      document.title = later.title;
      document.body.dataset.renew = later.body.dataset.renew || '';
      morph(document.querySelector('main'), later.querySelector('main'));
      drawCharts(later);
    }
    if (answer.ok || answer.status === 304) {
      tell('');
      wait = Number(document.body.dataset.renew);
    } else {
      tell((await answer.text()).trim());
    }
  } catch {
    tell('The server does not answer any more: this page is as it was last. A run under --view serves it until it ends; ' +
      '"matsense view" shows it again.');
  }
  if (wait) setTimeout(renew, 1000 * wait);
}
if (document.body.dataset.renew) setTimeout(renew, 1000);
