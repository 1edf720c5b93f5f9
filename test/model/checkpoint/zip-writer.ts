export interface ZipWriterEntry {
  readonly name: string;
  readonly data: Uint8Array;
  /** 0, the default, stores. */
  readonly method?: number;
  readonly flags?: number;
}

export interface ZipWriterOptions {
  /** Writes the 64-bit directory, and all sizes and places of entries in their 64-bit fields. */
  readonly zip64?: boolean;
  /** Fills local headers up so that data begins on multiples of 64, as PyTorch does. */
  readonly aligned?: boolean;
  readonly comment?: string;
}

const ffff = 0xffff_ffff;

/** A zip file of uncompressed entries. Checksums are 0: nothing looks at them. */
export function writeZip(entries: readonly ZipWriterEntry[], options: ZipWriterOptions = {}): Uint8Array {
  const { zip64 = false, aligned = false, comment = '' } = options;
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  const put = (part: Uint8Array) => {
    parts.push(part);
    offset += part.length;
  };
  for (const { name, data, method = 0, flags = 0 } of entries) {
    const encoded = Buffer.from(name);
    const padding = aligned ? (64 - ((offset + 30 + encoded.length + 4) % 64)) % 64 : 0;
    const localExtra = aligned ? bytes([2, 0x4246], [2, padding], Buffer.alloc(padding, 'Z')) : bytes();
    const sizes: Field[] = [
      [4, data.length],
      [4, data.length],
    ];
    const headerOffset = offset;
    put(
      bytes(
        [4, 0x04034b50],
        [2, 20],
        [2, flags],
        [2, method],
        [4, 0],
        [4, 0],
        ...sizes,
        [2, encoded.length],
        [2, localExtra.length],
      ),
    );
    put(encoded);
    put(localExtra);
    put(data);
    const extra = zip64
      ? bytes([2, 1], [2, 24], [8, data.length], [8, data.length], [8, headerOffset])
      : bytes();
    const directorySizes: Field[] = zip64
      ? [
          [4, ffff],
          [4, ffff],
        ]
      : sizes;
    directory.push(
      bytes([4, 0x02014b50], [2, 20], [2, 20], [2, flags], [2, method], [4, 0], [4, 0], ...directorySizes),
      bytes([2, encoded.length], [2, extra.length], [2, 0], [2, 0], [2, 0], [4, 0]),
      bytes([4, zip64 ? ffff : headerOffset], encoded, extra),
    );
  }
  const directoryOffset = offset;
  for (const part of directory) put(part);
  const length = offset - directoryOffset;
  const count = entries.length;
  if (zip64) {
    const recordOffset = offset;
    put(bytes([4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0], [8, count], [8, count]));
    put(bytes([8, length], [8, directoryOffset], [4, 0x07064b50], [4, 0], [8, recordOffset], [4, 1]));
    put(bytes([4, 0x06054b50], [4, 0], [2, 0xffff], [2, 0xffff], [4, ffff], [4, ffff]));
  } else {
    put(bytes([4, 0x06054b50], [4, 0], [2, count], [2, count], [4, length], [4, directoryOffset]));
  }
  put(bytes([2, comment.length], Buffer.from(comment, 'latin1')));
  return new Uint8Array(Buffer.concat(parts));
}

type Field = readonly [bytes: number, value: number];

/** Little-endian integers, and bytes as they are. */
function bytes(...fields: readonly (Field | Uint8Array)[]): Uint8Array {
  return Buffer.concat(
    fields.map((field) => {
      if (field instanceof Uint8Array) return field;
      const buffer = Buffer.alloc(8);
      buffer.writeBigUInt64LE(BigInt(field[1]));
      return buffer.subarray(0, field[0]);
    }),
  );
}
