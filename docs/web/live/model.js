// A trained model in the browser: onnxruntime-web runs what course_utils/models/onnx.py wrote.

import { timeGrid } from "./paths.js";
import { guided, sample } from "./sampling.js";
import { check, classOf, encode } from "./words.js";

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
  if (cached) return new Uint8Array(await cached.arrayBuffer());
  const data = await download(key, bytes, onProgress);
  await verify(data, sha256, address);
  await evict(store, new URL(address).pathname);
  await store?.put(key, new Response(data)).catch(() => {}); // the disk is full: downloaded again next time
  return data;
}

/** Remove older weights of the same model. */
async function evict(store, pathname) {
  for (const old of (await store?.keys()) ?? []) if (new URL(old.url).pathname === pathname) await store.delete(old);
}

async function verify(data, sha256, address) {
  if (!globalThis.crypto?.subtle) return; // needs https
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found !== sha256) throw new Error(`${address} came damaged: reload the page.`);
}

/** Return a model's description and a session for it. ort: onnxruntime-web, or a promise of it; about, weights: addresses
 * of model.json and model.onnx; onProgress: called with how many bytes of the weights have arrived. */
export async function loadModel(ort, about, weights, onProgress = () => {}, options = { executionProviders: ["wasm"] }) {
  const answer = await fetch(about);
  if (!answer.ok) throw new Error(`${about} cannot be loaded (${answer.status}).`);
  const description = await answer.json();
  const [runtime, bytes] = await Promise.all([ort, weightsOf(weights, description, onProgress)]);
  onProgress(description.bytes);
  return { ort: runtime, about: description, session: await runtime.InferenceSession.create(bytes, options) };
}

/** Return the condition for a prompt: a BigInt64Array of one number for a class, `longest_text` numbers for a text. Throws
 * a RangeError for a prompt that the model does not understand. */
export function conditionOf(about, prompt) {
  check(about, prompt);
  if (about.words) return BigInt64Array.from(encode(prompt, about.words, about.longest_text), BigInt);
  return BigInt64Array.of(BigInt(about.classes.indexOf(classOf(about.classes, prompt))));
}

/** Yield the sampler's states for one shape (see sampling.js); the last x is the shape, occupied where it is above 0. */
export async function* shapes({ ort, about, session }, { prompt, seed, steps, guidanceScale }) {
  const { resolution: side, path, sampling } = about;
  const condition = conditionOf(about, prompt);
  const scale = guidanceScale ?? sampling.guidance_scale;
  const unguided = scale === 1 || condition.every((number) => number < 0n);
  const conditions = unguided ? [condition] : [condition, condition.map(() => -1n)];
  const numbers = new BigInt64Array(conditions.flatMap((each) => [...each]));
  const batch = conditions.length;
  const shape = about.words ? [batch, about.longest_text] : [batch];
  const denoise = async (x, t) => {
    const grids = new Float32Array(batch * x.length);
    for (let k = 0; k < batch; k++) grids.set(x, k * x.length);
    const { x0 } = await session.run({
      x_t: new ort.Tensor("float32", grids, [batch, 1, side, side, side]),
      t: new ort.Tensor("float32", new Float32Array(batch).fill(t), [batch]),
      condition: new ort.Tensor("int64", numbers, shape),
    });
    const guesses = x0.data;
    return batch === 1 ? guesses.slice() : guided(guesses.subarray(0, x.length), guesses.subarray(x.length), scale);
  };
  const times = timeGrid(path, steps ?? sampling.steps, sampling.shift);
  yield* sample(denoise, path, times, sampling.sampler, side ** 3, seed);
}
