// Which materials a text names, and of which part, as in course_utils/datasets/captions/colours.py. The tables are those of
// reader.json; a finding is {slot, names, places}: null for the whole, likeliest name first, of the words that say so.

import { BREAK } from "./typed.js";

const [WHOLE, NOT_OURS] = [-1, -2]; // instead of the place of a part
const SETS = ["SHADES", "COLOUR_NOUNS", "LINKS", "JOINED", "NEGATIONS", "COPULAS", "GENERIC", "STUFF", "ANY_PART", "CHATTER", "THINGS_FIRST", "MADE_OF"];

export class Dresser {
  constructor(tables) {
    this.tables = tables;
    for (const name of SETS) this[name] = new Set(tables[name]);
  }

  /** Return the paint or cloth that is nearest to a colour such as #ff6600. */
  _hexName(text) {
    const levels = (colour) => [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16));
    const wanted = levels(text);
    const away = (name) => levels(this.tables.materials[name][0]).reduce((sum, level, k) => sum + (level - wanted[k]) ** 2, 0);
    return this.tables.HUES.reduce((best, name) => (away(name) < away(best) ? name : best));
  }

  _isWord(text) {
    return Object.hasOwn(this.tables.MATERIAL_WORDS, text);
  }

  /** Return whether a word names a material here: the rose of a rose vase does, that of a garden does not. */
  _isMaterial(words, at, nouns) {
    const { text } = words[at];
    if (text[0] === "#") return true;
    if (!this._isWord(text) || nouns.includes(at)) return false;
    if (!this.THINGS_FIRST.has(text)) return true;
    const textAt = (k) => words[k]?.text ?? BREAK;
    const [two, before, after, named] = [-2, -1, 1, 2].map((step) => textAt(at + step));
    return (
      this._isWord(after) ||
      (this.COLOUR_NOUNS.has(after) && !this._isWord(named)) ||
      nouns.includes(at + 1) ||
      this.COLOUR_NOUNS.has(before) ||
      this.COLOUR_NOUNS.has(two) ||
      this.SHADES.has(before)
    );
  }

  /** Return what a run of material words names: navy blue is navy, white marble is marble. */
  _names(words, run) {
    const { STUFFS, MATERIAL_WORDS, DARK_WOODS, LIGHT_WOODS } = this.tables;
    const texts = run.map((at) => words[at].text);
    const [first, last] = [texts[0], texts.at(-1)];
    if (first[0] === "#") return [this._hexName(first)];
    const shade = run[0] ? words[run[0] - 1].text : BREAK;
    if (Object.hasOwn(STUFFS, first) && ["dark", "light", "pale"].includes(shade)) return shade === "dark" ? DARK_WOODS : LIGHT_WOODS;
    const takesLast = texts.length > 1 && (this.THINGS_FIRST.has(first) || (this.STUFF.has(last) && !this.GENERIC.has(last)));
    return MATERIAL_WORDS[takesLast ? last : first];
  }

  /** Return the materials that a text names for a family, in its order. nouns, others: places of what names it, or other things. */
  materialsIn(words, family, nouns, others) {
    const slots = this.tables.SLOT_WORDS[family];
    const plain = nouns.filter((k) => family === "tree" || !this.MADE_OF.has(words[k].text));
    const found = [];
    for (let at = 0; at < words.length; at++) {
      if (!this._isMaterial(words, at, plain)) continue;
      const run = [at];
      while (at + 1 < words.length && this._isMaterial(words, at + 1, plain)) run.push(++at);
      if (words.slice(Math.max(0, run[0] - 2), run[0]).some(({ text }) => this.NEGATIONS.has(text))) continue;
      const place = this._coloured(words, run, slots, nouns, others);
      if (place === NOT_OURS) continue;
      const names = this._names(words, run);
      if (place === WHOLE) found.push({ slot: null, names, places: run });
      else
        for (const k of [place, ...coordinated(words, place, slots)])
          found.push({ slot: slots[words[k].text], names, places: [...run, k] });
    }
    return found;
  }

  /** Return the place of the part that a run colours, or WHOLE, or NOT_OURS: what follows decides, in the same phrase, then
   * what stands before. */
  _coloured(words, run, slots, nouns, others) {
    let stranger = false;
    for (let at = run.at(-1) + 1; at < words.length; at++) {
      const { text } = words[at];
      if (text === BREAK || this.LINKS.has(text)) break;
      let owner = this._owner(words, at, slots, nouns, others);
      while (owner === at && at + 1 < words.length && Object.hasOwn(slots, words[at + 1].text)) owner = ++at; // the front door
      if (owner !== null) return owner;
      const said = this.COPULAS.has(text) || this.COLOUR_NOUNS.has(text) || this.CHATTER.has(text);
      if (at === run.at(-1) + 1 && !said) stranger = true; // red apples: a thing that is no part of ours
    }
    for (let at = run[0] - 1; at >= 0; at--) {
      const { text } = words[at];
      if (text === BREAK || this._isWord(text) || (this.LINKS.has(text) && !this.JOINED.has(text))) break;
      const owner = this._owner(words, at, slots, nouns, others);
      if (owner !== null) return owner;
    }
    return stranger ? NOT_OURS : WHOLE;
  }

  /** Return what a word says of who has a colour: its place, WHOLE, or NOT_OURS; null for nothing. */
  _owner(words, at, slots, nouns, others) {
    const { text } = words[at];
    const other = others.includes(at);
    if (nouns.includes(at) && !other) return WHOLE;
    if (!other && Object.hasOwn(slots, text)) return at;
    return other || this.ANY_PART.has(text) ? NOT_OURS : null;
  }

  /** Return the material of each slot that a text decides: parts first, then the whole. found: of `materialsIn`. */
  dressed(family, found) {
    const choices = this.tables.palettes[family];
    const result = {};
    for (const { slot, names } of found.filter((one) => one.slot)) result[slot] ??= likely(names, choices[slot]);
    for (const { names } of found.filter((one) => !one.slot)) {
      const stuff = this.STUFF.has(names[0]);
      let [main, ...rest] = Object.keys(choices);
      let slots = [main, ...rest];
      if (stuff && family === "lamp") [main, slots] = ["stem", rest];
      result[main] ??= likely(names, choices[main]);
      for (const slot of slots.filter((one) => !(one in result) && stuff))
        if (names.some((name) => choices[slot].includes(name)) || choices[slot].includes(`=${main}`)) result[slot] = result[main];
    }
    return result;
  }
}

/** Return the places of the part before "and": the tip and the fins are orange. */
function coordinated(words, place, slots) {
  let k = place - 1;
  while (k > 0 && ["the", "its"].includes(words[k].text)) k--;
  if (k <= 0 || words[k].text !== "and" || !Object.hasOwn(slots, words[k - 1].text)) return [];
  return k < 2 || ["the", "its", "only", "both", BREAK].includes(words[k - 2].text) ? [k - 1] : [];
}

/** Return the first of some materials that a slot is ever made of, else the first. */
const likely = (names, choices) => names.find((name) => choices.includes(name)) ?? names[0];
