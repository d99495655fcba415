// Mouse, touch and keys on the picture. A painting tool paints where it meets the shape; everywhere else a drag turns.

const TURN = 0.45; // degrees per pixel
const ARROW = 7.5; // degrees per key press
const NUDGE = 0.05; // of half the canvas: how far a key moves the ring
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** Listen to a viewer's canvas; return a function that stops listening. */
export function listen(viewer) {
  const { canvas } = viewer;
  const control = new AbortController();
  const on = (name, act, options = {}) => canvas.addEventListener(name, act, { signal: control.signal, ...options });
  const fingers = new Map(); // pointers that are down: id -> [x, y] in pixels
  on("pointerdown", (event) => press(viewer, fingers, event));
  on("pointermove", (event) => move(viewer, fingers, event));
  for (const name of ["pointerup", "pointercancel"])
    on(name, (event) => {
      fingers.delete(event.pointerId);
      viewer.endStroke();
    });
  on("pointerleave", () => fingers.size || viewer.point(null));
  on("contextmenu", (event) => event.preventDefault());
  on("wheel", (event) => wheel(viewer, event), { passive: false });
  const ring = { x: 0, y: 0 };
  on("keydown", (event) => key(viewer, ring, event));
  on("blur", () => (viewer.cross.hidden = true));
  return () => control.abort();
}

/** Return where an event is on the canvas, -1 to 1, right and up. */
function placeOn(canvas, event) {
  const frame = canvas.getBoundingClientRect();
  return [((event.clientX - frame.left) / frame.width) * 2 - 1, 1 - ((event.clientY - frame.top) / frame.height) * 2];
}

function press(viewer, fingers, event) {
  viewer.canvas.focus({ preventScroll: true });
  viewer.canvas.setPointerCapture(event.pointerId);
  viewer.cross.hidden = true;
  fingers.set(event.pointerId, [event.clientX, event.clientY]);
  viewer.point(null);
  if (fingers.size > 1) viewer.cancelStroke();
  else if (viewer.paints && event.button === 0) viewer.beginStroke(...placeOn(viewer.canvas, event));
}

function move(viewer, fingers, event) {
  const last = fingers.get(event.pointerId);
  if (!last) {
    viewer.point(event.pointerType === "mouse" ? placeOn(viewer.canvas, event) : null);
    return;
  }
  const apart = spread(fingers);
  fingers.set(event.pointerId, [event.clientX, event.clientY]);
  if (viewer.painting) {
    viewer.moveStroke(...placeOn(viewer.canvas, event));
    return;
  }
  const share = 1 / fingers.size; // two fingers report twice
  viewer.turn(-TURN * share * (event.clientX - last[0]), TURN * share * (event.clientY - last[1]));
  if (fingers.size === 2) viewer.zoom(apart / Math.max(1, spread(fingers)));
}

function spread(fingers) {
  const [[x, y], [u, v] = [x, y]] = [...fingers.values()];
  return Math.max(1, Math.hypot(x - u, y - v));
}

function wheel(viewer, event) {
  if (document.activeElement !== viewer.canvas && !event.ctrlKey) return; // do not interrupt scrolling past the picture
  event.preventDefault();
  viewer.zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.002));
}

function key(viewer, ring, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const arrow = ARROWS[event.key];
  const act = arrow ? () => steer(viewer, ring, arrow, event.shiftKey) : KEYS[event.key.toLowerCase()];
  if (!act) return;
  event.preventDefault();
  event.stopPropagation();
  act(viewer, ring);
}

function steer(viewer, ring, [right, up], shift) {
  if (!shift) viewer.turn(ARROW * right, ARROW * up);
  else {
    ring.x = Math.max(-0.95, Math.min(0.95, ring.x + NUDGE * right));
    ring.y = Math.max(-0.95, Math.min(0.95, ring.y + NUDGE * up));
  }
  showRing(viewer, ring);
}

function showRing(viewer, { x, y }) {
  viewer.cross.hidden = !viewer.paints;
  Object.assign(viewer.cross.style, { left: `${50 + 50 * x}%`, top: `${50 - 50 * y}%` });
  viewer.point([x, y]);
}

function paintAtRing(viewer, ring) {
  if (viewer.paints && viewer.beginStroke(ring.x, ring.y)) viewer.endStroke();
  showRing(viewer, ring);
}

function shiftCut(viewer, by) {
  if (viewer.mode === "slice") viewer.setCut(viewer.cut.axis, viewer.cut.position + by);
}

const KEYS = {
  "+": (viewer) => viewer.zoom(0.9),
  "=": (viewer) => viewer.zoom(0.9),
  "-": (viewer) => viewer.zoom(1 / 0.9),
  m: (viewer, ring) => (viewer.nextMode(), showRing(viewer, ring)),
  z: (viewer) => viewer.undo(),
  y: (viewer) => viewer.redo(),
  0: (viewer) => viewer.resetView(),
  "[": (viewer, ring) => (viewer.radius--, showRing(viewer, ring)),
  "]": (viewer, ring) => (viewer.radius++, showRing(viewer, ring)),
  " ": paintAtRing,
  enter: paintAtRing,
  pageup: (viewer) => shiftCut(viewer, 1),
  pagedown: (viewer) => shiftCut(viewer, -1),
};
