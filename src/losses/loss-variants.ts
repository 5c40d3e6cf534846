/** @file One objective in several variants: an option swept over values, divergences compared. */

import { LimbeckError } from "../errors.js";
import { type DivergenceTerm, divergenceOptionsOf, type Objective } from "./options.js";

export interface VariantRequest {
  /** `key=value,value,…`; the key may begin with a term's name and a dot, else it is meant for every divergence term. */
  readonly sweep?: string | undefined;
  /** `name,name,…`: in place of the divergence of every divergence term. */
  readonly compare?: string | undefined;
}

export interface Variant {
  /** What differs from the objective that was given. */
  readonly set: Readonly<Record<string, unknown>>;
  /** As it would stand in a config, not yet checked. */
  readonly objective: unknown;
}

/**
 * Every combination of what is swept and what is compared, in the order in which they were written.
 *
 * @throws LimbeckError `USAGE` where the sweep is not of the form `key=values`, or names a term that is not there.
 */
export function variantsOf(objective: Objective, { sweep, compare }: VariantRequest): readonly Variant[] {
  const compared: readonly Variant[] = compare
    ? compare.split(",").map((name) => ({ set: { divergence: name }, objective: withDivergence(objective, name) }))
    : [{ set: {}, objective }];
  if (sweep === undefined) return compared;
  const { key, values } = parseSweep(sweep);
  return compared.flatMap(({ set, objective: base }) =>
    values.map((value) => ({ set: { ...set, [key]: value }, objective: withOption(base as Objective, key, value) })),
  );
}

/** The term's own keys stay, those of its former divergence go, unless it is the same one. */
function withDivergence(objective: Objective, name: string): unknown {
  return mapTerms(objective, (term) => {
    if (term.kind !== "divergence" || term.divergence === name) return term;
    const former = divergenceOptionsOf(term as DivergenceTerm);
    const common = Object.entries(term).filter(([key]) => !Object.hasOwn(former, key));
    return { ...Object.fromEntries(common), divergence: name };
  });
}

function withOption(objective: Objective, key: string, value: unknown): unknown {
  const [first, ...rest] = key.split(".");
  if (rest.length === 0) {
    return mapTerms(objective, (term) => (term.kind === "divergence" ? { ...term, [key]: value } : term));
  }
  if (!Object.hasOwn(objective, first!)) {
    throw new LimbeckError(
      "USAGE",
      `loss: --sweep ${key} names the term "${first}", which the objective does not have.`,
      {
        hint: `Name one of ${Object.keys(objective).join(", ")}.`,
      },
    );
  }
  return mapTerms(objective, (term, name) => (name === first ? { ...term, [rest.join(".")]: value } : term));
}

function mapTerms(objective: Objective, change: (term: Objective[string], name: string) => unknown): unknown {
  return Object.fromEntries(Object.entries(objective).map(([name, term]) => [name, change(term, name)]));
}

function parseSweep(sweep: string): { readonly key: string; readonly values: readonly unknown[] } {
  const [, key, list] = /^([\w.]+)=(.+)$/.exec(sweep) ?? [];
  if (key === undefined || list === undefined) {
    throw new LimbeckError(
      "USAGE",
      `loss: --sweep must be a key and its values, such as temperature=1,2,4, got "${sweep}".`,
    );
  }
  const parse = (text: string): unknown => {
    const number = Number(text);
    return text.trim() !== "" && Number.isFinite(number) ? number : text;
  };
  return { key, values: list.split(",").map(parse) };
}
