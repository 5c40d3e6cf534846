/** @file Documents of random tokens, the same ones in every process that asks for them. */

/** Random numbers from 0 to 1. */
export function makeRandom(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** `count` documents of `tokens` tokens; the first one, and the first `promptShare` of them, are not learned. */
export function randomDocuments({ count, tokens, promptShare, vocabSize }) {
  const random = makeRandom(1);
  const promptTokens = Math.max(1, Math.round(promptShare * tokens));
  if (promptTokens >= tokens)
    throw new Error(`a prompt of ${promptTokens} of ${tokens} tokens leaves nothing to learn`);
  return Array.from({ length: count }, (_, row) => {
    const ids = Int32Array.from({ length: tokens }, () => Math.floor(random() * vocabSize));
    const span = { ids, responseMask: new Uint8Array(tokens).fill(1, promptTokens) };
    return {
      student: span,
      teacher: span,
      responseTokens: tokens - promptTokens,
      responseBytes: undefined,
      origin: { file: "random", line: row + 1, row, key: row },
    };
  });
}
