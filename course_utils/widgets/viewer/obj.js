// A shape as Wavefront .obj: the faces and the place of the .glb, shared vertices, so that the surface is closed.

import { place } from "./glb.js";
import { sharedSurface } from "./surface.js";

/** A Blob of the voxels' faces; the cube's side becomes `scale` metres, y up. Error: there is nothing to save. */
export function toObj(solid, n, scale = 1) {
  const { positions, indices } = sharedSurface(solid, n);
  if (!indices.length) throw new Error("The shape is empty: add something before saving it.");
  const lines = ["# Noise to Shape: y up, origin in the middle of the cube's floor"];
  const placed = place(positions, n, scale);
  for (let i = 0; i < placed.length; i += 3) lines.push(`v ${placed[i]} ${placed[i + 1]} ${placed[i + 2]}`);
  for (let i = 0; i < indices.length; i += 3) lines.push(`f ${indices[i] + 1} ${indices[i + 1] + 1} ${indices[i + 2] + 1}`);
  return new Blob([lines.join("\n"), "\n"], { type: "model/obj" });
}
