import { TrackcastError } from '../errors.ts';
import { textTable } from '../evaluation/text-table.ts';
import { downloadUrl, publishedModels } from '../model/store/catalogue.ts';
import { publicUrl } from '../model/store/public-url.ts';
import {
  type CachedFile,
  listCached,
  listNames,
  readModel,
  type StoredModel,
} from '../model/store/stored-model.ts';
import { byteText } from './byte-text.ts';

/** A model as `trackcast models list` shows it. */
export interface ListedModel {
  readonly name: string;
  readonly state: 'here' | 'absent' | 'damaged';
  /** Of the checkpoint; null where nothing is known of it. */
  readonly bytes: number | null;
  /** Pinned, or as published. */
  readonly sha256: string | null;
  /** Sides of inputs for which graphs are there. */
  readonly imageSizes: readonly number[];
  /** Bytes of graphs and of weights in other precisions. */
  readonly cachedBytes: number;
  /** Where a published model comes from. */
  readonly url: string | null;
}

/** All published models and all others that are in the store. */
export async function listModels(store: string, mirror: string): Promise<ListedModel[]> {
  const published = new Map(publishedModels.map((model) => [model.name, model]));
  const names = new Set([...published.keys(), ...(await listNames(store))]);
  const listed: ListedModel[] = [];
  for (const name of names) {
    const known = published.get(name);
    const url = known === undefined ? null : publicUrl(downloadUrl(known, mirror));
    const absent = { name, url, bytes: known?.bytes ?? null, sha256: known?.sha256 ?? null };
    try {
      const model = await readModel(store, name);
      if (model !== null) listed.push({ ...(await describeStored(model)), url });
      else if (known !== undefined)
        listed.push({ ...absent, state: 'absent', imageSizes: [], cachedBytes: 0 });
      // A folder without a manifest is no model.
    } catch (error) {
      if (!(error instanceof TrackcastError)) throw error;
      listed.push({ ...absent, state: 'damaged', imageSizes: [], cachedBytes: 0 });
    }
  }
  return listed;
}

/** The list for people. */
export function listText(store: string, models: readonly ListedModel[]): string {
  const rows = models.map(({ name, state, bytes, sha256, imageSizes, cachedBytes }) => [
    name,
    state === 'absent' ? '-' : state,
    bytes === null ? '-' : byteText(bytes),
    cachedBytes === 0 ? '-' : byteText(cachedBytes),
    imageSizes.length === 0 ? '-' : imageSizes.join(' '),
    sha256 === null ? '-' : sha256.slice(0, 16),
  ]);
  const table = textTable(['model', 'in store', 'size', 'graphs', 'image sizes', 'SHA-256'], rows);
  return `${table}\n\nstore: ${store}`;
}

/** All that is known about a model in the store. */
export interface ModelInfo {
  readonly name: string;
  readonly folder: string;
  readonly manifest: StoredModel['manifest'];
  readonly cached: readonly CachedFile[];
}

export async function modelInfo(model: StoredModel): Promise<ModelInfo> {
  const { name, folder, manifest } = model;
  return { name, folder, manifest, cached: await listCached(model) };
}

/** The same for people. */
export function infoText({ name, folder, manifest, cached }: ModelInfo): string {
  const { source, architecture } = manifest;
  const { family, version, imageSize, tensors, parameters } = architecture;
  const lines: [string, string][] = [
    ['name', name],
    ['folder', folder],
    ['checkpoint', `${manifest.checkpoint}, ${byteText(manifest.bytes)} (${manifest.bytes} bytes)`],
    ['SHA-256', manifest.sha256],
    ['pinned', manifest.pinnedAt],
    ['source', source.kind === 'url' ? source.url : source.path],
    ['model', `SAM ${version}, ${family}, image size ${imageSize}`],
    ['parameters', `${(parameters / 1e6).toFixed(2)} million in ${tensors} tensors`],
    ...cached.map((file): [string, string] => ['cached', `${file.name}, ${byteText(file.bytes)}`]),
  ];
  if (cached.length === 0)
    lines.push(['cached', 'no graphs yet; they are built when the model is first used']);
  const width = Math.max(...lines.map(([label]) => label.length));
  return lines.map(([label, value]) => `${label.padEnd(width)}  ${value}`).join('\n');
}

async function describeStored(model: StoredModel): Promise<Omit<ListedModel, 'url'>> {
  const cached = await listCached(model);
  const sizes = new Set(cached.flatMap(({ imageSize }) => (imageSize === null ? [] : [imageSize])));
  return {
    name: model.name,
    state: 'here',
    bytes: model.manifest.bytes,
    sha256: model.manifest.sha256,
    imageSizes: [...sizes].sort((one, other) => one - other),
    cachedBytes: cached.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}
