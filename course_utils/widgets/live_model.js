// The site's live box (docs/live) in a notebook: its modules, what runs a model and the model come from the kernel as
// bytes, each once and when it is first needed. From then on the page makes shapes alone: the kernel may be busy or gone.

const TYPES = { js: "text/javascript", mjs: "text/javascript", wasm: "application/wasm", json: "application/json", css: "text/css" };
const PATIENCE = 60_000; // milliseconds: 14 MB from a far server
const SILENT = "The kernel, which sends the model, does not answer: wait until it is free, or run this cell again.";

/** find(file) promises the address of a file that the kernel has, and a module's imports with it; close() forgets them. */
function filesOf(model) {
  const waiting = new Map();
  const addresses = new Map();
  const hear = ({ file, error }, [bytes]) => {
    const { resolve, reject } = waiting.get(file) ?? {}; // nothing: another view of the widget has asked
    if (error) reject?.(new Error(error));
    else resolve?.(bytes);
  };
  const asked = (file) =>
    new Promise((resolve, reject) => {
      waiting.set(file, { resolve, reject });
      setTimeout(() => reject(new Error(SILENT)), PATIENCE);
      try {
        model.send({ file });
      } catch {
        reject(new Error(SILENT)); // it is gone
      }
    });
  async function linked(source) {
    for (const [, name] of source.matchAll(/from "\.\/([\w.]+)"/g)) source = source.replaceAll(`"./${name}"`, `"${await find(name)}"`);
    return source;
  }
  async function put(file) {
    const bytes = await asked(file);
    const content = file.endsWith(".js") ? await linked(new TextDecoder().decode(bytes)) : bytes;
    return URL.createObjectURL(new Blob([content], { type: TYPES[file.split(".").pop()] }));
  }
  function find(file) {
    if (!addresses.has(file)) addresses.set(file, put(file));
    addresses.get(file).catch(() => addresses.delete(file)); // the next try asks again
    return addresses.get(file);
  }
  function close() {
    model.off("msg:custom", hear);
    for (const address of addresses.values()) address.then(URL.revokeObjectURL, () => {});
  }
  model.on("msg:custom", hear);
  return { find, close };
}

async function render({ model, el }) {
  const { find, close } = filesOf(model);
  const [way, name, prompt, seed] = ["way", "name", "prompt", "seed"].map((key) => model.get(key));
  const box = document.createElement("div");
  const style = Object.assign(document.createElement("link"), { rel: "stylesheet" });
  el.append(style, box);
  try {
    style.href = await find("live.css");
    const { Live } = await import(await find("page.js"));
    box.live = new Live(box, { find, models: { [way]: name } });
    for (const input of box.querySelectorAll("input, select, button"))
      input.setAttribute("data-lm-suppress-shortcuts", "true"); // else JupyterLab takes arrows and letters
    await box.live.ready;
    box.live.set({ prompt, seed });
    box.live.input("share").hidden = true; // a notebook's address names no shape
    box.live.play("opening.bin").catch(() => {}); // the kernel is busy or gone: the box opens empty
  } catch (error) {
    box.textContent = error.message;
  }
  return () => (box.live?.dispose(), close());
}

export default { render };
