// Starts reveal.js and MathJax; a line at the foot of a slide names its section.

const title = (section) => section.querySelector("h2")?.textContent ?? "";
const titles = [...document.querySelectorAll(".slides > section")].map(title); // before MathJax changes them

window.MathJax = {
  tex: { inlineMath: [["$", "$"]] },
  chtml: { matchFontHeight: false }, // most slides are hidden while formulas are set
};

function place() {
  document.querySelector(".place span").textContent = titles[Reveal.getIndices().h];
}

Reveal.on("ready", place);
Reveal.on("slidechanged", place);
Reveal.initialize({
  width: 1280,
  height: 720,
  margin: 0,
  center: false,
  display: "flex",
  transition: "none",
  hash: true,
  slideNumber: "c/t",
  navigationMode: "linear", // left and right go through all slides
  keyboard: {
    38: () => Reveal.slide(Reveal.getIndices().h - 1), // up and down: the previous and the next section
    40: () => Reveal.slide(Reveal.getIndices().h + 1),
  },
});
