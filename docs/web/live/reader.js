// What any sentence asks for, as in course_utils/models/reading.py: a small network reads families and facts from the vectors
// of the words, rules read the materials, and what moved neither is named as missed. reader.json holds the tables and
// reader.bin the numbers; course_utils/models/reader_export.py writes both.

import { isNumber, isPart, Lexicon } from "./lexicon.js";
import { Dresser } from "./materials.js";
import { BREAK, Spelling, typedWords } from "./typed.js";
import { arraysIn, loudest, Network, WordVectors } from "./vectors.js";
import { shown } from "./words.js";

/** Return the reader that the tables of reader.json and the bytes of reader.bin describe. */
export async function readerOf(tables, bytes) {
  return new TextReader(tables, await arraysIn(bytes, tables.arrays));
}

export class TextReader {
  constructor(tables, arrays) {
    this.tables = tables;
    this.families = tables.families;
    this.vectors = new WordVectors(arrays, tables);
    this.network = new Network(arrays, tables.network);
    this.spelling = new Spelling(tables.known, this.vectors.wholeWords, tables.ROWS);
    this.lexicon = new Lexicon(tables);
    this.dresser = new Dresser(tables);
    this.opposites = Object.fromEntries(Object.entries(tables.opposites).map(([family, pairs]) => [family, new Map(pairs.map(([one, two]) => [itemOf(one), two]))]));
    for (const name of ["GLUE", "CHATTER", "SHADES", "APPROXIMATE", "LINKS", "DENIALS", "LOOKS", "COPULAS", "ANY_PART"]) this[name] = new Set(tables[name]);
    this._read = new Map();
  }

  /**
   * Return what a text asks for: {text, family, others, facts, materials, understood, missed, nearest}. family is null where
   * none is understood; others: families beside it; facts: {attribute: values}; materials: {slot: name}; understood, missed:
   * phrases as typed; nearest: the family that is most like the text where there is none.
   */
  read(text) {
    if (!this._read.has(text)) this._read.set(text, this._reading(text));
    return this._read.get(text);
  }

  _words(text) {
    return typedWords(text, this.tables);
  }

  _reading(text) {
    const typed = this._words(text);
    const most = this.tables.LONGEST_TEXT;
    const words = this.spelling.mended(typed.slice(0, most));
    const unread = typed.slice(most).find((word) => this._matters(word));
    const rest = unread ? [text.slice(unread.start)] : [];
    const vectors = words.map((word) => this.vectors.of(word.text));
    const votes = this.network.votes(vectors);
    const found = this._found(words);
    const named = this._families(votes, this._askedFor(words, found));
    if (!named.length) {
      const { missed } = this._phrases(text, words, new Set(), new Set());
      const nearest = this._nearest(words, this.families);
      return { text, family: null, others: [], facts: {}, materials: {}, understood: [], missed: [...missed, ...rest], nearest };
    }
    const [family, ...others] = named;
    const matches = found.get(family);
    const own = this._nounPlaces(votes, matches, family);
    const theirs = new Set(others.flatMap((name) => [...this._nounPlaces(votes, found.get(name), name)]));
    const { said, denied, without } = this._said(words, matches, family);
    const { facts, outputs } = this._facts(votes, family, said, denied, without);
    const sorted = (places) => [...places].sort((a, b) => a - b);
    const materials = this.dresser.materialsIn(words, family, sorted(own), sorted(theirs).filter((k) => !own.has(k)));
    const coloured = new Set(materials.flatMap(({ places }) => places));
    const used = new Set([...own, ...theirs, ...coloured]);
    const beyond = new Set(); // what asks for more than is made
    for (const match of [...matches, ...denied]) {
      if (!(match.isNoun || match.ofPart) && agrees(match.named, facts)) match.places.forEach((k) => used.add(k));
      if (match.places.every((k) => used.has(k))) match.beyond.forEach((k) => beyond.add(k));
    }
    words.forEach((word, k) => this.APPROXIMATE.has(word.text) && beyond.add(k));
    for (const k of this._moving(words, vectors, votes, outputs, new Set([...used, ...beyond]))) used.add(k);
    for (const k of beyond) if (!coloured.has(k)) used.delete(k);
    for (const k of this._partsOfUsed(words, family, used)) used.add(k);
    const shades = words.slice(0, -1).flatMap((word, k) => (this.SHADES.has(word.text) && used.has(k + 1) ? [k] : []));
    shades.forEach((k) => used.add(k));
    for (const k of [...used]) if (this.APPROXIMATE.has(words[k].text)) used.delete(k);
    const { understood, missed } = this._phrases(text, words, used, new Set([...own, ...theirs]));
    return {
      text, family, others, facts,
      materials: this.dresser.dressed(family, materials),
      understood: [...own].some((k) => used.has(k)) ? understood : [family, ...understood],
      missed: [...missed, ...rest],
      nearest: null,
    };
  }

  /** Return the phrases of each family in a text, a Map; no nouns that belong to other things' names: the desk of a desk lamp is
   * no desk. None are found of a family whose nouns are all such. */
  _found(words) {
    const all = this.families.map((name) => [name, this.lexicon.matchesIn(words, name)]);
    const nouns = all.flatMap(([, rows]) => rows.filter((one) => one.isNoun).map(({ places }) => places));
    const outside = this.lexicon.outsidePlaces(words, nouns);
    const found = new Map();
    for (const [name, rows] of all) {
      const kept = rows.filter((one) => !one.isNoun || !nouns.some((other) => isPart(one.places, other)));
      const named = kept.some((one) => one.isNoun && !one.places.some((k) => outside.has(k)));
      if (named || !rows.some((one) => one.isNoun)) found.set(name, kept);
    }
    return found;
  }

  /** Return the nouns by which a text asks for each family, a Map; none of a family that it only mentions. */
  _askedFor(words, found) {
    const nouns = [...found].map(([name, matches]) => [name, this.lexicon.namedIn(words, matches)]);
    const asks = nouns.some(([, rows]) => rows.length);
    return new Map(nouns.filter(([name, rows]) => !asks || rows.length || !found.get(name).some(({ isNoun }) => isNoun)));
  }

  /** Return {said, denied, without}: what stands literally in a text, what is denied there, and what therefore is not named, a
   * Set of items. To deny one of two ways is to ask for the other: not round is square. */
  _said(words, found, family) {
    const asking = this.lexicon.namedIn(words, found);
    const nouns = agreeing(asking.length ? asking : found.filter(({ isNoun }) => isNoun));
    const ruledOut = found.filter((one) => this.lexicon.isRuledOut(words, one));
    const said = found.filter((one) => (nouns.includes(one) || !one.isNoun) && !ruledOut.includes(one));
    const denied = this.lexicon.deniedIn(words, family);
    const items = itemsOf(said);
    const without = new Set([...itemsOf(ruledOut)].filter((item) => !items.has(item)));
    for (const one of ruledOut.filter(({ ofPart }) => !ofPart))
      for (const item of itemsOf([one])) {
        const opposite = without.has(item) && this.opposites[family].get(item);
        if (opposite) denied.push({ ...one, named: Object.fromEntries([opposite]) });
      }
    return { said, denied, without };
  }

  // ------------------------------------------------------------------------------------------------ what the network says

  /** Return the families that are named, in the order in which the text names them. */
  _families(votes, nouns) {
    const { SURE, SURER, CONTESTED, NAMED_FIRST } = this.tables;
    const order = this.families.map((_, k) => k).filter((k) => nouns.has(this.families[k]));
    const scores = this.families.map((_, k) => loudest(votes, k));
    const there = order.filter((k) => nouns.get(this.families[k]).length);
    const likeliest = (some) => some.reduce((best, k) => (best === null || scores[k] > scores[best] ? k : best), null);
    let first = likeliest(order);
    const least = there.includes(first) ? SURE : there.length ? CONTESTED : SURER;
    if (first === null || !(scores[first] > least)) first = likeliest(there);
    if (first === null) return [];
    const begins = new Map(there.map((k) => [k, Math.min(...nouns.get(this.families[k]).map(({ places }) => places[0]))]));
    const earliest = Math.min(...begins.values());
    const sure = there.filter((k) => scores[k] > SURE || (begins.get(k) === earliest && scores[k] > NAMED_FIRST));
    const loudestAt = (k) => votes.findIndex((row) => row && row[k] === scores[k]);
    const place = there.includes(first) ? (k) => begins.get(k) : loudestAt;
    return [...new Set([first, ...sure])].sort((a, b) => place(a) - place(b) || scores[b] - scores[a]).map((k) => this.families[k]);
  }

  /** Return what a text names of its family, and the outputs that say so: a detail that stands there literally needs hardly any
   * of the network's confidence, a noun or a denial none. */
  _facts(votes, family, said, denied, without) {
    const { DENIED, DOUBTFUL, IMPLIED, SURE_OF_FACTS, WORDED } = this.tables;
    const [details, nouns] = [false, true].map((kind) => itemsOf(said.filter(({ isNoun }) => isNoun === kind)));
    const absent = itemsOf(denied);
    const sure = [];
    this.tables.facts.forEach(([owner, name, values], k) => {
      const item = itemOf([name, values]);
      if (owner !== family || (without.has(item) && !absent.has(item))) return;
      const output = this.families.length + k;
      const logit = loudest(votes, output);
      const add = (surer) => sure.push({ logit: surer, output, name, values });
      if (absent.has(item)) add(logit + DENIED);
      else if (details.has(item) && logit > DOUBTFUL) add(logit + WORDED);
      else if (nouns.has(item) || logit > SURE_OF_FACTS) add(Math.max(logit, SURE_OF_FACTS));
    });
    sure.sort((a, b) => b.logit - a.logit || b.output - a.output);
    const facts = {};
    const outputs = [];
    for (const { output, name, values } of sure) {
      const kept = (facts[name] ?? values).filter((value) => values.includes(value));
      if (!kept.length) continue;
      facts[name] = kept;
      outputs.push(output);
    }
    for (const [name, [absence, implied, values]] of Object.entries(IMPLIED[family] ?? {}))
      if (name in facts && !facts[name].includes(absence)) facts[implied] ??= values;
    return { facts, outputs };
  }

  /** Return where a text names a family, a Set: its nouns, or the place that is surest of it. */
  _nounPlaces(votes, found, family) {
    const nouns = new Set(found.filter((match) => match.isNoun).flatMap(({ places }) => places));
    if (nouns.size) return nouns;
    const output = this.families.indexOf(family);
    const most = loudest(votes, output);
    return new Set([votes.findIndex((row) => row && row[output] === most)]);
  }

  /** Return the words without which something that was understood would be less sure. */
  _moving(words, vectors, votes, outputs, used) {
    if (!outputs.length) return [];
    const isMute = (text) => this.LOOKS.has(text) || Object.hasOwn(this.tables.MATERIAL_WORDS, text); // it stands in a phrase, or is missed
    const tried = words.map((_, k) => k).filter((k) => !used.has(k) && this._matters(words[k]) && !isNumber(words[k].text) && !isMute(words[k].text));
    return tried.filter((k) => Math.max(...this.network.falls(vectors, votes, k, outputs)) > this.tables.MOVED);
  }

  /** Return parts whose look was understood, and parts that no shape of the family has, if denied. */
  _partsOfUsed(words, family, used) {
    const slots = this.tables.SLOT_WORDS[family];
    return words.map((_, k) => k).filter((k) => {
      const { text } = words[k];
      if (!Object.hasOwn(slots, text)) return this.ANY_PART.has(text) && this.lexicon.isDenied(words, k);
      const after = words.findIndex((word, j) => j > k && !this.COPULAS.has(word.text));
      return used.has(k - 1) || (after > k + 1 && used.has(after));
    });
  }

  /** Return the family of some whose name is most like a word of a text; null if none is known. */
  nearest(text, families) {
    return this._nearest(this.spelling.mended(this._words(text).slice(0, this.tables.LONGEST_TEXT)), families);
  }

  _nearest(words, families) {
    const telling = words.filter((word) => this._matters(word));
    const said = (telling.length ? telling : words).map(({ text }) => text);
    if (!said.some((word) => this.vectors.piecesOf(word).length)) return null;
    const likeness = (family) => Math.max(...said.flatMap((word) => this.tables.names[family].map((name) => this.vectors.likeness(word, name))));
    const scores = families.map(likeness);
    return families[scores.indexOf(Math.max(...scores))];
  }

  // ------------------------------------------------------------------------------------------------ what was understood

  /** Return whether a word says something by itself. */
  _matters({ text }) {
    return text !== BREAK && !/^\p{L}$/u.test(text) && ![this.GLUE, this.CHATTER, this.DENIALS].some((words) => words.has(text));
  }

  /** Return what was understood and what was missed, as typed: neighbouring words are one phrase. */
  _phrases(text, words, used, nouns) {
    const kinds = words.map((word, k) => {
      if (word.text === BREAK) return "break";
      if (used.has(k)) return "used";
      return this._matters(word) ? "missed" : "glue";
    });
    const telling = (kind) => kind === "used" || kind === "missed";
    for (let k = 0; k + 1 < words.length; k++) { // one red chair, lots of pillows
      const single = words[k].text === "1";
      if (kinds[k] !== "missed" || !(single || words[k].text === this.tables.MANY)) continue;
      const next = kinds.findIndex((kind, j) => j > k && telling(kind));
      const after = next < 0 ? k : next;
      if (kinds[after] === "used" && (single || !nouns.has(after))) kinds[k] = single ? "glue" : "used";
    }
    for (let k = 0; k + 1 < words.length; k++) { // no wheels: a denial belongs to what it denies
      const next = words.findIndex((word, j) => j > k && word.text !== "any" && word.text !== "a");
      if (kinds[k] === "glue" && this.DENIALS.has(words[k].text) && next >= 0 && telling(kinds[next])) kinds[k] = kinds[next];
    }
    return { understood: this._spans(text, words, kinds, "used"), missed: this._spans(text, words, kinds, "missed") };
  }

  /** Return the stretches of a text that are of one kind, with the glue between them. */
  _spans(text, words, kinds, wanted) {
    const spans = [];
    let last = null;
    words.forEach((word, k) => {
      if (kinds[k] !== wanted) return;
      const between = words.slice(last + 1, k);
      const joined = last !== null && between.every(({ text: one }, j) => kinds[last + 1 + j] === "glue" && (wanted === "missed" || !this.LINKS.has(one)));
      if (joined) spans.at(-1)[1] = word.end;
      else spans.push([word.start, word.end]);
      last = k;
    });
    return [...new Set(spans.map(([start, end]) => whole(text, start, end)))];
  }
}

/** Return a stretch of a text with the letters and digits that adjoin it: 8k, ps1. */
function whole(text, start, end) {
  while (start && /[a-z\d]/i.test(text[start - 1])) start--;
  while (end < text.length && /[a-z\d]/i.test(text[end])) end++;
  return text.slice(start, end);
}

/** Return an item, [attribute, values], as a text, and those that matches name, a Set. */
const itemOf = (item) => JSON.stringify(item);
const itemsOf = (matches) => new Set(matches.flatMap(({ named }) => Object.entries(named).map(itemOf)));

/** Return the nouns that do not contradict one before: a bar stool with footrests is no footrest. */
function agreeing(nouns) {
  const named = {};
  return [...nouns].sort((a, b) => a.places[0] - b.places[0]).filter((one) => {
    const items = Object.entries(one.named);
    const agrees = items.every(([name, values]) => (named[name] ?? values).some((value) => values.includes(value)));
    if (agrees) Object.assign(named, one.named);
    return agrees;
  });
}

/** Return whether what a phrase names is part of what was understood. */
function agrees(named, facts) {
  const items = Object.entries(named);
  return items.length > 0 && items.every(([name, values]) => (facts[name] ?? []).some((value) => values.includes(value)));
}

/** Return one line: "understood: red armchair, wooden legs; I cannot make: tropical island". */
export function answerOf({ understood, missed, others }) {
  const parts = [["understood", understood], ["I cannot make", missed]].filter(([, phrases]) => phrases.length);
  const lines = parts.map(([name, phrases]) => `${name}: ${phrases.map(shown).join(", ")}`);
  if (others.length) lines.push(`one shape is made, so no ${others.join(" and no ")}`);
  return lines.join("; ") || "the text says nothing";
}
