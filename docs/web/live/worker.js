// Loads and runs the model in a worker, so that the page never waits. It receives {generate: {places, asked, seed, steps,
// guidanceScale}, id} and {cancel: true}, and sends, always with the id, {loaded, total}, {step, steps, t, frame},
// {done, seconds}, {cancelled} or {error}. places: {runtime: {script, mjs, wasm, sums, bytes, provider}, about, aboutSum,
// weights, bytes}, where script, mjs, wasm, about and weights are addresses, sums and aboutSum are SHA-256, and the last
// `bytes` is the total. asked: {family, facts, slots}, of which the last is how many slots the family has, 0 for a model
// without. frame: {field, slots}, Float32Array and Uint8Array or null: the guess of x0 at a step, and finally the shape.

import { verify } from "./checked.js";
import { download, loadModel, shapes } from "./model.js";
import { slotsOf } from "./slots.js";

const runtimes = new Map();
const models = new Map();
let current = 0; // the id of the shape being made; 0 if there is none
let queue = Promise.resolve(); // a session handles one call at a time

/** Return the promise stored under a key; create it at the first call, and again if it was rejected. */
function once(store, key, promise) {
  if (!store.has(key)) {
    store.set(key, promise());
    store.get(key).catch(() => store.delete(key));
  }
  return store.get(key);
}

/** Return the address of a copy of a script, made of the very bytes that were checked. */
async function copied(address, sum) {
  const answer = await fetch(address);
  if (!answer.ok) throw new TypeError(answer.statusText);
  const program = new Uint8Array(await answer.arrayBuffer());
  await verify(program, sum, "onnxruntime-web's script");
  return URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
}

async function onnxruntime({ script, mjs, wasm, bytes, sums }, onProgress) {
  try {
    const program = await download(wasm, bytes, onProgress);
    await verify(program, sums.wasm, "onnxruntime-web's program");
    const paths = { mjs: await copied(mjs, sums.mjs), wasm };
    const ort = await import(await copied(script, sums.script));
    ort.env.wasm.wasmPaths = paths;
    ort.env.wasm.wasmBinary = program;
    ort.env.wasm.numThreads = globalThis.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1;
    return ort;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // what fetch throws without a connection
    throw new Error("onnxruntime-web cannot be loaded: check the connection and try again.");
  }
}

/** Return a function of "runtime" or "weights" that returns its onProgress; the page receives the sum of both. */
function counter({ runtime, bytes }) {
  const loaded = { runtime: runtimes.has(runtime.script) ? runtime.bytes : 0, weights: 0 };
  return (part) => (now) => {
    loaded[part] = now;
    postMessage({ id: current, loaded: loaded.runtime + loaded.weights, total: bytes });
  };
}

async function model(places) {
  if (!globalThis.WebAssembly) throw new Error("This browser runs no WebAssembly, which the model needs: try a newer one.");
  const { runtime, weights } = places;
  return once(models, `${runtime.provider} ${weights}`, () => {
    const progress = counter(places); // both are downloaded at the same time
    const ort = once(runtimes, runtime.script, () => onnxruntime(runtime, progress("runtime")));
    return loadModel(ort, places, progress("weights"), { executionProviders: [runtime.provider] });
  });
}

const otherMessages = () => new Promise((resolve) => setTimeout(resolve)); // lets "cancel" arrive

async function generate({ places, ...settings }, id) {
  if (current !== id) return postMessage({ id, cancelled: true });
  const loaded = await model(places);
  const started = performance.now();
  for await (const { step, steps, t, x, x0 } of shapes(loaded, settings)) {
    await otherMessages();
    if (current !== id) return postMessage({ id, cancelled: true });
    const drawn = step < steps ? x0 : x;
    const { resolution } = loaded.about;
    const slots = settings.asked.slots ? slotsOf(drawn, resolution, settings.asked.slots) : null;
    postMessage({ id, step, steps, t, frame: { field: drawn.slice(0, resolution ** 3), slots } });
  }
  postMessage({ id, done: true, seconds: (performance.now() - started) / 1000 });
}

onmessage = ({ data }) => {
  current = data.cancel ? 0 : data.id;
  if (data.generate)
    queue = queue.then(() => generate(data.generate, data.id)).catch((error) => postMessage({ id: data.id, error: error.message }));
};
