/** @file A teacher that is asked once per batch: held-out batches are scored many times, by every student. */

import type { DistillationBatch } from "../data/batch.js";
import { signalBytes, type TeacherSignal, type TeacherSource } from "../signals/teacher-signal.js";

/**
 * The same teacher, remembering what it said of each batch object until `maxBytes` are used; beyond that it is asked again.
 * Disposing it leaves the teacher behind it alone.
 */
export function rememberSignals(teacher: TeacherSource, maxBytes = 2 ** 30): TeacherSource {
  const remembered = new Map<DistillationBatch, TeacherSignal>();
  let bytes = 0;
  return {
    ...teacher,
    async signal(batch) {
      const known = remembered.get(batch);
      if (known) return known;
      const signal = await teacher.signal(batch);
      bytes += signalBytes(signal);
      if (bytes <= maxBytes) remembered.set(batch, signal);
      return signal;
    },
    async dispose() {
      remembered.clear();
    },
  };
}
