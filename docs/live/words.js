// Texts to token numbers, as course_utils/networks/text.py has it: runs of letters and digits, in lower case.

export const split = (text) => text.toLowerCase().match(/[a-z0-9]+/g) ?? [];

/** Token numbers of one text, `length` of them, -1 behind its end. Error: a word that the model does not know. */
export function encode(text, words, length) {
  const found = split(text);
  const strange = [...new Set(found)].filter((word) => !words.includes(word));
  if (strange.length) throw new RangeError(`The model does not know ${strange.map((word) => withNear(word, words)).join(", ")}.`);
  if (found.length > length) throw new RangeError(`The text has ${found.length} words; at most ${length} are read.`);
  return Array.from({ length }, (_, k) => (k < found.length ? words.indexOf(found[k]) : -1));
}

function withNear(word, words) {
  const allowed = word.length > 4 ? 2 : word.length > 2 ? 1 : 0;
  const distance = new Map(words.map((other) => [other, changes(word, other)]));
  const near = words.filter((other) => distance.get(other) <= allowed).sort((a, b) => distance.get(a) - distance.get(b));
  return near.length ? `“${word}” (near: ${near.slice(0, 3).join(", ")})` : `“${word}”`;
}

/** How many letters must be put in, left out or changed to make one word of another (Levenshtein). */
function changes(one, two) {
  let row = Array.from({ length: two.length + 1 }, (_, j) => j);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= two.length; j++)
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (one[i - 1] === two[j - 1] ? 0 : 1));
    row = next;
  }
  return row[two.length];
}
