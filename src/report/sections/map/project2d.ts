/** Options of {@link project2d}. */
export interface Project2dOptions {
  /** Power iterations for the two components. @default 60 */
  iterations?: number;
  /** Cluster of each row; with `spread`, points move a little towards or away from their cluster's centre. */
  clusters?: ArrayLike<number>;
  /** 0: plain PCA. 1: every cluster at its own place, equally large. Between: a mixture. @default 0 */
  spread?: number;
}

/**
 * Principal component analysis to two dimensions, for the map.
 * Deterministic: power iteration v <- X'(Xv) from a fixed start, double precision, the sign set so that the largest
 * loading is positive.
 *
 * @param embeddings n x d, row-major; rows with a NaN are put at the origin and left out of the fit
 * @param n number of rows
 * @param d width of a row
 * @returns x and y, n each, in the embedding's units
 */
export function project2d(
  embeddings: Float32Array,
  n: number,
  d: number,
  options: Project2dOptions = {},
): { x: Float32Array; y: Float32Array } {
  const valid = validRows(embeddings, n, d);
  const mean = columnMeans(embeddings, d, valid);
  const sample = { embeddings, d, mean, rows: fitRows(valid) };
  const first = leadingVector(sample, null, options.iterations ?? 60);
  const second = leadingVector(sample, first, options.iterations ?? 60);
  const x = new Float32Array(n);
  const y = new Float32Array(n);
  for (const i of valid) {
    let a = 0;
    let b = 0;
    for (let j = 0; j < d; j++) {
      const v = embeddings[i * d + j]! - mean[j]!;
      a += v * first[j]!;
      b += v * second[j]!;
    }
    x[i] = a;
    y[i] = b;
  }
  if (options.clusters !== undefined && (options.spread ?? 0) > 0) {
    spreadClusters(x, y, valid, options.clusters, options.spread ?? 0);
  }
  return { x, y };
}

function validRows(embeddings: Float32Array, n: number, d: number): number[] {
  const rows: number[] = [];
  for (let i = 0; i < n; i++) {
    let ok = true;
    for (let j = 0; j < d && ok; j++) ok = Number.isFinite(embeddings[i * d + j]!);
    if (ok) rows.push(i);
  }
  return rows;
}

function columnMeans(embeddings: Float32Array, d: number, rows: readonly number[]): Float64Array {
  const mean = new Float64Array(d);
  for (const i of rows) for (let j = 0; j < d; j++) mean[j]! += embeddings[i * d + j]!;
  if (rows.length > 0) for (let j = 0; j < d; j++) mean[j]! /= rows.length;
  return mean;
}

/** Largest number of rows in the fit: more change the picture by less than a pixel. */
const FIT_ROWS = 4096;

function fitRows(rows: readonly number[]): number[] {
  const step = Math.max(1, rows.length / FIT_ROWS);
  return Array.from({ length: Math.min(rows.length, FIT_ROWS) }, (_, t) => rows[Math.floor(t * step)]!);
}

interface Centred {
  embeddings: Float32Array;
  d: number;
  mean: Float64Array;
  rows: readonly number[];
}

/** Power iteration, kept orthogonal to `against`. Data without variance yield a zero vector. */
function leadingVector(data: Centred, against: Float64Array | null, iterations: number): Float64Array {
  const { d } = data;
  // A start that no structured data is likely to be orthogonal to, the same on every machine.
  let v: Float64Array = Float64Array.from({ length: d }, (_, j) => 1 + ((j * 7919) % 101) / 101);
  for (let step = 0; step <= iterations; step++) {
    if (against !== null) {
      let dot = 0;
      for (let j = 0; j < d; j++) dot += v[j]! * against[j]!;
      for (let j = 0; j < d; j++) v[j]! -= dot * against[j]!;
    }
    let norm = 0;
    for (let j = 0; j < d; j++) norm += v[j]! * v[j]!;
    norm = Math.sqrt(norm);
    if (norm < 1e-30) return new Float64Array(d);
    for (let j = 0; j < d; j++) v[j]! /= norm;
    if (step === iterations) break;
    v = timesCovariance(data, v);
  }
  let largest = 0;
  for (let j = 1; j < d; j++) if (Math.abs(v[j]!) > Math.abs(v[largest]!)) largest = j;
  if (v[largest]! < 0) for (let j = 0; j < d; j++) v[j] = -v[j]!;
  return v;
}

/** X'(Xv) without ever forming the d x d matrix: d may be thousands for a hashed encoder. */
function timesCovariance({ embeddings, d, mean, rows }: Centred, v: Float64Array): Float64Array {
  const next = new Float64Array(d);
  for (const i of rows) {
    let dot = 0;
    for (let j = 0; j < d; j++) dot += (embeddings[i * d + j]! - mean[j]!) * v[j]!;
    for (let j = 0; j < d; j++) next[j]! += dot * (embeddings[i * d + j]! - mean[j]!);
  }
  return next;
}

/**
 * Packs the clusters side by side while each keeps its inner shape: centres are drawn together, then repel each other
 * until no two discs overlap; neighbours stay neighbours.
 * `spread` is the share of the way that is gone.
 */
function spreadClusters(
  x: Float32Array,
  y: Float32Array,
  rows: readonly number[],
  clusters: ArrayLike<number>,
  spread: number,
): void {
  const groups = new Map<number, number[]>();
  for (const i of rows) {
    const members = groups.get(clusters[i]!);
    if (members === undefined) groups.set(clusters[i]!, [i]);
    else members.push(i);
  }
  const discs = [...groups.keys()]
    .filter((cluster) => cluster >= 0)
    .sort((a, b) => a - b)
    .map((cluster) => discOf(groups.get(cluster)!, x, y));
  // Drawn together first, so that they end up side by side and fill the map instead of leaving it empty.
  const reach = Math.max(...discs.map((disc) => Math.hypot(disc.x0, disc.y0)), 1e-12);
  const room = Math.sqrt(discs.reduce((area, disc) => area + disc.radius ** 2, 0));
  const pull = Math.min(1, (0.6 * room) / reach);
  for (const disc of discs) {
    disc.x *= pull;
    disc.y *= pull;
  }
  for (let round = 0; round < 400; round++) {
    let moved = false;
    for (let a = 0; a < discs.length; a++) {
      for (let b = a + 1; b < discs.length; b++) moved = separate(discs[a]!, discs[b]!, a - b) || moved;
    }
    if (!moved) break;
  }
  for (const disc of discs) {
    for (const i of disc.rows) {
      x[i]! += spread * (disc.x - disc.x0);
      y[i]! += spread * (disc.y - disc.y0);
    }
  }
}

interface Disc {
  rows: readonly number[];
  x0: number;
  y0: number;
  x: number;
  y: number;
  radius: number;
}

function discOf(rows: readonly number[], x: Float32Array, y: Float32Array): Disc {
  let cx = 0;
  let cy = 0;
  for (const i of rows) {
    cx += x[i]! / rows.length;
    cy += y[i]! / rows.length;
  }
  let variance = 0;
  for (const i of rows) variance += ((x[i]! - cx) ** 2 + (y[i]! - cy) ** 2) / rows.length;
  return { rows, x0: cx, y0: cy, x: cx, y: cy, radius: 1.45 * Math.sqrt(variance) };
}

function separate(a: Disc, b: Disc, fallback: number): boolean {
  const dx = a.x - b.x;
  const dy = a.y - b.y;
  const distance = Math.hypot(dx, dy);
  const overlap = a.radius + b.radius - distance;
  if (overlap <= 1e-9 * (a.radius + b.radius)) return false;
  const ux = distance > 1e-12 ? dx / distance : Math.cos(fallback);
  const uy = distance > 1e-12 ? dy / distance : Math.sin(fallback);
  a.x += 0.25 * overlap * ux;
  a.y += 0.25 * overlap * uy;
  b.x -= 0.25 * overlap * ux;
  b.y -= 0.25 * overlap * uy;
  return true;
}
