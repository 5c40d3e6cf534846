/** @file How a config names a model. */

import * as z from "zod";

/** As `locateModel` finds it. */
export const model = z.string().min(1);

export const modelForms =
  "a folder, a .gguf file, or a model on the Hugging Face hub (owner/name, owner/name@revision)";
