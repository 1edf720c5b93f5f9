import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LoadOptions, loadConfig } from '../../src/config/load.ts';
import { isSettingKey, ownedPrefixes, settings } from '../../src/config/schema.ts';
import { TrackcastError } from '../../src/errors.ts';

let folder: string;
let files = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'trackcast-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function fileWith(text: string): string {
  const path = join(folder, `${++files}.yaml`);
  writeFileSync(path, text);
  return path;
}

function failure(options: LoadOptions): TrackcastError {
  try {
    loadConfig({ environment: {}, ...options });
  } catch (error) {
    if (error instanceof TrackcastError) return error;
    throw error;
  }
  throw new Error('the settings were accepted');
}

describe('precedence', () => {
  it('takes defaults where nothing is set', () => {
    const { values, sources } = loadConfig({ environment: {} });
    expect(values.VIDEO_BUFFER_SIZE).toBe(30);
    expect(values.EXECUTION_PROVIDERS).toEqual(['cpu']);
    expect(new Set(Object.values(sources))).toEqual(new Set(['default']));
  });

  it('lets the environment win over the file, and the file over the default', () => {
    const file = fileWith('VIDEO_BUFFER_SIZE: 40\nMAX_STREAMS: 3\n');
    const { values, sources } = loadConfig({ file, environment: { VIDEO_BUFFER_SIZE: '50' } });
    expect(values.VIDEO_BUFFER_SIZE).toBe(50);
    expect(values.MAX_STREAMS).toBe(3);
    expect(values.HTTP_PORT).toBe(8080);
    expect(sources).toMatchObject({ VIDEO_BUFFER_SIZE: 'environment', MAX_STREAMS: `${file} line 2` });
  });

  it('counts an empty variable as not set, except where empty means something', () => {
    const file = fileWith('MAX_STREAMS: 3\nAMQP_URL: amqp://broker\n');
    const { values } = loadConfig({ file, environment: { MAX_STREAMS: '', AMQP_URL: '' } });
    expect(values.MAX_STREAMS).toBe(3);
    expect(values.AMQP_URL).toBe('');
  });

  it('accepts an empty file', () => {
    expect(loadConfig({ file: fileWith('# nothing yet\n'), environment: {} }).values.MAX_STREAMS).toBe(16);
  });
});

describe('values', () => {
  it('reads text and YAML alike', () => {
    const file = fileWith('VIDEO_MODE: false\nEXECUTION_PROVIDERS: [cuda, cpu]\nVIDEO_PROCESSING_FPS: 7.5\n');
    const environment = {
      VIDEO_MODE: 'False',
      EXECUTION_PROVIDERS: 'cuda, cpu',
      VIDEO_PROCESSING_FPS: '7.5',
    };
    expect(loadConfig({ environment }).values).toEqual(loadConfig({ file, environment: {} }).values);
  });

  it.each([
    ['SAM2_IMAGE_SIZE', '0', 0],
    ['SAM2_IMAGE_SIZE', '512', 512],
    ['SAM2_MAX_COND_FRAMES_IN_ATTN', '-1', -1],
    ['SAM2_MAX_COND_FRAMES_IN_ATTN', '4', 4],
    [
      'MODEL_MIRROR',
      'https://user:pass@mirror.example:8443/meta/',
      'https://user:pass@mirror.example:8443/meta/',
    ],
    ['MODEL_MIRROR', 'http://[::1]:9000', 'http://[::1]:9000'],
    ['MODEL_MIRROR', 'http://localhost:9000/x', 'http://localhost:9000/x'],
    ['SAM2_MODEL', '/models/endo.pt', '/models/endo.pt'],
    ['MODEL_DIR', '', ''],
    ['DETECTOR_MODEL', '/models/tools.onnx', '/models/tools.onnx'],
    ['DETECTOR_CLASSES', 'clip applier, hook', ['clip applier', 'hook']],
    ['DETECTOR_CLASS_MIN_SCORES', 'hook=.6, a=b=1', ['hook=.6', 'a=b=1']],
    ['DETECTOR_IMAGE_SIZE', '320', 320],
  ] as const)('reads %s=%s', (key, text, value) => {
    expect(loadConfig({ environment: { [key]: text } }).values[key]).toEqual(value);
  });

  it('reads tokens with their roles', () => {
    const environment = { HTTP_TOKENS: 'viewer:aaaaaaaaaaaaaaaa,operator:bbbbbbbbbbbbbbbb==' };
    expect(loadConfig({ environment }).values.HTTP_TOKENS).toEqual([
      { role: 'viewer', token: 'aaaaaaaaaaaaaaaa' },
      { role: 'operator', token: 'bbbbbbbbbbbbbbbb==' },
    ]);
  });

  it('adds the tokens of a file', () => {
    const HTTP_TOKENS_FILE = fileWith(
      '# who watches\nviewer:aaaaaaaaaaaaaaaa\n\npublisher:cccccccccccccccc\n',
    );
    const { values } = loadConfig({
      environment: { HTTP_TOKENS_FILE, HTTP_TOKENS: 'operator:bbbbbbbbbbbbbbbb', HTTP_HOST: '0.0.0.0' },
    });
    expect(values.HTTP_TOKENS.map(({ role }) => role)).toEqual(['operator', 'viewer', 'publisher']);
  });

  it.each([
    ['VIDEO_BUFFER_SIZE', '3'],
    ['VIDEO_BUFFER_SIZE', '30.5'],
    ['VIDEO_BUFFER_SIZE', '1e2'],
    ['VIDEO_BUFFER_SIZE', '0x20'],
    ['VIDEO_MODE', 'yes'],
    ['VIDEO_PROCESSING_FPS', 'Infinity'],
    ['SAM2_PROMPT_STRATEGY', 'grid'],
    ['SAM2_PROMPT_STRATEGY', 'toString'],
    ['EXECUTION_PROVIDERS', ','],
    ['EXECUTION_PROVIDERS', 'gpu'],
    ['AMQP_URL', 'http://broker'],
    ['AMQP_URL', 'amqp:broker'],
    ['AMQP_CHUNK_QUEUE', 'a b'],
    ['HTTP_PORT', '65536'],
    ['HTTP_HOST', 'a host'],
    ['HTTP_ALLOWED_ORIGINS', '*'],
    ['HTTP_ALLOWED_ORIGINS', 'https://a.example/path'],
    ['LOG_LEVEL', 'verbose'],
    ['SAM2_MODEL', '~/model.pt'],
    ['MODEL_DIR', '~/models'],
    ['MODEL_MIRROR', 'http://mirror.example'],
    ['MODEL_MIRROR', 'http://127.0.0.1.example'],
    ['MODEL_MIRROR', 'ftp://mirror.example'],
    ['MODEL_MIRROR', 'https://mirror.example/?list'],
    ['MODEL_MIRROR', 'mirror.example'],
    ['SAM2_IMAGE_SIZE', '1000'],
    ['SAM2_IMAGE_SIZE', '32'],
    ['SAM2_IMAGE_SIZE', '2080'],
    ['SAM2_PRECISION', 'bfloat16'],
    ['SAM2_MEMORY_POLICY', 'all'],
    ['SAM2_MAX_COND_FRAMES_IN_ATTN', '0'],
    ['SAM2_MAX_COND_FRAMES_IN_ATTN', '1.5'],
    ['SAM2_FILL_HOLE_AREA', '65'],
    ['DEVICE_ID', '-1'],
    ['DETECTOR_MODEL', '~/tools.onnx'],
    ['DETECTOR_LAYOUT', 'yolov3'],
    ['DETECTOR_MIN_SCORE', '1.1'],
    ['DETECTOR_CLASS_MIN_SCORES', 'hook'],
    ['DETECTOR_CLASS_MIN_SCORES', 'hook=2'],
    ['DETECTOR_MAX_BOXES', '0'],
    ['DETECTOR_IMAGE_SIZE', '300'],
  ])('refuses %s=%s and says what is allowed', (key, value) => {
    const error = failure({ environment: { [key]: value } });
    expect(error.code).toBe('TRACKCAST_CONFIG_INVALID');
    expect(error.place.key).toBe(key);
    expect(error.message).toContain(`${key} `);
    expect(error.message).toContain('(environment)');
    expect(isSettingKey(key) && error.message.includes(settings[key].allowed)).toBe(true);
  });
});

describe('problems', () => {
  it('reports all of them at once, with the line of the file', () => {
    const file = fileWith('VIDEO_BUFFER_SIZE: many\n\nVIDEO_BUFER_SIZE: 3\nMAX_STREAMS:\n');
    const { message } = failure({ file, environment: { HTTP_PORT: 'x', SAM2_REPROMT_INTERVAL: '3' } });
    expect(message).toContain('5 settings are wrong');
    expect(message).toContain(
      `VIDEO_BUFFER_SIZE "many" (${file} line 1): must be a whole number from 4 to 600`,
    );
    expect(message).toContain(
      `VIDEO_BUFER_SIZE (${file} line 3): there is no such setting; did you mean VIDEO_BUFFER_SIZE?`,
    );
    expect(message).toContain(`MAX_STREAMS (${file} line 4): has no value`);
    expect(message).toContain('HTTP_PORT "x" (environment)');
    expect(message).toContain('did you mean SAM2_REPROMPT_INTERVAL?');
  });

  it.each(ownedPrefixes)('refuses unknown variables that begin with %s', (prefix) => {
    expect(failure({ environment: { [`${prefix}NO_SUCH_THING`]: '1' } }).place.key).toBe(
      `${prefix}NO_SUCH_THING`,
    );
  });

  it('leaves the variables of others alone', () => {
    expect(() =>
      loadConfig({ environment: { HTTP_PROXY: 'http://proxy', PATH: '/bin', HOME: '/' } }),
    ).not.toThrow();
  });

  it('refuses settings of the file twice', () => {
    expect(failure({ file: fileWith('MAX_STREAMS: 3\nMAX_STREAMS: 4\n') }).message).toContain('line 2');
  });

  it.each([
    ['a list', '- MAX_STREAMS\n'],
    ['broken YAML', 'MAX_STREAMS: [3\n'],
    ['nested settings', 'VIDEO:\n  MODE: true\n'],
    ['an alias without its anchor', 'MAX_STREAMS: *many\n'],
    ['an alias', 'MAX_STREAMS: &many 3\nDECODE_WORKERS: *many\n'],
    ['a map where a number belongs', 'MAX_STREAMS: {a: 1}\n'],
  ])('refuses %s', (_, text) => {
    expect(failure({ file: fileWith(text) }).code).toBe('TRACKCAST_CONFIG_INVALID');
  });

  it('refuses a file that is not there', () => {
    expect(failure({ file: join(folder, 'absent.yaml') }).message).toContain('ENOENT');
  });

  it('refuses to listen for other machines without tokens', () => {
    expect(failure({ environment: { HTTP_HOST: '0.0.0.0' } }).message).toContain('HTTP_TOKENS');
    expect(failure({ environment: { HTTP_HOST: '127.0.0.1.example.org' } }).place.key).toBe('HTTP_HOST');
    expect(() => loadConfig({ environment: { HTTP_HOST: '127.0.0.2' } })).not.toThrow();
    expect(() => loadConfig({ environment: { HTTP_HOST: '::1' } })).not.toThrow();
  });

  it('refuses a detector’s strategy without a detector', () => {
    const { message, place } = failure({ environment: { SAM2_PROMPT_STRATEGY: 'detector' } });
    expect(place.key).toBe('DETECTOR_MODEL');
    expect(message).toMatch(/DETECTOR_MODEL \(default\): SAM2_PROMPT_STRATEGY `detector` needs a detector/);
    const environment = { SAM2_PROMPT_STRATEGY: 'detector', DETECTOR_MODEL: 'tools.onnx' };
    expect(() => loadConfig({ environment })).not.toThrow();
  });

  it('refuses one token with two roles', () => {
    const HTTP_TOKENS = 'viewer:aaaaaaaaaaaaaaaa,operator:aaaaaaaaaaaaaaaa';
    expect(failure({ environment: { HTTP_TOKENS } }).message).toContain('listed twice');
  });

  it('never throws anything but its own error, whatever the file holds', () => {
    const line = fc
      .tuple(fc.constantFrom(...Object.keys(settings), 'X', '? ', '&a'), fc.string())
      .map((pair) => pair.join(': '));
    fc.assert(
      fc.property(fc.array(fc.oneof(line, fc.string()), { maxLength: 5 }), (lines) => {
        try {
          loadConfig({ file: fileWith(lines.join('\n')), environment: {} });
        } catch (error) {
          expect(error).toBeInstanceOf(TrackcastError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('secrets', () => {
  it.each([
    { HTTP_TOKENS: 'viewer:hunter2' },
    { AMQP_URL: 'ampq://camera:hunter2@broker' },
    { AMQP_URL: 'amqp://camera:hunter2@' },
    { AMQP_URL: 'camera:hunter2@broker' },
    { AMQP_PASSWORD: 'hunter2' },
    { MODEL_MIRROR: 'http://camera:hunter2@mirror.example' },
  ])('stay out of messages: %o', (environment) => {
    expect(failure({ environment }).message).not.toContain('hunter2');
  });

  it('stay out of messages about broken files', () => {
    const broken = fileWith('AMQP_URL: "amqp://camera:hunter2@broker\nHTTP_TOKENS: [hunter2');
    expect(failure({ file: broken }).message).not.toContain('hunter2');
    const HTTP_TOKENS_FILE = fileWith('viewer hunter2\n');
    const { message } = failure({ environment: { HTTP_TOKENS_FILE } });
    expect(message).toContain('line 1');
    expect(message).not.toContain('hunter2');
  });
});
