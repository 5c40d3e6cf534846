/** @file What each side of a config's recipe sees before the response, where they differ. */

import type { SidePrompts } from "./open-data.js";
import type { RunConfig } from "./registry.js";

export function promptsOf(config: RunConfig): SidePrompts | undefined {
  return config.recipe === "context" ? { teacher: config.teacher.prompt, student: config.student.prompt } : undefined;
}
