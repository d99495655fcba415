// The 3D scene: the shape as lit blocks, the free region as a veil, the brush, the cutting plane, the ground. All but the
// ground belongs to one group in voxel coordinates (x, y, z up), which the group rotates to three.js's y up.

import {
  BufferAttribute, BufferGeometry, DataTexture, Float32BufferAttribute, Group, LinearFilter, LineBasicMaterial,
  LineLoop, Mesh, PerspectiveCamera, PlaneGeometry, Raycaster, RedFormat, Scene, ShaderMaterial, Vector2, Vector3,
  WebGLRenderer, WebGLRenderTarget,
} from "three";
import { DATA, MODEL, NOISE } from "../live/colours.js";
import { indexOf } from "./grid.js";
import { litSurface } from "./surface.js";

const FIELD_OF_VIEW = 28; // degrees
const NEAREST = 1.1; // distance of the camera, in sides of the cube
const FARTHEST = 6;
const HOME = { azimuth: 32, elevation: 22, distance: 2.75 }; // degrees: azimuth 0 shows the front, 90 the right side
const TARGET = new Vector3(0, 0.44, 0);
const SHADOW_CELLS = 48; // resolution of the shadow along a side of the ground
const GROUND = 2.2; // side of the ground, in sides of the cube

const rgb = (hex) => new Vector3(...[1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255));

const BLOCK_VERTEX = `
attribute float light; attribute float kind; attribute vec4 crease;
varying vec3 vNormal; varying float vLight; varying float vKind; varying vec2 vUv; varying vec4 vCrease;
void main() {
  vNormal = normalize(mat3(modelMatrix) * normal);
  vLight = light; vKind = kind; vUv = uv; vCrease = crease;
  gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
}`;

// Edges between coplanar faces are thin lines, edges where the surface bends are bold; both fade as blocks become small.
const BLOCK_FRAGMENT = `
uniform vec3 given; uniform vec3 model; uniform float alpha;
varying vec3 vNormal; varying float vLight; varying float vKind; varying vec2 vUv; varying vec4 vCrease;
void main() {
  vec3 n = normalize(vNormal);
  float sun = max(dot(n, normalize(vec3(0.35, 0.8, 0.55))), 0.0);
  float sky = 0.5 + 0.5 * n.y;
  float shade = (0.66 + 0.18 * sky) * vLight + 0.30 * sun * (0.35 + 0.65 * vLight);
  vec3 paint = mix(mix(given, model, step(0.5, vKind)), vec3(1.0), 0.30);
  vec3 colour = paint * shade + 0.10 * max(shade - 0.85, 0.0);
  vec2 pixel = max(fwidth(vUv), vec2(1e-4));
  vec4 far = vec4(vUv.x / pixel.x, (1.0 - vUv.x) / pixel.x, vUv.y / pixel.y, (1.0 - vUv.y) / pixel.y);
  vec4 thin = 1.0 - smoothstep(0.4, 1.4, far);
  vec4 bold = (1.0 - smoothstep(0.7, 1.9, far)) * vCrease;
  float small = 1.0 - smoothstep(0.10, 0.34, max(pixel.x, pixel.y));
  float line = max(max(thin.x, thin.y), max(thin.z, thin.w)) * 0.12 * small;
  line = max(line, max(max(bold.x, bold.y), max(bold.z, bold.w)) * 0.40 * (0.35 + 0.65 * small));
  gl_FragColor = vec4(colour * (1.0 - line), min(1.0, alpha * (1.0 + 1.5 * line)));
}`;

const GROUND_VERTEX = `
varying vec2 vPlace;
void main() { vPlace = position.xy; gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0); }`;

const GROUND_FRAGMENT = `
uniform sampler2D shadow; uniform float side;
varying vec2 vPlace;
float grid(vec2 p, float width) {
  vec2 far = abs(fract(p - 0.5) - 0.5) / fwidth(p);
  return 1.0 - smoothstep(width - 0.5, width + 0.5, min(far.x, far.y));
}
void main() {
  float fade = 1.0 - smoothstep(0.55, 1.0, length(vPlace) * 2.0 / side);
  vec2 d = abs(vPlace);
  float frame = 1.0 - smoothstep(0.5, 1.5, abs(max(d.x, d.y) - 0.5) / fwidth(max(d.x, d.y)));
  float line = max(0.10 * grid(vPlace * 8.0 + 0.5 * 8.0, 0.5), 0.22 * frame);
  float dark = 0.5 * texture2D(shadow, vPlace / side + 0.5).r;
  gl_FragColor = vec4(vec3(0.15, 0.17, 0.2), max(line, dark) * fade);
}`;

export class Stage {
  /** Throws an Error if the browser has no WebGL. */
  constructor(canvas) {
    this.renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true });
    this.renderer.setClearColor(0xffffff, 0);
    this.scene = new Scene();
    this.camera = new PerspectiveCamera(FIELD_OF_VIEW, 1, 0.05, 30);
    this.group = upright();
    this.shape = this._add(blocks(1));
    this.veil = this._add(blocks(0.13, { given: NOISE, model: NOISE }));
    this.brush = this._add(blocks(0.32));
    this.brush.material.polygonOffset = true;
    this.brush.material.polygonOffsetFactor = this.brush.material.polygonOffsetUnits = -1;
    this.plane = new LineLoop(new BufferGeometry(), new LineBasicMaterial({ color: MODEL }));
    this.group.add(this.plane);
    this.ground = makeGround();
    this.scene.add(this.group, this.ground);
    this.home();
  }

  _add(mesh) {
    this.group.add(mesh);
    return mesh;
  }

  home() {
    Object.assign(this, HOME);
  }

  turn(right, up) {
    this.azimuth = (this.azimuth + right) % 360;
    this.elevation = Math.min(89, Math.max(-12, this.elevation + up));
  }

  zoom(factor) {
    this.distance = Math.min(FARTHEST, Math.max(NEAREST, this.distance * factor));
  }

  resize(width, height) {
    this.renderer.setPixelRatio(Math.min(2, globalThis.devicePixelRatio || 1));
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
  }

  /** Show the blocks of `visible`, coloured by `free`, and a veil over `veiled`; all are grids of 0 and 1. */
  setShape(visible, free, veiled, n) {
    fill(this.shape, litSurface(visible, n, free));
    fill(this.veil, litSurface(veiled, n, veiled, visible));
    this.ground.material.uniforms.shadow.value.image.data.set(shadowOf(visible, n));
    this.ground.material.uniforms.shadow.value.needsUpdate = true;
    this.group.scale.setScalar(1 / n);
  }

  /** Show what a tool would reach: blue if it would become given, orange if free. */
  setBrush(indices, isFree, n) {
    const region = new Uint8Array(n ** 3);
    for (const index of indices) region[index] = 1;
    fill(this.brush, litSurface(region, n, new Uint8Array(n ** 3).fill(isFree)));
  }

  /** Outline the plane at `position` voxels along an axis; null hides it. */
  setPlane(axis, position, n) {
    this.plane.visible = axis !== null;
    if (axis === null) return;
    const corners = [[0, 0], [n, 0], [n, n], [0, n]].map((pair) => [...pair.slice(0, axis), position, ...pair.slice(axis)]);
    this.plane.geometry.setAttribute("position", new Float32BufferAttribute(corners.flat(), 3));
  }

  render() {
    aim(this.camera, this, this.camera.aspect);
    this.renderer.render(this.scene, this.camera);
  }

  /** Return the ray through a point of the canvas (-1 to 1, right and up): {origin, direction} in voxels. */
  ray(x, y) {
    aim(this.camera, this, this.camera.aspect);
    this.group.updateMatrixWorld();
    const caster = new Raycaster();
    caster.setFromCamera(new Vector2(x, y), this.camera);
    const start = this.group.worldToLocal(caster.ray.origin.clone());
    const end = this.group.worldToLocal(caster.ray.origin.clone().add(caster.ray.direction));
    return { origin: start.toArray(), direction: end.sub(start).toArray() };
  }

  /** Return {draw, dispose} for small pictures of one grid: draw(canvas, azimuth) paints one. */
  thumbnail(voxels, kinds, n, pixels) {
    const scene = new Scene();
    const group = upright();
    const mesh = blocks(1);
    fill(mesh, litSurface(voxels, n, kinds));
    group.scale.setScalar(1 / n);
    group.add(mesh);
    scene.add(group);
    const camera = new PerspectiveCamera(FIELD_OF_VIEW, 1, 0.05, 30);
    const target = new WebGLRenderTarget(pixels, pixels, { samples: 4 });
    const draw = (canvas, azimuth) => {
      aim(camera, { azimuth, elevation: HOME.elevation, distance: 2.6 }, 1);
      this.renderer.setRenderTarget(target);
      this.renderer.clear();
      this.renderer.render(scene, camera);
      const bytes = new Uint8Array(4 * pixels * pixels);
      this.renderer.readRenderTargetPixels(target, 0, 0, pixels, pixels, bytes);
      this.renderer.setRenderTarget(null);
      paint(canvas, bytes, pixels);
    };
    return { draw, dispose: () => (target.dispose(), mesh.geometry.dispose(), mesh.material.dispose()) };
  }

  dispose() {
    for (const mesh of [this.shape, this.veil, this.brush, this.plane, this.ground]) {
      mesh.geometry.dispose();
      mesh.material.dispose();
    }
    this.ground.material.uniforms.shadow.value.dispose();
    this.renderer.dispose();
    this.renderer.forceContextLoss(); // browsers allow about 16 contexts per page
  }
}

function upright() {
  const group = new Group();
  group.rotation.x = -Math.PI / 2;
  group.position.set(-0.5, 0, 0.5);
  return group;
}

function aim(camera, { azimuth, elevation, distance }, aspect) {
  const [a, e] = [azimuth, elevation].map((degrees) => (degrees * Math.PI) / 180);
  const towards = new Vector3(Math.sin(a) * Math.cos(e), Math.sin(e), Math.cos(a) * Math.cos(e));
  camera.position.copy(TARGET).addScaledVector(towards, distance / Math.min(1, aspect));
  camera.lookAt(TARGET);
  camera.updateProjectionMatrix();
  camera.updateMatrixWorld();
}

function blocks(alpha, { given = DATA, model = MODEL } = {}) {
  const uniforms = { given: rgb(given), model: rgb(model), alpha };
  const material = new ShaderMaterial({
    vertexShader: BLOCK_VERTEX,
    fragmentShader: BLOCK_FRAGMENT,
    uniforms: Object.fromEntries(Object.entries(uniforms).map(([name, value]) => [name, { value }])),
    transparent: alpha < 1,
    depthWrite: alpha === 1,
  });
  const mesh = new Mesh(new BufferGeometry(), material);
  mesh.frustumCulled = false;
  return mesh;
}

function fill(mesh, data) {
  const { geometry } = mesh;
  const sizes = { position: 3, normal: 3, uv: 2, light: 1, kind: 1, crease: 4 };
  for (const [name, size] of Object.entries(sizes))
    geometry.setAttribute(name, new Float32BufferAttribute(data[name], size));
  geometry.setIndex(new BufferAttribute(Uint32Array.from(data.index), 1));
  mesh.visible = data.index.length > 0;
}

function makeGround() {
  const shadow = new DataTexture(new Uint8Array(SHADOW_CELLS ** 2), SHADOW_CELLS, SHADOW_CELLS, RedFormat);
  shadow.magFilter = shadow.minFilter = LinearFilter;
  const material = new ShaderMaterial({
    vertexShader: GROUND_VERTEX,
    fragmentShader: GROUND_FRAGMENT,
    uniforms: { shadow: { value: shadow }, side: { value: GROUND } },
    transparent: true,
    depthWrite: false,
  });
  const ground = new Mesh(new PlaneGeometry(GROUND, GROUND), material);
  ground.rotation.x = -Math.PI / 2;
  ground.position.y = -0.003; // just below the shape's lowest faces
  ground.renderOrder = -1;
  return ground;
}

/** Return the shadow on the ground (SHADOW_CELLS ** 2 bytes), blurred twice; low voxels darken it most. */
function shadowOf(solid, n) {
  const cells = new Float32Array(SHADOW_CELLS ** 2);
  const scale = SHADOW_CELLS / (GROUND * n);
  for (let y = 0; y < n; y++)
    for (let x = 0; x < n; x++) {
      let clear = 1;
      for (let z = 0; z < n; z++) if (solid[indexOf(n, x, y, z)]) clear *= 1 - 0.3 * Math.exp((-4 * z) / n);
      const place = (p) => Math.floor((p + 0.5 - n / 2) * scale + SHADOW_CELLS / 2);
      cells[place(y) * SHADOW_CELLS + place(x)] += (1 - clear) * scale * scale;
    }
  return Uint8Array.from(blurred(blurred(cells)), (dark) => 255 * Math.min(1, dark));
}

function blurred(cells) {
  const at = (x, y) => cells[y * SHADOW_CELLS + x] ?? 0;
  return cells.map((_, i) => {
    const [x, y] = [i % SHADOW_CELLS, Math.floor(i / SHADOW_CELLS)];
    let sum = 0;
    for (let j = -1; j <= 1; j++) for (let k = -1; k <= 1; k++) sum += at(x + k, y + j) * (2 - Math.abs(j)) * (2 - Math.abs(k));
    return sum / 16;
  });
}

/** Paint RGBA bytes, the lowest row first, onto a canvas. */
function paint(canvas, bytes, pixels) {
  canvas.width = canvas.height = pixels;
  const image = new ImageData(pixels, pixels);
  for (let row = 0; row < pixels; row++)
    image.data.set(bytes.subarray(4 * pixels * row, 4 * pixels * (row + 1)), 4 * pixels * (pixels - 1 - row));
  canvas.getContext("2d").putImageData(image, 0, 0);
}
