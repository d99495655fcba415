// The live box: choose a class or type a text, watch the shape form, turn it, save it, share it. `mount(element)` puts one
// into a page. The box opens with a film that the site's build has recorded; no model is loaded until "Make it" is pressed,
// unless the page's address names a shape.

import { verify } from "./checked.js";
import { conditionOf } from "./model.js";
import { make, unpackLevels, VoxelViewer } from "./viewer.bundle.js";
import { classOf } from "./words.js";

const MODELS = { class: "shapes32", text: "text-to-shape32" };
// Files of onnxruntime-web with their SHA-256, and the size of its program. WebGPU is loaded only when it is chosen.
const ENGINES = {
  webassembly: {
    provider: "wasm", script: "ort.wasm.min.mjs", files: "ort-wasm-simd-threaded", bytes: 14_239_897,
    sums: {
      script: "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b",
      mjs: "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b",
      wasm: "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
    },
  },
  webgpu: {
    provider: "webgpu", script: "ort.webgpu.min.mjs", files: "ort-wasm-simd-threaded.asyncify", bytes: 26_781_914,
    sums: {
      script: "3dffff71811bc13a3a3d9591c57ca5ee5735b8f5f3eaf789510b02bb040ae3a0",
      mjs: "3d1c85995364bb643302fc6fd877a0c3ba5ae72401815e0f24828a53d9191e28",
      wasm: "39f9f0894d478800487ed9f7dbe92618498db320cf55c8e3d89adff8dce658da",
    },
  },
};
const TEXTS = [
  "a tall chair with armrests",
  "a round table on a pedestal",
  "a house with a porch",
  "an airplane with four engines",
];
const STEPS = [4, 8, 12, 16, 24, 32];
const GUIDANCE = { min: 1, max: 6, step: 0.5 };
const SEEDS = 2 ** 32;
const OPENING = { file: "models/shapes32/opening.film", milliseconds: 160 }; // written by docs/build_site.py; time per frame

const TEMPLATE = `
<p class="nts-live-title"><b>Make a shape in your browser</b></p>
<form class="nts-live-form">
  <div class="nts-live-ways" role="radiogroup" aria-label="How to ask">
    <label><input type="radio" name="way" value="class" checked> Pick a class</label>
    <label><input type="radio" name="way" value="text"> Say it in words</label></div>
  <label data-way="class">Shape <select name="class"></select></label>
  <label data-way="text" hidden>Text <input name="text" type="text" autocomplete="off"
    placeholder="${TEXTS[0]}"></label>
  <div class="nts-live-try" data-way="text" role="group" aria-label="Texts to try" hidden></div>
  <label>Seed <span><input name="seed" type="number" min="0" max="${SEEDS - 1}" step="1" value="3" required>
    <button type="button" name="dice" title="Another seed">Another</button></span></label>
  <div class="nts-live-go"><button class="nts-live-main" name="make">Make it</button> <button type="button" name="stop" disabled>Stop</button></div>
  <progress max="1" value="0" aria-label="Progress"></progress>
  <p class="nts-live-status" role="status" aria-live="polite"></p>
  <label>Steps <span><input name="steps" type="range" min="0" max="${STEPS.length - 1}" step="1"><output></output></span></label>
  <label>Guidance <span><input name="guidance" type="range" min="${GUIDANCE.min}" max="${GUIDANCE.max}" step="${GUIDANCE.step}"><output></output></span></label>
  <label hidden>Runs on <select name="engine"><option value="webassembly">the processor (WebAssembly)</option>
    <option value="webgpu">the graphics card (WebGPU)</option></select></label>
</form>
<div class="nts-live-shown">
  <div class="nts-live-view"></div>
  <div class="nts-live-after">
    <label>Step <span><input name="film" type="range" min="1" max="1" step="1" value="1" disabled><output></output></span></label>
    <label>Threshold <span><input name="threshold" type="range" min="-0.9" max="0.9" step="0.1" value="0" disabled><output></output></span></label>
    <span class="nts-live-save"><button type="button" name="obj" disabled>Save .obj</button>
      <button type="button" name="share" disabled>Copy link</button></span>
  </div>
</div>`;

export class Live {
  /** element: receives the box.  find: maps worker.js, runtime/… and models/… to an address, or to a promise of one.
   * models: the model for each way to ask that is offered.  sums: the SHA-256 of files, written by the site's build. */
  constructor(element, { find = (file) => new URL(file, import.meta.url).href, models = MODELS, sums = {} } = {}) {
    Object.assign(this, { element, find, models, sums });
    element.classList.add("nts-live");
    element.innerHTML = TEMPLATE;
    this.form = element.querySelector("form");
    this.frames = [];
    this.id = 0;
    this._query(".nts-live-try").append(...TEXTS.slice(1).map((text) => make("button", { type: "button", textContent: text })));
    this.form.elements.way.value = Object.keys(models)[0];
    this._query(".nts-live-ways").hidden = Object.keys(models).length === 1;
    this.viewer = new VoxelViewer(this._query(".nts-live-view"), { size: 32, tools: ["turn", "slice"] });
    this._listen();
    this.ready = Promise.all([this._describe(), this._offerWebgpu()]).then(() => this._begin()).catch((error) => this._fail(error));
  }

  _query(selector) {
    return this.element.querySelector(selector);
  }

  /** Find an input or a button by its name. */
  input(name) {
    return this._query(`[name="${name}"]`);
  }

  async _describe() {
    this.about = {};
    for (const [way, name] of Object.entries(this.models)) {
      const bytes = await this._load(`models/${name}/model.json`);
      if (!bytes) throw new Error("The models are not here: this page was not put up as a whole.");
      this.about[way] = JSON.parse(new TextDecoder().decode(bytes));
    }
    this.input("class").append(...(this.about.class?.classes ?? []).map((name) => new Option(name)));
  }

  /** Return a file's bytes, or null if it is not there; throw an error if they are not those of the site's build. */
  async _load(file) {
    const answer = await fetch(await this.find(file));
    if (!answer.ok) return null;
    const bytes = new Uint8Array(await answer.arrayBuffer());
    await verify(bytes, this.sums[file], file);
    return bytes;
  }

  /** Offer WebGPU if the browser has it. */
  async _offerWebgpu() {
    const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
    this.input("engine").closest("label").hidden = !adapter;
  }

  _begin() {
    this.set({});
    this._introduce();
  }

  _introduce() {
    const megabytes = Math.round(this._bytes(this.way) / 1e6);
    this._report(`The course's own model, ${megabytes} MB with what runs it, loaded once. It runs in your browser; nothing is sent away.`);
  }

  /** Return the size of what a first shape loads, uncompressed. */
  _bytes(way) {
    return ENGINES[this.input("engine").value].bytes + this.about[way].bytes;
  }

  _fail(error) {
    this.failed = true;
    this.input("make").disabled = true;
    this._report(error.message);
  }

  // ------------------------------------------------------------------------------------------------ settings

  get way() {
    return this.form.elements.way.value;
  }

  get settings() {
    return {
      way: this.way,
      prompt: this.input(this.way).value.trim(),
      seed: Number(this.input("seed").value),
      steps: STEPS[this.input("steps").value],
      guidance: Number(this.input("guidance").value),
    };
  }

  /** Change the settings; steps and guidance default to the model's. Throws a RangeError, changing nothing, if a value is
   * out of range. */
  set({ way = this.way, prompt, seed, steps, guidance }) {
    if (!(way in this.models)) throw new RangeError(`“${way}” is no way to ask: ${Object.keys(this.models).join(" or ")}.`);
    const { classes, sampling } = this.about[way];
    const { min, max } = GUIDANCE;
    if (way === "class" && prompt !== undefined) {
      conditionOf(this.about[way], prompt);
      prompt = classOf(classes, prompt);
    }
    if (seed !== undefined && !(Number.isInteger(seed) && seed >= 0 && seed < SEEDS))
      throw new RangeError(`Seed ${seed}: take a whole number from 0 to ${SEEDS - 1}.`);
    if (steps !== undefined && !STEPS.includes(steps)) throw new RangeError(`${steps} steps: take one of ${STEPS.join(", ")}.`);
    if (guidance !== undefined && !(guidance >= min && guidance <= max)) throw new RangeError(`Guidance ${guidance}: take ${min} to ${max}.`);
    this.form.elements.way.value = way;
    for (const part of this.element.querySelectorAll("[data-way]")) part.hidden = part.dataset.way !== way;
    const input = this.input(way);
    input.value = prompt ?? (input.value || TEXTS[0]);
    if (seed !== undefined) this.input("seed").value = seed;
    this.input("steps").value = STEPS.indexOf(steps ?? sampling.steps);
    this.input("guidance").value = guidance ?? sampling.guidance_scale;
    this._label();
  }

  _label() {
    const texts = { steps: STEPS[this.input("steps").value], film: this.frames.length ? `${this.input("film").value} of ${this.frames.length}` : "" };
    for (const output of this.element.querySelectorAll("output")) {
      const { name, value } = output.previousElementSibling;
      output.textContent = texts[name] ?? value;
      output.previousElementSibling.setAttribute("aria-valuetext", output.textContent);
    }
  }

  /** The page's address with the settings of the shape that is shown, or of the form if there is none. */
  get link() {
    const { way, prompt, seed, steps, guidance } = this.shownSettings ?? this.settings;
    const hash = new URLSearchParams({ [way]: prompt, seed, steps, guidance });
    return Object.assign(new URL(location.href), { hash }).href;
  }

  // ------------------------------------------------------------------------------------------------ events

  _listen() {
    this.form.addEventListener("submit", (event) => (event.preventDefault(), this.make()));
    this.form.addEventListener("change", ({ target }) => target.name === "way" && this._setWay(target.value));
    this.element.addEventListener("input", ({ target }) => {
      if (target.name === "film" || target.name === "threshold") this._show();
      this._label();
    });
    this._query(".nts-live-try").addEventListener("click", ({ target }) => {
      if (target.type !== "button") return;
      this.input("text").value = target.textContent;
      this.make();
    });
    const clicks = {
      dice: () => ((this.input("seed").value = Math.floor(Math.random() * 100_000)), this.make()),
      stop: () => this.stop(),
      obj: () => this.viewer.download("obj"),
      share: () => this._share(),
    };
    for (const [name, act] of Object.entries(clicks)) this.input(name).addEventListener("click", act);
  }

  _setWay(way) {
    this.set({ way });
    if (this.input("stop").disabled) this._introduce();
  }

  /** Show a line of text and the share of the work that is done, null if it is unknown. */
  _report(text, share = 0) {
    this._query(".nts-live-status").textContent = text;
    const progress = this._query("progress");
    if (share === null) progress.removeAttribute("value");
    else progress.value = share;
  }

  /** Play the film of a shape that was made before from a file: one grid after the other, four bits per voxel. */
  async play(file) {
    const bytes = await this._load(file);
    if (!bytes) return; // the box works without it
    const size = this.viewer.size ** 3 / 2;
    const field = (k) => unpackLevels(bytes.subarray(k * size, (k + 1) * size));
    const count = bytes.length / size;
    if (this.id) return; // a shape is being made already
    this.recorded = true;
    this.shownSettings = this.settings;
    this._name();
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (let k = 0; k < count; k++) {
      if (!still) await new Promise((resolve) => setTimeout(resolve, OPENING.milliseconds));
      if (this.id) return;
      this._add(field(k));
    }
    this._busy(false);
  }

  // ------------------------------------------------------------------------------------------------ making

  async _open() {
    if (!globalThis.Worker || !globalThis.WebAssembly)
      throw new Error("This browser runs no WebAssembly in workers, which the model needs: try a newer one.");
    const address = await this.find("worker.js");
    if (this.worker) return;
    await Promise.all(Object.keys(this.sums).filter((file) => file.endsWith(".js")).map((file) => this._load(file))); // its modules
    if (this.worker) return; // pressed twice
    this.worker = new Worker(address, { type: "module" });
    this.loading = true;
    this.worker.onmessage = ({ data }) => data.id === this.id && this._receive(data);
    this.worker.onerror = () => this._giveUp("The model's program cannot be loaded: reload the page.");
  }

  /** Stop and show what went wrong; the next attempt starts a new worker. */
  _giveUp(text) {
    this.worker?.terminate();
    this.worker = undefined;
    this.loading = false;
    if (!this.frames.length) this.viewer.setVoxels(new Uint8Array(this.viewer.size ** 3), this.viewer.size);
    this._end(text);
  }

  /** Return the addresses of the runtime and the model for the worker. */
  async _places(way) {
    const { provider, script, files, bytes, sums } = ENGINES[this.input("engine").value];
    const wanted = { script: `runtime/${script}`, mjs: `runtime/${files}.mjs`, wasm: `runtime/${files}.wasm` };
    const model = { about: `models/${this.models[way]}/model.json`, weights: `models/${this.models[way]}/model.onnx` };
    const found = async (all) => {
      const pairs = Object.entries(all).map(async ([name, file]) => [name, await this.find(file)]);
      return Object.fromEntries(await Promise.all(pairs));
    };
    const runtime = { provider, bytes, sums, ...(await found(wanted)) };
    return { runtime, ...(await found(model)), aboutSum: this.sums[model.about], bytes: this._bytes(way) };
  }

  /** Make a shape with the present settings. */
  async make() {
    if (!this.form.reportValidity()) return;
    const { way, prompt, seed, steps, guidance } = this.settings;
    try {
      conditionOf(this.about[way], prompt); // report at once what the model does not know
    } catch (error) {
      if (this.id) this.stop(error.message);
      else this._report(error.message); // the film that the box opens with plays on
      return;
    }
    const id = ++this.id;
    this.recorded = false;
    this.shownSettings = this.settings;
    this.frames = [];
    this._name();
    this._busy(true);
    this._report("Loading the model …", null);
    try {
      await this._open();
      const places = await this._places(way);
      if (id === this.id) this.worker.postMessage({ id, generate: { places, prompt, seed, steps, guidanceScale: guidance } });
    } catch (error) {
      if (id === this.id) this._giveUp(error.message);
    }
  }

  /** Stop making the shape; abandon a download in progress. */
  stop(text = "Stopped.") {
    this.id++;
    if (this.loading) this._giveUp(text);
    this.worker?.postMessage({ cancel: true });
    this._end(text);
  }

  /** Name the file that saving the shape writes. */
  _name() {
    const { prompt, seed } = this.shownSettings;
    const words = prompt.normalize("NFC").toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? ["shape"];
    this.viewer.name = `${words.join("-").slice(0, 60)}-${seed}`;
  }

  /** Append a frame and show it. */
  _add(field) {
    this.frames.push(field);
    Object.assign(this.input("film"), { max: this.frames.length, value: this.frames.length });
    this._show();
  }

  _receive({ loaded, total, step, steps, x, x0, done, seconds, error }) {
    if (error) this._giveUp(this.input("engine").value === "webgpu" ? `The graphics card cannot run the model, choose the processor: ${error}` : error);
    else if (loaded) {
      this.loading = loaded < total;
      const megabytes = `${(loaded / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`;
      if (this.loading) this._report(`Loading the model: ${megabytes}`, loaded / total);
      else this._report("Starting the model …", null);
    } else if (step) {
      this.loading = false;
      this._add(step < steps ? x0 : x); // the guess of x0 at each step, and finally the shape
      this._report(`Step ${step} of ${steps}`, step / steps);
    } else if (done) {
      this._end(`Made in ${seconds.toFixed(1)} s: ${this.shownSettings.prompt}, seed ${this.shownSettings.seed}, ${this.frames.length} steps.`, 1);
      this.seconds = seconds;
    }
  }

  _end(text, share = 0) {
    this._busy(false);
    this._report(text, share);
    this._label();
  }

  _busy(busy) {
    this.input("make").disabled = busy;
    this.input("stop").disabled = !busy;
    this.element.setAttribute("aria-busy", busy);
    this._query(".nts-live-status").setAttribute("aria-live", busy ? "off" : "polite"); // screen readers do not read out the steps
    const there = !busy && this.frames.length > 0;
    for (const name of ["film", "threshold", "obj", "share"]) this.input(name).disabled = !there;
    if (this.recorded) this.input("threshold").disabled = true; // few levels allow no other threshold
  }

  _show() {
    const field = this.frames[this.input("film").value - 1];
    const threshold = Number(this.input("threshold").value);
    if (field) {
      const { axis, position } = this.viewer.cut;
      const free = Uint8Array.from(field, (value) => (value > threshold ? 1 : 0)); // the model made all of it
      this.viewer.setField(field, this.viewer.size, { level: threshold, free });
      this.viewer.setCut(axis, position);
    }
    this._label();
  }

  // ------------------------------------------------------------------------------------------------ out

  /** Release the worker and the viewer. */
  dispose() {
    this.worker?.terminate();
    this.viewer.dispose();
  }

  async _share() {
    history.replaceState(null, "", this.link);
    try {
      await navigator.clipboard.writeText(this.link);
      this._report("The link is copied: it makes this shape again.", 1);
    } catch {
      this._report("The address above is the link: it makes this shape again.", 1);
    }
  }
}

/** Return the settings in an address's hash, or null. */
export function settingsIn(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const way = Object.keys(MODELS).find((name) => given.has(name));
  if (!way) return null;
  const number = (name) => (given.has(name) ? Number(given.get(name)) : undefined);
  return { way, prompt: given.get(way), seed: number("seed"), steps: number("steps"), guidance: number("guidance") };
}

/** Put a live box into an element; whenever the page's address names a shape, make it. */
export async function mount(element) {
  const live = new Live(element, { sums: JSON.parse(element.dataset.ntsSums ?? "{}") });
  await live.ready;
  if (live.failed) return live;
  const makeNamed = () => {
    const named = settingsIn(location.hash);
    try {
      if (!named) return false;
      live.set(named);
      live.make();
    } catch (error) {
      live._report(`${error.message} (in this page's address)`);
    }
    return true;
  };
  addEventListener("hashchange", makeNamed);
  if (!makeNamed()) live.play(OPENING.file).catch((error) => live._report(error.message));
  return live;
}

for (const element of document.querySelectorAll("[data-nts-live]")) mount(element).then((live) => (element.live = live));
