/**
 * Writes config/default.yaml and the tables of docs/configuration.md from the schema; with `--check` it only
 * tells whether they are up to date.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { defaultSettingsFile, settingTables } from '../src/config/describe.ts';

const defaultFile = new URL('../config/default.yaml', import.meta.url);
const documentFile = new URL('../docs/configuration.md', import.meta.url);

const document = readFileSync(documentFile, 'utf8').replace(
  /(<!-- settings:begin[^>]*-->\n)[\s\S]*(\n<!-- settings:end -->)/,
  (_, begin: string, end: string) => `${begin}\n${settingTables()}\n${end}`,
);
const outputs: [URL, string][] = [
  [defaultFile, defaultSettingsFile()],
  [documentFile, document],
];

for (const [file, text] of outputs) {
  if (!process.argv.includes('--check')) {
    writeFileSync(file, text);
  } else if (readFileSync(file, 'utf8') !== text) {
    console.error(`${file.pathname} is not up to date: run npx tsx scripts/generate-config.ts`);
    process.exitCode = 1;
  }
}
