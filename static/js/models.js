// Models: curves, progress of training, and the buttons that train, promote and roll back.

import { get, post } from "./api.js";
import { every, refresh, tell, timeLeft } from "./base.js";

const SVG = "http://www.w3.org/2000/svg";
const SIZE = { width: 360, height: 160, left: 34, right: 104, top: 10, bottom: 20 };

function draw(name, attributes, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

/** Two digits that count, written as the page's language writes them. */
function figure(value) {
  return value.toLocaleString(document.documentElement.lang, { maximumSignificantDigits: 2 });
}

/** Points of one curve, [[epoch, value], ...]; epochs without this value are left out. */
function points(epochs, key) {
  return epochs.filter((each) => Number.isFinite(each[key])).map((each) => [each.epoch, each[key]]);
}

function scales(curves) {
  const all = curves.flatMap((curve) => curve.points);
  const epochs = all.map(([epoch]) => epoch);
  const [first, last] = [Math.min(...epochs), Math.max(...epochs)];
  const top = Math.max(...all.map(([, value]) => value)) || 1;
  const [inner, high] = [SIZE.width - SIZE.left - SIZE.right, SIZE.height - SIZE.top - SIZE.bottom];
  return {
    first,
    last,
    top,
    x: (epoch) => SIZE.left + (inner * (epoch - first)) / Math.max(1, last - first),
    y: (value) => SIZE.top + high * (1 - value / top),
  };
}

function drawGrid(svg, { first, last, top, x, y }) {
  for (const value of [0, top / 2, top]) {
    const [x1, x2] = [SIZE.left, SIZE.width - SIZE.right];
    svg.append(draw("line", { class: "chart-grid", x1, x2, y1: y(value), y2: y(value) }));
    svg.append(draw("text", { x: SIZE.left - 6, y: y(value) + 4, "text-anchor": "end" }, figure(value)));
  }
  for (const epoch of new Set([first, last])) {
    svg.append(draw("text", { x: x(epoch), y: SIZE.height - 4, "text-anchor": "middle" }, String(epoch)));
  }
}

function drawCurve(svg, curve, scale) {
  const quiet = curve.quiet ? "chart-line chart-line-quiet" : "chart-line";
  const path = curve.points.map(([epoch, value], place) => `${place ? "L" : "M"}${scale.x(epoch)} ${scale.y(value)}`);
  svg.append(draw("path", { class: quiet, d: path.join(" ") }));
}

/** The curves' names stand at their last points, apart from each other. */
function drawNames(svg, curves, scale) {
  const named = curves.map((curve) => ({ ...curve, last: curve.points.at(-1) })).sort((a, b) => b.last[1] - a.last[1]);
  let below = -Infinity;
  for (const curve of named) {
    const y = Math.max(scale.y(curve.last[1]) + 4, below + 14);
    below = y;
    const text = `${curve.name} ${figure(curve.last[1])}`;
    const style = curve.quiet ? "chart-name-quiet" : "chart-name";
    svg.append(draw("text", { class: style, x: scale.x(curve.last[0]) + 8, y }, text));
  }
}

function drawBest(svg, curve, scale) {
  const best = curve.points.reduce((low, point) => (point[1] < low[1] ? point : low));
  svg.append(draw("circle", { class: "chart-best", cx: scale.x(best[0]), cy: scale.y(best[1]), r: 4 }));
}

/** Loss of training and validation as a picture in `place`. */
export function chart(place, epochs) {
  place.querySelector("svg")?.remove();
  const curves = [
    { name: gettext("unseen"), points: points(epochs, "val_loss"), quiet: false },
    { name: gettext("training"), points: points(epochs, "loss"), quiet: true },
  ].filter((curve) => curve.points.length);
  place.hidden = curves.length === 0;
  if (!curves.length) return;
  const scale = scales(curves);
  const label = interpolate(gettext("Loss after %s epochs"), [epochs.length]);
  const svg = draw("svg", { viewBox: `0 0 ${SIZE.width} ${SIZE.height}`, role: "img", "aria-label": label });
  drawGrid(svg, scale);
  for (const curve of [...curves].reverse()) drawCurve(svg, curve, scale);
  drawBest(svg, curves[0], scale);
  drawNames(svg, curves, scale);
  place.prepend(svg);
}

function chartAll(place) {
  for (const each of place.querySelectorAll("[data-epochs]")) chart(each, JSON.parse(each.dataset.epochs));
}

async function renew(text) {
  const [sets] = await refresh("sets");
  chartAll(sets);
  document.getElementById("said").textContent = text;
}

function showEpochs(box, epochs) {
  chart(box.querySelector("[data-epochs]"), epochs);
  box.querySelector("[data-epochs-done]").textContent = epochs.length;
  const accuracy = epochs.at(-1)?.val_accuracy;
  const shown = Number.isFinite(accuracy) ? `${Math.round(100 * accuracy)}\u00a0%` : "–";
  box.querySelector("[data-accuracy]").textContent = shown;
}

const shownStates = new Map();

async function look() {
  const boxes = [...document.querySelectorAll("[data-job]")];
  const jobs = new Map((await get("jobs/")).map((job) => [String(job.id), job]));
  const started = [...jobs.values()].some((job) => job.kind === "train" && ["queued", "running"].includes(job.state));
  let stale = started && boxes.length === 0;
  for (const box of boxes) {
    const job = jobs.get(box.dataset.job);
    const state = `${job?.state}/${job?.run}`;
    const before = shownStates.get(box.dataset.job) ?? state;
    shownStates.set(box.dataset.job, state);
    if (!job || state !== before || !["queued", "running"].includes(job.state)) stale = true;
    else {
      box.querySelector("progress").value = job.progress;
      box.querySelector("[data-left]").textContent = timeLeft(job.left_s);
    }
    if (box.dataset.run) showEpochs(box, (await get(`runs/${box.dataset.run}/epochs/`)).epochs);
  }
  if (stale) await renew(gettext("The models have changed."));
}

async function act(button) {
  const { retrain, rollBack, promote } = button.dataset;
  const set = button.closest(".set");
  button.disabled = true;
  tell(set, "");
  try {
    if (retrain) await post("retrain/", { taxonomy: Number(retrain) });
    if (rollBack) await post("runs/roll_back/", { taxonomy: Number(rollBack) });
    if (promote) await post(`runs/${promote}/promote/`);
    await renew(retrain ? gettext("Training has been asked for.") : gettext("The models have changed."));
  } catch (failure) {
    tell(set, failure.message);
    button.disabled = false;
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-retrain], [data-roll-back], [data-promote]");
  if (button) act(button);
});
chartAll(document);
every(2000, look);
