/**
 * @file Text to token ids with the mask of what is learned. The shift is not done here: `responseMask[i]` is about token i.
 *
 * Prompts and responses are tokenized apart and joined, so that a response has the same ids after every prompt.
 */

import type { Turn } from "./chat-template.js";
import type { Tokenizer } from "./tokenizer.js";
import type { Span } from "./transfer-set.js";

/**
 * Encodes a text with the tokenizer's beginning token (where it adds one) and its end token. All tokens but the first are learned.
 *
 * A longer text becomes windows of `sequenceLength` tokens, each beginning with the last token of the one before: every token
 * but the very first is learned exactly once.
 */
export async function encodeText(text: string, tokenizer: Tokenizer, sequenceLength: number): Promise<Span[]> {
  if (text === "") return [];
  const [plain = []] = await tokenizer.encodeBatch([text]);
  const ids = Int32Array.from(closeText(openText(plain, tokenizer), tokenizer));
  const spans: Span[] = [];
  for (let start = 0; start + 1 < ids.length; start += sequenceLength - 1) {
    const window = ids.slice(start, start + sequenceLength);
    const responseMask = new Uint8Array(window.length).fill(1);
    responseMask[0] = 0;
    spans.push({ ids: window, responseMask });
  }
  return spans;
}

/** How turns are put together. */
export interface TurnEncoding {
  readonly tokenizer: Tokenizer;
  readonly sequenceLength: number;
  /** The turns were written by a chat template, which writes beginning and end tokens itself. */
  readonly isChat: boolean;
}

/** Both views of a document, or none when not even its first response fits. */
export interface EncodedTurns {
  readonly views: readonly [student: Span, teacher: Span] | undefined;
  readonly droppedResponses: number;
}

/**
 * Encodes turns whose responses are the same on both sides. One object is both views when `student` and `teacher` are one.
 *
 * The document ends with the last learned token. From the first response on that does not fit into the student's
 * `sequenceLength`, turns are dropped. A response token with nothing before it on one side is learned on neither.
 */
export async function encodeTurns(
  student: readonly Turn[],
  teacher: readonly Turn[],
  encoding: TurnEncoding,
): Promise<EncodedTurns> {
  const responses = await encodeResponses(student, encoding);
  const studentPrompts = await encodePrompts(student, encoding);
  const teacherPrompts = student === teacher ? studentPrompts : await encodePrompts(teacher, encoding);

  let kept = 0;
  for (let length = 0; kept < responses.length; kept++) {
    length += studentPrompts[kept]!.length;
    if (length + responses[kept]!.learned > encoding.sequenceLength) break;
    length += responses[kept]!.ids.length;
  }
  const droppedResponses = responses.length - kept;
  if (kept === 0) return { views: undefined, droppedResponses };

  const isFirstLearned = studentPrompts[0]!.length > 0 && teacherPrompts[0]!.length > 0;
  const join = (prompts: readonly (readonly number[])[]): Span =>
    joinTurns(prompts.slice(0, kept), responses.slice(0, kept), isFirstLearned);
  const studentSpan = join(studentPrompts);
  return { views: [studentSpan, student === teacher ? studentSpan : join(teacherPrompts)], droppedResponses };
}

interface Response {
  readonly ids: readonly number[];
  /** How many of the ids are learned, from the first. */
  readonly learned: number;
}

async function encodeResponses(turns: readonly Turn[], { tokenizer, isChat }: TurnEncoding): Promise<Response[]> {
  const encoded = await tokenizer.encodeBatch(turns.map((turn) => turn.response));
  return turns.map((turn, index) => {
    const ids = isChat ? encoded[index]! : closeText(encoded[index]!, tokenizer);
    return { ids, learned: isChat ? findTurnEnd(ids, turn, tokenizer) : ids.length };
  });
}

async function encodePrompts(turns: readonly Turn[], { tokenizer, isChat }: TurnEncoding): Promise<number[][]> {
  const [first = [], ...others] = await tokenizer.encodeBatch(turns.map((turn) => turn.prompt));
  return [isChat ? first : openText(first, tokenizer), ...others];
}

/**
 * The ids through the end of the turn: the first special token after the message's content (the last one where the content
 * cannot be found). Without one everything is learned. Counted from the end, since the content may hold specials of its own.
 */
function findTurnEnd(ids: readonly number[], turn: Turn, tokenizer: Tokenizer): number {
  const ends = ids.flatMap((id, index) => (tokenizer.isSpecial(id) ? [index + 1] : []));
  const closing = turn.contentEnd === undefined ? [] : tokenizer.encode(turn.response.slice(turn.contentEnd));
  const closers = turn.contentEnd === undefined ? 1 : closing.filter((id) => tokenizer.isSpecial(id)).length;
  return (closers > 0 ? ends.at(-closers) : undefined) ?? ids.length;
}

/** With what the tokenizer's post-processor puts before a text, unless it is there already. */
export function openText(ids: readonly number[], { prefixIds }: Tokenizer): number[] {
  return prefixIds.every((id, index) => ids[index] === id) ? [...ids] : [...prefixIds, ...ids];
}

/** With the end token, unless it is there already. */
function closeText(ids: readonly number[], { endTokenId }: Tokenizer): number[] {
  return endTokenId === undefined || ids.at(-1) === endTokenId ? [...ids] : [...ids, endTokenId];
}

function joinTurns(
  prompts: readonly (readonly number[])[],
  responses: readonly Response[],
  isFirstLearned: boolean,
): Span {
  const ids: number[] = [];
  const mask: number[] = [];
  const add = (part: readonly number[], isLearned: 0 | 1): void => {
    for (const id of part) {
      ids.push(id);
      mask.push(isLearned);
    }
  };
  for (const [turn, prompt] of prompts.entries()) {
    const response = responses[turn]!;
    const isLast = turn === prompts.length - 1;
    add(prompt, 0);
    const start = mask.length;
    add(response.ids.slice(0, response.learned), 1);
    if (turn === 0 && !isFirstLearned) mask[start] = 0;
    if (!isLast) add(response.ids.slice(response.learned), 0);
  }
  return { ids: Int32Array.from(ids), responseMask: Uint8Array.from(mask) };
}
