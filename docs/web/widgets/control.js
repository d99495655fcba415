// The anywidget front end of course_utils.widgets.control.Canvas: a PNG that reports where it is pressed or dragged.

import { keepKeys, make } from "../viewer/dom.js";

function render({ model, el }) {
  const image = make("img", { alt: model.get("alt"), draggable: false });
  image.style.cssText = "max-width: 100%; touch-action: none; cursor: crosshair";
  const show = () => {
    const old = image.src;
    image.src = URL.createObjectURL(new Blob([model.get("png")], { type: "image/png" }));
    if (old) URL.revokeObjectURL(old);
  };
  const report = (event) => {
    const frame = image.getBoundingClientRect();
    model.set("pointer", [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height]);
    model.save_changes();
  };
  image.addEventListener("pointerdown", (event) => {
    image.setPointerCapture(event.pointerId);
    report(event);
  });
  image.addEventListener("pointermove", (event) => event.buttons & 1 && report(event));
  // The menus and sliders above the image are ipywidgets; without this an arrow key in a menu moves to the next cell.
  const keep = ({ target }) => el.closest(".widget-vbox")?.contains(target) && keepKeys(target);
  document.addEventListener("focusin", keep);
  model.on("change:png", show);
  show();
  el.append(image);
  return () => {
    document.removeEventListener("focusin", keep);
    model.off("change:png", show);
    URL.revokeObjectURL(image.src);
  };
}

export default { render };
