// A surface (see meshfile.js) as binary glTF 2.0. Without normals readers shade its faces flat, as glTF requires: right for
// blocks.

const [ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER, FLOAT, UNSIGNED_INT] = [34962, 34963, 5126, 5125];

/** Convert an sRGB byte to linear light, 0 to 1 in steps of 1/255, as glTF wants it (IEC 61966-2-1). */
function linear(byte) {
  const value = byte / 255;
  const light = value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  return Math.round(255 * light) / 255;
}

/** Return a Blob of a surface. */
export function toGlb({ positions, normals, parts, scale }) {
  const arrays = [positions, ...(normals ? [normals] : []), ...parts.map(({ indices }) => indices)];
  const json = new TextEncoder().encode(JSON.stringify(description(positions, normals, parts, arrays, scale)));
  const padded = new Uint8Array(Math.ceil(json.length / 4) * 4).fill(0x20);
  padded.set(json);
  const size = arrays.reduce((sum, array) => sum + array.byteLength, 0);
  const head = Uint32Array.of(0x46546c67, 2, 28 + padded.length + size, padded.length, 0x4e4f534a);
  return new Blob([head, padded, Uint32Array.of(size, 0x004e4942), ...arrays], { type: "model/gltf-binary" });
}

function description(positions, normals, parts, arrays, scale) {
  const [min, max] = [[Infinity, Infinity, Infinity], [-Infinity, -Infinity, -Infinity]];
  positions.forEach((value, i) => {
    min[i % 3] = Math.min(min[i % 3], value);
    max[i % 3] = Math.max(max[i % 3], value);
  });
  const attributes = normals ? { POSITION: 0, NORMAL: 1 } : { POSITION: 0 };
  const first = Object.keys(attributes).length;
  const vector = { componentType: FLOAT, count: positions.length / 3, type: "VEC3" };
  let byteOffset = 0;
  const views = arrays.map((array, k) => {
    const view = { buffer: 0, byteOffset, byteLength: array.byteLength, target: k < first ? ARRAY_BUFFER : ELEMENT_ARRAY_BUFFER };
    byteOffset += array.byteLength;
    return view;
  });
  return {
    asset: { version: "2.0", generator: "Noise to Shape" },
    extras: { convention: `Noise to Shape: cube of side ${scale}, y up, origin in the middle of its floor` },
    scene: 0,
    scenes: [{ nodes: [0] }],
    nodes: [{ name: "shape", mesh: 0 }],
    meshes: [{ name: "shape", primitives: parts.map((_, k) => ({ attributes, indices: first + k, material: k })) }],
    materials: parts.map(({ material }) => materialOf(material)),
    accessors: [
      { bufferView: 0, ...vector, min, max },
      ...(normals ? [{ bufferView: 1, ...vector }] : []),
      ...parts.map(({ indices }, k) => ({ bufferView: first + k, componentType: UNSIGNED_INT, count: indices.length, type: "SCALAR" })),
    ],
    bufferViews: views,
    buffers: [{ byteLength: byteOffset }],
  };
}

function materialOf([colour, metallicFactor = 0, roughnessFactor = 0.6]) {
  const baseColorFactor = [...[1, 3, 5].map((i) => linear(parseInt(colour.slice(i, i + 2), 16))), 1];
  return { name: colour, pbrMetallicRoughness: { baseColorFactor, metallicFactor, roughnessFactor } };
}
