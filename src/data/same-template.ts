/** @file Refuses a teacher and a student who would write, or end, the same answer differently. */

import { DataError, show } from "../errors.js";
import type { Tokenizer } from "./tokenizer.js";

/**
 * Refuses two sides whose answers would differ in their ids though their words are the same.
 *
 * @param template - what the config's `data.template` asks for: with "auto" each side has its own.
 * @throws DataError where the end tokens differ, or with "auto" the chat templates.
 */
export function assertSameTemplate(teacher: Tokenizer, student: Tokenizer, template: string): void {
  if (teacher.endTokenId !== student.endTokenId) {
    throw new DataError(
      `data: teacher and student must end a response with the same token, got ${nameOf(teacher)} for the teacher and ${nameOf(student)} for the student.`,
      { hint: "Set the same eos_token in both folders' tokenizer_config.json." },
    );
  }
  if (template !== "auto" || teacher.chatTemplate === student.chatTemplate) return;
  throw new DataError(
    `data: teacher and student must have one chat template, got ${show(teacher.chatTemplate)} for the teacher and ${show(student.chatTemplate)} for the student.`,
    { hint: 'Set data.template to the file of the template that both shall use, or to "none".' },
  );
}

function nameOf({ endTokenId, tokenText }: Tokenizer): string {
  return endTokenId === undefined ? "none" : `${show(tokenText(endTokenId))} (id ${endTokenId})`;
}
