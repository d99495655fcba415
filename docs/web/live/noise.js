// Portable Gaussian noise, number for number as in course_utils/diffusion/noise.py: Threefry-2x32-20 (Salmon et al.,
// SC 2011), then the Box-Muller transform in double precision.

const ROTATIONS = [[13, 15, 26, 6], [17, 29, 16, 24]];
const PARITY = 0x1bd11bda;

/** Map two keys and two counters to two numbers that look random; all are integers from 0 to 2^32 - 1. */
export function threefry(key, counter) {
  const keys = [key[0], key[1], key[0] ^ key[1] ^ PARITY];
  let [x, y] = [(counter[0] + keys[0]) | 0, (counter[1] + keys[1]) | 0];
  for (let group = 0; group < 5; group++) {
    for (const rotation of ROTATIONS[group % 2]) {
      x = (x + y) | 0;
      y = ((y << rotation) | (y >>> (32 - rotation))) ^ x;
    }
    x = (x + keys[(group + 1) % 3]) | 0;
    y = (y + keys[(group + 2) % 3] + group + 1) | 0;
  }
  return [x >>> 0, y >>> 0];
}

/** Return `count` standard normal numbers (Float32Array) that depend only on the seed, the stream and their position. */
export function gaussian(seed, count, stream = 0) {
  for (const [name, value] of [["seed", seed], ["stream", stream]])
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** 32)
      throw new RangeError(`${name} is ${value}; it must be a whole number from 0 to ${2 ** 32 - 1}`);
  const numbers = new Float32Array(count);
  for (let pair = 0; 2 * pair < count; pair++) {
    const [first, second] = threefry([seed, stream], [pair, 0]);
    const radius = Math.sqrt(-2 * Math.log((first + 0.5) / 2 ** 32));
    const angle = (2 * Math.PI * (second + 0.5)) / 2 ** 32;
    numbers[2 * pair] = radius * Math.cos(angle);
    if (2 * pair + 1 < count) numbers[2 * pair + 1] = radius * Math.sin(angle);
  }
  return numbers;
}
