// The live box: type any sentence or press a family, watch the shape form, turn it, save it, share it. `mount(element)` puts
// one into a page. The box opens with a film that the site's build has recorded; what reads sentences is loaded when one is
// typed, the model when "Make it" is pressed, or at once if the page's address names a shape.

import { verify } from "./checked.js";
import { paletteOf } from "./palette.js";
import { readerOf } from "./reader.js";
import { make, unpackMatter, VoxelViewer } from "./viewer.bundle.js";
import { answerTo, materialsOf, slotsIn, wishOf } from "./wishes.js";
import { classOf } from "./words.js";

const MODEL = "shapes32";
const READER = { tables: "models/reader/reader.json", numbers: "models/reader/reader.bin" };
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
  "a red armchair with wooden legs",
  "a small house with a green roof and a chimney",
  "a round table on a pedestal",
  "a steel robot without antennas",
];
const OPENING_TEXT = "chair"; // of the film that docs/build_site.py records, whose seed stands in the form
const PAUSE = 400; // milliseconds without a key, after which a text is read
const STEPS = [4, 8, 12, 16, 24, 32];
const GUIDANCE = { min: 1, max: 6, step: 0.5 };
const SEEDS = 2 ** 32;
const LONGEST = 1000; // characters of a text
const OPENING = { file: "models/shapes32/opening.film", milliseconds: 160 }; // written by docs/build_site.py; time per frame

const TEMPLATE = `
<p class="nts-live-title"><b>Make a shape in your browser</b></p>
<form>
<div class="nts-live-ask nts-live-form">
  <div class="nts-live-go"><label>What shall it be? <input name="text" type="text" autocomplete="off" maxlength="${LONGEST}" placeholder="${TEXTS[0]}"></label>
    <button class="nts-live-main" name="make">Make it</button> <button type="button" name="stop" disabled>Stop</button></div>
  <p class="nts-live-answer" role="status" aria-live="polite"></p>
  <progress max="1" value="0" aria-label="Progress"></progress>
  <p class="nts-live-status" role="status" aria-live="polite"></p>
  <div class="nts-live-try" role="group" aria-label="Texts to try"></div>
  <div class="nts-live-try" role="group" aria-label="Families"></div>
</div>
<div class="nts-live-settings nts-live-form">
  <label>Seed <span><input name="seed" type="number" min="0" max="${SEEDS - 1}" step="1" value="3" required>
    <button type="button" name="dice" title="Another seed">Another</button></span></label>
  <label>Steps <span><input name="steps" type="range" min="0" max="${STEPS.length - 1}" step="1"><output></output></span></label>
  <label>Guidance <span><input name="guidance" type="range" min="${GUIDANCE.min}" max="${GUIDANCE.max}" step="${GUIDANCE.step}"><output></output></span></label>
  <label hidden>Runs on <select name="engine"><option value="webassembly">the processor (WebAssembly)</option>
    <option value="webgpu">the graphics card (WebGPU)</option></select></label>
</div>
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
   * model: a folder in models/.  sums: the SHA-256 of files, written by the site's build. */
  constructor(element, { find = (file) => new URL(file, import.meta.url).href, model = MODEL, sums = {} } = {}) {
    Object.assign(this, { element, find, model, sums });
    element.classList.add("nts-live");
    element.innerHTML = TEMPLATE;
    this.form = element.querySelector("form");
    this.frames = [];
    this.id = 0;
    this._offer("Texts to try", TEXTS);
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

  /** Put buttons with texts into a group; pressing one makes what it says. */
  _offer(group, texts) {
    const buttons = texts.map((text) => make("button", { type: "button", textContent: text }));
    this._query(`[aria-label="${group}"]`).replaceChildren(...buttons);
  }

  async _describe() {
    const files = [`models/${this.model}/model.json`, READER.tables];
    const found = await Promise.all(files.map((file) => this._load(file)));
    if (!found.every(Boolean)) throw new Error("The models are not here: this page was not put up as a whole.");
    [this.about, this.tables] = found.map((bytes) => JSON.parse(new TextDecoder().decode(bytes)));
    this._offer("Families", this.about.classes);
  }

  /** Return what reads sentences; it is loaded once. */
  reader() {
    const load = async () => {
      const bytes = await this._load(READER.numbers);
      if (!bytes) throw new Error("What reads sentences is not here: this page was not put up as a whole.");
      await verify(bytes, this.tables.sha256, "reader.bin");
      return readerOf(this.tables, bytes);
    };
    this._reading ??= load();
    this._reading.catch(() => (this._reading = undefined)); // the next attempt loads it again
    return this._reading;
  }

  /** Return a wish for a prompt and what it looks like: {wish, palette, slots}. palette: a material for each slot, or null for
   * clay.  slots: how many slots the model tells apart, 0 if it makes none. Throws a RangeError for what cannot be made. */
  async _wish(prompt, seed) {
    const reader = classOf(this.about.classes, prompt) ? null : await this.reader();
    const made = wishOf(this.about, reader, prompt);
    const { materials, palettes } = this.tables;
    const names = slotsIn(this.about, this.tables, made.family);
    const [asked, wish] = materialsOf(made, names);
    const drawn = names.length > 1 ? paletteOf(made.family, seed, palettes[made.family]) : {};
    const chosen = names.map((slot) => asked[slot] ?? drawn[slot]);
    const palette = chosen.every(Boolean) ? chosen.map((name) => materials[name]) : null;
    return { wish, palette, slots: this.about.channels > 1 ? names.length : 0 };
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
    const megabytes = Math.round((this._bytes() + this.tables.bytes) / 1e6);
    this._report(`The course's own model, ${megabytes} MB with what runs it, loaded once. It runs in your browser; nothing is sent away.`);
  }

  /** Return the size of the model and of what runs it. */
  _bytes() {
    return ENGINES[this.input("engine").value].bytes + this.about.bytes;
  }

  _fail(error) {
    this.failed = true;
    this.input("make").disabled = true;
    this._report(error.message);
  }

  // ------------------------------------------------------------------------------------------------ settings

  get settings() {
    return {
      prompt: this.input("text").value.trim(),
      seed: Number(this.input("seed").value),
      steps: STEPS[this.input("steps").value],
      guidance: Number(this.input("guidance").value),
    };
  }

  /** Change the settings; steps and guidance default to the model's. Throws a RangeError, changing nothing, if a value is
   * out of range. */
  set({ prompt, seed, steps, guidance }) {
    const { sampling } = this.about;
    const { min, max } = GUIDANCE;
    if (seed !== undefined && !(Number.isInteger(seed) && seed >= 0 && seed < SEEDS))
      throw new RangeError(`Seed ${seed}: take a whole number from 0 to ${SEEDS - 1}.`);
    if (steps !== undefined && !STEPS.includes(steps)) throw new RangeError(`${steps} steps: take one of ${STEPS.join(", ")}.`);
    if (guidance !== undefined && !(guidance >= min && guidance <= max)) throw new RangeError(`Guidance ${guidance}: take ${min} to ${max}.`);
    this.input("text").value = prompt ?? (this.input("text").value || OPENING_TEXT);
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
    const { prompt, seed, steps, guidance } = this.shownSettings ?? this.settings;
    const hash = new URLSearchParams({ text: prompt, seed, steps, guidance });
    return Object.assign(new URL(location.href), { hash }).href;
  }

  // ------------------------------------------------------------------------------------------------ events

  _listen() {
    this.form.addEventListener("submit", (event) => (event.preventDefault(), this.make()));
    this.element.addEventListener("input", ({ target }) => {
      if (target.name === "text") this._readSoon();
      if (target.name === "film" || target.name === "threshold") this._show();
      this._label();
    });
    this._query(".nts-live-ask").addEventListener("click", ({ target }) => {
      if (target.type !== "button" || !target.closest(".nts-live-try")) return;
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

  /** Say what is understood of the text in the form, once no key has been pressed for a while. */
  _readSoon() {
    clearTimeout(this._pause);
    this._pause = setTimeout(async () => {
      const { prompt, seed } = this.settings;
      try {
        const said = prompt && answerTo((await this._wish(prompt, seed)).wish);
        if (prompt === this.settings.prompt) this._answer(said);
      } catch (error) {
        if (prompt === this.settings.prompt) this._refuse(error);
      }
    }, PAUSE);
  }

  /** Say why a text becomes no shape: it asks for none that there is, or it cannot be read. */
  _refuse(error) {
    const cannotBeMade = error instanceof RangeError;
    this._answer(cannotBeMade ? error.message : "");
    if (!cannotBeMade) this._report(error.message);
  }

  /** Show what was understood of the text and what cannot be made. */
  _answer(text) {
    this._query(".nts-live-answer").textContent = text;
  }

  /** Show a line of text and the share of the work that is done, null if it is unknown. */
  _report(text, share = 0) {
    this._query(".nts-live-status").textContent = text;
    const progress = this._query("progress");
    if (share === null) progress.removeAttribute("value");
    else progress.value = share;
  }

  /** Play the film of a shape that was made before from a file: one grid after the other, see `packed` of
   * course_utils/widgets/live_model.py. */
  async play(file) {
    const bytes = await this._load(file);
    if (!bytes) return; // the box works without it
    const settings = this.settings;
    const { wish, palette } = await this._wish(settings.prompt, settings.seed);
    const size = this.viewer.size ** 3;
    if (this.id) return; // a shape is being made already
    this.recorded = true;
    this.shownSettings = settings;
    this.palette = palette;
    this._answer(answerTo(wish));
    this._name();
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (let at = 0; at < bytes.length; at += size) {
      if (!still) await new Promise((resolve) => setTimeout(resolve, OPENING.milliseconds));
      if (this.id) return;
      this._add(unpackMatter(bytes.subarray(at, at + size)));
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
  async _places() {
    const { provider, script, files, bytes, sums } = ENGINES[this.input("engine").value];
    const wanted = { script: `runtime/${script}`, mjs: `runtime/${files}.mjs`, wasm: `runtime/${files}.wasm` };
    const model = { about: `models/${this.model}/model.json`, weights: `models/${this.model}/model.onnx` };
    const found = async (all) => {
      const pairs = Object.entries(all).map(async ([name, file]) => [name, await this.find(file)]);
      return Object.fromEntries(await Promise.all(pairs));
    };
    const runtime = { provider, bytes, sums, ...(await found(wanted)) };
    return { runtime, ...(await found(model)), aboutSum: this.sums[model.about], bytes: this._bytes() };
  }

  /** Make a shape with the present settings. */
  async make() {
    if (!this.form.reportValidity()) return;
    clearTimeout(this._pause);
    const settings = this.settings;
    const { prompt, seed, steps, guidance } = settings;
    const call = (this.call = {}); // a later one replaces it while the text is being read
    let found;
    this._report("Reading the text …", null);
    try {
      found = await this._wish(prompt, seed);
    } catch (error) {
      if (call !== this.call) return;
      this._report(""); // what is shown, or being made, stays
      this._refuse(error);
      return;
    }
    if (call !== this.call) return;
    const { wish, palette, slots } = found;
    this._answer(answerTo(wish));
    const id = ++this.id;
    this.recorded = false;
    this.shownSettings = settings;
    this.palette = palette;
    this.frames = [];
    this._name();
    this._busy(true);
    this._report("Loading the model …", null);
    try {
      await this._open();
      const places = await this._places();
      const asked = { family: wish.family, facts: wish.facts, slots };
      if (id === this.id) this.worker.postMessage({ id, generate: { places, asked, seed, steps, guidanceScale: guidance } });
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

  /** Append a frame, {field, slots}, and show it. */
  _add(frame) {
    this.frames.push(frame);
    Object.assign(this.input("film"), { max: this.frames.length, value: this.frames.length });
    this._show();
  }

  _receive({ loaded, total, step, steps, frame, done, seconds, error }) {
    if (error) this._giveUp(this.input("engine").value === "webgpu" ? `The graphics card cannot run the model, choose the processor: ${error}` : error);
    else if (loaded) {
      this.loading = loaded < total;
      const megabytes = `${(loaded / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`;
      if (this.loading) this._report(`Loading the model: ${megabytes}`, loaded / total);
      else this._report("Starting the model …", null);
    } else if (step) {
      this.loading = false;
      this._add(frame);
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
    const frame = this.frames[this.input("film").value - 1];
    const threshold = Number(this.input("threshold").value);
    if (frame) {
      const { field, slots } = frame;
      const { axis, position } = this.viewer.cut;
      const free = Uint8Array.from(field, (value) => (value > threshold ? 1 : 0)); // the model made all of it
      this.viewer.setField(field, this.viewer.size, { level: threshold, free, slots: slots ?? free, palette: this.palette });
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
  if (!given.has("text")) return null;
  const number = (name) => (given.has(name) ? Number(given.get(name)) : undefined);
  return { prompt: given.get("text"), seed: number("seed"), steps: number("steps"), guidance: number("guidance") };
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
