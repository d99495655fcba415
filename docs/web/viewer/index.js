// The entry point of viewer.bundle.js: classes for any page, and the anywidget front end of course_utils.widgets.sculptor.

export { default } from "../widgets/sculptor.js";
export { make } from "./dom.js";
export { pack, unpack, unpackMatter } from "./grid.js";
export { Sculptor } from "./sculptor.js";
export { VoxelViewer } from "./viewer.js";
