// Which words a text has, and whether they are a class, as in course_utils/networks/words.py and models/wishes.py: the same
// rules. tests/networks/texts.json holds examples that both are tested with.

const WHITE = "\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const PUNCTUATION = ".,;:!?…¡¿·،؛؟、。．，：；！？\"'`´‘’‚‛“”„‟«»‹›＂＇()\\[\\]{}（）［］｛｝「」『』【】〈〉《》\\-‐‑‒–—―−－";
export const INVISIBLE = /[\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/gu;
const JOINERS = /\u200c|\u200d|\ufe0e|\ufe0f/gu; // invisible too, but part of how an emoji is written
const OTHER_FORMS = /[\uff01-\uff5e\ufb00-\ufb06]/gu; // full-width letters, and ligatures: the same words
const LETTER = `[^${WHITE}${PUNCTUATION}]`;
const TOKEN = new RegExp(`${LETTER}+(?:(?:[\\-‐‑'’´\`.－＇]|(?<=[0-9])[,:](?=[0-9]))${LETTER}+)*`, "gu"); // T-shirt, don't
const BETWEEN = /[-‐‑'’´`－＇]|(?<![0-9])[.,:]|[.,:](?![0-9])/u; // 1.5 and 1,000 are one word each
const LONGEST_SHOWN = 80; // characters of a token or a text in a message

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

/** Return the class that a prompt names, “Chair!” is chair; undefined if there is not just one. */
export function classOf(classes, prompt) {
  if (classes.includes(prompt)) return prompt;
  const wanted = split(prompt).join(" ");
  const alike = classes.filter((name) => wanted && split(name).join(" ") === wanted);
  return alike.length === 1 ? alike[0] : undefined;
}
