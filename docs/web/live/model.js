// A trained model in the browser: onnxruntime-web runs what course_utils/models/onnx.py wrote.

import { digest, verify } from "./checked.js";
import { timeGrid } from "./paths.js";
import { guided, sample } from "./sampling.js";

const CACHE = "noise-to-shape";

/** Download the given number of bytes from an address, calling onProgress with how many have arrived. */
export async function download(address, bytes, onProgress) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address} cannot be loaded (${answer.status} ${answer.statusText}).`);
  const data = new Uint8Array(bytes);
  let loaded = 0;
  for (const reader = answer.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    if (loaded + value.length > bytes) throw new Error(`${address} is longer than its ${bytes} bytes: reload the page.`);
    data.set(value, loaded);
    onProgress((loaded += value.length));
  }
  if (loaded < bytes) throw new Error(`${address} is shorter than its ${bytes} bytes: reload the page.`);
  return data;
}

/** Return a model's weights, which the browser caches under their checksum. */
async function weightsOf(address, { bytes, sha256 }, onProgress) {
  const local = address.startsWith("blob:"); // sent by a notebook's kernel
  const store = globalThis.caches && !local ? await caches.open(CACHE).catch(() => null) : null; // needs https
  const key = local ? address : `${address}?${sha256}`;
  const cached = await store?.match(key);
  const kept = cached && new Uint8Array(await cached.arrayBuffer());
  if (kept && (await digest(kept)) === sha256) return kept;
  const data = await download(key, bytes, onProgress);
  await verify(data, sha256, "model.onnx");
  await evict(store, new URL(address).pathname);
  await store?.put(key, new Response(data)).catch(() => {}); // the disk is full: downloaded again next time
  return data;
}

/** Remove older weights of the same model. */
async function evict(store, pathname) {
  for (const old of (await store?.keys()) ?? []) if (new URL(old.url).pathname === pathname) await store.delete(old);
}

/** Return a model's description and a session for it. ort: onnxruntime-web, or a promise of it; about, weights: addresses
 * of model.json and model.onnx, aboutSum: the SHA-256 of the first, if the page knows it; onProgress: called with how many
 * bytes of the weights have arrived. */
export async function loadModel(ort, { about, aboutSum, weights }, onProgress = () => {}, options = { executionProviders: ["wasm"] }) {
  const answer = await fetch(about);
  if (!answer.ok) throw new Error(`${about} cannot be loaded (${answer.status}).`);
  const read = new Uint8Array(await answer.arrayBuffer());
  await verify(read, aboutSum, "model.json");
  const description = JSON.parse(new TextDecoder().decode(read));
  const [runtime, bytes] = await Promise.all([ort, weightsOf(weights, description, onProgress)]);
  onProgress(description.bytes);
  return { ort: runtime, about: description, session: await runtime.InferenceSession.create(bytes, options) };
}

/** Return the condition for a family and facts: {data, shape, type} of a row of what is named, 1 and -1, or of one label. */
export function conditionOf({ classes, facts, told }, asked) {
  if (told !== "facts") return { data: BigInt64Array.of(BigInt(classes.indexOf(asked.family))), shape: [], type: "int64" };
  const own = classes.map((name) => name === asked.family);
  const named = facts.map(([family, name, values]) => family === asked.family && String(asked.facts[name]) === String(values));
  const data = Float32Array.from([...own, ...named], (is) => (is ? 1 : -1));
  return { data, shape: [data.length], type: "float32" };
}

/** Yield the sampler's states for one shape (see sampling.js); the last x is the shape, occupied where its first channel is
 * above 0. asked: {family, facts} of a wish. */
export async function* shapes({ ort, about, session }, { asked, seed, steps, guidanceScale }) {
  const { resolution: side, channels, path, sampling } = about;
  const { data, shape, type } = conditionOf(about, asked);
  const scale = guidanceScale ?? sampling.guidance_scale;
  const nothing = data.map(() => (type === "int64" ? -1n : -1));
  const rows = scale === 1 ? [data] : [data, nothing];
  const batch = rows.length;
  const condition = new data.constructor(batch * data.length);
  rows.forEach((row, k) => condition.set(row, k * data.length));
  const denoise = async (x, t) => {
    const grids = new Float32Array(batch * x.length);
    for (let k = 0; k < batch; k++) grids.set(x, k * x.length);
    const { x0 } = await session.run({
      x_t: new ort.Tensor("float32", grids, [batch, channels, side, side, side]),
      t: new ort.Tensor("float32", new Float32Array(batch).fill(t), [batch]),
      condition: new ort.Tensor(type, condition, [batch, ...shape]),
    });
    const guesses = x0.data;
    return batch === 1 ? guesses.slice() : guided(guesses.subarray(0, x.length), guesses.subarray(x.length), scale);
  };
  const times = timeGrid(path, steps ?? sampling.steps, sampling.shift);
  yield* sample(denoise, path, times, sampling.sampler, channels * side ** 3, seed);
}
