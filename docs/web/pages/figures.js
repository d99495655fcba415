// Draws plotly's figures when they come near the screen. Until then, and without JavaScript, the page shows their still
// pictures. On slides, where the page's style sets a figure's height, the figure fills that space.
// Plotly's own slider and buttons work only with a pointer, so this script handles keys: arrows, Home and End choose the
// frame, Space plays and pauses, Shift with arrows turns a scene (arrows alone do if there is only one frame).
{
  const PLOTLY = new URL("plotly.min.js", document.currentScript.src);
  let loading;

  function plotly() {
    loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = PLOTLY;
      script.onload = () => resolve(window.Plotly);
      script.onerror = () => reject(new Error(`${PLOTLY} cannot be loaded`));
      document.head.append(script);
    });
    return loading;
  }

  function fit(layout, figure) {
    const room = { width: figure.clientWidth, height: figure.clientHeight };
    if (figure.closest(".slides")) {
      const share = Math.min(room.width / (layout.width ?? room.width), room.height / layout.height);
      if (layout.width) layout.width *= share;
      layout.height *= share;
      layout.font.size *= Math.min(share, 1.4);
    } else if (room.width < layout.width) { // a phone is narrower than most figures
      const share = room.width / layout.width;
      Object.assign(layout, { width: room.width, height: Math.max(share * layout.height, 360) });
    }
  }

  const STEP = Math.PI / 24; // radians per key press
  const SHOW = { mode: "immediate", transition: { duration: 0 }, frame: { duration: 0, redraw: true } };
  const PLAY = { ...SHOW, fromcurrent: true, frame: { duration: 250, redraw: true } };
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

  /** Turn the scene's camera about the vertical axis, and up or down; return false if there is no scene. */
  function turn(place, library, [right, up]) {
    const eye = place.layout.scene?.camera?.eye;
    if (!eye) return false;
    const distance = Math.hypot(eye.x, eye.y, eye.z);
    const azimuth = Math.atan2(eye.y, eye.x) + STEP * right;
    const elevation = Math.max(-1.4, Math.min(1.4, Math.asin(eye.z / distance) + STEP * up));
    const flat = distance * Math.cos(elevation);
    const moved = { x: flat * Math.cos(azimuth), y: flat * Math.sin(azimuth), z: distance * Math.sin(elevation) };
    library.relayout(place, { "scene.camera.eye": moved });
    return true;
  }

  /** Make a figure reachable by Tab, describe it to screen readers, and handle its keys. */
  function takeKeys(place, library, description, frames) {
    const labels = place.layout.sliders?.[0].steps.map((step) => step.label) ?? [];
    const last = frames.length - 1;
    let at = last, playing = false;
    const announce = (k) => {
      at = k;
      place.setAttribute("aria-valuenow", k + 1);
      place.setAttribute("aria-valuetext", labels[k] ?? `frame ${k + 1}`);
    };
    place.tabIndex = 0;
    place.setAttribute("aria-label", description);
    place.setAttribute("role", last > 0 ? "slider" : "img");
    if (last > 0) {
      place.setAttribute("aria-valuemin", 1);
      place.setAttribute("aria-valuemax", frames.length);
      announce(last);
      place.on("plotly_animatingframe", ({ name }) => announce(frames.findIndex((frame) => frame.name === name)));
      place.on("plotly_animated", () => (playing = false));
    }
    const animate = (names, how) => library.animate(place, names, how).catch(() => {}); // rejected if the next key comes too soon
    const show = (k) => animate([frames[Math.max(0, Math.min(last, k))].name], SHOW);
    const play = () => {
      playing = !playing;
      if (!playing) animate([null], SHOW);
      else animate(at === last ? frames.map(({ name }) => name) : null, PLAY);
    };
    const frameKeys = { Home: () => show(0), End: () => show(last), " ": play };
    place.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target !== place) return;
      const arrow = ARROWS[event.key];
      let done = false;
      if (arrow && (event.shiftKey || last < 1)) done = turn(place, library, arrow);
      else if (arrow && last > 0) done = Boolean(show(at + arrow[0] + arrow[1]));
      else if (last > 0 && frameKeys[event.key]) done = (frameKeys[event.key](), true);
      if (!done) return;
      event.preventDefault();
      event.stopPropagation(); // slides have keys of their own
    });
  }

  async function draw(figure) {
    const { data, layout, frames = [], config = {} } = JSON.parse(figure.querySelector("script").textContent);
    fit(layout, figure);
    const library = await plotly();
    const place = document.createElement("div");
    figure.append(place);
    await library.newPlot(place, data, layout, { ...config, responsive: true });
    await library.addFrames(place, frames);
    takeKeys(place, library, figure.getAttribute("aria-label"), frames);
    figure.querySelector("img")?.remove();
    figure.dataset.drawn = frames.length;
  }

  const watcher = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (isIntersecting) {
          watcher.unobserve(target);
          draw(target).catch((error) => console.error(error)); // the still picture remains
        }
      }
    },
    { rootMargin: "600px" },
  );
  for (const figure of document.querySelectorAll("figure.film")) watcher.observe(figure);
}
