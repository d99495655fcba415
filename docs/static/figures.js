// Draws plotly's figures when they come near the screen. Until then, and without JavaScript, their still stands there.
// On slides, where the page's style gives a figure its height, it grows into that room.
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

  async function draw(figure) {
    const { data, layout, frames = [], config = {} } = JSON.parse(figure.querySelector("script").textContent);
    fit(layout, figure);
    const library = await plotly();
    const place = document.createElement("div");
    figure.append(place);
    await library.newPlot(place, data, layout, { ...config, responsive: true });
    await library.addFrames(place, frames);
    figure.querySelector("img")?.remove();
    figure.dataset.drawn = frames.length;
  }

  const watcher = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (isIntersecting) {
          watcher.unobserve(target);
          draw(target).catch((error) => console.error(error)); // the still stays
        }
      }
    },
    { rootMargin: "600px" },
  );
  for (const figure of document.querySelectorAll("figure.film")) watcher.observe(figure);
}
