// The course's 3D viewer: look at a voxel shape, carve, extend and slice it. It needs no framework, kernel or network.
//
//   const viewer = new VoxelViewer(element, { size: 32 });
//   viewer.setVoxels(bytes, 32);                      // 0 and 1, index = (z * 32 + y) * 32 + x, z up
//   viewer.setField(floats, 32);                      // or a field, inside above 0: a smoother surface
//   viewer.setMatter(bytes, 32, ["#c8362f", …]);      // or coverage and slots in one byte, and what the slots look like
//   viewer.addEventListener("change", () => viewer.voxels);
//
// Besides the shape it keeps the *free* region, where a model may draw: what was carved away or painted free. Empty free
// voxels are veiled. Without a palette full voxels are orange where they are free and blue elsewhere; with one they have
// their own colours, and an orange veil where they are free while a tool paints. The shape is drawn smooth, and as blocks
// while a tool paints.

import { make } from "./dom.js";
import { toGlb } from "./glb.js";
import { ball, cast, placeOf, unpackMatter, within } from "./grid.js";
import { listen } from "./input.js";
import { CLAY } from "./material.js";
import { toObj } from "./obj.js";
import { blockFile, smoothFile } from "./meshfile.js";
import { Stage } from "./scene.js";
import { CSS } from "./style.js";
import { PAINTING, Toolbar } from "./toolbar.js";

export const MODES = ["turn", "carve", "add", "free", "slice"];
const AIM = "Keys: Space at the ring, Shift + arrows move it.";
const HINTS = {
  turn: "Drag or arrow keys turn, wheel or + and − zoom, M takes the next tool.",
  carve: `Press on the shape to carve; drag beside it to turn, Z undoes. ${AIM}`,
  add: `Press on the shape or the floor to add; drag beside it to turn. ${AIM}`,
  free: `Paint orange what a model may change. ${AIM}`,
  slice: "Look inside: what lies beyond the plane is hidden. Page up and Page down move it.",
};
const RADII = [1, 8];
const REMEMBERED = 60; // steps that can be undone
const NO_WEBGL = "This browser shows no 3D pictures (WebGL is missing or switched off), so the shape cannot be drawn here.";

export class VoxelViewer extends EventTarget {
  /** tools: the MODES to offer.  name: of saved files. */
  constructor(element, { size = 32, tools = MODES, name = "shape" } = {}) {
    super();
    Object.assign(this, { tools, name });
    this.canvas = make("canvas", { tabIndex: 0, attributes: { role: "application", "aria-label": "3D view of the shape" } });
    this.cross = make("div", { className: "nts-cross", hidden: true });
    this.place = make("div", { className: "nts-stage" }, this.canvas, this.cross);
    this.hint = make("div", { className: "nts-hint", attributes: { role: "status", "aria-live": "polite" } });
    this.toolbar = new Toolbar(this);
    this.root = make("div", { className: "nts" }, make("style", { textContent: CSS }));
    this.place.append(this.toolbar.options);
    this.root.append(this.toolbar.element, this.place, this.hint);
    element.append(this.root);
    this.stage = this._openStage();
    this.radius = 2;
    this.mode = "turn";
    this.setVoxels(new Uint8Array(size ** 3), size);
    this._unlisten = listen(this);
    this._observer = new ResizeObserver(() => this._resize());
    this._observer.observe(this.place);
    this._resize();
  }

  _openStage() {
    try {
      return new Stage(this.canvas);
    } catch {
      this.canvas.hidden = true;
      this.place.append(make("p", { className: "nts-missing", textContent: NO_WEBGL }));
      return null;
    }
  }

  // ------------------------------------------------------------------------------------------------ the shape

  /** Show another shape and its free region (Uint8Arrays of size ** 3, 0 is empty or not free); clears the undo history. */
  setVoxels(voxels, size, free) {
    this.setField(Float32Array.from(voxels, (is) => (is ? 1 : -1)), size, { free });
    this.blocky = true;
  }

  /**
   * Show the shape where a field (size ** 3 numbers) is above `level`; clears the undo history.
   * slots: a Uint8Array, 1 for the palette's first material, 0 where nothing is known.
   * palette: "#rrggbb" or ["#rrggbb", metallic, roughness] for each slot, four at most; null: blue and orange.
   */
  setField(field, size, { level = 0, free = new Uint8Array(size ** 3), slots = null, palette = null } = {}) {
    for (const grid of [field, free, slots ?? field])
      if (grid.length !== size ** 3) throw new RangeError(`got ${grid.length} voxels, expected ${size} ** 3 = ${size ** 3}`);
    this.size = size;
    this.palette = slots && palette;
    this.blocky = false;
    const inside = Float32Array.from(field, (value) => value - level);
    this._now = { field: inside, voxels: Uint8Array.from(inside, (value) => value > 0), free: Uint8Array.from(free, Boolean), slots };
    this._before = [];
    this._after = [];
    this._stroke = null;
    this._cut = { axis: 2, position: size };
    this._changed();
  }

  /** Show a shape with materials: matter as in course_utils/geometry/matter.py, one byte per voxel; see setField. */
  setMatter(matter, size, palette, free) {
    const { field, slots } = unpackMatter(matter);
    this.setField(field, size, { slots, palette, free });
  }

  /** A copy of the voxels, each 0 or 1. */
  get voxels() {
    return this._now.voxels.slice();
  }

  /** A copy of the free region, each 0 or 1. */
  get free() {
    return this._now.free.slice();
  }

  /** The slot of each voxel, as in setField. */
  get slots() {
    return this._now.slots;
  }

  /**
   * Change the shape in one step that can be undone: `change(voxels, free)` modifies both arrays in place.
   * slots: others, in the place of those that the shape has.
   */
  edit(change, slots = this._now.slots) {
    this._remember();
    this._now.slots = slots;
    change(this._now.voxels, this._now.free);
    this._changed();
    this.dispatchEvent(new Event("change"));
  }

  undo() {
    this._swap(this._before, this._after);
  }

  redo() {
    this._swap(this._after, this._before);
  }

  get canUndo() {
    return this._before.length > 0;
  }

  get canRedo() {
    return this._after.length > 0;
  }

  /** Empty the free region: the whole shape becomes given. */
  keepAll() {
    this.edit((_, free) => free.fill(0));
  }

  /** Remove what the slice hides and make that region free. */
  removeHidden() {
    const hidden = this._now.voxels.map((_, index) => (this._hides(index) ? 1 : 0));
    this._cut.position = this.size;
    this.edit((voxels, free) => hidden.forEach((is, i) => is && ([voxels[i], free[i]] = [0, 1])));
  }

  _swap(from, to) {
    if (!from.length) return;
    to.push(this._now);
    this._now = from.pop();
    this._changed();
    this.dispatchEvent(new Event("change"));
  }

  _remember() {
    this._before.push({ ...this._now, voxels: this.voxels, free: this.free });
    if (this._before.length > REMEMBERED) this._before.shift();
    this._after = [];
  }

  // ------------------------------------------------------------------------------------------------ tools

  get mode() {
    return this._mode;
  }

  set mode(mode) {
    if (!MODES.includes(mode)) throw new RangeError(`mode: got ${mode}, expected one of ${MODES.join(", ")}`);
    this._mode = mode;
    this.hint.textContent = HINTS[mode];
    this.canvas.style.cursor = this.paints ? "crosshair" : "grab";
    this.point(null);
    if (this._now) this._changed();
    this.dispatchEvent(new Event("mode"));
  }

  nextMode() {
    this.mode = this.tools[(this.tools.indexOf(this.mode) + 1) % this.tools.length];
  }

  /** Whether the tool changes what it is pressed on. */
  get paints() {
    return PAINTING.includes(this.mode);
  }

  get radius() {
    return this._radius;
  }

  set radius(radius) {
    this._radius = Math.min(RADII[1], Math.max(RADII[0], Math.round(radius)));
    this.toolbar.update();
  }

  get cut() {
    return { ...this._cut };
  }

  /** Hide what lies at `position` voxels or more along an axis (0: x, 1: y, 2: z); the size itself hides nothing. */
  setCut(axis, position) {
    this._cut = { axis, position: Math.min(this.size, Math.max(0, Math.round(position))) };
    this._changed();
  }

  _hides(index) {
    return this._cut.position < this.size && placeOf(this.size, index)[this._cut.axis] >= this._cut.position;
  }

  /** Return a grid without what the slice hides. */
  _shown(grid) {
    return this._cut.position < this.size ? grid.map((is, i) => (is && !this._hides(i) ? 1 : 0)) : grid;
  }

  /** Begin to paint at a point of the canvas (-1 to 1, right and up); return false if nothing is there. */
  beginStroke(x, y) {
    const solid = this._shown(this._now.voxels).slice(); // a stroke does not dig into what it has itself uncovered
    if (!this._target(x, y, solid)) return false;
    this._remember();
    this._stroke = { solid };
    this.moveStroke(x, y);
    return true;
  }

  get painting() {
    return this._stroke !== null;
  }

  moveStroke(x, y) {
    const target = this._target(x, y, this._stroke.solid);
    if (!target) return;
    const { voxels, free } = this._now;
    for (const i of this._reach(target)) {
      if (this.mode !== "free") voxels[i] = this.mode === "add" ? 1 : 0;
      free[i] = this.mode === "add" ? 0 : 1;
    }
    this._changed();
  }

  endStroke() {
    if (!this._stroke) return;
    this._stroke = null;
    this._changed();
    this.dispatchEvent(new Event("change"));
  }

  /** Undo the stroke in progress, for example when a second finger touches the canvas. */
  cancelStroke() {
    if (!this._stroke) return;
    this._stroke = null;
    this._now = this._before.pop();
    this._changed();
  }

  /** Show at the next frame what the tool would reach at a point of the canvas; null shows nothing. */
  point(place) {
    this._pointed = this.paints ? place : null;
    this.draw();
  }

  _showBrush() {
    const target = this._pointed && this._target(...this._pointed, this._shown(this._now.voxels));
    this.stage.setBrush(target ? this._reach(target) : [], this.mode === "add" ? 0 : 1, this.size);
  }

  _target(x, y, solid) {
    if (!this.stage) return null;
    const { origin, direction } = this.stage.ray(x, y);
    const hit = cast(solid, this.size, origin, direction);
    if (!hit) return null;
    if (this.mode !== "add") return hit.voxel;
    return within(this.size, ...hit.before) ? hit.before : null;
  }

  _reach(target) {
    return ball(this.size, target, this.radius).filter((index) => !this._hides(index));
  }

  // ------------------------------------------------------------------------------------------------ the view

  turn(right, up) {
    this.stage?.turn(right, up);
    this.draw();
  }

  zoom(factor) {
    this.stage?.zoom(factor);
    this.draw();
  }

  resetView() {
    this.stage?.home();
    this.draw();
  }

  _changed() {
    this._stale = true;
    this.toolbar.update();
    this.draw();
  }

  /** Draw at the browser's next frame. */
  draw() {
    this._frame ??= requestAnimationFrame(() => this.drawNow());
  }

  drawNow() {
    cancelAnimationFrame(this._frame);
    this._frame = null;
    if (!this.stage) return;
    if (this._stale) this._redrawShape();
    this._showBrush();
    const { axis, position } = this._cut;
    const cutting = this.mode === "slice" || position < this.size;
    this.stage.setPlane(cutting ? axis : null, position, this.size);
    this.stage.render();
  }

  _redrawShape() {
    const { voxels, free } = this._now;
    const veiled = free.map((is, i) => (is && !voxels[i] ? 1 : 0));
    this.stage.setShape(this.look(this._shown(voxels)), this._shown(veiled), this.size, this.paints);
    const marked = this.palette && this.paints ? free.map((is, i) => (is && voxels[i] ? 1 : 0)) : null;
    this.stage.setMark(marked && this._shown(marked), this._shown(voxels), this.size);
    this._stale = false;
  }

  /** Return what voxels look like where the field does not differ from them: {field, slots, palette}. */
  look(seen, slots = this._now.slots) {
    const { field, free } = this._now;
    const shown = field.map((value, i) => (value > 0 === seen[i] > 0 ? value : seen[i] ? 1 : -1)); // carved, added, cut
    const kinds = this.palette ? seen.map((is, i) => (is ? slots[i] || 1 : 0)) : seen.map((is, i) => is && 1 + free[i]);
    return { field: shown, slots: kinds, palette: this.palette ?? CLAY, named: this.palette !== null };
  }

  _resize() {
    const { clientWidth, clientHeight } = this.place;
    if (!this.stage || !clientWidth || !clientHeight) return;
    this.stage.resize(clientWidth, clientHeight);
    this.drawNow(); // at once, because a resized canvas is blank
  }

  // ------------------------------------------------------------------------------------------------ out

  /**
   * Return the whole shape as a Blob, "glb" (binary glTF, with its materials) or "obj": closed, one metre per side, y up.
   * What came as voxels is saved as blocks of clay, what came as a field as a smooth surface.
   */
  save(kind = "glb") {
    const { voxels } = this._now;
    const surface = this.blocky ? blockFile(voxels, this.size) : smoothFile(this.look(voxels), this.size);
    return { glb: toGlb, obj: toObj }[kind](surface);
  }

  /** Download the shape as a file. */
  download(kind = "glb") {
    try {
      const link = make("a", { href: URL.createObjectURL(this.save(kind)), download: `${this.name}.${kind}` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    } catch (error) {
      this.hint.textContent = error.message;
    }
  }

  dispose() {
    cancelAnimationFrame(this._frame);
    this._observer.disconnect();
    this._unlisten();
    this.stage?.dispose();
    this.root.remove();
  }
}
