// Where a text has a phrase of the captions or of everyday speech, as in course_utils/datasets/captions/lexicon.py. A match is
// {places, named, isNoun}: of its words, what it names, and whether it is a noun.

import { BREAK, typedWords } from "./typed.js";

/** Return a word without the s of a plural; both sides of a comparison go through it. */
function singular(word) {
  if (word.length > 3 && word.endsWith("ies")) return word.slice(0, -3) + "y";
  return word.length > 3 && word.endsWith("s") && !"su".includes(word.at(-2)) ? word.slice(0, -1) : word;
}

const stands = (phrase, texts, start) => phrase.every((word, k) => texts[start + k] === word);

export class Lexicon {
  /** tables: of reader.json. */
  constructor(tables) {
    this.tables = tables;
    this.articles = new Set(tables.ARTICLES);
    this.denying = new Set(tables.DENYING);
    this.mentions = new Set(tables.MENTIONS);
    this.between = new Set([...tables.GLUE, ...tables.CHATTER, ...tables.ANY_PART]);
    this.outside = tables.OUTSIDE.map((thing) => this._singulars(thing)).filter((words) => words.length > 1);
    this.indexes = new Map();
  }

  /** Return the words of a phrase without articles, as they are compared. */
  _singulars(phrase) {
    return typedWords(phrase, this.tables).filter(({ text }) => !this.articles.has(text)).map(({ text }) => singular(text));
  }

  /** Return {index, absences} of a family: its phrases by their first word, longer ones first, and the parts it can deny. */
  _of(family) {
    if (!this.indexes.has(family)) {
      const { nouns, adjectives, details } = this.tables.phrases[family];
      const index = new Map();
      const rows = [[family, {}], ...nouns].map((row) => [...row, true]);
      for (const [phrase, named, isNoun = false] of [...rows, ...adjectives, ...details]) {
        const words = this._singulars(phrase);
        if (!words.length) continue;
        if (!index.has(words[0])) index.set(words[0], []);
        index.get(words[0]).push({ words, named, isNoun });
      }
      for (const found of index.values()) found.sort((a, b) => b.words.length - a.words.length);
      const absences = details.filter(([phrase]) => phrase.startsWith("no ")).map(([phrase, named]) => [this._singulars(phrase.slice(3)), named]);
      this.indexes.set(family, { index, absences });
    }
    return this.indexes.get(family);
  }

  /** Return a text's words as they are compared, without articles: {kept, texts}, their places and what they are. */
  _compared(words) {
    const kept = words.map((_, k) => k).filter((k) => !this.articles.has(words[k].text));
    return { kept, texts: kept.map((k) => singular(words[k].text)) };
  }

  /** Return the phrases of a family that a text has, longest first; no noun in another. */
  matchesIn(words, family) {
    const { index } = this._of(family);
    const { kept, texts } = this._compared(words);
    const found = [];
    texts.forEach((text, start) => {
      if (text === BREAK) return;
      for (const { words: phrase, named, isNoun } of index.get(text) ?? []) {
        if (!stands(phrase, texts, start)) continue;
        const places = kept.slice(start, start + phrase.length);
        const same = (one) => one.isNoun === isNoun && String(one.places) === String(places) && sameNamed(one.named, named);
        const inside = (one) => places.length < one.places.length && places.every((place) => one.places.includes(place));
        if (!found.some((one) => same(one) || inside(one))) found.push({ places, named, isNoun });
      }
    });
    return found;
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

  /** Return the parts of a family that a text denies, as what their absence is called. */
  deniedIn(words, family) {
    const { kept, texts } = this._compared(words);
    const found = [];
    for (const [phrase, named] of this._of(family).absences)
      for (let start = 0; start < texts.length; start++)
        if (stands(phrase, texts, start) && this.isDenied(words, kept[start]))
          found.push({ places: kept.slice(start, start + phrase.length), named, isNoun: false });
    return found;
  }

  /** Return the places, a Set, of words in longer names of things that no family is: smoothing plane. */
  outsidePlaces(words) {
    const texts = words.map(({ text }) => singular(text));
    const places = new Set();
    for (const thing of this.outside)
      for (let start = 0; start < texts.length; start++)
        if (stands(thing, texts, start)) thing.forEach((_, k) => places.add(start + k));
    return places;
  }

  /** Return the nouns that name what a text asks for, not those only mentioned: for my car. */
  namedIn(words, found) {
    const before = ({ places: [start] }) => words.slice(Math.max(0, start - 2), start).map(({ text }) => text).join(" ");
    return found.filter((match) => match.isNoun && !this.mentions.has(before(match)));
  }
}

/** Return whether two things that are named are the same. */
function sameNamed(one, two) {
  const names = Object.keys(one);
  return names.length === Object.keys(two).length && names.every((name) => String(one[name]) === String(two[name]));
}
