// Draws plotly's figures when they come near the screen. Until then, and without JavaScript, their still stands there.

const PLOTLY = new URL("plotly.min.js", import.meta.url);
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

async function draw(figure) {
  const { data, layout, frames = [], config = {} } = JSON.parse(figure.querySelector("script").textContent);
  const share = figure.clientWidth / layout.width; // a phone is narrower than most figures
  if (share < 1) Object.assign(layout, { width: figure.clientWidth, height: Math.max(share * layout.height, 360) });
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
