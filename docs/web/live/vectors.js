// Borrowed word vectors and the small network that reads them, as in course_utils/datasets/word_vectors.py and
// networks/reader.py. reader.bin holds both: one gzip of the arrays that reader.json lists.

/** Return the arrays in the bytes of reader.bin, {name: typed array}; those in half precision become Float32Arrays. */
export async function arraysIn(bytes, layout) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const whole = await new Response(stream).arrayBuffer();
  const kinds = { uint8: Uint8Array, int8: Int8Array, float32: Float32Array, float16: Uint16Array };
  const found = {};
  let at = 0;
  for (const { name, kind, count } of layout) {
    const array = new kinds[kind](whole.slice(at, at + count * kinds[kind].BYTES_PER_ELEMENT));
    at += array.byteLength;
    found[name] = kind === "float16" ? Float32Array.from(array, halfValue) : array;
  }
  return found;
}

/** Return the number that 16 bits stand for (IEEE 754 binary16). */
function halfValue(bits) {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction);
}

export class WordVectors {
  constructor({ pieces, vectors, steps }, { UNIT, LONGEST_WORD }) {
    this.rows = new Map(new TextDecoder().decode(pieces).split("\n").map((piece, row) => [piece, row]));
    Object.assign(this, { vectors, steps, unit: UNIT, longest: LONGEST_WORD, width: steps.length, known: new Map() });
  }

  /** The words that are in the table as a whole, a Set. */
  get wholeWords() {
    return new Set([...this.rows.keys()].filter((piece) => /^[a-z]+$/i.test(piece)));
  }

  /** Return the pieces of a word, the longest that there are; none if it cannot be cut into pieces. */
  piecesOf(word) {
    const pieces = [];
    if ([...word].length > this.longest) return pieces;
    for (let start = 0, end; start < word.length; start = end) {
      const piece = () => (start ? "##" : "") + word.slice(start, end);
      for (end = word.length; end > start && !this.rows.has(piece()); end--);
      if (end === start) return [];
      pieces.push(piece());
    }
    return pieces;
  }

  /** Return a word's vector: zeros if it has no pieces. */
  of(word) {
    if (!this.known.has(word)) {
      const vector = new Float32Array(this.width);
      const rows = this.piecesOf(word).map((piece) => this.rows.get(piece) * this.width);
      for (let k = 0; k < this.width && rows.length; k++)
        vector[k] = rows.reduce((sum, row) => sum + this.vectors[row + k], 0) / this.unit / rows.length;
      this.known.set(word, vector);
    }
    return this.known.get(word);
  }

  /** Return how alike two words are: the cosine of what they mean, 0 for no word. */
  likeness(one, two) {
    const [a, b] = [one, two].map((word) => this.of(word));
    let [product, sizeA, sizeB] = [0, 0, 0];
    for (let k = this.width / 2; k < this.width; k++) {
      const weight = this.steps[k] ** 2;
      product += weight * a[k] * b[k];
      sizeA += weight * a[k] ** 2;
      sizeB += weight * b[k] ** 2;
    }
    return product / Math.max(Math.sqrt(sizeA), 1e-6) / Math.max(Math.sqrt(sizeB), 1e-6);
  }
}

const silu = (value) => value / (1 + Math.exp(-value));

export class Network {
  /** arrays: the weights by their names in the checkpoint.  dilations: of the layers after the first. */
  constructor(arrays, { width, hidden, outputs, dilations }) {
    Object.assign(this, { hidden, outputs, dilations });
    this.reach = dilations.reduce((sum, dilation) => sum + dilation, 1); // words to each side that a place sees
    const convolution = (name, inputs) => ({ bias: arrays[`${name}.bias`], taps: tapsOf(arrays[`${name}.weight`], hidden, inputs) });
    this.inlet = convolution("inlet", width);
    this.layers = dilations.map((_, k) => convolution(`layers.${k}`, hidden));
    this.outlet = { weight: arrays["outlet.weight"], bias: arrays["outlet.bias"] };
  }

  /**
   * Return the logits at every place of a text, a Float32Array each; null where there is no word.
   * vectors: of its words.  wanted: the numbers of the outputs; the others stay 0.
   */
  votes(vectors, wanted = [...Array(this.outputs).keys()]) {
    const present = vectors.map((vector) => vector.some((value) => value));
    const keep = (rows) => rows.map((row, k) => (present[k] ? row : new Float32Array(row.length)));
    let h = keep(convolved(vectors, this.inlet, this.hidden, 1).map((row) => row.map(silu)));
    this.layers.forEach((layer, k) => {
      const more = convolved(h, layer, this.hidden, this.dilations[k]);
      h = keep(h.map((row, at) => row.map((value, j) => value + silu(more[at][j]))));
    });
    return h.map((row, k) => (present[k] ? this._logits(row, wanted) : null));
  }

  _logits(row, wanted) {
    const logits = new Float32Array(this.outputs);
    const { weight, bias } = this.outlet;
    for (const output of wanted) {
      let sum = bias[output];
      for (let j = 0, at = output * this.hidden; j < this.hidden; j++, at++) sum += weight[at] * row[j];
      logits[output] = sum;
    }
    return logits;
  }

  /** Return by how much the loudest votes for some outputs fall without the word at a place, one number per output. */
  falls(vectors, votes, place, outputs) {
    const from = Math.max(0, place - 2 * this.reach);
    const to = Math.min(vectors.length, place + 1 + 2 * this.reach); // what lies farther away does not see that it is missing
    const without = this.votes([...vectors.slice(from, place), ...vectors.slice(place + 1, to)], outputs);
    const sees = (k) => Math.abs(k - place) <= this.reach;
    const near = without.filter((_, k) => sees(k + from < place ? k + from : k + from + 1));
    const far = votes.filter((_, k) => !sees(k));
    return outputs.map((output) => loudest(votes, output) - Math.max(loudest(near, output), loudest(far, output)));
  }
}

/** Return the loudest vote for an output; -Infinity where there is no word. */
export const loudest = (votes, output) => votes.reduce((most, row) => (row && row[output] > most ? row[output] : most), -Infinity);

/** Return a convolution's three taps, each a Float32Array (inputs, outputs), of weights (outputs, inputs, 3). */
function tapsOf(weight, outputs, inputs) {
  return [0, 1, 2].map((tap) => {
    const found = new Float32Array(inputs * outputs);
    for (let o = 0; o < outputs; o++) for (let i = 0; i < inputs; i++) found[i * outputs + o] = weight[(o * inputs + i) * 3 + tap];
    return found;
  });
}

/** Return rows after a convolution of three taps; what lies beyond the ends is 0. */
function convolved(rows, { taps, bias }, outputs, dilation) {
  return rows.map((_, at) => {
    const sum = Float32Array.from(bias);
    for (let k = 0; k < 3; k++) {
      const row = rows[at + (k - 1) * dilation];
      const tap = taps[k];
      for (let i = 0, from = 0; row && i < row.length; i++, from += outputs) {
        const value = row[i];
        for (let o = 0; o < outputs; o++) sum[o] += value * tap[from + o];
      }
    }
    return sum;
  });
}
