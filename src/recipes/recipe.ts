/** @file What a recipe is: a name, a strict schema of its config, and one function from top to bottom. */

import type * as z from "zod";
import type { StartMeasure } from "../evaluate/measure-start.js";
import type { Report } from "../report/report.js";
import type { Evaluation, StepLine } from "../training/metrics.js";

/** Which of a run's models an event is about. */
export type RunName = "student" | "twin" | "weak" | "ceiling" | `weight ${number}`;

/** What a run tells while it goes on. */
export type RunEvent =
  | {
      readonly type: "phase";
      readonly phase:
        | "data"
        | "teacher"
        | "student"
        | "writing"
        | "training"
        | "twin"
        | "ceiling"
        | "evaluating"
        | "report";
      readonly message: string;
    }
  | ({
      readonly type: "start";
      /** Where the student starts, in words. */
      readonly origin: string;
      readonly parameters: number;
      readonly trainedParameters: number;
      /** Of the weights in float32. */
      readonly bytes: number;
    } & StartMeasure)
  | ({ readonly type: "step"; readonly run: RunName; readonly steps: number } & StepLine)
  | {
      readonly type: "evaluation";
      readonly run: RunName;
      readonly step: number;
      readonly evaluation: Evaluation & { readonly isBest: boolean };
    }
  | {
      readonly type: "progress";
      readonly task: string;
      readonly done: number;
      readonly total: number;
      readonly unit: string;
      /** What else is worth a look, such as a cost so far. */
      readonly figures?: readonly string[];
    }
  | { readonly type: "checkpoint"; readonly step: number; readonly path: string }
  | { readonly type: "warning"; readonly code: string; readonly message: string };

export interface RecipeContext<Config> {
  readonly config: Config;
  /** Go on with the run in the output folder. */
  readonly resume: boolean;
  readonly signal: AbortSignal;
  readonly emit: (event: RunEvent) => void;
}

export interface Recipe<Config> {
  readonly name: string;
  readonly config: z.ZodType<Config>;
  run(context: RecipeContext<Config>): Promise<Report>;
}

/** Declares a recipe; its config's type follows from the schema. */
export function defineRecipe<Schema extends z.ZodType>(recipe: {
  readonly name: string;
  readonly config: Schema;
  run(context: RecipeContext<z.output<Schema>>): Promise<Report>;
}): Recipe<z.output<Schema>> {
  return recipe as Recipe<z.output<Schema>>;
}
