// Where a text has a phrase of the captions or of everyday speech, as in course_utils/datasets/captions/lexicon.py. A match is
// {places, named, isNoun, beyond, ofPart}: of its words, what it names, whether it is a noun, places of words that ask for
// more than is made, and whether it is an adjective of a part, which names nothing.

import { BREAK } from "./typed.js";

const LONGEST = 12; // words of a phrase

/** Return a word without the s of a plural; both sides of a comparison go through it. */
function singular(word) {
  if (word.length > 3 && word.endsWith("ies")) return word.slice(0, -3) + "y";
  return word.length > 3 && word.endsWith("s") && !"su".includes(word.at(-2)) ? word.slice(0, -1) : word;
}

const stands = (phrase, texts, start = 0) => phrase.every((word, k) => texts[start + k] === word);
export const isNumber = (text) => /^\p{Nd}+$/u.test(text);

/** Return whether all of some places are among others, which are more. */
export const isPart = (places, others) => places.length < others.length && places.every((place) => others.includes(place));

export class Lexicon {
  /** tables: of reader.json. */
  constructor(tables) {
    this.tables = tables;
    const set = (...names) => new Set(names.flatMap((name) => tables[name]));
    this.articles = set("ARTICLES");
    this.copulas = set("PASSING");
    this.articles.forEach((article) => this.copulas.delete(article));
    this.passing = set("PASSING", "SHADES");
    this.looks = set("LOOKS");
    this.shades = set("SHADES");
    this.glue = set("GLUE");
    this.one = set("ONE");
    this.asking = set("ASKING");
    this.denials = set("DENIALS");
    this.denying = set("DENYING");
    this.mentions = set("MENTIONS");
    this.between = set("GLUE", "CHATTER", "ANY_PART");
    this.parts = set("ANY_PART");
    this.parts.delete("body");
    this.indexes = new Map();
  }

  /** Return a family's phrases by their first word, a Map of {words, named, kind, last, beyond}. */
  _index(family) {
    if (!this.indexes.has(family)) {
      const index = new Map();
      for (const [words, named, kind, last, beyond] of this.tables.phrases[family]) {
        if (!index.has(words[0])) index.set(words[0], []);
        index.get(words[0]).push({ words, named, kind, last, beyond });
      }
      this.indexes.set(family, index);
    }
    return this.indexes.get(family);
  }

  _isMaterial(text) {
    return Object.hasOwn(this.tables.MATERIAL_WORDS, text);
  }

  _colours(text) {
    return this._isMaterial(text) || text[0] === "#";
  }

  /** Return the phrases of a family that a text has, longest first; no noun in another. Colours and words such as "very" may
   * stand between the words of a phrase; of two words the second may come first. */
  matchesIn(words, family) {
    const texts = words.map(({ text }) => text);
    const close = texts.map((_, k) => k).filter((k) => !this.articles.has(texts[k]));
    const loose = close.filter((k) => !this.passing.has(texts[k]) && !this._colours(texts[k]));
    const index = this._index(family);
    const all = [];
    for (const [kept, linked] of [[close, true], [loose, false]])
      for (let start = 0; start < kept.length; start++) this._collect(words, kept.slice(start, start + LONGEST), index, family, all, linked);
    all.push(...this._counts(texts, loose, index).filter((row) => !all.some((one) => isSame(row, one))));
    const found = all.filter(({ places }) => !all.some((other) => isPart(places, other.places)));
    const nouns = placesOf(found.filter(({ isNoun }) => isNoun));
    const bound = placesOf(found.filter(({ kind, places }) => kind !== "adjective" && places.length > 1));
    const turned = this._turned(texts, loose.filter((k) => !bound.has(k)), index);
    const taken = placesOf(turned);
    const kept = found.filter(({ kind, places }) => kind !== "adjective" || !places.some((k) => taken.has(k)));
    for (const one of kept) one.ofPart = one.kind === "adjective" && this._ofPart(words, one.places, nouns);
    return [...turned, ...kept];
  }

  /** Return counted parts with words about them between: four triangular fins. */
  _counts(texts, kept, index) {
    const said = kept.map((k) => singular(texts[k]));
    const found = [];
    said.forEach((number, start) => {
      if (!isNumber(number)) return;
      for (let end = start + 2; end < Math.min(start + 4, said.length); end++) {
        const part = said[end];
        const isAbout = (text) => (index.get(text) ?? []).some(({ words }) => words.length === 2 && words[1] === part);
        if (!said.slice(start + 1, end).every((text) => this.looks.has(text) || isAbout(text))) continue;
        for (const { words, named } of index.get(number) ?? [])
          if (words.length === 2 && words[1] === part) found.push(detail([kept[start], kept[end]], named));
      }
    });
    return found;
  }

  /** Return details of two words, the second first: the back is tall. */
  _turned(texts, kept, index) {
    const found = [];
    kept.slice(1).forEach((two, k) => {
      const one = kept[k];
      const pair = [singular(texts[two]), singular(texts[one])];
      const joins = (text) => this.passing.has(text) || this._isMaterial(text);
      if (!texts.slice(one + 1, two).every(joins) || isNumber(pair[0])) return;
      for (const { words, kind, named } of index.get(pair[0]) ?? [])
        if (words.length === 2 && stands(words, pair) && kind === "detail") found.push(detail([one, two], named));
    });
    return found;
  }

  /** Add the phrases that begin at the first of the places that are kept, nouns "of" if linked. */
  _collect(words, kept, index, family, found, linked) {
    const texts = kept.map((k) => singular(words[k].text));
    if (texts[0] === BREAK) return;
    for (const phrase of index.get(texts[0]) ?? []) {
      const { kind, named } = phrase;
      const isNoun = kind === "noun";
      if (!stands(phrase.words, texts) || (!linked && isNoun && phrase.words.some((word) => this.glue.has(word)))) continue;
      const places = kept.slice(0, phrase.words.length);
      if (this._miscounted(words, places, phrase, family)) continue;
      const beyond = phrase.beyond.map((k) => places[k]);
      const match = { places, named, kind, isNoun, beyond, ofPart: false };
      if (!found.some((one) => isSame(match, one))) found.push(match);
    }
  }

  /** Return whether a number before a phrase denies it: one big eye, six legs. */
  _miscounted(words, places, phrase, family) {
    let at = places[0] - 1;
    while (at >= 0 && (this.looks.has(words[at].text) || this.shades.has(words[at].text) || this._colours(words[at].text))) at--;
    const before = at >= 0 ? words[at].text : BREAK;
    if (phrase.kind !== "detail" || isNumber(phrase.words[0])) return false;
    const plural = phrase.last !== singular(phrase.last);
    if (this.one.has(before) && plural && words[places.at(-1)].text === phrase.words.at(-1)) return true;
    const counted = this.tables.counted[family][phrase.last];
    return (isNumber(before) || before === this.tables.MANY) && counted !== undefined && !counted.includes(before);
  }

  /** Return whether an adjective is said of a part: thin red wings, wings are thin; but not a thin body. */
  _ofPart(words, places, nouns) {
    let at = places[0] - 1;
    while (at >= 0 && this.copulas.has(words[at].text)) at--;
    if (at >= 0 && at < places[0] - 1 && !nouns.has(at) && this.parts.has(words[at].text)) return true;
    at = places.at(-1) + 1;
    for (; at < words.length && (this._colours(words[at].text) || this.passing.has(words[at].text)); at++) if (nouns.has(at)) return false;
    return at < words.length && !nouns.has(at) && this.parts.has(words[at].text);
  }

  /** Return whether what begins at a place of a text is denied: no arms, not with any arms. */
  isDenied(words, place) {
    for (let k = place - 1; k >= Math.max(0, place - 1 - this.tables.FARTHEST); k--) {
      const { text } = words[k];
      const before = k ? words[k - 1].text : BREAK;
      if (this.denying.has(text)) return true;
      const joins = (text === "with" || text === "but") && !this.denying.has(before);
      const begins = text === "a" && ["and", "or", "plus"].includes(before);
      if (text === BREAK || joins || begins || !this.between.has(text)) return false;
    }
    return false;
  }

  /** Return whether a phrase that stands in a text names nothing there: not tall, not an armchair, thin wings. */
  isRuledOut(words, { places, isNoun, ofPart }) {
    if (!isNoun) return ofPart || this.isDenied(words, places[0]);
    let at = places[0] - 1;
    while (at >= 0 && this.asking.has(words[at].text)) at--;
    return at >= 0 && this.denials.has(words[at].text);
  }

  /** Return the parts of a family that a text denies, as what their absence is called. */
  deniedIn(words, family) {
    const kept = words.map((_, k) => k).filter((k) => !this.articles.has(words[k].text));
    const texts = kept.map((k) => singular(words[k].text));
    const found = [];
    for (const [phrase, named] of this.tables.absences[family])
      for (let start = 0; start < texts.length; start++)
        if (stands(phrase, texts, start) && this.isDenied(words, kept[start]))
          found.push(detail(kept.slice(start, start + phrase.length), named));
    return found;
  }

  /** Return the places, a Set, of words in longer names of things that no family is: smoothing plane. nouns: places of each
   * noun; what is only part of one is no thing. */
  outsidePlaces(words, nouns) {
    const texts = words.map(({ text }) => singular(text));
    const places = new Set();
    for (const thing of this.tables.outside)
      for (let start = 0; start < texts.length; start++) {
        if (!stands(thing, texts, start)) continue;
        const there = thing.map((_, k) => start + k);
        if (!nouns.some((noun) => isPart(there, noun))) there.forEach((k) => places.add(k));
      }
    return places;
  }

  /** Return the nouns that name what a text asks for, not those only mentioned: for my car. Nor is the light of light blue a
   * lamp. */
  namedIn(words, found) {
    const mentioned = ({ places }) => {
      const [start, next] = [places[0], words[places.at(-1) + 1]];
      if (this.shades.has(words[start].text) && next && this._colours(next.text)) return true;
      const before = words.slice(Math.max(0, start - 3), start).map(({ text }) => text);
      return before.some((_, k) => this.mentions.has(before.slice(k).join(" ")));
    };
    return found.filter((match) => match.isNoun && !mentioned(match));
  }
}

const detail = (places, named) => ({ places, named, kind: "detail", isNoun: false, beyond: [], ofPart: false });
const placesOf = (matches) => new Set(matches.flatMap(({ places }) => places));
const isSame = (one, two) =>
  one.kind === two.kind && [one.places, one.beyond].join("|") === [two.places, two.beyond].join("|") && sameNamed(one.named, two.named);

/** Return whether two things that are named are the same. */
function sameNamed(one, two) {
  const names = Object.keys(one);
  return names.length === Object.keys(two).length && names.every((name) => String(one[name]) === String(two[name]));
}
