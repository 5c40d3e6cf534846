/** @file Which language a text is in, by the package `eld`, whose tables are read only when the first text is asked about. */

import { ConfigError } from "../errors.js";

/**
 * A test for texts that are not in a language.
 *
 * @param wanted - two letters, ISO 639-1.
 * @returns the language that a text is in instead, "unknown" where it has too little to tell; undefined where it is the wanted one.
 * @throws ConfigError for a language that cannot be told.
 */
export async function makeLanguageTest(wanted: string): Promise<(text: string) => string | undefined> {
  const { eld } = await import("eld/small");
  const known = Object.values(eld.info().Languages);
  if (!known.includes(wanted)) {
    const message = `expected one of ${known.join(", ")}, got "${wanted}"`;
    throw new ConfigError(`config: filters.language: ${message}.`, [{ path: "filters.language", message }]);
  }
  return (text) => {
    const { language } = eld.detect(text);
    return language === wanted ? undefined : language || "unknown";
  };
}
