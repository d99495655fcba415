// A shape as binary glTF 2.0. The file has no normals, so readers shade its faces flat, as glTF requires: right for blocks.

import { MODEL } from "../live/colours.js";
import { fileSurface } from "./surface.js";

const CLAY = [...[1, 3, 5].map((i) => linear(parseInt(MODEL.slice(i, i + 2), 16))), 1];
const [ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER, FLOAT, UNSIGNED_INT] = [34962, 34963, 5126, 5125];

/** Convert an sRGB byte to linear light, 0 to 1 in steps of 1/255, as glTF wants it (IEC 61966-2-1). */
function linear(byte) {
  const value = byte / 255;
  const light = value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  return Math.round(255 * light) / 255;
}

/** Return a Blob of the voxels' faces; the cube's side becomes `scale` metres. Throws an Error if the shape is empty. */
export function toGlb(solid, n, scale = 1) {
  const { positions, indices } = fileSurface(solid, n, scale);
  const json = new TextEncoder().encode(JSON.stringify(description(positions, indices, scale)));
  const padded = new Uint8Array(Math.ceil(json.length / 4) * 4).fill(0x20);
  padded.set(json);
  const size = positions.byteLength + indices.byteLength;
  const head = Uint32Array.of(0x46546c67, 2, 28 + padded.length + size, padded.length, 0x4e4f534a);
  return new Blob([head, padded, Uint32Array.of(size, 0x004e4942), positions, indices], { type: "model/gltf-binary" });
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
