import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { defaultSettingsFile, effectiveConfig, settingTables } from '../../src/config/describe.ts';
import { loadConfig } from '../../src/config/load.ts';
import { settingGroups, settings } from '../../src/config/schema.ts';

const defaultFile = fileURLToPath(new URL('../../config/default.yaml', import.meta.url));

describe('the file of defaults', () => {
  it('is what the schema says', () => {
    expect(readFileSync(defaultFile, 'utf8')).toBe(defaultSettingsFile());
  });

  it('can be loaded and changes nothing', () => {
    const fromFile = loadConfig({ file: defaultFile, environment: {} });
    expect(fromFile.values).toEqual(loadConfig({ environment: {} }).values);
    expect(Object.values(fromFile.sources)).not.toContain('default');
  });
});

describe('the documented tables', () => {
  it('are what the schema says', () => {
    const document = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
    expect(document).toContain(settingTables());
  });

  it('have every setting once', () => {
    const listed = settingGroups.flatMap(({ keys }) => keys);
    expect([...listed].sort()).toEqual(Object.keys(settings).sort());
  });
});

describe('the values in effect', () => {
  it('say where each came from', () => {
    const text = effectiveConfig(loadConfig({ environment: { MAX_STREAMS: '3' } }));
    expect(text).toContain('MAX_STREAMS: 3 # environment\n');
    expect(text).toContain('HTTP_PORT: 8080 # default\n');
    expect(Object.keys(parse(text))).toEqual(Object.keys(settings));
  });

  it('mask secrets', () => {
    const environment = {
      AMQP_URL: 'amqps://camera:hunter2@broker/or?heartbeat=5&password=hunter2',
      HTTP_TOKENS: 'viewer:hunter2hunter2hunter2',
    };
    const text = effectiveConfig(loadConfig({ environment }));
    expect(text).not.toContain('hunter2');
    expect(parse(text)).toMatchObject({
      AMQP_URL: 'amqps://camera:********@broker/or?heartbeat=5&password=********',
      HTTP_TOKENS: ['********'],
    });
  });
});
