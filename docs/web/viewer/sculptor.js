// The sculptor: the viewer, a button that asks a model to complete what was carved, and a choice of its proposals.
//
//   new Sculptor(element, { size, voxels, complete: async (voxels, keep, count) => [voxels, ...] })
//   new Sculptor(element, { size, voxels, slots, palette, complete: async (…) => [{ voxels, slots }, ...] })
//
// `keep` is 1 where a voxel, full or empty, stays as it is. With a palette the shape has its colours: slots say which
// one each voxel has, also where it is empty, for what is added there (see `setField` in viewer.js); a proposal without
// slots has those of the shape. In a notebook the widget asks the kernel; a page without a kernel passes a function of
// its own.

import { make } from "./dom.js";
import { VoxelViewer } from "./viewer.js";

const THUMBNAIL = 256; // pixels, shown at half that size
const START = 32; // degrees: azimuth of a proposal at rest
const TURN_SECONDS = 8;

export class Sculptor {
  constructor(element, { size = 32, voxels = new Uint8Array(size ** 3), free, slots = null, palette = null, complete, count = 4 }) {
    Object.assign(this, { complete, count, proposals: [], drawers: [] });
    this.viewer = new VoxelViewer(element, { size });
    if (palette) this.viewer.setField(Float32Array.from(voxels, (is) => (is ? 1 : -1)), size, { free, slots, palette });
    else this.viewer.setVoxels(voxels, size, free);
    this.button = make("button", { type: "button", className: "nts-main", textContent: "Complete" });
    this.button.addEventListener("click", () => this.ask());
    this.keep = make("button", { type: "button", textContent: "Keep all" });
    this.keep.addEventListener("click", () => this.viewer.keepAll());
    this.status = make("span", { attributes: { role: "status", "aria-live": "polite" } });
    this.row = make("div", { className: "nts-row", attributes: { role: "group", "aria-label": "Proposals" } });
    const bar = make("div", { className: "nts-ask" }, this.button, this.keep, this.status);
    this.viewer.root.append(make("div", { className: "nts-offers" }, bar, this.row));
    this.viewer.addEventListener("change", () => this._update());
    this._update();
  }

  _update() {
    const free = this.viewer.free.some(Boolean);
    this.button.disabled = this.busy || !free;
    this.keep.disabled = !free;
    if (!this.busy && !this.proposals.length)
      this.say(free ? "Complete fills the free region in several ways." : "Carve or free a part first.");
  }

  say(text) {
    this.status.textContent = text;
  }

  setBusy(busy) {
    this.busy = busy;
    this.status.classList.toggle("nts-busy", busy);
    this._update();
  }

  /** Ask for proposals and show them, or the error's message. */
  async ask() {
    this.setBusy(true);
    this.say("The model is drawing …");
    let outcome;
    try {
      const keep = this.viewer.free.map((is) => 1 - is);
      const started = performance.now();
      this.show(await this.complete(this.viewer.voxels, keep, this.count));
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      outcome = `${this.proposals.length} proposals in ${seconds} s; press one to take it.`;
    } catch (error) {
      outcome = String(error.message ?? error);
    }
    this.setBusy(false); // this reports what can be done; the outcome replaces it
    this.say(outcome);
  }

  /** Show proposals as a row of small pictures, which turn under the pointer; pressing one takes it. */
  show(proposals) {
    this._clear();
    this.proposals = proposals.map((each) => ("voxels" in each ? each : { voxels: each }));
    this.row.append(...this.proposals.map((proposal, k) => this._offer(proposal, k)));
  }

  _offer({ voxels, slots }, k) {
    const canvas = make("canvas", { attributes: { "aria-hidden": "true" } });
    const button = make("button", { type: "button", className: "nts-offer" }, canvas, `Proposal ${k + 1}`);
    button.addEventListener("click", () => this.take(k));
    const drawer = this.viewer.stage?.thumbnail(this.viewer.look(voxels, slots), this.viewer.size, THUMBNAIL);
    if (drawer) {
      this.drawers.push(drawer);
      drawer.draw(canvas, START);
      turnWhilePointedAt(button, (azimuth) => drawer.draw(canvas, azimuth));
    }
    return button;
  }

  take(k) {
    const { voxels, slots } = this.proposals[k];
    this.viewer.edit((now) => now.set(voxels), slots);
    [...this.row.children].forEach((button, i) => button.setAttribute("aria-pressed", String(i === k)));
    this.say(`Proposal ${k + 1} taken. Carve on, ask again, or keep all.`);
  }

  _clear() {
    this.drawers.splice(0).forEach((drawer) => drawer.dispose());
    this.row.replaceChildren();
  }

  dispose() {
    this._clear();
    this.viewer.dispose();
  }
}

function turnWhilePointedAt(button, draw) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  let started = null;
  const step = (now) => {
    if (started === null || !button.isConnected) return;
    draw(START + ((now - started) / 1000) * (360 / TURN_SECONDS));
    requestAnimationFrame(step);
  };
  const begin = () => {
    if (started !== null) return;
    started = performance.now();
    requestAnimationFrame(step);
  };
  const end = () => {
    if (started === null) return;
    started = null;
    draw(START);
  };
  for (const name of ["pointerenter", "focus"]) button.addEventListener(name, begin);
  for (const name of ["pointerleave", "blur"]) button.addEventListener(name, end);
}
