// Texts to token numbers, as in course_utils/networks/text.py: a token is a run of letters and digits in lower case.

export const split = (text) => text.toLowerCase().match(/[a-z0-9]+/g) ?? [];

/** Return `length` token numbers for a text, -1 after its end. Throws a RangeError for a word that the model does not know. */
export function encode(text, words, length) {
  const found = split(text);
  const unknown = [...new Set(found)].filter((word) => !words.includes(word));
  if (unknown.length) throw new RangeError(`The model does not know ${unknown.map((word) => withSuggestions(word, words)).join(", ")}.`);
  if (found.length > length) throw new RangeError(`The text has ${found.length} words; at most ${length} are read.`);
  return Array.from({ length }, (_, k) => (k < found.length ? words.indexOf(found[k]) : -1));
}

/** Quote a word and up to three known words that differ from it by a letter or two. */
function withSuggestions(word, words) {
  const allowed = word.length > 4 ? 2 : word.length > 2 ? 1 : 0;
  const distance = new Map(words.map((other) => [other, distanceOf(word, other)]));
  const near = words.filter((other) => distance.get(other) <= allowed).sort((a, b) => distance.get(a) - distance.get(b));
  return near.length ? `“${word}” (near: ${near.slice(0, 3).join(", ")})` : `“${word}”`;
}

/** Return the Levenshtein distance: how many letters must be inserted, deleted or replaced to turn one word into the other. */
function distanceOf(one, two) {
  let row = Array.from({ length: two.length + 1 }, (_, j) => j);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= two.length; j++)
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (one[i - 1] === two[j - 1] ? 0 : 1));
    row = next;
  }
  return row[two.length];
}
