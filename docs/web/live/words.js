// Which words a text has and whether a model understands it, as in course_utils/networks/words.py and models/wishes.py:
// the same rules and the same messages. tests/networks/texts.json holds examples that both are tested with.

const WHITE = "\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const PUNCTUATION = ".,;:!?…¡¿·،؛؟、。．，：；！？\"'`´‘’‚‛“”„‟«»‹›＂＇()\\[\\]{}（）［］｛｝「」『』【】〈〉《》\\-‐‑‒–—―−－";
const INVISIBLE = /[\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/gu;
const JOINERS = /\u200c|\u200d|\ufe0e|\ufe0f/gu; // invisible too, but part of how an emoji is written
const OTHER_FORMS = /[\uff01-\uff5e\ufb00-\ufb06]/gu; // full-width letters, and ligatures: the same words
const LETTER = `[^${WHITE}${PUNCTUATION}]`;
const TOKEN = new RegExp(`${LETTER}+(?:(?:[\\-‐‑'’´\`.－＇]|(?<=[0-9])[,:](?=[0-9]))${LETTER}+)*`, "gu"); // T-shirt, don't
const BETWEEN = /[-‐‑'’´`－＇]|(?<![0-9])[.,:]|[.,:](?![0-9])/u; // 1.5 and 1,000 are one word each
const LONGEST_SHOWN = 80; // characters of a token or a text in a message
const MOST_NAMED = 8; // tokens that a message names one by one
const LONGEST_NEAR = 40; // letters of a word for which similar ones are looked for
const NEAR = 0.7; // of difflib's ratio

/** Return what stands between white space and punctuation, as it was typed. */
export const tokensOf = (text) => text.replace(INVISIBLE, "").match(TOKEN) ?? [];

/** Return the words of a token, in lower case. Only forms that read the same are replaced: "№" is not "no". */
function wordsOf(token) {
  const plain = token.replace(JOINERS, "").replace(OTHER_FORMS, (one) => one.normalize("NFKC"));
  return tokensOf(plain.normalize("NFC").toLowerCase().normalize("NFC")).flatMap((part) => part.split(BETWEEN)).filter((word) => word);
}

export const split = (text) => tokensOf(text).flatMap(wordsOf);

/** Return a text as a message quotes it: cut if it is long, with codes for what is not shown. */
export function shown(text) {
  const letters = [...text];
  const cut = letters.length <= LONGEST_SHOWN ? letters : [...letters.slice(0, LONGEST_SHOWN - 1), "…"];
  return cut.map((letter) => (/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(letter) && !letter.match(JOINERS) ? codeOf(letter) : letter)).join("");
}

function codeOf(letter) {
  const code = letter.codePointAt(0);
  const [start, digits] = code < 256 ? ["\\x", 2] : code < 65536 ? ["\\u", 4] : ["\\U", 8];
  return start + code.toString(16).padStart(digits, "0");
}

// ------------------------------------------------------------------------------------------------ unknown words

/** Return what a text has that is no known word: whole, as typed, in order, once each. */
function unknownIn(text, words) {
  const known = new Set(words);
  const found = new Map();
  for (const token of tokensOf(text)) {
    const parts = wordsOf(token);
    const key = parts.join(" ");
    if (!parts.every((word) => known.has(word)) && !found.has(key)) found.set(key, token);
  }
  return [...found.values()];
}

/** Return tokens for a message, each whole and with known words that are spelt alike; the first few, the others counted. */
function named(tokens, words) {
  const told = tokens.slice(0, MOST_NAMED).map((token) => shown(token) + near(token, words));
  const more = tokens.length - told.length;
  return told.join(", ") + (more ? ` and ${more} more` : "");
}

function near(token, words) {
  const unknown = wordsOf(token).filter((word) => !words.includes(word) && [...word].length <= LONGEST_NEAR);
  const found = [...new Set(unknown.flatMap((word) => closeMatches(word, words)))];
  return found.length ? ` (near: ${found.join(", ")})` : "";
}

/** Return up to three of the words that are most like one: `difflib.get_close_matches` of Python. */
function closeMatches(word, words) {
  const scored = words.map((other) => [ratio([...other], [...word]), other]).filter(([score]) => score >= NEAR);
  scored.sort(([a, one], [b, two]) => b - a || (one < two ? 1 : -1));
  return scored.slice(0, 3).map(([, other]) => other);
}

/** Return twice the share of letters in matching blocks: the longest block, then what is to its left and to its right. */
function ratio(one, two) {
  const matching = (a, b) => {
    let best = [0, 0, 0];
    for (let i = 0; i < a.length; i++)
      for (let j = 0; j < b.length; j++) {
        let size = 0;
        while (i + size < a.length && j + size < b.length && a[i + size] === b[j + size]) size++;
        if (size > best[2]) best = [i, j, size];
      }
    const [i, j, size] = best;
    return size && size + matching(a.slice(0, i), b.slice(0, j)) + matching(a.slice(i + size), b.slice(j + size));
  };
  return (2 * matching(one, two)) / (one.length + two.length);
}

// ------------------------------------------------------------------------------------------------ families

/** Return the families that words name, in order, each with the noun that names it first. nouns: of model.json; "" is a detail of another shape. */
function familiesIn(words, nouns) {
  const longest = Math.max(...Object.keys(nouns).map((noun) => noun.split(" ").length));
  const found = new Map();
  for (let place = 0; place < words.length; place++)
    for (let length = longest; length > 0; length--) {
      const noun = words.slice(place, place + length).join(" ");
      if (!Object.hasOwn(nouns, noun) || place + length > words.length) continue;
      if (!found.has(nouns[noun])) found.set(nouns[noun], noun);
      place += length - 1;
      break;
    }
  if (!found.delete("") || found.size) return found;
  return familiesIn(words, Object.fromEntries(Object.entries(nouns).filter(([, family]) => family)));
}

/** Return the class that a prompt names, “Chair!” is chair; undefined if there is not just one. */
export function classOf(classes, prompt) {
  if (classes.includes(prompt)) return prompt;
  const wanted = split(prompt).join(" ");
  const alike = classes.filter((name) => wanted && split(name).join(" ") === wanted);
  return alike.length === 1 ? alike[0] : undefined;
}

/** Throw a RangeError for a prompt that a model does not understand. about: of model.json. */
export function check({ classes, words, nouns, longest_text: longest }, prompt) {
  const makes = classes.join(", ");
  if (!words) {
    if (classOf(classes, prompt) === undefined) throw new RangeError(`the model knows no '${shown(prompt)}'; it makes: ${makes}`);
    return;
  }
  const unknown = unknownIn(prompt, words);
  if (unknown.length) throw new RangeError(`unknown word: ${named(unknown, words)}; the model knows ${words.length} words and makes: ${makes}`);
  const found = split(prompt);
  const families = [...familiesIn(found, nouns)].map(([family, noun]) => (noun === family ? family : `${family} (${noun})`));
  if (!families.length && (Object.keys(nouns).length || !found.length))
    throw new RangeError(`no family in '${shown(prompt)}'; name one that the model makes: ${makes}`);
  if (families.length > 1) throw new RangeError(`the text names ${families.join(" and ")}; name one: a shape is of one`);
  if (found.length > longest) throw new RangeError(`the text has ${found.length} words; at most ${longest} are read`);
}

/** Return `length` token numbers for a text of known words, -1 after its end. */
export function encode(text, words, length) {
  const found = split(text);
  return Array.from({ length }, (_, k) => (k < found.length ? words.indexOf(found[k]) : -1));
}
