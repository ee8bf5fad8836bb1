import { describe, expect, it } from 'vitest';
import { project2d } from './project2d.ts';

describe('project2d', () => {
  it('recovers the two directions of largest variance', () => {
    const d = 5;
    const n = 400;
    const data = new Float32Array(n * d);
    for (let i = 0; i < n; i++) {
      const a = Math.sin(i * 1.7) * 10;
      const b = Math.cos(i * 0.9) * 3;
      data[i * d + 1] = a + 100;
      data[i * d + 3] = b - 7;
      data[i * d + 4] = Math.sin(i * 5.1) * 0.1;
    }
    const { x, y } = project2d(data, n, d);
    const correlation = (u: ArrayLike<number>, of: (i: number) => number): number => {
      let uu = 0;
      let vv = 0;
      let uv = 0;
      for (let i = 0; i < n; i++) {
        uu += u[i]! ** 2;
        vv += of(i) ** 2;
        uv += u[i]! * of(i);
      }
      return Math.abs(uv) / Math.sqrt(uu * vv);
    };
    expect(correlation(x, (i) => Math.sin(i * 1.7))).toBeGreaterThan(0.99);
    expect(correlation(y, (i) => Math.cos(i * 0.9))).toBeGreaterThan(0.99);
  });

  it('gives the same answer twice and survives missing rows and flat data', () => {
    const data = Float32Array.from({ length: 60 }, (_, i) => Math.sin(i * 12.9));
    data[6] = Number.NaN;
    const first = project2d(data, 20, 3, { clusters: Array.from({ length: 20 }, (_, i) => i % 4), spread: 1 });
    const second = project2d(data, 20, 3, { clusters: Array.from({ length: 20 }, (_, i) => i % 4), spread: 1 });
    expect(first).toEqual(second);
    expect([...first.x, ...first.y].every(Number.isFinite)).toBe(true);
    const flat = project2d(new Float32Array(30), 10, 3, { clusters: new Int32Array(10), spread: 1 });
    expect([...flat.x, ...flat.y].every((v) => v === 0)).toBe(true);
    expect(project2d(new Float32Array(0), 0, 3).x).toHaveLength(0);
  });

  it('pulls overlapping clusters apart when asked', () => {
    const n = 200;
    const clusters = Array.from({ length: n }, (_, i) => i % 2);
    const data = Float32Array.from({ length: n * 2 }, (_, e) => {
      const i = e >> 1;
      return Math.sin(i * (e % 2 ? 7.3 : 2.3)) + (e % 2 ? 0 : 0.2 * clusters[i]!);
    });
    const gap = (x: Float32Array, y: Float32Array): number => {
      const centre = (u: Float32Array, c: number): number =>
        [...u].filter((_, i) => clusters[i] === c).reduce((a, b) => a + b, 0) / (n / 2);
      return Math.hypot(centre(x, 0) - centre(x, 1), centre(y, 0) - centre(y, 1));
    };
    const plain = project2d(data, n, 2);
    const apart = project2d(data, n, 2, { clusters, spread: 1 });
    expect(gap(plain.x, plain.y)).toBeLessThan(0.5);
    expect(gap(apart.x, apart.y)).toBeGreaterThan(2);
  });
});
