/** @file How to use an exported model, in code that runs as it stands. */

import type { ExportReport } from "../report/export-report.js";
import { transformersJsNames } from "./companions.js";
import type { Precision } from "./weight-store.js";

export interface UsageFacts {
  /** What the model is called: the folder's name. */
  readonly name: string;
  readonly hasTokenizer: boolean;
  readonly hasChatTemplate: boolean;
}

/** One snippet per library that reads the folder. */
export function usage(report: ExportReport, facts: UsageFacts): string {
  if (!facts.hasTokenizer) return "The model has no tokenizer: it reads and writes token ids.";
  return report.format === "huggingface" ? transformersUsage(facts) : transformersJsUsage(report, facts);
}

function transformersJsUsage({ files }: ExportReport, { name, hasChatTemplate }: UsageFacts): string {
  const dtypes = files.map(({ precision }) => `"${transformersJsNames[precision as Precision]}"`);
  const input = hasChatTemplate ? `[{ role: "user", content: "Who are you?" }]` : `"The state of"`;
  const text = hasChatTemplate ? "output.generated_text.at(-1).content" : "output.generated_text";
  const others = dtypes.length > 1 ? ` // or ${dtypes.slice(1).join(", ")}` : "";
  return `In Node.js or a browser, with [transformers.js](https://huggingface.co/docs/transformers.js), from this folder's place on the hub:

\`\`\`js
import { pipeline } from "@huggingface/transformers";

const generator = await pipeline("text-generation", "${name}", {
  dtype: ${dtypes[0]},${others}
});
const [output] = await generator(${input}, { max_new_tokens: 32 });
console.log(${text});
\`\`\`

Any ONNX Runtime runs the files: \`input_ids\`, \`attention_mask\`, \`position_ids\` and \`past_key_values.*\` in, \`logits\` and
\`present.*\` out${files.some(({ precision }) => precision === "int4") ? "; `model_q4.onnx` uses its op `MatMulNBits`, the others standard ops alone" : "; all ops are standard ones"}.`;
}

function transformersUsage({ name, hasChatTemplate }: UsageFacts): string {
  const inputs = hasChatTemplate
    ? `tokenizer.apply_chat_template(
    [{"role": "user", "content": "Who are you?"}], add_generation_prompt=True, return_dict=True, return_tensors="pt"
)`
    : `tokenizer("The state of", return_tensors="pt")`;
  return `\`\`\`python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("${name}")
model = AutoModelForCausalLM.from_pretrained("${name}")
inputs = ${inputs}
output = model.generate(inputs["input_ids"], attention_mask=inputs["attention_mask"], max_new_tokens=32)
print(tokenizer.decode(output[0], skip_special_tokens=True))
\`\`\``;
}
