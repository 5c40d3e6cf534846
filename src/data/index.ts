/** @file Public API of limbeck/data: rows of text to the batches that a training step takes. */

export type { DistillationBatch, ResponseRows, TokenBatch } from "./batch.js";
export { type ChatTemplate, loadChatTemplate, type Message, makeChatTemplate } from "./chat-template.js";
export { type EncodingProgress, encodeRows, type RowEncoding } from "./encode-rows.js";
export { type LoadedData, loadData } from "./load-data.js";
export { makeBatch } from "./make-batch.js";
export { type DataOptions, dataOptionsSchema, defaultHeldOutFraction } from "./options.js";
export { type EpochPlan, type Layout, type PlanOptions, planEpoch } from "./plan.js";
export { makePrompt, type Prompt, type PromptOptions, promptOptionsSchema } from "./prompt.js";
export { createRandom, type Random, type RandomState, restoreRandom, shuffle } from "./random.js";
export { readRows } from "./read-rows.js";
export { assertSameTokenizer } from "./same-tokenizer.js";
export type { RowPlace, SourceRow } from "./source-row.js";
export { countSharedRows, type DocumentSplit, splitHeldOut } from "./split.js";
export { hasTokenizer, loadTokenizer, type Tokenizer } from "./tokenizer.js";
export {
  countSourceRows,
  measureDocuments,
  type RowOrigin,
  type Span,
  type TransferDocument,
  type TransferReport,
  type TransferSet,
  type TransferSize,
  warnAboutRows,
} from "./transfer-set.js";
export { dropVirtualTokens, prependVirtualTokens, promptStudentViews } from "./virtual-tokens.js";
