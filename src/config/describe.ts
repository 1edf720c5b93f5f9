import { stringify } from 'yaml';
import type { LoadedConfig } from './load.ts';
import { isSettingKey, type SettingKey, settingGroups, settings } from './schema.ts';
import { mask, maskPassword } from './secrets.ts';

const commentWidth = 100;

/**
 * The values in effect as a YAML file, each with a comment that says where it came from. Secrets are masked, so
 * the text may go into a log or a bug report.
 */
export function effectiveConfig(loaded: LoadedConfig): string {
  const lines = Object.keys(settings)
    .filter(isSettingKey)
    .map((key) => `${key}: ${yamlValue(withoutSecret(key, loaded.values[key]))} # ${loaded.sources[key]}`);
  return `${lines.join('\n')}\n`;
}

/** A settings file with every key, what it means, and its default: `config/default.yaml`. */
export function defaultSettingsFile(): string {
  const head = comment([
    'Every setting with its default. Copy what you want to change into a file of your own and start with',
    '--config <file>; an environment variable of the same name wins over the file.',
    'Generated from src/config/schema.ts by `npx tsx scripts/generate-config.ts`.',
  ]);
  const sections = settingGroups.map(({ title, keys }) => {
    const entries = keys.map((key) => {
      const { allowed, default: value, description } = settings[key];
      const text = [...wrapped(description), ...wrapped(`Allowed: ${allowed}.`)];
      return `${comment(text)}\n${key}: ${yamlValue(value)}\n`;
    });
    return `${comment([`${title}:`])}\n\n${entries.join('\n')}`;
  });
  return `${head}\n\n${sections.join('\n')}`;
}

/** The tables of `docs/configuration.md`, in Markdown. */
export function settingTables(): string {
  const sections = settingGroups.map(({ title, keys }) => {
    const rows = keys.map((key) => {
      const { allowed, default: value, description } = settings[key];
      return `| \`${key}\` | \`${yamlValue(value)}\` | ${cell(allowed)} | ${cell(description)} |`;
    });
    const head = [`### ${title}`, '', '| setting | default | allowed | meaning |', '|---|---|---|---|'];
    return [...head, ...rows].join('\n');
  });
  return sections.join('\n\n');
}

function withoutSecret(key: SettingKey, value: unknown): unknown {
  const { secret } = settings[key];
  if (secret === 'value') return Array.isArray(value) ? value.map(() => mask) : mask;
  if (secret === 'password' && typeof value === 'string') return maskPassword(value) ?? mask;
  return value;
}

/** On one line. */
function yamlValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(yamlValue).join(', ')}]`;
  return stringify(value, { lineWidth: 0 }).trim();
}

function comment(lines: readonly string[]): string {
  return lines.map((line) => `# ${line}`).join('\n');
}

function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > commentWidth) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
