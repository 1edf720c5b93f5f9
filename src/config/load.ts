import { readFileSync, statSync } from 'node:fs';
import { TrackcastError } from '../errors.ts';
import { errorCode } from '../system-error.ts';
import { type AccessToken, accessTokenForm, parseAccessToken } from './access-token.ts';
import { closestName } from './closest-name.ts';
import { isLoopback } from './loopback.ts';
import {
  type Config,
  foreignVariables,
  isSettingKey,
  ownedPrefixes,
  type SettingKey,
  settings,
} from './schema.ts';
import { maskPassword } from './secrets.ts';
import { type RawSetting, readSettingsFile } from './settings-file.ts';

/** Where a value came from: `default`, `environment`, or the file with its line. */
export type SettingSource = string;

/** Valid settings and where each came from. */
export interface LoadedConfig {
  readonly values: Config;
  readonly sources: Readonly<Record<SettingKey, SettingSource>>;
}

export interface LoadOptions {
  /** Path of a YAML file with settings. */
  readonly file?: string;
  /** Defaults to the environment of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

interface Problem {
  readonly key: string;
  readonly sentence: string;
}

/** Largest file of tokens that is read, bytes. */
const maxTokensFileBytes = 1024 * 1024;

const keys = Object.keys(settings).filter(isSettingKey);

/**
 * Reads the settings: the environment wins over the file, the file over the defaults.
 *
 * @throws TrackcastError `TRACKCAST_CONFIG_INVALID` that names every problem found, not only the first
 */
export function loadConfig(options: LoadOptions = {}): LoadedConfig {
  const environment = options.environment ?? process.env;
  const problems: Problem[] = [];
  const given = new Map<SettingKey, RawSetting>();

  const fromFile =
    options.file === undefined ? { settings: [], problems: [] } : readSettingsFile(options.file);
  problems.push(...fromFile.problems);
  for (const setting of fromFile.settings) {
    if (isSettingKey(setting.key)) given.set(setting.key, setting);
    else problems.push(unknownKey(setting.key, setting.source));
  }
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined) continue;
    if (!isSettingKey(name)) {
      if (isMisspelt(name)) problems.push(unknownKey(name, 'environment'));
    } else if (value.trim() !== '' || settings[name].mayBeEmpty === true) {
      given.set(name, { key: name, value, source: 'environment' });
    }
  }

  const values: Partial<Record<SettingKey, unknown>> = {};
  for (const key of keys) {
    const raw = given.get(key);
    values[key] = raw === undefined ? settings[key].default : parse(key, raw, problems);
  }
  const source = (key: SettingKey) => given.get(key)?.source ?? 'default';
  if (isComplete(values)) {
    const config = withTokensFromFile(values, source('HTTP_TOKENS_FILE'), problems);
    checkTogether(config, source, problems);
    if (problems.length === 0) return { values: config, sources: sourcesOf(source) };
  }
  throw invalid(problems);
}

function sourcesOf(source: (key: SettingKey) => SettingSource): Record<SettingKey, SettingSource> {
  const sources: Partial<Record<SettingKey, SettingSource>> = {};
  for (const key of keys) sources[key] = source(key);
  return sources as Record<SettingKey, SettingSource>;
}

/** Every key holds a value that its schema let through, so the record is a `Config`. */
function isComplete(values: Partial<Record<SettingKey, unknown>>): values is Config {
  return keys.every((key) => values[key] !== undefined);
}

function parse(key: SettingKey, raw: RawSetting, problems: Problem[]): unknown {
  const setting = settings[key];
  const result = setting.schema.safeParse(raw.value);
  if (result.success) return result.data;
  const sentence = `must be ${setting.allowed}`;
  problems.push({ key, sentence: `${key}${shown(setting.secret, raw.value)} (${raw.source}): ${sentence}` });
  return undefined;
}

/** The offending value, short, and never where it could be a secret. */
function shown(secret: 'value' | 'password' | undefined, value: unknown): string {
  if (secret === 'value') return '';
  const text = JSON.stringify(value) ?? String(value);
  if (secret === 'password') {
    const masked = typeof value === 'string' ? maskPassword(value) : null;
    return masked === null ? '' : ` ${JSON.stringify(masked)}`;
  }
  return text.length > 80 ? ` ${text.slice(0, 80)}…` : ` ${text}`;
}

function isMisspelt(name: string): boolean {
  return ownedPrefixes.some((prefix) => name.startsWith(prefix)) && !foreignVariables.has(name.toUpperCase());
}

function unknownKey(key: string, source: SettingSource): Problem {
  const meant = closestName(key, keys);
  const hint = meant === null ? '' : `; did you mean ${meant}?`;
  return { key, sentence: `${key} (${source}): there is no such setting${hint}` };
}

function withTokensFromFile(config: Config, source: SettingSource, problems: Problem[]): Config {
  if (config.HTTP_TOKENS_FILE === '') return config;
  const tokens: AccessToken[] = [...config.HTTP_TOKENS];
  const path = config.HTTP_TOKENS_FILE;
  const key = 'HTTP_TOKENS_FILE';
  try {
    if (statSync(path).size > maxTokensFileBytes) {
      problems.push({
        key,
        sentence: `${key} ${path} (${source}): must be at most ${maxTokensFileBytes} bytes`,
      });
      return config;
    }
    for (const [index, line] of readFileSync(path, 'utf8').split(/\r?\n/).entries()) {
      const text = line.trim();
      if (text === '' || text.startsWith('#')) continue;
      const token = parseAccessToken(text);
      if (token !== null) tokens.push(token);
      else problems.push({ key, sentence: `${key} ${path} line ${index + 1}: must be ${accessTokenForm}` });
    }
  } catch (error) {
    problems.push({ key, sentence: `${key} ${path} (${source}): cannot be read, ${errorCode(error)}` });
  }
  return { ...config, HTTP_TOKENS: tokens };
}

function checkTogether(
  config: Config,
  source: (key: SettingKey) => SettingSource,
  problems: Problem[],
): void {
  if (!isLoopback(config.HTTP_HOST) && config.HTTP_TOKENS.length === 0) {
    const key = 'HTTP_HOST';
    const sentence = `${key} "${config.HTTP_HOST}" (${source(key)}): is reachable from other machines, so HTTP_TOKENS or HTTP_TOKENS_FILE must name at least one token`;
    problems.push({ key, sentence });
  }
  if (config.SAM2_PROMPT_STRATEGY === 'detector' && config.DETECTOR_MODEL === '') {
    const key = 'DETECTOR_MODEL';
    const sentence = `${key} (${source(key)}): SAM2_PROMPT_STRATEGY \`detector\` needs a detector, the path of an ONNX file`;
    problems.push({ key, sentence });
  }
  if (new Set(config.HTTP_TOKENS.map(({ token }) => token)).size !== config.HTTP_TOKENS.length) {
    problems.push({ key: 'HTTP_TOKENS', sentence: 'HTTP_TOKENS: one token is listed twice' });
  }
}

function invalid(problems: readonly Problem[]): TrackcastError {
  const [first] = problems;
  const lines = problems.map((problem) => `  ${problem.sentence}`);
  const head = problems.length === 1 ? 'A setting is wrong:' : `${problems.length} settings are wrong:`;
  const place = first === undefined ? {} : { key: first.key };
  return new TrackcastError('TRACKCAST_CONFIG_INVALID', [head, ...lines].join('\n'), place);
}
