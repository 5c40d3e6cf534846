/** @file What teachers say. */

export type { SignalForm } from "./signal-feeds.js";
export type {
  DenseSignal,
  HiddenSignal,
  SparseSignal,
  TappedLayers,
  TeacherSignal,
  TeacherSource,
} from "./teacher-signal.js";
