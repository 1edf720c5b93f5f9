import { ByteReader } from './byte-reader.ts';
import type { CheckpointFile } from './checkpoint-file.ts';
import { invalidCheckpoint } from './invalid-checkpoint.ts';
import { checkpointLimits } from './limits.ts';

const endSignature = 0x06054b50;
const zip64LocatorSignature = 0x07064b50;
const zip64EndSignature = 0x06064b50;
const entrySignature = 0x02014b50;

const endBytes = 22;
const maxCommentBytes = 0xffff;
const zip64LocatorBytes = 20;
const zip64EndBytes = 56;
const minEntryBytes = 46;

const zip64ExtraField = 1;
/** What a 32-bit field holds when its value is in the entry's zip64 field. */
const inZip64Field = 0xffff_ffff;

/** One file in the zip file, as the central directory tells it. */
export interface ZipEntry {
  readonly name: string;
  readonly encrypted: boolean;
  /** How it is compressed; 0: stored as it is. */
  readonly method: number;
  readonly storedSize: number;
  readonly size: number;
  /** Byte of its local header. */
  readonly headerOffset: number;
}

/** The central directory: what the zip file holds, and where the directory itself begins. */
export interface ZipDirectory {
  readonly entries: ReadonlyMap<string, ZipEntry>;
  readonly offset: number;
}

interface DirectoryPlace {
  readonly count: number;
  readonly length: number;
  readonly offset: number;
}

/**
 * Reads the central directory of a zip file, in its first or its 64-bit form (APPNOTE 6.3.10, sections 4.3.12
 * to 4.3.16). Throws `TRACKCAST_CHECKPOINT_INVALID` when there is none, or it is damaged or too large.
 */
export async function readZipDirectory(file: CheckpointFile): Promise<ZipDirectory> {
  const { count, length, offset } = await findDirectory(file);
  const { directoryEntries, directoryBytes } = checkpointLimits;
  if (count > directoryEntries) throw invalidCheckpoint(`${count} zip entries are above ${directoryEntries}`);
  if (length > directoryBytes) throw invalidCheckpoint(`a zip directory of ${length} bytes is too large`);
  if (count * minEntryBytes > length)
    throw invalidCheckpoint('its zip directory is shorter than its entries');
  const reader = new ByteReader(await file.read(offset, length), 'its zip directory');
  const entries = new Map<string, ZipEntry>();
  for (let i = 0; i < count; i++) {
    const entry = readEntry(reader);
    // Readers disagree on which of two is meant.
    if (entries.has(entry.name)) throw invalidCheckpoint('its zip directory has a name twice');
    entries.set(entry.name, entry);
  }
  return { entries, offset };
}

async function findDirectory(file: CheckpointFile): Promise<DirectoryPlace> {
  const tailLength = Math.min(file.size, endBytes + maxCommentBytes + zip64LocatorBytes);
  const tail = await file.read(file.size - tailLength, tailLength);
  const end = findEnd(tail);
  if (end === null) throw invalidCheckpoint('its zip directory is missing, as when a download ended early');
  const locator = end - zip64LocatorBytes;
  if (locator >= 0 && new ByteReader(tail.subarray(locator), 'its end').uint32() === zip64LocatorSignature) {
    return readZip64Place(file, tail.subarray(locator));
  }
  const reader = new ByteReader(tail.subarray(end), 'its zip directory');
  // Signature and disk numbers.
  reader.skip(8);
  const entriesOnDisk = reader.uint16();
  const count = reader.uint16();
  if (entriesOnDisk !== count) throw invalidCheckpoint('it is one part of several zip files');
  return { count, length: reader.uint32(), offset: reader.uint32() };
}

/** Where the end record begins: the last place whose comment reaches exactly to the end of the file. */
function findEnd(tail: Uint8Array): number | null {
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  for (let at = tail.length - endBytes; at >= 0; at--) {
    const commentLength = tail.length - at - endBytes;
    if (view.getUint32(at, true) === endSignature && view.getUint16(at + 20, true) === commentLength)
      return at;
  }
  return null;
}

async function readZip64Place(file: CheckpointFile, locator: Uint8Array): Promise<DirectoryPlace> {
  const locatorReader = new ByteReader(locator, 'its zip64 locator');
  // Signature and disk number.
  locatorReader.skip(8);
  const record = await file.read(locatorReader.uint64(), zip64EndBytes);
  const reader = new ByteReader(record, 'its zip64 directory');
  if (reader.uint32() !== zip64EndSignature) throw invalidCheckpoint('its zip64 directory is missing');
  // Record size, versions and disk numbers.
  reader.skip(20);
  const entriesOnDisk = reader.uint64();
  const count = reader.uint64();
  if (entriesOnDisk !== count) throw invalidCheckpoint('it is one part of several zip files');
  return { count, length: reader.uint64(), offset: reader.uint64() };
}

function readEntry(reader: ByteReader): ZipEntry {
  if (reader.uint32() !== entrySignature) throw invalidCheckpoint('its zip directory has a broken entry');
  // Versions.
  reader.skip(4);
  const encrypted = (reader.uint16() & 1) === 1;
  const method = reader.uint16();
  // Time, date and checksum.
  reader.skip(8);
  const storedSize = reader.uint32();
  const size = reader.uint32();
  const nameLength = reader.uint16();
  const extraLength = reader.uint16();
  const commentLength = reader.uint16();
  // Disk number and attributes.
  reader.skip(8);
  const headerOffset = reader.uint32();
  const name = reader.text(nameLength);
  const extra = reader.bytes(extraLength);
  reader.skip(commentLength);
  const entry = { name, encrypted, method, storedSize, size, headerOffset };
  const needsZip64 = [storedSize, size, headerOffset].includes(inZip64Field);
  return needsZip64 ? withZip64Field(entry, extra) : entry;
}

/** The field holds only those values, in this order, that do not fit their 32 bits. */
function withZip64Field(entry: ZipEntry, extra: Uint8Array): ZipEntry {
  const reader = new ByteReader(findZip64Field(extra), 'a zip64 field');
  const size = entry.size === inZip64Field ? reader.uint64() : entry.size;
  const storedSize = entry.storedSize === inZip64Field ? reader.uint64() : entry.storedSize;
  const headerOffset = entry.headerOffset === inZip64Field ? reader.uint64() : entry.headerOffset;
  return { ...entry, size, storedSize, headerOffset };
}

function findZip64Field(extra: Uint8Array): Uint8Array {
  const reader = new ByteReader(extra, 'a zip entry');
  for (;;) {
    const id = reader.uint16();
    const field = reader.bytes(reader.uint16());
    if (id === zip64ExtraField) return field;
  }
}
