// The anywidget front end of course_utils.widgets.sculptor. Carving is sent to Python at once; "Complete" increments
// `asked`, and Python sets `answered` to match once the proposals have been sent.

import { pack, unpack } from "../viewer/grid.js";
import { Sculptor } from "../viewer/sculptor.js";

const bytesOf = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
const bitsOf = (voxels) => new DataView(pack(voxels).buffer);

function render({ model, el }) {
  const size = model.get("size");
  const palette = model.get("palette").length ? model.get("palette") : null;
  const read = (view) => unpack(bytesOf(view), size ** 3);
  const slotsOf = (view) => (palette ? bytesOf(view).slice() : undefined);
  const proposals = () =>
    model.get("packed_proposals").map((packed, k) => ({ voxels: read(packed), slots: slotsOf(model.get("packed_proposal_slots")[k]) }));
  const answer = () => {
    if (model.get("error")) throw new Error(model.get("error"));
    return proposals();
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
  const [voxels, free, slots] = [read(model.get("packed_voxels")), read(model.get("packed_free")), slotsOf(model.get("packed_slots"))];
  const sculptor = new Sculptor(el, { size, voxels, free, slots, palette, complete, count: model.get("count") });
  const { viewer } = sculptor;
  let sent = viewer.slots; // the kernel has them
  let sending = false; // a model reports every `set` at once, even the first of two that belong together
  const load = () => {
    if (sending) return;
    const [voxels, free] = [read(model.get("packed_voxels")), read(model.get("packed_free"))];
    const slots = slotsOf(model.get("packed_slots"));
    const same = (a, b) => a.every((value, i) => value === b[i]);
    if (same(voxels, viewer.voxels) && same(free, viewer.free) && (!slots || same(slots, viewer.slots))) return;
    viewer.edit((v, f) => (v.set(voxels), f.set(free)), slots);
  };
  const send = () => {
    sending = true;
    model.set("packed_voxels", bitsOf(viewer.voxels));
    model.set("packed_free", bitsOf(viewer.free));
    if (viewer.slots !== sent) model.set("packed_slots", new DataView((sent = viewer.slots).slice().buffer));
    sending = false;
    model.save_changes();
  };
  const offer = () => sculptor.busy || sculptor.show(proposals());
  offer();
  viewer.addEventListener("change", send);
  const changes = {
    "change:packed_voxels": load, "change:packed_free": load, "change:packed_slots": load, "change:packed_proposals": offer,
  };
  for (const [name, act] of Object.entries(changes)) model.on(name, act);
  return () => {
    for (const [name, act] of Object.entries(changes)) model.off(name, act);
    sculptor.dispose();
  };
}

export default { render };
