/** @file A command's output that is kept instead of shown. */

import type { Output } from "../../src/cli/terminal.js";

/** An {@link Output} without colours that remembers what was written. */
export function recorder({ isTerminal = false } = {}): Output & { text(): string } {
  let text = "";
  return {
    isTerminal,
    width: 80,
    write(piece) {
      text += piece;
    },
    style: (_, piece) => piece,
    text: () => text,
  };
}
