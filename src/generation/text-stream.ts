/** @file Token ids to text as they come, never half a character. */

import type { Tokenizer } from "../data/tokenizer.js";

/** What a decoder writes for bytes that are not, or not yet, a character. */
const unfinished = "\uFFFD";

/** Collects tokens. The pieces joined are the text of all tokens. */
export interface TextStream {
  /** The text that is now certain, often none. */
  push(id: number): string;
  /** The rest, where the last token leaves a character unfinished. */
  end(): string;
}

/**
 * Makes a stream.
 *
 * Only a few tokens are decoded at a time, so the cost per token stays flat: those not written yet, after those written last,
 * because some tokenizers write a token differently at the beginning of a text.
 */
export function makeTextStream(tokenizer: Pick<Tokenizer, "decode">): TextStream {
  /** Ids from the beginning of what was written last. */
  let ids: number[] = [];
  /** How many of them lie before what is not written yet. */
  let writtenIds = 0;
  /** How much of the text of those after is written already. */
  let writtenLength = 0;

  const rest = (): string => {
    const before = tokenizer.decode(ids.slice(0, writtenIds)).length;
    return tokenizer.decode(ids).slice(before + writtenLength);
  };
  return {
    push(id) {
      ids.push(id);
      const text = rest();
      if (text.endsWith(unfinished)) {
        let end = text.length;
        while (text[end - 1] === unfinished) end--;
        writtenLength += end;
        return text.slice(0, end);
      }
      if (text === "") return "";
      ids = ids.slice(writtenIds);
      writtenIds = ids.length;
      writtenLength = 0;
      return text;
    },
    end: () => rest(),
  };
}
