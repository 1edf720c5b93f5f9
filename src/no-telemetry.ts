// ONNX Runtime for Linux reports its use to its maker and writes identifiers into the home folder, unless this is
// set before it is loaded. Only the main thread's environment reaches native code: import this module there, first.
process.env['ORT_DISABLE_TELEMETRY'] = '1';
