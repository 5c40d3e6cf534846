/**
 * @file A language model tells classes by words that stand for them, and its leaning towards some of the words is taken out.
 *
 * Schick & Schütze 2020, "Exploiting Cloze Questions for Few Shot Text Classification" (arXiv:2001.07676), §3 (words for classes;
 * the softmax is over their logits alone); Zhao et al. 2021, "Calibrate Before Use" (arXiv:2102.09690), §5 (calibration).
 */

import type { Tokenizer } from "../data/index.js";
import type { TextReader } from "../data/text-reader.js";
import { ModelError, show } from "../errors.js";
import { askAboutText, type ClassTeacher } from "./class-teacher.js";

/** Texts that say nothing of any class, as in the paper. */
export const contentFreeTexts: readonly string[] = ["N/A", "[MASK]", ""];

/**
 * The token of each class's word.
 *
 * @param words - by class; a word that follows text after a space begins with it.
 * @throws ModelError where a word is several tokens, or two classes have the same one.
 */
export function labelTokens(
  tokenizer: Tokenizer,
  classes: readonly string[],
  words: Readonly<Record<string, string>>,
): readonly number[] {
  const ids = classes.map((name) => {
    const word = words[name]!;
    const tokens = tokenizer.encode(word);
    if (tokens.length === 1) return tokens[0]!;
    const parts = tokens.map((id) => show(tokenizer.tokenText(id))).join(", ");
    throw new ModelError(
      `teacher.labelWords.${name}: ${show(word)} must be one token, got ${tokens.length}${tokens.length === 0 ? "" : `: ${parts}`}.`,
      { hint: "Choose another word, perhaps one with a space before it." },
    );
  });
  for (const [i, id] of ids.entries()) {
    const other = ids.indexOf(id);
    if (other === i) continue;
    throw new ModelError(
      `teacher.labelWords: ${classes[other]} and ${classes[i]} must have words of their own, got the same token, ${show(tokenizer.tokenText(id))}.`,
    );
  }
  return ids;
}

/**
 * What is to be taken off each class's logit: log p̄, with p̄ the mean of the teacher's probabilities for texts without content.
 * Then softmax(logits − log p̄) ∝ p / p̄, and a text without content is as likely of one class as of another.
 *
 * @param reader - how the teacher reads a text; the last position tells the class.
 */
export async function measureLeaning(teacher: ClassTeacher, reader: TextReader): Promise<readonly number[]> {
  const { headWidth } = teacher.form;
  const sums = new Float64Array(headWidth);
  for (const text of contentFreeTexts) {
    const logits = Array.from(await askAboutText(teacher, reader.read(text).ids, "last"));
    const most = Math.max(...logits);
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0);
    for (const [i, logit] of logits.entries()) sums[i]! += Math.exp(logit - most) / total / contentFreeTexts.length;
  }
  return Array.from(sums, Math.log);
}

/** The teacher with a number taken off each class's logit. */
export function withoutLeaning(teacher: ClassTeacher, leaning: readonly number[]): ClassTeacher {
  return {
    ...teacher,
    async signal(batch) {
      const signal = await teacher.signal(batch);
      return { ...signal, logits: signal.logits.map((logit, i) => logit - leaning[i % leaning.length]!) };
    },
  };
}
