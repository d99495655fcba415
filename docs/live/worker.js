// Loads and runs the models beside the page, which never waits. Messages in: {generate: {places, prompt, seed, steps,
// guidanceScale}, id} and {cancel: true}; out, all with the id: {loaded, total}, {step, steps, t, x, x0}, {done, seconds},
// {cancelled}, {error}. places: addresses, {runtime: {script, mjs, wasm, bytes, provider}, about, weights, bytes: of all}.

import { bytesOf, loadModel, shapes } from "./model.js";

const runtimes = new Map();
const models = new Map();
let wanted = 0; // the id of what is being made; 0 is nothing
let turn = Promise.resolve(); // a session answers one call at a time

/** What promise() gives, made once for a key; the next try makes it anew where it fails. */
function once(store, key, promise) {
  if (!store.has(key)) {
    store.set(key, promise());
    store.get(key).catch(() => store.delete(key));
  }
  return store.get(key);
}

async function onnxruntime({ script, mjs, wasm, bytes }, tell) {
  try {
    const program = await bytesOf(wasm, bytes, tell);
    const ort = await import(script);
    ort.env.wasm.wasmPaths = { mjs, wasm };
    ort.env.wasm.wasmBinary = program;
    ort.env.wasm.numThreads = globalThis.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1;
    return ort;
  } catch {
    throw new Error("onnxruntime-web cannot be loaded: check the connection and try again.");
  }
}

/** Tells the page how much has come of what runs a model and of the model together. */
function counter({ runtime, bytes }) {
  const loaded = { runtime: runtimes.has(runtime.script) ? runtime.bytes : 0, weights: 0 };
  return (part) => (now) => {
    loaded[part] = now;
    postMessage({ id: wanted, loaded: loaded.runtime + loaded.weights, total: bytes });
  };
}

async function model(places) {
  if (!globalThis.WebAssembly) throw new Error("This browser runs no WebAssembly, which the model needs: try a newer one.");
  const { runtime, about, weights } = places;
  return once(models, `${runtime.provider} ${weights}`, () => {
    const tell = counter(places); // both are fetched at the same time
    const ort = once(runtimes, runtime.script, () => onnxruntime(runtime, tell("runtime")));
    return loadModel(ort, about, weights, tell("weights"), { executionProviders: [runtime.provider] });
  });
}

const otherMessages = () => new Promise((resolve) => setTimeout(resolve)); // lets "cancel" in

async function generate({ places, ...asked }, id) {
  if (wanted !== id) return postMessage({ id, cancelled: true });
  const loaded = await model(places);
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
  if (data.generate)
    turn = turn.then(() => generate(data.generate, data.id)).catch((error) => postMessage({ id: data.id, error: error.message }));
};
