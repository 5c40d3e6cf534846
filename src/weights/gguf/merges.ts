/** @file The merges of a SentencePiece vocabulary, which has scores instead. */

/**
 * Lists the pairs that byte-pair encoding merges, best first: every way to make a piece of two others, by the piece's score, and
 * for one piece by the ids of its halves. The tokenizer.json files of Llama 2 and its kin were made so, and have this order.
 *
 * @param pieces - by id; distinct.
 * @param scores - by id, higher is merged first.
 */
export function mergesOf(pieces: readonly string[], scores: readonly number[]): [string, string][] {
  const ids = new Map(pieces.map((piece, id) => [piece, id]));
  const merges = pieces.flatMap((piece, id) => {
    const characters = [...piece];
    const pairs = characters.slice(1).map((_, at): [string, string] => {
      return [characters.slice(0, at + 1).join(""), characters.slice(at + 1).join("")];
    });
    return pairs
      .filter((pair) => pair.every((part) => ids.has(part)))
      .sort(([a, b], [c, d]) => ids.get(a)! - ids.get(c)! || ids.get(b)! - ids.get(d)!)
      .map((pair) => ({ pair, score: scores[id]! }));
  });
  return merges.sort((a, b) => b.score - a.score).map(({ pair }) => pair);
}
