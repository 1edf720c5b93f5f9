import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { monotonicMs } from '../clock.ts';
import { loadConfig } from '../config/load.ts';
import { TrackcastError } from '../errors.ts';
import { findPublished, publishedModels } from '../model/store/catalogue.ts';
import { checkCached } from '../model/store/check-cached.ts';
import { importModel } from '../model/store/import-model.ts';
import { isModelName, modelNameForm } from '../model/store/model-name.ts';
import { pullModel } from '../model/store/pull-model.ts';
import { requireModel } from '../model/store/resolve-model.ts';
import { storeFolder } from '../model/store/store-folder.ts';
import { checkModel, listNames, type StoredModel } from '../model/store/stored-model.ts';
import { byteText } from './byte-text.ts';
import { infoText, listModels, listText, modelInfo } from './models-report.ts';
import { ProgressLine } from './progress-line.ts';
import { TransferProgress } from './transfer-progress.ts';

interface StoreFlags {
  readonly config?: string;
}

interface AddFlags extends StoreFlags {
  readonly name?: string;
  readonly sha256?: string;
  readonly replace?: boolean;
}

interface ReportFlags extends StoreFlags {
  readonly json?: boolean;
}

/** What a command that takes a while has to do with the person in front of it. */
interface Attendance {
  readonly progress: ProgressLine;
  readonly signal: AbortSignal;
  /** Writes a line that stays. */
  note(line: string): void;
}

const names = publishedModels.map(({ name }) => name).join(', ');

/** Adds `models` and its commands to the command line. */
export function registerModels(program: Command): void {
  const models = program
    .command('models')
    .description('Fetch, import and check SAM 2 models. They lie in MODEL_DIR; docs/models.md says more.');

  command(models, 'list')
    .description('Show the published models and all others that are in the store.')
    .option('--json', 'as JSON, with whole hashes')
    .action(async (flags: ReportFlags) => {
      const { store, mirror } = settingsOf(flags);
      const listed = await listModels(store, mirror);
      print(flags.json === true ? toJson({ store, models: listed }) : listText(store, listed));
    });

  command(models, 'pull')
    .description(`Fetch a published model: ${names}. An interrupted pull goes on where it ended.`)
    .argument('<name>', 'published name', publishedName)
    .option('--sha256 <hash>', 'hash to insist on instead of the published one', hash)
    .option('--replace', 'fetch it even if it is there, in place of what is there')
    .action((name: string, flags: AddFlags) => attended((attendance) => pull(name, flags, attendance)));

  command(models, 'import')
    .description('Copy a checkpoint file into the store, if it is a SAM 2 model.')
    .argument('<file>', '.pt or .safetensors')
    .option('--name <name>', "default: the published model's, or after the file", modelName)
    .option('--sha256 <hash>', 'hash that the file has to have', hash)
    .option('--replace', 'take the place of a model of this name, and of its graphs')
    .action((file: string, flags: AddFlags) =>
      attended((attendance) => importFile(resolve(file), flags, attendance)),
    );

  command(models, 'verify')
    .description('Read checkpoints and compare them with their pinned hashes; ends with 1 if one differs.')
    .argument('[name]', 'default: all models in the store')
    .action((name: string | undefined, flags: StoreFlags) =>
      attended((attendance) => verify(name, flags, attendance)),
    );

  command(models, 'info')
    .description('Show what is known about a model in the store.')
    .argument('<name>')
    .option('--json', 'as JSON')
    .action(async (name: string, flags: ReportFlags) => {
      const info = await modelInfo(await requireModel(settingsOf(flags).store, name));
      print(flags.json === true ? toJson(info) : infoText(info));
    });
}

function command(parent: Command, name: string): Command {
  return parent
    .command(name)
    .option('--config <file>', 'YAML file with settings; the environment wins over it');
}

async function pull(name: string, flags: AddFlags, { progress, signal, note }: Attendance): Promise<void> {
  const { store, mirror } = settingsOf(flags);
  const published = findPublished(name);
  if (published === null) return;
  const lines = new TransferProgress(name, (line) => progress.show(line), monotonicMs);
  const { model, isNew } = await pullModel(store, published, {
    mirror,
    replace: flags.replace ?? false,
    ...(flags.sha256 === undefined ? {} : { sha256: flags.sha256 }),
    signal,
    onProgress: ({ stage, bytes, total }) => lines.update(stage, bytes, total),
    onWait: (reason) => note(`${name}: ${reason}`),
  });
  progress.clear();
  print(`${isNew ? '' : 'already there: '}${summary(model)}`);
}

async function importFile(file: string, flags: AddFlags, { progress, signal }: Attendance): Promise<void> {
  const { name, sha256, replace = false } = flags;
  const lines = new TransferProgress(file, (line) => progress.show(line), monotonicMs);
  progress.show(`${file}  copying`);
  const model = await importModel(settingsOf(flags).store, file, {
    ...(name === undefined ? {} : { name }),
    ...(sha256 === undefined ? {} : { sha256 }),
    replace,
    signal,
    onProgress: (bytes) => lines.update('checking', bytes, null),
  });
  progress.clear();
  print(summary(model));
}

async function verify(
  name: string | undefined,
  flags: StoreFlags,
  { progress, signal }: Attendance,
): Promise<void> {
  const { store } = settingsOf(flags);
  const chosen = name === undefined ? await listNames(store) : [name];
  if (chosen.length === 0) print(`there are no models in ${store}`);
  const faults: TrackcastError[] = [];
  for (const each of chosen) {
    const lines = new TransferProgress(each, (line) => progress.show(line), monotonicMs);
    try {
      const model = await requireModel(store, each);
      const { bytes } = model.manifest;
      await checkModel(model, 'full', {
        signal,
        onProgress: (done) => lines.update('checking', done, bytes),
      });
      const cached = await checkCached(model, {
        signal,
        onProgress: (done) => lines.update('checking derived weights', done, null),
      });
      progress.clear();
      const derived = cached.map(({ name }) => `, ${name} too`).join('');
      print(`${each}: intact, SHA-256 ${model.manifest.sha256}${derived}`);
    } catch (error) {
      if (!(error instanceof TrackcastError)) throw error;
      progress.clear();
      faults.push(error);
      if (chosen.length > 1) print(`${each}: ${error.message}`);
    }
  }
  const [first] = faults;
  if (first !== undefined) throw first;
}

function summary({ name, folder, manifest }: StoredModel): string {
  return `${name}: ${byteText(manifest.bytes)}, SHA-256 ${manifest.sha256}, in ${folder}`;
}

/** Runs a command that a person may interrupt, and who is told how far it is. */
async function attended(run: (attendance: Attendance) => Promise<void>): Promise<void> {
  const progress = new ProgressLine();
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const note = (line: string): void => {
    progress.clear();
    process.stderr.write(`${line}\n`);
  };
  try {
    await run({ progress, signal: stopping.signal, note });
  } catch (error) {
    if (!stopping.signal.aborted || error instanceof TrackcastError) throw error;
    note('interrupted; what was fetched is kept');
    process.exitCode = 130;
  } finally {
    progress.clear();
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

function settingsOf({ config }: StoreFlags): { readonly store: string; readonly mirror: string } {
  const { values } = loadConfig(config === undefined ? {} : { file: config });
  return { store: storeFolder(values.MODEL_DIR), mirror: values.MODEL_MIRROR };
}

function publishedName(text: string): string {
  if (findPublished(text) === null) throw new InvalidArgumentError(`it is none of ${names}`);
  return text;
}

function modelName(text: string): string {
  if (!isModelName(text)) throw new InvalidArgumentError(`a model's name has ${modelNameForm}`);
  return text;
}

function hash(text: string): string {
  const digits = text.toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(digits)) throw new InvalidArgumentError('a SHA-256 has 64 hexadecimal digits');
  return digits;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function toJson(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
