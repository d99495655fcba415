// What a model is asked for on behalf of a prompt, which may be any sentence: the same rules and the same messages as in
// course_utils/models/wishes.py. A wish is {prompt, family, facts, reading, undone}: facts is what the model is told beside
// the family; reading, what the prompt asks for, is null where it is the name of a class; undone: what was understood and
// this model cannot do.

import { answerOf } from "./reader.js";
import { classOf, shown } from "./words.js";

const ONE_SLOT = "shape"; // of a model without slot channels

/** Return a wish. about: of model.json.  reader: a TextReader, or null: then the prompt must be the name of a class. */
export function wishOf(about, reader, prompt) {
  const named = classOf(about.classes, prompt);
  if (named) return { prompt, family: named, facts: {}, reading: null, undone: [] };
  const reading = reader.read(prompt);
  const { family } = reading;
  if (!about.classes.includes(family)) throw new RangeError(notMade(about, reader, reading));
  const facts = about.told === "facts" ? sayable(about.facts, family, reading.facts) : {};
  const lost = ([name, values]) => !(facts[name] ?? []).some((value) => values.includes(value));
  const undone = Object.entries(reading.facts).filter(lost).map(([name, values]) => `${name.replaceAll("_", " ")} ${values.map(inPython).join(" or ")}`);
  return { prompt, family, facts, reading, undone };
}

const inPython = (value) => (typeof value === "boolean" ? (value ? "True" : "False") : String(value));
const one = (family) => `${"aeiou".includes(family[0]) ? "an" : "a"} ${family}`;

/** Return the message for a text that names no family that the model makes. */
function notMade({ classes }, reader, { text, family }) {
  const nearest = reader.nearest(text, classes);
  const asked = family ? `the model cannot make ${one(family)}; it makes` : `no family in '${shown(text)}'; name one that the model makes`;
  return `${asked}: ${classes.join(", ")}${nearest ? `; the nearest is ${one(nearest)}` : ""}`;
}

/** Return the facts that stand for what is named, of those that the model is told; see captions/facts.py. */
function sayable(known, family, named) {
  const found = {};
  for (const [name, values] of Object.entries(named)) {
    const own = known.filter(([owner, about]) => owner === family && about === name).map(([, , fact]) => fact);
    const wider = own.filter((fact) => values.every((value) => fact.includes(value)));
    const narrower = own.filter((fact) => fact.every((value) => values.includes(value)));
    const best = (facts, better) => facts.reduce((kept, fact) => (better(fact.length, kept.length) ? fact : kept));
    if (wider.length) found[name] = best(wider, (a, b) => a < b);
    else if (narrower.length) found[name] = best(narrower, (a, b) => a > b);
  }
  return found;
}

/** Return the materials that a wish asks for, {slot: name}, of a shape's slots, and the wish with the rest `undone`. */
export function materialsOf(wish, slots) {
  const asked = wish.reading?.materials ?? {};
  const names = new Set(Object.values(asked));
  if (slots.length === 1 && !(slots[0] in asked) && names.size === 1) return [{ [slots[0]]: [...names][0] }, wish];
  const [taken, left] = [{}, []];
  for (const [slot, name] of Object.entries(asked))
    if (slots.includes(slot)) taken[slot] = name;
    else left.push(`${slot} ${name}`);
  return [taken, { ...wish, undone: [...wish.undone, ...left] }];
}

/** Return the slots of what a model makes of a family. tables: of reader.json. */
export const slotsIn = ({ channels }, tables, family) => (channels === 1 ? [ONE_SLOT] : tables.slots[family]);

/** Return one line: what was understood and what cannot be made; empty for the name of a class. */
export function answerTo({ reading, undone }) {
  const parts = reading ? [answerOf(reading)] : [];
  if (undone.length) parts.push(`this model cannot do: ${undone.join(", ")}`);
  return parts.join("; ");
}
