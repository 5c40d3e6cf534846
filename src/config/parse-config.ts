/** @file A config's text and the command line's overrides to a validated config, or to one error that lists every problem. */

import * as z from "zod";
import { type ConfigProblem, show } from "../errors.js";
import { configError, type PlacedProblem } from "./config-error.js";
import { type FoundProblem, findProblems } from "./config-problems.js";
import { type ConfigText, parseConfigText } from "./config-text.js";
import { applyOverrides, type Override, parseOverride } from "./overrides.js";
import { joinWords, lookUp, schemaTree } from "./schema-tree.js";
import { closest } from "./suggest.js";

/** Recipes' schemas by their names. */
export type RecipeSchemas<Config> = Readonly<Record<string, z.ZodType<Config>>>;

/** Where a config comes from. */
export interface ConfigSource {
  /** What to call it in errors: the file's path. */
  readonly name: string;
  readonly text: string;
  /** `a.b=c`, applied in order. */
  readonly overrides?: readonly string[];
}

/**
 * Validates a config with the schema of the recipe that it names.
 *
 * @throws ConfigError that lists all problems, each with its key and its line (or the `--set` it came from).
 */
export function parseConfig<Config>(source: ConfigSource, schemas: RecipeSchemas<Config>): Config {
  const text = parseConfigText(source.text);
  if (text.problems.length > 0) throw configError("config", source.name, text.problems);
  if (typeof text.data !== "object" || text.data === null || Array.isArray(text.data)) {
    const got = text.data === null || text.data === undefined ? "an empty file" : show(text.data);
    throw configError("config", source.name, [{ path: "", message: `expected keys and values, got ${got}` }]);
  }
  const given = (source.overrides ?? []).map(parseOverride);
  const overrides = given.filter((override): override is Override => "value" in override);
  const data = applyOverrides(text.data as Record<string, unknown>, overrides);

  const { recipe } = data;
  const named = typeof recipe === "string" && Object.hasOwn(schemas, recipe) ? schemas[recipe] : undefined;
  const schema = named && kindMeant(named, data);
  const parsed = schema?.safeParse(data);
  const found =
    schema === undefined
      ? [recipeProblem(recipe, Object.keys(schemas))]
      : findProblems(parsed?.error?.issues ?? [], schemaTree(schema), data);
  const problems = [
    ...given.filter((override): override is ConfigProblem => "message" in override),
    ...found.map((problem) => place(problem, text, overrides)),
  ];
  if (parsed?.success !== true || problems.length > 0) throw configError("config", source.name, problems);
  return parsed.data;
}

/** Of a recipe with several kinds of configs the one that knows most of the given keys: what the others object to is beside the point. */
function kindMeant<Config>(schema: z.ZodType<Config>, data: object): z.ZodType<Config> {
  if (!(schema instanceof z.ZodUnion)) return schema;
  const known = (kind: z.ZodType) => Object.keys(data).filter((key) => lookUp(schemaTree(kind), [key])).length;
  const kinds = schema.options as unknown as readonly z.ZodType<Config>[];
  return kinds.reduce((best, kind) => (known(kind) > known(best) ? kind : best));
}

/** Says where a problem was written: in an override, or on a line of the file. */
function place({ at, path, message }: FoundProblem, text: ConfigText, overrides: readonly Override[]): PlacedProblem {
  const keys = at.map(String);
  const override = overrides.findLast(({ path: set }) => {
    const agrees = keys.slice(0, set.length).every((key, i) => key === set[i]);
    return agrees && (set.length <= keys.length || !text.has(keys));
  });
  if (override !== undefined) return { path, message, source: override.source };
  const line = text.lineOf(keys);
  return line === undefined ? { path, message } : { path, message, line };
}

function recipeProblem(recipe: unknown, names: readonly string[]): FoundProblem {
  const expected = joinWords(names.map(show));
  const meant = typeof recipe === "string" ? closest(recipe, names) : undefined;
  const got = recipe === undefined ? `missing; expected ${expected}` : `expected ${expected}, got ${show(recipe)}`;
  return {
    at: ["recipe"],
    path: "recipe",
    message: meant === undefined ? got : `${got}; did you mean ${show(meant)}?`,
  };
}
