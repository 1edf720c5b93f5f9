import { DemoSource } from '../../src/demo/demo-source.ts';

/** Access units of the generated scene, 25 per second, with an IDR picture at every `gopSize`-th. */
export async function sceneUnits(frames: number, gopSize: number): Promise<Uint8Array[]> {
  const source = new DemoSource({ frames, gopSize, width: 640, height: 360, realTime: false });
  const units: Uint8Array[] = [];
  await new Promise<void>((resolve, reject) => {
    source
      .start((chunk) => {
        units.push(chunk.data);
        if (chunk.endOfStream) resolve();
      })
      .catch(reject);
  });
  await source.close();
  return units;
}
