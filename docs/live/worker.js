// Loads and runs the models beside the page, which never waits. Messages in: {generate: {folder, prompt, seed, steps,
// guidanceScale}, id} and {cancel: true}; out, all with the id: {loaded, total}, {step, steps, t, x, x0}, {done, seconds},
// {cancelled}, {error}.

import { loadModel, shapes } from "./model.js";

const RUNTIME = new URL("runtime/", import.meta.url).href;
const models = new Map();
let runtime;
let wanted = 0; // the id of what is being made; 0 is nothing

async function onnxruntime() {
  const ort = await import(`${RUNTIME}ort.wasm.min.mjs`);
  ort.env.wasm.wasmPaths = RUNTIME;
  ort.env.wasm.numThreads = globalThis.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1;
  return ort;
}

async function model(folder, tell) {
  if (!globalThis.WebAssembly) throw new Error("This browser runs no WebAssembly, which the model needs: try a newer one.");
  runtime ??= onnxruntime();
  const ort = await runtime.catch(() => {
    runtime = undefined; // the next try loads it again
    throw new Error("onnxruntime-web cannot be loaded: check the connection and try again.");
  });
  if (!models.has(folder)) {
    const loading = loadModel(ort, folder, tell);
    models.set(folder, loading);
    loading.catch(() => models.delete(folder));
  }
  return models.get(folder);
}

const otherMessages = () => new Promise((resolve) => setTimeout(resolve)); // lets "cancel" in

async function generate({ folder, ...asked }, id) {
  const loaded = await model(folder, (loaded, total) => postMessage({ id, loaded, total }));
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
