// A shape as Wavefront .obj.

import { fileSurface } from "./surface.js";

/** Return a Blob of the voxels' faces; the cube's side becomes `scale` metres. Throws an Error if the shape is empty. */
export function toObj(solid, n, scale = 1) {
  const { positions, indices } = fileSurface(solid, n, scale);
  const lines = ["# Noise to Shape: y up, origin in the middle of the cube's floor"];
  for (let i = 0; i < positions.length; i += 3) lines.push(`v ${positions[i]} ${positions[i + 1]} ${positions[i + 2]}`);
  for (let i = 0; i < indices.length; i += 3) lines.push(`f ${indices[i] + 1} ${indices[i + 1] + 1} ${indices[i + 2] + 1}`);
  return new Blob([lines.join("\n"), "\n"], { type: "model/obj" });
}
