const STOP = new Set(
  'a an the of in on at to is are was were be and or there this that it its what which who where how do does did can you any with for from by as image picture photo'.split(
    ' ',
  ),
);

/** Words of a text, lower case, without stop words and single letters. */
function words(text: string): Set<string> {
  const found = text.toLowerCase().match(/\p{L}[\p{L}\p{N}']+/gu) ?? [];
  return new Set(found.filter((word) => !STOP.has(word)));
}

/**
 * Words that set each cluster apart: highest share of its texts minus share of all other texts, ties by the alphabet.
 *
 * @param texts one per row
 * @param clusters cluster of each row, -1: none
 * @param perCluster words a cluster
 */
export function clusterTerms(texts: readonly string[], clusters: Int32Array, perCluster = 4): Map<number, string[]> {
  const total = new Map<string, number>();
  const within = new Map<number, Map<string, number>>();
  const sizes = new Map<number, number>();
  let rows = 0;
  texts.forEach((text, row) => {
    const cluster = clusters[row]!;
    if (cluster < 0) return;
    rows++;
    sizes.set(cluster, (sizes.get(cluster) ?? 0) + 1);
    const counts = within.get(cluster) ?? new Map<string, number>();
    within.set(cluster, counts);
    for (const word of words(text)) {
      total.set(word, (total.get(word) ?? 0) + 1);
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  });
  const ordered = [...within.entries()].sort(([a], [b]) => a - b);
  return new Map(
    ordered.map(([cluster, counts]) => {
      const size = sizes.get(cluster)!;
      const lift = ([word, count]: readonly [string, number]) =>
        count / size - (rows > size ? (total.get(word)! - count) / (rows - size) : 0);
      const best = [...counts.entries()]
        .map((entry) => ({ word: entry[0], lift: lift(entry) }))
        .filter((entry) => entry.lift > 0)
        .sort((a, b) => b.lift - a.lift || (a.word < b.word ? -1 : 1));
      return [cluster, best.slice(0, perCluster).map((entry) => entry.word)];
    }),
  );
}
