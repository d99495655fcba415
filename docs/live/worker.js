// Loads and runs the models beside the page, which never waits. Messages in: {generate: {places, prompt, seed, steps,
// guidanceScale}, id} and {cancel: true}; out, all with the id: {loaded, total}, {step, steps, t, x, x0}, {done, seconds},
// {cancelled}, {error}. places: addresses, {runtime: {script, mjs, wasm, provider}, about, weights}.

import { loadModel, shapes } from "./model.js";

const runtimes = new Map();
const models = new Map();
let wanted = 0; // the id of what is being made; 0 is nothing

/** What promise() gives, made once for a key. */
function once(store, key, promise) {
  if (!store.has(key)) store.set(key, promise());
  return store.get(key);
}

async function onnxruntime({ script, mjs, wasm }) {
  try {
    const ort = await import(script);
    ort.env.wasm.wasmPaths = { mjs, wasm };
    ort.env.wasm.numThreads = globalThis.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1;
    return ort;
  } catch {
    throw new Error("onnxruntime-web cannot be loaded: check the connection and try again.");
  }
}

async function model({ runtime, about, weights }, tell) {
  if (!globalThis.WebAssembly) throw new Error("This browser runs no WebAssembly, which the model needs: try a newer one.");
  const ort = await once(runtimes, runtime.script, () => onnxruntime(runtime));
  const options = { executionProviders: [runtime.provider] };
  return once(models, `${runtime.provider} ${weights}`, () => loadModel(ort, about, weights, tell, options));
}

const otherMessages = () => new Promise((resolve) => setTimeout(resolve)); // lets "cancel" in

async function generate({ places, ...asked }, id) {
  const loaded = await model(places, (loaded, total) => postMessage({ id, loaded, total }));
  const started = performance.now();
  for await (const { step, steps, t, x, x0 } of shapes(loaded, asked)) {
    await otherMessages();
    if (wanted !== id) return postMessage({ id, cancelled: true });
    postMessage({ id, step, steps, t, x: x.slice(), x0: x0.slice() });
  }
  postMessage({ id, done: true, seconds: (performance.now() - started) / 1000 });
}

onmessage = ({ data }) => {
  wanted = data.cancel ? 0 : data.id;
  if (data.generate) generate(data.generate, data.id).catch((error) => postMessage({ id: data.id, error: error.message }));
};
