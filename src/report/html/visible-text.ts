/** @file Token text made visible: blanks, line breaks and characters that would not show, or would turn the line around. */

const names: Readonly<Record<string, string>> = { "\n": "↵", "\t": "⇥", " ": "␣", "\u00a0": "⍽" };

/** Controls, format characters (zero-width, bidirectional marks, byte-order mark), lone surrogates, line and paragraph separators. */
const hidden = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** A token by itself: every blank and hidden character shows; nothing shows as ∅. */
export function visibleToken(text: string): string {
  return text === "" ? "∅" : showHidden(text.replace(/[\n\t \u00a0]/g, (character) => names[character]!));
}

/** Running text: spaces stay as they are, line breaks show as ↵ on the same line. */
export function visibleContext(text: string): string {
  return showHidden(text.replace(/\r?\n/g, "↵ ").replaceAll("\t", "⇥"));
}

function showHidden(text: string): string {
  return text.replace(hidden, (character) => {
    return `‹U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}›`;
  });
}
