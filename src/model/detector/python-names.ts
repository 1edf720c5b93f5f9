/** Longer texts are no list of class names. */
const maxCharacters = 1 << 20;
const maxClasses = 65_536;

const escapes: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  n: '\n',
  r: '\r',
  t: '\t',
};

const hexDigits: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/**
 * Class names as exporters write them into a model: the text of a Python dictionary from numbers to strings, or of a
 * list or tuple of strings; JSON is understood, too. Evaluates nothing.
 *
 * @returns names by class number; null for anything else
 */
export function parsePythonNames(text: string): ReadonlyMap<number, string> | null {
  if (text.length > maxCharacters) return null;
  const scanner = new LiteralScanner(text);
  const names = scanner.take('{') ? entries(scanner) : elements(scanner);
  return names !== null && scanner.isAtEnd ? names : null;
}

function entries(scanner: LiteralScanner): Map<number, string> | null {
  const names = new Map<number, string>();
  while (!scanner.take('}')) {
    const key = scanner.integer() ?? scanner.quotedInteger();
    if (key === null || key >= maxClasses || names.has(key) || !scanner.take(':')) return null;
    const name = scanner.string();
    if (name === null) return null;
    names.set(key, name);
    if (!scanner.take(',') && !scanner.isBefore('}')) return null;
  }
  return names;
}

function elements(scanner: LiteralScanner): Map<number, string> | null {
  const end = scanner.take('[') ? ']' : scanner.take('(') ? ')' : null;
  if (end === null) return null;
  const names = new Map<number, string>();
  while (!scanner.take(end)) {
    const name = scanner.string();
    if (name === null || names.size >= maxClasses) return null;
    names.set(names.size, name);
    if (!scanner.take(',') && !scanner.isBefore(end)) return null;
  }
  return names;
}

/** Reads one token after the other; whitespace between them counts for nothing. */
class LiteralScanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    this.#skipSpace();
    return this.#at === this.#text.length;
  }

  isBefore(character: string): boolean {
    this.#skipSpace();
    return this.#text[this.#at] === character;
  }

  take(character: string): boolean {
    if (!this.isBefore(character)) return false;
    this.#at++;
    return true;
  }

  integer(): number | null {
    this.#skipSpace();
    const begin = this.#at;
    while (isDigit(this.#text[this.#at])) this.#at++;
    // No class number has more digits.
    return this.#at === begin || this.#at - begin > 9 ? null : Number(this.#text.slice(begin, this.#at));
  }

  /** As JSON writes keys. */
  quotedInteger(): number | null {
    const text = this.string();
    return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null;
  }

  string(): string | null {
    const quote = this.take("'") ? "'" : this.take('"') ? '"' : null;
    if (quote === null) return null;
    let value = '';
    for (;;) {
      const character = this.#text[this.#at++];
      if (character === undefined || character === '\n') return null;
      if (character === quote) return value;
      const next = character === '\\' ? this.#escaped() : character;
      if (next === null) return null;
      value += next;
    }
  }

  /** What follows a backslash; Python keeps both where it means nothing. */
  #escaped(): string | null {
    const character = this.#text[this.#at++];
    if (character === undefined) return null;
    const digits = Object.hasOwn(hexDigits, character) ? hexDigits[character] : undefined;
    if (digits === undefined) {
      return Object.hasOwn(escapes, character) ? (escapes[character] as string) : `\\${character}`;
    }
    const code = this.#text.slice(this.#at, this.#at + digits);
    if (code.length !== digits || !/^[0-9a-fA-F]+$/.test(code)) return null;
    this.#at += digits;
    const point = Number.parseInt(code, 16);
    return point > 0x10ffff ? null : String.fromCodePoint(point);
  }

  #skipSpace(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
  }
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= '0' && character <= '9';
}
