// Surfaces as files have them, placed as course_utils.files.meshes.save_mesh does: metres, y up, the front towards +z, the
// origin in the middle of the cube's floor. A surface is {positions, normals, parts, scale}: Float32Arrays of three numbers
// per vertex, normals null for blocks, and for each material {material, indices}.

import { MODEL } from "../live/colours.js";
import { slotWeights, smoothSurface } from "./smooth.js";
import { sharedSurface } from "./surface.js";

const CLAY = [MODEL, 0, 0.8];

/** Return voxels as blocks of clay; the cube's side becomes `scale` metres. Throws an Error if the shape is empty. */
export function blockFile(voxels, n, scale = 1) {
  const { position, index } = sharedSurface(voxels, n);
  return { ...placed(position, null, n, scale), parts: parted(index, () => 0, [CLAY]) };
}

/** Return a shape (see `surfaceOf` in scene.js) as a smooth surface; what has no palette is clay. */
export function smoothFile({ field, slots, palette, named }, n, scale = 1) {
  const { position, normal, index } = smoothSurface(field, n);
  const weights = slotWeights(slots, n, position);
  const most = (corners) => {
    const sums = [0, 1, 2, 3].map((slot) => corners.reduce((sum, vertex) => sum + weights[4 * vertex + slot], 0));
    return sums.indexOf(Math.max(...sums));
  };
  const parts = named ? parted(index, most, palette) : parted(index, () => 0, [CLAY]);
  return { ...placed(position, normal, n, scale), parts };
}

/** Return the faces of each material that has some; `materialOf` gets the three vertices of a face. */
function parted(index, materialOf, palette) {
  if (!index.length) throw new Error("The shape is empty: add something before saving it.");
  const found = palette.map(() => []);
  for (let i = 0; i < index.length; i += 3) {
    const corners = [index[i], index[i + 1], index[i + 2]];
    found[materialOf(corners)].push(...corners);
  }
  const parts = found.map((indices, k) => ({ material: [palette[k]].flat(), indices: Uint32Array.from(indices) }));
  return parts.filter(({ indices }) => indices.length);
}

function placed(position, normal, n, scale) {
  const turned = (array, place) => {
    const found = new Float32Array(array.length);
    for (let i = 0; i < array.length; i += 3) found.set(place(array[i], array[i + 1], array[i + 2]), i);
    return found;
  };
  const positions = turned(position, (x, y, z) => [(x / n - 0.5) * scale, (z / n) * scale, (0.5 - y / n) * scale]);
  return { positions, normals: normal && turned(normal, (x, y, z) => [x, z, -y]), scale };
}
