import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LostLook } from '../../src/tracker/lost-look.ts';
import type { TrackingCommand, TrackingReport } from '../../src/tracker/tracking-messages.ts';
import { FakeWorker } from '../tracker/fake-worker.ts';
import { PipelineUnderTest } from './pipeline-fixture.ts';

/** A tracking worker that says what a test makes it say, and ends when it is told to. */
class ScriptedTracking extends FakeWorker<TrackingCommand, TrackingReport> {
  override postMessage(command: TrackingCommand): void {
    super.postMessage(command);
    if (command.kind === 'stop') this.exit(0);
  }
}

let worker: ScriptedTracking;
let subject: PipelineUnderTest;

beforeEach(async () => {
  worker = new ScriptedTracking();
  subject = await PipelineUnderTest.start({ startTrackingWorker: () => worker.asWorker() });
  worker.report({ kind: 'ready', provider: 'cuda', refused: [] });
});

afterEach(async () => {
  await subject.stop();
});

const failed = { code: 'TRACKCAST_INFERENCE_FAILED', message: 'out of memory' } as const;
const lines = () => subject.logLines.map((line) => JSON.parse(line) as Record<string, unknown>);
const providers = async () => {
  const text = await subject.metrics.text();
  return text.split('\n').filter((line) => line.startsWith('trackcast_model_ready{'));
};

describe('looks that come to nothing', () => {
  it('are logged as one line for each stream and cause, with the place and what to do', async () => {
    const lose = (look: LostLook) => worker.report({ kind: 'look_lost', look });
    for (let frameIndex = 7; frameIndex < 107; frameIndex++) {
      lose({ kind: 'failed', streamId: 'a', frameIndex, ...failed });
      lose({ kind: 'outdated', streamId: 'b', frameIndex });
    }
    await subject.stop();
    const warnings = lines().filter(({ level }) => level === 'warn');
    expect(warnings).toMatchObject([
      {
        msg: 'a look of the model failed',
        streamId: 'a',
        frameIndex: 7,
        code: failed.code,
        reason: failed.message,
        remedy: expect.stringContaining('memory'),
        times: 100,
      },
      { streamId: 'b', frameIndex: 7, remedy: expect.stringContaining('fewer objects'), times: 100 },
    ]);
  });

  it('make the model count as not ready while it fails again and again', async () => {
    const { pipeline } = subject;
    expect(pipeline.modelState).toBeNull();
    expect(await providers()).toEqual(['trackcast_model_ready{provider="cuda"} 1']);
    worker.report({ kind: 'failing', ...failed });
    expect(pipeline.modelState).toContain('out of memory');
    expect(await providers()).toEqual([]);
    worker.report({ kind: 'recovered' });
    expect(pipeline.modelState).toBeNull();
    expect(await providers()).toEqual(['trackcast_model_ready{provider="cuda"} 1']);
    const said = lines().map(({ level, msg }) => `${level}: ${msg}`);
    expect(said).toContain('error: the model fails again and again; it is tried on');
    expect(said).toContain('info: the model works again');
  });
});
