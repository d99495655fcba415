// The row of tools above the picture, and in its corner the options that only some tools have (so that nothing moves).

import { make } from "./dom.js";
import { icon } from "./style.js";

const TOOLS = { turn: "Turn", carve: "Carve", add: "Add", free: "Free", slice: "Slice" };
export const PAINTING = ["carve", "add", "free"];
const AXES = ["left to right", "front to back", "bottom to top"];

export class Toolbar {
  constructor(viewer) {
    this.viewer = viewer;
    this.tools = viewer.tools.map((mode) => this._button(mode, TOOLS[mode], () => (viewer.mode = mode)));
    this.undo = this._button("undo", "Undo", () => viewer.undo());
    this.redo = this._button("redo", "Redo", () => viewer.redo());
    const home = this._button("home", "Reset view", () => viewer.resetView());
    this.save = this._button("save", "Save .glb", () => viewer.download());
    this.element = make("div", { className: "nts-bar", attributes: { role: "toolbar", "aria-label": "Tools of the 3D view" } });
    const back = viewer.tools.some((mode) => PAINTING.includes(mode)) ? [this.undo, this.redo] : [];
    this.element.append(group(...this.tools), group(...back, home, this.save));
    this.options = make("div", { className: "nts-options" }, this._brush(), this._slice());
  }

  _button(name, text, act) {
    const button = make("button", { type: "button" }, icon(name), text);
    button.addEventListener("click", act);
    return button;
  }

  _brush() {
    this.radius = make("input", { type: "range", min: 1, max: 8, step: 1 });
    this.radiusText = make("output");
    this.radius.addEventListener("input", () => (this.viewer.radius = +this.radius.value));
    this.brush = make("label", { hidden: true }, "Brush", this.radius, this.radiusText);
    return this.brush;
  }

  _slice() {
    this.axis = make("select", { attributes: { "aria-label": "Direction of the slice" } });
    this.axis.append(...[2, 1, 0].map((value) => make("option", { value, textContent: AXES[value] })));
    this.position = make("input", { type: "range", min: 0, step: 1, attributes: { "aria-label": "Position of the slice" } });
    this.positionText = make("output");
    const cut = (position) => this.viewer.setCut(+this.axis.value, position);
    this.axis.addEventListener("change", () => cut(this.viewer.size));
    this.position.addEventListener("input", () => cut(+this.position.value));
    this.remove = make("button", { type: "button", textContent: "Remove hidden" });
    this.remove.addEventListener("click", () => this.viewer.removeHidden());
    this.remove.hidden = !this.viewer.tools.some((mode) => PAINTING.includes(mode)); // a viewer without painting tools does not change the shape
    this.slice = group(this.axis, this.position, this.positionText, this.remove);
    return this.slice;
  }

  /** Update every control from the viewer's state. */
  update() {
    const { viewer } = this;
    if (!viewer._now) return;
    viewer.tools.forEach((mode, k) => this.tools[k].setAttribute("aria-pressed", String(mode === viewer.mode)));
    const { axis, position } = viewer.cut;
    this.brush.hidden = !viewer.paints;
    this.options.hidden = !viewer.paints && viewer.mode !== "slice" && position === viewer.size;
    this.radius.value = this.radiusText.value = viewer.radius;
    this.slice.hidden = viewer.mode !== "slice" && position === viewer.size;
    this.axis.value = axis;
    this.position.max = viewer.size;
    this.position.value = this.positionText.value = position;
    this.remove.disabled = position === viewer.size;
    this.undo.disabled = !viewer.canUndo;
    this.redo.disabled = !viewer.canRedo;
  }
}

function group(...children) {
  return make("span", { className: "nts-group" }, ...children);
}
