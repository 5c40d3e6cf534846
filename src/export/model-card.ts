/** @file The model card of an exported folder: what the model is, what it costs, how to use it, and under what licence. */

import { basename, isAbsolute } from "node:path";
import { stringify } from "yaml";
import type { ExportReport } from "../report/export-report.js";
import { exportMarkdown } from "../report/export-text.js";
import { formatBytes, formatCount, formatEstimate } from "../report/format.js";
import { modelOf, type Report } from "../report/report.js";
import { roleNames, roles } from "../report/roles.js";
import { type UsageFacts, usage } from "./model-card-usage.js";

/** What the card says besides the export's own numbers. */
export interface CardFacts extends UsageFacts {
  /** Models that this one was made from. */
  readonly sources: readonly SourceModel[];
  /** The resolved config of the run, where there is one, and its report. */
  readonly config?: Readonly<Record<string, unknown>> | undefined;
  readonly report?: Report | undefined;
}

export interface SourceModel {
  readonly role: "teacher" | "start" | "model";
  /** What it is called: its name on the hub, or the last part of its path. */
  readonly name: string;
  /** Whether that is a name on the hub. */
  readonly isOnHub: boolean;
  /** As its files state it; undefined where they do not. */
  readonly license: string | undefined;
}

const roleTexts: Readonly<Record<SourceModel["role"], string>> = {
  teacher: "the teacher",
  start: "the student's start",
  model: "the model that was exported",
};

/** README.md, with the front matter that the Hugging Face hub reads. */
export function modelCard(report: ExportReport, facts: CardFacts): string {
  const parts = [
    `---\n${stringify(frontMatter(report, facts))}---`,
    `# ${facts.name}`,
    introduction(report, facts),
    `## What each byte costs\n\n${results(report)}`,
    `## How to use it\n\n${usage(report, facts)}`,
    ...(facts.config ? [`## How it was made\n\n${making(facts.config, facts.report)}`] : []),
    `## Licence\n\n${licenseNote(facts.sources)}`,
  ];
  return `${parts.join("\n\n")}\n`;
}

function frontMatter({ format }: ExportReport, { sources }: CardFacts): Readonly<Record<string, unknown>> {
  const ids = [...new Set(sources.flatMap(({ name, isOnHub }) => (isOnHub ? [name] : [])))];
  return {
    license: licenseOf(sources) ?? "unknown",
    ...(ids.length > 0 ? { base_model: ids.length === 1 ? ids[0] : ids } : {}),
    library_name: format === "onnx" ? "transformers.js" : "transformers",
    pipeline_tag: "text-generation",
    tags: [
      "limbeck",
      ...(sources.some(({ role }) => role === "teacher") ? ["knowledge-distillation"] : []),
      ...(format === "onnx" ? ["onnx"] : []),
    ],
  };
}

function introduction({ student }: ExportReport, { config, sources }: CardFacts): string {
  const size = `${formatCount(student.parameters)} parameters`;
  const teacher = sources.find(({ role }) => role === "teacher");
  if (teacher) {
    return `A language model of ${size}, distilled from \`${teacher.name}\` by the \`${String(config?.recipe)}\` recipe of limbeck.`;
  }
  return `A language model of ${size}, ${config ? `trained by the \`${String(config.recipe)}\` recipe of` : "exported by"} limbeck.`;
}

function results(report: ExportReport): string {
  const { data, machine, threads } = report;
  const where = `${data.responseTokens.toLocaleString("en-US")} held-out tokens of ${data.documents.toLocaleString("en-US")} documents`;
  return [
    exportMarkdown(report),
    `KL is KL(student ‖ file): what the export lost, in nats per token; top-1 is how often both find the same token most likely. ` +
      `Measured on ${where} after the files were written and opened again; ${machine}, ${threads} threads. ± is half of a 95 % interval.`,
  ].join("\n\n");
}

function making(config: Readonly<Record<string, unknown>>, report: Report | undefined): string {
  const parts: string[] = [];
  if (report) {
    const models = roles.flatMap((role) => modelOf(report, role) ?? []);
    const rows = models.map(({ role, parameters, bytesOnDisk, perplexity, klFromTeacher }) => {
      const kl = formatEstimate(klFromTeacher?.mean ?? null);
      const cells = [roleNames[role].long, formatCount(parameters), formatBytes(bytesOnDisk)];
      return `| ${[...cells, formatEstimate(perplexity), kl].join(" | ")} |`;
    });
    const head =
      "| | parameters | size | perplexity | KL from the teacher, nats/token |\n| --- | ---: | ---: | ---: | ---: |";
    const { train, heldOut } = report.data;
    parts.push(
      [head, ...rows].join("\n"),
      `Trained on ${train.responseTokens.toLocaleString("en-US")} tokens of ${train.rows.toLocaleString("en-US")} rows, measured on ` +
        `${heldOut.responseTokens.toLocaleString("en-US")} held-out tokens of ${heldOut.rows.toLocaleString("en-US")} rows.`,
    );
  }
  parts.push(`The whole config:\n\n\`\`\`yaml\n${stringify(withoutFolders(config))}\`\`\``);
  return parts.join("\n\n");
}

/** Absolute paths by their last part: a card is published, and the folders of a machine are nobody's business. */
function withoutFolders(value: unknown): unknown {
  if (typeof value === "string") return isAbsolute(value) ? basename(value) : value;
  if (Array.isArray(value)) return value.map(withoutFolders);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withoutFolders(each)]));
}

/** Where all sources state one licence. */
function licenseOf(sources: readonly SourceModel[]): string | undefined {
  const licenses = new Set(sources.map(({ license }) => license));
  const [only] = licenses;
  return licenses.size === 1 ? only : undefined;
}

function licenseNote(sources: readonly SourceModel[]): string {
  if (sources.length === 0) {
    return "No licence is known: the model was trained on the data above, whose licence must be checked before it is published.";
  }
  const lines = sources.map(({ role, name, license }) => {
    const says = license === undefined ? "states no licence in its files: check it" : `is under \`${license}\``;
    return `- ${roleTexts[role]}, \`${name}\`, ${says}`;
  });
  const before = "What was made from other models and data is bound by their licences. As far as their files say:";
  const after = `The data's licence is not known to limbeck. Check both before you publish the model${
    licenseOf(sources) === undefined ? ", and put its licence into the first lines of this file" : ""
  }.`;
  return [before, lines.join("\n"), after].join("\n\n");
}
