// The anywidget front end of course_utils.widgets.sculptor. Carving is sent to Python at once; "Complete" increments
// `asked`, and Python sets `answered` to match once the proposals have been sent.

import { pack, unpack } from "../viewer/grid.js";
import { Sculptor } from "../viewer/sculptor.js";

const bytesOf = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
const bitsOf = (voxels) => new DataView(pack(voxels).buffer);

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
  let sending = false; // a model reports every `set` at once, even the first of two that belong together
  const load = () => {
    if (sending) return;
    const [voxels, free] = [read(model.get("packed_voxels")), read(model.get("packed_free"))];
    const same = (a, b) => a.every((value, i) => value === b[i]);
    if (same(voxels, viewer.voxels) && same(free, viewer.free)) return;
    viewer.edit((v, f) => (v.set(voxels), f.set(free)));
  };
  const send = () => {
    sending = true;
    model.set("packed_voxels", bitsOf(viewer.voxels));
    model.set("packed_free", bitsOf(viewer.free));
    sending = false;
    model.save_changes();
  };
  const offer = () => sculptor.busy || sculptor.show(model.get("packed_proposals").map(read));
  viewer.setVoxels(read(model.get("packed_voxels")), size, read(model.get("packed_free")));
  sculptor.setBusy(false);
  offer();
  viewer.addEventListener("change", send);
  const changes = { "change:packed_voxels": load, "change:packed_free": load, "change:packed_proposals": offer };
  for (const [name, act] of Object.entries(changes)) model.on(name, act);
  return () => {
    for (const [name, act] of Object.entries(changes)) model.off(name, act);
    sculptor.dispose();
  };
}

export default { render };
