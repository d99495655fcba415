// A shape as binary glTF 2.0, placed as course_utils.files.meshes.save_mesh does: metres, y up, the front to +z, the
// origin in the middle of the cube's floor. Faces share vertices, so the surface is closed as it stands in the file;
// without normals in it, glTF asks readers for flat shading, which is what blocks want.

import { sharedSurface } from "./surface.js";

const CLAY = [190 / 255, 51 / 255, 1 / 255, 1]; // the course's model orange #E07B0A, linear as glTF wants it
const [ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER, FLOAT, UNSIGNED_INT] = [34962, 34963, 5126, 5125];

/** A Blob of the voxels' faces; the cube's side becomes `scale` metres. Error: there is nothing to save. */
export function toGlb(solid, n, scale = 1) {
  const { positions, indices } = sharedSurface(solid, n);
  if (!indices.length) throw new Error("The shape is empty: add something before saving it.");
  const placed = place(positions, n, scale);
  const json = new TextEncoder().encode(JSON.stringify(description(placed, indices, scale)));
  const padded = new Uint8Array(Math.ceil(json.length / 4) * 4).fill(0x20);
  padded.set(json);
  const size = placed.byteLength + indices.byteLength;
  const head = Uint32Array.of(0x46546c67, 2, 28 + padded.length + size, padded.length, 0x4e4f534a);
  return new Blob([head, padded, Uint32Array.of(size, 0x004e4942), placed, indices], { type: "model/gltf-binary" });
}

/** Positions in voxels to metres, y up, the origin in the middle of the cube's floor. */
export function place(positions, n, scale) {
  const placed = new Float32Array(positions.length);
  for (let i = 0; i < positions.length; i += 3) {
    placed[i] = (positions[i] / n - 0.5) * scale;
    placed[i + 1] = (positions[i + 2] / n) * scale;
    placed[i + 2] = (0.5 - positions[i + 1] / n) * scale;
  }
  return placed;
}

function description(positions, indices, scale) {
  const [min, max] = [[Infinity, Infinity, Infinity], [-Infinity, -Infinity, -Infinity]];
  positions.forEach((value, i) => {
    min[i % 3] = Math.min(min[i % 3], value);
    max[i % 3] = Math.max(max[i % 3], value);
  });
  const material = { name: "clay", pbrMetallicRoughness: { baseColorFactor: CLAY, metallicFactor: 0, roughnessFactor: 0.8 } };
  return {
    asset: { version: "2.0", generator: "Noise to Shape" },
    extras: { convention: `Noise to Shape: cube of side ${scale}, y up, origin in the middle of its floor` },
    scene: 0,
    scenes: [{ nodes: [0] }],
    nodes: [{ name: "shape", mesh: 0 }],
    meshes: [{ name: "shape", primitives: [{ attributes: { POSITION: 0 }, indices: 1, material: 0 }] }],
    materials: [material],
    accessors: [
      { bufferView: 0, componentType: FLOAT, count: positions.length / 3, type: "VEC3", min, max },
      { bufferView: 1, componentType: UNSIGNED_INT, count: indices.length, type: "SCALAR" },
    ],
    bufferViews: [
      { buffer: 0, byteLength: positions.byteLength, target: ARRAY_BUFFER },
      { buffer: 0, byteOffset: positions.byteLength, byteLength: indices.byteLength, target: ELEMENT_ARRAY_BUFFER },
    ],
    buffers: [{ byteLength: positions.byteLength + indices.byteLength }],
  };
}
