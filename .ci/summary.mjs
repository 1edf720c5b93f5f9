// Prints `N passed, N failed` and, where there are any, `, N skipped` from vitest's JSON report. What failed before
// any test ran (lint, types, build), or outside of tests, counts as one failure.
import { readFileSync } from 'node:fs';

const [file, status] = process.argv.slice(2);
let [passed, failed, skipped] = [0, 0, 0];
try {
  const report = JSON.parse(readFileSync(file, 'utf8'));
  passed = report.numPassedTests;
  failed = report.numFailedTests;
  skipped = report.numPendingTests + report.numTodoTests;
} catch {
  console.error('The tests have not run.');
}
if (failed === 0 && status !== '0') failed = 1;
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
