// What the bundle offers: classes for a page, and `render` for the widget course_utils.widgets.sculptor (anywidget).

import { pack, unpack } from "./grid.js";
import { Sculptor } from "./sculptor.js";

export { pack, unpack } from "./grid.js";
export { Sculptor } from "./sculptor.js";
export { VoxelViewer } from "./viewer.js";

const bytesOf = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
const bitsOf = (voxels) => new DataView(pack(voxels).buffer);

/** The widget: what is carved goes to Python at once; "Complete" raises `asked`, and `answered` follows it. */
function render({ model, el }) {
  const size = model.get("size");
  const read = (view) => unpack(bytesOf(view), size ** 3);
  const answer = () => {
    if (model.get("error")) throw new Error(model.get("error"));
    return model.get("packed_proposals").map(read);
  };
  const complete = () =>
    new Promise((resolve, reject) => {
      const done = () => {
        model.off("change:answered", done);
        try {
          resolve(answer());
        } catch (error) {
          reject(error);
        }
      };
      model.on("change:answered", done);
      model.set("asked", model.get("asked") + 1);
      model.save_changes();
    });
  const sculptor = new Sculptor(el, { size, voxels: read(model.get("packed_voxels")), complete, count: model.get("count") });
  const { viewer } = sculptor;
  let telling = false; // a model tells of every `set` at once, also of the first of two that belong together
  const load = () => {
    if (telling) return;
    const [voxels, free] = [read(model.get("packed_voxels")), read(model.get("packed_free"))];
    const same = (a, b) => a.every((value, i) => value === b[i]);
    if (same(voxels, viewer.voxels) && same(free, viewer.free)) return;
    viewer.edit((v, f) => (v.set(voxels), f.set(free)));
  };
  const tell = () => {
    telling = true;
    model.set("packed_voxels", bitsOf(viewer.voxels));
    model.set("packed_free", bitsOf(viewer.free));
    telling = false;
    model.save_changes();
  };
  const offer = () => sculptor.busy || sculptor.show(model.get("packed_proposals").map(read));
  viewer.setVoxels(read(model.get("packed_voxels")), size, read(model.get("packed_free")));
  sculptor.setBusy(false);
  offer();
  viewer.addEventListener("change", tell);
  const changes = { "change:packed_voxels": load, "change:packed_free": load, "change:packed_proposals": offer };
  for (const [name, act] of Object.entries(changes)) model.on(name, act);
  return () => {
    for (const [name, act] of Object.entries(changes)) model.off(name, act);
    sculptor.dispose();
  };
}

export default { render };
