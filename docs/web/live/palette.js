// What the slots of a shape are made of, drawn from its seed: draw for draw as in course_utils/datasets/shapes/drawing.py,
// whose numbers come from NumPy's SeedSequence and PCG64 (O'Neill, HMC-CS-2014-0905, XSL-RR output).

const POOL = 4;
const [MASK64, MASK128] = [(1n << 64n) - 1n, (1n << 128n) - 1n];
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

/** Return the CRC-32 of a text's UTF-8, as zlib has it. */
export function crc32(text) {
  let crc = -1;
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** Return a function that mixes numbers into a hash whose constant changes with every call. */
function hasher(constant, multiplier) {
  return (value) => {
    value ^= constant;
    constant = Math.imul(constant, multiplier);
    value = Math.imul(value, constant);
    return value ^ (value >>> 16);
  };
}

/** Return four 64-bit numbers for a few 32-bit ones: numpy.random.SeedSequence(entropy).generate_state(4, uint64). */
function spreadOut(entropy) {
  const hash = hasher(0x43b0d7e5, 0x931e8875);
  const pool = Array.from({ length: POOL }, (_, k) => hash(entropy[k] ?? 0));
  for (let from = 0; from < POOL; from++)
    for (let to = 0; to < POOL; to++) {
      if (from === to) continue;
      const mixed = Math.imul(0xca01f9dd, pool[to]) - Math.imul(0x4973f715, hash(pool[from]));
      pool[to] = mixed ^ (mixed >>> 16);
    }
  const drawn = hasher(0x8b51f9dd, 0x58f38ded);
  const halves = Array.from({ length: 8 }, (_, k) => BigInt(drawn(pool[k % POOL]) >>> 0));
  return [0, 2, 4, 6].map((k) => halves[k] | (halves[k + 1] << 32n));
}

/** Return a function that draws numbers from 0 to 1 as Draws(name, seed) of Python does. */
export function fractions(name, seed) {
  const [high, low, streamHigh, streamLow] = spreadOut([crc32(name), seed]);
  const increment = ((((streamHigh << 64n) | streamLow) << 1n) | 1n) & MASK128;
  const next = (state) => (state * MULTIPLIER + increment) & MASK128;
  let state = next((increment + ((high << 64n) | low)) & MASK128);
  return () => {
    state = next(state);
    const folded = (state >> 64n) ^ (state & MASK64);
    const turn = state >> 122n;
    const bits = ((folded >> turn) | (folded << ((64n - turn) & 63n))) & MASK64;
    return Number(bits >> 11n) / 2 ** 53;
  };
}

/**
 * Return the names of the materials of a shape's slots, {seat: "red", ...}.
 * choices: what each slot may be of, {slot: [names]}; "=legs" is the material of the slot "legs", which comes before.
 */
export function paletteOf(family, seed, choices) {
  const fraction = fractions(`palette of ${family}`, seed);
  const palette = {};
  for (const [slot, names] of Object.entries(choices)) {
    const name = names[Math.floor(fraction() * names.length)];
    palette[slot] = name[0] === "=" ? palette[name.slice(1)] : name;
  }
  return palette;
}
