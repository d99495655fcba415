// What surfaces look like: the same reflections as in course_utils/geometry/render/shading.py, on blocks with lines along
// their edges. Each vertex brings the light that arrives and that the shape blocks, and the weight of each of four slots.

import { BufferAttribute, BufferGeometry, Float32BufferAttribute, Mesh, ShaderMaterial, Vector2, Vector3 } from "three";
import { DATA, MODEL } from "../live/colours.js";
import { GROUND, SUN } from "./light.js";

const SLOTS = 4;
const PLAIN = [0, 0.6]; // metallic and roughness of what only has a colour
export const CLAY = [DATA, MODEL]; // a shape without a palette: what was given, what a model may change

const VERTEX = `
attribute vec2 light; attribute vec4 weights; attribute vec4 crease;
varying vec3 vNormal; varying vec3 vTowards; varying vec2 vLight; varying vec4 vWeights; varying vec2 vUv; varying vec4 vCrease;
void main() {
  vec4 place = modelMatrix * vec4(position, 1.0);
  vNormal = normalize(mat3(modelMatrix) * normal);
  vTowards = cameraPosition - place.xyz;
  vLight = light; vWeights = weights; vUv = uv; vCrease = crease;
  gl_Position = projectionMatrix * viewMatrix * place;
}`;

// Edges between coplanar faces are thin lines, edges where the surface bends are bold; both fade as blocks become small.
const FRAGMENT = `
uniform vec3 paint[${SLOTS}]; uniform vec2 finish[${SLOTS}]; uniform float alpha; uniform float lines;
varying vec3 vNormal; varying vec3 vTowards; varying vec2 vLight; varying vec4 vWeights; varying vec2 vUv; varying vec4 vCrease;
const vec3 SUN = vec3(${SUN[0].toFixed(4)}, ${SUN[2].toFixed(4)}, ${(-SUN[1]).toFixed(4)}); // three.js has y up

float surroundings(vec3 mirror, float rough) {
  float sky = 0.6 + 0.6 * max(mirror.y, 0.0);
  float ground = 0.95 + 0.35 * min(mirror.y, 0.0);
  float power = 2.0 / pow(max(rough, 0.15), 3.0);
  float sun = pow(max(dot(mirror, SUN), 0.0), power);
  return mix(ground, sky, clamp(0.5 + mirror.y / (0.2 + rough), 0.0, 1.0)) + (0.12 * power + 0.3) * sun;
}

vec3 displayed(vec3 light) {
  vec3 bright = 0.85 + 0.15 * tanh((light - 0.85) / 0.15);
  vec3 soft = clamp(mix(light, bright, step(0.85, light)), 0.0, 1.0);
  return mix(12.92 * soft, 1.055 * pow(soft, vec3(1.0 / 2.4)) - 0.055, step(0.0031308, soft));
}

float edges() {
  vec2 pixel = max(fwidth(vUv), vec2(1e-4));
  vec4 far = vec4(vUv.x / pixel.x, (1.0 - vUv.x) / pixel.x, vUv.y / pixel.y, (1.0 - vUv.y) / pixel.y);
  vec4 thin = 1.0 - smoothstep(0.4, 1.4, far);
  vec4 bold = (1.0 - smoothstep(0.7, 1.9, far)) * vCrease;
  float small = 1.0 - smoothstep(0.10, 0.34, max(pixel.x, pixel.y));
  float line = max(max(thin.x, thin.y), max(thin.z, thin.w)) * 0.12 * small;
  return max(line, max(max(bold.x, bold.y), max(bold.z, bold.w)) * 0.40 * (0.35 + 0.65 * small));
}

void main() {
  vec3 own = paint[0]; vec2 look = finish[0]; float most = vWeights.x;
  if (vWeights.y > most) { own = paint[1]; look = finish[1]; most = vWeights.y; }
  if (vWeights.z > most) { own = paint[2]; look = finish[2]; most = vWeights.z; }
  if (vWeights.w > most) { own = paint[3]; look = finish[3]; }
  float metal = look.x; float rough = look.y;
  vec3 colour = own / ${GROUND} * vLight.x + 0.8 / ${GROUND} * own * own * vLight.y;
  if (metal > 0.0 || rough <= 0.75) {
    vec3 towards = normalize(vTowards); vec3 n = normalize(vNormal);
    float facing = max(dot(n, towards), 0.0);
    float around = surroundings(2.0 * facing * n - towards, rough) * (1.0 - 0.5 * vLight.y / max(vLight.x + vLight.y, 1e-6));
    vec3 mirrored = mix(vec3(0.04), own, metal);
    mirrored += (1.0 - mirrored) * pow(1.0 - facing, 5.0) * pow(1.0 - rough, 3.0);
    colour = (1.0 - metal) * colour + mirrored * around;
  } else colour += 0.04 * vLight.x;
  float line = lines * edges();
  gl_FragColor = vec4(displayed(colour) * (1.0 - line), min(1.0, alpha * (1.0 + 1.5 * line)));
}`;

function linear(hex) {
  const part = (i) => parseInt(hex.slice(i, i + 2), 16) / 255;
  return new Vector3(...[1, 3, 5].map(part).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)));
}

/** Return an empty mesh. alpha: 1 is opaque; lines: along the edges of blocks, or 0. */
export function surfaceMesh(alpha, lines) {
  const uniforms = {
    paint: { value: Array.from({ length: SLOTS }, () => new Vector3()) },
    finish: { value: Array.from({ length: SLOTS }, () => new Vector2(...PLAIN)) },
    alpha: { value: alpha },
    lines: { value: lines },
  };
  const material = new ShaderMaterial({
    vertexShader: VERTEX, fragmentShader: FRAGMENT, uniforms, transparent: alpha < 1, depthWrite: alpha === 1,
  });
  const mesh = new Mesh(new BufferGeometry(), material);
  mesh.frustumCulled = false;
  return mesh;
}

/** Give a mesh its materials: "#rrggbb" or ["#rrggbb", metallic, roughness], one per slot. */
export function paintMesh(mesh, palette) {
  const { paint, finish } = mesh.material.uniforms;
  palette.slice(0, SLOTS).forEach((material, slot) => {
    const [colour, ...how] = [material].flat();
    paint.value[slot].copy(linear(colour));
    finish.value[slot].set(...(how.length ? how : PLAIN));
  });
}

/** Give a mesh its surface; without uv and crease it is smooth, without light it lies in the open. */
export function fillMesh(mesh, data) {
  const { geometry } = mesh;
  const count = data.position.length / 3;
  const light = data.light ?? Float32Array.from({ length: 2 * count }, (_, i) => 1 - (i % 2));
  const all = { uv: new Float32Array(2 * count).fill(0.5), crease: new Float32Array(4 * count), ...data, light };
  const sizes = { position: 3, normal: 3, uv: 2, light: 2, weights: 4, crease: 4 };
  for (const [name, size] of Object.entries(sizes)) geometry.setAttribute(name, new Float32BufferAttribute(all[name], size));
  geometry.setIndex(new BufferAttribute(Uint32Array.from(data.index), 1));
  mesh.visible = data.index.length > 0;
}
