import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PickleDictionary, PickleList, PickleTuple } from '../../../src/model/checkpoint/pickle-values.ts';
import { unpickle } from '../../../src/model/checkpoint/unpickle.ts';
import {
  call,
  dictionary,
  globalName,
  join,
  type PicklePart,
  pickle,
  text,
  tuple,
  unsigned,
} from './pickle-writer.ts';
import { expectRefused } from './refused-pickle.ts';
import { expectInvalid } from './temporary-files.ts';

const long = (...bytes: readonly number[]) => join('\x8a', Uint8Array.of(bytes.length, ...bytes));

describe('unpickle', () => {
  it.each([
    { name: 'None', parts: ['N'], expected: null },
    { name: 'true', parts: ['\x88'], expected: true },
    { name: 'false', parts: ['\x89'], expected: false },
    { name: 'one byte', parts: ['K\xff'], expected: 255 },
    { name: 'two bytes', parts: ['M\xff\xff'], expected: 65_535 },
    { name: 'four bytes', parts: ['J\xfe\xff\xff\xff'], expected: -2 },
    { name: 'no bytes', parts: [long()], expected: 0 },
    { name: 'a negative long', parts: [long(0, 0xff)], expected: -256 },
    {
      name: 'a long that just fits',
      parts: [long(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f)],
      expected: 2 ** 53 - 1,
    },
    { name: 'a long that does not', parts: [long(0, 0, 0, 0, 0, 0, 0x20)], expected: 2n ** 53n },
    { name: 'a long of four length bytes', parts: ['\x8b\x01\0\0\0\x7f'], expected: 127 },
    { name: 'a float', parts: ['G\xbf\xf8\0\0\0\0\0\0'], expected: -1.5 },
    { name: 'text', parts: [text('größe')], expected: 'größe' },
    { name: 'text with a byte order mark', parts: [text('\ufeffa')], expected: '\ufeffa' },
    { name: 'short text', parts: ['\x8c\x02ab'], expected: 'ab' },
    { name: 'long text', parts: ['\x8d', unsigned(2, 8), 'ab'], expected: 'ab' },
    { name: 'old text', parts: ['T\x02\0\0\0ab'], expected: 'ab' },
    { name: 'short old text', parts: ['U\x02ab'], expected: 'ab' },
    { name: 'short bytes', parts: ['C\x02ab'], expected: Uint8Array.of(97, 98) },
    { name: 'bytes', parts: ['B\x02\0\0\0ab'], expected: Uint8Array.of(97, 98) },
    { name: 'long bytes', parts: ['\x8e', unsigned(2, 8), 'ab'], expected: Uint8Array.of(97, 98) },
    { name: 'a byte array', parts: ['\x96', unsigned(2, 8), 'ab'], expected: Uint8Array.of(97, 98) },
    { name: 'the topmost value', parts: ['K\x01', 'K\x02'], expected: 2 },
    { name: 'a value below a dropped one', parts: ['K\x01', 'N0'], expected: 1 },
    { name: 'a value below a dropped mark', parts: ['K\x01', '(0'], expected: 1 },
    { name: 'a value below a dropped range', parts: ['K\x01', '(NNN1'], expected: 1 },
    { name: 'a kept value', parts: ['K\x07', 'q\x050h\x05'], expected: 7 },
    { name: 'a value kept far away', parts: ['K\x07', 'r\xff\xff\xff\xff0j\xff\xff\xff\xff'], expected: 7 },
    { name: 'the second value kept without a number', parts: ['N\x940K\x09\x940', 'h\x01'], expected: 9 },
    { name: 'a value in a frame', parts: ['\x95', unsigned(3, 8), 'K\x07'], expected: 7 },
    { name: 'a device', parts: [call('torch.device', text('cuda'), 'K\0')], expected: null },
  ])('reads $name', ({ parts, expected }) => {
    for (const protocol of [2, 3, 4, 5]) expect(unpickle(pickle(parts, protocol))).toEqual(expected);
  });

  it.each([
    { name: 'no items', parts: [')'], items: [] },
    { name: 'one item', parts: ['N\x85'], items: [null] },
    { name: 'two items', parts: ['N\x88\x86'], items: [null, true] },
    { name: 'three items', parts: ['N\x88\x89\x87'], items: [null, true, false] },
    { name: 'any items', parts: [tuple('N', '\x88', 'K\x01', 'K\x02')], items: [null, true, 1, 2] },
    { name: 'the sizes of a tensor', parts: [call('torch.Size', tuple('K\x01', 'K\x02'))], items: [1, 2] },
  ])('reads a tuple of $name', ({ parts, items }) => {
    expect(unpickle(pickle(parts))).toEqual(new PickleTuple(items));
  });

  it.each([
    { name: 'one by one', parts: [']K\x01aK\x02a'] },
    { name: 'all at once', parts: ['](K\x01K\x02e'] },
    { name: 'from a mark', parts: ['(K\x01K\x02l'] },
  ])('reads a list filled $name', ({ parts }) => {
    const list = unpickle(pickle(parts));
    expect(list).toBeInstanceOf(PickleList);
    expect(list).toMatchObject({ items: [1, 2] });
  });

  it.each([
    { name: 'one by one', parts: ['}', text('a'), 'K\x01s', text('b'), 'K\x02s'] },
    { name: 'all at once', parts: [dictionary({ a: 'K\x01', b: 'K\x02' })] },
    { name: 'from a mark', parts: ['(', text('a'), 'K\x01', text('b'), 'K\x02d'] },
    {
      name: 'in order',
      parts: [call('collections.OrderedDict'), '(', text('a'), 'K\x01', text('b'), 'K\x02u'],
    },
    {
      name: 'with a name of its stack',
      parts: [text('collections'), text('OrderedDict'), '\x93)R(', text('a'), 'K\x01', text('b'), 'K\x02u'],
    },
    { name: 'with a key twice', parts: [dictionary({ a: 'K\x05', b: 'K\x02' }), text('a'), 'K\x01s'] },
    {
      name: 'and given attributes',
      parts: [dictionary({ a: 'K\x01', b: 'K\x02' }), dictionary({ x: 'N' }), 'b'],
    },
  ])('reads a dictionary filled $name', ({ parts }) => {
    const value = unpickle(pickle(parts));
    expect(value).toBeInstanceOf(PickleDictionary);
    expect([...(value as PickleDictionary).entries]).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
  });

  it('takes __proto__ for a key like any other', () => {
    const value = unpickle(pickle([dictionary({ ['__proto__']: dictionary({ polluted: '\x88' }) })]));
    expect([...(value as PickleDictionary).entries.keys()]).toEqual(['__proto__']);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it.each([
    'os.system',
    'posix.system',
    'builtins.eval',
    '__builtin__.eval',
    'builtins.getattr',
    'subprocess.Popen',
    'torch.load',
    'torch.hub.load',
    'torch.storage._load_from_bytes',
    'torch._utils._rebuild_tensor',
    'torch.uint16',
    'torch.__dict__',
    'collections.OrderedDict.fromkeys',
    '__torch__.Net',
    'constructor.prototype',
  ])('refuses %s by name', (name) => {
    const reason = new RegExp(`${name.replaceAll('.', '\\.')} is not allowed in a checkpoint`);
    expectRefused(pickle([call(name, text('x'))]), reason);
    const dot = name.lastIndexOf('.');
    expectRefused(pickle([text(name.slice(0, dot)), text(name.slice(dot + 1)), '\x93']), reason);
  });

  it('shows long and strange names cut and clean', () => {
    expectRefused(
      pickle([globalName(`os.\x1b[2J${'x'.repeat(1000)}`)]),
      /: os\.�\[2Jx{100,120}… is not allowed/,
    );
  });

  it.each([
    { name: 'nothing', bytes: Uint8Array.of(), reason: /ends too early/ },
    { name: 'no protocol', bytes: join('N.'), reason: /not of protocol/ },
    { name: 'protocol 1', bytes: pickle(['N'], 1), reason: /not of protocol/ },
    { name: 'protocol 6', bytes: pickle(['N'], 6), reason: /not of protocol/ },
    { name: 'no end', bytes: join('\x80\x02N'), reason: /ends too early/ },
    { name: 'no value', bytes: pickle([]), reason: /more values than it has/ },
    { name: 'only a mark', bytes: pickle(['N(']), reason: /more values than it has/ },
    { name: 'an operation of old pickles', bytes: pickle(['I1\n']), reason: /opcode 0x49/ },
    { name: 'an instance by name', bytes: pickle(['(ios\nsystem\n']), reason: /opcode 0x69/ },
    {
      name: 'an instance on its stack',
      bytes: pickle(['(N', globalName('torch.Size'), 'o']),
      reason: /opcode 0x6f/,
    },
    { name: 'a new object', bytes: pickle([globalName('torch.Size'), ')\x81']), reason: /opcode 0x81/ },
    { name: 'an extension', bytes: pickle(['\x82\x01']), reason: /opcode 0x82/ },
    { name: 'a name that does not end', bytes: pickle(['cos\nsystem']), reason: /ends too early/ },
    { name: 'a name of no text', bytes: pickle(['NN\x93']), reason: /name that is no text/ },
    { name: 'text that is not UTF-8', bytes: pickle(['X\x01\0\0\0\xff']), reason: /not UTF-8/ },
    { name: 'text longer than the file', bytes: pickle(['X\xff\xff\xff\xff']), reason: /ends too early/ },
    {
      name: 'bytes longer than all numbers',
      bytes: pickle(['\x8e', unsigned(2n ** 64n - 1n, 8)]),
      reason: /beyond 2\^53/,
    },
    { name: 'a huge long', bytes: pickle(['\x8b', unsigned(0x7fff_ffff, 4)]), reason: /more than 64 bytes/ },
    {
      name: 'a long above the limit that is there',
      bytes: pickle([long(...Array(65).fill(1))]),
      reason: /more than 64/,
    },
    {
      name: 'a long of negative length',
      bytes: pickle(['\x8b\xff\xff\xff\xff']),
      reason: /bytes in an integer/,
    },
    { name: 'a value that was not kept', bytes: pickle(['h\x01']), reason: /not kept/ },
    { name: 'nothing to keep', bytes: pickle(['q\x01']), reason: /more values than it has/ },
    { name: 'a range without mark', bytes: pickle(['Nt']), reason: /mark that it has not set/ },
    { name: 'items of no list', bytes: pickle(['NNa']), reason: /else than a list/ },
    { name: 'items of no dictionary', bytes: pickle([']NNs']), reason: /else than a dictionary/ },
    { name: 'a key without a value', bytes: pickle(['}(Nu']), reason: /key without a value/ },
    { name: 'attributes of no dictionary', bytes: pickle([']Nb']), reason: /else than a dictionary/ },
    { name: 'a call of text', bytes: pickle([text('os.system'), ')R']), reason: /cannot be called/ },
    { name: 'a call of a type', bytes: pickle([call('torch.float32')]), reason: /cannot be called/ },
    {
      name: 'a call without a tuple',
      bytes: pickle([globalName('torch.Size'), 'NR']),
      reason: /cannot be called/,
    },
    {
      name: 'a call below a mark',
      bytes: pickle([globalName('torch.Size'), '()R']),
      reason: /more values than/,
    },
    { name: 'sizes of no tuple', bytes: pickle([call('torch.Size', ']')]), reason: /not made of a tuple/ },
    {
      name: 'a filled ordered dictionary',
      bytes: pickle([call('collections.OrderedDict', ']')]),
      reason: /made of something/,
    },
    {
      name: 'a parameter of nothing',
      bytes: pickle([call('torch._utils._rebuild_parameter', 'N')]),
      reason: /parameter/,
    },
    {
      name: 'a tensor of nothing',
      bytes: pickle([call('torch._utils._rebuild_tensor_v2')]),
      reason: /lacks its storage/,
    },
    { name: 'a storage without id', bytes: pickle(['Q']), reason: /more values than it has/ },
    { name: 'a storage of text', bytes: pickle([text('storage'), 'Q']), reason: /else than a storage/ },
    {
      name: 'a storage of no class',
      bytes: pickle([tuple(text('storage'), 'N', text('0'), 'N', 'K\x01'), 'Q']),
      reason: /else than a storage/,
    },
    {
      name: 'a storage of a class that is none',
      bytes: pickle([tuple(text('storage'), globalName('torch.float32'), text('0'), 'N', 'K\x01'), 'Q']),
      reason: /else than a storage/,
    },
    {
      name: 'a storage of negative length',
      bytes: pickle([
        tuple(text('storage'), globalName('torch.FloatStorage'), text('0'), 'N', 'J\xff\xff\xff\xff'),
        'Q',
      ]),
      reason: /else than a storage/,
    },
  ])('refuses a pickle of $name', ({ bytes, reason }) => expectRefused(bytes, reason));

  it('ends with a value or a refusal, whatever the operations', () => {
    const parts = fc.constantFrom<PicklePart>(
      ...[
        'N',
        '\x88',
        'K\0',
        'K\x01',
        ')',
        ']',
        '}',
        '(',
        't',
        'l',
        'd',
        'e',
        'u',
        'a',
        's',
        '0',
        '1',
        '2',
        'b',
        'R',
        'Q',
      ],
      ...['q\0', 'h\0', 'q\x01', 'h\x01', '\x94', '\x85', '\x86', '\x87', '\x93', '\x8a\x01\x05', '.'],
      ...[
        text('storage'),
        text('a'),
        globalName('collections.OrderedDict'),
        globalName('torch.FloatStorage'),
      ],
      ...[
        globalName('torch._utils._rebuild_tensor_v2'),
        globalName('torch.Size'),
        globalName('torch.device'),
      ],
      ...[tuple(text('storage'), globalName('torch.FloatStorage'), text('0'), 'N', 'K\x06'), tuple('K\x01')],
    );
    let values = 0;
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 60 }), (program) => {
        try {
          unpickle(pickle(program));
          values++;
        } catch (error) {
          expectInvalid(error, /not a usable checkpoint/);
        }
      }),
      { numRuns: 5000, seed: 1 },
    );
    expect(values).toBeGreaterThan(100);
  });
});
