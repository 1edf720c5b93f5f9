import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { schemaDocuments } from './schema-documents.ts';

/** Writes docs/generated from the code; with `--check`, tells what is stale instead and fails. */
const folder = new URL('../docs/generated/', import.meta.url);
const check = process.argv.includes('--check');
const stale: string[] = [];

for (const [name, content] of schemaDocuments()) {
  const file = new URL(name, folder);
  if (read(file) === content) continue;
  stale.push(name);
  if (!check) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, content);
  }
}

if (stale.length > 0) {
  console.log(`${check ? 'Stale, run npm run generate' : 'Written'}: ${stale.join(', ')}`);
  if (check) process.exitCode = 1;
}

function read(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
