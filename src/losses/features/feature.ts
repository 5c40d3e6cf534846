/** @file How a feature loss is defined: one function from what both sides' layers compute to a number per place. */

import type { Value } from "../../graph/graph.js";
import type { LayerForm, LayerPart } from "../../models/layer-taps.js";

/** Where the places stand, each `[sequences, places]` int32; see data/places.ts. */
export interface PlaceInputs {
  readonly positions: Value;
  /** −1 where filled up. */
  readonly documents: Value;
  /** 1 at response rows. */
  readonly isRow: Value;
}

/** What one layer of one side computes, by part, each `[sequences, places, width]`. */
export type LayerValues = Readonly<Partial<Record<LayerPart, Value>>>;

/** A feature's own keys in a config's term. */
export interface FeatureOptions {
  readonly relationHeads?: number | undefined;
  readonly neighbours?: number | undefined;
}

export interface FeatureInput {
  /** Gradients flow here only; projected to the teacher's width where the feature is. */
  readonly student: LayerValues;
  /** Constants. */
  readonly teacher: LayerValues;
  readonly places: PlaceInputs;
  readonly studentForm: LayerForm;
  readonly teacherForm: LayerForm;
  readonly options: FeatureOptions;
}

export interface Feature {
  /** What configs call it. */
  readonly name: string;
  /** What it compares. */
  readonly parts: readonly LayerPart[];
  /** Compares number by number, so that a student of another width needs a trained projection. */
  readonly isProjected: boolean;
  /** The layers that it compares where a config names none. */
  readonly defaultLayers: "even" | "last";
  /** Which of the options it takes. */
  readonly options: readonly (keyof FeatureOptions)[];
  /** Why two models cannot be compared, as the second half of a sentence "expected …, got …"; undefined where they can. */
  refuse?(student: LayerForm, teacher: LayerForm, options: FeatureOptions): string | undefined;
  /** One number per place, `[sequences, places]`; whatever at places that are no response rows, but finite. */
  rows(input: FeatureInput): Value;
}
