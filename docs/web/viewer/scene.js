// The 3D scene: the shape as a smooth surface or as blocks, the free region as a veil, the brush, the cutting plane, the
// ground. All but the ground belongs to one group in voxel coordinates (x, y, z up), which the group rotates to three.js's
// y up.

import {
  BufferGeometry, DataTexture, Float32BufferAttribute, Group, LinearFilter, LineBasicMaterial, LineLoop, Mesh,
  PerspectiveCamera, PlaneGeometry, Raycaster, RedFormat, Scene, ShaderMaterial, UnsignedByteType, Vector2, Vector3,
  WebGLRenderer, WebGLRenderTarget,
} from "three";
import { MODEL, NOISE } from "../live/colours.js";
import { Daylight } from "./light.js";
import { CLAY, fillMesh, paintMesh, surfaceMesh } from "./material.js";
import { slotWeights, smoothSurface } from "./smooth.js";
import { blockSurface } from "./surface.js";

const FIELD_OF_VIEW = 28; // degrees
const NEAREST = 1.1; // distance of the camera, in sides of the cube
const FARTHEST = 6;
const HOME = { azimuth: 32, elevation: 22, distance: 2.75 }; // degrees: azimuth 0 shows the front, 90 the right side
const TARGET = new Vector3(0, 0.44, 0);
const GROUND = 2.2; // side of the ground, in sides of the cube
const FAINT = 0.05; // shadows fainter than this hardly show

const GROUND_VERTEX = `
varying vec2 vPlace;
void main() { vPlace = position.xy; gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0); }`;

const GROUND_FRAGMENT = `
uniform sampler2D shadow; uniform float span; uniform float side; uniform float lines;
varying vec2 vPlace;
float grid(vec2 p, float width) {
  vec2 far = abs(fract(p - 0.5) - 0.5) / fwidth(p);
  return 1.0 - smoothstep(width - 0.5, width + 0.5, min(far.x, far.y));
}
void main() {
  float fade = 1.0 - smoothstep(0.6, 1.0, length(vPlace) * 2.0 / side);
  vec2 d = abs(vPlace);
  float frame = 1.0 - smoothstep(0.5, 1.5, abs(max(d.x, d.y) - 0.5) / fwidth(max(d.x, d.y)));
  float line = lines * max(0.10 * grid(vPlace * 8.0 + 0.5 * 8.0, 0.5), 0.22 * frame);
  float missing = texture2D(shadow, vPlace / span + 0.5).r;
  float light = max(1.0 - missing, 0.0);
  float dark = 1.0 - (light <= 0.0031308 ? 12.92 * light : 1.055 * pow(light, 1.0 / 2.4) - 0.055);
  gl_FragColor = vec4(vec3(0.0), max(line, dark) * fade);
}`;

export class Stage {
  /** Throws an Error if the browser has no WebGL. */
  constructor(canvas) {
    this.renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true });
    this.renderer.setClearColor(0xffffff, 0);
    this.scene = new Scene();
    this.camera = new PerspectiveCamera(FIELD_OF_VIEW, 1, 0.05, 30);
    this.group = upright();
    this.shape = this._add(surfaceMesh(1, 0));
    this.blocks = this._add(surfaceMesh(1, 1));
    this.veil = this._add(surfaceMesh(0.13, 1));
    this.mark = this._add(surfaceMesh(0.45, 1));
    this.brush = this._add(surfaceMesh(0.32, 1));
    paintMesh(this.veil, [NOISE]);
    paintMesh(this.mark, [MODEL]);
    paintMesh(this.brush, CLAY);
    for (const { material } of [this.mark, this.brush]) {
      material.polygonOffset = true;
      material.polygonOffsetFactor = material.polygonOffsetUnits = -1;
    }
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

  /**
   * Show a shape and a veil over the grid `veiled`. See `surfaceOf` for the shape; `blocky` shows it as blocks.
   */
  setShape(shape, veiled, n, blocky) {
    const solid = solidOf(shape.field);
    const daylight = new Daylight(solid, n);
    const [shown, hidden] = blocky ? [this.blocks, this.shape] : [this.shape, this.blocks];
    hidden.visible = false;
    paintMesh(shown, shape.palette);
    fillMesh(shown, surfaceOf(shape, solid, n, daylight, blocky));
    fillMesh(this.veil, blockSurface(veiled, n, veiled, solid));
    this._setShadow(daylight);
    this.ground.material.uniforms.lines.value = blocky ? 1 : 0;
    this.group.scale.setScalar(1 / n);
  }

  _setShadow({ missing, sun }) {
    const { shadow, span } = this.ground.material.uniforms;
    if (shadow.value.image.width !== sun.size) {
      shadow.value.dispose();
      shadow.value = shadowTexture(sun.size);
    }
    const dark = (value) => Math.round(255 * Math.min(1, (value * value) / (value + FAINT)));
    shadow.value.image.data.set(missing.map(dark));
    shadow.value.needsUpdate = true;
    span.value = sun.size / sun.cells;
  }

  /** Lay an orange veil over the full voxels of the grid `marked`, of the shape `solid`; null shows none. */
  setMark(marked, solid, n) {
    this.mark.visible = false;
    if (marked) fillMesh(this.mark, blockSurface(marked, n, marked, solid));
  }

  /** Show what a tool would reach: blue if it would become given, orange if free. */
  setBrush(indices, isFree, n) {
    const region = new Uint8Array(n ** 3);
    for (const index of indices) region[index] = 1;
    fillMesh(this.brush, blockSurface(region, n, new Uint8Array(n ** 3).fill(1 + isFree)));
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

  /** Return {draw, dispose} for small pictures of one shape (see `surfaceOf`): draw(canvas, azimuth) paints one. */
  thumbnail(shape, n, pixels) {
    const scene = new Scene();
    const group = upright();
    const mesh = surfaceMesh(1, 0);
    const solid = solidOf(shape.field);
    paintMesh(mesh, shape.palette);
    fillMesh(mesh, surfaceOf(shape, solid, n, new Daylight(solid, n), false));
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
    for (const mesh of [this.shape, this.blocks, this.veil, this.mark, this.brush, this.plane, this.ground]) {
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

const solidOf = (field) => Uint8Array.from(field, (value) => (value > 0 ? 1 : 0));

/**
 * Return the lit surface of a shape: {field, slots, palette}, where the field is above 0 inside, slots are 1 for the first
 * of the palette and 0 where nothing is known, and a palette is what `paintMesh` takes.
 */
function surfaceOf({ field, slots }, solid, n, daylight, blocky) {
  const data = blocky ? blockSurface(solid, n, slots) : smoothSurface(field, n);
  const { position, normal } = data;
  const light = new Float32Array((position.length / 3) * 2);
  for (let i = 0; i < position.length; i += 3) {
    const place = [position[i], position[i + 1], position[i + 2]];
    light.set(daylight.at(place, [normal[i], normal[i + 1], normal[i + 2]]), (i / 3) * 2);
  }
  return { weights: data.weights ?? slotWeights(slots, n, position), ...data, light };
}

function shadowTexture(cells) {
  const shadow = new DataTexture(new Uint8Array(cells ** 2), cells, cells, RedFormat, UnsignedByteType);
  shadow.magFilter = shadow.minFilter = LinearFilter;
  shadow.unpackAlignment = 1;
  return shadow;
}

function makeGround() {
  const uniforms = { shadow: shadowTexture(4), span: 2, side: GROUND, lines: 0 };
  const material = new ShaderMaterial({
    vertexShader: GROUND_VERTEX,
    fragmentShader: GROUND_FRAGMENT,
    uniforms: Object.fromEntries(Object.entries(uniforms).map(([name, value]) => [name, { value }])),
    transparent: true,
    depthWrite: false,
  });
  const ground = new Mesh(new PlaneGeometry(GROUND, GROUND), material);
  ground.rotation.x = -Math.PI / 2;
  ground.position.y = -0.003; // just below the shape's lowest faces
  ground.renderOrder = -1;
  return ground;
}

/** Paint RGBA bytes, the lowest row first, onto a canvas. */
function paint(canvas, bytes, pixels) {
  canvas.width = canvas.height = pixels;
  const image = new ImageData(pixels, pixels);
  for (let row = 0; row < pixels; row++)
    image.data.set(bytes.subarray(4 * pixels * row, 4 * pixels * (row + 1)), 4 * pixels * (pixels - 1 - row));
  canvas.getContext("2d").putImageData(image, 0, 0);
}
