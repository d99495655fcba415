// Elements of a page.

const TAKES_KEYS = ["button", "canvas", "input", "select"];

/** Let an element handle its own keys; otherwise JupyterLab treats letters and arrows as its shortcuts. */
export function keepKeys(element) {
  element.setAttribute("data-lm-suppress-shortcuts", "true");
}

/** Create an element with properties, attributes (under `attributes`) and children. */
export function make(tag, { attributes = {}, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  if (TAKES_KEYS.includes(tag)) keepKeys(element);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
