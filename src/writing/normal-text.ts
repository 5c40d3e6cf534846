/** @file What of a text counts when two of them are compared. */

/** A text with one space for every run of white space, and none at its ends. */
export function plainSpacing(text: string): string {
  return text.normalize("NFKC").replace(/\s+/g, " ").trim();
}

/** What of a short answer counts: not its case, its spacing or the punctuation that closes it. */
export function plainAnswer(text: string): string {
  return plainSpacing(text)
    .toLowerCase()
    .replace(/[\s.!?…。！？]+$/u, "");
}

/** The words of a text: case, punctuation and spacing do not count. */
export function wordsOf(text: string): readonly string[] {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .split(/[^\p{L}\p{M}\p{N}]+/u)
    .filter((word) => word !== "");
}
