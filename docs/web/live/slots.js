// Which material slot each voxel of a shape belongs to, as in course_utils/geometry/matter.py and geometry/slots.py.

const SURE = 0.2; // of a voxel must be filled, or its slot does not count: a model guesses it in air

/**
 * Return the slots of a shape that a model drew, a Uint8Array, 1 for the first: a nearly empty voxel has that of the
 * nearest other one. x: Float32Array, the field and then a channel per slot.  size: of the grid's side.
 * count: how many slots the shape's family has; others are not considered.
 */
export function slotsOf(x, size, count) {
  const voxels = size ** 3;
  const slots = new Uint8Array(voxels);
  for (let i = 0; i < voxels; i++) {
    let best = 1;
    for (let slot = 2; slot <= count; slot++) if (x[slot * voxels + i] > x[best * voxels + i]) best = slot;
    slots[i] = best;
  }
  return spread(slots, Uint8Array.from(x.subarray(0, voxels), (value) => (value > 2 * SURE - 1 ? 1 : 0)), size);
}

/** Return slots in which every voxel that is not known has that of the nearest known one; as they are if none is known. */
export function spread(slots, known, size) {
  let nearest = Int32Array.from(known, (is, i) => (is ? i : -1)); // the known voxel that is nearest along the axes done
  if (!known.includes(1)) return slots.slice();
  const away = new Float64Array(known.length).map((_, i) => (known[i] ? 0 : Infinity)); // squared
  for (const stride of [1, size, size * size]) {
    const [before, far] = [nearest.slice(), away.slice()];
    for (let i = 0; i < before.length; i++) {
      const first = i - stride * (Math.floor(i / stride) % size);
      for (let k = 0, at = first; k < size; k++, at += stride) {
        const distance = far[at] + ((at - i) / stride) ** 2;
        if (distance < away[i]) [away[i], nearest[i]] = [distance, before[at]];
      }
    }
  }
  return slots.map((_, i) => slots[nearest[i]]);
}
