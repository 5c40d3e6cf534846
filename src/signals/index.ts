/** @file What teachers say. */

export type { SignalForm } from "./signal-feeds.js";
export type {
  DenseSignal,
  HiddenSignal,
  SparseSignal,
  TeacherSignal,
  TeacherSource,
} from "./teacher-signal.js";
