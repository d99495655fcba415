// A trained model in the browser: what course_utils/models/onnx.py wrote, run by onnxruntime-web.

import { timeGrid } from "./paths.js";
import { guided, sample } from "./sampling.js";
import { encode } from "./words.js";

const CACHE = "noise-to-shape";

/** The bytes behind an address, as many as are expected, telling how many have come. */
export async function bytesOf(address, bytes, tell) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address} cannot be loaded (${answer.status} ${answer.statusText}).`);
  const data = new Uint8Array(bytes);
  let loaded = 0;
  for (const reader = answer.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    if (loaded + value.length > bytes) throw new Error(`${address} is longer than its ${bytes} bytes: reload the page.`);
    data.set(value, loaded);
    tell((loaded += value.length));
  }
  if (loaded < bytes) throw new Error(`${address} is shorter than its ${bytes} bytes: reload the page.`);
  return data;
}

/** A model's bytes, kept by the browser under their checksum. */
async function weightsOf(address, { bytes, sha256 }, tell) {
  const local = address.startsWith("blob:"); // a notebook's kernel has sent it
  const store = globalThis.caches && !local ? await caches.open(CACHE).catch(() => null) : null; // none without https
  const key = local ? address : `${address}?${sha256}`;
  const kept = await store?.match(key);
  if (kept) return new Uint8Array(await kept.arrayBuffer());
  const data = await bytesOf(key, bytes, tell);
  await checked(data, sha256, address);
  await forget(store, new URL(address).pathname);
  await store?.put(key, new Response(data)).catch(() => {}); // a full disk: loaded anew next time
  return data;
}

/** Older weights of the same model are of no use any more. */
async function forget(store, pathname) {
  for (const old of (await store?.keys()) ?? []) if (new URL(old.url).pathname === pathname) await store.delete(old);
}

async function checked(data, sha256, address) {
  if (!globalThis.crypto?.subtle) return; // on a page without https
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found !== sha256) throw new Error(`${address} came damaged: reload the page.`);
}

/** A model's `about` and a session for it. ort: onnxruntime-web, or a promise of it; about, weights: addresses of
 * model.json, model.onnx; tell: gets how many bytes of the weights have come. */
export async function loadModel(ort, about, weights, tell = () => {}, options = { executionProviders: ["wasm"] }) {
  const answer = await fetch(about);
  if (!answer.ok) throw new Error(`${about} cannot be loaded (${answer.status}).`);
  const described = await answer.json();
  const [runtime, bytes] = await Promise.all([ort, weightsOf(weights, described, tell)]);
  tell(described.bytes);
  return { ort: runtime, about: described, session: await runtime.InferenceSession.create(bytes, options) };
}

/** What a model is told to make: BigInt64Array, one number for a class, `longest_text` for a text. */
export function conditionOf(about, prompt) {
  if (about.words) return BigInt64Array.from(encode(prompt, about.words, about.longest_text), BigInt);
  const place = about.classes.indexOf(prompt);
  if (place < 0) throw new RangeError(`The model makes no “${prompt}”; it makes: ${about.classes.join(", ")}.`);
  return BigInt64Array.of(BigInt(place));
}

/** The sampler's states for one shape (see sampling.js); the last one's x is the shape, occupied where it is above 0. */
export async function* shapes({ ort, about, session }, { prompt, seed, steps, guidanceScale }) {
  const { resolution: side, path, sampling } = about;
  const told = conditionOf(about, prompt);
  const scale = guidanceScale ?? sampling.guidance_scale;
  const parts = scale === 1 || told.every((number) => number < 0n) ? [told] : [told, told.map(() => -1n)];
  const both = new BigInt64Array(parts.flatMap((part) => [...part]));
  const batch = parts.length;
  const shape = about.words ? [batch, about.longest_text] : [batch];
  const denoise = async (x, t) => {
    const grids = new Float32Array(batch * x.length);
    for (let k = 0; k < batch; k++) grids.set(x, k * x.length);
    const { x0 } = await session.run({
      x_t: new ort.Tensor("float32", grids, [batch, 1, side, side, side]),
      t: new ort.Tensor("float32", new Float32Array(batch).fill(t), [batch]),
      condition: new ort.Tensor("int64", both, shape),
    });
    const guesses = x0.data;
    return batch === 1 ? guesses.slice() : guided(guesses.subarray(0, x.length), guesses.subarray(x.length), scale);
  };
  const times = timeGrid(path, steps ?? sampling.steps, sampling.shift);
  yield* sample(denoise, path, times, sampling.sampler, side ** 3, seed);
}
