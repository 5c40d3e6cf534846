/** @file Whether the teacher is any good, in words. */

import type { ClassRivalName } from "../evaluate/class-worth.js";
import type { Rival, RivalName, TeacherWorth } from "../evaluate/teacher-worth.js";
import { isClearlyAhead } from "../evaluate/teacher-worth.js";
import { formatInterval, formatNumber, formatPercent } from "./format.js";

/** Of language models and of classifiers. */
export const rivalNames: Readonly<
  Record<RivalName | ClassRivalName, { readonly code: string; readonly long: string }>
> = {
  majority: { code: "majority", long: "the commonest class" },
  unigram: { code: "unigram", long: "a unigram" },
  "student-before": { code: "student", long: "the student before training" },
  "student-after": { code: "student-after", long: "the student after training" },
  twin: { code: "twin", long: "the twin" },
};

/** How the teacher stands to one of the others, as a sentence. */
export function worthSentence({ loss }: TeacherWorth, rival: Rival): string {
  const interval = formatInterval(rival.lead);
  const lead = `${formatNumber(rival.lead.value)}${interval === "" ? "" : `, 95 % interval ${interval}`}`;
  const is = isClearlyAhead(rival) ? "is better" : rival.lead.value > 0 ? "is not clearly better" : "is no better";
  return `The teacher ${is} than ${rivalNames[rival.name].long}: ${formatNumber(loss.value)} against ${formatNumber(rival.loss)} nats per held-out token (lead ${lead}).`;
}

/** Whom the teacher is ahead of and by how much, where it is behind, and whether it can be believed. */
export function worthSummary({ rivals, calibration, documents }: TeacherWorth): string {
  const list = (some: readonly Rival[]) =>
    some.map(({ name, lead }) => `${rivalNames[name].long} (${formatNumber(lead.value)})`).join(", ");
  const ahead = rivals.filter(isClearlyAhead);
  const rest = rivals.filter((rival) => !isClearlyAhead(rival));
  const start = rivals.find(({ name, documentsAhead }) => name === "student-before" && documentsAhead > 0);
  return [
    ...(ahead.length > 0 ? [`The teacher is ahead of ${list(ahead)} in nats per token.`] : []),
    ...(rest.length > 0 ? [`The teacher is not clearly ahead of ${list(rest)} in nats per token.`] : []),
    ...(start
      ? [`It knows less than ${rivalNames[start.name].long} on ${start.documentsAhead} of ${documents} documents.`]
      : []),
    calibrationSentence(calibration),
  ].join(" ");
}

/** `Its likeliest token is right at 31.2 %, and it expects 33.0 % (calibration error 2.1 %).` */
export function calibrationSentence({ accuracy, confidence, expectedError }: TeacherWorth["calibration"]): string {
  return `Its likeliest token is right at ${formatPercent(accuracy)} where it expects ${formatPercent(confidence)} (calibration error ${formatPercent(expectedError)}).`;
}
