// The words of a text as people type them, evened out, and slips mended, as in course_utils/datasets/captions/typed.py. A word
// is {text, start, end}: in lower case, or "" where a phrase ends, and the characters of the text that it stands for. The
// tables are those of reader.json.

import { INVISIBLE, split } from "./words.js";

export const BREAK = "";

const WHITE = "\\t-\\r\\x1c-\\x1f \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const LETTERS = "[\\p{L}\\p{Nl}\\p{No}]+";
const IN_WORD = "[\\p{L}\\p{N}_]";
const TOKEN = new RegExp(
  [
    `#[0-9a-f]{6}(?!${IN_WORD})`,
    `(?<!${IN_WORD})w/(?:out|o)(?!${IN_WORD})|(?<!${IN_WORD})w/(?=[${WHITE}]|$)`,
    `${LETTERS}(?:['’\`´]${LETTERS})*`,
    "\\p{Nd}+(?:[.,]\\p{Nd}+)*",
    "[,;:.!?/|()\\[\\]{}+&*=–—•…\\n\\-]",
    `[^${WHITE}]`,
  ].join("|"),
  "giu",
);
const JOINING = "-–—"; // between letters: four-legged; beside a blank a phrase ends
const ALPHANUMERIC = /[\p{L}\p{N}]/u;

/** Return the words and the breaks of a text, which may be any text. */
export function typedWords(text, tables) {
  const found = [];
  for (const match of text.replace(INVISIBLE, " ").matchAll(TOKEN)) {
    const [start, end] = [match.index, match.index + match[0].length];
    for (const word of evened(match[0], text, start, end, tables)) found.push({ text: word, start, end });
  }
  return found;
}

/** Return the words that a token stands for. */
function evened(token, text, start, end, { NUMBERS, SHORT, MANY }) {
  let low = token.normalize("NFKC").toLowerCase();
  if (low === "w/" || low === "w/out" || low === "w/o") return [low === "w/" ? "with" : "without"];
  if (low === "+" || low === "&") return ["and"];
  if (!ALPHANUMERIC.test(low)) {
    const beside = [text.slice(Math.max(0, start - 2), start), text.slice(end, end + 2)];
    const joins = JOINING.includes(low) && /[\p{L}\p{N}]$/u.test(beside[0]) && /^[\p{L}\p{N}]/u.test(beside[1]);
    if (joins || "'\"`´’‘“”".includes(low)) return [];
    return [!isAscii(low) && /^\p{S}/u.test(low) ? low : BREAK]; // a sign such as an emoji is a word that nobody knows
  }
  if (low[0] === "#" && low.length === 7) return [low];
  if (/^\p{Nd}/u.test(low)) return [/^\p{Nd}$/u.test(low) ? low : MANY];
  low = low.replace(/[’`´]/g, "'");
  if (low.endsWith("n't")) return ["not"];
  low = low.split("'")[0].normalize("NFD").replace(/\p{M}/gu, "");
  return split(low).length ? [own(NUMBERS, low) ?? own(SHORT, low) ?? low] : [];
}

const own = (table, key) => (Object.hasOwn(table, key) ? table[key] : undefined);
const isAscii = (text) => /^[\x00-\x7f]*$/.test(text);

/** Mends the spelling of words towards words that are known. */
export class Spelling {
  /** known: words to mend towards, the likelier ones first.  right: a Set of others, which are spelt right.  rows: the letters
   * of a keyboard. */
  constructor(known, right, rows) {
    this.spots = new Map(rows.flatMap((row, r) => [...row].map((letter, k) => [letter, [k + r / 2, r]])));
    this.known = [...new Set(known)].filter(isAscii);
    this.whole = new Set(this.known);
    this.right = right;
    this.skeletons = this.known.map(skeleton);
  }

  /** Return the words with slips mended and joined words split. */
  mended(words) {
    return words.flatMap((word) => this._one(word));
  }

  _one(word) {
    const { text } = word;
    if (text.length < 3 || this.whole.has(text) || !/^[a-z]+$/i.test(text)) return [word];
    for (const stem of stems(text)) if (this.whole.has(stem)) return [this.right.has(text) ? word : { ...word, text: stem }];
    if (this.right.has(text)) return [word];
    for (let place = 3; place < text.length - 2; place++) {
      const parts = [text.slice(0, place), text.slice(place)];
      if (parts.every((part) => this.whole.has(part))) return parts.map((part) => ({ ...word, text: part }));
    }
    const near = this._nearest(text);
    return [near ? { ...word, text: near } : word];
  }

  /** Return the known word that is spelt most alike; null if none is alike enough. */
  _nearest(text) {
    const bones = skeleton(text);
    const once = text.replace(/(.)\1/g, "$1"); // a letter typed twice
    const most = text.length < 5 ? 1 : 2;
    let [least, best] = [9, null];
    this.known.forEach((word, rank) => {
      if (Math.abs(word.length - text.length) > most || word.length < 3) return;
      const distance = edits(text, word, most);
      if (distance > most) return;
      const alike = bones === this.skeletons[rank];
      const plausible = alike && (text.length > 5 || text.slice(0, 2) === word.slice(0, 2));
      if (distance === 2 && text.length < 7 && !plausible) return;
      if (!this._beginsAlike(text, word)) return;
      const cost = distance - 0.6 * alike + 0.3 * (text[0] !== word[0]) + 1e-5 * rank - 0.2 * (once === word);
      if (cost < least) [least, best] = [cost, word];
    });
    return best;
  }

  /** Return whether a word may have been meant although another letter begins it: the first two are swapped, one is missing or
   * too many, or the keys adjoin. */
  _beginsAlike(typed, word) {
    const [one, two] = [typed[0], word[0]];
    if (one === two || one === word[1] || two === typed[1]) return true;
    const [[x, y], [u, v]] = [this.spots.get(one), this.spots.get(two)];
    return Math.abs(x - u) <= 1 && Math.abs(y - v) <= 1;
  }
}

const ENDS = [["ies", "y"], ["ves", "f"], ["es", ""], ["s", ""], ["ed", ""], ["ed", "e"], ["ish", ""]];

/** Return the word without the ending of a plural, a participle or a comparative. */
function stems(word) {
  return ENDS.filter(([end]) => word.endsWith(end) && word.length > 4).map(([end, other]) => word.slice(0, -end.length) + other);
}

/** Return the consonants of a word, those that sound alike as one, doubles once. */
function skeleton(word) {
  const plain = word.replaceAll("ph", "f").replaceAll("ck", "k").replaceAll("wh", "w").replace(/[cq]/g, "k").replaceAll("z", "s");
  const once = plain.replace(/(.)\1/g, "$1");
  return once.slice(0, 1) + once.slice(1).replace(/[aeiouyhw]/g, "");
}

/** Return how many letters differ: inserted, left out, replaced, or two swapped; above `most` any number above it. */
function edits(one, two, most) {
  let before = [];
  let last = Array.from({ length: two.length + 1 }, (_, j) => j);
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    let least = i;
    for (let j = 1; j <= two.length; j++) {
      const [a, b] = [one[i - 1], two[j - 1]];
      let cost = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a !== b));
      if (i > 1 && j > 1 && a === two[j - 2] && one[i - 2] === b) cost = Math.min(cost, before[j - 2] + 1);
      row.push(cost);
      if (cost < least) least = cost;
    }
    if (least > most) return most + 1;
    [before, last] = [last, row];
  }
  return last.at(-1);
}
