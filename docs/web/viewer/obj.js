// A surface (see meshfile.js) as Wavefront .obj, without its materials.

/** Return a Blob of a surface. */
export function toObj({ positions, parts }) {
  const lines = ["# Noise to Shape: y up, origin in the middle of the cube's floor"];
  for (let i = 0; i < positions.length; i += 3) lines.push(`v ${positions[i]} ${positions[i + 1]} ${positions[i + 2]}`);
  for (const { indices } of parts)
    for (let i = 0; i < indices.length; i += 3) lines.push(`f ${indices[i] + 1} ${indices[i + 1] + 1} ${indices[i + 2] + 1}`);
  return new Blob([lines.join("\n"), "\n"], { type: "model/obj" });
}
