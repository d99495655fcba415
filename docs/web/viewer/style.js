// How the viewer's buttons and text look: one light theme on every page.

export const CSS = `
.nts { font: 14px/1.35 "DejaVu Sans", Verdana, system-ui, sans-serif; color: #333; background: #fff; max-width: 860px;
  border: 1px solid #dfe3e8; border-radius: 10px; overflow: hidden; box-sizing: border-box; text-align: left; container-type: inline-size; }
.nts *, .nts *::before { box-sizing: border-box; }
.nts-bar { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 6px; padding: 8px 10px; align-items: center; background: #f7f8fa;
  border-bottom: 1px solid #e8ebef; }
.nts-group { display: flex; flex-wrap: wrap; gap: 4px; align-items: center; }
.nts-options { position: absolute; top: 10px; left: 10px; display: flex; flex-wrap: wrap; gap: 8px; align-items: center;
  padding: 6px 10px; background: #fffffff0; border: 1px solid #dfe3e8; border-radius: 9px; }
.nts button { font: inherit; color: #333; background: #fff; border: 1px solid #cfd5dc; border-radius: 7px; padding: 5px 10px;
  min-height: 32px; cursor: pointer; display: inline-flex; align-items: center; gap: 6px; }
.nts button:hover:not(:disabled, [aria-pressed="true"]) { border-color: #0b5fa5; background: #f0f6fb; }
.nts button:disabled { color: #9aa3ad; background: #f7f8fa; cursor: default; }
.nts button[aria-pressed="true"] { background: #0b5fa5; border-color: #0b5fa5; color: #fff; }
.nts button:focus-visible, .nts canvas:focus-visible, .nts input:focus-visible, .nts select:focus-visible {
  outline: 3px solid #7ab6e4; outline-offset: -1px; }
.nts button svg { width: 17px; height: 17px; fill: none; stroke: currentColor; stroke-width: 1.7; stroke-linecap: round;
  stroke-linejoin: round; flex: none; }
.nts label { display: inline-flex; gap: 6px; align-items: center; }
.nts select { font: inherit; color: #333; background: #fff; border: 1px solid #cfd5dc; border-radius: 7px; padding: 4px 6px;
  min-height: 32px; }
.nts input[type="range"] { width: 110px; accent-color: #0b5fa5; }
.nts output { min-width: 1.6em; font-variant-numeric: tabular-nums; }
.nts-stage { position: relative; height: min(480px, 70vh); min-height: 260px; background: #fff; }
.nts-stage canvas { position: absolute; inset: 0; width: 100%; height: 100%; touch-action: none; display: block; }
.nts-cross { position: absolute; width: 18px; height: 18px; margin: -9px; pointer-events: none; border-radius: 50%;
  border: 2px solid #333; box-shadow: 0 0 0 2px #fffc; }
.nts-cross[hidden], .nts [hidden] { display: none; }
.nts-missing { position: absolute; inset: 0; display: grid; place-content: center; text-align: center; padding: 24px; }
.nts-hint { padding: 6px 12px; color: #58626d; font-size: 13px; min-height: 32px; border-top: 1px solid #e8ebef; }
.nts-offers { padding: 10px; border-top: 1px solid #e8ebef; background: #f7f8fa; }
.nts-ask { display: flex; gap: 10px; align-items: center; flex-wrap: wrap; }
.nts button.nts-main { background: #b35c00; border-color: #b35c00; color: #fff; font-weight: 600; }
.nts button.nts-main:hover:not(:disabled) { background: #934b00; }
.nts button.nts-main:disabled { background: #d9c3aa; border-color: #d9c3aa; color: #fff; }
.nts-row { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 10px; }
.nts-row:empty { display: none; }
.nts button.nts-offer { flex-direction: column; gap: 2px; padding: 4px 6px 6px; font-size: 13px; }
.nts button.nts-offer[aria-pressed="true"] { background: #fff; color: #333; border-color: #b35c00;
  box-shadow: 0 0 0 2px #b35c00; }
.nts-offer canvas { width: 128px; height: 128px; display: block; }
.nts-busy::before { content: ""; display: inline-block; width: 12px; height: 12px; margin-right: 8px; border-radius: 50%;
  border: 2px solid #e07b0a; border-top-color: transparent; vertical-align: -1px; animation: nts-spin 0.8s linear infinite; }
@keyframes nts-spin { to { transform: rotate(360deg); } }
@container (max-width: 700px) {
  .nts .nts-bar { gap: 4px; padding: 6px; font-size: 12.5px; }
  .nts .nts-bar button { padding: 4px 6px; gap: 4px; }
  .nts .nts-bar button svg { width: 14px; height: 14px; }
}
@media (prefers-reduced-motion: reduce) { .nts-busy::before { animation: none; } }
`;

// SVG paths on a square of 20 x 20.
const ICONS = {
  turn: "M3 10c0-2.5 3-4.2 7-4.2s7 1.7 7 4.2-3 4.2-7 4.2M10 14.2l2.4-2.2M10 14.2l2.4 2.3",
  carve: "M4 16l1-4L13.5 3.5l3 3L8 15z M4 16h12",
  add: "M4 7l6-3 6 3v7l-6 3-6-3z M10 8v5 M7.5 10.5h5",
  free: "M4 7l6-3 6 3v7l-6 3-6-3z",
  slice: "M2.5 10h15 M5 10V5l5-2 5 2v5 M6 14l4 3 4-3",
  undo: "M7 4L3.5 7.5 7 11 M3.5 7.5H12a4.3 4.3 0 010 8.6H8",
  redo: "M13 4l3.5 3.5L13 11 M16.5 7.5H8a4.3 4.3 0 000 8.6h4",
  home: "M3.5 10L10 4l6.5 6 M5.5 9v7h9V9",
  save: "M10 3v9 M6.5 8.8L10 12.3l3.5-3.5 M4 16.5h12",
};

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  if (name === "free") path.setAttribute("stroke-dasharray", "2.2 2.6");
  svg.append(path);
  return svg;
}
