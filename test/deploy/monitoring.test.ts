import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { PipelineMetrics } from '../../src/publish/metrics.ts';
import { dropReasons, StreamTotals } from '../../src/publish/stream-totals.ts';

const text = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly datasource: { readonly uid: string };
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets: readonly { readonly expr: string }[];
  }[];
}

const dashboard = JSON.parse(text('config/grafana/dashboards/trackcast.json')) as Dashboard;
const alerts = parse(text('config/prometheus/alerts.yml')) as {
  groups: { rules: { alert: string; expr: string; labels: object; annotations: { summary: string } }[] }[];
};
const rules = alerts.groups.flatMap(({ rules }) => rules);

async function exportedNames(): Promise<Set<string>> {
  const metrics = new PipelineMetrics({ processMetrics: false });
  const exposition = await metrics.text();
  metrics.close();
  const names = new Set<string>();
  for (const [, name = '', type] of exposition.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    names.add(name);
    if (type === 'histogram') for (const part of ['bucket', 'sum', 'count']) names.add(`${name}_${part}`);
  }
  return names;
}

const expressions = [
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
  ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
];

describe('alerts and dashboard', () => {
  it.each(expressions)('%s asks for metrics that the program has', async (_, expression) => {
    const exported = await exportedNames();
    const asked = expression.match(/trackcast_\w+/g) ?? [];
    expect(asked.length + Number(expression.startsWith('up{'))).toBeGreaterThan(0);
    for (const name of asked) expect(exported).toContain(name);
  });

  it.each(expressions)('%s has its brackets closed', (_, expression) => {
    const open: string[] = [];
    for (const character of expression.replaceAll(/"[^"]*"/g, '')) {
      if ('({['.includes(character)) open.push(character);
      const partner = { ')': '(', '}': '{', ']': '[' }[character];
      if (partner !== undefined) expect(open.pop()).toBe(partner);
    }
    expect(open).toEqual([]);
  });

  it('name only reasons and stages that there are', () => {
    const reasons = expressions
      .filter(([, expression]) => expression.includes('trackcast_frames_dropped_total'))
      .flatMap(([, expression]) => [...expression.matchAll(/reason=~"([^"]+)"/g)])
      .flatMap(([, list = '']) => list.split('|'));
    expect(reasons.length).toBeGreaterThan(0);
    for (const reason of reasons) expect(dropReasons).toContain(reason);
    expect(Object.keys(new StreamTotals().tracked)).toEqual(['segmented', 'propagated']);
  });
});

describe('the dashboard', () => {
  it('reads from the data source that is provisioned', () => {
    const { datasources } = parse(text('config/grafana/provisioning/datasources/prometheus.yml')) as {
      datasources: { uid: string }[];
    };
    const known = datasources.map(({ uid }) => uid);
    for (const { datasource } of dashboard.panels) expect(known).toContain(datasource.uid);
  });

  it('lies where the provider looks, in panels that do not overlap', () => {
    const { providers } = parse(text('config/grafana/provisioning/dashboards/trackcast.yml')) as {
      providers: { options: { path: string } }[];
    };
    expect(text('docker-compose.yml')).toContain(`./config/grafana/dashboards:${providers[0]?.options.path}`);
    const cells = new Set<string>();
    for (const { gridPos } of dashboard.panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.has(`${x},${y}`)).toBe(false);
          cells.add(`${x},${y}`);
        }
      }
    }
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  });
});

describe('Prometheus', () => {
  it('scrapes with a token, from where the containers are, and reads the alerts', () => {
    const config = parse(text('config/prometheus/prometheus.yml')) as {
      rule_files: string[];
      scrape_configs: { job_name: string; authorization?: { credentials_file: string } }[];
    };
    expect(config.rule_files).toEqual(['alerts.yml']);
    const job = config.scrape_configs.find(({ job_name }) => job_name === 'trackcast');
    expect(job?.authorization?.credentials_file).toBe('/run/secrets/metrics-token');
    for (const { labels, annotations } of rules) {
      expect(labels).toHaveProperty('severity');
      expect(annotations.summary).not.toBe('');
    }
  });
});
