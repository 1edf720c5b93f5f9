import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../src/tracker/virtual-clock.ts';

describe('VirtualClock', () => {
  it('stands still until it is moved', () => {
    const clock = new VirtualClock(100);
    expect(clock.nowMs()).toBe(100);
    clock.advanceTo(100);
    clock.advanceTo(141.5);
    expect(clock.nowMs()).toBe(141.5);
  });

  it.each([-1, Number.NaN])('refuses to go back to %d', (moment) => {
    const clock = new VirtualClock();
    expect(() => clock.advanceTo(moment)).toThrow(RangeError);
    expect(clock.nowMs()).toBe(0);
  });
});
