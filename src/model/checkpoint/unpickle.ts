import { ByteReader } from './byte-reader.ts';
import { invalidCheckpoint } from './invalid-checkpoint.ts';
import { checkpointLimits } from './limits.ts';
import { PickleMachine } from './pickle-machine.ts';
import type { PickleValue } from './pickle-values.ts';

const protocolOpcode = 0x80;
const stopOpcode = 0x2e;
const [oldestProtocol, newestProtocol] = [2, 5];

type Operation = (machine: PickleMachine) => void;

/**
 * The opcodes of protocols 2 to 5 that `torch.save` writes, with the names of Python's `pickletools`. Left out
 * are those of older protocols, and those that make instances of classes.
 */
const opcodes: Readonly<Record<string, readonly [number, Operation]>> = {
  NONE: [0x4e, (machine) => machine.push(null)],
  NEWTRUE: [0x88, (machine) => machine.push(true)],
  NEWFALSE: [0x89, (machine) => machine.push(false)],
  BININT: [0x4a, (machine) => machine.push(machine.reader.int32())],
  BININT1: [0x4b, (machine) => machine.push(machine.reader.uint8())],
  BININT2: [0x4d, (machine) => machine.push(machine.reader.uint16())],
  LONG1: [0x8a, (machine) => machine.pushInteger(machine.reader.uint8())],
  LONG4: [0x8b, (machine) => machine.pushInteger(machine.reader.int32())],
  BINFLOAT: [0x47, (machine) => machine.push(machine.reader.bigEndianFloat64())],
  BINSTRING: [0x54, (machine) => machine.push(machine.reader.text(machine.reader.uint32()))],
  SHORT_BINSTRING: [0x55, (machine) => machine.push(machine.reader.text(machine.reader.uint8()))],
  BINUNICODE: [0x58, (machine) => machine.push(machine.reader.text(machine.reader.uint32()))],
  SHORT_BINUNICODE: [0x8c, (machine) => machine.push(machine.reader.text(machine.reader.uint8()))],
  BINUNICODE8: [0x8d, (machine) => machine.push(machine.reader.text(machine.reader.uint64()))],
  BINBYTES: [0x42, (machine) => machine.push(machine.reader.bytes(machine.reader.uint32()))],
  SHORT_BINBYTES: [0x43, (machine) => machine.push(machine.reader.bytes(machine.reader.uint8()))],
  BINBYTES8: [0x8e, (machine) => machine.push(machine.reader.bytes(machine.reader.uint64()))],
  BYTEARRAY8: [0x96, (machine) => machine.push(machine.reader.bytes(machine.reader.uint64()))],
  EMPTY_TUPLE: [0x29, (machine) => machine.pushTuple([])],
  TUPLE: [0x74, (machine) => machine.pushTuple(machine.popToMark())],
  TUPLE1: [0x85, (machine) => machine.pushTupleOf(1)],
  TUPLE2: [0x86, (machine) => machine.pushTupleOf(2)],
  TUPLE3: [0x87, (machine) => machine.pushTupleOf(3)],
  EMPTY_LIST: [0x5d, (machine) => machine.pushList([])],
  LIST: [0x6c, (machine) => machine.pushList(machine.popToMark())],
  APPEND: [0x61, (machine) => machine.append([machine.pop()])],
  APPENDS: [0x65, (machine) => machine.append(machine.popToMark())],
  EMPTY_DICT: [0x7d, (machine) => machine.pushDictionary([])],
  DICT: [0x64, (machine) => machine.pushDictionary(machine.popToMark())],
  SETITEM: [0x73, (machine) => machine.setItems([machine.pop(), machine.pop()].reverse())],
  SETITEMS: [0x75, (machine) => machine.setItems(machine.popToMark())],
  MARK: [0x28, (machine) => machine.mark()],
  POP: [0x30, (machine) => machine.discard()],
  POP_MARK: [0x31, (machine) => machine.popToMark()],
  DUP: [0x32, (machine) => machine.duplicate()],
  BINPUT: [0x71, (machine) => machine.memoize(machine.reader.uint8())],
  LONG_BINPUT: [0x72, (machine) => machine.memoize(machine.reader.uint32())],
  MEMOIZE: [0x94, (machine) => machine.memoize()],
  BINGET: [0x68, (machine) => machine.recall(machine.reader.uint8())],
  LONG_BINGET: [0x6a, (machine) => machine.recall(machine.reader.uint32())],
  // Where a frame ends makes no difference to a pickle that is in memory already.
  FRAME: [0x95, (machine) => machine.reader.skip(8)],
  GLOBAL: [0x63, (machine) => machine.pushGlobal(machine.reader.line(), machine.reader.line())],
  STACK_GLOBAL: [0x93, pushStackGlobal],
  REDUCE: [0x52, (machine) => machine.reduce()],
  BUILD: [0x62, (machine) => machine.dropState()],
  BINPERSID: [0x51, (machine) => machine.pushStorage()],
};

const operations: ReadonlyMap<number, Operation> = new Map(Object.values(opcodes));

/**
 * Runs a pickle and gives the value it describes. Nothing is executed and only `pickleGlobals` may be named.
 *
 * Throws `TRACKCAST_CHECKPOINT_INVALID` for anything else, and beyond `checkpointLimits`.
 */
export function unpickle(bytes: Uint8Array): PickleValue {
  const reader = new ByteReader(bytes, 'its pickle');
  const machine = new PickleMachine(reader);
  const protocol = reader.uint8() === protocolOpcode ? reader.uint8() : 0;
  if (protocol < oldestProtocol || protocol > newestProtocol) {
    throw invalidCheckpoint(`its pickle is not of protocol ${oldestProtocol} to ${newestProtocol}`);
  }
  for (let i = 0; i < checkpointLimits.pickleOperations; i++) {
    const opcode = reader.uint8();
    if (opcode === stopOpcode) return machine.pop();
    const operation = operations.get(opcode);
    if (!operation) {
      throw invalidCheckpoint(`opcode 0x${opcode.toString(16)} of its pickle is none that torch.save writes`);
    }
    operation(machine);
  }
  throw invalidCheckpoint(`its pickle has more than ${checkpointLimits.pickleOperations} operations`);
}

function pushStackGlobal(machine: PickleMachine): void {
  const name = machine.pop();
  machine.pushGlobal(machine.pop(), name);
}
