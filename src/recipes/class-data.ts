/** @file Rows of texts and classes in the form in which all recipes hand rows to training and to the report. */

import type { ClassData } from "../data/class-documents.js";
import type { LoadedData } from "../data/index.js";

export function loadedFrom({ train, heldOut, warnings, facts }: ClassData): LoadedData {
  const reportOf = ({ rows, dropped }: (typeof facts)["train"]) => {
    return {
      rows: rows + dropped,
      rowsWithoutResponse: dropped,
      droppedResponses: 0,
      splitRows: 0,
      longRows: 0,
      longTeacherViews: 0,
    };
  };
  return { train, heldOut, warnings, report: { train: reportOf(facts.train), heldOut: reportOf(facts.heldOut) } };
}
