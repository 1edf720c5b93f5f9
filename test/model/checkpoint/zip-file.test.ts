import { describe, expect, it } from 'vitest';
import { CheckpointFile } from '../../../src/model/checkpoint/checkpoint-file.ts';
import { checkpointLimits } from '../../../src/model/checkpoint/limits.ts';
import { ZipFile } from '../../../src/model/checkpoint/zip-file.ts';
import { expectInvalid, TemporaryFiles } from './temporary-files.ts';
import { writeZip } from './zip-writer.ts';

const files = new TemporaryFiles();

const [one, two] = [
  { name: 'x/one', data: Buffer.from('first') },
  { name: 'x/two', data: Buffer.from('second') },
];

/** Text of an entry. */
async function readEntry(bytes: Uint8Array, name: string): Promise<string> {
  const file = await CheckpointFile.open(files.write(bytes));
  try {
    return Buffer.from(await (await ZipFile.open(file)).read(name, 100)).toString();
  } finally {
    await file.close();
  }
}

async function expectRefused(bytes: Uint8Array, reason: RegExp, name = 'x/two'): Promise<void> {
  const error = await readEntry(bytes, name).catch((thrown: unknown) => thrown);
  expectInvalid(error, reason);
}

/** A copy with a 32- or 16-bit field set, `at` counted from where `signature` stands last. */
function patched(
  bytes: Uint8Array,
  signature: number,
  at: number,
  value: number,
  size: 2 | 4 | 8 = 4,
): Uint8Array {
  const copy = Buffer.from(bytes);
  const mark = Buffer.alloc(4);
  mark.writeUInt32LE(signature);
  const place = copy.lastIndexOf(mark) + at;
  if (size === 8) copy.writeBigUInt64LE(BigInt(value), place);
  else copy.writeUIntLE(value, place, size);
  return copy;
}

const [localHeader, entry, end, zip64Locator, zip64End] = [
  0x04034b50, 0x02014b50, 0x06054b50, 0x07064b50, 0x06064b50,
] as const;

describe('ZipFile', () => {
  const plain = writeZip([one, two]);
  const zip64 = writeZip([one, two], { zip64: true });

  it.each([
    { name: 'a plain file', bytes: plain },
    { name: 'a zip64 file', bytes: zip64 },
    { name: 'aligned data', bytes: writeZip([one, two], { aligned: true }) },
    {
      name: 'a comment of the greatest length',
      bytes: writeZip([one, two], { comment: 'x'.repeat(0xffff) }),
    },
    {
      name: 'a comment in a zip64 file',
      bytes: writeZip([one, two], { zip64: true, comment: 'PK\x05\x06' }),
    },
    { name: 'wrong sizes in the local header', bytes: patched(plain, localHeader, 18, 77) },
    { name: 'a wrong checksum', bytes: patched(plain, entry, 16, 77) },
  ])('reads entries of $name', async ({ bytes }) => {
    expect(await readEntry(bytes, 'x/one')).toBe('first');
    expect(await readEntry(bytes, 'x/two')).toBe('second');
  });

  it('reads entries without bytes', async () => {
    expect(await readEntry(writeZip([{ name: 'none', data: Buffer.from('') }, one]), 'none')).toBe('');
  });

  it.each([
    {
      name: 'a deflated entry',
      entries: [{ ...two, method: 8 }],
      reason: /deflated; save it again with torch\.save/,
    },
    {
      name: 'an entry compressed otherwise',
      entries: [{ ...two, method: 93 }],
      reason: /'x\/two' is compressed/,
    },
    { name: 'an encrypted entry', entries: [{ ...two, flags: 1 }], reason: /encrypted/ },
    { name: 'a missing entry', entries: [one], reason: /lacks 'x\/two'/ },
    { name: 'a name twice', entries: [two, one, two], reason: /a name twice/ },
    {
      name: 'an entry above the limit',
      entries: [{ ...two, data: Buffer.alloc(101) }],
      reason: /101 bytes, above 100/,
    },
  ])('refuses $name', ({ entries, reason }) => expectRefused(writeZip(entries), reason));

  it.each([
    { name: 'no directory', bytes: patched(plain, end, 0, 0), reason: /directory is missing/ },
    {
      name: 'bytes after its end',
      bytes: Buffer.concat([plain, Buffer.from('x')]),
      reason: /directory is missing/,
    },
    { name: 'a directory elsewhere', bytes: patched(plain, end, 16, 0), reason: /broken entry/ },
    {
      name: 'a directory behind the file',
      bytes: patched(plain, end, 16, 0xffff_fff0),
      reason: /ends at byte/,
    },
    { name: 'a shorter directory', bytes: patched(plain, end, 12, 93), reason: /ends too early/ },
    {
      name: 'a directory too short for its entries',
      bytes: patched(plain, end, 12, 91),
      reason: /shorter than its entries/,
    },
    { name: 'one part of several', bytes: patched(plain, end, 8, 1, 2), reason: /several zip files/ },
    {
      name: 'one part of several, in zip64',
      bytes: patched(zip64, zip64End, 24, 1, 8),
      reason: /several zip files/,
    },
    {
      name: 'an entry behind the file',
      bytes: patched(plain, entry, 42, 0x7fff_ffff),
      reason: /ends at byte/,
    },
    {
      name: 'an entry elsewhere',
      bytes: patched(plain, entry, 42, 1),
      reason: /not where its zip directory says/,
    },
    { name: 'an entry longer than it was stored', bytes: patched(plain, entry, 24, 7), reason: /compressed/ },
    {
      name: 'an entry that reaches into the directory',
      bytes: patched(patched(plain, entry, 24, 7), entry, 20, 7),
      reason: /reaches into/,
    },
    {
      name: 'a local name that reaches into it',
      bytes: patched(plain, localHeader, 26, 0xffff, 2),
      reason: /reaches into/,
    },
    {
      name: 'no zip64 field for a great size',
      bytes: patched(plain, entry, 24, 0xffff_ffff),
      reason: /ends too early/,
    },
    {
      name: 'a name longer than the directory',
      bytes: patched(plain, entry, 28, 0xffff, 2),
      reason: /ends too early/,
    },
    {
      name: 'zip64 behind the file',
      bytes: patched(zip64, zip64Locator, 8, 2 ** 40, 8),
      reason: /ends at byte/,
    },
    {
      name: 'zip64 elsewhere',
      bytes: patched(zip64, zip64Locator, 8, 0, 8),
      reason: /zip64 directory is missing/,
    },
    {
      name: 'a directory place without number',
      bytes: patched(zip64, zip64End, 48, 2 ** 60, 8),
      reason: /beyond 2\^53/,
    },
  ])('refuses a file with $name', ({ bytes, reason }) => expectRefused(bytes, reason));

  it('refuses a directory above the limits before it is read', async () => {
    const { directoryBytes, directoryEntries } = checkpointLimits;
    await expectRefused(patched(zip64, zip64End, 40, directoryBytes + 1, 8), /16777217 bytes is too large/);
    const many = patched(
      patched(zip64, zip64End, 24, directoryEntries + 1, 8),
      zip64End,
      32,
      directoryEntries + 1,
      8,
    );
    await expectRefused(many, /65537 zip entries are above 65536/);
  });
});
