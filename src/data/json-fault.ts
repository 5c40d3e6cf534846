/** @file Where a text stops being JSON. `JSON.parse` says so only for some faults and in words that change between engines. */

const space = /[ \t\r\n]*/y;
const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const escaped = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/**
 * Finds the first character that cannot continue a JSON text.
 *
 * @returns its offset; `text.length` when the text ends too early; −1 when the text is JSON.
 */
export function findJsonFault(text: string): number {
  let at = 0;
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) at = pattern.lastIndex;
    return match !== null;
  };
  const takeCharacter = (character: string): boolean => {
    take(space);
    if (text[at] !== character) return false;
    at++;
    return true;
  };
  const takeString = (): boolean => {
    if (!takeCharacter('"')) return false;
    while (at < text.length && text[at] !== '"') {
      if (text[at] === "\\") {
        if (!take(escaped)) return false;
      } else if (text.charCodeAt(at) < 0x20) return false;
      else at++;
    }
    return text[at++] === '"';
  };
  const takeItems = (close: string, takeItem: () => boolean): boolean => {
    if (takeCharacter(close)) return true;
    do {
      if (!takeItem()) return false;
    } while (takeCharacter(","));
    return takeCharacter(close);
  };
  const takeValue = (): boolean => {
    if (takeCharacter("{")) return takeItems("}", () => takeString() && takeCharacter(":") && takeValue());
    if (takeCharacter("[")) return takeItems("]", takeValue);
    return text[at] === '"' ? takeString() : take(scalar);
  };
  if (takeValue()) {
    take(space);
    return at === text.length ? -1 : at;
  }
  return Math.min(at, text.length);
}
