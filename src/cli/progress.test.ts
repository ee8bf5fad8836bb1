import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createProgress } from './progress.ts';

function recorder(isTTY: boolean): { stream: NodeJS.WriteStream; text: () => string } {
  const stream = new PassThrough() as unknown as NodeJS.WriteStream;
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  Object.assign(stream, { isTTY, columns: 80, cursorTo: () => true, clearLine: () => true, moveCursor: () => true });
  return { stream, text: () => text };
}

describe('where nobody watches', () => {
  it('says nothing of short work, and one line every 30 s of long work', () => {
    const { stream, text } = recorder(false);
    let at = 0;
    const progress = createProgress({ stream, now: () => at });
    for (let done = 1; done <= 90; done++) {
      at += 1000;
      progress.update(done, 100, 'samples scored');
    }
    progress.stop();
    const lines = text().trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toBe('samples scored: 31/100 (1.0/s, 1 min 09 s left)');
  });

  it('begins a new count with a new step', () => {
    const { stream, text } = recorder(false);
    let at = 0;
    const progress = createProgress({ stream, now: () => at });
    progress.update(0, 10, 'a');
    at = 29_000;
    progress.update(9, 10, 'a');
    at = 31_000;
    progress.update(1, 10, 'b');
    expect(text()).toBe('');
  });

  it('is silent when quiet', () => {
    const { stream, text } = recorder(false);
    let at = 0;
    const progress = createProgress({ stream, quiet: true, now: () => at });
    for (at = 0; at < 100_000; at += 1000) progress.update(at, 100_000, 'a');
    expect(text()).toBe('');
  });
});

describe('on a terminal', () => {
  it('draws a bar with rate and time left once the work takes longer than two seconds', async () => {
    const { stream, text } = recorder(true);
    let at = 0;
    const progress = createProgress({ stream, now: () => at });
    at = 1000;
    progress.update(1, 100, 'samples');
    at = 1500;
    progress.update(2, 100, 'samples');
    expect(text()).toBe('');
    for (let done = 3; done < 10; done++) {
      at += 1000;
      progress.update(done, 100, 'samples');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    progress.note('a remark');
    progress.stop();
    expect(text()).toMatch(/samples \[=* *\] \d+\/100 \(1\.\d\/s, 1 min \d\d s left\)/);
    expect(text()).toMatch(/a remark\n/);
  });
});
