/** @file Numbers of an objective that may change over a run, a term's weight and temperature: constants, ramps and late starts. */

import * as z from "zod";

/** A number that goes from one value to another. It is a function of the step alone, so a resumed run needs no memory of it. */
export interface Schedule {
  readonly from: number;
  readonly to: number;
  /** `published-warmup` rises with the share of the run, as the confidence term of Burns et al. does in their code, and then jumps. */
  readonly schedule: "linear" | "cosine" | "published-warmup";
  /** Steps before it starts to move. */
  readonly after: number;
  /** Steps of the move; where neither this nor `fraction` is given, it is a jump. */
  readonly steps?: number | undefined;
  /** The same as a share of the run's steps. */
  readonly fraction?: number | undefined;
}

/** A constant is the shorthand. */
export type Scheduled = number | Schedule;

/** The schema of a number that may be a schedule; `bounds` is what each of its values has to be. */
export function scheduledSchema(bounds: z.ZodNumber): z.ZodType<Scheduled> {
  const schedule = z
    .strictObject({
      from: bounds.describe("The value until the move starts."),
      to: bounds.describe("The value from its end on."),
      schedule: z.enum(["linear", "cosine"]).default("linear").describe("The form of the move."),
      after: z.int().nonnegative().default(0).describe("Steps before it starts to move."),
      steps: z.int().positive().optional().describe("Steps of the move; give this or `fraction`, or neither: a jump."),
      fraction: z.number().positive().max(1).optional().describe("Share of the run's steps that the move takes."),
    })
    .superRefine(
      ({ steps, fraction, after }, context) => {
        const report = (message: string) => context.addIssue({ code: "custom", message });
        if (steps !== undefined && fraction !== undefined) {
          report("expected how long the change takes, steps or fraction, got both");
        }
        if (steps === undefined && fraction === undefined && after === 0) {
          report("expected when it changes: steps or fraction, after, or both; got neither");
        }
      },
      { when: ({ value }) => typeof value === "object" },
    );
  return z.union([bounds, schedule]);
}

/**
 * The value at step s (from 1) of S, with n = `steps`, or `fraction` · S and at least 1:
 *
 *     x = (s − after) / n, kept in [0, 1];    linear: from + (to − from) · x;    cosine: from + (to − from) · ½(1 − cos πx)
 *
 * Without n it is `from` at the first `after` steps and `to` at all others. `published-warmup` is linear with x = s / S as long
 * as that is at most `fraction`, and `to` after that (Burns et al. 2023, weak_to_strong/loss.py: `logconf_loss_fn`).
 */
export function valueAt(scheduled: Scheduled, step: number, steps: number): number {
  if (typeof scheduled === "number") return scheduled;
  const { from, to, schedule, after, fraction } = scheduled;
  if (step <= after) return from;
  if (schedule === "published-warmup") {
    const share = step / steps;
    return share > (fraction ?? 0) ? to : from + (to - from) * share;
  }
  const length = scheduled.steps ?? (fraction === undefined ? 0 : Math.max(1, Math.round(fraction * steps)));
  if (step - after >= length) return to;
  const progress = (step - after) / length;
  return from + (to - from) * (schedule === "linear" ? progress : 0.5 * (1 - Math.cos(Math.PI * progress)));
}

/** All values of a run, where they are few: a constant's, or those before and after a jump. Undefined for one that moves. */
export function valuesOf(scheduled: Scheduled): readonly number[] | undefined {
  if (typeof scheduled === "number") return [scheduled];
  const isJump = scheduled.steps === undefined && scheduled.fraction === undefined;
  return isJump ? [scheduled.from, scheduled.to] : undefined;
}
