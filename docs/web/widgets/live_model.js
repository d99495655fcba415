// The anywidget front end of course_utils.widgets.live_model: the site's live box in a notebook. The kernel sends the
// box's modules, onnxruntime-web and the model as bytes, each once, when it is first needed. After that the page
// makes shapes by itself, even while the kernel is busy or gone.

import { keepKeys, make } from "../viewer/dom.js";

const TYPES = { js: "text/javascript", mjs: "text/javascript", wasm: "application/wasm", json: "application/json", css: "text/css" };
const PATIENCE = 60_000; // milliseconds: 14 MB from a distant server
const SILENT = "The kernel, which sends the model, does not answer: wait until it is free, or run this cell again.";

/** find(file) resolves to the address of a file that the kernel sends, after those it imports; close() releases them. */
function filesOf(model) {
  const waiting = new Map();
  const addresses = new Map();
  const receive = ({ file, error }, [bytes]) => {
    const { resolve, reject } = waiting.get(file) ?? {}; // undefined: another view of the widget has requested it
    if (error) reject?.(new Error(error));
    else resolve?.(bytes);
  };
  const request = (file) =>
    new Promise((resolve, reject) => {
      waiting.set(file, { resolve, reject });
      setTimeout(() => reject(new Error(SILENT)), PATIENCE);
      try {
        model.send({ file });
      } catch {
        reject(new Error(SILENT)); // the kernel is gone
      }
    });
  async function linked(source) {
    for (const [, name] of source.matchAll(/from "\.\/([\w.]+)"/g)) source = source.replaceAll(`"./${name}"`, `"${await find(name)}"`);
    return source;
  }
  async function load(file) {
    const bytes = await request(file);
    const content = file.endsWith(".js") ? await linked(new TextDecoder().decode(bytes)) : bytes;
    return URL.createObjectURL(new Blob([content], { type: TYPES[file.split(".").pop()] }));
  }
  function find(file) {
    if (!addresses.has(file)) addresses.set(file, load(file));
    addresses.get(file).catch(() => addresses.delete(file)); // the next attempt requests it again
    return addresses.get(file);
  }
  function close() {
    model.off("msg:custom", receive);
    for (const address of addresses.values()) address.then(URL.revokeObjectURL, () => {});
  }
  model.on("msg:custom", receive);
  return { find, close };
}

async function render({ model, el }) {
  const { find, close } = filesOf(model);
  const [name, prompt, seed] = ["name", "prompt", "seed"].map((key) => model.get(key));
  const style = make("link", { rel: "stylesheet" });
  const box = make("div");
  el.append(style, box);
  try {
    style.href = await find("live.css");
    const { Live } = await import(await find("page.js"));
    box.live = new Live(box, { find, model: name });
    box.querySelectorAll("input, select, button").forEach(keepKeys);
    await box.live.ready;
    box.addEventListener("focusin", () => box.live.reader().catch(() => {}), { once: true }); // while there is a kernel to send it
    box.live.set({ prompt, seed });
    box.live.input("share").hidden = true; // a notebook's address names no shape
    box.live.play("opening.film").catch(() => {}); // the kernel is busy or gone: the box opens empty
  } catch (error) {
    box.textContent = error.message;
  }
  return () => (box.live?.dispose(), close());
}

export default { render };
