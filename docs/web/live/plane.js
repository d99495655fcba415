// The live pictures of lessons 01 to 03, without a kernel: points that disappear in noise, the score of noisy data, the
// steps of samplers. Each `<div data-nts-plane="noise|score|sampler">` of a page becomes one.

import { DATA } from "./colours.js";
import { MIXTURES } from "./mixture.js";
import { gaussian } from "./noise.js";
import { PATHS, timeGrid } from "./paths.js";
import { sample } from "./sampling.js";

const PATH = PATHS.flow;
const [SIZE, EXTENT] = [440, 2.7]; // pixels per side; both axes run from -EXTENT to EXTENT
const COUNT = 500;
const TRAILS = 40;
const [DARK_ORANGE, DARK_GREY] = ["#b35c00", "#9aa3ad"]; // of the course's model and noise: readable on white
const SHAPES = Object.keys(MIXTURES);
const SAMPLERS = { ddim: "DDIM (Euler)", heun: "Heun", ddpm: "DDPM, with fresh noise" };
const pixel = (value) => ((value + EXTENT) / (2 * EXTENT)) * SIZE;

// ------------------------------------------------------------------------------------------------ the three pictures

const KINDS = {
  noise: {
    title: "Drown a shape",
    inputs: ["shape", "time"],
    label: "Grey: 500 points of a shape. Blue: where noise has carried them.",
    draw({ canvas, mixture, t, text }) {
      const x0 = drawn(mixture);
      const noise = gaussian(1, x0.length);
      const x = x0.map((value, i) => PATH.alpha(t) * value + PATH.sigma(t) * noise[i]);
      dots(canvas, x0, DARK_GREY, 1.2);
      dots(canvas, x, DATA, 2);
      const logSnr = 2 * Math.log(PATH.alpha(t) / PATH.sigma(t));
      text(`t = ${t.toFixed(2)}, log-SNR ${Number.isFinite(logSnr) ? logSnr.toFixed(1) : logSnr > 0 ? "∞" : "−∞"}`);
    },
  },
  score: {
    title: "The score: which way to more density",
    inputs: ["shape", "time"],
    label: "Orange: the density of noisy data. Blue: its score, by arrows.",
    draw({ canvas, mixture, t: time, text }) {
      const t = Math.max(time, 0.03); // as the noise vanishes, the score grows without bound
      density(canvas, mixture, t);
      for (let y = -2.4; y < EXTENT; y += 0.3) for (let x = -2.4; x < EXTENT; x += 0.3) arrow(canvas, x, y, mixture.score(x, y, PATH, t));
      text(`t = ${t.toFixed(2)}: each arrow points along the gradient of log p; long arrows are cut`);
    },
  },
  sampler: {
    title: "Samplers on their way back",
    inputs: ["shape", "sampler", "steps", "step"],
    label: "Blue: 500 points on their way from noise to data. Grey: the trails of 40. Orange: where data is.",
    draw({ canvas, mixture, states, step, text }) {
      density(canvas, mixture, 0.001, 0.5);
      trails(canvas, states.slice(0, step + 1));
      dots(canvas, states[step].x, DATA, 2);
      const [near, real] = [states.at(-1).x, drawn(mixture)].map((points) => (100 * onData(mixture, points)).toFixed(0));
      const where = `step ${step} of ${states.length - 1}, t = ${states[step].t.toFixed(2)}`;
      text(`${where}; at the end ${near} % lie within two standard deviations of a centre, of the data ${real} %`);
    },
  },
};

/** Draw COUNT points from a mixture, the same ones every time. */
function drawn(mixture) {
  const normal = gaussian(0, 2 * COUNT);
  return normal.map((value, i) => mixture.means[Math.floor(i / 2) % mixture.means.length][i % 2] + mixture.std * value);
}

/** Return the share of points that lie within two standard deviations of some component's centre. */
function onData(mixture, x) {
  let near = 0;
  for (let i = 0; i < x.length; i += 2)
    near += mixture.means.some(([mx, my]) => (x[i] - mx) ** 2 + (x[i + 1] - my) ** 2 < 4 * mixture.std ** 2);
  return (2 * near) / x.length;
}

function dots(canvas, points, colour, radius) {
  canvas.fillStyle = colour;
  for (let i = 0; i < points.length; i += 2) {
    canvas.beginPath();
    canvas.arc(pixel(points[i]), SIZE - pixel(points[i + 1]), radius, 0, 7);
    canvas.fill();
  }
}

/** Draw axes with ticks at -2, 0 and 2. */
function axes(canvas) {
  Object.assign(canvas, { fillStyle: "#58626d", strokeStyle: "#9aa3ad", lineWidth: 1, font: "13px sans-serif" });
  canvas.beginPath();
  for (const value of [-2, 0, 2]) {
    const [at, text] = [pixel(value), String(value).replace("-", "−")];
    canvas.moveTo(at, SIZE);
    canvas.lineTo(at, SIZE - 6);
    canvas.moveTo(0, SIZE - at);
    canvas.lineTo(6, SIZE - at);
    canvas.fillText(text, at - 4 * text.length, SIZE - 10);
    canvas.fillText(text, 10, SIZE - at + 4);
  }
  canvas.stroke();
  canvas.fillText("x", SIZE - 16, SIZE - 10);
  canvas.fillText("y", 10, 16);
}

function density(canvas, mixture, t, strength = 1) {
  const cell = 4;
  canvas.fillStyle = DARK_ORANGE;
  for (let j = 0; j < SIZE; j += cell)
    for (let i = 0; i < SIZE; i += cell) {
      const [x, y] = [((i + cell / 2) / SIZE) * 2 * EXTENT - EXTENT, EXTENT - ((j + cell / 2) / SIZE) * 2 * EXTENT];
      canvas.globalAlpha = strength * 0.7 * (1 - Math.exp(-2.5 * Math.exp(mixture.logDensity(x, y, PATH, t))));
      canvas.fillRect(i, j, cell, cell);
    }
  canvas.globalAlpha = 1;
}

function arrow(canvas, x, y, [sx, sy]) {
  const length = Math.hypot(sx, sy);
  const scale = Math.min(0.05, 0.22 / length);
  const [ex, ey] = [pixel(x + scale * sx), SIZE - pixel(y + scale * sy)];
  const angle = Math.atan2(-sy, sx);
  canvas.strokeStyle = DATA;
  canvas.lineWidth = 1.3;
  canvas.beginPath();
  canvas.moveTo(pixel(x), SIZE - pixel(y));
  canvas.lineTo(ex, ey);
  for (const side of [-1, 1]) {
    canvas.moveTo(ex, ey);
    canvas.lineTo(ex - 4 * Math.cos(angle + 0.5 * side), ey - 4 * Math.sin(angle + 0.5 * side));
  }
  canvas.stroke();
}

function trails(canvas, states) {
  canvas.strokeStyle = DARK_GREY;
  canvas.lineWidth = 1;
  for (let k = 0; k < TRAILS; k++) {
    canvas.beginPath();
    for (const { x } of states) canvas.lineTo(pixel(x[2 * k]), SIZE - pixel(x[2 * k + 1]));
    canvas.stroke();
  }
}

// ------------------------------------------------------------------------------------------------ controls

const INPUTS = {
  shape: () => `<label>Data <select name="shape">${SHAPES.map((name) => `<option>${name}</option>`)}</select></label>`,
  time: () => slider("Time", "time", 0, 1, 0.01, 0.3),
  sampler: () =>
    `<label>Sampler <select name="sampler">${Object.entries(SAMPLERS).map(([name, text]) => `<option value="${name}">${text}</option>`)}</select></label>`,
  steps: () => slider("Steps", "steps", 1, 40, 1, 10),
  step: () => slider("Step", "step", 0, 10, 1, 0),
};

const slider = (text, name, min, max, step, value) =>
  `<label>${text} <span><input name="${name}" type="range" min="${min}" max="${max}" step="${step}" value="${value}"><output>${value}</output></span></label>`;

export class Plane {
  constructor(element, kind) {
    this.kind = KINDS[kind];
    if (!this.kind) throw new RangeError(`“${kind}” is no picture: ${Object.keys(KINDS).join(", ")}.`);
    this.element = element;
    element.classList.add("nts-live", "nts-plane");
    element.innerHTML = `<form class="nts-live-form"><b>${this.kind.title}</b>${this.kind.inputs.map((name) => INPUTS[name]()).join("")}
      <div class="nts-live-go"><button class="nts-live-main" type="button" name="play">Play</button></div>
      <p class="nts-live-status" role="status"></p></form>
      <figure class="nts-live-shown"><canvas role="img" aria-label="${this.kind.label}"></canvas><figcaption>${this.kind.label}</figcaption></figure>`;
    this.picture = element.querySelector("canvas");
    const sharp = Math.min(2, globalThis.devicePixelRatio || 1);
    Object.assign(this.picture, { width: SIZE * sharp, height: SIZE * sharp });
    this.canvas = this.picture.getContext("2d");
    this.canvas.scale(sharp, sharp);
    element.addEventListener("submit", (event) => event.preventDefault());
    element.addEventListener("input", (event) => (this.stop(), this.update(event.target.name)));
    this.input("play").addEventListener("click", () => (this.playing ? this.stop() : this.play()));
    this.ready = this.update();
  }

  input(name) {
    return this.element.querySelector(`[name="${name}"]`);
  }

  /** Compute what has changed, then redraw. */
  async update(changed) {
    for (const output of this.element.querySelectorAll("output")) output.textContent = output.previousElementSibling.value;
    const mixture = MIXTURES[this.input("shape").value];
    if (this.input("sampler") && changed !== "step") {
      this.states = await statesOf(mixture, this.input("sampler").value, Number(this.input("steps").value));
      this.input("step").max = this.states.length - 1;
      this.input("step").value = this.states.length - 1;
      this.input("step").nextElementSibling.textContent = this.input("step").value;
    }
    this.canvas.clearRect(0, 0, SIZE, SIZE);
    this.kind.draw({
      canvas: this.canvas,
      mixture,
      t: Number(this.input("time")?.value),
      states: this.states,
      step: Number(this.input("step")?.value),
      text: (line) => (this.element.querySelector(".nts-live-status").textContent = line),
    });
    axes(this.canvas);
  }

  /** Play all times, or all steps, once. */
  async play() {
    const moved = this.input("time") ?? this.input("step");
    this.playing = true;
    this.input("play").textContent = "Stop";
    const frames = this.input("time") ? 100 : Number(moved.max);
    for (let k = 0; k <= frames && this.playing; k++) {
      moved.value = Number(moved.min) + ((moved.max - moved.min) * k) / frames;
      await this.update(moved.name);
      await new Promise((resolve) => setTimeout(resolve, this.input("time") ? 40 : 4000 / (frames + 10)));
    }
    this.stop();
  }

  stop() {
    this.playing = false;
    this.input("play").textContent = "Play";
  }
}

/** Return all states of a sampler, beginning with the initial noise. */
async function statesOf(mixture, sampler, steps) {
  const states = [{ t: 1, x: gaussian(0, 2 * COUNT) }];
  const denoise = (x, t) => mixture.denoise(x, PATH, t);
  for await (const state of sample(denoise, "flow", timeGrid("flow", steps), sampler, 2 * COUNT, 0)) states.push(state);
  return states;
}

for (const element of document.querySelectorAll("[data-nts-plane]")) element.plane = new Plane(element, element.dataset.ntsPlane);
