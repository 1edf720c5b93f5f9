import { z } from 'zod';
import { isLoopback } from './loopback.ts';

/** One setting: how its text or YAML value becomes a typed value, and what a person is told about it. */
export interface Setting<Value = unknown> {
  readonly schema: z.ZodType<Value>;
  readonly default: Value;
  /** Completes the sentence "it must be ..."; the same words stand in error messages and in the documents. */
  readonly allowed: string;
  readonly description: string;
  /** `value`: never shown at all; `password`: a URL whose password is not shown. */
  readonly secret?: 'value' | 'password';
  /** True where an empty text says something; elsewhere an empty environment variable counts as not set. */
  readonly mayBeEmpty?: boolean;
}

interface Described {
  readonly description: string;
}

/** `true` or `false`, as YAML or as text. */
export function booleanSetting(options: Described & { default: boolean }): Setting<boolean> {
  const fromText = (value: unknown) =>
    typeof value === 'string' ? ({ true: true, false: false }[value.trim().toLowerCase()] ?? value) : value;
  return { ...options, schema: z.preprocess(fromText, z.boolean()), allowed: '`true` or `false`' };
}

function numberFromText(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const text = value.trim();
  return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : value;
}

interface NumberOptions extends Described {
  readonly default: number;
  readonly min: number;
  readonly max: number;
}

/** A number within bounds, both included. */
export function numberSetting(options: NumberOptions): Setting<number> {
  const { min, max } = options;
  return {
    default: options.default,
    description: options.description,
    schema: z.preprocess(numberFromText, z.number().min(min).max(max)),
    allowed: `a number from ${min} to ${max}`,
  };
}

interface IntegerOptions extends NumberOptions {
  /** A value outside of the bounds that means something else. */
  readonly or?: number;
  readonly multipleOf?: number;
}

/** A whole number within bounds, both included. */
export function integerSetting(options: IntegerOptions): Setting<number> {
  const { min, max, or, multipleOf = 1 } = options;
  const within = z.number().int().multipleOf(multipleOf).min(min).max(max);
  const kind = multipleOf === 1 ? 'a whole number' : `a multiple of ${multipleOf}`;
  return {
    default: options.default,
    description: options.description,
    schema: z.preprocess(numberFromText, or === undefined ? within : z.union([z.literal(or), within])),
    allowed: `${or === undefined ? '' : `${or}, or `}${kind} from ${min} to ${max}`,
  };
}

/** One of a closed set of words. */
export function choiceSetting<const Choice extends string>(
  options: Described & {
    readonly default: NoInfer<Choice>;
    readonly choices: readonly [Choice, ...Choice[]];
  },
): Setting<Choice> {
  const { choices } = options;
  const isChoice = (value: unknown): value is Choice => choices.some((choice) => choice === value);
  const schema = z.unknown().transform((value, context): Choice => {
    const word = typeof value === 'string' ? value.trim() : value;
    if (isChoice(word)) return word;
    context.addIssue({ code: 'custom', message: '' });
    return z.NEVER;
  });
  return {
    default: options.default,
    description: options.description,
    schema,
    allowed: choices.map((choice) => `\`${choice}\``).join(' or '),
  };
}

/** Text that matches a pattern. */
export function textSetting(
  options: Described & {
    readonly default: string;
    readonly allowed: string;
    readonly pattern: RegExp;
    readonly mayBeEmpty?: boolean;
  },
): Setting<string> {
  const { pattern, ...rest } = options;
  const isFine = (text: string) => (options.mayBeEmpty === true && text === '') || pattern.test(text);
  return { ...rest, schema: z.string().trim().refine(isFine) };
}

/** A URL of one of some protocols; its password is never shown. Empty means none. */
export function urlSetting(
  options: Described & { readonly default: string; readonly protocols: readonly string[] },
): Setting<string> {
  const { protocols } = options;
  const isFine = (text: string) =>
    text === '' || (URL.canParse(text) && protocols.includes(new URL(text).protocol) && hasHost(text));
  return {
    default: options.default,
    description: options.description,
    schema: z.string().trim().refine(isFine),
    allowed: `empty, or a URL that begins with ${protocols.map((protocol) => `\`${protocol}//\``).join(' or ')} and names a host (percent-encode special characters in a password)`,
    secret: 'password',
    mayBeEmpty: true,
  };
}

/**
 * Where files are fetched from: `https`, or `http` when only this machine can be at the other end. Its password is
 * never shown. Empty means none.
 */
export function downloadBaseSetting(options: Described & { readonly default: string }): Setting<string> {
  const isFine = (text: string) => {
    if (text === '') return true;
    if (!URL.canParse(text)) return false;
    const { protocol, hostname, search, hash } = new URL(text);
    const isSafe = protocol === 'https:' || (protocol === 'http:' && isLoopback(withoutBrackets(hostname)));
    return isSafe && hostname !== '' && search === '' && hash === '';
  };
  return {
    ...options,
    schema: z.string().trim().refine(isFine),
    allowed:
      'empty, or a URL without `?` and `#` that begins with `https://`, or with `http://` if it names this machine (`localhost`, `127.0.0.1`, `[::1]`)',
    secret: 'password',
    mayBeEmpty: true,
  };
}

function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

function hasHost(url: string): boolean {
  return new URL(url).hostname !== '';
}

/** A YAML list, or text with commas between the items. */
export function listSetting<Item>(
  options: Described & {
    readonly default: readonly Item[];
    readonly allowed: string;
    readonly item: z.ZodType<Item>;
    readonly minItems?: number;
    readonly secret?: 'value';
  },
): Setting<readonly Item[]> {
  const { item, minItems = 0, ...rest } = options;
  const fromText = (value: unknown) =>
    typeof value === 'string'
      ? value
          .split(',')
          .map((part) => part.trim())
          .filter((part) => part !== '')
      : value;
  return {
    ...rest,
    schema: z.preprocess(fromText, z.array(item).min(minItems).max(1000)),
    mayBeEmpty: minItems === 0,
  };
}
